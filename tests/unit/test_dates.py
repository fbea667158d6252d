"""Which date rules, and why: the tables of metadata.md 1.2 to 1.5, case by case."""

from __future__ import annotations

import calendar
from pathlib import Path
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.capture import CaptureTime, parse_local
from catalog.date_order import RANKS
from catalog.date_texts import (
    SECONDS_1904_TO_1970,
    candidate_from_quicktime,
    candidate_from_text,
    parse_offset,
)
from catalog.dates import SOURCES, Resolution, ZoneSource, path_candidates, resolve
from catalog.facts import DateCandidate, Facts, Kind

BERLIN = ZoneInfo("Europe/Berlin")
NOW_NS = 1_790_000_000 * 10**9  # 2026-09-21
MTIME_NS = 1_700_000_000 * 10**9  # 2023-11-14T22:13:20Z
DTO, CREATE, MODIFY = "ExifIFD:DateTimeOriginal", "ExifIFD:CreateDate", "IFD0:ModifyDate"
MVHD, KEYS, GPS = "QuickTime:CreateDate", "QuickTime:Keys:CreationDate", "GPS:GPSDateTime"
DAY = "QuickTime:UserData:ContentCreateDate"


def _mvhd(*moment: int) -> DateCandidate:
    return candidate_from_quicktime(MVHD, calendar.timegm((*moment, 0, 0, 0)) + SECONDS_1904_TO_1970)


def _resolve(
    *candidates: DateCandidate,
    kind: Kind = "photo",
    path: bytes = b"a.jpg",
    software: str | None = None,
    lat: float | None = None,
    lon: float | None = None,
    duration_s: float | None = None,
) -> Resolution:
    facts = Facts(
        kind, "x/y", candidates=candidates, software=software, lat=lat, lon=lon, duration_s=duration_s
    )
    return resolve(kind, facts, path, MTIME_NS, BERLIN, NOW_NS)


def _short(capture: CaptureTime) -> tuple[str, int | None, str]:
    return capture.local, capture.offset_min, capture.source


def _rejected(resolution: Resolution) -> dict[str, str]:
    return {one.candidate.source: one.reason for one in resolution.table if one.verdict == "rejected"}


# ---- texts


@pytest.mark.parametrize(
    ("text", "local", "offset_min"),
    [
        ("2019:08:07 14:33:02", "2019-08-07T14:33:02", None),
        ("2019:08:07 14:33", "2019-08-07T14:33", None),
        ("2019-08-07T14:33:02.5+02:00", "2019-08-07T14:33:02.500000", 120),
        ("2019-08-07T14:33:02Z", "2019-08-07T14:33:02", 0),
        ("2019:08:07 14:33:02-07:00 DST", "2019-08-07T14:33:02", -420),
        ("2019-08-07T14:33-0730", "2019-08-07T14:33", -450),
        ("2003/10/16 11:00:00", "2003-10-16T11:00:00", None),
        ("2003.10.16 11:00:00", "2003-10-16T11:00:00", None),
        ("20190807143302+0200", "2019-08-07T14:33:02", 120),
        ("20190807", "2019-08-07", None),
        ("2019", "2019", None),
        ("2019-08", "2019-08", None),
        ("1987:00:00 00:00:00", "1987", None),
        ("1987:06:00 00:00:00", "1987-06", None),
        ("1919:05:04 00:00:00", "1919-05-04T00:00:00", None),
        ("2019-08-07T14:33:02+99:00", "2019-08-07T14:33:02", None),
        ("2021-01-01T00:00:00.123456789Z", "2021-01-01T00:00:00.123456", 0),
        ("Wed, 7 Aug 2019 14:33:02 +0200", "2019-08-07T14:33:02", 120),
        ("07 Aug 2019 14:33:02 GMT", "2019-08-07T14:33:02", 0),
        ("Wed Aug  7 14:33:02 2019", "2019-08-07T14:33:02", None),
    ],
)
def test_every_form_of_a_date_tag_is_read(text: str, local: str, offset_min: int | None) -> None:
    candidate = candidate_from_text(DTO, text)
    assert (candidate.local, candidate.offset_min, candidate.rejected) == (local, offset_min, None)


