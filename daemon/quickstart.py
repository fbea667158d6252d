"""What `./run` does once everything is installed: library, volume, daemon, mount, WebDAV, and where to look.

Stays in the foreground as the daemon itself; everything ends with it. On stdout there is one line, READY; on stderr
progress and advice. Must not know: how any of the parts works.

Invariants
- The library and the sample are kept; the mount point is removed if we made it, also after a crash in between.
- PHOTOS is never written to: it is added as a read-only volume.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import trio

from catalog.errors import (
    AlreadyExists,
    GlassineError,
    InvalidValue,
    LibraryLocked,
    NotFound,
    UsageError,
)
from catalog.library import Library

if TYPE_CHECKING:
    from daemon.main import Daemon

# On a terminal the line is redrawn; elsewhere CLI.md asks for a line a minute.
_REDRAW_S = 0.5
_LINE_S = 60.0
# How soon the end of a quiet time is noticed.
_IDLE_S = 3.0
_ERASE_LINE = "\r\x1b[K"


def main() -> int:
    """Run until Ctrl-C, SIGTERM or `glassine down`; return the exit code."""
    try:
        return _run(_arguments())
    except GlassineError as error:
        _say(f"glassine: {error.message}")
        if error.hint:
            _say(f"hint: {error.hint}")
        return error.exit_code


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./run", add_help=False, allow_abbrev=False)
    parser.add_argument("--home", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--setup", action="store_true")  # for the usage: the script takes it itself
    parser.add_argument("--library", type=Path, metavar="DIR")
    parser.add_argument("--mount", type=Path, metavar="DIR")
    parser.add_argument("--port", type=int, default=8180, metavar="N")
    parser.add_argument("--host", default="127.0.0.1", metavar="H")
    parser.add_argument("--tls-self-signed", action="store_true")
    parser.add_argument("photos", type=Path, nargs="?", metavar="PHOTOS")
    return parser.parse_args()


def _run(arguments: argparse.Namespace) -> int:
    from daemon.config import load_config
    from daemon.logs import set_up_logging
    from daemon.main import DaemonOptions, run

    set_up_logging(level="warning")
    # Absolute now: ~ and links are the shell's and the system's business, the working directory may go away.
    library = Library(arguments.library or arguments.home / "library")
    photos = _photos(arguments.photos, arguments.home)
    _make_library(library)
    _refuse_second(library)
    volume = _ensure_volume(library, photos)
    place = _MountPlace(library, arguments.mount or arguments.home / "mnt")
    os.environ.update(
        GLASSINE_DAV_ENABLED="true",
        GLASSINE_DAV_HOST=arguments.host,
        GLASSINE_DAV_PORT=str(arguments.port),
        GLASSINE_MOUNT_POINT=str(place.path or ""),
    )
    if arguments.tls_self_signed:
        os.environ["GLASSINE_DAV_TLS_SELF_SIGNED"] = "true"
    if load_config(library).origin("log.level") == "default":
        # For the frontends too: on this terminal only what a human must know.
        os.environ["GLASSINE_LOG_LEVEL"] = "warning"
    with place.made():
        guide = _Guide(arguments.home, library, volume, place)
        return run(
            library,
            load_config(library),
            DaemonOptions(frontends_outlive_us=False, companion=guide.accompany),
            on_ready=lambda: None,
        )


# ---- before the daemon


def _photos(given: Path | None, home: Path) -> Path:
    if given is None:
        return _sample(home / "sample")
    photos = Path(os.path.realpath(given))
    if not photos.is_dir():
        kind = UsageError if photos.exists() else NotFound
        raise kind(f"{given} is no folder", hint="./run PHOTOS, or ./run alone for a sample library")
    return photos


def _sample(place: Path) -> Path:
    if not place.exists():
        from daemon.sample.write import write_sample

        _say("no folder of photos was named: drawing a sample library into ./sample (some seconds)")
        write_sample(place, _draw_progress)
        _say("")
    return Path(os.path.realpath(place))


def _draw_progress(done: int, total: int) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"{_ERASE_LINE}{done} of {total} files")
        sys.stderr.flush()


def _make_library(library: Library) -> None:
    if not library.exists():
        _command(library, "init")


def _refuse_second(library: Library) -> None:
    from daemon import processes

    for record in processes.running(library.processes_dir):
        if record.kind in ("daemon", "scan"):
            raise LibraryLocked(
                f"{library.path} is in use already ({record.kind}, pid {record.pid})",
                hint=f"stop it first: {_glassine(library)} down",
                pid=record.pid,
            )


def _ensure_volume(library: Library, photos: Path) -> str:
    """Return the name of the volume at `photos`; adds it, named after the folder, if there is none."""
    from catalog.store.db import open_reader
    from catalog.store.volumes import volumes

    reader = open_reader(library)
    try:
        known = {os.fsdecode(volume.root): volume.name for volume in volumes(reader)}
    finally:
        reader.close()
    if str(photos) in known:
        return known[str(photos)]
    wanted = photos.name or "photos"
    names = [wanted, *(f"{wanted}-{number}" for number in range(2, len(known) + 3))]
    for name in names:
        with contextlib.suppress(AlreadyExists):
            # The attached form and `--`: folders may begin with a dash.
            data = _command(library, "volume", "add", f"--name={name}", "--", str(photos))
            return str(data["name"])
    raise InvalidValue(f"no free name for the volume {wanted}")


def _command(library: Library, *arguments: str) -> dict[str, Any]:
    """Run a verb of the command line to its end and return its document's data."""
    from daemon import children

    with children.start(children.glassine_command(library.path, *arguments), dies_with_us=True) as child:
        return children.first_document(child)


