"""What the daemon and a volume process say to each other: one frame each, a list whose first item names it.

Down (daemon to child), the first one must be `hello`:

| message | meaning |
|---|---|
| hello, root, backend, excludes, config_excludes, own_files, other_roots, nested | who you are; once |
| digests, id, {path_key: digest} | known listings for walk `id`, any number of times before it |
| probe, id, [(path, size, mtime_ns)] | look whether the root is there, and these known files |
| walk, id, [path], is_recursive | list directories (and all below them) |
| look, id, [path] | the second look: which of these are gone |
| times, id, [(path, mtime_ns)] | the quick look: which directories have another mtime now |
| hash, id, [(path, size, mtime_ns, ctime_ns, inode)], bytes_per_s, from_disk | read files; past the page cache, if so |
| watch, id | tell what changes, until cancelled |
| ack, id | one more part of walk or watch `id` may come |
| cancel, id | stop it; its `end` follows |

Up (child to daemon): `hello` (its confinement, and the instance of the root that it was shut in with), probe -> `probed`; walk -> `started`, `listing` and `unchanged` parts, `end`;
look -> `looked`; times -> `timed`; hash -> `hashed` parts, `end`; watch -> `watching`, `changed` parts, `end`; `pulse` (seconds that
nothing moved, whether only watches rest) every second while something is asked that does not rest; `failed` instead of any answer. The second item is always the id of the request (0 for `hello`, `pulse`).

Both sides use the encoders and decoders here; nobody else knows the order of fields.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from blake3 import blake3

from vfs.storage.contract import Dentry

if TYPE_CHECKING:
    from catalog.values import DirectoryListing

# Parts of a walk that may be under way unacknowledged: 500 entries each, so some 2 MB of pipe and memory at most.
WALK_WINDOW = 16
ENTRIES_PER_PART = 500
DIGESTS_PER_FRAME = 5_000
PULSE_S = 1.0
# A path 3,000 levels deep has 33 kB: lists of paths are cut by bytes too, far below frames.MAX_FRAME_BYTES.
MOST_PATH_BYTES = 2 * 1024 * 1024

Fate = Literal["present", "gone", "unknown"]
WatchMethod = Literal["inotify", "fanotify", "polling"]
SampleFate = Literal["same", "other", "gone", "unknown"]


@dataclass(frozen=True, slots=True)
class Hello:
    """What a child is told once.

    `own_files` are (st_dev, st_ino) of our own state, never looked into. `other_roots` are absolute roots of
    other volumes: one that lies below this root belongs to itself alone. `nested` are (path, key) of file systems that were
    mounted below the root: where another one is there now, or none, nothing at or below that path is looked at.
    """

    root: bytes
    backend: str
    excludes: tuple[str, ...]
    config_excludes: tuple[str, ...]
    own_files: tuple[tuple[int, int], ...]
    other_roots: tuple[bytes, ...]
    nested: tuple[tuple[bytes, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ProbeReport:
    """What is at the root now.

    Attributes:
        error: errno name when the root cannot be opened or listed, else None; then the rest is unset.
        key, instance, description: see `vfs.storage.contract.Identity`.
        fs_type: as in /proc/self/mountinfo, "" for a storage without one.
        is_remote: other machines change it unseen: inotify tells nothing, leases prove nothing.
        is_empty: no entry that a scan would show.
        is_own_state: the root is a directory of our own state.
        fs: the part of `key` that names the file system; `is_strong`: it is a UUID, which no other storage has.
        mount: the mount that holds the root, as the mount table has it: another text after a remount.
        marker: uid in the file `.glassine-volume`, None without one.
        samples: what is at each sample's path, in order: same, other (another size or time), gone, unknown.
        nested: (path, key) of every file system mounted below the root that is no volume and not ours; of those in
            `Hello.nested` that are not there (None = none or another one is there).
        keeps_inodes: an inode number stays with a file for good (the table in `mounts`).
        folds_case: names that differ in case only are one entry.
    """

    error: str | None
    key: str = ""
    instance: str = ""
    description: str = ""
    fs_type: str = ""
    is_remote: bool = False
    is_empty: bool = False
    is_own_state: bool = False
    fs: str = ""
    is_strong: bool = False
    mount: str = ""
    marker: str | None = None
    samples: tuple[SampleFate, ...] = ()
    nested: tuple[tuple[bytes, str | None], ...] = ()
    keeps_inodes: bool = True
    folds_case: bool = False


@dataclass(frozen=True, slots=True)
class Unchanged:
    """Directories whose listing has the digest that the catalog knows, and how many files they hold."""

    paths: tuple[bytes, ...]
    files: int


@dataclass(frozen=True, slots=True)
class WalkEnd:
    """How a walk ended: `instance` is None when the root is not what it was at the start, or `error` says why."""

    instance: str | None
    is_cancelled: bool = False
    error: str | None = None


@dataclass(frozen=True, slots=True)
class HashAnswer:
    """One file of a `hash` request by its position: 32 bytes, or why not (errno name, changed, busy).

    `pixel_digest` is what `pixels` tells of a JPEG: 32 bytes, or None for all else.
    """

    index: int
    digest: bytes | None
    failure: str | None
    pixel_digest: bytes | None = None


@dataclass(frozen=True, slots=True)
class TreeChange:
    """What a watcher told: directories to list again.

    Attributes:
        directories: list these, not what lies below.
        new_trees: appeared as a whole: list everything below.
        is_overflow: events were lost: look at everything.
        is_unmounted: the volume went away.
        watch_limit: the limit that kept us from watching (all of) the tree, else None.
        method: how the watcher learns of changes.
    """

    directories: tuple[bytes, ...] = ()
    new_trees: tuple[bytes, ...] = ()
    is_overflow: bool = False
    is_unmounted: bool = False
    watch_limit: str | None = None
    method: WatchMethod = "inotify"


def path_key(path: bytes) -> bytes:
    """Return the 16 bytes that stand for a path where thousands of them are sent and kept."""
    return blake3(path).digest(16)


def encode_hello(hello: Hello) -> list[Any]:
    """Write the first message."""
    return [
        "hello",
        hello.root,
        hello.backend,
        hello.excludes,
        hello.config_excludes,
        hello.own_files,
        hello.other_roots,
        hello.nested,
    ]


def decode_hello(message: list[Any]) -> Hello:
    """Read it."""
    _, root, backend, excludes, config_excludes, own_files, other_roots, nested = message
    own = tuple((device, inode) for device, inode in own_files)
    mounts = tuple((path, key) for path, key in nested)
    return Hello(root, backend, tuple(excludes), tuple(config_excludes), own, tuple(other_roots), mounts)


def decode_report(fields: dict[str, Any]) -> ProbeReport:
    """Read what `dataclasses.asdict` made of a report, after its way through the pipe."""
    nested = tuple((path, key) for path, key in fields["nested"])
    return ProbeReport(**{**fields, "samples": tuple(fields["samples"]), "nested": nested})


def encode_listing(
    request: int,
    *,
    path: bytes,
    mtime_ns: int,
    entries: list[Dentry],
    is_first: bool,
    is_last: bool,
    digest: bytes | None,
    error: str | None,
) -> list[Any]:
    """Write one part of a directory listing; a dentry is a tuple in the order of `Observed` already."""
    return ["listing", request, path, mtime_ns, entries, is_first, is_last, digest, error]


def decode_listing(message: list[Any]) -> DirectoryListing:
    """Read it."""
    # Here, for the child does without: a sixth of its start.
    from catalog.values import DirectoryListing, Observed

    _, _, path, mtime_ns, entries, is_first, is_last, digest, error = message
    return DirectoryListing(
        path=path,
        mtime_ns=mtime_ns,
        entries=tuple(Observed(*entry) for entry in entries),
        is_first=is_first,
        is_last=is_last,
        digest=digest,
        error=error,
    )
