"""Yardsticks of ingest: browsable, whole scan, rescan, first names, bytes of catalog per asset."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import time
from pathlib import Path

from bench.photos import make_photos
from bench.timing import Figure, Report, alternating, glassine, seconds_of, warm


def fresh_library(work: Path, photos: Path) -> Path:
    """Make an empty library with the folder as its only volume."""
    library = work / "library"
    shutil.rmtree(library, ignore_errors=True)
    seconds_of(glassine(library, "init", "--zone", "UTC"))
    seconds_of(glassine(library, "volume", "add", str(photos), "--name", "Bench"))
    return library


def shown_count(library: Path) -> int:
    """Count the photos that views show, from outside, without our code."""
    catalog = sqlite3.connect(f"file:{library / 'catalog.sqlite3'}?mode=ro", uri=True)
    try:
        return int(catalog.execute("SELECT count(*) FROM asset WHERE is_shown = 1").fetchone()[0])
    finally:
        catalog.close()


def timed_scan(library: Path, count: int) -> tuple[float, float, float]:
    """Scan in the foreground. Returns seconds until (first name, all browsable, all done)."""
    began = time.monotonic()
    scan = subprocess.Popen(glassine(library, "scan"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    first = browsable = 0.0
    while scan.poll() is None:
        if not browsable:
            shown = shown_count(library)
            first = first or (time.monotonic() - began if shown else 0.0)
            browsable = time.monotonic() - began if shown >= count else 0.0
        time.sleep(0.05)
    whole = time.monotonic() - began
    assert scan.returncode == 0, f"scan ended with {scan.returncode}"
    assert shown_count(library) == count, f"{shown_count(library)} of {count} shown"
    return first, browsable or whole, whole


def peer_scan(photos: Path) -> float:
    """Hash with b3sum, then read metadata with exiftool, one after the other."""
    find = f"find {photos} -type f -print0 | xargs -0 b3sum"
    return seconds_of(["sh", "-c", find]) + seconds_of(["exiftool", "-fast2", "-json", "-r", str(photos)])


def measure_scan(report: Report, work: Path, *, count: int) -> None:
    """First scan of JPEGs against b3sum + exiftool; page cache warm on both sides."""
    photos = work / "photos"
    make_photos(photos, count)
    warm(photos)
    peer = peer_scan(photos)
    first, browsable, whole = timed_scan(fresh_library(work, photos), count)
    note = f"{count} JPEG, page cache warm"
    report.add(Figure("first names after start", first, None, "s", "<= 3 s", note))
    report.add(Figure("all dated and browsable", browsable, peer, "s", "<= 0.4", note))
    report.add(Figure("whole scan", whole, peer, "s", "<= 1.0", note))
    size = (work / "library" / "catalog.sqlite3").stat().st_size
    report.add(Figure("catalog bytes per asset", size / count, None, "B", "", note))


def measure_rescan(report: Report, work: Path, *, count: int) -> None:
    """Rescan of an unchanged tree against find; both warm."""
    folder = work / f"many-{count}"
    if not folder.exists():
        make_many(folder, count)
    library = fresh_library(work, folder)
    seconds_of(glassine(library, "scan"))

    def rescan() -> float:
        done = subprocess.run(glassine(library, "scan", "--json"), check=True, capture_output=True, text=True)
        return float(json.loads(done.stdout.splitlines()[-1])["seconds"])

    def find() -> float:
        return seconds_of(["find", str(folder), "-printf", "%s %T@\n"])

    ours, peer = alternating(rescan, find, rounds=5)
    note = f"{count} files, warm, seconds of the summary line"
    report.add(Figure("rescan", ours, peer, "s", "<= 3", note))
    whole, peer = alternating(lambda: seconds_of(glassine(library, "scan")), find, rounds=5)
    report.add(Figure("rescan, whole command", whole, peer, "s", "", f"{count} files, warm, start to exit"))
    seconds_of(glassine(library, "up", "--no-dav"))
    try:
        rescan()  # the daemon's own first scan is over after this
        asked, peer = alternating(rescan, find, rounds=5)
    finally:
        seconds_of(glassine(library, "down"))
    note = f"{count} files, warm, seconds of the summary line, its processes are there already"
    report.add(Figure("rescan by the running daemon", asked, peer, "s", "<= 3", note))


def make_many(folder: Path, count: int) -> None:
    """Write `count` tiny files: a rescan opens none of them, so that their kind does not matter."""
    for index in range(count):
        parent = folder / f"{index // 1000:04d}"
        if index % 1000 == 0:
            parent.mkdir(parents=True)
        (parent / f"IMG_{index:06d}.txt").write_bytes(b"x")
