"""Face regions of XMP: centre based and corner based, as stored, and those that are of another picture."""

from __future__ import annotations

import pytest

from catalog.facts import FaceRegion, Facts
from daemon.media.draft import Draft
from daemon.media.xmp import read_xmp
from xmp_packets import packet


def _facts(*bodies: str, size: tuple[int, int] | None = None) -> Facts:
    draft = Draft(kind="photo", mime="image/jpeg")
    read_xmp(packet(*bodies), draft)
    draft.say_size(*(size or (None, None)))  # a JPEG tells its size after its XMP
    return draft.facts("header")


def _faces(*bodies: str) -> tuple[FaceRegion, ...]:
    descriptive = _facts(*bodies).descriptive
    return descriptive.faces if descriptive else ()


def _people(facts: Facts) -> tuple[str, ...]:
    return facts.descriptive.people if facts.descriptive else ()


def _area(x: float, y: float, w: float, h: float, more: str = "") -> str:
    return f'<mwg-rs:Area stArea:x="{x}" stArea:y="{y}" stArea:w="{w}" stArea:h="{h}" {more}/>'


def _region(area: str, name: str | None = None, kind: str | None = "Face") -> str:
    attributes = (f' mwg-rs:Name="{name}"' if name is not None else "") + (
        f' mwg-rs:Type="{kind}"' if kind is not None else ""
    )
    return f"<rdf:li><rdf:Description{attributes}>{area}</rdf:Description></rdf:li>"


def _regions(*regions: str, applied: tuple[int, int] | None = None) -> str:
    size = ""
    if applied is not None:
        size = (
            f'<mwg-rs:AppliedToDimensions stDim:w="{applied[0]}" stDim:h="{applied[1]}" stDim:unit="pixel"/>'
        )
    return (
        f'<mwg-rs:Regions rdf:parseType="Resource">{size}<mwg-rs:RegionList><rdf:Bag>{"".join(regions)}</rdf:Bag>'
        "</mwg-rs:RegionList></mwg-rs:Regions>"
    )


def _microsoft(*regions: tuple[str | None, str]) -> str:
    inside = "".join(
        '<rdf:li rdf:parseType="Resource">'
        + (f"<MPReg:PersonDisplayName>{name}</MPReg:PersonDisplayName>" if name else "")
        + f"<MPReg:Rectangle>{rectangle}</MPReg:Rectangle></rdf:li>"
        for name, rectangle in regions
    )
    return f'<MP:RegionInfo rdf:parseType="Resource"><MPRI:Regions><rdf:Bag>{inside}</rdf:Bag></MPRI:Regions></MP:RegionInfo>'


ADA = FaceRegion("Ada", 0.2, 0.3, 0.1, 0.2)


def test_mwg_regions_are_told_from_their_corner() -> None:
    facts = _facts(_regions(_region(_area(0.25, 0.4, 0.1, 0.2), "Ada"), _region(_area(0.75, 0.5, 0.5, 1.0))))
    assert facts.descriptive is not None
    assert facts.descriptive.faces == (ADA, FaceRegion(None, 0.5, 0.0, 0.5, 1.0))
    assert facts.descriptive.people == ("Ada",)


def test_all_spellings_of_a_region_are_one() -> None:
    elements = (
        '<rdf:li rdf:parseType="Resource"><mwg-rs:Area rdf:parseType="Resource"><stArea:x>0.25</stArea:x><stArea:y>0.4</stArea:y>'
        "<stArea:w>0.1</stArea:w><stArea:h>0.2</stArea:h><stArea:unit>normalized</stArea:unit></mwg-rs:Area>"
        "<mwg-rs:Name>Ada</mwg-rs:Name><mwg-rs:Type>Face</mwg-rs:Type></rdf:li>"
    )
    assert _faces(_regions(elements)) == (ADA,)


def test_a_single_region_without_its_array_is_read() -> None:
    body = _regions(_region(_area(0.25, 0.4, 0.1, 0.2), "Ada"))
    bare = body.replace("<rdf:Bag><rdf:li>", "").replace("</rdf:li></rdf:Bag>", "")
    assert bare != body
    assert _faces(bare) == (ADA,)


@pytest.mark.parametrize(
    ("name", "kind", "is_face"),
    [
        ("Ada", "Face", True),
        (None, "Face", True),
        ("Ada", None, True),
        (None, None, False),
        ("Rex", "Pet", False),
        ("x", "Focus", False),
        ("4006", "BarCode", False),
    ],
)
def test_only_faces_are_faces(name: str | None, kind: str | None, is_face: bool) -> None:
    facts = _facts(_regions(_region(_area(0.25, 0.4, 0.1, 0.2), name, kind)))
    assert (facts.descriptive is not None) == is_face
    assert _people(facts) == ((name,) if is_face and name else ())


