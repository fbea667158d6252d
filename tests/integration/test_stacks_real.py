"""Stacks of real files, read by the real readers through the real command: the corpus, and generated phones."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from capabilities import require
from integration.cli_runner import REPOSITORY, Glassine
from media_files import ExifSpec, heic, jpeg, movie, tiff_picture

EXPECTED = REPOSITORY / "tests" / "data" / "corpus_stacks.tsv"
APPLE = {"make": "Apple", "model": "iPhone 12"}
PIXEL = {"make": "Google", "model": "Pixel 8"}


class Real:
    """A folder of files and a library over it."""

    def __init__(self, tmp_path: Path, root: Path) -> None:
        self.root = root
        self.glassine = Glassine(tmp_path / "library")
        assert self.glassine("init").code == 0
        assert self.glassine("volume", "add", root, "--name", "Photos").code == 0

    def put(self, files: Mapping[str, bytes]) -> None:
        """Write files; `scan` makes the library know them."""
        for path, body in files.items():
            place = self.root / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(body)

    def scan(self) -> None:
        """Scan in the foreground."""
        assert self.glassine("scan", "--json").code == 0

    def listed(self, *arguments: str) -> list[dict[str, Any]]:
        """Return what `stack list` says."""
        found: list[dict[str, Any]] = self.glassine(
            "stack", "list", *arguments, "--json", schema="stack-list"
        ).data
        return found

    def stacks(self) -> dict[tuple[str, str], set[str]]:
        """Return (kind, path of the cover) -> paths of the others; of an asset with copies all paths, joined."""
        paths = self.paths()
        return {
            (one["kind"], paths[one["cover"]]): {paths[member["uid"]] for member in one["members"]}
            - {paths[one["cover"]]}
            for one in self.listed()
        }

    def paths(self) -> dict[str, str]:
        """Return uid -> path of its original; of copies that are there the shortest, then the first."""
        found = self.glassine("find", "is:any", "--json").lines("photo")
        return {
            one["uid"]: min(
                (place["path"] for place in one["locations"] if place["state"] == "present"),
                key=lambda path: (len(path), path),
            )
            for one in found
        }

    def uid(self, path: str) -> str:
        """Return the uid of a file."""
        (found,) = self.glassine("show", str(self.root / path), "--json").data
        return str(found["uid"])

    def shown(self, folder: str) -> list[str]:
        """Return the names in a folder of the tree, those in its subfolders too."""
        names: list[str] = []
        for entry in self.glassine("ls", folder, "--json").data:
            if entry["kind"] == "dir":
                names += self.shown(f"{folder}/{entry['name']}")
            else:
                names.append(entry["name"])
        return sorted(names)


@pytest.fixture
def real(tmp_path: Path) -> Real:
    root = tmp_path / "photos"
    root.mkdir()
    return Real(tmp_path, root)


def exif(second: int, camera: Mapping[str, str], *, subsec: str | None = None) -> ExifSpec:
    """Return EXIF of a shot at 12:00:SS."""
    return ExifSpec(original=f"2021:04:10 12:00:{second:02}", original_subsec=subsec, **camera)  # type: ignore[arg-type]


def live_movie(second: int, *, identifier: str = "", seconds: float = 2.0, day: int = 10) -> bytes:
    """Return Apple's half of a Live Photo, taken at 12:00:SS in Berlin."""
    keys = {
        "com.apple.quicktime.creationdate": f"2021-04-{day:02}T12:00:{second:02}+0200",
        "com.apple.quicktime.make": "Apple",
        "com.apple.quicktime.model": "iPhone 12",
    }
    if identifier:
        keys["com.apple.quicktime.content.identifier"] = identifier
    return movie(duration_s=seconds, keys=keys, brand=b"qt  ")


def test_the_corpus_gives_exactly_the_stacks_that_were_looked_at(tmp_path: Path, corpus_copy: Path) -> None:
    require("corpus")
    require("exiftool")
    real = Real(tmp_path, corpus_copy)
    real.scan()
    expected = {}
    for line in EXPECTED.read_text(encoding="utf-8").splitlines():
        if not line.startswith(("#", "kind")):
            kind, cover, others, _ = line.split("\t")
            expected[kind, cover.removeprefix("media/")] = {
                other.removeprefix("media/") for other in others.split(",")
            }
    assert real.stacks() == expected
    assert real.glassine("check").code == 0


