"""`face`: rectangles on the upright picture, each perhaps somebody's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from catalog.errors import UsageError
from daemon.cli.choosing import SignedCommand, carry_out, editing, one_uid
from daemon.cli.completion import complete_person, complete_view_path
from daemon.cli.output import printable
from daemon.cli.photos import one_photo
from daemon.cli.positions import read_region
from daemon.cli.session import Session

if TYPE_CHECKING:
    from catalog.commands import EditOptions


@click.group(no_args_is_help=True)
def face() -> None:
    """Faces: where in a picture somebody is."""


@face.command(cls=SignedCommand)
@click.argument("region", metavar="X,Y,W,H")
@click.argument("photo", shell_complete=complete_view_path)
@click.option("--person", metavar="NAME", shell_complete=complete_person, help="Whose face it is.")
@editing
@click.pass_obj
def add(session: Session, region: str, photo: str, *, person: str | None, options: EditOptions) -> None:
    """Mark a face: the rectangle, then the photo.

    Left, top, width and height as parts of the upright picture, 0 to 1: 0.25,0.1,0.2,0.3.
    """
    from catalog.commands.layer import FaceAdd

    box = read_region(region)
    uid = one_uid(session, photo)
    carry_out(session, FaceAdd(uid, box.x, box.y, box.w, box.h, person), options)


@face.command()
@click.argument("photo", shell_complete=complete_view_path)
@click.option("--face", "region", metavar="ID", help="The face of this id, as face list tells it.")
@click.option("--person", metavar="NAME", shell_complete=complete_person, help="All faces of this person.")
@editing
@click.pass_obj
def remove(
    session: Session, photo: str, *, region: str | None, person: str | None, options: EditOptions
) -> None:
    """Remove a face from a photo, by its id or by whose it is."""
    from catalog.commands.layer import FaceRemove

    if (region is None) is (person is None):
        raise UsageError("which face? give --face or --person", hint="glassine face list PHOTO tells them.")
    carry_out(session, FaceRemove(one_uid(session, photo), region, person), options)


@face.command("list")
@click.argument("photo", shell_complete=complete_view_path)
@click.pass_obj
def list_faces(session: Session, photo: str) -> None:
    """List the faces of a photo: id, rectangle, and whose they are."""
    from catalog.store.photos import documents

    with session.reader() as reader:
        (document,) = documents(reader, [one_photo(session, reader, photo)])
    found: list[dict[str, Any]] = document["faces"]
    session.output.document(found, _lines(found))


def _lines(faces: list[dict[str, Any]]) -> Iterator[str]:
    for one in faces:
        box = ",".join(f"{one[side]:.4g}" for side in ("x", "y", "w", "h"))
        yield f"{one['id']}  {box}  {printable(one['name'] or '')}".rstrip()
