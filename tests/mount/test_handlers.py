"""The border to the kernel without a kernel: the errno table, and guards on every handler."""

from __future__ import annotations

import contextlib
import errno
import inspect
import logging
import os

import pyfuse3
import pytest

from catalog import errors
from catalog.errors import NotFound
from vfs.fuse import TreeOperations
from vfs.fuse_border import ERRNO_OF, Activity, errno_of
from vfs.inodes import ROOT, Fixed, Kind, pack
from vfs.nodes import Node
from vfs.tree import is_probe

EXPECTED = {
    "GlassineError": "EIO", "UsageError": "EINVAL", "InvalidValue": "EINVAL", "InvalidQuery": "EINVAL",
    "TooManyItems": "EINVAL", "NeedsYes": "EINVAL",
    "ConfigError": "EINVAL", "NoLibrary": "EIO", "LibraryLocked": "EAGAIN", "DaemonNotRunning": "EROFS",
    "NotPermitted": "EACCES", "ReadOnly": "EROFS", "VolumeOffline": "EIO", "Conflict": "EBUSY",
    "NotFound": "ENOENT", "AlreadyExists": "EEXIST", "Ambiguous": "EINVAL", "CatalogError": "EIO",
    "CatalogCorrupt": "EIO", "CatalogTooNew": "EIO", "MigrationFailed": "EIO", "StorageFull": "ENOSPC",
    "Unreadable": "EIO", "ChangedUnderneath": "EIO", "MediaError": "EIO", "Partial": "EIO",
    "NothingMatched": "ENOENT", "Interrupted": "EINTR",
}  # fmt: skip
WRITING = (
    "setattr mknod mkdir unlink rmdir symlink rename link write create setxattr removexattr".split()  # noqa: SIM905
)