@pytest.mark.parametrize(
    "text",
    [
        "0000:00:00 00:00:00",
        "    :  :     :  :  ",
        "00000000",
        "2019:02:30 10:00:00",
        "2019:04:31 10:00:00",
        "2019:08:07 24:00:00",
        "1825:01:01 10:00:00",
        "Oct 3, 1995",
        "2019-08T14:33",
        "\0\0\0\0",
    ],
)
def test_what_is_no_date_is_rejected_with_a_reason(text: str) -> None:
    candidate = candidate_from_text(DTO, text)
    assert candidate.local is None
    assert candidate.rejected


@pytest.mark.parametrize(
    ("subsec", "local"),
    [
        ("09", "2019-08-07T14:33:02.090000"),
        ("9", "2019-08-07T14:33:02.900000"),
        ("123456", "2019-08-07T14:33:02.123456"),
        ("1234567", "2019-08-07T14:33:02.123456"),
        ("00 ", "2019-08-07T14:33:02.000000"),
        ("", "2019-08-07T14:33:02"),
        ("n/a", "2019-08-07T14:33:02"),
    ],
)
def test_subseconds_are_a_string_of_decimals(subsec: str, local: str) -> None:
    assert candidate_from_text(DTO, "2019:08:07 14:33:02", subsec=subsec).local == local


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("+01:00", 60),
        ("-0730", -450),
        ("Z", 0),
        ("+9", 540),
        ("+14:00", 840),
        ("+15:00", None),
        ("", None),
        (None, None),
    ],
)
def test_offsets_are_minutes_east_and_beyond_14_hours_none(text: str | None, minutes: int | None) -> None:
    assert parse_offset(text) == minutes


@given(st.text(max_size=60))
def test_any_text_gives_a_usable_date_or_a_reason(text: str) -> None:
    candidate = candidate_from_text(DTO, text)
    assert (candidate.local is None) == (candidate.rejected is not None)
    assert candidate.local is None or parse_local(candidate.local) is not None


# ---- movie headers


def test_a_header_of_seconds_since_1970_is_read_as_such_and_zero_is_not_set() -> None:
    since_1970 = candidate_from_quicktime(MVHD, 1_624_474_297)
    assert since_1970.local == "2021-06-23T18:51:37"
    assert _resolve(since_1970, kind="video").capture.confidence == "derived"
    assert candidate_from_quicktime(MVHD, 0).rejected
    assert candidate_from_quicktime(MVHD, 1 << 63).rejected


def test_a_header_alone_is_an_instant_shown_in_the_librarys_zone() -> None:
    capture = _resolve(_mvhd(2021, 6, 23, 23, 30, 0), kind="video").capture
    assert _short(capture) == ("2021-06-24T01:30:00", 120, MVHD)
    assert (capture.zone, capture.confidence) == ("Europe/Berlin", "exact")


def test_a_header_with_a_position_is_shown_in_the_zone_of_the_place() -> None:
    capture = _resolve(_mvhd(2021, 6, 23, 23, 30, 0), kind="video", lat=35.68, lon=139.69).capture
    assert _short(capture) == ("2021-06-24T08:30:00", 540, MVHD)
    assert capture.zone == "Asia/Tokyo"


def test_the_name_tells_the_offset_of_a_header_in_utc() -> None:
    capture = _resolve(_mvhd(2021, 6, 23, 18, 51, 0), kind="video", path=b"VID_20210623_145059.mp4").capture
    assert _short(capture) == ("2021-06-23T14:51:00", -240, MVHD)


