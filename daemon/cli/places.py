"""`place`: say where photos were taken, or take back what was said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from daemon.cli.choosing import SignedCommand, carry_out, chosen_uids, editing
from daemon.cli.photos import PhotoArguments, photo_arguments
from daemon.cli.positions import read_position
from daemon.cli.session import Session

if TYPE_CHECKING:
    from catalog.commands import EditOptions

NOWHERE = "none"


@click.group(no_args_is_help=True)
def place() -> None:
    """Where photos were taken, as you know better than the file."""


@place.command("set", cls=SignedCommand)
@click.argument("position", metavar="LAT,LON[,ALT]")
@photo_arguments
@editing
@click.pass_obj
def set_place(session: Session, position: str, *, chosen: PhotoArguments, options: EditOptions) -> None:
    """Say where photos were taken: the position, then the photos.

    Signed degrees (52.1,13.4 or -33.8,151.2), or degrees, minutes and seconds with N, S, E, W (52°31'12"N,13°24'18"E);
    altitude in metres if you like (52.1,13.4,34m). "none": there is no position to tell, whatever the file says.
    """
    from catalog.commands.layer import PlaceSet

    if position == NOWHERE:
        lat, lon, alt = None, None, None
    else:
        there = read_position(position)
        lat, lon, alt = there.lat, there.lon, there.alt
    carry_out(session, PlaceSet(chosen_uids(session, chosen), lat, lon, alt), options)


@place.command()
@photo_arguments
@editing
@click.pass_obj
def clear(session: Session, *, chosen: PhotoArguments, options: EditOptions) -> None:
    """Take back what was said about the place; what the file says counts again."""
    from catalog.commands.layer import PlaceClear

    carry_out(session, PlaceClear(chosen_uids(session, chosen)), options)
