"""Charter 5 through the real mount: 200 random steps, 0 survivors renamed, 0 names re-used.

Photos arrive, leave, come back and are re-dated (their bytes change in place), with restarts of every
process in between; the model remembers who was shown under which name.
"""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pytest

from bench.photos import DATE, templates
from product import Product, files_below

pytestmark = [pytest.mark.mount, pytest.mark.slow]

STEPS = 200
RESTART_EVERY = 40
NAMES = [f"IMG_{number:04d}.{extension}" for number in range(1, 7) for extension in ("JPG", "jpg")]
DAYS = ["2019:08:07", "2019:08:08", "2020:02:29"]


class Folder:
    """The photographer's folder: random things happen to it."""

    def __init__(self, root: Path, limbo: Path, seed: int) -> None:
        self.root, self.limbo = root, limbo
        self.random = random.Random(seed)
        self.template = templates()[0]
        self.serial = 0
        self.away: list[tuple[Path, Path]] = []

    def photo(self) -> bytes:
        """Return a JPEG that nobody has seen before, on one of a few days."""
        self.serial += 1
        day = self.random.choice(DAYS)
        date = f"{day} {self.serial // 3600 % 24:02d}:{self.serial // 60 % 60:02d}:{self.serial % 60:02d}"
        return self.template.replace(DATE, date.encode()) + b"%d" % self.serial

    def arrive(self) -> None:
        """Put one to three new photos with names that clash into new folders, in no order."""
        for _ in range(self.random.randint(1, 3)):
            parent = self.root / f"{self.random.randint(0, 999):03d}-{self.serial}"
            parent.mkdir()
            (parent / self.random.choice(NAMES)).write_bytes(self.photo())

    def present(self) -> list[Path]:
        """Return the photos that are there."""
        return list(files_below(self.root))

    def depart(self) -> None:
        """Take a photo away."""
        if present := self.present():
            path = self.random.choice(present)
            self.away.append((self.limbo / f"{self.serial}-{len(self.away)}-{path.name}", path))
            path.rename(self.away[-1][0])

    def come_back(self) -> None:
        """Bring a photo back where it was."""
        if self.away:
            limbo, path = self.away.pop(self.random.randrange(len(self.away)))
            limbo.rename(path)

    def redate(self) -> None:
        """Change the bytes of a photo in place, to another day."""
        if present := self.present():
            self.random.choice(present).write_bytes(self.photo())

    def step(self) -> None:
        """Do one of them."""
        self.random.choice([self.arrive, self.arrive, self.depart, self.come_back, self.redate])()


class Memory:
    """Who was shown where under which name, since the beginning."""

    def __init__(self) -> None:
        self.owner_of_name: dict[tuple[str, str], str] = {}
        self.name_of_photo: dict[tuple[str, str], str] = {}
        self.renamed: list[str] = []
        self.reused: list[str] = []

    def look(self, timeline: Path) -> int:
        """Walk the mounted Timeline and compare with all that was ever seen. Returns the number of photos."""
        count = 0
        for path in files_below(timeline):
            uid = os.getxattr(path, "user.glassine.uid").decode()
            folder, name = str(path.parent.relative_to(timeline)), path.name
            if self.owner_of_name.setdefault((folder, name), uid) != uid:
                self.reused.append(f"{folder}/{name}")
            if self.name_of_photo.setdefault((folder, uid), name) != name:
                self.renamed.append(f"{folder}/{name}, was {self.name_of_photo[folder, uid]}")
            count += 1
        return count


def test_no_survivor_is_renamed_and_no_name_is_given_to_another_photo(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "photos", tmp_path / "limbo", seed=20261121)
    for path in (folder.root, folder.limbo):
        path.mkdir()
    for _ in range(5):
        folder.arrive()
    product, memory = Product(tmp_path), Memory()
    product.init(folder.root)
    product.up()
    try:
        clashes = 0
        for step in range(STEPS):
            folder.step()
            product.run("scan")
            shown = memory.look(product.mountpoint / "Timeline")
            assert shown == len(folder.present())
            clashes += any("~" in name for _, name in memory.owner_of_name)
            if step % RESTART_EVERY == RESTART_EVERY - 1:
                product.down()
                product.up()
        assert memory.renamed == []
        assert memory.reused == []
        assert clashes, "no two photos ever clashed: the test proves nothing"
        assert product.run("check").returncode == 0
    finally:
        product.detach()
    shutil.rmtree(folder.limbo)
