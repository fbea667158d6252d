"""Before a volume gets another root: a look at the new place, and at the old one, by volume processes of their own.

Blocking, for the command line. Reads only: nobody's lock is taken, nothing is written, and a place that hangs costs its
process and a few seconds.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import trio

from catalog.library import Library
from catalog.store.db import open_reader
from catalog.store.samples import samples as store_samples
from catalog.store.volumes import volumes
from catalog.values import Sample, Volume
from daemon.config import Config
from daemon.endings import first_error
from daemon.volume_process.mounts import is_below
from daemon.volume_process.protocol import Hello, ProbeReport
from daemon.volume_session import HANG_S, start_session

# So many known files that are the same prove that a place holds a volume (`daemon.judging`).
ENOUGH = 4


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
        return self.report.error is None and self.found >= min(ENOUGH, self.known)


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
    hello = Hello(
        root=path,
        backend=volume.backend,
        excludes=volume.excludes,
        config_excludes=tuple(config.scan.excludes),
        own_files=_own_files(library),
        other_roots=tuple(
            other.root
            for other in known
            if other.id != volume.id and other.backend == "local" and is_below(other.root, path)
        ),
    )
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


def _own_files(library: Library) -> tuple[tuple[int, int], ...]:
    found = []
    for path in (library.path, library.state_dir, library.cache_dir, library.sidecars_dir):
        with suppress(FileNotFoundError):
            status = os.stat(path)
            found.append((status.st_dev, status.st_ino))
    return tuple(found)
