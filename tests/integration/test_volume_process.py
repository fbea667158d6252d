"""The real child process on real trees: hostile names, loops, races with writers, hangs."""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import trio
from blake3 import blake3
from trees import NAMES, hostile_tree, independent_walk
from volume_sessions import Walked, bound, fuse_mount, hashed, open_session, walked

from capabilities import require, skip_without
from catalog.errors import VolumeOffline
from catalog.values import DirectoryListing
from daemon.children import wait_ended
from daemon.excludes import Excludes
from daemon.volume_process import walk as walking
from daemon.volume_process.mounts import Mount, mount_of, parse_mount
from daemon.volume_process.protocol import Hello, TreeChange, path_key
from daemon.volume_process.second_look import SecondLook
from daemon.volume_process.starting import open_spare, start_volume_process
from daemon.volume_session import start_session
from media_files import ExifSpec, jpeg, png
from vfs.beneath import FileStamp, file_stamp
from vfs.storage import memory
from vfs.storage.contract import Dentry
from vfs.storage.local import LocalStorage


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[Path]:
    with hostile_tree(tmp_path) as root:
        yield root


@pytest.mark.slow
async def test_a_hostile_tree_gives_exactly_what_an_independent_walk_finds(hostile: Path) -> None:
    async with open_session(hostile) as session:
        found = await walked(session)
        assert found.files == independent_walk(hostile)
        assert len(found.directories) == 3001
        assert not found.errors
        assert found.end is not None
        assert found.end.instance is not None
        again = await walked(session, known=found.digests)
        assert (again.parts, len(again.unchanged), again.unchanged_files) == (0, 3001, len(found.files))


@pytest.mark.slow
async def test_hostile_files_are_hashed_by_their_exact_names(hostile: Path) -> None:
    (hostile / "sparse.mov").unlink()
    files = independent_walk(hostile)
    async with open_session(hostile) as session:
        paths = sorted(files)
        answers = await hashed(session, [(path, files[path]) for path in paths])
        for answer in answers:
            assert answer.failure is None, paths[answer.index]
        by_path = {paths[answer.index]: answer.digest for answer in answers}
        for name in NAMES:
            # case.jpg has a second name with the same bytes
            assert by_path[name] == blake3(name).digest()
        assert by_path[b"/".join([b"d" * 10] * 3000) + b"/x.jpg"] == blake3(b"deep").digest()


