"""What frontends list and look up: folders of static views, Originals/, and what must be opened.

Hot paths: each function is one prebuilt statement (two where a name may carry a suffix), its index named beside it and
held by tests/integration/test_plans.py. A listing is paged by a cookie that never moves: `photo_cookie` in views,
`original_cookie` in Originals/. Nothing here writes; nothing here knows what a path in the tree looks like.
"""

from __future__ import annotations

from typing import Any

from catalog import names
from catalog.buckets import SUFFIXING_VIEWS, Bucket, View, looks_like_media
from catalog.errors import NotFound
from catalog.ids import (
    SHORT_LENGTH,
    AssetId,
    ContentHash,
    ContentId,
    DirectoryId,
    LocationId,
    Uid,
    VolumeId,
)
from catalog.store.db import Row, Session
from catalog.store.layer_folders import (
    folder_by_id,
    folder_folded,
    folder_labelled,
    folders_below,
    stack_folded,
    stack_folder,
    stack_labelled,
    stack_years,
    stacks_of_year,
)
from catalog.store.shapes import SHAPES, Shape, shape_of
from catalog.values import BucketRow, DirectoryRow, OpenTarget, OriginalRow, PhotoRow

__all__ = [
    "ASSET_BY_SHORT",
    "BUCKETS_OF_VIEW",
    "CLAIM_OWNER",
    "FILE_COOKIES",
    "NO_LIMIT",
    "NO_VIEW",
    "OPEN_CONTENT",
    "OPEN_LOCATION",
    "ORIGINAL_DIRECTORIES",
    "ORIGINAL_DIRECTORY_NAMED",
    "ORIGINAL_FILE",
    "ORIGINAL_FILES",
    "ORIGINAL_FILE_NAMED",
    "PHOTOS_BY_FOLD",
    "PHOTOS_IN",
    "PHOTO_BY_SHORT",
    "PHOTO_OF_CLAIM",
    "buckets_of_view",
    "camera_label",
    "camera_labelled",
    "directory_by_id",
    "folder_by_id",
    "folder_folded",
    "folder_labelled",
    "folders_below",
    "location_by_id",
    "open_target_of_content",
    "open_target_of_location",
    "original_cookie",
    "original_named",
    "originals_in",
    "photo_by_asset",
    "photo_by_content",
    "photo_by_uid",
    "photo_cookie",
    "photo_folded",
    "photo_named",
    "photos_in",
    "root_directory",
    "stack_folded",
    "stack_folder",
    "stack_labelled",
    "stack_years",
    "stacks_of_year",
    "view_changed_ns",
]

# Cookies of Originals/: directories first (cookie = id), then files (cookie = id + this). Ids stay below it.
FILE_COOKIES = 1 << 48
NO_LIMIT = -1
NO_VIEW = 0

_COLUMNS = (
    "a.id, a.content_id, a.uid, a.short, a.name, a.is_suffixed, a.size, a.mtime_ns, a.changed_ns, a.mime, c.hash,"
    " k.asset_id"
)
_REST = (
    " CROSS JOIN content AS c ON c.id = a.content_id"
    " LEFT JOIN claim AS k ON k.view = ?1 AND k.key = ?2 AND k.sub = ?3 AND k.fold = a.fold"
)


def _select(shape: Shape, asset: str) -> str:
    """SELECT photos of a folder; `asset` is the table with what finds its rows."""
    return f"SELECT {_COLUMNS} FROM {asset}{' CROSS JOIN member AS m' if shape.is_joined else ''}{_REST} WHERE {shape.condition}"


def _photos_in(shape: Shape) -> str:
    if shape.is_joined:  # member's primary key pages
        return (
            f"SELECT {_COLUMNS} FROM member AS m CROSS JOIN asset AS a ON a.id = m.asset_id{_REST}"
            f" WHERE {shape.condition} AND m.asset_id > ?4 ORDER BY m.asset_id LIMIT ?5"
        )
    page = " AND a.content_id > ?4 ORDER BY a.content_id LIMIT ?5"
    return _select(shape, f"asset AS a INDEXED BY {shape.pages}") + page


def _by_name(shape: Shape) -> str:
    # What always carries its suffix is found by its short id; index asset_fold does not hold it.
    plain = "" if shape.names == "asset_name" else " AND a.is_suffixed = 0"
    return _select(shape, f"asset AS a INDEXED BY {shape.names}") + f" AND a.fold = ?4{plain} ORDER BY a.id"


