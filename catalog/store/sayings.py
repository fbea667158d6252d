"""What is said about photos, read in bulk: which photos uids name, what rules about them, who was given a thing.

For those who carry commands out; reads the tables of statements and of things. A hundred thousand photos are one query.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from catalog.errors import NotFound
from catalog.ids import AssetId, Uid
from catalog.labels import shown
from catalog.layer import Statement, winner
from catalog.store import things
from catalog.store.db import Session
from catalog.store.embedded_names import assets_naming


def assets_of_uids(session: Session, uids: Iterable[str]) -> dict[AssetId, Uid]:
    """Return asset -> uid of these photos in order, each once; an alias leads to the photo it was merged into.

    Raises:
        NotFound: names the first uid that is no photo's.
    """
    rows = session.rows(
        "SELECT wanted.value, c.id, c.uid FROM json_each(?) AS wanted"
        " LEFT JOIN asset AS a ON a.short = substr(wanted.value, 1, 6) AND a.uid = wanted.value"
        " LEFT JOIN asset AS c ON c.id = ifnull(a.merged_into, a.id) ORDER BY wanted.id",
        (json.dumps(list(uids)),),
    )
    found: dict[AssetId, Uid] = {}
    for wanted, asset_id, uid in rows:
        if asset_id is None:
            raise NotFound(f"there is no photo {shown(str(wanted))}", photo=str(wanted))
        found[AssetId(asset_id)] = Uid(uid)
    return found


def assets_with(session: Session, kind: str, uids: Sequence[str]) -> set[AssetId]:
    """Return the photos that have one of these things, or what was merged into it, by somebody's word or their bytes'."""
    elements = things.members_of_class(session, kind, uids)
    wanted = json.dumps(elements)
    if kind == "stack":
        rows = session.rows(
            "SELECT asset_id FROM statement WHERE property = 'stack' AND element = ''"
            " AND json_extract(value, '$') IN (SELECT value FROM json_each(?))",
            (wanted,),
        )
    else:
        rows = session.rows(
            "SELECT DISTINCT s.asset_id FROM json_each(?) AS wanted CROSS JOIN statement AS s"
            " ON s.property = ? AND s.element = wanted.value WHERE s.value <> 'false'",
            (wanted, kind),
        )
    found = {AssetId(asset_id) for (asset_id,) in rows}
    naming = assets_naming(session, kind, elements)
    if naming:
        found.update(set(naming) - _denying(session, kind, elements))
    if kind == "person":
        found.update(assets_with_face(session, elements))
    return found


def _denying(session: Session, kind: str, elements: Sequence[str]) -> set[AssetId]:
    rows = session.rows(
        "SELECT DISTINCT s.asset_id FROM json_each(?) AS wanted CROSS JOIN statement AS s"
        " ON s.property = ? AND s.element = wanted.value WHERE s.value = 'false'",
        (json.dumps(list(elements)), kind),
    )
    return {AssetId(row[0]) for row in rows}


def assets_with_face(session: Session, persons: Sequence[str]) -> list[AssetId]:
    """Return the photos with a face region of one of these persons (exactly these uids)."""
    rows = session.rows(
        "SELECT DISTINCT asset_id FROM statement WHERE property = 'face' AND CASE WHEN value <> 'false'"
        " THEN json_extract(value, '$.person') END IN (SELECT value FROM json_each(?))",
        (json.dumps(list(persons)),),
    )
    return [AssetId(asset_id) for (asset_id,) in rows]


def ruling(
    session: Session, asset_ids: Sequence[AssetId], name: str, elements: Sequence[str] | None = None
) -> dict[AssetId, dict[str, Statement]]:
    """Return asset -> element -> the statement that rules, of any source.

    Args:
        asset_ids: of these; those without a statement are left out.
        name: of the property.
        elements: only these; None = all.
    """
    rows = session.rows(
        "SELECT s.id, s.asset_id, s.property, s.element, s.value, s.source, s.author, s.made_ns"
        " FROM json_each(?) AS wanted CROSS JOIN statement AS s ON s.asset_id = wanted.value AND s.property = ?"
        + (" WHERE s.element IN (SELECT value FROM json_each(?))" if elements is not None else ""),
        (json.dumps(list(asset_ids)), name, *([json.dumps(list(elements))] if elements is not None else [])),
    )
    found: dict[AssetId, dict[str, Statement]] = {}
    for row in rows:
        said = Statement(row[0], AssetId(row[1]), row[2], row[3], json.loads(row[4]), *row[5:])
        of_asset = found.setdefault(said.asset_id, {})
        rival = of_asset.get(said.element)
        of_asset[said.element] = said if rival is None else winner((said, rival)) or said
    return found


def captures_of(session: Session, asset_ids: Sequence[AssetId]) -> dict[AssetId, tuple[Uid, str | None]]:
    """Return asset -> (uid, JSON of the effective capture time or None before the first facts), in order."""
    rows = session.rows(
        "SELECT a.id, a.uid, a.capture FROM json_each(?) AS wanted CROSS JOIN asset AS a ON a.id = wanted.value"
        " ORDER BY wanted.id",
        (json.dumps(list(asset_ids)),),
    )
    return {AssetId(row[0]): (Uid(row[1]), row[2]) for row in rows}
