"""Commands as JSON: `{"do": name, field: value, …}`; bytes as base64. Strict: what is unknown is refused.

What comes in may be from anybody who can reach the control socket: every type is checked against the dataclass.
"""

from __future__ import annotations

import base64
import binascii
import math
from dataclasses import MISSING, fields
from typing import Any

from catalog.commands.values import NAMES, Command
from catalog.errors import InvalidValue

_KINDS = {name: kind for kind, name in NAMES.items()}
# By the annotations as they are written (`from __future__ import annotations`); `… | None` besides.
_JSON_TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "bytes": (str,),
    "bool": (bool,),
    "int": (int,),
    "float": (float, int),
    "Mode": (str,),
    "tuple[str, ...]": (list,),
    "Photos": (list,),
}
_OPTIONAL = " | None"
MODES = ("ro", "rw")
# What an INTEGER column holds.
_MAX_INT = 2**63 - 1


def encode(command: Command) -> dict[str, Any]:
    """Return the JSON document of a command."""
    document: dict[str, Any] = {"do": NAMES[type(command)]}
    for one in fields(command):
        value = getattr(command, one.name)
        if isinstance(value, bytes):
            value = base64.b64encode(value).decode("ascii")
        document[one.name] = list(value) if isinstance(value, tuple) else value
    return document


def decode(document: object) -> Command:
    """Return the command of a JSON document.

    Raises:
        InvalidValue: no object, an unknown command, a missing, unknown or wrongly typed field.
    """
    do = document.get("do") if isinstance(document, dict) else None
    if not isinstance(document, dict) or not isinstance(do, str) or do not in _KINDS:
        raise InvalidValue(
            "this is no command that this program knows", hint="is the daemon of the same version?"
        )
    kind = _KINDS[do]
    known = {one.name: one for one in fields(kind)}
    unknown = document.keys() - known.keys() - {"do"}
    if unknown:
        raise InvalidValue(f"{do} has no field {min(unknown)!r}")
    values = {}
    for name, one in known.items():
        if name in document:
            values[name] = _value(f"{do}.{name}", str(one.type), document[name])
        elif one.default is MISSING:
            raise InvalidValue(f"{do} needs the field {name!r}")
    return kind(**values)


def _value(where: str, annotation: str, raw: object) -> Any:
    if raw is None and annotation.endswith(_OPTIONAL):
        return None
    annotation = annotation.removesuffix(_OPTIONAL)
    if type(raw) not in _JSON_TYPES[annotation]:
        raise InvalidValue(f"{where} has a value of the wrong type")
    if annotation == "bytes":
        return _bytes(where, str(raw))
    if annotation == "Mode" and raw not in MODES:
        raise InvalidValue(f"{where} is ro or rw, not {raw!r}")
    if isinstance(raw, list):
        if not all(isinstance(part, str) for part in raw):
            raise InvalidValue(f"{where} holds something that is no text")
        return tuple(raw)
    return _number(where, annotation, raw) if isinstance(raw, int | float) else raw


def _number(where: str, annotation: str, raw: int | float) -> int | float:
    """Refuse what no column holds: JSON knows numbers of any length, and Python's reads NaN and Infinity."""
    if not (isinstance(raw, float) and not math.isfinite(raw)) and abs(raw) <= _MAX_INT:
        return float(raw) if annotation == "float" else raw
    raise InvalidValue(f"{where} is no number that can be kept")


def _bytes(where: str, text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidValue(f"{where} is not base64") from error
