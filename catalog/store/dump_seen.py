"""What a library saw before a dump came: set aside, matched with the dump, and put back.

A file at the same place is the same file when its bytes are (hashes, where both were read), or else when its size and
mtime are; that is what a scan believes too. Those files are put back as they are, with the facts that were read. What
remains (moved, changed, new) is told to the catalog again as a scan would: the rules of `catalog.store.scanning`,
`identity` and `versions` decide, not others. So it makes no difference whether a library was scanned before a
restore or after it.

What this library saw and lost again, and the dump does not know, is forgotten: nothing was said about it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby, islice

from catalog.ids import AssetId, ContentHash, ContentId, LocationId, VolumeId
from catalog.store import assets, identity, neighbours, previews, scanning
from catalog.store.births import added_day
from catalog.store.db import Row, Writer
from catalog.store.facts_codec import facts_from_text
from catalog.values import DirectoryListing, HashResult, Observed, WorkItem

_FILES_AT_ONCE = 500
_PATH = "CASE r.path WHEN x'' THEN l.name ELSE CAST(r.path || '/' || l.name AS BLOB) END"
# Everything that is derived, or names what will have another number.
_EMPTIED = (
    "claim", "member", "effective", "photo_text", "bucket", "asset", "stack", "embedded_name", "tag", "person",
    "file_cell", "cell_fill",
)  # fmt: skip


class Seen:
    """Alive within the transaction of a restore."""

    def __init__(self, writer: Writer, now_ns: int) -> None:
        self._writer = writer
        self._now_ns = now_ns
        self._laid_out = 0

    def set_aside(self) -> None:
        """Copy what is known of files and bytes into temporary tables and empty the catalog of photos."""
        for name in ("f_location", "f_content", "f_finding", "f_asset", "s_match"):
            self._writer.execute(f"DROP TABLE IF EXISTS temp.{name}")
        self._writer.execute(
            f"CREATE TEMP TABLE f_location AS SELECT l.*, {_PATH} AS path, r.path AS directory"
            " FROM location AS l JOIN directory AS r ON r.id = l.directory_id"
        )
        self._writer.execute("CREATE INDEX temp.f_location_path ON f_location (volume_id, path)")
        self._writer.execute("CREATE UNIQUE INDEX temp.f_location_id ON f_location (id)")
        self._writer.execute("CREATE TEMP TABLE f_content AS SELECT * FROM content")
        self._writer.execute("CREATE UNIQUE INDEX temp.f_content_id ON f_content (id)")
        self._writer.execute("CREATE TEMP TABLE f_finding AS SELECT * FROM finding")
        self._writer.execute("CREATE INDEX temp.f_finding_content ON f_finding (content_id)")
        self._writer.execute(
            "CREATE TEMP TABLE f_asset AS SELECT id, uid, short, name, fold, is_suffixed, first_seen_ns FROM asset"
        )
        self._writer.execute("CREATE UNIQUE INDEX temp.f_asset_id ON f_asset (id)")
        # What sidecars said here is read again: of the photos of the dump, below its words.
        self._writer.execute("DELETE FROM journal_item")
        self._writer.execute("DELETE FROM statement")
        self._writer.execute("UPDATE sidecar SET state = 'due', retry_ns = NULL, author = NULL")
        for table in _EMPTIED:
            self._writer.execute(f"DELETE FROM {table}")
        self._writer.execute(
            "DELETE FROM location WHERE content_id IS NOT NULL OR id IN (SELECT f.id FROM temp.d_location AS d"
            " JOIN temp.f_location AS f ON f.volume_id = d.volume_id AND f.path = d.path WHERE d.content IS NOT NULL)"
        )
        self._writer.execute("DELETE FROM content")

    def match(self) -> None:
        """Find for each place of the dump the file that was seen there, if it is the same one.

        `is_here` 0: it holds a former version of a photo, so that the rules must say whose it is now.
        """
        self._writer.execute(
            "CREATE TEMP TABLE s_match (pos INTEGER PRIMARY KEY, seen INTEGER NOT NULL UNIQUE, is_here INTEGER NOT NULL)"
        )
        self._writer.execute(
            "INSERT INTO s_match SELECT d.pos, f.id, c.is_current AND f.state = 'present' FROM temp.d_location AS d"
            " JOIN temp.d_content AS c ON c.pos = d.content"
            " CROSS JOIN temp.f_location AS f ON f.volume_id = d.volume_id AND f.path = d.path"
            " LEFT JOIN temp.f_content AS b ON b.id = f.content_id WHERE CASE"
            " WHEN b.hash IS NOT NULL AND c.hash IS NOT NULL THEN b.hash = c.hash"
            " WHEN b.hash IS NOT NULL THEN f.size = d.size AND NOT EXISTS"
            "  (SELECT 1 FROM temp.d_content AS o WHERE o.hash = b.hash)"
            " ELSE f.size = d.size AND (c.hash IS NULL OR f.mtime_ns = d.mtime_ns) END"
        )

    def put_back_facts(self, first_content: int) -> None:
        """Give the dump's versions the hash and the facts of the same bytes, of a hashed file if there is one."""
        pages = self._pages(
            "SELECT d.content, f.content_id, b.hash, min((b.hash IS NULL) * (1 << 60) + m.pos) FROM temp.s_match AS m"
            " JOIN temp.d_location AS d ON d.pos = m.pos"
            " JOIN temp.f_location AS f ON f.id = m.seen JOIN temp.f_content AS b ON b.id = f.content_id"
            " GROUP BY d.content ORDER BY d.content"
        )
        for content, seen_content, digest, _ in pages:
            content_id = ContentId(first_content + content)
            if digest is not None:
                self._writer.execute(
                    "UPDATE content SET hash = ?1 WHERE id = ?2 AND hash IS NULL"
                    " AND NOT EXISTS (SELECT 1 FROM content WHERE hash = ?1)",
                    (digest, content_id),
                )
            self._give_facts(content_id, seen_content)

    def _pages(self, sql: str) -> Iterator[Row]:
        """Yield the rows of a query as they are now, whatever changes meanwhile; a page in memory at a time."""
        self._laid_out += 1
        table = f"temp.s_rows_{self._laid_out}"
        self._writer.execute(f"CREATE TABLE {table} AS {sql}")
        after = 0
        while page := self._writer.rows(
            f"SELECT rowid, * FROM {table} WHERE rowid > ? ORDER BY rowid LIMIT ?", (after, _FILES_AT_ONCE)
        ):
            yield from (row[1:] for row in page)
            after = page[-1][0]
        self._writer.execute(f"DROP TABLE {table}")

    def _give_facts(self, content_id: ContentId, seen_content: int) -> None:
        self._writer.execute(
            "UPDATE content SET (kind, mime, facts, facts_version, facts_state, facts_retry_ns, pixel_hash) ="
            " (SELECT kind, mime, facts, facts_version, facts_state, facts_retry_ns, pixel_hash FROM temp.f_content"
            " WHERE id = ?2) WHERE id = ?1 AND facts_version = 0",
            (content_id, seen_content),
        )
        self._follow_facts(content_id)
        self._writer.execute(
            "INSERT INTO finding (content_id, tool, version, reason, found_ns) SELECT ?1, tool, version, reason, found_ns"
            " FROM temp.f_finding WHERE content_id = ?2 AND NOT EXISTS (SELECT 1 FROM finding WHERE content_id = ?1)"
            " ORDER BY id",
            (content_id, seen_content),
        )

    def _follow_facts(self, content_id: ContentId) -> None:
        """What follows from facts beside the derived columns: previews, and zones of neighbours to be looked for."""
        row = self._writer.row("SELECT facts, size FROM content WHERE id = ?", (content_id,))
        if row is not None and row[0] is not None:
            facts = facts_from_text(row[0])
            previews.record(self._writer, content_id, facts, size_bytes=row[1])
            neighbours.facts_changed(self._writer, [(content_id, facts)])

    # ---- telling again what is not the same

    def replay(self, last_asset: int) -> None:
        """Tell the catalog of the files that are not simply where they were: listed, hashed, read.

        Args:
            last_asset: photos beyond it are not of the dump.
        """
        remaining = self._pages(
            "SELECT f.volume_id, f.directory, f.name, f.size, f.mtime_ns, f.ctime_ns, f.inode FROM temp.f_location AS f"
            f" WHERE {_REMAINS} ORDER BY f.volume_id, f.directory, f.id"
        )
        for (volume_id, directory), rows in groupby(remaining, key=lambda row: row[:2]):
            while files := list(islice(rows, _FILES_AT_ONCE)):
                self._list(VolumeId(volume_id), directory, files)
        self._hash()
        self._name(last_asset)
        self._read()

    def _list(self, volume_id: VolumeId, directory: bytes, files: list[Row]) -> None:
        entries = tuple(Observed(bytes(row[2]), "f", *row[3:]) for row in files)
        mtime_ns = self._writer.value(
            "SELECT mtime_ns FROM directory WHERE volume_id = ? AND path = ?", (volume_id, directory)
        )
        # Never the last part: what it does not show is elsewhere, not gone.
        part = DirectoryListing(directory, mtime_ns, entries, is_first=True, is_last=False, digest=None)
        scanning.apply_listing(self._writer, volume_id, part, self._now_ns)

    def _hash(self) -> None:
        rows = self._pages(_UNREAD)
        while page := list(islice(rows, _FILES_AT_ONCE)):
            results = []
            for location_id, content_id, volume_id, path, size, mtime_ns, ctime_ns, inode, digest in page:
                item = WorkItem(
                    LocationId(location_id), ContentId(content_id), VolumeId(volume_id), b"", bytes(path), size, mtime_ns,
                    ctime_ns, inode,
                )  # fmt: skip
                results.append(HashResult(item, ContentHash(digest)))
            identity.record_hashes(self._writer, results, self._now_ns)

    def _name(self, last_asset: int) -> None:
        """Photos that the dump does not know keep the uid and the name that they had here."""
        rows = self._pages(_NEWCOMERS.format(last_asset))
        while page := list(islice(rows, _FILES_AT_ONCE)):
            for asset_id, uid, short, name, fold, is_suffixed, first_seen_ns in page:
                day = added_day(first_seen_ns, self._writer.zone)
                self._writer.execute(
                    "UPDATE asset SET uid = ?1, short = ?2, name = ?3, fold = ?4, is_suffixed = ?5, first_seen_ns = ?6,"
                    " added_day = ?7 WHERE id = ?8 AND NOT EXISTS (SELECT 1 FROM asset WHERE short = ?2)",
                    (uid, short, name, fold, is_suffixed, first_seen_ns, day, asset_id),
                )
            self._refresh([row[0] for row in page])

    def _read(self) -> None:
        """Give the facts that were read to the bytes that are not known by the dump's places."""
        rows = self._pages(_UNTOLD)
        while page := list(islice(rows, _FILES_AT_ONCE)):
            for content_id, _, seen_content in page:
                self._give_facts(ContentId(content_id), seen_content)
            self._refresh(sorted({row[1] for row in page}))

    def _refresh(self, asset_ids: list[int]) -> None:
        refresh = assets.Refresh(self._writer, self._writer.zone, is_thorough=True)
        refresh.remember([AssetId(one) for one in asset_ids], may_restack=True)
        refresh.apply(self._now_ns)


