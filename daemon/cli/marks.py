"""What is said about photos one by one: `rate label favorite title describe reject hide unhide`.

A value, where there is one, comes first; `--clear` takes back what was said, so that the file's own word shows again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from catalog.errors import InvalidValue
from daemon.cli.choosing import SignedCommand, carry_out, chosen_uids, clearable, editing
from daemon.cli.photos import PhotoArguments, photo_arguments
from daemon.cli.session import Session

if TYPE_CHECKING:
    from catalog.commands import EditOptions

_RATINGS = {str(number): number for number in range(6)}
_BACK = "Take back what was said; the file's own word, if it has one, counts again."


@click.command(cls=SignedCommand)
@clearable("rating", "RATING", _BACK)
@editing
@click.pass_obj
def rate(session: Session, *, value: str | None, chosen: PhotoArguments, options: EditOptions) -> None:
    """Rate photos: a number from 0 to 5, then the photos.

    "none" takes the rating back, as --clear does; 0 is a rating.
    """
    from catalog.commands.layer import Rate

    rating = None if value is None or value == "none" else _rating(value, chosen)
    carry_out(session, Rate(photos=chosen_uids(session, chosen), rating=rating), options)


def _rating(value: str, chosen: PhotoArguments) -> int:
    if value in _RATINGS:
        return _RATINGS[value]
    hint = "A whole number from 0 to 5, or none."
    if chosen.words and chosen.words[-1] in (*_RATINGS, "none"):
        hint = f"The rating comes first: glassine rate {chosen.words[-1]} PHOTO..."
    raise InvalidValue(f"{value!r} is no rating", hint=hint, value=value)


@click.command()
@clearable("label", "LABEL", _BACK)
@editing
@click.pass_obj
def label(session: Session, *, value: str | None, chosen: PhotoArguments, options: EditOptions) -> None:
    """Give photos a colour label: its name (Red, Green, or any other), then the photos."""
    from catalog.commands.layer import Label

    carry_out(session, Label(photos=chosen_uids(session, chosen), label=value), options)


@click.command()
@clearable("title", "TITLE", _BACK)
@editing
@click.pass_obj
def title(session: Session, *, value: str | None, chosen: PhotoArguments, options: EditOptions) -> None:
    """Give photos a title: the text, then the photos. An empty one says that they have none."""
    from catalog.commands.layer import Title

    carry_out(session, Title(photos=chosen_uids(session, chosen), title=value), options)


@click.command()
@clearable("description", "TEXT", _BACK)
@editing
@click.pass_obj
def describe(session: Session, *, value: str | None, chosen: PhotoArguments, options: EditOptions) -> None:
    """Describe photos: the text, then the photos. An empty one says that there is nothing to say."""
    from catalog.commands.layer import Describe

    carry_out(session, Describe(photos=chosen_uids(session, chosen), description=value), options)


@click.command()
@photo_arguments
@click.option("--off", is_flag=True, help="They are favourites no longer.")
@editing
@click.pass_obj
def favorite(session: Session, *, chosen: PhotoArguments, off: bool, options: EditOptions) -> None:
    """Make photos favourites."""
    from catalog.commands.layer import Favorite

    carry_out(session, Favorite(photos=chosen_uids(session, chosen), is_favorite=not off), options)


@click.command()
@photo_arguments
@click.option("--off", is_flag=True, help="They are rejected no longer.")
@editing
@click.pass_obj
def reject(session: Session, *, chosen: PhotoArguments, off: bool, options: EditOptions) -> None:
    """Reject photos: marked as failures, and shown as before."""
    from catalog.commands.layer import Reject

    carry_out(session, Reject(photos=chosen_uids(session, chosen), is_rejected=not off), options)


@click.command()
@photo_arguments
@editing
@click.pass_obj
def hide(session: Session, *, chosen: PhotoArguments, options: EditOptions) -> None:
    """Hide photos from every view; "glassine find is:hidden" finds them."""
    from catalog.commands.layer import Hide

    carry_out(session, Hide(photos=chosen_uids(session, chosen)), options)


@click.command()
@photo_arguments
@editing
@click.pass_obj
def unhide(session: Session, *, chosen: PhotoArguments, options: EditOptions) -> None:
    """Show hidden photos again, for instance with --query is:hidden."""
    from catalog.commands.layer import Hide

    carry_out(session, Hide(photos=chosen_uids(session, chosen), is_hidden=False), options)
