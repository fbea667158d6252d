"""A dump becomes the layer of a library again: one transaction, and the same names in every folder.

The catalog ends as if the library of the dump had been this one all along. Photos are taken from the dump, in its
order and with its uids, names and statements; what this library has read already (facts, hashes, stamps of files) is
joined to them by `catalog.store.dump_seen`. A photo whose file is not here, or not here yet, keeps its row and its
place as a missing file, so that a later scan finds it where it was, or anywhere, by its bytes.

Only into a library in which nothing was said: two layers are not mixed here. Ids are new and greater than any that
were given, so inode numbers are never reused; frontends are told to forget everything.

Invariants: all or nothing; dump -> restore -> dump is equal byte by byte once the same files were read (and before,
as far as they are known); what the dump does not know comes after everything in it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, BinaryIO

from catalog import names
from catalog.buckets import View
from catalog.dump import path_of, read
from catalog.errors import CatalogError, Conflict, GlassineError, InvalidValue
from catalog.failpoints import failpoint
from catalog.ids import AssetId, short_of
from catalog.store import changes, check_layer, check_truth, journal, places, things, volumes
from catalog.store.assets import Refresh
from catalog.store.births import added_day
from catalog.store.db import Row, Session, Writer
from catalog.store.dump import KEY_TABLES
from catalog.store.dump_history import record_everything, restore_history
from catalog.store.dump_intake import Intake, index, pages, take_in
from catalog.store.dump_seen import Seen
from catalog.store.identity import MACHINE
from catalog.store.library_facts import note_restored

_REFRESHED_AT_ONCE = 1000
# Rows that say that somebody said something here. Stacks by rule and claims are the machine's; so are tags and persons
# that no journal knows (files name them), and what sidecars say: it is read again.
_SAID: dict[str, str] = {
    "statement": "source <> 'sidecar'", "journal_item": "source <> 'sidecar'", "journal_thing": "1", "tag_alias": "1",
    "album": "1", "saved_search": "1", "purge": "1",
}  # fmt: skip
Report = dict[str, int]


class _RolledBackError(Exception):
    """The end of a dry run."""


def restore_file(writer: Writer, path: Path, *, now_ns: int, is_dry_run: bool = False) -> Report:
    """Restore a dump from a file; see `restore_dump`. What is refused names the file."""
    with open(path, "rb") as file:
        try:
            return restore_dump(writer, file, now_ns=now_ns, is_dry_run=is_dry_run)
        except GlassineError as error:
            error.details.setdefault("path", os.fsdecode(path))
            raise


def restore_dump(writer: Writer, document: BinaryIO, *, now_ns: int, is_dry_run: bool = False) -> Report:
    """Restore a dump; one transaction. Blocks: minutes for a million photos. The caller holds the library lock.

    Args:
        writer: not in a transaction.
        document: UTF-8; is read from its beginning.
        now_ns: when.
        is_dry_run: do everything, then roll it back: the report is the true one.

    Returns counts: `photos`, `aliases`, `statements`, `things`, `volumes` of the dump, `journal` rows; and of its photos
    the `recognised` ones (a file is here) and the `absent`; `new` are photos that the dump does not know.

    Raises:
        InvalidValue, CatalogTooNew: no dump, or one that contradicts itself. Conflict: something was said here already,
        or the library has another zone. Nothing was changed.
    """
    writer.rows("PRAGMA temp_store = FILE")
    report: Report = {}
    next(read(document), None)  # what is no dump is told as such, whatever was said here
    document.seek(0)
    try:
        with writer.atomic():
            report = _Restore(writer, now_ns).run(document)
            if is_dry_run:
                raise _RolledBackError
    except _RolledBackError:
        pass
    except CatalogError as error:
        if error.details.get("sqlite") != "ConstraintError":
            raise
        raise InvalidValue(f"the dump contradicts itself: {error.message}") from error
    return report


class _Restore:
    """One restore within its transaction."""

    def __init__(self, writer: Writer, now_ns: int) -> None:
        self._writer = writer
        self._now_ns = now_ns
        # New ids are these plus `pos` of the dump.
        self._first_asset = writer.last_id("asset")
        self._first_content = writer.last_id("content")
        self._first_location = writer.last_id("location")

    def run(self, document: BinaryIO) -> Report:
        """Do it."""
        refuse_said(self._writer)
        intake = take_in(self._writer, document)
        self._refuse_other_zone(intake)
        self._volumes(intake)
        index(self._writer)
        failpoint("dump_restore.intake")
        # For foreign keys: each photo that goes or comes would otherwise be looked for in the covers of all.
        self._writer.execute("CREATE INDEX restoring_cover ON asset (cover_id)")
        seen = Seen(self._writer, self._now_ns)
        seen.set_aside()
        seen.match()
        self._cameras(intake)
        places.restore(self._writer, intake.places)
        self._things()
        self._words()
        self._contents()
        self._locations()
        self._photos()
        seen.put_back_facts(self._first_content)
        self._statements()
        self._journal(intake)
        self._refuse_contradictions()
        self._claims()
        failpoint("dump_restore.base")
        self._refresh()
        failpoint("dump_restore.refreshed")
        seen.replay(self._first_asset + intake.counts["d_photo"])
        self._writer.execute("DROP INDEX restoring_cover")
        failpoint("dump_restore.replayed")
        self._library(intake)
        changes.append(self._writer, [("all", "", None)])
        return self._report(intake)

    # ---- what stands around the photos

    def _refuse_other_zone(self, intake: Intake) -> None:
        wanted, actual = intake.library["zone"], self._writer.zone.key
        if wanted != actual:
            raise Conflict(
                f"the dump is of a library with the zone {wanted}, this one has {actual}",
                hint=f"make a library with `glassine init --zone {wanted}` and restore into that one",
                zone=actual,
                dump_zone=wanted,
            )

    def _volumes(self, intake: Intake) -> None:
        """Make the volumes that there are not. One of the same name stays as its owner made it here."""
        known = {names.fold(volume.name) for volume in volumes.volumes(self._writer)}
        forgotten: dict[str, int] = {}
        for item in intake.volumes:
            if item["state"] == "forgotten":
                forgotten[names.fold(item["name"])] = self._forgotten_volume(item)
            elif names.fold(names.clean_label(item["name"])) not in known:
                self._volume(item)
        ids = {volume.name: volume.id for volume in volumes.volumes(self._writer)}
        folds = forgotten | {names.fold(name): volume_id for name, volume_id in ids.items()}
        for (name,) in self._writer.rows("SELECT DISTINCT volume FROM temp.d_location"):
            volume_id = folds.get(names.fold(name))
            if volume_id is None:
                raise InvalidValue(f"the dump does not tell of the volume {name!r}")
            self._writer.execute(
                "UPDATE temp.d_location SET volume_id = ? WHERE volume = ?", (volume_id, name)
            )

    def _volume(self, item: dict[str, Any]) -> None:
        root = path_of(item, "root")
        volume_id = volumes.add_volume(
            self._writer,
            item["name"],
            root,
            now_ns=self._now_ns,
            backend=item["backend"],
            mode=item["mode"],
            excludes=item["excludes"],
        )
        for below in item["paths"]:
            volumes.add_library_path(self._writer, volume_id, path_of(below))
        # An empty folder at its place is then no proof that the photos are gone (charter 3).
        self._writer.execute("UPDATE volume SET had_data = 1 WHERE id = ?", (volume_id,))
        if item["state"] is not None:
            reason = f"{item['state']} by the owner"
            volumes.set_volume_state(self._writer, volume_id, item["state"], reason, self._now_ns)

    def _forgotten_volume(self, item: dict[str, Any]) -> int:
        """Make the row of a volume that is none any more: it tells where photos were last seen."""
        root = f"/forgotten by a dump/{item['name']}".encode()
        volume_id = volumes.add_volume(
            self._writer, item["name"], root, now_ns=self._now_ns, backend=item["backend"]
        )
        volumes.mark_forgotten(self._writer, volume_id, self._now_ns)
        label = item["name"].rpartition("/")[0] or item["name"]
        self._writer.execute("UPDATE volume SET name = ? WHERE id = ?", (names.clean_label(label), volume_id))
        return volume_id

    def _cameras(self, intake: Intake) -> None:
        """A camera's folder is spelled as it was, not as the first photo read here spells it."""
        for item in intake.cameras:
            row = (item["make"], item["model"], item["label"], names.fold(item["label"]))
            self._writer.execute(
                "DELETE FROM camera WHERE fold = ? OR (make = ? AND model = ?)", (row[3], *row[:2])
            )
            self._writer.execute("INSERT INTO camera (make, model, label, fold) VALUES (?, ?, ?, ?)", row)

    def _things(self) -> None:
        stacks: list[tuple[str, str, dict[str, Any]]] = []
        others: list[tuple[str, str, dict[str, Any]]] = []
        for page in pages(
            self._writer, "SELECT pos, kind, uid, row FROM temp.d_thing WHERE pos > ? ORDER BY pos LIMIT ?"
        ):
            for _, kind, uid, row in page:
                (stacks if kind == "stack" else others).append((kind, uid, json.loads(row)))
            things.restore_all(
                self._writer, stacks
            )  # they refer to nothing, so they need not wait for each other
            stacks = []
        try:
            things.restore_all(self._writer, others)
        except KeyError as error:
            raise InvalidValue(f"the dump holds a thing without {error}") from error

    def _words(self) -> None:
        """What words in files mean is what it was there; without that part of a dump they are resolved anew."""
        self._writer.execute(
            "INSERT INTO embedded_name (kind, text, uid) SELECT kind, text, uid FROM temp.d_word ORDER BY pos"
        )

    # ---- photos

    def _contents(self) -> None:
        self._writer.execute(
            "INSERT INTO content (id, asset_id, hash, size, kind, mime, facts_state, created_ns)"
            " SELECT ?1 + pos, ?2 + photo, hash, size, kind, mime, iif(size, 'due', 'failed'), seen_ns"
            " FROM temp.d_content ORDER BY pos",
            (self._first_content, self._first_asset),
        )
        self._writer.execute(
            "INSERT INTO finding (content_id, tool, version, reason, found_ns)"
            " SELECT ? + pos, 'scan', '1', 'the file is empty', ? FROM temp.d_content WHERE size = 0 ORDER BY pos",
            (self._first_content, self._now_ns),
        )

    def _locations(self) -> None:
        """Insert each place; as this library saw it where it is the same file, else as one that is missing."""
        self._directories()
        self._writer.execute(
            "INSERT INTO location (id, volume_id, directory_id, name, size, mtime_ns, ctime_ns, inode, state,"
            " missing_since_ns, content_id, first_seen_ns, hash_failure, hash_retry_ns)"
            " SELECT ?1 + d.pos, d.volume_id, r.id, temp_name(d.path), coalesce(f.size, d.size),"
            " coalesce(f.mtime_ns, d.mtime_ns), coalesce(f.ctime_ns, 0), coalesce(f.inode, 0),"
            " iif(m.is_here, 'present', 'missing'), iif(m.is_here, NULL, ?3), ?2 + d.content,"
            " coalesce(f.first_seen_ns, ?3), f.hash_failure, f.hash_retry_ns"
            " FROM temp.d_location AS d CROSS JOIN directory AS r"
            " ON r.volume_id = d.volume_id AND r.path = temp_directory(d.path)"
            " LEFT JOIN temp.s_match AS m ON m.pos = d.pos LEFT JOIN temp.f_location AS f ON f.id = m.seen"
            " WHERE d.content IS NOT NULL ORDER BY d.pos",
            (self._first_location, self._first_content, self._now_ns),
        )
        self._last_locations()

    def _last_locations(self) -> None:
        """Where bytes were before their file changed: a row there is, or one is made."""
        rows = self._writer.rows(
            "SELECT last_of, volume_id, path, size, mtime_ns FROM temp.d_location WHERE last_of IS NOT NULL ORDER BY pos"
        )
        for content, volume_id, path, size, mtime_ns in rows:
            directory, _, name = path.rpartition(b"/")
            found = self._writer.row(
                "SELECT l.id FROM location AS l JOIN directory AS d ON d.id = l.directory_id"
                " WHERE d.volume_id = ? AND d.path = ? AND l.name = ?",
                (volume_id, directory, name),
            )
            if found is None:
                self._writer.execute(
                    "INSERT INTO location (volume_id, directory_id, name, size, mtime_ns, ctime_ns, inode, state,"
                    " missing_since_ns, first_seen_ns) SELECT volume_id, id, ?, ?, ?, 0, 0, 'missing', ?4, ?4"
                    " FROM directory WHERE volume_id = ? AND path = ?",
                    (name, size, mtime_ns, self._now_ns, volume_id, directory),
                )
                found = (self._writer.last_id("location"),)
            self._writer.execute(
                "UPDATE content SET last_location_id = ? WHERE id = ?",
                (found[0], self._first_content + content),
            )

    def _directories(self) -> None:
        """Make rows for directories that are not known, as missing ones; those that are known are to be listed again."""
        connection: Any = self._writer.connection  # apsw's types know no bytes
        connection.create_scalar_function("temp_directory", _directory_of, 1, deterministic=True)
        connection.create_scalar_function("temp_name", _name_of, 1, deterministic=True)
        wanted = self._writer.rows(
            "SELECT DISTINCT volume_id, temp_directory(path) FROM temp.d_location ORDER BY 1, 2"
        )
        for volume_id, path in wanted:
            self._directory(volume_id, path)
        self._writer.execute(
            "UPDATE directory SET digest = NULL WHERE id IN (SELECT r.id FROM temp.d_location AS d CROSS JOIN directory AS r"
            " ON r.volume_id = d.volume_id AND r.path = temp_directory(d.path)"
            " WHERE d.pos NOT IN (SELECT pos FROM temp.s_match WHERE is_here))"
        )

    def _directory(self, volume_id: int, path: bytes) -> int:
        found = self._writer.value(
            "SELECT id FROM directory WHERE volume_id = ? AND path = ?", (volume_id, path)
        )
        if found is not None:
            return int(found)
        parent, name = self._directory(volume_id, _directory_of(path)), _name_of(path)
        self._writer.execute(
            "INSERT INTO directory (volume_id, parent_id, name, path, mtime_ns, state, changed_ns)"
            " VALUES (?, ?, ?, ?, ?5, 'missing', ?5)",
            (volume_id, parent, name, path, self._now_ns),
        )
        return self._writer.last_id("directory")

    def _photos(self) -> None:
        for page in pages(self._writer, _PHOTOS, size=_REFRESHED_AT_ONCE):
            self._writer.executemany(_INSERT_PHOTO, [self._photo_row(row) for row in page])

    def _photo_row(self, row: Row) -> tuple[Any, ...]:
        pos, uid, name, is_suffixed, first_seen_ns, stack_id, original, content, *of_content = row
        is_alias = original is not None
        return (
            self._first_asset + pos,
            uid,
            short_of(uid),
            self._first_asset + original if is_alias else None,
            name,
            names.fold(name),
            is_suffixed,
            first_seen_ns,
            None if is_alias else self._first_content + content,
            *of_content,
            added_day(first_seen_ns, self._writer.zone),
            stack_id,
            "alias" if is_alias else "pending",
            self._now_ns,
        )

    def _statements(self) -> None:
        self._writer.execute(
            "INSERT INTO statement (asset_id, property, element, value, source, author, made_ns)"
            " SELECT ? + photo, property, element, value, source, author, made_ns FROM temp.d_statement ORDER BY pos",
            (self._first_asset,),
        )

    def _refuse_contradictions(self) -> None:
        """Before anything is derived: things that lean on nothing, a history that leads elsewhere."""
        for subject, what in (*check_layer.things(self._writer), *check_truth.rows(self._writer)):
            raise InvalidValue(f"the dump contradicts itself: {subject}: {what}")
        for subject, what in check_layer.journal_replay(self._writer):
            raise InvalidValue(
                f"the dump contradicts itself: {subject}: {what}",
                hint='a dump without its part "journal" is restored without the history',
            )

    def _claims(self) -> None:
        """Insert who has which name; a claim whose folder or photo is not in the dump, or of another name, says nothing."""
        for view in View:
            table, column = KEY_TABLES.get(view, (None, None))
            key = "c.key" if table is None else f"(SELECT t.id FROM {table} AS t WHERE t.{column} = c.key)"
            if view is View.PLACES:
                key = "(SELECT t.id FROM temp.s_place AS t WHERE t.path = c.key)"
            self._writer.execute(
                "INSERT OR IGNORE INTO claim (view, key, sub, fold, asset_id)"
                f" SELECT ?1, {key} AS found, c.sub, c.fold, a.id FROM temp.d_claim AS c JOIN asset AS a ON a.uid = c.photo"
                " WHERE c.view = ?2 AND found IS NOT NULL AND a.fold = c.fold ORDER BY c.pos",
                (int(view), view.name.capitalize()),
            )

    def _refresh(self) -> None:
        """Derive all photos, oldest first: who was there first has the name."""
        rows = "SELECT id FROM asset WHERE id > ? AND merged_into IS NULL ORDER BY id LIMIT ?"
        after = self._first_asset
        while page := [AssetId(row[0]) for row in self._writer.rows(rows, (after, _REFRESHED_AT_ONCE))]:
            refresh = Refresh(self._writer, self._writer.zone, is_thorough=True)
            refresh.remember(page, may_restack=True)
            refresh.apply(self._now_ns)
            after = page[-1]

    # ---- the end

    def _library(self, intake: Intake) -> None:
        note_restored(self._writer, self._now_ns)
        self._writer.executemany(
            "UPDATE meta SET value = ? WHERE key = ?",
            [
                (intake.library["uid"], "library_uid"),
                (str(intake.library["created_ns"]), "created_ns"),
            ],
        )

    def _report(self, intake: Intake) -> Report:
        photos = intake.counts["d_photo"] - intake.counts["aliases"]
        last = self._first_asset + intake.counts["d_photo"]
        here = (
            "SELECT count(*) FROM asset AS a WHERE a.id {} AND a.merged_into IS NULL AND EXISTS (SELECT 1 FROM content AS c"
            " JOIN location AS l ON l.content_id = c.id AND l.state = 'present' WHERE c.asset_id = a.id)"
        )
        recognised = self._writer.value(here.format("<= ?"), (last,))
        new = self._writer.value(
            "SELECT count(*) FROM asset AS a WHERE a.id > ? AND a.merged_into IS NULL", (last,)
        )
        return {
            "photos": photos,
            "aliases": intake.counts["aliases"],
            "statements": intake.counts["d_statement"],
            "things": intake.counts["d_thing"],
            "volumes": len(intake.volumes),
            "journal": intake.counts["d_journal"],
            "recognised": recognised,
            "absent": photos - recognised,
            "new": new,
        }

    def _journal(self, intake: Intake) -> None:
        """Write the restore down: what it brought, or, with the history in the dump, the history itself.

        Before the replay, which may merge photos and write that down.
        """
        command = {
            "do": "restore_dump",
            "library": intake.library["uid"],
            "photos": intake.counts["d_photo"] - intake.counts["aliases"],
        }
        if intake.has_journal:
            restore_history(self._writer)
        # Later than everything that came: the next word said here must win, whatever the other machine's clock said.
        newest = self._writer.value(
            "SELECT max(made_ns) FROM (SELECT made_ns FROM statement UNION ALL SELECT made_ns FROM journal)"
        )
        made_ns = max(self._now_ns, newest or 0)
        journal_id = journal.append(self._writer, command, author=MACHINE, now_ns=made_ns)
        if not intake.has_journal:
            record_everything(self._writer, journal_id)


