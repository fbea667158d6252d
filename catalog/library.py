"""The library directory: where its parts are, how it is found, and who may write (the library lock).

    catalog.sqlite3 (-wal, -shm)   the catalog        config.toml   settings of the owner
    state/  lock, control.sock, processes             sidecars/     exported sidecars
    cache/  derivatives (or $GLASSINE_CACHE)          backups/      copies of the catalog

Knows no SQL. Invariants: directories are 0700 and files 0600 whatever the umask; a library never lives on a
network file system, where SQLite's WAL and flock lie (sqlite.org/wal.html, reliability.md 1); the lock is the
kernel's (flock, close-on-exec), so a dead holder never blocks anybody.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import json
import logging
import os
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from catalog.errors import LibraryLocked, NoLibrary, NotPermitted

log = logging.getLogger(__name__)

ENVIRONMENT = "GLASSINE_LIBRARY"
CACHE_ENVIRONMENT = "GLASSINE_CACHE"
DIRECTORY_MODE = 0o700
FILE_MODE = 0o600

# statfs f_type of file systems that other hosts can write as well (linux/magic.h, statfs(2)). virtiofs reports
# FUSE's number, as harmless local ones do; it is not refused.
NETWORK_FILE_SYSTEMS = {
    0x6969: "NFS",
    0x517B: "SMB",
    0xFF534D42: "CIFS",
    0xFE534D42: "SMB2",
    0x5346414F: "AFS",
    0x73757245: "Coda",
    0x564C: "NCP",
    0x01021997: "9p",
    0x00C36400: "Ceph",
    0x0BD00BD0: "Lustre",
    0x47504653: "GPFS",
    0x7461636F: "OCFS2",
    0x01161970: "GFS2",
}


class Library:
    """The paths of one library. Cheap; touches no disk until asked."""

    __slots__ = ("path",)

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(os.path.abspath(path))

    def __repr__(self) -> str:
        return f"Library({str(self.path)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Library) and other.path == self.path

    def __hash__(self) -> int:
        return hash(self.path)

    @property
    def catalog_path(self) -> Path:
        """The SQLite file; never open it by other means than SQLite (closing would drop its locks)."""
        return self.path / "catalog.sqlite3"

    @property
    def config_path(self) -> Path:
        """`config.toml`; may be absent."""
        return self.path / "config.toml"

    @property
    def sidecars_dir(self) -> Path:
        """Mirrored tree of exported sidecars."""
        return self.path / "sidecars"

    @property
    def backups_dir(self) -> Path:
        """Backups of the catalog, unless the configuration names another place; made with the first one."""
        return self.path / "backups"

    @property
    def state_dir(self) -> Path:
        """Lock, socket and process files: nothing in it outlives a reboot in meaning."""
        return self.path / "state"

    @property
    def cache_dir(self) -> Path:
        """Derivatives; may be deleted at any time."""
        return Path(os.environ.get(CACHE_ENVIRONMENT) or self.path / "cache")

    @property
    def lock_path(self) -> Path:
        """The file that the one writing process holds by flock."""
        return self.state_dir / "lock"

    @property
    def socket_path(self) -> Path:
        """The control socket of the process that holds the lock."""
        return self.state_dir / "control.sock"

    @property
    def processes_dir(self) -> Path:
        """One JSON file per running process."""
        return self.state_dir / "processes"

    def exists(self) -> bool:
        """Tell whether there is a catalog."""
        return self.catalog_path.is_file()

    def require(self) -> Library:
        """Return itself.

        Raises:
            NoLibrary: there is no catalog in the directory.
        """
        if not self.exists():
            raise NoLibrary(
                f"there is no library at {self.path}",
                hint="make one with `glassine init`",
                path=str(self.path),
            )
        return self

    def make_directories(self) -> None:
        """Create what is missing, owner only. A directory that holds other things keeps its own mode.

        Raises:
            NotPermitted: the place is on a network file system.
        """
        is_new = not self.path.exists()
        os.makedirs(self.path, mode=DIRECTORY_MODE, exist_ok=True)
        refuse_network_file_system(self.path)
        if is_new or not os.listdir(self.path):
            os.chmod(self.path, DIRECTORY_MODE)
        for directory in (self.state_dir, self.processes_dir, self.sidecars_dir, self.cache_dir):
            os.makedirs(directory, mode=DIRECTORY_MODE, exist_ok=True)
            os.chmod(directory, DIRECTORY_MODE)


def find_library(explicit: str | None, env: Mapping[str, str], cwd: str) -> Library:
    """Return the library that the user means (CLI.md, "Where the library is"); it need not exist yet.

    Order: the option, GLASSINE_LIBRARY, the nearest mount of ours above the working directory, XDG data.
    """
    named = explicit or env.get(ENVIRONMENT)
    if named:
        return Library(os.path.join(cwd, os.path.expanduser(named)))
    mounted = _library_of_mount_above(cwd)
    if mounted is not None:
        return Library(mounted)
    data_home = env.get("XDG_DATA_HOME") or os.path.join(
        env.get("HOME") or os.path.expanduser("~"), ".local", "share"
    )
    return Library(os.path.join(data_home, "glassine"))


def _library_of_mount_above(cwd: str) -> str | None:
    for directory in (Path(cwd), *Path(cwd).parents):
        try:
            status = json.loads((directory / ".glassine" / "status.json").read_bytes())
        except (OSError, ValueError):
            continue  # no mount of ours here, or a dead one
        if isinstance(status, dict) and isinstance(status.get("library"), str):
            return str(status["library"])
    return None


class _StatFs(ctypes.Structure):
    # struct statfs of x86-64 and arm64 begins with the type; the rest is room enough for any architecture.
    _fields_ = (("f_type", ctypes.c_long), ("rest", ctypes.c_byte * 512))


def refuse_network_file_system(path: Path) -> None:
    """Refuse a directory where locks and shared memory are not what they seem.

    Raises:
        NotPermitted: statfs names a network file system.
    """
    found = _StatFs()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.statfs(os.fsencode(path), ctypes.byref(found)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(path))
    kind = NETWORK_FILE_SYSTEMS.get(found.f_type & 0xFFFFFFFF)
    if kind is not None:
        raise NotPermitted(
            f"{path} is on a network file system ({kind}); the catalog would be damaged there sooner or later",
            hint="keep the library on a local disk; the photos may stay on the network",
            path=str(path),
            file_system=kind,
        )


class LibraryLock:
    """Held by the one process that writes: the daemon while it runs, else the command itself.

    A context manager; released by `release`, by leaving it, or by the kernel when the process ends. The
    descriptor is close-on-exec, so no child keeps it. A fork without exec would: start children by exec.
    """

    def __init__(self, library: Library) -> None:
        self._library = library
        self._fd: int | None = None

    @property
    def is_held(self) -> bool:
        """Whether this object holds the lock."""
        return self._fd is not None

    def acquire(self, *, wait_s: float = 0.0) -> LibraryLock:
        """Take the lock; never a checkpoint, polls every 20 ms when told to wait.

        Raises:
            LibraryLocked: another process holds it; details carry its `pid` (None if unknown).
        """
        os.makedirs(self._library.state_dir, mode=DIRECTORY_MODE, exist_ok=True)
        fd = os.open(self._library.lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        try:
            self._flock(fd, time.monotonic() + wait_s)
            os.ftruncate(fd, 0)
            os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        except BaseException:
            os.close(fd)
            raise
        self._fd = fd
        return self

    def _flock(self, fd: int, deadline: float) -> None:
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno not in (errno.EAGAIN, errno.EACCES):
                    raise
                if time.monotonic() >= deadline:
                    raise locked_by(self._library) from error
                time.sleep(0.02)
            else:
                return

    def release(self) -> None:
        """Give the lock back; harmless twice."""
        if self._fd is not None:
            os.ftruncate(self._fd, 0)
            os.close(self._fd)
            self._fd = None

    def __enter__(self) -> LibraryLock:
        return self if self.is_held else self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def holder_pid(library: Library) -> int | None:
    """Return the pid that the lock file names, or None. A hint for people: only flock tells the truth."""
    try:
        return int(library.lock_path.read_bytes().strip() or b"0") or None
    except (OSError, ValueError):
        return None


def locked_by(library: Library) -> LibraryLocked:
    """Build the error that names the holder."""
    pid = holder_pid(library)
    who = f"process {pid}" if pid else "another process"
    return LibraryLocked(
        f"the library {library.path} is in use by {who}",
        hint="wait for it to finish, or stop it with `glassine down`",
        path=str(library.path),
        pid=pid,
    )
