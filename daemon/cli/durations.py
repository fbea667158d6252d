"""Lengths of time as people write them on the command line: 90s, 15min, 2h, 30d, 4w; 0 is none."""

from __future__ import annotations

import re
from typing import Any

import click

_SECONDS = {"s": 1, "min": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"([0-9]{1,9}) ?([a-z]+)")
_MOST_S = 100 * 366 * 86_400


class Duration(click.ParamType[int, Any]):
    """Reads a length of time as whole seconds. `least` is the shortest one that makes sense."""

    name = "duration"

    def __init__(self, *, least: int = 0) -> None:
        self._least = least

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return seconds; a click error that says how to write it."""
        text = str(value).strip().lower()
        match = _DURATION.fullmatch("0s" if text == "0" else text)
        if match is None or match[2] not in _SECONDS:
            hint = "; minutes are min" if match is not None and match[2] == "m" else ""
            self.fail(f"{value!r} is no length of time: write 90s, 15min, 2h, 30d or 4w{hint}", param, ctx)
        seconds = int(match[1]) * _SECONDS[match[2]]
        if seconds > _MOST_S:
            self.fail(f"{value!r} is longer than a hundred years", param, ctx)
        if seconds < self._least:
            self.fail(f"{value!r} is too short", param, ctx)
        return seconds