PHOTOS_IN: dict[int, str] = {key: _photos_in(shape) for key, shape in SHAPES.items()}
PHOTOS_BY_FOLD: dict[int, str] = {key: _by_name(shape) for key, shape in SHAPES.items()}
PHOTO_BY_SHORT: dict[int, str] = {
    key: _select(shape, "asset AS a") + " AND a.short = ?4" for key, shape in SHAPES.items()
}
# The claim's owner is the only one that can have the plain name: no look at the (perhaps many) others.
PHOTO_OF_CLAIM: dict[int, str] = {
    key: _select(shape, "asset AS a") + " AND a.id = ?4" for key, shape in SHAPES.items()
}
CLAIM_OWNER = "SELECT asset_id FROM claim WHERE view = ? AND key = ? AND sub = ? AND fold = ?"


def photos_in(session: Session, bucket: Bucket, after_id: int = 0, limit: int = NO_LIMIT) -> list[PhotoRow]:
    """Return the photos of a leaf folder in the order of their cookies, those behind `after_id`, at most `limit`."""
    rows = session.rows(PHOTOS_IN[shape_of(bucket)], (*bucket, after_id, limit))
    return [_photo(row, bucket.view) for row in rows]


def photo_cookie(bucket: Bucket, row: PhotoRow) -> int:
    """Return where a listing goes on after this photo: its content up to CAMERAS, else the asset; it never moves."""
    return row.asset_id if bucket.view >= View.ALBUMS else row.content_id


def photo_named(session: Session, bucket: Bucket, name: str) -> PhotoRow | None:
    """Return the photo that the folder shows under exactly this name, or that `name~short.ext` names.

    The suffixed form finds a photo even where its plain name is shown; the row carries the shown name.
    """
    suffix = names.split_suffix(name)
    if suffix is not None:
        row = session.row(PHOTO_BY_SHORT[shape_of(bucket)], (*bucket, suffix[1]))
        return _photo(row, bucket.view) if row is not None and _suffixed(row) == name else None
    return next((row for row in _by_fold(session, bucket, names.fold(name)) if row.name == name), None)


def photo_folded(session: Session, bucket: Bucket, name: str) -> PhotoRow | None:
    """Like `photo_named`, but for clients to whom case and Unicode form mean nothing. Never ambiguous."""
    wanted = names.fold(name)
    suffix = names.split_suffix(name)
    if suffix is not None:
        row = session.row(PHOTO_BY_SHORT[shape_of(bucket)], (*bucket, suffix[1]))
        return _photo(row, bucket.view) if row is not None and names.fold(_suffixed(row)) == wanted else None
    return next((row for row in _by_fold(session, bucket, wanted) if names.fold(row.name) == wanted), None)


def photo_by_content(session: Session, content_id: ContentId) -> PhotoRow | None:
    """Return the photo whose current bytes these are, if any folder can show it: also behind a cover, or trashed.

    Its name is the suffixed one: no folder is meant.
    """
    return _anywhere(session, "a.content_id = ? AND a.state IN ('shown', 'trashed')", content_id)


def photo_by_uid(session: Session, uid: str) -> PhotoRow | None:
    """Return the photo of exactly this uid, shown or not; an alias leads to the asset it merged into."""
    row = session.row(ASSET_BY_SHORT, (uid[:SHORT_LENGTH],))
    if row is None or row[1] != uid:
        return None
    return photo_by_asset(session, AssetId(row[2] or row[0]))


def photo_by_asset(session: Session, asset_id: AssetId) -> PhotoRow | None:
    """Return a photo, shown or not; None for an alias."""
    return _anywhere(session, "a.id = ?", asset_id)


def buckets_of_view(
    session: Session, view: int, low_key: int | None = None, high_key: int | None = None
) -> list[BucketRow]:
    """Return the non-empty leaf folders of a view, by key and sub; both bounds of the key belong to the range."""
    low, high = (-(2**63) if low_key is None else low_key), (2**63 - 1 if high_key is None else high_key)
    return [BucketRow(*row) for row in session.rows(BUCKETS_OF_VIEW, (view, low, high))]


def view_changed_ns(session: Session, view: int) -> int:
    """Return when anything in a view last changed; 0 = it never held a photo."""
    return int(session.value("SELECT max(changed_ns) FROM bucket WHERE view = ?", (view,)) or 0)