@pytest.mark.parametrize(
    "area",
    [
        "",
        '<mwg-rs:Area stArea:x="0.5" stArea:y="0.5" stArea:d="0.1"/>',
        _area(0.5, 0.5, 0, 0.1),
        _area(0.5, 0.5, -0.1, 0.1),
        _area(5, 5, 0.1, 0.1),
        '<mwg-rs:Area stArea:x="nan" stArea:y="0.5" stArea:w="0.1" stArea:h="0.1"/>',
        '<mwg-rs:Area stArea:x="left" stArea:y="0.5" stArea:w="0.1" stArea:h="0.1"/>',
        _area(10, 10, 5, 5, 'stArea:unit="pixel"'),
    ],
)
def test_a_face_without_a_usable_area_still_names_its_person(area: str) -> None:
    facts = _facts(_regions(_region(area, "Ada")))
    assert facts.descriptive is not None
    assert (facts.descriptive.faces, facts.descriptive.people) == ((), ("Ada",))


def test_a_face_at_the_border_is_cut_to_the_picture() -> None:
    assert _faces(_regions(_region(_area(0.0, 1.0, 0.2, 0.2)))) == (FaceRegion(None, 0.0, 0.9, 0.1, 0.1),)


def test_areas_in_pixels_are_fractions_of_what_they_were_drawn_on() -> None:
    body = _regions(_region(_area(25, 40, 10, 20, 'stArea:unit="pixel"'), "Ada"), applied=(100, 100))
    assert _faces(body) == (ADA,)


# ---- Microsoft


def test_microsoft_s_rectangles_count_from_the_corner() -> None:
    assert _faces(_microsoft(("Ada", "0.2, 0.3, 0.1, 0.2"), (None, "0.5,0.5,0.1,0.1"))) == (
        ADA,
        FaceRegion(None, 0.5, 0.5, 0.1, 0.1),
    )


@pytest.mark.parametrize(
    "rectangle", ["", "0.2, 0.3", "0,2, 0,3, 0,1, 0,2", "a, b, c, d", "nan, 0, 1, 1", "1e400, 0, 1, 1"]
)
def test_a_rectangle_that_makes_no_sense_leaves_the_person(rectangle: str) -> None:
    facts = _facts(_microsoft(("Ada", rectangle)))
    assert facts.descriptive is not None
    assert (facts.descriptive.faces, facts.descriptive.people) == ((), ("Ada",))


def test_where_both_are_written_microsoft_s_add_only_other_people() -> None:
    turned = _microsoft(
        ("Ada", "0.6, 0.1, 0.2, 0.1"), ("Bea", "0.5, 0.5, 0.1, 0.1"), (None, "0.1, 0.1, 0.1, 0.1")
    )
    faces = _faces(turned, _regions(_region(_area(0.25, 0.4, 0.1, 0.2), "Ada")))
    assert faces == (ADA, FaceRegion("Bea", 0.5, 0.5, 0.1, 0.1))


# ---- of another picture


@pytest.mark.parametrize(
    ("applied", "size", "is_kept"),
    [
        ((4000, 3000), (4000, 3000), True),
        ((400, 300), (4000, 3000), True),
        ((4000, 3000), (4032, 3024), True),
        ((4000, 3000), (4000, 3040), True),
        ((12, 9), (14, 10), True),
        ((4000, 3000), (3000, 4000), False),
        ((4000, 3000), (3000, 3000), False),
        ((4000, 3000), (4000, 2250), False),
        ((4000, 3000), None, True),
        (None, (3000, 3000), True),
        ((0, 0), (3000, 3000), True),
    ],
)
def test_faces_of_a_picture_of_another_shape_are_stale(
    applied: tuple[int, int] | None, size: tuple[int, int] | None, is_kept: bool
) -> None:
    facts = _facts(_regions(_region(_area(0.25, 0.4, 0.1, 0.2), "Ada"), applied=applied), size=size)
    assert facts.descriptive is not None
    assert facts.descriptive.people == ("Ada",)
    assert facts.descriptive.faces == ((ADA,) if is_kept else ())
    assert [one.tool for one in facts.findings] == ([] if is_kept else ["xmp"])


def test_thousands_of_regions_end_at_their_bound() -> None:
    facts = _facts(
        _regions(*(_region(_area(0.1 + n / 8000, 0.5, 0.05, 0.05), f"p{n}") for n in range(3_000)))
    )
    assert facts.descriptive is not None
    assert len(facts.descriptive.people) == len(facts.descriptive.faces) == 500
