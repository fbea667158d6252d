"""Walk-through: a person puts a library in order with the command, then other programs use the folders that come of it.

Real files, the real command, a real mount, and the programs that people have: gio, rsync, tar, find, exiftool, getfattr, cp.
What they take away must be the original's bytes with the capture time and what was said; none of them can change anything.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from capabilities import require
from product import Product, files_below
from sacred import fingerprints, touched

pytestmark = [pytest.mark.mount, pytest.mark.slow]

LIMIT_S = 120.0
TAGS = ["animals/cat", "sea, sky"]
MIMES = ("image/jpeg", "image/heic", "video/mp4")
EACH = 6  # photos of each type in the album
# What programs say that have words of their own for a read-only file system.
REFUSALS = {
    ("exiftool", "-q"): "Error creating file",
    ("gio", "trash"): "Unable to find or create trash directory",
}
SAID = {
    "user.xdg.tags": "animals/cat,sea， sky",
    "user.xdg.comment": "Ünder the waterfall",
    "user.baloo.rating": "10",
    "user.glassine.title": "Skógafoss",
    "user.glassine.favorite": "yes",
    "user.glassine.albums": '["Trip/Iceland"]',
}


@dataclass(slots=True)
class Walk:
    """The organised library: who is in the album (name -> document), who has everything said, who is in the trash."""

    product: Product
    photos: Path
    documents: dict[str, dict[str, Any]]
    star: str
    trashed: dict[str, Any]

    @property
    def mount(self) -> Path:
        return self.product.mountpoint

    @property
    def album(self) -> Path:
        return self.mount / "Albums/Trip/Iceland"

    def original(self, name: str) -> Path:
        """Return the file that a photo of the album is."""
        return self.photos / self.documents[name]["locations"][0]["path"]

    def folders(self) -> dict[str, set[str]]:
        """Return folders of the layer and which photos they must show."""
        return {
            "Albums/Trip/Iceland": set(self.documents),
            "Tags/animals/cat": {self.star},
            "Tags/animals/_all": {self.star},
            "Favorites": {self.star},
            "Ratings/5": {self.star},
            "Search/rating=5": {self.star},
            "Searches/Best": {self.star},
            f"Trash/{self.trashed['trashed_at'][:10]}": {self.trashed["name"]},
        }


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory, sample: Path) -> Iterator[Walk]:
    """Put a library in order, word by word, and mount it."""
    home = tmp_path_factory.mktemp("walk")
    photos = home / "photos"
    for folder in (
        "2019/Iceland",
        "2023",
        "Phone",
    ):  # JPEG with RAW, zones and other scripts, HEIC and movies
        shutil.copytree(sample / folder, photos / folder)
    product = Product(home)
    product.init(photos)
    product.run("scan")
    before = fingerprints(photos)
    found = {one["name"]: one for one in product.found() if one["stack"] is None}
    star, trashed, *rest = found.values()
    others = [one for mime in MIMES for one in [one for one in rest if one["mime"] == mime][:EACH]]
    assert {one["mime"] for one in others} == set(MIMES)
    for words in (
        ("tag", "add", TAGS[0], "-t", TAGS[1], star["uid"]),
        ("album", "create", "Trip"),
        ("album", "create", "Trip/Iceland"),
        ("album", "add", "Trip/Iceland", star["uid"], *(one["uid"] for one in others)),
        ("rate", "5", star["uid"]),
        ("title", "Skógafoss", star["uid"]),
        ("describe", "Ünder the waterfall", star["uid"]),
        ("favorite", star["uid"]),
        ("search", "save", "Best", "rating>=5"),
        ("trash", "put", trashed["uid"]),
    ):
        product.run(*words)
    try:
        product.up()
        documents = {
            one["name"]: one for one in product.data("show", *(one["uid"] for one in (star, *others)))
        }
        yield Walk(product, photos, documents, star["name"], product.data("show", trashed["uid"])[0])
    finally:
        product.detach()
    assert not touched(before, fingerprints(photos)), "a program changed an original"


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """Run a program that must have no complaint; return what it said."""
    require(Path(command[0]).name if str(command[0]) not in ("tar", "cp", "touch") else "find")
    done = subprocess.run(
        [os.fspath(one) for one in command],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        cwd=cwd,
        env={**os.environ, "LC_ALL": "C.UTF-8", "GIO_USE_VFS": "local"},
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), (command, done.returncode, done.stderr)
    return done.stdout


def captured_ns(document: dict[str, Any]) -> int:
    """Return the capture time as an instant, by the rule of the design: with its offset, else in the library's zone."""
    capture = document["capture"]
    offset_min = capture["offset_min"]
    zone = UTC if offset_min is None else timezone(timedelta(minutes=offset_min))
    taken = datetime.fromisoformat(capture["local"]).replace(tzinfo=zone)
    return int(taken.timestamp()) * 10**9


