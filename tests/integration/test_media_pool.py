"""The pool with real workers: one result per file whatever happens, one culprit per lost worker, no orphans."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
import trio

from capabilities import require
from catalog.ids import ContentId, LocationId, VolumeId
from catalog.values import WorkItem
from daemon.media.pool import MediaPool, open_media_pool
from media_files import ExifSpec, heic, jpeg, movie, png, tiff_picture
from sacred import fingerprints

DTO = "ExifIFD:DateTimeOriginal"
LOST = "a media worker was lost"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    root = tmp_path / "photos"
    (root / "below").mkdir(parents=True)
    for number in range(8):
        exif = ExifSpec(original=f"2019:08:07 14:33:{number:02d}", make="Canon")
        (root / "below" / f"IMG_{number}.jpg").write_bytes(jpeg(exif=exif, seed=number))
    return root


def _item(
    root: Path, path: str, *, tier: Literal["header", "deep"] = "header", is_sniff: bool = False
) -> WorkItem:
    status = os.lstat(root / path)
    return WorkItem(
        LocationId(1),
        None if is_sniff else ContentId(1),
        VolumeId(1),
        os.fsencode(root),
        os.fsencode(path),
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
        status.st_ino,
        tier,
    )


def _all(root: Path) -> list[WorkItem]:
    return [_item(root, f"below/IMG_{number}.jpg") for number in range(8)]


def _is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def _wait_until(condition: Callable[[], bool], patience_s: float = 10.0) -> bool:
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


def _only_pid(pool: MediaPool) -> int:
    (pid,) = pool.report.worker_pids
    return pid


# ---- what is read


async def test_facts_come_back_in_order_and_touch_nothing(photos: Path) -> None:
    before = fingerprints(photos)
    async with open_media_pool(workers=2) as pool:
        results = await pool.read(_all(photos) * 20)
    assert [result.facts.candidates[0].local for result in results if result.facts] == [
        f"2019-08-07T14:33:{number:02d}" for number in range(8)
    ] * 20
    assert [result.item for result in results] == _all(photos) * 20
    assert fingerprints(photos) == before


async def test_a_worker_is_confined_wholly_and_the_pool_says_so(photos: Path) -> None:
    async with open_media_pool(workers=1) as pool:
        await pool.read(_all(photos)[:1])
        report = pool.report
        status = Path(f"/proc/{_only_pid(pool)}/status").read_text()
    assert report.confinement is not None
    assert report.confinement["missing"] == []
    assert report.confinement["has_seccomp"] is True
    assert "NoNewPrivs:\t1" in status
    assert "Seccomp:\t2" in status


async def test_the_deep_tier_adds_what_exiftool_knows(photos: Path) -> None:
    require("exiftool")
    (photos / "x.dng").write_bytes(
        tiff_picture(size=(64, 48), is_dng=True, exif=ExifSpec(make="Canon", original="2019:08:07 14:33:02"))
    )
    async with open_media_pool(workers=1) as pool:
        header, deep = await pool.read([_item(photos, "x.dng"), _item(photos, "x.dng", tier="deep")])
    assert header.facts is not None
    assert deep.facts is not None
    assert (header.facts.tier, header.facts.needs_deep) == ("header", True)
    assert (deep.facts.tier, deep.facts.needs_deep) == ("deep", False)
    assert (deep.facts.width, deep.facts.height, deep.facts.make) == (64, 48, "Canon")
    assert deep.facts.findings == ()


async def test_without_exiftool_the_deep_tier_says_so_and_keeps_the_header(photos: Path) -> None:
    async with open_media_pool(workers=1, has_exiftool=False) as pool:
        (result,) = await pool.read([_item(photos, "below/IMG_0.jpg", tier="deep")])
        assert not pool.report.has_exiftool
    assert result.facts is not None
    assert result.facts.make == "Canon"
    assert [one.tool for one in result.facts.findings] == ["exiftool"]


async def test_unknown_bytes_are_a_finding_if_somebody_called_them_a_photo_and_no_media_if_nobody_did(
    photos: Path,
) -> None:
    (photos / "text.jpg").write_text("not a picture")
    (photos / "noname").write_bytes(heic())
    items = [
        _item(photos, "text.jpg"),
        _item(photos, "text.jpg", is_sniff=True),
        _item(photos, "noname", is_sniff=True),
    ]
    async with open_media_pool(workers=1) as pool:
        called, looked_at, unnamed = await pool.read(items)
    assert called.finding is not None
    assert called.finding.tool == "sniff"
    assert looked_at.facts is not None
    assert looked_at.facts.kind is None
    assert unnamed.facts is not None
    assert (unnamed.facts.kind, unnamed.facts.mime) == ("photo", "image/heic")


async def test_every_kind_of_failure_to_open_is_an_error_and_no_finding(photos: Path) -> None:
    items = _all(photos)[:5]
    (photos / "below/IMG_0.jpg").unlink()
    (photos / "below/IMG_1.jpg").write_bytes(jpeg() + b"grown")
    os.utime(photos / "below/IMG_2.jpg", ns=(1, 1))
    (photos / "below/IMG_3.jpg").unlink()
    (photos / "below/IMG_3.jpg").symlink_to("/etc/passwd")
    async with open_media_pool(workers=1) as pool:
        results = await pool.read(items)
    assert [result.error for result in results] == ["ENOENT", "changed", "changed", "ELOOP", None]
    assert all(result.finding is None for result in results)


async def test_a_replaced_file_of_the_same_size_and_time_is_changed(photos: Path) -> None:
    (item, *_) = _all(photos)
    path = photos / "below/IMG_0.jpg"
    copy = photos / "copy"
    copy.write_bytes(path.read_bytes())
    os.utime(copy, ns=(item.mtime_ns, item.mtime_ns))
    copy.rename(path)
    async with open_media_pool(workers=1) as pool:
        (result,) = await pool.read([item])
    assert result.error == "changed"


# ---- roots that come and go


async def test_a_root_that_was_added_or_mounted_later_gets_a_new_worker(photos: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    async with open_media_pool(workers=1) as pool:
        await pool.read(_all(photos)[:1])
        other.mkdir()
        (other / "a.png").write_bytes(png())
        (late,) = await pool.read([_item(other, "a.png")])
        unknown = tmp_path / "unknown"
        unknown.mkdir()
        (unknown / "b.mp4").write_bytes(movie())
        (added,) = await pool.read([_item(unknown, "b.mp4")])
        assert pool.report.workers_started == 3
        assert pool.report.workers_lost == 0
    assert late.facts is not None
    assert added.facts is not None
    assert (late.facts.mime, added.facts.mime) == ("image/png", "video/mp4")


async def test_a_root_that_is_gone_is_an_error_and_the_others_go_on(photos: Path, tmp_path: Path) -> None:
    lost = WorkItem(
        LocationId(1), ContentId(1), VolumeId(2), os.fsencode(tmp_path / "gone"), b"a.jpg", 1, 1, 1, 1
    )
    async with open_media_pool(workers=1) as pool:
        results = await pool.read([lost, *_all(photos), lost])
    assert [result.error for result in results] == ["ENOENT", *[None] * 8, "ENOENT"]


# ---- workers that die, hang or babble


@pytest.mark.allows_log(LOST)
async def test_a_crash_has_exactly_one_culprit_and_the_rest_of_the_batch_goes_on(photos: Path) -> None:
    async with open_media_pool(workers=1) as pool:
        await pool.read(_all(photos)[:1])
        os.kill(_only_pid(pool), signal.SIGSTOP)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_crash_soon, _only_pid(pool))
            results = await pool.read(_all(photos))
        assert pool.report.workers_lost == 1
    assert [result.finding is not None for result in results] == [True, *[False] * 7]
    assert results[0].finding is not None
    assert (results[0].finding.tool, results[0].finding.reason) == ("worker", "killed by signal 11")
    assert all(result.facts is not None for result in results[1:])


async def _crash_soon(pid: int) -> None:
    await trio.sleep(0.1)
    os.kill(pid, signal.SIGSEGV)
    os.kill(pid, signal.SIGCONT)


@pytest.mark.slow
@pytest.mark.allows_log(LOST)
async def test_a_hang_has_exactly_one_culprit_and_is_ended_at_the_deadline(photos: Path) -> None:
    async with open_media_pool(workers=1, deadline_s=0.5) as pool:
        await pool.read(_all(photos)[:1])
        pid = _only_pid(pool)
        os.kill(pid, signal.SIGSTOP)
        results = await pool.read(_all(photos))
        assert not _is_running(pid)
    assert results[0].finding is not None
    assert results[0].finding.reason == "no answer in 0.5 s"
    assert all(result.facts is not None for result in results[1:])


@pytest.mark.slow
async def test_a_dead_exiftool_costs_no_file_and_no_worker(photos: Path) -> None:
    require("exiftool")
    deep = [_item(photos, f"below/IMG_{number}.jpg", tier="deep") for number in range(3)]
    async with open_media_pool(workers=1) as pool:
        await pool.read(deep[:1])
        pid = _only_pid(pool)
        (child,) = map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
        os.kill(child, signal.SIGKILL)
        assert _wait_until(lambda: not _is_running(child)), "a request would meet it while it dies"
        results = await pool.read(deep)
        assert _only_pid(pool) == pid
    assert all(result.facts is not None and result.facts.findings == () for result in results)


@pytest.mark.slow
async def test_a_stopped_exiftool_is_killed_and_gives_a_finding_beside_the_header(photos: Path) -> None:
    require("exiftool")
    deep = [_item(photos, f"below/IMG_{number}.jpg", tier="deep") for number in range(2)]
    async with open_media_pool(workers=1) as pool:
        await pool.read(deep[:1])
        pid = _only_pid(pool)
        (child,) = map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
        os.kill(child, signal.SIGSTOP)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_kill_soon, child)
            results = await pool.read(deep)
        assert _only_pid(pool) == pid
    assert results[0].facts is not None
    assert results[0].facts.make == "Canon"
    assert [one.reason for one in results[0].facts.findings] == ["exiftool ended while it read the file"]
    assert results[1].facts is not None
    assert results[1].facts.findings == ()


async def _kill_soon(pid: int) -> None:
    await trio.sleep(0.3)
    with contextlib.suppress(ProcessLookupError):  # on a busy machine the worker may have ended it already
        os.kill(pid, signal.SIGKILL)


# ---- no orphans


async def test_workers_exiftool_and_private_directories_are_gone_after_the_pool(
    photos: Path, tmp_path: Path
) -> None:
    require("exiftool")
    private = tmp_path / "private"
    private.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tempfile.tempdir", str(private))
        async with open_media_pool(workers=2) as pool:
            await pool.read([_item(photos, "below/IMG_0.jpg", tier="deep")])
            pid = _only_pid(pool)
            children = [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
            assert len(list(private.iterdir())) == 1
    assert len(children) == 1
    assert _wait_until(lambda: not any(map(_is_running, [pid, *children])))
    assert list(private.iterdir()) == []


async def test_what_a_killed_daemon_left_behind_is_removed_and_nothing_else(tmp_path: Path) -> None:
    with subprocess.Popen(["true"]) as ended:
        pass
    names = (
        f"glassine-media-{ended.pid}-x",
        f"glassine-media-{os.getpid()}-x",
        "glassine-media-notes",
        "photos",
    )
    for name in names:
        (tmp_path / name).mkdir()
        (tmp_path / name / "link").symlink_to(tmp_path / "photos")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tempfile.tempdir", str(tmp_path))
        async with open_media_pool(workers=1):
            pass
    assert {path.name for path in tmp_path.iterdir()} == set(names[1:])
    assert (tmp_path / "photos" / "link").is_symlink()


async def test_a_cancelled_batch_leaves_no_process_and_a_pool_that_works(photos: Path) -> None:
    async with open_media_pool(workers=1) as pool:
        await pool.read(_all(photos)[:1])
        pid = _only_pid(pool)
        os.kill(pid, signal.SIGSTOP)
        with trio.move_on_after(0.2):
            await pool.read(_all(photos))
        assert not _is_running(pid)
        results = await pool.read(_all(photos))
    assert all(result.facts is not None for result in results)


PARENT = """
import os, sys, trio
from catalog.values import WorkItem
from daemon.media.pool import open_media_pool
root = os.fsencode(sys.argv[1]); status = os.stat(root + b"/below/IMG_0.jpg")
item = WorkItem(1, 1, 1, root, b"below/IMG_0.jpg", status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, "deep")
async def main():
    async with open_media_pool(workers=1) as pool:
        await pool.read([item])
        (pid,) = pool.report.worker_pids
        print(pid, *open(f"/proc/{pid}/task/{pid}/children").read().split(), flush=True)
        await trio.sleep_forever()
