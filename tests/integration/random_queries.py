"""Random terms of the query language, drawn from what a photo has."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from catalog.query import FIELDS
from catalog.query.fields import STACK_KINDS
from integration.said_things import ALBUMS, TAGS, TITLES

TODAY = date(2026, 9, 21)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _part(rng: random.Random, text: str) -> str:
    start = rng.randrange(len(text)) if text else 0
    return text[start : start + rng.randint(1, 9)]


def _text_value(rng: random.Random, text: str) -> str:
    part = _part(rng, text) or "x"
    return rng.choice((_quoted(part), _quoted(text or "x"), f"{_quoted(part[:2])}*", f"*{_quoted(part)}*"))


def _known_texts(name: str, document: dict[str, Any]) -> list[str]:
    """Return what a photo has of a field of texts."""
    everything = [
        document["name"],
        document["title"],
        document["description"],
        *document["tags"],
        *document["people"],
        *(document["place"] or {}).values(),
    ]
    known: dict[str, list[Any]] = {
        "text": everything,
        "ext": [document["name"].rpartition(".")[2]],
        "person": document["people"],
        "place": [*(document["place"] or {}).values()],
        **{level: [(document["place"] or {}).get(level)] for level in ("country", "region", "city")},
        "camera": [document["camera"]["make"], document["camera"]["model"]],
        "lens": [document["camera"]["lens"]],
        "path": [document["locations"][0]["path"]],
        "volume": [document["locations"][0]["volume"]],
    }
    return [text for text in known.get(name, [document.get(name)]) if text]


def _text_or_words(rng: random.Random, name: str, document: dict[str, Any]) -> str:
    text = rng.choice(_known_texts(name, document) or OTHERS.get(name, TITLES))
    return _quoted(text) if FIELDS[name].is_whole and rng.random() < 0.5 else _text_value(rng, text)


def _path(rng: random.Random, name: str, document: dict[str, Any]) -> str:
    path = rng.choice(document[name + "s"] or list(TAGS + ALBUMS)).split("/")
    start, end = sorted((rng.randint(0, len(path)), rng.randint(1, len(path))))
    words = path[start:end] or path
    anywhere = f"*{_quoted(_part(rng, path[-1]) or 'x')}"
    return rng.choice((_quoted("/".join(words)), f"{_quoted(path[0])}*", anywhere))


def _prefix(rng: random.Random, name: str, document: dict[str, Any]) -> str:
    return str(document[name] or "00")[: rng.choice((6, 7, 26)) if name == "uid" else rng.choice((2, 3, 8))]


def _near(rng: random.Random, name: str, document: dict[str, Any]) -> str:
    position = document["position"] or {"lat": 1.5, "lon": -170}
    return f"{position['lat']},{position['lon']},{rng.choice(('1m', '5km', '3000km', '12000km'))}"


def _day(rng: random.Random, name: str, document: dict[str, Any]) -> str:
    if name != "date":
        return (TODAY - timedelta(days=rng.randint(0, 8))).isoformat()[: rng.choice((4, 7, 10, 10, 10))]
    if document["capture"] and rng.random() < 0.5:
        return str(document["capture"]["local"][: rng.choice((4, 7, 10))])
    year = rng.choice((1890, 1931, 2019, 2020, 2026))
    return f"{year}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"[: rng.choice((4, 7, 10))]


def _stack(rng: random.Random, name: str, document: dict[str, Any]) -> str:
    return rng.choice((*STACK_KINDS, (document["stack"] or {"id": "777777"})["id"][:8]))


OTHERS = {
    "place": ("New York City", "Zürich", "Capital Region"),
    "country": ("Germany", "United States", "Singapore"),
    "region": ("State of Berlin", "Brandenburg", "New York"),
    "city": ("Reykjavík", "Berlin", "New York City"),
}
_NUMBERS: dict[str, tuple[object, ...]] = {
    "rating": (0, 1, 2, 3, 4, 5),
    "size": (6_999_999, 7_000_000, "7MB", "1k"),
    "width": (1, 4000, 6000),
    "height": (1, 1080, 4000),
    "duration": (0.5, 60, "1m30.25s"),
    "iso": (100, 1600, 200),
    "aperture": (1.8, 8, "f/2.8"),
    "shutter": (0.004, 2, "1/60"),
    "focal": (4.25, "50mm", 24),
}


def _number(rng: random.Random, name: str, document: dict[str, Any]) -> str:
    is_other = name != "rating" and rng.random() < 0.3
    return str(rng.randrange(8000) if is_other else rng.choice(_NUMBERS[name]))


_VALUES: dict[str, Callable[[random.Random, str, dict[str, Any]], str]] = {
    "text": _text_or_words,
    "words": _text_or_words,
    "path": _path,
    "near": _near,
    "day": _day,
    "stack": _stack,
    "choice": lambda rng, name, document: rng.choice(FIELDS[name].choices or ()),
    **dict.fromkeys(("rating", "bytes", "number", "seconds"), _number),
}


def query_of(rng: random.Random, name: str, operator: str, document: dict[str, Any]) -> str:
    """Return a term about a field: often one that holds of this photo."""
    of_type = _prefix if name in ("uid", "hash") else _VALUES[FIELDS[name].type]
    value = of_type(rng, name, document)
    if operator != "..":
        either = f"|{of_type(rng, name, document)}" if rng.random() < 0.3 else ""
        return f"{name}{operator}{value}{either}"
    low, high = sorted(
        (value, of_type(rng, name, document)), key=str if FIELDS[name].type == "day" else _number_of
    )
    return f"{name}={rng.choice((f'{low}..{high}', f'..{high}', f'{low}..'))}"


def _number_of(value: str) -> float:
    units = {"7MB": 7e6, "1k": 1e3, "1m30.25s": 90.25, "f/2.8": 2.8, "1/60": 1 / 60, "50mm": 50.0}
    return units.get(value) or float(value)