def is_faithful(walk: Walk, copy: Path) -> None:
    """Check a copy of the album: every photo, its bytes, its capture time, and what was said."""
    assert {path.name for path in files_below(copy)} == set(walk.documents)
    for name, document in walk.documents.items():
        assert (copy / name).read_bytes() == walk.original(name).read_bytes()
        assert (copy / name).stat().st_mtime_ns == captured_ns(document)
        assert os.getxattr(copy / name, "user.glassine.uid").decode() == document["uid"]
    for attribute, value in SAID.items():
        assert os.getxattr(copy / walk.star, attribute).decode() == value


# Looking


def test_gio_tells_what_was_said(walk: Walk) -> None:
    shown = run("gio", "info", "-a", "xattr::*,standard::size,time::modified", walk.album / walk.star)
    lines = [line.strip() for line in shown.splitlines()]
    document = walk.documents[walk.star]
    for line in (
        "xattr::xdg.tags: animals/cat,sea， sky",
        "xattr::xdg.comment: Ünder the waterfall",
        "xattr::baloo.rating: 10",
        f"xattr::glassine.uid: {document['uid']}",
        f"standard::size: {document['size']}",
        f"time::modified: {captured_ns(document) // 10**9}",
    ):
        # gio writes what is no ASCII as \\xNN in attributes of bytes.
        escaped = "".join(chr(byte) if 32 <= byte < 127 else f"\\x{byte:02x}" for byte in line.encode())
        assert line in lines or escaped in lines, (line, lines)


def test_gio_lists_an_album_as_a_folder(walk: Walk) -> None:
    assert set(run("gio", "list", walk.album).split("\n")) - {""} == set(walk.documents)
    assert run("gio", "list", walk.mount / "Albums").split() == ["Trip"]


def test_find_walks_every_folder_of_the_layer(walk: Walk) -> None:
    for folder, names in walk.folders().items():
        found = run("find", walk.mount / folder, "-maxdepth", "1", "-type", "f", "-printf", "%f\n")
        assert set(found.splitlines()) == names, folder


