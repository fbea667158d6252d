"""The tick of the missing rule on real files: what goes and when, what holds it back; and volumes that are forgotten."""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import trio

from bench.photos import make_photos
from catalog import commands
from catalog.commands import ForgetVolume, layer
from catalog.errors import LibraryLocked
from catalog.ids import VolumeId
from catalog.library import Library, LibraryLock
from catalog.store import db, traces
from catalog.store import volumes as volume_store
from daemon.config import ScanSection, TrashSection
from daemon.forgetting import sweep_alone
from daemon.maintenance import SteadyClock, open_maintenance
from daemon.missing import Missing
from daemon.purge.service import Purger
from daemon.scan import scan_volume
from integration.living import Living, open_living

DAY_NS = 86_400 * 10**9

pytestmark = pytest.mark.slow


@dataclass(slots=True)
class Bench:
    """A living library with one volume of text files, which need no reading: places that may go."""

    living: Living
    missing: Missing
    root: Path
    volume_id: VolumeId

    async def scan(self, times: int = 1) -> None:
        for _ in range(times):
            await scan_volume(self.living.services, self.volume_id, full=True)

    async def tick(self, *, days: float) -> int:
        return await self.missing.tick(time.time_ns() + int(days * DAY_NS))

    async def hold(self) -> str | None:
        return (await self.living.volume(self.volume_id)).hold

    def lose(self, count: int, *, of: str = "a") -> None:
        for number in range(count):
            (self.root / of / f"{number}.txt").unlink()

    async def until_rows(self, most: int) -> None:
        with trio.fail_after(20):
            while await self.rows() > most:  # noqa: ASYNC110 - the catalog rings no bell
                await trio.sleep(0.02)

    async def rows(self) -> int:
        found = await self.living.rows("SELECT count(*) FROM location")
        return int(str(found[0][0]))


@asynccontextmanager
async def open_bench(
    tmp_path: Path, *, files: int = 10, kept: int = 0, settings: ScanSection | None = None
) -> AsyncIterator[Bench]:
    root = tmp_path / "volume"
    for folder, count in (("a", files), ("kept", max(kept, 1))):
        (root / folder).mkdir(parents=True)
        for number in range(count):
            (root / folder / f"{number}.txt").write_bytes(f"{folder} {number}".encode())
    chosen = settings or ScanSection()
    async with open_living(Library(tmp_path / "library"), chosen) as living:
        volume_id = await living.add(root)
        bench = Bench(living, Missing(living.writer, living.volumes, chosen), root, volume_id)
        await bench.scan()
        yield bench


@pytest.mark.parametrize(
    ("days", "scans", "goes"), [(8, 2, True), (6.9, 2, False), (8, 1, False), (31, 1, True), (400, 0, False)]
)
async def test_a_row_goes_after_its_grace_and_its_scans(
    tmp_path: Path, days: float, scans: int, goes: bool
) -> None:
    async with open_bench(tmp_path) as bench:
        bench.lose(1)
        await bench.scan()
        await bench.scan(scans)
        assert await bench.tick(days=days) == int(goes)
        assert await bench.rows() == 11 - int(goes)


async def test_no_more_rows_go_in_a_tick_than_the_cap_and_the_next_one_goes_on(tmp_path: Path) -> None:
    settings = ScanSection(missing_cap=3, page_size=4)
    async with open_bench(tmp_path, settings=settings) as bench:
        bench.lose(7)
        await bench.scan(3)
        assert [await bench.tick(days=8) for _ in range(4)] == [3, 3, 1, 0]


async def test_rows_wait_while_another_volume_is_away(tmp_path: Path) -> None:
    async with open_bench(tmp_path) as bench:
        bench.lose(1)
        await bench.scan(3)
        other = tmp_path / "other"
        other.mkdir()
        (other / "1.txt").write_bytes(b"1")
        other_id = await bench.living.add(other, "other")
        assert await bench.tick(days=8) == 0  # nobody has looked at it
        await scan_volume(bench.living.services, other_id)
        os.rename(other, tmp_path / "away")
        assert (await bench.living.volumes.probe(other_id)).state != "online"
        assert await bench.tick(days=8) == 0
        os.rename(tmp_path / "away", other)
        assert (await bench.living.volumes.probe(other_id)).state == "online"
        assert await bench.tick(days=8) == 1


async def test_a_retired_volume_holds_nothing_back_and_loses_nothing(tmp_path: Path) -> None:
    async with open_bench(tmp_path) as bench:
        bench.lose(1)
        await bench.scan(3)
        other = await bench.living.add(tmp_path / "nowhere", "other")
        await bench.living.writer.run(volume_store.set_volume_state, other, "retired", "sold", 1)
        assert await bench.tick(days=8) == 1
        (bench.root / "a" / "5.txt").unlink()
        await bench.scan(3)
        await bench.living.writer.run(volume_store.set_volume_state, bench.volume_id, "retired", "sold", 1)
        assert await bench.tick(days=8) == 0


async def test_nothing_goes_before_this_process_has_looked(tmp_path: Path) -> None:
    async with open_bench(tmp_path) as bench:
        bench.lose(1)
        await bench.scan(3)
    async with open_living(Library(tmp_path / "library")) as living:
        missing = Missing(living.writer, living.volumes, ScanSection())
        assert await missing.tick(time.time_ns() + 8 * DAY_NS) == 0
        await living.volumes.probe(VolumeId(1))
        assert await missing.tick(time.time_ns() + 8 * DAY_NS) == 1


