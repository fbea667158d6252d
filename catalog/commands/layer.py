"""What a person says about photos, as commands: values only. Journal and undo see exactly these.

`photos` are uids (any order, each once); names of tags, albums and persons are as a person writes them: tags and albums
by path joined with `/`. A text that is None takes back what was said. Carried out by `catalog.commands.layer_edits`.
"""

from __future__ import annotations

from dataclasses import dataclass

Photos = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TagAdd:
    """Put tags on photos; unknown tags are made, aliases are followed."""

    photos: Photos
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TagRemove:
    """Take tags off photos, whoever put them there; with `is_below` the tags below them as well."""

    photos: Photos
    tags: tuple[str, ...]
    is_below: bool = False


@dataclass(frozen=True, slots=True)
class TagCreate:
    """Make a tag (and those above it) that no photo has yet."""

    tag: str


@dataclass(frozen=True, slots=True)
class TagRename:
    """Give a tag another path; tags below it move along. If there is a tag of that path, the two are merged."""

    tag: str
    name: str


@dataclass(frozen=True, slots=True)
class TagDelete:
    """Delete a tag and those below it; photos lose it."""

    tag: str


@dataclass(frozen=True, slots=True)
class TagAlias:
    """Let another path mean a tag, or no longer (`is_removed`)."""

    tag: str
    alias: str
    is_removed: bool = False


@dataclass(frozen=True, slots=True)
class AlbumCreate:
    """Make an album, and those above it."""

    album: str


@dataclass(frozen=True, slots=True)
class AlbumAdd:
    """Put photos at the end of an album, in this order; with `is_created` the album is made if there is none."""

    photos: Photos
    album: str
    is_created: bool = False


@dataclass(frozen=True, slots=True)
class AlbumRemove:
    """Take photos out of an album."""

    photos: Photos
    album: str


@dataclass(frozen=True, slots=True)
class AlbumOrder:
    """Order an album: all of it by `by` (date or name), or these photos before/after one (neither: to the front)."""

    album: str
    photos: Photos = ()
    by: str | None = None
    before: str | None = None
    after: str | None = None


@dataclass(frozen=True, slots=True)
class AlbumRename:
    """Give an album another path; albums in it move along."""

    album: str
    name: str


@dataclass(frozen=True, slots=True)
class AlbumDelete:
    """Delete an album, never its photos; with `is_recursive` the albums in it as well."""

    album: str
    is_recursive: bool = False


@dataclass(frozen=True, slots=True)
class AlbumCover:
    """Choose the photo on the cover of an album; None = the first one."""

    album: str
    photo: str | None


@dataclass(frozen=True, slots=True)
class SearchSave:
    """Save a query under a name, in the place of the one of that name."""

    name: str
    query: str


@dataclass(frozen=True, slots=True)
class SearchDelete:
    """Forget a saved query."""

    name: str


@dataclass(frozen=True, slots=True)
class Rate:
    """Rate photos 0-5; None takes the rating back."""

    photos: Photos
    rating: int | None


@dataclass(frozen=True, slots=True)
class Label:
    """Give photos a colour label; None takes it back."""

    photos: Photos
    label: str | None


@dataclass(frozen=True, slots=True)
class Favorite:
    """Make photos favourites, or no longer."""

    photos: Photos
    is_favorite: bool = True


@dataclass(frozen=True, slots=True)
class Reject:
    """Reject photos, or no longer."""

    photos: Photos
    is_rejected: bool = True


@dataclass(frozen=True, slots=True)
class Hide:
    """Hide photos from every view, or no longer."""

    photos: Photos
    is_hidden: bool = True


@dataclass(frozen=True, slots=True)
class Title:
    """Give photos a title; None takes it back."""

    photos: Photos
    title: str | None


@dataclass(frozen=True, slots=True)
class Describe:
    """Describe photos; None takes it back."""

    photos: Photos
    description: str | None


@dataclass(frozen=True, slots=True)
class DateSet:
    """Say when photos were taken: `local` as in CLI.md, any precision; offset or zone if known."""

    photos: Photos
    local: str
    offset_min: int | None = None
    zone: str | None = None


@dataclass(frozen=True, slots=True)
class DateShift:
    """Move the effective capture times: calendar months, then days and microseconds."""

    photos: Photos
    months: int = 0
    days: int = 0
    microseconds: int = 0


