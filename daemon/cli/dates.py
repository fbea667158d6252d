"""`date`: say when photos were taken, move their dates, or take back what was said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from daemon.cli.choosing import SignedCommand, carry_out, chosen_uids, editing
from daemon.cli.completion import complete_zone
from daemon.cli.moments import read_delta, read_when
from daemon.cli.photos import PhotoArguments, photo_arguments
from daemon.cli.session import Session

if TYPE_CHECKING:
    from catalog.commands import EditOptions


@click.group(no_args_is_help=True)
def date() -> None:
    """When photos were taken, as you know better than the file."""


@date.command("set", cls=SignedCommand)
@click.argument("when")
@photo_arguments
@click.option(
    "--zone",
    metavar="ZONE",
    shell_complete=complete_zone,
    help="The zone of that clock, for instance Europe/Rome; it gives the offset.",
)
@editing
@click.pass_obj
def set_date(
    session: Session, when: str, *, zone: str | None, chosen: PhotoArguments, options: EditOptions
) -> None:
    """Say when photos were taken: WHEN, then the photos.

    WHEN is as exact as you know: 2019, 2019-08, 2019-08-07, 2019-08-07T14:03, 2019-08-07T14:03:05.5, a time of day with
    an offset (+02:00, Z) if you like. It is the clock of the place, never shifted.
    """
    from catalog.commands.layer import DateSet

    said = read_when(when, zone)
    photos = chosen_uids(session, chosen)
    carry_out(session, DateSet(photos, said.local, said.offset_min, said.zone), options)


@date.command(cls=SignedCommand)
@click.argument("delta")
@photo_arguments
@editing
@click.pass_obj
def shift(session: Session, delta: str, *, chosen: PhotoArguments, options: EditOptions) -> None:
    """Move the dates of photos, each from its own: DELTA, then the photos.

    DELTA is a sign and units from large to small (+1y2mo3d, -2w, +1h30m, -90s) or a clock (-00:30, +7:00:00). Months
    are those of the calendar: 31 January + 1mo is the last of February.
    """
    from catalog.commands.layer import DateShift

    by = read_delta(delta)
    photos = chosen_uids(session, chosen)
    carry_out(session, DateShift(photos, by.months, by.days, by.microseconds), options)


@date.command()
@photo_arguments
@editing
@click.pass_obj
def clear(session: Session, *, chosen: PhotoArguments, options: EditOptions) -> None:
    """Take back what was said about the date; what the file and its name say counts again."""
    from catalog.commands.layer import DateClear

    carry_out(session, DateClear(chosen_uids(session, chosen)), options)
