"""Why a photo, or a file, is missing: every place, since when, what the missing rule says of it now, and what holds it back.

Charter 8. The rule is asked as `daemon.missing` asks it (`catalog.store.missing_places`), with the states that the catalog knows.
Reads only.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any, NamedTuple

from catalog.absence_rule import judge
from catalog.errors import NotFound
from catalog.ids import AssetId, LocationId, VolumeId
from catalog.store.db import Session
from catalog.store.derive import Inputs
from catalog.store.explain import inputs_of, uid_of
from catalog.store.missing_places import library_hold, missing_place
from catalog.store.texts import instant_text
from catalog.store.volumes import nested_mounts, volume_by_id
from catalog.values import Volume

Document = dict[str, Any]

_UNREACHABLE = ("suspect", "offline", "disabled", "retired")
_PLACE = (
    "SELECT l.id, v.id, v.name, v.state, v.state_reason, v.forgotten_ns, d.path, l.name, {}, l.missing_since_ns,"
    " l.first_seen_ns, p.ended_ns, p.journal_id FROM {}"
    " CROSS JOIN directory AS d ON d.id = l.directory_id CROSS JOIN volume AS v ON v.id = l.volume_id"
    " LEFT JOIN purge AS p ON l.state = 'missing'"
    " AND p.id = (SELECT max(q.id) FROM purge AS q WHERE q.location_id = l.id AND q.state = 'done')"
)
# index location_content
PLACES = _PLACE.format("l.state", "location AS l") + " WHERE l.content_id = ? ORDER BY l.id"
LAST_PLACE = (
    _PLACE.format("'replaced'", "content AS c CROSS JOIN location AS l ON l.id = c.last_location_id")
    + " WHERE c.id = ?"
)
# the indexes behind UNIQUE of directory and location
PLACE_AT = (
    _PLACE.replace("CROSS JOIN directory AS d ON d.id = l.directory_id ", "").format(
        "l.state", "directory AS d CROSS JOIN location AS l ON l.directory_id = d.id"
    )
    + " WHERE d.volume_id = ? AND d.path = ? AND l.name = ?"
)
CURRENT_OF = (
    "SELECT c.asset_id, a.content_id IS c.id FROM location AS l CROSS JOIN content AS c ON c.id = l.content_id"
    " CROSS JOIN asset AS a ON a.id = c.asset_id WHERE l.id = ?"
)


class _Place(NamedTuple):
    location_id: LocationId
    volume_id: VolumeId
    volume: str
    volume_state: str
    volume_reason: str | None
    forgotten_ns: int | None
    directory: bytes
    name: bytes
    state: str
    missing_since_ns: int | None
    first_seen_ns: int
    removed_ns: int | None
    journal_id: int | None

    @property
    def path(self) -> bytes:
        return self.directory + b"/" + self.name if self.directory else self.name


def explain_missing(session: Session, asset_id: AssetId, now_ns: int) -> Document:
    """Return whether some file still holds a photo's bytes, and every place where they were seen.

    A place says since when it is gone, how many complete scans began since, what the missing rule says of its row at
    `now_ns` and why, the state of its volume and the reason for it, and the file system whose absence hides it.

    Raises:
        NotFound: no such photo.
    """
    one = inputs_of(session, asset_id)
    places = _places_of(session, one)
    return {
        "uid": uid_of(session, asset_id),
        "name": one.names.name,
        "is_missing": not _present(places),
        "rule": _absence_rule(places),
        "places": [_document(session, place, now_ns) for place in places],
    }


def explain_missing_path(session: Session, volume_id: VolumeId, path: bytes, now_ns: int) -> Document | None:
    """Return the same about one file of a volume, there or gone; None = nothing is known of it (any more).

    `uid` and `name` are those of the photo whose bytes it holds, or held last; NULL where it is no photo. `is_missing` is
    the file's.
    """
    directory, _, name = path.rpartition(b"/")
    row = session.row(PLACE_AT, (volume_id, directory, name))
    if row is None:
        return None
    place = _Place._make(row)
    asset_id, is_current = session.row(CURRENT_OF, (place.location_id,)) or (None, 0)
    one = inputs_of(session, asset_id) if asset_id is not None else None
    return {
        "uid": None if asset_id is None else uid_of(session, asset_id),
        "name": None if one is None else one.names.name,
        "is_missing": place.state != "present",
        "rule": _path_rule(session, place, one if is_current else None),
        "places": [_document(session, place, now_ns)],
    }


def why_nowhere(session: Session, one: Inputs) -> tuple[str, str | None]:
    """Tell why no file holds a photo's bytes, and since when, for `why hidden`."""
    places = _places_of(session, one)
    since_ns = max((one.missing_since_ns for one in places if one.missing_since_ns is not None), default=None)
    return _absence_rule(places), None if since_ns is None else instant_text(since_ns)