def camera_label(session: Session, camera_id: int) -> str:
    """Return what a camera's folder is called.

    Raises:
        NotFound: no such camera.
    """
    label = session.value("SELECT label FROM camera WHERE id = ?", (camera_id,))
    if label is None:
        raise NotFound(f"there is no camera number {camera_id}", camera=camera_id)
    return str(label)


def camera_labelled(session: Session, label: str) -> int | None:
    """Return the camera whose folder is called exactly so, or None."""
    row = session.row("SELECT id, label FROM camera WHERE fold = ?", (names.fold(label),))
    return int(row[0]) if row is not None and row[1] == label else None


def root_directory(session: Session, volume_id: VolumeId) -> DirectoryRow | None:
    """Return the root directory of a volume; None = no such volume."""
    return _directory(session, "volume_id = ? AND path = x''", volume_id)


def directory_by_id(session: Session, directory_id: DirectoryId) -> DirectoryRow | None:
    """Return a present directory, or None."""
    return _directory(session, "id = ? AND state = 'present'", directory_id)


def location_by_id(session: Session, location_id: LocationId) -> OriginalRow | None:
    """Return a present file as Originals/ shows it, or None."""
    row = session.row(ORIGINAL_FILE + " WHERE l.id = ? AND l.state = 'present'", (location_id,))
    return None if row is None else _original_file(row)


def originals_in(
    session: Session, directory_id: DirectoryId, after: int = 0, limit: int = NO_LIMIT
) -> list[OriginalRow]:
    """Return the entries of a directory behind a cookie: directories by id, then files by id."""
    found: list[OriginalRow] = []
    if after < FILE_COOKIES:
        found = [
            _original_directory(row)
            for row in session.rows(ORIGINAL_DIRECTORIES, (directory_id, after, limit))
        ]
    room = limit if limit < 0 else limit - len(found)
    if room != 0:
        rows = session.rows(ORIGINAL_FILES, (directory_id, max(0, after - FILE_COOKIES), room))
        found.extend(_original_file(row) for row in rows)
    return found


def original_named(session: Session, directory_id: DirectoryId, name: bytes) -> OriginalRow | None:
    """Return the entry of exactly this raw name, or None."""
    row = session.row(ORIGINAL_FILE_NAMED, (directory_id, name))
    if row is not None:
        return _original_file(row)
    row = session.row(ORIGINAL_DIRECTORY_NAMED, (directory_id, name))
    return None if row is None else _original_directory(row)


def original_cookie(row: OriginalRow) -> int:
    """Return where a listing goes on after this entry: `originals_in(…, after=cookie)`."""
    return row.directory_id if row.directory_id is not None else (row.location_id or 0) + FILE_COOKIES


def open_target_of_content(session: Session, content_id: ContentId) -> OpenTarget | None:
    """Return where these bytes are: the first seen present file on an online volume, else on any volume.

    None = no file holds them now.
    """
    row = session.row(OPEN_CONTENT, (content_id,))
    return None if row is None else OpenTarget(*row)


def open_target_of_location(session: Session, location_id: LocationId) -> OpenTarget | None:
    """Return where this file is; None = it is missing."""
    row = session.row(OPEN_LOCATION, (location_id,))
    return None if row is None else OpenTarget(*row)


