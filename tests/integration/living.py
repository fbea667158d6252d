"""The living part in one block, wired as `daemon.main` wires it, for tests that need real scans."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from catalog.ids import VolumeId
from catalog.library import Library
from catalog.store import volumes as volume_store
from catalog.store.check import check
from catalog.store.db import Reader, open_reader
from catalog.store.migrations import create
from catalog.values import Volume
from daemon.config import ScanSection
from daemon.ingest import Ingest, open_ingest
from daemon.media.pool import MediaPool, open_media_pool
from daemon.scan import ScanServices
from daemon.volumes import Volumes, open_volumes
from daemon.writer import WriterService, open_writer_service

ZONE = ZoneInfo("Europe/Berlin")


@dataclass(frozen=True, slots=True)
class Living:
    """All services of one library, and short ways to ask the catalog."""

    library: Library
    writer: WriterService
    volumes: Volumes
    ingest: Ingest
    services: ScanServices
    media: MediaPool

    async def add(self, root: Path, name: str = "photos", *, excludes: tuple[str, ...] = ()) -> VolumeId:
        """Add a volume."""
        return await self.writer.run(
            volume_store.add_volume, name, os.fsencode(root), now_ns=time.time_ns(), excludes=excludes
        )

    async def volume(self, volume_id: VolumeId) -> Volume:
        """Return its row."""
        return await self.writer.read(volume_store.volume_by_id, volume_id)

    async def rows(self, sql: str, *params: object) -> list[tuple[object, ...]]:
        """Ask the catalog."""
        return await self.writer.read(Reader.rows, sql, params)

    async def files(self, state: str = "present") -> set[bytes]:
        """Return the paths of all locations in a state."""
        rows = await self.rows(
            "SELECT CASE d.path WHEN x'' THEN l.name ELSE CAST(d.path || '/' || l.name AS BLOB) END"
            " FROM location AS l JOIN directory AS d ON d.id = l.directory_id WHERE l.state = ?",
            state,
        )
        return {bytes(row[0]) for row in rows}  # type: ignore[call-overload]


@asynccontextmanager
async def open_living(
    library: Library, settings: ScanSection | None = None, *, hang_s: float = 15.0
) -> AsyncIterator[Living]:
    """Open everything on a library, which is made if it does not exist; `check` is clean when the block ends."""
    chosen = settings or ScanSection()
    if not library.exists():
        create(library, ZONE, time.time_ns()).close()
    async with (
        open_writer_service(library) as writer,
        open_volumes(library, writer, chosen, hang_s=hang_s) as volumes,
        open_media_pool(workers=2) as pool,
        open_ingest(writer, volumes, pool, chosen) as ingest,
    ):
        yield Living(library, writer, volumes, ingest, ScanServices(writer, volumes, ingest, chosen), pool)
    reader = open_reader(library)
    try:
        violations = check(reader)
        assert violations == [], violations
    finally:
        reader.close()