def test_a_samsung_header_holds_the_end_of_the_recording() -> None:
    # photoprism#1388
    header = _mvhd(2021, 6, 23, 18, 51, 37)
    capture = _resolve(header, kind="video", path=b"20210623_145059.mp4", duration_s=36.9).capture
    assert _short(capture) == ("2021-06-23T14:51:00", -240, MVHD)


def test_a_header_that_equals_the_name_is_local_and_its_offset_unknown() -> None:
    header = _mvhd(2021, 6, 23, 14, 50, 59)
    capture = _resolve(header, kind="video", path=b"20210623_145059.mp4").capture
    assert _short(capture) == ("2021-06-23T14:50:59", None, MVHD)


def test_a_name_of_another_day_does_not_move_the_header() -> None:
    header = _mvhd(2021, 6, 23, 12, 0, 0)
    capture = _resolve(header, kind="video", path=b"20190101_101010.mp4").capture
    assert _short(capture) == ("2021-06-23T14:00:00", 120, MVHD)


def test_a_pixel_name_is_utc_and_gives_no_offset() -> None:
    header = _mvhd(2021, 3, 4, 12, 34, 56)
    capture = _resolve(
        header, kind="video", path=b"PXL_20210304_123456789.mp4", lat=35.68, lon=139.69
    ).capture
    assert _short(capture) == ("2021-03-04T21:34:56", 540, MVHD)


def test_apples_key_beats_the_header_and_a_year_in_user_data_does_not() -> None:
    key = candidate_from_text(KEYS, "2019-02-12T15:27:12+0800")
    assert _resolve(_mvhd(2024, 2, 2, 8, 9, 57), key, kind="video").capture.source == KEYS
    year = candidate_from_text(DAY, "2003")
    assert _resolve(_mvhd(2024, 2, 2, 8, 9, 57), year, kind="video").capture.source == MVHD
    moment = candidate_from_text(DAY, "2003-04-05T06:07:08+0100")
    assert _short(_resolve(_mvhd(2024, 2, 2, 8, 9, 57), moment, kind="video").capture) == (
        "2003-04-05T06:07:08", 60, DAY,
    )  # fmt: skip
    assert _resolve(year, kind="video").capture.local == "2003"


# ---- stills: order and zones


def test_stills_follow_the_order_of_the_table() -> None:
    texts = {
        DTO: "2001:01:02 10:00:00",
        CREATE: "2002:01:02 10:00:00",
        "XMP-exif:DateTimeOriginal": "2003-01-02T10:00:00",
        "XMP-photoshop:DateCreated": "2004-01-02T10:00:00",
        "XMP-xmp:CreateDate": "2005-01-02T10:00:00",
        "IPTC:DateCreated": "20060102100000",
        "PNG:CreationTime": "2007:01:02 10:00:00",
        GPS: "2008:01:02 10:00:00",
        MODIFY: "2009:01:02 10:00:00",
    }
    left = [candidate_from_text(source, text, is_utc=source == GPS) for source, text in texts.items()]
    for source in texts:
        resolution = _resolve(*reversed(left), path=b"2011/IMG_20100102_100000.jpg")
        assert resolution.capture.source == source
        assert [one.verdict for one in resolution.table].count("won") == 1
        assert resolution.table[-1].candidate.source == "mtime"
        left = left[1:]
    assert _resolve(path=b"2011/IMG_20100102_100000.jpg").capture.source == "filename"
    assert _resolve(path=b"2011/IMG_1.jpg").capture.source == "directory"
    assert _resolve(path=b"IMG_1.jpg").capture.confidence == "guess"


def test_every_source_in_the_orders_is_in_the_closed_list() -> None:
    for kind in ("photo", "video", "audio"):
        for source in SOURCES:
            if source not in ("user", "mtime"):
                candidate = DateCandidate(source, "x", "2019-08-07T10:00:00")
                assert _resolve(candidate, kind=kind).capture.source == source  # type: ignore[arg-type]


