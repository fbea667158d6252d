"""Capture time case by case: what a file, its path and its sidecars say, and the one answer (metadata.md 1.2 to 1.5).

For tests only. `CASES` is the table, written by hand; `exiftool_is_wrong` marks those where its plain answer (DateTimeOriginal, else
CreateDate, else GPSDateTime) is not the wall clock at which the picture was taken, as far as anybody can know.
`tests/unit/test_date_cases.py` asks our rules, `tests/contract/test_dates_against_exiftool.py` makes files and asks exiftool.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from catalog.capture import Confidence, Precision
from catalog.date_order import MOVIE_HEADER, SIDECARS, TAKEOUT
from catalog.date_texts import (
    SECONDS_1904_TO_1970,
    candidate_from_epoch,
    candidate_from_quicktime,
    candidate_from_text,
)
from catalog.dates import NeighbourZone, Resolution, ZoneSource, resolve
from catalog.facts import DateCandidate, Facts, Kind

BERLIN = ZoneInfo("Europe/Berlin")
NOW_NS = 1_790_000_000 * 10**9  # 2026-09-21
MTIME_NS = 1_700_000_000 * 10**9  # 2023-11-14T22:13:20Z
DTO, CREATE, MODIFY = "ExifIFD:DateTimeOriginal", "ExifIFD:CreateDate", "IFD0:ModifyDate"
KEYS, DAY, GPS = "QuickTime:Keys:CreationDate", "QuickTime:UserData:ContentCreateDate", "GPS:GPSDateTime"
XMP_DTO, XMP_DC, XMP_CREATE = "XMP-exif:DateTimeOriginal", "XMP-photoshop:DateCreated", "XMP-xmp:CreateDate"
SIDE_DTO, SIDE_DC, SIDE_CREATE = SIDECARS
TOKYO = (35.68, 139.69)
NEW_YORK = (40.71, -74.0)
NEIGHBOUR = NeighbourZone(540, "Asia/Tokyo", "0" * 26)


def tag(source: str, text: str, **more: str) -> DateCandidate:
    """Return what a reader makes of a date tag."""
    return candidate_from_text(source, text, **more)  # type: ignore[arg-type]


def gps(text: str) -> DateCandidate:
    """Return the time of a GPS fix."""
    return candidate_from_text(GPS, text, is_utc=True)


def seconds_1904(*moment: int) -> int:
    """Return seconds since 1904 of a moment in UTC."""
    return calendar.timegm((*moment, 0, 0, 0)) + SECONDS_1904_TO_1970


def mvhd(*moment: int) -> DateCandidate:
    """Return the creation time of a movie header that keeps to the standard."""
    return candidate_from_quicktime(MOVIE_HEADER, seconds_1904(*moment))


def takeout(*moment: int) -> DateCandidate:
    """Return what a Takeout JSON tells."""
    return candidate_from_epoch(TAKEOUT, str(calendar.timegm((*moment, 0, 0, 0))))


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is said, and the answer."""

    name: str
    local: str
    source: str
    offset_min: int | None = None
    zone: str | None = None
    precision: Precision = "second"
    confidence: Confidence = "exact"
    zone_source: ZoneSource = "library"
    kind: Kind = "photo"
    path: str = "IMG_1234.JPG"
    tags: tuple[DateCandidate, ...] = ()
    told: tuple[DateCandidate, ...] = ()
    neighbour: NeighbourZone | None = None
    position: tuple[float, float] | None = None
    software: str | None = None
    make: str | None = None
    duration_s: float | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    exiftool_is_wrong: bool = False

    def facts(self) -> Facts:
        """Return what a reader would say of the bytes."""
        lat, lon = self.position or (None, None)
        return Facts(
            self.kind, "x/y", lat=lat, lon=lon, software=self.software, make=self.make, duration_s=self.duration_s,
            candidates=self.tags, extra=self.extra,
        )  # fmt: skip

    def resolve(self, facts: Facts | None = None) -> Resolution:
        """Return our answer, of the facts given or of its own."""
        return resolve(
            self.kind, facts or self.facts(), self.path.encode(), MTIME_NS, BERLIN, NOW_NS, told=self.told,
            neighbour=self.neighbour,
        )  # fmt: skip


