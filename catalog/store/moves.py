"""Moves: a new name, or a name with another stamp, whose stamp (inode, size, mtime) is known: the bytes are not read again.

Proof is per volume and file system, where inodes are kept: another place in the catalog has the very stamp (the file moved,
or has a second name), or had it until another file took its name (`displaced`: names were swapped or rotated).

| the bytes with this stamp are | then the name |
|---|---|
| the current ones of their photo | has them: no birth, no facts, no hash |
| former ones of a photo whose current ones are nowhere | has them, and the photo returns to them |
| former ones, and the current ones were read | has them, as a photo with what was said until now (`versions.settle`) |
| former ones, another file took their name in another directory and is unread | has them: the photo moved, the other is a newcomer |
| former ones, as before, but in the same directory | is read: an edit may have put its backup there |

Bytes that nobody knows for sure (unread, nothing said of them) and that take the place of an older photo which has no other
are its new version: that is how programs save, and how a file with two names is written to.

A name that took another one's bytes, while nobody has seen its own ones anywhere, may wait: names may have been swapped, and
where both are written at once no photo is missing in between (`defer`).

Callers hold a transaction and a `Refresh`. Everything is looked up before anything of a part is written.
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Sequence
from typing import NamedTuple

from catalog.ids import AssetId, ContentId, LocationId, VolumeId
from catalog.sidecars.names import form_of
from catalog.store import identity, sidecar_rows, versions
from catalog.store.assets import Refresh
from catalog.store.db import Session, Writer
from catalog.store.inodes import Mounts
from catalog.store.stamps import Known, Part, Stamp, stamp_of
from catalog.values import Deferred, Observed

# Rows per transaction of what is forgotten: some 20 ms.
_FORGOTTEN_AT_ONCE = 10_000

# index location_inode
BY_INODE = (
    "SELECT l.inode, l.size, l.mtime_ns, l.content_id, d.path, l.id, l.missing_since_ns, l.sniff_due, l.recheck_due,"
    " l.verified_ns FROM json_each(?2) AS wanted CROSS JOIN location AS l INDEXED BY location_inode"
    " ON l.volume_id = ?1 AND l.inode = wanted.value AND l.inode <> 0"
    " CROSS JOIN directory AS d ON d.id = l.directory_id"
)
# displaced's primary key
DISPLACED = (
    "SELECT x.inode, x.size, x.mtime_ns, x.content_id, x.path, NULL, NULL, 0, 0, NULL FROM json_each(?2) AS wanted"
    " CROSS JOIN displaced AS x ON x.volume_id = ?1 AND x.inode = wanted.value"
)
_DISPLACE = (
    "INSERT INTO displaced (volume_id, inode, size, mtime_ns, content_id, path, noted_ns) VALUES (?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT DO UPDATE SET content_id = excluded.content_id, path = excluded.path, noted_ns = excluded.noted_ns"
)
# index location_inode
MOVED = (
    "SELECT l.id, d.path, o.path FROM json_each(?1) AS wanted CROSS JOIN location AS l ON l.id = wanted.value"
    " CROSS JOIN location AS h INDEXED BY location_inode ON h.volume_id = l.volume_id AND h.inode = l.inode AND h.inode <> 0"
    " CROSS JOIN directory AS d ON d.id = l.directory_id CROSS JOIN directory AS o ON o.id = h.directory_id"
    " WHERE l.state = 'present' AND h.state = 'present' AND h.size = l.size AND h.mtime_ns = l.mtime_ns"
    " AND (l.content_id IS NULL OR h.content_id = l.content_id)"
    " AND h.id NOT IN (SELECT value FROM json_each(?1))"
)
_BYTES = (
    "SELECT c.asset_id, a.content_id, cur.hash IS NOT NULL FROM content AS c JOIN asset AS a ON a.id = c.asset_id"
    " LEFT JOIN content AS cur ON cur.id = a.content_id WHERE c.id = ?"
)


class Proof(NamedTuple):
    """What had a stamp: a place that is known, or (`location_id` None) one that another file has taken since."""

    stamp: Stamp
    content_id: ContentId | None
    directory: bytes
    location_id: LocationId | None
    missing_since_ns: int | None
    sniff_due: int
    recheck_due: int
    verified_ns: int | None

    @property
    def is_present(self) -> bool:
        """Whether a place has this stamp, as far as anybody knows."""
        return self.location_id is not None and self.missing_since_ns is None

    @property
    def is_no_media(self) -> bool:
        """Whether its first bytes were looked at, if its name says nothing, and are no photo's."""
        return self.content_id is None and self.location_id is not None and not self.sniff_due


