"""`dump`, `backup`, `restore`: the ways out, and the ways back.

A dump is the layer as one JSON document (docs/format.md); a backup is the catalog as it is. `restore` takes either:
it tells by the content. Both ask for `--yes`; without it they say what they would do.
"""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from catalog.errors import LibraryLocked, UsageError
from daemon.cli.output import instant, printable
from daemon.cli.session import Session

if TYPE_CHECKING:
    from catalog.library import Library
    from catalog.store.backup import BackupFile

log = logging.getLogger(__name__)

_STDOUT = "-"
# A command that edits holds the lock for milliseconds.
_LOCK_WAIT_S = 2.0
_VALUED_OPTIONS = ("--library", "--log-level")


class DefaultGroup(click.Group):
    """A group that means its first command when none of its commands is named: `backup FILE` is `backup make FILE`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the name of the first command in, unless a command (or --help) is named."""
        if not {"-h", "--help"} & set(args) and _first_word(args) not in self.commands:
            args = [next(iter(self.commands)), *args]
        return super().parse_args(ctx, args)


def _first_word(args: list[str]) -> str | None:
    is_value = False
    for word in args:
        if not is_value and (not word.startswith("-") or word == _STDOUT):
            return word
        is_value = word in _VALUED_OPTIONS
    return None


# ---- dump


@click.command()
@click.argument("file", metavar="FILE")
@click.option("--journal", is_flag=True, help="Include the history of every edit.")
@click.option("--overwrite", is_flag=True, help="Replace FILE if it exists.")
@click.pass_obj
def dump(session: Session, file: str, journal: bool, overwrite: bool) -> None:
    """Write the whole layer as one JSON document: FILE appears when it is complete; - is standard output.

    Two dumps of the same state are equal, byte by byte. The format: docs/format.md.
    """
    from catalog.store.dump import dump as dumped
    from catalog.whole_file import appearing

    # Closed before the reader: it holds a snapshot until then, also when the disk is full half way.
    with session.reader() as reader, contextlib.closing(dumped(reader, with_journal=journal)) as chunks:
        if file == _STDOUT:
            for chunk in chunks:
                session.output.raw(chunk.encode("utf-8"))
            return
        target = Path(os.path.abspath(file))
        with appearing(target, is_replacing=overwrite) as part, open(part, "wb") as out:
            for chunk in chunks:
                out.write(chunk.encode("utf-8"))
    size = target.stat().st_size
    session.output.document(
        {"file": str(target), "size": size}, f"dumped to {printable(str(target))}, {size} bytes"
    )


# ---- backup


@click.group(cls=DefaultGroup)
def backup() -> None:
    """Back the catalog up; FILE alone means `make FILE`."""


@backup.command()
@click.argument("file", metavar="[FILE]", required=False)
@click.option("--overwrite", is_flag=True, help="Replace FILE if it exists.")
@click.pass_obj
def make(session: Session, file: str | None, overwrite: bool) -> None:
    """Write a verified copy of the catalog; everything goes on meanwhile.

    Without FILE into the directory of backups, where the oldest ones go (backup.keep, backup.max_age_days).
    """
    from catalog.store.backup import backup_to, make_backup
    from daemon.backups import directory_of, max_age_ns

    library = session.library()
    removed: list[Path] = []
    if file is not None:
        made = backup_to(library, Path(os.path.abspath(file)), is_replacing=overwrite)
    else:
        settings = session.config().backup
        made, removed = make_backup(
            library,
            directory_of(library, settings),
            keep=settings.keep,
            max_age_ns=max_age_ns(settings),
            now_ns=time.time_ns(),
        )
    data = {**_document(made, is_verified=True), "removed": [str(path) for path in removed]}
    text = f"backup {printable(str(made.path))}, {made.size} bytes, verified"
    session.output.document(data, text + (f"; {len(removed)} older ones removed" if removed else ""))


@backup.command(name="list")
@click.option("--verify", is_flag=True, help="Read all of each: every checksum, every row.")
@click.pass_obj
def list_backups(session: Session, verify: bool) -> None:
    """List the backups, newest first. Each was verified when it was written; --verify does it again."""
    from catalog.store.backup import kept
    from daemon.backups import directory_of

    directory = directory_of(session.library(), session.config().backup)
    documents = [
        _verified(one) if verify else _document(one, is_verified=one.is_good) for one in kept(directory)
    ]
    session.output.document(
        {"directory": str(directory), "backups": documents},
        [_line(one) for one in documents] or [f"no backups in {printable(str(directory))}"],
    )


