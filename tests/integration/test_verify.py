"""Verification: rot is found, good copies are named, and nothing is ever mended by us.

Rot that an ordinary user can make: a byte is flipped and the mtime set back; the change time, which nobody can set back, is
written into the catalog as the flipped file has it now (`_hide_the_change`). So stamps and catalog agree, as they do when a
medium rots. The tests marked `root` need no such help: they write into the image of a mounted file system.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
import trio
from blake3 import blake3
from living import Living, open_living

from capabilities import require
from catalog.errors import VolumeOffline
from catalog.ids import VolumeId
from catalog.library import Library
from catalog.store import verifying, waits
from catalog.store.db import Writer
from catalog.store.verifying import Copy, Damage
from catalog.store.volumes import note_nested_mounts
from catalog.values import Volume
from daemon.config import VerifySection
from daemon.scan import scan_volume
from daemon.scan_request import scan_for
from daemon.verify import DAY_NS, Verifier, open_verification
from daemon.verify_run import VerifyOutcome, VerifyProgress, VerifyWish
from loop_disk import loop_disk
from sacred import REPOSITORY
from source_mutant import seed_mutant

pytestmark = pytest.mark.slow


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "library")


@pytest.fixture
def root(tmp_path: Path, sample: Path) -> Path:
    """A folder of six different photos that becomes a volume."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, photo in enumerate(sorted(sample.rglob("*.[jJ][pP][gG]"))[:6]):
        shutil.copy(photo, folder / f"{number}.jpg")
    _settle(folder)
    return folder


def _settle(folder: Path) -> None:
    """Make files look old, so that they may be hashed at once where there are no leases."""
    for path in folder.rglob("*.jpg"):
        os.utime(path, ns=(10**18, 10**18))


class Ears:
    """A listener that remembers."""

    def __init__(self) -> None:
        self.newest: VerifyProgress | None = None
        self.findings: list[tuple[Damage, list[Copy]]] = []
        self.failures: list[tuple[bytes, str]] = []
        self.on_progress: trio.CancelScope | None = None

    def progress(self, progress: VerifyProgress) -> None:
        self.newest = progress
        if progress.checked and self.on_progress is not None:
            self.on_progress.cancel()

    async def damaged(self, damage: Damage, copies: Sequence[Copy]) -> None:
        self.findings.append((damage, list(copies)))

    async def failed(self, volume: Volume, path: bytes, reason: str) -> None:
        self.failures.append((path, reason))


async def _verify(
    living: Living, volume_id: VolumeId, ears: Ears | None = None, *, cutoff_ns: int | None = None
) -> VerifyOutcome:
    verifier = Verifier(living.services, VerifySection())
    wish = VerifyWish(time.time_ns() if cutoff_ns is None else cutoff_ns)
    return await verifier.verify(volume_id, wish, ears or Ears())


def flip(path: Path, offset: int = -2) -> None:
    """Change one byte and set the mtime back."""
    before = path.stat()
    content = bytearray(path.read_bytes())
    content[offset] ^= 0xFF
    with path.open("r+b") as file:
        file.write(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


async def _hide_the_change(living: Living, path: Path) -> None:
    """Let the catalog know the change time that a file has now, as if it had never moved."""

    def write(writer: Writer) -> int:
        with writer.atomic():
            return writer.execute(
                "UPDATE location SET ctime_ns = ? WHERE name = ?",
                (path.stat().st_ctime_ns, os.fsencode(path.name)),
            )

    assert await living.writer.run(write) == 1


async def _rot(living: Living, path: Path) -> None:
    flip(path)
    await _hide_the_change(living, path)


def _on_disk(root: Path) -> dict[str, tuple[object, ...]]:
    """Return everything about every file: bytes, and all stamps but the access time."""
    found: dict[str, tuple[object, ...]] = {}
    for path in sorted(root.rglob("*")):
        status = path.lstat()
        body = blake3(path.read_bytes()).hexdigest() if path.is_file() else ""
        stamps = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_mode)
        found[str(path.relative_to(root))] = (body, *stamps)
    return found


