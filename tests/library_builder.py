"""A small real library, built with the store alone: no scanner, no readers, no daemon.

`build_library(tmp_path, files)` writes real files and records them as a scan and an ingest would: listings, then
facts as given by each `FileSpec`, then real hashes. `BuiltLibrary.put`, `remove` and `rescan` change the volume
afterwards. The expectations (`expected_…`) are computed from the specs, not by asking the catalog.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from blake3 import blake3

from catalog.capture import CaptureTime, instant_ns
from catalog.facts import DateCandidate, Facts, FactsResult, Kind
from catalog.ids import ContentHash, LocationId, VolumeId
from catalog.library import Library
from catalog.store import check, identity, ingest, migrations, scanning, volumes
from catalog.store.db import Writer
from catalog.values import DirectoryListing, HashResult, Observed, WorkItem
from vfs.beneath import file_stamp

VOLUME = "Photos"
ZONE = "Europe/Berlin"
# An old file's mtime, far from any capture in the specs, so that the two are never mistaken for each other.
DEFAULT_MTIME_NS = 1_500_000_000_123_456_789
EXIF = "ExifIFD:DateTimeOriginal"
_KINDS: dict[str, tuple[Kind, str]] = {
    "jpg": ("photo", "image/jpeg"), "png": ("photo", "image/png"), "cr2": ("photo", "image/x-canon-cr2"),
    "mp4": ("video", "video/mp4"), "mp3": ("audio", "audio/mpeg"),
}  # fmt: skip
_FOLDERS: dict[Kind, str] = {"photo": "Photos", "video": "Videos", "audio": "Audio"}


@dataclass(frozen=True, slots=True)
class FileSpec:
    """One file: its bytes, and what its reader is said to have found.

    Attributes:
        body: None = bytes made from the path, different for every path.
        captured: local time of any precision, or None: only the mtime is left (a guess).
        offset_min: of the capture; None = unknown, the library's zone counts.
        make, model: camera, or empty.
        is_asset: False for what is no photo: no facts, no entry in the views.
        name: what the views are expected to call it; None = its own name.
        facts: further fields of `catalog.facts.Facts`.
    """

    body: bytes | None = None
    captured: str | None = None
    offset_min: int | None = None
    make: str = ""
    model: str = ""
    mtime_ns: int = DEFAULT_MTIME_NS
    is_asset: bool = True
    name: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    def bytes_for(self, path: bytes) -> bytes:
        """Return the body: a few hundred kilobytes at most, reproducible."""
        if self.body is not None:
            return self.body
        seed = blake3(path).digest()
        return seed * (40 + seed[0] * 8) + path


def kind_of(path: bytes) -> tuple[Kind, str]:
    """Return (kind, mime) by extension."""
    return _KINDS[path.rpartition(b".")[2].decode().lower()]


@dataclass(slots=True)
class BuiltLibrary:
    """The library, its one volume, and what should be in it. Close the writer with `close`."""

    library: Library
    root: Path
    writer: Writer
    volume_id: VolumeId
    now_ns: int
    files: dict[bytes, FileSpec] = field(default_factory=dict)

    # Changing it

    def put(self, path: str | bytes, spec: FileSpec) -> None:
        """Write a file (or replace it); call `rescan` to record it."""
        raw = os.fsencode(path)
        place = os.fsencode(self.root) + b"/" + raw
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with open(place, "wb") as file:
            file.write(spec.bytes_for(raw))
        os.utime(place, ns=(spec.mtime_ns, spec.mtime_ns))
        self.files[raw] = spec

    def remove(self, path: str | bytes) -> None:
        """Remove a file from the volume (a test's own, never an original)."""
        raw = os.fsencode(path)
        os.unlink(os.fsencode(self.root) + b"/" + raw)
        del self.files[raw]

    def rescan(self, *, hashes: bool = True) -> None:
        """Record the volume as it is: listings, absence, facts, hashes."""
        self.now_ns = max(self.now_ns + 1, time.time_ns())
        # Sorted, so that who comes first in a clash of names is the same everywhere.
        for folder in sorted(folder for folder, _, _ in os.walk(os.fsencode(self.root))):
            self._list(folder)
        self._read_facts()
        if hashes:
            self._read_hashes()

    def close(self) -> None:
        """Check every invariant of the catalog, then close the writer; the library stays."""
        violations = check.check(self.writer)
        self.writer.close()
        assert violations == [], violations

    def _list(self, folder: bytes) -> None:
        path = os.path.relpath(folder, os.fsencode(self.root))
        path = b"" if path == b"." else path
        with os.scandir(folder) as found:
            entries = tuple(_observed(entry) for entry in sorted(found, key=lambda entry: entry.name))
        mtime_ns = os.stat(folder).st_mtime_ns
        listing = DirectoryListing(path, mtime_ns, entries, is_first=True, is_last=True, digest=b"d" * 32)
        diff = scanning.apply_listing(self.writer, self.volume_id, listing, self.now_ns)
        gone = [LocationId(one.id) for one in diff.gone if one.kind == "f"]
        scanning.mark_missing(self.writer, self.volume_id, gone, self.now_ns)
        scanning.finish_listing(
            self.writer, self.volume_id, path, digest=b"d" * 32, mtime_ns=mtime_ns, now_ns=self.now_ns
        )

    def _read_facts(self) -> None:
        while due := ingest.facts_due(self.writer, 500, now_ns=self.now_ns):
            results = [FactsResult(item, facts=self._facts(item)) for item in due]
            ingest.record_facts(self.writer, results, self.writer.zone, self.now_ns)

    def _facts(self, item: WorkItem) -> Facts:
        spec = self.files[item.path]
        kind, mime = kind_of(item.path)
        candidates = ()
        if spec.captured is not None:
            candidates = (DateCandidate(EXIF, spec.captured, spec.captured, spec.offset_min),)
        return Facts(
            kind=kind,
            mime=mime,
            make=spec.make or None,
            model=spec.model or None,
            is_raw=mime == "image/x-canon-cr2",
            candidates=candidates,
            **spec.facts,
        )

    def _read_hashes(self) -> None:
        while due := ingest.hash_due(self.writer, self.volume_id, 500, now_ns=self.now_ns):
            results = []
            for item in due:
                with open(item.root + b"/" + item.path, "rb") as file:
                    results.append(HashResult(item, ContentHash(blake3(file.read()).digest())))
            identity.record_hashes(self.writer, results, self.now_ns)

    # What should be in it

    @property
    def added_day(self) -> str:
        """The folder of Recent/."""
        return datetime.fromtimestamp(self.now_ns / 1e9, ZoneInfo(ZONE)).date().isoformat()

    def assets(self) -> dict[bytes, FileSpec]:
        """Return the files that are photos, videos or audio."""
        return {path: spec for path, spec in self.files.items() if spec.is_asset}

    def shown_count(self) -> int:
        """Return how many photos the views show."""
        return len(self.assets())

    def utf8_paths(self) -> list[str]:
        """Return the paths that every face can carry as they are."""
        return [path.decode() for path in self.files if _is_utf8(path)]

    def shown_bodies(self) -> list[bytes]:
        """Return the bytes of every photo."""
        return [spec.bytes_for(path) for path, spec in self.assets().items()]

    def bodies_by_uid(self) -> dict[str, bytes]:
        """Return uid -> bytes, the uids as the catalog gave them."""
        rows = self.writer.rows(
            "SELECT a.uid, d.path, l.name FROM asset a JOIN location l ON l.id = a.location_id"
            " JOIN directory d ON d.id = l.directory_id"
        )
        paths = {uid: (folder + b"/" if folder else b"") + name for uid, folder, name in rows}
        return {uid: self.files[path].bytes_for(path) for uid, path in paths.items()}

    def shown_names(self) -> dict[bytes, str]:
        """Return path -> name in the views: the first of a clash is plain, the others carry their short id."""
        shorts = {
            (folder + b"/" if folder else b"") + name: short
            for short, folder, name in self.writer.rows(
                "SELECT a.short, d.path, l.name FROM asset a JOIN location l ON l.id = a.location_id"
                " JOIN directory d ON d.id = l.directory_id"
            )
        }
        return {
            path: (spec.name or path.rpartition(b"/")[2].decode()).replace("{short}", shorts[path])
            for path, spec in self.assets().items()
        }

    def suffixed_paths(self) -> Iterable[str]:
        """Return paths of the Timeline under the suffixed name of photos that are shown plainly."""
        shorts = dict(
            self.writer.rows("SELECT l.name, a.short FROM asset a JOIN location l ON l.id = a.location_id")
        )
        for path, name in self.shown_names().items():
            if "~" not in name:
                stem, dot, extension = name.rpartition(".")
                short = shorts[path.rpartition(b"/")[2]]
                if Counter(one.rpartition(b"/")[2] for one in self.files)[path.rpartition(b"/")[2]] == 1:
                    yield f"{_timeline_folder(self.files[path])}/{stem}~{short}{dot}{extension}"

    def expected_timeline(self) -> list[str]:
        """Return `tree_of` of the Timeline."""
        return self._expected(
            "Timeline", {path: [_timeline_folder(spec)] for path, spec in self.assets().items()}
        )

    def expected_types(self) -> list[str]:
        """Return `tree_of` of Types."""
        folders = {}
        for path, spec in self.assets().items():
            year = _year(spec)
            folders[path] = [f"Types/{_FOLDERS[kind_of(path)[0]]}/{year}"]
            if path.lower().endswith(b".cr2"):
                folders[path].append(f"Types/RAW/{year}")
        return self._expected("Types", folders)

    def expected_cameras(self) -> list[str]:
        """Return `tree_of` of Cameras."""
        return self._expected(
            "Cameras",
            {
                path: [f"Cameras/{spec.make} {spec.model}/{_year(spec)}"] if spec.make else []
                for path, spec in self.assets().items()
            },
        )

    def expected_mtimes(self) -> dict[str, int]:
        """Return path in the Timeline -> mtime shown."""
        names = self.shown_names()
        return {
            f"{_timeline_folder(spec)}/{names[path]}": _mtime_ns(spec) for path, spec in self.assets().items()
        }

    def _expected(self, top: str, folders: Mapping[bytes, list[str]]) -> list[str]:
        names = self.shown_names()
        lines = set()
        for path, places in folders.items():
            for place in places:
                parts = place.split("/")
                lines.update("/".join(parts[:depth]) + "/" for depth in range(2, len(parts) + 1))
                lines.add(f"{place}/{names[path]} {len(self.files[path].bytes_for(path))}")
        return sorted(lines)


def build_library(
    tmp_path: Path, files: Mapping[str | bytes, FileSpec], *, hashes: bool = True, zone: str = ZONE
) -> BuiltLibrary:
    """Make a library with one volume of these files, all recorded, volume online."""
    root = tmp_path / "volume"
    root.mkdir(exist_ok=True)
    now_ns = time.time_ns()
    library = Library(tmp_path / "library")
    writer = migrations.create(library, zone, now_ns)
    volume_id = volumes.add_volume(writer, VOLUME, os.fsencode(root), now_ns=now_ns)
    volumes.set_volume_state(writer, volume_id, "online", None, now_ns)
    built = BuiltLibrary(library, root, writer, volume_id, now_ns)
    for path, spec in files.items():
        built.put(path, spec)
    built.rescan(hashes=hashes)
    return built


def varied_files() -> dict[str | bytes, FileSpec]:
    """Return a bit of everything: precisions, zones, kinds, a clash, Unicode, raw bytes, what is no asset."""
    return {
        "2019/IMG_0001.JPG": FileSpec(
            captured="2019-08-07T10:11:12", offset_min=120, make="Canon", model="EOS 5D"
        ),
        "other/IMG_0001.JPG": FileSpec(
            captured="2019-08-07T23:59:59", offset_min=-480, name="IMG_0001~{short}.JPG"
        ),
        "2019/IMG_0002.CR2": FileSpec(captured="2019-08-08T00:00:01", make="Canon", model="EOS 5D"),
        "scans/grandma.jpg": FileSpec(captured="1931"),
        "scans/month.jpg": FileSpec(captured="1954-06"),
        "scans/day.jpg": FileSpec(captured="1969-07-20T20:17:40.123456", offset_min=0),
        "undated.png": FileSpec(),
        "ünïcode/Größe 😀.jpg": FileSpec(captured="2021-01-31T12:00:00"),
        b"raw/bad\xffname.jpg": FileSpec(captured="2021-01-31T13:00:00", name="bad\ufffdname~{short}.jpg"),
        "film/clip.mp4": FileSpec(captured="2020-02-29T01:02:03", offset_min=60, make="Sony", model="A7"),
        "song.mp3": FileSpec(captured="2020-02-29T02:00:00"),
        "notes.txt": FileSpec(body=b"no photo\n", is_asset=False),
        "empty.jpg": FileSpec(body=b"", is_asset=False),
    }


def _observed(entry: os.DirEntry[bytes]) -> Observed:
    status = entry.stat(follow_symlinks=False)
    return Observed(entry.name, "d" if entry.is_dir(follow_symlinks=False) else "f", *file_stamp(status))


def _is_utf8(path: bytes) -> bool:
    try:
        path.decode()
    except UnicodeDecodeError:
        return False
    return True


def _year(spec: FileSpec) -> str:
    if spec.captured is not None:
        return spec.captured[:4]
    return str(datetime.fromtimestamp(spec.mtime_ns / 1e9, ZoneInfo(ZONE)).year)


def _timeline_folder(spec: FileSpec) -> str:
    if spec.captured is None:
        return f"Timeline/Undated/{_year(spec)}"
    year, month, day = spec.captured[:4], spec.captured[5:7], spec.captured[8:10]
    if not month:
        return f"Timeline/{year}/{year}-xx"
    return f"Timeline/{year}/{year}-{month}/{year}-{month}-{day or 'xx'}"


def _mtime_ns(spec: FileSpec) -> int:
    if spec.captured is None:
        return spec.mtime_ns
    lengths = {4: "year", 7: "month", 10: "day", 19: "second", 26: "subsec"}
    precision = lengths[len(spec.captured)]
    capture = CaptureTime(spec.captured, precision, spec.offset_min, None, EXIF, "exact")  # type: ignore[arg-type]
    return instant_ns(capture, ZoneInfo(ZONE))