def test_live_photos_of_real_files_pair_and_their_negatives_do_not(real: Real) -> None:
    real.put(
        {
            "a/IMG_1.HEIC": heic(exif=exif(0, APPLE), seed=1),
            "a/IMG_1.MOV": live_movie(1, identifier="A-1"),
            "a/IMG_2.JPG": jpeg(exif=exif(5, APPLE), seed=2),
            "a/IMG_2_HEVC.MOV": live_movie(4),
            "b/IMG_3.JPG": jpeg(exif=exif(0, APPLE), seed=3),
            "b/IMG_3.MOV": live_movie(1, day=11),  # the counter came round
            "b/IMG_4.JPG": jpeg(exif=exif(0, APPLE), seed=4),
            "b/IMG_4.MOV": live_movie(1, seconds=30),  # filmed for its own sake
            "b/IMG_5.JPG": jpeg(exif=exif(0, APPLE), seed=5),
            "b/IMG_5.MOV": live_movie(0, seconds=1.5),
            "b/IMG_5.MP4": live_movie(0, seconds=2.5),  # two halves: which?
            "c/IMG_1.MOV": live_movie(1, identifier="A-1", seconds=2.5),  # the movie alone, elsewhere
        }
    )
    real.scan()
    assert real.stacks() == {
        ("live", "a/IMG_1.HEIC"): {"a/IMG_1.MOV"},
        ("live", "a/IMG_2.JPG"): {"a/IMG_2_HEVC.MOV"},
    }
    assert real.shown("Types/Live") == ["IMG_1.HEIC", "IMG_2.JPG"]


def test_bursts_of_real_files_by_the_names_of_four_makers(real: Real) -> None:
    bursts = {
        "samsung SM-G930F": [f"20210410_120000_{number:03}.jpg" for number in (1, 2, 3)],
        "HUAWEI VTR-L09": ["IMG_20210410_120000_BURST002_COVER.jpg", "IMG_20210410_120000_BURST001.jpg"],
        "LGE Nexus 5X": [
            "00001IMG_00001_BURST20210410120000_COVER.jpg",
            "00000IMG_00000_BURST20210410120000.jpg",
            "00002IMG_00002_BURST20210410120000.jpg",
        ],
        "Sony F5321": [f"DSC_000{number}_BURST20210410120000123.JPG" for number in (1, 2)],
    }
    for number, (camera, names) in enumerate(bursts.items()):
        make, _, model = camera.partition(" ")
        for second, name in enumerate(names):
            spec = exif(second, {"make": make, "model": model})
            real.put({f"{make}/{name}": jpeg(exif=spec, seed=10 * number + second)})
        # The same names, taken by somebody else: no part of it.
        real.put({f"{make}/other/{names[1]}": jpeg(exif=exif(0, PIXEL), seed=10 * number + 9)})
    real.scan()
    assert real.stacks() == {
        ("burst", f"{camera.split()[0]}/{names[0]}"): {f"{camera.split()[0]}/{name}" for name in names[1:]}
        for camera, names in bursts.items()
    }