# A file that was present, was set aside (what is no photo here nor in the dump stays) and is not back as it was.
_REMAINS = (
    "f.state = 'present' AND f.id NOT IN (SELECT seen FROM temp.s_match WHERE is_here)"
    " AND NOT EXISTS (SELECT 1 FROM location AS kept WHERE kept.id = f.id)"
)
_NOW = (
    " FROM temp.f_location AS f JOIN temp.f_content AS b ON b.id = f.content_id"
    " CROSS JOIN directory AS r ON r.volume_id = f.volume_id AND r.path = f.directory"
    " CROSS JOIN location AS l ON l.directory_id = r.id AND l.name = f.name"
    " CROSS JOIN content AS c ON c.id = l.content_id"
)
_UNREAD = (
    "SELECT l.id, c.id, l.volume_id, f.path, l.size, l.mtime_ns, l.ctime_ns, l.inode, b.hash"
    f"{_NOW} WHERE {_REMAINS} AND b.hash IS NOT NULL AND c.hash IS NULL ORDER BY f.id"
)
_UNTOLD = (
    f"SELECT DISTINCT c.id, c.asset_id, b.id{_NOW} WHERE {_REMAINS} AND b.facts_version > 0 AND c.facts_version = 0"
    " AND (c.hash IS b.hash) ORDER BY f.id"
)
_NEWCOMERS = (
    "SELECT a.id, o.uid, o.short, o.name, o.fold, o.is_suffixed, o.first_seen_ns"
    f"{_NOW} JOIN asset AS a ON a.id = c.asset_id JOIN temp.f_asset AS o ON o.id = b.asset_id"
    f" WHERE {_REMAINS} AND a.id > {{}} AND a.merged_into IS NULL AND a.state = 'pending' GROUP BY a.id ORDER BY a.id"
)
