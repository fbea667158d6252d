"""`album`: make albums, put photos in, order, rename, delete and show them. An album is written as its path."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from catalog.errors import UsageError
from daemon.cli.choosing import carry_out, chosen_uids, editing, one_uid
from daemon.cli.completion import complete_album, complete_view_path
from daemon.cli.output import instant, printable
from daemon.cli.photos import PhotoArguments, photo_arguments
from daemon.cli.session import Session

if TYPE_CHECKING:
    from catalog.commands import EditOptions
    from catalog.things import Album

_album = click.argument("name", metavar="ALBUM", shell_complete=complete_album)


@click.group(no_args_is_help=True)
def album() -> None:
    """Albums: chosen photos in an order, in folders of their own: Travel/Rome."""


@album.command()
@click.argument("name", metavar="ALBUM")
@editing
@click.pass_obj
def create(session: Session, name: str, *, options: EditOptions) -> None:
    """Make an album, and those above it."""
    from catalog.commands.layer import AlbumCreate

    carry_out(session, AlbumCreate(name), options)


@album.command()
@_album
@photo_arguments
@click.option("--create", "is_created", is_flag=True, help="Make the album if there is none.")
@editing
@click.pass_obj
def add(
    session: Session, name: str, *, is_created: bool, chosen: PhotoArguments, options: EditOptions
) -> None:
    """Put photos at the end of an album, in the order given: the album, then the photos."""
    from catalog.commands.layer import AlbumAdd

    carry_out(session, AlbumAdd(chosen_uids(session, chosen), name, is_created=is_created), options)


@album.command()
@_album
@photo_arguments
@editing
@click.pass_obj
def remove(session: Session, name: str, *, chosen: PhotoArguments, options: EditOptions) -> None:
    """Take photos out of an album: the album, then the photos."""
    from catalog.commands.layer import AlbumRemove

    carry_out(session, AlbumRemove(chosen_uids(session, chosen), name), options)


@album.command()
@_album
@photo_arguments
@click.option("--by", type=click.Choice(["date", "name"]), help="Order all of it by this.")
@click.option(
    "--before", metavar="PHOTO", shell_complete=complete_view_path, help="Put them before this one."
)
@click.option("--after", metavar="PHOTO", shell_complete=complete_view_path, help="Put them after this one.")
@editing
@click.pass_obj
def order(
    session: Session,
    name: str,
    *,
    by: str | None,
    before: str | None,
    after: str | None,
    chosen: PhotoArguments,
    options: EditOptions,
) -> None:
    """Order an album: all of it with --by, else these photos, to the front or --before or --after one of it."""
    from catalog.commands.layer import AlbumOrder

    if sum(one is not None for one in (by, before, after)) > 1:
        raise UsageError("--by, --before and --after exclude each other")
    has_photos = bool(chosen.words) or chosen.query is not None or chosen.from_file is not None
    if by is not None and has_photos:
        raise UsageError("--by orders the whole album", hint="Name no photos with it.")
    command = AlbumOrder(
        album=name,
        photos=() if by is not None else chosen_uids(session, chosen),
        by=by,
        before=None if before is None else one_uid(session, before),
        after=None if after is None else one_uid(session, after),
    )
    carry_out(session, command, options)


@album.command()
@_album
@click.argument("new", metavar="PATH")
@editing
@click.pass_obj
def rename(session: Session, name: str, new: str, *, options: EditOptions) -> None:
    """Give an album another path; albums in it move along."""
    from catalog.commands.layer import AlbumRename

    carry_out(session, AlbumRename(name, new), options)


@album.command()
@_album
@click.option("-r", "--recursive", is_flag=True, help="Delete the albums in it as well.")
@click.option("--yes", is_flag=True, help="Accepted; not needed, as undo brings it back.")
@editing
@click.pass_obj
def delete(session: Session, name: str, *, recursive: bool, yes: bool, options: EditOptions) -> None:
    """Delete an album, never its photos."""
    from catalog.commands.layer import AlbumDelete

    carry_out(session, AlbumDelete(name, is_recursive=recursive), options)


@album.command()
@_album
@click.argument("photo", required=False, shell_complete=complete_view_path)
@click.option("--clear", is_flag=True, help="Let the first photo be the cover again.")
@editing
@click.pass_obj
def cover(session: Session, name: str, photo: str | None, *, clear: bool, options: EditOptions) -> None:
    """Choose the photo on the cover of an album: the album, then the photo."""
    from catalog.commands.layer import AlbumCover

    if (photo is None) is not clear:
        raise UsageError("name a photo, or use --clear", hint="glassine album cover ALBUM PHOTO")
    carry_out(session, AlbumCover(name, None if photo is None else one_uid(session, photo)), options)


@album.command("list")
@click.pass_obj
def list_albums(session: Session) -> None:
    """List all albums with the number of photos that each shows."""
    from catalog.store.albums import albums

    with session.reader() as reader:
        found = [_document(one) for one in albums(reader)]
    found.sort(key=lambda document: document["path"].split("/"))
    session.output.document(found, (_line(document) for document in found))


@album.command()
@_album
@click.pass_obj
def show(session: Session, name: str) -> None:
    """Tell what is in an album, in its order; trashed, hidden and missing photos too, which its folder leaves out."""
    from catalog.store import albums
    from catalog.store.photos import names_of

    with session.reader() as reader:
        uid = albums.resolve_album(reader, name).uid
        (found,) = [one for one in albums.albums(reader) if one.uid == uid]  # with its count
        document = _document(found)
        document["items"] = names_of(reader, albums.photos_in_order(reader, found.id))
    session.output.document(document, _show_lines(document))


def _document(one: Album) -> dict[str, Any]:
    return {
        "uid": one.uid,
        "path": one.path,
        "label": one.label,
        "photos": one.count,
        "cover": one.cover,
        "created_at": instant(one.created_ns),
    }


def _line(document: dict[str, Any]) -> str:
    return printable(f"{document['photos']:>7}  {document['path']}")


def _show_lines(document: dict[str, Any]) -> Iterator[str]:
    for item in document["items"]:
        notes = ["cover"] * (item["uid"] == document["cover"]) + [item["state"]] * (item["state"] != "shown")
        mark = f"  ({', '.join(notes)})" if notes else ""
        yield printable(f"{item['uid']}  {item['name']}{mark}")
