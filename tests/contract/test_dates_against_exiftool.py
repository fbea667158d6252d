"""Real files of the cases where exiftool's plain answer is wrong: what it says, and what we say of the same bytes.

The expected answer stands in `date_cases`; here the bytes are made, read by our own reader and by the real exiftool. A test
fails if exiftool learns better, too: then the case is no reason to distrust it any more.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from capabilities import require
from daemon.media.header import read_header
from daemon.media.source import MemorySource
from date_cases import CASES, Case, seconds_1904
from media_files import ExifSpec, jpeg, movie, png

_APPLE = "com.apple.quicktime."
_GOOD = "2019:08:07 14:33:02"
_ZEROES = movie(created=0)


def _taken(text: str) -> Callable[[], bytes]:
    return lambda: jpeg(exif=ExifSpec(original=text))


def _header(*moment: int, **more: float) -> Callable[[], bytes]:
    return lambda: movie(created=seconds_1904(*moment), **more)  # type: ignore[arg-type]


FILES: dict[str, Callable[[], bytes]] = {
    "a PNG's creation time in words": lambda: png(texts={"Creation Time": "Wed, 7 Aug 2019 14:33:02 +0200"}),
    "an editor wrote the file": lambda: jpeg(
        exif=ExifSpec(modified="2022:01:01 10:00:00", software="Adobe Photoshop 21.0")
    ),
    "a sidecar corrects the camera": _taken("2018:01:01 09:00:00"),
    "Takeout above a name, which tells the offset": jpeg,
    "Takeout alone, in the library's zone": jpeg,
    "Apple's key over the header of an export": lambda: movie(
        created=seconds_1904(2026, 5, 23, 8, 9, 57),
        keys={f"{_APPLE}creationdate": "2026-03-23T15:27:12+0100"},
    ),
    "©day with an offset over the header": lambda: movie(
        created=seconds_1904(2024, 2, 2, 8, 9, 57), user_data={b"\xa9day": "2003-04-05T06:07:08+0100"}
    ),
    "©day without an offset below a sidecar": lambda: movie(user_data={b"\xa9day": "2003-04-05T06:07:08"}),
    "Takeout over the header": _header(2024, 2, 2, 8, 9, 57),
    "a header in UTC, in the library's zone": _header(2021, 6, 23, 23, 30, 0),
    "a header in UTC, in the zone of its place": lambda: movie(
        created=seconds_1904(2021, 6, 23, 23, 30, 0), keys={f"{_APPLE}location.ISO6709": "+35.6800+139.6900/"}
    ),
    "a header in UTC, the name tells the offset": _header(2021, 6, 23, 18, 50, 59),
    "Samsung: the header is the end": _header(2021, 6, 23, 18, 51, 37, duration_s=36.9),
    "Samsung: a long one ends in the next hour": _header(2021, 6, 23, 13, 21, 0, duration_s=1801.0),
    "a header that counts from 1970": lambda: movie(created=1_624_474_297),
    "a header that counts from 1970, with its name": lambda: movie(created=1_624_474_297),
    "a header of a clock that stood still": lambda: movie(created=5),
    "a header of 1904": lambda: _ZEROES,
    "a Pixel movie: name and header are UTC": lambda: movie(
        created=seconds_1904(2021, 3, 4, 12, 34, 56), keys={f"{_APPLE}location.ISO6709": "+35.6800+139.6900/"}
    ),
    "a Pixel movie without a header": lambda: _ZEROES,
    "zeros": _taken("0000:00:00 00:00:00"),
    "blanks": _taken("    :  :     :  :  "),
    "30 February": _taken("2019:02:30 10:00:00"),
    "hour 24": _taken("2019:08:06 24:00:00"),
    "before photography": _taken("1800:01:01 10:00:00"),
    "in the future": _taken("2098:01:01 10:00:00"),
    "zero of Unix": _taken("1970:01:01 01:00:00"),
    "zero of FAT": _taken("1980:01:01 00:00:04"),
    "reset to 2000": _taken("2000:01:01 00:00:21"),
    "reset to 2002": _taken("2002:12:08 12:00:00"),
    "reset to 2012": _taken("2012:01:01 00:00:30"),
    "a reset camera, a better field below": lambda: jpeg(
        exif=ExifSpec(original="2000:01:01 00:00:00", modified=_GOOD)
    ),
    "a receiver that never had a fix": lambda: jpeg(
        exif=ExifSpec(gps_date="1980:01:06", gps_time=(0, 0, 12))
    ),
    "a year is all that is known": _taken("1987:00:00 00:00:00"),
    "a Pixel name is UTC": jpeg,
    "WhatsApp tells a day": jpeg,
    "Facebook counts milliseconds": jpeg,
}
WRONG = [case for case in CASES if case.exiftool_is_wrong]


def _plain_answer(path: Path) -> str | None:
    """Return what exiftool says when it is asked for the date, as a wall clock; None if it says nothing."""
    done = subprocess.run(
        ["exiftool", "-j", "-DateTimeOriginal", "-CreateDate", "-GPSDateTime", path.name],
        cwd=path.parent, env={**os.environ, "TZ": "UTC"}, capture_output=True, check=True, timeout=30,
    )  # fmt: skip
    (answer,) = json.loads(done.stdout)
    told = next(
        (answer[tag] for tag in ("DateTimeOriginal", "CreateDate", "GPSDateTime") if tag in answer), None
    )
    return None if told is None else str(told)[:19].replace(":", "-", 2).replace(" ", "T")


def test_every_case_where_exiftool_is_wrong_has_a_file() -> None:
    assert {case.name for case in WRONG} == FILES.keys()
    assert len(WRONG) >= 20


@pytest.mark.parametrize("case", WRONG, ids=lambda case: case.name)
def test_our_reader_gives_the_answer_and_exiftool_another(case: Case, tmp_path: Path) -> None:
    require("exiftool")
    name = case.path.rpartition("/")[2]
    content = FILES[case.name]()
    capture = case.resolve(read_header(MemorySource(content), name.encode())).capture
    assert (capture.local, capture.offset_min, capture.zone, capture.source) == (
        case.local, case.offset_min, case.zone, case.source,
    )  # fmt: skip
    path = tmp_path / name
    path.write_bytes(content)
    assert _plain_answer(path) != capture.local[:19]
