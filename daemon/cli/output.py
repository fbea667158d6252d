"""The contract of the command line's output: data on stdout, everything else on stderr, failures as documents.

Short commands print one document `{"ok": true, "data": …}`; streaming ones print JSON Lines with a `type`, the last of
them exactly one `summary`. A failure is `{"ok": false, "error": {…}}`; of a streaming command it is a summary that
carries the `error` too, so that both rules hold for the last line. Knows no click, no catalog.

Invariants
- With `--json` every byte on stdout belongs to a document of `docs/schemas/`; without it names are printed with
  control characters escaped, so that a file name cannot drive a terminal.
- stdout is UTF-8 whatever the locale says. A reader that goes away (`| head`) ends the command quietly.
"""

from __future__ import annotations

import base64
import json
import os
import re
import sys
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TextIO

from catalog.errors import GlassineError

Document = Mapping[str, Any]


class Output:
    """What one invocation says. Lives as long as the command; used by one thread.

    `counts` is what the summary will say; a streaming verb keeps it up to date, so that an interrupted
    one tells the truth as well.
    """

    def __init__(self, *, is_json: bool, stdout: TextIO | None = None, stderr: TextIO | None = None) -> None:
        self.is_json = is_json
        self.is_stream = False
        self.counts: dict[str, int] = {}
        self._stdout = stdout or sys.stdout
        self._stderr = stderr or sys.stderr
        self._started_s = time.monotonic()
        self._lines = 0
        self._is_complete = False

    def document(
        self, data: Any, text: str | Iterable[str] = (), *, error: GlassineError | None = None
    ) -> None:
        """Say the whole answer of a short command: `data` as JSON, or the lines of `text` for people.

        With an `error` it is an answer that the command counts as a failure (`doctor`): both are told.
        """
        if self.is_json and error is not None:
            self._write_json({"ok": False, "error": error_document(error), "data": data})
        elif self.is_json:
            self._write_json({"ok": True, "data": data})
        else:
            for line in [text] if isinstance(text, str) else text:
                self.text(line)
        self._is_complete = True

    def line(self, kind: str, fields: Document, text: str | None = None) -> None:
        """Say one line of a streaming command; `text` is what people see of it (None = nothing)."""
        if self.is_json:
            self._write_json({"type": kind, **fields})
            self._lines += 1
            if kind == "progress":
                self.flush()
        elif text is not None:
            self.text(text)

    def error_line(self, error: GlassineError) -> None:
        """Say that one item failed and that the command goes on."""
        if self.is_json:
            self.line("error", {"error": error_document(error)})
        else:
            self._complain(error)

    def summary(
        self, *, is_ok: bool = True, error: GlassineError | None = None, text: str | None = None
    ) -> None:
        """Say the last line of a streaming command, once."""
        if self.is_json:
            document = {
                "type": "summary",
                "ok": is_ok and error is None,
                "counts": self.counts,
                "seconds": round(time.monotonic() - self._started_s, 3),
                "error": None if error is None else error_document(error),
            }
            self._write_json(document)
        elif text is not None:
            self.note(text)
        self._is_complete = True

    def fail(self, error: GlassineError) -> int:
        """Say that the command failed, in the form that its kind asks for; returns the exit code."""
        if not self.is_json or self._is_complete:
            self._complain(error)
        elif self.is_stream:
            if self._lines:
                self.error_line(error)
            self.summary(error=error)
        else:
            self._write_json({"ok": False, "error": error_document(error)})
        return error.exit_code

    def text(self, line: str) -> None:
        """Write one line of data for people."""
        self._stdout.write(line + "\n")

    def raw(self, content: bytes) -> None:
        """Write bytes of data as they are (paths with `-0`)."""
        self._stdout.flush()
        self._stdout.buffer.write(content)

    def note(self, line: str) -> None:
        """Write one line about the work (not data) to stderr."""
        self._stderr.write(line + "\n")

    def flush(self) -> None:
        """Hand everything to the system; raises BrokenPipeError or ENOSPC here rather than at exit."""
        self._stdout.flush()

    def _complain(self, error: GlassineError) -> None:
        self.flush()
        self.note(f"glassine: {printable(error.message)}")
        if error.hint:
            self.note(f"hint: {printable(error.hint)}")

    def _write_json(self, document: Document) -> None:
        text = json.dumps(
            document, ensure_ascii=False, allow_nan=False, default=_plain, separators=(",", ":")
        )
        # Surrogates (bytes that are no UTF-8) cannot be written; what is exact travels in `…_b64` fields.
        self._stdout.write(text.encode("utf-8", "replace").decode() + "\n")


def error_document(error: GlassineError) -> dict[str, Any]:
    """Return the `error` object: code, message, hint, exit_code, then the error's own fields."""
    return {
        "code": error.code,
        "message": error.message,
        "hint": error.hint,
        "exit_code": error.exit_code,
        **{key: value for key, value in error.details.items() if key not in ("code", "message", "hint")},
    }


def path_fields(raw: bytes, key: str = "path") -> dict[str, str | None]:
    """Return `path` (readable) and `path_b64` (exact; None when `path` already is)."""
    try:
        return {key: raw.decode("utf-8"), f"{key}_b64": None}
    except UnicodeDecodeError:
        return {key: raw.decode("utf-8", "replace"), f"{key}_b64": base64.b64encode(raw).decode("ascii")}


def readable(raw: bytes) -> str:
    """Return a path for people: undecodable bytes and control characters are escaped."""
    return printable(raw.decode("utf-8", "backslashreplace"))


def storable(text: str) -> str:
    """Return a word of the shell as text that can be stored: bytes that are no UTF-8 are escaped."""
    return os.fsencode(text).decode("utf-8", "backslashreplace")


def printable(text: str) -> str:
    """Escape control characters and surrogates."""
    return "".join(
        character if character.isprintable() or character == "\u200d" else _escaped(character)
        for character in text
    )


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


def instant(ns: int | None) -> str | None:
    """Write nanoseconds since 1970 as RFC 3339 in UTC, microseconds only when there are any."""
    if ns is None:
        return None
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=ns // 1000)
    return moment.isoformat().replace("+00:00", "Z")


def to_the_second(text: str) -> str:
    """Shorten an instant as `instant` writes it for people."""
    return re.sub(r"\.\d+Z$", "Z", text)


def _plain(value: object) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, set | frozenset | tuple):
        return sorted(value)
    return str(value)
