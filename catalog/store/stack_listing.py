"""Stacks as documents: who is in them, who stands for them, and why (charter 8). Reads only."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from catalog.ids import AssetId
from catalog.stacks import Evidence, group
from catalog.store.db import Session
from catalog.store.stack_candidates import read_candidates

Document = dict[str, Any]
PAGE = 100
_US_PER_S = 1_000_000
_WHY: dict[str, str] = {
    "identifier": "the same content identifier, in one folder",
    "burst": "names of one burst, in one folder, by one camera",
    "raw": "a RAW and a photo of the same name, by one camera",
    "variant": "a phone's renditions of one shot by their names, in one folder, by one camera",
    "edit": "an edit or a copy by its name or folder, by one camera, taken in the same second",
    "name": "a photo and a short movie of the same name, in one folder",
}
_SAID = (
    ("user", "somebody put them into one stack"),
    ("version", "versions of one photo: the bytes of a former one turned up beside the present one"),
)
MEMBERS = (
    "SELECT s.id, s.uid, s.kind, s.origin, a.id, a.uid, a.name, a.state = 'shown' AND a.cover_id IS NULL, a.state"
    " FROM json_each(?) AS wanted CROSS JOIN stack AS s ON s.id = wanted.value"
    " CROSS JOIN asset AS a INDEXED BY asset_stack ON a.stack_id = s.id ORDER BY s.id, a.id"
)
STACKS_WITH = (
    "SELECT s.id, s.uid, s.origin, a.id FROM (SELECT DISTINCT m.stack_id AS id FROM json_each(?) AS wanted"
    " CROSS JOIN asset AS m ON m.id = wanted.value WHERE m.stack_id IS NOT NULL) AS found"
    " CROSS JOIN stack AS s ON s.id = found.id"
    " CROSS JOIN asset AS a INDEXED BY asset_stack ON a.stack_id = s.id ORDER BY s.id, a.id"
)
COVERS_AMONG = (
    "SELECT a.id FROM json_each(?) AS wanted CROSS JOIN asset AS a ON a.id = wanted.value"
    " WHERE a.stack_id IS NOT NULL AND EXISTS (SELECT 1 FROM asset AS m INDEXED BY asset_stack"
    " WHERE m.stack_id = a.stack_id AND m.cover_id = a.id)"
)
# index asset_stack, in order: stops at the page's end
STACKS_AFTER = (
    "SELECT stack_id FROM asset INDEXED BY asset_stack WHERE stack_id > ? GROUP BY stack_id HAVING count(*) > 1"
    " ORDER BY stack_id LIMIT ?"
)


class StackRow(NamedTuple):
    """A stack with members, as an edit needs it; members by age, a single one as well."""

    id: int
    uid: str
    origin: str
    members: tuple[AssetId, ...]


def stacks_with(session: Session, asset_ids: Collection[AssetId]) -> list[StackRow]:
    """Return the stacks that these photos are in, oldest first, whatever anybody's state."""
    rows = session.rows(STACKS_WITH, (json.dumps(list(asset_ids)),))
    members: dict[tuple[int, str, str], list[AssetId]] = {}
    for stack_id, uid, origin, asset_id in rows:
        members.setdefault((stack_id, uid, origin), []).append(AssetId(asset_id))
    return [StackRow(*key, tuple(found)) for key, found in members.items()]


def covers_among(session: Session, asset_ids: Collection[AssetId]) -> set[AssetId]:
    """Return those behind whom another photo of their stack stands in views."""
    return {AssetId(row[0]) for row in session.rows(COVERS_AMONG, (json.dumps(list(asset_ids)),))}


def stacks(session: Session, after: int = 0, limit: int = PAGE) -> list[Document]:
    """Return stacks of at least two photos, whatever their state, in the order of their rows; `row` pages on.

    Each: `{row, id, kind, origin, cover, members, why}`, see `stack_of`.
    """
    ids = [int(row[0]) for row in session.rows(STACKS_AFTER, (after, limit))]
    return [_explained(session, one) for one in _read(session, ids).values()]


def stack_of(session: Session, asset_id: AssetId) -> Document | None:
    """Return the stack of a photo, or None.

    Returns:
        `row` its row, `id` its uid, `kind` live, burst, raw, variant, edit or manual, `origin` rule or user,
        `cover` uid of who stands for it in views (None: nobody is shown), `members [{uid, name, state}]` by age,
        `why [{rule, photos, evidence}]` what united them: rule user = somebody said so, version = see `lineage`.
    """
    stack_id = session.value("SELECT stack_id FROM asset WHERE id = ?", (asset_id,))
    found = _read(session, [] if stack_id is None else [int(stack_id)])
    return next((_explained(session, one) for one in found.values()), None)


def _read(session: Session, stack_ids: Sequence[int]) -> dict[int, Document]:
    """Return row -> document without `why`; a stack of one is none."""
    found: dict[int, Document] = {}
    for row in session.rows(MEMBERS, (json.dumps(list(stack_ids)),)):
        stack_id, uid, kind, origin, asset_id, asset_uid, name, is_cover, state = row
        one = found.setdefault(
            stack_id,
            {
                "row": stack_id,
                "id": uid,
                "kind": kind,
                "origin": origin,
                "cover": None,
                "members": [],
                "ids": [],
            },
        )
        one["members"].append({"uid": asset_uid, "name": name, "state": state})
        one["ids"].append(AssetId(asset_id))
        if is_cover:
            one["cover"] = asset_uid
    return {stack_id: one for stack_id, one in found.items() if len(one["members"]) > 1}


def _explained(session: Session, one: Document) -> Document:
    ids: list[AssetId] = one.pop("ids")
    uid_of = {asset_id: member["uid"] for asset_id, member in zip(ids, one["members"], strict=True)}
    why: list[Document] = []
    if one["origin"] == "user":
        why += _said(session, one["id"], uid_of)
        # What the program said of versions is no person's word, though it is said in the same way.
        one = {**one, "origin": "user" if one["kind"] == "manual" else "rule"}
    # The stack alone tells what united it: nobody outside of it can add evidence.
    for found in group(read_candidates(session, ids)):
        why += [_evidence(evidence, uid_of) for evidence in found.evidence]
    return {**one, "why": why}


def _said(session: Session, uid: str, uid_of: dict[AssetId, str]) -> list[Document]:
    rows = session.rows(
        "SELECT DISTINCT s.source <> 'user', s.asset_id FROM json_each(?) AS wanted"
        " CROSS JOIN statement AS s ON s.asset_id = wanted.value"
        " WHERE s.property = 'stack' AND json_extract(s.value, '$') = ? ORDER BY 1, 2",
        (json.dumps(list(uid_of)), uid),
    )
    photos: dict[int, list[str]] = {}
    for by_machine, asset_id in rows:
        photos.setdefault(by_machine, []).append(uid_of[AssetId(asset_id)])
    return [
        {"rule": _SAID[by_machine][0], "photos": sorted(said), "evidence": _SAID[by_machine][1]}
        for by_machine, said in photos.items()
    ]


def _evidence(evidence: Evidence, uid_of: dict[AssetId, str]) -> Document:
    apart = f"{evidence.apart_us / _US_PER_S:.3f}".rstrip("0").rstrip(".")
    return {
        "rule": evidence.rule,
        "photos": [uid_of[member] for member in evidence.members],
        "evidence": f"{_WHY[evidence.rule]}; {apart} s apart",
    }