class Moves:
    """What is known of the stamps of one part of a listing; lives for its transaction."""

    def __init__(
        self, writer: Writer, volume_id: VolumeId, directory: bytes, refresh: Refresh, now_ns: int
    ) -> None:
        self._writer = writer
        self._volume_id = volume_id
        self._directory = directory
        self._refresh = refresh
        self._now_ns = now_ns
        self._proofs: dict[Stamp, Proof] = {}
        self._given: set[ContentId | None] = set()  # what names of this part have, or will have
        self._taken_over: set[LocationId] = set()
        self._mounts: Mounts | None = None

    def look_up(self, entries: Sequence[Observed]) -> None:
        """Look for the stamps of files that are new or changed."""
        stamps = {stamp_of(one) for one in entries if one.inode and one.size}
        if not stamps:
            return
        wanted = json.dumps(sorted({one.inode for one in stamps}))
        rows = [
            *self._writer.rows(BY_INODE, (self._volume_id, wanted)),
            *self._writer.rows(DISPLACED, (self._volume_id, wanted)),
        ]
        found = [_proof(row) for row in rows]
        # What is there now knows best, then a name that was taken since; of the others the one that went last.
        for proof in sorted(found, key=_rank):
            if proof.stamp in stamps and self._is_same_file_system(proof.directory):
                self._proofs.setdefault(proof.stamp, proof)
        self._given = {one.content_id for one in self._proofs.values() if one.content_id is not None}

    def proof_of(self, entry: Observed) -> Proof | None:
        """Return what had the stamp of a file, None if that is not known."""
        return self._proofs.get(stamp_of(entry)) if entry.inode else None

    def defer(self, work: Part) -> list[Deferred]:
        """Take those names out of the work whose own bytes would be nowhere, because they have another one's."""
        moved = {
            row.id: Deferred(self._directory, entry, row.content_id, proof.content_id)
            for row, entry in work.changed
            if row.is_present and row.content_id is not None
            if (proof := self.proof_of(entry)) is not None
            if proof.content_id is not None and proof.content_id != row.content_id
        }
        rows = [row for row, _ in work.changed if row.id in moved]
        lost = [row for row in rows if not self._is_there(row.content_id, row.id)]
        waiting: dict[LocationId, Deferred] = {}
        while True:
            self._given = self._given_by(work, waiting)
            more = [row for row in lost if row.id not in waiting and row.content_id not in self._given]
            if not more:
                break
            waiting.update((row.id, moved[row.id]) for row in more)
        work.changed = [pair for pair in work.changed if pair[0].id not in waiting]
        return list(waiting.values())

    def _given_by(self, work: Part, waiting: Container[LocationId]) -> set[ContentId | None]:
        entries = [*work.new, *(entry for row, entry in work.changed if row.id not in waiting)]
        proofs = [self.proof_of(entry) for entry in entries]
        return {one.content_id for one in proofs if one is not None and one.content_id is not None}

    def displace(self, rows: Iterable[Known]) -> None:
        """Note stamps that are about to be overwritten: their files may turn up under other names.

        Not of those whose bytes may have changed unseen: wherever they turn up they are read.
        """
        prefix = self._directory + b"/" if self._directory else b""
        self._writer.executemany(
            _DISPLACE,
            [
                (self._volume_id, *row.stamp, row.content_id, prefix + row.name, self._now_ns)
                for row in rows
                if row.inode and row.size and row.content_id is not None and not row.recheck_due
            ],
        )

    def take_over(self, row: Known, entry: Observed) -> bool:
        """Give a changed name the bytes that its new stamp proves; False = they are to be read."""
        proof = self.proof_of(entry)
        content_id = self.bytes_for(entry, besides=row.id)
        if proof is None or content_id is None:
            return False
        if (
            row.content_id != content_id
        ):  # a name that was no photo's can be older than those that the bytes have
            known = [one for one in (row.content_id, content_id) if one is not None]
            self._refresh.remember(versions.assets_of(self._writer, known))
        if row.content_id is not None and row.content_id != content_id:
            versions.note_last_place(self._writer, row.content_id, row.id)
            if not self._is_held(row):
                identity.adopt_version(self._writer, self._refresh, content_id, row.content_id)
        versions.point(self._writer, row.id, content_id)
        self._taken_over.add(row.id)
        self.settle([content_id])
        return True

    def bytes_for(self, entry: Observed, *, besides: LocationId | None = None) -> ContentId | None:
        """Return the bytes that a stamp proves, if it is certain whose they are now (see the table); None = read them.

        Args:
            entry: a file that is new or changed.
            besides: its own row, which does not count as a holder any more.
        """
        proof = self.proof_of(entry)
        if proof is None or proof.content_id is None:
            return None
        found = self._writer.row(_BYTES, (proof.content_id,))
        if found is None:  # taken in by another one in this very part
            return None
        asset_id, current_id, is_read = found
        if current_id in (None, proof.content_id) or is_read or not self._is_there(current_id, besides):
            return proof.content_id
        if proof.location_id is not None or proof.directory == self._directory:
            return None
        self._part_from_newcomer(AssetId(asset_id), proof.content_id, ContentId(current_id))
        return proof.content_id

    def bytes_of_new(self, files: Sequence[Observed]) -> dict[bytes, ContentId]:
        """Return name -> bytes of the new files that are known; their photos are remembered before a row is made."""
        found: dict[bytes, ContentId] = {}
        for entry in files:
            content_id = self.bytes_for(entry)
            proof = self.proof_of(entry)
            if content_id is None or proof is None:
                continue
            found[entry.name] = content_id
            if not proof.is_present:  # else it has another place, which is older
                self._refresh.remember(versions.assets_of(self._writer, [content_id]))
        return found

    def reading_of(self, row: Known, entry: Observed) -> tuple[int, int | None]:
        """Return `recheck_due` and `verified_ns` of a changed file, whose bytes may be those of another name."""
        proof = self.proof_of(entry) if row.id in self._taken_over else None
        return (0, None) if proof is None else (proof.recheck_due, proof.verified_ns)

    def hand_over(self, places: Iterable[tuple[Observed, LocationId]]) -> None:
        """Give new names what is known of the files that they were: damage, and what sidecars said."""
        for entry, location_id in places:
            proof = self.proof_of(entry)
            if proof is None or proof.location_id is None:
                continue
            self._writer.execute(
                "INSERT INTO damage (location_id, found, found_ns, read_ns)"
                " SELECT ?, found, found_ns, read_ns FROM damage WHERE location_id = ?",
                (location_id, proof.location_id),
            )
            if form_of(entry.name) is not None:
                sidecar_rows.hand_over(self._writer, proof.location_id, location_id, self._now_ns)

    def settle(self, content_ids: Iterable[ContentId]) -> None:
        """Make bytes that have a name now the current ones of their photos."""
        versions.settle(self._writer, content_ids, self._refresh, self._now_ns)

    def _part_from_newcomer(self, asset_id: AssetId, content_id: ContentId, newcomer_id: ContentId) -> None:
        """A photo was taken for edited, but its file lies in another directory: what has its old name is another one."""
        self._refresh.remember([asset_id])
        self._writer.execute("UPDATE asset SET content_id = ? WHERE id = ?", (content_id, asset_id))
        versions.split_off(self._writer, newcomer_id, self._refresh, self._now_ns, with_statements=False)

    def _is_held(self, row: Known) -> bool:
        """Tell whether the bytes that a name had, or the current ones of their photo, are or will be under another name."""
        current = self._writer.value(
            "SELECT a.content_id FROM content AS c JOIN asset AS a ON a.id = c.asset_id WHERE c.id = ?",
            (row.content_id,),
        )
        wanted = {row.content_id, current}
        return not self._given.isdisjoint(wanted) or any(self._is_there(one, row.id) for one in wanted)

    def _is_there(self, content_id: ContentId | None, besides: LocationId | None) -> bool:
        found = self._writer.row(
            "SELECT 1 FROM location WHERE content_id = ? AND state = 'present' AND id IS NOT ? LIMIT 1",
            (content_id, besides),
        )
        return found is not None

    def _is_same_file_system(self, directory: bytes) -> bool:
        if self._mounts is None:
            self._mounts = Mounts(self._writer, self._volume_id)
        return self._mounts.of(directory) == self._mounts.of(self._directory)


