"""Carrying out what a person says about saved searches."""

from __future__ import annotations

from typing import Any

from catalog.commands.layer import SearchDelete, SearchSave
from catalog.ids import new_uid
from catalog.labels import check_name, check_text
from catalog.query import parse
from catalog.store import searches, things
from catalog.store.edits import Edit
from catalog.zones import local_day


def save(edit: Edit, command: SearchSave) -> dict[str, Any]:
    """Save a query that can be read, in the place of the one of that name."""
    name = check_name(command.name, searches.WHAT)
    query = check_text(command.query, "query")
    parse(query, today=local_day(edit.now_ns, edit.writer.zone))
    known = searches.find(edit.writer, name)
    uid = known.uid if known is not None else new_uid()
    before = things.snapshot(edit.writer, "search", uid) or {"created_ns": edit.made_ns}
    edit.put("search", uid, searches.saved(edit.writer, uid, name, query, before))
    return {"search": name, "query": query, "created": known is None}


def delete(edit: Edit, command: SearchDelete) -> dict[str, Any]:
    """Forget a saved query."""
    known = searches.resolve_search(edit.writer, command.name)
    before = things.snapshot(edit.writer, "search", known.uid)
    assert before is not None, "just resolved"
    edit.put("search", known.uid, {**before, "is_deleted": 1})
    return {"search": known.name}
