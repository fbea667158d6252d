"""`volume`: storages, where they are, what is scanned of them and what is left out.

A volume is added by its resolved root; no file below it is touched. Edits go through `catalog.commands`, so they
work with and without a daemon.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from catalog.errors import InvalidValue, NotFound, NotPermitted
from daemon.cli.completion import complete_volume
from daemon.cli.output import instant, path_fields, printable, readable
from daemon.cli.photos import volume_of
from daemon.cli.session import Session

if TYPE_CHECKING:
    from catalog.commands import Command
    from catalog.library import Library
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
    "--writable", is_flag=True, help="Allow uploads and purges on it later; nothing else is ever written."
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
    root = _root(os.fsencode(path))
    _refuse_own_places(library, root)
    Excludes(excludes)  # a pattern that makes no sense is refused here
    label = name if name is not None else os.fsdecode(os.path.basename(root))
    mode: Mode = "rw" if writable else "ro"
    session.submit(AddVolume(name=label, root=root, mode=mode, excludes=tuple(excludes)))
    with session.reader() as reader:
        document = volume_document(reader, _by_root(reader, root))
    session.output.document(document, _lines(document))


@volume.command("list")
@click.pass_obj
def list_volumes(session: Session) -> None:
    """List all volumes."""
    from catalog.store.volumes import volumes

    with session.reader() as reader:
        documents = [volume_document(reader, found) for found in volumes(reader)]
    session.output.document(documents, (_line(document) for document in documents))


@volume.command()
@click.argument("name", shell_complete=complete_volume)
@click.pass_obj
def show(session: Session, name: str) -> None:
    """Tell everything about a volume."""
    _tell(session, name)


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
    """Use a disabled volume again; the next look tells its state."""
    from catalog.commands import EnableVolume

    _edit(session, name, EnableVolume(volume=name))


@volume.command("accept-empty")
@click.argument("name", shell_complete=complete_volume)
@click.pass_obj
def accept_empty(session: Session, name: str) -> None:
    """Believe that a volume which held files is empty now: its photos become missing at the next scan."""
    from catalog.commands import AcceptEmpty

    _edit(session, name, AcceptEmpty(volume=name))


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
    status = _lstat(os.path.join(found.root, relative))
    if status is None or not stat.S_ISDIR(status.st_mode):
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


def volume_document(reader: Reader, found: Volume) -> dict[str, Any]:
    """Return the document of a volume: the same for add, list and show."""
    from catalog.store.volumes import library_paths

    return {
        "name": found.name,
        **path_fields(found.root, "root"),
        "backend": found.backend,
        "mode": found.mode,
        "state": found.state,
        "reason": found.state_reason,
        "since": instant(found.state_since_ns),
        "excludes": list(found.excludes),
        "paths": [path_fields(library_path.path) for library_path in library_paths(reader, found.id)],
        "quick_scan_at": instant(found.quick_scan_ns),
        "full_scan_at": instant(found.full_scan_ns),
        "added_at": instant(found.created_ns),
    }


def _edit(session: Session, name: str, command: Command) -> None:
    session.submit(command)
    _tell(session, name)


def _tell(session: Session, name: str) -> None:
    from catalog.store.volumes import volume_by_name

    with session.reader() as reader:
        document = volume_document(reader, volume_by_name(reader, name))
    session.output.document(document, _lines(document))


def _root(path: bytes) -> bytes:
    root = os.path.realpath(path)
    status = _lstat(root)
    if status is None:
        raise NotFound(f"{readable(path)} does not exist", **path_fields(path))
    if not stat.S_ISDIR(status.st_mode):
        raise InvalidValue(f"{readable(path)} is not a directory", **path_fields(path))
    if not os.access(root, os.R_OK | os.X_OK):
        raise NotPermitted(f"{readable(path)} cannot be listed", **path_fields(path))
    return root


def _lstat(path: bytes) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _refuse_own_places(library: Library, root: bytes) -> None:
    from daemon.cli.tree import mount_of

    own = os.path.realpath(os.fsencode(library.path))
    if root == own or root.startswith(own + b"/"):
        raise InvalidValue(f"{readable(root)} belongs to the library itself", **path_fields(root))
    if mount_of(root) is not None:
        raise InvalidValue(f"{readable(root)} lies in a mount of a library", **path_fields(root))


def _by_root(reader: Reader, root: bytes) -> Volume:
    from catalog.store.volumes import volumes

    return next(found for found in volumes(reader) if found.root == root)


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


def _line(document: dict[str, Any]) -> str:
    return f"{document['name']:<20} {document['state']:<8} {document['mode']}  {printable(document['root'])}"


def _lines(document: dict[str, Any]) -> Iterator[str]:
    for name, value in document.items():
        items = [item["path"] or "/" for item in value] if name == "paths" else value
        text = ", ".join(items) if isinstance(items, list) else "" if items is None else str(items)
        if text:
            yield f"{name:<13} {printable(text)}"
