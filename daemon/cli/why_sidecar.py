"""What `why sidecar` prints: pure, over the documents of `catalog.store.explain_sidecars`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from daemon.cli.output import printable

Document = dict[str, Any]


def photo_sidecar_lines(document: Document) -> Iterator[str]:
    """Write all sidecars of a photo."""
    count = len(document["sidecars"])
    said = (
        f"{count} sidecar{'s' if count != 1 else ''} of other programs"
        if count
        else "no sidecar of another program"
    )
    yield f"{document['uid']}  {printable(document['name'])}: {said}"
    for one in document["sidecars"]:
        yield f"{printable(one['volume'])}:{printable(one['path'])}: {one['why']}"
        yield from _rest(one)
        heard = ", ".join(one["statements"])
        yield f"  said by it now: {heard}" if heard else "  nothing is said by it now"


def sidecar_lines(document: Document) -> Iterator[str]:
    """Write whose one sidecar is."""
    yield f"{printable(document['volume'])}:{printable(document['path'])}: {document['message']}"
    for photo in document["photos"]:
        yield f"  {photo['uid']}  {printable(photo['name'])}: {photo['why']}"
    yield from _rest(document)


def _rest(one: Document) -> Iterator[str]:
    at = f", {one['read_at']}" if one["read_at"] else ""
    yield f"  {one['message']}{at}"
    if one["reason"]:
        yield f"  {printable(one['reason'])}"
    for name, value in (one["says"] or {}).items():
        yield f"  {name.replace('_', ' ')}: {printable(_value(value))}"
    if one["overruled"]:
        yield f"  another sidecar says otherwise and counts more: {', '.join(one['overruled'])}"


def _value(value: Any) -> str:
    if value is True:
        return "yes"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{name} {one}" for name, one in value.items() if one is not None)
    return str(value)