async def _known(living: Living) -> dict[str, list[tuple[object, ...]]]:
    """Return all that the catalog knows of files, bytes and photos, but for when they were compared."""
    location = "id, volume_id, directory_id, name, size, mtime_ns, inode, state, content_id, hash_failure, recheck_due"
    wanted = {"content": "*", "asset": "*", "statement": "*", "journal": "*", "location": location}
    return {
        table: await living.rows(f"SELECT {columns} FROM {table} ORDER BY id")
        if table != "statement"
        else await living.rows("SELECT * FROM statement ORDER BY asset_id, property, element, source, author")
        for table, columns in wanted.items()
    }


async def _ready(living: Living, root: Path, name: str = "photos") -> VolumeId:
    volume_id = await living.add(root, name)
    await scan_volume(living.services, volume_id, waits_for_ingest=True)
    assert await living.rows("SELECT count(*) FROM content WHERE hash IS NULL") == [(0,)]
    return volume_id


async def test_all_is_compared_once_and_what_was_compared_since_the_cut_off_is_left_out(
    library: Library, root: Path
) -> None:
    async with open_living(library) as living:
        volume_id = await _ready(living, root)
        before, known = _on_disk(root), await _known(living)
        began_ns = time.time_ns()
        ears = Ears()
        outcome = await _verify(living, volume_id, ears, cutoff_ns=began_ns)
        size = sum(path.stat().st_size for path in root.iterdir())
        assert outcome.state == "done"
        numbers = {"checked": 6, "bytes": size, "damaged": 0, "mended": 0, "errors": 0, "left": 0}
        assert outcome.counts == numbers
        assert ears.newest is not None
        assert (ears.newest.due, ears.newest.due_bytes, ears.newest.checked) == (6, size, 6)
        assert (await _verify(living, volume_id, cutoff_ns=began_ns)).counts["checked"] == 0
        assert (await _verify(living, volume_id)).counts["checked"] == 6
        assert (_on_disk(root), await _known(living)) == (before, known)


async def test_rot_is_damage_and_nothing_else_changes(library: Library, root: Path) -> None:
    async with open_living(library) as living:
        volume_id = await _ready(living, root)
        await _rot(living, root / "3.jpg")
        before, known = _on_disk(root), await _known(living)
        ears = Ears()
        outcome = await _verify(living, volume_id, ears)
        assert (outcome.state, outcome.counts["damaged"], outcome.counts["left"]) == ("done", 1, 0)
        ((damage, copies),) = ears.findings
        assert (damage.path, damage.volume, copies) == (b"3.jpg", "photos", [])
        assert damage.found == blake3((root / "3.jpg").read_bytes()).digest() != damage.expected
        assert (_on_disk(root), await _known(living)) == (before, known)
        # The next run that has all to compare reads and tells it again; its first day stays.
        again = Ears()
        await _verify(living, volume_id, again)
        ((told, _),) = again.findings
        assert (told.found_ns, told.expected) == (damage.found_ns, damage.expected)
        assert told.read_ns > damage.read_ns


async def test_a_file_known_to_be_damaged_is_told_without_being_read_again(
    library: Library, root: Path
) -> None:
    async with open_living(library) as living:
        volume_id = await _ready(living, root)
        await _rot(living, root / "0.jpg")
        began_ns = time.time_ns()
        await _verify(living, volume_id, cutoff_ns=began_ns)
        ears = Ears()
        outcome = await _verify(living, volume_id, ears, cutoff_ns=began_ns)
        assert (outcome.counts["checked"], outcome.counts["damaged"]) == (0, 1)
        assert [damage.path for damage, _ in ears.findings] == [b"0.jpg"]


