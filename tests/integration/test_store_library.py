"""The library: where it is found, what is refused, who can read it; failpoints."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from catalog import library as module
from catalog.errors import NoLibrary, NotPermitted
from catalog.failpoints import armed_from
from catalog.library import Library, find_library, refuse_network_file_system


def test_the_option_comes_before_the_environment(tmp_path: Path) -> None:
    env = {"GLASSINE_LIBRARY": "/from/env", "XDG_DATA_HOME": "/xdg", "HOME": "/home/me"}
    assert find_library("/named", env, "/").path == Path("/named")
    assert find_library("relative/x", env, "/somewhere").path == Path("/somewhere/relative/x")
    assert find_library(None, env, str(tmp_path)).path == Path("/from/env")


def test_a_mount_above_the_working_directory_says_whose_it_is(tmp_path: Path) -> None:
    mount = tmp_path / "mount"
    deep = mount / "Timeline" / "2019"
    deep.mkdir(parents=True)
    (mount / ".glassine").mkdir()
    status = mount / ".glassine" / "status.json"
    status.write_text(json.dumps({"library": "/the/library"}))
    env = {"XDG_DATA_HOME": "/xdg"}
    assert find_library(None, env, str(deep)).path == Path("/the/library")
    assert find_library(None, {**env, "GLASSINE_LIBRARY": "/env"}, str(deep)).path == Path("/env")
    for broken in ("{", "[]", '{"library": 5}', ""):
        status.write_text(broken)
        assert find_library(None, env, str(deep)).path == Path("/xdg/glassine")


def test_else_it_is_in_the_users_data_directory() -> None:
    assert find_library(None, {"XDG_DATA_HOME": "/xdg"}, "/").path == Path("/xdg/glassine")
    assert find_library(None, {"HOME": "/home/me"}, "/").path == Path("/home/me/.local/share/glassine")


def test_parts_of_a_library_have_their_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GLASSINE_CACHE", raising=False)
    library = Library("/l/../l")
    assert library == Library("/l")
    assert library.catalog_path == Path("/l/catalog.sqlite3")
    assert library.lock_path.parent == library.socket_path.parent == library.state_dir
    assert library.cache_dir == Path("/l/cache")
    monkeypatch.setenv("GLASSINE_CACHE", "/fast")
    assert library.cache_dir == Path("/fast")


def test_directories_are_the_owners_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GLASSINE_CACHE", raising=False)
    (tmp_path / "library").mkdir(mode=0o755)
    Library(tmp_path / "library").make_directories()
    made = [tmp_path / "library", *(tmp_path / "library").rglob("*")]
    assert len(made) == 5
    assert {stat.S_IMODE(path.stat().st_mode) for path in made} == {0o700}


def test_a_directory_that_holds_other_things_keeps_its_mode(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir(mode=0o755)
    place.chmod(0o755)
    (place / "letter.txt").write_text("mine")
    Library(place).make_directories()
    assert stat.S_IMODE(place.stat().st_mode) == 0o755
    assert stat.S_IMODE(Library(place).state_dir.stat().st_mode) == 0o700


def test_a_network_file_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_network_file_system(tmp_path)
    kind = int(subprocess.check_output(["stat", "-f", "-c", "%t", str(tmp_path)]), 16)
    monkeypatch.setitem(module.NETWORK_FILE_SYSTEMS, kind, "test")
    with pytest.raises(NotPermitted, match="network file system"):
        Library(tmp_path / "library").make_directories()


def test_a_directory_without_a_catalog_is_no_library(tmp_path: Path) -> None:
    with pytest.raises(NoLibrary):
        Library(tmp_path).require()


def test_a_failpoint_kills_at_its_pass_and_no_other() -> None:
    code = (
        "from catalog.failpoints import failpoint\n"
        "for n in range(5):\n print(n, flush=True)\n failpoint('here')\n failpoint('there')\n"
    )
    for value, lines in (("here:3", 3), ("there", 1), ("nowhere:1", 5), ("", 5)):
        environment = {**os.environ, "GLASSINE_FAILPOINT": value, "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)
        assert len(done.stdout.splitlines()) == lines
        assert done.returncode == (0 if lines == 5 else -signal.SIGKILL)


def test_a_failpoint_is_read_as_name_and_count() -> None:
    armed = armed_from("store.commit:12")
    assert armed is not None
    assert (armed.name, armed.kill_at) == ("store.commit", 12)
    assert armed_from(None) is armed_from("") is None
