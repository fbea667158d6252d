"""The services that bring a catalog up to date, opened in their order: shared by the daemon and by a foreground scan.

Whoever opens them holds the library lock. Must not know: sockets, frontends, signals.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import trio

from catalog.library import Library
from catalog.store import progress
from catalog.store.db import Reader, Writer, open_writer
from catalog.store.ingest import renew_facts
from catalog.store.migrations import migrate
from catalog.store.renewal import derive_again, read_again_after
from catalog.store.sidecar_rows import renew_sidecars
from catalog.store.volumes import set_volume_state
from catalog.store.volumes import volumes as stored_volumes
from daemon.config import Config
from daemon.control import ClientGone, Optioned, Send
from daemon.ingest import open_ingest
from daemon.media.exiftool_paths import exiftool_stamp, exiftool_version
from daemon.media.pool import MediaPool, open_media_pool
from daemon.mount_events import open_mount_events
from daemon.purge.service import Purger
from daemon.scan import ScanServices
from daemon.verify import Verifier
from daemon.volume_process.starting import SpareChild
from daemon.volumes import Volumes, open_volumes
from daemon.writer import WriterService, open_writer_service

# An idle ingest answers at once; one that works does not.
_DRAINED_S = 0.3
# A third of the silence that a client of an edit bears, and more.
_ALIVE_EVERY_S = 5.0


@dataclass(frozen=True, slots=True)
class Services:
    """What runs, and since when (wall clock)."""

    scan: ScanServices
    media: MediaPool
    purger: Purger
    started_ns: int
    verifier: Verifier

    @property
    def writer(self) -> WriterService:
        """The one writer."""
        return self.scan.writer

    async def is_busy(self) -> bool:
        """Tell whether a scan runs or is about to, or files are being read. Checkpoint; takes 0.3 s at most."""
        if await self.writer.read(_has_scan_ahead, self.started_ns):
            return True
        with trio.move_on_after(_DRAINED_S):
            for volume in await self.scan.volumes.all():
                if volume.state == "online":
                    await self.scan.ingest.drained(volume.id)
            return False
        return True

    def processes(self) -> list[dict[str, object]]:
        """Return the helper processes, as `status` shows them."""
        workers = [_process("media", pid, {}) for pid in sorted(self.media.report.worker_pids)]
        return [_volume_process(found) for found in self.scan.volumes.processes()] + workers


def _volume_process(found: dict[str, object]) -> dict[str, object]:
    details = {key: value for key, value in found.items() if key not in ("kind", "pid")}
    return _process("volume", found["pid"], details)


def _process(kind: str, pid: object, details: dict[str, object]) -> dict[str, object]:
    return {"kind": kind, "pid": pid, "health": "ready", "since": None, "details": details}


def _has_scan_ahead(reader: Reader, started_ns: int) -> bool:
    """Tell whether a volume that may be scanned is being scanned, or was not scanned since we started."""
    counts = progress.volume_counts(reader)
    for volume in stored_volumes(reader):
        if volume.state in ("online", "unknown") and (
            progress.last_scan_started_ns(reader, volume.id) < started_ns
            or (volume.id in counts and counts[volume.id].is_scanning)
        ):
            return True
    return False


async def edit(services: Services, argument: object, send: Send) -> dict[str, Any]:
    """Carry an edit out and return its answer after the commit; volumes may have changed by it. Checkpoint.

    Args:
        services: the writer, and who must know.
        argument: the command's JSON, or an `Optioned` of it.
        send: to the client, which is told every few seconds that it is not forgotten.
    """
    from catalog import commands  # few scans are interrupted by an edit

    options = None
    if isinstance(argument, Optioned):
        argument, options = argument
    command, chosen = commands.decode(argument), commands.decode_options(options)
    failure: Exception | None = None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_tell_alive, send)
        try:
            async with services.purger.open_turn(command):
                answer = await services.writer.run(
                    commands.execute, command, now_ns=time.time_ns(), options=chosen
                )
        except Exception as error:  # noqa: BLE001 - carried over the border of the nursery, which would wrap it
            failure = error
        nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure
    services.scan.volumes.bell.ring()
    return answer


async def _tell_alive(send: Send) -> None:
    """Send a sign of life now and then; who hung up is not told, and the edit goes on. Ends by being cancelled."""
    with contextlib.suppress(ClientGone):
        while True:
            await trio.sleep(_ALIVE_EVERY_S)
            # Race: cancelled in the middle of this line it would be cut; some 20 bytes fit into any socket's buffer.
            await send({"type": "progress"})


@asynccontextmanager
async def open_services(
    library: Library, config: Config, *, is_daemon: bool = False, spare: SpareChild | None = None
) -> AsyncIterator[Services]:
    """Open writer, media workers, volumes and ingest; the catalog is brought to this version's schema first.

    Args:
        is_daemon: it will look at every volume; until then their states are unknown.
        spare: a volume process that was started ahead of time.
    """
    started_ns = time.time_ns()
    _prepare(library, started_ns, believes_states=not is_daemon)
    workers = config.workers.media or os.cpu_count() or 1
    async with (
        open_writer_service(library) as writer,
        open_media_pool(workers=workers) as media,
        open_volumes(library, writer, config.scan, spare=spare) as volumes,
        open_mount_events(volumes),
        open_ingest(writer, volumes, media, config.scan) as ingest,
    ):
        scan = ScanServices(writer, volumes, ingest, config.scan)
        yield Services(
            scan, media, Purger(writer, volumes, config.trash), started_ns, Verifier(scan, config.verify)
        )


@asynccontextmanager
async def open_volumes_alone(
    library: Library, config: Config, *, spare: SpareChild | None = None
) -> AsyncIterator[Volumes]:
    """Open what a look at volumes needs, and nothing that reads files; the catalog is brought up to date first.

    Args:
        spare: a volume process that was started ahead of time.
    """
    _prepare(library, time.time_ns(), believes_states=True)
    async with (
        open_writer_service(library) as writer,
        open_volumes(library, writer, config.scan, spare=spare) as volumes,
    ):
        yield volumes


def forget_states(writer: Writer, now_ns: int) -> None:
    """Make the state of every volume in use unknown: what an earlier process saw is no proof for this one.

    The daemon does so at its start, and then looks at each. A foreground command looks at the volumes that it is about, acts on
    no other, and leaves those as they were seen last.
    """
    with writer.atomic():
        for volume in stored_volumes(writer):
            if volume.state not in ("disabled", "retired"):
                set_volume_state(writer, volume.id, "unknown", None, now_ns)


def _prepare(library: Library, now_ns: int, *, believes_states: bool) -> None:
    """Bring the catalog to this version's schema, and make due again what older readers read."""
    writer = open_writer(library)
    try:
        migrate(writer, now_ns)
        if not believes_states:
            forget_states(writer, now_ns)
        renew_facts(writer)
        renew_sidecars(writer)
        stamp = exiftool_stamp()
        if stamp is not None:
            read_again_after(writer, "exiftool", stamp, exiftool_version)
        derive_again(writer, now_ns)
    finally:
        writer.close()