async def test_good_copies_are_named_but_no_other_name_of_the_same_bytes(
    library: Library, root: Path, tmp_path: Path
) -> None:
    (tmp_path / "backup").mkdir()
    shutil.copy(root / "1.jpg", tmp_path / "backup" / "copy.jpg")
    shutil.copy(root / "1.jpg", root / "twin.jpg")
    _settle(tmp_path / "backup")
    _settle(root)
    os.link(root / "1.jpg", root / "zz_same_inode.jpg")
    async with open_living(library) as living:
        volume_id = await _ready(living, root)
        backup_id = await _ready(living, tmp_path / "backup", "backup")
        flip(root / "1.jpg")
        await _hide_the_change(living, root / "1.jpg")
        await _hide_the_change(living, root / "zz_same_inode.jpg")
        ears = Ears()
        await _verify(living, volume_id, ears)
        found = {damage.path: copies for damage, copies in ears.findings}
        places = {("backup", b"copy.jpg"), ("photos", b"twin.jpg")}
        assert found.keys() == {b"1.jpg", b"zz_same_inode.jpg"}
        for copies in found.values():
            assert {(copy.volume, copy.path) for copy in copies} == places
        await living.writer.run(_switch_off, backup_id)
        (damage, _) = ears.findings[0]
        copies = await living.writer.read(verifying.good_copies, damage.location_id)
        assert [(copy.path, copy.volume_state) for copy in copies] == [
            (b"twin.jpg", "online"),
            (b"copy.jpg", "offline"),
        ]


def _switch_off(writer: Writer, volume_id: VolumeId) -> None:
    with writer.atomic():
        writer.execute("UPDATE volume SET state = 'offline' WHERE id = ?", (volume_id,))


async def test_bytes_that_are_right_again_mend_the_row(library: Library, root: Path) -> None:
    async with open_living(library) as living:
        volume_id = await _ready(living, root)
        await _rot(living, root / "2.jpg")
        assert (await _verify(living, volume_id)).counts["damaged"] == 1
        await _rot(living, root / "2.jpg")  # the same byte once more
        outcome = await _verify(living, volume_id)
        assert (outcome.counts["damaged"], outcome.counts["mended"], outcome.counts["checked"]) == (0, 1, 6)
        assert await living.rows("SELECT count(*) FROM damage") == [(0,)]


async def test_a_file_restored_from_a_backup_is_the_same_photo_and_damaged_no_more(
    library: Library, root: Path, tmp_path: Path
) -> None:
    shutil.copy(root / "2.jpg", tmp_path / "saved.jpg")
    async with open_living(library) as living:
        volume_id = await _ready(living, root)
        photos = await living.rows("SELECT uid, merged_into FROM asset ORDER BY id")
        await _rot(living, root / "2.jpg")
        assert (await _verify(living, volume_id)).counts["damaged"] == 1
        os.replace(tmp_path / "saved.jpg", root / "2.jpg")
        os.utime(root / "2.jpg", ns=(10**18, 10**18))
        await scan_volume(living.services, volume_id, waits_for_ingest=True, full=True)
        outcome = await _verify(living, volume_id)
        assert (outcome.counts["damaged"], outcome.counts["checked"]) == (0, 6)
        assert await living.rows("SELECT count(*) FROM damage") == [(0,)]
        shown = await living.rows("SELECT uid FROM asset WHERE is_shown = 1 ORDER BY id")
        assert shown == [(uid,) for uid, merged in photos if merged is None]


async def test_an_edit_is_no_damage(library: Library, root: Path) -> None:
    """Another stamp: the file is listed and read again, and is a new version of its photo."""
    async with open_living(library) as living:
        volume_id = await _ready(living, root)
        flip(root / "4.jpg")
        ears = Ears()
        outcome = await _verify(living, volume_id, ears)
        assert (outcome.counts["damaged"], outcome.counts["errors"], ears.findings) == (0, 0, [])
        assert outcome.has_changes
        await living.ingest.drained(volume_id)
        digest = blake3((root / "4.jpg").read_bytes()).digest()
        assert await living.rows("SELECT count(*) FROM content WHERE hash = ?", digest) == [(1,)]


