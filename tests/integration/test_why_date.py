"""`why date`: the whole table, whoever rules: bytes, a sidecar, a person."""

from __future__ import annotations

import json

from catalog.date_order import SIDECARS, TAKEOUT
from catalog.facts import DateCandidate
from catalog.store import assets, journal, photos
from catalog.values import JournalItem
from daemon.cli.why_date import date_lines
from store_harness import StoreHarness

DTO, MODIFY = "ExifIFD:DateTimeOriginal", "IFD0:ModifyDate"
PATH = b"IMG_20190807_143302.jpg"


def _photo(catalog: StoreHarness, **said: object) -> None:
    catalog.put(PATH, "x")
    catalog.said_by[PATH] = said
    catalog.ingest()


def _sidecar_says(catalog: StoreHarness, source: str, local: str, *, is_utc: bool = False) -> None:
    value = json.dumps({"raw": local, "local": local, "offset_min": None, "is_utc": is_utc})
    asset_id, author = catalog.asset_at(PATH), "Photos:IMG.xmp"
    with catalog.writer.atomic():
        catalog.writer.execute(
            "INSERT INTO statement (asset_id, property, element, source, author, value, made_ns)"
            " VALUES (?, 'date', ?, 'sidecar', ?, ?, 1)",
            (asset_id, source, author, value),
        )
        item = JournalItem(asset_id, "date", source, "sidecar", author, None, None, value, 1)
        journal.append(catalog.writer, {"do": "say"}, author=author, now_ns=catalog.now_ns, items=[item])
        assets.refresh(catalog.writer, [asset_id], catalog.now_ns, catalog.writer.zone)


def test_every_candidate_has_a_value_a_zone_source_and_a_reason(catalog: StoreHarness) -> None:
    own = DateCandidate(DTO, "2019:08:07 14:33:02", "2019-08-07T14:33:02")
    broken = DateCandidate(MODIFY, "0000:00:00 00:00:00", None, rejected="not set (zeros or blanks)")
    _photo(catalog, candidates=(own, broken), lat=35.68, lon=139.69)
    told = photos.explain_date(catalog.writer, catalog.asset_at(PATH))
    rows = [(one["source"], one["verdict"], one["zone_source"]) for one in told["candidates"]]
    assert rows == [
        (DTO, "won", "coordinates"),
        (MODIFY, "rejected", "none"),
        ("filename", "lost", "none"),
        ("mtime", "lost", "library"),
    ]
    assert all(one["reason"] for one in told["candidates"])
    assert (told["zone_source"], told["layer"], told["said_by"]) == ("coordinates", "embedded", None)
    text = "\n".join(date_lines(told))
    assert "zone from coordinates" in text
    assert "0000:00:00 00:00:00" in text


def test_a_sidecar_that_rules_is_named(catalog: StoreHarness) -> None:
    _photo(catalog, candidates=(DateCandidate(DTO, "r", "2018-01-01T09:00:00"),))
    _sidecar_says(catalog, SIDECARS[0], "2019-08-07T14:33:02")
    told = photos.explain_date(catalog.writer, catalog.asset_at(PATH))
    assert (told["capture"]["source"], told["layer"]) == (SIDECARS[0], "sidecar")
    won = told["candidates"][0]
    assert (won["verdict"], won["said_by"]) == ("won", "Photos:IMG.xmp")
    assert "(Photos:IMG.xmp)" in "\n".join(date_lines(told))


def test_takeout_tells_the_instant_and_the_name_the_zone(catalog: StoreHarness) -> None:
    _photo(catalog, candidates=())
    _sidecar_says(catalog, TAKEOUT, "2019-08-07T05:33:02", is_utc=True)
    told = photos.explain_date(catalog.writer, catalog.asset_at(PATH))
    capture = told["capture"]
    assert (capture["source"], capture["local"], capture["offset_min"]) == (
        TAKEOUT,
        "2019-08-07T14:33:02",
        540,
    )
    assert (told["layer"], told["zone_source"]) == ("sidecar", "file name")


def test_a_person_rules_over_the_whole_table_which_is_still_told(catalog: StoreHarness) -> None:
    _photo(catalog, candidates=(DateCandidate(DTO, "r", "2018-01-01T09:00:00"),))
    said = {
        "local": "1987",
        "precision": "year",
        "offset_min": None,
        "zone": None,
        "source": "user",
        "confidence": "exact",
    }
    catalog.say(catalog.asset_at(PATH), "capture", json.dumps(said), made_ns=1_600_000_000 * 10**9)
    told = photos.explain_date(catalog.writer, catalog.asset_at(PATH))
    assert (told["layer"], told["said_by"], told["zone_source"]) == ("user", "owner", "none")
    assert told["said_at"] == "2020-09-13T12:26:40Z"
    assert told["candidates"][0]["verdict"] == "won"


def test_a_reset_clock_is_a_finding_of_the_photo(catalog: StoreHarness) -> None:
    _photo(catalog, candidates=(DateCandidate(DTO, "2000:01:01 00:00:00", "2000-01-01T00:00:00"),))
    rows = catalog.writer.rows("SELECT tool, reason FROM finding")
    assert [tool for tool, _ in rows] == ["dates"]
    assert rows[0][1].startswith("date-reset: ")
