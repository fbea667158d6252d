"""The history of scans, and the guard that one runs per volume at a time."""

from __future__ import annotations

import json
from typing import Literal

from catalog.errors import Conflict
from catalog.ids import VolumeId
from catalog.store import models, moves
from catalog.store.db import Session, Writer
from catalog.values import ScanRow


def begin_scan(writer: Writer, volume_id: VolumeId, kind: Literal["full", "quick"], now_ns: int) -> int:
    """Note that a scan runs; return its id.

    Raises:
        Conflict: one is running already (a unique index holds that).
    """
    with writer.atomic():
        running = running_scan(writer, volume_id)
        if running is not None:
            raise Conflict(f"scan {running.id} of this volume is still running", scan=running.id)
        return int(
            writer.run(
                models.Scan.insert(
                    volume_id=volume_id, kind=kind, started_ns=now_ns, state="running", counts="{}"
                )
            )
        )


def end_scan(
    writer: Writer,
    scan_id: int,
    state: Literal["done", "partial", "failed", "abandoned"],
    *,
    counts: dict[str, int],
    now_ns: int,
    error: str | None = None,
) -> None:
    """Note how a scan ended; a complete one stamps its volume. Harmless when it ended before."""
    with writer.atomic():
        row = writer.row(
            "SELECT volume_id, kind, started_ns FROM scan WHERE id = ? AND state = 'running'", (scan_id,)
        )
        if row is None:
            return
        writer.run(
            models.Scan.update(state=state, counts=json.dumps(counts), ended_ns=now_ns, error=error).where(
                models.Scan.id == scan_id
            )
        )
        if state in ("done", "partial"):
            column = models.Volume.full_scan_ns if row[1] == "full" else models.Volume.quick_scan_ns
            writer.run(models.Volume.update({column: now_ns}).where(models.Volume.id == row[0]))
    if state == "done" and row[1] == "full":
        moves.forget_displaced(writer, row[0], row[2])


def abandon_scans(writer: Writer, now_ns: int) -> int:
    """End the scans that a killed process left running; called by whoever takes the library lock."""
    with writer.atomic():
        return writer.execute(
            "UPDATE scan SET state = 'abandoned', ended_ns = ? WHERE state = 'running'", (now_ns,)
        )


def running_scan(session: Session, volume_id: VolumeId) -> ScanRow | None:
    """Return the scan of a volume that runs now, or None."""
    table = models.Scan
    rows = session.run(table.select().where((table.volume_id == volume_id) & (table.state == "running")))
    return _scan(rows[0]) if rows else None


def scans(session: Session, volume_id: VolumeId, limit: int = 20) -> list[ScanRow]:
    """Return the newest scans of a volume, newest first."""
    table = models.Scan
    query = table.select().where(table.volume_id == volume_id).order_by(table.id.desc()).limit(limit)
    return [_scan(row) for row in session.run(query)]


def _scan(row: dict[str, object]) -> ScanRow:
    values = dict(row)
    values["counts"] = json.loads(str(row["counts"]))
    return ScanRow(**values)  # type: ignore[arg-type]