def _places_of(session: Session, one: Inputs) -> list[_Place]:
    content_id = one.columns.content_id
    places = session.rows(PLACES, (content_id,)) or session.rows(LAST_PLACE, (content_id,))
    return [_Place._make(row) for row in places]


def _present(places: Sequence[_Place]) -> list[_Place]:
    return [place for place in places if place.state == "present"]


def _absence_rule(places: Sequence[_Place]) -> str:
    present = _present(places)
    if not present:
        if any(place.removed_ns is not None for place in places):
            return "it was in the trash, and a purge removed its file"
        if any(place.state == "replaced" for place in places):
            return "the file that held its bytes holds others now, and no other file is known to hold them"
        if all(place.forgotten_ns is not None for place in places):
            return "its owner forgot the volume where it was last seen"
        return "no file that held its bytes was there when its directory was last listed"
    if all(place.volume_state in _UNREACHABLE for place in present):
        return "it is not missing: its volume cannot be read now, and absence of a volume is not deletion"
    return "it is not missing: a file holds its bytes"


def _path_rule(session: Session, place: _Place, photo: Inputs | None) -> str:
    if place.state == "present":
        if place.volume_state in _UNREACHABLE:
            return "it is not missing: its volume cannot be read now, and absence of a volume is not deletion"
        return "it is not missing: it was there when its directory was last listed"
    if place.removed_ns is not None:
        return "it was in the trash, and a purge removed it"
    if photo is not None and _present(_places_of(session, photo)):
        return "two looks did not find it; the photo is not missing: another file holds its bytes"
    return "two looks at its directory did not find it, while its volume was there"


def _document(session: Session, place: _Place, now_ns: int) -> Document:
    text = place.path.decode("utf-8", "replace")
    is_exact = text.encode() == place.path
    return {
        "volume": place.volume,
        "volume_state": place.volume_state,
        "volume_reason": place.volume_reason,
        "is_forgotten": place.forgotten_ns is not None,
        "mount_away": _mount_away(session, place),
        "path": text,
        "path_b64": None if is_exact else base64.b64encode(place.path).decode("ascii"),
        "state": place.state,
        "missing_since": None if place.missing_since_ns is None else instant_text(place.missing_since_ns),
        "first_seen": instant_text(place.first_seen_ns),
        "removed": None
        if place.removed_ns is None
        else {"at": instant_text(place.removed_ns), "journal": place.journal_id},
        **_judgement(session, place, now_ns),
    }


def _mount_away(session: Session, place: _Place) -> str | None:
    for mount in nested_mounts(session, place.volume_id):
        if mount.is_away and (place.path == mount.path or place.path.startswith(mount.path + b"/")):
            return mount.path.decode("utf-8", "replace")
    return None


def _judgement(session: Session, place: _Place, now_ns: int) -> Document:
    """Return what the missing rule says of the row now; nothing about a file that is there."""
    if place.missing_since_ns is None or place.state == "replaced":
        return {"full_scans": None, "verdict": None, "reason": None}
    known = missing_place(
        session,
        _volume(session, place),
        place.volume_id,
        place.location_id,
        library_hold=library_hold(session),
        now_ns=now_ns,
    )
    judged = judge(known.absence, now_ns)
    return {"full_scans": known.absence.full_scans, "verdict": judged.verdict, "reason": judged.reason}


def _volume(session: Session, place: _Place) -> Volume | None:
    try:
        return volume_by_id(session, place.volume_id)
    except NotFound:
        return None  # forgotten
