"""`volume relocate`: a volume is at another place now, or there is a copy of it.

What is at a place is looked at by a volume process; the judgement what that means is the owner's, and it is asked for
before anything changes.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from catalog.errors import AlreadyExists, Conflict, InvalidValue, NeedsYes, UsageError, VolumeOffline
from daemon.cli.completion import complete_volume
from daemon.cli.output import path_fields, printable, readable, storable
from daemon.cli.session import Session
from daemon.cli.volume_documents import one_document
from daemon.cli.volume_places import real_directory, refuse_other_volumes, refuse_own_places

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from catalog.commands import AddVolume
    from catalog.values import Volume
    from daemon.relocation import Survey

Document = dict[str, Any]
RELOCATED_VARIABLE = "GLASSINE_VOLUME_RELOCATED"
_ANSWERS = ("moved", "copied")
# Whether the old place still answers is good to know, and not worth a long wait.
_OLD_PLACE_S = 3.0


@dataclass(frozen=True, slots=True)
class _Move:
    """A relocation as it was asked for, and what was found; `other_marker`: the volume whose marker is there, if another one's."""

    volume: Volume
    root: bytes
    answer: str | None
    new_name: str | None
    survey: Survey
    is_old_there: bool
    other_marker: str | None

    @property
    def told(self) -> str:
        """What was found, in user words."""
        known, name = self.survey.known, printable(self.volume.name)
        if not known:
            return f"no file of {name} is known that could be looked for in {readable(self.root)}"
        other = f", {self.survey.other} with another size or time" if self.survey.other else ""
        return f"{self.survey.found} of {known} known files of {name} that were looked for are in {readable(self.root)}{other}"


@click.command()
@click.argument("name", shell_complete=complete_volume)
@click.argument("path", type=click.Path())
@click.option(
    "--moved",
    "is_moved",
    is_flag=True,
    help="The volume is there now; if it is the same disk, nothing is read again.",
)
@click.option("--copied", "is_copied", is_flag=True, help="It is a copy: add it as a volume of its own.")
@click.option(
    "--name", "new_name", metavar="M", help="What a copy is called. Default: the name of the directory."
)
@click.option("-n", "--dry-run", is_flag=True, help="Only tell what would happen.")
@click.option(
    "--yes", "is_meant", is_flag=True, help="Do it although the files are not there, or are in both places."
)
@click.pass_obj
def relocate(
    session: Session,
    name: str,
    path: str,
    *,
    is_moved: bool,
    is_copied: bool,
    new_name: str | None,
    dry_run: bool,
    is_meant: bool,
) -> None:
    """Tell where a volume is now: its disk is mounted elsewhere, or its folder was moved, restored or copied.

    Some of its known files are looked for in PATH first. --moved or --copied, or in scripts the environment variable
    GLASSINE_VOLUME_RELOCATED=moved|copied, says which of the two it is: a program cannot tell. A folder that was renamed, or
    a disk that is mounted elsewhere, is not read again; files that were copied to another disk are, once.
    """
    answer = _answer(is_moved=is_moved, is_copied=is_copied)
    if new_name is not None and answer == "moved":
        raise UsageError("--name is for a copy: a volume that moved keeps its name")
    move = _looked_at(session, name, real_directory(os.fsencode(path)), answer, new_name)
    warnings = _judge(move, is_meant=is_meant, is_asked=not dry_run)
    if dry_run:
        with session.reader() as reader:
            document = one_document(session, reader, name)
    elif answer == "moved":
        document = _move(session, move)
    else:
        document = _copy(session, move)
    data = _move_document(move, document, warnings, is_done=not dry_run)
    session.output.document(data, _move_lines(move, warnings, is_done=not dry_run))


def _answer(*, is_moved: bool, is_copied: bool) -> str | None:
    if is_moved and is_copied:
        raise UsageError("either --moved or --copied")
    if is_moved or is_copied:
        return "moved" if is_moved else "copied"
    said = os.environ.get(RELOCATED_VARIABLE) or None
    if said is not None and said not in _ANSWERS:
        raise UsageError(f"{RELOCATED_VARIABLE} is {said}; it must be moved or copied")
    return said


def _looked_at(session: Session, name: str, root: bytes, answer: str | None, new_name: str | None) -> _Move:
    from catalog.store.volumes import volume_by_name, volumes
    from daemon.relocation import survey

    library, config = session.library(), session.config()
    with session.reader() as reader:
        found = volume_by_name(reader, name)
        # A copy below the volume itself would be known twice as well.
        others = [other for other in volumes(reader) if other.id != found.id or answer == "copied"]
    refuse_own_places(library, root)
    refuse_other_volumes(root, [other for other in others if other.state != "retired"])
    looked = survey(library, config, found, root)
    if looked.report.error is not None:
        raise VolumeOffline(f"{readable(root)} cannot be listed ({looked.report.error})", **path_fields(root))
    if looked.report.is_own_state:
        raise InvalidValue(f"{readable(root)} belongs to a library of ours", **path_fields(root))
    is_old_there = False
    if root != found.root:
        try:
            old = survey(library, config, found, found.root, hang_s=_OLD_PLACE_S)
            is_old_there = old.is_proof and not old.report.is_empty
        except VolumeOffline:
            is_old_there = False
    if answer == "copied":
        _refuse_taken_name(_copy_name(root, new_name), others)
    marker = looked.report.marker
    theirs = next(
        (one.name for one in others if marker and one.marker == marker and one.id != found.id), None
    )
    return _Move(found, root, answer, new_name, looked, is_old_there, theirs)


