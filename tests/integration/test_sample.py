"""The sample library: what the issue asks of it, twice the same, and never over something else."""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from capabilities import require
from daemon.sample.plan import DUPLICATES, shots
from daemon.sample.write import write_sample
from sacred import fingerprints


def _paths(root: Path) -> dict[bytes, int]:
    top = os.fsencode(root)
    return {
        os.path.relpath(os.path.join(folder, name), top): os.path.getsize(os.path.join(folder, name))
        for folder, _, names in os.walk(top)
        for name in names
    }


def test_it_has_two_hundred_files_of_every_kind(sample: Path) -> None:
    require("ffmpeg")
    kinds = Counter(os.path.splitext(path)[1].lower() for path in _paths(sample))
    assert sum(kinds.values()) >= 200
    for extension in (b".jpg", b".heic", b".png", b".dng", b".mp4", b".m4a", b".wav"):
        assert kinds[extension] >= 1, extension


def test_plan_spans_years_zones_hemispheres_and_all_orientations() -> None:
    plan = shots()
    assert len({shot.path for shot in plan}) == len(plan)
    assert len({shot.taken.year for shot in plan if shot.taken}) >= 6
    assert {shot.orientation for shot in plan} == set(range(1, 9))
    assert len({shot.offset_min for shot in plan}) >= 4
    assert {shot.position[0] > 0 for shot in plan if shot.position} == {True, False}
    assert len({shot.camera for shot in plan}) >= 6


def test_plan_has_clashing_unicode_and_undecodable_names() -> None:
    names = Counter(os.path.basename(shot.path).lower() for shot in shots())
    assert names[b"img_0001.jpg"] >= 3
    assert any(not name.isascii() for name in names)
    with pytest.raises(UnicodeDecodeError):
        [name.decode() for name in names]


def test_two_runs_give_the_same_bytes_and_times(tmp_path: Path, sample: Path) -> None:
    write_sample(tmp_path / "again")
    first, second = fingerprints(sample), fingerprints(tmp_path / "again")
    assert first.keys() == second.keys()
    differing = [
        path
        for path, ours in first.items()
        if ours.blake3 is not None
        and (ours.blake3, ours.mtime_ns) != (second[path].blake3, second[path].mtime_ns)
    ]
    assert differing == []


def test_duplicates_are_the_same_bytes(sample: Path) -> None:
    prints = fingerprints(sample)
    for copy, of in DUPLICATES.items():
        assert prints[copy].blake3 == prints[of].blake3


def test_an_existing_directory_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    with pytest.raises(FileExistsError):
        write_sample(tmp_path / "mine")
    assert list((tmp_path / "mine").iterdir()) == []


def test_exiftool_reads_what_the_plan_says(sample: Path) -> None:
    require("exiftool")
    wanted = ["-DateTimeOriginal", "-OffsetTimeOriginal", "-Model", "-Orientation", "-GPSLatitude"]
    done = subprocess.run(
        [
            "exiftool",
            "-json",
            "-n",
            "-r",
            *wanted,
            "-ext",
            "jpg",
            "-ext",
            "heic",
            "-ext",
            "dng",
            str(sample / "Phone"),
            str(sample / "2019"),
        ],
        capture_output=True,
        check=True,
    )
    read = {os.path.relpath(row["SourceFile"], sample).encode(): row for row in json.loads(done.stdout)}
    for shot in shots():
        row = read.get(shot.path)
        if row is None or shot.camera is None or shot.taken is None:
            continue
        assert row["DateTimeOriginal"] == shot.taken.strftime("%Y:%m:%d %H:%M:%S")
        assert row["Model"] == shot.camera.model
        assert row["Orientation"] == shot.orientation
        if shot.position is not None and shot.format == "jpeg":
            assert row["GPSLatitude"] == pytest.approx(shot.position[0], abs=1e-4)
    assert len(read) >= 100


def test_libraw_reads_the_dng(sample: Path) -> None:
    import rawpy

    raws = sorted((sample / "2019" / "Iceland" / "RAW").iterdir())
    assert raws
    with rawpy.imread(os.fspath(raws[0])) as raw:
        assert raw.sizes.raw_width == 128