def _wrong(**fields: Any) -> Case:
    return Case(**fields, exiftool_is_wrong=True)


_MTIME = {
    "local": "2023-11-14T23:13:20",
    "source": "mtime",
    "offset_min": 60,
    "zone": "Europe/Berlin",
    "confidence": "guess",
}
_NAME = {
    "local": "2019-08-07T14:33:02",
    "source": "filename",
    "confidence": "derived",
    "zone_source": "library",
}
_PATH = "IMG_20190807_143302.jpg"
_CLOCK = "2019:08:07 14:33:02"
_TAKEN = {"local": "2019-08-07T14:33:02", "source": DTO}

CASES: list[Case] = [
    # ---- order of stills (1.2)
    Case(name="a camera's date without any zone", tags=(tag(DTO, _CLOCK),), **_TAKEN),
    Case(name="taken before digitised", tags=(tag(CREATE, "2020:01:01 10:00:00"), tag(DTO, _CLOCK)), **_TAKEN),
    Case(name="digitised where nothing else is", tags=(tag(CREATE, _CLOCK),), local="2019-08-07T14:33:02", source=CREATE),
    Case(
        name="a scanner's date is that of the scan", tags=(tag(CREATE, _CLOCK),), make="EPSON Perfection V600",
        local="2019-08-07T14:33:02", source=CREATE, confidence="derived",
    ),
    Case(
        name="a scan in a folder that tells an earlier year",
        tags=(tag(DTO, "2015:03:01 10:00:00"), tag(CREATE, "2015:03:01 10:00:00")), make="EPSON Perfection V600",
        path="Bilder/1974 Hochzeit/scan0001.jpg", local="1974", source="directory", precision="year",
        confidence="derived", zone_source="none",
    ),
    Case(
        name="a scan that somebody dated", tags=(tag(DTO, "1974:06:01 12:00:00"), tag(CREATE, "2015:03:01 10:00:00")),
        make="EPSON Perfection V600", path="1970 Album/scan0001.jpg", local="1974-06-01T12:00:00", source=DTO,
    ),
    Case(
        name="a camera's picture in a folder of an earlier year", tags=(tag(CREATE, "2015:03:01 10:00:00"),),
        path="1974 Hochzeit/scan0001.jpg", local="2015-03-01T10:00:00", source=CREATE,
    ),
    Case(
        name="a scan in a folder of the year of the scan", tags=(tag(CREATE, "2015:03:01 10:00:00"),),
        make="EPSON Perfection V600", path="Scans 2015/scan0001.jpg", local="2015-03-01T10:00:00", source=CREATE,
        confidence="derived",
    ),
    Case(
        name="a maker's own record", tags=(tag("MakerNotes:DateTimeOriginal", _CLOCK),), local="2019-08-07T14:33:02",
        source="MakerNotes:DateTimeOriginal",
    ),
    Case(
        name="embedded XMP only", tags=(tag(XMP_DTO, "2019-08-07T14:33:02+02:00"),), local="2019-08-07T14:33:02",
        source=XMP_DTO, offset_min=120, zone_source="tag",
    ),
    Case(
        name="XMP tells a month", tags=(tag(XMP_DC, "1978-05"),), local="1978-05", source=XMP_DC, precision="month",
        zone_source="none",
    ),
    Case(
        name="XMP without seconds", tags=(tag(XMP_CREATE, "2019-08-07T14:33"),), local="2019-08-07T14:33",
        source=XMP_CREATE, precision="minute",
    ),
    Case(
        name="IPTC only", tags=(tag("IPTC:DateCreated", "20190807143302+0200"),), local="2019-08-07T14:33:02",
        source="IPTC:DateCreated", offset_min=120, zone_source="tag",
    ),
    Case(
        name="IPTC without a time", tags=(tag("IPTC:DateCreated", "20190807"),), local="2019-08-07",
        source="IPTC:DateCreated", precision="day", zone_source="none",
    ),
    _wrong(
        name="a PNG's creation time in words", tags=(tag("PNG:CreationTime", "Wed, 7 Aug 2019 14:33:02 +0200"),),
        path="a.png", local="2019-08-07T14:33:02", source="PNG:CreationTime", offset_min=120, zone_source="tag",
    ),
    Case(
        name="a GPS time alone, in the zone of its place", tags=(gps("2023:11:15 12:30:00"),), position=(34.05, -118.24),
        local="2023-11-15T04:30:00", source=GPS, offset_min=-480, zone="America/Los_Angeles", zone_source="coordinates",
    ),
    Case(
        name="a GPS time alone, the name tells the offset", tags=(gps("2019:08:07 05:32:50"),), path=_PATH,
        local="2019-08-07T14:32:50", source=GPS, offset_min=540, zone_source="file name",
    ),
    Case(
        name="the camera wrote the file", tags=(tag(MODIFY, _CLOCK),), software="Ver.1.00", local="2019-08-07T14:33:02",
        source=MODIFY, confidence="derived",
    ),
    _wrong(
        name="an editor wrote the file", tags=(tag(MODIFY, "2022:01:01 10:00:00"),), software="Adobe Photoshop 21.0",
        path=_PATH, **_NAME,
    ),
    Case(name="nothing but the file's time", path="a.jpg", zone_source="library", **_MTIME),
    # ---- sidecars and Takeout (1.2, row 1 and 8; decision 7)
    _wrong(
        name="a sidecar corrects the camera", tags=(tag(DTO, "2018:01:01 09:00:00"),), told=(tag(SIDE_DTO, "2019-08-07T14:33:02"),),
        local="2019-08-07T14:33:02", source=SIDE_DTO,
    ),
    Case(
        name="bytes tell a sidecar's moment more finely", tags=(tag(DTO, "2019:08:07 12:00:00", subsec="45", offset="+02:00"),),
        told=(tag(SIDE_DTO, "2019-08-07T12:00:00"),), local="2019-08-07T12:00:00.450000", source=DTO, offset_min=120,
        precision="subsec", zone_source="tag",
    ),
    Case(
        name="bytes tell a sidecar's moment with an offset", tags=(tag(DTO, _CLOCK, offset="+09:00"),),
        told=(tag(SIDE_DC, "2019-08-07T14:33:02"),), offset_min=540, zone_source="tag", **_TAKEN,
    ),
    Case(
        name="bytes are finer, the sidecar has the offset", tags=(tag(DTO, _CLOCK, subsec="45"),),
        told=(tag(SIDE_DTO, "2019-08-07T14:33:02+09:00"),), local="2019-08-07T14:33:02.450000", source=DTO,
        offset_min=540, precision="subsec", zone_source="another tag",
    ),
    Case(
        name="a sidecar's other offset is another moment", tags=(tag(DTO, _CLOCK, offset="+02:00"),),
        told=(tag(SIDE_DTO, "2019-08-07T14:33:02+09:00"),), local="2019-08-07T14:33:02", source=SIDE_DTO, offset_min=540,
        zone_source="tag",
    ),
    Case(
        name="a sidecar in Z is the bytes' moment", tags=(tag(DTO, _CLOCK, offset="+02:00"),),
        told=(tag(SIDE_DTO, "2019-08-07T12:33:02Z"),), offset_min=120, zone_source="tag", **_TAKEN,
    ),
    Case(
        name="a sidecar's day, the bytes' time", tags=(tag(DTO, _CLOCK),), told=(tag(SIDE_DC, "2019-08-07"),), **_TAKEN,
    ),
    Case(
        name="a sidecar dates a scan", tags=(tag(DTO, _CLOCK),), told=(tag(SIDE_DC, "1978"),), local="1978", source=SIDE_DC,
        precision="year", zone_source="none",
    ),
    Case(
        name="taken before created, in a sidecar too", told=(tag(SIDE_CREATE, "2020-01-01T10:00:00"), tag(SIDE_DTO, "2019-08-07T14:33:02")),
        local="2019-08-07T14:33:02", source=SIDE_DTO,
    ),
    Case(
        name="a sidecar's reset is no better than a camera's", told=(tag(SIDE_DTO, "2000-01-01T00:00:00"),), tags=(tag(CREATE, _CLOCK),),
        local="2019-08-07T14:33:02", source=CREATE,
    ),
    Case(
        name="Takeout below EXIF", tags=(tag(DTO, _CLOCK),), told=(takeout(2021, 1, 1, 0, 0, 0),), **_TAKEN,
    ),
    _wrong(
        name="Takeout above a name, which tells the offset", told=(takeout(2019, 8, 7, 5, 33, 2),), path=_PATH,
        local="2019-08-07T14:33:02", source=TAKEOUT, offset_min=540, confidence="derived", zone_source="file name",
    ),
    _wrong(
        name="Takeout alone, in the library's zone", told=(takeout(2019, 8, 7, 12, 33, 2),), local="2019-08-07T14:33:02",
        source=TAKEOUT, offset_min=120, zone="Europe/Berlin", confidence="derived",
    ),
    Case(
        name="Takeout before 1970", told=(takeout(1965, 7, 1, 11, 0, 0),), local="1965-07-01T12:00:00", source=TAKEOUT,
        offset_min=60, zone="Europe/Berlin", confidence="derived",
    ),
    Case(
        name="Takeout takes a clock for UTC: no witness of an offset", tags=(tag(DTO, _CLOCK),), told=(takeout(2019, 8, 7, 14, 33, 2),),
        **_TAKEN,
    ),
    # ---- movies (1.3)
    _wrong(
        name="Apple's key over the header of an export", kind="video", path="IMG_1.MOV",
        tags=(mvhd(2026, 5, 23, 8, 9, 57), tag(KEYS, "2026-03-23T15:27:12+0100")), local="2026-03-23T15:27:12",
        source=KEYS, offset_min=60, zone_source="tag",
    ),
    _wrong(
        name="©day with an offset over the header", kind="video", path="a.mov",
        tags=(mvhd(2024, 2, 2, 8, 9, 57), tag(DAY, "2003-04-05T06:07:08+0100")), local="2003-04-05T06:07:08",
        source=DAY, offset_min=60, zone_source="tag",
    ),
    _wrong(
        name="©day without an offset below a sidecar", kind="video", path="a.mov", tags=(tag(DAY, "2003-04-05T06:07:08"),),
        told=(tag(SIDE_DTO, "2003-04-06T10:00:00+01:00"),), local="2003-04-06T10:00:00", source=SIDE_DTO, offset_min=60,
        zone_source="tag",
    ),
    Case(
        name="a year in ©day is a label", kind="video", path="a.mov", tags=(mvhd(2024, 2, 2, 8, 9, 57), tag(DAY, "2003")),
        local="2024-02-02T09:09:57", source=MOVIE_HEADER, offset_min=60, zone="Europe/Berlin",
    ),
    _wrong(
        name="Takeout over the header", kind="video", path="a.mp4", tags=(mvhd(2024, 2, 2, 8, 9, 57),),
        told=(takeout(2019, 8, 7, 12, 33, 2),), local="2019-08-07T14:33:02", source=TAKEOUT, offset_min=120,
        zone="Europe/Berlin", confidence="derived",
    ),
    Case(
        name="Takeout's instant with the bytes' own clock", kind="video", path="C0001.MP4",
        tags=(tag("XML:CreationDateValue", "2019-08-07T14:33:02+09:00"),), told=(takeout(2019, 8, 7, 5, 33, 2),),
        local="2019-08-07T14:33:02", source="XML:CreationDateValue", offset_min=540, zone_source="tag",
    ),
    _wrong(
        name="a header in UTC, in the library's zone", kind="video", path="a.mp4", tags=(mvhd(2021, 6, 23, 23, 30, 0),),
        local="2021-06-24T01:30:00", source=MOVIE_HEADER, offset_min=120, zone="Europe/Berlin",
    ),
    _wrong(
        name="a header in UTC, in the zone of its place", kind="video", path="a.mp4", tags=(mvhd(2021, 6, 23, 23, 30, 0),),
        position=TOKYO, local="2021-06-24T08:30:00", source=MOVIE_HEADER, offset_min=540, zone="Asia/Tokyo",
        zone_source="coordinates",
    ),
    _wrong(
        name="a header in UTC, the name tells the offset", kind="video", path="VID_20210623_145059.mp4",
        tags=(mvhd(2021, 6, 23, 18, 50, 59),), local="2021-06-23T14:50:59", source=MOVIE_HEADER, offset_min=-240,
        zone_source="file name",
    ),
    _wrong(
        name="Samsung: the header is the end", kind="video", path="20210623_145059.mp4", duration_s=36.9,
        tags=(mvhd(2021, 6, 23, 18, 51, 37),), local="2021-06-23T14:51:00", source=MOVIE_HEADER, offset_min=-240,
        zone_source="file name",
    ),
    _wrong(
        name="Samsung: a long one ends in the next hour", kind="video", path="20210623_145059.mp4", duration_s=1801.0,
        tags=(mvhd(2021, 6, 23, 13, 21, 0),), local="2021-06-23T14:50:59", source=MOVIE_HEADER, offset_min=120,
        zone_source="file name",
    ),
    Case(
        name="a header in local time, as its name", kind="video", path="20210623_145059.mp4", tags=(mvhd(2021, 6, 23, 14, 50, 59),),
        local="2021-06-23T14:50:59", source=MOVIE_HEADER, confidence="derived",
    ),
    Case(
        name="a header in local time, with a place", kind="video", path="20210623_145059.mp4", position=TOKYO,
        tags=(mvhd(2021, 6, 23, 14, 50, 59),), local="2021-06-23T14:50:59", source=MOVIE_HEADER, offset_min=540,
        zone="Asia/Tokyo", confidence="derived", zone_source="coordinates",
    ),
    _wrong(
        name="a header that counts from 1970", kind="video", path="a.mp4",
        tags=(candidate_from_quicktime(MOVIE_HEADER, 1_624_474_297),), local="2021-06-23T20:51:37", source=MOVIE_HEADER,
        offset_min=120, zone="Europe/Berlin", confidence="derived",
    ),
    _wrong(
        name="a header that counts from 1970, with its name", kind="video", path="20210623_145137.mp4",
        tags=(candidate_from_quicktime(MOVIE_HEADER, 1_624_474_297),), local="2021-06-23T14:51:37", source=MOVIE_HEADER,
        offset_min=-240, zone_source="file name",
    ),
    _wrong(
        name="a header of a clock that stood still", kind="video", path="VID_20190807_143302.mp4",
        tags=(candidate_from_quicktime(MOVIE_HEADER, 5),), **_NAME,
    ),
    _wrong(
        name="a header of 1904", kind="video", path="VID_20190807_143302.mp4",
        tags=(candidate_from_quicktime(MOVIE_HEADER, 0),), **_NAME,
    ),
    _wrong(
        name="a Pixel movie: name and header are UTC", kind="video", path="PXL_20210304_123456789.mp4", position=TOKYO,
        tags=(mvhd(2021, 3, 4, 12, 34, 56),), local="2021-03-04T21:34:56", source=MOVIE_HEADER, offset_min=540,
        zone="Asia/Tokyo", zone_source="coordinates",
    ),
    _wrong(
        name="a Pixel movie without a header", kind="video", path="PXL_20210304_233456789.mp4",
        local="2021-03-05T00:34:56.789000", source="filename", offset_min=60, zone="Europe/Berlin", precision="subsec",
        confidence="derived",
    ),
    Case(
        name="a name of another day moves no header", kind="video", path="20190101_101010.mp4", tags=(mvhd(2021, 6, 23, 12, 0, 0),),
        local="2021-06-23T14:00:00", source=MOVIE_HEADER, offset_min=120, zone="Europe/Berlin",
    ),
    Case(
        name="an AVI's local clock against a header in UTC", kind="video", path="a.mp4",
        tags=(tag("H264:DateTimeOriginal", "2021:06:23 14:50:59"), mvhd(2021, 6, 23, 12, 50, 59)), local="2021-06-23T14:50:59",
        source="H264:DateTimeOriginal", offset_min=120, zone_source="another tag",
    ),
    Case(
        name="Matroska is UTC", kind="video", path="a.mkv", tags=(candidate_from_text("Matroska:DateTimeOriginal", "2021:06:23 12:50:59", is_utc=True),),
        local="2021-06-23T14:50:59", source="Matroska:DateTimeOriginal", offset_min=120, zone="Europe/Berlin",
    ),
    # ---- zones (1.4)
    Case(name="an explicit +00:00 beats the place", tags=(tag(DTO, _CLOCK, offset="+00:00"),), position=TOKYO, offset_min=0, zone_source="tag", **_TAKEN),
    Case(
        name="a tag that agrees with the place gets its name", tags=(tag(DTO, _CLOCK, offset="+09:00"),), position=TOKYO,
        offset_min=540, zone="Asia/Tokyo", zone_source="tag", **_TAKEN,
    ),
    Case(
        name="a maker note beats the place", tags=(tag(DTO, _CLOCK),), position=TOKYO, extra={"zone_min": 60, "zone_source": "Nikon:TimeZone"},
        offset_min=60, zone_source="maker note", **_TAKEN,
    ),
    Case(
        name="a maker note says nothing of another program's clock", tags=(tag(XMP_DTO, "2019-08-07T14:33:02"), tag(MODIFY, "2020:01:01 10:00:00")),
        extra={"zone_min": 60, "zone_source": "Nikon:TimeZone"}, local="2019-08-07T14:33:02", source=XMP_DTO,
    ),
    Case(
        name="the place tells the offset", tags=(tag(DTO, _CLOCK),), position=TOKYO, offset_min=540, zone="Asia/Tokyo",
        zone_source="coordinates", **_TAKEN,
    ),
    Case(
        name="the place in winter time", tags=(tag(DTO, "2019:01:07 14:33:02"),), position=NEW_YORK, local="2019-01-07T14:33:02",
        source=DTO, offset_min=-300, zone="America/New_York", zone_source="coordinates",
    ),
    Case(
        name="an old fix: its place tells nothing", tags=(tag(DTO, _CLOCK), gps("2019:08:05 01:00:00")), position=TOKYO, **_TAKEN,
    ),
    Case(
        name="an old fix, a neighbour knows", tags=(tag(DTO, _CLOCK), gps("2019:08:05 01:00:00")), position=NEW_YORK, neighbour=NEIGHBOUR,
        offset_min=540, zone="Asia/Tokyo", zone_source="neighbours", **_TAKEN,
    ),
    Case(
        name="a fix of an hour ago: its place counts", tags=(tag(DTO, _CLOCK), gps("2019:08:07 04:25:00")), position=TOKYO,
        offset_min=540, zone="Asia/Tokyo", zone_source="coordinates", **_TAKEN,
    ),
    Case(
        name="a receiver that counts weeks anew is no old fix", tags=(tag(DTO, _CLOCK), gps("1999:12:22 05:33:02")), position=TOKYO,
        offset_min=540, zone="Asia/Tokyo", zone_source="coordinates", **_TAKEN,
    ),
    Case(
        name="the offset of another tag", tags=(tag(DTO, _CLOCK), tag(XMP_DC, "2019-08-07T14:33:02-07:00")), offset_min=-420,
        zone_source="another tag", **_TAKEN,
    ),
    Case(
        name="the offset of another moment is none", tags=(tag(DTO, _CLOCK), tag(XMP_DC, "2019-08-07T16:33:02-07:00")), **_TAKEN,
    ),
    Case(
        name="the GPS clock tells the offset", tags=(tag(DTO, _CLOCK), gps("2019:08:07 12:32:10")), offset_min=120,
        zone_source="GPS clock", **_TAKEN,
    ),
    Case(
        name="the GPS clock on a quarter hour", tags=(tag(DTO, _CLOCK), gps("2019:08:07 08:48:02")), offset_min=345,
        zone_source="GPS clock", **_TAKEN,
    ),
    Case(name="a GPS clock off the grid", tags=(tag(DTO, _CLOCK), gps("2019:08:07 12:28:00")), **_TAKEN),
    Case(name="a GPS clock 15 hours away", tags=(tag(DTO, _CLOCK), gps("2019:08:06 23:33:02")), **_TAKEN),
    Case(
        name="a Pixel name tells the offset of a clock", tags=(tag(DTO, "2021:03:04 13:34:56"),), path="PXL_20210304_123456789.jpg",
        local="2021-03-04T13:34:56", source=DTO, offset_min=60, zone_source="file name",
    ),
    Case(name="a neighbour tells the offset", tags=(tag(DTO, _CLOCK),), neighbour=NEIGHBOUR, offset_min=540, zone="Asia/Tokyo", zone_source="neighbours", **_TAKEN),
    Case(
        name="a neighbour moves no instant", kind="video", path="a.mp4", tags=(mvhd(2021, 6, 23, 12, 0, 0),), neighbour=NEIGHBOUR,
        local="2021-06-23T14:00:00", source=MOVIE_HEADER, offset_min=120, zone="Europe/Berlin",
    ),
    Case(
        name="a neighbour says nothing of a day", tags=(tag(XMP_DC, "2019-08-07"),), neighbour=NEIGHBOUR, local="2019-08-07",
        source=XMP_DC, precision="day", zone_source="none",
    ),
    Case(
        name="hundredths are decimals", tags=(tag(DTO, _CLOCK, subsec="9", offset="-07:00"),), local="2019-08-07T14:33:02.900000",
        source=DTO, offset_min=-420, precision="subsec", zone_source="tag",
    ),
    # ---- bogus values (1.5)
    _wrong(name="zeros", tags=(tag(DTO, "0000:00:00 00:00:00"),), path=_PATH, **_NAME),
    _wrong(name="blanks", tags=(tag(DTO, "    :  :     :  :  "),), path=_PATH, **_NAME),
    _wrong(name="30 February", tags=(tag(DTO, "2019:02:30 10:00:00"),), path=_PATH, **_NAME),
    _wrong(name="hour 24", tags=(tag(DTO, "2019:08:06 24:00:00"),), path=_PATH, **_NAME),
    _wrong(name="before photography", tags=(tag(DTO, "1800:01:01 10:00:00"),), path=_PATH, **_NAME),
    _wrong(name="in the future", tags=(tag(DTO, "2098:01:01 10:00:00"),), path=_PATH, **_NAME),
    _wrong(name="zero of Unix", tags=(tag(DTO, "1970:01:01 01:00:00"),), path=_PATH, **_NAME),
    _wrong(name="zero of FAT", tags=(tag(DTO, "1980:01:01 00:00:04"),), path=_PATH, **_NAME),
    _wrong(name="reset to 2000", tags=(tag(DTO, "2000:01:01 00:00:21"),), path=_PATH, **_NAME),
    _wrong(name="reset to 2002", tags=(tag(DTO, "2002:12:08 12:00:00"),), path=_PATH, **_NAME),
    _wrong(name="reset to 2012", tags=(tag(DTO, "2012:01:01 00:00:30"),), path=_PATH, **_NAME),
    _wrong(
        name="a reset camera, a better field below", tags=(tag(DTO, "2000:01:01 00:00:00"), tag(MODIFY, _CLOCK)),
        local="2019-08-07T14:33:02", source=MODIFY, confidence="derived",
    ),
    Case(
        name="a reset that a folder confirms", tags=(tag(DTO, "2000:01:01 00:00:05"),), path="2000-01-01 New Year/a.jpg",
        local="2000-01-01T00:00:05", source=DTO,
    ),
    _wrong(name="a receiver that never had a fix", tags=(gps("1980:01:06 00:00:12"),), path=_PATH, **_NAME),
    _wrong(
        name="a year is all that is known", tags=(tag(DTO, "1987:00:00 00:00:00"),), local="1987", source=DTO, precision="year",
        zone_source="none",
    ),
    Case(name="a scan of 1919", tags=(tag(DTO, "1919:05:04 12:00:00"),), local="1919-05-04T12:00:00", source=DTO),
    # ---- names and folders (1.2, rows 9 and 10)
    _wrong(
        name="a Pixel name is UTC", path="PXL_20210304_233456789.jpg", local="2021-03-05T00:34:56.789000", source="filename",
        offset_min=60, zone="Europe/Berlin", precision="subsec", confidence="derived",
    ),
    Case(name="a Samsung name", path="20190807_143302.jpg", **_NAME),
    Case(name="a Samsung burst", path="20190807_143302_001.jpg", **_NAME),
    _wrong(
        name="WhatsApp tells a day", path="IMG-20190807-WA0001.jpg", local="2019-08-07", source="filename", precision="day",
        confidence="derived", zone_source="none",
    ),
    Case(name="WhatsApp Web", path="WhatsApp Image 2019-08-07 at 14.33.02.jpeg", **_NAME),
    Case(name="Telegram", path="photo_2019-08-07_14-33-02.jpg", **_NAME),
    Case(name="Signal", path="signal-2019-08-07-143302.jpg", **_NAME),
    Case(name="Android screenshot", path="Screenshot_20190807-143302_Chrome.png", **_NAME),
    Case(name="macOS screenshot", path="Screen Shot 2019-08-07 at 2.33.02 PM.png", **_NAME),
    Case(name="Windows screenshot", path="Screenshot 2019-08-07 143302.png", **_NAME),
    Case(name="GNOME screenshot", path="Screenshot from 2019-08-07 14-33-02.png", **_NAME),
    Case(name="Dropbox", path="Camera Uploads/2019-08-07 14.33.02.jpg", **_NAME),
    _wrong(
        name="Facebook counts milliseconds", path="FB_IMG_1565181182000.jpg", local="2019-08-07T14:33:02.000000", source="filename",
        offset_min=120, zone="Europe/Berlin", precision="subsec", confidence="derived",
    ),
    Case(name="a scan's number is no date", path="scan0001.tif", **_MTIME),
    Case(name="a counter is no year", path="IMG_1998.JPG", **_MTIME),
    Case(name="a size is no year", path="wallpaper 1920x1080.jpg", **_MTIME),
    Case(
        name="year and month folders", path="2019/08/IMG_1.JPG", local="2019-08", source="directory", precision="month",
        confidence="derived", zone_source="none",
    ),
    Case(
        name="a folder of a year", path="Fotos/1998/a.jpg", local="1998", source="directory", precision="year",
        confidence="derived", zone_source="none",
    ),
    Case(
        name="a folder tells the day of a name's year", path="2019-08-07 Trip/Oma 2019.jpg", local="2019-08-07", source="directory",
        precision="day", confidence="derived", zone_source="none",
    ),
    Case(
        name="a sound's year", kind="audio", path="a.mp3", tags=(tag("ID3:RecordingTime", "1999"),), local="1999",
        source="ID3:RecordingTime", precision="year", zone_source="none",
    ),
]  # fmt: skip