class _MountPlace:
    """Where to mount, if anywhere; remembers on disk that the directory is ours, so that a crash leaves none."""

    def __init__(self, library: Library, wanted: Path) -> None:
        from vfs.mounting import real_mountpoint, why_no_fuse

        self.obstacle = why_no_fuse()
        self.path = None if self.obstacle else real_mountpoint(wanted)
        self._note = library.state_dir / "mount-directory-made-by-run"

    @contextlib.contextmanager
    def made(self) -> Any:
        """Make the directory for the length of the block; remove it after if it was not there before."""
        if self.path is None:
            yield
            return
        try:
            self.path.mkdir()
            self._note.write_bytes(os.fsencode(self.path))
        except FileExistsError:
            pass  # also a mount that a crash left; the mount process recovers it
        except FileNotFoundError as error:
            raise NotFound(f"{self.path.parent} does not exist") from error
        try:
            yield
        finally:
            if self._note.exists() and self._note.read_bytes() == os.fsencode(self.path):
                with contextlib.suppress(OSError):  # somebody put something there: then it is theirs
                    self.path.rmdir()
                    self._note.unlink()


# ---- beside the daemon


class _Guide:
    """Tells the user where to look, and how far the scan is. Runs as a task of the daemon."""

    def __init__(self, home: Path, library: Library, volume: str, place: _MountPlace) -> None:
        self._home = home
        self._library = library
        self._volume = volume
        self._place = place
        self._is_terminal = sys.stderr.isatty()

    async def accompany(self, daemon: Daemon) -> None:
        """Wait until all is up, say so, then show the progress for as long as there is any. Checkpoint."""
        await daemon.settled()
        url, mountpoint = self._where()
        if url is None:
            raise UsageError(f"WebDAV does not start: {_why(daemon, 'dav')}")
        self._advise(url, mountpoint, self._place.obstacle or _why(daemon, "mount"))
        sys.stdout.write(
            f"READY mount={mountpoint or '-'} dav={url} library={self._library.path} volume={self._volume}\n"
        )
        sys.stdout.flush()
        await self._show_progress(daemon)

    def _where(self) -> tuple[str | None, str | None]:
        from daemon import processes

        url = mountpoint = None
        for record in processes.running(self._library.processes_dir):
            if record.kind == "dav" and record.health == "ready":
                url = str(record.details["url"])
            elif record.kind == "mount" and record.health == "ready":
                mountpoint = str(record.details["mountpoint"])
        return url, mountpoint

    def _advise(self, url: str, mountpoint: str | None, obstacle: str) -> None:
        command = _glassine(self._library, self._home)
        if mountpoint is None:
            _say(f"no mount: {obstacle}. WebDAV serves the same folders.")
        _say("")
        _say("Your photos, by date and as they lie; the files themselves stay untouched:")
        if mountpoint is not None:
            _say(f"  in a file manager   {mountpoint}")
        _say(f"  over WebDAV         {url}   (any file manager, phone or browser)")
        _say("Three commands to try:")
        _say(f"  ls {shlex.quote(mountpoint + '/Timeline')}" if mountpoint else f"  {command} ls Timeline")
        _say(f"  {command} find type:video")
        _say(f"  {command} status")
        _say("Ctrl-C ends everything and keeps the library.")
        _say("")

    async def _show_progress(self, daemon: Daemon) -> None:
        told_s, was_busy = -_LINE_S, True  # one line in any case
        while True:
            is_busy = await daemon.is_busy()
            if is_busy or was_busy:
                due = not is_busy or trio.current_time() - told_s >= _LINE_S
                if self._is_terminal or due:
                    line = await trio.to_thread.run_sync(self._progress_line, is_busy)
                    self._draw(line, is_last=not is_busy)
                    told_s = trio.current_time()
            was_busy = is_busy
            await trio.sleep(_REDRAW_S if is_busy else _IDLE_S)

    def _progress_line(self, is_busy: bool) -> str:
        from catalog.store import progress
        from catalog.store.db import open_reader
        from catalog.store.ingest import due_counts

        reader = open_reader(self._library)
        try:
            with reader.snapshot():
                files = sum(counts.present for counts in progress.volume_counts(reader).values())
                waiting, shown = due_counts(reader), progress.shown_count(reader)
        finally:
            reader.close()
        state = "scanning" if is_busy else time.strftime("scan finished at %H:%M:%S")
        return (
            f"{state}: {files} files found, {shown} in the Timeline; to do: {waiting['header']} to look at,"
            f" {waiting['deep']} to look at closely, {waiting['hash']} to read"
        )

    def _draw(self, line: str, *, is_last: bool) -> None:
        if self._is_terminal:
            sys.stderr.write(_ERASE_LINE + line + ("\n" if is_last else ""))
            sys.stderr.flush()
        else:
            _say(line)


def _why(daemon: Daemon, kind: str) -> str:
    prefix = f"{kind}: "
    reasons = [text.removeprefix(prefix) for text in daemon.degraded() if text.startswith(prefix)]
    return reasons[0] if reasons else "it ended again"


def _glassine(library: Library, home: Path | None = None) -> str:
    program = str(home / ".venv/bin/glassine") if home else "glassine"
    return f"{shlex.quote(program)} --library {shlex.quote(str(library.path))}"


def _say(line: str) -> None:
    sys.stderr.write(line.encode("utf-8", "backslashreplace").decode() + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