def _judge(move: _Move, *, is_meant: bool, is_asked: bool) -> list[str]:
    """Return warnings; raise what keeps it from being done.

    Raises:
        Conflict: nobody said whether it moved, or its files are not there. NeedsYes: they are in both places.
    """
    facts = {"known": move.survey.known, "found": move.survey.found, **path_fields(move.root)}
    if move.answer is None and is_asked:
        hint = (
            "--moved: the volume is there now, under its name. --copied: the place becomes a volume of its own."
            f" In scripts: {RELOCATED_VARIABLE}=moved or copied."
        )
        raise Conflict(f"{move.told}: was it moved or copied there?", hint=hint, **facts)
    if move.answer != "moved":
        return list(_copy_warnings(move)) if move.answer is not None else []
    if move.other_marker is not None:
        raise Conflict(
            f"the marker in {readable(move.root)} is that of the volume {move.other_marker}",
            hint="If that one moved here, relocate it; if this is a copy, remove .glassine-volume from it.",
            **facts,
        )
    warnings = []
    if not move.survey.is_proof:
        if not is_meant and is_asked:
            hint = (
                "It is, if the files were copied without their times: --yes believes you, and they are read once."
                if move.survey.other
                else "Look whether it is the right folder; --yes believes you. Files that are not there will be missing."
            )
            raise Conflict(f"this does not look like it: {move.told}", hint=hint, **facts)
        warnings.append(f"{move.told}: {_what_follows(move.survey)}")
    if move.is_old_there:
        old = readable(move.volume.root)
        message = f"the files of {printable(move.volume.name)} are still in {old} as well"
        if not is_meant and is_asked:
            hint = "If it is a copy: --copied. With --yes the volume is in the new place, and the old one is no part of it."
            raise NeedsYes(message, hint=hint, **facts)
        warnings.append(f"{message}: those are no part of it from now on")
    return warnings


def _what_follows(survey: Survey) -> str:
    """Say what the next looks make of a place that is believed without proof."""
    if not survey.found and not survey.other:
        return "it is suspect until `glassine volume accept-empty`, or its files will be missing"
    read = ["those with another size or time are read once"] if survey.other else []
    gone = ["the others will be missing"] if survey.found + survey.other < survey.known else []
    return ", ".join(read + gone)


def _copy_warnings(move: _Move) -> Iterator[str]:
    place, name, marker = readable(move.root), printable(move.volume.name), move.survey.report.marker
    if move.survey.known and not move.survey.found and not move.survey.other:
        yield f"none of the files of {name} that were looked for is in {place}: it is no copy"
    if marker is not None and marker == move.volume.marker:
        yield (
            f"{place} has the marker of {name}: remove .glassine-volume from it, or it is not believed to be a volume"
            " of its own"
        )


def _move(session: Session, move: _Move) -> Document:
    from catalog.commands import RelocateVolume

    session.submit(RelocateVolume(volume=move.volume.name, root=move.root))
    with session.reader() as reader:
        return one_document(session, reader, move.volume.name)


def _copy(session: Session, move: _Move) -> Document:
    from catalog.commands import AddLibraryPath
    from catalog.store.volumes import library_paths

    with session.reader() as reader:
        paths = [one.path for one in library_paths(reader, move.volume.id)]
    added = session.submit(_copied_volume(move))["name"]
    for one in paths:
        session.submit(AddLibraryPath(volume=added, path=one))
    with session.reader() as reader:
        return one_document(session, reader, added)


def _copy_name(root: bytes, new_name: str | None) -> str:
    return storable(new_name if new_name is not None else os.fsdecode(os.path.basename(root)))


def _refuse_taken_name(name: str, others: Iterable[Volume]) -> None:
    """Refuse the name of another volume: a copy mostly lies in a folder of the same name."""
    from catalog.names import clean_label, fold

    if name.strip() and fold(clean_label(name)) in {fold(one.name) for one in others}:
        raise AlreadyExists(
            f"there is a volume {name!r} already", hint="--name says what the copy is called", name=name
        )


def _copied_volume(move: _Move) -> AddVolume:
    from catalog.commands import AddVolume

    name = _copy_name(move.root, move.new_name)
    return AddVolume(name=name, root=move.root, mode=move.volume.mode, excludes=move.volume.excludes)


def _move_document(move: _Move, volume: Document, warnings: list[str], *, is_done: bool) -> Document:
    return {
        "done": is_done,
        "answer": move.answer,
        **path_fields(move.volume.root, "from"),
        **path_fields(move.root, "to"),
        "known": move.survey.known,
        "found": move.survey.found,
        "old_is_there": move.is_old_there,
        "warnings": warnings,
        "volume": volume,
    }


def _move_lines(move: _Move, warnings: list[str], *, is_done: bool) -> Iterator[str]:
    yield move.told
    for warning in warnings:
        yield f"warning: {warning}"
    name, root = printable(move.volume.name), readable(move.root)
    if move.answer == "moved":
        yield f"{name} {'is' if is_done else 'would be'} at {root}; paths inside it stay as they are"
    elif move.answer == "copied":
        added = printable(_copied_volume(move).name)
        yield f"{root} {'is' if is_done else 'would be'} the volume {added}; the next scan finds its photos to be the same"
    else:
        yield "--moved or --copied says which of the two it is"
