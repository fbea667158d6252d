"""`show`: the photo document of CLI.md, for programs as it is, for people as lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from daemon.cli.output import printable
from daemon.cli.photos import PhotoArguments, chosen_photos, photo_arguments
from daemon.cli.session import Session


@click.command()
@photo_arguments
@click.pass_obj
def show(session: Session, chosen: PhotoArguments) -> None:
    """Tell everything about photos.

    PHOTO is a uid, the first six characters of one or more, ~short, a path in a mount, or the path of an original.
    """
    from catalog.store.photos import documents

    with session.reader() as reader:
        found = documents(reader, chosen_photos(session, reader, chosen))
    session.output.document(found, _lines(found))


def _lines(documents: list[dict[str, Any]]) -> Iterator[str]:
    for number, document in enumerate(documents):
        if number:
            yield ""
        for name, value in document.items():
            text = _text(value)
            if text:
                yield f"{name:<12} {text}"


def _text(value: Any) -> str:
    """Write a value for people; empty for what is not known."""
    if value is None or value == [] or value is False:
        return ""
    if isinstance(value, dict):
        return ", ".join(f"{key} {_text(part)}" for key, part in value.items() if _text(part))
    if isinstance(value, list):
        return "; ".join(_text(part) for part in value)
    return printable(str(value))
