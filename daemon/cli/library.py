"""`init`: make a library. Idempotent: an existing one is left as it is and told about."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import click

from catalog.errors import CatalogError, CatalogTooNew, InvalidValue
from daemon.cli.session import Session

if TYPE_CHECKING:
    from catalog.library import Library

_LOCK_WAIT_S = 5.0  # another init makes a library in milliseconds


@click.command()
@click.option(
    "--zone",
    metavar="ZONE",
    help="Time zone of photos without one, fixed from now on. Default: the system's.",
)
@click.pass_obj
def init(session: Session, zone: str | None) -> None:
    """Make a library: the place of the catalog, never of photos. Does nothing if there is one.

    Where: --library, else GLASSINE_LIBRARY, else $XDG_DATA_HOME/glassine.
    """
    library = session.library_place()
    wanted = _zone(zone) if zone is not None else None
    is_new = not library.exists() and _made(library, wanted)
    actual = _zone_of(library)
    if wanted is not None and wanted.key != actual.key:
        raise InvalidValue(
            f"the library has the zone {actual.key}, fixed when it was made",
            hint="Every date that was derived with it would move. Make another library for another zone.",
            zone=actual.key,
        )
    data = {"library": str(library.path), "created": is_new, "zone": actual.key}
    text = f"{'made' if is_new else 'there is already'} a library at {library.path} (zone {actual.key})"
    session.output.document(data, text)


def _made(library: Library, wanted: ZoneInfo | None) -> bool:
    """Make the library; False if somebody else was quicker."""
    from catalog.library import LibraryLock
    from catalog.store.migrations import create
    from daemon.config import load_config

    chosen = wanted or _zone(load_config(library).library.zone or system_zone())
    library.make_directories()
    with LibraryLock(library).acquire(wait_s=_LOCK_WAIT_S):
        if library.exists():
            return False
        create(library, chosen, time.time_ns()).close()
    return True


def _zone_of(library: Library) -> ZoneInfo:
    """Return the zone of an existing library; one with an older schema is migrated first."""
    from catalog.store.db import open_reader

    try:
        reader = open_reader(library)
    except CatalogTooNew:
        raise
    except CatalogError as error:
        if "schema" not in error.details:
            raise
        _migrate(library)
        reader = open_reader(library)
    try:
        return reader.zone
    finally:
        reader.close()


def _migrate(library: Library) -> None:
    from catalog.library import LibraryLock
    from catalog.store.db import open_writer
    from catalog.store.migrations import migrate
    from catalog.store.renewal import derive_again

    with LibraryLock(library).acquire(wait_s=_LOCK_WAIT_S):
        writer = open_writer(library)
        try:
            migrate(writer, time.time_ns())
            derive_again(writer, time.time_ns())
        finally:
            writer.close()


def system_zone() -> str:
    """Return the name of the system's zone: TZ, /etc/localtime, /etc/timezone, else UTC."""
    named = os.environ.get("TZ", "").removeprefix(":")
    target = os.path.realpath("/etc/localtime")
    linked = target.partition("/zoneinfo/")[2].removeprefix("posix/").removeprefix("right/")
    known = available_timezones()
    for candidate in (named, linked, _etc_timezone()):
        if candidate in known:
            return candidate
    return "UTC"


def _etc_timezone() -> str:
    try:
        with open("/etc/timezone", encoding="ascii") as file:
            return file.read().strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _zone(name: str) -> ZoneInfo:
    from difflib import get_close_matches

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        near = get_close_matches(name, available_timezones(), n=1)
        hint = f"Did you mean {near[0]}?" if near else "A name of the IANA database, like Europe/Berlin."
        raise InvalidValue(f"there is no time zone {name!r}", hint=hint, zone=name) from error
