"""Where a volume may be: a directory that exists, can be listed, and is not ours. No file below it is touched."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from typing import TYPE_CHECKING

from catalog.errors import InvalidValue, NotFound, NotPermitted
from daemon.cli.output import path_fields, readable

if TYPE_CHECKING:
    from catalog.library import Library
    from catalog.values import Volume


def real_directory(path: bytes) -> bytes:
    """Return the directory that a path leads to, links resolved.

    Raises:
        NotFound: nothing is there. InvalidValue: it is no directory. NotPermitted: it cannot be listed.
    """
    root = os.path.realpath(path)
    mode = mode_of(root)
    if mode is None:
        raise NotFound(f"{readable(path)} does not exist", **path_fields(path))
    if not stat.S_ISDIR(mode):
        raise InvalidValue(f"{readable(path)} is not a directory", **path_fields(path))
    if not os.access(root, os.R_OK | os.X_OK):
        raise NotPermitted(f"{readable(path)} cannot be listed", **path_fields(path))
    return root


def mode_of(path: bytes) -> int | None:
    """Return the mode of what is there, links not followed; None if nothing is."""
    try:
        return os.lstat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None


def refuse_own_places(library: Library, root: bytes) -> None:
    """Refuse the library itself and our mounts.

    Raises:
        InvalidValue: it is one of them.
    """
    from daemon.cli.tree import mount_of

    own = os.path.realpath(os.fsencode(library.path))
    if root == own or root.startswith(own + b"/"):
        raise InvalidValue(f"{readable(root)} belongs to the library itself", **path_fields(root))
    if mount_of(root) is not None:
        raise InvalidValue(f"{readable(root)} lies in a mount of a library", **path_fields(root))


def refuse_other_volumes(root: bytes, others: Iterable[Volume]) -> None:
    """Refuse a place inside another volume: its photos would be known twice.

    Raises:
        InvalidValue: it is one.
    """
    from daemon.cli.photos import volume_of

    found = volume_of(root, list(others))
    if found is not None:
        name = found[0].name
        raise InvalidValue(f"{readable(root)} lies in the volume {name}", volume=name, **path_fields(root))
