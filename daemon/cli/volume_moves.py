"""`volume probe, retire, forget`: looking now; a storage that is gone for good; a volume that is none any more."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import click

from catalog.errors import (
    EXIT_OK,
    LibraryLocked,
    NeedsYes,
    VolumeOffline,
)
from daemon.cli.asking import ask_or_do
from daemon.cli.completion import complete_volume
from daemon.cli.output import printable
from daemon.cli.sentences import files_text, photos_text
from daemon.cli.session import Session
from daemon.cli.volume_documents import documents, lines, list_line, one_document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from catalog.values import Volume

Document = dict[str, Any]
# A hung volume is given up after 15 s; several are looked at side by side.
_PROBE_TIMEOUT_S = 60.0


@click.command()
@click.argument("name", required=False, shell_complete=complete_volume)
@click.pass_obj
def probe(session: Session, name: str | None) -> int:
    """Look now whether a volume, or every one in use, is there and is itself; nothing is scanned.

    Exit code 13 if the volume that was named is not online.
    """
    from catalog.store.volumes import volume_by_name, volumes

    library = session.library()
    with session.reader() as reader:
        wanted = [volume_by_name(reader, name)] if name is not None else volumes(reader)

    def look_here() -> None:
        from daemon.foreground_probe import probe_in_foreground

        probe_in_foreground(library, session.config(), name)

    ask_or_do(library, "probe", {"volume": name}, look_here, timeout_s=_PROBE_TIMEOUT_S)
    with session.reader() as reader:
        ids = {volume.id for volume in wanted}
        looked_at = [volume for volume in volumes(reader) if volume.id in ids]
        found = documents(session, reader, looked_at)
    error = None
    if name is not None and looked_at[0].state != "online":
        error = _not_online(looked_at[0])
    session.output.document(found, (list_line(document) for document in found), error=error)
    return EXIT_OK if error is None else error.exit_code


def _not_online(volume: Volume) -> VolumeOffline:
    from daemon.judging import way_out

    reason = f": {volume.state_reason}" if volume.state_reason else ""
    return VolumeOffline(
        f"{volume.name} is {volume.state}{reason}",
        hint=way_out(volume),
        volume=volume.name,
        state=volume.state,
    )


@click.command()
@click.argument("name", shell_complete=complete_volume)
@click.option("-n", "--dry-run", is_flag=True, help="Only tell what would happen.")
@click.pass_obj
def retire(session: Session, name: str, *, dry_run: bool) -> None:
    """Say that a storage is gone for good: it is looked for no more, and holds nobody up.

    Where its files were stays known, and what was said about their photos; volume enable takes it back.
    """
    from catalog.commands import RetireVolume

    if not dry_run:
        session.submit(RetireVolume(volume=name))
    with session.reader() as reader:
        document = one_document(session, reader, name)
    session.output.document(document, _retire_lines(document) if dry_run else lines(document))


def _retire_lines(document: Document) -> Iterator[str]:
    name, files = printable(document["name"]), files_text(document["files"])
    yield (
        f"{name} would be retired: nobody looks for it, nothing waits for it, it has no folder in Originals/;"
        f" where its {files} were stays known"
    )


# ---- forget


@click.command()
@click.argument("name", shell_complete=complete_volume)
@click.option("-n", "--dry-run", is_flag=True, help="Only tell what would happen.")
@click.option("--yes", "is_meant", is_flag=True, help="Do what the plan says.")
@click.pass_obj
def forget(session: Session, name: str, *, dry_run: bool, is_meant: bool) -> None:
    """Make it no volume any more: its files count as missing, its name and place are free. No file is touched.

    What was said about its photos stays, and so does where each was seen last; the same bytes are recognised wherever
    they turn up again.
    """
    from dataclasses import asdict

    from catalog.commands import ForgetVolume
    from catalog.store.traces import forget_plan
    from catalog.store.volumes import volume_by_name

    with session.reader() as reader:
        found = volume_by_name(reader, name)
        plan = asdict(forget_plan(reader, found.id))
    data = {"volume": found.name, "done": False, **plan}
    if dry_run:
        session.output.document(data, _plan_lines(found, plan, is_done=False))
        return
    if not is_meant:
        raise NeedsYes(
            "; ".join(_plan_lines(found, plan, is_done=False)),
            hint="With --yes it is done. volume retire keeps the volume and looks for it no more.",
            plan=plan,
        )
    session.submit(ForgetVolume(volume=name))
    _sweep(session)
    session.output.document({**data, "done": True}, _plan_lines(found, plan, is_done=True))


def _sweep(session: Session) -> None:
    """Take the rows of forgotten volumes away, unless a daemon or somebody else who has the library does it."""
    from daemon.forgetting import sweep_alone

    with contextlib.suppress(LibraryLocked):
        sweep_alone(session.library())


def _plan_lines(found: Volume, plan: Document, *, is_done: bool) -> Iterator[str]:
    name = printable(found.name)
    files = f"; nothing on the disk is touched ({files_text(plan['files'])})" if plan["files"] else ""
    yield f"{name} {'is' if is_done else 'would be'} no volume any more{files}"
    only, said = plan["photos_only_here"], plan["photos_only_here_said"]
    if only:
        what = f"; what was said about {'it' if only == 1 else f'{said} of them'} stays" if said else ""
        yield (
            f"{photos_text(only)} {'was' if only == 1 else 'were'} seen nowhere else: missing {'now' if is_done else 'then'},"
            f" and back wherever the bytes are found{what}"
        )
    if plan["photos_elsewhere"]:
        yield f"{photos_text(plan['photos_elsewhere'])} seen on other volumes too, and shown as before"
