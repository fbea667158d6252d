"""Per-file work: what is due, and what came of it: facts, kinds, hashes. No job rows: due is a column with an index.

A result is believed only if its location is still the file that was read (size, mtime, inode); else it is
dropped and the newer version is due by itself. `record_hashes` and its rules live in `catalog.store.identity`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from zoneinfo import ZoneInfo

from catalog.capture import NS_PER_S
from catalog.date_findings import findings_of_dates
from catalog.facts import READER_VERSION, Facts, FactsResult, Finding, Tier
from catalog.failpoints import failpoint
from catalog.ids import AssetId, ContentId, LocationId, VolumeId
from catalog.store import neighbours, previews, sidecar_rows
from catalog.store.assets import Refresh
from catalog.store.births import Birth, bear_asset
from catalog.store.db import Row, Session, Writer
from catalog.store.facts_codec import facts_to_text
from catalog.store.identity import record_hashes
from catalog.store.work_items import work_item
from catalog.values import SniffResult, WorkItem

__all__ = [
    "FACTS_BATCH",
    "HASH_BATCH",
    "due_counts",
    "facts_due",
    "hash_due",
    "next_hash_ns",
    "recheck_due",
    "record_facts",
    "record_hashes",
    "record_sniffs",
    "renew_facts",
    "sniff_due",
]

# Results per transaction that hold the write lock under 50 ms (2026-11-21, 2 shared cores: facts 170 us each, 250 us
# where all are RAW+JPEG pairs, 430 us where all files name three tags of three levels, a rating and a person; hashes
# and sniffs 30 us). Callers cut their batches to these.
FACTS_BATCH = 100
HASH_BATCH = 500
# An error that is not the file's fault (EIO, EACCES, changed under the reader) is tried again after this.
RETRY_NS = 300 * NS_PER_S
MAX_INSTANT_NS = 2**63 - 1

_ITEM = (
    "l.id, l.content_id, l.volume_id, v.root, CASE d.path WHEN x'' THEN l.name ELSE CAST(d.path || '/' || l.name AS BLOB)"
    " END, l.size, l.mtime_ns, l.ctime_ns, l.inode"
)
# Index content_facts_due: the due contents in the order of their ids, each by its newest present location on a volume
# that is online: of a file that moved a moment ago the older one is not there any more.
# The condition of the partial index is repeated in its own words: SQLite proves nothing from `= 'due'`.
_FACTS_DUE = f"""
    SELECT {_ITEM} FROM content AS c INDEXED BY content_facts_due
    CROSS JOIN location AS l ON l.id = (
        SELECT id FROM location WHERE content_id = c.id AND state = 'present'
        AND volume_id IN (SELECT id FROM volume WHERE state = 'online') ORDER BY id DESC LIMIT 1)
    CROSS JOIN directory AS d ON d.id = l.directory_id CROSS JOIN volume AS v ON v.id = l.volume_id
    WHERE c.facts_state IN ('due', 'deep') AND c.facts_state = '%s' AND c.id > ? AND (c.facts_retry_ns IS NULL OR c.facts_retry_ns <= ?)
    AND (? IS NULL OR l.volume_id = ?)
    ORDER BY c.id LIMIT ?"""
FACTS_DUE: dict[Tier, str] = {"header": _FACTS_DUE % "due", "deep": _FACTS_DUE % "deep"}
# The index of content.hash: the unread ones stand at its beginning.
HASH_DUE = f"""
    SELECT {_ITEM} FROM content AS c
    CROSS JOIN location AS l ON l.content_id = c.id AND l.state = 'present' AND l.volume_id = ?
    CROSS JOIN directory AS d ON d.id = l.directory_id CROSS JOIN volume AS v ON v.id = l.volume_id
    WHERE c.hash IS NULL AND c.id > ? AND l.size > 0 AND %s
    ORDER BY c.id LIMIT ?"""
HASH_DUE_FIRST = HASH_DUE % "l.hash_retry_ns IS NULL"
HASH_DUE_AGAIN = HASH_DUE % "l.hash_retry_ns <= ?"
# Index location_recheck.
RECHECK_DUE = f"""
    SELECT {_ITEM} FROM location AS l INDEXED BY location_recheck
    CROSS JOIN directory AS d ON d.id = l.directory_id CROSS JOIN volume AS v ON v.id = l.volume_id
    WHERE l.volume_id = ? AND l.recheck_due = 1 AND l.state = 'present' AND l.content_id IS NOT NULL
    AND (l.hash_retry_ns IS NULL OR l.hash_retry_ns <= ?) ORDER BY l.id LIMIT ?"""
# Index location_sniff_due.
SNIFF_DUE = f"""
    SELECT {_ITEM} FROM location AS l
    CROSS JOIN directory AS d ON d.id = l.directory_id CROSS JOIN volume AS v ON v.id = l.volume_id
    WHERE l.volume_id = ? AND l.sniff_due = 1 AND l.state = 'present' AND l.id > ?
    AND (l.hash_retry_ns IS NULL OR l.hash_retry_ns <= ?)
    ORDER BY l.id LIMIT ?"""


def facts_due(
    session: Session,
    limit: int,
    *,
    tier: Tier = "header",
    volume_id: VolumeId | None = None,
    now_ns: int = MAX_INSTANT_NS,
    after: ContentId | None = None,
) -> list[WorkItem]:
    """Return contents whose facts of this tier are due, oldest first, each by a location on an online volume.

    Args:
        limit: at most so many.
        tier: header, or deep for those that the header reader passed on.
        volume_id: only by locations of this volume; None = any.
        now_ns: the present; what is to be tried later is left out. Without it nothing is.
        after: go on behind this content (`item.content_id` of the last one).
    """
    rows = session.rows(FACTS_DUE[tier], (after or 0, now_ns, volume_id, volume_id, limit))
    return [work_item(row, tier) for row in rows]


def hash_due(
    session: Session,
    volume_id: VolumeId,
    limit: int,
    *,
    now_ns: int = MAX_INSTANT_NS,
    after: ContentId | None = None,
) -> list[WorkItem]:
    """Return files of this volume whose content was never read wholly, oldest first; never an empty one.

    Those that failed, or wait for another file, follow those that were not tried: however many they are, each of them
    comes after what it waits for.
    """
    rows = session.rows(HASH_DUE_FIRST, (volume_id, after or 0, limit))
    if len(rows) < limit:
        rows += session.rows(HASH_DUE_AGAIN, (volume_id, after or 0, now_ns, limit - len(rows)))
    return [work_item(row) for row in rows]


def recheck_due(
    session: Session, volume_id: VolumeId, limit: int, *, now_ns: int = MAX_INSTANT_NS
) -> list[WorkItem]:
    """Return files of this volume whose change time moved for no reason that can be seen, oldest first.

    They are read again and compared: what comes of it is recorded as a hash is.
    """
    return [work_item(row) for row in session.rows(RECHECK_DUE, (volume_id, now_ns, limit))]


def next_hash_ns(session: Session, volume_id: VolumeId) -> int | None:
    """Return when the first of the files of this volume that are to be read and left alone for now may be tried; None = none is."""
    found = session.value(
        "SELECT min(retry_ns) FROM (SELECT min(l.hash_retry_ns) AS retry_ns FROM content AS c"
        " CROSS JOIN location AS l ON l.content_id = c.id AND l.state = 'present' AND l.volume_id = ?1"
        " WHERE c.hash IS NULL AND l.size > 0 UNION ALL SELECT min(hash_retry_ns) FROM location INDEXED BY location_recheck"
        " WHERE volume_id = ?1 AND recheck_due = 1 AND state = 'present')",
        (volume_id,),
    )
    return None if found is None else int(found)


def sniff_due(
    session: Session,
    volume_id: VolumeId,
    limit: int,
    *,
    now_ns: int = MAX_INSTANT_NS,
    after: LocationId | None = None,
) -> list[WorkItem]:
    """Return files whose name says nothing and whose first bytes were not looked at, oldest first."""
    return [work_item(row) for row in session.rows(SNIFF_DUE, (volume_id, after or 0, now_ns, limit))]


def due_counts(session: Session) -> dict[str, int]:
    """Return how many contents and files are due: `header`, `deep`, `hash`, `sniff`, `sidecar`. Reads partial indexes."""
    row = session.row(
        "SELECT (SELECT count(*) FROM content WHERE facts_state IN ('due', 'deep') AND facts_state = 'due'),"
        " (SELECT count(*) FROM content WHERE facts_state IN ('due', 'deep') AND facts_state = 'deep'),"
        # Bytes that were replaced or went before they were read will never have a hash: they are not waited for.
        " (SELECT count(*) FROM content AS c WHERE c.hash IS NULL AND EXISTS"
        " (SELECT 1 FROM location AS l WHERE l.content_id = c.id AND l.state = 'present'))"
        # Through all volumes, since the index begins with them.
        " + (SELECT count(*) FROM volume AS v CROSS JOIN location AS l INDEXED BY location_recheck"
        " ON l.volume_id = v.id AND l.recheck_due = 1 AND l.state = 'present'),"
        " (SELECT count(*) FROM location WHERE sniff_due = 1 AND state = 'present'),"
        " (SELECT count(*) FROM sidecar AS s CROSS JOIN location AS l ON l.id = s.location_id"
        " WHERE s.state = 'due' AND l.state = 'present')"
    )
    return dict(zip(("header", "deep", "hash", "sniff", "sidecar"), row or (0, 0, 0, 0, 0), strict=True))


def renew_facts(writer: Writer) -> int:
    """Make the facts of older readers due again, at most once per version of the readers; return how many.

    Called at the start of the daemon. Nothing changes for the eye: until they are read again the old facts count.
    """
    known = int(writer.value("SELECT value FROM meta WHERE key = 'facts_version'") or 0)
    if known >= READER_VERSION:
        return 0
    renewed, newest = 0, writer.last_id("content")
    for first in range(0, newest + 1, _RENEWED_AT_ONCE):
        with writer.atomic():
            renewed += writer.execute(_RENEW, (first, first + _RENEWED_AT_ONCE, READER_VERSION))
    with writer.atomic():
        writer.execute(
            "INSERT INTO meta VALUES ('facts_version', ?) ON CONFLICT DO UPDATE SET value = excluded.value",
            (str(READER_VERSION),),
        )
    return renewed


_RENEWED_AT_ONCE = 2_000
_RENEW = (
    "UPDATE content SET facts_retry_ns = NULL,"
    " facts_state = CASE WHEN json_extract(facts, '$.tier') = 'deep' THEN 'deep' ELSE 'due' END"
    " WHERE id >= ? AND id < ? AND facts_version BETWEEN 1 AND ? - 1 AND facts_state IN ('done', 'failed')"
    " AND size > 0"
)


def record_facts(writer: Writer, results: Sequence[FactsResult], zone: ZoneInfo, now_ns: int) -> int:
    """Store what the readers said and refresh the assets; return how many results were believed.

    One transaction: hand over at most FACTS_BATCH at once.
    """
    with writer.atomic():
        believed = [(result, kind) for result in results if (kind := _still_the_file(writer, result.item))]
        refresh = Refresh(writer, zone)
        refresh.remember((AssetId(row[1]) for _, row in believed), may_restack=True)
        for result, row in believed:
            _store_facts(writer, result, was_deep=row[0] == "deep", now_ns=now_ns)
        neighbours.facts_changed(writer, [told for result, _ in believed if (told := _told(result))])
        sidecar_rows.mark_about(writer, [AssetId(row[1]) for result, row in believed if _turns(result, row)])
        failpoint("store.facts")
        refresh.apply(now_ns)
    return len(believed)


def record_sniffs(writer: Writer, results: Iterable[SniffResult], zone: ZoneInfo, now_ns: int) -> int:
    """Make assets of the files whose bytes are media, the others stay files; return how many became assets."""
    born = 0
    with writer.atomic():
        for result in results:
            if not _is_still(writer, result.item):
                continue
            content_id = None
            if result.kind is not None:
                name = result.item.path.rpartition(b"/")[2]
                birth = Birth(
                    result.item.location_id,
                    name,
                    result.item.size,
                    result.item.mtime_ns,
                    result.kind,
                    result.mime,
                )
                content_id = bear_asset(writer, birth, now_ns=now_ns).content_id
                sidecar_rows.mark_around(writer, [result.item.location_id])
                born += 1
            writer.execute(
                "UPDATE location SET sniff_due = 0, content_id = ? WHERE id = ? AND content_id IS NULL",
                (content_id, result.item.location_id),
            )
    return born


def _is_still(session: Session, item: WorkItem) -> bool:
    row = session.row(
        "SELECT 1 FROM location WHERE id = ? AND size = ? AND mtime_ns = ? AND inode = ? AND content_id IS ?",
        (item.location_id, item.size, item.mtime_ns, item.inode, item.content_id),
    )
    return row is not None


def _still_the_file(session: Session, item: WorkItem) -> Row | None:
    """Return (facts_state, asset_id, orientation so far) of the content if its location is still the file that was read."""
    return session.row(
        "SELECT c.facts_state, c.asset_id, json_extract(c.facts, '$.orientation') FROM location AS l JOIN content AS c ON c.id = l.content_id"
        " WHERE l.id = ? AND l.size = ? AND l.mtime_ns = ? AND l.inode = ? AND l.content_id = ?",
        (item.location_id, item.size, item.mtime_ns, item.inode, item.content_id),
    )


def _turns(result: FactsResult, row: Row) -> bool:
    """Tell whether what sidecars say of faces may lie elsewhere in the picture now."""
    return result.facts is not None and (result.item.tier == "header" or result.facts.orientation != row[2])


def _told(result: FactsResult) -> tuple[ContentId, Facts] | None:
    content_id, facts = result.item.content_id, result.facts
    return (content_id, facts) if content_id is not None and facts is not None else None


def _store_facts(writer: Writer, result: FactsResult, *, was_deep: bool, now_ns: int) -> None:
    content_id = result.item.content_id
    assert content_id is not None, "facts are asked of contents"
    is_deep = result.item.tier == "deep"
    if result.error is not None:
        writer.execute("UPDATE content SET facts_retry_ns = ? WHERE id = ?", (now_ns + RETRY_NS, content_id))
        return
    if was_deep and not is_deep:
        return  # a second answer of the header tier would undo what is waiting
    if result.facts is None:
        _fail(writer, content_id, result.finding, now_ns)
        return
    facts = result.facts
    state = "deep" if facts.needs_deep and not is_deep else "done"
    writer.execute(
        "UPDATE content SET facts = ?, facts_version = ?, facts_state = ?, facts_retry_ns = NULL,"
        " kind = coalesce(?, kind), mime = ? WHERE id = ?",
        (facts_to_text(facts), READER_VERSION, state, facts.kind, facts.mime, content_id),
    )
    findings = facts.findings if facts.kind is not None or facts.findings else (_no_media(facts),)
    _replace_findings(writer, content_id, (*findings, *findings_of_dates(facts, now_ns)), now_ns)
    previews.record(writer, content_id, facts, size_bytes=result.item.size)


def _no_media(facts: Facts) -> Finding:
    return Finding(
        "sniff", str(READER_VERSION), f"the bytes are no photo, video or sound that we know ({facts.mime})"
    )


def _fail(writer: Writer, content_id: ContentId, finding: Finding | None, now_ns: int) -> None:
    """Keep what an earlier tier said, if anything; the finding joins its findings."""
    writer.execute(
        "UPDATE content SET facts_state = 'failed', facts_version = ?, facts_retry_ns = NULL WHERE id = ?",
        (READER_VERSION, content_id),
    )
    said = finding or Finding("worker", str(READER_VERSION), "the file could not be read")
    writer.execute("DELETE FROM finding WHERE content_id = ? AND tool = ?", (content_id, said.tool))
    _add_findings(writer, content_id, (said,), now_ns)


def _replace_findings(
    writer: Writer, content_id: ContentId, findings: tuple[Finding, ...], now_ns: int
) -> None:
    writer.execute("DELETE FROM finding WHERE content_id = ?", (content_id,))
    if findings:
        _add_findings(writer, content_id, findings, now_ns)


def _add_findings(writer: Writer, content_id: ContentId, findings: tuple[Finding, ...], now_ns: int) -> None:
    writer.executemany(
        "INSERT INTO finding (content_id, tool, version, reason, found_ns) VALUES (?, ?, ?, ?, ?)",
        [(content_id, one.tool, one.version, one.reason, now_ns) for one in findings],
    )
