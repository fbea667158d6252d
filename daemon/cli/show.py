"""`show`: the photo document of CLI.md, or what each layer says; for programs as it is, for people as lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from daemon.cli.output import printable
from daemon.cli.photos import PhotoArguments, chosen_photos, photo_arguments
from daemon.cli.session import Session, today


@click.command()
@photo_arguments
@click.option(
    "--layers", is_flag=True, help="Tell what each layer says, who said it and when, and what wins."
)
@click.pass_obj
def show(session: Session, chosen: PhotoArguments, *, layers: bool) -> None:
    """Tell everything about photos.

    PHOTO is a uid, the first six characters of one or more, ~short, a path in a mount, or the path of an original.
    """
    from catalog.store.photos import documents, explain_layers
    from daemon.view_options import view_paths

    with session.reader() as reader:
        photos = chosen_photos(session, reader, chosen)
        found = [explain_layers(reader, photo) for photo in photos] if layers else documents(reader, photos)
        if not layers:
            paths = view_paths(session.config(), today(reader))
            found = [{**one, "views": paths.all_shown(one["views"])} for one in found]
    session.output.document(found, _layer_lines(found) if layers else _lines(found))


def _layer_lines(documents: list[dict[str, Any]]) -> Iterator[str]:
    for number, document in enumerate(documents):
        if number:
            yield ""
        yield f"{document['uid']}  {printable(document['name'])}"
        for name, sayings in document["layers"].items():
            for saying in sayings:
                mark = "*" if saying["wins"] else " "
                yield f"{mark} {name:<12} {saying['layer']:<9} {_said(saying)}"


def _said(saying: dict[str, Any]) -> str:
    value = "-" if saying["value"] is None else _text(saying["value"]) or str(saying["value"]).lower()
    who = f"  {printable(saying['author'])}, {saying['made_at']}" if saying["author"] is not None else ""
    return f"{'not ' if saying['removed'] else ''}{value}{who}"


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
