"""Logging of every process of ours: people's lines or JSON lines, on stderr.

A detached process gets stderr redirected to `state/log/<name>.log` by whoever detaches it (`detached_log`);
so there is one place where records go, and it is stderr. Must not know: who logs what.

Invariants
- Nothing but records, and progress of `./run` and `scan`, goes to stderr; nothing at all goes to stdout.
- A path that is not UTF-8 never breaks a line: surrogates are written as escapes.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

LEVELS = ("error", "warning", "info", "debug")
# A log is moved aside (one generation kept) when a detached process starts and finds it longer than this.
_ROTATE_BYTES = 8 * 1024 * 1024
_STANDARD_ATTRIBUTES = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def set_up_logging(*, level: str = "warning", as_json: bool = False, stream: TextIO | None = None) -> None:
    """Send every record of this process to `stream` (default: stderr). May be called again; the last one rules."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter() if as_json else HumanFormatter())
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())


class HumanFormatter(logging.Formatter):
    """`12:04:31 warning daemon.scan: text`; a terminal's control characters in names are escaped."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line, and the traceback's lines if there is one."""
        clock = datetime.fromtimestamp(record.created, UTC).astimezone().strftime("%H:%M:%S")
        line = f"{clock} {record.levelname.lower()} {record.name}: {printable(record.getMessage())}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line.encode("utf-8", "backslashreplace").decode()


class JsonFormatter(logging.Formatter):
    """One JSON object a line: `time` (RFC 3339 UTC), `level`, `logger`, `message`, `pid`, and the extra fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; ASCII, so that surrogates survive as escapes."""
        document: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "pid": record.process,
        }
        document.update(
            (name, value) for name, value in vars(record).items() if name not in _STANDARD_ATTRIBUTES
        )
        if record.exc_info:
            document["traceback"] = self.formatException(record.exc_info)
        return json.dumps(document, default=repr)


def printable(text: str) -> str:
    """Escape control characters, so that a file name cannot drive the terminal or forge a second line."""
    return "".join(
        character if character >= " " and not "\x7f" <= character <= "\x9f" else f"\\x{ord(character):02x}"
        for character in text
    )


def detached_log(state_dir: Path, name: str) -> int:
    """Open `state/log/<name>.log` for appending, mode 0600, and return the descriptor (close-on-exec)."""
    folder = state_dir / "log"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{name}.log"
    if path.exists() and path.stat().st_size > _ROTATE_BYTES:
        path.replace(path.with_suffix(".log.1"))
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