# asset(short) is unique: the implicit index of the column.
ASSET_BY_SHORT = "SELECT id, uid, merged_into FROM asset WHERE short = ?"
# bucket's primary key.
BUCKETS_OF_VIEW = (
    "SELECT b.view, b.key, b.sub, b.count, b.changed_ns, b.generation, k.label FROM bucket AS b"
    f" LEFT JOIN camera AS k ON b.view = {int(View.CAMERAS)} AND k.id = b.key"
    " WHERE b.view = ? AND b.key BETWEEN ? AND ? AND b.count > 0 ORDER BY b.key, b.sub"
)
ORIGINAL_FILE = (
    "SELECT l.name, l.id, l.size, l.mtime_ns, l.ctime_ns, l.content_id, c.mime, c.hash FROM location AS l"
    " LEFT JOIN content AS c ON c.id = l.content_id"
)
# index location_directory
ORIGINAL_FILES = (
    ORIGINAL_FILE + " WHERE l.directory_id = ? AND l.state = 'present' AND l.id > ? ORDER BY l.id LIMIT ?"
)
# location(directory_id, name) is unique
ORIGINAL_FILE_NAMED = ORIGINAL_FILE + " WHERE l.directory_id = ? AND l.name = ? AND l.state = 'present'"
_ORIGINAL_DIRECTORY = "SELECT name, id, mtime_ns, changed_ns FROM directory"
# index directory_parent
ORIGINAL_DIRECTORIES = (
    _ORIGINAL_DIRECTORY + " WHERE parent_id = ? AND state = 'present' AND id > ? ORDER BY id LIMIT ?"
)
# index directory_name
ORIGINAL_DIRECTORY_NAMED = _ORIGINAL_DIRECTORY + " WHERE parent_id = ? AND name = ? AND state = 'present'"
_OPEN = (
    "SELECT v.id, v.name, v.state, v.backend, v.root,"
    " CASE d.path WHEN x'' THEN l.name ELSE CAST(d.path || '/' || l.name AS BLOB) END,"
    " l.size, l.mtime_ns, l.ctime_ns, l.inode, json_extract(v.identity, '$.instance'),"
    # primary key of nested_mount: a handful of rows of this volume
    " EXISTS (SELECT 1 FROM nested_mount AS n WHERE n.volume_id = v.id AND n.state = 'away'"
    " AND substr(d.path, 1, length(n.path)) = n.path"
    " AND substr(d.path, length(n.path) + 1, 1) IN (x'', x'2F')) FROM location AS l"
    " CROSS JOIN directory AS d ON d.id = l.directory_id CROSS JOIN volume AS v ON v.id = l.volume_id"
)
# index location_content; the first candidate ends the search
OPEN_CONTENT = (
    _OPEN + " WHERE l.id = coalesce((SELECT id FROM location WHERE content_id = ?1 AND state = 'present'"
    " AND volume_id IN (SELECT id FROM volume WHERE state = 'online') ORDER BY id LIMIT 1),"
    " (SELECT id FROM location WHERE content_id = ?1 AND state = 'present' ORDER BY id LIMIT 1))"
)
OPEN_LOCATION = _OPEN + " WHERE l.id = ? AND l.state = 'present'"


def _by_fold(session: Session, bucket: Bucket, fold: str) -> list[PhotoRow]:
    owner = session.value(CLAIM_OWNER, (*bucket, fold))
    if owner is not None:
        row = session.row(PHOTO_OF_CLAIM[shape_of(bucket)], (*bucket, owner))
        return [_photo(row, bucket.view)] if row is not None else []
    rows = session.rows(PHOTOS_BY_FOLD[shape_of(bucket)], (*bucket, fold))
    return [_photo(row, bucket.view) for row in rows]


def _anywhere(session: Session, condition: str, key: int) -> PhotoRow | None:
    row = session.row(
        "SELECT a.id, a.content_id, a.uid, a.short, a.name, 1, a.size, a.mtime_ns, a.changed_ns, a.mime, c.hash, NULL"
        f" FROM asset AS a JOIN content AS c ON c.id = a.content_id WHERE {condition}",
        (key,),
    )
    return None if row is None else _photo(row, NO_VIEW)


def _suffixed(row: Row) -> str:
    return names.with_suffix(row[4], row[3])


def _photo(row: Row, view: int) -> PhotoRow:
    asset_id, content_id, uid, short, name, is_suffixed, size, mtime_ns, changed_ns, mime, digest, owner = row
    is_plain = not is_suffixed and (owner is None or owner == asset_id)
    if is_plain and view in SUFFIXING_VIEWS:
        is_plain = looks_like_media(names.fold(name))
    shown = name if is_plain else names.with_suffix(name, short)
    return PhotoRow(
        AssetId(asset_id),
        ContentId(content_id),
        Uid(uid),
        shown,
        size,
        mtime_ns,
        changed_ns,
        mime,
        _hash(digest),
    )


def _hash(value: Any) -> ContentHash | None:
    return None if value is None else ContentHash(value)


def _directory(session: Session, condition: str, key: int) -> DirectoryRow | None:
    row = session.row(
        f"SELECT id, volume_id, parent_id, path, mtime_ns, changed_ns FROM directory WHERE {condition}",
        (key,),
    )
    return None if row is None else DirectoryRow(*row)


def _original_directory(row: Row) -> OriginalRow:
    name, directory_id, mtime_ns, changed_ns = row
    return OriginalRow(name, DirectoryId(directory_id), None, 0, mtime_ns, changed_ns, None, None, None)


def _original_file(row: Row) -> OriginalRow:
    name, location_id, size, mtime_ns, ctime_ns, content_id, mime, digest = row
    content = None if content_id is None else ContentId(content_id)
    return OriginalRow(
        name, None, LocationId(location_id), size, mtime_ns, ctime_ns, content, mime, _hash(digest)
    )
