"""The property map of XMP: what every program's own properties become, and what of it wins."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.facts import Descriptive, Facts
from daemon.media.draft import Draft
from daemon.media.xmp import motion_hints, read_xmp
from daemon.media.xmp_model import read_model
from xmp_packets import alternatives, bag, packet


def _facts(*bodies: str) -> Facts:
    draft = Draft(kind="photo", mime="image/jpeg")
    read_xmp(packet(*bodies), draft)
    return draft.facts("header")


def _said(*bodies: str) -> Descriptive:
    facts = _facts(*bodies)
    assert facts.findings == ()
    return facts.descriptive or Descriptive()


def _dates(facts: Facts) -> dict[str, tuple[str | None, int | None]]:
    return {one.source: (one.local, one.offset_min) for one in facts.candidates}


# ---- texts and people


def test_title_description_rights_and_creators_are_read_in_the_default_language() -> None:
    said = _said(
        alternatives("dc:title", de="Haus", x_default="House"),
        alternatives("dc:description", x_default=" line 1&#13;&#10;line 2 "),
        alternatives("dc:rights", x_default="© me"),
        bag("dc:creator", "Ada", " ", "Bea", "Ada", kind="Seq"),
    )
    assert said == Descriptive(
        title="House", description="line 1\nline 2", rights="© me", creators=("Ada", "Bea")
    )


def test_plain_texts_stand_for_alternatives_and_arrays() -> None:
    said = _said(
        "<dc:title>House</dc:title><dc:creator>Ada</dc:creator><dc:subject>beach</dc:subject><dc:rights/>"
    )
    assert said == Descriptive(title="House", creators=("Ada",), tags=("beach",))


def test_what_a_camera_calls_every_picture_is_no_description() -> None:
    assert _said(alternatives("dc:description", x_default="SONY DSC")).description is None


def test_people_are_those_of_all_properties_once() -> None:
    said = _said(
        bag("Iptc4xmpExt:PersonInImage", "Ada", "Bea"),
        '<Iptc4xmpExt:PersonInImageWDetails><rdf:Bag><rdf:li rdf:parseType="Resource">'
        + alternatives("Iptc4xmpExt:PersonName", x_default="Cleo")
        + "</rdf:li><rdf:li/></rdf:Bag></Iptc4xmpExt:PersonInImageWDetails>",
        "<MP:RegionInfo><rdf:Description><MPRI:Regions><rdf:Bag>"
        '<rdf:li MPReg:PersonDisplayName="Ada"/><rdf:li MPReg:PersonDisplayName="Dan"/></rdf:Bag></MPRI:Regions>'
        "</rdf:Description></MP:RegionInfo>",
    )
    assert said.people == ("Ada", "Bea", "Cleo", "Dan")


# ---- tags

MARIE = "People/Marie Curie"


@pytest.mark.parametrize(
    "body",
    [
        bag("digiKam:TagsList", "People/Marie Curie", kind="Seq"),
        bag("lr:hierarchicalSubject", "People|Marie Curie"),
        bag("lr:HierarchicalSubject", "People|Marie Curie"),
        bag("mediapro:CatalogSets", "People|Marie Curie"),
        bag("MicrosoftPhoto:LastKeywordXMP", "People/Marie Curie"),
        bag("MicrosoftPhoto_1_:LastKeywordXMP", "People/Marie Curie"),
        "<acdsee:categories>&lt;Categories&gt;&lt;Category Assigned=&quot;0&quot;&gt;People&lt;Category "
        "Assigned=&quot;1&quot;&gt;Marie Curie&lt;/Category&gt;&lt;/Category&gt;&lt;/Categories&gt;</acdsee:categories>",
    ],
)
def test_every_program_s_hierarchy_is_read(body: str) -> None:
    assert _said(body).tags == (MARIE,)
    assert _said(body, bag("dc:subject", "Marie Curie", "people", "beach")).tags == (MARIE, "beach")


def test_all_programs_at_once_say_each_tag_once() -> None:
    said = _said(
        bag("dc:subject", "Marie Curie", "Pierre Curie"),
        bag("digiKam:TagsList", "People/Marie Curie", "People", "People/Pierre Curie"),
        bag("lr:hierarchicalSubject", "People|Marie Curie", "People|Pierre Curie"),
        bag("mediapro:CatalogSets", "People|Marie Curie"),
        bag("MicrosoftPhoto:LastKeywordXMP", "people/marie curie"),
    )
    assert said.tags == (MARIE, "People/Pierre Curie")


def test_tags_of_all_properties_are_united() -> None:
    said = _said(
        bag("dc:subject", "flat"), bag("digiKam:TagsList", "a/b"), bag("lr:hierarchicalSubject", "c|d")
    )
    assert said.tags == ("c/d", "a/b", "flat")


def test_a_slash_within_a_name_is_kept_apart_from_the_hierarchy() -> None:
    assert _said(bag("lr:hierarchicalSubject", "Music|AC/DC")).tags == ("Music/AC／DC",)
    assert _said(bag("dc:subject", "AC/DC")).tags == ("AC／DC",)
    both = bag("lr:hierarchicalSubject", "Music|AC/DC"), bag("digiKam:TagsList", "Music/AC/DC")
    assert _said(*both).tags == ("Music/AC／DC",)


def test_a_flat_keyword_that_spells_a_path_is_that_path() -> None:
    said = _said(
        bag("dc:subject", "Places/Paris", "x|y"), bag("MicrosoftPhoto:LastKeywordXMP", "Places/Paris", "x/y")
    )
    assert said.tags == ("Places/Paris", "x/y")


def test_tags_of_digikam_s_own_housekeeping_are_left_out() -> None:
    said = _said(
        bag("digiKam:TagsList", "_Digikam_Internal_Tags_/Picked", "_Digikam_root_tag_/Places/Rome", " ", "/")
    )
    assert said.tags == ("Places/Rome",)


def test_acdsee_s_unassigned_categories_are_only_steps() -> None:
    text = (
        "<Categories><Category Assigned='1'>a<Category Assigned='1'>b</Category><Category Assigned='0'>c</Category>"
        "</Category><Category Assigned='0'>d</Category></Categories>"
    ).replace("<", "&lt;")
    assert _said(f"<acdsee:categories>{text}</acdsee:categories>").tags == ("a/b",)


def test_acdsee_s_categories_are_parsed_as_hard_as_the_packet() -> None:
    for text in ("&lt;!DOCTYPE x [&lt;!ENTITY a 'b'>]>&lt;Categories/>", "&lt;Categories>", "no xml"):
        facts = _facts(f"<acdsee:categories>{text}</acdsee:categories>", bag("dc:subject", "kept"))
        assert facts.descriptive == Descriptive(tags=("kept",))
        (finding,) = facts.findings
        assert finding.reason.startswith("acdsee:categories")


def test_acdsee_s_categories_end_at_their_bounds() -> None:
    deep = "<Category Assigned='1'>x" * 3_000 + "</Category>" * 3_000
    wide = "<Category Assigned='1'>x</Category>" * 20_000
    for inside in (deep, wide):
        text = f"<Categories>{inside}</Categories>".replace("<", "&lt;")
        assert len(_said(f"<acdsee:categories>{text}</acdsee:categories>").tags) <= 1


# ---- rating, label


@pytest.mark.parametrize(
    ("text", "rating", "is_rejected"),
    [
        ("0", 0, False),
        ("5", 5, False),
        ("3.0", 3, False),
        ("2.5", 3, False),
        ("+4", 4, False),
        ("-1", None, True),
        ("-1.0", None, True),
        ("6", None, False),
        ("-2", None, False),
        ("nan", None, False),
        ("inf", None, False),
        ("1e400", None, False),
        ("many", None, False),
        ("", None, False),
        ("9" * 5000, None, False),
    ],
)
def test_a_rating_is_a_real_number_from_0_to_5_or_rejects(
    text: str, rating: int | None, is_rejected: bool
) -> None:
    said = _said(f"<xmp:Rating>{text}</xmp:Rating>")
    assert (said.rating, said.is_rejected) == (rating, is_rejected)


@pytest.mark.parametrize(
    ("percent", "rating"),
    [("0", None), ("1", 1), ("25", 2), ("50", 3), ("75", 4), ("99", 5), ("101", None), ("-1", None)],
)
@pytest.mark.parametrize("prefix", ["MicrosoftPhoto", "MicrosoftPhoto_1_"])
def test_microsoft_rates_in_percents(prefix: str, percent: str, rating: int | None) -> None:
    said = _said(f"<{prefix}:Rating>{percent}</{prefix}:Rating>")
    assert (said.rating, said.is_rejected) == (rating, False)


def test_ratings_rank_xmp_then_microsoft_then_acdsee() -> None:
    acdsee, microsoft = (
        "<acdsee:rating>1</acdsee:rating>",
        "<MicrosoftPhoto:Rating>50</MicrosoftPhoto:Rating>",
    )
    assert _said(acdsee, microsoft, "<xmp:Rating>5</xmp:Rating>").rating == 5
    assert _said(acdsee, microsoft).rating == 3
    assert _said(acdsee).rating == 1


def test_a_rejected_photo_keeps_the_stars_that_another_property_tells() -> None:
    for body in ("<digiKam:PickLabel>1</digiKam:PickLabel>", "<xmpDM:pick>-1</xmpDM:pick>"):
        said = _said(body, "<xmp:Rating>4</xmp:Rating>")
        assert (said.rating, said.is_rejected) == (4, True)
    for body in ("<digiKam:PickLabel>3</digiKam:PickLabel>", "<xmpDM:pick>1</xmpDM:pick>"):
        assert not _said(body).is_rejected


@pytest.mark.parametrize(
    ("bodies", "label"),
    [
        (["<xmp:Label>Rot</xmp:Label>"], "Rot"),
        (["<digiKam:ColorLabel>4</digiKam:ColorLabel>"], "Green"),
        (["<digiKam:ColorLabel>0</digiKam:ColorLabel>"], None),
        (["<digiKam:ColorLabel>x</digiKam:ColorLabel>"], None),
        (["<digiKam:ColorLabel>²</digiKam:ColorLabel>"], None),
        ([bag("darktable:colorlabels", "0", "3", kind="Seq")], "Red"),
        ([bag("darktable:colorlabels", "9", kind="Seq")], None),
        (["<digiKam:ColorLabel>4</digiKam:ColorLabel>", "<xmp:Label>Blue</xmp:Label>"], "Blue"),
        (["<photoshop:Urgency>1</photoshop:Urgency>"], None),
        (["<photoshop:Urgency>1</photoshop:Urgency>", "<digiKam:ColorLabel>1</digiKam:ColorLabel>"], "Red"),
    ],
)
def test_a_colour_label_is_a_text_and_urgency_alone_is_none(bodies: list[str], label: str | None) -> None:
    assert _said(*bodies).label == label


# ---- what is no word


def test_dates_carry_their_decimals_and_offsets_inside_or_beside() -> None:
    facts = _facts(
        "<exif:DateTimeOriginal>2019-08-07T14:33:02</exif:DateTimeOriginal><exif:SubSecTimeOriginal>09</exif:SubSecTimeOriginal>"
        "<exifEX:OffsetTimeOriginal>+02:00</exifEX:OffsetTimeOriginal>"
        "<photoshop:DateCreated>2019-08</photoshop:DateCreated>"
        "<xmp:CreateDate>2019-08-07T14:33:02.5-07:00</xmp:CreateDate>"
        "<exif:GPSTimeStamp>2019-08-07T12:33:02Z</exif:GPSTimeStamp>"
    )
    assert _dates(facts) == {
        "XMP-exif:DateTimeOriginal": ("2019-08-07T14:33:02.090000", 120),
        "XMP-photoshop:DateCreated": ("2019-08", None),
        "XMP-xmp:CreateDate": ("2019-08-07T14:33:02.500000", -420),
        "XMP-exif:GPSDateTime": ("2019-08-07T12:33:02", None),
    }


def test_a_gps_time_without_its_day_takes_the_day_from_beside() -> None:
    facts = _facts(
        "<exif:GPSTimeStamp>12:33:02</exif:GPSTimeStamp><exif:GPSDateStamp>2019:08:07</exif:GPSDateStamp>"
    )
    assert _dates(facts) == {"XMP-exif:GPSDateTime": ("2019-08-07T12:33:02", None)}


@pytest.mark.parametrize(
    ("lat", "lon", "more", "expected"),
    [
        ("33,51.40704S", "151,12,55E", "", (-33.856784, 151.215278)),
        ("33,51.40704s", "151,12.9 W", "", (-33.856784, -151.215)),
        ("0,0N", "9,30E", "", (0.0, 9.5)),
        ("52.5250816", "13.3693672", "", (52.5250816, 13.3693672)),
        ("40.5", "74.25", "<exif:GPSLongitudeRef>W</exif:GPSLongitudeRef>", (40.5, -74.25)),
        ("-40.5", "-74.25", "<exif:GPSLatitudeRef>S</exif:GPSLatitudeRef>", (-40.5, -74.25)),
        ("0,0N", "0,0E", "", None),
        ("91,0N", "0,0E", "", None),
        ("40,14.0786450N", "", "", None),
        ("north", "east", "", None),
    ],
)
def test_positions_are_read_in_the_forms_that_occur(
    lat: str, lon: str, more: str, expected: tuple[float, float] | None
) -> None:
    facts = _facts(
        f"<exif:GPSLatitude>{lat}</exif:GPSLatitude><exif:GPSLongitude>{lon}</exif:GPSLongitude>{more}"
    )
    if expected is None:
        assert (facts.lat, facts.lon) == (None, None)
    else:
        assert (facts.lat, facts.lon) == (pytest.approx(expected[0]), pytest.approx(expected[1]))


def test_altitude_is_a_rational_that_may_be_below_the_sea() -> None:
    place = "<exif:GPSLatitude>1,0N</exif:GPSLatitude><exif:GPSLongitude>1,0E</exif:GPSLongitude>"
    below = "<exif:GPSAltitude>45/10</exif:GPSAltitude><exif:GPSAltitudeRef>1</exif:GPSAltitudeRef>"
    assert _facts(place + below).alt == -4.5
    assert _facts(place + "<exif:GPSAltitude>1/0</exif:GPSAltitude>").alt is None


def test_the_camera_is_read() -> None:
    facts = _facts(
        "<tiff:Make>Canon</tiff:Make><tiff:Model>5D</tiff:Model><aux:Lens>EF50</aux:Lens><tiff:Orientation>6</tiff:Orientation>"
    )
    assert (facts.make, facts.model, facts.lens, facts.orientation) == ("Canon", "5D", "EF50", 6)


def test_properties_of_an_unexpected_shape_say_what_they_can() -> None:
    facts = _facts(
        bag("tiff:Make", "Canon", "Nikon"),
        '<tiff:Model rdf:parseType="Resource"><my:a>1</my:a></tiff:Model>',
        bag("xmp:Rating", "4"),
        '<dc:subject rdf:parseType="Resource"><my:a>1</my:a></dc:subject>',
        "<mwg-rs:Regions>text</mwg-rs:Regions><MP:RegionInfo>text</MP:RegionInfo>",
        bag("mwg-rs:Regions", "text"),
        "<Container:Directory>text</Container:Directory>",
        '<digiKam:TagsList rdf:resource="http://example.org/a"/>',
    )
    assert (facts.make, facts.model, facts.findings) == ("Canon", None, ())
    assert facts.descriptive == Descriptive(rating=4, tags=("http:/example.org/a",))


def test_panoramas_bursts_and_gain_maps_are_extra() -> None:
    pano = _facts("<GPano:ProjectionType>equirectangular</GPano:ProjectionType>")
    assert (pano.is_panorama, pano.extra) == (True, {"projection": "equirectangular"})
    assert _facts("<GPano:UsePanoramaViewer>True</GPano:UsePanoramaViewer>").is_panorama
    assert not _facts("<GPano:UsePanoramaViewer>False</GPano:UsePanoramaViewer>").is_panorama
    assert _facts("<GCamera:BurstID>B-1</GCamera:BurstID>").extra == {"burst_id": "B-1"}
    assert _facts("<hdrgm:Version>1.0</hdrgm:Version>").extra == {"gain_map": True}
    assert _facts(_container(("Primary", "image/jpeg", 0, 0), ("GainMap", "image/jpeg", 9, 0))).extra == {
        "gain_map": True
    }


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ("<xmpMM:DerivedFrom>mire1.cr2</xmpMM:DerivedFrom>", "mire1.cr2"),
        ('<xmpMM:DerivedFrom stRef:filePath="C:\\fotos\\a.NEF"/>', "a.NEF"),
        (
            '<xmpMM:DerivedFrom rdf:parseType="Resource"><stRef:filePath>/x/b.NEF</stRef:filePath></xmpMM:DerivedFrom>',
            "b.NEF",
        ),
        ('<xmpMM:DerivedFrom stRef:documentID="B6C3"/>', None),
        ("<xmpMM:DerivedFrom>dir/</xmpMM:DerivedFrom>", None),
        ("<xmpMM:DerivedFrom/>", None),
    ],
)
def test_what_a_sidecar_is_about_is_the_name_of_a_file(body: str, name: str | None) -> None:
    assert _facts(body).extra.get("derived_from") == name


def test_a_sidecar_tells_the_extension_that_it_is_for() -> None:
    assert _facts("<photoshop:SidecarForExtension>CR2</photoshop:SidecarForExtension>").extra == {
        "for_extension": "CR2"
    }


# ---- motion photos


def _container(*items: tuple[str, str, int, int]) -> str:
    inside = "".join(
        f'<rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="{semantic}" Item:Mime="{mime}" '
        f'Item:Length="{length}" Item:Padding="{padding}"/></rdf:li>'
        for semantic, mime, length, padding in items
    )
    return f"<Container:Directory><rdf:Seq>{inside}</rdf:Seq></Container:Directory>"


PRIMARY = ("Primary", "image/jpeg", 0, 0)


@pytest.mark.parametrize(
    ("body", "hints"),
    [
        ("<GCamera:MicroVideoOffset>4122</GCamera:MicroVideoOffset>", (4122,)),
        ("<OpCamera:VideoLength>77</OpCamera:VideoLength>", (77,)),
        (_container(PRIMARY, ("MotionPhoto", "video/mp4", 500, 0)), (500,)),
        (_container(PRIMARY, ("GainMap", "image/jpeg", 40, 0), ("MotionPhoto", "video/mp4", 500, 0)), (500,)),
        (_container(PRIMARY, ("MotionPhoto", "video/mp4", 500, 0), ("GainMap", "image/jpeg", 40, 0)), (540,)),
        (_container(PRIMARY, ("MotionPhoto", "video/mp4", 500, 8)), (500, 508)),
        (_container(PRIMARY, ("", "video/quicktime", 500, 0)), (500,)),
        (_container(PRIMARY, ("GainMap", "image/jpeg", 500, 0)), ()),
        (
            "<Container:Directory><rdf:Seq><rdf:li><Container:Item Item:Mime='video/mp4' Item:Length='5'/></rdf:li>"
            "</rdf:Seq></Container:Directory>",
            (5,),
        ),
        ("<GCamera:MicroVideoOffset>-5</GCamera:MicroVideoOffset>", ()),
        ("<GCamera:MicroVideoOffset>9999999999999999999</GCamera:MicroVideoOffset>", ()),
        ("<GCamera:MotionPhoto>1</GCamera:MotionPhoto>", ()),
    ],
)
def test_a_motion_photo_s_movie_is_hinted_at_from_the_end(body: str, hints: tuple[int, ...]) -> None:
    assert motion_hints(read_model(packet(body))) == hints
    draft = Draft(kind="photo", mime="image/jpeg")
    read_xmp(packet(body), draft)
    read_xmp(packet(body), draft)
    assert draft.motion_hints == list(hints)


# ---- several packets, damage


def test_the_first_word_of_several_packets_stands_and_tags_are_united() -> None:
    draft = Draft(kind="photo", mime="image/jpeg")
    read_xmp(packet("<xmp:Label>Red</xmp:Label>", bag("dc:subject", "a")), draft)
    read_xmp(packet("<xmp:Label>Blue</xmp:Label><xmp:Rating>3</xmp:Rating>", bag("dc:subject", "b")), draft)
    assert draft.facts("header").descriptive == Descriptive(label="Red", rating=3, tags=("a", "b"))


@pytest.mark.parametrize(
    "content", [b"<x", b"<!DOCTYPE x><x/>", b" " * (2 * 1024 * 1024 + 1), b"\xff\xfe\x00\xd8"]
)
def test_a_packet_that_cannot_be_read_is_one_finding(content: bytes) -> None:
    draft = Draft(kind="photo", mime="image/jpeg")
    read_xmp(content, draft)
    facts = draft.facts("header")
    assert [one.tool for one in facts.findings] == ["xmp"]
    assert facts.descriptive is None


_PROPERTIES = (
    "dc:title",
    "dc:subject",
    "dc:creator",
    "xmp:Rating",
    "xmp:Label",
    "digiKam:TagsList",
    "lr:hierarchicalSubject",
    "acdsee:categories",
    "mwg-rs:Regions",
    "MP:RegionInfo",
    "exif:GPSLatitude",
    "exif:GPSLongitude",
    "exif:GPSAltitude",
    "exif:DateTimeOriginal",
    "exif:GPSTimeStamp",
    "GCamera:MicroVideoOffset",
    "Container:Directory",
    "xmpMM:DerivedFrom",
    "tiff:Orientation",
    "digiKam:ColorLabel",
    "darktable:colorlabels",
    "Iptc4xmpExt:PersonInImage",
)
_TEXT = st.text(
    st.characters(codec="utf-8", exclude_characters="<&\0", exclude_categories=("Cc", "Cs")), max_size=20
)


@given(
    st.lists(
        st.tuples(st.sampled_from(_PROPERTIES), _TEXT, st.sampled_from(["plain", "Bag", "struct"])),
        max_size=8,
    )
)
def test_any_text_in_any_property_of_any_shape_is_survived(said: list[tuple[str, str, str]]) -> None:
    bodies = []
    for name, text, shape in said:
        if shape == "plain":
            bodies.append(f"<{name}>{text}</{name}>")
        elif shape == "Bag":
            bodies.append(bag(name, text, text))
        else:
            bodies.append(
                f'<{name} rdf:parseType="Resource"><my:w>{text}</my:w><my:Regions>{text}</my:Regions></{name}>'
            )
    facts = _facts(*bodies)
    assert facts.lat is None or abs(facts.lat) <= 90
    assert facts.to_json()
