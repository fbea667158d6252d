"""The rows that follow from the layer, as they stand: effective values, memberships, texts. Read in bulk, written as differences.

Only `assets.Refresh` writes them, `check` compares them. Most photos have neither an effective row nor a membership;
everybody but an alias has a text from birth on (`catalog.store.births`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from catalog.buckets import View
from catalog.ids import AssetId
from catalog.store.db import Session, Writer
from catalog.store.derive import Derived, Member
from catalog.store.said import EFFECTIVE_NAMES, NOTHING, TEXT_NAMES, Effective, Text

# member(asset_id): index member_asset; effective and photo_text by their rowid.
EFFECTIVE_OF = (
    f"SELECT e.asset_id, {', '.join('e.' + name for name in EFFECTIVE_NAMES)}"
    " FROM json_each(?) AS wanted CROSS JOIN effective AS e ON e.asset_id = wanted.value"
)
MEMBERS_OF = (
    "SELECT m.asset_id, m.view, m.key, m.sub, m.is_listed"
    " FROM json_each(?) AS wanted CROSS JOIN member AS m INDEXED BY member_asset ON m.asset_id = wanted.value"
)
TEXT_OF = (
    f"SELECT t.rowid, {', '.join('t.' + name for name in TEXT_NAMES)}"
    " FROM json_each(?) AS wanted CROSS JOIN photo_text AS t ON t.rowid = wanted.value"
)
_MARKS = ", ".join("?" * len(EFFECTIVE_NAMES))
_PUT_EFFECTIVE = (
    f"INSERT OR REPLACE INTO effective (asset_id, {', '.join(EFFECTIVE_NAMES)}) VALUES (?, {_MARKS})"
)
_PUT_MEMBER = "INSERT OR REPLACE INTO member (view, key, sub, is_listed, asset_id) VALUES (?, ?, ?, ?, ?)"
_DROP_MEMBER = "DELETE FROM member WHERE view = ? AND key = ? AND sub = ? AND asset_id = ?"
INSERT_TEXT = (
    f"INSERT INTO photo_text (rowid, {', '.join(TEXT_NAMES)}) VALUES (?, {', '.join('?' * len(TEXT_NAMES))})"
)
_UPDATE_TEXT = f"UPDATE photo_text SET {', '.join(f'{name} = ?' for name in TEXT_NAMES)} WHERE rowid = ?"


_NO_MEMBERS: frozenset[Member] = frozenset()
_WORDY_VIEWS = (int(View.TAGS), int(View.PEOPLE), int(View.PLACES))


@dataclass(slots=True)
class LayerRows:
    """What the three tables hold about some assets; `texts` only of those asked for (None: has none)."""

    effective: dict[AssetId, Effective]
    members: dict[AssetId, frozenset[Member]]
    texts: dict[AssetId, Text | None] = field(default_factory=dict)

    def members_of(self, asset_id: AssetId) -> frozenset[Member]:
        """Return its memberships, mostly none."""
        return self.members.get(asset_id, _NO_MEMBERS)

    def with_words(self, asset_ids: Iterable[AssetId], derived: Mapping[AssetId, Derived]) -> list[AssetId]:
        """Return those whose text holds, or is to hold, more than the name; and those that lose it."""
        found = []
        for asset_id in asset_ids:
            after, before = derived[asset_id].text, self.effective.get(asset_id, NOTHING)
            if (
                after is None
                or any(after[1:])
                or before.title
                or before.description
                or any(member.view in _WORDY_VIEWS for member in self.members_of(asset_id))
            ):
                found.append(asset_id)
        return found

    def read_texts(self, session: Session, asset_ids: Sequence[AssetId]) -> None:
        """Read the texts of these assets."""
        self.texts = dict.fromkeys(asset_ids)
        for row in session.rows(TEXT_OF, (json.dumps(list(asset_ids)),)) if asset_ids else ():
            self.texts[AssetId(row[0])] = Text._make(row[1:])


def read_rows(session: Session, asset_ids: Sequence[AssetId]) -> LayerRows:
    """Read effective values and memberships of these assets; no texts yet."""
    wanted = json.dumps(list(asset_ids))
    members: dict[AssetId, set[Member]] = {}
    for row in session.rows(MEMBERS_OF, (wanted,)):
        members.setdefault(AssetId(row[0]), set()).add(Member._make(row[1:]))
    return LayerRows(
        {AssetId(row[0]): Effective._make(row[1:]) for row in session.rows(EFFECTIVE_OF, (wanted,))},
        {asset_id: frozenset(found) for asset_id, found in members.items()},
    )


@dataclass(slots=True)
class LayerWrites:
    """Differences to write, gathered for one transaction."""

    _effective: list[tuple[object, ...]] = field(default_factory=list)
    _no_effective: list[tuple[AssetId]] = field(default_factory=list)
    _members: list[tuple[int, ...]] = field(default_factory=list)
    _no_members: list[tuple[int, ...]] = field(default_factory=list)
    _new_texts: list[tuple[object, ...]] = field(default_factory=list)
    _texts: list[tuple[object, ...]] = field(default_factory=list)
    _no_texts: list[tuple[AssetId]] = field(default_factory=list)

    def differ(self, asset_id: AssetId, before: LayerRows, after: Derived) -> bool:
        """Note what is to be written about one asset; return whether that is anything."""
        changes = [
            self._differ_effective(asset_id, before.effective.get(asset_id), after.effective),
            self._differ_members(asset_id, before.members_of(asset_id), after.members),
            asset_id in before.texts and self._differ_text(asset_id, before.texts[asset_id], after.text),
        ]
        return any(changes)

    def _differ_effective(self, asset_id: AssetId, before: Effective | None, after: Effective | None) -> bool:
        if before == after:
            return False
        if after is None:
            self._no_effective.append((asset_id,))
        else:
            self._effective.append((asset_id, *after))
        return True

    def _differ_members(self, asset_id: AssetId, before: frozenset[Member], after: frozenset[Member]) -> bool:
        if before == after:
            return False
        kept = {member[:3] for member in after}
        self._no_members.extend((*member[:3], asset_id) for member in before if member[:3] not in kept)
        self._members.extend((*member, asset_id) for member in after - before)
        return True

    def _differ_text(self, asset_id: AssetId, before: Text | None, after: Text | None) -> bool:
        if before == after:
            return False
        if after is None:
            self._no_texts.append((asset_id,))
        elif before is None:
            self._new_texts.append((asset_id, *after))
        else:
            self._texts.append((*after, asset_id))
        return True

    def write(self, writer: Writer) -> None:
        """Write it all."""
        for sql, rows in (
            ("DELETE FROM effective WHERE asset_id = ?", self._no_effective),
            (_PUT_EFFECTIVE, self._effective),
            (_DROP_MEMBER, self._no_members),
            (_PUT_MEMBER, self._members),
            ("DELETE FROM photo_text WHERE rowid = ?", self._no_texts),
            (_UPDATE_TEXT, self._texts),
            (INSERT_TEXT, self._new_texts),
        ):
            if rows:
                writer.executemany(sql, rows)
