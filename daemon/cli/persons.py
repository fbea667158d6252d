"""`person`: say who is in photos; rename, merge and list persons. Where a face is in a picture: `face`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from daemon.cli.choosing import carry_out, chosen_uids, editing
from daemon.cli.completion import complete_person
from daemon.cli.output import instant, printable
from daemon.cli.photos import PhotoArguments, photo_arguments
from daemon.cli.session import Session

if TYPE_CHECKING:
    from catalog.commands import EditOptions
    from catalog.things import Person


@click.group(no_args_is_help=True)
def person() -> None:
    """Persons: who is in photos."""


@person.command()
@click.argument("name", shell_complete=complete_person)
@photo_arguments
@editing
@click.pass_obj
def add(session: Session, name: str, *, chosen: PhotoArguments, options: EditOptions) -> None:
    """Say that a person is in photos: the name, then the photos. An unknown person is made."""
    from catalog.commands.layer import PersonAdd

    carry_out(session, PersonAdd(chosen_uids(session, chosen), name), options)


@person.command()
@click.argument("name", shell_complete=complete_person)
@photo_arguments
@editing
@click.pass_obj
def remove(session: Session, name: str, *, chosen: PhotoArguments, options: EditOptions) -> None:
    """Say that a person is not in photos; faces marked as that person become nobody's."""
    from catalog.commands.layer import PersonRemove

    carry_out(session, PersonRemove(chosen_uids(session, chosen), name), options)


@person.command()
@click.argument("name", shell_complete=complete_person)
@click.argument("new", metavar="NEW_NAME")
@editing
@click.pass_obj
def rename(session: Session, name: str, new: str, *, options: EditOptions) -> None:
    """Give a person another name."""
    from catalog.commands.layer import PersonRename

    carry_out(session, PersonRename(name, new), options)


@person.command()
@click.argument("names", metavar="NAME...", nargs=-1, required=True, shell_complete=complete_person)
@click.option(
    "--into", required=True, metavar="NAME", shell_complete=complete_person, help="Who they all are."
)
@editing
@click.pass_obj
def merge(session: Session, names: tuple[str, ...], *, into: str, options: EditOptions) -> None:
    """Make several persons one: they were the same all along."""
    from catalog.commands.layer import PersonMerge

    carry_out(session, PersonMerge(names, into), options)


@person.command("list")
@click.pass_obj
def list_persons(session: Session) -> None:
    """List all persons with the number of photos that show them."""
    from catalog.store.persons import persons

    with session.reader() as reader:
        found = [_document(one) for one in persons(reader)]
    found.sort(key=lambda document: (document["name"].casefold(), document["name"]))
    session.output.document(found, (f"{one['photos']:>7}  {printable(one['name'])}" for one in found))


def _document(one: Person) -> dict[str, Any]:
    return {
        "uid": one.uid,
        "name": one.name,
        "label": one.label,
        "photos": one.count,
        "created_at": instant(one.created_ns),
    }
