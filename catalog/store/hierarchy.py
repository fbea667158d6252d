"""Trees of names in a table: what tags and albums share. Looking up by path, subtrees, labels of folders.

Knows no statement. A node is found by its exact path, or by one that is equal but for case and Unicode form.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from catalog.errors import Ambiguous
from catalog.ids import Uid
from catalog.labels import label_of
from catalog.names import clean_label, fold
from catalog.store.db import Session
from catalog.store.things import Snapshot


class Node(NamedTuple):
    """A row of a tree of names."""

    id: int
    uid: Uid
    parent_id: int | None
    name: str
    path: str
    label: str
    created_ns: int


@dataclass(frozen=True, slots=True)
class Tree:
    """The living rows of one table; `alive` is the condition of its indexes, over the name `t`."""

    table: str
    alive: str

    @property
    def _select(self) -> str:
        columns = ", ".join(f"t.{name}" for name in Node._fields)
        return f"SELECT {columns} FROM {self.table} AS t"

    def at(self, session: Session, path: str) -> Node | None:
        """Return the node of exactly this path (NFC)."""
        return self._one(session, f"{self._select} WHERE t.path = ? AND {self.alive}", path)

    def of_uid(self, session: Session, uid: str) -> Node | None:
        """Return the living node of this uid."""
        return self._one(session, f"{self._select} WHERE t.uid = ? AND {self.alive}", uid)

    def nodes(self, session: Session) -> list[Node]:
        """Return all nodes by path."""
        return [Node._make(row) for row in session.rows(f"{self._select} WHERE {self.alive} ORDER BY t.path")]

    def _one(self, session: Session, sql: str, key: object) -> Node | None:
        row = session.row(sql, (key,))
        return None if row is None else Node._make(row)

    def children(self, session: Session, parent_id: int | None) -> list[Node]:
        """Return the nodes right below one (None: the top level) by row."""
        rows = session.rows(
            f"{self._select} WHERE ifnull(t.parent_id, 0) = ? AND {self.alive} ORDER BY t.id",
            (parent_id or 0,),
        )
        return [Node._make(row) for row in rows]

    def below(self, session: Session, node_id: int) -> list[Node]:
        """Return all nodes below one, those above before those below them."""
        rows = session.rows(
            "WITH RECURSIVE down (id, depth) AS (SELECT ?, 0 UNION ALL"
            f" SELECT t.id, down.depth + 1 FROM down CROSS JOIN {self.table} AS t"
            f" ON ifnull(t.parent_id, 0) = down.id AND {self.alive})"
            f" SELECT {', '.join(f't.{name}' for name in Node._fields)} FROM down"
            f" CROSS JOIN {self.table} AS t ON t.id = down.id WHERE down.depth > 0 ORDER BY down.depth, t.id",
            (node_id,),
        )
        return [Node._make(row) for row in rows]

    def folded(self, session: Session, names: Iterable[str], below: int | None = None) -> list[Node]:
        """Return the nodes whose path, from `below` (None: from the top), is equal but for case and Unicode form."""
        found: list[Node] = []
        parents = [below or 0]
        for name in names:
            found = self._folded_in(session, parents, name)
            parents = [node.id for node in found]
            if not parents:
                return []
        return found

    def _folded_in(self, session: Session, parents: list[int], name: str) -> list[Node]:
        # A folder's label is its cleaned name, or that with ~short: both are found by the index of siblings.
        plain = fold(clean_label(name))
        rows = session.rows(
            f"{self._select} JOIN json_each(?1) AS wanted ON ifnull(t.parent_id, 0) = wanted.value"
            f" WHERE t.fold = ?2 AND {self.alive}"
            f" UNION {self._select} JOIN json_each(?1) AS wanted ON ifnull(t.parent_id, 0) = wanted.value"
            f" WHERE t.fold > ?3 AND t.fold < ?4 AND {self.alive} ORDER BY 1",
            (json.dumps(parents), plain, plain + "~", plain + "\x7f"),
        )
        wanted = fold(name)
        return [node for node in map(Node._make, rows) if fold(node.name) == wanted]

    def the_one(self, nodes: list[Node], what: str, text: str) -> Node | None:
        """Return the only one of these, None if there are none.

        Raises:
            Ambiguous: several differ by case alone.
        """
        if len(nodes) > 1:
            raise Ambiguous(
                f"several {what}s are called like {text!r} but for case: "
                + ", ".join(repr(node.path) for node in nodes[:10]),
                hint="write the name exactly",
                candidates=[node.path for node in nodes[:10]],
            )
        return nodes[0] if nodes else None

    def label(self, session: Session, parent_id: int | None, name: str, uid: str) -> str:
        """Return what the folder of a node is, or would be, called beside its living siblings."""

        def taken(folded: str) -> bool:
            row = session.row(
                f"SELECT 1 FROM {self.table} AS t WHERE ifnull(t.parent_id, 0) = ? AND t.fold = ? AND t.uid <> ?"
                f" AND {self.alive}",
                (parent_id or 0, folded, uid),
            )
            return row is not None

        return label_of(name, uid, taken)

    def placed(
        self, session: Session, before: Snapshot, uid: str, name: str, parent: Node | None
    ) -> Snapshot:
        """Return a snapshot of a node under another name or parent; its label stays when it still fits."""
        label = self.label(session, parent.id if parent else None, name, uid)
        return {
            **before,
            "parent": parent.uid if parent else None,
            "name": name,
            "path": f"{parent.path}/{name}" if parent else name,
            "label": label,
            "fold": fold(label),
        }
