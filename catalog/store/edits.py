"""One user command on the layer: statements and things, their journal, and everything that follows, in one transaction.

An `Edit` lives inside the transaction of its caller. It writes at once, so that a command reads what it did so far, and
remembers what was before; `finish` writes the journal row, recomputes the photos and tells the change feed.

Invariants
- A statement or thing that ends as it began is not in the journal; a command that changed nothing has no row.
- Every statement of one command has the same `made_ns`, later than that of every row of the journal: the later word
  wins whatever the clock does.
- A hundred thousand photos are a handful of SQL statements per property and element, never one per photo.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from catalog.buckets import View
from catalog.errors import TooManyItems
from catalog.ids import AssetId, Uid
from catalog.layer import Source
from catalog.store import assets, changes, journal, things
from catalog.store.db import Session, Writer
from catalog.store.layer_folders import touch_folders
from catalog.store.sayings import assets_of_uids, assets_with
from catalog.store.things import Snapshot
from catalog.values import JournalItem

# Uids of changed photos in an answer: enough for people and scripts; who wants all asks `log`.
MAX_TOLD = 1000

_Changes = Mapping[tuple[str, str], tuple[Snapshot | None, Snapshot | None]]
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)
_FOLDER_VIEWS = {"tag": View.TAGS, "album": View.ALBUMS, "person": View.PEOPLE}
# What of a thing shows in the photos that are said to have it: their texts, and the folders that they are in.
_TELLING = {
    "tag": ("parent", "path", "merged_into", "is_deleted"),
    "album": ("is_deleted",),
    "person": ("name", "merged_into", "is_deleted"),
    "stack": ("is_deleted",),
}
_STACKING = ("stack", "cover")
_DATING = ("capture", "date")


class Key(NamedTuple):
    """What identifies a statement."""

    asset_id: AssetId
    property: str
    element: str
    source: str
    author: str


class Word(NamedTuple):
    """A statement's value as JSON text, and when it was said."""

    text: str
    made_ns: int


@dataclass(frozen=True, slots=True)
class EditResult:
    """What a command did.

    Attributes:
        journal_id: its row; None = nothing changed.
        changed: photos about which something else is said now, or whose tags, albums or persons are others.
        unchanged: photos of the selection that are not among them.
        photos: uids of the changed, those of the selection first and in its order, at most `MAX_TOLD`.
    """

    journal_id: int | None
    changed: int
    unchanged: int
    photos: tuple[Uid, ...]