trio.run(main)
"""


@pytest.mark.slow
def test_workers_and_exiftool_die_with_a_killed_parent(photos: Path) -> None:
    require("exiftool")
    with subprocess.Popen(
        [sys.executable, "-P", "-c", PARENT, str(photos)], stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        pids = [int(word) for word in parent.stdout.readline().split()]
        assert len(pids) == 2
        assert all(map(_is_running, pids))
        parent.kill()
    assert _wait_until(lambda: not any(map(_is_running, pids)))


def test_a_worker_without_a_hello_ends_with_its_stdin() -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "daemon.media.worker"],
        stdin=subprocess.DEVNULL,
        env={**os.environ, "GLASSINE_DIE_WITH_PID": str(os.getpid())},
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, b"")


@pytest.mark.slow
async def test_the_header_tier_reads_at_least_1500_jpegs_a_second_on_one_core(photos: Path) -> None:
    items = _all(photos) * 250
    async with open_media_pool(workers=1) as pool:
        await pool.read(items[:50])
        worker = _only_pid(pool)
        before_s = _cpu_s(worker)
        results = await pool.read(items)
        spent_s = _cpu_s(worker) - before_s
    assert len(results) == 2000
    assert 2000 / spent_s >= 1500, f"{2000 / spent_s:.0f} files/s"


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.mount
@pytest.mark.slow
async def test_a_storage_that_hangs_is_no_fault_of_the_file(photos: Path, tmp_path: Path) -> None:
    require("bindfs")
    mountpoint = tmp_path / "mnt"
    mountpoint.mkdir()
    # Without --no-allow-other bindfs wants a line in /etc/fuse.conf of an ordinary user.
    subprocess.run(["bindfs", "-r", "--no-allow-other", str(photos), str(mountpoint)], check=True)
    server = next(
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and os.fsencode(mountpoint) in _command_of(entry).split(b"\0")
    )
    try:
        items = [_item(mountpoint, "below/IMG_0.jpg"), _item(photos, "below/IMG_1.jpg")]
        async with open_media_pool(workers=1, deadline_s=1.0) as pool:
            await pool.read(items)
            workers = set(pool.report.worker_pids)
            os.kill(server, signal.SIGSTOP)
            # A thread that is still running would take the request, and nobody could kill who waits for the answer.
            assert _wait_until(lambda: _is_stopped(server))
            # The second look is at the server: what the kernel cached would be answered without it.
            before_s = time.monotonic()
            unseen = [replace(items[0], path=b"below/never-looked-up-%d.jpg" % number) for number in range(8)]
            results = await pool.read([*unseen, items[1]])
            took_s = time.monotonic() - before_s
    finally:
        os.kill(server, signal.SIGKILL)
        subprocess.run(["fusermount3", "-u", "-z", str(mountpoint)], check=False)
    assert {result.error for result in results[:-1]} == {"ETIMEDOUT"}
    assert results[-1].facts is not None, "a hung volume must not take another one along"
    assert took_s < 5, "nor hold its workers for the deadline of each of its files"
    assert len(workers) == 2
    assert _wait_until(lambda: not any(map(_is_running, workers)))


def _is_stopped(pid: int) -> bool:
    states = [
        (thread / "stat").read_text().rpartition(")")[2].split()[0]
        for thread in Path(f"/proc/{pid}/task").iterdir()
    ]
    return set(states) == {"T"}


def _command_of(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""
