"""Live names of the layer in a shell: what is offered, and that the shells take it as one word."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from capabilities import require
from integration.cli_runner import REPOSITORY, Glassine, environment
from library_builder import BuiltLibrary, build_library, varied_files


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BuiltLibrary]:
    made = build_library(tmp_path_factory.mktemp("completion"), varied_files())
    glassine = Glassine(made.library.path)
    for path in ("beach", "animals/cat", "Trip, to Rome"):
        assert glassine("tag", "create", path).code == 0
    assert glassine("album", "create", "Trip to Rome/Day *").code == 0
    assert glassine("search", "save", "Best of", "rating=5").code == 0
    assert glassine("person", "add", "Ann", "--query", "type=video").code == 0
    yield made
    made.close()


@pytest.fixture(scope="module")
def glassine(built: BuiltLibrary) -> Glassine:
    return Glassine(built.library.path)


def offered(glassine: Glassine, *words: str) -> list[str]:
    """Return the values that the command offers for the last word."""
    done = subprocess.run(
        [sys.executable, "-m", "daemon.cli.main"],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        timeout=60,
        env={
            **environment(glassine.library),
            "_GLASSINE_COMPLETE": "bash_complete",
            "COMP_WORDS": "\n".join(("glassine", *words)),
            "COMP_CWORD": str(len(words)),
        },
        check=True,
    )
    assert done.stderr == ""
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line]


def test_tags_albums_persons_and_searches_are_offered(glassine: Glassine) -> None:
    assert offered(glassine, "tag", "add", "b") == ["beach"]
    assert offered(glassine, "tag", "add", "TRIP") == ["Trip, to Rome"]
    assert offered(glassine, "tag", "add", "x", "-t", "anim") == ["animals", "animals/cat"]
    assert offered(glassine, "album", "add", "T") == ["Trip to Rome", "Trip to Rome/Day *"]
    assert offered(glassine, "person", "merge", "x", "--into", "A") == ["Ann"]
    assert offered(glassine, "face", "add", "0,0,1,1", "x", "--person", "a") == ["Ann"]
    assert offered(glassine, "search", "delete", "B") == ["Best of"]
    assert offered(glassine, "date", "set", "2019", "--zone", "Europe/Ro") == ["Europe/Rome"]


def test_without_a_library_completion_is_silent(tmp_path: Path) -> None:
    nowhere = Glassine(tmp_path / "none")
    for words in (
        ("tag", "add", ""),
        ("album", "show", ""),
        ("person", "rename", ""),
        ("search", "delete", ""),
    ):
        assert offered(nowhere, *words) == []


@pytest.fixture
def command(built: BuiltLibrary, tmp_path: Path) -> dict[str, str]:
    """An environment in which a shell finds `glassine`."""
    program = tmp_path / "bin" / "glassine"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m daemon.cli.main "$@"\n', "utf-8")
    program.chmod(0o755)
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    return {**environment(built.library.path), "PATH": path, "LC_ALL": "C.UTF-8", "HOME": str(tmp_path)}


def test_bash_takes_a_name_with_spaces_and_stars_as_one_word(command: dict[str, str]) -> None:
    script = """
        eval "$(glassine completion bash)"
        compopt() { :; }
        COMP_WORDS=(glassine album show 'Trip\\ to\\ Rome/') COMP_CWORD=3
        _glassine_completion glassine
        printf '<%s>' "${COMPREPLY[@]}"
    """
    done = subprocess.run(
        ["bash", "-c", script], env=command, capture_output=True, text=True, timeout=60, check=True
    )
    assert (done.stdout, done.stderr) == ("<Trip\\ to\\ Rome/Day\\ \\*>", "")


def test_fish_keeps_the_comma_of_a_name(command: dict[str, str]) -> None:
    require("fish")
    script = 'glassine completion fish | source; complete --do-complete "glassine tag delete Tr"'
    done = subprocess.run(
        ["fish", "-c", script], env=command, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines() == ["Trip, to Rome"]