async def test_a_file_that_is_gone_is_news_and_neither_damage_nor_an_error(
    library: Library, root: Path
) -> None:
    async with open_living(library) as living:
        volume_id = await _ready(living, root)
        (root / "5.jpg").unlink()
        ears = Ears()
        outcome = await _verify(living, volume_id, ears)
        assert (outcome.counts["damaged"], outcome.counts["errors"], ears.failures) == (0, 0, [])
        assert await living.files("missing") == {b"5.jpg"}


async def test_a_file_that_may_not_be_read_is_an_error_and_stays_due(library: Library, root: Path) -> None:
    require("user")
    async with open_living(library) as living:
        volume_id = await _ready(living, root)
        (root / "1.jpg").chmod(0)
        await _hide_the_change(living, root / "1.jpg")
        ears = Ears()
        outcome = await _verify(living, volume_id, ears)
        assert ears.failures == [(b"1.jpg", "EACCES")]
        assert (outcome.state, outcome.counts["errors"], outcome.counts["left"]) == ("done", 1, 1)
        assert outcome.counts["checked"] == 5
        (root / "1.jpg").chmod(0o644)


async def test_a_file_that_somebody_writes_to_is_not_compared(library: Library, root: Path) -> None:
    async with open_living(library) as living:
        volume_id = await _ready(living, root)
        ears = Ears()
        with (root / "1.jpg").open("r+b"):
            outcome = await _verify(living, volume_id, ears)
        if ears.failures:  # this file system has leases: the writer is seen
            assert ears.failures == [(b"1.jpg", "busy")]
            assert outcome.counts["left"] == 1
        assert outcome.counts["damaged"] == 0


async def test_a_run_that_is_stopped_keeps_what_it_compared_and_the_next_one_goes_on(
    library: Library, root: Path
) -> None:
    with (root / "large.jpg").open("wb") as file:  # comes last, and takes long at this pace
        file.write(b"\xff\xd8\xff" + os.urandom(8 << 20))
    _settle(root)
    async with open_living(library) as living:
        volume_id = await _ready(living, root)
        began_ns = time.time_ns()
        ears = Ears()
        verifier = Verifier(living.services, VerifySection())
        with trio.CancelScope() as ears.on_progress:
            await verifier.verify(volume_id, VerifyWish(began_ns, bytes_per_s=1 << 20), ears)
        assert ears.on_progress.cancelled_caught
        rows = await living.rows("SELECT state, ended_ns IS NOT NULL FROM verification")
        assert rows == [("abandoned", 1)]
        cutoff_ns = await verifier.cutoff_of_all(volume_id, time.time_ns())
        assert cutoff_ns == began_ns
        outcome = await verifier.verify(volume_id, VerifyWish(cutoff_ns), Ears())
        assert outcome.state == "done"
        assert 0 < outcome.counts["checked"] < 7
        assert await verifier.cutoff_of_all(volume_id, 2**60) == 2**60  # a run that is done is no beginning


async def test_out_of_time_a_run_is_paused(library: Library, root: Path) -> None:
    async with open_living(library) as living:
        volume_id = await _ready(living, root)
        wish = VerifyWish(time.time_ns(), deadline_s=trio.current_time() + 0.2, bytes_per_s=1000)
        outcome = await Verifier(living.services, VerifySection()).verify(volume_id, wish, Ears())
        assert outcome.state == "paused"
        assert outcome.counts["left"] > 0
        assert await living.rows("SELECT state FROM verification") == [("paused",)]


async def test_a_volume_that_is_away_is_not_touched(library: Library, root: Path) -> None:
    async with open_living(library) as living:
        volume_id = await _ready(living, root)
        root.rename(root.with_name("away"))
        with pytest.raises(VolumeOffline):
            await _verify(living, volume_id)
        assert await living.rows("SELECT count(*) FROM verification") == [(0,)]


