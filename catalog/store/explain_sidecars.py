"""Why, for foreign sidecars: which were read for a photo, what each says, which one counts; for a sidecar whose it is.

Reads only. What photo documents tell of sidecars comes from here too.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from catalog.facts import Descriptive, Facts
from catalog.ids import AssetId, LocationId, VolumeId
from catalog.sidecars.binding import RULES
from catalog.store.db import Row, Session
from catalog.store.facts_codec import facts_from_text
from catalog.store.sidecar_words import scalars_of
from catalog.store.texts import instant_text

Document = dict[str, Any]
TOOL = "sidecar"
_TOLD_OF_DOCTOR = 20
# Rules of `sidecar_photo` that are not of the binding.
_WORDS: dict[str, str] = {
    **{str(rule): words for rule, words in RULES.items()},
    "version": "it is about a duplicate of the photo in another program, which has a sidecar of its own: it says nothing",
    "maybe": "it could be about this photo or another one: nobody knows, so it says nothing",
    "former": "it was about this photo, and is about none now: what it said stays",
}
_STATES = {
    "due": "to be read",
    "done": "read",
    "failed": "could not be read",
    "unbound": "about no photo that is known",
}
_COLUMNS = (
    "s.location_id, s.form, s.state, s.version, s.reason, s.overruled, s.author, s.said, s.read_ns, v.name,"
    " CASE d.path WHEN x'' THEN l.name ELSE CAST(d.path || '/' || l.name AS BLOB) END, l.state, l.size"
)
_PLACED = (
    " CROSS JOIN location AS l ON l.id = s.location_id CROSS JOIN directory AS d ON d.id = l.directory_id"
    " CROSS JOIN volume AS v ON v.id = l.volume_id"
)
# sidecar_photo's primary key
OF_PHOTOS = (
    f"SELECT p.asset_id, p.rule, {_COLUMNS} FROM json_each(?) AS wanted CROSS JOIN sidecar_photo AS p"
    f" ON p.asset_id = wanted.value CROSS JOIN sidecar AS s ON s.location_id = p.location_id{_PLACED}"
)
# index sidecar_photo_location
PHOTOS_OF = (
    "SELECT a.uid, a.name, p.rule FROM sidecar_photo AS p CROSS JOIN asset AS a ON a.id = p.asset_id"
    " WHERE p.location_id = ? ORDER BY p.asset_id"
)
# index sidecar_trouble
TROUBLE = (
    f"SELECT {_COLUMNS} FROM sidecar AS s INDEXED BY sidecar_trouble{_PLACED}"
    " WHERE (s.state IN ('failed', 'unbound') OR s.overruled IS NOT NULL) AND l.state = 'present'"
)


class _Row(NamedTuple):
    location_id: LocationId
    form: str
    state: str
    version: int
    reason: str | None
    overruled: str | None
    author: str | None
    said: str | None
    read_ns: int | None
    volume: str
    path: bytes
    location_state: str
    size: int

    @property
    def is_there(self) -> bool:
        return self.location_state == "present"


class Beside(NamedTuple):
    """What a photo document tells of sidecars. `paths`: `volume:path` of those that are there, in the order of sight."""

    paths: list[str]
    findings: list[Document]


NO_SIDECARS = Beside([], [])


def beside(session: Session, asset_ids: Sequence[AssetId]) -> dict[AssetId, Beside]:
    """Return what documents of photos tell of their sidecars; photos without any are left out."""
    found: dict[AssetId, Beside] = {}
    for asset_id, rule, *columns in session.rows(OF_PHOTOS, (json.dumps(list(asset_ids)),)):
        row = _row(columns)
        if not row.is_there:
            continue
        of_photo = found.setdefault(AssetId(asset_id), Beside([], []))
        if rule != "maybe":
            of_photo.paths.append(_place(row))
        if row.reason is not None:
            reason = f"{_text(row.path.rpartition(b'/')[2])}: {row.reason}"
            of_photo.findings.append({"tool": TOOL, "version": str(row.version), "reason": reason})
    return found


def explain_photo_sidecars(session: Session, asset_id: AssetId) -> Document:
    """Return every sidecar that is, was or could be about a photo: what it says, and whether that counts."""
    uid, name = session.rows("SELECT uid, name FROM asset WHERE id = ?", (asset_id,))[0]
    rows = session.rows(OF_PHOTOS, (json.dumps([asset_id]),))
    sidecars = [
        {
            **_told(_row(columns)),
            "rule": rule,
            "why": _WORDS[rule],
            "statements": _statements(session, asset_id, columns[6]),
        }
        for _, rule, *columns in rows
    ]
    return {"uid": uid, "name": name, "sidecars": sidecars}


def explain_sidecar(session: Session, volume_id: VolumeId, path: bytes) -> Document | None:
    """Return whose a sidecar is, and why; None if there is no sidecar of this path on the volume."""
    directory, _, name = path.rpartition(b"/")
    rows = session.rows(
        f"SELECT {_COLUMNS} FROM directory AS d CROSS JOIN location AS l ON l.directory_id = d.id AND l.name = ?"
        " CROSS JOIN sidecar AS s ON s.location_id = l.id CROSS JOIN volume AS v ON v.id = l.volume_id"
        " WHERE d.volume_id = ? AND d.path = ?",
        (name, volume_id, directory),
    )
    if not rows:
        return None
    row = _row(rows[0])
    photos = [
        {"uid": uid, "name": photo, "rule": rule, "why": _WORDS[rule]}
        for uid, photo, rule in session.rows(PHOTOS_OF, (row.location_id,))
    ]
    return {**_told(row), "photos": photos}


class Trouble(NamedTuple):
    """Sidecars about which somebody should know: how many of each kind, and the first of them in words."""

    failed: int
    unbound: int
    overruled: int
    told: list[str]


def trouble(session: Session) -> Trouble:
    """Return the sidecars that are there and could not be read, are about nobody, or are contradicted by another."""
    counts = {"failed": 0, "unbound": 0, "overruled": 0}
    told: list[str] = []
    for columns in sorted(session.rows(TROUBLE)):
        row = _row(columns)
        kind = row.state if row.state in counts else "overruled"
        counts[kind] += 1
        if len(told) < _TOLD_OF_DOCTOR:
            reason = row.reason or f"another sidecar says otherwise: {row.overruled}"
            told.append(f"{_place(row)} ({reason})")
    return Trouble(**counts, told=told)


def _row(columns: Sequence[Any]) -> _Row:
    row = _Row(*columns)
    return row._replace(path=bytes(row.path))


def _place(row: _Row) -> str:
    return f"{row.volume}:{_text(row.path)}"


def _text(path: bytes) -> str:
    return path.decode("utf-8", "replace")


def _told(row: _Row) -> Document:
    text = _text(row.path)
    return {
        "volume": row.volume,
        "path": text,
        "path_b64": None if text.encode() == row.path else base64.b64encode(row.path).decode("ascii"),
        "form": row.form,
        "state": row.state if row.is_there else "missing",
        "message": _message(row),
        "reason": row.reason,
        "overruled": row.overruled.split(", ") if row.overruled else [],
        "read_at": None if row.read_ns is None else instant_text(row.read_ns),
        "author": row.author,
        "says": None if row.said is None else _says(facts_from_text(row.said)),
    }


def _message(row: _Row) -> str:
    if not row.is_there:
        return "it is gone; what it said stays"
    if row.size == 0:
        return "it is empty: it is as if there were none"
    if row.state == "done" and row.said is None:
        return "it is no sidecar: another program's JSON"
    return _STATES[row.state]


def _says(facts: Facts) -> Document:
    """Return what it says, whether that counts or not; without what it does not speak of."""
    said = facts.descriptive or Descriptive()
    values: Document = {
        **scalars_of(facts),
        "tags": list(said.tags) or None,
        "people": list(said.people) or None,
        "faces": len(said.faces) or None,
        "dates": {one.source: one.local or one.raw for one in facts.candidates} or None,
        **{name: facts.extra.get(name) for name in _EXTRA},
    }
    return {name: value for name, value in values.items() if value is not None}


# What is told and moves nothing: whose it is, and what another program did with its photo.
_EXTRA = ("for_extension", "derived_from", "original_name", "trashed", "archived")


def _statements(session: Session, asset_id: AssetId, author: str | None) -> list[str]:
    """Return the properties of a photo about which a sidecar is heard, by name, each once."""
    rows: Iterator[Row] = iter(
        session.rows(
            "SELECT DISTINCT property FROM statement WHERE asset_id = ? AND source = 'sidecar' AND author = ?"
            " ORDER BY property",
            (asset_id, author),
        )
    )
    return [name for (name,) in rows]
