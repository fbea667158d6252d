"""What `why date` says for people: the answer, who or what gave it, and the whole table of candidates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from catalog.zones import offset_text
from daemon.cli.output import printable


def date_lines(document: dict[str, Any]) -> Iterator[str]:
    """Return lines from the document of `catalog.store.explain.explain_date`."""
    capture = document["capture"]
    if capture is None:
        yield f"{document['uid']}  {printable(document['name'])}: {document['rule']}"
    else:
        offset = "" if capture["offset_min"] is None else f" (UTC{offset_text(capture['offset_min'])})"
        yield f"{document['uid']}  {printable(document['name'])}: {capture['local']}{offset}"
        who = f" said by {printable(document['said_by'])}" if document["said_by"] else ""
        yield f"from {capture['source']} ({document['layer']}, {capture['confidence']}){who}: {document['rule']}"
        yield f"zone from {_ZONE_WORDS.get(document['zone_source'], document['zone_source'])}"
    yield f"file {printable(document['path'])}, mtime {document['mtime']}, library zone {document['zone']}"
    rows = [(candidate, _date_value(candidate)) for candidate in document["candidates"]]
    width = max((len(value) for _, value in rows), default=0)
    for candidate, value in rows:
        by = f" ({printable(candidate['said_by'])})" if candidate["said_by"] else ""
        yield (
            f"  {candidate['verdict']:<8} {candidate['source']:<36} {value:<{width}}  {candidate['zone_source']:<11}"
            f"  {candidate['reason']}{by}"
        )


_ZONE_WORDS = {"none": "nothing: no time of day is known", "library": "nothing: the library's zone is used"}


def _date_value(candidate: dict[str, Any]) -> str:
    """Return the value as stored where it is no date, else the clock with what it says of its zone."""
    local: str | None = candidate["local"]
    if local is None:
        return printable(candidate["raw"])
    if candidate["is_utc"]:
        return f"{local}Z"
    offset_min = candidate["offset_min"]
    return local if offset_min is None else f"{local}{offset_text(offset_min)}"