def test_the_documented_list_of_sources_is_the_closed_list() -> None:
    table = (Path(__file__).parents[2] / "docs" / "capture-time.md").read_text().splitlines()
    rows = [row.strip("| ").split(" | ") for row in table if row.startswith("| `")]
    assert {row[0].strip("`"): row[1] for row in rows if len(row) > 2} == SOURCES
    assert [row[0].strip("`") for row in rows if len(row) == 2] == list(get_args(ZoneSource))


@pytest.mark.parametrize("kind", get_args(Kind))
def test_the_documented_ranks_are_the_order(kind: Kind) -> None:
    table = (Path(__file__).parents[2] / "docs" / "capture-time.md").read_text().splitlines()
    rows = [[cell.strip() for cell in row.split("|")][1:-1] for row in table if row.startswith("| `")]
    column = {"photo": 2, "video": 3, "audio": 4}[kind]
    documented = {row[0].strip("`"): row[column] for row in rows if len(row) > 2 and row[0] != "`user`"}
    ranks = {source: "" for source in documented} | {one: str(at + 1) for one, at in RANKS[kind].items()}
    assert documented == ranks


def test_an_explicit_offset_beats_the_place_even_when_it_is_zero() -> None:
    # immich PR 12707: a guess from a stale fix overrode +00:00.
    own = candidate_from_text(DTO, "2019:08:07 14:33:02", offset="+00:00")
    assert _resolve(own, lat=35.68, lon=139.69).capture.offset_min == 0


def test_without_an_offset_the_place_tells_it_and_the_clock_is_not_shifted() -> None:
    capture = _resolve(candidate_from_text(DTO, "2019:08:07 14:33:02"), lat=35.68, lon=139.69).capture
    assert _short(capture) == ("2019-08-07T14:33:02", 540, DTO)
    assert capture.zone == "Asia/Tokyo"


def test_without_offset_and_place_the_gps_clock_tells_it_on_the_grid_only() -> None:
    own = candidate_from_text(DTO, "2023:06:07 13:45:55")
    near = candidate_from_text(GPS, "2023:06:07 12:46:01", is_utc=True)
    assert _short(_resolve(own, near).capture) == ("2023-06-07T13:45:55", 60, DTO)
    off_grid = candidate_from_text(GPS, "2023:06:07 12:40:00", is_utc=True)
    assert _resolve(own, off_grid).capture.offset_min is None
    stale = candidate_from_text(GPS, "2023:06:05 12:45:55", is_utc=True)
    assert _resolve(own, stale).capture.offset_min is None


def test_without_any_witness_the_offset_stays_unknown() -> None:
    capture = _resolve(candidate_from_text(DTO, "2019:08:07 14:33:02")).capture
    assert (capture.offset_min, capture.zone, capture.confidence) == (None, None, "exact")


def test_a_gps_time_alone_is_shown_in_the_zone_of_the_place() -> None:
    # immich: exif-date-time.spec.ts, GPSDateTime 2023-11-15T12:30:00Z in Los Angeles
    gps = candidate_from_text(GPS, "2023:11:15 12:30:00", is_utc=True)
    capture = _resolve(gps, lat=34.05, lon=-118.24).capture
    assert _short(capture) == ("2023-11-15T04:30:00", -480, GPS)


# ---- bogus values


@pytest.mark.parametrize(
    "text",
    [
        "1904:01:01 00:00:00",
        "1970:01:01 00:00:00",
        "1969:12:31 16:00:00",
        "1970:01:02 03:00:00",
        "1980:01:01 00:00:04",
        "2000:01:01 00:00:00",
        "2002:12:08 12:00:00",
        "2012:01:01 00:00:30",
        "2026:09:24 10:00:00",
        "2098:01:01 10:00:00",
    ],
)
def test_clocks_that_were_never_set_or_are_ahead_are_rejected(text: str) -> None:
    resolution = _resolve(candidate_from_text(DTO, text))
    assert resolution.capture.source == "mtime"
    assert _rejected(resolution)[DTO]


