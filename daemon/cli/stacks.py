"""`stack`: photos that belong together, made and split by hand, and listed with what united them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from daemon.cli.choosing import carry_out, chosen_uids, editing, one_uid
from daemon.cli.completion import complete_view_path
from daemon.cli.output import printable
from daemon.cli.photos import PhotoArguments, chosen_photos, photo_arguments
from daemon.cli.session import Session

if TYPE_CHECKING:
    from catalog.commands import EditOptions
    from catalog.store.db import Reader

KINDS = ("live", "burst", "raw", "variant", "edit", "manual")


@click.group(no_args_is_help=True)
def stack() -> None:
    """Stacks: photos that belong together; views show the one on top."""


@stack.command()
@photo_arguments
@editing
@click.pass_obj
def make(session: Session, *, chosen: PhotoArguments, options: EditOptions) -> None:
    """Make one stack of photos and of the stacks that they are in.

    What you stack stays stacked, whatever the rules for RAW, Live Photos, bursts and edits would say.
    """
    from catalog.commands.layer import StackMake

    carry_out(session, StackMake(chosen_uids(session, chosen)), options)


@stack.command()
@click.argument("photo", shell_complete=complete_view_path)
@editing
@click.pass_obj
def cover(session: Session, photo: str, *, options: EditOptions) -> None:
    """Let a photo stand for its stack in views, for as long as it can be seen."""
    from catalog.commands.layer import StackCover

    carry_out(session, StackCover(one_uid(session, photo)), options)


@stack.command()
@photo_arguments
@editing
@click.pass_obj
def split(session: Session, *, chosen: PhotoArguments, options: EditOptions) -> None:
    """Take photos out of their stacks; the one on top dissolves its whole stack.

    No rule will stack them again.
    """
    from catalog.commands.layer import StackSplit

    carry_out(session, StackSplit(chosen_uids(session, chosen)), options)


@stack.command("list")
@photo_arguments
@click.option("--kind", type=click.Choice(KINDS), help="Only stacks of this kind.")
@click.option("--limit", type=click.IntRange(min=0), metavar="N", help="Stop after N stacks.")
@click.pass_obj
def list_stacks(session: Session, *, chosen: PhotoArguments, kind: str | None, limit: int | None) -> None:
    """List the stacks of photos, or all stacks: who is in them, who is on top (*), and what united them."""
    with session.reader() as reader:
        found: list[dict[str, Any]] = []
        for one in _stacks(session, reader, chosen):
            if limit is not None and len(found) >= limit:
                break
            if kind is None or one["kind"] == kind:
                found.append({name: value for name, value in one.items() if name != "row"})
    session.output.document(found, (line for one in found for line in _lines(one)))


def _stacks(session: Session, reader: Reader, chosen: PhotoArguments) -> Iterator[dict[str, Any]]:
    from catalog.store.stacks import stack_of, stacks

    if not (chosen.words or chosen.query is not None or chosen.from_file is not None):
        after = 0
        while page := stacks(reader, after):
            yield from page
            after = page[-1]["row"]
        return
    seen: set[str] = set()
    for asset_id in chosen_photos(session, reader, chosen):
        one = stack_of(reader, asset_id)
        if one is not None and one["id"] not in seen:
            seen.add(one["id"])
            yield one


def _lines(one: dict[str, Any]) -> Iterator[str]:
    by_whom = "by hand" if one["origin"] == "user" else "by rule"
    yield f"{one['id']}  {one['kind']}, {by_whom}, {len(one['members'])} photos"
    for member in one["members"]:
        mark = "*" if member["uid"] == one["cover"] else " "
        note = "" if member["state"] == "shown" else f"  ({member['state']})"
        yield printable(f"  {mark} {member['uid']}  {member['name']}{note}")
    for reason in one["why"]:
        yield f"    {reason['rule']}: {reason['evidence']} ({len(reason['photos'])} photos)"
