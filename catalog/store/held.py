"""What photos have of tags, persons and faces, whoever says so: statements and bytes together. For those who edit.

Only what somebody can take off again is asked for here, so photos without words in their bytes cost no parsing.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from functools import partial
from typing import Any, Literal

from catalog.ids import AssetId
from catalog.store.db import Session
from catalog.store.embedded_names import named_by_files, uids_of
from catalog.store.facts_codec import facts_from_text
from catalog.store.said import embedded_of, read_words
from catalog.store.sayings import ruling

Held = dict[AssetId, dict[str, Any]]

_READ_AT_ONCE = 2_000
# rows by id
FACTS = (
    "SELECT a.id, c.facts FROM json_each(?) AS wanted CROSS JOIN asset AS a ON a.id = wanted.value"
    " CROSS JOIN content AS c ON c.id = a.facts_id WHERE instr(c.facts, '\"descriptive\":') > 0"
)


def held(
    session: Session,
    asset_ids: Sequence[AssetId],
    name: Literal["tag", "person", "face"],
    elements: Collection[str] | None = None,
) -> Held:
    """Return asset -> element -> value of what photos have: true, or the region.

    Args:
        asset_ids: of these; those that have nothing of it are left out.
        name: of the property.
        elements: only these uids; None = all.
    """
    found = _embedded(session, asset_ids, name, elements)
    wanted = None if elements is None else list(elements)
    for asset_id, of_asset in ruling(session, asset_ids, name, wanted).items():
        having = found.setdefault(asset_id, {})
        for element, said in of_asset.items():
            having.pop(element, None)
            if said.value:
                having[element] = said.value
    return {asset_id: having for asset_id, having in found.items() if having}


def _embedded(
    session: Session, asset_ids: Sequence[AssetId], name: str, elements: Collection[str] | None
) -> Held:
    found: Held = {}
    if name != "face" and elements is not None and not named_by_files(session, name, elements):
        return found
    for start in range(0, len(asset_ids), _READ_AT_ONCE):
        page = json.dumps(asset_ids[start : start + _READ_AT_ONCE])
        facts = {AssetId(row[0]): facts_from_text(row[1]) for row in session.rows(FACTS, (page,))}
        words = read_words(facts.values(), partial(uids_of, session))
        for asset_id, of_asset in facts.items():
            embedded = embedded_of(of_asset, words)
            values = {
                element: embedded.faces[element] if name == "face" else True
                for element in embedded.elements(name)
                if elements is None or element in elements
            }
            if values:
                found[asset_id] = values
    return found
