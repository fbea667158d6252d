"""`scan`: bring the catalog up to date, through the daemon if there is one, else here; `--verify` also compares every file.

A stream: progress, error, with `--verify` finding, and one summary. Ends when rows, facts and hashes of the named volumes
are there, and then what is to be compared was, or the time is up.

A photo that no reader understands is a finding about that photo and no failure of the scan: exit code 0. Damage is another
matter: `--verify` asks whether all is as it was, and the answer is no: exit code 1, as of `check`.
"""

from __future__ import annotations

import contextlib
import gc
import sys
import time
from typing import TYPE_CHECKING, Any

import click

from catalog.errors import EXIT_ERROR, EXIT_OK, EXIT_PARTIAL, DaemonNotRunning, LibraryLocked, UsageError
from daemon.cli.completion import complete_volume
from daemon.cli.durations import Duration
from daemon.cli.output import printable, to_the_second
from daemon.cli.sentences import files_text
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
@click.option(
    "--verify",
    "is_verification",
    is_flag=True,
    help="Then read every file anew and compare it with its hash: finds what rotted on the disk.",
)
@click.option(
    "--every",
    "every_s",
    type=Duration(),
    metavar="DURATION",
    help="With --verify: leave out what was compared within this (90s, 15min, 2h, 30d, 4w); 0 = nothing."
    " Without it a run that was cut short within a week goes on.",
)
@click.option(
    "--time-limit",
    "time_limit_s",
    type=Duration(least=1),
    metavar="DURATION",
    help="With --verify: compare for so long at most; the next run goes on.",
)
@click.pass_obj
def scan(
    session: Session,
    volumes: tuple[str, ...],
    *,
    is_full: bool,
    is_verification: bool,
    every_s: int | None,
    time_limit_s: int | None,
) -> int:
    """Bring the catalog up to date with the volumes named, or with all; reads what is new or changed.

    What could not be read before is tried again at once. With a daemon it is asked and its progress shown; without one the work is done here.

    Damage that --verify finds is told with the places of good copies, and nothing is changed: exit code 1.
    """
    argument: Line = {"volumes": list(volumes), "full": is_full}
    if is_verification:
        argument |= {"every_s": every_s, "time_limit_s": time_limit_s}
    elif every_s is not None or time_limit_s is not None:
        raise UsageError("--every and --time-limit belong to --verify", hint="glassine scan --verify …")
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
    counts = result["counts"]
    is_damaged = bool(counts.get("damaged"))
    output.summary(is_ok=not counts["errors"] and not is_damaged, text=_summary_text(counts))
    return EXIT_ERROR if is_damaged else EXIT_PARTIAL if counts["errors"] else EXIT_OK


def _scan(session: Session, library: Library, argument: Line, on_line: Callable[[Line], None]) -> Line:
    from daemon.requests import STREAM_TIMEOUT_S, ask

    request = "verify" if "every_s" in argument else "scan"
    deadline = time.monotonic() + _STARTING_S
    while True:
        try:
            result: Line = ask(library, request, argument, on_line=on_line, timeout_s=STREAM_TIMEOUT_S)
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
        if kind == "finding":
            self.finish()
        self._session.output.line(kind, fields, finding_text(line) if kind == "finding" else None)
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


def finding_text(line: Line) -> str:
    """Say what is damaged, and where it can be had from, in one line."""
    place = f"{printable(line['volume'])}: {printable(line['path'])}"
    text = f"{place} is damaged: its bytes are not those that were read before; found {to_the_second(line['since'])}, photo {line['uid']}. "
    copies = line["good_copies"]
    if not copies:
        return text + "No other copy is known: restore it from a backup."
    return text + "Good copies: " + "; ".join(map(_copy_text, copies)) + "."


def _copy_text(copy: Line) -> str:
    known = [f"compared {to_the_second(copy['verified_at'])}"] if copy["verified_at"] else []
    known += ["offline"] if copy["state"] == "offline" else []
    place = f"{printable(copy['volume'])}: {printable(copy['path'])}"
    return f"{place} ({', '.join(known)})" if known else place


def _progress_text(line: Line) -> str:
    if line["phase"] == "verify":
        return (
            f"{printable(line['volume'])}: comparing; {line['checked']} of {line['due']} files,"
            f" {line['damaged']} damaged, {line['errors']} could not be read"
        )
    what = "listing" if line["phase"] == "walk" else "reading"
    return (
        f"{printable(line['volume'])}: {what}; {line['files']} files, {line['added']} new, {line['changed']} changed,"
        f" {line['facts']} looked at, {line['hashed']} read"
    )


def _summary_text(counts: dict[str, int]) -> str:
    moved = counts.get("moved", 0)  # each was seen at its new place first, and counted there as added
    return (
        f"{files_text(counts['seen'])} seen: {max(0, counts['added'] - moved)} new, {counts['changed']} changed,"
        + (f" {moved} moved," if moved else "")
        + f" {counts['missing']} missing; {counts['facts']} looked at, {counts['hashed']} read"
        + (f"; {counts['errors']} could not be listed or read" if counts["errors"] else "")
        + (_verified_text(counts) if "checked" in counts else "")
    )


def _verified_text(counts: dict[str, int]) -> str:
    return (
        f"; {counts['checked']} compared: {counts['damaged']} damaged"
        + (f", {counts['mended']} good again" if counts["mended"] else "")
        + (f", {counts['left']} left for the next run" if counts["left"] else "")
    )