def moved(session: Session, volume_id: VolumeId, location_ids: Sequence[LocationId]) -> list[LocationId]:
    """Return those of these places, at which nothing is any more, whose very stamp and bytes are at another place.

    Places named together do not vouch for each other.
    """
    mounts = Mounts(session, volume_id)
    rows = session.rows(MOVED, (json.dumps(list(location_ids)),))
    return sorted({LocationId(one) for one, path, other in rows if mounts.of(path) == mounts.of(other)})


def forget_displaced(writer: Writer, volume_id: VolumeId, before_ns: int) -> None:
    """Forget stamps that were overwritten before a complete scan began: their files would have been found by it."""
    while True:
        with writer.atomic():
            gone = writer.execute(
                "DELETE FROM displaced WHERE volume_id = ?1 AND (inode, size, mtime_ns) IN (SELECT inode, size, mtime_ns"
                " FROM displaced WHERE volume_id = ?1 AND noted_ns < ?2 LIMIT ?3)",
                (volume_id, before_ns, _FORGOTTEN_AT_ONCE),
            )
        if gone < _FORGOTTEN_AT_ONCE:
            return


def _proof(row: tuple[object, ...]) -> Proof:
    inode, size, mtime_ns, content_id, directory, *rest = row
    return Proof(Stamp(inode, size, mtime_ns), content_id, bytes(directory), *rest)  # type: ignore[arg-type, call-overload]


def _rank(proof: Proof) -> tuple[int, ...]:
    place = 0 if proof.is_present else 1 if proof.location_id is None else 2
    return (int(proof.content_id is None), place, -(proof.missing_since_ns or 0), proof.location_id or 0)
