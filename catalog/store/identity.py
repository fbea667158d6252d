"""Hashes and what they prove: the same bytes are the same photo (DESIGN section 3, charter 2).

When the hash of a file's content is known already, one of these holds; `_settle_known` is the table:

| the other content is | the asset of this file | then |
|---|---|---|
| a version of the same asset | | the edit was undone: the asset returns to that version |
| current, or its asset has lost its current one | was never anything else | the younger merges into the older |
| current, or its asset has lost its current one | has other versions | the file is a copy of the other photo; \
this asset goes back to its own last version (and is missing, if nothing holds that) |
| a former version beside the current one | was never anything else | it takes the version over, with the statements, and is stacked with it \
(but waits until the current one is read) |
| a former version beside the current one | has other versions | names were swapped, or a new photo appears |

Invariants: a hash is unique; nothing said is lost: statements of a merged asset are united with the older one's and
journalled; no content, location or statement stays on an alias (I4, I5).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from catalog.capture import NS_PER_S
from catalog.failpoints import failpoint
from catalog.ids import AssetId, ContentHash, ContentId
from catalog.store import changes, journal, lineage, previews, sidecar_rows, versions
from catalog.store.assets import Refresh
from catalog.store.db import Writer
from catalog.values import HashResult, JournalItem, WorkItem

MACHINE = journal.MACHINE
# A file that waits for another one is read again after as long as it is known already, within these bounds.
WAIT_NS = 2 * NS_PER_S
MAX_WAIT_NS = 600 * NS_PER_S
# Nobody waits longer for a file that is always written to: it is as good as unreadable.
PATIENCE_NS = 24 * 3600 * NS_PER_S


class _Content(NamedTuple):
    id: ContentId
    asset_id: AssetId
    hash: ContentHash | None
    current_id: ContentId | None  # of its asset

    @property
    def is_current(self) -> bool:
        return self.current_id == self.id


_CONTENT = "SELECT c.id, c.asset_id, c.hash, a.content_id FROM content AS c JOIN asset AS a ON a.id = c.asset_id WHERE "


def record_hashes(writer: Writer, results: Sequence[HashResult], now_ns: int) -> int:
    """Store hashes and what follows from them; return how many results were believed.

    One transaction; 500 new hashes hold the write lock for about 15 ms. A result whose location is no longer
    the file that was read is dropped. One that cannot be judged before another file is read is looked at again behind
    the others; if the other is unread even then, nothing is stored, and the file is due again a little later.
    """
    believed = 0
    with writer.atomic():
        refresh = Refresh(writer, writer.zone)
        early: list[HashResult] = []
        for result in results:
            believed += _record(writer, refresh, result, now_ns, early)
        late: list[HashResult] = []
        for result in early:
            believed += _record(writer, refresh, result, now_ns, late)
        for result in late:
            _wait(writer, result.item, now_ns)
        failpoint("store.hashes")
        refresh.apply(now_ns)
    return believed


# statement's unique index begins with asset_id; index content_asset
_UNCERTAIN = (
    "SELECT c.asset_id FROM content AS c WHERE c.id = ?1 AND c.hash IS NULL AND c.asset_id > ?2"
    " AND NOT EXISTS (SELECT 1 FROM content AS o WHERE o.asset_id = c.asset_id AND o.id <> c.id)"
    " AND NOT EXISTS (SELECT 1 FROM statement AS s WHERE s.asset_id = c.asset_id)"
)


def adopt_version(writer: Writer, refresh: Refresh, content_id: ContentId, former_id: ContentId) -> bool:
    """Make bytes that took the place of a photo its new version; False = they are a photo of their own.

    They are if they were read, had other versions, anything is said of them, or they are older than the photo.

    Args:
        writer: inside a transaction.
        refresh: applied at its end.
        content_id: what lies there now.
        former_id: what lay there until now, and nowhere else.
    """
    asset_id = writer.value("SELECT asset_id FROM content WHERE id = ?", (former_id,))
    younger = writer.value(_UNCERTAIN, (content_id, asset_id))
    if younger is None:
        return False
    refresh.remember([younger, asset_id], may_restack=True)
    _alias(writer, younger, asset_id)
    writer.execute("UPDATE content SET asset_id = ? WHERE id = ?", (asset_id, content_id))
    writer.execute("UPDATE asset SET content_id = ? WHERE id = ?", (content_id, asset_id))
    return True


def _alias(writer: Writer, younger: AssetId, older: AssetId) -> None:
    sidecar_rows.follow_merge(writer, younger, older)
    writer.execute(
        "UPDATE asset SET merged_into = ?, state = 'alias', is_shown = 0, content_id = NULL, facts_id = NULL,"
        " location_id = NULL WHERE id = ?",
        (older, younger),
    )
    writer.execute("UPDATE asset SET merged_into = ? WHERE merged_into = ?", (older, younger))


def _record(
    writer: Writer, refresh: Refresh, result: HashResult, now_ns: int, undecided: list[HashResult]
) -> bool:
    """Store one result, or add it to the undecided ones; tell whether it was believed."""
    content = _content_if_unchanged(writer, result.item)
    if content is None:
        return False
    if result.hash is None:
        _note_failure(writer, result)
    elif content.hash is None:
        if not _Identity(writer, refresh, now_ns).learn(content, result.hash, result.pixel_hash):
            undecided.append(result)
            return False
        _note_agreed(writer, result.item, now_ns)
    elif content.hash == result.hash:
        _note_agreed(writer, result.item, now_ns)
    elif _is_to_be_compared(writer, result):
        _change(writer, refresh, result, now_ns)
    return True


def _note_agreed(writer: Writer, item: WorkItem, now_ns: int) -> None:
    """Note that the bytes of a file were read and have the hash of its content; damage, if there was any, is mended."""
    writer.execute(
        "UPDATE location SET verified_ns = ?, recheck_due = 0, hash_failure = NULL, hash_retry_ns = NULL WHERE id = ?",
        (now_ns, item.location_id),
    )
    writer.execute("DELETE FROM damage WHERE location_id = ?", (item.location_id,))


def _is_to_be_compared(writer: Writer, result: HashResult) -> bool:
    """Tell whether other bytes than the known ones are a change: not where nobody asked, nor where damage was found before."""
    row = writer.row(
        "SELECT d.found FROM location AS l LEFT JOIN damage AS d ON d.location_id = l.id"
        " WHERE l.id = ? AND l.recheck_due = 1",
        (result.item.location_id,),
    )
    if row is None or row[0] != result.hash:
        return row is not None
    writer.execute("UPDATE location SET recheck_due = 0 WHERE id = ?", (result.item.location_id,))
    return False


def _change(writer: Writer, refresh: Refresh, result: HashResult, now_ns: int) -> None:
    """The bytes of a file whose change time moved are others: as any other edit in place, and read already."""
    item = result.item
    changed = versions.Changed(
        item.location_id,
        item.content_id,
        item.path.rpartition(b"/")[2],
        item.size,
        item.mtime_ns,
        must_sniff=False,
        inode=item.inode,
    )
    versions.change_bytes(writer, changed, refresh, now_ns)
    versions.disprove(writer, item.location_id)
    writer.execute(
        "UPDATE location SET recheck_due = 0, verified_ns = NULL, hash_failure = NULL, hash_retry_ns = NULL WHERE id = ?",
        (item.location_id,),
    )
    writer.execute("DELETE FROM damage WHERE location_id = ?", (item.location_id,))
    sidecar_rows.mark_around(writer, [item.location_id])
    changes.append(writer, [("orig", f"l{item.location_id}", None)])
    content = _content(writer, "c.id = (SELECT content_id FROM location WHERE id = ?)", item.location_id)
    # What cannot be judged yet is due by itself: its bytes are another version, which has no hash.
    assert result.hash is not None, "what could not be read is no change"
    if content is not None and _Identity(writer, refresh, now_ns).learn(
        content, result.hash, result.pixel_hash
    ):
        _note_agreed(writer, item, now_ns)


def _wait(writer: Writer, item: WorkItem, now_ns: int) -> None:
    """Let a file be due again later: behind those that are due now, and not too often if they take hours."""
    writer.execute(
        "UPDATE location SET hash_retry_ns = ?1 + min(max(?1 - (SELECT created_ns FROM content WHERE id = content_id), ?2), ?3)"
        " WHERE id = ?4",
        (now_ns, WAIT_NS, MAX_WAIT_NS, item.location_id),
    )


def _content_if_unchanged(writer: Writer, item: WorkItem) -> _Content | None:
    """Return the content of the location, which a merge of this batch may have changed, or None.

    The change time counts too: what was read before it moved says nothing of the bytes that are there now.
    """
    row = writer.row(
        "SELECT content_id FROM location WHERE id = ? AND size = ? AND mtime_ns = ? AND ctime_ns = ? AND inode = ?",
        (item.location_id, item.size, item.mtime_ns, item.ctime_ns, item.inode),
    )
    if row is None or row[0] is None or row[0] != item.content_id:
        return None
    return _content(writer, "c.id = ?", row[0])


def _content(writer: Writer, condition: str, key: object) -> _Content | None:
    row = writer.row(_CONTENT + condition, (key,))
    return None if row is None else _Content._make(row)


def _note_failure(writer: Writer, result: HashResult) -> None:
    writer.execute(
        "UPDATE location SET hash_failure = ?, hash_retry_ns = ? WHERE id = ?",
        (result.failure or "unknown", result.retry_ns, result.item.location_id),
    )


class _Identity:
    """One hash at a time, within the transaction of a batch."""

    def __init__(self, writer: Writer, refresh: Refresh, now_ns: int) -> None:
        self._writer = writer
        self._refresh = refresh
        self._now_ns = now_ns

    def learn(self, content: _Content, digest: ContentHash, pixels: bytes | None) -> bool:
        """Give a content its hash, or find out whose bytes these are; False = not yet, and nothing was changed."""
        known = _content(self._writer, "c.hash = ?", digest)
        if known is not None and self._is_too_early(content, known):
            return False
        self._writer.execute(
            "UPDATE location SET hash_failure = NULL, hash_retry_ns = NULL"
            " WHERE content_id = ? AND (hash_failure IS NOT NULL OR hash_retry_ns IS NOT NULL)",
            (content.id,),
        )
        if pixels is not None:
            # The same bytes have the same one: who was hashed by an older version learns it now.
            self._writer.execute(
                "UPDATE content SET pixel_hash = ? WHERE id IN (?, ?) AND pixel_hash IS NULL",
                (pixels, content.id, content.id if known is None else known.id),
            )
        if known is None:
            self._writer.execute("UPDATE content SET hash = ? WHERE id = ?", (digest, content.id))
            return True
        self._refresh.remember([content.asset_id, known.asset_id], may_restack=True)
        self._settle_known(content, known, digest)
        failpoint("store.merge")
        return True

    def _is_too_early(self, content: _Content, known: _Content) -> bool:
        """Tell whether a former version must not be taken over yet: the file of its photo was written, but not read.

        It may have been edited, or names may have rotated, so that another photo lies there now, and this file is the
        photo itself. Nobody waits in a circle: who waits was never anything else, who is waited for was. Nor for a file
        that cannot be read, nor for long for one that is busy whenever it is to be read.
        """
        if known.is_current or known.asset_id == content.asset_id or self._has_other_versions(content):
            return False
        row = self._writer.row(
            "SELECT 1 FROM content AS c JOIN location AS l ON l.content_id = c.id JOIN volume AS v ON v.id = l.volume_id"
            " WHERE c.id = ? AND c.hash IS NULL AND l.state = 'present' AND l.size > 0 AND v.state = 'online'"
            " AND (l.hash_failure IS NULL OR l.hash_failure NOT GLOB 'E[A-Z]*'"
            " AND (SELECT created_ns FROM content WHERE id = ?) > ?) LIMIT 1",
            (known.current_id, content.id, self._now_ns - PATIENCE_NS),
        )
        return row is not None

    def _settle_known(self, content: _Content, known: _Content, digest: ContentHash) -> None:
        if known.asset_id == content.asset_id:
            self._make_current(known.asset_id, known.id)
            self._dissolve(content, into=known.id)
            return
        is_provisional = not self._has_other_versions(content)
        is_beside = not known.is_current and known.current_id is not None
        if is_beside and versions.is_present(self._writer, known.current_id or known.id):
            if is_provisional:
                self._take_over(content, known)
            else:
                self._swap_or_split(content, known)
            return
        self._make_current(known.asset_id, known.id)
        if is_provisional:
            self._merge(content, known, digest)
        else:
            self._go_back(content, known.id)

    def _take_over(self, content: _Content, known: _Content) -> None:
        """The former bytes of a photo that was edited: this asset holds them now, with what was said until now."""
        versions.take_over(
            self._writer,
            content.asset_id,
            known.id,
            former_owner=known.asset_id,
            with_statements=True,
            now_ns=self._now_ns,
        )
        self._dissolve(content, into=known.id)

    def _swap_or_split(self, content: _Content, known: _Content) -> None:
        """This file was another photo before: two files swapped names, or the former bytes came by this way."""
        assert known.current_id is not None
        other = _content(self._writer, "c.id = ?", known.current_id)
        if other is not None and other.hash is None:
            # Swapped names: the other file's bytes are not read yet. Its asset returns to the bytes that we have
            # just found; the unread file becomes provisional until its own hash tells whose it is.
            self._make_current(known.asset_id, known.id)
            self._go_back(content, known.id)
            versions.split_off(self._writer, other.id, self._refresh, self._now_ns, with_statements=False)
            return
        self._go_back(content, known.id)
        versions.split_off(self._writer, known.id, self._refresh, self._now_ns)

    def _go_back(self, content: _Content, known_id: ContentId) -> None:
        """The file holds another photo's bytes; its asset returns to its own last version."""
        own = self._writer.value(
            "SELECT id FROM content WHERE asset_id = ? AND id <> ? ORDER BY id DESC LIMIT 1",
            (content.asset_id, content.id),
        )
        if content.is_current:
            self._make_current(content.asset_id, own)
            # Where it was seen last may be forgotten since (`catalog.store.traces`); the photo was here until now.
            self._writer.execute(
                "UPDATE content SET last_location_id = (SELECT min(id) FROM location WHERE content_id = ?1) WHERE id = ?2"
                " AND NOT EXISTS (SELECT 1 FROM location AS l WHERE l.content_id = ?2)"
                " AND NOT EXISTS (SELECT 1 FROM location AS l WHERE l.id = content.last_location_id)",
                (content.id, own),
            )
        self._dissolve(content, into=known_id)

    def _merge(self, content: _Content, known: _Content, digest: ContentHash) -> None:
        """Two assets of the same bytes: the younger becomes an alias of the older, which keeps its inode."""
        older, younger = sorted((content.asset_id, known.asset_id))
        survivor, other = (known, content) if older == known.asset_id else (content, known)
        # Nothing but these bytes was ever its own, so that they make it no edit of what it was stacked with.
        withdrawn = lineage.withdraw(self._writer, content.asset_id, self._refresh)
        _alias(self._writer, younger, older)
        self._dissolve(other, into=survivor.id)
        if survivor is content:
            self._writer.execute("UPDATE content SET hash = ? WHERE id = ?", (digest, content.id))
        self._writer.execute("UPDATE content SET asset_id = ? WHERE asset_id = ?", (older, younger))
        self._journal_merge(older, younger, digest, withdrawn)

    def _journal_merge(
        self, older: AssetId, younger: AssetId, digest: ContentHash, withdrawn: list[JournalItem]
    ) -> None:
        uids: dict[AssetId, str] = dict(
            self._writer.rows("SELECT id, uid FROM asset WHERE id IN (?, ?)", (older, younger))
        )
        command = {"do": "merge", "from": uids[younger], "into": uids[older], "hash": digest.hex()}
        items = withdrawn + journal.unite_statements(self._writer, younger, older)
        journal.append(self._writer, command, author=MACHINE, now_ns=self._now_ns, items=items)

    def _dissolve(self, content: _Content, *, into: ContentId) -> None:
        """Hand a content's locations, and facts that the other lacks, to the other; delete the row."""
        sidecar_rows.mark_of_content(self._writer, content.id)
        for table in ("location", "displaced"):
            self._writer.execute(
                f"UPDATE {table} SET content_id = ? WHERE content_id = ?", (into, content.id)
            )
        handed = self._writer.execute(
            "UPDATE content SET (facts, facts_version, facts_state, facts_retry_ns, kind, mime) ="
            " (SELECT facts, facts_version, facts_state, facts_retry_ns, kind, mime FROM content WHERE id = ?1)"
            " WHERE id = ?2 AND facts IS NULL AND EXISTS (SELECT 1 FROM content WHERE id = ?1 AND facts IS NOT NULL)",
            (content.id, into),
        )
        if handed:
            self._writer.execute("DELETE FROM finding WHERE content_id = ?", (into,))
            self._writer.execute("UPDATE finding SET content_id = ? WHERE content_id = ?", (into, content.id))
            previews.hand_over(self._writer, content.id, into=into)
        self._writer.execute("UPDATE asset SET content_id = NULL WHERE content_id = ?", (content.id,))
        self._writer.execute("DELETE FROM content WHERE id = ?", (content.id,))

    def _make_current(self, asset_id: AssetId, content_id: ContentId) -> None:
        self._writer.execute("UPDATE asset SET content_id = ? WHERE id = ?", (content_id, asset_id))

    def _has_other_versions(self, content: _Content) -> bool:
        row = self._writer.row(
            "SELECT 1 FROM content WHERE asset_id = ? AND id <> ? LIMIT 1", (content.asset_id, content.id)
        )
        return row is not None
