"""`ls`: a folder of the tree, read in process: no mount is needed and no mount is asked.

Also the place that turns a path in a mount of ours into a path in the tree; from the mount table alone, so
that a hung mount cannot hang the command.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from catalog.errors import NotFound
from daemon.cli.completion import complete_view_path
from daemon.cli.output import instant, path_fields, readable
from daemon.cli.session import Session

if TYPE_CHECKING:
    from catalog.store.db import Reader
    from vfs.nodes import Entry, Node
    from vfs.tree import Tree


class InMount(NamedTuple):
    """A path inside a mount of ours."""

    mountpoint: bytes
    relative: bytes


@click.command()
@click.argument("viewpath", default="", shell_complete=complete_view_path)
@click.option("-l", "--long", is_flag=True, help="Show kind, size, time and uid as well.")
@click.pass_obj
def ls(session: Session, viewpath: str, long: bool) -> None:
    """List a folder of the tree: Timeline/2019, Originals/NAS, … or the same path in a mount.

    Without a path: the views. A file is listed alone.
    """
    wanted = os.fsencode(viewpath)
    inside = mount_of(wanted) if wanted else None
    with open_tree(session) as tree, session.reader() as reader:
        is_mounted = inside is not None and _exists(tree, inside.relative)
        path = inside.relative if inside is not None and is_mounted else wanted.strip(b"/")
        rows = [_row(reader, entry, path, is_child=is_child) for entry, is_child in _listed(tree, path)]
    rows.sort(key=lambda row: row["name"])
    session.output.document(rows, (_line(row, is_long=long) for row in rows))


@contextlib.contextmanager
def open_tree(session: Session) -> Iterator[Tree]:
    """Open the tree over the session's library; closed with the block."""
    from catalog.store.db import ReaderPool
    from daemon.view_options import tree_options
    from vfs.tree import open_tree as open_library_tree

    library = session.library()
    pool = ReaderPool(library, 1)
    try:
        yield open_library_tree(
            library, pool, clock=time.time_ns, report=dict, options=tree_options(session.config())
        )
    finally:
        pool.close()


def names_below(session: Session, folder: str, *, limit: int) -> list[str]:
    """Return names of a folder for the completion; folders end with a slash."""
    from catalog.values import OWNER

    with open_tree(session) as tree:
        node = tree.resolve(os.fsencode(folder), OWNER)
        return [
            entry.name.decode("utf-8", "replace") + ("/" if entry.node.is_dir else "")
            for entry in tree.children(node, OWNER, limit=limit)
        ]


def mount_of(path: bytes) -> InMount | None:
    """Return the mount of ours that a path lies in, and the path inside it; None if it lies in none."""
    from vfs.mounting import FS_TYPE

    place = os.path.abspath(path)
    best: InMount | None = None
    with open("/proc/self/mountinfo", "rb") as table:
        for line in table:
            head, _, tail = line.partition(b" - ")
            if tail.split()[0] != FS_TYPE.encode():
                continue
            mounted = _unescaped(head.split()[4])
            for candidate in (place, _through_links(place)):
                if candidate == mounted or candidate.startswith(mounted + b"/"):
                    found = InMount(mounted, candidate[len(mounted) :].strip(b"/"))
                    best = found if best is None or len(found.mountpoint) > len(best.mountpoint) else best
    return best


def _through_links(place: bytes) -> bytes:
    """Resolve symlinks; a dead mount on the way answers ENOTCONN, then the path stays as it is."""
    try:
        return os.path.realpath(place)
    except OSError:
        return place


def _unescaped(field: bytes) -> bytes:
    """Undo the octal escapes of the mount table."""
    return field.decode("latin-1").encode("latin-1").decode("unicode_escape").encode("latin-1")


def _exists(tree: Tree, path: bytes) -> bool:
    from catalog.values import OWNER

    with contextlib.suppress(NotFound):
        tree.resolve(path, OWNER)
        return True
    return False


def _listed(tree: Tree, path: bytes) -> Iterator[tuple[Entry, bool]]:
    from catalog.values import OWNER
    from vfs.nodes import Entry

    try:
        node = tree.resolve(path, OWNER)
    except NotFound as error:
        raise NotFound(
            f"there is no {readable(path)} in the tree",
            hint='"glassine ls" lists the views.',
            **path_fields(path),
        ) from error
    if not node.is_dir:
        yield Entry(path.rpartition(b"/")[2], 1, node), False
        return
    for entry in tree.children(node, OWNER):
        yield entry, True


def _row(reader: Reader, entry: Entry, folder: bytes, *, is_child: bool) -> dict[str, Any]:
    name, node = entry.name, entry.node
    uid = node.uid or _uid_of_original(reader, node)
    return {
        **path_fields(name, "name"),
        **path_fields(b"/".join(part for part in (folder, name) if part) if is_child else folder),
        "kind": "dir" if node.is_dir else "file" if uid is None else "photo",
        "size": None if node.is_dir else node.size,
        "mtime": instant(node.mtime_ns),
        "mime": None if node.is_dir else node.mime,
        "uid": uid,
        "hash": node.hash.hex() if node.hash is not None else None,
    }


def _uid_of_original(reader: Reader, node: Node) -> str | None:
    """Return the uid of the photo whose original this entry of Originals/ is; nodes there carry none."""
    from catalog.ids import LocationId
    from catalog.store import listing
    from vfs.inodes import Kind, unpack

    at = unpack(node.inode)
    if at.kind is not Kind.LOCATION:
        return None
    original = listing.location_by_id(reader, LocationId(at.key))
    if original is None or original.content_id is None:
        return None
    photo = listing.photo_by_content(reader, original.content_id)
    return None if photo is None else photo.uid


def _line(row: dict[str, Any], *, is_long: bool) -> str:
    from daemon.cli.output import printable

    name = printable(row["name"]) + ("/" if row["kind"] == "dir" else "")
    if not is_long:
        return name
    size = "-" if row["size"] is None else str(row["size"])
    return f"{row['kind']:<5} {size:>12} {row['mtime'][:19]}Z {row['uid'] or '-':<26} {name}"