@pytest.mark.parametrize("comes_back", [True, False])
async def test_a_volume_that_goes_away_pauses_the_run_and_is_not_damaged(
    library: Library, root: Path, comes_back: bool
) -> None:
    """The root is replaced by an empty folder after the first reading has begun: every file is ENOENT."""
    async with open_living(library) as living:
        volume_id = await _ready(living, root)

        class Thief(Ears):
            def progress(self, progress: VerifyProgress) -> None:
                if self.newest is None:
                    root.rename(root.with_name("away"))
                    root.mkdir()
                super().progress(progress)

        ears = Thief()
        with pytest.raises(VolumeOffline):
            await _verify(living, volume_id, ears)
        assert (ears.findings, ears.failures) == ([], [])
        assert await living.rows("SELECT state FROM verification") == [("paused",)]
        assert await living.rows("SELECT count(*) FROM damage") == [(0,)]
        assert await living.files("missing") == set()
        root.rmdir()
        root.with_name("away").rename(root)
        if comes_back:
            assert (await _verify(living, volume_id)).counts["checked"] == 6


async def test_files_of_a_file_system_that_is_away_are_left_for_its_return(
    library: Library, root: Path
) -> None:
    (root / "stick").mkdir()
    shutil.move(root / "5.jpg", root / "stick" / "5.jpg")
    async with open_living(library) as living:
        volume_id = await _ready(living, root)
        found = [(b"stick", "uuid:1")]
        await living.writer.run(note_nested_mounts, volume_id, found, 1)
        await living.writer.run(note_nested_mounts, volume_id, [(b"stick", None)], 2)
        (root / "stick" / "5.jpg").rename(root / "elsewhere")
        ears = Ears()
        outcome = await _verify(living, volume_id, ears)
        assert (outcome.state, outcome.counts["checked"], outcome.counts["left"]) == ("paused", 5, 1)
        assert (outcome.has_changes, ears.failures) == (False, [])


# ---- schedule


async def test_the_schedule_verifies_what_is_due_once_a_day(library: Library, root: Path) -> None:
    async with open_living(library) as living:
        volume_id = await _ready(living, root)
        verifier = Verifier(living.services, VerifySection(every_days=30))
        await living.writer.run(_verified_at, 0)
        now_ns = time.time_ns()
        await verifier.look(now_ns)
        first = await living.writer.read(verifying.last_run, volume_id)
        assert first is not None
        assert (first.state, first.counts["checked"]) == ("done", 6)
        await living.writer.run(_verified_at, 0)
        await verifier.look(time.time_ns())  # due, but its day is not over
        await living.writer.run(_verified_at, now_ns)
        await verifier.look(now_ns + 2 * DAY_NS)  # its day is over, but nothing is due
        assert await living.rows("SELECT count(*) FROM verification") == [(1,)]


def _verified_at(writer: Writer, instant_ns: int) -> None:
    with writer.atomic():
        writer.execute("UPDATE location SET verified_ns = ?", (instant_ns,))


async def test_the_schedule_leaves_volumes_alone_that_are_not_online_or_when_it_is_switched_off(
    library: Library, root: Path
) -> None:
    async with open_living(library) as living:
        volume_id = await _ready(living, root)
        await living.writer.run(_verified_at, 0)
        await Verifier(living.services, VerifySection(every_days=0)).look(time.time_ns())
        await living.writer.run(_switch_off, volume_id)
        await Verifier(living.services, VerifySection()).look(time.time_ns())
        assert await living.rows("SELECT count(*) FROM verification") == [(0,)]
        assert (await living.volume(volume_id)).state == "offline"


async def test_a_wish_ends_the_scheduled_run(library: Library, root: Path) -> None:
    async with open_living(library) as living:
        volume_id = await _ready(living, root)
        with (root / "large.jpg").open("wb") as file:
            file.write(b"\xff\xd8\xff" + os.urandom(4 << 20))
        _settle(root)
        await scan_volume(living.services, volume_id, waits_for_ingest=True)
        await living.writer.run(_verified_at, 0)
        verifier = Verifier(living.services, VerifySection(mib_per_s=1))
        async with open_verification(verifier, first_look_s=0):
            # What another task writes into the catalog rings nothing here.
            while not await living.rows("SELECT 1 FROM verification WHERE state = 'running'"):  # noqa: ASYNC110
                await trio.sleep(0.01)
            outcome = await verifier.verify(volume_id, VerifyWish(time.time_ns()), Ears())
        assert outcome.state == "done"
        rows = await living.rows("SELECT state FROM verification ORDER BY id")
        assert rows == [("abandoned",), ("done",)]


