"""The checker's part about previews (I22)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from catalog.facts import READER_VERSION
from catalog.previews import LARGEST, MADE_MOST_BYTES, MADE_MOST_PX, SIZES, Chosen, Plan, plan
from catalog.store.check_reading import Found, violations_in
from catalog.store.db import Session
from catalog.store.facts_codec import facts_from_text

_PAGE = 500
_NO_PLAN = Plan(())


class _Content(NamedTuple):
    """What the catalog knows of the previews of a content."""

    id: int
    planned: Plan
    rows: list[Chosen]
    task: str | None
    state: str | None


def preview_rows(session: Session) -> Found:
    """I22: previews follow from the facts of their bytes; what was made is of sane size, and there only when it is done."""
    for content in _contents(session):
        for message in _wrong(content):
            yield f"content {content.id}", message
    yield from violations_in(
        session,
        "SELECT 'content ' || content_id, 'work that is ' || state || ' says why it failed, or when to try again, and should'"
        " || ' not, or the other way round' FROM preview_work WHERE (state = 'failed') <> (reason IS NOT NULL)"
        " OR (state = 'failed') <> (version <> '') OR (retry_ns IS NOT NULL AND state <> 'due')",
    )


def _contents(session: Session) -> Iterator[_Content]:
    """Yield contents by id: those that today's readers have read, and those with rows and no facts."""
    after = 0
    while page := session.rows(_CONTENTS, (after, READER_VERSION, _PAGE)):
        after = page[-1][0]
        ids = json.dumps([row[0] for row in page])
        chosen: dict[int, list[Chosen]] = {}
        for content_id, *one in session.rows(_ROWS, (ids,)):
            chosen.setdefault(content_id, []).append(Chosen(*one))
        work = {row[0]: (row[1], row[2]) for row in session.rows(_WORK, (ids,))}
        for content_id, facts, size_bytes in page:
            planned = _NO_PLAN if facts is None else plan(facts_from_text(facts), size_bytes)
            rows = chosen.get(content_id, [])
            yield _Content(content_id, planned, rows, *work.get(content_id, (None, None)))


def _wrong(content: _Content) -> Iterator[str]:
    rows, planned = content.rows, content.planned
    made = [one for one in rows if one.offset is None]
    if rows != planned.with_made(made):
        yield "its previews are not what its facts say"
    if not all(_can_be_made(one, rows) for one in made):
        yield "no picture that was made is like this"
    task = None
    if planned.has_pictures:
        task = "make" if planned.is_making else "copy"
    if content.task != task:
        yield f"what is to be done is {content.task}, and should be {task}"
    elif made and content.state != "done":
        yield f"a picture was made, and the work is {content.state}"


def _can_be_made(one: Chosen, rows: Sequence[Chosen]) -> bool:
    if one.slot == LARGEST:
        return any(other.slot in SIZES and one[1:] == other[1:] for other in rows)
    is_sane = 0 < one.length <= MADE_MOST_BYTES and min(one.width, one.height) > 0 and one.orientation == 1
    return is_sane and max(one.width, one.height) <= MADE_MOST_PX.get(one.slot, 0)


# Facts of older readers are read again: till then nothing follows from them.
_CONTENTS = (
    "SELECT c.id, c.facts, c.size FROM content AS c WHERE c.id > ? AND"
    " ((c.facts IS NOT NULL AND c.facts_version = ? AND c.facts_state <> 'failed') OR (c.facts IS NULL AND"
    " (EXISTS (SELECT 1 FROM preview WHERE content_id = c.id) OR EXISTS (SELECT 1 FROM preview_work WHERE content_id = c.id))))"
    " ORDER BY c.id LIMIT ?"
)
_ROWS = (
    'SELECT content_id, slot, "offset", length, width, height, orientation FROM preview'
    " WHERE content_id IN (SELECT value FROM json_each(?)) ORDER BY content_id, slot"
)
_WORK = (
    "SELECT content_id, task, state FROM preview_work WHERE content_id IN (SELECT value FROM json_each(?))"
)
