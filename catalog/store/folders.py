"""Where static folders are in the tree: buckets as paths, their labels read in bulk. Reads only."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from catalog import names
from catalog.buckets import Bucket, View, is_always_suffixed, path_of
from catalog.ids import AssetId
from catalog.store.db import Session
from catalog.store.inputs import Names

# Labels from the top joined by /. UNION, not UNION ALL: a cycle, which I16 reports, must end here too.
_NESTED = (
    "WITH RECURSIVE up(start, id, parent_id, path) AS ("
    " SELECT t.id, t.id, t.parent_id, t.label FROM json_each(?) AS wanted CROSS JOIN {0} AS t ON t.id = wanted.value"
    " UNION SELECT up.start, t.id, t.parent_id, t.label || '/' || up.path FROM up CROSS JOIN {0} AS t ON t.id = up.parent_id)"
    " SELECT start, path FROM up WHERE parent_id IS NULL"
)
_FLAT = "SELECT t.id, t.label FROM json_each(?) AS wanted CROSS JOIN {0} AS t ON t.id = wanted.value"
LABELS: dict[int, str] = {
    View.CAMERAS: _FLAT.format("camera"),
    View.PEOPLE: _FLAT.format("person"),
    View.STACKS: _FLAT.format("stack"),
    View.ALBUMS: _NESTED.format("album"),
    View.TAGS: _NESTED.format("tag"),
    View.PLACES: _NESTED.format("place"),
}
Labels = Mapping[tuple[int, int], str]


def labels_of(session: Session, buckets: Iterable[Bucket]) -> dict[tuple[int, int], str]:
    """Return (view, key) -> what its folder is called, with the folders above it, for those that have a label."""
    keys: dict[int, set[int]] = {}
    for view, key, _ in buckets:
        if view in LABELS:
            keys.setdefault(view, set()).add(key)
    return {
        (view, row_id): label
        for view, wanted in keys.items()
        for row_id, label in session.rows(LABELS[view], (json.dumps(sorted(wanted)),))
    }


def folder_path(bucket: Bucket, labels: Labels) -> str:
    """Return the path of a folder in the tree, without leading slash."""
    return path_of(bucket, labels.get((bucket.view, bucket.key)))


def has_plain_name(called: Names, bucket: Bucket) -> bool:
    """Tell whether the plain name can be shown in this folder at all."""
    return not called.is_suffixed and not is_always_suffixed(bucket.view, called.fold)


def name_in(asset_id: AssetId, called: Names, bucket: Bucket, owner: AssetId | None) -> str:
    """Return how a photo is called in a folder, of which plain name `owner` holds the claim (None: nobody)."""
    is_plain = has_plain_name(called, bucket) and owner in (None, asset_id)
    return called.name if is_plain else names.with_suffix(called.name, called.short)