@pytest.mark.allows_log("more than 10 %")
async def test_a_mass_disappearance_waits_for_its_owner_and_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "daemon.missing")
    async with open_bench(tmp_path, files=60, kept=40) as bench:
        bench.lose(59)
        await bench.scan(3)
        assert await bench.tick(days=8) == 0
        held = await bench.hold()
        assert held is not None
        assert "59 of 100 files are missing" in held
        (bench.root / "a" / "59.txt").unlink()
        await bench.scan(3)
        assert await bench.tick(days=9) == 0
        assert "60 of 100" in (await bench.hold() or "")
        assert len([one for one in caplog.records if "files are missing" in one.getMessage()]) == 1
        await bench.living.writer.run(volume_store.accept_absence, bench.volume_id, time.time_ns())
        assert await bench.tick(days=9) == 60
        assert await bench.hold() is None


async def test_a_few_that_are_gone_are_everyday_life_whatever_part_of_a_small_volume_they_are(
    tmp_path: Path,
) -> None:
    async with open_bench(tmp_path, files=10) as bench:
        bench.lose(10)
        await bench.scan(3)
        assert await bench.tick(days=8) == 10
        assert await bench.hold() is None


async def test_what_lies_below_a_mount_that_is_away_is_kept(tmp_path: Path) -> None:
    async with open_bench(tmp_path) as bench:
        bench.lose(1)
        await bench.scan(3)
        for state in ("key", None):
            await bench.living.writer.run(
                volume_store.note_nested_mounts, bench.volume_id, [(b"a", state)], time.time_ns()
            )
        assert await bench.tick(days=8) == 0


def test_a_clock_that_is_set_forward_ends_no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SteadyClock()
    now_ns = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: now_ns + 40 * DAY_NS)
    assert clock.now_ns() < now_ns + DAY_NS


# ---- volumes that their owner forgot


async def photo_rows(living: Living) -> dict[object, tuple[object, ...]]:
    """Return content hash -> what makes a photo the same one."""
    rows = await living.rows(
        "SELECT c.hash, a.id, a.uid, a.name, a.day, a.first_seen_ns FROM asset AS a"
        " JOIN content AS c ON c.id = a.content_id WHERE a.merged_into IS NULL"
    )
    return {row[0]: row[1:] for row in rows}


async def test_photos_of_a_forgotten_volume_are_the_same_again_when_it_is_added_again(tmp_path: Path) -> None:
    root = tmp_path / "photos"
    make_photos(root, 6)
    (root / "notes.txt").write_bytes(b"no photo")
    async with open_living(Library(tmp_path / "library")) as living:
        volume_id = await living.add(root)
        await scan_volume(living.services, volume_id, full=True, waits_for_ingest=True)
        before = await photo_rows(living)
        uids = [str(row[1]) for row in before.values()]
        await living.writer.run(
            commands.execute, layer.TagAdd((uids[0],), ("sea/beach",)), now_ns=time.time_ns()
        )
        plan = await living.writer.read(traces.forget_plan, volume_id)
        assert (plan.files, plan.photos_only_here, plan.photos_only_here_said) == (7, 6, 1)
        await living.writer.run(commands.execute, ForgetVolume("photos"), now_ns=time.time_ns())
        await Missing(living.writer, living.volumes, ScanSection()).sweep()
        assert await living.files("present") == set()
        assert len(await living.files("missing")) == 6
        again = await living.add(root)
        await scan_volume(living.services, again, full=True, waits_for_ingest=True)
        assert await photo_rows(living) == before
        rows = await living.rows("SELECT state, count(*) FROM asset WHERE merged_into IS NULL GROUP BY state")
        assert rows == [("shown", 6)]
        tagged = await living.rows("SELECT a.uid FROM statement AS s JOIN asset AS a ON a.id = s.asset_id")
        assert tagged == [(uids[0],)]


async def test_the_daemons_maintenance_sweeps_a_volume_as_soon_as_it_is_forgotten(tmp_path: Path) -> None:
    async with open_bench(tmp_path) as bench:
        purger = Purger(bench.living.writer, bench.living.volumes, TrashSection())
        async with open_maintenance(purger, bench.living.services):
            await bench.living.writer.run(commands.execute, ForgetVolume("photos"), now_ns=time.time_ns())
            bench.living.volumes.bell.ring()
            await bench.until_rows(0)


async def test_the_daemons_maintenance_ticks_the_rule(tmp_path: Path) -> None:
    class LaterClock(SteadyClock):
        def now_ns(self) -> int:
            return super().now_ns() + 8 * DAY_NS

    async with open_bench(tmp_path, settings=ScanSection(missing_tick_s=1)) as bench:
        bench.lose(1)
        await bench.scan(3)
        purger = Purger(bench.living.writer, bench.living.volumes, TrashSection())
        async with open_maintenance(purger, bench.living.services, LaterClock()):
            await bench.until_rows(10)


async def test_without_a_daemon_the_command_sweeps_and_beside_one_it_does_not(tmp_path: Path) -> None:
    async with open_bench(tmp_path) as bench:
        await bench.living.writer.run(commands.execute, ForgetVolume("photos"), now_ns=time.time_ns())
    library = Library(tmp_path / "library")
    with LibraryLock(library), pytest.raises(LibraryLocked):
        sweep_alone(library)
    sweep_alone(library)
    reader = db.open_reader(library)
    assert reader.value("SELECT count(*) FROM location") == 0
    assert reader.value("SELECT count(*) FROM directory") == 1
    reader.close()
    shutil.rmtree(tmp_path / "volume")
