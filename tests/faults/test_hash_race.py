"""Hash race: whatever is written while files are hashed, no hash is recorded that is not of one version of the file.

400 files in every run, 20,000 in the long profile, on a file system with leases (which are the proof there); 100 on one without
(`fault_fs`), where only what has been left alone for a while is believed. A product that trusts equal stamps goes red.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trio
from blake3 import blake3

import daemon.ingest
from catalog.facts import Facts, FactsResult
from catalog.library import Library
from catalog.store.check import check
from catalog.store.db import open_reader
from catalog.store.migrations import create
from catalog.values import WorkItem
from daemon.config import ScanSection
from daemon.ingest import open_ingest
from daemon.scan import ScanServices, scan_volume
from daemon.volumes import open_volumes
from daemon.writer import open_writer_service
from faults.fault_fs import open_fault_fs
from faults.hash_race import PAGE, WAYS_WITHOUT_LEASES, Stamp, Writers, open_writers
from integration.living import ZONE, Living
from source_mutant import seed_mutant

pytestmark = pytest.mark.slow

SEED = 20261121
STATS_ONLY = (
    "    if fd is None:\n        digests = _read_settled(",
    "    if fd is not None:\n        digests = _read_settled(",
)
ROWS = (
    "SELECT d.path, l.name, l.size, l.mtime_ns, l.ctime_ns, l.inode, c.hash FROM location AS l"
    " JOIN directory AS d ON d.id = l.directory_id JOIN content AS c ON c.id = l.content_id"
    " WHERE l.state = 'present' AND c.hash IS NOT NULL AND l.recheck_due = 0"  # one that is due is not believed
)
UNREAD = (
    "SELECT count(*) FROM location AS l LEFT JOIN content AS c ON c.id = l.content_id"
    " WHERE l.state = 'present' AND (c.hash IS NULL OR l.recheck_due = 1)"
)
FOREIGN = "SELECT hash FROM content WHERE hash IS NOT NULL"


class _SilentReader:
    """A reader for which everything is a photo that says nothing."""

    async def read(self, items: Sequence[WorkItem]) -> list[FactsResult]:
        await trio.lowlevel.checkpoint()
        return [FactsResult(item, facts=Facts(kind="photo", mime="image/jpeg")) for item in items]


@dataclass(slots=True)
class Seen:
    """Every hash that the catalog ever had, with the file and the stamp that it was recorded for."""

    hashes: set[tuple[str, Stamp, str]] = field(default_factory=set)
    contents: set[str] = field(default_factory=set)
    last: dict[str, str] = field(default_factory=dict)
    disturbed: int = 0

    async def look(self, living: Living) -> None:
        """Take note of what the catalog has now."""
        self.hashes |= set(_hashes(await living.rows(ROWS)))
        self.contents |= {bytes(row[0]).hex() for row in await living.rows(FOREIGN)}  # type: ignore[call-overload]


def _hashes(rows: list[tuple[Any, ...]]) -> list[tuple[str, Stamp, str]]:
    return [
        (os.fsdecode(bytes(row[0]) + b"/" + bytes(row[1])), tuple(row[2:6]), bytes(row[6]).hex())
        for row in rows
    ]


@asynccontextmanager
async def open_race(library: Library, settings: ScanSection):
    """Open the services as `open_living` does, with a reader of facts that costs nothing."""
    create(library, ZONE, time.time_ns()).close()
    async with (
        open_writer_service(library) as writer,
        open_volumes(library, writer, settings) as volumes,
        open_ingest(writer, volumes, _SilentReader(), settings) as ingest,
    ):
        services = ScanServices(writer, volumes, ingest, settings)
        yield Living(library, writer, volumes, ingest, services, None)  # type: ignore[arg-type]
    reader = open_reader(library)
    try:
        assert check(reader) == []
    finally:
        reader.close()


async def race(writers: Writers, root: Path, library: Library, *, least_s: float, settle_s: float) -> Seen:
    """Scan and hash while they write, then once more when they have stopped; return what the catalog had.

    Args:
        root: where the tree is a volume.
        least_s: race at least that long, and until every file was written.
        settle_s: how long the last bytes may take to be believed.
    """
    seen = Seen()
    async with open_race(library, ScanSection()) as living:
        volume_id = await living.add(root)
        began = trio.current_time()
        while trio.current_time() - began < least_s or not writers.is_every_file_written():
            await scan_volume(living.services, volume_id)
            await trio.sleep(0.05)
            await seen.look(living)
        seen.disturbed = living.ingest.progress(volume_id).failed
        await trio.to_thread.run_sync(writers.stop)
        with trio.fail_after(settle_s):
            while True:
                await scan_volume(living.services, volume_id, waits_for_ingest=True)
                await seen.look(living)
                if (await living.rows(UNREAD))[0][0] == 0:
                    break
                await trio.sleep(0.2)
        seen.last = {name: digest for name, _, digest in _hashes(await living.rows(ROWS))}
    return seen


def assert_honest(seen: Seen, writers: Writers) -> None:
    """No hash was ever recorded that is not of one version of its file, and at rest each is the file's."""
    log = writers.log()
    assert log.wrong(seen.hashes) == []
    assert seen.contents <= {digest for versions in log.versions.values() for digest in versions}
    files = {name: blake3((writers.stored / name).read_bytes()).hexdigest() for name in writers.names}
    assert files == log.last, "the log is not exact: the harness is wrong"
    assert seen.last.keys() == files.keys()
    stale = [
        f"{name}: the hash is not the file's; {log.how(name, seen.last[name])}"
        for name in files
        if files[name] != seen.last[name]
    ]
    assert stale == []


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daemon.ingest, "_PAUSES_S", {"busy": (0.1, 0.2), "changed": (0.1, 0.2)})
    monkeypatch.setattr(daemon.ingest, "_PAUSE_S", (0.1, 0.2))


