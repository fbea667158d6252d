"""Foreign sidecars: which have to be read, and what is said because of them.

A reading is one `Facts` value (`daemon.media.sidecar`). It is stored whole; whose it is, and which of its words count, is
settled anew for its cell each time, from rows alone: whatever the order of reading, the end is the same.

Invariants
- Statements of source `sidecar` have the author that the row of their sidecar names. Nobody else writes them.
- Only differences are written, each sidecar's in a row of the journal of its own, all in one transaction.
- What is missing, empty, broken, unreadable or about nobody (any more) takes nothing back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from catalog.capture import NS_PER_S
from catalog.facts import READER_VERSION, Facts, FactsResult
from catalog.failpoints import failpoint
from catalog.ids import AssetId, DirectoryId, LocationId, VolumeId
from catalog.store import assets, ingest, neighbours
from catalog.store.db import Row, Session, Writer
from catalog.store.facts_codec import facts_to_text
from catalog.store.sidecar_rows import renew_sidecars
from catalog.store.sidecar_settling import Told, settle
from catalog.store.work_items import work_item
from catalog.values import WorkItem

__all__ = ["BATCH", "NAMES", "batches", "record_sidecars", "renew_sidecars", "sidecars_due"]

# Results per transaction, and names in them (tags, people, faces): some 15 ms where every one says something new, most of it
# deriving the photo and putting it into folders: some 0.7 ms each, and 0.1 ms per name (2 cores, 2026-11-21); three
# times as long where readers take both cores.
BATCH = 15
NAMES = 100
# What could not be read for no fault of the file is tried again after this.
RETRY_NS = 300 * NS_PER_S

# index sidecar_due
DUE = (
    "SELECT l.id, NULL, l.volume_id, v.root, CASE d.path WHEN x'' THEN l.name ELSE CAST(d.path || '/' || l.name AS BLOB) END,"
    " l.size, l.mtime_ns, l.ctime_ns, l.inode FROM sidecar AS s INDEXED BY sidecar_due"
    " CROSS JOIN location AS l ON l.id = s.location_id CROSS JOIN volume AS v ON v.id = l.volume_id"
    " CROSS JOIN directory AS d ON d.id = l.directory_id"
    " WHERE s.state = 'due' AND s.location_id > ? AND (s.retry_ns IS NULL OR s.retry_ns <= ?)"
    " AND l.state = 'present' AND l.volume_id = ? AND v.state = 'online' ORDER BY s.location_id LIMIT ?"
)


def sidecars_due(
    session: Session,
    limit: int,
    *,
    volume_id: VolumeId,
    now_ns: int = ingest.MAX_INSTANT_NS,
    after: LocationId | None = None,
) -> list[WorkItem]:
    """Return sidecars of this volume that are to be read, oldest first; none while header facts are due there.

    So what is said meets photos that are known: their kind, and how their pictures are turned.
    """
    if ingest.facts_due(session, 1, volume_id=volume_id, now_ns=now_ns):
        return []
    rows = session.rows(DUE, (after or 0, now_ns, volume_id, limit))
    return [work_item(row, "sidecar") for row in rows]


def batches(results: Sequence[FactsResult]) -> Iterator[list[FactsResult]]:
    """Cut results into what one transaction takes each: at most BATCH of them with at most NAMES names, but at least one."""
    batch: list[FactsResult] = []
    names = 0
    for result in results:
        own = _names_in(result.facts)
        if batch and (len(batch) == BATCH or names + own > NAMES):
            yield batch
            batch, names = [], 0
        batch.append(result)
        names += own
    if batch:
        yield batch


def _names_in(facts: Facts | None) -> int:
    said = facts.descriptive if facts is not None else None
    return 0 if said is None else len(said.tags) + len(said.people) + len(said.faces)


def record_sidecars(writer: Writer, results: Sequence[FactsResult], now_ns: int) -> int:
    """Store what sidecars say and all that follows; return how many results were believed.

    One transaction: hand over one of `batches`. A result whose file is not the one that was read is dropped.
    """
    believed = 0
    with writer.atomic():
        cells: dict[DirectoryId, set[str]] = {}
        for result in results:
            row = _still_the_file(writer, result.item)
            if row is None:
                continue
            believed += 1
            _store(writer, result, now_ns)
            if result.error is None:
                cells.setdefault(DirectoryId(row[0]), set()).add(row[1])
        told = [settle(writer, directory_id, of_one, now_ns) for directory_id, of_one in cells.items()]
        _follow(writer, told)
        failpoint("store.sidecars")
    return believed


def _follow(writer: Writer, told: Sequence[Told]) -> None:
    """Recompute the photos, all at once: each by itself would take twice as long. Their folders look for zones again."""
    asset_ids = sorted(set[AssetId]().union(*(one.asset_ids for one in told)))
    dated = set[AssetId]().union(*(one.dated for one in told))
    if asset_ids:
        made_ns = max(one.made_ns for one in told)
        assets.refresh(writer, asset_ids, made_ns, writer.zone, keeps_capture=not dated)
        neighbours.mark_due_of_assets(writer, dated)


def _still_the_file(session: Session, item: WorkItem) -> Row | None:
    return session.row(
        "SELECT s.directory_id, s.cell FROM sidecar AS s JOIN location AS l ON l.id = s.location_id"
        " WHERE l.id = ? AND l.size = ? AND l.mtime_ns = ? AND l.inode = ?",
        (item.location_id, item.size, item.mtime_ns, item.inode),
    )


def _store(writer: Writer, result: FactsResult, now_ns: int) -> None:
    location_id = result.item.location_id
    if result.error is not None:
        writer.execute(
            "UPDATE sidecar SET retry_ns = ? WHERE location_id = ?", (now_ns + RETRY_NS, location_id)
        )
    elif result.facts is None:
        _fail(writer, location_id, result.finding.reason if result.finding else "it could not be read")
    elif result.item.size == 0:  # programs leave such files behind: it is as if there were none
        _fail(writer, location_id, None, state="done")
    elif result.facts.findings and _is_silent(result.facts):
        _fail(writer, location_id, _reasons(result.facts) or "it could not be read")
    else:
        _keep(writer, location_id, result.facts, now_ns)


def _fail(writer: Writer, location_id: LocationId, reason: str | None, *, state: str = "failed") -> None:
    writer.execute(
        "UPDATE sidecar SET state = ?, version = ?, reason = ?, retry_ns = NULL WHERE location_id = ?",
        (state, READER_VERSION, reason, location_id),
    )


def _keep(writer: Writer, location_id: LocationId, facts: Facts, now_ns: int) -> None:
    """Store what it says; JSON of another program than Takeout says nothing, and takes nothing back."""
    is_foreign = facts.mime == "application/json" and _is_silent(facts)
    writer.execute(
        "UPDATE sidecar SET state = 'done', version = ?, reason = ?, said = coalesce(?, said), read_ns = ?,"
        " retry_ns = NULL WHERE location_id = ?",
        (READER_VERSION, _reasons(facts), None if is_foreign else facts_to_text(facts), now_ns, location_id),
    )


def _is_silent(facts: Facts) -> bool:
    return facts.descriptive is None and facts.lat is None and not facts.candidates and not facts.extra


def _reasons(facts: Facts) -> str | None:
    return "; ".join(dict.fromkeys(one.reason for one in facts.findings))[:500] or None
