"""Lines of `why place`: position, who says it, the towns around it. What is shown is decided by `catalog.store.explain_place`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from daemon.cli.output import printable


def place_lines(told: dict[str, Any]) -> Iterator[str]:
    """Yield what a person reads."""
    yield f"{told['uid']}  {printable(told['name'])}: {_named(told['place']) if told['place'] else 'no place'}"
    position = told["position"]
    if position is not None:
        who = "".join(
            f", {word} {printable(told[key])}"
            for word, key in (("said by", "said_by"), ("at", "said_at"))
            if told[key]
        )
        yield f"position {position['lat']}, {position['lon']} ({told['layer']}{who})"
    if told["distance_km"] is not None:
        yield f"nearest point of it: {told['distance_km']} km away"
    yield f"rule: {told['rule']}"
    for near in told["candidates"]:
        advance = (
            f", its size brings it to {near['score_km']} km" if near["score_km"] < near["distance_km"] else ""
        )
        yield f"  {near['distance_km']} km{advance}: {_named(near)}"
    yield f"data: {told['data']}; see docs/places.md"


def _named(place: dict[str, Any]) -> str:
    return printable(", ".join(place[level] for level in ("city", "region", "country") if place[level]))