async def test_no_wrong_hash_is_recorded_of_400_files_that_are_written_while_they_are_hashed(
    tmp_path: Path,
) -> None:
    with open_writers(tmp_path, 400, seed=SEED) as writers:
        seen = await race(writers, writers.stored, Library(tmp_path / "library"), least_s=6, settle_s=60)
        assert_honest(seen, writers)
    assert seen.disturbed > 20, "hardly anything was written while it was hashed"
    assert len(seen.hashes) > 600


@pytest.mark.long
async def test_no_wrong_hash_is_recorded_of_20_000_files_that_are_written_while_they_are_hashed(
    tmp_path: Path,
) -> None:
    sizes = (2 * PAGE, 12 * PAGE)
    with open_writers(tmp_path, 20_000, seed=SEED + 1, sizes=sizes, rest_s=0) as writers:
        seen = await race(writers, writers.stored, Library(tmp_path / "library"), least_s=60, settle_s=1800)
        assert_honest(seen, writers)
    assert seen.disturbed > 200


@pytest.mark.mount
async def test_without_leases_only_files_that_were_left_alone_are_believed(tmp_path: Path) -> None:
    ways = WAYS_WITHOUT_LEASES
    with open_writers(tmp_path, 100, seed=SEED + 2, ways=ways, processes=1, rest_s=0.15) as writers:
        with open_fault_fs(writers.stored, tmp_path / "volume") as served:
            library = Library(tmp_path / "library")
            seen = await race(writers, served.place, library, least_s=8, settle_s=60)
        assert_honest(seen, writers)
    assert seen.disturbed > 20
    assert len(seen.hashes) > 100


async def test_the_harness_goes_red_on_a_product_that_believes_equal_stamps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeded = seed_mutant(tmp_path / "mutant", "daemon.volume_process.hashing", *STATS_ONLY)
    paths = [str(seeded), str(Path(daemon.__file__ or "").parent.parent), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
    sizes = (256 * PAGE, 512 * PAGE)
    with open_writers(tmp_path, 12, seed=SEED, sizes=sizes, ways=["mapped"], pause_s=0.5) as writers:
        seen = await race(writers, writers.stored, Library(tmp_path / "library"), least_s=6, settle_s=60)
        with pytest.raises(AssertionError, match=r"no version|not the file's"):
            assert_honest(seen, writers)
