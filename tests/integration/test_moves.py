"""The move matrix: real files, real processes. Whoever moves a photo keeps its uid, its statements, its names; nothing is read again.

One run per cell, ten in the long profile, each with files drawn anew. The oracle is a content hash that this test computes
itself: whatever is at a path afterwards must be the photo that had those bytes before. A seeded mutant turns the matrix red.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import trio
from living import Living, open_living

from catalog.buckets import Bucket, View
from catalog.commands import EditOptions, execute
from catalog.commands.layer import AlbumAdd, Rate, TagAdd
from catalog.ids import VolumeId
from catalog.library import Library
from catalog.store.db import Reader, Writer
from catalog.store.listing import buckets_of_view, photos_in
from daemon import absorb
from daemon.scan import ScanOutcome, follow_hint, scan_volume
from daemon.watch import open_watch
from media_files import ExifSpec, jpeg
from sacred import REPOSITORY
from sidecar_texts import xmp
from source_mutant import seed_mutant

FOLDERS = ("2019", "2019/August", "Holidays")
PHOTOS_EACH = 4
OLD_S = 1_500_000_000


@dataclass(frozen=True, slots=True)
class Remembered:
    """What is known of a photo: by its bytes, so that its path plays no part."""

    uid: str
    said: frozenset[tuple[str, str, str]]
    shown: frozenset[str]
    content_id: int


def make_tree(root: Path, *, seed: int = 0) -> list[Path]:
    """Write photos of different bytes and days; old, so that nobody waits for them to settle."""
    files = []
    for folder in FOLDERS:
        (root / folder).mkdir(parents=True)
        for number in range(PHOTOS_EACH):
            seed += 1
            path = root / folder / f"IMG_{len(files):03}.jpg"
            spec = ExifSpec(original=f"2019:08:{1 + len(files):02} 12:00:00", make="X", model="Y")
            path.write_bytes(jpeg(exif=spec, seed=seed) + b"%d" % seed)
            os.utime(path, (OLD_S + number, OLD_S + number))
            files.append(path)
    return files


def say_things(writer: Writer, uids: Sequence[str]) -> None:
    """Rate, tag and collect every photo, each a little differently."""
    for number, uid in enumerate(uids):
        for command in (
            Rate((uid,), 1 + number % 5),
            TagAdd((uid,), (f"tag {number % 3}",)),
            AlbumAdd((uid,), "Album", is_created=True),
        ):
            execute(writer, command, now_ns=time.time_ns(), author="owner", options=EditOptions())


def remembered(reader: Reader) -> dict[bytes, Remembered]:
    """Return hash -> what is known of every photo that is somewhere."""
    shown: dict[int, set[str]] = {}
    for view in (View.TIMELINE, View.RECENT):
        for row in buckets_of_view(reader, view):
            for photo in photos_in(reader, Bucket(row.view, row.key, row.sub)):
                shown.setdefault(photo.asset_id, set()).add(f"{view}/{row.key}/{row.sub}/{photo.name}")
    for view, key, sub, asset_id in reader.rows(
        "SELECT view, key, sub, asset_id FROM member WHERE is_listed"
    ):
        shown.setdefault(asset_id, set()).add(f"{view}/{key}/{sub}")
    found = {}
    for asset_id, uid, content_id, digest in reader.rows(
        "SELECT a.id, a.uid, c.id, c.hash FROM asset AS a JOIN content AS c ON c.id = a.content_id"
        " WHERE EXISTS (SELECT 1 FROM location AS l WHERE l.content_id = c.id AND l.state = 'present')"
    ):
        said = reader.rows(
            "SELECT property, element, value FROM statement WHERE asset_id = ? AND source = 'user'",
            (asset_id,),
        )
        found[digest] = Remembered(uid, frozenset(said), frozenset(shown.get(asset_id, ())), content_id)
    return found


@dataclass(slots=True)
class Moving:
    """A library of one volume, all of it known, and what was read so far."""

    living: Living
    root: Path
    volume_id: VolumeId
    files: list[Path]
    before: dict[bytes, Remembered]
    hashed: int
    facts: int

    async def rescan(self, *, full: bool = False) -> ScanOutcome:
        """Bring the catalog up to date, and wait for all that follows."""
        return await scan_volume(self.living.services, self.volume_id, full=full, waits_for_ingest=True)

    async def known(self) -> dict[bytes, Remembered]:
        return await self.living.writer.read(remembered)

    def read_since(self) -> tuple[int, int]:
        """Return how many files were hashed, and read for facts, since everything was known."""
        done = self.living.ingest.progress(self.volume_id)
        return done.hashed - self.hashed, done.facts - self.facts

    async def places(self) -> dict[bytes, bytes | None]:
        """Return path -> hash of every present file."""
        rows = await self.living.rows(
            "SELECT CASE d.path WHEN x'' THEN l.name ELSE CAST(d.path || '/' || l.name AS BLOB) END, c.hash"
            " FROM location AS l JOIN directory AS d ON d.id = l.directory_id"
            " LEFT JOIN content AS c ON c.id = l.content_id WHERE l.state = 'present' AND l.volume_id = ?",
            self.volume_id,
        )
        return {bytes(path): digest for path, digest in rows}  # type: ignore[call-overload, misc]

    async def asset_states(self) -> dict[str, int]:
        rows = await self.living.rows(
            "SELECT state, count(*) FROM asset WHERE state <> 'alias' GROUP BY state"
        )
        return {str(state): int(count) for state, count in rows}  # type: ignore[call-overload]


async def begin(living: Living, root: Path, *, seed: int = 0, is_read: bool = True) -> Moving:
    files = make_tree(root, seed=seed)
    volume_id = await living.add(root)
    await scan_volume(living.services, volume_id, waits_for_ingest=is_read)
    uids = [str(row[0]) for row in await living.rows("SELECT uid FROM asset ORDER BY id")]
    await living.writer.run(say_things, uids)
    done = living.ingest.progress(volume_id)
    moving = Moving(living, root, volume_id, files, {}, done.hashed, done.facts)
    moving.before = await moving.known()
    return moving


def truth(root: Path) -> dict[bytes, bytes]:
    """Return path -> hash of every file, read by this test."""
    from blake3 import blake3

    return {
        os.fsencode(path.relative_to(root)): blake3(path.read_bytes()).digest()
        for path in root.rglob("*")
        if path.is_file()
    }


# ---- the cells: each moves something below the root


def _in_a_directory(root: Path) -> None:
    os.rename(root / "2019/IMG_000.jpg", root / "2019/first.jpg")


def _between_directories(root: Path) -> None:
    os.rename(root / "2019/IMG_001.jpg", root / "Holidays/IMG_001.jpg")


def _directory(root: Path) -> None:
    os.rename(root / "2019", root / "Nineteen")


def _directory_into_another(root: Path) -> None:
    os.rename(root / "2019/August", root / "Holidays/August")


def _case_of_a_name(root: Path) -> None:
    os.rename(root / "2019/IMG_000.jpg", root / "2019/img_000.JPG")
    os.rename(root / "Holidays", root / "HOLIDAYS")


def _swap(one: Path, other: Path) -> None:
    aside = one.parent / "aside"
    os.rename(one, aside)
    os.rename(other, one)
    os.rename(aside, other)


def _swap_in_a_directory(root: Path) -> None:
    _swap(root / "2019/IMG_000.jpg", root / "2019/IMG_001.jpg")


def _swap_across_directories(root: Path) -> None:
    _swap(root / "2019/IMG_000.jpg", root / "Holidays/IMG_008.jpg")


def _swap_directories(root: Path) -> None:
    _swap(root / "2019/August", root / "Holidays")


def _rotation(root: Path) -> None:
    aside = root / "aside"
    os.rename(root / "2019/IMG_000.jpg", aside)
    os.rename(root / "2019/August/IMG_004.jpg", root / "2019/IMG_000.jpg")
    os.rename(root / "Holidays/IMG_008.jpg", root / "2019/August/IMG_004.jpg")
    os.rename(aside, root / "Holidays/IMG_008.jpg")


def _shift_of_all_names(root: Path) -> None:
    for number in reversed(range(8, 12)):
        os.rename(root / f"Holidays/IMG_{number:03}.jpg", root / f"Holidays/IMG_{number + 1:03}.jpg")


def _hard_link_then_unlink(root: Path) -> None:
    os.link(root / "2019/IMG_000.jpg", root / "Holidays/linked.jpg")
    os.unlink(root / "2019/IMG_000.jpg")


def _many_at_once(root: Path) -> None:
    _directory(root)
    os.rename(root / "Nineteen/IMG_000.jpg", root / "Nineteen/August/IMG_004b.jpg")
    _swap(root / "Holidays/IMG_008.jpg", root / "Holidays/IMG_009.jpg")


CELLS: dict[str, Callable[[Path], None]] = {
    "a file in a directory": _in_a_directory,
    "a file between directories": _between_directories,
    "a directory": _directory,
    "a directory into another": _directory_into_another,
    "the case of a name": _case_of_a_name,
    "a swap in a directory": _swap_in_a_directory,
    "a swap across directories": _swap_across_directories,
    "a swap of directories": _swap_directories,
    "a rotation of three": _rotation,
    "a shift of all names": _shift_of_all_names,
    "a hard link, then unlink": _hard_link_then_unlink,
    "many at once": _many_at_once,
}


# What the change feed says when no view lists anything else than before.
QUIET = {"orig", "orig+", "orig-", "photo"}
# Both halves are written in one transaction, which tells of what it did and took back.
FELT = ("a swap across directories", "a rotation of three")


def _rounds() -> list[object]:
    return [pytest.param(0), *(pytest.param(one, marks=pytest.mark.long) for one in range(1, 10))]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    return folder


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "library")


@pytest.mark.slow
@pytest.mark.parametrize("seed", _rounds())
@pytest.mark.parametrize("cell", CELLS)
async def test_what_moved_is_the_same_photo_and_is_not_read(
    library: Library, root: Path, cell: str, seed: int
) -> None:
    async with open_living(library) as living:
        moving = await begin(living, root, seed=100 * seed)
        assert len(moving.before) == len(moving.files)
        places = await moving.places()
        CELLS[cell](root)
        newest = (await living.rows("SELECT max(seq) FROM change"))[0][0]
        outcome = await moving.rescan()
        kinds = {str(row[0]) for row in await living.rows("SELECT kind FROM change WHERE seq > ?", newest)}
        assert kinds <= QUIET or cell in FELT, "no photo left a folder for a moment"
        assert await moving.places() == truth(root)
        assert await moving.known() == moving.before
        assert moving.read_since() == (0, 0)
        assert await moving.asset_states() == {"shown": len(moving.files)}
        assert await living.files("missing") == set(), "the rows of former names went"
        assert outcome.counts["missing"] == 0
        assert outcome.counts["moved"] == len(places.keys() - truth(root).keys())
        quiet = await moving.rescan(full=True)
        assert (quiet.counts["added"], quiet.counts["changed"], quiet.counts["moved"]) == (0, 0, 0)
        assert await living.rows("SELECT * FROM displaced") == [], "a complete scan found nothing of it"
        directories = {bytes(row[0]) for row in await living.rows("SELECT path FROM directory")}  # type: ignore[call-overload]
        here = {os.fsencode(one.relative_to(root)) for one in root.rglob("*") if one.is_dir()}
        assert directories == here | {b""}


@pytest.mark.slow
async def test_a_photo_that_is_copied_and_deleted_here_is_read_and_is_the_same(
    library: Library, root: Path
) -> None:
    async with open_living(library) as living:
        moving = await begin(living, root)
        shutil.copy2(root / "2019/IMG_000.jpg", root / "Holidays/copy.jpg")
        os.unlink(root / "2019/IMG_000.jpg")
        await moving.rescan()
        assert await moving.known() == moving.before
        assert moving.read_since()[0] == 1, "another inode proves nothing: its bytes do"
        assert await living.files("missing") == {b"2019/IMG_000.jpg"}, "nobody saw it move"


@pytest.mark.slow
async def test_a_photo_that_is_moved_to_another_volume_is_the_same(library: Library, root: Path) -> None:
    other = root.parent / "other"
    other.mkdir()
    (other / "stays.txt").write_bytes(b"so that the volume has data")
    async with open_living(library) as living:
        moving = await begin(living, root)
        other_id = await living.add(other, "other")
        shutil.move(root / "Holidays", other / "Holidays")
        await moving.rescan()
        assert len(await moving.known()) == len(moving.before) - PHOTOS_EACH
        await scan_volume(living.services, other_id, waits_for_ingest=True)
        assert await moving.known() == moving.before
        assert await moving.asset_states() == {"shown": len(moving.files)}


@pytest.mark.slow
async def test_a_restore_with_old_times_is_the_same_photo_again(library: Library, root: Path) -> None:
    """Another inode, the same name, size and times: its bytes are read and are what they were."""
    async with open_living(library) as living:
        moving = await begin(living, root)
        backup = root.parent / "backup"
        subprocess.run(["cp", "-a", root, backup], check=True)
        shutil.rmtree(root / "2019")
        await moving.rescan()
        assert len(await moving.known()) == PHOTOS_EACH
        subprocess.run(["cp", "-a", backup / "2019", root / "2019"], check=True)
        await moving.rescan()
        assert await moving.known() == moving.before
        assert await moving.asset_states() == {"shown": len(moving.files)}
        # The same over files that are there.
        subprocess.run(["cp", "-a", "--remove-destination", f"{backup}/Holidays", root], check=True)
        await moving.rescan()
        assert await moving.known() == moving.before
        assert await living.files("missing") == set()


@pytest.mark.slow
async def test_an_edit_that_is_undone_by_renaming_the_backup_back_keeps_what_was_said(
    library: Library, root: Path
) -> None:
    async with open_living(library) as living:
        moving = await begin(living, root)
        photo, backup = root / "2019/IMG_000.jpg", root / "2019/IMG_000.jpg_original"
        ((uid,),) = await living.rows("SELECT uid FROM asset WHERE name = 'IMG_000.jpg'")
        first = photo.read_bytes()
        # As exiftool does it: the edited bytes beside it, the original out of the way, both in one moment.
        edited = root / "2019/IMG_000.jpg_exiftool_tmp"
        edited.write_bytes(first + b"edited")
        os.rename(photo, backup)
        os.rename(edited, photo)
        _make_old(photo)
        await moving.rescan()
        assert await uid_at(living, b"2019/IMG_000.jpg") == uid
        heir = await uid_at(living, b"2019/IMG_000.jpg_original")
        assert await said_of(living, uid) == await said_of(living, heir)
        os.rename(backup, photo)
        moving.hashed = living.ingest.progress(moving.volume_id).hashed
        await moving.rescan()
        assert moving.read_since()[0] == 0
        assert photo.read_bytes() == first
        here = await uid_at(living, b"2019/IMG_000.jpg")
        assert await said_of(living, here) == await said_of(living, uid) != set()
        assert await moving.places() == truth(root)


@pytest.mark.slow
async def test_a_photo_renamed_over_another_is_itself_and_the_other_one_is_missing(
    library: Library, root: Path
) -> None:
    async with open_living(library) as living:
        moving = await begin(living, root)
        over, under = await uid_at(living, b"2019/IMG_000.jpg"), await uid_at(living, b"2019/IMG_001.jpg")
        os.rename(root / "2019/IMG_000.jpg", root / "2019/IMG_001.jpg")
        await moving.rescan()
        assert moving.read_since() == (0, 0)
        assert await uid_at(living, b"2019/IMG_001.jpg") == over
        assert await moving.asset_states() == {"shown": len(moving.files) - 1, "missing": 1}
        assert await said_of(living, under) != set()
        assert await living.files("missing") == set()


@pytest.mark.slow
async def test_a_program_that_saves_by_renaming_a_new_file_over_the_photo_keeps_the_photo(
    library: Library, root: Path
) -> None:
    """The new file was listed under its own name before: it is nobody, until its bytes are read."""
    async with open_living(library) as living:
        moving = await begin(living, root)
        uid = await uid_at(living, b"2019/IMG_000.jpg")
        saved = root / "2019/saved.jpg"
        with saved.open("xb") as file:
            file.write((root / "2019/IMG_000.jpg").read_bytes() + b"edited")
            file.flush()
            await moving.rescan()  # it is open for writing: it has facts, and no hash
        assert await living.rows("SELECT count(*) FROM content WHERE hash IS NULL") == [(1,)]
        os.rename(saved, root / "2019/IMG_000.jpg")
        await moving.rescan()
        assert await uid_at(living, b"2019/IMG_000.jpg") == uid
        assert await said_of(living, uid) != set()
        assert await moving.asset_states() == {"shown": len(moving.files)}
        after = await moving.known()
        assert sum(after.get(digest) == was for digest, was in moving.before.items()) == len(moving.files) - 1


@pytest.mark.slow
async def test_photos_that_move_before_they_are_hashed_keep_what_was_said(
    library: Library, root: Path
) -> None:
    async with open_living(library) as living:
        files = make_tree(root)
        held = [path.open("r+b") for path in files]  # open for writing: busy, so that nobody hashes them
        volume_id = await living.add(root)
        await scan_volume(living.services, volume_id, waits_for_ingest=True)
        assert await living.rows("SELECT count(*) FROM content WHERE hash IS NOT NULL") == [(0,)]
        uids = [str(row[0]) for row in await living.rows("SELECT uid FROM asset ORDER BY id")]
        await living.writer.run(say_things, uids)
        before = {path: await uid_at(living, _relative(root, path)) for path in files}
        facts = living.ingest.progress(volume_id).facts
        _directory(root)
        _swap(root / "Nineteen/IMG_000.jpg", root / "Holidays/IMG_008.jpg")
        await scan_volume(living.services, volume_id, waits_for_ingest=True)
        assert living.ingest.progress(volume_id).facts == facts
        assert await uid_at(living, b"Nineteen/IMG_000.jpg") == before[root / "Holidays/IMG_008.jpg"]
        assert await uid_at(living, b"Holidays/IMG_008.jpg") == before[root / "2019/IMG_000.jpg"]
        assert (
            await uid_at(living, b"Nineteen/August/IMG_004.jpg") == before[root / "2019/August/IMG_004.jpg"]
        )
        for file in held:
            file.close()
        await living.writer.run(_try_now)
        await living.ingest.drained(volume_id)
        await scan_volume(living.services, volume_id, waits_for_ingest=True)
        assert await living.rows("SELECT count(*) FROM content WHERE hash IS NULL") == [(0,)]
        assert await living.rows("SELECT count(*) FROM asset WHERE state = 'shown'") == [(len(files),)]


@pytest.mark.slow
async def test_sidecars_move_with_their_photos_and_make_no_new_name(library: Library, root: Path) -> None:
    async with open_living(library) as living:
        for number, path in enumerate(make_tree(root)):
            sidecar = path.with_name(path.name + ".xmp")
            sidecar.write_text(xmp(rating=1 + number % 5, tags=["Sea", f"n{number}"], title=f"T{number}"))
            _make_old(sidecar)
        volume_id = await living.add(root)
        await scan_volume(living.services, volume_id, waits_for_ingest=True)
        before = await living.rows(SIDECAR_WORDS)
        names = await living.writer.read(_tag_names)
        assert len(before) == 4 * 12
        for turn in (_directory, _directory_into_another_of_sidecars):
            turn(root)
            await scan_volume(living.services, volume_id, waits_for_ingest=True)
            assert await living.rows(SIDECAR_WORDS) == before
            assert await living.writer.read(_tag_names) == names, "no photo got a ~suffix"
            assert await living.files("missing") == set()
            rows = await living.rows("SELECT state, author IS NOT NULL FROM sidecar")
            assert rows == [("done", 1)] * 12
        # Who edits a sidecar at its new place is heard.
        moved = root / "Holidays/August/IMG_004.jpg.xmp"
        moved.write_text(xmp(tags=["Sea"]))
        await scan_volume(living.services, volume_id, waits_for_ingest=True)
        assert len(await living.rows(SIDECAR_WORDS)) == 4 * 12 - 3


SIDECAR_WORDS = (
    "SELECT a.uid, s.property, s.element, s.value, s.author, s.made_ns FROM statement AS s"
    " JOIN asset AS a ON a.id = s.asset_id WHERE s.source = 'sidecar' ORDER BY 1, 2, 3, 4, 5"
)


def _directory_into_another_of_sidecars(root: Path) -> None:
    os.rename(root / "Nineteen/August", root / "Holidays/August")


def _tag_names(reader: Reader) -> set[tuple[int, int, str]]:
    rows = reader.rows("SELECT DISTINCT view, key, sub FROM member WHERE is_listed")
    return {
        (view, key, photo.name)
        for view, key, sub in rows
        for photo in photos_in(reader, Bucket(View(view), key, sub))
    }


@pytest.mark.slow
async def test_a_directory_that_is_renamed_under_the_eyes_of_a_watcher_is_never_missing(
    library: Library, root: Path
) -> None:
    """Both directories of a rename are named in one hint: new rows first, then the old ones go."""
    async with open_living(library) as living:
        moving = await begin(living, root)
        volume = await living.volume(moving.volume_id)
        _directory(root)
        newest = (await living.rows("SELECT max(seq) FROM change"))[0][0]
        await follow_hint(living.services, volume, [b""], [b"Nineteen"])
        assert await moving.known() == moving.before
        kinds = await living.rows("SELECT DISTINCT kind FROM change WHERE seq > ?", newest)
        assert {str(row[0]) for row in kinds} <= QUIET, "no view was told that anything came or went"
        assert await living.files("missing") == set()
        assert moving.read_since() == (0, 0)


@pytest.mark.slow
async def test_what_moves_while_somebody_watches_is_followed_at_once_and_is_never_missing(
    library: Library, root: Path
) -> None:
    async with open_living(library) as living:
        moving = await begin(living, root)
        async with open_watch(living.services) as watch:
            with trio.fail_after(20):
                while not ((note := watch.notes.get(moving.volume_id)) and note.is_watching):  # noqa: ASYNC110 - no bell
                    await trio.sleep(0.02)
            await living.ingest.drained(moving.volume_id)
            newest = (await living.rows("SELECT max(seq) FROM change"))[0][0]
            for cell in (_directory, _swap_in_a_directory_of_nineteen, _shift_of_all_names):
                cell(root)
                with trio.fail_after(20):
                    while await moving.places() != truth(root):  # noqa: ASYNC110 - no bell
                        await trio.sleep(0.02)
            kinds = await living.rows("SELECT DISTINCT kind FROM change WHERE seq > ?", newest)
            assert {str(row[0]) for row in kinds} <= QUIET
        assert await moving.known() == moving.before
        assert moving.read_since() == (0, 0)


def _swap_in_a_directory_of_nineteen(root: Path) -> None:
    _swap(root / "Nineteen/IMG_000.jpg", root / "Nineteen/IMG_001.jpg")


@pytest.mark.slow
@pytest.mark.parametrize("most", [0, 5])
async def test_a_scan_that_cannot_remember_all_that_is_gone_asks_the_catalog_again(
    library: Library, root: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """The bounds of memory change when things are written, and nothing else."""
    monkeypatch.setattr(absorb, "_GONE_KEPT", most)
    monkeypatch.setattr(absorb, "_DEFERRED_KEPT", most)
    async with open_living(library) as living:
        moving = await begin(living, root)
        _many_at_once(root)
        _swap(root / "Nineteen/IMG_001.jpg", root / "Holidays/IMG_010.jpg")
        os.unlink(root / "Holidays/IMG_011.jpg")
        await moving.rescan()
        assert await moving.places() == truth(root)
        known = await moving.known()
        assert known == {digest: moving.before[digest] for digest in known}
        assert len(known) == len(moving.before) - 1
        assert await living.files("missing") == {b"Holidays/IMG_011.jpg"}
        assert moving.read_since() == (0, 0)


# ---- the second half: does the matrix bite?


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        ("catalog.store.moves", "proof.stamp in stamps and", "False and"),
        ("catalog.store.scanning", "moves.displace(", "(lambda _: None)("),
        ("catalog.store.second_look", "went = moves.moved(writer, volume_id, wanted)", "went = []"),
        ("catalog.store.moves", "h.size = l.size AND h.mtime_ns = l.mtime_ns", "h.size <> l.size"),
    ],
)
def test_a_mutant_that_forgets_a_part_of_the_rule_turns_the_matrix_red(
    tmp_path: Path, module: str, old: str, new: str
) -> None:
    mutant = seed_mutant(tmp_path / "mutant", module, old, new)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", __file__),
            *("-k", "rotation or (many and once)", f"--basetemp={tmp_path / 'base'}"),
        ],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(mutant), str(REPOSITORY)])},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 1, done.stdout[-2000:]
    assert "failed" in done.stdout


def _make_old(path: Path) -> None:
    os.utime(path, (OLD_S, OLD_S))


def _relative(root: Path, path: Path) -> bytes:
    return os.fsencode(path.relative_to(root))


def _try_now(writer: Writer) -> None:
    writer.execute("UPDATE location SET hash_retry_ns = NULL")


async def uid_at(living: Living, path: bytes) -> str:
    directory, _, name = path.rpartition(b"/")
    rows = await living.rows(
        "SELECT a.uid FROM location AS l JOIN directory AS d ON d.id = l.directory_id"
        " JOIN content AS c ON c.id = l.content_id JOIN asset AS a ON a.id = c.asset_id"
        " WHERE d.path = ? AND l.name = ? AND l.state = 'present'",
        directory,
        name,
    )
    assert len(rows) == 1, path
    return str(rows[0][0])


async def said_of(living: Living, uid: str) -> set[tuple[object, ...]]:
    return set(
        await living.rows(
            "SELECT s.property, s.element, s.value FROM statement AS s JOIN asset AS a ON a.id = s.asset_id"
            " WHERE a.uid = ? AND s.source = 'user'",
            uid,
        )
    )