@pytest.mark.parametrize(
    "text", ["1919:05:04 12:00:00", "2000:01:01 00:10:00", "2012:01:01 12:00:00", "2026:09:22 10:00:00"]
)
def test_old_years_new_years_days_and_a_day_ahead_are_accepted(text: str) -> None:
    assert _resolve(candidate_from_text(DTO, text)).capture.source == DTO


def test_a_suspicious_day_is_accepted_if_name_or_folder_agrees() -> None:
    reset = candidate_from_text(DTO, "2000:01:01 00:00:05")
    assert _resolve(reset, path=b"2000-01-01 New Year/a.jpg").capture.source == DTO
    assert _resolve(reset, path=b"1999-12-31/a.jpg").capture.source == "directory"


def test_a_year_that_people_wrote_is_no_clock() -> None:
    assert _resolve(path=b"1970/a.jpg").capture.local == "1970"
    assert _resolve(candidate_from_text("XMP-photoshop:DateCreated", "1980")).capture.local == "1980"


def test_a_modify_date_counts_only_if_no_editor_wrote_it() -> None:
    modified = candidate_from_text(MODIFY, "2019:08:07 14:33:02")
    assert _resolve(modified, software="Ver.1.00").capture.confidence == "derived"
    edited = _resolve(modified, software="Adobe Photoshop CS3 Windows")
    assert edited.capture.source == "mtime"
    assert "editor" in _rejected(edited)[MODIFY]


def test_a_rejected_candidate_stays_in_the_table_with_its_raw_text() -> None:
    resolution = _resolve(
        candidate_from_text(DTO, "0000:00:00 00:00:00"), candidate_from_text(CREATE, "2019:08:07 14:33:02")
    )
    assert resolution.capture.source == CREATE
    first = resolution.table[0]
    assert (first.candidate.raw, first.verdict) == ("0000:00:00 00:00:00", "rejected")


def test_without_facts_path_and_mtime_decide() -> None:
    assert (
        resolve("photo", None, b"IMG_20190807_143302.jpg", MTIME_NS, BERLIN, NOW_NS).capture.source
        == "filename"
    )
    assert resolve("photo", None, b"x.jpg", MTIME_NS, BERLIN, NOW_NS).capture.local == "2023-11-14T23:13:20"


def test_sound_takes_its_recording_time() -> None:
    year = candidate_from_text("ID3:RecordingTime", "1999")
    assert _short(_resolve(year, kind="audio").capture) == ("1999", None, "ID3:RecordingTime")


# ---- names and folders


