"""What a scan saw becomes rows: directories, locations at first sight, changed files.

A listing arrives in parts of a few hundred entries, each one transaction (< 50 ms of write lock). Order at the
end of a directory: the last part says what was not seen; the scan looks at the disk again; `mark_missing`; and
only then `finish_listing` stores the digest. So a kill anywhere repeats work and skips none.

Invariants: nothing is ever deleted; absence is only what `mark_*_missing` says; whoever changes a directory's
entries by other means than a listing drops its digest, so that the next look lists it again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from catalog import media_types
from catalog.failpoints import failpoint
from catalog.ids import ContentId, DirectoryId, LocationId, VolumeId
from catalog.store import changes, versions
from catalog.store.absence import mark_directory_missing, mark_missing
from catalog.store.assets import Refresh
from catalog.store.births import Birth, Nursery
from catalog.store.db import Session, Writer
from catalog.store.directories import directory_at, note_change, see_directories
from catalog.store.scans import abandon_scans, begin_scan, end_scan, running_scan, scans
from catalog.store.sidecar_rows import SeenFile, note_sidecars
from catalog.values import DirectoryListing, Gone, ListingDiff, Observed

__all__ = [
    "abandon_scans",
    "apply_listing",
    "begin_scan",
    "directory_at",
    "end_scan",
    "finish_listing",
    "forget_digests",
    "known_digests",
    "mark_directory_missing",
    "mark_missing",
    "running_scan",
    "scans",
]


class _Known(NamedTuple):
    """A location row as the listing compares it."""

    id: LocationId
    name: bytes
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    state: str
    content_id: ContentId | None

    @property
    def is_present(self) -> bool:
        return self.state == "present"


@dataclass(slots=True)
class _Part:
    """The work of one part of a listing, sorted by what must happen."""

    new: list[Observed] = field(default_factory=list)
    changed: list[tuple[_Known, Observed]] = field(default_factory=list)
    touched: list[tuple[_Known, Observed]] = field(default_factory=list)  # ctime alone
    returned: list[_Known] = field(default_factory=list)


def apply_listing(writer: Writer, volume_id: VolumeId, part: DirectoryListing, now_ns: int) -> ListingDiff:
    """Write what one part of a directory's listing shows; one transaction, blocks.

    Raises:
        NotFound: no such volume.
    """
    with writer.atomic():
        directory_id = directory_at(writer, volume_id, part.path, now_ns)
        if part.is_first:
            _forget_seen(writer, directory_id)
        files = [entry for entry in part.entries if entry.kind == "f"]
        known = _known_locations(writer, directory_id, files)
        work = _sorted_out(files, known)
        refresh = Refresh(writer, writer.zone)
        added = _add_files(writer, volume_id, directory_id, work.new, now_ns)
        _return_files(writer, directory_id, work.returned, refresh, now_ns)
        _change_files(writer, work, refresh, now_ns)
        _note_sidecars(writer, directory_id, work, added)
        subdirectories = see_directories(writer, volume_id, directory_id, part, now_ns)
        if work.new or work.returned or subdirectories:
            note_change(writer, directory_id, now_ns)
        if files:
            writer.execute("UPDATE volume SET had_data = 1 WHERE id = ? AND had_data = 0", (volume_id,))
        refresh.apply(now_ns)
        gone = _settle_seen(
            writer, directory_id, part, [known[e.name].id for e in files if e.name in known], added
        )
    failpoint("store.listing_part")
    return ListingDiff(
        directory_id=directory_id,
        added=tuple(added),
        changed=tuple(row.id for row, _ in work.changed),
        returned=tuple(row.id for row in work.returned),
        new_directories=tuple(subdirectories),
        gone=gone,
        is_complete=part.is_last and part.error is None,
    )


def finish_listing(
    writer: Writer, volume_id: VolumeId, path: bytes, *, digest: bytes | None, mtime_ns: int, now_ns: int
) -> None:
    """Store the digest of a complete listing, after everything that follows from it was done."""
    with writer.atomic():
        changed = writer.execute(
            "UPDATE directory SET digest = ?1, mtime_ns = ?2, error = NULL"
            " WHERE volume_id = ?3 AND path = ?4 AND (digest IS NOT ?1 OR mtime_ns <> ?2 OR error IS NOT NULL)",
            (digest, mtime_ns, volume_id, path),
        )
        if changed:
            directory_id = directory_at(writer, volume_id, path, now_ns)
            changes.append(writer, [("orig", f"d{directory_id}", None)])
    failpoint("store.listing_finished")


def known_digests(session: Session, volume_id: VolumeId) -> dict[bytes, bytes]:
    """Return path -> digest of every present directory whose last listing was complete."""
    return dict(
        session.rows(
            "SELECT path, digest FROM directory"
            " WHERE volume_id = ? AND state = 'present' AND digest IS NOT NULL AND error IS NULL",
            (volume_id,),
        )
    )


def forget_digests(writer: Writer, volume_id: VolumeId) -> None:
    """Make the next scan list everything again (`scan --full`)."""
    with writer.atomic():
        writer.execute(
            "UPDATE directory SET digest = NULL WHERE volume_id = ? AND digest IS NOT NULL", (volume_id,)
        )


def _known_locations(
    writer: Writer, directory_id: DirectoryId, files: Sequence[Observed]
) -> dict[bytes, _Known]:
    known = {}
    for entry in files:
        row = writer.row(
            "SELECT id, name, size, mtime_ns, ctime_ns, inode, state, content_id FROM location"
            " WHERE directory_id = ? AND name = ?",
            (directory_id, entry.name),
        )
        if row is not None:
            known[entry.name] = _Known._make(row)
    return known


def _sorted_out(files: Sequence[Observed], known: dict[bytes, _Known]) -> _Part:
    work = _Part()
    for entry in files:
        row = known.get(entry.name)
        if row is None:
            work.new.append(entry)
            continue
        if not row.is_present:
            work.returned.append(row)
        # A place that a dump told of has no inode: its size and time say whether it is that file.
        is_other_inode = row.inode not in (0, entry.inode)
        if is_other_inode or (row.size, row.mtime_ns) != (entry.size, entry.mtime_ns):
            work.changed.append((row, entry))
        elif (row.ctime_ns, row.inode) != (entry.ctime_ns, entry.inode):
            work.touched.append((row, entry))
    return work


def _add_files(
    writer: Writer, volume_id: VolumeId, directory_id: DirectoryId, files: Sequence[Observed], now_ns: int
) -> list[LocationId]:
    if not files:
        return []
    first = writer.last_id("location") + 1
    births: list[Birth] = []
    for offset, entry in enumerate(files):
        guess = media_types.guess(entry.name) if entry.size else None
        if guess is not None:
            births.append(
                Birth(
                    LocationId(first + offset), entry.name, entry.size, entry.mtime_ns, guess.kind, guess.mime
                )
            )
    nursery = Nursery(writer, births, now_ns=now_ns)
    content_of = {
        birth.location_id: born.content_id for birth, born in zip(births, nursery.born, strict=True)
    }
    nursery.insert_contents()
    rows = [
        (
            first + offset,
            volume_id,
            directory_id,
            entry.name,
            entry.size,
            entry.mtime_ns,
            entry.ctime_ns,
            entry.inode,
            content_of.get(LocationId(first + offset)),
            int(_must_sniff(entry)),
            now_ns,
        )
        for offset, entry in enumerate(files)
    ]
    writer.executemany(
        "INSERT INTO location (id, volume_id, directory_id, name, size, mtime_ns, ctime_ns, inode, content_id,"
        " sniff_due, first_seen_ns) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        rows,
    )
    nursery.insert_assets()
    changes.append(writer, [("orig+", str(directory_id), entry.name) for entry in files])
    return [LocationId(first + offset) for offset in range(len(files))]


def _note_sidecars(
    writer: Writer, directory_id: DirectoryId, work: _Part, added: Sequence[LocationId]
) -> None:
    known = [*work.returned, *(row for row, _ in work.changed)]
    new = [SeenFile(one, entry.name) for one, entry in zip(added, work.new, strict=True)]
    if new or known:
        note_sidecars(writer, directory_id, [*new, *(SeenFile(row.id, row.name) for row in known)])


def _must_sniff(entry: Observed) -> bool:
    return (
        entry.size > 0
        and media_types.guess(entry.name) is None
        and not media_types.is_known_other(entry.name)
    )


def _return_files(
    writer: Writer, directory_id: DirectoryId, rows: Sequence[_Known], refresh: Refresh, now_ns: int
) -> None:
    if not rows:
        return
    contents = [row.content_id for row in rows if row.content_id is not None]
    refresh.remember(versions.assets_of(writer, contents))
    # Who puts a purged file back finds it in the trash still, but with a retention of its own.
    writer.executemany(
        "UPDATE location SET state = 'present', missing_since_ns = NULL,"
        " first_seen_ns = iif(EXISTS (SELECT 1 FROM purge AS p WHERE p.location_id = location.id), ?, first_seen_ns)"
        " WHERE id = ?",
        [(now_ns, row.id) for row in rows],
    )
    changes.append(writer, [("orig+", str(directory_id), row.name) for row in rows])


def _change_files(writer: Writer, work: _Part, refresh: Refresh, now_ns: int) -> None:
    for row, entry in work.changed:
        versions.change_bytes(
            writer,
            versions.Changed(
                row.id, row.content_id, entry.name, entry.size, entry.mtime_ns, _must_sniff(entry)
            ),
            refresh,
            now_ns,
        )
    unchanged_returns = {row.content_id for row in work.returned} - {
        row.content_id for row, _ in work.changed
    }
    versions.settle(writer, [one for one in unchanged_returns if one is not None], refresh, now_ns)
    stamps = [*work.changed, *work.touched]
    if not stamps:
        return
    writer.executemany(
        "UPDATE location SET size = ?, mtime_ns = ?, ctime_ns = ?, inode = ?, hash_failure = NULL,"
        " hash_retry_ns = NULL WHERE id = ?",
        [(entry.size, entry.mtime_ns, entry.ctime_ns, entry.inode, row.id) for row, entry in stamps],
    )
    changes.append(writer, [("orig", f"l{row.id}", None) for row, _ in stamps])


# What a listing of many parts has shown so far lives in a TEMP table of the writer: rolled back with the part,
# gone with the process (then the listing starts again). Listings of one part never touch it.
_SEEN = "CREATE TEMP TABLE IF NOT EXISTS seen (directory_id INTEGER, location_id INTEGER, name BLOB)"


def _forget_seen(writer: Writer, directory_id: DirectoryId) -> None:
    writer.execute(_SEEN)
    writer.execute("DELETE FROM temp.seen WHERE directory_id = ?", (directory_id,))


def _settle_seen(
    writer: Writer,
    directory_id: DirectoryId,
    part: DirectoryListing,
    known: Sequence[LocationId],
    added: Sequence[LocationId],
) -> tuple[Gone, ...]:
    """Note what this part showed; on the last part return what the whole listing did not show."""
    files = [*known, *added]
    directories = [entry.name for entry in part.entries if entry.kind == "d"]
    if not part.is_last:
        writer.executemany(
            "INSERT INTO temp.seen VALUES (?, ?, NULL)", [(directory_id, one) for one in files]
        )
        writer.executemany(
            "INSERT INTO temp.seen VALUES (?, NULL, ?)", [(directory_id, one) for one in directories]
        )
        return ()
    if part.error is not None:
        writer.execute(
            "UPDATE directory SET error = ?, digest = NULL WHERE id = ?", (part.error, directory_id)
        )
        _forget_seen(writer, directory_id)
        return ()
    seen_files, seen_directories = set(files), set(directories)
    if not part.is_first:
        rows = writer.rows("SELECT location_id, name FROM temp.seen WHERE directory_id = ?", (directory_id,))
        seen_files.update(location_id for location_id, _ in rows if location_id is not None)
        seen_directories.update(name for _, name in rows if name is not None)
        _forget_seen(writer, directory_id)
    return _unseen(writer, directory_id, part.path, seen_files, seen_directories)


def _unseen(
    writer: Writer,
    directory_id: DirectoryId,
    path: bytes,
    seen_files: set[LocationId],
    seen_directories: set[bytes],
) -> tuple[Gone, ...]:
    prefix = path + b"/" if path else b""
    files = writer.rows(
        "SELECT id, name FROM location WHERE directory_id = ? AND state = 'present'", (directory_id,)
    )
    directories = writer.rows(
        "SELECT id, name FROM directory WHERE parent_id = ? AND state = 'present'", (directory_id,)
    )
    return (
        *(Gone("f", row_id, prefix + name) for row_id, name in files if row_id not in seen_files),
        *(Gone("d", row_id, prefix + name) for row_id, name in directories if name not in seen_directories),
    )
