"""Dates that a path tells: file names of phones, cameras, messengers and people, and dated folders.

Pure. A wrong date from a counter (`IMG_1998.JPG`) or a size (`_1920.jpg`) is worse than none, so a bare
year or month counts only where no camera writes numbers. Names are local time, but `PXL_` names are UTC
(metadata.md 1.2, row 9), and so are names that count milliseconds.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from catalog.capture import Precision, format_local
from catalog.facts import DateCandidate

_YEAR = r"(?P<y>(?:18[3-9]|19\d|20[0-9])\d)"
_DAY = rf"{_YEAR}(?P<m>0[1-9]|1[0-2])(?P<d>0[1-9]|[12]\d|3[01])"
_DAY_APART = rf"{_YEAR}(?P<s>[-_. :])(?P<m>0[1-9]|1[0-2])(?P=s)(?P<d>0[1-9]|[12]\d|3[01])"
_TIME = r"(?P<H>[01]\d|2[0-3])(?P<M>[0-5]\d)(?P<S>[0-5]\d)"
_FRACTION = r"(?:(?P<f>\d{3})|\d{2})?"  # milliseconds; two digits more are what Epson's scanners count
_TIME_APART = r"(?P<H>\d{1,2})[-_.:h ](?P<M>[0-5]\d)(?:[-_.:m ](?P<S>[0-5]\d))?"
_BETWEEN = r"[-_ .T]| ?, |__| at | um | - "
_NOON = r"(?:[ \u202f]?(?P<noon>[AaPp])\.?[Mm]\b)?"

# First match wins. Whole moments first, days next.
_NAME_PATTERNS: tuple[re.Pattern[str], ...] = (
    re.compile(rf"^(?P<utc>PXL)_{_DAY}_{_TIME}(?P<f>\d{{3}})?(?!\d)"),
    re.compile(rf"(?<!\d){_DAY}(?:[-_ .T]|__| at )?{_TIME}{_FRACTION}(?!\d)"),
    # Windows phones and cameras (WP_, WIN_), then dashcams.
    re.compile(rf"(?<!\d){_DAY}_(?P<H>[01]\d|2[0-3])_(?P<M>[0-5]\d)_(?P<S>[0-5]\d)(?!\d)"),
    re.compile(rf"(?<!\d){_YEAR}_(?P<m>0[1-9]|1[0-2])(?P<d>0[1-9]|[12]\d|3[01])_{_TIME}(?!\d)"),
    # Telegram's export: day first, behind an `@`.
    re.compile(
        rf"@(?P<d>0[1-9]|[12]\d|3[01])-(?P<m>0[1-9]|1[0-2])-{_YEAR}_(?P<H>[01]\d|2[0-3])-(?P<M>[0-5]\d)-(?P<S>[0-5]\d)(?!\d)"
    ),
    re.compile(rf"(?<!\d){_DAY_APART}(?:{_BETWEEN})(?:kl |à )?{_TIME}(?P<f>\d{{3}})?(?!\d)"),
    re.compile(
        rf"(?<!\d){_DAY_APART}(?:{_BETWEEN})(?:kl |à )?{_TIME_APART}"
        rf"(?:[-_.](?P<f>\d{{3}}))?(?!\d){_NOON}"
    ),
    re.compile(rf"(?<!\d){_DAY}(?!\d)"),
    re.compile(rf"(?<!\d){_DAY_APART}(?!\d)"),
    re.compile(rf"^{_YEAR}-(?P<m>0[1-9]|1[0-2])(?!\d)"),
)
_DIRECTORY_PATTERNS: tuple[re.Pattern[str], ...] = (
    re.compile(rf"(?<!\d){_DAY}(?!\d)"),
    re.compile(rf"(?<!\d){_DAY_APART}(?!\d)"),
    re.compile(rf"(?<!\d){_YEAR}[-_. ](?P<m>0[1-9]|1[0-2])(?![\d])"),
    re.compile(rf"^{_YEAR}(?P<m>0[1-9]|1[0-2])(?=\D|$)"),
)
_LONE_YEAR = re.compile(rf"(?<![\w.,:×])(?<!\d-){_YEAR}(?![\w.,:×]|-\d)")
_NAME_YEAR = re.compile(rf"(?<![^\W_])(?<![-.,:×]\d){_YEAR}(?![^\W_])(?![-.,:×]\d)")
_MONTH_FOLDER = re.compile(r"(?P<m>0?[1-9]|1[0-2])(?:[-_. ]\s*[^\W\d_].*)?")
_DAY_FOLDER = re.compile(r"(?P<d>0?[1-9]|[12]\d|3[01])(?:[-_. ]\s*[^\W\d_].*)?")

# Milliseconds since 1970, in UTC: 13 digits of this century behind the words that apps put there, or as the whole name (LINE).
_EPOCH_NAME = re.compile(
    r"(?:(?:FB_(?:IMG|VID)|mmexport|wx_camera|microMsg|IMG|VID|image|video|photo)[-_.]?)?(?P<ms>1\d{12})"
    r"(?:[-_]V|_\d{1,2}| \(\d{1,2}\)|\(\d{1,2}\))?",
    re.IGNORECASE,
)
_EPOCH_MS = range(1_167_609_600_000, 1_893_456_000_000)  # 2007, when phones became cameras, to 2029

# Words that cameras and programs put before a running number.
_COUNTER_WORDS = frozenset(
    """img dsc dscn dscf dscs dsci dcp pic pict picture photo image imag bild vid video mov mvi clip movie sam
    sany imgp sdc kic hpim cimg crw mg fx gopr gp gh gx gl dji pano file untitled screenshot snapshot capture
    page scan scans p e c s v r w""".split()  # noqa: SIM905 - a list of words reads better as words
) | {"foto"}  # codespell:ignore
# Before it nobody took what people scan today, and sizes like 1840 are met all the time.
_FIRST_PHOTO_YEAR = 1850
_PIXEL_SIZES = frozenset({1920, 2048, 2000, 1840, 1856, 1880, 1944})  # common long edges in export names


def path_candidates(relpath: bytes) -> tuple[DateCandidate, ...]:
    """Return what the path says: at most one candidate `filename`, then at most one `directory`."""
    *folders, name = relpath.decode("utf-8", "replace").split("/")
    found = (_name_candidate(name), _directory_candidate(folders))
    return tuple(candidate for candidate in found if candidate is not None)


def _name_candidate(name: str) -> DateCandidate | None:
    stem = name.rpartition(".")[0] or name
    for pattern in _NAME_PATTERNS:
        match = pattern.search(stem)
        candidate = match and _candidate("filename", name, match)
        if candidate:
            return candidate
    return _epoch(stem, name) or _lone_year("filename", stem, name)


def _epoch(stem: str, name: str) -> DateCandidate | None:
    """Read a name of 13 digits: no counter has so many. Ten digits (seconds) are as likely a phone number: never read."""
    match = _EPOCH_NAME.fullmatch(stem)
    if match is None or int(match["ms"]) not in _EPOCH_MS:
        return None
    moment = datetime(1970, 1, 1) + timedelta(milliseconds=int(match["ms"]))  # noqa: DTZ001 - UTC, kept naive
    return DateCandidate("filename", name, format_local(moment, "subsec"), is_utc=True)


def _directory_candidate(folders: list[str]) -> DateCandidate | None:
    """Look from the deepest folder outwards; the first that tells a date rules."""
    for depth in range(len(folders) - 1, -1, -1):
        folder = folders[depth]
        for pattern in _DIRECTORY_PATTERNS:
            match = pattern.search(folder)
            candidate = match and _candidate("directory", folder, match)
            if candidate:
                return candidate
        candidate = _nested(folders[: depth + 1]) or _lone_year("directory", folder, folder)
        if candidate:
            return candidate
    return None


def _nested(folders: list[str]) -> DateCandidate | None:
    """Read `2019/08` and `2019/08/07` (each may carry words: `2019/08 August/07 Wedding`)."""
    for count in (3, 2):
        parts = folders[-count:]
        if len(parts) < count or not re.fullmatch(_YEAR, parts[0]):
            continue
        month = _MONTH_FOLDER.fullmatch(parts[1])
        day = _DAY_FOLDER.fullmatch(parts[2]) if count == 3 else None
        if month is None or (count == 3 and day is None):
            continue
        local = f"{parts[0]}-{int(month['m']):02d}" + (f"-{int(day['d']):02d}" if day else "")
        if day is None or _is_day(int(parts[0]), int(month["m"]), int(day["d"])):
            return DateCandidate("directory", "/".join(parts), local)
    return None


def _is_day(year: int, month: int, day: int) -> bool:
    try:
        return bool(datetime(year, month, day))  # noqa: DTZ001
    except ValueError:
        return False


def _candidate(source: str, raw: str, match: re.Match[str]) -> DateCandidate | None:
    part = match.groupdict()
    hour = _hour(part)
    if hour is None:
        return None
    try:
        moment = datetime(  # noqa: DTZ001 - a wall clock
            int(part["y"]),
            int(part.get("m") or 1),
            int(part.get("d") or 1),
            hour,
            int(part.get("M") or 0),
            int(part.get("S") or 0),
            int(part.get("f") or 0) * 1000,
        )
    except ValueError:
        return None
    return DateCandidate(source, raw, format_local(moment, _precision(part)), is_utc=bool(part.get("utc")))


def _hour(part: dict[str, str | None]) -> int | None:
    """Return the hour of 24, or None if `13 PM` makes no sense."""
    hour, noon = int(part.get("H") or 0), part.get("noon")
    if noon is None:
        return hour
    if not 1 <= hour <= 12:
        return None
    return hour % 12 + (12 if noon in "pP" else 0)


def _precision(part: dict[str, str | None]) -> Precision:
    order: tuple[tuple[str, Precision], ...] = (
        ("f", "subsec"), ("S", "second"), ("M", "minute"), ("d", "day"), ("m", "month"),
    )  # fmt: skip
    return next((precision for key, precision in order if part.get(key)), "year")


def _lone_year(source: str, text: str, raw: str) -> DateCandidate | None:
    """Accept a year that stands alone: `Ostsee 1987`, `1952_Oma`, `Photos from 2023`; not `IMG_1998`, `issue_1918`."""
    pattern = _LONE_YEAR if source == "directory" else _NAME_YEAR
    years = {match["y"] for match in pattern.finditer(text)}
    if len(years) != 1:
        return None
    (year,) = years
    if source == "filename" and not _is_told_by_people(text, year):
        return None
    return DateCandidate(source, raw, year)


def _is_told_by_people(stem: str, year: str) -> bool:
    """Tell a caption from a running number: people begin with the year, or write it after a word and a space.

    Programs join with `_` and `-` (`issue_1918_poc3`, `scan_1975`), so nothing is believed that stands behind those.
    """
    if int(year) in _PIXEL_SIZES or int(year) < _FIRST_PHOTO_YEAR:
        return False
    before, _, after = stem.partition(year)
    if not before.strip(" _-(["):
        # `1987 Ostsee`, `1987_012`; a bare `1998.jpg` is as likely a counter.
        return bool(after.strip(" _-)]"))
    words = re.findall(r"[^\W\d_]+", before)
    return (
        bool(words)
        and len(words[-1]) >= 2
        and words[-1].lower() not in _COUNTER_WORDS
        and before[-1] in " (["
    )
