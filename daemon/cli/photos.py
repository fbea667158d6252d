"""Arguments that name photos, in all forms of CLI.md, turned into asset ids.

A uid, a unique prefix of it (>= 6 characters), `~short`; a path in a mount of ours; a path in the tree; a path of an
original, whether its volume is there or not; `--query`; directories with `-r`; `--from-file`, `-0`. Originals are not
opened and mounts are not asked: paths are resolved in the catalog.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from catalog.errors import GlassineError, NotFound, UsageError
from catalog.ids import UID_LENGTH, AssetId, canonical_prefix
from daemon.cli.completion import complete_view_path
from daemon.cli.output import path_fields, readable
from daemon.cli.session import Session, today
from daemon.cli.tree import mount_of

if TYPE_CHECKING:
    from catalog.store.db import Reader
    from catalog.values import Volume
    from vfs.nodes import Node
    from vfs.tree import Tree

PAGE = 500
ORIGINALS = b"Originals"
_FORMS_HINT = "A uid, ~short, or a path in a mount or of an original."


@dataclass(frozen=True, slots=True)
class PhotoArguments:
    """What the user gave; see `photo_arguments`."""

    words: tuple[str, ...]
    query: str | None
    recursive: bool
    from_file: str | None
    is_zero_ended: bool


def photo_arguments(command: Callable[..., Any], *, metavar: str = "[PHOTO]...") -> Callable[..., Any]:
    """Give a verb the argument and options that name photos; it gets one `PhotoArguments` as `chosen`.

    `metavar` is what its synopsis says where a value stands before them.
    """
    from functools import wraps

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        chosen = PhotoArguments(
            kwargs.pop("photos"),
            kwargs.pop("query"),
            kwargs.pop("recursive"),
            kwargs.pop("from_file"),
            kwargs.pop("null"),
        )
        return command(*args, chosen=chosen, **kwargs)

    decorators = (
        click.argument("photos", nargs=-1, metavar=metavar, shell_complete=complete_view_path),
        click.option("--query", metavar="QUERY", help="All photos that match."),
        click.option("-r", "--recursive", is_flag=True, help="Directories stand for all photos below them."),
        click.option(
            "--from-file", metavar="FILE", help="Read further arguments from a file, one a line; - is stdin."
        ),
        click.option("-0", "--null", is_flag=True, help="Arguments in that file end with a zero byte."),
    )
    decorated: Callable[..., Any] = run
    for decorator in reversed(decorators):
        decorated = decorator(decorated)
    return decorated


def chosen_photos(session: Session, reader: Reader, chosen: PhotoArguments) -> list[AssetId]:
    """Return the assets that the arguments name, in their order, each once.

    Raises:
        UsageError: nothing was named, or a directory without `-r`.
        NotFound, Ambiguous: a name fits nothing, or more than one photo.
    """
    words = [*(os.fsencode(word) for word in chosen.words), *_words_of_file(chosen)]
    if not words and chosen.query is None and chosen.from_file is None:
        raise UsageError("name a photo, or use --query", hint=_FORMS_HINT)
    found: dict[AssetId, None] = {}
    with _Resolver(session, reader, is_recursive=chosen.recursive) as resolver:
        for word in words:
            found.update(dict.fromkeys(resolver.photos(word)))
    if chosen.query is not None:
        found.update(dict.fromkeys(_matching(reader, chosen.query)))
    return list(found)


def one_photo(session: Session, reader: Reader, word: str) -> AssetId:
    """Return the asset that one argument names."""
    with _Resolver(session, reader, is_recursive=False) as resolver:
        return next(iter(resolver.photos(os.fsencode(word))))


def volume_of(path: bytes, volumes: list[Volume]) -> tuple[Volume, bytes] | None:
    """Return the volume with the longest root above an absolute path, and the path inside it."""
    best: tuple[Volume, bytes] | None = None
    for volume in volumes:
        root = volume.root.rstrip(b"/")
        is_inside = volume.backend == "local" and (path == root or path.startswith(root + b"/"))
        if is_inside and (best is None or len(volume.root) > len(best[0].root)):
            best = volume, path[len(root) :].strip(b"/")
    return best


def absolute(path: bytes) -> bytes:
    """Return the absolute path with the links of its directories resolved; its last name is taken as it is.

    Directories that do not exist (an offline volume) stay as written.
    """
    folder, name = os.path.split(os.path.abspath(path))
    return os.path.join(os.path.realpath(folder), name)


class _Resolver:
    """Resolves one argument after the other; opens the tree only when one needs it."""

    def __init__(self, session: Session, reader: Reader, *, is_recursive: bool) -> None:
        from catalog.store.volumes import volumes

        self._session = session
        self._reader = reader
        self._is_recursive = is_recursive
        self._volumes = volumes(reader)
        self._opened = ExitStack()
        self._tree: Tree | None = None

    def __enter__(self) -> _Resolver:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def photos(self, word: bytes) -> Iterator[AssetId]:
        """Yield what an argument names, at least one photo."""
        if not word:
            # As a path it would be the root of the tree, and `-r "$UNSET"` every photo there is.
            raise UsageError("an argument that should name a photo is empty", hint=_FORMS_HINT)
        asset_id = self._named(word)
        if asset_id is not None:
            yield asset_id
            return
        inside = mount_of(word)
        if inside is not None:
            yield from self._in_tree(inside.relative, word)
            return
        place = volume_of(absolute(word), self._volumes) or volume_of(os.path.realpath(word), self._volumes)
        if place is not None:
            yield from self._in_volume(*place, word)
            return
        if not word.startswith((b"/", b"./", b"../")):
            yield from self._in_tree(word, word)
            return
        raise self._nothing(word)

    def _named(self, word: bytes) -> AssetId | None:
        """Return the photo of a uid, prefix or short id; None if the word may still be a path."""
        from catalog.store.photos import resolve_photo

        text = word.decode("utf-8", "replace")
        if canonical_prefix(text) is None:
            return None
        is_uid = text.startswith("~") or len(text) == UID_LENGTH
        if not is_uid and os.path.lexists(word):
            return None
        try:
            return resolve_photo(self._reader, text)
        except NotFound:
            if is_uid:
                raise
            return None  # `Timeline` could be one by its letters

    def _in_volume(self, volume: Volume, path: bytes, word: bytes) -> Iterator[AssetId]:
        from catalog.store.photos import asset_at, assets_below

        asset_id = asset_at(self._reader, volume.id, path)
        if asset_id is not None:
            yield asset_id
            return
        after: AssetId | None = None
        if not self._is_recursive and os.path.isdir(os.path.join(volume.root, path)):
            raise self._directory(word)
        while self._is_recursive:
            below = assets_below(self._reader, volume.id, path, after or AssetId(0), PAGE)
            if not below and after is None:
                break
            yield from below
            if len(below) < PAGE:
                return
            after = below[-1]
        raise self._nothing(word)

    def _in_tree(self, path: bytes, word: bytes) -> Iterator[AssetId]:
        from catalog.values import OWNER

        originals = self._originals(path)
        if originals:
            for volume, below in originals:
                yield from self._in_volume(volume, below, word)
            return
        tree = self._opened_tree()
        try:
            node = tree.resolve(path, OWNER)
        except NotFound as error:
            raise self._nothing(word) from error
        if node.is_dir and not self._is_recursive:
            raise self._directory(word)
        yield from self._below(tree, node, word)

    def _below(self, tree: Tree, node: Node, word: bytes) -> Iterator[AssetId]:
        from catalog.store.photos import resolve_photo
        from catalog.values import OWNER

        if node.uid is not None:
            yield resolve_photo(self._reader, node.uid)
        elif node.is_dir:
            for entry in tree.children(node, OWNER):
                if entry.node.is_dir or entry.node.uid is not None:
                    yield from self._below(tree, entry.node, word)
        else:
            raise self._nothing(word)

    def _originals(self, path: bytes) -> list[tuple[Volume, bytes]]:
        """Return volume and path inside it of a path below `Originals/`, whose entries carry no uid."""
        top, *below = [part for part in path.split(b"/") if part] or [b""]
        if top != ORIGINALS:
            return []
        if not below:
            return [(volume, b"") for volume in self._volumes]
        shown = below[0].decode("utf-8", "replace")
        return [(volume, b"/".join(below[1:])) for volume in self._volumes if volume.name == shown]

    def _opened_tree(self) -> Tree:
        from daemon.cli.tree import open_tree

        if self._tree is None:
            self._tree = self._opened.enter_context(open_tree(self._session))
        return self._tree

    def _nothing(self, word: bytes) -> NotFound:
        return NotFound(
            f"{readable(word)} is no photo of this library",
            hint="Name a uid, ~short, or a path in a mount, in the tree or on a volume.",
            **path_fields(word),
        )

    def _directory(self, word: bytes) -> GlassineError:
        return UsageError(
            f"{readable(word)} is a directory", hint="-r takes all photos below it.", **path_fields(word)
        )


def _matching(reader: Reader, query: str) -> Iterator[AssetId]:
    from catalog.query import parse
    from daemon.cli.find import pages_matching

    for page in pages_matching(reader, parse(query, today=today(reader)), None):
        yield from page


def _words_of_file(chosen: PhotoArguments) -> list[bytes]:
    if chosen.from_file is None:
        if chosen.is_zero_ended:
            raise UsageError("-0 needs --from-file")
        return []
    if chosen.from_file == "-":
        content = sys.stdin.buffer.read()
    else:
        with open(chosen.from_file, "rb") as file:
            content = file.read()
    return [word for word in content.split(b"\0" if chosen.is_zero_ended else b"\n") if word]
