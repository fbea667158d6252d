"""The output contract: documents, lines, failures; and the table of errors."""

from __future__ import annotations

import errno
import io
import json
import signal
from typing import Any

import click
import pytest

from catalog import errors
from catalog.errors import GlassineError, Interrupted, NotFound, UsageError
from daemon.cli.main import translate
from daemon.cli.output import Output, error_document, instant, path_fields, printable, readable


def output(*, is_json: bool = True, is_stream: bool = False) -> tuple[Output, io.StringIO, io.StringIO]:
    stdout, stderr = io.StringIO(), io.StringIO()
    made = Output(is_json=is_json, stdout=stdout, stderr=stderr)
    made.is_stream = is_stream
    return made, stdout, stderr


def documents(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_short_command_prints_one_document() -> None:
    out, stdout, stderr = output()
    out.document({"a": None}, "text")
    assert documents(stdout) == [{"ok": True, "data": {"a": None}}]
    assert stderr.getvalue() == ""


def test_without_json_people_get_the_text() -> None:
    out, stdout, _ = output(is_json=False)
    out.document({"a": 1}, ["one", "two"])
    assert stdout.getvalue() == "one\ntwo\n"


def test_a_failure_is_a_document_and_gives_the_exit_code() -> None:
    out, stdout, _ = output()
    assert out.fail(NotFound("no such photo", hint="look again", uid="x")) == 15
    assert documents(stdout) == [
        {
            "ok": False,
            "error": {
                "code": "not_found",
                "message": "no such photo",
                "hint": "look again",
                "exit_code": 15,
                "uid": "x",
            },
        }
    ]


def test_without_json_a_failure_is_one_line_and_a_hint_on_stderr() -> None:
    out, stdout, stderr = output(is_json=False)
    out.fail(NotFound("no a\nb", hint="look again"))
    assert stdout.getvalue() == ""
    assert stderr.getvalue() == "glassine: no a\\nb\nhint: look again\n"


def test_a_stream_ends_with_exactly_one_summary() -> None:
    out, stdout, _ = output(is_stream=True)
    out.counts["photos"] = 1
    out.line("photo", {"uid": "x"})
    out.summary()
    photo, summary = documents(stdout)
    assert photo == {"type": "photo", "uid": "x"}
    assert summary.pop("seconds") >= 0
    assert summary == {"type": "summary", "ok": True, "counts": {"photos": 1}, "error": None}


def test_a_stream_that_fails_at_once_prints_a_summary_that_is_the_failure() -> None:
    out, stdout, _ = output(is_stream=True)
    out.fail(UsageError("no"))
    (summary,) = documents(stdout)
    assert summary["type"] == "summary"
    assert summary["ok"] is False
    assert summary["error"]["code"] == "usage"


def test_a_stream_that_fails_in_the_middle_says_so_in_a_line_and_in_the_summary() -> None:
    out, stdout, _ = output(is_stream=True)
    out.line("photo", {"uid": "x"})
    assert out.fail(Interrupted("interrupted")) == 130
    _, error, summary = documents(stdout)
    assert error["type"] == "error"
    assert error["error"]["code"] == summary["error"]["code"] == "interrupted"
    assert summary["ok"] is False


def test_a_failure_after_the_last_document_never_makes_a_second_one() -> None:
    out, stdout, stderr = output()
    out.document([])
    assert out.fail(GlassineError("late")) == 1
    assert len(documents(stdout)) == 1
    assert "late" in stderr.getvalue()


def test_paths_that_are_not_utf8_come_twice() -> None:
    assert path_fields("Zürich".encode()) == {"path": "Zürich", "path_b64": None}
    assert path_fields(b"a\xff") == {"path": "a\ufffd", "path_b64": "Yf8="}
    assert readable(b"a\xff\x1b[31m") == "a\\xff\\x1b[31m"


def test_surrogates_never_break_a_document() -> None:
    out, stdout, _ = output()
    out.document({"argument": "a\udcff"})
    assert stdout.getvalue().encode("utf-8").decode() == '{"ok":true,"data":{"argument":"a?"}}\n'


def test_names_cannot_drive_the_terminal_but_joined_emoji_stay() -> None:
    assert printable("a\x1b]0;x\x07\u202eb") == "a\\x1b]0;x\\x07\\u202eb"
    assert printable("👩\u200d👧 Zürich") == "👩\u200d👧 Zürich"


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (None, None),
        (0, "1970-01-01T00:00:00Z"),
        (1_565_181_000_123_456_789, "2019-08-07T12:30:00.123456Z"),
        (-1_000_000_000, "1969-12-31T23:59:59Z"),
        (-2_208_988_800_000_000_000, "1900-01-01T00:00:00Z"),
    ],
)
def test_instants_are_rfc3339_in_utc(ns: int | None, text: str | None) -> None:
    assert instant(ns) == text


@pytest.mark.parametrize(
    ("raised", "code", "exit_code"),
    [
        (KeyboardInterrupt(), "interrupted", 130),
        (click.Abort(), "interrupted", 130),
        (click.UsageError("bad"), "usage", 2),
        (click.BadParameter("bad"), "usage", 2),
        (click.NoSuchOption("--x", possibilities=["--y"]), "usage", 2),
        (PermissionError(errno.EACCES, "denied", "/x"), "not_permitted", 12),
        (OSError(errno.EROFS, "read-only", "/x"), "not_permitted", 12),
        (OSError(errno.ENOSPC, "full"), "storage_full", 1),
        (FileNotFoundError(errno.ENOENT, "gone", "/x"), "not_found", 15),
        (OSError(errno.EIO, "broken"), "error", 1),
        (ExceptionGroup("", [NotFound("x")]), "not_found", 15),
        (errors.VolumeOffline("x"), "volume_offline", 13),
    ],
)
def test_whatever_ends_the_command_becomes_one_of_our_errors(
    raised: BaseException, code: str, exit_code: int
) -> None:
    error = translate(raised)
    assert (error.code, error.exit_code) == (code, exit_code)
    assert error.message


@pytest.mark.allows_log("unexpected failure")
def test_a_bug_is_told_as_such_and_its_traceback_goes_to_the_log() -> None:
    error = translate(ZeroDivisionError("x"))
    assert error_document(error)["exception"] == "ZeroDivisionError"
    assert error.exit_code == 1


def test_details_never_hide_code_message_or_hint() -> None:
    error = GlassineError("said", hint=None, **{"code": "other"})
    assert error_document(error)["code"] == "error"


def test_sigint_and_our_exit_code_agree_with_the_shell() -> None:
    assert errors.EXIT_INTERRUPTED == 128 + signal.SIGINT
