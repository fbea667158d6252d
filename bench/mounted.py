"""Yardsticks of the mount: listing and reading against bindfs and rclone mount over the same files."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.ingest import fresh_library
from bench.timing import Figure, Report, glassine, seconds_of

READ_BYTES = 256 * 1024 * 1024


@contextlib.contextmanager
def mounted(command: Sequence[str], mountpoint: Path) -> Iterator[Path]:
    """Run a foreground mount command until the block ends."""
    mountpoint.mkdir(exist_ok=True)
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 20
        while not os.path.ismount(mountpoint):
            assert server.poll() is None, f"{command[0]} ended with {server.returncode}"
            assert time.monotonic() < deadline, f"{command[0]} did not mount"
            time.sleep(0.05)
        yield mountpoint
    finally:
        subprocess.run(["umount", str(mountpoint)], check=False)
        server.wait(20)


def peers(source: Path, work: Path) -> dict[str, list[str]]:
    """Return the foreground mount command of every peer, over the originals themselves."""
    return {
        "bindfs": ["bindfs", "-f", "-r", str(source), str(work / "bindfs")],
        "rclone": ["rclone", "mount", "--read-only", str(source), str(work / "rclone")],
    }


def drop_dentries() -> None:
    """Forget cached names, attributes and pages, as after a boot. Root only."""
    Path("/proc/sys/vm/drop_caches").write_text("3\n")


def cold_listing(folder: Path) -> float:
    """Time `ls -lR` after the kernel has forgotten everything."""
    drop_dentries()
    return seconds_of(["ls", "-lR", str(folder)])


def cold_read(path: Path) -> float:
    """Read one large file through the mount, its mount's page cache dropped, the source warm."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        began = time.monotonic()
        while os.read(descriptor, 1 << 17):
            pass
        return time.monotonic() - began
    finally:
        os.close(descriptor)


def measure_first_names(report: Report, work: Path) -> None:
    """From `glassine up` on a library that knows nothing to the first photo's name in the mounted Timeline."""
    library = fresh_library(work / "first", work / "photos")
    mountpoint = work / "first" / "mnt"
    began = time.monotonic()
    starting = subprocess.Popen(
        glassine(library, "up", "--mount", str(mountpoint)),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while not any(files for _, _, files in os.walk(mountpoint / "Timeline")):
            assert time.monotonic() < began + 60, "no name within a minute"
            time.sleep(0.02)
        first = time.monotonic() - began
        starting.wait(60)
    finally:
        seconds_of(glassine(library, "down"))
    report.add(Figure("first name in the mount, after `up`", first, None, "s", "<= 3 s", "page cache warm"))


def measure_mount(report: Report, work: Path) -> None:
    """`ls -lR` of the library of `measure_scan`, and one large read, against each peer over the same originals."""
    measure_first_names(report, work)
    source = work / "photos"
    library = work / "library"
    big = source / "DCIM" / "0000" / "big.mov"
    big.write_bytes(b"\0\0\0\x14ftypqt  \0\0\0\0qt  " + os.urandom(READ_BYTES))
    seconds_of(glassine(library, "scan"))
    ours = glassine(library, "mount", str(work / "glassine"), "--foreground")
    with mounted(ours, work / "glassine") as mountpoint:
        listings = [cold_listing(mountpoint / "Originals" / "Bench") for _ in range(3)]
        timeline = cold_listing(mountpoint / "Timeline")
        reads = [_read_with_warm_source(mountpoint / "Originals" / "Bench", source, big) for _ in range(5)]
    report.add(Figure("ls -lR Timeline, cold", timeline, None, "s", "", "after drop_caches=3"))
    for name, command in peers(source, work).items():
        with mounted(command, work / name) as mountpoint:
            peer_listings = [cold_listing(mountpoint) for _ in range(3)]
            peer_reads = [_read_with_warm_source(mountpoint, source, big) for _ in range(5)]
        report.add(
            Figure(
                f"ls -lR Originals, cold, vs {name}",
                min(listings),
                min(peer_listings),
                "s",
                "",
                "best of 3, each after drop_caches=3",
            )
        )
        report.add(
            Figure(
                f"sequential read of 256 MiB, vs {name}",
                min(reads),
                min(peer_reads),
                "s",
                "",
                "best of 5, page cache of the mount dropped, source warm",
            )
        )
    big.unlink()


def _read_with_warm_source(mountpoint: Path, source: Path, big: Path) -> float:
    big.read_bytes()
    return cold_read(mountpoint / big.relative_to(source))
