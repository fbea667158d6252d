"""Random renames, swaps, links, edits, copies and removals by rows alone, against what is on the disk of the harness.

Whatever happened: the checker finds nothing, every file is known by the bytes that it has, and whoever has the bytes of which
something was said has the word, as long as nobody wrote to such a file (then the word belongs to the edited one too).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from store_harness import File, StoreHarness, digest, make_harness

FOLDERS = (b"", b"a", b"a/b", b"c")
OPERATIONS = 60


class Disk:
    """Draws operations on the disk of a harness; inodes are given and freed as a file system does, the freed ones first."""

    def __init__(self, catalog: StoreHarness, random: Random) -> None:
        self.catalog = catalog
        self.random = random
        self.tick = 0
        self.words: dict[str, str] = {}  # body -> what was said last of its photo
        self.written_to: set[str] = set()  # bodies that were edited, or saved over
        self.unread: set[str] = set()  # bodies of which something was said before they were read

    def paths(self) -> list[tuple[bytes, bytes]]:
        return [(folder, name) for folder, files in self.catalog.disk.items() for name in files]

    def _inode(self) -> int:
        used = {self.catalog.disk[folder][name].inode for folder, name in self.paths()}
        return next(number for number in range(1, 10_000) if number not in used)

    def _new(self, body: str) -> File:
        self.tick += 1
        return File(body, mtime_ns=1000 + self.tick, inode=self._inode(), ctime_ns=self.tick, access=7)

    def step(self) -> None:
        kinds = ("create", "swap", "link", "edit", "save", "copy", "remove", *("rename",) * 3)
        known = self.paths()
        kind = self.random.choice(kinds) if len(known) > 2 else "create"
        getattr(self, f"_{kind}")(known)

    def _anywhere(self) -> tuple[bytes, bytes]:
        return self.random.choice(FOLDERS), b"IMG_%d.JPG" % self.random.randrange(12)

    def _put(self, place: tuple[bytes, bytes], file: File) -> None:
        self.catalog.disk.setdefault(place[0], {})[place[1]] = file

    def _pop(self, place: tuple[bytes, bytes]) -> File:
        return self.catalog.disk[place[0]].pop(place[1])

    def _at(self, place: tuple[bytes, bytes]) -> File:
        return self.catalog.disk[place[0]][place[1]]

    def _create(self, known: list[tuple[bytes, bytes]]) -> None:
        place = self._anywhere()
        if place not in known:
            self._put(place, self._new(f"new {self.tick:06}"))

    def _rename(self, known: list[tuple[bytes, bytes]]) -> None:
        file, place = self._pop(self.random.choice(known)), self._anywhere()
        self.tick += 1
        self._put(place, replace(file, ctime_ns=self.tick))

    def _swap(self, known: list[tuple[bytes, bytes]]) -> None:
        one, other = self.random.sample(known, 2)
        first, second = self._pop(one), self._pop(other)
        self._put(one, second)
        self._put(other, first)

    def _link(self, known: list[tuple[bytes, bytes]]) -> None:
        place = self._anywhere()
        if place not in known:
            self._put(place, self._at(self.random.choice(known)))

    def _edit(self, known: list[tuple[bytes, bytes]]) -> None:
        """Write in place: every name of the file has the new bytes."""
        inode = self._at(self.random.choice(known)).inode
        self.tick += 1
        for place in known:
            if self._at(place).inode == inode:
                self.written_to.add(self._at(place).body)
                self._put(
                    place,
                    File(
                        f"edit{self.tick:06}",
                        mtime_ns=1000 + self.tick,
                        inode=inode,
                        ctime_ns=self.tick,
                        access=7,
                    ),
                )

    def _save(self, known: list[tuple[bytes, bytes]]) -> None:
        place = self.random.choice(known)
        self.written_to.add(self._at(place).body)
        self._put(place, self._new(f"save{self.tick:06}"))

    def _copy(self, known: list[tuple[bytes, bytes]]) -> None:
        file, place = self._at(self.random.choice(known)), self._anywhere()
        if place not in known:
            # A freed inode with the time and size of the file that had it is taken for that file (decision 0006): not drawn.
            copy = replace(self._new(file.body), mtime_ns=file.mtime_ns, inode=100_000 + self.tick)
            self._put(place, copy)

    def _remove(self, known: list[tuple[bytes, bytes]]) -> None:
        self._pop(self.random.choice(known))

    def touch(self) -> None:
        """Move the change time of a file, with other bytes sometimes: nothing else tells.

        Nothing else happens to it before the next look: that a file moved and was written to unseen no stamp shows.
        """
        known = self.paths()
        inode = self._at(self.random.choice(known)).inode
        self.tick += 1
        is_written = self.random.random() < 0.5
        for place in known:
            file = self._at(place)
            if file.inode == inode:
                self.written_to.add(file.body)
                body = f"tick{self.tick:06}" if is_written else file.body
                self._put(place, replace(file, body=body[:10], ctime_ns=self.tick))


def look_around(catalog: StoreHarness, random: Random) -> None:
    """List directories in any order, and believe what is gone only after all of them, as a scan does."""
    folders = list(FOLDERS)
    random.shuffle(folders)
    for folder in folders:
        catalog.disk.setdefault(folder, {})
    waiting = [catalog.list_directory(folder, believes=False) for folder in folders]
    catalog.believe(waiting)


def compare(catalog: StoreHarness, disk: Disk) -> None:
    for folder, files in catalog.disk.items():
        for name, file in files.items():
            path = folder + b"/" + name if folder else name
            found = catalog.writer.value(
                "SELECT c.hash FROM location AS l JOIN directory AS d ON d.id = l.directory_id"
                " JOIN content AS c ON c.id = l.content_id WHERE d.path = ? AND l.name = ? AND l.state = 'present'",
                (folder, name),
            )
            assert found == digest(file.body), path
            if file.body in disk.words and file.body not in disk.written_to | disk.unread:
                word = catalog.said(catalog.asset_at(path))["title", ""]
                assert word == disk.words[file.body], path
    present = catalog.writer.value("SELECT count(*) FROM location WHERE state = 'present'")
    assert present == sum(map(len, catalog.disk.values()))


def settle_all(catalog: StoreHarness) -> None:
    for _ in range(6):
        catalog.now_ns += 10**12
        catalog.read_facts()
        catalog.read_hashes()


@pytest.mark.parametrize(
    "seed", [*range(8), *(pytest.param(one, marks=pytest.mark.long) for one in range(8, 200))]
)
def test_whatever_is_done_to_files_they_are_known_by_their_bytes_and_no_word_is_lost(
    tmp_path: Path, seed: int
) -> None:
    random = Random(seed)
    catalog = make_harness(tmp_path / "library")
    disk = Disk(catalog, random)
    said = 0
    for turn in range(OPERATIONS):
        if disk.paths() and random.random() < 0.2:
            disk.touch()
        else:
            for _ in range(random.randrange(1, 5)):
                disk.step()
        look_around(catalog, random)
        assert catalog.check() == [], turn
        if random.random() < 0.6:
            catalog.read_facts()
        if random.random() < 0.6:
            settle_all(catalog)
            assert catalog.check() == [], turn
            compare(catalog, disk)
        if disk.paths() and random.random() < 0.5:
            folder, name = random.choice(disk.paths())
            path = folder + b"/" + name if folder else name
            said += 1
            body = catalog.disk[folder][name].body
            disk.words[body] = f'"{said}"'
            current = catalog.column(catalog.asset_at(path), "content_id")
            known = catalog.writer.value("SELECT hash FROM content WHERE id = ?", (current,))
            if known != digest(body):
                disk.unread.update([body, *(one for one in disk.words if digest(one) == known)])
            catalog.say(catalog.asset_at(path), "title", f'"{said}"', made_ns=catalog.now_ns)
    settle_all(catalog)
    compare(catalog, disk)
    assert catalog.check() == []
    lost = catalog.writer.rows(
        "SELECT a.id FROM asset AS a JOIN statement AS s ON s.asset_id = a.id WHERE a.merged_into IS NOT NULL"
    )
    assert lost == [], "nothing is said of an alias"
    catalog.close()
