"""The closed list of date sources and the order in which they rule: metadata.md 1.2 (stills) and 1.3 (video).

A table and nothing else: whether a value can be believed is `catalog.date_rules`, what zone it is in `catalog.date_zones`.
`docs/capture-time.md` prints the same list, which a test compares.

Invariants: a source stands at most once in the order of a kind; the path comes last, and mtime last of all.
"""

from __future__ import annotations

from collections.abc import Iterable

from catalog.facts import DateCandidate, Kind

# The closed list: name -> meaning. `CaptureTime.source` and `DateCandidate.source` hold nothing else.
SOURCES: dict[str, str] = {
    "user": "said by a person",
    "sidecar:XMP-exif:DateTimeOriginal": "XMP sidecar: when it was taken",
    "sidecar:XMP-photoshop:DateCreated": "XMP sidecar: when the content was created",
    "sidecar:XMP-xmp:CreateDate": "XMP sidecar: when the file was first created",
    "ExifIFD:DateTimeOriginal": "EXIF: when the picture was taken",
    "ExifIFD:CreateDate": "EXIF: when it was digitised; the scan date of scans",
    "MakerNotes:DateTimeOriginal": "a maker's own record of when it was taken (Canon CRW, Sigma X3F, Reconyx)",
    "XMP-exif:DateTimeOriginal": "embedded XMP: when it was taken",
    "XMP-photoshop:DateCreated": "embedded XMP: when the content was created",
    "XMP-xmp:CreateDate": "embedded XMP: when the file was first created",
    "IPTC:DateCreated": "IPTC date and time created",
    "PNG:CreationTime": "PNG text chunk Creation Time",
    "RIFF:DateTimeOriginal": "date of an AVI or WAV recording",
    "QuickTime:Keys:CreationDate": "Apple's creation date, with its offset",
    "QuickTime:UserData:ContentCreateDate": "QuickTime ©day",
    "XML:CreationDateValue": "Sony's XML block in a video",
    "Matroska:DateTimeOriginal": "Matroska DateUTC",
    "ASF:CreationDate": "Windows Media creation date (UTC)",
    "H264:DateTimeOriginal": "AVCHD: clock inside the video stream",
    "ID3:RecordingTime": "ID3 recording time, or year",
    "Vorbis:Date": "Vorbis comment DATE",
    "XMP-exif:GPSDateTime": "embedded XMP: time of the GPS fix (UTC)",
    "GPS:GPSDateTime": "EXIF: time of the GPS fix (UTC)",
    "Takeout:photoTakenTime": "Google Takeout JSON: when Google thinks it was taken (UTC)",
    "IFD0:ModifyDate": "EXIF: when the file was last written by the camera",
    "QuickTime:CreateDate": "movie header: creation time (UTC by the standard)",
    "filename": "a date in the file's name",
    "directory": "a date in a folder's name",
    "mtime": "time of last change of the file: a guess",
}

SIDECAR_PREFIX = "sidecar:"
SIDECARS: tuple[str, ...] = tuple(source for source in SOURCES if source.startswith(SIDECAR_PREFIX))
TAKEOUT = "Takeout:photoTakenTime"
# What sidecars may tell: the elements of the set property `date`.
TOLD: frozenset[str] = frozenset({*SIDECARS, TAKEOUT})
MOVIE_HEADER = "QuickTime:CreateDate"
GPS_CLOCKS: tuple[str, ...] = ("GPS:GPSDateTime", "XMP-exif:GPSDateTime")

_TAKEN = ("ExifIFD:DateTimeOriginal", "MakerNotes:DateTimeOriginal", "ExifIFD:CreateDate")
_XMP = ("XMP-exif:DateTimeOriginal", "XMP-photoshop:DateCreated", "XMP-xmp:CreateDate")
_PATH = ("filename", "directory", "mtime")
_CONTENT_DAY = "QuickTime:UserData:ContentCreateDate"
_STILL_ORDER: tuple[str, ...] = (
    *SIDECARS,
    *_TAKEN,
    *_XMP,
    "IPTC:DateCreated",
    "PNG:CreationTime",
    *GPS_CLOCKS,
    TAKEOUT,
    "IFD0:ModifyDate",
    MOVIE_HEADER,
    *_PATH,
)
_VIDEO_ORDER: tuple[str, ...] = (
    "QuickTime:Keys:CreationDate",
    _CONTENT_DAY,
    *SIDECARS,
    TAKEOUT,
    "XML:CreationDateValue",
    "H264:DateTimeOriginal",
    *_TAKEN,
    "XMP-exif:DateTimeOriginal",
    "XMP-photoshop:DateCreated",
    "RIFF:DateTimeOriginal",
    "Matroska:DateTimeOriginal",
    "ASF:CreationDate",
    MOVIE_HEADER,
    "XMP-xmp:CreateDate",
    "IFD0:ModifyDate",
    *GPS_CLOCKS,
    *_PATH,
)
_AUDIO_ORDER: tuple[str, ...] = (
    *(source for source in _VIDEO_ORDER if source not in _PATH),
    "ID3:RecordingTime",
    "Vorbis:Date",
    *_PATH,
)
_ORDERS: dict[Kind, tuple[str, ...]] = {"photo": _STILL_ORDER, "video": _VIDEO_ORDER, "audio": _AUDIO_ORDER}
RANKS: dict[Kind, dict[str, int]] = {
    kind: {source: rank for rank, source in enumerate(order)} for kind, order in _ORDERS.items()
}


def in_order(kind: Kind, candidates: Iterable[DateCandidate]) -> list[DateCandidate]:
    """Return the candidates, best source first; equals stay in the order given."""
    ranks = RANKS[kind]
    return sorted(candidates, key=lambda candidate: _rank(candidate, ranks))


def _rank(candidate: DateCandidate, ranks: dict[str, int]) -> tuple[int, bool]:
    """Return the place; True = right behind the others there."""
    source, local = candidate.source, candidate.local or ""
    if source in (_CONTENT_DAY, "XML:CreationDateValue") and 0 < len(local) <= 10:
        # Without a time of day it is a label, often of a release: after the clocks.
        return ranks.get(MOVIE_HEADER, 0), True
    if source == _CONTENT_DAY and candidate.offset_min is None:
        # Only with an offset is it known to be Apple's or a maker's record of the moment: else after sidecars.
        return ranks.get(TAKEOUT, 0), True
    return ranks.get(source, len(ranks)), False