class FailingTree:
    """A tree whose every door raises the same error."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def _fail(self, *_arguments: object) -> None:
        raise self.error

    lookup = node = children = source = document = parent = _fail
    is_refused = staticmethod(is_probe)


def operations(error: Exception, tmp_path) -> TreeOperations:
    return TreeOperations(FailingTree(error), library=tmp_path, activity=Activity(), catalog_threads=2)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", errors.all_errors(), ids=lambda kind: kind.__name__)
def test_each_error_has_its_errno(kind):
    assert errno.errorcode[errno_of(kind("what happened"))] == EXPECTED[kind.__name__]


def test_the_table_names_no_error_that_does_not_exist():
    assert set(ERRNO_OF) <= set(errors.all_errors())


HANDLERS = sorted(
    name for name, member in inspect.getmembers(pyfuse3.Operations, inspect.iscoroutinefunction)
)


@pytest.mark.parametrize("name", HANDLERS)
def test_no_handler_is_left_to_the_library_whose_answer_is_enosys(name):
    assert name in vars(TreeOperations)


@pytest.mark.parametrize("name", [name for name in HANDLERS if name != "forget"])
async def test_only_an_errno_ever_leaves_a_handler(name, tmp_path, caplog):
    # Every argument is wrong and the tree has a bug.
    served = operations(ZeroDivisionError("a bug"), tmp_path)
    count = len(inspect.signature(getattr(pyfuse3.Operations, name)).parameters) - 1
    answered = None
    with caplog.at_level(logging.CRITICAL, logger="vfs.fuse_border"), contextlib.suppress(pyfuse3.FUSEError):
        answered = await getattr(served, name)(*[None] * count)
    assert served.activity.operations[name] == 1
    assert answered is None or name in ("opendir", "statfs")


@pytest.mark.allows_log("lookup.*failed")
async def test_a_bug_is_counted_and_logged_with_its_request(tmp_path, caplog):
    served = operations(ZeroDivisionError("a bug"), tmp_path)
    with pytest.raises(pyfuse3.FUSEError) as raised:
        await served.lookup(ROOT, b"Timeline", None)
    assert raised.value.errno == errno.EIO
    assert served.activity.errors == 1
    assert "b'Timeline'" in caplog.text
    assert "ZeroDivisionError" in caplog.text


async def test_an_error_of_ours_is_no_bug(tmp_path):
    served = operations(errors.VolumeOffline("away"), tmp_path)
    with pytest.raises(pyfuse3.FUSEError) as raised:
        await served.getattr(pack(Kind.CONTENT, 7), None)
    assert (raised.value.errno, served.activity.errors) == (errno.EIO, 0)


@pytest.mark.parametrize("name", WRITING)
async def test_every_writing_request_is_erofs(name, tmp_path):
    with pytest.raises(pyfuse3.FUSEError) as raised:
        await getattr(operations(NotFound("x"), tmp_path), name)()
    assert raised.value.errno == errno.EROFS


@pytest.mark.parametrize(
    "flags", [os.O_WRONLY, os.O_RDWR, os.O_RDONLY | os.O_TRUNC, os.O_WRONLY | os.O_APPEND]
)
async def test_opening_for_writing_is_erofs_without_a_look(flags, tmp_path):
    with pytest.raises(pyfuse3.FUSEError) as raised:
        await operations(NotFound("x"), tmp_path).open(pack(Kind.CONTENT, 7), flags, None)
    assert raised.value.errno == errno.EROFS


@pytest.mark.parametrize(
    "name", [b"security.selinux", b"system.posix_acl_access", b"trusted.overlay", b"bare"]
)
async def test_foreign_attributes_are_unsupported_not_absent(name, tmp_path):
    with pytest.raises(pyfuse3.FUSEError) as raised:
        await operations(NotFound("x"), tmp_path).getxattr(pack(Kind.CONTENT, 7), name, None)
    assert raised.value.errno == errno.EOPNOTSUPP


async def test_an_unknown_attribute_of_ours_is_absent(tmp_path):
    with pytest.raises(pyfuse3.FUSEError) as raised:
        await operations(NotFound("x"), tmp_path).getxattr(pack(Kind.CONTENT, 7), b"user.other", None)
    assert raised.value.errno == errno.ENODATA


@pytest.mark.parametrize("name", [b".Trash-1000", b"._a.jpg", b".hidden", b"desktop.ini", b"Thumbs.db"])
async def test_names_that_are_only_probed_never_reach_the_tree(name, tmp_path):
    found = await operations(ZeroDivisionError("asked"), tmp_path).lookup(ROOT, name, None)
    assert found.st_ino == 0
    assert found.entry_timeout >= 3600


async def test_in_originals_a_probed_name_may_be_a_file(tmp_path):
    with pytest.raises(pyfuse3.FUSEError):
        await operations(errors.VolumeOffline("asked"), tmp_path).lookup(
            pack(Kind.VOLUME, 1), b"Thumbs.db", None
        )


async def test_an_absent_name_is_a_negative_entry_that_may_be_kept(tmp_path):
    found = await operations(NotFound("x"), tmp_path).lookup(ROOT, b"nothing", None)
    assert found.st_ino == 0
    assert found.entry_timeout >= 3600


@pytest.mark.parametrize(
    "folder",
    [pack(Kind.SEARCH, 5), pack(Kind.SEARCHES, 5), pack(Kind.MEMORIES, 5), pack(Kind.FIXED, Fixed.SEARCH)],
)
async def test_names_of_dynamic_folders_are_asked_for_at_each_use_and_photos_keep_their_attributes(
    folder, tmp_path
):
    served = operations(NotFound("x"), tmp_path)
    assert (await served.lookup(folder, b"nothing", None)).entry_timeout == 0
    served._tree.lookup = lambda *_request: Node(pack(Kind.CONTENT, 7), False, 1, 0, 0)  # the fake's door
    found = await served.lookup(folder, b"a.jpg", None)
    assert (found.entry_timeout, found.attr_timeout) == (0, 3600)
    served._tree.lookup = lambda *_request: Node(pack(Kind.SEARCH, 7), True, 0, 0, 0)
    found = await served.lookup(folder, b"rating=4", None)
    assert (found.entry_timeout, found.attr_timeout) == (0, 0)


async def test_an_answer_overtaken_by_a_change_is_read_again_and_never_kept(tmp_path):
    served = operations(NotFound("x"), tmp_path)
    asked = []

    def lookup(*_arguments: object) -> None:
        asked.append(1)
        served.announce()  # a change is announced while each answer is being made
        raise NotFound("x")

    served._tree.lookup = lookup  # the fake's door
    found = await served.lookup(ROOT, b"coming", None)
    assert len(asked) > 1
    assert (found.st_ino, found.entry_timeout) == (0, 0)


async def test_folders_may_be_entered_and_files_read_but_nothing_written(tmp_path):
    served = operations(NotFound("x"), tmp_path)
    assert await served.access(pack(Kind.FIXED, Fixed.TIMELINE), os.R_OK | os.X_OK, None)
    assert await served.access(pack(Kind.CONTENT, 1), os.R_OK, None)
    assert not await served.access(pack(Kind.CONTENT, 1), os.X_OK, None)
    with pytest.raises(pyfuse3.FUSEError) as raised:
        await served.access(pack(Kind.CONTENT, 1), os.W_OK, None)
    assert raised.value.errno == errno.EROFS
