"""Before a volume gets another root: a look at the new place, and at the old one, by volume processes of their own.

Blocking, for the command line. Reads only: nobody's lock is taken, nothing is written, and a place that hangs costs its
process and a few seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import trio

from catalog.library import Library
from catalog.store.db import open_reader
from catalog.store.samples import samples as store_samples
from catalog.store.volumes import volumes
from catalog.values import Sample, Volume
from daemon.config import Config
from daemon.endings import first_error
from daemon.judging import ENOUGH_SAMPLES
from daemon.volume_hello import hello_for
from daemon.volume_process.protocol import Hello, ProbeReport
from daemon.volume_session import HANG_S, start_session


@dataclass(frozen=True, slots=True)
class Survey:
    """What is at a place, compared with what is known of a volume.

    Attributes:
        known: sampled files that were looked for.
        found: of them, those that are there with the same size and time.
        other: of them, those whose name is there with another size or time: a copy that did not keep the times looks so.
    """

    report: ProbeReport
    known: int
    found: int
    other: int

    @property
    def is_proof(self) -> bool:
        """Whether the place holds the files of the volume, as far as a sample can tell."""
        return self.report.error is None and self.found >= min(ENOUGH_SAMPLES, self.known)


def survey(
    library: Library, config: Config, volume: Volume, path: bytes, *, hang_s: float = HANG_S
) -> Survey:
    """Look at a place as if it were the volume's root. Main thread; blocks for `hang_s` at most.

    Raises:
        VolumeOffline: it does not answer.
    """
    reader = open_reader(library)
    try:
        known = volumes(reader)
        wanted = store_samples(reader, volume.id)
    finally:
        reader.close()
    hello = hello_for(library, config.scan, replace(volume, root=path), known)
    try:
        report = trio.run(_probe, hello, wanted, hang_s)
    except BaseExceptionGroup as group:
        raise first_error(group) from group
    fates = list(report.samples)
    return Survey(report, len(wanted), fates.count("same"), fates.count("other"))


async def _probe(hello: Hello, wanted: Sequence[Sample], hang_s: float) -> ProbeReport:
    session = start_session(hello, hang_s=hang_s)
    try:
        async with trio.open_nursery() as nursery:
            await nursery.start(session.serve)
            report = await session.probe(wanted)
            session.end("it was looked at")
    finally:
        session.end("nobody waits for it")
        await session.reap()
    return report
