"""Commands as sentences in the past tense: what an edit tells when it is done, and what `log` lists. Pure.

Speaks of the JSON form of commands (`catalog.commands.encode`), which is what the journal keeps: commands of older
versions, and those of the machine, are told as well as they can be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from daemon.cli.output import printable

Told = Mapping[str, Any]
# A label may be 10 kB long; a line of a terminal is not.
_MAX_CHARACTERS = 60


def sentence(command: Told, changed: int, answer: Told | None = None) -> str:
    """Say what a command did to `changed` photos; `answer` (if it is at hand) knows more than the command."""
    tell = _SENTENCES.get(str(command.get("do")))
    try:
        said = tell(command, photos_text(changed)) if tell is not None else f"did {quoted(command.get('do'))}"
    except (KeyError, TypeError):  # a command of another version has other fields
        return f"did {quoted(command.get('do'))}"
    return (
        f"{said}, which was there: the two are one now"
        if answer is not None and answer.get("merged")
        else said
    )


def photos_text(count: int) -> str:
    """Write a number of photos."""
    return "1 photo" if count == 1 else f"{count} photos"


def files_text(count: int) -> str:
    """Write a number of files."""
    return "1 file" if count == 1 else f"{count} files"


def quoted(text: object) -> str:
    """Write what a user called something: safe for a terminal, and short."""
    shown = printable(str(text))
    return shown if len(shown) <= _MAX_CHARACTERS else f"{shown[: _MAX_CHARACTERS - 1]}…"


def delta_text(months: int, days: int, microseconds: int) -> str:
    """Write a distance in time as `date shift` reads it."""
    sign = "-" if min(months, days, microseconds) < 0 else "+"
    years, months = divmod(abs(months), 12)
    hours, rest = divmod(abs(microseconds), 3_600_000_000)
    minutes, rest = divmod(rest, 60_000_000)
    seconds, fraction = divmod(rest, 1_000_000)
    second = f"{seconds}.{fraction:06d}".rstrip("0") if fraction else seconds
    parts = [(years, "y"), (months, "mo"), (abs(days), "d"), (hours, "h"), (minutes, "m"), (second, "s")]
    return sign + "".join(f"{number}{unit}" for number, unit in parts if number)


def _list(names: object) -> str:
    return ", ".join(quoted(name) for name in names) if isinstance(names, list | tuple) else quoted(names)


def _offset(minutes: int | None) -> str:
    if minutes is None:
        return ""
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02d}:{rest:02d}"


def _rate(c: Told, n: str) -> str:
    return f"took back the rating of {n}" if c["rating"] is None else f"rated {n} {c['rating']}"


def _label(c: Told, n: str) -> str:
    return f"took back the label of {n}" if c["label"] is None else f"labelled {n} {quoted(c['label'])}"


def _text(what: str) -> Callable[[Told, str], str]:
    def tell(c: Told, n: str) -> str:
        if c[what] is None:
            return f"took back the {what} of {n}"
        return f"gave {n} the {what} {quoted(c[what])}" if c[what] else f"gave {n} no {what}"

    return tell


def _switch(field: str, on: str, off: str) -> Callable[[Told, str], str]:
    return lambda c, n: (on if c.get(field, True) else off).format(n)


def _date_set(c: Told, n: str) -> str:
    zone = f" {quoted(c['zone'])}" if c.get("zone") else ""
    return f"dated {n} {quoted(c['local'])}{_offset(c.get('offset_min'))}{zone}"


def _date_shift(c: Told, n: str) -> str:
    return f"shifted the date of {n} by {delta_text(c['months'], c['days'], c['microseconds'])}"


def _place_set(c: Told, n: str) -> str:
    if c["lat"] is None:
        return f"said of {n} that the place is not to be told"
    altitude = "" if c.get("alt") is None else f",{c['alt']:g}m"
    return f"placed {n} at {c['lat']:.6g},{c['lon']:.7g}{altitude}"


def _tag_alias(c: Told, n: str) -> str:
    said = "no longer means" if c.get("is_removed") else "means"
    return f"{quoted(c['alias'])} {said} the tag {quoted(c['tag'])}"


def _album_order(c: Told, n: str) -> str:
    return f"ordered the album {quoted(c['album'])}" + (f" by {quoted(c['by'])}" if c.get("by") else "")


def _album_cover(c: Told, n: str) -> str:
    said = "the first photo as" if c["photo"] is None else f"{quoted(c['photo'])} as"
    return f"chose {said} the cover of the album {quoted(c['album'])}"


def _face_add(c: Told, n: str) -> str:
    return f"marked a face of {quoted(c['person'])}" if c.get("person") else "marked a face"


def _undo(c: Told, n: str) -> str:
    return "took back the last edit" if c.get("journal") is None else f"took back row {c['journal']}"


_SENTENCES: dict[str, Callable[[Told, str], str]] = {
    "tag.add": lambda c, n: f"tagged {n} with {_list(c['tags'])}",
    "tag.remove": lambda c, n: f"took {_list(c['tags'])} off {n}",
    "tag.create": lambda c, n: f"made the tag {quoted(c['tag'])}",
    "tag.rename": lambda c, n: f"renamed the tag {quoted(c['tag'])} to {quoted(c['name'])}",
    "tag.delete": lambda c, n: f"deleted the tag {quoted(c['tag'])}",
    "tag.alias": _tag_alias,
    "album.create": lambda c, n: f"made the album {quoted(c['album'])}",
    "album.add": lambda c, n: f"put {n} into the album {quoted(c['album'])}",
    "album.remove": lambda c, n: f"took {n} out of the album {quoted(c['album'])}",
    "album.order": _album_order,
    "album.rename": lambda c, n: f"renamed the album {quoted(c['album'])} to {quoted(c['name'])}",
    "album.delete": lambda c, n: f"deleted the album {quoted(c['album'])}",
    "album.cover": _album_cover,
    "search.save": lambda c, n: f"saved the search {quoted(c['name'])}: {quoted(c['query'])}",
    "search.delete": lambda c, n: f"forgot the search {quoted(c['name'])}",
    "rate": _rate,
    "label": _label,
    "favorite": _switch("is_favorite", "made {} favourite", "made {} favourite no longer"),
    "reject": _switch("is_rejected", "rejected {}", "accepted {} again"),
    "hide": _switch("is_hidden", "hid {}", "showed {} again"),
    "title": _text("title"),
    "describe": _text("description"),
    "date.set": _date_set,
    "date.shift": _date_shift,
    "date.clear": lambda c, n: f"took back the date of {n}",
    "place.set": _place_set,
    "place.clear": lambda c, n: f"took back the place of {n}",
    "person.add": lambda c, n: f"named {quoted(c['person'])} in {n}",
    "person.remove": lambda c, n: f"took {quoted(c['person'])} out of {n}",
    "person.rename": lambda c, n: f"renamed {quoted(c['person'])} to {quoted(c['name'])}",
    "person.merge": lambda c, n: f"made {_list(c['persons'])} and {quoted(c['into'])} one person",
    "face.add": _face_add,
    "face.remove": lambda c, n: "removed a face",
    "stack.make": lambda c, n: f"stacked {n}",
    "stack.cover": lambda c, n: f"chose {quoted(c['photo'])} as the cover of its stack",
    "stack.split": lambda c, n: f"took {n} out of their stacks",
    "trash.put": lambda c, n: f"put {n} into the trash",
    "trash.restore": lambda c, n: f"restored {n} from the trash",
    "undo": _undo,
    "read_sidecar": lambda c, n: f"read the sidecar {quoted(c['sidecar'])} of {n}",
    "merge": lambda c, n: (
        f"found that {quoted(c['from'])} has the bytes of {quoted(c['into'])}: one photo now"
    ),
    "inherit": lambda c, n: (
        f"let {quoted(c['into'])}, a former version of {quoted(c['from'])}, keep what was said of it"
    ),
    "trash.purge": lambda c, n: f"planned to remove the files of trashed photos: {c['files']}",
    "restore": lambda c, n: f"restored the backup {quoted(c['file'])}",
    "restore_dump": lambda c, n: "restored a dump",
    "volume.add": lambda c, n: f"added the volume {quoted(c['name'])}",
    "path.add": lambda c, n: f"added a path to the volume {quoted(c['volume'])}",
    "path.remove": lambda c, n: f"removed a path from the volume {quoted(c['volume'])}",
    "volume.accept_empty": lambda c, n: f"accepted what is gone from the volume {quoted(c['volume'])}",
    "volume.disable": lambda c, n: f"disabled the volume {quoted(c['volume'])}",
    "volume.enable": lambda c, n: f"enabled the volume {quoted(c['volume'])}",
    "volume.relocate": lambda c, n: f"said that the volume {quoted(c['volume'])} is at another place",
    "volume.retire": lambda c, n: f"retired the volume {quoted(c['volume'])}",
    "volume.forget": lambda c, n: f"made {quoted(c['volume'])} no volume any more",
    "account.add": lambda c, n: f"added the account {quoted(c['name'])}",
    "account.password": lambda c, n: f"changed the password of {quoted(c['name'])}",
    "account.disable": _switch("is_disabled", "locked an account", "unlocked an account"),
}
