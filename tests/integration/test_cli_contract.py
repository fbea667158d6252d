"""The contract of CLI.md that holds for every verb: documents, exit codes, streams, signals, start-up."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from daemon.cli.main import STREAMING, VERBS
from integration.cli_runner import REPOSITORY, Glassine, command, environment, validate

ALL_VERBS = [verb for verbs in VERBS.values() for verb in verbs]


@pytest.fixture
def glassine(tmp_path: Path) -> Glassine:
    return Glassine(tmp_path / "library", is_fresh=True)


@pytest.fixture
def quick(tmp_path: Path) -> Glassine:
    """The same command, forked from a process that has imported it: for what does not depend on the start."""
    return Glassine(tmp_path / "library")


def test_json_may_stand_before_or_after_the_verb(quick: Glassine) -> None:
    before = quick("--json", "help", "query", schema="help")
    after = quick("help", "query", "--json", schema="help")
    assert before.data == after.data


@pytest.mark.parametrize(
    "arguments",
    [
        ["frobnicate"],
        [],
        ["--frobnicate"],
        ["init", "--frobnicate"],
        ["init", "superfluous"],
        ["volume"],
        ["volume", "ad"],
        ["volume", "add"],
        ["volume", "relocate", "x"],
        ["volume", "relocate", "x", "y", "--moved", "--copied"],
        ["volume", "scans", "x", "--limit", "0"],
        ["volume", "forget"],
        ["completion", "csh"],
        ["ls", "--log-level", "loud"],
        ["why", "date"],
        ["config", "shwo"],
        ["tag"],
        ["tag", "ad"],
        ["tag", "rename", "one"],
        ["album", "order", "x", "--by", "colour"],
        ["rate", "--max-items", "few"],
        ["date", "shift"],
        ["face", "add", "0,0,1,1"],
        ["person", "merge", "--into", "x"],
        ["undo", "first"],
        ["log", "--limit", "0"],
    ],
)
def test_wrong_arguments_are_documents_with_exit_code_2(quick: Glassine, arguments: list[str]) -> None:
    done = quick(*arguments, "--json", schema="failure")
    assert done.code == 2
    assert done.error["code"] == "usage"
    assert done.error["message"]


@pytest.mark.parametrize("arguments", [["frobnicate"], ["find", "--frobnicate"]])
def test_without_json_errors_go_to_stderr_alone(glassine: Glassine, arguments: list[str]) -> None:
    done = glassine(*arguments)
    assert (done.code, done.stdout) == (2, b"")
    message, hint = done.stderr.splitlines()
    assert message.startswith("glassine: ")
    assert hint.startswith("hint: ")


def test_an_unknown_verb_is_told_with_the_nearest(quick: Glassine) -> None:
    assert quick("fnid", "--json").error["hint"] == "Did you mean find?"


@pytest.mark.parametrize("verb", sorted(STREAMING))
def test_argument_errors_of_a_stream_are_its_summary(quick: Glassine, verb: str) -> None:
    done = quick(*verb.split(), "--frobnicate", "--json", schema="summary")
    assert (done.code, done.error["code"]) == (2, "usage")


@pytest.mark.parametrize(
    "arguments",
    [
        ["ls"],
        ["find"],
        ["show", "abcdef"],
        ["stats"],
        ["check"],
        ["volume", "list"],
        ["volume", "probe"],
        ["volume", "scans", "x"],
        ["volume", "relocate", "x", "/"],
        ["volume", "forget", "x"],
        ["volume", "retire", "x"],
        ["config", "show"],
        ["user", "list"],
        ["why", "date", "abcdef"],
        ["tag", "add", "x", "abcdef"],
        ["tag", "list"],
        ["album", "create", "x"],
        ["album", "show", "x"],
        ["search", "save", "x", "rating=5"],
        ["search", "list"],
        ["rate", "5", "abcdef"],
        ["title", "--clear", "abcdef"],
        ["date", "shift", "-1h", "abcdef"],
        ["place", "set", "-1,1", "abcdef"],
        ["person", "list"],
        ["face", "list", "abcdef"],
        ["undo"],
        ["log"],
    ],
    ids=" ".join,
)
def test_without_a_library_the_exit_code_is_10(quick: Glassine, arguments: list[str]) -> None:
    done = quick(*arguments, "--json")
    validate(done.document, "summary" if arguments[0] in STREAMING else "failure")
    assert (done.code, done.error["code"]) == (10, "no_library")


def test_the_library_option_may_stand_anywhere_and_beats_the_environment(
    quick: Glassine, tmp_path: Path
) -> None:
    for arguments in (["--library", "x", "init"], ["init", "--library", "y"]):
        assert quick(*arguments, "--json", cwd=tmp_path, schema="init").data["library"] == str(
            tmp_path / arguments[arguments.index("--library") + 1]
        )
    assert not quick.library.exists()


def test_without_any_hint_the_library_is_in_the_users_data(glassine: Glassine, tmp_path: Path) -> None:
    env = {"GLASSINE_LIBRARY": "", "XDG_DATA_HOME": str(tmp_path / "share")}
    assert glassine("init", "--json", env=env).data["library"] == str(tmp_path / "share" / "glassine")


@pytest.mark.parametrize("verb", ALL_VERBS)
def test_every_verb_has_help_as_text_and_as_json(quick: Glassine, verb: str) -> None:
    text = quick(verb, "--help")
    assert text.code == 0
    assert f"glassine {verb}" in text.stdout.decode()
    data = quick(verb, "--help", "--json", schema="help").data
    assert data["command"] == f"glassine {verb}"
    assert quick("help", verb, "--json", schema="help").data["help"] == data["help"]


def test_version_is_told_both_ways(quick: Glassine) -> None:
    data = quick("--version", "--json", schema="version").data
    assert quick("--version").stdout.decode() == f"glassine {data['version']}\n"


def test_help_errors_lists_the_registry(quick: Glassine) -> None:
    assert "volume_offline" in quick("help", "errors").stdout.decode()
    assert quick("help", "frobnicate", "--json").code == 15


@pytest.mark.parametrize("locale", ["C", "POSIX", "de_DE.ISO-8859-1"])
def test_stdout_is_utf8_whatever_the_locale_says(glassine: Glassine, tmp_path: Path, locale: str) -> None:
    library = tmp_path / "Bücher"
    done = glassine("init", "--library", library, "--json", env={"LC_ALL": locale, "LANG": locale})
    assert done.data["library"] == str(library)
    assert library.is_dir()


def test_arguments_that_are_not_utf8_never_break_a_document(glassine: Glassine) -> None:
    done = glassine(b"\xff\xfe", "--json", schema="failure")
    assert done.error["code"] == "usage"


def test_a_reader_that_goes_away_ends_the_command_quietly(glassine: Glassine) -> None:
    with _started(glassine, "help", "query") as process:
        assert process.stdout is not None
        process.stdout.close()
        process.stdout = None
        _, stderr = process.communicate(timeout=30)
    assert (process.returncode, stderr) == (0, b"")


def test_a_full_disk_behind_stdout_is_an_error(glassine: Glassine) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*command(), "help", "query"],
            stdout=full,
            stderr=subprocess.PIPE,
            env=environment(glassine.library),
            cwd=REPOSITORY,
            timeout=30,
        )
    assert done.returncode == 1
    assert b"No space left" in done.stderr


def test_ctrl_c_is_130_and_a_document(glassine: Glassine, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert glassine("init").code == 0
    asking = ("user", "add", "ann", "--password-file", str(pipe), "--json")
    with _started(glassine, *asking) as process, _opened_for_writing(pipe):
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == 130, stderr
    document = json.loads(stdout)
    validate(document, "failure")
    assert document["error"]["code"] == "interrupted"


def _started(glassine: Glassine, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*command(), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(glassine.library),
        cwd=REPOSITORY,
    )


@contextmanager
def _opened_for_writing(pipe: Path) -> Iterator[None]:
    """Open a FIFO once somebody reads it, and keep it open: the reader waits for a line that never comes."""
    deadline = time.monotonic() + 30
    while True:
        try:
            fd = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
            break
        except OSError:
            assert time.monotonic() < deadline, "nobody reads the pipe"
            time.sleep(0.02)
    try:
        yield
    finally:
        os.close(fd)


@pytest.mark.slow
def test_asking_for_the_version_takes_no_catalog_and_little_time(glassine: Glassine) -> None:
    program = "import sys; from daemon.cli.main import main; main(['--version']); print(' '.join(sys.modules), file=sys.stderr)"
    done = subprocess.run(
        [command()[0], "-c", program],
        capture_output=True,
        text=True,
        env=environment(glassine.library),
        cwd=REPOSITORY,
        timeout=30,
        check=True,
    )
    loaded = set(done.stderr.split())
    assert "click" in loaded
    assert not loaded & {
        "apsw",
        "peewee",
        "trio",
        "PIL",
        "argon2",
        "cryptography",
        "rawpy",
        "pathspec",
        "zoneinfo",
    }
    fastest = min(_seconds_for_version(glassine) for _ in range(5))
    assert fastest < 0.3  # 0.09 s on the machine of 2026; a shared machine is given time


def _seconds_for_version(glassine: Glassine) -> float:
    start = time.monotonic()
    glassine("--version")
    return time.monotonic() - start
