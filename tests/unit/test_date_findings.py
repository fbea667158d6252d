"""What is told about dates that cannot be: the findings of bytes, and the candidates that sidecars tell."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.date_findings import TOOL, findings_of_dates
from catalog.date_order import SIDECARS, TAKEOUT
from catalog.date_texts import candidate_from_epoch
from catalog.dates import candidates_from_statements, layer_of, resolve
from catalog.facts import DateCandidate, Facts
from catalog.ids import AssetId
from catalog.layer import Statement
from date_cases import BERLIN, CREATE, DTO, MODIFY, NOW_NS, XMP_DC, XMP_DTO, gps, mvhd, tag

GOOD, OTHER = "2019:08:07 14:33:02", "2021:01:02 03:04:05"


def _findings(*candidates: DateCandidate, software: str | None = None) -> list[str]:
    facts = Facts("photo", "x", candidates=candidates, software=software)
    found = findings_of_dates(facts, NOW_NS)
    assert all(one.tool == TOOL for one in found)
    return [one.reason for one in found]


@pytest.mark.parametrize(
    ("text", "beginning"),
    [
        ("2019:02:30 10:00:00", "date-impossible"),
        ("2019:08:07 24:00:00", "date-impossible"),
        ("1800:01:01 10:00:00", "date-impossible"),
        ("2098:01:01 10:00:00", "date-impossible"),
        ("1980:01:01 00:00:04", "date-reset"),
        ("2000:01:01 00:00:00", "date-reset"),
        ("1970:01:01 00:00:00", "date-reset"),
    ],
)
def test_a_date_that_is_set_and_cannot_be_is_a_finding(text: str, beginning: str) -> None:
    (reason,) = _findings(tag(DTO, text), tag(MODIFY, GOOD))
    assert reason.startswith(f"{beginning}: {DTO} says {text}: ")


@pytest.mark.parametrize("text", ["0000:00:00 00:00:00", "    :  :     :  :  ", "sometime in May"])
def test_empty_fields_and_words_are_no_finding(text: str) -> None:
    assert _findings(tag(DTO, text), tag(CREATE, GOOD)) == []


def test_an_editors_date_is_no_finding() -> None:
    assert _findings(tag(DTO, GOOD), tag(MODIFY, OTHER), software="GIMP 2.10") == []


def test_three_that_agree_against_the_camera_are_a_conflict_and_do_not_rule() -> None:
    against = (tag(CREATE, OTHER), tag(XMP_DC, "2021-01-02T03:04:05"), tag(MODIFY, OTHER))
    (reason,) = _findings(tag(DTO, GOOD), *against)
    assert reason == (
        f"date-conflict: {DTO} says {GOOD}, but {CREATE}, {XMP_DC}, {MODIFY} agree on 2021-01-02T03:04:05"
    )
    facts = Facts("photo", "x", candidates=(tag(DTO, GOOD), *against))
    assert resolve("photo", facts, b"a.jpg", 0, BERLIN, NOW_NS).capture.source == DTO


def test_two_witnesses_instants_and_witnesses_that_agree_are_no_conflict() -> None:
    assert _findings(tag(DTO, GOOD), tag(CREATE, OTHER), tag(MODIFY, OTHER)) == []
    assert _findings(tag(DTO, GOOD), tag(CREATE, OTHER), tag(MODIFY, OTHER), gps(OTHER)) == []
    assert _findings(tag(DTO, GOOD), tag(CREATE, GOOD), tag(MODIFY, GOOD), tag(XMP_DTO, GOOD)) == []
    assert (
        _findings(tag(DTO, GOOD), tag(CREATE, OTHER), tag(MODIFY, "2022:01:01 00:10:00"), tag(XMP_DC, "2021"))
        == []
    )


def test_no_media_and_no_dates_have_nothing_to_find() -> None:
    assert findings_of_dates(Facts(None, "x", candidates=(tag(DTO, "2019:02:30 10:00:00"),)), NOW_NS) == ()
    assert findings_of_dates(Facts("photo", "x"), NOW_NS) == ()
    assert _findings(mvhd(2021, 1, 1, 0, 0, 0)) == []


# ---- what sidecars tell


def _said(
    source: str, value: Any, *, element: str | None = None, number: int = 1, author: str = "a"
) -> Statement:
    return Statement(number, AssetId(1), "date", element or source, value, "sidecar", author, number)


def _value(local: str | None, offset_min: int | None = None, *, is_utc: bool = False) -> dict[str, Any]:
    return {"raw": "r", "local": local, "offset_min": offset_min, "is_utc": is_utc}


def test_a_statement_becomes_a_candidate_of_its_source() -> None:
    said = [
        _said(SIDECARS[0], _value("2019-08-07T14:33:02", 120)),
        _said(TAKEOUT, _value("2019-08-07T12:33:02", is_utc=True)),
    ]
    assert set(candidates_from_statements(said)) == {
        DateCandidate(SIDECARS[0], "r", "2019-08-07T14:33:02", 120),
        DateCandidate(TAKEOUT, "r", "2019-08-07T12:33:02", None, is_utc=True),
    }


def test_false_tells_nothing_and_of_two_sidecars_the_later_rules() -> None:
    older, newer = _value("2019"), _value("2020")
    source = SIDECARS[1]
    said = [_said(source, newer, number=2, author="b"), _said(source, older, number=1)]
    assert [one.local for one in candidates_from_statements(said)] == ["2020"]
    said = [_said(source, False, number=2, author="b"), _said(source, older, number=1)]
    assert [one.local for one in candidates_from_statements(said)] == ["2019"]
    assert candidates_from_statements([_said(source, False)]) == ()


@pytest.mark.parametrize(
    "value",
    [
        None,
        5,
        "2019",
        [],
        {},
        {"raw": 1, "local": "2019"},
        {"raw": "r", "local": 2019},
        _value("2019", 10_000),
    ],
)
def test_a_value_of_another_shape_says_nothing(value: Any) -> None:
    assert candidates_from_statements([_said(SIDECARS[0], value)]) == ()


def test_other_sources_and_other_properties_are_not_looked_at() -> None:
    assert candidates_from_statements([_said(DTO, _value("2019"))]) == ()
    rating = Statement(1, AssetId(1), "rating", "", 5, "sidecar", "a", 1)
    assert candidates_from_statements([rating]) == ()


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.dictionaries(
        st.sampled_from(["raw", "local", "offset_min", "is_utc"]), inner, max_size=4
    ),
    max_leaves=8,
)


@given(_JSON, st.sampled_from([*SIDECARS, TAKEOUT]), st.sampled_from([b"a.jpg", b"2019-08-07 14.33.02.jpg"]))
def test_no_statement_breaks_the_rules(value: Any, source: str, path: bytes) -> None:
    told = candidates_from_statements([_said(source, value)])
    facts = Facts("photo", "x", candidates=(tag(DTO, "2019:08:07 14:33:02", offset="+02:00"),))
    resolution = resolve("photo", facts, path, 0, BERLIN, NOW_NS, told=told)
    assert layer_of(resolution.capture) in ("sidecar", "embedded", "file")


@pytest.mark.parametrize("local", ["0001-01-01T00:00:00", "9999-12-31T23:59:59", "1825-01-01", "rubbish"])
@pytest.mark.parametrize("source", [*SIDECARS, TAKEOUT])
def test_clocks_at_the_ends_of_time_are_rejected(local: str, source: str) -> None:
    told = candidates_from_statements([_said(source, _value(local, is_utc=source == TAKEOUT))])
    facts = Facts("photo", "x", candidates=(tag(DTO, "2019:08:07 14:33:02", offset="+02:00"),))
    assert resolve("photo", facts, b"a.jpg", 0, BERLIN, NOW_NS, told=told).capture.source == DTO


@pytest.mark.parametrize(
    ("text", "local"),
    [
        ("1565181182", "2019-08-07T12:33:02"),
        (" -142000000", "1965-07-02T11:33:20"),
        ("0", None),
        ("", None),
        ("-", None),
        ("1e9", None),
        ("99999999999999", None),
        ("-99999999999", None),
    ],
)
def test_takeouts_seconds_are_utc_and_zero_is_not_set(text: str, local: str | None) -> None:
    candidate = candidate_from_epoch(TAKEOUT, text)
    assert candidate.local == local
    assert (candidate.rejected is None) == (local is not None)