@dataclass(frozen=True, slots=True)
class DateClear:
    """Take back what was said about the date."""

    photos: Photos


@dataclass(frozen=True, slots=True)
class PlaceSet:
    """Say where photos were taken: signed degrees, metres. `lat` and `lon` None: nowhere that is to be told."""

    photos: Photos
    lat: float | None
    lon: float | None
    alt: float | None = None


@dataclass(frozen=True, slots=True)
class PlaceClear:
    """Take back what was said about the position."""

    photos: Photos


@dataclass(frozen=True, slots=True)
class PersonAdd:
    """Say that a person is in photos; an unknown one is made."""

    photos: Photos
    person: str


@dataclass(frozen=True, slots=True)
class PersonRemove:
    """Say that a person is not in photos; face regions of that person become nobody's."""

    photos: Photos
    person: str


@dataclass(frozen=True, slots=True)
class PersonRename:
    """Give a person another name."""

    person: str
    name: str


@dataclass(frozen=True, slots=True)
class PersonMerge:
    """Make several persons one."""

    persons: tuple[str, ...]
    into: str


@dataclass(frozen=True, slots=True)
class FaceAdd:
    """Mark a face: 0..1 of the upright picture, top left and extent; a person if known (made if unknown)."""

    photo: str
    x: float
    y: float
    w: float
    h: float
    person: str | None = None


@dataclass(frozen=True, slots=True)
class FaceRemove:
    """Remove a face region by its id, or those of a person."""

    photo: str
    face: str | None = None
    person: str | None = None


@dataclass(frozen=True, slots=True)
class StackMake:
    """Make one stack of photos and of the stacks that they are in."""

    photos: Photos


@dataclass(frozen=True, slots=True)
class StackCover:
    """Let a photo stand for its stack."""

    photo: str


@dataclass(frozen=True, slots=True)
class StackSplit:
    """Take photos out of their stacks; a cover dissolves its whole stack."""

    photos: Photos


@dataclass(frozen=True, slots=True)
class TrashPut:
    """Put photos into the trash: nothing is moved, they are out of every other view."""

    photos: Photos


@dataclass(frozen=True, slots=True)
class TrashRestore:
    """Bring photos back from the trash."""

    photos: Photos


@dataclass(frozen=True, slots=True)
class Undo:
    """Take back a journal row exactly; None = the newest of this author that is not undone."""

    journal: int | None = None


LayerCommand = (
    TagAdd | TagRemove | TagCreate | TagRename | TagDelete | TagAlias
    | AlbumCreate | AlbumAdd | AlbumRemove | AlbumOrder | AlbumRename | AlbumDelete | AlbumCover
    | SearchSave | SearchDelete
    | Rate | Label | Favorite | Reject | Hide | Title | Describe
    | DateSet | DateShift | DateClear | PlaceSet | PlaceClear
    | PersonAdd | PersonRemove | PersonRename | PersonMerge | FaceAdd | FaceRemove
    | StackMake | StackCover | StackSplit | TrashPut | TrashRestore | Undo
)  # fmt: skip

LAYER_NAMES: dict[type[LayerCommand], str] = {
    TagAdd: "tag.add", TagRemove: "tag.remove", TagCreate: "tag.create", TagRename: "tag.rename", TagDelete: "tag.delete",
    TagAlias: "tag.alias",
    AlbumCreate: "album.create", AlbumAdd: "album.add", AlbumRemove: "album.remove", AlbumOrder: "album.order",
    AlbumRename: "album.rename", AlbumDelete: "album.delete", AlbumCover: "album.cover",
    SearchSave: "search.save", SearchDelete: "search.delete",
    Rate: "rate", Label: "label", Favorite: "favorite", Reject: "reject", Hide: "hide", Title: "title", Describe: "describe",
    DateSet: "date.set", DateShift: "date.shift", DateClear: "date.clear",
    PlaceSet: "place.set", PlaceClear: "place.clear",
    PersonAdd: "person.add", PersonRemove: "person.remove", PersonRename: "person.rename", PersonMerge: "person.merge",
    FaceAdd: "face.add", FaceRemove: "face.remove",
    StackMake: "stack.make", StackCover: "stack.cover", StackSplit: "stack.split",
    TrashPut: "trash.put", TrashRestore: "trash.restore", Undo: "undo",
}  # fmt: skip
