"""One result that cannot be written costs one file: the others of its batch are recorded, it gets a finding."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from catalog.errors import CatalogCorrupt
from catalog.facts import Facts, FactsResult
from catalog.store import ingest as store
from catalog.store.db import Writer
from daemon.recording import record_apart
from daemon.writer import WriterService, open_writer_service
from store_harness import make_harness


def record(writer: Writer, results: list[FactsResult]) -> int:
    return store.record_facts(writer, results, writer.zone, time.time_ns())


async def due(service: WriterService) -> list[FactsResult]:
    items = await service.read(store.facts_due, 100)
    return [FactsResult(item, facts=Facts("photo", "image/jpeg", width=640, height=480)) for item in items]


@pytest.mark.allows_log("cannot be recorded")
async def test_a_result_that_breaks_the_catalogs_rules_is_a_finding_and_the_others_are_facts(
    tmp_path: Path,
) -> None:
    harness = make_harness(tmp_path / "library")
    for number in range(9):
        harness.put(b"a/IMG_%d.JPG" % number, f"bytes {number}", inode=number + 1)
    harness.scan()
    harness.close()
    async with open_writer_service(harness.library) as service:
        results = await due(service)
        no_type = replace(results[4].facts or Facts(None, ""), mime=None)  # type: ignore[arg-type]
        results[4] = FactsResult(results[4].item, facts=no_type)
        with pytest.raises(Exception, match="NOT NULL"):
            await service.run_batch(record, results)
        await record_apart(service, record, results)
        states = await service.read(
            lambda reader: reader.rows("SELECT facts_state, count(*) FROM content GROUP BY 1")
        )
        assert dict(states) == {"done": 8, "failed": 1}
        ((tool, reason),) = await service.read(lambda reader: reader.rows("SELECT tool, reason FROM finding"))
        assert tool == "catalog"
        assert "cannot be recorded" in reason
        assert await due(service) == [], "and it is not read again"


async def test_an_error_of_the_library_is_no_files_fault(tmp_path: Path) -> None:
    harness = make_harness(tmp_path / "library")
    harness.put(b"a/IMG_1.JPG", "bytes", inode=1)
    harness.scan()
    harness.close()

    def damaged(writer: Writer, results: list[FactsResult]) -> None:
        raise CatalogCorrupt("a page is damaged")

    async with open_writer_service(harness.library) as service:
        with pytest.raises(CatalogCorrupt):
            await record_apart(service, damaged, await due(service))
        assert await service.read(lambda reader: reader.rows("SELECT 1 FROM finding")) == []
