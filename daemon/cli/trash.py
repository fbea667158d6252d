"""`trash`: put photos in, list them, bring them back, and remove their files for good.

Putting and restoring are edits like any other. `purge` shows its plan from the catalog alone; with `--yes` it is done by
the daemon, or here under the lock when there is none.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import click

from catalog.errors import (
    EXIT_OK,
    EXIT_PARTIAL,
    DaemonNotRunning,
    InvalidValue,
    LibraryLocked,
    NeedsYes,
    UsageError,
)
from daemon.cli.choosing import carry_out, chosen_uids, editing
from daemon.cli.output import instant, path_fields, printable
from daemon.cli.photos import PhotoArguments, chosen_photos, photo_arguments
from daemon.cli.session import Session

if TYPE_CHECKING:
    from catalog.commands import EditOptions
    from catalog.ids import AssetId
    from catalog.library import Library
    from catalog.purge import TrashedFile
    from catalog.store.db import Reader
    from catalog.store.trash import TrashedPhoto

Line = dict[str, Any]
# A daemon that takes the lock needs a moment until it listens.
_STARTING_S = 5.0
_MIB = 1024 * 1024


@click.group(no_args_is_help=True)
def trash() -> None:
    """The trash: photos leave the views, their files stay, until they are purged."""


@trash.command()
@photo_arguments
@editing
@click.pass_obj
def put(session: Session, *, chosen: PhotoArguments, options: EditOptions) -> None:
    """Put photos into the trash: they are out of every other view, on read-only volumes too. No file is moved.

    On volumes marked writable their files are purged after trash.retention_days; on others they stay for ever.
    """
    from catalog.commands.layer import TrashPut

    carry_out(session, TrashPut(chosen_uids(session, chosen)), options)


@trash.command()
@photo_arguments
@editing
@click.pass_obj
def restore(session: Session, *, chosen: PhotoArguments, options: EditOptions) -> None:
    """Bring photos back from the trash, to every album, tag and name that they had."""
    from catalog.commands.layer import TrashRestore

    carry_out(session, TrashRestore(chosen_uids(session, chosen)), options)


# ---- list


@trash.command("list")
@click.option("--all", "is_all", is_flag=True, help="Also photos whose files are gone: purged, or missing.")
@click.pass_obj
def list_trash(session: Session, *, is_all: bool) -> None:
    """List what is in the trash, what was trashed first first, and when the daemon will purge it."""
    settings = session.config().trash
    with session.reader() as reader:
        documents = [
            _document(photo, settings.retention_days, is_automatic=settings.auto_purge)
            for photo in _all_photos(reader)
            if photo.files or is_all
        ]
    session.output.document(documents, (_line(one) for one in documents))


def _all_photos(reader: Reader, among: tuple[AssetId, ...] | None = None) -> Iterator[TrashedPhoto]:
    from catalog.store.trash import TrashCursor, trash_page

    cursor: TrashCursor | None = TrashCursor()
    while cursor is not None:
        photos, cursor = trash_page(reader, among, cursor)
        yield from photos


def _document(photo: TrashedPhoto, retention_days: int, *, is_automatic: bool) -> Line:
    from catalog.purge import purge_after_ns
    from daemon.purge.request import NS_PER_DAY

    after_ns = purge_after_ns(photo.files, retention_days * NS_PER_DAY) if is_automatic else None
    kept = _why_kept(photo.files, is_automatic=is_automatic)
    return {
        "uid": photo.uid,
        "name": photo.name,
        "trashed_at": instant(photo.trashed_ns),
        "purge_after": instant(after_ns),
        "kept_because": kept,
        "size": photo.size,
        "locations": [
            {"volume": file.volume, **path_fields(file.path), "state": _state(file)} for file in photo.files
        ],
    }


def _why_kept(files: tuple[TrashedFile, ...], *, is_automatic: bool) -> str | None:
    """Return what stands in the way of a purge besides time; None = nothing, of some file at least."""
    from catalog.purge import PurgeRule, why_kept

    if not files:
        return "gone"
    reasons = [why_kept(file, PurgeRule(now_ns=time.time_ns(), min_age_ns=-(2**62))) for file in files]
    if None not in reasons:
        return reasons[0]
    return None if is_automatic else "auto_purge_off"


def _state(file: TrashedFile) -> str:
    return "present" if file.volume_state in ("online", "unknown") else "offline"


def _line(document: Line) -> str:
    fate = f"may be purged from {document['purge_after']} on" if document["purge_after"] else "stays"
    if document["kept_because"]:
        fate += f" ({_because(document['kept_because'])})"
    return f"{document['uid']}  {document['trashed_at']}  {printable(document['name'])}: {fate}"


def _because(code: str) -> str:
    from catalog.purge import KEPT_BECAUSE

    if code == "auto_purge_off":
        return "trash.auto_purge is off"
    return "its files are gone" if code == "gone" else KEPT_BECAUSE[code]


# ---- purge


@trash.command()
@photo_arguments
@click.option("--all", "is_all", is_flag=True, help="All that is in the trash.")
@click.option(
    "--older-than",
    type=click.IntRange(0, 36_500),
    metavar="DAYS",
    help="Only what is in the trash for so many days; alone it means --all.",
)
@click.option("--yes", "is_meant", is_flag=True, help="Do it: the files are gone for good.")
@click.option("-n", "--dry-run", is_flag=True, help="Show the plan, and do nothing.")
@click.option(
    "--max-items", type=click.IntRange(min=0), metavar="N", help="Refuse to remove more than N files."
)
@click.pass_obj
def purge(
    session: Session,
    *,
    chosen: PhotoArguments,
    is_all: bool,
    older_than: int | None,
    is_meant: bool,
    dry_run: bool,
    max_items: int | None,
) -> int:
    """Remove files of trashed photos for good, before their retention is over too: shows the plan, and acts with --yes.

    Only on volumes marked writable that are online, and only files whose bytes are, when read again, what they were. All
    others stay, and are told with the reason. What was said about the photos stays known. A purge cannot be undone.
    """
    session.output.is_stream = True
    among = _wanted(session, chosen, is_all=is_all or (older_than is not None and not _names_photos(chosen)))
    uids, counts = _show_plan(session, among, older_than or 0, is_shown=dry_run or not is_meant)
    session.output.counts.update(counts)
    _refuse_too_many(counts["planned"], max_items)
    if dry_run or not (is_meant or counts["planned"]):
        session.output.summary(text=_plan_text(counts))
        return EXIT_OK
    if not is_meant:
        raise NeedsYes(_plan_text(counts), hint="With --yes it is done; it cannot be undone.", plan=counts)
    argument = {"photos": uids, "older_than_days": older_than or 0}
    return _do(session, argument)


def _names_photos(chosen: PhotoArguments) -> bool:
    return bool(chosen.words) or chosen.query is not None or chosen.from_file is not None


def _wanted(session: Session, chosen: PhotoArguments, *, is_all: bool) -> tuple[AssetId, ...] | None:
    from catalog.store.trash import not_in_trash

    if is_all and _names_photos(chosen):
        raise UsageError("either photos, or --all")
    if is_all:
        return None
    if not _names_photos(chosen):
        raise UsageError(
            "name photos of the trash, or use --all", hint="glassine trash list tells what is in it."
        )
    with session.reader() as reader:
        found = tuple(chosen_photos(session, reader, chosen))
        strangers = not_in_trash(reader, found)
    if strangers:
        raise InvalidValue(
            f"{strangers[0]} is not in the trash"
            + (f" (nor are {len(strangers) - 1} others)" if len(strangers) > 1 else ""),
            hint="glassine trash put comes first.",
            photo=strangers[0],
        )
    return found


def _show_plan(
    session: Session, among: tuple[AssetId, ...] | None, older_than: int, *, is_shown: bool
) -> tuple[list[str] | None, dict[str, int]]:
    """Judge every file from the catalog; return the uids that are meant (None = all) and the numbers."""
    from catalog.purge import PurgeRule, why_kept
    from daemon.purge.request import COUNTS, NS_PER_DAY, count, item_line

    retention_ns = session.config().trash.retention_days * NS_PER_DAY
    rule = PurgeRule(time.time_ns(), older_than * NS_PER_DAY)
    counts: Counter[str] = Counter(dict.fromkeys(COUNTS, 0))
    uids: list[str] = []
    with session.reader() as reader:
        for photo in _all_photos(reader, among):
            uids.append(photo.uid)
            for file in photo.files:
                reason = why_kept(file, rule)
                line = item_line(file, "kept" if reason else "planned", reason, retention_ns=retention_ns)
                is_early = reason is None and photo.trashed_ns + retention_ns > rule.now_ns
                count(counts, line)
                if is_shown:
                    _show(session, line, is_early=is_early)
    return (None if among is None else uids), dict(counts)


def _refuse_too_many(planned: int, max_items: int | None) -> None:
    from catalog.errors import TooManyItems

    if max_items is not None and planned > max_items:
        raise TooManyItems(
            f"{planned} files would be removed, at most {max_items} may be",
            hint="name fewer photos, or raise --max-items",
            count=planned,
        )


def _do(session: Session, argument: Line) -> int:
    def show(line: Line) -> None:
        if line["type"] == "item":
            _show(session, line)
        else:
            session.output.line(line["type"], {key: value for key, value in line.items() if key != "type"})

    result = _asked_or_here(session, session.library(), argument, show)
    counts = result["counts"]
    session.output.counts.clear()
    session.output.counts.update(counts)
    is_ok = not (counts["refused"] or counts["failed"])
    session.output.summary(is_ok=is_ok, text=_done_text(counts))
    return EXIT_OK if is_ok else EXIT_PARTIAL


def _asked_or_here(
    session: Session, library: Library, argument: Line, on_line: Callable[[Line], None]
) -> Line:
    from daemon.requests import STREAM_TIMEOUT_S, ask

    deadline = time.monotonic() + _STARTING_S
    while True:
        try:
            result: Line = ask(library, "purge", argument, on_line=on_line, timeout_s=STREAM_TIMEOUT_S)
        except DaemonNotRunning as error:
            if error.details.get("was_asked"):
                raise
        else:
            return result
        from daemon.purge.foreground import purge_in_foreground

        try:
            return purge_in_foreground(library, session.config(), argument, on_line)
        except LibraryLocked:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _show(session: Session, line: Line, *, is_early: bool = False) -> None:
    fields = {key: value for key, value in line.items() if key != "type"}
    because = f": {line['message']}" if line["message"] else ""
    early = f"  (its retention ends {line['retention_ends']})" if is_early else ""
    where = f"{printable(line['volume'])}: {printable(line['path'])}"
    session.output.line("item", fields, f"{line['state']:8} {line['size']:>12}  {where}{because}{early}")


def _plan_text(counts: dict[str, int]) -> str:
    return f"{_files(counts['planned'], counts['bytes'])} would be removed for good, {counts['kept']} kept"


def _done_text(counts: dict[str, int]) -> str:
    said = f"{_files(counts['purged'], counts['bytes'])} removed for good, {counts['kept']} kept"
    bad = counts["refused"] + counts["failed"]
    return said + (f"; {bad} could not be removed" if bad else "")


def _files(count: int, size: int) -> str:
    return f"{count} file{'' if count == 1 else 's'} ({size / _MIB:.1f} MiB)"
