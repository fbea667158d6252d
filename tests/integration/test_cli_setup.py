"""The verbs that make and change a library: init, volume, user; and config, doctor, completion."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from capabilities import require
from catalog.library import Library
from catalog.store.accounts import account_by_name
from catalog.store.db import open_reader
from daemon.config import KEYS
from integration.cli_runner import REPOSITORY, Done, Glassine, environment

PASSWORD = b"correct horse battery\n"


@pytest.fixture
def glassine(tmp_path: Path) -> Glassine:
    made = Glassine(tmp_path / "library")
    assert made("init", "--zone", "Europe/Berlin").code == 0
    return made


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    place = tmp_path / "photos"
    (place / "2019").mkdir(parents=True)
    (place / "2019" / "a.jpg").write_bytes(b"a")
    return place


# ---- init


def test_init_is_idempotent(tmp_path: Path) -> None:
    glassine = Glassine(tmp_path / "new")
    first = glassine("init", "--zone", "Asia/Tokyo", "--json", schema="init").data
    second = glassine("init", "--json", schema="init").data
    assert first == {"library": str(tmp_path / "new"), "created": True, "zone": "Asia/Tokyo"}
    assert second == {**first, "created": False}
    assert {path.name for path in (tmp_path / "new").iterdir()} >= {
        "catalog.sqlite3",
        "state",
        "sidecars",
        "cache",
    }


def test_the_zone_is_fixed_at_init(glassine: Glassine) -> None:
    done = glassine("init", "--zone", "UTC", "--json", schema="init")
    assert (done.code, done.error["code"]) == (2, "invalid_value")
    assert (
        glassine("config", "show", "library.zone", "--json", schema="config-show").data[0]["value"]
        == "Europe/Berlin"
    )


def test_the_zone_comes_from_the_environment_or_the_system(tmp_path: Path) -> None:
    by_key = Glassine(tmp_path / "a")("init", "--json", env={"GLASSINE_LIBRARY_ZONE": "America/Lima"}).data
    by_system = Glassine(tmp_path / "b")("init", "--json", env={"TZ": "Africa/Cairo"}).data
    assert (by_key["zone"], by_system["zone"]) == ("America/Lima", "Africa/Cairo")


def test_an_unknown_zone_is_refused_with_the_nearest_and_nothing_is_made(tmp_path: Path) -> None:
    done = Glassine(tmp_path / "new")("init", "--zone", "Europe/Berln", "--json", schema="init")
    assert (done.code, done.error["hint"]) == (2, "Did you mean Europe/Berlin?")
    assert not (tmp_path / "new").exists()


def test_a_library_is_for_its_owner_alone(glassine: Glassine) -> None:
    assert glassine.library.stat().st_mode & 0o077 == 0
    assert (glassine.library / "catalog.sqlite3").stat().st_mode & 0o077 == 0


# ---- volume


def test_a_volume_is_added_listed_and_shown(glassine: Glassine, photos: Path) -> None:
    added = glassine(
        "volume",
        "add",
        photos,
        "--name",
        "NAS",
        "--exclude",
        "*.bak",
        "--exclude",
        "tmp/",
        "--json",
        schema="volume",
    )
    data = added.data
    assert (data["name"], data["root"], data["mode"], data["state"]) == ("NAS", str(photos), "ro", "unknown")
    assert data["excludes"] == ["*.bak", "tmp/"]
    assert glassine("volume", "list", "--json", schema="volume-list").data == [data]
    shown = glassine("volume", "show", "nas", "--json", schema="volume").data
    assert shown == {**data, "watching": None, "space": None}
    assert glassine("volume", "show", "NAS").stdout.decode().startswith("name ")


def test_a_relative_path_and_a_link_are_resolved_and_the_name_defaults_to_the_folder(
    glassine: Glassine, photos: Path
) -> None:
    (photos.parent / "link").symlink_to(photos)
    data = glassine("volume", "add", "link", "--writable", "--json", cwd=photos.parent, schema="volume").data
    assert (data["root"], data["mode"], data["name"]) == (str(photos), "rw", "photos")


def test_a_root_that_is_not_utf8_comes_back_exactly(glassine: Glassine, tmp_path: Path) -> None:
    raw = os.fsencode(tmp_path) + b"/b\xfccher"
    os.mkdir(raw)
    data = glassine("volume", "add", raw, "--name", "Raw", "--json", schema="volume").data
    assert data["root"].endswith("/b\ufffdcher")
    assert data["root_b64"]


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (["/nowhere", "--name", "X"], 15, "not_found"),
        (["{file}", "--name", "X"], 2, "invalid_value"),
        (["{library}", "--name", "X"], 2, "invalid_value"),
        (["{library}/cache", "--name", "X"], 2, "invalid_value"),
        (["{photos}", "--name", "Other"], 1, "exists"),
        (["{photos}/2019", "--name", "TAKEN"], 1, "exists"),
        (["{photos}/2019", "--name", " "], 2, "invalid_value"),
    ],
    ids=["absent", "file", "library", "inside the library", "same root", "same name", "no name"],
)
def test_what_cannot_be_a_volume_is_refused(
    glassine: Glassine, photos: Path, arguments: list[str], code: int, error: str
) -> None:
    glassine("volume", "add", photos, "--name", "Taken")
    places = {"file": photos / "2019" / "a.jpg", "library": glassine.library, "photos": photos}
    done = glassine(
        "volume", "add", *(word.format(**places) for word in arguments), "--json", schema="volume"
    )
    assert (done.code, done.error["code"]) == (code, error)
    assert len(glassine("volume", "list", "--json").data) == 1


def test_a_volume_may_lie_inside_another(glassine: Glassine, photos: Path) -> None:
    glassine("volume", "add", photos, "--name", "Outer")
    assert glassine("volume", "add", photos / "2019", "--name", "Inner", "--json", schema="volume").code == 0
    told = glassine("why", "excluded", photos / "2019" / "a.jpg", "--json", schema="why-excluded").data
    assert told["volume"] == "Inner"


def test_library_paths_are_added_listed_and_removed(glassine: Glassine, photos: Path) -> None:
    glassine("volume", "add", photos, "--name", "NAS")
    (photos / "2020").mkdir()
    one = {"path": "2019", "path_b64": None}
    two = {"path": "2020", "path_b64": None}
    assert glassine("volume", "path", "add", "NAS", "2019", "--json", schema="volume-path").data == {
        "volume": "NAS",
        "paths": [one],
    }
    assert glassine("volume", "path", "add", "NAS", photos / "2020", "--json", schema="volume-path").data[
        "paths"
    ] == [one, two]
    assert (
        glassine("why", "excluded", photos / "b.jpg", "--json", schema="why-excluded").data["reason"]
        == "outside_paths"
    )
    assert glassine("volume", "path", "remove", "NAS", "2019", "--json", schema="volume-path").data[
        "paths"
    ] == [two]
    assert glassine("volume", "path", "list", "NAS", "--json", schema="volume-path").data["paths"] == [two]
    assert glassine("volume", "path", "remove", "NAS", "2019", "--json").code == 15
    assert glassine("volume", "path", "add", "NAS", "..", "--json").code == 2
    assert glassine("volume", "path", "add", "NAS", "/etc", "--json").code == 2
    assert glassine("volume", "path", "add", "NAS", "2021", "--json").code == 15
    assert glassine("volume", "path", "add", "None", "2019", "--json").code == 15


def test_a_volume_is_disabled_and_enabled(glassine: Glassine, photos: Path) -> None:
    glassine("volume", "add", photos, "--name", "NAS")
    assert glassine("volume", "disable", "NAS", "--json", schema="volume").data["state"] == "disabled"
    assert glassine("volume", "enable", "NAS", "--json", schema="volume").data["state"] == "unknown"
    assert glassine("volume", "accept-empty", "NAS", "--json", schema="volume").code == 0
    assert glassine("volume", "disable", "Other", "--json").code == 15


def test_adding_a_volume_touches_nothing_in_it(glassine: Glassine, photos: Path) -> None:
    before = {path: path.lstat() for path in [photos, *photos.rglob("*")]}
    glassine("volume", "add", photos, "--name", "NAS", "--writable")
    after = {path: path.lstat() for path in [photos, *photos.rglob("*")]}
    assert {path: (s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_ino) for path, s in after.items()} == {
        path: (s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_ino) for path, s in before.items()
    }


# ---- user


def add_user(glassine: Glassine, name: str = "Ann", password: bytes = PASSWORD) -> Done:
    return glassine("user", "add", name, "--password-file", "-", "--json", stdin=password, schema="user")


def test_a_user_is_added_listed_disabled_and_enabled(glassine: Glassine) -> None:
    account = add_user(glassine).data
    assert (account["name"], account["disabled"]) == ("Ann", False)
    assert glassine("user", "list", "--json", schema="user-list").data == [account]
    assert glassine("user", "disable", "ann", "--json", schema="user").data["disabled"] is True
    assert glassine("user", "enable", "ANN", "--json", schema="user").data["disabled"] is False


def test_passwords_are_kept_as_argon2id_and_appear_nowhere(glassine: Glassine) -> None:
    add_user(glassine)
    first = stored_hash(glassine)
    assert PasswordHasher().verify(first, PASSWORD.decode().strip())
    done = glassine(
        "user", "passwd", "ann", "--password-file", "-", "--json", stdin=b"another long one\n", schema="user"
    )
    assert done.code == 0
    assert PasswordHasher().verify(stored_hash(glassine), "another long one")
    assert b"another long one" not in (glassine.library / "catalog.sqlite3").read_bytes()


def stored_hash(glassine: Glassine) -> str:
    reader = open_reader(Library(glassine.library))
    try:
        found = account_by_name(reader, "Ann").password
    finally:
        reader.close()
    assert found.startswith("$argon2id$")
    return found


@pytest.mark.parametrize(
    ("name", "password", "code"),
    [
        ("Ann", PASSWORD, 1),
        ("a:b", PASSWORD, 2),
        ("", PASSWORD, 2),
        ("Bob", b"short\n", 2),
        ("Bob", b"", 2),
        ("Bob", b"x" * 2000, 2),
    ],
)
def test_bad_accounts_are_refused(glassine: Glassine, name: str, password: bytes, code: int) -> None:
    add_user(glassine)
    assert add_user(glassine, name, password).code == code
    assert len(glassine("user", "list", "--json").data) == 1


def test_without_a_terminal_a_password_must_come_from_a_file(glassine: Glassine, tmp_path: Path) -> None:
    assert glassine("user", "add", "Ann", "--json").error["code"] == "usage"
    (tmp_path / "secret").write_bytes(PASSWORD)
    assert (
        glassine("user", "add", "Ann", "--password-file", tmp_path / "secret", "--json", schema="user").code
        == 0
    )
    assert glassine("user", "passwd", "Nobody", "--password-file", tmp_path / "secret", "--json").code == 15
    assert glassine("user", "disable", "Nobody", "--json").code == 15


# ---- config


def test_config_show_lists_every_key_with_its_origin(glassine: Glassine) -> None:
    (glassine.library / "config.toml").write_text("[scan]\nquick_interval_s = 5\n", "utf-8")
    rows = {
        row["key"]: row
        for row in glassine(
            "config", "show", "--json", env={"GLASSINE_DAV_PORT": "81"}, schema="config-show"
        ).data
    }
    assert rows.keys() == KEYS.keys()
    quick, port, level = rows["scan.quick_interval_s"], rows["dav.port"], rows["log.level"]
    assert (quick["value"], quick["default"], quick["unit"], quick["origin"]) == (5, 60, "s", "config.toml")
    assert (port["value"], port["origin"], port["env"]) == (81, "GLASSINE_DAV_PORT", "GLASSINE_DAV_PORT")
    assert level["origin"] == "default"
    text = glassine("config", "show", "--origin").stdout.decode()
    assert "scan.quick_interval_s = 5  (config.toml; default 60 s)" in text.splitlines()
    section = glassine("config", "show", "scan", "scan.full_interval_local_h", "--json", schema="config-show")
    assert [row["key"] for row in section.data] == [key for key in KEYS if key.startswith("scan.")]


def test_config_check_names_the_bad_key(glassine: Glassine) -> None:
    assert glassine("config", "check", "--json", schema="config-check").data["exists"] is False
    (glassine.library / "config.toml").write_text("[scan]\nquick_intervall_s = 5\n", "utf-8")
    done = glassine("config", "check", "--json", schema="config-check")
    assert (done.code, done.error["code"], done.error["key"]) == (2, "config", "scan.quick_intervall_s")
    assert done.error["hint"] == "Did you mean scan.quick_interval_s?"
    assert glassine("config", "show", "scan.quick", "--json").code == 2
    (glassine.library / "config.toml").unlink()
    assert glassine("config", "show", "scan.quick", "--json").code == 15


# ---- doctor


def test_doctor_examines_the_machine_and_the_library(glassine: Glassine) -> None:
    data = glassine("doctor", "--json", schema="doctor").document["data"]
    names = {check["name"] for check in data["checks"]}
    assert {
        "sqlite",
        "fuse",
        "exiftool",
        "heif",
        "raw",
        "landlock",
        "inotify",
        "clock",
        "library",
        "config",
        "free space",
    } <= names
    assert {check["name"]: check["state"] for check in data["checks"]}["sqlite"] == "ok"


def test_doctor_works_without_a_library(tmp_path: Path) -> None:
    done = Glassine(tmp_path / "none")("doctor", "--json", schema="doctor")
    states = {check["name"]: check["state"] for check in done.document["data"]["checks"]}
    assert states["library"] == "warn"


def test_doctor_finds_seeded_faults_and_mends_what_it_may(glassine: Glassine) -> None:
    (glassine.library / "config.toml").write_text("[scam]\n", "utf-8")
    (glassine.library / "state").chmod(0o777)
    done = glassine("doctor", "--json", schema="doctor")
    failed = {check["name"] for check in done.document["data"]["checks"] if check["state"] == "fail"}
    assert (done.code, failed) == (1, {"config", "state"})
    assert done.error["message"] == "failed: config, state"
    (glassine.library / "config.toml").unlink()
    mended = glassine("doctor", "--fix", "--json", schema="doctor")
    assert mended.data["healthy"] is True
    assert {check["name"] for check in mended.data["checks"] if check["fixed"]} == {"state"}
    assert (glassine.library / "state").stat().st_mode & 0o777 == 0o700


def test_doctor_without_tools_warns_and_still_succeeds(glassine: Glassine, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    done = glassine("doctor", "--json", env={"PATH": str(tmp_path / "bin")}, schema="doctor")
    states = {check["name"]: check["state"] for check in done.data["checks"]}
    assert (states["exiftool"], states["ffmpeg"], states["fusermount3"]) == ("warn", "warn", "warn")
    assert any("libimage-exiftool-perl" in (check["hint"] or "") for check in done.data["checks"])


# ---- completion


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_are_valid_for_their_shell(glassine: Glassine, shell: str, tmp_path: Path) -> None:
    data = glassine("completion", shell, "--json", schema="completion").data
    assert "_GLASSINE_COMPLETE" in data["script"]
    path = tmp_path / "script"
    path.write_text(data["script"], "utf-8")
    require(shell)
    done = subprocess.run([shell, "-n", path], capture_output=True)
    assert done.returncode == 0, done.stderr


def complete(glassine: Glassine, *words: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-m", "daemon.cli.main"],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        timeout=60,
        env={
            **environment(glassine.library),
            "_GLASSINE_COMPLETE": "bash_complete",
            "COMP_WORDS": " ".join(("glassine", *words)),
            "COMP_CWORD": str(len(words)),
        },
        check=True,
    )
    assert done.stderr == ""
    return {line.partition(",")[2] for line in done.stdout.splitlines() if line}


def test_completion_offers_verbs_volumes_and_paths_of_the_tree(glassine: Glassine, photos: Path) -> None:
    glassine("volume", "add", photos, "--name", "NAS")
    assert {"find", "fi"} & complete(glassine, "fi") == {"find"}
    for verb in ("show", "probe", "relocate", "retire", "forget", "scans", "accept-empty"):
        assert complete(glassine, "volume", verb, "N") == {"NAS"}
    assert "Timeline/" in complete(glassine, "ls", "T")
    assert complete(glassine, "ls", "Originals/") == {"Originals/NAS/"}
    assert complete(glassine, "find", "type=vi") == {"type=video"}
    assert complete(glassine, "find", "cam") == {"camera="}
    assert complete(glassine, "find", "volume=N") == {"volume=NAS"}
    assert {"add", "passwd", "list", "disable", "enable"} <= complete(glassine, "user", "")


def test_completion_without_a_library_is_silent(tmp_path: Path) -> None:
    glassine = Glassine(tmp_path / "none")
    assert complete(glassine, "ls", "T") == set()
    assert complete(glassine, "volume", "show", "") == set()


def test_completion_looks_into_the_library_that_was_typed(
    glassine: Glassine, photos: Path, tmp_path: Path
) -> None:
    glassine("volume", "add", photos, "--name", "NAS")
    elsewhere = Glassine(tmp_path / "none")
    assert complete(elsewhere, "--library", str(glassine.library), "volume", "show", "") == {"NAS"}
