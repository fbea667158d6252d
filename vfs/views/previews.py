"""Previews/: the static views again, showing what is embedded, so that a folder of RAWs opens without reading them.

A folder of it is another folder's number with one bit set: nothing is stored, and every static view is mirrored without
a word about it here. A RAW, HEIC, PSD or TIFF that has an embedded JPEG is shown as that, `IMG_1.CR2.jpg`; a JPEG is what
it is everywhere, under the same number; what has no preview, sounds and movies are left out. Whether a preview is there
changes without a word of the change feed about folders, so nobody may keep their names (`Node.is_fleeting`).

Names: a generated one is the photo's with `.jpg` behind it, and could be the name of a JPEG beside it. So a JPEG whose name
without `.jpg` still looks like a photo's (`IMG.CR2.jpg`) carries its `~id` here, and so does what is generated from a
photo whose own name has no extension of a photo. Then all names of a folder differ, and each is known without the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

from catalog.buckets import looks_like_media
from catalog.errors import NotFound
from catalog.ids import ContentId, short_of
from catalog.names import fold, split_extension, split_suffix, with_suffix
from catalog.store import changes, previews
from catalog.store.db import Reader
from catalog.values import Viewer
from vfs.inodes import ROOT, Fixed, Inode, Kind, Unpacked, pack, unpack
from vfs.nodes import Entry, Node
from vfs.views.contract import View, missing, page
from vfs.views.dynamic import fleeting_node
from vfs.views.folders import decoded
from vfs.views.preview_nodes import picture_node

PREVIEWS = pack(Kind.FIXED, Fixed.PREVIEWS)
_JPEG = "image/jpeg"
_EXTENSION = ".jpg"
# Photos without a preview are passed over: few at a time would be many questions.
_LEAST_PAGE = 256


class PreviewsView:
    """See `vfs.views.contract.View`.

    Args:
        roots: (name, number, cookie) of the views that are mirrored.
        view: the view that answers for a folder that may be mirrored; NotFound for others.
    """

    def __init__(self, roots: Iterable[tuple[bytes, Inode, int]], view: Callable[[Unpacked], View]) -> None:
        self._roots = tuple(roots)
        self._view = view

    def node(self, reader: Reader, at: Unpacked) -> Node:
        """Return Previews, or a mirrored folder with the times of the folder itself."""
        if at.kind is Kind.FIXED:
            return fleeting_node(reader, PREVIEWS)
        inner = unpack(at.key)
        return _mirrored(self._view(inner).node(reader, inner), changes.latest_seq(reader))

    def lookup(self, reader: Reader, at: Unpacked, name: bytes, viewer: Viewer) -> Node:
        """Return a folder or a picture."""
        if at.kind is Kind.FIXED:
            return self._root(reader, name)
        inner = unpack(at.key)
        view = self._view(inner)
        for candidate in _candidates(decoded(name)):
            with suppress(NotFound):
                found = view.lookup(reader, inner, candidate.encode(), viewer)
                for entry in _shown(reader, [Entry(candidate.encode(), 1, found)]):
                    if entry.name == name:
                        return entry.node
        raise missing(name)

    def children(self, reader: Reader, at: Unpacked, viewer: Viewer, after: int, limit: int) -> list[Entry]:
        """Return folders and pictures, with the cookies of what they mirror."""
        if at.kind is Kind.FIXED:
            entries = [
                Entry(name, cookie, self.node(reader, _mirror_of(inode)))
                for name, inode, cookie in self._roots
            ]
            return page(entries, after, limit)
        inner = unpack(at.key)
        view = self._view(inner)
        found: list[Entry] = []
        wanted = max(limit, _LEAST_PAGE)
        while len(found) < limit:
            part = view.children(reader, inner, viewer, after, wanted)
            found += _shown(reader, part)
            if len(part) < wanted:
                break
            after = part[-1].cookie
        return found[:limit]

    def parent(self, reader: Reader, at: Unpacked) -> Inode:
        """Return the folder above."""
        if at.kind is Kind.FIXED:
            return ROOT
        inner = unpack(at.key)
        above = self._view(inner).parent(reader, inner)
        return PREVIEWS if above == ROOT else pack(Kind.MIRROR, above)

    def folded(self, reader: Reader, at: Unpacked, name: str) -> Node | None:
        """Find a folder or picture by the index of what is mirrored."""
        if at.kind is Kind.FIXED:
            return None
        inner = unpack(at.key)
        view = self._view(inner)
        for candidate in _candidates(name):
            with suppress(NotFound):
                found = view.folded(reader, inner, candidate)
                if found is None:
                    return None
                for entry in _shown(reader, [Entry(candidate.encode("utf-8", "replace"), 1, found)]):
                    if fold(entry.name.decode()) == fold(name):
                        return entry.node
        raise missing(name)

    def _root(self, reader: Reader, name: bytes) -> Node:
        for shown, inode, _ in self._roots:
            if shown == name:
                return self.node(reader, _mirror_of(inode))
        raise missing(name)


def _mirror_of(inode: Inode) -> Unpacked:
    return Unpacked(Kind.MIRROR, inode)


def _mirrored(node: Node, generation: int) -> Node:
    """Return a folder of the tree as Previews/ has it."""
    if not node.is_dir:
        raise missing(f"inode {node.inode:x}")
    return node._replace(inode=pack(Kind.MIRROR, node.inode), generation=generation)


def _shown(reader: Reader, entries: list[Entry]) -> Iterator[Entry]:
    """Yield what Previews/ shows of a page of another folder: one query for its photos."""
    photos = [ContentId(unpack(entry.node.inode).key) for entry in entries if _may_have_picture(entry.node)]
    largest = previews.largest_of(reader, photos)
    generation = changes.latest_seq(reader)
    for name, cookie, node in entries:
        if node.is_dir:
            yield Entry(name, cookie, _mirrored(node, generation))
        elif node.mime == _JPEG:
            yield Entry(_own_name(name.decode(), node).encode(), cookie, node)
        elif _may_have_picture(node):
            picture = largest.get(ContentId(unpack(node.inode).key))
            if picture is not None:
                yield Entry(_generated_name(name.decode(), node).encode(), cookie, picture_node(picture))


def _may_have_picture(node: Node) -> bool:
    is_image = node.mime is not None and node.mime.startswith("image/")
    return is_image and not node.is_dir and node.mime != _JPEG


def _own_name(name: str, node: Node) -> str:
    """Return what a JPEG is called here."""
    stem, _ = split_extension(name)
    if node.uid is None or not looks_like_media(fold(stem)):
        return name
    return with_suffix(name, short_of(node.uid))


def _generated_name(name: str, node: Node) -> str:
    """Return what the picture of a photo is called here."""
    if node.uid is None or looks_like_media(fold(name)):
        return name + _EXTENSION
    suffixed = split_suffix(name)
    return with_suffix((suffixed[0] if suffixed else name) + _EXTENSION, short_of(node.uid))


def _candidates(name: str) -> list[str]:
    """Return the names that an entry called `name` here may have in the folder that is mirrored."""
    found = [name]
    if fold(name).endswith(_EXTENSION):
        found.append(name[: -len(_EXTENSION)])
        suffixed = split_suffix(name)
        if suffixed is not None:
            plain, short = suffixed
            found += [plain, with_suffix(plain[: -len(_EXTENSION)], short)]
    return found
