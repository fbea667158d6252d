"""Our readers against real files and exiftool's word on them (`manifest.tsv` of the corpus).

The floor is per field. A difference that was looked at stands in `tests/data/corpus_differences.tsv` with
who is right; a difference in which we are right counts for us, one in which we are wrong counts against us.
"""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from capabilities import require
from catalog.dates import SOURCES, resolve
from catalog.facts import FactsResult
from catalog.ids import ContentId, LocationId, VolumeId
from catalog.values import WorkItem
from daemon.media.pool import open_media_pool
from sacred import corpus_dir

CORPUS = corpus_dir() or Path("/nonexistent")
DIFFERENCES = Path(__file__).parents[1] / "data" / "corpus_differences.tsv"
FLOOR = 0.97
NOW_NS = 1_796_000_000 * 10**9  # 2026-11-30: a camera of the corpus is ahead of its time
UTC = ZoneInfo("UTC")


@pytest.fixture(autouse=True)
def _needs() -> None:
    require("corpus")
    require("exiftool")


def _rows() -> list[dict[str, str]]:
    with (CORPUS / "manifest.tsv").open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def _item(path: str, number: int, tier: str = "header") -> WorkItem:
    status = (CORPUS / path).stat()
    return WorkItem(
        LocationId(number),
        ContentId(number),
        VolumeId(1),
        os.fsencode(CORPUS),
        os.fsencode(path),
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
        status.st_ino,
        tier,  # type: ignore[arg-type]
    )


async def _read_both_tiers(rows: list[dict[str, str]]) -> list[FactsResult]:
    items = [_item(row["path"], number) for number, row in enumerate(rows, 1)]
    async with open_media_pool(workers=1) as pool:
        results = await pool.read(items)
        due = [at for at, one in enumerate(results) if one.facts and one.facts.needs_deep]
        deep = await pool.read([replace(items[at], tier="deep") for at in due])
        for at, result in zip(due, deep, strict=True):
            results[at] = result
    return results


def _near(tolerance: float) -> Callable[[str, str], bool]:
    return lambda ours, truth: abs(float(ours) - float(truth)) <= tolerance


def _same(ours: str, truth: str) -> bool:
    return ours == truth


def _fields(
    row: dict[str, str], result: FactsResult
) -> list[tuple[str, object, str, Callable[[str, str], bool]]]:
    """Return (field, ours, truth, comparison) of every field that the manifest tells."""
    facts = result.facts
    assert facts is not None
    capture = resolve(facts.kind or "photo", facts, b"x", 0, UTC, NOW_NS).capture
    is_header = row["dt_tag_used"] == "QuickTime:CreateDate"
    moment = row["dt_quicktime"] if is_header else row["dt_original"] or row["dt_create"] or row["dt_gps"]
    truth_date = moment[:19].replace(":", "-", 2).replace(" ", "T") if row["dt_tag_used"] else ""
    return [
        ("width", facts.width, row["width"], _same),
        ("height", facts.height, row["height"], _same),
        ("orientation", facts.orientation, row["orientation"], _same),
        ("make", facts.make, row["make"], _same),
        ("model", facts.model, row["model"], _same),
        ("lat", facts.lat, row["gps_lat"], _near(1e-6)),
        ("lon", facts.lon, row["gps_lon"], _near(1e-6)),
        ("alt", facts.alt, row["gps_alt"], _near(0.01)),
        ("duration", facts.duration_s, row["duration_s"], _near(0.1)),
        ("date", capture.local[:19], truth_date, _same),
        ("date source", capture.source, row["dt_tag_used"], _same),
    ]


def _judged() -> dict[tuple[str, str], str]:
    with DIFFERENCES.open(newline="") as file:
        rows = csv.DictReader((line for line in file if not line.startswith("#")), delimiter="\t")
        return {(row["path"], row["field"]): row["right"] for row in rows}


@pytest.mark.slow
async def test_our_readers_agree_with_the_truth_of_the_corpus(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        row for row in _rows() if row["theme"] not in ("corrupt", "sidecar", "other") and row["bytes"] != "0"
    ]
    rows = [row for row in rows if not row["path"].endswith((".json", ".AAE", ".xmp", ".txt"))]
    judged = _judged()
    told: Counter[str] = Counter()
    right: Counter[str] = Counter()
    unjudged: list[str] = []
    seen: set[tuple[str, str]] = set()
    for row, result in zip(rows, await _read_both_tiers(rows), strict=True):
        if result.facts is None:
            seen.add((row["path"], "facts"))
            if (row["path"], "facts") not in judged:
                unjudged.append(f"{row['path']}\tfacts\t{result.finding}\t-")
            continue
        for field, ours, truth, compare in _fields(row, result):
            if truth == "":
                continue
            told[field] += 1
            if ours is not None and compare(str(ours), truth):
                right[field] += 1
                continue
            seen.add((row["path"], field))
            if (row["path"], field) in judged:
                right[field] += judged[row["path"], field] in ("ours", "both")
            else:
                unjudged.append(f"{row['path']}\t{field}\t{ours}\t{truth}")
    with capsys.disabled():
        print("\ncorpus: " + ", ".join(f"{field} {right[field]}/{told[field]}" for field in told))
    assert not unjudged, "\n".join(unjudged)
    assert set(judged) == seen, "a judged difference is gone: take its line out of the file"
    assert {field: right[field] / told[field] for field in told if right[field] / told[field] < FLOOR} == {}
    assert sum(told.values()) > 800


@pytest.mark.slow
async def test_corrupt_files_give_facts_or_a_finding_and_cost_no_worker() -> None:
    rows = [row for row in _rows() if row["theme"] == "corrupt" and row["bytes"] != "0"]
    async with open_media_pool(workers=1) as pool:
        items = [_item(row["path"], number) for number, row in enumerate(rows, 1)]
        header = await pool.read(items)
        deep = await pool.read([replace(item, tier="deep") for item in items])
        assert pool.report.workers_lost == 0
    assert len(rows) > 100
    for result in (*header, *deep):
        assert result.error is None
        assert (result.facts is None) != (result.finding is None)
        for candidate in result.facts.candidates if result.facts else ():
            assert candidate.source in SOURCES
