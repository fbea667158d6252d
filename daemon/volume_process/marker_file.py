"""The marker file: `.glassine-volume` at a root says which volume this is. Its name, its form, and how it is read.

Reading is bounded and follows nothing; what is no marker of ours is as good as none.
"""

from __future__ import annotations

import errno
import json

from catalog.ids import UID_LENGTH, canonical_prefix
from vfs.beneath import open_beneath
from vfs.storage.local import LocalFile

MARKER_NAME = b".glassine-volume"
MOST_BYTES = 4096
_KEY = "glassine_volume"
# A symlink, a directory, a pipe: nothing that we wrote.
_NO_FILE = frozenset({errno.ELOOP, errno.EISDIR, errno.EINVAL, errno.ENXIO})


def marker_bytes(uid: str, name: str) -> bytes:
    """Return what the file holds: JSON, a uid and, for people, the name that the volume had."""
    text = json.dumps({_KEY: uid, "name": name}, ensure_ascii=True)
    if len(text) >= MOST_BYTES:
        text = json.dumps({_KEY: uid})
    return text.encode("ascii") + b"\n"


def read_marker(root_fd: int) -> str | None:
    """Return the uid in the marker at a root; None if there is none, or none of ours. Blocks on the volume.

    Raises:
        OSError: something is there and cannot be read (EIO, EACCES): whether it is ours is not known.
    """
    try:
        file = LocalFile(open_beneath(root_fd, MARKER_NAME))
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno in _NO_FILE:
            return None
        raise
    with file:
        if file.size > MOST_BYTES:
            return None
        return _uid_in(file.read_at(0, MOST_BYTES))


def _uid_in(text: bytes) -> str | None:
    try:
        content = json.loads(text)
    except ValueError:
        return None
    uid = content.get(_KEY) if isinstance(content, dict) else None
    is_uid = isinstance(uid, str) and len(uid) == UID_LENGTH and canonical_prefix(uid) == uid
    return uid if is_uid else None