def test_find_knows_sizes_and_capture_times(walk: Walk, tmp_path: Path) -> None:
    sizes = {name: one["size"] for name, one in walk.documents.items()}
    limit = sorted(sizes.values())[len(sizes) // 2]
    found = run("find", walk.album, "-type", "f", "-size", f"+{limit}c", "-printf", "%f\n")
    assert set(found.splitlines()) == {name for name, size in sizes.items() if size > limit}
    times = {name: captured_ns(one) for name, one in walk.documents.items()}
    mark = tmp_path / "mark"
    mark.touch()
    os.utime(mark, ns=(0, sorted(times.values())[len(times) // 2]))
    found = run("find", walk.album, "-type", "f", "-newer", mark, "-printf", "%f\n")
    assert set(found.splitlines()) == {
        name for name, taken_ns in times.items() if taken_ns > mark.stat().st_mtime_ns
    }


def test_find_over_the_whole_tree_has_no_complaint(walk: Walk) -> None:
    found = run("find", walk.mount, "-type", "f", "-newermt", "2000-01-01", "-printf", "%f\n").splitlines()
    assert set(walk.documents) | {walk.trashed["name"]} <= set(found)
    timeline = run("find", walk.mount / "Timeline", "-name", walk.trashed["name"])
    assert not timeline, "what is in the trash is in no other view"


def test_getfattr_dumps_a_folder(walk: Walk) -> None:
    dumped = run("getfattr", "-d", "-R", "-e", "text", "--absolute-names", walk.mount / "Favorites")
    assert 'user.xdg.tags="animals/cat,sea， sky"' in dumped
    assert 'user.baloo.rating="10"' in dumped
    blocks = dumped.strip().split("\n\n")
    assert [block.splitlines()[0] for block in blocks] == [f"# file: {walk.mount}/Favorites/{walk.star}"]


def test_exiftool_reads_an_album_without_a_complaint(walk: Walk) -> None:
    told = run("exiftool", "-r", "-q", "-m", "-p", "$FileName $DateTimeOriginal", walk.album).splitlines()
    wanted = {
        f"{name} {one['capture']['local'].replace('-', ':').replace('T', ' ')}"
        for name, one in walk.documents.items()
        if one["kind"] == "photo"
    }
    assert wanted
    assert wanted <= set(told)


# Taking away


def test_rsync_takes_an_album_away_and_a_second_run_has_nothing_to_do(walk: Walk, tmp_path: Path) -> None:
    command = ("rsync", "-aX", "--itemize-changes", f"{walk.album}/", tmp_path / "copy")
    assert run(*command).count(">f") == len(walk.documents)
    is_faithful(walk, tmp_path / "copy")
    assert not run(*command)


@pytest.mark.parametrize("options", [[], ["-S"]], ids=["plain", "sparse"])
def test_tar_takes_an_album_away(walk: Walk, tmp_path: Path, options: list[str]) -> None:
    archive, copy = tmp_path / "album.tar", tmp_path / "copy"
    copy.mkdir()
    # An ordinary user's tar cannot give attributes to a read-only file: it sets the mode first.
    run("tar", *options, "--mode=u+w", "--xattrs", "-C", walk.album, "-cf", archive, ".")
    run("tar", "--xattrs", "--xattrs-include=user.*", "-C", copy, "-xf", archive)
    is_faithful(walk, copy)
    run("tar", *options, "-C", walk.album, "-cf", archive, ".")
    run("tar", "-C", walk.album, "-df", archive)


def test_cp_takes_an_album_away(walk: Walk, tmp_path: Path) -> None:
    run("cp", "-a", walk.album, tmp_path / "copy")
    is_faithful(walk, tmp_path / "copy")


def test_gio_copies_a_photo_out(walk: Walk, tmp_path: Path) -> None:
    run("gio", "copy", walk.album / walk.star, tmp_path)
    assert (tmp_path / walk.star).read_bytes() == walk.original(walk.star).read_bytes()


# Changing


@pytest.mark.parametrize(
    "command",
    [
        ("touch", "{photo}"),
        ("touch", "{folder}/new.jpg"),
        ("mkdir", "{folder}/new"),
        ("rm", "-f", "{photo}"),
        ("mv", "{photo}", "{folder}/other.jpg"),
        ("cp", "{photo}", "{folder}/other.jpg"),
        ("ln", "{photo}", "{folder}/other.jpg"),
        ("ln", "-s", "x", "{folder}/other.jpg"),
        ("truncate", "-s", "0", "{photo}"),
        ("chmod", "600", "{photo}"),
        ("chown", "0", "{photo}"),
        ("setfattr", "-n", "user.xdg.tags", "-v", "x", "{photo}"),
        ("setfattr", "-x", "user.xdg.tags", "{photo}"),
        ("gio", "remove", "{photo}"),
        ("gio", "rename", "{photo}", "other.jpg"),
        ("gio", "trash", "{photo}"),
        ("exiftool", "-q", "-overwrite_original", "-Artist=x", "{photo}"),
        ("tar", "-C", "{folder}", "-xf", "{archive}"),
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_no_program_can_change_anything(walk: Walk, tmp_path: Path, command: tuple[str, ...]) -> None:
    if command[0] in ("setfattr", "gio", "exiftool"):
        require(command[0])
    archive = tmp_path / "one.tar"
    (tmp_path / "new.jpg").write_bytes(b"new")
    subprocess.run(["tar", "-C", tmp_path, "-cf", archive, "new.jpg"], check=True)
    before = {folder: sorted(os.listdir(walk.mount / folder)) for folder in walk.folders()}
    for folder, names in walk.folders().items():
        place = walk.mount / folder
        known = {"folder": place, "photo": place / min(names), "archive": archive}
        done = subprocess.run(
            [part.format(**known) for part in command],
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            env={**os.environ, "LC_ALL": "C", "GIO_USE_VFS": "local", "XDG_DATA_HOME": str(tmp_path)},
            check=False,
        )
        assert done.returncode != 0, (folder, done.stdout)
        assert REFUSALS.get(command[:2], "Read-only file system") in done.stderr
    assert {folder: sorted(os.listdir(walk.mount / folder)) for folder in before} == before
