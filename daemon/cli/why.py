"""`why`: the rule and the inputs behind an answer: a date, a name, a photo or file that is not there (charter 8)."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from daemon.cli.completion import complete_view_path
from daemon.cli.output import path_fields, printable, readable, to_the_second
from daemon.cli.photos import absolute, one_photo, volume_of
from daemon.cli.session import Session, today
from daemon.cli.why_absent import away_reasons, missing_document, missing_lines, original_of
from daemon.cli.why_date import date_lines
from daemon.cli.why_place import place_lines
from daemon.cli.why_sidecar import photo_sidecar_lines, sidecar_lines

if TYPE_CHECKING:
    from catalog.store.db import Reader
    from catalog.values import Volume


@dataclass(frozen=True, slots=True)
class Answer:
    """Why a path is, or is not, left out.

    Attributes:
        reason: none (it is not left out), rule, marker, library, mount, not_regular, away, outside_paths or no_volume.
        rule, origin, matched: of an exclude pattern: as written, where it stands, what it hit (path in the volume).
    """

    reason: str
    message: str
    rule: str | None = None
    origin: str | None = None
    matched: bytes | None = None


@click.group(no_args_is_help=True)
def why() -> None:
    """Explain an answer: the rule, and what went into it."""


@why.command("date")
@click.argument("photo", shell_complete=complete_view_path)
@click.pass_obj
def why_date(session: Session, photo: str) -> None:
    """Tell every date that a photo offers, which one won, and why the others lost."""
    from catalog.store.photos import explain_date

    with session.reader() as reader:
        document = explain_date(reader, one_photo(session, reader, photo))
    session.output.document(document, date_lines(document))


@why.command("name")
@click.argument("photo", metavar="PHOTO_OR_PATH", shell_complete=complete_view_path)
@click.option("--view", metavar="VIEW", help="Only folders of this view, for instance Timeline or Cameras.")
@click.pass_obj
def why_name(session: Session, photo: str, view: str | None) -> None:
    """Tell why a photo is called as it is, in every folder that shows it."""
    from catalog.store.photos import explain_name
    from daemon.view_options import view_paths

    with session.reader() as reader:
        document = explain_name(reader, one_photo(session, reader, photo))
        paths = view_paths(session.config(), today(reader))
    found = [{**one, "folder": paths.shown(one["folder"])} for one in document["folders"]]
    wanted = "" if view is None else f"{view.strip('/')}/"
    document["folders"] = [
        one for one in found if one["folder"] is not None and f"{one['folder']}/".startswith(wanted)
    ]
    session.output.document(document, _name_lines(document))


@why.command("hidden")
@click.argument("photo", metavar="PHOTO_OR_PATH", shell_complete=complete_view_path)
@click.pass_obj
def why_hidden(session: Session, photo: str) -> None:
    """Tell why a photo is not in the folders where one would look for it, and where it is listed."""
    from catalog.store.photos import documents, explain_hidden
    from daemon.view_options import view_paths

    with session.reader() as reader:
        asset_id = one_photo(session, reader, photo)
        told = explain_hidden(reader, asset_id)
        (document,) = documents(reader, [asset_id])
        told["reasons"] += [*away_reasons(reader, asset_id), *_left_out(session, reader, document)]
        told["views"] = view_paths(session.config(), today(reader)).all_shown(document["views"])
    session.output.document(told, _hidden_lines(told))


@why.command("missing")
@click.argument("photo", metavar="PHOTO_OR_PATH", shell_complete=complete_view_path)
@click.pass_obj
def why_missing(session: Session, photo: str) -> None:
    """Tell whether a photo's file is gone, since when, every place where it was seen, and how long that is remembered.

    A path of an original asks about this one file, there or gone; then the photo's other places are told too.
    """
    with session.reader() as reader:
        told = missing_document(session, reader, photo)
    session.output.document(told, missing_lines(told))


@why.command("place")
@click.argument("photo", metavar="PHOTO_OR_PATH", shell_complete=complete_view_path)
@click.pass_obj
def why_place(session: Session, photo: str) -> None:
    """Tell where a photo was taken: its position, who says it, the towns around it and why one of them won."""
    from catalog.store.explain_place import explain_place

    with session.reader() as reader:
        told = explain_place(reader, one_photo(session, reader, photo))
    session.output.document(told, place_lines(told))


@why.command("sidecar")
@click.argument("photo", metavar="PHOTO_OR_PATH", shell_complete=complete_view_path)
@click.pass_obj
def why_sidecar(session: Session, photo: str) -> None:
    """Tell which sidecars of other programs are about a photo and what they say; of a sidecar, whose it is."""
    from catalog.store.explain_sidecars import explain_photo_sidecars

    with session.reader() as reader:
        document = _of_sidecar(reader, photo)
        if document is not None:
            session.output.document(document, sidecar_lines(document))
            return
        document = explain_photo_sidecars(reader, one_photo(session, reader, photo))
    session.output.document(document, photo_sidecar_lines(document))


def _of_sidecar(reader: Reader, word: str) -> dict[str, Any] | None:
    """Explain the sidecar that an argument names; None if it names none."""
    from catalog.sidecars.names import form_of
    from catalog.store.explain_sidecars import explain_sidecar
    from catalog.store.volumes import volumes

    path = os.fsencode(word)
    if form_of(os.path.basename(path)) is None:
        return None
    place = original_of(path, volumes(reader))
    return None if place is None else explain_sidecar(reader, place[0].id, place[1])


@why.command("excluded")
@click.argument("path", type=click.Path())
@click.pass_obj
def why_excluded(session: Session, path: str) -> None:
    """Tell whether a scan leaves a file or directory out, and which rule says so. It need not exist."""
    from catalog.store.volumes import volumes

    raw = os.fsencode(path)
    place = absolute(raw)
    with session.reader() as reader:
        found = volume_of(place, volumes(reader))
        answer = _early(session, place, raw) or _in_volume(session, reader, place, found)
    data = {
        **path_fields(place),
        "volume": found[0].name if found is not None else None,
        "excluded": answer.reason != "none",
        "reason": answer.reason,
        "message": answer.message,
        "rule": answer.rule,
        "origin": answer.origin,
        "matched": None if answer.matched is None else path_fields(answer.matched)["path"],
    }
    session.output.document(data, answer.message)


def _left_out(session: Session, reader: Reader, document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Judge by the queries of the configuration that leave photos out of a view."""
    from catalog.query import parse
    from catalog.store.find import with_aliases

    for text in session.config().memories.exclude:
        if with_aliases(reader, parse(text, today=today(reader))).match(document):
            message = f"left out of Memories/ by the query {text} (memories.exclude)"
            yield {
                "kind": "excluded",
                "message": message,
                "since": None,
                "by": "config",
                "stack": None,
                "cover": None,
            }


