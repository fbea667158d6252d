"""`volume`: storages, where they are, what is scanned of them and what is left out.

A volume is added by its resolved root; no file below it is touched. Edits go through `catalog.commands`, so they
work with and without a daemon.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import click

from catalog.errors import InvalidValue, NotFound
from daemon.cli.completion import complete_volume
from daemon.cli.output import path_fields, printable, readable, storable
from daemon.cli.photos import volume_of
from daemon.cli.session import Session
from daemon.cli.volume_documents import (
    accepted_lines,
    documents,
    lines,
    list_line,
    look_document,
    look_line,
    one_document,
)
from daemon.cli.volume_moves import forget, probe, retire
from daemon.cli.volume_places import mode_of, real_directory, refuse_own_places
from daemon.cli.volume_relocation import relocate

if TYPE_CHECKING:
    from catalog.commands import Command
    from catalog.store.db import Reader
    from catalog.values import Mode, Volume


@click.group(no_args_is_help=True)
def volume() -> None:
    """Volumes: storages that hold originals, each with a state of its own."""


@volume.command()
@click.argument("path", type=click.Path())
@click.option(
    "--name", metavar="N", help="What it is called below Originals/. Default: the name of the directory."
)
@click.option(
    "--writable",
    is_flag=True,
    help="Allow uploads and purges on it, and one marker file; nothing else is ever written.",
)
@click.option(
    "--exclude",
    "excludes",
    multiple=True,
    metavar="GLOB",
    help="Leave this out (gitignore syntax); repeatable.",
)
@click.pass_obj
def add(session: Session, path: str, *, name: str | None, writable: bool, excludes: tuple[str, ...]) -> None:
    """Add a directory as a volume, read-only unless --writable is given. Nothing in it is touched."""
    from catalog.commands import AddVolume
    from daemon.excludes import Excludes

    library = session.library()
    root = real_directory(os.fsencode(path))
    refuse_own_places(library, root)
    Excludes(excludes)  # a pattern that makes no sense is refused here
    for pattern in excludes:
        if storable(pattern) != pattern:
            raise InvalidValue(f"the pattern {printable(pattern)} is not UTF-8", pattern=storable(pattern))
    label = storable(name if name is not None else os.fsdecode(os.path.basename(root)))
    mode: Mode = "rw" if writable else "ro"
    added = session.submit(AddVolume(name=label, root=root, mode=mode, excludes=tuple(excludes)))
    _tell(session, added["name"])


@volume.command("list")
@click.pass_obj
def list_volumes(session: Session) -> None:
    """List all volumes."""
    from catalog.store.volumes import volumes

    with session.reader() as reader:
        found = documents(session, reader, volumes(reader))
    session.output.document(found, (list_line(document) for document in found))


@volume.command()
@click.argument("name", shell_complete=complete_volume)
@click.pass_obj
def show(session: Session, name: str) -> None:
    """Tell everything about a volume: who it is, how it is, when it was looked at, how much room is left."""
    from catalog.store.volumes import volume_by_name
    from daemon.status import watching_of

    with session.reader() as reader:
        found = volume_by_name(reader, name)
        document = documents(session, reader, [found])[0]
    watching = watching_of(session.library(), found)
    document["watching"] = watching
    if watching is not None and watching["next_full_scan"]:
        document["next_full_scan_at"] = watching["next_full_scan"]
    document["space"] = _space(found)
    session.output.document(document, lines(document))


@volume.command()
@click.argument("name", shell_complete=complete_volume)
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="Most rows.")
@click.pass_obj
def scans(session: Session, name: str, limit: int) -> None:
    """List the scans and verifications of a volume, newest first."""
    from catalog.store.standing import history
    from catalog.store.volumes import volume_by_name

    with session.reader() as reader:
        found = volume_by_name(reader, name)
        rows = [look_document(look) for look in history(reader, found.id, limit)]
    data = {"volume": found.name, "scans": rows}
    session.output.document(data, (look_line(row) for row in rows))


@volume.command()
@click.argument("name", shell_complete=complete_volume)
@click.pass_obj
def disable(session: Session, name: str) -> None:
    """Leave a volume alone: no probe, no scan, no watching. Its photos stay listed."""
    from catalog.commands import DisableVolume

    _edit(session, name, DisableVolume(volume=name))


@volume.command()
@click.argument("name", shell_complete=complete_volume)
@click.pass_obj
def enable(session: Session, name: str) -> None:
    """Use a disabled or retired volume again; the next look tells its state."""
    from catalog.commands import EnableVolume

    _edit(session, name, EnableVolume(volume=name))


@volume.command("accept-empty")
@click.argument("name", shell_complete=complete_volume)
@click.option("-n", "--dry-run", is_flag=True, help="Only tell what would be accepted.")
@click.pass_obj
def accept_empty(session: Session, name: str, *, dry_run: bool) -> None:
    """Believe that what is gone from a volume is gone: an empty root, many missing files, file systems mounted below.

    Nothing that was said about a photo is forgotten by it; the places where files were may be, by the rule of the missing.
    """
    from catalog.commands import AcceptEmpty

    with session.reader() as reader:
        before = one_document(session, reader, name)
    if not dry_run:
        session.submit(AcceptEmpty(volume=name))
    with session.reader() as reader:
        document = one_document(session, reader, name)
    accepted = {
        "missing": before["missing"],
        "away": [one["path"] for one in before["nested"] if one["state"] == "away"],
        "hold": before["hold"],
    }
    told = accepted_lines(before, is_done=not dry_run)
    session.output.document({**document, "accepted": accepted, "done": not dry_run}, told)


@volume.group(no_args_is_help=True)
def path() -> None:
    """Library paths: the directories of a volume that are scanned. Without any the whole volume is."""


@path.command("add")
@click.argument("name", shell_complete=complete_volume)
@click.argument("directory", type=click.Path())
@click.pass_obj
def add_path(session: Session, name: str, directory: str) -> None:
    """Scan this directory of the volume (absolute, or relative to the volume's root)."""
    from catalog.commands import AddLibraryPath

    with session.reader() as reader:
        found, relative = _inside(reader, name, os.fsencode(directory))
    mode = mode_of(os.path.join(found.root, relative))
    if mode is None or not stat.S_ISDIR(mode):
        raise NotFound(f"{readable(relative)} is no directory of {found.name}", **path_fields(relative))
    session.submit(AddLibraryPath(volume=found.name, path=relative))
    _show_paths(session, name)


@path.command("remove")
@click.argument("name", shell_complete=complete_volume)
@click.argument("directory", type=click.Path())
@click.pass_obj
def remove_path(session: Session, name: str, directory: str) -> None:
    """Scan this directory no longer; what was seen there stays remembered."""
    from catalog.commands import RemoveLibraryPath

    with session.reader() as reader:
        found, relative = _inside(reader, name, os.fsencode(directory))
    session.submit(RemoveLibraryPath(volume=found.name, path=relative))
    _show_paths(session, name)


@path.command("list")
@click.argument("name", shell_complete=complete_volume)
@click.pass_obj
def list_paths(session: Session, name: str) -> None:
    """List the library paths of a volume."""
    _show_paths(session, name)


def _edit(session: Session, name: str, command: Command) -> None:
    session.submit(command)
    _tell(session, name)


def _tell(session: Session, name: str) -> None:
    with session.reader() as reader:
        document = one_document(session, reader, name)
    session.output.document(document, lines(document))


def _space(found: Volume) -> dict[str, int] | None:
    from dataclasses import asdict

    from daemon.volume_facts import free_space

    space = free_space(found.root) if found.state == "online" and found.backend == "local" else None
    return None if space is None else asdict(space)


def _inside(reader: Reader, name: str, directory: bytes) -> tuple[Volume, bytes]:
    from catalog.store.volumes import clean_relative_path, volume_by_name

    found = volume_by_name(reader, name)
    if not os.path.isabs(directory):
        return found, clean_relative_path(directory)
    place = volume_of(os.path.realpath(directory), [found])
    if place is None:
        raise InvalidValue(f"{readable(directory)} is not inside {found.name}", **path_fields(directory))
    return place


def _show_paths(session: Session, name: str) -> None:
    from catalog.store.volumes import library_paths, volume_by_name

    with session.reader() as reader:
        found = volume_by_name(reader, name)
        rows = [path_fields(library_path.path) for library_path in library_paths(reader, found.id)]
    data = {"volume": found.name, "paths": rows}
    session.output.document(data, (printable(row["path"] or "/") for row in rows))


for _command in (probe, relocate, retire, forget):
    volume.add_command(_command)