async def test_a_changed_directory_alone_is_sent_again(tmp_path: Path) -> None:
    for name in ("a", "b", "b/c"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.jpg").write_bytes(b"x")
    async with open_session(tmp_path) as session:
        first = await walked(session)
        (tmp_path / "b" / "new.jpg").write_bytes(b"new")
        second = await walked(session, known=first.digests)
        assert second.directories == {b"b"}
        assert second.unchanged == {b"", b"a", b"b/c"}
        os.utime(tmp_path / "a" / "x.jpg", ns=(1, 1))
        third = await walked(session, known={**first.digests, **second.digests})
        assert third.directories == {b"a"}


async def test_large_directories_come_in_parts_and_the_digest_with_the_last(tmp_path: Path) -> None:
    for number in range(1201):
        (tmp_path / f"{number:04}.jpg").touch()
    async with open_session(tmp_path) as session:
        parts: list[DirectoryListing] = []
        async with session.open_walk([b""]) as items:
            async for item in items:
                if isinstance(item, DirectoryListing):
                    parts.append(item)
    assert [len(part.entries) for part in parts] == [500, 500, 201]
    assert [(part.is_first, part.is_last, part.digest is not None) for part in parts] == [
        (True, False, False),
        (False, False, False),
        (False, True, True),
    ]


async def test_a_walk_that_nobody_takes_stops_and_can_be_left(tmp_path: Path) -> None:
    for number in range(200):
        (tmp_path / f"{number:04}").mkdir()
    async with open_session(tmp_path) as session:
        async with session.open_walk([b""]) as items:
            async for _ in items:
                break
            await trio.sleep(0.1)
        assert len((await walked(session)).directories) == 201


async def test_excluded_and_own_and_foreign_directories_are_not_entered(tmp_path: Path) -> None:
    root = tmp_path / "volume"
    for name in ("photos", "@eaDir", "private", "own", "other/volume", "shy/below"):
        (root / name).mkdir(parents=True)
        (root / name / "x.jpg").write_bytes(b"x")
    (root / "shy" / ".nomedia").touch()
    async with open_session(
        root, own=(root / "own",), excludes=("/private/",), other_roots=(os.fsencode(root / "other/volume"),)
    ) as session:
        found = await walked(session)
        assert set(found.files) == {b"photos/x.jpg"}
        assert found.directories == {b"", b"photos", b"other", b"shy"}
        _, fates = await session.look(
            [
                b"photos/x.jpg",
                b"private/x.jpg",
                b"shy/below/x.jpg",
                b"other/volume",
                b"nothing",
                b"photos/x.jpg/y",
                b"photos",
            ]
        )
        assert fates == ["present", "gone", "gone", "gone", "gone", "gone", "present"]


async def test_an_unreadable_directory_is_reported_and_the_rest_is_walked(tmp_path: Path) -> None:
    require("user")
    for name in ("a", "shut", "z"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.jpg").write_bytes(b"x")
    (tmp_path / "shut").chmod(0)
    try:
        async with open_session(tmp_path) as session:
            found = await walked(session)
            _, fates = await session.look([b"shut/x.jpg"])
    finally:
        (tmp_path / "shut").chmod(0o700)
    assert found.errors == {b"shut": "EACCES"}
    assert b"shut" not in found.digests
    assert set(found.files) == {b"a/x.jpg", b"z/x.jpg"}
    assert fates == ["unknown"]


async def test_a_directory_that_vanished_meanwhile_is_an_error_of_its_listing(tmp_path: Path) -> None:
    async with open_session(tmp_path) as session:
        found = await walked(session, (b"nothing",))
    assert found.errors == {b"nothing": "ENOENT"}


async def test_probe_tells_identity_emptiness_and_what_is_wrong(tmp_path: Path) -> None:
    root = tmp_path / "volume"
    async with open_session(root) as session:
        assert (await session.probe()).error == "ENOENT"
    root.mkdir()
    (root / "lost+found").mkdir()
    async with open_session(root, own=(root,)) as session:
        report = await session.probe()
        assert (report.error, report.is_empty, report.is_own_state) == (None, True, True)
        assert report.fs_type
        (root / "x.jpg").touch()
        again = await session.probe()
        assert (again.key, again.instance, again.is_empty) == (report.key, report.instance, False)


async def test_the_child_cannot_write_anywhere(tmp_path: Path) -> None:
    async with open_session(tmp_path) as session:
        await session.probe()
        assert session.confinement is not None
        assert session.confinement["has_seccomp"] or session.confinement["landlock_abi"]
        status = Path(f"/proc/{session.child.pid}/status").read_text()
        assert "NoNewPrivs:\t1" in status


async def test_a_root_that_was_replaced_during_a_walk_is_noticed(tmp_path: Path) -> None:
    root = tmp_path / "volume"
    for number in range(100):
        (root / f"{number:03}").mkdir(parents=True)
    async with open_session(root) as session:
        found = Walked()
        async with session.open_walk([b""]) as items:
            async for item in items:
                if found.parts == 3:
                    os.rename(root, tmp_path / "away")
                    root.mkdir()
                found.take(item)
    assert found.end is not None
    assert found.end.instance is None


# ---- mounts below the root


@pytest.mark.root
async def test_a_bind_mount_of_a_directory_into_itself_ends(tmp_path: Path) -> None:
    (tmp_path / "a" / "b" / "again").mkdir(parents=True)
    (tmp_path / "a" / "x.jpg").write_bytes(b"x")
    with bound(tmp_path, tmp_path / "a" / "b" / "again"):
        async with open_session(tmp_path) as session:
            found = await walked(session)
    assert set(found.files) == {b"a/x.jpg"}
    assert found.directories == {b"", b"a", b"a/b", b"a/b/again"}


@pytest.mark.mount
async def test_our_own_mount_below_the_root_is_not_even_looked_at(tmp_path: Path) -> None:
    require("bindfs")
    root = tmp_path / "volume"
    (root / "photos").mkdir(parents=True)
    (root / "photos" / "x.jpg").write_bytes(b"x")
    (root / "with space").mkdir()
    async with fuse_mount(root / "photos", root / "with space" / "mnt", "-o", "subtype=glassine") as server:
        server.send_signal(signal.SIGSTOP)  # a stat of the mount would hang now
        async with open_session(root) as session:
            with trio.fail_after(5):
                found = await walked(session)
    assert set(found.files) == {b"photos/x.jpg"}
    assert found.end is not None
    assert found.end.instance is not None


@pytest.mark.mount
@pytest.mark.slow
async def test_a_child_that_hangs_in_the_kernel_is_left_behind_and_nobody_waits(tmp_path: Path) -> None:
    require("bindfs")
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "x.jpg").write_bytes(b"x")
    async with fuse_mount(
        tmp_path / "source", tmp_path / "volume", "-o", "attr_timeout=0,entry_timeout=0"
    ) as server:
        async with trio.open_nursery() as nursery:
            hello = Hello(os.fsencode(tmp_path / "volume"), "local", (), (), (), ())
            session = start_session(hello, hang_s=1)
            await nursery.start(session.serve)
            await walked(session)
            server.send_signal(signal.SIGSTOP)
            before = time.monotonic()
            with pytest.raises(VolumeOffline, match="did not answer"):
                await walked(session)
            await session.reap()
            assert time.monotonic() - before < 5
        server.send_signal(signal.SIGCONT)
        with trio.fail_after(5):
            await wait_ended(session.child.pid)
        assert session.child.poll() is not None


# ---- hashing


async def test_hashes_are_those_of_the_bytes_and_the_originals_keep_their_access_times(
    tmp_path: Path,
) -> None:
    bodies = {
        f"{size}.bin": random.Random(size).randbytes(size) for size in (0, 1, 1 << 20, (1 << 20) + 1, 3 << 20)
    }
    for name, body in bodies.items():
        (tmp_path / name).write_bytes(body)
        os.utime(tmp_path / name, ns=(1, 1_000))
    files = [(os.fsencode(name), file_stamp((tmp_path / name).stat())) for name in bodies]
    async with open_session(tmp_path) as session:
        answers = await hashed(session, files)
    assert [answer.digest for answer in answers] == [blake3(body).digest() for body in bodies.values()]
    assert {(tmp_path / name).stat().st_atime_ns for name in bodies} == {1}


async def test_a_jpegs_pixels_are_hashed_beside_its_bytes_and_other_files_have_no_pixel_hash(
    tmp_path: Path,
) -> None:
    bodies = {
        "plain.jpg": jpeg(),
        "tagged.jpg": jpeg(exif=ExifSpec(make="A")),
        "cut.jpg": jpeg()[:-9],
        "x.png": png(),
    }
    for name, body in bodies.items():
        (tmp_path / name).write_bytes(body)
        os.utime(tmp_path / name, ns=(1, 1_000))
    files = [(os.fsencode(name), file_stamp((tmp_path / name).stat())) for name in bodies]
    async with open_session(tmp_path) as session:
        plain, tagged, cut, other = await hashed(session, files)
    assert plain.digest != tagged.digest
    assert plain.pixel_digest == tagged.pixel_digest is not None
    assert (cut.pixel_digest, other.pixel_digest) == (None, None)


async def test_what_cannot_be_hashed_says_why(tmp_path: Path) -> None:
    (tmp_path / "changed.jpg").write_bytes(b"new bytes")
    (tmp_path / "folder").mkdir()
    os.symlink("changed.jpg", tmp_path / "link.jpg")
    stamp = FileStamp(1, 2, 3, 4)
    async with open_session(tmp_path) as session:
        answers = await hashed(
            session, [(name, stamp) for name in (b"changed.jpg", b"nothing.jpg", b"folder", b"link.jpg")]
        )
    assert [answer.failure for answer in answers] == ["changed", "ENOENT", "EISDIR", "ELOOP"]


async def test_a_file_that_somebody_writes_to_is_busy_until_it_is_closed(tmp_path: Path) -> None:
    _require_leases(tmp_path)
    path = tmp_path / "growing.mov"
    with open(path, "wb") as writer:
        writer.write(b"so far")
        writer.flush()
        async with open_session(tmp_path) as session:
            (busy,) = await hashed(session, [(b"growing.mov", file_stamp(path.stat()))])
            assert (busy.digest, busy.failure) == (None, "busy")
            writer.close()
            (done,) = await hashed(session, [(b"growing.mov", file_stamp(path.stat()))])
            assert done.digest == blake3(b"so far").digest()


async def test_a_file_that_is_mapped_for_writing_is_busy_although_no_time_moves(tmp_path: Path) -> None:
    _require_leases(tmp_path)
    path = tmp_path / "mapped.bin"
    path.write_bytes(b"a" * 8192)
    with open(path, "r+b") as file:
        mapped = mmap.mmap(file.fileno(), 0)
    mapped[0] = 98
    async with open_session(tmp_path) as session:
        (answer,) = await hashed(session, [(b"mapped.bin", file_stamp(path.stat()))])
        assert answer.failure == "busy"
        mapped.close()
        (answer,) = await hashed(session, [(b"mapped.bin", file_stamp(path.stat()))])
        assert answer.digest == blake3(path.read_bytes()).digest()


async def test_a_writer_that_comes_while_we_read_is_let_in_at_once(tmp_path: Path) -> None:
    _require_leases(tmp_path)
    path = tmp_path / "large.mov"
    path.write_bytes(bytes(200 << 20))
    stamp = file_stamp(path.stat())
    waited_s: list[float] = []

    def write() -> None:
        before = time.monotonic()
        with open(path, "r+b") as file:
            file.write(b"x")
        waited_s.append(time.monotonic() - before)

    async with (
        open_session(tmp_path) as session,
        session.open_hash([(b"large.mov", stamp)], bytes_per_s=100 << 20) as groups,
    ):
        await trio.sleep(0.4)
        await trio.to_thread.run_sync(write)
        answers = [answer async for group in groups for answer in group]
    assert answers[0].failure in ("busy", "changed")
    assert waited_s[0] < 1


async def test_the_budget_of_bytes_per_second_is_kept(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(bytes(4 << 20))
    stamp = file_stamp((tmp_path / "a.bin").stat())
    async with open_session(tmp_path) as session:
        before = time.monotonic()
        async with session.open_hash([(b"a.bin", stamp)], bytes_per_s=8 << 20) as groups:
            assert [answer.failure async for group in groups for answer in group] == [None]
        assert time.monotonic() - before > 0.35


def _require_leases(path: Path) -> None:
    probe = path / "lease.probe"
    probe.write_bytes(b"x")
    fd = os.open(probe, os.O_RDONLY)
    try:
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        skip_without(f"a file system that grants leases ({errno.errorcode[error.errno or 0]})")
    finally:
        os.close(fd)
        probe.unlink()


@pytest.mark.slow
async def test_no_wrong_hash_comes_out_of_a_race_with_writers(tmp_path: Path) -> None:
    """Writers append, truncate, overwrite, rename over and write through mappings; every version is uniform.

    A version of a file is one repeated byte, and its size says which version it is; so a digest that is
    not of one version is of none.
    """
    _require_leases(tmp_path)
    root = os.fsencode(tmp_path)
    names = [b"%03d.bin" % number for number in range(100)]
    valid: set[bytes] = set()
    sizes = [300_000, 655_360, 1_048_576 + 17]
    for value in range(256):
        for size in sizes:
            valid.add(blake3(bytes([value]) * size).digest())
    for name in names:
        with open(root + b"/" + name, "wb") as file:
            file.write(b"\0" * sizes[0])
    stop = threading.Event()
    writer = threading.Thread(target=_write_for_ever, args=(root, names, sizes, stop))
    writer.start()
    good = 0
    failures: set[str] = set()
    try:
        async with open_session(tmp_path) as session:
            for _ in range(60):
                files = [
                    (name, file_stamp(os.stat(root + b"/" + name)))
                    for name in names
                    if os.path.exists(root + b"/" + name)
                ]
                for answer in await hashed(session, files):
                    if answer.digest is None:
                        failures.add(answer.failure or "")
                    else:
                        good += 1
                        assert answer.digest in valid
    finally:
        stop.set()
        await trio.to_thread.run_sync(writer.join)
    assert good > 100
    assert failures <= {"busy", "changed", "ENOENT"}
    assert failures


def _write_for_ever(root: bytes, names: list[bytes], sizes: list[int], stop: threading.Event) -> None:
    dice = random.Random(1)
    while not stop.is_set():
        path = root + b"/" + dice.choice(names)
        value, size = dice.randrange(256), dice.choice(sizes)
        way = dice.choice(["rewrite", "rename", "map", "append"])
        if way == "rename":
            with open(path + b".tmp", "wb") as file:
                file.write(bytes([value]) * size)
            os.rename(path + b".tmp", path)
        elif way == "map":
            with open(path, "r+b") as file, mmap.mmap(file.fileno(), 0) as mapped:
                for start in range(0, len(mapped), 65_536):
                    piece = min(65_536, len(mapped) - start)
                    mapped[start : start + piece] = bytes([value]) * piece
        else:
            with open(path, "wb") as file:  # cut to nothing, then grown in pieces
                for start in range(0, size, 65_536):
                    file.write(bytes([value]) * min(65_536, size - start))
                    file.flush()


# ---- watching


async def _next_change(items: AsyncIterator[TreeChange]) -> TreeChange:
    with trio.fail_after(5):
        return await anext(items)


@pytest.mark.slow
async def test_what_happens_in_a_tree_is_told_by_directory(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "@eaDir").mkdir()
    async with open_session(tmp_path) as session, session.open_watch() as changes:
        first = await _next_change(changes)
        assert first.watch_limit is None
        method = first.method
        (tmp_path / "@eaDir" / "x.jpg").write_bytes(b"litter")
        (tmp_path / "a" / "b" / "new.jpg").write_bytes(b"new")
        assert await _next_change(changes) == TreeChange(directories=(b"a/b",), method=method)
        (tmp_path / "a" / "b" / "new.jpg").unlink()
        assert await _next_change(changes) == TreeChange(directories=(b"a/b",), method=method)
        (tmp_path / "fresh" / "deep").mkdir(parents=True)
        seen: set[bytes] = set()
        while b"fresh" not in seen:
            seen.update((await _next_change(changes)).new_trees)
        (tmp_path / "fresh" / "deep" / "x.jpg").write_bytes(b"x")
        while b"fresh/deep" not in seen:
            seen.update((await _next_change(changes)).directories)
        os.rename(tmp_path / "fresh", tmp_path / "moved")
        while b"moved" not in seen:
            seen.update((await _next_change(changes)).new_trees)
        (tmp_path / "moved" / "deep" / "y.jpg").write_bytes(b"y")
        while b"moved/deep" not in seen:
            seen.update((await _next_change(changes)).directories)


@pytest.mark.slow
async def test_a_file_that_only_appears_is_told_a_little_later(tmp_path: Path) -> None:
    (tmp_path / "x.jpg").write_bytes(b"x")
    (tmp_path / "a").mkdir()
    async with open_session(tmp_path) as session, session.open_watch() as changes:
        await _next_change(changes)
        os.link(tmp_path / "x.jpg", tmp_path / "a" / "linked.jpg")
        before = time.monotonic()
        seen: set[bytes] = set()
        while b"a" not in seen:
            seen.update((await _next_change(changes)).directories)
        assert time.monotonic() - before < 3


# ---- hangs and deaths


@pytest.mark.slow
async def test_a_child_that_does_not_answer_is_killed_and_its_requests_fail(tmp_path: Path) -> None:
    async with open_session(tmp_path, hang_s=1) as session:
        await session.probe()
        os.kill(session.child.pid, signal.SIGSTOP)
        before = time.monotonic()
        with pytest.raises(VolumeOffline, match="did not answer"):
            await session.probe()
        assert time.monotonic() - before < 4
        assert not session.is_alive
        with pytest.raises(VolumeOffline):
            await session.probe()


async def test_a_child_that_dies_fails_its_requests_at_once(tmp_path: Path) -> None:
    async with open_session(tmp_path) as session, session.open_watch() as changes:
        await anext(changes)
        session.child.kill()
        with pytest.raises(VolumeOffline), trio.fail_after(5):
            await anext(changes)


@pytest.mark.slow
async def test_the_child_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    script = (
        "import sys, time, trio\n"
        "from daemon.volume_process.protocol import Hello\n"
        "from daemon.volume_session import start_session\n"
        "async def main():\n"
        "    session = start_session(Hello(sys.argv[1].encode(), 'local', (), (), (), ()))\n"
        "    print(session.child.pid, flush=True)\n"
        "    await session.serve()\n"
        "trio.run(main)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script, tmp_path], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    child_pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    with trio.fail_after(5):
        await wait_ended(child_pid)


# ---- parts without a process


def test_the_mount_table_is_read_with_escapes_and_the_longest_mount_holds() -> None:
    line = rb"36 35 98:0 /mnt1 /mnt\0402\134x rw,noatime master:1 shared:2 - fuse.glassine /dev/ro\011ot rw"
    mount = parse_mount(line)
    assert (mount.point, mount.fs_type, mount.source) == (b"/mnt 2\\x", "fuse.glassine", b"/dev/ro\tot")
    root, home = Mount(b"/", "ext4", b"/dev/a"), Mount(b"/home", "nfs4", b"nas:/home")
    assert mount_of(b"/home/u", [root, home]) == home
    assert mount_of(b"/homeless", [root, home]) == root
    assert (home.is_remote, root.is_remote, mount.is_remote) == (True, False, False)


def test_a_store_without_inodes_is_walked_by_the_same_code() -> None:
    bucket = b"walk test"
    memory.create_bucket(bucket)
    memory.put(bucket, b"2019/a.jpg", b"a", 1)
    memory.put(bucket, b"2019/.cache/b.jpg", b"b", 1)
    memory.put(bucket, b"c.jpg", b"c", 1)
    territory = walking.Territory(Excludes())
    with memory.MemoryStorage(bucket) as storage:
        parts = [part for part in walking.walk(storage, [b""], territory) if isinstance(part, walking.Part)]
        names = {(part.path, entry.name) for part in parts for entry in part.entries}
        assert names == {(b"", b"2019"), (b"", b"c.jpg"), (b"2019", b"a.jpg")}
        known = {path_key(part.path): part.digest for part in parts if part.digest}
        assert all(
            isinstance(part, walking.Same) for part in walking.walk(storage, [b""], territory, known=known)
        )
        memory.put(bucket, b"2019/a.jpg", b"longer", 2)
        changed = [
            part.path
            for part in walking.walk(storage, [b""], territory, known=known)
            if isinstance(part, walking.Part)
        ]
        assert changed == [b"2019"]
    memory.drop_bucket(bucket)


def test_a_child_that_was_started_ahead_and_not_needed_ends_with_the_block() -> None:
    before = _children()
    with open_spare() as spare:
        (unused,) = _children() - before
        child = start_volume_process()
        assert child.stdin is not None
        child.stdin.close()
        assert child.wait(timeout=10) == 0  # told nothing, it just goes
        assert child.stdout is not None
        child.stdout.close()
    assert unused not in _children()
    assert spare.take() is None


async def test_a_session_takes_a_child_that_was_started_ahead(tmp_path: Path) -> None:
    with open_spare() as spare:
        child = spare.take()
        assert child is not None
        session = start_session(Hello(bytes(tmp_path), "local", (), (), (), ()), child=child)
        async with trio.open_nursery() as nursery:
            await nursery.start(session.serve)
            assert (await session.probe()).error is None
            session.end("enough")
        assert await session.reap()
        assert session.child is child


def _children() -> set[int]:
    own = os.getpid()
    return set(map(int, Path(f"/proc/{own}/task/{own}/children").read_text().split()))


async def test_who_may_read_a_file_is_in_its_listing_and_in_the_digest_of_its_directory(
    tmp_path: Path,
) -> None:
    (tmp_path / "x.jpg").write_bytes(b"x")
    async with open_session(tmp_path) as session:
        before = await walked(session)
        (tmp_path / "x.jpg").chmod(0o600)
        after = await walked(session, known=before.digests)
        assert after.directories == {b""}
        assert before.access[b"x.jpg"] != after.access[b"x.jpg"] != 0
        os.link(tmp_path / "x.jpg", tmp_path / "y.jpg")
        linked = await walked(session)
        assert linked.access[b"x.jpg"] == linked.access[b"y.jpg"] != after.access[b"x.jpg"]
        (tmp_path / "x.jpg").chmod(0o644)
        (tmp_path / "y.jpg").unlink()
        assert (await walked(session)).access == before.access or before.access[b"x.jpg"] & 0o777 != 0o644


@pytest.mark.parametrize(
    "name", ["EIO", "EACCES", "EPERM", "ESTALE", "ETIMEDOUT", "ENOTCONN", "EHOSTDOWN", "ENODEV", "EINTR"]
)
def test_no_error_but_absence_makes_a_file_gone(tmp_path: Path, name: str) -> None:
    class Troubled(LocalStorage):
        def stat(self, path: bytes) -> Dentry:
            raise OSError(getattr(errno, name), "as a storage in trouble says", path)

    with Troubled(os.fsencode(tmp_path)) as storage:
        assert SecondLook(storage, walking.Territory(Excludes())).is_gone(b"x.jpg") is None


def test_what_lies_behind_a_symbolic_link_is_gone(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "x.jpg").write_bytes(b"x")
    (tmp_path / "moved").symlink_to("real")
    with LocalStorage(os.fsencode(tmp_path)) as storage:
        fates = [
            SecondLook(storage, walking.Territory(Excludes())).is_gone(path)
            for path in (b"moved", b"moved/x.jpg", b"real/x.jpg")
        ]
        assert fates == [True, True, False]
