"""Generated files with known answers, through a real pool of confined workers: independent of exiftool's opinion.

Once with the header tier and once with both; the answers are the same.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest

from capabilities import require
from catalog.facts import Descriptive, Facts
from catalog.ids import ContentId, LocationId, VolumeId
from catalog.values import WorkItem
from corpus_truth import resolution
from daemon.media.pool import open_media_pool
from generated_case import differences
from generated_truth import Case, cases, whole_cases

# An answer that rounding on the way through rationals may move.
_NEAR = {"lat": 1e-6, "lon": 1e-6, "alt": 0.01, "duration_s": 1e-6}


def _write(root: Path, files: Iterable[tuple[str, bytes]]) -> list[WorkItem]:
    """Write files, each into a folder of its own: their names are not unique."""
    items = []
    for number, (name, content) in enumerate(files, 1):
        path = root / f"{number:03d}" / name
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
        status = path.stat()
        items.append(
            WorkItem(
                LocationId(number),
                ContentId(number),
                VolumeId(1),
                os.fsencode(root),
                os.fsencode(path.relative_to(root)),
                status.st_size,
                status.st_mtime_ns,
                status.st_ctime_ns,
                status.st_ino,
            )
        )
    return items


def test_there_are_enough_cases_and_some_of_every_kind() -> None:
    names = [case.name for case in cases()] + [case.file_name for case in whole_cases()]
    assert len(cases()) >= 120
    assert len(names) >= 300
    endings = {name.rpartition(".")[2].lower() for name in names}
    assert endings >= {
        "jpg",
        "heic",
        "avif",
        "png",
        "webp",
        "tif",
        "dng",
        "gif",
        "bmp",
        "jxl",
        "psd",
        "cr3",
        "nef",
    }
    assert endings >= {"mp4", "mov", "mkv", "avi", "m4a", "mp3", "wav", "flac", "ogg"}


@pytest.mark.slow
async def test_workers_say_all_that_a_generated_file_says_and_nothing_else(tmp_path: Path) -> None:
    items = _write(tmp_path, [(case.file_name, case.content) for case in whole_cases()])
    async with open_media_pool(workers=2) as pool:
        results = await pool.read(items)
        assert pool.report.workers_lost == 0
    wrong = {}
    for case, result in zip(whole_cases(), results, strict=True):
        found = differences(result.facts, case) if result.facts is not None else str(result.finding)
        if found and not (result.facts is None and case.expected.get("kind", "photo") is None):
            wrong[case.name] = found
    assert wrong == {}


@pytest.mark.slow
@pytest.mark.parametrize("tier", ["header", "deep"])
async def test_what_was_written_in_is_what_comes_out(tmp_path: Path, tier: Literal["header", "deep"]) -> None:
    if tier == "deep":
        require("exiftool")
    written = _write(tmp_path, [(case.name, case.content) for case in cases()])
    async with open_media_pool(workers=2) as pool:
        results = await pool.read([replace(item, tier=tier) for item in written])
        assert pool.report.workers_lost == 0
    wrong = []
    for case, result in zip(cases(), results, strict=True):
        if result.facts is None:
            wrong.append(f"{case.name}: {result.finding or result.error}")
        else:
            wrong += _differences(case, result.facts)
    assert not wrong, "\n".join(wrong)


def _differences(case: Case, facts: Facts) -> list[str]:
    found = {name: _said(name, facts) for name in case.expected}
    return [
        f"{case.name}: {name} is {found[name]!r}, written was {expected!r}"
        for name, expected in case.expected.items()
        if not _is_same(name, found[name], expected)
    ]


def _said(name: str, facts: Facts) -> Any:
    if name in ("date", "offset_min"):
        capture = resolution(facts).capture
        said = {"date": capture.local, "offset_min": capture.offset_min}[name]
        return None if capture.source == "mtime" else said
    descriptive = facts.descriptive or Descriptive()
    if name == "faces":
        return {(face.x, face.y, face.w, face.h) for face in descriptive.faces}
    if name in Descriptive.__dataclass_fields__:
        return getattr(descriptive, name)
    return getattr(facts, name) if name in Facts.__dataclass_fields__ else facts.extra.get(name)


def _is_same(name: str, said: Any, expected: Any) -> bool:
    if isinstance(expected, set):
        return set(said) == expected and len(said) == len(expected)
    if name in _NEAR and isinstance(said, float | int) and expected is not None:
        return abs(said - expected) <= _NEAR[name]
    if isinstance(expected, dict):  # those that are told; more may be known
        return isinstance(said, dict) and all(said.get(key) == value for key, value in expected.items())
    return bool(said == expected)


def test_the_comparison_sees_every_wrong_answer() -> None:
    nothing = Facts(kind=None, mime="application/x-nothing")
    for case in cases():
        told = {name: value for name, value in case.expected.items() if value not in (None, False, set())}
        assert len(_differences(case._replace(expected=told), nothing)) == len(told), case.name
