"""Changes of the catalog under a live mount: seen soon, seen precisely, and nothing else is asked again."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest
from live_mount import DAY, NOON, SEEN_S, Live, asked
from mounted import open_mount, wait_until

from catalog.store import changes, volumes
from library_builder import VOLUME, BuiltLibrary, FileSpec, build_library

pytestmark = pytest.mark.mount


@pytest.fixture
def live(tmp_path) -> Iterator[Live]:
    built = build_library(tmp_path, {f"dir/{number:03d}.jpg": NOON for number in range(60)})
    with open_mount(built.library, tmp_path / "mnt") as mount:
        yield Live(built, mount)
    built.close()


@pytest.mark.parametrize("folder", [DAY, f"Originals/{VOLUME}/dir", "Types/Photos/2019"])
def test_a_name_that_was_looked_for_in_vain_is_found_when_it_appears(live, folder):
    path = live.place / folder / "coming.jpg"
    assert not path.exists()
    assert asked(live, path.exists).get("lookup", 0) == 0  # the kernel remembers the absence
    live.add("dir/coming.jpg")
    assert wait_until(path.exists) < SEEN_S
    assert path.read_bytes() == NOON.bytes_for(b"dir/coming.jpg")


def test_a_folder_that_was_looked_for_in_vain_is_found_when_its_first_photo_comes(live):
    paths = [live.place / f"Timeline/{part}" for part in ("2011", "2011/2011-05", "2011/2011-05/2011-05-06")]
    camera = live.place / "Cameras/New Camera/2011"
    assert not any(path.exists() for path in [*paths, camera, camera.parent])
    live.add("dir/future.jpg", FileSpec(captured="2011-05-06T01:02:03", make="New", model="Camera"))
    assert wait_until(lambda: all(path.is_dir() for path in [*paths, camera])) < SEEN_S


@pytest.mark.parametrize("folder", [DAY, f"Originals/{VOLUME}/dir"])
def test_a_photo_that_left_is_gone_from_stat_and_listing(live, folder):
    path = live.place / folder / "007.jpg"
    assert path.stat().st_size
    live.remove("dir/007.jpg")
    assert wait_until(lambda: not path.exists()) < SEEN_S
    assert "007.jpg" not in os.listdir(path.parent)


def test_the_last_photo_takes_its_folders_along(live):
    live.add("dir/lonely.jpg", FileSpec(captured="1999-12-31T12:00:00"))
    folder = live.place / "Timeline/1999"
    wait_until(folder.exists)
    assert (folder / "1999-12/1999-12-31/lonely.jpg").exists()
    live.remove("dir/lonely.jpg")
    assert wait_until(lambda: not folder.exists()) < SEEN_S


def test_replaced_bytes_are_served_under_the_same_name(live):
    path = live.place / DAY / "001.jpg"
    before = path.read_bytes(), path.stat().st_ino
    live.built.put("dir/001.jpg", FileSpec(body=b"edited" * 5000, captured=NOON.captured, mtime_ns=10**18))
    live.built.rescan()
    assert wait_until(lambda: path.stat().st_size == 30_000) < SEEN_S
    assert path.read_bytes() == b"edited" * 5000
    assert (path.read_bytes(), path.stat().st_ino) != before
    original = live.place / "Originals" / VOLUME / "dir/001.jpg"
    assert original.read_bytes() == b"edited" * 5000


def test_times_of_folders_follow_their_last_change(live):
    folders = [
        live.place / part
        for part in (DAY, "Timeline/2019/2019-08", "Timeline/2019", "Timeline", "Types/Photos")
    ]
    before = [folder.stat().st_mtime_ns for folder in folders]
    live.add("dir/new.jpg")
    assert (
        wait_until(lambda: all(f.stat().st_mtime_ns > old for f, old in zip(folders, before, strict=True)))
        < SEEN_S
    )


def test_after_one_new_photo_no_other_name_is_asked_for(live):
    names = sorted(os.listdir(live.place / DAY))
    paths = [live.place / DAY / name for name in names]
    for path in paths:
        path.stat()
    assert asked(live, lambda: [path.stat() for path in paths]).get("lookup", 0) == 0
    live.add("dir/one-more.jpg")
    live.drained()
    requests = asked(live, lambda: [path.stat() for path in paths])
    assert requests.get("lookup", 0) == 0, requests
    assert requests.get("getattr", 0) <= 1, requests
    assert "one-more.jpg" in os.listdir(live.place / DAY)


def test_a_program_inside_a_folder_keeps_its_place_when_the_folder_is_told_anew(live):
    # A new day expires the month's entry: dropped instead, getcwd(2) would say "No such file or directory".
    month = live.place / "Timeline/2019/2019-08"
    with subprocess.Popen(
        [sys.executable, "-c", "import os; input(); print(os.getcwd()); print(sorted(os.listdir()))"],
        cwd=month,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as program:
        live.add("dir/next-day.jpg", FileSpec(captured="2019-08-09T12:00:00"))
        live.drained()
        out, _ = program.communicate("\n")
    assert out.splitlines() == [str(month), "['2019-08-07', '2019-08-09']"]


def test_a_new_volume_and_its_state_are_seen(live, tmp_path):
    folder = live.place / "Originals" / "Second"
    assert not folder.exists()
    (tmp_path / "second").mkdir()
    volumes.add_volume(live.built.writer, "Second", os.fsencode(tmp_path / "second"), now_ns=time.time_ns())
    assert wait_until(folder.is_dir) < SEEN_S
    assert os.listdir(folder) == []


def test_an_offline_volume_keeps_its_entries_and_reading_fails_at_once(live):
    path = live.place / DAY / "001.jpg"
    names = sorted(os.listdir(path.parent))
    volumes.set_volume_state(live.built.writer, live.built.volume_id, "offline", "pulled out", time.time_ns())
    live.drained()
    started = time.monotonic()
    with pytest.raises(OSError, match="Input/output error"):
        path.read_bytes()
    assert time.monotonic() - started < 0.5
    assert sorted(os.listdir(path.parent)) == names
    volumes.set_volume_state(live.built.writer, live.built.volume_id, "online", None, time.time_ns())
    assert path.read_bytes() == NOON.bytes_for(b"dir/001.jpg")


def test_a_lost_feed_makes_everything_be_asked_again(live):
    path, vain = live.place / DAY / "001.jpg", live.place / DAY / "never.jpg"
    path.stat()
    assert not vain.exists()
    with live.built.writer.atomic():
        changes.append(live.built.writer, [("all", "", None)])
    live.drained()
    requests = asked(live, lambda: (path.stat(), vain.exists()))
    assert requests["lookup"] >= 2, requests
    assert path.read_bytes()


@pytest.mark.slow
def test_a_listing_under_constant_change_misses_nothing_and_doubles_nothing(tmp_path):
    count, rounds = 10_000, 6
    files = {
        f"d/{number:05d}.jpg": FileSpec(body=b"%d" % number, captured=NOON.captured)
        for number in range(count)
    }
    built = build_library(tmp_path, files, hashes=False)
    stable = {f"{number:05d}.jpg" for number in range(0, count, 2)}
    rows = built.writer.rows("SELECT id FROM location WHERE CAST(name AS TEXT) GLOB '[0-9]*[13579].jpg'")
    coming_and_going = [row[0] for row in rows]
    is_over = threading.Event()
    with open_mount(built.library, tmp_path / "mnt") as mount:
        churner = threading.Thread(target=_churn, args=(built, coming_and_going, is_over))
        churner.start()
        try:
            for _ in range(rounds):
                names = os.listdir(mount.place / DAY)
                assert len(names) == len(set(names))
                assert stable <= set(names)
        finally:
            is_over.set()
            churner.join()
        wait_until(lambda: len(os.listdir(mount.place / DAY)) == count)
    built.close()


def _churn(built: BuiltLibrary, location_ids: list[int], is_over: threading.Event) -> None:
    """Take photos out of the views and put them back, hundreds at a time."""
    from catalog.store import scanning
    from catalog.values import DirectoryListing, Observed

    start = 0
    while not is_over.is_set():
        part = location_ids[start : start + 400]
        start = (start + 400) % len(location_ids)
        rows = built.writer.rows(
            f"SELECT name, size, mtime_ns, ctime_ns, inode FROM location WHERE id IN ({','.join(map(str, part))})"
        )
        back = tuple(Observed(row[0], "f", *row[1:]) for row in rows)
        now_ns = time.time_ns()
        scanning.mark_missing(built.writer, built.volume_id, part, now_ns)  # type: ignore[arg-type]
        listing = DirectoryListing(b"d", now_ns, back, is_first=True, is_last=False, digest=None)
        scanning.apply_listing(built.writer, built.volume_id, listing, now_ns)


def test_a_photo_shown_before_its_hash_keeps_its_pages_honest(live):
    """Bytes read before a change are not served after it, though number and name stay."""
    path = live.place / "Originals" / VOLUME / "dir/002.jpg"
    assert path.read_bytes() == NOON.bytes_for(b"dir/002.jpg")
    live.built.put("dir/002.jpg", FileSpec(body=b"second", captured=NOON.captured, mtime_ns=10**18))
    live.built.rescan(hashes=False)
    assert wait_until(lambda: path.stat().st_size == 6) < SEEN_S
    assert path.read_bytes() == b"second"
