"""Our readers against real files and the word of exiftool and of the source projects on them (`manifest.tsv`).

Over the project's corpus and any folder named by GLASSINE_CORPUS. A difference in the project's corpus was looked at, byte by
byte: it stands in `tests/data/corpus_differences.tsv` with who is right and why; one in which we are wrong counts against
us. In another corpus the fields that the issue names count, and every difference counts against us that is not a
known notion of such manifests (`corpus_truth.notion_of`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from capabilities import require
from catalog.dates import SOURCES
from catalog.facts import EXTRA, FactsResult
from corpus_truth import (
    FIELDS,
    Difference,
    Row,
    Tally,
    corpora,
    has_values,
    is_media,
    item_of,
    judged,
    rows_of,
)
from daemon.media.pool import open_media_pool

FLOOR = 0.995
FLOOR_WITHOUT_EXIFTOOL = 0.98
WITHOUT_EXIFTOOL = frozenset({"JPEG", "HEIC", "HEIF", "MOV", "MP4"})
CORPORA = corpora()

pytestmark = pytest.mark.skipif(
    not CORPORA, reason="missing: the corpus (GLASSINE_CORPUS or ../shared/corpus)"
)


async def _read_both_tiers(corpus: Path, rows: Sequence[Row]) -> list[FactsResult]:
    items = [item_of(corpus, row, number) for number, row in enumerate(rows, 1)]
    async with open_media_pool(workers=1) as pool:
        results = await pool.read(items)
        due = [at for at, one in enumerate(results) if one.facts and one.facts.needs_deep]
        deep = await pool.read([replace(items[at], tier="deep") for at in due])
        assert pool.report.workers_lost == 0
    for at, result in zip(due, deep, strict=True):
        results[at] = result
    return results


async def _tally(corpus: Path, rows: Sequence[Row]) -> Tally:
    tally = Tally()
    for row, result in zip(rows, await _read_both_tiers(corpus, rows), strict=True):
        if result.facts is None or result.facts.kind is None:
            tally.told["facts"] = tally.told.get("facts", 0) + 1
            tally.differences.append(Difference(row["path"], "facts", str(result.finding), ""))
        else:
            tally.compare(row, result.facts)
    return tally


def _verdict(tally: Tally, *, is_reviewed: bool) -> tuple[float, str, list[Difference]]:
    """Return (share that is right, counts per field, differences that nobody looked at or that no notion explains)."""
    reviewed = judged()
    if is_reviewed:
        is_right = {
            one for one in tally.differences if reviewed.get((one.path, one.field)) in ("ours", "both")
        }
        new = [one for one in tally.differences if (one.path, one.field) not in reviewed]
    else:
        is_right = {one for one in tally.differences if one.notion}
        new = [one for one in tally.differences if not one.notion and one.field in (*FIELDS, "facts")]
    right = Counter(one.field for one in is_right)
    counted = [name for name in tally.told if is_reviewed or name in (*FIELDS, "facts")]
    told = sum(tally.told[name] for name in counted)
    agreed = sum(tally.agreed.get(name, 0) + right[name] for name in counted)
    return agreed / max(told, 1), f"{agreed}/{told}: {tally.table(right)}", new


def _is_reviewed(rows: Sequence[Row]) -> bool:
    paths = {row["path"] for row in rows}
    return all(path in paths for path, _ in judged())


@pytest.mark.slow
@pytest.mark.parametrize("corpus", CORPORA, ids=str)
async def test_our_readers_agree_with_the_truth_of_the_corpus(
    corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    require("exiftool")
    rows = rows_of(corpus)
    is_reviewed = _is_reviewed(rows)
    tally = await _tally(corpus, [row for row in rows if is_media(row) and has_values(row)])
    share, counts, new = _verdict(tally, is_reviewed=is_reviewed)
    with capsys.disabled():
        print(f"\ncorpus {share:.2%} {counts}")
    if is_reviewed:
        assert not new, "\n".join(f"{one.path}\t{one.field}\t{one.ours}\t{one.truth}" for one in new)
        seen = {(one.path, one.field) for one in tally.differences}
        assert set(judged()) == seen, "a judged difference is gone: take its line out of the file"
        assert sum(tally.told.values()) > 1000
    assert share >= FLOOR, "\n".join(map(str, new))


@pytest.mark.slow
@pytest.mark.parametrize("corpus", CORPORA, ids=str)
async def test_without_exiftool_the_common_formats_agree_nearly_as_well(
    corpus: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    rows = rows_of(corpus)
    common = [
        row for row in rows if is_media(row) and has_values(row) and row["file_type"] in WITHOUT_EXIFTOOL
    ]
    tally = await _tally(corpus, common)
    share, counts, new = _verdict(tally, is_reviewed=_is_reviewed(rows))
    with capsys.disabled():
        print(f"\ncorpus without exiftool {share:.2%} {counts}")
    assert share >= FLOOR_WITHOUT_EXIFTOOL, "\n".join(map(str, new))


@pytest.mark.slow
@pytest.mark.parametrize("corpus", CORPORA, ids=str)
async def test_every_file_gives_facts_or_a_finding_and_costs_no_worker(corpus: Path) -> None:
    rows = rows_of(corpus)
    async with open_media_pool(workers=1) as pool:
        items = [item_of(corpus, row, number) for number, row in enumerate(rows, 1)]
        header = await pool.read(items)
        deep = await pool.read([replace(item, tier="deep") for item in items])
        assert pool.report.workers_lost == 0
    for result in (*header, *deep):
        assert result.error is None
        assert (result.facts is None) != (result.finding is None)
        if result.facts is None:
            continue
        assert all(candidate.source in SOURCES for candidate in result.facts.candidates)
        assert set(result.facts.extra) <= set(EXTRA)
        for preview in result.facts.previews:
            assert 0 <= preview.offset < preview.offset + preview.length <= result.item.size
