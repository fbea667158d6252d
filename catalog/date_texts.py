"""Text of a date tag -> DateCandidate: the forms that cameras and programs write, and what is no date at all.

Pure; knows neither files nor the order of sources. Nothing is guessed: what cannot be a date becomes a
candidate with `rejected` set, so that `why date` can show it. Rules: metadata.md 1.4 and 1.5.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from catalog.capture import MAX_OFFSET_MIN, Precision, format_local
from catalog.facts import DateCandidate

QUICKTIME_EPOCH = datetime(1904, 1, 1, tzinfo=UTC)
SECONDS_1904_TO_1970 = 2_082_844_800
OLDEST_YEAR = 1826  # the oldest photograph that is kept

NOT_SET = "not set (zeros or blanks)"
NOT_A_DATE = "not a date"
NO_SUCH_DATE = "no such date or time exists"

_TEXT = re.compile(
    r"""(?P<y>\d{4})(?:[-:/. ]?(?P<m>\d{2})(?:[-:/. ]?(?P<d>\d{2}))?)?
        (?:(?:[T ]\s*|(?<=\d{8}))(?P<H>\d{2})[:.]?(?P<M>\d{2})(?:[:.]?(?P<S>\d{2})(?:[.,:](?P<f>\d{1,9}))?)?)?
        \s*(?P<zone>Z|UTC|[+-]\d{2}:?\d{2}|[+-]\d{1,2})?(?:\s*DST)?""",
    re.VERBOSE,
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_CLOCK = r"(?P<H>\d{1,2}):(?P<M>\d{2}):(?P<S>\d{2})"
# `Wed, 7 Aug 2019 14:33:02 +0200` (RFC 1123, what PNG recommends) and `Wed Aug  7 14:33:02 2019` (C's asctime, in AVI).
_IN_WORDS = (
    re.compile(
        rf"(?:[A-Za-z]{{3}},\s+)?(?P<d>\d{{1,2}})\s+(?P<m>[A-Za-z]{{3}})[a-z]*\s+(?P<y>\d{{4}})\s+{_CLOCK}"
        r"\s*(?P<zone>GMT|UTC?|Z|[+-]\d{4})?"
    ),
    re.compile(
        rf"[A-Za-z]{{3}}\s+(?P<m>[A-Za-z]{{3}})\s+(?P<d>\d{{1,2}})\s+{_CLOCK}\s+(?P<y>\d{{4}})(?P<zone>)"
    ),
)
_ZONE = re.compile(r"(?P<sign>[+-])(?P<h>\d{1,2}):?(?P<m>\d{2})?")


def parse_offset(text: str | None) -> int | None:
    """Return minutes east of UTC of `+01:00`, `-0730`, `+9`, `Z`; None when absent or beyond 14 hours."""
    text = (text or "").strip().strip("\0")
    if text in ("Z", "UTC"):
        return 0
    match = _ZONE.fullmatch(text)
    if match is None:
        return None
    minutes = int(match["h"]) * 60 + int(match["m"] or 0)
    if minutes > MAX_OFFSET_MIN or int(match["m"] or 0) > 59:
        return None
    return -minutes if match["sign"] == "-" else minutes


def candidate_from_text(
    source: str, text: str, *, subsec: str | None = None, offset: str | None = None, is_utc: bool = False
) -> DateCandidate:
    """Read the text of a date tag.

    Args:
        source: one of `catalog.dates.SOURCES`.
        text: EXIF `2019:08:07 14:33:02`, XMP or ISO 8601 in any precision, IPTC `20190807143302+0200`.
        subsec: EXIF SubSecTime: a string of decimals (`09` is 90 ms, `9` is 900 ms).
        offset: EXIF OffsetTime; an offset inside the text comes first.
        is_utc: the tag is defined to be UTC.
    """
    raw = text.strip("\0").strip()
    digits = re.sub(r"[^0-9A-Za-z]", "", raw)
    if not digits.strip("0") or digits.startswith("0000"):
        return DateCandidate(source, raw, None, rejected=NOT_SET)
    match = _TEXT.fullmatch(_from_words(raw) or raw)
    if match is None or (match["H"] is not None and match["d"] is None):
        return DateCandidate(source, raw, None, rejected=NOT_A_DATE)
    return _from_match(source, raw, match, subsec=subsec, offset=offset, is_utc=is_utc)


def _from_match(
    source: str, raw: str, match: re.Match[str], *, subsec: str | None, offset: str | None, is_utc: bool
) -> DateCandidate:
    part = match.groupdict()
    fraction = part["f"] or _decimals(subsec)
    if part["m"] == "00":  # some scanners write `1987:00:00 00:00:00` for "the year is all we know"
        part["m"] = part["d"] = part["H"] = None
    elif part["d"] == "00":
        part["d"] = part["H"] = None
    precision = _precision(part, fraction)
    try:
        moment = datetime(  # noqa: DTZ001 - a wall clock has no zone, on purpose
            int(part["y"]),
            int(part["m"] or 1),
            int(part["d"] or 1),
            int(part["H"] or 0),
            int((part["H"] and part["M"]) or 0),
            int((part["H"] and part["S"]) or 0),
            int(fraction[:6].ljust(6, "0")) if precision == "subsec" else 0,
        )
    except ValueError:
        return DateCandidate(source, raw, None, rejected=NO_SUCH_DATE)
    if moment.year < OLDEST_YEAR:
        return DateCandidate(source, raw, None, rejected=f"older than photography ({moment.year})")
    offset_min = parse_offset(part["zone"])
    if offset_min is None and part["zone"] is None:
        offset_min = parse_offset(offset)
    if part["H"] is None:
        offset_min = None  # an offset without a time of day says nothing
    return DateCandidate(
        source,
        raw,
        format_local(moment, precision),
        offset_min=None if is_utc else offset_min,
        is_utc=is_utc,
    )


def _from_words(raw: str) -> str | None:
    """Return a date in English words as ISO 8601, or None if it is none."""
    match = next((found for pattern in _IN_WORDS if (found := pattern.fullmatch(raw))), None)
    if match is None or match["m"][:3].lower() not in _MONTHS:
        return None
    month = _MONTHS.index(match["m"][:3].lower()) + 1
    zone = "Z" if match["zone"] in ("GMT", "UT", "UTC", "Z") else match["zone"] or ""
    day, hour = int(match["d"]), int(match["H"])
    return f"{match['y']}-{month:02d}-{day:02d}T{hour:02d}:{match['M']}:{match['S']}{zone}"


def _precision(part: dict[str, str | None], fraction: str) -> Precision:
    if part["m"] is None:
        return "year"
    if part["d"] is None:
        return "month"
    if part["H"] is None:
        return "day"
    if part["S"] is None:
        return "minute"
    return "subsec" if fraction else "second"


def _decimals(subsec: str | None) -> str:
    text = (subsec or "").strip("\0").strip()
    return text if text.isascii() and text.isdecimal() else ""


def candidate_from_quicktime(source: str, seconds: int) -> DateCandidate:
    """Read a creation time of mvhd: seconds since 1904 UTC, 0 = not set; small values count from 1970.

    The spec says UTC; what cameras wrote is judged in `catalog.dates` against the file name.
    """
    raw = str(seconds)
    if seconds == 0:
        return DateCandidate(source, raw, None, rejected=NOT_SET)
    since_1904 = seconds if seconds >= SECONDS_1904_TO_1970 else seconds + SECONDS_1904_TO_1970
    try:
        moment = QUICKTIME_EPOCH + timedelta(seconds=since_1904)
    except OverflowError:
        return DateCandidate(source, raw, None, rejected=NO_SUCH_DATE)
    return DateCandidate(source, raw, format_local(moment.replace(tzinfo=None), "second"), is_utc=True)


def candidate_from_epoch(source: str, text: str) -> DateCandidate:
    """Read seconds since 1970 UTC in a text, as Takeout writes them: negative before 1970, `0` = not set."""
    raw = text.strip()
    digits = raw.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 15):
        return DateCandidate(source, raw, None, rejected=NOT_A_DATE)
    if not digits.strip("0"):
        return DateCandidate(source, raw, None, rejected=NOT_SET)
    try:
        moment = datetime(1970, 1, 1) + timedelta(seconds=int(raw))  # noqa: DTZ001 - UTC, kept naive
    except OverflowError:
        return DateCandidate(source, raw, None, rejected=NO_SUCH_DATE)
    if moment.year < OLDEST_YEAR:
        return DateCandidate(source, raw, None, rejected=f"older than photography ({moment.year})")
    return DateCandidate(source, raw, format_local(moment, "second"), is_utc=True)
