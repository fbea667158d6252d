"""The checker's part about the layer: things, what follows from statements, covers, the journal (I16 to I19)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import partial

from catalog import names
from catalog.ids import AssetId
from catalog.store import cameras, embedded_names, places, stacks
from catalog.store.check_reading import Found, asset_pages, violations_in
from catalog.store.db import Session
from catalog.store.derive import Derived, Rows, derive_all, read_inputs
from catalog.store.layer_rows import read_rows

_LABELLED = ("tag", "album", "person", "saved_search")
_NESTED = ("tag", "album")
_MERGED = ("tag", "person")


def things(session: Session) -> Found:
    """I16: living things have the path of those above them, a label that folds to what is stored; nobody merged twice."""
    for table in _LABELLED:
        for row_id, label, fold in session.rows(
            f"SELECT id, label, fold FROM {table} WHERE {_living(table)}"
        ):
            if fold != names.fold(label):
                yield f"{table} {row_id}", f"fold of {label!r} is stored as {fold!r}"
    for table in _NESTED:
        # A cycle cannot have the paths that this asks for.
        yield from violations_in(
            session,
            f"SELECT '{table} ' || t.id, 'its path is not that of the {table} above it plus its name' FROM {table} AS t"
            f" LEFT JOIN {table} AS p ON p.id = t.parent_id WHERE {_living(table, 't')}"
            " AND t.path <> CASE WHEN t.parent_id IS NULL THEN t.name ELSE p.path || '/' || t.name END",
        )
        yield from violations_in(
            session,
            f"SELECT '{table} ' || t.id, 'the {table} above it is gone' FROM {table} AS t"
            f" JOIN {table} AS p ON p.id = t.parent_id WHERE {_living(table, 't')} AND NOT ({_living(table, 'p')})",
        )
    for table in _MERGED:
        yield from violations_in(
            session,
            f"SELECT '{table} ' || t.id, 'it was merged into one that was merged itself' FROM {table} AS t"
            f" JOIN {table} AS m ON m.id = t.merged_into WHERE m.merged_into IS NOT NULL",
        )


def _living(table: str, alias: str = "") -> str:
    of = f"{alias}." if alias else ""
    return f"{of}is_deleted = 0" + (f" AND {of}merged_into IS NULL" if table in _MERGED else "")


def layer_rows(session: Session) -> Found:
    """I17: effective values, memberships and texts of every asset are what statements and bytes say."""
    for page in asset_pages(session):
        rows = read_rows(session, page)
        rows.read_texts(session, page)
        for asset_id, right in _derived(session, page):
            for what, stored, derived in (
                ("effective values are", rows.effective.get(asset_id), right.effective),
                ("text is", rows.texts.get(asset_id), right.text),
            ):
                if stored != derived:
                    yield f"asset {asset_id}", f"its {what} {stored!r} and should be {derived!r}"
            for member in sorted(rows.members_of(asset_id) ^ right.members):
                is_right = member in right.members
                yield (
                    f"asset {asset_id}",
                    f"{tuple(member)} is {'no' if is_right else 'a wrong'} row of member",
                )
    for table, key in (("effective", "asset_id"), ("photo_text", "rowid")):
        yield from violations_in(
            session,
            f"SELECT '{table} ' || t.{key}, 'there is no such asset' FROM {table} AS t"
            f" WHERE NOT EXISTS (SELECT 1 FROM asset AS a WHERE a.id = t.{key})",
        )


def covers(session: Session) -> Found:
    """I18: members and cover of a stack are those that statements and rules choose, the cover is shown, aliases have none."""
    yield from violations_in(
        session,
        "SELECT 'asset ' || a.id, 'what stands for it is not shown, or of another stack' FROM asset AS a"
        " JOIN asset AS o ON o.id = a.cover_id WHERE o.is_shown <> 1 OR o.stack_id IS NOT a.stack_id OR o.id = a.id",
    )
    yield from violations_in(
        session,
        "SELECT 'asset ' || id, 'the alias is in a stack' FROM asset"
        " WHERE merged_into IS NOT NULL AND coalesce(stack_id, cover_id) IS NOT NULL",
    )
    for page in asset_pages(session, "merged_into IS NULL"):
        yield from ((f"asset {asset_id}", what) for asset_id, what in stacks.misplaced(session, page))
    for page in asset_pages(session, "coalesce(cell, twin, stack_id) IS NOT NULL"):
        for asset_id, message in stacks.misplaced(session, page):
            yield f"asset {asset_id}", message
    in_stacks = "merged_into IS NULL AND (stack_id IS NOT NULL OR cover_id IS NOT NULL)"
    for page in asset_pages(session, in_stacks):
        marks = (json.dumps(page),)
        stored: dict[AssetId, AssetId | None] = dict(
            session.rows("SELECT id, cover_id FROM asset WHERE id IN (SELECT value FROM json_each(?))", marks)
        )
        for asset_id, right in _derived(session, page):
            if stored[asset_id] != right.columns.cover_id:
                yield f"asset {asset_id}", f"its cover is {stored[asset_id]}, not {right.columns.cover_id}"


def _derived(session: Session, page: Sequence[AssetId]) -> Iterator[tuple[AssetId, Derived]]:
    """Derive a page anew; a camera that is not there is I9's."""

    inputs = read_inputs(session, page)
    derived = derive_all(session, inputs, session.zone, stored_rows(session))
    for one, right in zip(inputs, derived, strict=True):
        yield one.asset_id, right


def stored_rows(session: Session) -> Rows:
    """Return the rows of cameras, words and places as they stand."""
    return Rows(
        partial(cameras.camera_id, session),
        partial(embedded_names.uids_of, session),
        partial(places.stored_place, session),
    )


_KEY = "asset_id, property, element, source, author"
# A bare column beside max() is that of the row with the maximum (sqlite.org/lang_select.html, 2.5).
_LAST = f"SELECT {_KEY}, after, after_ns, max(rowid) FROM journal_item GROUP BY {_KEY}"
_SAME = " AND ".join(f"s.{name} = l.{name}" for name in _KEY.split(", "))
_CHAIN = f"lag({{}}) OVER (PARTITION BY {_KEY} ORDER BY rowid)"


def journal_replay(session: Session) -> Found:
    """I19: the items of the journal, replayed, are the statements; each finds what the one before it left."""
    yield from violations_in(
        session,
        f"SELECT 'asset ' || l.asset_id, 'the journal says otherwise about ' || l.property || ' ' || l.element"
        f" FROM ({_LAST}) AS l LEFT JOIN statement AS s ON {_SAME}"
        " WHERE s.value IS NOT l.after OR s.made_ns IS NOT l.after_ns",
    )
    yield from violations_in(
        session,
        "SELECT 'statement ' || s.id, 'the journal does not know it' FROM statement AS s"
        f" WHERE NOT EXISTS (SELECT 1 FROM journal_item AS l INDEXED BY journal_item_asset WHERE {_SAME})",
    )
    yield from violations_in(
        session,
        "SELECT 'journal ' || journal_id, 'what it changed was not as the row before it left it' FROM (SELECT journal_id,"
        f" before, before_ns, {_CHAIN.format('after')} AS known, {_CHAIN.format('after_ns')} AS known_ns FROM journal_item)"
        " WHERE before IS NOT known OR before_ns IS NOT known_ns",
    )
