"""`undo` and `log`: what was changed, by whom, from what to what; and taking it back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from catalog.errors import NotFound
from daemon.cli.choosing import editing
from daemon.cli.output import instant, printable
from daemon.cli.photos import PhotoArguments, chosen_photos, photo_arguments
from daemon.cli.sentences import photos_text, quoted, sentence
from daemon.cli.session import Session

if TYPE_CHECKING:
    from catalog.commands import EditOptions
    from catalog.store.history import Entry, ItemChange, Said, ThingChange

DEFAULT_ROWS = 20
LAST_ROW = 2**63 - 1  # what a row number of the catalog can be
_SHOWN_ITEMS = 5  # for people; the document has more
_NOTHING = "-"
_WORDS = {True: "yes", False: "no", None: "nothing"}


@click.command()
@click.argument("journal", metavar="[N]", required=False, type=click.IntRange(min=1))
@editing
@click.pass_obj
def undo(session: Session, journal: int | None, *, options: EditOptions) -> None:
    """Take an edit back, exactly: the row N of "glassine log", else your newest that is not taken back.

    Where a later edit stands in the way nothing is done, and it is told which (exit code 14). An undo is a row itself:
    taking that one back does the edit again.
    """
    from catalog.commands.layer import Undo

    if journal is not None and journal > LAST_ROW:
        raise NotFound(
            f"there is no row {journal} in the journal", hint="see `glassine log`", journal=journal
        )
    answer = session.submit(Undo(journal), options)
    session.output.document(answer, _undone_text(answer))


def _undone_text(answer: dict[str, Any]) -> str:
    said = f"took back row {answer['undone']}: {sentence(answer['command'], answer['changed'])}"
    if answer["dry_run"]:
        return f"{said} (dry run: nothing was changed)"
    return f"{said} (journal {answer['journal']}; glassine undo {answer['journal']} does it again)"


@click.command("log")
@photo_arguments
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=DEFAULT_ROWS,
    metavar="N",
    help="Rows at most. Default: 20.",
)
@click.option("--before", type=click.IntRange(min=1), metavar="N", help="Only rows before this one.")
@click.pass_obj
def log_command(session: Session, *, chosen: PhotoArguments, limit: int, before: int | None) -> None:
    """Tell who changed what, and when, newest first; with photos only what changed those.

    The number in front is what "glassine undo" takes.
    """
    from catalog.store.history import entries

    with session.reader() as reader:
        asset_ids = chosen_photos(session, reader, chosen) if _names_photos(chosen) else None
        rows = min(limit, LAST_ROW)
        older_than = None if before is None else min(before, LAST_ROW)
        found = entries(reader, limit=rows, before=older_than, asset_ids=asset_ids)
        zone = reader.zone
    session.output.document([_document(one) for one in found], _lines(found, zone))


def _names_photos(chosen: PhotoArguments) -> bool:
    return bool(chosen.words) or chosen.query is not None or chosen.from_file is not None


def _document(entry: Entry) -> dict[str, Any]:
    command = {name: value for name, value in entry.command.items() if name != "photos"}
    return {
        "journal": entry.id,
        "at": instant(entry.made_ns),
        "author": entry.author,
        "what": sentence(entry.command, entry.photos),
        "command": command,
        "photos": entry.photos,
        "undone_by": entry.undone_by,
        "items": [_item(one) for one in entry.items],
        "item_count": entry.item_count,
        "things": [_thing(one) for one in entry.things],
        "thing_count": entry.thing_count,
    }


def _item(one: ItemChange) -> dict[str, Any]:
    return {
        "uid": one.uid,
        "property": one.property,
        "element": one.element,
        "name": one.name,
        "source": one.source,
        "author": one.author,
        "before": _said(one.before),
        "after": _said(one.after),
    }


def _said(said: Said | None) -> dict[str, Any] | None:
    return None if said is None else {"value": said.value, "at": instant(said.made_ns)}


def _thing(one: ThingChange) -> dict[str, Any]:
    return {"kind": one.kind, "uid": one.uid, "before": one.before, "after": one.after}


def _lines(found: list[Entry], zone: ZoneInfo) -> Iterator[str]:
    for entry in found:
        undone = f" (taken back by {entry.undone_by})" if entry.undone_by is not None else ""
        what = sentence(entry.command, entry.photos)
        yield f"{entry.id:>6}  {_local(entry.made_ns, zone)}  {printable(entry.author)}: {what}{undone}"
        for one in entry.items[:_SHOWN_ITEMS]:
            yield f"        {one.uid[:6]}  {_change(one, zone)}"
        if entry.item_count > _SHOWN_ITEMS:
            yield f"        … {entry.item_count} changes of {photos_text(entry.photos)} in all"


def _change(one: ItemChange, zone: ZoneInfo) -> str:
    about = one.property if one.element is None else f"{one.property} {quoted(_element(one))}"
    before, after = (_value(one.property, said, zone) for said in (one.before, one.after))
    return f"{about}: {before} → {after}"


def _element(one: ItemChange) -> str:
    """Return what an element is called: its name, the source of a date as it is, a short uid of anything else."""
    told = one.element or ""
    return one.name or (told if one.property == "date" else told[:6])


def _value(about: str, said: Said | None, zone: ZoneInfo) -> str:
    """Return a value for people: dates, positions and regions short, instants in the zone, true as yes."""
    if said is None:
        return _NOTHING
    value = said.value
    if about in ("trashed", "cover") and isinstance(value, int) and not isinstance(value, bool):
        return f"since {_local(value, zone)}"
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, dict):
        return _in_a_word(value)
    return _WORDS[value] if value is None or isinstance(value, bool) else str(value)


def _in_a_word(value: dict[str, Any]) -> str:
    """Return a capture time, a place in an album, a position or a face region; others as they are."""
    if "local" in value:
        return quoted(value["local"])
    if "at" in value:
        return "in it"
    if "lat" in value and "lon" in value:
        return ",".join(
            f"{value[name]:.10g}" for name in ("lat", "lon", "alt") if value.get(name) is not None
        )
    if {"x", "y", "w", "h"} <= value.keys():
        return ",".join(f"{value[name]:.10g}" for name in ("x", "y", "w", "h"))
    return quoted(json.dumps(value, ensure_ascii=False))


def _local(ns: int, zone: ZoneInfo) -> str:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=ns // 1000)
    return moment.astimezone(zone).isoformat(sep=" ", timespec="seconds")[:19]