@pytest.mark.parametrize(
    ("path", "local"),
    [
        ("IMG_20190807_143302.jpg", "2019-08-07T14:33:02"),
        ("VID_20190807_143302.mp4", "2019-08-07T14:33:02"),
        ("20190807_143302.jpg", "2019-08-07T14:33:02"),
        ("20190807_143302_001.jpg", "2019-08-07T14:33:02"),
        ("20190807143302.jpg", "2019-08-07T14:33:02"),
        ("MVIMG_20190807_143302.jpg", "2019-08-07T14:33:02"),
        ("00000IMG_00000_BURST20190807143302123_COVER.jpg", "2019-08-07T14:33:02.123000"),
        ("DJI_20230101120000_0001_D.JPG", "2023-01-01T12:00:00"),
        ("Screenshot_2021-03-04-12-30-10.png", "2021-03-04T12:30:10"),
        ("Screenshot_20210304-123010_Chrome.jpg", "2021-03-04T12:30:10"),
        ("Screenshot from 2021-03-04 12-30-10.png", "2021-03-04T12:30:10"),
        ("Screen Shot 2019-08-07 at 2.33.02 PM.png", "2019-08-07T14:33:02"),
        ("Screen Shot 2019-08-07 at 12.33.02 AM.png", "2019-08-07T00:33:02"),
        ("Bildschirmfoto 2021-03-04 um 12.30.10.png", "2021-03-04T12:30:10"),
        ("2019-08-07 14.33.02.jpg", "2019-08-07T14:33:02"),
        ("2019-08-07 14.33.jpg", "2019-08-07T14:33"),
        ("2019-08-07T14_33_02.jpg", "2019-08-07T14:33:02"),
        ("signal-2021-03-04-123010.jpg", "2021-03-04T12:30:10"),
        ("signal-2021-03-04-12-30-10-123.jpg", "2021-03-04T12:30:10.123000"),
        ("photo_2021-03-04_12-30-10.jpg", "2021-03-04T12:30:10"),
        ("WhatsApp Image 2020-01-01 at 12.34.56.jpeg", "2020-01-01T12:34:56"),
        ("IMG-20200101-WA0001.jpg", "2020-01-01"),
        ("VID-20200101-WA0001.mp4", "2020-01-01"),
        ("20190807_253302.jpg", "2019-08-07"),
        ("2019-08-07.jpg", "2019-08-07"),
        ("1978-05_012.jpg", "1978-05"),
        ("FB_IMG_1565181182000.jpg", "2019-08-07T12:33:02.000000"),
        ("mmexport1565181182000.jpg", "2019-08-07T12:33:02.000000"),
        ("IMG-1565181182000-V.jpg", "2019-08-07T12:33:02.000000"),
        ("1565181182000.jpg", "2019-08-07T12:33:02.000000"),
        ("WIN_20190807_14_33_02_Pro.jpg", "2019-08-07T14:33:02"),
        ("WP_20130807_001.jpg", "2013-08-07"),
        ("2019_0807_143302_001.MP4", "2019-08-07T14:33:02"),
        ("photo_12@07-08-2019_14-33-02.jpg", "2019-08-07T14:33:02"),
        ("img20190807_14330203.jpg", "2019-08-07T14:33:02"),
        ("viber_image_2019-08-07_14-33-02.jpg", "2019-08-07T14:33:02"),
        ("viber image 2019-08-07 , 14.33.02.jpg", "2019-08-07T14:33:02"),
        ("Screenshot 2019-08-07 143302.png", "2019-08-07T14:33:02"),
        ("Screenshot_2019-08-07-14-33-02-123_com.app.jpg", "2019-08-07T14:33:02.123000"),
        ("WhatsApp Image 2019-08-07 at 2.33.02 PM (1).jpeg", "2019-08-07T14:33:02"),
        ("VID_20190807_143302_00_001.insv", "2019-08-07T14:33:02"),
        ("2019-08-07_9d5f3c-main.jpg", "2019-08-07"),
        ("Oma 1952.jpg", "1952"),
        ("1987 Ostsee.jpg", "1987"),
        ("1987_012.jpg", "1987"),
        ("1987-Ostsee.jpg", "1987"),
        ("(1952) Oma.jpg", "1952"),
        ("1850 Daguerreotypie.jpg", "1850"),
        ("Familie (1975).jpg", "1975"),
        ("Oma und Opa 1952 (2).jpg", "1952"),
        ("Weihnachten 1978 bei Oma.jpg", "1978"),
        ("Scan 012 Ostsee 1987.tif", "1987"),
        ("2019/2019-08/a.jpg", "2019-08"),
        ("2019/08/07/a.jpg", "2019-08-07"),
        ("2019/08 August/a.jpg", "2019-08"),
        ("2019-08-07 Trip/a.jpg", "2019-08-07"),
        ("20190807_Trip/a.jpg", "2019-08-07"),
        ("2019_08/a.jpg", "2019-08"),
        ("1998/a.jpg", "1998"),
        ("Ostsee 1998/a.jpg", "1998"),
        ("Photos from 2023/a.jpg", "2023"),
        ("2019-08-07 Trip/best of/a.jpg", "2019-08-07"),
        ("2018/2019-08-07/a.jpg", "2019-08-07"),
    ],
)
def test_names_and_folders_tell_dates(path: str, local: str) -> None:
    assert [one.local for one in path_candidates(path.encode())] == [local]


