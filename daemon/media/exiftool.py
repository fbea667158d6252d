"""The deep tier: exiftool, through pyexiftool, for formats that our header readers do not finish.

What keeps originals safe (metadata.md 0.1 and 0.2, both reproduced):
- exiftool never hears a name of the library. A name with a newline becomes options, and rewrites another
  original. It is told `<private directory>/original.<ext>`, a link to one fixed descriptor of the worker, so it
  reads exactly the file that the worker opened and checked, whatever the name means by now;
- those links exist before the worker is confined; after that nothing at all is writable;
- our configuration file replaces exiftool's one function that opens files: read-only, O_NOATIME, nothing else.
  It is also why no configuration of the user is read.

pyexiftool waits for ever, and spins when exiftool dies: SIGALRM and SIGCHLD end its wait. A dead or silent
exiftool costs one finding and a restart. Blocks; main thread of a media worker only.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import exiftool

from catalog.media_types import TIERS, extension_of
from daemon.media.draft import Draft

DEADLINE_S = 15.0  # below the pool's 20 s, so that a slow file costs exiftool and not the worker
FILES_PER_PROCESS = 5000  # exiftool grows slowly (metadata.md 9)
ORIGINAL_FD = 100  # far above what a worker opens; the links name it
MAX_ANSWER_BYTES = 4 * 1024 * 1024

_CONFIG_NAME = "open-read-only.config"
# perl's Fcntl does not know O_NOATIME, whose number is the architecture's.
_CONFIG = r"""
package Image::ExifTool;
use Fcntl;
no warnings qw(redefine prototype);
# Originals keep their access times, and nothing is ever opened for writing. `-` is the stream of requests.
my $original_open = \&Image::ExifTool::Open;
*Image::ExifTool::Open = sub($*$;$) {
    my ($self, $handle, $file, $mode) = @_;
    return $original_open->(@_) if $file eq '-';
    return 0 if defined $mode and $mode ne '<';
    return sysopen($handle, $file, O_RDONLY | NOATIME) || sysopen($handle, $file, O_RDONLY);
};
1;
""".replace("NOATIME", str(os.O_NOATIME))
_COMMON = ["-j", "-n", "-G1", "-a", "-api", "LargeFileSupport=1", "-charset", "filename=UTF8"]
# Everything that facts need; asking for it by name is a third cheaper than taking all (metadata.md 9).
_TAGS = """Composite:ImageSize ImageWidth ImageHeight Orientation Make Model LensModel LensID LensType Software
    Duration MIMEType GPSLatitude GPSLongitude GPSAltitude DateTimeOriginal CreateDate ModifyDate DateCreated
    TimeCreated GPSDateTime SubSecTimeOriginal SubSecTimeDigitized SubSecTime OffsetTimeOriginal
    OffsetTimeDigitized OffsetTime CreationDate ContentCreateDate CreationDateValue RecordingTime Year Date
    ProjectionType Error""".split()  # noqa: SIM905 - words read better as words
_EXIF_DATES = (
    ("ExifIFD:DateTimeOriginal", ("ExifIFD:DateTimeOriginal", "IFD0:DateTimeOriginal"), "Original"),
    ("ExifIFD:CreateDate", ("ExifIFD:CreateDate", "IFD0:CreateDate"), "Digitized"),
    ("IFD0:ModifyDate", ("IFD0:ModifyDate",), ""),
)
# Our source -> exiftool's keys, the first that is there; the last column: defined to be UTC.
_PLAIN_DATES: tuple[tuple[str, str, bool], ...] = (
    ("XMP-exif:DateTimeOriginal", r"XMP-exif:DateTimeOriginal", False),
    ("XMP-photoshop:DateCreated", r"XMP-photoshop:DateCreated", False),
    ("XMP-xmp:CreateDate", r"XMP-xmp:CreateDate", False),
    ("GPS:GPSDateTime", r"Composite:GPSDateTime", True),
    ("RIFF:DateTimeOriginal", r"RIFF:(?:DateTimeOriginal|DateCreated)", False),
    ("Matroska:DateTimeOriginal", r"(?:Matroska|Info):DateTimeOriginal", True),
    ("ASF:CreationDate", r"ASF:CreationDate", True),
    ("H264:DateTimeOriginal", r"H264:DateTimeOriginal", False),
    ("XML:CreationDateValue", r"XML:CreationDateValue", False),
    ("ID3:RecordingTime", r"ID3v2_[234]:(?:RecordingTime|Year)|ID3v1:Year|APE:Year", False),
    ("Vorbis:Date", r"Vorbis:(?:Date|Year)", False),
    (
        "MakerNotes:DateTimeOriginal",
        r"(?:CanonRaw|SigmaRaw|MinoltaRaw|Reconyx|PhaseOne|Sanyo|Kodak|Casio|Olympus|Ricoh|Leaf)\d*"
        r":(?:DateTimeOriginal|TimeStamp)",
        False,
    ),
)
_UTC_TAIL = re.compile(r"\s*(?:Z|UTC|\+00:?00)$")


class ExiftoolFailed(Exception):
    """exiftool died, fell silent or answered nonsense; the text says which. It is restarted by the next file."""


def prepare_directory(directory: Path) -> None:
    """Fill the private directory: the configuration, and one link per extension. Before confinement."""
    (directory / _CONFIG_NAME).write_text(_CONFIG)
    for mime in TIERS:
        link = directory / f"original.{extension_of(mime)}"
        if not link.is_symlink():
            link.symlink_to(f"/proc/{os.getpid()}/fd/{ORIGINAL_FD}")


class Exiftool:
    """One exiftool process, started at the first file, restarted after a failure. The worker owns it."""

    def __init__(self, program: str, directory: Path, before_start: Callable[[], None]) -> None:
        self._program = program
        self._directory = directory
        self._before_start = before_start
        self._process: exiftool.ExifTool | None = None
        self._files_left = 0

    def read(self, fd: int, mime: str, *, is_thorough: bool) -> dict[str, str]:
        """Return exiftool's answer about an open file: `Group1:Tag` -> text.

        Args:
            fd: of the original; shown to exiftool as descriptor `ORIGINAL_FD` for the time of the call.
            mime: what our sniffer found; gives the extension that exiftool sees.
            is_thorough: maker notes and the end of the file too (RAW files need them).

        Raises:
            ExiftoolFailed: it died, was silent for `DEADLINE_S`, or answered nonsense.
        """
        alias = str(self._directory / f"original.{extension_of(mime)}")
        speed = [] if is_thorough else ["-fast2"]
        os.dup2(fd, ORIGINAL_FD, inheritable=False)
        try:
            with _interrupting(DEADLINE_S):
                process = self._running()
                answer = process.execute(*_COMMON, *speed, *(f"-{tag}" for tag in _TAGS), alias)
        except (_Silent, _Died, OSError, ValueError, RuntimeError, subprocess.SubprocessError) as error:
            self.stop()
            raise ExiftoolFailed(f"exiftool {error}") from error
        finally:
            os.close(ORIGINAL_FD)
        return _parsed(answer)

    def _running(self) -> exiftool.ExifTool:
        child = self._process._process if self._process is not None else None
        if self._process is None or child is None or child.poll() is not None or self._files_left <= 0:
            self.stop()  # also what died between two files: no file is to blame for that
            self._before_start()
            self._process = exiftool.ExifTool(
                executable=self._program,
                common_args=[],
                config_file=str(self._directory / _CONFIG_NAME),
                encoding="utf-8",
            )
            self._process.run()
            self._files_left = FILES_PER_PROCESS
        self._files_left -= 1
        return self._process

    @property
    def pid(self) -> int | None:
        """Process id of the running exiftool, or None."""
        child = self._process._process if self._process is not None else None
        return None if child is None else int(child.pid)

    def stop(self) -> None:
        """Kill exiftool at once: asking pyexiftool to end a dead one can hang."""
        process, self._process = self._process, None
        child = process._process if process is not None else None
        if process is None or child is None:
            return
        process._flag_running_false()
        child.kill()
        child.wait()
        for pipe in (child.stdin, child.stdout, child.stderr):
            if pipe is not None:
                pipe.close()


class _Silent(Exception):
    pass


class _Died(Exception):
    pass


@contextmanager
def _interrupting(deadline_s: float) -> Iterator[None]:
    """Raise in the block when time is up or a child dies; signal handlers run between two bytecodes."""

    def alarm(_number: int, _frame: FrameType | None) -> None:
        raise _Silent(f"gave no answer in {deadline_s:.0f} s")

    def child(_number: int, _frame: FrameType | None) -> None:
        raise _Died("ended while it read the file")

    before = signal.signal(signal.SIGALRM, alarm), signal.signal(signal.SIGCHLD, child)
    signal.setitimer(signal.ITIMER_REAL, deadline_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before[0])
        signal.signal(signal.SIGCHLD, before[1])


def _parsed(answer: str | bytes) -> dict[str, str]:
    """Return the only object of the answer, all values as text.

    exiftool writes keywords like `1e5` or `true` as JSON numbers; `str` hooks keep their letters.
    """
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    if len(text) > MAX_ANSWER_BYTES:
        raise ExiftoolFailed(f"exiftool answered {len(text)} characters")
    if not text.strip():
        return {}
    try:
        documents: list[dict[str, Any]] = json.loads(text, parse_float=str, parse_int=str, parse_constant=str)
    except ValueError as error:
        raise ExiftoolFailed("exiftool answered no JSON") from error
    return {key: str(value) for key, value in documents[0].items()} if documents else {}


def read_answer(answer: dict[str, str], draft: Draft) -> None:
    """Add what exiftool says to what the header said; for sizes of deep formats exiftool rules."""
    _say_size(answer, draft)
    draft.say_text("make", _first(answer, "Make", preferred="IFD0"))
    draft.say_text("model", _first(answer, "Model", preferred="IFD0"))
    draft.say_text("software", _first(answer, "Software", preferred="IFD0"))
    draft.say_text("lens", _lens(answer))
    orientation = answer.get("IFD0:Orientation") or _first(answer, "Orientation") or ""
    draft.say_orientation(int(orientation) if orientation.isascii() and orientation.isdecimal() else None)
    draft.say_duration(_number(_first(answer, "Duration", preferred="Composite")))
    draft.say_position(
        _number(answer.get("Composite:GPSLatitude")),
        _number(answer.get("Composite:GPSLongitude")),
        _number(answer.get("Composite:GPSAltitude")),
    )
    draft.is_panorama = draft.is_panorama or "XMP-GPano:ProjectionType" in answer
    _say_dates(answer, draft)
    error = _first(answer, "Error")
    if error and "-fast" not in error:
        draft.note("exiftool", error)


def _say_size(answer: dict[str, str], draft: Draft) -> None:
    words = answer.get("Composite:ImageSize", "").replace("x", " ").split()
    if len(words) == 2 and all(word.isascii() and word.isdecimal() for word in words):
        if draft.needs_deep and int(words[0]) > 0 and int(words[1]) > 0:
            draft.width = draft.height = None
        draft.say_size(int(words[0]), int(words[1]))


def _lens(answer: dict[str, str]) -> str | None:
    lens = _first(answer, "LensModel", preferred="ExifIFD") or _first(answer, "LensID")
    # With -n an unknown lens is a number, which tells nobody anything.
    return lens if lens and not re.fullmatch(r"[\d\s.-]*", lens) else None


def _say_dates(answer: dict[str, str], draft: Draft) -> None:
    for source, keys, suffix in _EXIF_DATES:
        draft.say_date(
            source,
            next((answer[key] for key in keys if key in answer), None),
            subsec=answer.get(f"ExifIFD:SubSecTime{suffix}"),
            offset=answer.get(f"ExifIFD:OffsetTime{suffix}") or answer.get("ExifIFD:OffsetTime"),
        )
    date, clock = answer.get("IPTC:DateCreated"), answer.get("IPTC:TimeCreated")
    draft.say_date("IPTC:DateCreated", f"{date} {clock}" if date and clock else date)
    for source, pattern, is_utc in _PLAIN_DATES:
        text = next((value for key, value in answer.items() if re.fullmatch(pattern, key)), None)
        if text and is_utc:
            text = _UTC_TAIL.sub("", text)
        draft.say_date(source, text, is_utc=is_utc)


def _first(answer: dict[str, str], tag: str, *, preferred: str = "") -> str | None:
    if f"{preferred}:{tag}" in answer:
        return answer[f"{preferred}:{tag}"]
    return next((value for key, value in answer.items() if key.rpartition(":")[2] == tag), None)


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None
