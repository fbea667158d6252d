"""The reader of sidecars: Takeout JSON strict and bounded, XMP through the one XMP reader, hostile ones of both."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.facts import Descriptive, Facts
from daemon.media.sidecar import MAX_BYTES, read_sidecar
from daemon.media.source import MemorySource
from sidecar_texts import digikam, takeout, xmp


def _read(body: str | bytes, name: bytes = b"IMG.jpg.json") -> Facts:
    content = body.encode() if isinstance(body, str) else body
    return read_sidecar(MemorySource(content), name)


def _reasons(facts: Facts) -> list[str]:
    return [one.reason for one in facts.findings]


def _takeout(**fields: object) -> Facts:
    return _read(json.dumps(fields))


def test_a_whole_takeout_document() -> None:
    facts = _read(
        takeout(
            "IMG_1.jpg",
            1_565_180_000,
            description="Ünï 😀",
            people=[{"name": "Eve"}, {"name": "Bob"}],
            geoData={"latitude": 1.5, "longitude": -2.5, "altitude": 3.5},
            favorited=True,
        )
    )
    assert facts.kind is None
    assert facts.mime == "application/json"
    assert facts.descriptive == Descriptive(description="Ünï 😀", people=("Eve", "Bob"))
    assert (facts.lat, facts.lon, facts.alt) == (1.5, -2.5, 3.5)
    assert facts.extra == {"original_name": "IMG_1.jpg", "favorite": True}
    (candidate,) = facts.candidates
    assert (candidate.source, candidate.local, candidate.is_utc) == (
        "Takeout:photoTakenTime",
        "2019-08-07T12:13:20",
        True,
    )
    assert facts.findings == ()


@pytest.mark.parametrize(
    ("timestamp", "local"),
    [
        ("0", None),
        ("-0", None),
        ("1", "1970-01-01T00:00:01"),
        ("-86400", "1969-12-31T00:00:00"),
        (" 1000000000 ", "2001-09-09T01:46:40"),
        (1_000_000_000, "2001-09-09T01:46:40"),
    ],
)
def test_times_are_seconds_since_1970_as_text_and_zero_is_none(timestamp: object, local: str | None) -> None:
    facts = _takeout(photoTakenTime={"timestamp": timestamp})
    assert [one.local for one in facts.candidates] == ([local] if local else [])
    assert facts.findings == ()


def test_a_time_beyond_the_calendar_is_a_rejected_candidate() -> None:
    (candidate,) = _takeout(photoTakenTime={"timestamp": "999999999999"}).candidates
    assert candidate.local is None
    assert candidate.rejected is not None


def test_the_time_of_the_upload_is_never_a_date() -> None:
    facts = _takeout(title="x.jpg", creationTime={"timestamp": "1700000000"}, imageViews="0")
    assert facts.candidates == ()


@pytest.mark.parametrize(
    ("geo", "exif", "expected"),
    [
        ({"latitude": 0.0, "longitude": 0.0}, {"latitude": 5, "longitude": 6}, (5, 6, None)),
        ({"latitude": 1, "longitude": 2, "altitude": 0.0}, {"latitude": 5, "longitude": 6}, (1, 2, None)),
        ({"latitude": 0.0, "longitude": 7.0}, None, (0, 7, None)),
        ({"latitude": 0.0, "longitude": 0.0}, {"latitude": 0.0, "longitude": 0.0}, (None, None, None)),
        ({"latitude": 91, "longitude": 0.5}, None, (None, None, None)),
    ],
)
def test_a_position_of_nowhere_is_none_and_that_of_the_file_comes_second(
    geo: object, exif: object, expected: tuple[object, ...]
) -> None:
    facts = _takeout(photoTakenTime={"timestamp": "1"}, geoData=geo, geoDataExif=exif)
    assert (facts.lat, facts.lon, facts.alt) == expected


@pytest.mark.parametrize(
    "field",
    [
        {"title": 1},
        {"description": ["x"]},
        {"people": "Eve"},
        {"people": [{"name": 7}]},
        {"people": [["Eve"]]},
        {"geoData": "52,13"},
        {"geoData": {"latitude": "52", "longitude": 1}},
        {"geoData": {"latitude": 10**400, "longitude": 1}},
        {"geoData": {"latitude": True, "longitude": 1}},
        {"photoTakenTime": "1565180000"},
        {"photoTakenTime": {"timestamp": 1.5}},
        {"photoTakenTime": {"timestamp": "soon"}},
        {"photoTakenTime": {"timestamp": "１２"}},
        {"photoTakenTime": {"timestamp": "9" * 400}},
        {"favorited": "yes"},
        {"trashed": 1},
    ],
)
def test_a_value_of_the_wrong_kind_is_a_finding_and_the_others_stand(field: dict[str, object]) -> None:
    facts = _takeout(
        **{"photoTakenTime": {"timestamp": "1"}, "description": "good", "imageViews": "1", **field}
    )
    (reason,) = _reasons(facts)
    assert reason == f"{next(iter(field))} has a value of the wrong kind"
    assert ("description" in field) or facts.descriptive == Descriptive(description="good")
    assert len(facts.candidates) == ("photoTakenTime" not in field)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe{\0}\0",
        b'{"photoTakenTime": NaN}',
        b'{"photoTakenTime": -Infinity}',
        b'{"photoTakenTime": ' + b"1" * 10_000 + b"}",
        b'{"photoTakenTime": ' * 3 + b"1",
        b"[" * 100_000,
        b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
        b'"\\',
        b'{"photoTakenTime": "\x01"}',
        takeout("x.jpg", 1).encode()[:200],
        takeout("x.jpg", 1).encode("utf-16"),
        b'{"x": "' + b"a" * MAX_BYTES + b'"}',
    ],
)
def test_what_is_no_json_is_one_finding_and_says_nothing(body: bytes) -> None:
    facts = _read(body)
    assert len(facts.findings) == 1
    assert facts == Facts(kind=None, mime="application/json", findings=facts.findings)


@pytest.mark.parametrize(
    "body",
    [
        "[]",
        "3",
        "null",
        "{}",
        '{"title": "Summer", "description": "", "access": "protected", "date": {"timestamp": "1"}}',
        '{"name": "x", "title": "package", "people": []}',
    ],
)
def test_json_of_something_else_says_nothing_and_is_no_finding(body: str) -> None:
    assert _read(body) == Facts(kind=None, mime="application/json")


def test_what_is_said_twice_counts_once_and_is_a_finding() -> None:
    facts = _read('{"photoTakenTime": {"timestamp": "1"}, "description": "a", "description": "b"}')
    assert facts.descriptive == Descriptive(description="a")
    assert _reasons(facts) == ["'description' is said twice; the first counts"]


def test_brackets_in_texts_are_no_nesting() -> None:
    facts = _takeout(photoTakenTime={"timestamp": "1"}, description='[{"\\' * 100)
    assert facts.descriptive is not None
    assert facts.findings == ()


def test_hostile_texts_are_cleaned() -> None:
    facts = _read(
        '{"photoTakenTime": {"timestamp": "1"}, "description": "a\\ud800b\\u0000c", "title": "x\\ny"}'
    )
    assert facts.descriptive == Descriptive(description="ab")
    assert facts.extra["original_name"] == "x y"
    json.dumps(facts.to_json()).encode()


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "title",
                        "photoTakenTime",
                        "timestamp",
                        "geoData",
                        "latitude",
                        "longitude",
                        "people",
                        "name",
                        "favorited",
                    ]
                ),
                inner,
                max_size=5,
            )
        ),
        max_leaves=20,
    )
)
def test_any_json_is_read(document: object) -> None:
    json.dumps(_read(json.dumps(document)).to_json())


@given(st.binary(max_size=400))
def test_any_bytes_are_read(body: bytes) -> None:
    for name in (b"a.jpg.json", b"a.jpg.xmp"):
        _read(body, name)


# ---- XMP


def test_a_sidecar_of_lightroom() -> None:
    body = xmp(
        rating=3, label="Gelb", deep_tags=["Places|Rome"], tags=["Rome", "Places"], for_extension="CR2"
    )
    facts = _read(body, b"IMG.xmp")
    assert facts.mime == "application/rdf+xml"
    assert facts.descriptive is not None
    assert facts.descriptive.rating == 3
    assert facts.descriptive.tags == ("Places/Rome",)
    assert facts.extra["for_extension"] == "CR2"


def test_a_sidecar_of_darktable() -> None:
    body = xmp(rating=-1, tags=["a"], taken="2019:08:07 14:33:02", derived_from="IMG.CR2")
    facts = _read(body, b"IMG_01.CR2.xmp")
    assert facts.descriptive == Descriptive(is_rejected=True, tags=("a",))
    assert facts.extra["derived_from"] == "IMG.CR2"
    assert [one.local for one in facts.candidates] == ["2019-08-07T14:33:02"]


def test_a_sidecar_of_digikam() -> None:
    facts = _read(digikam(tags=["Places/Rome", "People/Eve"], rating=5, pick=1), b"IMG.JPG.xmp")
    assert facts.descriptive is not None
    assert facts.descriptive.tags == ("Places/Rome", "People/Eve")
    assert (facts.descriptive.rating, facts.descriptive.is_rejected) == (5, True)


@pytest.mark.parametrize(
    "body",
    [
        xmp(rating=3)[:-40],
        '<!DOCTYPE r [<!ENTITY a "b">]>' + xmp(rating=3).partition("\n")[2],
        '<!DOCTYPE r SYSTEM "file:///etc/passwd"><r/>',
        "<a>" * 100_000,
        "\0" * 500,
        "<html>sorry</html>",
        xmp(description="x" * MAX_BYTES),
    ],
)
def test_what_is_no_xmp_is_a_finding_and_says_nothing(body: str | bytes) -> None:
    facts = _read(body, b"IMG.xmp")
    assert facts.findings
    assert facts == Facts(kind=None, mime="application/rdf+xml", findings=facts.findings)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_xmp_is_read_in_every_encoding_that_it_may_have(encoding: str) -> None:
    body = xmp(rating=3).partition("\n")[2].encode(encoding)
    if encoding in ("utf-16-le", "utf-16-be"):
        body = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}[encoding] + body
    assert _read(body, b"IMG.xmp").descriptive == Descriptive(rating=3)


@pytest.mark.parametrize("tail", [b"", b"\\", b'"'])
def test_a_text_that_never_ends_is_refused_in_time_that_grows_with_its_length(tail: bytes) -> None:
    begin = time.process_time()
    facts = _read(b'{"title": "' + b'\\"' * 500_000 + tail)
    assert time.process_time() - begin < 5, "with the square of its length it would be an hour"
    assert facts.findings[0].reason == "the sidecar is no JSON"