def _early(session: Session, place: bytes, raw: bytes) -> Answer | None:
    """Judge by where it is, before any volume is looked at."""
    from daemon.cli.tree import mount_of

    library = os.path.realpath(os.fsencode(session.library().path))
    if place == library or place.startswith(library + b"/"):
        return Answer("library", f"{readable(place)} belongs to the library itself, which is never scanned")
    if mount_of(place) is not None:
        return Answer("mount", f"{readable(place)} lies in a mount of ours, which is never scanned")
    return None


def _in_volume(session: Session, reader: Reader, place: bytes, found: tuple[Volume, bytes] | None) -> Answer:
    from catalog.store.volumes import library_paths
    from daemon.excludes import Excludes

    if found is None:
        return Answer("no_volume", f"{readable(place)} is below no volume; glassine volume add makes one")
    volume, relative = found
    early = _of_place(reader, volume, relative)
    if early is not None:
        return early
    # Only what is known to answer is looked at: a disk that hangs must not hang us.
    mode = _mode(place) if volume.state in ("online", "unknown") else None
    if mode is not None and not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        return Answer(
            "not_regular",
            f"{readable(place)} is {_kind(mode)}; only regular files and directories are scanned",
        )
    rules = Excludes(volume.excludes, session.config().scan.excludes)
    is_dir = stat.S_ISDIR(mode) if mode is not None else False
    hit = (
        rules.explain(relative, is_dir=is_dir, has_nomedia=lambda path: _has_nomedia(volume, path))
        if relative
        else None
    )
    if hit is not None and hit.is_excluded:
        text = f"{readable(relative)} is left out by the {hit.origin} rule {printable(hit.rule or '')}"
        return Answer("rule", text, hit.rule, hit.origin, hit.path)
    paths = [library_path.path for library_path in library_paths(reader, volume.id)]
    if paths and not any(relative == path or relative.startswith(path + b"/") or not path for path in paths):
        return Answer(
            "outside_paths", f"{readable(relative)} is below none of the library paths of {volume.name}"
        )
    took_back = f"; the {hit.origin} rule {hit.rule} took it back in" if hit is not None and hit.rule else ""
    absent = ""
    if mode is None:
        is_away = volume.state not in ("online", "unknown")
        absent = f"; {volume.name} is {volume.state} now" if is_away else "; it does not exist now"
    name = readable(relative) or "its root"
    outer = _outer_text(reader, volume, place)
    return Answer("none", f"{name} is scanned as part of {volume.name}{took_back}{outer}{absent}")


