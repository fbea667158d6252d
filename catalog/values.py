"""Values that cross the store's border: plain frozen records, no ORM rows.

Paths and raw names are bytes; display names are str. Times are ns since 1970, UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from catalog.ids import AssetId, ContentHash, ContentId, DirectoryId, LocationId, Uid, VolumeId

VolumeState = Literal["unknown", "online", "suspect", "offline", "disabled", "retired"]
Mode = Literal["ro", "rw"]
# What a media worker is to do with a file.
Errand = Literal["header", "deep", "sidecar", "preview"]


@dataclass(frozen=True, slots=True)
class Volume:
    """One row of `volume`; see the schema's prose."""

    id: VolumeId
    name: str
    root: bytes
    backend: str
    mode: Mode
    state: VolumeState
    state_reason: str | None
    state_since_ns: int
    identity: str | None
    had_data: bool
    excludes: tuple[str, ...]
    quick_scan_ns: int | None
    full_scan_ns: int | None
    created_ns: int
    marker: str | None = None
    accepted_ns: int | None = None
    hold: str | None = None


@dataclass(frozen=True, slots=True)
class NestedMount:
    """Another file system below a volume's root; see the table of that name."""

    path: bytes
    key: str
    is_away: bool = False


@dataclass(frozen=True, slots=True)
class Sample:
    """A known file that a probe looks for: path from the volume's root, size in bytes, mtime."""

    path: bytes
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Observed:
    """One dentry as a volume process saw it. `kind`: `f` regular file, `d` directory; nothing else is sent.

    `inode` is 0 where the file system does not keep it; `access` as `vfs.storage.contract.access_of`, 0 = not known.
    """

    name: bytes
    kind: Literal["f", "d"]
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    access: int = 0


@dataclass(frozen=True, slots=True)
class DirectoryListing:
    """A part of the listing of one directory.

    Attributes:
        path: from the volume's root, no leading slash; b"" is the root.
        mtime_ns: of the directory itself.
        entries: up to a few hundred dentries; all parts of a listing together hold every entry once.
        is_first: the first part; earlier parts of an interrupted listing are forgotten.
        is_last: the last part; only now may anything be called missing.
        digest: of the complete listing, on the last part; None otherwise or after an error.
        error: errno name when the directory could not be (wholly) listed; then nothing is missing.
    """

    path: bytes
    mtime_ns: int
    entries: tuple[Observed, ...]
    is_first: bool
    is_last: bool
    digest: bytes | None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class PhotoRow:
    """One photo as a listing shows it.

    `name` is what this folder shows (with or without suffix). `etag` is the content hash as hex, or a weak
    tag `W/…` while it is unread.
    """

    asset_id: AssetId
    content_id: ContentId
    uid: Uid
    name: str
    size: int
    mtime_ns: int
    ctime_ns: int
    mime: str
    hash: ContentHash | None


@dataclass(frozen=True, slots=True)
class OriginalRow:
    """One entry of `Originals/`: a file (`location_id`) or a directory (`directory_id`)."""

    name: bytes
    directory_id: DirectoryId | None
    location_id: LocationId | None
    size: int
    mtime_ns: int
    ctime_ns: int
    content_id: ContentId | None
    mime: str | None
    hash: ContentHash | None


@dataclass(frozen=True, slots=True)
class DirectoryRow:
    """One directory of a volume; `entry_count` counts present files and directories."""

    id: DirectoryId
    volume_id: VolumeId
    parent_id: DirectoryId | None
    path: bytes
    mtime_ns: int
    ctime_ns: int


@dataclass(frozen=True, slots=True)
class BucketRow:
    """A non-empty leaf folder of a static view. `label` is the camera's label in Cameras, else None."""

    view: int
    key: int
    sub: int
    count: int
    changed_ns: int
    generation: int
    label: str | None


@dataclass(frozen=True, slots=True)
class FolderRow:
    """A folder that a person made, or a rule: album, tag, person or stack. `parent_id` 0 = top level.

    `changed_ns` and `generation` are those of what it lists; a folder that never listed anything: since it was made, 0.
    """

    id: int
    parent_id: int
    label: str
    changed_ns: int
    generation: int


@dataclass(frozen=True, slots=True)
class OpenTarget:
    """What must be found on a volume when bytes are served: exactly this file, or an error.

    `inode` is 0 where the file system does not keep it. `instance` is the mount that the last probe proved
    (`vfs.storage.contract.Storage.instance`), None = not known; `is_away`: the file lies on another file system that was
    mounted below the root, and is not there now.
    """

    volume_id: VolumeId
    volume_name: str
    volume_state: VolumeState
    backend: str
    root: bytes
    path: bytes
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    instance: str | None = None
    is_away: bool = False


@dataclass(frozen=True, slots=True)
class WorkItem:
    """A file whose bytes are to be read: for facts, for its hash, or to learn its kind."""

    location_id: LocationId
    content_id: ContentId | None
    volume_id: VolumeId
    root: bytes
    path: bytes
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    tier: Errand = "header"