def test_raws_in_subfolders_pixel_variants_and_edits_of_real_files(real: Real) -> None:
    require("exiftool")
    pixel = "PXL_20210410_100000123"
    real.put(
        {
            "shoot/RAW/D_1.dng": tiff_picture(exif=exif(0, PIXEL), is_dng=True),
            "shoot/JPG/D_1.jpg": jpeg(exif=exif(1, PIXEL), seed=1),
            "shoot/RAW/D_2.dng": tiff_picture(exif=exif(2, PIXEL), is_dng=True),
            "shoot/D_2.jpg": jpeg(exif=exif(30, PIXEL), seed=2),
            f"p/{pixel}.RAW-02.ORIGINAL.dng": tiff_picture(exif=exif(10, PIXEL), is_dng=True),
            f"p/{pixel}.RAW-01.COVER.jpg": jpeg(exif=exif(10, PIXEL), seed=3),
            "e/I.jpg": jpeg(exif=exif(20, PIXEL, subsec="123"), seed=4),
            "e/I-bearbeitet.jpg": jpeg(exif=exif(20, PIXEL, subsec="123"), seed=5),
            "e/J.jpg": jpeg(exif=exif(40, PIXEL), seed=6),
            "e/J (2).jpg": jpeg(exif=exif(41, PIXEL), seed=7),
            "e/K.jpg": jpeg(seed=8),
            "e/K-edited.jpg": jpeg(seed=9),
        }
    )
    real.scan()
    assert real.stacks() == {
        ("raw", "shoot/JPG/D_1.jpg"): {"shoot/RAW/D_1.dng"},
        ("raw", f"p/{pixel}.RAW-01.COVER.jpg"): {f"p/{pixel}.RAW-02.ORIGINAL.dng"},
        ("edit", "e/I-bearbeitet.jpg"): {"e/I.jpg"},
    }
    assert real.shown("Types/RAW") == ["D_1.dng", "D_2.dng", f"{pixel}.RAW-02.ORIGINAL.dng"]


def test_verbs_make_cover_split_and_list(real: Real) -> None:
    real.put({f"{name}.jpg": jpeg(exif=exif(0, PIXEL), seed=seed) for seed, name in enumerate("ABC")})
    real.scan()
    first, second, third = (real.uid(f"{name}.jpg") for name in "ABC")
    made = real.glassine("stack", "make", first, second, "--json", schema="stack").data
    assert (made["changed"], made["photos"]) == (2, [first, second])
    (one,) = real.listed()
    assert (one["id"], one["kind"], one["origin"], one["cover"]) == (made["stack"], "manual", "user", first)
    assert [reason["rule"] for reason in one["why"]] == ["user"]
    real.glassine("stack", "cover", second, "--json", schema="stack")
    assert real.listed(first)[0]["cover"] == second
    assert real.listed(third) == []
    assert real.listed("--kind", "raw") == []
    assert real.listed("--limit", "0") == []
    text = real.glassine("stack", "list").stdout.decode()
    assert f"  * {second}  B.jpg\n" in text
    assert real.shown("Timeline") == ["B.jpg", "C.jpg"]
    real.glassine("stack", "split", first, "--json", schema="stack")
    assert real.listed() == []
    assert real.glassine("undo").code == 0
    assert real.listed()[0]["id"] == made["stack"]
    assert real.shown("Stacks") == ["A.jpg", "B.jpg"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["make", "A"], 2),
        (["make", "A", "A"], 2),
        (["make"], 2),
        (["cover", "A"], 2),
        (["cover", "0" * 26], 15),
        (["split", "0" * 26], 15),
        (["make", "A", "B", "--max-items", "1"], 2),
    ],
)
def test_verbs_refuse_what_makes_no_sense(real: Real, arguments: list[str], code: int) -> None:
    real.put({f"{name}.jpg": jpeg(exif=exif(0, PIXEL), seed=seed) for seed, name in enumerate("AB")})
    real.scan()
    words = [str(real.root / f"{word}.jpg") if word in ("A", "B") else word for word in arguments]
    done = real.glassine("stack", *words, "--json", schema="stack")
    assert (done.code, done.error["exit_code"]) == (code, code)
    assert real.listed() == []


def test_a_late_partner_of_real_files_arrives_and_the_moved_pair_stays_one(real: Real) -> None:
    real.put({"a/IMG_1.HEIC": heic(exif=exif(0, APPLE), seed=1)})
    real.scan()
    real.put({"a/IMG_1.MOV": live_movie(1)})
    real.scan()
    (before,) = real.listed()
    shutil.move(real.root / "a", real.root / "b")
    real.scan()
    (after,) = real.listed()
    assert after["id"] == before["id"]
    assert real.stacks() == {("live", "b/IMG_1.HEIC"): {"b/IMG_1.MOV"}}
