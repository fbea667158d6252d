"""`tag`: put tags on photos and take them off; rename, merge, delete, alias and list tags.

A tag is written as its path, joined by slashes. What a name means (exact, alias, but for case) the layer decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from daemon.cli.choosing import carry_out, chosen_uids, editing
from daemon.cli.completion import complete_tag
from daemon.cli.output import instant, printable
from daemon.cli.photos import PhotoArguments, photo_arguments
from daemon.cli.session import Session

if TYPE_CHECKING:
    from catalog.commands import EditOptions
    from catalog.things import Tag

_further = click.option(
    "-t",
    "--tag",
    "further",
    multiple=True,
    metavar="TAG",
    shell_complete=complete_tag,
    help="A further tag; repeatable.",
)
_yes = click.option("--yes", is_flag=True, help="Accepted; not needed, as undo brings it back.")


@click.group(no_args_is_help=True)
def tag() -> None:
    """Tags: words on photos, in a hierarchy: animals/cat."""


@tag.command()
@click.argument("name", metavar="TAG", shell_complete=complete_tag)
@photo_arguments
@_further
@editing
@click.pass_obj
def add(
    session: Session, name: str, *, further: tuple[str, ...], chosen: PhotoArguments, options: EditOptions
) -> None:
    """Put a tag on photos: the tag, then the photos. An unknown tag is made."""
    from catalog.commands.layer import TagAdd

    carry_out(session, TagAdd(chosen_uids(session, chosen), (name, *further)), options)


@tag.command()
@click.argument("name", metavar="TAG", shell_complete=complete_tag)
@photo_arguments
@_further
@click.option("--below", is_flag=True, help="Take the tags below it off as well.")
@editing
@click.pass_obj
def remove(
    session: Session,
    name: str,
    *,
    further: tuple[str, ...],
    below: bool,
    chosen: PhotoArguments,
    options: EditOptions,
) -> None:
    """Take a tag off photos, whoever put it there: the tag, then the photos."""
    from catalog.commands.layer import TagRemove

    photos = chosen_uids(session, chosen)
    carry_out(session, TagRemove(photos, (name, *further), is_below=below), options)


@tag.command()
@click.argument("name", metavar="TAG")
@editing
@click.pass_obj
def create(session: Session, name: str, *, options: EditOptions) -> None:
    """Make a tag, and those above it, before any photo has it."""
    from catalog.commands.layer import TagCreate

    carry_out(session, TagCreate(name), options)


@tag.command()
@click.argument("name", metavar="TAG", shell_complete=complete_tag)
@click.argument("new", metavar="PATH", shell_complete=complete_tag)
@editing
@click.pass_obj
def rename(session: Session, name: str, new: str, *, options: EditOptions) -> None:
    """Give a tag another path; tags below it move along. If there is a tag of that path, the two become one."""
    from catalog.commands.layer import TagRename

    carry_out(session, TagRename(name, new), options)


@tag.command()
@click.argument("name", metavar="TAG", shell_complete=complete_tag)
@_yes
@editing
@click.pass_obj
def delete(session: Session, name: str, *, yes: bool, options: EditOptions) -> None:
    """Delete a tag and those below it; photos lose it."""
    from catalog.commands.layer import TagDelete

    carry_out(session, TagDelete(name), options)


@tag.command()
@click.argument("name", metavar="TAG", shell_complete=complete_tag)
@click.argument("alias_path", metavar="ALIAS")
@click.option("--remove", is_flag=True, help="It means the tag no longer.")
@editing
@click.pass_obj
def alias(session: Session, name: str, alias_path: str, *, remove: bool, options: EditOptions) -> None:
    """Let another path mean a tag: what is written by that name lands there."""
    from catalog.commands.layer import TagAlias

    carry_out(session, TagAlias(name, alias_path, is_removed=remove), options)


@tag.command("list")
@click.option("--tree", is_flag=True, help="Show tags below their parents.")
@click.option("--unused", is_flag=True, help="Only tags that no photo has, nor any tag below them.")
@click.pass_obj
def list_tags(session: Session, *, tree: bool, unused: bool) -> None:
    """List all tags with the number of photos that have them, and that have them or one below."""
    from catalog.store.tags import tags

    with session.reader() as reader:
        found = [_document(one) for one in tags(reader)]
    # By component, so that a tag stands before those below it and `a b` does not come between `a` and `a/b`.
    found.sort(key=lambda document: document["path"].split("/"))
    shown = [document for document in found if not (unused and document["photos_below"])]
    session.output.document(shown, _lines(shown, is_tree=tree))


def _document(one: Tag) -> dict[str, Any]:
    return {
        "uid": one.uid,
        "path": one.path,
        "label": one.label,
        "photos": one.count,
        "photos_below": one.count_below,
        "aliases": list(one.aliases),
        "created_at": instant(one.created_ns),
    }


def _lines(documents: list[dict[str, Any]], *, is_tree: bool) -> Iterator[str]:
    for document in documents:
        above, _, name = document["path"].rpartition("/")
        depth = above.count("/") + 1 if above else 0
        shown = f"{'  ' * depth}{name}" if is_tree else document["path"]
        aliases = f"  ({', '.join(document['aliases'])})" if document["aliases"] else ""
        yield printable(f"{document['photos']:>7} {document['photos_below']:>7}  {shown}{aliases}")