def _of_place(reader: Reader, volume: Volume, relative: bytes) -> Answer | None:
    """Judge by what is known of the volume: its marker, and file systems below it that are away."""
    from catalog.store.volumes import nested_mounts
    from daemon.volume_process.marker_file import MARKER_NAME

    if relative == MARKER_NAME:
        return Answer("marker", f"{readable(relative)} is the marker by which {volume.name} is known again")
    for nested in nested_mounts(reader, volume.id):
        if nested.is_away and (relative == nested.path or relative.startswith(nested.path + b"/")):
            text = (
                f"what was mounted at {readable(nested.path)} on {volume.name} is away: nothing below it is looked at, or"
                " called missing; glassine volume accept-empty believes that it is gone"
            )
            return Answer("away", text, matched=nested.path)
    return None


def _outer_text(reader: Reader, volume: Volume, place: bytes) -> str:
    """Tell of another volume around this one, which leaves the place to it."""
    from catalog.store.volumes import volumes

    others = [one for one in volumes(reader) if one.id != volume.id and one.state != "retired"]
    outer = volume_of(place, others)
    return f"; {outer[0].name}, in which that volume lies, leaves it out" if outer is not None else ""


def _mode(place: bytes) -> int | None:
    try:
        return os.lstat(place).st_mode
    except OSError:
        return None


def _kind(mode: int) -> str:
    kinds = {
        stat.S_IFLNK: "a symbolic link",
        stat.S_IFIFO: "a FIFO",
        stat.S_IFSOCK: "a socket",
        stat.S_IFCHR: "a device",
        stat.S_IFBLK: "a device",
    }
    return kinds.get(stat.S_IFMT(mode), "something else")


def _has_nomedia(volume: Volume, path: bytes) -> bool:
    from daemon.excludes import NOMEDIA

    if volume.state not in ("online", "unknown"):
        return False
    return os.path.lexists(os.path.join(volume.root, path, NOMEDIA))


def _name_lines(document: dict[str, Any]) -> Iterator[str]:
    yield f"{document['uid']}  {printable(document['name'])}: {document['rule']}"
    yield f"first file {printable(document['original'] or '-')}, with its short id {printable(document['suffixed_name'])}"
    for folder in document["folders"]:
        yield f"  {printable(folder['folder'])}/{printable(folder['name'])}: {folder['reason']}"


def _hidden_lines(told: dict[str, Any]) -> Iterator[str]:
    yield f"{told['uid']}  {printable(told['name'])}: {told['state']}"
    for reason in told["reasons"]:
        who = "".join(
            f", {word} {printable(to_the_second(reason[key]))}"
            for word, key in (("since", "since"), ("by", "by"))
            if reason[key]
        )
        yield f"  {printable(reason['message'])}{who}"
    if not told["reasons"]:
        yield "  nothing keeps it from being shown"
    for path in told["views"]:
        yield f"listed as {printable(path)}"
