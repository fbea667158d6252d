"""Log lines: one a record, safe for terminals, exact for programs."""

from __future__ import annotations

import io
import json
import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.logs import detached_log, printable, set_up_logging


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    yield
    root.handlers[:] = before
    root.setLevel(level)


def _logged(*, as_json: bool) -> str:
    stream = io.StringIO()
    set_up_logging(level="info", as_json=as_json, stream=stream)
    log = logging.getLogger("test")
    log.info("found %s", os.fsdecode(b"a\nb\x1b[31m\xff.jpg"), extra={"volume": "nas"})
    log.debug("not this")
    return stream.getvalue()


def test_a_file_name_cannot_forge_a_line_or_drive_the_terminal() -> None:
    (line,) = _logged(as_json=False).splitlines()
    assert line.endswith(r"info test: found a\x0ab\x1b[31m\udcff.jpg")


def test_json_lines_carry_level_logger_message_time_and_extra_fields() -> None:
    (line,) = _logged(as_json=True).splitlines()
    document = json.loads(line)
    assert (document["level"], document["logger"], document["volume"]) == ("info", "test", "nas")
    assert document["message"] == "found " + os.fsdecode(b"a\nb\x1b[31m\xff.jpg")
    assert document["time"].endswith("Z")


def test_text_without_control_characters_is_left_as_it_is() -> None:
    assert printable("Grüße 富士山 🎉") == "Grüße 富士山 🎉"


def test_a_detached_log_is_appended_to_and_private(tmp_path: Path) -> None:
    for text in (b"one\n", b"two\n"):
        descriptor = detached_log(tmp_path, "daemon")
        os.write(descriptor, text)
        os.close(descriptor)
    path = tmp_path / "log" / "daemon.log"
    assert path.read_bytes() == b"one\ntwo\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_long_log_is_moved_aside_once(tmp_path: Path) -> None:
    os.close(detached_log(tmp_path, "daemon"))
    path = tmp_path / "log" / "daemon.log"
    os.truncate(path, 9 * 1024 * 1024)
    os.close(detached_log(tmp_path, "daemon"))
    assert path.stat().st_size == 0
    assert (tmp_path / "log" / "daemon.log.1").stat().st_size == 9 * 1024 * 1024