@dataclass(frozen=True, slots=True)
class Viewer:
    """On whose behalf the tree is read. The owner sees all; visibility rules come later, here."""

    name: str = "owner"


OWNER = Viewer()


@dataclass(frozen=True, slots=True)
class LibraryPath:
    """A directory of a volume that is scanned; `path` is relative to the root, b"" is the root."""

    id: int
    volume_id: VolumeId
    path: bytes


@dataclass(frozen=True, slots=True)
class Location:
    """One row of `location` with its path from the volume's root."""

    id: LocationId
    volume_id: VolumeId
    directory_id: DirectoryId
    path: bytes
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    state: Literal["present", "missing"]
    missing_since_ns: int | None
    content_id: ContentId | None
    first_seen_ns: int


@dataclass(frozen=True, slots=True)
class Gone:
    """Something present in the catalog that a complete listing did not show; not yet called missing.

    `id` is a location id for kind `f`, a directory id for kind `d`; `path` is from the volume's root.
    """

    kind: Literal["f", "d"]
    id: int
    path: bytes


@dataclass(frozen=True, slots=True)
class Deferred:
    """A name in `directory` that has another one's bytes, and whose own ones were seen nowhere so far: nothing was written.

    `former_id` are its own, `content_id` those of the other one.
    """

    directory: bytes
    entry: Observed
    former_id: ContentId
    content_id: ContentId


@dataclass(frozen=True, slots=True)
class ListingDiff:
    """What one part of a listing changed.

    Attributes:
        directory_id: the directory that was listed.
        added: locations at first sight.
        changed: locations whose size, mtime or inode changed: their bytes are due.
        returned: locations that were missing and are back.
        new_directories: paths of subdirectories at first sight, or back after being missing.
        gone: on the last part without error, what was not seen; look at the disk again before `mark_missing`.
        is_complete: the last part of a listing without error: `finish_listing` may follow.
        deferred: what waits for the rest of a scan, so that names that were swapped are written at once.
    """

    directory_id: DirectoryId
    added: tuple[LocationId, ...] = ()
    changed: tuple[LocationId, ...] = ()
    returned: tuple[LocationId, ...] = ()
    new_directories: tuple[bytes, ...] = ()
    gone: tuple[Gone, ...] = ()
    is_complete: bool = False
    deferred: tuple[Deferred, ...] = ()


@dataclass(frozen=True, slots=True)
class HashResult:
    """The hash of a WorkItem's bytes, or why there is none (`failure`: errno name, changed, busy).

    `pixel_hash`: 32 bytes for what a JPEG's decoder sees of them; None for all else.
    """

    item: WorkItem
    hash: ContentHash | None
    failure: str | None = None
    retry_ns: int | None = None
    pixel_hash: bytes | None = None


@dataclass(frozen=True, slots=True)
class SniffResult:
    """What the first bytes of a file of unknown name say; `kind` None = no media."""

    item: WorkItem
    kind: Literal["photo", "video", "audio"] | None
    mime: str


@dataclass(frozen=True, slots=True)
class ScanRow:
    """One scan of a volume: the running one, or history."""

    id: int
    volume_id: VolumeId
    kind: Literal["full", "quick"]
    started_ns: int
    ended_ns: int | None
    state: Literal["running", "done", "partial", "failed", "abandoned"]
    counts: dict[str, int]
    error: str | None


@dataclass(frozen=True, slots=True)
class Account:
    """Who may sign in over HTTP; `password` is an argon2id hash in PHC format."""

    id: int
    name: str
    password: str
    is_disabled: bool
    created_ns: int
    changed_ns: int


@dataclass(frozen=True, slots=True)
class Job:
    """A coarse unit of background work. Completion must carry the `fence` it was claimed with."""

    id: int
    kind: str
    subject: str
    state: Literal["pending", "running", "done", "failed", "cancelled"]
    attempts: int
    run_after_ns: int
    lease_until_ns: int | None
    fence: int
    batch: str | None
    error: str | None
    created_ns: int


@dataclass(frozen=True, slots=True)
class JournalItem:
    """One statement that a journal row changed; before/after are JSON texts, None = no statement.

    `before_ns` and `after_ns` are when the two were said; None exactly where the text is.
    """

    asset_id: AssetId
    property: str
    element: str
    source: str
    author: str
    before: str | None
    before_ns: int | None
    after: str | None
    after_ns: int | None


@dataclass(frozen=True, slots=True)
class JournalRow:
    """One user command, or one merge."""

    id: int
    command: dict[str, Any]
    author: str
    made_ns: int
    undone_by: int | None
    items: tuple[JournalItem, ...]


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken invariant: which, about what, and what is wrong in one sentence."""

    invariant: str
    subject: str
    message: str
