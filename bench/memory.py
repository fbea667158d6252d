"""Yardsticks of memory and of the catalog's size: a seeded library of many assets, served, listed and measured.

The catalog is filled through the store's own functions, as scans and readers would, with synthetic facts and no
files: then its volume is switched off, daemon, mount and WebDAV are started, folders are listed through both
faces, and PSS and VmHWM of all processes are read.
"""

from __future__ import annotations

import json
import os
import time
from datetime import datetime, timedelta
from pathlib import Path

from blake3 import blake3

from bench.timing import Figure, Report, descendants, glassine, memory_of, seconds_of
from bench.webdav import free_port, propfind
from catalog.facts import DateCandidate, Facts, FactsResult
from catalog.ids import ContentHash, VolumeId
from catalog.library import Library, LibraryLock
from catalog.store import identity, ingest, scanning, volumes
from catalog.store.db import Writer, open_writer
from catalog.values import DirectoryListing, HashResult, Observed, WorkItem

PER_FOLDER = 500
FOLDERS_PER_COMMIT = 8  # large transactions: seeding is no measurement
EXIF = "ExifIFD:DateTimeOriginal"
CAMERAS = (("Canon", "EOS R6"), ("Apple", "iPhone 13"), ("SONY", "ILCE-7M3"), ("NIKON", "Z 6"))
FIRST_DAY = datetime(2005, 1, 1)  # noqa: DTZ001 - a camera's wall clock
SPAN_S = 20 * 365 * 86_400
SETTLE_S = 5.0
YEAR = "2010"


def seed(library: Library, count: int) -> float:
    """Grow the catalog of the library to `count` assets; return the seconds it took."""
    began = time.monotonic()
    with LibraryLock(library):
        writer = open_writer(library)
        try:
            volume = volumes.volume_by_name(writer, "Bench")
            volumes.set_volume_state(writer, volume.id, "online", None, time.time_ns())
            done = int(writer.value("SELECT count(*) FROM asset"))
            step = PER_FOLDER * FOLDERS_PER_COMMIT
            for start in range(done, count, step):
                with writer.atomic():
                    for first in range(start, min(start + step, count), PER_FOLDER):
                        _seed_folder(writer, volume.id, first)
            volumes.set_volume_state(writer, volume.id, "disabled", None, time.time_ns())
        finally:
            writer.close()
    return time.monotonic() - began


def _seed_folder(writer: Writer, volume_id: VolumeId, first: int) -> None:
    now_ns = time.time_ns()
    path = b"DCIM/%04d" % (first // PER_FOLDER)
    entries = tuple(_observed(index) for index in range(first, first + PER_FOLDER))
    part = DirectoryListing(path, now_ns, entries, is_first=True, is_last=True, digest=b"d" * 32)
    scanning.apply_listing(writer, volume_id, part, now_ns)
    scanning.finish_listing(writer, volume_id, path, digest=part.digest, mtime_ns=now_ns, now_ns=now_ns)
    while due := ingest.facts_due(writer, ingest.FACTS_BATCH, volume_id=volume_id):
        ingest.record_facts(writer, [FactsResult(item, _facts(item)) for item in due], writer.zone, now_ns)
    while due := ingest.hash_due(writer, volume_id, ingest.HASH_BATCH):
        hashes = [HashResult(item, ContentHash(blake3(item.path).digest())) for item in due]
        identity.record_hashes(writer, hashes, now_ns)


def _observed(index: int) -> Observed:
    name = b"IMG_%05d.JPG" % (index % 9_999 + 1)
    # The inode carries the number of the photo from the listing to `_facts`.
    return Observed(name, "f", 3_000_000 + index, 1_500_000_000 * 10**9 + index, 7, index + 1)


def _facts(item: WorkItem) -> Facts:
    index = item.inode - 1
    local = (FIRST_DAY + timedelta(seconds=index * 7_919_003 % SPAN_S)).isoformat()
    make, model = CAMERAS[index % len(CAMERAS)]
    return Facts(
        kind="photo",
        mime="image/jpeg",
        width=6000,
        height=4000,
        orientation=1,
        make=make,
        model=model,
        lat=52.0 + index % 1000 / 1000,
        lon=13.0 + index % 997 / 1000,
        candidates=(DateCandidate(EXIF, local, local),),
    )


def measure_memory(report: Report, work: Path, *, counts: tuple[int, int] = (100_000, 1_000_000)) -> None:
    """PSS and VmHWM of all processes with a small and a large library, the same one grown."""
    library = Library(work / "seeded")
    if not library.exists():
        (work / "nothing").mkdir(parents=True, exist_ok=True)
        seconds_of(glassine(library.path, "init", "--zone", "UTC"))
        seconds_of(glassine(library.path, "volume", "add", str(work / "nothing"), "--name", "Bench"))
    figures = []
    for count in counts:
        took = seed(library, count)
        note = f"{count} seeded assets ({took:.0f} s), volume off, after the same listings"
        size = library.catalog_path.stat().st_size
        report.add(Figure(f"catalog bytes per asset, {count}", size / count, None, "B", "", note))
        figures.append((*_served_memory(library, work / "seeded-mnt"), note))
    (small_pss, small_hwm, _), (large_pss, large_hwm, note) = figures
    report.add(
        Figure("PSS of all processes, large against small", large_pss, small_pss, "MiB", "<= 1.2", note)
    )
    report.add(Figure("VmHWM, summed, large against small", large_hwm, small_hwm, "MiB", "<= 1.2", note))


def _served_memory(library: Library, mountpoint: Path) -> tuple[float, float]:
    mountpoint.mkdir(exist_ok=True)
    port = free_port()
    seconds_of(glassine(library.path, "up", "--mount", str(mountpoint), "--port", str(port)))
    try:
        took = [seconds_of(["ls", "-lR", str(mountpoint / "Timeline" / YEAR)])]
        took.append(seconds_of(["ls", "-l", str(mountpoint / "Types" / "Photos" / YEAR)]))
        took += [
            seconds_of(["ls", "-l", str(mountpoint / f"Originals/Bench/DCIM/{number:04d}")])
            for number in range(100)
        ]
        took += [
            propfind(port, path)[0]
            for path in (f"/Types/Photos/{YEAR}/", f"/Timeline/{YEAR}/{YEAR}-05/", "/Originals/Bench/DCIM/")
        ]
        time.sleep(SETTLE_S)
        pids = pids_of(library)
        for pid in pids:
            pss, hwm = memory_of([pid])
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            print(f"  {pss:7.1f} MiB PSS {hwm:7.1f} MiB VmHWM  {os.fsdecode(b' '.join(command[3:9]))}")
        print(f"  listings took {sum(took):.1f} s", flush=True)
        return memory_of(pids)
    finally:
        seconds_of(glassine(library.path, "down"))


def pids_of(library: Library) -> list[int]:
    """Return every process of a library, their children included."""
    records = [
        json.loads(path.read_bytes().rstrip(b"\0 \n")) for path in library.processes_dir.glob("*.json")
    ]
    return sorted({pid for record in records for pid in descendants(record["pid"])})
