"""`stats`: counts of everything, from the catalog alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from daemon.cli.output import printable
from daemon.cli.session import Session


@click.command()
@click.pass_obj
def stats(session: Session) -> None:
    """Count photos, files, bytes, volumes and cameras."""
    from catalog.store import find

    with session.reader() as reader:
        document = find.stats(reader)
    for name in ("first_day", "last_day"):
        document[name] = partial_date(document[name])
    session.output.document(document, _lines(document, ""))


def partial_date(packed: int | None) -> str | None:
    """Write a packed day with the parts that are known: 20190800 is `2019-08`."""
    if packed is None:
        return None
    year, month, day = packed // 10_000, packed // 100 % 100, packed % 100
    return f"{year:04d}" + (f"-{month:02d}" if month else "") + (f"-{day:02d}" if day else "")


def _lines(document: dict[str, Any], indent: str) -> Iterator[str]:
    for name, value in document.items():
        if isinstance(value, dict):
            yield f"{indent}{printable(str(name))}:"
            yield from _lines(value, indent + "  ")
        elif isinstance(value, list):
            yield f"{indent}{name}: {', '.join(printable(str(part)) for part in value) or '-'}"
        else:
            yield f"{indent}{printable(str(name))}: {'-' if value is None else value}"