@pytest.mark.allows_log("is damaged; 0 good copies are known")
async def test_the_schedule_writes_damage_into_the_log(
    library: Library, root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_living(library) as living:
        await _ready(living, root)
        await _rot(living, root / "0.jpg")
        await living.writer.run(_verified_at, 0)
        await Verifier(living.services, VerifySection()).look(time.time_ns())
        assert "0.jpg" in caplog.text


async def test_runs_that_a_killed_process_left_are_abandoned(library: Library, root: Path) -> None:
    async with open_living(library) as living:
        volume_id = await _ready(living, root)
        await living.writer.run(verifying.begin, volume_id, 1, 2)
    async with open_living(library) as living:
        last = await living.writer.read(verifying.last_run, volume_id)
        assert last is not None
        assert (last.state, last.cutoff_ns) == ("abandoned", 1)


# ---- an explicit scan tries again


async def test_an_explicit_scan_tries_at_once_what_waits_after_an_error(library: Library, root: Path) -> None:
    require("user")
    (root / "0.xmp").write_text(
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="4"/></rdf:RDF></x:xmpmeta>'
    )
    shut = (root / "0.xmp", root / "1.jpg", root / "unnamed")
    shutil.copy(root / "2.jpg", root / "unnamed")
    for path in shut:
        path.chmod(0)
    async with open_living(library) as living:
        volume_id = await living.add(root)
        argument = {"volumes": [], "full": False}
        lines: list[dict[str, object]] = []

        async def tell(line: dict[str, object]) -> None:
            lines.append(line)

        result = await scan_for(living.services, argument, tell)
        told = sorted(line["error"]["message"] for line in lines if line["type"] == "error")  # type: ignore[index]
        assert told == ["photos: 0.xmp cannot be read", "photos: 1.jpg may not be read (EACCES)"]
        assert result["counts"]["errors"] == 2
        assert await living.writer.read(waits.waiting, "hash", volume_id, 0)
        for path in shut:
            path.chmod(0o644)
        result = await scan_for(living.services, argument, tell)
        assert result["counts"]["errors"] == 0
        for kind in waits.KINDS:
            assert await living.writer.read(waits.waiting, kind, volume_id, 0) == []
        assert await living.rows(
            "SELECT count(*) FROM content WHERE hash IS NULL OR facts_state = 'due'"
        ) == [(0,)]
        assert await living.rows("SELECT count(*) FROM location WHERE sniff_due = 1") == [(0,)]
        assert await living.rows("SELECT state FROM sidecar") == [("done",)]


# ---- real rot: the image of a file system is written to


@pytest.mark.root
@pytest.mark.parametrize("is_cached", [False, True], ids=["after a remount", "behind the page cache"])
async def test_rot_in_the_medium_is_found(
    library: Library, root: Path, tmp_path: Path, is_cached: bool
) -> None:
    """No stamp moves: a byte changes in the image that holds the file system, mounted or not."""
    pattern = os.urandom(64)
    with loop_disk(tmp_path / "disk", size_kib=16 * 1024) as disk:
        body = (root / "0.jpg").read_bytes() + pattern + bytes(10_000)
        (disk / "rotten.jpg").write_bytes(body)
        shutil.copy(root / "1.jpg", disk / "sound.jpg")
        _settle(disk)
        os.sync()
        async with open_living(library) as living:
            volume_id = await _ready(living, disk)
            before = (disk / "rotten.jpg").stat()
            assert (disk / "rotten.jpg").read_bytes() == body
            if not is_cached:
                await living.volumes.stop(volume_id)
                await trio.to_thread.run_sync(disk.unmount)
            _write_into(disk.image, pattern)
            if not is_cached:
                await trio.to_thread.run_sync(disk.mount_again)
            else:
                assert (disk / "rotten.jpg").read_bytes() == body  # the page cache hides it
            ears = Ears()
            outcome = await _verify(living, volume_id, ears)
            assert [damage.path for damage, _ in ears.findings] == [b"rotten.jpg"]
            assert (outcome.counts["checked"], outcome.counts["damaged"]) == (2, 1)
            after = (disk / "rotten.jpg").stat()
            assert (before.st_mtime_ns, before.st_ctime_ns) == (after.st_mtime_ns, after.st_ctime_ns)
            _write_into(disk.image, pattern)  # the medium is good again
            assert (await _verify(living, volume_id)).counts["mended"] == 1
            assert (disk / "rotten.jpg").read_bytes() == body
            await living.volumes.stop(volume_id)


@pytest.mark.root
async def test_a_product_that_believes_the_page_cache_would_not_find_it(
    library: Library, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mutant of the test above: volume processes that drop no page read what the medium no longer holds."""
    seeded = seed_mutant(
        tmp_path / "mutant",
        "daemon.volume_process.hashing",
        "            if from_disk:",
        "            if False:",
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(seeded), str(REPOSITORY)]))
    pattern = os.urandom(64)
    with loop_disk(tmp_path / "disk", size_kib=16 * 1024) as disk:
        (disk / "rotten.jpg").write_bytes((root / "0.jpg").read_bytes() + pattern + bytes(10_000))
        _settle(disk)
        os.sync()
        async with open_living(library) as living:
            volume_id = await _ready(living, disk)
            _write_into(disk.image, pattern)
            ears = Ears()
            outcome = await _verify(living, volume_id, ears)
            assert (outcome.counts["checked"], ears.findings) == (1, [])
            await living.volumes.stop(volume_id)


@pytest.mark.root
async def test_a_disk_that_is_mounted_anew_in_the_middle_is_compared_to_the_end(
    library: Library, root: Path, tmp_path: Path
) -> None:
    """The process of the mount before may read nothing of this one: a new one reads what failed."""
    with loop_disk(tmp_path / "disk", size_kib=16 * 1024) as disk:
        for path in root.iterdir():
            shutil.copy(path, disk / path.name)
        _settle(disk)
        os.sync()

        class Remounter(Ears):
            def progress(self, progress: VerifyProgress) -> None:
                if self.newest is None:
                    disk.lazy_unmount()
                    disk.mount_again()
                super().progress(progress)

        async with open_living(library) as living:
            volume_id = await _ready(living, disk)
            ears = Remounter()
            outcome = await _verify(living, volume_id, ears)
            assert (ears.findings, ears.failures) == ([], [])
            assert (outcome.state, outcome.counts["checked"]) == ("done", 6)
            await living.volumes.stop(volume_id)


def _write_into(image: Path, pattern: bytes) -> None:
    """Flip the last byte of the place that begins with all but the last byte of the pattern."""
    with image.open("r+b") as file:
        content = file.read()
        start = content.index(pattern[:-1])
        assert content.count(pattern[:-1]) == 1
        file.seek(start + len(pattern) - 1)
        file.write(bytes([content[start + len(pattern) - 1] ^ 0xFF]))
        file.flush()
        os.fsync(file.fileno())


@pytest.mark.root
async def test_a_medium_that_answers_eio_is_no_damage(library: Library, root: Path, tmp_path: Path) -> None:
    with loop_disk(tmp_path / "disk", size_kib=16 * 1024) as disk:
        for path in root.iterdir():
            shutil.copy(path, disk / path.name)
        _settle(disk)
        os.sync()
        async with open_living(library) as living:
            volume_id = await _ready(living, disk)
            disk.shut_down()
            ears = Ears()
            try:
                outcome = await _verify(living, volume_id, ears)
            except VolumeOffline:
                pass
            else:
                assert (outcome.counts["errors"], outcome.counts["left"]) == (6, 6)
            assert ears.findings == []
            assert await living.rows("SELECT count(*) FROM damage") == [(0,)]
            await living.volumes.stop(volume_id)
