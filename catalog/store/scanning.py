"""What a scan saw becomes rows: directories, locations at first sight, changed files.

A listing arrives in parts of a few hundred entries, each one transaction (< 50 ms of write lock). Order at the
end of a directory: the last part says what was not seen; the scan looks at the disk again; `mark_missing`; and
only then `finish_listing` stores the digest. So a kill anywhere repeats work and skips none.

What is known of a name is compared in `catalog.store.stamps`; a stamp that is known from another name is a move, and its
bytes are not read again (`catalog.store.moves`).

Invariants: nothing is ever deleted; absence is only what `mark_*_missing` says; whoever changes a directory's
entries by other means than a listing drops its digest, so that the next look lists it again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from catalog import media_types
from catalog.errors import NotFound
from catalog.failpoints import failpoint
from catalog.ids import ContentId, DirectoryId, LocationId, VolumeId
from catalog.sidecars.names import form_of
from catalog.store import changes, versions
from catalog.store.absence import mark_directory_missing, mark_missing
from catalog.store.assets import Refresh
from catalog.store.births import Birth, Nursery
from catalog.store.db import Session, Writer
from catalog.store.directories import directory_at, note_change, see_directories
from catalog.store.moves import Moves
from catalog.store.scans import abandon_scans, begin_scan, end_scan, running_scan, scans
from catalog.store.sidecar_rows import SeenFile, note_sidecars
from catalog.store.stamps import Known, Part, Stamp, known_files, must_sniff, sorted_out, stamp_of
from catalog.store.volumes import is_forgotten
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


def apply_listing(
    writer: Writer, volume_id: VolumeId, part: DirectoryListing, now_ns: int, *, may_defer: bool = False
) -> ListingDiff:
    """Write what one part of a directory's listing shows; one transaction, blocks.

    Args:
        writer: the one.
        volume_id: of this volume.
        part: what was seen.
        now_ns: the present.
        may_defer: leave alone what may be a half of a swap; the caller writes it later with the other half (`deferred`).

    Raises:
        NotFound: no such volume, or its owner forgot it meanwhile.
    """
    with writer.atomic():
        if is_forgotten(writer, volume_id):
            raise NotFound(f"there is no volume number {volume_id} any more", volume_id=volume_id)
        directory_id = directory_at(writer, volume_id, part.path, now_ns)
        if part.is_first:
            _forget_seen(writer, directory_id)
        files = [entry for entry in part.entries if entry.kind == "f"]
        known = known_files(writer, directory_id, files)
        work = sorted_out(files, known)
        refresh = Refresh(writer, writer.zone)
        moves = Moves(writer, volume_id, part.path, refresh, now_ns)
        moves.look_up([*work.new, *(entry for _, entry in work.changed)])
        deferred = moves.defer(work) if may_defer else []
        _return_files(writer, directory_id, work.returned, refresh, now_ns)
        _change_files(writer, work, moves, refresh, now_ns)
        added = _add_files(writer, volume_id, directory_id, work.new, moves=moves, now_ns=now_ns)
        _note_sidecars(writer, directory_id, work, added)
        moves.hand_over(zip(work.new, added, strict=True))
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
        deferred=tuple(deferred),
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


def _add_files(
    writer: Writer,
    volume_id: VolumeId,
    directory_id: DirectoryId,
    files: Sequence[Observed],
    *,
    moves: Moves,
    now_ns: int,
) -> list[LocationId]:
    if not files:
        return []
    first = writer.last_id("location") + 1
    known = moves.bytes_of_new(files)
    births, content_of = _births(files, first, known)
    nursery = Nursery(writer, births, now_ns=now_ns)
    born = {birth.location_id: one.content_id for birth, one in zip(births, nursery.born, strict=True)}
    nursery.insert_contents()
    rows = []
    for offset, entry in enumerate(files):
        content_id = known.get(entry.name) or born.get(content_of.get(entry.name, LocationId(0)))
        proof = moves.proof_of(entry)
        is_moved = entry.name in known and proof is not None
        is_sniffed = content_id is not None or (proof is not None and proof.is_no_media)
        rows.append(
            (first + offset, volume_id, directory_id, entry.name, entry.size, entry.mtime_ns, entry.ctime_ns, entry.inode)
            + (entry.access, content_id, int(not is_sniffed and must_sniff(entry)), now_ns)
            + ((proof.recheck_due, proof.verified_ns) if is_moved and proof is not None else (0, None))
        )  # fmt: skip
    writer.executemany(
        "INSERT INTO location (id, volume_id, directory_id, name, size, mtime_ns, ctime_ns, inode, access, content_id,"
        " sniff_due, first_seen_ns, recheck_due, verified_ns) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        rows,
    )
    nursery.insert_assets()
    moves.settle(dict.fromkeys(known.values()))
    changes.append(writer, [("orig+", str(directory_id), entry.name) for entry in files])
    return [LocationId(first + offset) for offset in range(len(files))]


def _births(
    files: Sequence[Observed], first: int, known: Mapping[bytes, ContentId]
) -> tuple[list[Birth], dict[bytes, LocationId]]:
    """Return what is remembered from now on, and name -> location whose birth it is: names of one file share theirs."""
    births: list[Birth] = []
    born_at: dict[bytes, LocationId] = {}
    by_stamp: dict[Stamp, LocationId] = {}
    for number, entry in enumerate(files, start=first):
        guess = media_types.guess(entry.name) if entry.size else None
        if guess is None or entry.name in known:
            continue
        location_id = LocationId(number)
        shared = by_stamp.setdefault(stamp_of(entry), location_id) if entry.inode else location_id
        born_at[entry.name] = shared
        if shared == location_id:
            births.append(Birth(location_id, entry.name, entry.size, entry.mtime_ns, guess.kind, guess.mime))
    return births, born_at


def _note_sidecars(
    writer: Writer, directory_id: DirectoryId, work: Part, added: Sequence[LocationId]
) -> None:
    # That nothing explains a new change time makes a sidecar due; photos wait for what the recheck says.
    unexplained = [row for row in work.unexplained if form_of(row.name) is not None]
    known = [*work.returned, *(row for row, _ in work.changed), *unexplained]
    new = [SeenFile(one, entry.name) for one, entry in zip(added, work.new, strict=True)]
    if new or known:
        note_sidecars(writer, directory_id, [*new, *(SeenFile(row.id, row.name) for row in known)])


def _return_files(
    writer: Writer, directory_id: DirectoryId, rows: Sequence[Known], refresh: Refresh, now_ns: int
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


def _change_files(writer: Writer, work: Part, moves: Moves, refresh: Refresh, now_ns: int) -> None:
    # Bytes that were written over in place are nowhere any more, whatever stamp they had.
    moves.displace([row for row, entry in work.changed if row.inode != entry.inode])
    followed: dict[LocationId, Stamp] = {}
    for row, entry in work.changed:
        if followed.get(row.id) != stamp_of(entry) and not moves.take_over(row, entry):
            links = versions.change_bytes(writer, _changed(writer, row, entry), refresh, now_ns)
            followed.update(dict.fromkeys(links, stamp_of(entry)))
    unchanged_returns = {row.content_id for row in work.returned} - {
        row.content_id for row, _ in work.changed
    }
    versions.settle(writer, [one for one in unchanged_returns if one is not None], refresh, now_ns)
    # A name that was looked at just before its file was written to by another one: what is known of it now is newer.
    work.touched = [pair for pair in work.touched if pair[0].id not in followed]
    work.unexplained = [row for row in work.unexplained if row.id not in followed]
    _write_stamps(writer, work, moves)


def _changed(writer: Writer, row: Known, entry: Observed) -> versions.Changed:
    # What happened to another one of this part may have changed its bytes already.
    content_id = writer.value("SELECT content_id FROM location WHERE id = ?", (row.id,))
    return versions.Changed(
        row.id,
        content_id,
        entry.name,
        entry.size,
        entry.mtime_ns,
        must_sniff(entry),
        inode=entry.inode if entry.inode == row.inode else 0,
    )


def _write_stamps(writer: Writer, work: Part, moves: Moves) -> None:
    stamps = [*work.changed, *work.touched]
    if not stamps:
        return
    writer.executemany(
        "UPDATE location SET size = ?, mtime_ns = ?, ctime_ns = ?, inode = ?, access = ?, hash_failure = NULL,"
        " hash_retry_ns = NULL WHERE id = ?",
        [
            (entry.size, entry.mtime_ns, entry.ctime_ns, entry.inode, entry.access, row.id)
            for row, entry in stamps
        ],
    )
    writer.executemany(
        "UPDATE location SET recheck_due = ?, verified_ns = ? WHERE id = ?",
        [(*moves.reading_of(row, entry), row.id) for row, entry in work.changed],
    )
    writer.executemany("DELETE FROM damage WHERE location_id = ?", [(row.id,) for row, _ in work.changed])
    for row in work.unexplained:
        if row.is_hashed:
            writer.execute("UPDATE location SET recheck_due = 1 WHERE id = ?", (row.id,))
            versions.disprove(writer, row.id)
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
