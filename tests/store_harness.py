"""What a scan, the media readers and the hasher tell the store, in one line each; for tests of the store alone.

A `File` is what `lstat` would say plus the text that stands for its bytes. Listings are complete unless told
otherwise; absence is believed at once, as after a second look at the disk.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from catalog import media_types
from catalog.buckets import Bucket, View
from catalog.facts import DateCandidate, Facts, FactsResult, Finding
from catalog.ids import AssetId, ContentHash, LocationId, VolumeId
from catalog.library import Library
from catalog.media_types import MediaGuess
from catalog.store import assets, db, ingest, journal, listing, migrations, scanning, second_look, volumes
from catalog.store.check import check
from catalog.store.db import Reader, Writer
from catalog.values import (
    DirectoryListing,
    HashResult,
    JournalItem,
    ListingDiff,
    Observed,
    PhotoRow,
    Violation,
    WorkItem,
)

ZONE = "Europe/Berlin"
NOW_NS = 1_790_000_000 * 10**9
EXIF = "ExifIFD:DateTimeOriginal"


@dataclass(frozen=True, slots=True)
class File:
    """A regular file: its bytes as a text, and its stamps."""

    body: str
    mtime_ns: int = 1_500_000_000 * 10**9
    inode: int = 1
    ctime_ns: int = 7
    size: int | None = None
    access: int = 0

    @property
    def length(self) -> int:
        """Its size in bytes."""
        return len(self.body) if self.size is None else self.size


@dataclass(slots=True)
class StoreHarness:
    """A library, its writer and one volume; `disk` is what the volume holds (directory -> name -> File)."""

    library: Library
    writer: Writer
    volume_id: VolumeId
    now_ns: int = NOW_NS
    disk: dict[bytes, dict[bytes, File]] = field(default_factory=dict)
    dates: dict[bytes, str | None] = field(default_factory=dict)
    said_by: dict[bytes, dict[str, object]] = field(default_factory=dict)

    def put(self, path: bytes, body: str, **stamps: int) -> None:
        """Write a file; `scan` makes the store see it. A new body has a new inode unless told otherwise."""
        directory, _, name = path.rpartition(b"/")
        if "inode" not in stamps:
            drawn = hashlib.sha256(path + b"\0" + body.encode()).digest()
            stamps["inode"] = 1000 + int.from_bytes(drawn[:5], "big")
        self.disk.setdefault(directory, {})[name] = File(body, **stamps)

    def remove(self, path: bytes) -> None:
        """Remove a file; `scan` makes the store see it."""
        directory, _, name = path.rpartition(b"/")
        del self.disk[directory][name]

    def scan(self, *directories: bytes) -> list[ListingDiff]:
        """List directories (default: all) in one part each; what is gone is missing."""
        return [self.list_directory(one) for one in directories or sorted(self.disk)]

    def move(self, path: bytes, to: bytes) -> None:
        """Rename a file, over another one if there is one; `scan` makes the store see it."""
        directory, _, name = path.rpartition(b"/")
        new_directory, _, new_name = to.rpartition(b"/")
        self.disk.setdefault(new_directory, {})[new_name] = self.disk[directory].pop(name)

    def list_directory(self, path: bytes, *, believes: bool = True) -> ListingDiff:
        """List one directory and, if it is to be believed at once, do what a scan does at its end."""
        self.now_ns += 1
        entries = self.entries(path)
        part = DirectoryListing(path, 5, entries, is_first=True, is_last=True, digest=b"d" * 32)
        diff = scanning.apply_listing(self.writer, self.volume_id, part, self.now_ns)
        if believes:
            self.believe([diff])
            scanning.finish_listing(
                self.writer, self.volume_id, path, digest=b"d" * 32, mtime_ns=5, now_ns=self.now_ns
            )
        return diff

    def believe(self, diffs: list[ListingDiff]) -> None:
        """Let go of the files that listings did not show, all at the end, as a scan does."""
        gone = [LocationId(one.id) for diff in diffs for one in diff.gone if one.kind == "f"]
        second_look.settle_gone(self.writer, self.volume_id, gone, self.now_ns)

    def entries(self, path: bytes) -> tuple[Observed, ...]:
        """Return the dentries of a directory: its files, and the directories of `disk` right below it."""
        prefix = path + b"/" if path else b""
        below = {
            one[len(prefix) :].split(b"/")[0] for one in self.disk if one.startswith(prefix) and one != path
        } - {b""}
        files = [
            Observed(name, "f", one.length, one.mtime_ns, one.ctime_ns, one.inode, one.access)
            for name, one in sorted(self.disk.get(path, {}).items())
        ]
        return (*files, *(Observed(name, "d", 0, 5, 5, 9) for name in sorted(below)))

    def read_facts(self, **fields: object) -> int:
        """Read everything due, both tiers, with the dates of `dates` by path (default 2019-08-07T12:00:00)."""
        count = 0
        for tier in ("header", "deep"):
            while due := ingest.facts_due(self.writer, 100, tier=tier, now_ns=self.now_ns):
                results = [FactsResult(item, self.facts(item, **fields)) for item in due]
                count += ingest.record_facts(self.writer, results, self.writer.zone, self.now_ns)
        return count

    def facts(self, item: WorkItem, **fields: object) -> Facts:
        """Return what a reader would say of a file: kind and type as its name says, `said_by` its path, `fields`."""
        local = self.dates.get(item.path, "2019-08-07T12:00:00")
        candidates = (DateCandidate(EXIF, local, local),) if local else ()
        guess = media_types.guess(item.path) or MediaGuess("photo", "image/jpeg", is_raw=False)
        values: dict[str, object] = {
            "kind": guess.kind,
            "mime": guess.mime,
            "is_raw": guess.is_raw,
            "candidates": candidates,
            **self.said_by.get(item.path, {}),
            **fields,
        }
        return Facts(**values)  # type: ignore[arg-type]

    def fail_facts(self, path: bytes, reason: str = "broken") -> None:
        """Say that the reader could not make sense of a file."""
        results = [
            FactsResult(item, finding=Finding("test", "1", reason))
            for item in ingest.facts_due(self.writer, 100, now_ns=self.now_ns)
            if item.path == path
        ]
        ingest.record_facts(self.writer, results, self.writer.zone, self.now_ns)

    def read_hashes(self, *paths: bytes) -> int:
        """Hash everything due (or, of these paths, what is, in this order), as far as it is still the file that was seen."""
        items = ingest.hash_due(self.writer, self.volume_id, 1000, now_ns=self.now_ns)
        items += ingest.recheck_due(self.writer, self.volume_id, 1000, now_ns=self.now_ns)
        due = {item.path: item for item in items if self.is_still(item)}
        results = [HashResult(due[path], self.digest_at(path)) for path in paths or tuple(due) if path in due]
        self.now_ns += 1
        return ingest.record_hashes(self.writer, results, self.now_ns)

    def is_still(self, item: WorkItem) -> bool:
        """Tell whether a file is the one that an item describes: what the stable-read proof finds out."""
        directory, _, name = item.path.rpartition(b"/")
        one = self.disk.get(directory, {}).get(name)
        return one is not None and (one.length, one.mtime_ns, one.inode) == (
            item.size,
            item.mtime_ns,
            item.inode,
        )

    def digest_at(self, path: bytes) -> ContentHash:
        """Return the hash of the bytes on disk."""
        directory, _, name = path.rpartition(b"/")
        return digest(self.disk[directory][name].body)

    def ingest(self) -> None:
        """Scan, read, hash: all of it."""
        self.scan()
        self.read_facts()
        self.read_hashes()

    # What the store knows

    def asset_at(self, path: bytes) -> AssetId:
        """Return the asset of a file."""
        directory, _, name = path.rpartition(b"/")
        found = self.writer.value(
            "SELECT c.asset_id FROM location AS l JOIN directory AS d ON d.id = l.directory_id"
            " JOIN content AS c ON c.id = l.content_id WHERE d.path = ? AND l.name = ?",
            (directory, name),
        )
        assert found is not None, path
        return AssetId(found)

    def column(self, asset_id: AssetId, name: str) -> object:
        """Return one column of an asset."""
        return self.writer.value(f"SELECT {name} FROM asset WHERE id = ?", (asset_id,))

    def say(self, asset_id: AssetId, name: str, value: str, *, element: str = "", made_ns: int = 1) -> None:
        """Make a statement by the user (JSON text): with its row in the journal and all that follows, as an edit does."""
        said = (name, element, "user", "owner")
        with self.writer.atomic():
            known = self.writer.row(
                "SELECT value, made_ns FROM statement WHERE asset_id = ? AND property = ? AND element = ?"
                " AND source = ? AND author = ?",
                (asset_id, *said),
            )
            self.writer.execute(
                "INSERT INTO statement (asset_id, property, element, source, author, value, made_ns)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT DO UPDATE SET value = excluded.value, made_ns = excluded.made_ns",
                (asset_id, *said, value, made_ns),
            )
            item = JournalItem(asset_id, *said, *(known or (None, None)), value, made_ns)
            journal.append(self.writer, {"do": "say"}, author="owner", now_ns=self.now_ns, items=[item])
            assets.refresh(
                self.writer, [asset_id], self.now_ns, self.writer.zone, may_restack=name == "stack"
            )

    def said(self, asset_id: AssetId) -> dict[tuple[str, str], str]:
        """Return (property, element) -> value of what people say about an asset."""
        rows = self.writer.rows(
            "SELECT property, element, value FROM statement WHERE asset_id = ? AND source = 'user'",
            (asset_id,),
        )
        return {(name, element): value for name, element, value in rows}

    def shown(self, view: View = View.TIMELINE) -> dict[str, AssetId]:
        """Return `folder/name` -> asset of a view, as listings show it."""
        found = {}
        for row in listing.buckets_of_view(self.writer, view):
            for photo in listing.photos_in(self.writer, Bucket(row.view, row.key, row.sub)):
                found[f"{row.key}/{photo.name}"] = photo.asset_id
        return found

    def in_day(self, day: int) -> list[PhotoRow]:
        """Return the photos of a day of the Timeline."""
        return listing.photos_in(self.writer, Bucket(View.TIMELINE, day, 0))

    def check(self) -> list[Violation]:
        """Return what is wrong with the catalog."""
        return check(self.writer)

    def reader(self) -> Reader:
        """Open a reader; the caller closes it."""
        return db.open_reader(self.library)

    def reopen(self) -> None:
        """Close and open the writer, as a restart does."""
        self.writer.close()
        self.writer = db.open_writer(self.library)

    def close(self) -> None:
        """Close the writer."""
        self.writer.close()


def digest(text: str) -> ContentHash:
    """Return the hash that stands for some bytes."""
    return ContentHash(hashlib.sha256(text.encode()).digest())


def make_harness(path: Path) -> StoreHarness:
    """Make a library with one online volume."""
    library = Library(path)
    writer = migrations.create(library, ZONE, NOW_NS)
    volume_id = volumes.add_volume(writer, "Photos", b"/photos", now_ns=NOW_NS)
    volumes.set_volume_state(writer, volume_id, "online", None, NOW_NS)
    return StoreHarness(library, writer, volume_id)
