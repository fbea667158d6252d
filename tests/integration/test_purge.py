"""Purges of real files: scans, the one writer, a confined remover; what the matrix of mishaps leaves, and who waits."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trio
import trio.testing

from bench.photos import make_photos
from catalog.ids import AssetId, VolumeId
from catalog.library import Library
from catalog.store import jobs, purging
from catalog.store.db import Writer
from catalog.store.edits import Edit
from catalog.store.trash import trash_page
from daemon.config import TrashSection
from daemon.maintenance import SteadyClock, look_at_trash
from daemon.purge.service import Item, Purger, PurgeWish
from daemon.scan import scan_volume
from integration.living import Living, open_living
from sacred import fingerprints

DAY_NS = 86_400 * 10**9
FORTY_YEARS_S = 40 * 365 * 86_400
BY_HAND = PurgeWish(None, 0, "owner")

pytestmark = pytest.mark.slow


@dataclass(slots=True)
class Bench:
    """A living library with one writable volume, every file of it read, and its purger."""

    living: Living
    purger: Purger
    root: Path
    volume_id: VolumeId
    items: list[Item] = field(default_factory=list)

    async def scan(self) -> None:
        await scan_volume(self.living.services, self.volume_id, full=True, waits_for_ingest=True)

    async def trash(self, *names: str, age_ns: int = 0) -> list[AssetId]:
        return [
            await self.living.writer.run(say_trashed, self.root / name, time.time_ns() - age_ns)
            for name in names
        ]

    async def purge(self, wish: PurgeWish = BY_HAND) -> dict[str, tuple[str, str | None]]:
        """Purge and return relative path -> (state, reason)."""
        self.items.clear()
        await self.purger.purge(wish, time.time_ns(), self.take)
        return {os.fsdecode(one.file.path): (one.state, one.reason) for one in self.items}

    async def take(self, item: Item) -> None:
        self.items.append(item)

    async def rows(self) -> list[tuple[object, ...]]:
        return await self.living.rows("SELECT state, reason FROM purge ORDER BY id")

    def names(self) -> set[str]:
        """Return the files that are there, the marker of a writable volume left out."""
        found = {str(path.relative_to(self.root)) for path in self.root.rglob("*") if path.is_file()}
        return found - {".glassine-volume"}


def say_trashed(writer: Writer, place: Path, at_ns: int | None) -> AssetId:
    """Say what `trash put` says, of the photo at a place; None restores it."""
    asset_id = writer.value(
        "SELECT c.asset_id FROM location AS l JOIN content AS c ON c.id = l.content_id WHERE l.name = ?",
        (os.fsencode(place.name),),
    )
    with writer.atomic():
        edit = Edit(writer, author="owner", now_ns=time.time_ns())
        edit.say([asset_id], "trashed", at_ns)
        edit.finish({"do": "trash"})
    return AssetId(asset_id)


def set_mode(writer: Writer, volume_id: VolumeId, mode: str) -> None:
    with writer.atomic():
        writer.execute("UPDATE volume SET mode = ? WHERE id = ?", (mode, volume_id))


def known_for_long(writer: Writer) -> None:
    """Make the files older acquaintances than any retention: a copy that has just arrived has its own grace."""
    with writer.atomic():
        writer.execute("UPDATE location SET first_seen_ns = ?", (time.time_ns() - 400 * DAY_NS,))


@asynccontextmanager
async def open_bench(tmp_path: Path, *, count: int = 3) -> AsyncIterator[Bench]:
    root = tmp_path / "volume"
    root.mkdir()
    make_photos(tmp_path / "made", count)
    for number, photo in enumerate(sorted(path for path in (tmp_path / "made").rglob("*") if path.is_file())):
        target = root / f"dir{number}" / f"photo{number}.jpg"
        target.parent.mkdir()
        shutil.copyfile(photo, target)
        old_s = time.time() - FORTY_YEARS_S
        os.utime(target, (old_s, old_s))
    async with open_living(Library(tmp_path / "library")) as living:
        volume_id = await living.add(root)
        await living.writer.run(set_mode, volume_id, "rw")
        purger = Purger(living.writer, living.volumes, TrashSection())
        bench = Bench(living, purger, root, volume_id)
        await bench.scan()
        yield bench


FIRST = "dir0/photo0.jpg"
SECOND = "dir1/photo1.jpg"


async def test_a_trashed_file_is_removed_and_nothing_else_is_touched(tmp_path: Path) -> None:
    async with open_bench(tmp_path) as bench:
        (asset_id,) = await bench.trash(FIRST.rpartition("/")[2])
        before = fingerprints(bench.root)
        assert await bench.purge() == {FIRST: ("done", None)}
        after = fingerprints(bench.root)
        assert set(before) - set(after) == {FIRST.encode()}
        assert {path for path in after if after[path] != before[path]} == {b"dir0"}
        assert await bench.rows() == [("done", None)]
        assert FIRST.encode() not in await bench.living.files()
        assert await bench.purge() == {}
        await bench.scan()
        ((state, name),) = await bench.living.rows("SELECT state, name FROM asset WHERE id = ?", asset_id)
        assert (state, name) == ("trashed", "photo0.jpg")


async def test_by_itself_only_what_is_past_its_retention_goes_whatever_the_mtime(tmp_path: Path) -> None:
    async with open_bench(tmp_path) as bench:
        await bench.living.writer.run(known_for_long)
        await bench.trash("photo0.jpg", age_ns=30 * DAY_NS - 60 * 10**9)
        await bench.trash("photo1.jpg", age_ns=30 * DAY_NS)
        counts = await look_at_trash(bench.purger, SteadyClock().now_ns())
        assert counts == {"done": 1, "kept": 1}
        assert bench.names() == {FIRST, "dir2/photo2.jpg"}
        assert await bench.living.rows("SELECT author FROM journal WHERE command LIKE '%trash.purge%'") == [
            ("glassine",)
        ]


async def test_a_clock_that_leaps_ahead_ends_no_retention(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_bench(tmp_path) as bench:
        await bench.trash("photo0.jpg")
        clock = SteadyClock()
        real = time.time_ns
        monkeypatch.setattr(time, "time_ns", lambda: real() + 400 * DAY_NS)
        leapt = clock.now_ns()
        monkeypatch.undo()
        assert await look_at_trash(bench.purger, leapt) == {"kept": 1}
    assert real() - leapt < DAY_NS


async def test_without_auto_purge_the_daemon_removes_nothing(tmp_path: Path) -> None:
    async with open_bench(tmp_path) as bench:
        await bench.trash("photo0.jpg", age_ns=400 * DAY_NS)
        bench.purger.settings = TrashSection(auto_purge=False)
        assert await look_at_trash(bench.purger, time.time_ns()) == {}
        assert FIRST in bench.names()


# ---- the matrix


def _content(photo: Path) -> None:
    status = photo.stat()
    photo.write_bytes(photo.read_bytes()[::-1])
    os.utime(photo, ns=(status.st_atime_ns, status.st_mtime_ns))


def _mtime(photo: Path) -> None:
    os.utime(photo, (1, 1))


def _rename(photo: Path) -> None:
    twin = photo.with_name("twin.tmp")
    shutil.copy2(photo, twin)
    twin.rename(photo)


def _symlink(photo: Path) -> None:
    photo.parent.rename(photo.parent.parent / "moved")
    photo.parent.symlink_to(photo.parent.parent / "moved")


def _directory(photo: Path) -> None:
    photo.parent.rename(photo.parent.parent / "moved")
    shutil.copytree(photo.parent.parent / "moved", photo.parent)


def _truncate(photo: Path) -> None:
    os.truncate(photo, photo.stat().st_size - 1)


@pytest.mark.parametrize("change", [_content, _mtime, _rename, _symlink, _directory, _truncate])
async def test_a_file_that_changed_since_the_scan_is_refused(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    async with open_bench(tmp_path) as bench:
        await bench.trash("photo0.jpg", "photo1.jpg")
        change(bench.root / FIRST)
        before = bench.names()
        assert await bench.purge() == {FIRST: ("refused", "changed"), SECOND: ("done", None)}
        assert bench.names() == before - {SECOND}
        assert await bench.rows() == [("refused", "changed"), ("done", None)]
        await bench.scan()


async def test_hard_links_inside_the_volume_are_names_of_the_photo_and_all_go(tmp_path: Path) -> None:
    async with open_bench(tmp_path) as bench:
        os.link(bench.root / FIRST, bench.root / "dir2" / "link.jpg")
        outside = tmp_path / "outside.jpg"
        os.link(bench.root / FIRST, outside)
        await bench.scan()
        await bench.trash("photo0.jpg")
        assert await bench.purge() == {FIRST: ("done", None), "dir2/link.jpg": ("done", None)}
        assert outside.exists()
        assert bench.names() == {SECOND, "dir2/photo2.jpg"}


async def test_all_copies_on_writable_volumes_go_and_those_on_read_only_ones_stay_hidden(
    tmp_path: Path,
) -> None:
    async with open_bench(tmp_path) as bench:
        archive = tmp_path / "archive"
        archive.mkdir()
        shutil.copy2(bench.root / FIRST, archive / "copy.jpg")
        archive_id = await bench.living.add(archive, "archive")
        await scan_volume(bench.living.services, archive_id, waits_for_ingest=True)
        (asset_id,) = await bench.trash("photo0.jpg")
        assert await bench.purge() == {FIRST: ("done", None), "copy.jpg": ("kept", "read_only")}
        assert (archive / "copy.jpg").exists()
        await scan_volume(bench.living.services, archive_id, full=True, waits_for_ingest=True)
        assert await bench.living.rows("SELECT state, is_shown FROM asset WHERE id = ?", asset_id) == [
            ("trashed", 0)
        ]


async def test_a_read_only_volume_is_never_written_down(tmp_path: Path) -> None:
    async with open_bench(tmp_path) as bench:
        await bench.trash("photo0.jpg")
        await bench.living.writer.run(set_mode, bench.volume_id, "ro")
        assert await bench.purge() == {FIRST: ("kept", "read_only")}
        assert await bench.rows() == []


async def test_a_volume_that_is_away_keeps_its_files_and_purges_when_it_is_back(tmp_path: Path) -> None:
    async with open_bench(tmp_path) as bench:
        await bench.trash("photo0.jpg")
        bench.root.rename(tmp_path / "away")
        assert await bench.purge() == {FIRST: ("kept", "offline")}
        (tmp_path / "away").rename(bench.root)
        assert await bench.purge() == {FIRST: ("done", None)}


async def test_an_empty_directory_in_the_place_of_the_volume_purges_nothing(tmp_path: Path) -> None:
    async with open_bench(tmp_path) as bench:
        await bench.trash("photo0.jpg")
        bench.root.rename(tmp_path / "away")
        bench.root.mkdir()
        assert await bench.purge() == {FIRST: ("kept", "offline")}
        assert await bench.rows() == []
        bench.root.rmdir()
        (tmp_path / "away").rename(bench.root)


async def test_another_disk_at_the_path_keeps_its_files(tmp_path: Path) -> None:
    """The other one holds the very same names, sizes, times and even inodes."""
    async with open_bench(tmp_path) as bench:
        await bench.trash("photo0.jpg")
        away = tmp_path / "away"
        bench.root.rename(away)
        (bench.root / "dir0").mkdir(parents=True)
        os.link(away / FIRST, bench.root / FIRST)
        assert await bench.purge() == {FIRST: ("kept", "offline")}
        assert bench.names() == {FIRST}
        shutil.rmtree(bench.root)
        away.rename(bench.root)


async def test_a_photo_that_is_restored_while_its_bytes_are_compared_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The word comes while the remover reads: the question after it sees the photo restored."""
    async with open_bench(tmp_path) as bench:
        await bench.trash("photo0.jpg")
        why_stop = purging.why_stop

        def restored_first(writer: Writer, *arguments: object) -> object:
            say_trashed(writer, Path("photo0.jpg"), None)
            return why_stop(writer, *arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(purging, "why_stop", restored_first)
        assert await bench.purge() == {FIRST: ("refused", "not_trashed")}
        assert FIRST in bench.names()


async def test_a_restore_waits_while_a_removal_is_under_way_and_other_edits_do_not(tmp_path: Path) -> None:
    from catalog.commands.layer import Rate, TrashRestore, Undo

    async with open_bench(tmp_path) as bench:
        passed: list[object] = []

        async def edit(command: object) -> None:
            async with bench.purger.open_turn(command):
                passed.append(command)

        async with trio.open_nursery() as nursery, bench.purger.removal:
            for command in (TrashRestore(("x",)), Undo(), Rate(("x",), 5)):
                nursery.start_soon(edit, command)
            await trio.testing.wait_all_tasks_blocked(0.05)
            assert passed == [Rate(("x",), 5)]
        assert len(passed) == 3


async def test_a_file_that_a_job_reads_is_kept(tmp_path: Path) -> None:
    async with open_bench(tmp_path) as bench:
        await bench.trash("photo0.jpg")
        ((uid,),) = await bench.living.rows("SELECT uid FROM asset WHERE name = 'photo0.jpg'")
        await bench.living.writer.run(jobs.enqueue, "export", str(uid), now_ns=time.time_ns())
        assert await bench.purge() == {FIRST: ("kept", "in_use")}


async def test_only_the_photos_that_were_named_are_purged(tmp_path: Path) -> None:
    async with open_bench(tmp_path) as bench:
        first, _ = await bench.trash("photo0.jpg", "photo1.jpg")
        assert await bench.purge(PurgeWish((first,), 0, "owner")) == {FIRST: ("done", None)}
        assert SECOND in bench.names()


async def test_two_purges_at_once_take_turns(tmp_path: Path) -> None:
    async with open_bench(tmp_path) as bench:
        await bench.trash("photo0.jpg", "photo1.jpg", "photo2.jpg")
        async with trio.open_nursery() as nursery:
            for _ in range(2):
                nursery.start_soon(bench.purger.purge, BY_HAND, time.time_ns(), bench.take)
        assert sorted(one.state for one in bench.items) == ["done"] * 3
        assert bench.names() == set()


# ---- what an interruption leaves


async def test_an_interrupted_purge_is_settled_by_looking(tmp_path: Path) -> None:
    async with open_bench(tmp_path) as bench:
        await bench.trash("photo0.jpg", "photo1.jpg")
        photos, _ = await bench.living.writer.read(trash_page)
        files = [photo.files[0] for photo in photos]
        from catalog.purge import PurgeRule

        rule = PurgeRule(time.time_ns(), 0)
        await bench.living.writer.run(purging.record, files, rule, author="owner", now_ns=time.time_ns())
        (bench.root / FIRST).unlink()  # as a purge does that was killed before it could note it
        await bench.purger.settle()
        assert await bench.rows() == [("done", None), ("refused", "interrupted")]
        assert FIRST.encode() not in await bench.living.files()
        assert await bench.purge() == {SECOND: ("done", None)}


async def test_what_is_undecided_on_a_volume_that_is_away_waits_for_it(tmp_path: Path) -> None:
    from catalog.purge import PurgeRule

    async with open_bench(tmp_path) as bench:
        await bench.trash("photo0.jpg")
        photos, _ = await bench.living.writer.read(trash_page)
        rule = PurgeRule(time.time_ns(), 0)
        await bench.living.writer.run(
            purging.record, photos[0].files, rule, author="owner", now_ns=time.time_ns()
        )
        bench.root.rename(tmp_path / "away")
        assert await bench.purge() == {FIRST: ("kept", "offline")}
        assert await bench.rows() == [("planned", None)]
        (tmp_path / "away").rename(bench.root)
        assert await bench.purge() == {FIRST: ("done", None)}
        assert await bench.rows() == [("refused", "interrupted"), ("done", None)]


async def test_a_client_that_hangs_up_leaves_nothing_half_done(tmp_path: Path) -> None:
    async with open_bench(tmp_path) as bench:
        await bench.trash("photo0.jpg", "photo1.jpg", "photo2.jpg")

        async def hang_up(item: Item) -> None:
            scope.cancel()
            await trio.lowlevel.checkpoint()

        with trio.CancelScope() as scope:
            await bench.purger.purge(BY_HAND, time.time_ns(), hang_up)
        assert len(bench.names()) == 2
        await bench.purger.settle()
        states = [row[0] for row in await bench.rows()]
        assert sorted(states) == ["done", "refused", "refused"]
        assert len(await bench.living.files()) == 2


@pytest.mark.allows_log("a purge broke off")
async def test_a_remover_that_dies_is_settled_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_bench(tmp_path) as bench:
        await bench.trash("photo0.jpg", "photo1.jpg")
        monkeypatch.setenv("GLASSINE_FAILPOINT", "purge.unlinked:1")
        assert await bench.purge() == {FIRST: ("done", None), SECOND: ("refused", "interrupted")}
        monkeypatch.delenv("GLASSINE_FAILPOINT")
        assert await bench.purge() == {SECOND: ("done", None)}


async def test_a_purge_beside_a_scan_leaves_a_clean_catalog(tmp_path: Path) -> None:
    async with open_bench(tmp_path) as bench:
        await bench.trash("photo0.jpg", "photo1.jpg", "photo2.jpg")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(bench.scan)
            nursery.start_soon(bench.purger.purge, BY_HAND, time.time_ns(), bench.take)
        assert [(one.state, one.reason) for one in bench.items] == [("done", None)] * 3
        assert bench.names() == set()
        assert await bench.living.files() == set()
