"""From results to rows: what a batch is written with, and what happens when it cannot be.

One file whose result cannot be written is a recorded fact, not the end of a scan (charter 7).

What workers answer is checked on arrival, so nothing here should ever happen: it is the border behind which a mistake of ours
over one file costs that file's facts and no more. What is wrong with the library itself is raised as ever.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence

from catalog.errors import CatalogError, GlassineError, InvalidValue
from catalog.facts import READER_VERSION, FactsResult, Finding
from catalog.store import ingest as store
from catalog.store import neighbours, sidecars
from catalog.store.db import Writer
from catalog.values import HashResult, SniffResult
from daemon.writer import WriterService

log = logging.getLogger(__name__)

Record = Callable[[Writer, list[FactsResult]], object]


async def record_apart(writer: WriterService, record: Record, results: Sequence[FactsResult]) -> None:
    """Write results in one transaction; if that fails over some of them, halve until they are alone. Checkpoint.

    A result that cannot be written even alone is written as a finding: its file is not read again by this version.

    Args:
        writer: the service.
        record: writes results in one transaction, all or none.
        results: a batch.

    Raises:
        GlassineError: something is wrong that no file is to blame for.
    """
    try:
        await writer.run_batch(record, list(results))
    except Exception as error:
        # Border: whatever it is, the transaction is rolled back, and one file must not stop all others.
        if _is_of_the_library(error):
            raise
        if len(results) == 1 and results[0].finding is not None:
            raise  # not even that could be written: it is no single file
        if len(results) > 1:
            middle = len(results) // 2
            await record_apart(writer, record, results[:middle])
            await record_apart(writer, record, results[middle:])
            return
        log.exception("what was read of %r cannot be recorded", results[0].item.path)
        reason = f"what was read cannot be recorded: {type(error).__name__}: {error}"[:300]
        defeated = FactsResult(results[0].item, finding=Finding("catalog", str(READER_VERSION), reason))
        await writer.run_batch(record, [defeated])


def _is_of_the_library(error: Exception) -> bool:
    """Tell errors that name the library or the machine from a broken constraint and from plain mistakes."""
    is_ours = isinstance(error, GlassineError)
    return is_ours and not isinstance(error, InvalidValue) and type(error) is not CatalogError


# ---- one transaction each; all or none


def record_facts(writer: Writer, results: list[FactsResult]) -> int:
    """Write what readers said of files."""
    return store.record_facts(writer, results, writer.zone, time.time_ns())


def record_zones(
    writer: Writer, changes: list[neighbours.ZoneChange], done: list[neighbours.DueFolder]
) -> None:
    """Write offsets of neighbours, or that folders were looked at."""
    neighbours.record_zones(writer, changes, done, writer.zone, time.time_ns())


def record_sidecars(writer: Writer, results: list[FactsResult]) -> int:
    """Write what foreign sidecars say."""
    return sidecars.record_sidecars(writer, results, time.time_ns())


def record_sniffs(writer: Writer, results: list[SniffResult]) -> int:
    """Write what files of unknown name are."""
    return store.record_sniffs(writer, results, writer.zone, time.time_ns())


def record_hashes(writer: Writer, results: list[HashResult]) -> int:
    """Write what bytes are."""
    return store.record_hashes(writer, results, time.time_ns())