class Edit:
    """One user command. The caller holds a transaction for its whole life."""

    def __init__(self, writer: Writer, *, author: str, now_ns: int, source: Source = "user") -> None:
        self.writer = writer
        self.author = author
        self.source: Source = source
        self.now_ns = now_ns
        newest = writer.value("SELECT made_ns FROM journal ORDER BY id DESC LIMIT 1")
        self.made_ns = now_ns if newest is None else max(now_ns, int(newest) + 1)
        self._selection: dict[AssetId, Uid] = {}
        self._words: dict[Key, tuple[Word | None, Word | None]] = {}
        self._things: dict[tuple[str, str], tuple[Snapshot | None, Snapshot | None]] = {}
        self._said_before: set[AssetId] = set()
        self._counted_before: set[AssetId] = set()

    # ---- photos

    def photos(self, uids: Iterable[str]) -> list[AssetId]:
        """Take photos into the selection of the command; return them in order, each once.

        Raises:
            NotFound: names the first uid that is no photo's.
        """
        found = assets_of_uids(self.writer, uids)
        self._selection.update(found)
        return list(found)

    # ---- statements

    def say(self, asset_ids: Iterable[AssetId], name: str, value: Any, element: str = "") -> None:
        """Say the same about photos; what the author says already, and what rules, is not said again."""
        text = _ENCODER.encode(value)
        self._say_texts(dict.fromkeys(asset_ids, text), name, element)

    def say_each(self, values: Mapping[AssetId, Any], name: str, element: str = "") -> None:
        """Say of each photo a value of its own."""
        self._say_texts({one: _ENCODER.encode(value) for one, value in values.items()}, name, element)

    def take_back(self, asset_ids: Iterable[AssetId], name: str, element: str = "") -> None:
        """Remove what this author says; others' words, and the file's, show again."""
        own = {
            one: Word(text, made_ns)
            for one, text, made_ns, author, _ in self._rows(list(asset_ids), name, element)
            if author == self.author
        }
        self._write(
            {Key(one, name, element, self.source, self.author): (word, None) for one, word in own.items()}
        )

    def set_words(self, wanted: Mapping[Key, tuple[Word | None, Word | None]]) -> None:
        """Make statements exactly what is given, (before, after) each, whoever said them: what an undo does."""
        self._write(wanted)

    def _say_texts(self, texts: Mapping[AssetId, str], name: str, element: str) -> None:
        own: dict[AssetId, tuple[Word, int]] = {}
        rivals: dict[AssetId, tuple[int, int, str]] = {}
        for one, text, made_ns, author, row_id in self._rows(list(texts), name, element):
            if author == self.author:
                own[one] = (Word(text, made_ns), row_id)
            else:
                rivals[one] = max(rivals.get(one, (made_ns, row_id, text)), (made_ns, row_id, text))
        wanted: dict[Key, tuple[Word | None, Word | None]] = {}
        for one, text in texts.items():
            before, row_id = own.get(one, (None, 0))
            if before is not None and before.text == text:
                rival = rivals.get(one)
                if rival is None or rival[:2] < (before.made_ns, row_id) or rival[2] == text:
                    continue
            wanted[Key(one, name, element, self.source, self.author)] = (before, Word(text, self.made_ns))
        self._write(wanted)

    def _rows(self, asset_ids: list[AssetId], name: str, element: str) -> list[Any]:
        return self.writer.rows(
            "SELECT s.asset_id, s.value, s.made_ns, s.author, s.id FROM json_each(?) AS wanted"
            " CROSS JOIN statement AS s ON s.asset_id = wanted.value"
            " WHERE s.property = ? AND s.element = ? AND s.source = ?",
            (json.dumps(asset_ids), name, element, self.source),
        )

    def _write(self, wanted: Mapping[Key, tuple[Word | None, Word | None]]) -> None:
        self.writer.executemany(
            "INSERT INTO statement (asset_id, property, element, source, author, value, made_ns)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (asset_id, property, element, source, author)"
            " DO UPDATE SET value = excluded.value, made_ns = excluded.made_ns",
            [(*key, *after) for key, (_, after) in wanted.items() if after is not None],
        )
        self.writer.executemany(
            "DELETE FROM statement WHERE asset_id = ? AND property = ? AND element = ? AND source = ?"
            " AND author = ?",
            [tuple(key) for key, (_, after) in wanted.items() if after is None],
        )
        for key, (before, after) in wanted.items():
            first = self._words[key][0] if key in self._words else before
            self._words[key] = (first, after)

    # ---- things

    def put(self, kind: str, uid: str, wanted: Snapshot | None) -> None:
        """Make a thing what a snapshot says (see `catalog.store.things`); None = mark it deleted."""
        self.put_all([(kind, uid, wanted)])

    def put_all(self, wanted: Sequence[tuple[str, str, Snapshot | None]]) -> None:
        """Make several things what they shall be, in any order; those that are so already are left alone."""
        different = []
        for kind in things.KINDS:
            of_kind = [(uid, content) for one, uid, content in wanted if one == kind]
            before = things.snapshots(self.writer, kind, [uid for uid, _ in of_kind]) if of_kind else {}
            changed = [(uid, content) for uid, content in of_kind if before.get(uid) != content]
            telling = [uid for uid, content in changed if _tells(kind, before.get(uid), content)]
            if telling:
                self._said_before.update(_saying(self.writer, kind, telling))
                self._counted_before.update(assets_with(self.writer, kind, telling))
            for uid, _ in changed:
                self._things.setdefault((kind, uid), (before.get(uid), None))
            different += [(kind, uid, content) for uid, content in changed]
        things.restore_all(self.writer, different)
        for kind, uid, content in different:
            first, _ = self._things[kind, uid]
            after = content if content is not None else things.snapshot(self.writer, kind, uid)
            self._things[kind, uid] = (first, after)

    # ---- the end

    def finish(
        self, command: Mapping[str, Any], *, max_items: int | None = None, refreshes: bool = True
    ) -> EditResult:
        """Write the journal row and everything that follows.

        Args:
            command: for the journal.
            max_items: how many photos may be changed; None = any number.
            refreshes: recompute the photos. False: the caller does, those of several edits at once, in this transaction.

        Raises:
            TooManyItems: more than `max_items` photos would be changed; the caller's transaction must be rolled back.
        """
        items = [
            JournalItem(*key, *(before or (None, None)), *(after or (None, None)))
            for key, (before, after) in self._words.items()
            if before != after
        ]
        changed_things: _Changes = {key: pair for key, pair in self._things.items() if pair[0] != pair[1]}
        touched = dict.fromkeys(item.asset_id for item in items)
        telling = _telling(changed_things)
        counted = touched | dict.fromkeys(sorted(self._counted(telling)))
        if max_items is not None and len(counted) > max_items:
            raise TooManyItems(
                f"{len(counted)} photo{'s' if len(counted) != 1 else ''} would be changed; at most {max_items} may be",
                hint="name fewer photos, or raise --max-items",
                changed=len(counted),
                max_items=max_items,
            )
        unchanged = sum(1 for one in self._selection if one not in counted)
        if not items and not changed_things:
            return EditResult(None, 0, unchanged, ())
        journal_id = journal.append(
            self.writer, command, author=self.author, now_ns=self.made_ns, items=items
        )
        self._write_things(journal_id, changed_things)
        if refreshes:
            self._refresh(items, set(touched) | self._saying(telling), changed_things)
        self._tell_folders(changed_things)
        return EditResult(journal_id, len(counted), unchanged, self._told(counted))

    def _refresh(self, items: Sequence[JournalItem], stale: set[AssetId], changed_things: _Changes) -> None:
        may_restack = any(item.property in _STACKING for item in items) or any(
            kind == "stack" for kind, _ in changed_things
        )
        assets.refresh(
            self.writer,
            sorted(stale),
            self.made_ns,
            self.writer.zone,
            may_restack=may_restack,
            keeps_capture=all(item.property not in _DATING for item in items),
        )

    def _write_things(
        self,
        journal_id: int,
        changed: _Changes,
    ) -> None:
        self.writer.executemany(
            "INSERT INTO journal_thing (journal_id, kind, uid, before, after) VALUES (?, ?, ?, ?, ?)",
            [
                (journal_id, kind, uid, _text_or_none(before), _text_or_none(after))
                for (kind, uid), (before, after) in changed.items()
            ],
        )

    def _saying(self, telling: Mapping[str, list[str]]) -> set[AssetId]:
        """Return all photos about which something is, or was, said with these things."""
        found = set(self._said_before)
        for kind, uids in telling.items():
            found.update(_saying(self.writer, kind, uids))
        return found

    def _counted(self, telling: Mapping[str, list[str]]) -> set[AssetId]:
        found = set(self._counted_before)
        for kind, uids in telling.items():
            found.update(assets_with(self.writer, kind, uids))
        return found

    def _tell_folders(self, changed: _Changes) -> None:
        gone: list[changes.Entry] = []
        come: list[changes.Entry] = []
        for (kind, _), (before, after) in changed.items():
            if kind in _FOLDER_VIEWS:
                old, new = self._folder(kind, before), self._folder(kind, after)
                if old != new:
                    gone += [("dir-", *old)] if old else []
                    come += [("dir+", *new)] if new else []
        if not gone and not come:
            return
        newest = changes.append(self.writer, gone + come)
        parents: dict[int, set[int]] = {}
        for _, subject, _ in gone + come:
            view, parent_id = subject.split(":")
            parents.setdefault(int(view), set()).add(int(parent_id))
        for folder_view, parent_ids in parents.items():
            touch_folders(self.writer, folder_view, parent_ids, self.made_ns, newest)

    def _folder(self, kind: str, content: Snapshot | None) -> tuple[str, bytes] | None:
        if content is None or content["is_deleted"] or content.get("merged_into"):
            return None
        parent = content.get("parent")
        parent_id = things.row_ids(self.writer, kind, [parent])[parent] if parent else 0
        return f"{int(_FOLDER_VIEWS[kind])}:{parent_id}", content["label"].encode()

    def _told(self, counted: Mapping[AssetId, None]) -> tuple[Uid, ...]:
        first = [uid for one, uid in self._selection.items() if one in counted][:MAX_TOLD]
        others = [one for one in counted if one not in self._selection][: MAX_TOLD - len(first)]
        rows = self.writer.rows(
            "SELECT a.uid FROM json_each(?) AS wanted CROSS JOIN asset AS a ON a.id = wanted.value",
            (json.dumps(others),),
        )
        return (*first, *(Uid(uid) for (uid,) in rows))


def _saying(session: Session, kind: str, uids: Sequence[str]) -> list[AssetId]:
    return assets.assets_saying(session, kind, things.members_of_class(session, kind, uids))


def _telling(changed: _Changes) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for (kind, uid), pair in changed.items():
        if _tells(kind, *pair):
            found.setdefault(kind, []).append(uid)
    return found


def _tells(kind: str, before: Snapshot | None, after: Snapshot | None) -> bool:
    """Tell whether photos that are said to have the thing look different now. Nothing was said with a new one."""
    if before is None or kind not in _TELLING:
        return False
    return after is None or any(before[name] != after[name] for name in _TELLING[kind])


def _text_or_none(content: Snapshot | None) -> str | None:
    return None if content is None else _ENCODER.encode(content)
