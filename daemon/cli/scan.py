"""`scan`: bring the catalog up to date, through the daemon if there is one, else here.

A stream: progress, error, and one summary. Ends when rows, facts and hashes of the named volumes are there.
"""

from __future__ import annotations

import contextlib
import gc
import sys
import time
from typing import TYPE_CHECKING, Any

import click

from catalog.errors import EXIT_OK, EXIT_PARTIAL, DaemonNotRunning, LibraryLocked
from daemon.cli.completion import complete_volume
from daemon.cli.output import printable
from daemon.cli.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from catalog.library import Library

Line = dict[str, Any]
# On a terminal the line is redrawn with every news; elsewhere people get one a minute.
_LINE_EVERY_S = 60.0
_ERASE_LINE = "\r\x1b[K"
# A daemon that takes the lock needs a moment until it listens.
_STARTING_S = 5.0


@click.command()
@click.argument("volumes", metavar="[VOLUME]...", nargs=-1, shell_complete=complete_volume)
@click.option(
    "--full", "is_full", is_flag=True, help="List every directory again, also those known unchanged."
)
@click.pass_obj
def scan(session: Session, volumes: tuple[str, ...], *, is_full: bool) -> int:
    """Bring the catalog up to date with the volumes named, or with all; reads what is new or changed.

    With a daemon it is asked and its progress shown; without one the work is done here.
    """
    argument = {"volumes": list(volumes), "full": is_full}
    shown = _Shown(session)
    result = _scan(session, session.library(), argument, shown.take)
    shown.finish()
    output = session.output
    output.counts.update(result["counts"])
    if result["error"] is not None:
        from catalog.commands.client import error_from

        error = error_from(result["error"])
        if not shown.has_told(result["error"]):
            raise error
        output.summary(error=error)
        return error.exit_code
    is_ok = not result["counts"]["errors"]
    output.summary(is_ok=is_ok, text=_summary_text(result["counts"]))
    return EXIT_OK if is_ok else EXIT_PARTIAL


def _scan(session: Session, library: Library, argument: Line, on_line: Callable[[Line], None]) -> Line:
    from daemon.requests import STREAM_TIMEOUT_S, ask

    deadline = time.monotonic() + _STARTING_S
    while True:
        try:
            result: Line = ask(library, "scan", argument, on_line=on_line, timeout_s=STREAM_TIMEOUT_S)
        except DaemonNotRunning as error:
            if error.details.get("was_asked"):
                raise
        else:
            return result
        try:
            return _scan_here(library, session, argument, on_line)
        except LibraryLocked:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _scan_here(library: Library, session: Session, argument: Line, on_line: Callable[[Line], None]) -> Line:
    from daemon.volume_process.starting import open_spare

    # Its interpreter starts while ours imports.
    with open_spare() as spare:
        with _uncollected():
            from daemon.foreground_scan import scan_in_foreground

        return scan_in_foreground(library, session.config(), argument, on_line, spare=spare)


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Keep what the block makes off the garbage collector for ever: imports last; 30 ms less, half of it at the exit."""
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()


class _Shown:
    """Progress for people on stderr, lines for programs on stdout."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._is_terminal = sys.stderr.isatty() and not session.output.is_json
        self._told_s = time.monotonic()
        self._is_drawn = False
        self._errors: list[Line] = []

    def has_told(self, error: Line) -> bool:
        """Whether this error had its line already: it must not get a second one."""
        return error in self._errors

    def take(self, line: Line) -> None:
        kind = line["type"]
        if kind == "error":
            self.finish()
            from catalog.commands.client import error_from

            self._errors.append(line["error"])
            self._session.output.error_line(error_from(line["error"]))
            return
        fields = {key: value for key, value in line.items() if key != "type"}
        self._session.output.line(kind, fields)
        if kind == "progress" and not self._session.is_quiet and not self._session.output.is_json:
            self._draw(_progress_text(line))

    def _draw(self, text: str) -> None:
        if self._is_terminal:
            sys.stderr.write(_ERASE_LINE + text)
            sys.stderr.flush()
            self._is_drawn = True
        elif time.monotonic() - self._told_s >= _LINE_EVERY_S:
            self._told_s = time.monotonic()
            self._session.output.note(text)

    def finish(self) -> None:
        if self._is_drawn:
            sys.stderr.write(_ERASE_LINE)
            sys.stderr.flush()
            self._is_drawn = False


def _progress_text(line: Line) -> str:
    what = "listing" if line["phase"] == "walk" else "reading"
    return (
        f"{printable(line['volume'])}: {what}; {line['files']} files, {line['added']} new, {line['changed']} changed,"
        f" {line['facts']} looked at, {line['hashed']} read"
    )


def _summary_text(counts: dict[str, int]) -> str:
    return (
        f"{counts['seen']} files seen: {counts['added']} new, {counts['changed']} changed, {counts['missing']} missing;"
        f" {counts['facts']} looked at, {counts['hashed']} read"
        + (f"; {counts['errors']} could not be listed or read" if counts["errors"] else "")
    )