_PHOTOS = """
    SELECT p.pos, p.uid, p.name, p.is_suffixed, p.first_seen_ns, s.id, o.pos, c.pos, c.kind, c.mime, c.size,
           coalesce((SELECT l.mtime_ns FROM temp.d_location AS l WHERE l.content = c.pos ORDER BY l.pos LIMIT 1), p.first_seen_ns)
    FROM temp.d_photo AS p
    LEFT JOIN temp.d_photo AS o ON o.uid = p.alias_of LEFT JOIN stack AS s ON s.uid = p.stack
    LEFT JOIN temp.d_content AS c ON c.photo = coalesce(o.pos, p.pos) AND c.is_current = 1
    WHERE p.pos > ? ORDER BY p.pos LIMIT ?"""
_INSERT_PHOTO = (
    "INSERT INTO asset (id, uid, short, merged_into, name, fold, is_suffixed, first_seen_ns, content_id, kind, mime, size,"
    " mtime_ns, added_day, stack_id, state, changed_ns) VALUES"
    " (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


def refuse_said(session: Session) -> None:
    """Refuse a library in which somebody said something.

    Raises:
        Conflict: what was said here and what the dump says would have to be weighed one by one.
    """
    full = [
        table
        for table, condition in _SAID.items()
        if session.row(f"SELECT 1 FROM {table} WHERE {condition} LIMIT 1") is not None
    ]
    if session.row("SELECT 1 FROM stack WHERE origin = 'user' LIMIT 1") is not None:
        full.append("stack")
    if full:
        raise Conflict(
            f"something was said in this library already ({', '.join(full)}); a dump cannot be mixed into it",
            hint="restore into a new library (`glassine --library DIR init`, the same volumes), or restore a backup",
            tables=full,
        )


def _directory_of(path: Any) -> bytes:
    return os.path.dirname(bytes(path))


def _name_of(path: Any) -> bytes:
    return os.path.basename(bytes(path))
