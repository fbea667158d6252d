"""100,000 mutated files through a real pool of confined workers in the long profile, and a tenth of them through a daemon.

One in a hundred of them in every run. No daemon dies or hangs, no file changes; every lost worker is a finding about one file.
Our own readers and exiftool's answers lose no worker at all; decoders of previews may.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
import trio

from capabilities import require
from catalog.facts import FactsResult
from catalog.ids import ContentId, LocationId, VolumeId
from catalog.values import WorkItem
from daemon.media.pool import MediaPool, open_media_pool
from daemon.media.preview_protocol import preview_item
from fuzz.mutations import mutated
from fuzz.parsers import examine, keep
from fuzz.seeds import file_seeds
from fuzz.test_fuzz_parsers import SEED
from product import Product, wait_until
from sacred import fingerprints
from source_mutant import seed_mutant

ALL = 100_000
AT_ONCE = 500
LOST = "a media worker was lost"
# A file of 20 s and its exiftool of 15 s would be a finding each; a batch of a thousand must not take minutes.
DEADLINE_S = 1800.0


def write_mutants(folder: Path, count: int, *, start: int = 0) -> list[str]:
    """Write mutated files `<number>.<extension>`; file n is drawn by a generator of (seed, n)."""
    seeds = file_seeds()
    contents = [content for _, content in seeds]
    names = []
    for number in range(start, start + count):
        random = Random(f"{SEED}/file/{number}")
        extension, content = random.choice(seeds)
        names.append(f"{number:06d}.{extension}")
        (folder / names[-1]).write_bytes(mutated(content, random, contents) or b"\0")
    return names


def _items(folder: Path, names: Sequence[str]) -> Iterator[WorkItem]:
    for number, name in enumerate(names, 1):
        status = (folder / name).stat()
        yield WorkItem(
            LocationId(number),
            ContentId(number),
            VolumeId(1),
            os.fsencode(folder),
            os.fsencode(name),
            status.st_size,
            status.st_mtime_ns,
            status.st_ctime_ns,
            status.st_ino,
        )


async def _read(pool: MediaPool, folder: Path, names: Sequence[str], stop_above: int) -> tuple[int, int]:
    """Read the files in all three tiers; returns (results that are findings, pictures made)."""
    items = list(_items(folder, names))
    header = await pool.read(items)
    deep = await pool.read([replace(item, tier="deep") for item in items])
    assert pool.report.workers_lost <= stop_above, "a reader of ours killed its worker"
    for result in (*header, *deep):
        _examine(result)
    wanted = [
        preview_item(result.item, [("make", 1, result.facts.is_raw)])
        for result in deep
        if result.facts is not None
        and (result.facts.is_raw or result.facts.mime in ("image/heic", "image/avif"))
    ]
    lost_before = pool.report.workers_lost
    pictures = await pool.read(wanted)
    killed = [one for one in pictures if one.finding is not None and one.finding.tool == "worker"]
    assert pool.report.workers_lost - lost_before <= len(killed), "each killed worker is a finding"
    assert all(one.error is None for one in pictures)
    return sum(one.finding is not None for one in (*header, *deep)), len(pictures)


def _examine(result: FactsResult) -> None:
    try:
        assert result.error is None, result
        assert (result.facts is None) != (result.finding is None), result
        if result.facts is not None:
            examine(result.facts, result.item.size)
    except Exception as error:
        path = keep(Path(os.fsdecode(result.item.root), os.fsdecode(result.item.path)).read_bytes())
        raise AssertionError(f"{result.item.path!r} of seed {SEED}, kept as {path}") from error


async def _fuzz_pool(folder: Path, count: int, capsys: pytest.CaptureFixture[str]) -> None:
    folder.mkdir()
    findings = made = 0
    with trio.fail_after(DEADLINE_S * count / 1000):
        async with open_media_pool(workers=2) as pool:
            for start in range(0, count, AT_ONCE):
                names = write_mutants(folder, min(AT_ONCE, count - start), start=start)
                before = fingerprints(folder)
                more_findings, more_made = await _read(pool, folder, names, pool.report.workers_lost)
                findings, made = findings + more_findings, made + more_made
                assert fingerprints(folder) == before
                for name in names:
                    (folder / name).unlink()
            lost = pool.report.workers_lost
    with capsys.disabled():
        print(
            f"\nfuzz files: seed {SEED}, {count} files, {findings} findings, {made} decoded, {lost} workers lost"
        )


@pytest.mark.slow
@pytest.mark.allows_log(LOST)
async def test_one_percent_of_the_mutated_files_goes_through_the_pool(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    require("exiftool")
    await _fuzz_pool(tmp_path / "photos", ALL // 100, capsys)


@pytest.mark.long
@pytest.mark.allows_log(LOST)
async def test_a_hundred_thousand_mutated_files_go_through_the_pool(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    require("exiftool")
    await _fuzz_pool(tmp_path / "photos", ALL, capsys)


# ---- the daemon


def _fuzz_daemon(home: Path, count: int, **environment: str) -> list[str]:
    """Have a daemon scan mutated files; returns what is wrong with it afterwards."""
    folder = home / "photos"
    folder.mkdir()
    write_mutants(folder, count, start=ALL)
    before = fingerprints(folder)
    product = Product(home, {"GLASSINE_DAV_PORT": "0", **environment})
    product.init(folder)
    wrong = []
    try:
        product.run("up", "--no-dav")
        daemons = _daemons(product)  # none, if it died of the first file
        wait_until(lambda: _is_idle(product), what="everything read", deadline_s=DEADLINE_S)
        if len(daemons) != 1 or _daemons(product) != daemons:
            wrong.append("the daemon died")
        if product.run("check", check=False).returncode != 0:
            wrong.append("check is not clean")
        pending = product.data("status")["pending"]
        if any(pending.values()):
            wrong.append(f"pending: {pending}")
        unsettled = [photo for photo in product.found() if photo["mime"] is None]
        wrong += [
            f"neither facts nor findings: {photo['name']}" for photo in unsettled if not photo["findings"]
        ]
    finally:
        product.run("down", check=False)
    if fingerprints(folder) != before:
        wrong.append("originals changed")
    return wrong


def _daemons(product: Product) -> list[int]:
    return [one["pid"] for one in product.data("status")["processes"] if one["kind"] == "daemon"]


def _is_idle(product: Product) -> bool:
    status = json.loads(product.run("--json", "status").stdout)["data"]
    assert any(one["kind"] == "daemon" for one in status["processes"]), "the daemon died"
    return not status["scanning"] and not any(status["pending"].values())


@pytest.mark.slow
def test_a_daemon_reads_mutated_files_and_lives(tmp_path: Path) -> None:
    assert _fuzz_daemon(tmp_path, ALL // 1000 * 2) == []


@pytest.mark.long
def test_a_daemon_reads_ten_thousand_mutated_files_and_lives(tmp_path: Path) -> None:
    assert _fuzz_daemon(tmp_path, ALL // 10) == []


# ---- the harnesses bite


@pytest.mark.slow
@pytest.mark.allows_log(LOST)
async def test_a_reader_that_kills_its_worker_goes_red(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutant = seed_mutant(
        tmp_path / "mutant",
        "daemon.media.png",
        "def read_png(source: ByteSource, draft: Draft) -> None:\n",
        f"def read_png(source: ByteSource, draft: Draft) -> None:\n    import os; os.kill(os.getpid(), {signal.SIGSEGV.value})\n",
    )
    monkeypatch.setenv("PYTHONPATH", str(mutant))
    folder = tmp_path / "photos"
    folder.mkdir()
    names = write_mutants(folder, 40)
    (folder / "x.png").write_bytes(next(content for extension, content in file_seeds() if extension == "png"))
    async with open_media_pool(workers=2) as pool:
        with pytest.raises(AssertionError, match="killed its worker"):
            await _read(pool, folder, [*names, "x.png"], 0)


@pytest.mark.slow
def test_a_daemon_that_dies_of_facts_goes_red(tmp_path: Path) -> None:
    mutant = seed_mutant(
        tmp_path / "mutant",
        "daemon.media.pool",
        "        results: dict[int, FactsResult] = {}\n",
        "        results: dict[int, FactsResult] = {}\n        if any(item.tier == 'deep' for item in items): raise KeyError(0)\n",
    )
    (tmp_path / "home").mkdir()
    with pytest.raises(AssertionError, match="the daemon died"):
        _fuzz_daemon(tmp_path / "home", 60, PYTHONPATH=f"{mutant}:{os.environ.get('PYTHONPATH', '')}")
