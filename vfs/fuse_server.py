"""The server half of `glassine mount`: opens the catalog, mounts, confines itself, answers until unmounted.

Runs in the process that `vfs.fuse_main` forks. Order: catalog and tree (errors are told before anything is
mounted), session, confinement, event loop with the change follower as its only other thread. It never unmounts:
confined, it may not.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable

import pyfuse3
import trio

from catalog.errors import EXIT_OK, GlassineError
from catalog.store.db import ReaderPool
from vfs import stall_alarm
from vfs.confine_server import NEVER_CALLED, SOCKET_CALLS, confine_server
from vfs.fuse import MAX_TASKS, MIN_TASKS, TreeOperations
from vfs.fuse_border import Activity
from vfs.fuse_main import MountOptions
from vfs.fuse_notify import ChangeFollower, KernelNotifier, find_fuse_fd
from vfs.mounting import SUBTYPE
from vfs.opened_folders import FolderReports
from vfs.takeover import dead_mount_replaced
from vfs.tree import open_tree

log = logging.getLogger(__name__)


def run(
    options: MountOptions,
    tell_ready: Callable[[], None],
    *,
    replaces_dead: bool = False,
    opened_fd: int | None = None,
) -> int:
    """Mount and serve; return 0 after somebody unmounted.

    Args:
        opened_fd: a pipe for the numbers of folders that are opened (`vfs.opened_folders`); None = nobody asks.

    Raises:
        GlassineError: no library, or the kernel refuses the mount.
    """
    activity = Activity()
    pool = ReaderPool(options.library.require(), options.readers)
    tree = open_tree(
        options.library,
        pool,
        clock=time.time_ns,
        report=activity.report,
        options=options.tree,
    )
    operations = TreeOperations(
        tree,
        library=options.library.path,
        activity=activity,
        catalog_threads=options.readers,
        on_start=tell_ready,
        on_open_folder=(lambda inode: None) if opened_fd is None else FolderReports(opened_fd).note,
    )
    _mount(operations, options, replaces_dead=replaces_dead)
    kernel = KernelNotifier(find_fuse_fd(), activity)
    follower = ChangeFollower(
        options.library,
        tree,
        kernel,
        announce=lambda: trio.from_thread.run_sync(operations.announce),
        activity=activity,
        on_turn=stall_alarm.put_off,
    )
    stall_alarm.install()
    _confine(options)
    try:
        trio.run(_serve, follower)
    finally:
        stall_alarm.stop()
        pyfuse3.close(unmount=False)
        pool.close()
    return EXIT_OK


async def _serve(follower: ChangeFollower) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.to_thread.run_sync, follower.run)
        await pyfuse3.main(min_tasks=MIN_TASKS, max_tasks=MAX_TASKS)
        follower.stop()


def _confine(options: MountOptions) -> None:
    """Let the kernel hold that nothing is written but what SQLite's readers share: log and index of the catalog.

    Both exist, and stay, as long as the follower's reader is open.
    """
    catalog = options.library.catalog_path
    writable = [catalog.with_name(catalog.name + end) for end in ("-wal", "-shm")]
    for lack in confine_server(writable, refused_calls=(*NEVER_CALLED, *SOCKET_CALLS)):
        log.info("not confined: %s", lack)


def _mount(operations: TreeOperations, options: MountOptions, *, replaces_dead: bool) -> None:
    flags = frozenset({"allow_other", "default_permissions"} if options.allow_other else ())
    if not replaces_dead:
        _open_session(operations, options, os.fspath(options.mountpoint), flags)
        return
    with dead_mount_replaced(options.mountpoint, flags=flags) as place:
        _open_session(operations, options, place, flags)


def _open_session(
    operations: TreeOperations, options: MountOptions, place: str, flags: frozenset[str]
) -> None:
    """Open the session of libfuse at a path, or at `/dev/fd/N` where it is mounted already."""
    try:
        pyfuse3.init(operations, place, {"fsname=glassine", f"subtype={SUBTYPE}", *flags})
    except RuntimeError as error:
        hint = "the log says why"
        if options.allow_other:
            hint = "--allow-other needs user_allow_other in /etc/fuse.conf"
        raise GlassineError(f"cannot mount on {options.mountpoint}: {error}", hint=hint) from error