def _verified(found: BackupFile) -> dict[str, Any]:
    from catalog.errors import GlassineError
    from catalog.store.backup import verify_backup

    try:
        verify_backup(found.path)
    except GlassineError as error:
        return {**_document(found, is_verified=False), "reason": error.message}
    return _document(found, is_verified=True)


def _document(found: BackupFile, *, is_verified: bool) -> dict[str, Any]:
    return {
        "file": str(found.path),
        "size": found.size,
        "made": instant(found.made_ns),
        "library_uid": found.library_uid,
        "schema": found.schema,
        "verified": is_verified,
        "reason": found.reason,
    }


def _line(document: dict[str, Any]) -> str:
    good = "good" if document["verified"] else f"NOT GOOD: {document['reason']}"
    return f"{document['made']}  {document['size']:>12} bytes  {good}  {printable(document['file'])}"


# ---- restore


@click.command()
@click.argument("file", metavar="FILE")
@click.option("--yes", is_flag=True, help="Do it; without it only the plan is shown.")
@click.option("-n", "--dry-run", is_flag=True, help="Show the plan and change nothing.")
@click.pass_obj
def restore(session: Session, file: str, yes: bool, dry_run: bool) -> None:
    """Restore a backup of the catalog, or a dump into a library where nothing was said yet.

    A backup takes the place of the catalog, which is kept beside it. A dump brings back everything that was said, and
    the names; photos are recognised by their content, whether they were scanned already or will be. Nothing may run
    meanwhile: "glassine down" first.
    """
    from catalog.store.backup import is_database

    source = Path(os.path.abspath(file))
    is_doing = yes and not dry_run
    if is_database(source):
        data, text = _restore_backup(session, source, is_doing=is_doing)
    else:
        data, text = _restore_dump(session, source, is_doing=is_doing)
    if not yes and not dry_run:
        raise UsageError(
            f"{text}; nothing was done without --yes",
            hint="say --yes to do it, -n to see the plan",
            plan=data,
        )
    session.output.document({**data, "dry_run": not is_doing}, text if is_doing else f"would do: {text}")


def _restore_backup(session: Session, source: Path, *, is_doing: bool) -> tuple[dict[str, Any], str]:
    from catalog.store.backup import verify_backup
    from catalog.store.backup_restore import restore_backup

    library = session.library_place()
    found = verify_backup(source)
    data = {"kind": "backup", **_document(found, is_verified=True), "former": None}
    text = f"the catalog is replaced by the backup of {instant(found.made_ns)}"
    if is_doing:
        library.make_directories()
        with _alone(library):
            done = restore_backup(library, source, now_ns=time.time_ns())
        data["former"] = None if done.former is None else str(done.former)
        text += f"; the former one is {printable(data['former'])}" if done.former is not None else ""
    return data, text


def _restore_dump(session: Session, source: Path, *, is_doing: bool) -> tuple[dict[str, Any], str]:
    from catalog.store.db import open_writer
    from catalog.store.dump_restore import restore_file
    from catalog.store.migrations import migrate

    library = session.library()
    with _alone(library):
        writer = open_writer(library)
        try:
            now_ns = time.time_ns()
            migrate(writer, now_ns)
            plan = restore_file(writer, source, now_ns=now_ns, is_dry_run=not is_doing)
        finally:
            writer.close()
    data = {"kind": "dump", "file": str(source), **plan}
    text = (
        f"{plan['photos']} photos, {plan['statements']} statements and {plan['things']} tags, albums, persons, searches and"
        f" stacks come back; {plan['recognised']} photos are recognised, {plan['absent']} are not here (yet),"
        f" {plan['new']} are new to the dump"
    )
    return data, text


@contextlib.contextmanager
def _alone(library: Library) -> Iterator[None]:
    """Hold the library, with nobody else about.

    Raises:
        LibraryLocked: the daemon, a scan or a frontend runs: it would go on showing what is replaced.
    """
    from catalog.library import LibraryLock

    with LibraryLock(library).acquire(wait_s=_LOCK_WAIT_S):
        if others := _others(library):
            raise LibraryLocked(
                f"{', '.join(others)} still shows this library",
                hint="end everything with `glassine down`, restore, and start again with `glassine up`",
                processes=others,
            )
        yield
        if others := _others(library):
            # Race: a mount needs no lock to start, and may have opened the catalog that is replaced now.
            log.warning("%s started meanwhile and may show the former catalog: restart it", ", ".join(others))


def _others(library: Library) -> list[str]:
    from daemon import processes

    return [f"{one.kind} (pid {one.pid})" for one in processes.running(library.processes_dir)]
