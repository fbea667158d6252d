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

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import exiftool

from catalog.facts import Kind
from catalog.media_types import TIERS, extension_of
from daemon.media.exiftool_answer import NotAnAnswer, Said, parse, tags_of

FILES_PER_PROCESS = 5000  # exiftool grows slowly (metadata.md 9)
ORIGINAL_FD = 100  # far above what a worker opens; the links name it

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
# `-b`: whole packets, and bytes that are no UTF-8 as base64 instead of question marks.
_COMMON = ["-j", "-b", "-G1", "-a", "-api", "LargeFileSupport=1", "-charset", "filename=UTF8"]


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
    """One exiftool process, started at the first file, restarted after a failure. The worker owns it.

    `version` is what the last one said of itself, empty before the first answer. `deadline_s` is per file.
    """

    def __init__(
        self, program: str, directory: Path, before_start: Callable[[], None], *, deadline_s: float
    ) -> None:
        self.version = ""
        self._deadline_s = deadline_s
        self._program = program
        self._directory = directory
        self._before_start = before_start
        self._process: exiftool.ExifTool | None = None
        self._files_left = 0

    def read(self, fd: int, mime: str, kind: Kind | None, *, is_thorough: bool) -> Said:
        """Return exiftool's answer about an open file.

        Args:
            fd: of the original; shown to exiftool as descriptor `ORIGINAL_FD` for the time of the call.
            mime: what our sniffer found; gives the extension that exiftool sees.
            kind: of the file; says what to ask for.
            is_thorough: maker notes and the end of the file too (RAW files need them).

        Raises:
            ExiftoolFailed: it died, was silent for the whole deadline, or answered nonsense.
        """
        alias = str(self._directory / f"original.{extension_of(mime)}")
        speed = [] if is_thorough else ["-fast2"]
        os.dup2(fd, ORIGINAL_FD, inheritable=False)
        try:
            with _interrupting(self._deadline_s):
                process = self._running()
                answer = process.execute(
                    *_COMMON, *speed, *(f"-{tag}" for tag in tags_of(kind)), alias, raw_bytes=True
                )
        except (_Silent, _Died, OSError, ValueError, RuntimeError, subprocess.SubprocessError) as error:
            self.stop()
            raise ExiftoolFailed(f"exiftool {error}") from error
        finally:
            os.close(ORIGINAL_FD)
        try:
            return parse(answer)
        except NotAnAnswer as error:
            raise ExiftoolFailed(f"exiftool {error}") from error

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
            self.version = str(self._process.version)
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
