"""Yardsticks of volumes: a million files looked at again, new files on their way to the mount, and what is done at rest.

`million` makes so many tiny files (kept in `--work`); `created` needs FUSE; `rest` counts reads of a loop device and needs
root. The daemon is the product's own, started by `glassine up`.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from PIL import ExifTags, Image

from bench.ingest import fresh_library, make_many
from bench.memory import pids_of
from bench.photos import make_photos
from bench.timing import Figure, Report, alternating, glassine, memory_of, seconds_of
from catalog.library import Library

REST_S = 120.0
SINGLES = 30
DEADLINE_S = 600.0


def measure_volumes(report: Report, work: Path, *, count: int, created: int = 10_000) -> None:
    """Take all three; `count` files for the first."""
    work.mkdir(parents=True, exist_ok=True)
    measure_million(report, work / "million", count=count)
    measure_created(report, work / "created", count=created)
    measure_rest(report, work / "rest")


def measure_million(report: Report, work: Path, *, count: int) -> None:
    """Rescan of `count` unchanged files against find, both warm; then memory and wake-ups of the whole product at rest."""
    folder = work / f"many-{count}"
    if not folder.exists():
        make_many(folder, count)
    library = fresh_library(work, folder)
    took = seconds_of(glassine(library, "scan"))
    print(f"  first scan of {count} files: {took:.0f} s", flush=True)

    def rescan() -> float:
        done = subprocess.run(glassine(library, "scan", "--json"), check=True, capture_output=True, text=True)
        return float(json.loads(done.stdout.splitlines()[-1])["seconds"])

    ours, peer = alternating(
        rescan, lambda: seconds_of(["find", str(folder), "-printf", "%s %T@\n"]), rounds=3
    )
    note = f"{count} files, warm, seconds of the summary line"
    report.add(Figure("rescan of many files", ours, peer, "s", "", note))
    with running(library, work / "mnt"):
        pids = pids_of(Library(library))
        resting, _ = memory_of(pids)
        note = f"{count} files known and watched, {len(pids)} processes, after the daemon's own scan"
        report.add(Figure("PSS of all processes", resting, None, "MiB", "<= 1024", note))
        rescan()
        _, highest = memory_of(pids_of(Library(library)))
        report.add(Figure("VmHWM, summed, after a rescan", highest, None, "MiB", "", note))
        wakeups = wakeups_per_minute(pids_of(Library(library)), REST_S / 2)
        report.add(Figure("wake-ups at rest", wakeups, None, "per min", "", note))


def measure_created(report: Report, work: Path, *, count: int) -> None:
    """Files that are created in a watched volume, until the mount lists them: all of many, and one at a time."""
    photos, source = work / "photos", work / "source"
    shutil.rmtree(work, ignore_errors=True)
    photos.mkdir(parents=True)
    make_photos(source, count + SINGLES)
    library = fresh_library(work, photos)
    singles = sorted(path for path in source.rglob("*.JPG"))[-SINGLES:]
    for path in singles:
        shutil.move(path, work / f"single-{path.parent.name}-{path.name}")
    with running(library, work / "mnt") as mountpoint:
        began = time.monotonic()
        copying = seconds_of(["cp", "-r", str(source / "DCIM"), str(photos / "DCIM")])
        originals = mountpoint / "Originals" / "Bench"
        until(lambda: files_below(originals) >= count, pause_s=0.2)
        listed = time.monotonic() - began
        until(lambda: files_below(mountpoint / "Timeline") >= count, pause_s=0.2)
        dated = time.monotonic() - began
        note = f"{count} JPEG copied into a watched volume; peer: the copying itself"
        report.add(Figure("all created files in Originals/", listed, copying, "s", "", note))
        report.add(Figure("all created files in the Timeline", dated, copying, "s", "", note))
        _measure_singles(report, work, photos, mountpoint)


def _measure_singles(report: Report, work: Path, photos: Path, mountpoint: Path) -> None:
    seen: dict[str, list[float]] = {"Originals/": [], "Timeline": []}
    (photos / "new").mkdir()
    until((mountpoint / "Originals/Bench/new").is_dir)
    for number, path in enumerate(sorted(work.glob("single-*.JPG"))):
        day = day_of(path)
        dated = mountpoint / "Timeline" / day[:4] / day[:7] / day / f"new{number:02d}.JPG"
        shutil.copyfile(path, photos / "new" / f"new{number:02d}.JPG")
        closed = time.monotonic()
        until(lambda number=number: (mountpoint / f"Originals/Bench/new/new{number:02d}.JPG").exists())
        seen["Originals/"].append(time.monotonic() - closed)
        until(dated.exists)
        seen["Timeline"].append(time.monotonic() - closed)
    for place, seconds in seen.items():
        note = f"median of {SINGLES}, worst {max(seconds):.2f} s"
        report.add(
            Figure(f"close() to listing in {place}", statistics.median(seconds), None, "s", "<= 1 s", note)
        )


def measure_rest(report: Report, work: Path) -> None:
    """Reads of a disk that nobody uses, while a daemon watches it: counted by the kernel for its block device."""
    if os.geteuid() != 0:
        print("  reads at rest: needs root (a loop device)", flush=True)
        return
    work.mkdir(parents=True, exist_ok=True)
    image, place = work / "disk.img", work / "disk"
    place.mkdir(exist_ok=True)
    with image.open("wb") as file:
        file.truncate(512 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], check=True)
    subprocess.run(["mount", "-o", "loop", str(image), str(place)], check=True)
    try:
        make_photos(place / "photos", 2_000)
        library = fresh_library(work, place / "photos")
        seconds_of(glassine(library, "scan"))
        with running(library, work / "mnt"):
            Path("/proc/sys/vm/drop_caches").write_text("3\n")
            device = os.stat(place).st_dev
            before = disk_reads(device)
            wakeups = wakeups_per_minute(pids_of(Library(library)), REST_S)
            reads = (disk_reads(device) - before) * 3600 / REST_S
        note = f"2,000 photos on a loop device, watched, caches dropped, {REST_S:.0f} s"
        report.add(Figure("reads of a quiet disk", reads, None, "per hour", "0", note))
        report.add(Figure("wake-ups at rest, one small volume", wakeups, None, "per min", "", note))
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@contextmanager
def running(library: Path, mountpoint: Path) -> Iterator[Path]:
    """Run daemon and mount, and wait until their first scan is over."""
    mountpoint.mkdir(exist_ok=True)
    seconds_of(glassine(library, "up", "--mount", str(mountpoint), "--no-dav"))
    try:
        until(lambda: not _status(library)["scanning"])
        time.sleep(3)
        yield mountpoint
    finally:
        seconds_of(glassine(library, "down"))


def _status(library: Path) -> dict[str, object]:
    done = subprocess.run(glassine(library, "status", "--json"), check=True, capture_output=True, text=True)
    data: dict[str, object] = json.loads(done.stdout)["data"]
    return data


def until(is_done: Callable[[], bool], *, pause_s: float = 0.01) -> None:
    """Look again and again until something is true."""
    deadline = time.monotonic() + DEADLINE_S
    while not is_done():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(pause_s)


def day_of(photo: Path) -> str:
    """Return the day of an EXIF date, YYYY-MM-DD."""
    with Image.open(photo) as picture:
        text = picture.getexif().get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal]
    return str(text)[:10].replace(":", "-")


def files_below(folder: Path) -> int:
    """Count files in a folder and all below it; a folder that is not there (yet) has none."""
    return sum(len(files) for _, _, files in os.walk(folder))


def wakeups_per_minute(pids: Sequence[int], seconds: float) -> float:
    """Count how often any thread of these processes went to sleep of its own accord, per minute; of ended ones nothing."""
    before = _switches(pids)
    time.sleep(seconds)
    after = _switches(pids)
    return sum(number - before.get(thread, 0) for thread, number in after.items()) * 60 / seconds


def _switches(pids: Sequence[int]) -> dict[str, int]:
    found = {}
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").iterdir():
            status = (task / "status").read_text()
            found[task.name] = int(status.split("voluntary_ctxt_switches:")[1].split()[0])
    return found


def disk_reads(device: int) -> int:
    """Return the reads that a block device completed (Documentation/block/stat)."""
    stat = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}/stat").read_text()
    return int(stat.split()[0])
