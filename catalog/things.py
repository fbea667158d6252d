"""Tags, albums, persons and saved searches as values, for listings and for those who name one."""

from __future__ import annotations

from dataclasses import dataclass

from catalog.ids import Uid


@dataclass(frozen=True, slots=True)
class Tag:
    """A living tag.

    Attributes:
        path: names from the top joined by `/`.
        label: of its folder.
        count: photos that its own folder lists; `count_below`: it or a tag below it.
        aliases: other paths that mean it because somebody said so.
    """

    id: int
    uid: Uid
    parent_id: int | None
    name: str
    path: str
    label: str
    created_ns: int
    count: int = 0
    count_below: int = 0
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Album:
    """A living album. `cover` is the uid of the chosen photo or None; `count` the photos that its folder lists."""

    id: int
    uid: Uid
    parent_id: int | None
    name: str
    path: str
    label: str
    cover: str | None
    created_ns: int
    count: int = 0


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in photos; `count` is the photos that the folders of this person list."""

    id: int
    uid: Uid
    name: str
    label: str
    created_ns: int
    count: int = 0


@dataclass(frozen=True, slots=True)
class SavedSearch:
    """A query with a name."""

    id: int
    uid: Uid
    name: str
    label: str
    query: str
    created_ns: int