@pytest.mark.parametrize(
    "path",
    [
        "IMG_1234.JPG",
        "IMG_1998.JPG",
        "IMG 1998.JPG",
        "IMG_1987.jpg",
        "img-1987.jpg",
        "IMG (1987).jpg",
        "Foto 1987.jpg",
        "DSC_2001.NEF",
        "DSC_2001_edited.jpg",
        "issue_1918_poc3.jpg",
        "issue-1918.png",
        "issue_1918.jpg",
        "scan_1975.jpg",
        "Scan 1975.jpg",
        "room_1999_final.jpg",
        "a 1987.jpg",
        "Ostsee 1840.jpg",
        "1849 Portrait.jpg",
        "1987-1991 Kinder.jpg",
        "Ostsee 1987x1200.jpg",
        "0123 1987.jpg",
        "DSC02019.JPG",
        "P1010123.JPG",
        "MVI_1999.AVI",
        "IMG_20201301.jpg",
        "20190229.jpg",
        "20201301.jpg",
        "+4917612345678.jpg",
        "017612345678.jpg",
        "tree-736885_1920.jpg",
        "wallpaper 1920x1080.jpg",
        "2048.jpg",
        "1998.jpg",
        "12345678_10204050_1998_n.jpg",
        "100CANON/IMG_0001.JPG",
        "DCIM/101_1998/x.jpg",
        "Canon EOS 2000D/x.jpg",
        "1998-2003 Kinder/x.jpg",
        "2019-20/x.jpg",
        "v1.2019.3/x.jpg",
        "Snapchat-1565181182.jpg",
        "1565181182.jpg",
        "4006381333931.jpg",
        "received_10155839492834.jpeg",
        "S__12345678.jpg",
        "scan0001.tif",
        "C0001.MP4",
    ],
)
def test_counters_sizes_and_phone_numbers_are_no_dates(path: str) -> None:
    assert path_candidates(path.encode()) == ()


def test_a_pixel_name_is_an_instant_in_utc() -> None:
    (candidate,) = path_candidates(b"PXL_20210304_233456789.jpg")
    assert (candidate.local, candidate.is_utc) == ("2021-03-04T23:34:56.789000", True)
    assert _short(_resolve(path=b"PXL_20210304_233456789.jpg").capture) == (
        "2021-03-05T00:34:56.789000",
        60,
        "filename",
    )


def test_a_folder_that_tells_more_than_the_name_rules() -> None:
    assert _resolve(path=b"2019-08-07 Trip/Oma 2019.jpg").capture.source == "directory"
    assert _resolve(path=b"2018-08-07 Trip/Oma 2019.jpg").capture.source == "filename"


@given(st.binary(max_size=80))
def test_any_path_gives_real_dates_only(path: bytes) -> None:
    for candidate in path_candidates(path):
        assert parse_local(candidate.local or "") is not None
        assert candidate.source in ("filename", "directory")


@given(st.lists(st.sampled_from(sorted(SOURCES)), max_size=6), st.integers(-(1 << 63), (1 << 63) - 1))
def test_exactly_one_candidate_wins_whatever_is_offered(sources: list[str], mtime_ns: int) -> None:
    offered = tuple(DateCandidate(source, "r", "2019-08-07T10:00:00") for source in sources)
    resolution = resolve("photo", Facts("photo", "x", candidates=offered), b"x", mtime_ns, BERLIN, NOW_NS)
    assert [one.verdict for one in resolution.table].count("won") == 1
    assert all(one.reason for one in resolution.table)
