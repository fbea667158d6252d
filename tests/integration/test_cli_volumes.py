"""The verbs about volumes that come and go: probe, relocate, retire, forget, accept-empty, scans, show; and what is told of them.

The real command over real files; what needs a running daemon is at the end.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from catalog.library import Library
from catalog.store.db import Writer, open_writer
from catalog.store.volumes import note_nested_mounts, volume_by_name
from integration.cli_runner import Glassine
from media_files import jpeg

FILES = ("a.jpg", "2019/b.jpg", "2019/c.jpg", "2020/d.jpg", "2020/e.jpg", "f.jpg")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    place = tmp_path / "photos"
    for number, name in enumerate(FILES):
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(jpeg(seed=number))
        os.utime(path, ns=(1_500_000_000_000_000_000 + number, 1_500_000_000_000_000_000 + number))
    return place


@pytest.fixture
def glassine(tmp_path: Path, photos: Path) -> Glassine:
    """A library that has scanned the volume NAS."""
    made = Glassine(tmp_path / "library")
    assert made("init", "--zone", "Europe/Berlin").code == 0
    assert made("volume", "add", photos, "--name", "NAS", "--exclude", "*.bak", "--json").code == 0
    assert made("scan", "--json").code == 0
    return made


def scanned(glassine: Glassine, *names: str) -> dict[str, int]:
    """Scan and return the counts."""
    done = glassine("scan", *names, "--json", schema="scan")
    assert done.code == 0, done.stdout
    counts: dict[str, int] = done.lines("summary")[0]["counts"]
    return counts


def shown(glassine: Glassine, name: str = "NAS") -> dict[str, Any]:
    data: dict[str, Any] = glassine("volume", "show", name, "--json", schema="volume").data
    return data


@pytest.fixture
def writer(glassine: Glassine) -> Iterator[Writer]:
    opened = open_writer(Library(glassine.library))
    yield opened
    opened.close()


# ---- relocate


def test_a_folder_that_was_moved_is_followed_and_nothing_is_read_again(
    glassine: Glassine, photos: Path, tmp_path: Path
) -> None:
    uids = {photo["uid"] for photo in glassine("find", "--json").lines("photo")}
    photos.rename(tmp_path / "moved")
    told = glassine(
        "volume", "relocate", "NAS", tmp_path / "moved", "--moved", "--json", schema="volume-relocate"
    )
    assert (told.data["done"], told.data["answer"], told.data["warnings"]) == (True, "moved", [])
    assert (told.data["known"], told.data["found"], told.data["old_is_there"]) == (6, 6, False)
    assert told.data["volume"]["root"] == str(tmp_path / "moved")
    counts = scanned(glassine)
    assert (counts["seen"], counts["hashed"], counts["facts"], counts["added"], counts["missing"]) == (
        6,
        0,
        0,
        0,
        0,
    )
    assert {photo["uid"] for photo in glassine("find", "--json").lines("photo")} == uids


def test_whether_it_moved_or_was_copied_is_asked_and_answered_by_the_environment(
    glassine: Glassine, photos: Path, tmp_path: Path
) -> None:
    moved = tmp_path / "moved"
    photos.rename(moved)
    asked = glassine("volume", "relocate", "NAS", moved, "--json", schema="volume-relocate")
    assert (asked.code, asked.error["code"], asked.error["found"]) == (14, "conflict", 6)
    assert "6 of 6 known files of NAS" in asked.error["message"]
    for word in ("--moved", "--copied", "GLASSINE_VOLUME_RELOCATED"):
        assert word in asked.error["hint"]
    assert shown(glassine)["root"] == str(photos)
    wrong = glassine("volume", "relocate", "NAS", moved, "--json", env={"GLASSINE_VOLUME_RELOCATED": "eaten"})
    assert (wrong.code, wrong.error["code"]) == (2, "usage")
    answered = glassine(
        "volume", "relocate", "NAS", moved, "--json", env={"GLASSINE_VOLUME_RELOCATED": "moved"}
    )
    assert answered.data["volume"]["root"] == str(moved)


def test_a_place_without_the_files_is_believed_only_with_yes(
    glassine: Glassine, photos: Path, tmp_path: Path
) -> None:
    place = tmp_path / "half"
    place.mkdir()
    shutil.copy2(photos / "a.jpg", place)
    shutil.copy2(photos / "f.jpg", place)
    photos.rename(tmp_path / "away")
    done = glassine("volume", "relocate", "NAS", place, "--moved", "--json", schema="volume-relocate")
    assert (done.code, done.error["known"], done.error["found"]) == (14, 6, 2)
    assert "--yes" in done.error["hint"]
    meant = glassine(
        "volume", "relocate", "NAS", place, "--moved", "--yes", "--json", schema="volume-relocate"
    )
    assert meant.data["done"] is True
    assert "will be missing" in meant.data["warnings"][0]


def test_a_copy_without_its_times_is_not_called_another_thing(
    glassine: Glassine, photos: Path, tmp_path: Path
) -> None:
    place = tmp_path / "plain"
    shutil.copytree(photos, place, copy_function=shutil.copyfile)
    photos.rename(tmp_path / "away")
    done = glassine("volume", "relocate", "NAS", place, "--moved", "--json", schema="volume-relocate")
    assert "6 with another size or time" in done.error["message"]
    assert "copied without their times" in done.error["hint"]
    copy = glassine("volume", "relocate", "NAS", place, "--copied", "-n", "--json", schema="volume-relocate")
    assert copy.data["warnings"] == []
    meant = glassine(
        "volume", "relocate", "NAS", place, "--moved", "--yes", "--json", schema="volume-relocate"
    )
    assert "read once" in meant.data["warnings"][0]
    assert "suspect" not in meant.data["warnings"][0]
    assert scanned(glassine)["hashed"] == 6
    assert shown(glassine)["state"] == "online"


def test_names_that_are_not_utf_8_are_escaped_or_unknown(glassine: Glassine, tmp_path: Path) -> None:
    place = os.fsencode(tmp_path) + b"/v\xff"
    os.mkdir(place)
    for verb in ("show", "scans", "probe", "disable"):
        assert glassine("volume", verb, b"x\xff", "--json").code == 15
    assert glassine("volume", "add", place, "--exclude", b"\xff", "--json").code == 2
    assert glassine("volume", "add", place, "--json", schema="volume").data["root_b64"] is not None


def test_four_of_the_known_files_are_proof(glassine: Glassine, photos: Path, tmp_path: Path) -> None:
    photos.rename(tmp_path / "moved")
    (tmp_path / "moved" / "a.jpg").unlink()
    (tmp_path / "moved" / "f.jpg").write_bytes(b"other")
    data = glassine("volume", "relocate", "NAS", tmp_path / "moved", "--moved", "--json").data
    assert (data["found"], data["known"], data["warnings"]) == (4, 6, [])


def test_files_in_both_places_are_told_and_want_yes(glassine: Glassine, photos: Path, tmp_path: Path) -> None:
    shutil.copytree(photos, tmp_path / "copy")
    done = glassine(
        "volume", "relocate", "NAS", tmp_path / "copy", "--moved", "--json", schema="volume-relocate"
    )
    assert (done.code, done.error["code"]) == (2, "needs_yes")
    assert f"still in {photos}" in done.error["message"]
    data = glassine("volume", "relocate", "NAS", tmp_path / "copy", "--moved", "--yes", "--json").data
    assert (data["old_is_there"], data["volume"]["root"]) == (True, str(tmp_path / "copy"))


def test_a_copy_becomes_a_volume_of_its_own(glassine: Glassine, photos: Path, tmp_path: Path) -> None:
    shutil.copytree(photos, tmp_path / "copy")
    assert glassine("volume", "path", "add", "NAS", "2019", "--json").code == 0
    told = glassine(
        "volume", "relocate", "NAS", tmp_path / "copy", "--copied", "--name", "Kopie", "--json",
        schema="volume-relocate",
    ).data  # fmt: skip
    added = told["volume"]
    assert (added["name"], added["root"], added["mode"]) == ("Kopie", str(tmp_path / "copy"), "ro")
    assert (added["excludes"], [one["path"] for one in added["paths"]]) == (["*.bak"], ["2019"])
    (tmp_path / "other" / "nas").mkdir(parents=True)
    taken = glassine("volume", "relocate", "NAS", tmp_path / "other" / "nas", "--copied", "-n", "--json")
    assert (taken.error["code"], "--name" in taken.error["hint"]) == ("exists", True)
    assert shown(glassine)["root"] == str(photos)
    before = len(glassine("find", "--json").lines("photo"))
    scanned(glassine, "Kopie")
    assert len(glassine("find", "--json").lines("photo")) == before


def test_a_copy_that_carries_the_marker_is_told_to_lose_it(tmp_path: Path, photos: Path) -> None:
    glassine = Glassine(tmp_path / "library")
    glassine("init", "--zone", "UTC")
    glassine("volume", "add", photos, "--name", "NAS", "--writable")
    scanned(glassine)
    assert (photos / ".glassine-volume").exists()
    assert shown(glassine)["identity"]["marker"] in (photos / ".glassine-volume").read_text()
    copy = tmp_path / "copy"
    shutil.copytree(photos, copy)
    told = glassine("volume", "relocate", "NAS", copy, "--copied", "--json", schema="volume-relocate").data
    assert ".glassine-volume" in told["warnings"][0]
    assert told["volume"]["mode"] == "rw"
    assert glassine("volume", "probe", "copy", "--json", schema="volume-probe").error["state"] == "suspect"
    (copy / ".glassine-volume").unlink()
    assert glassine("volume", "probe", "copy", "--json", schema="volume-probe").data[0]["state"] == "online"


def test_a_dry_run_of_a_relocation_changes_nothing(glassine: Glassine, photos: Path, tmp_path: Path) -> None:
    shutil.copytree(photos, tmp_path / "copy")
    for answer in ([], ["--moved"], ["--copied"]):
        done = glassine(
            "volume", "relocate", "NAS", tmp_path / "copy", *answer, "-n", "--json", schema="volume-relocate"
        )
        assert (done.data["done"], done.data["found"]) == (False, 6)
    (only,) = glassine("volume", "list", "--json").data
    assert only["root"] == str(photos)


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("{tmp}/nowhere", (15, "not_found")),
        ("{photos}/a.jpg", (2, "invalid_value")),
        ("{library}", (2, "invalid_value")),
        ("{library}/cache", (2, "invalid_value")),
        ("{other}/below", (2, "invalid_value")),
        ("{other}", (2, "invalid_value")),
    ],
)
def test_where_no_volume_can_be_none_can_move(
    glassine: Glassine, photos: Path, tmp_path: Path, place: str, expected: tuple[int, str]
) -> None:
    other = tmp_path / "other"
    (other / "below").mkdir(parents=True)
    assert glassine("volume", "add", other, "--name", "Other", "--json").code == 0
    at = place.format(tmp=tmp_path, photos=photos, library=glassine.library, other=other)
    done = glassine("volume", "relocate", "NAS", at, "--moved", "--yes", "--json", schema="volume-relocate")
    assert (done.code, done.error["code"]) == expected
    assert shown(glassine)["root"] == str(photos)


def test_contradictions_in_a_relocation_are_usage_errors(glassine: Glassine, tmp_path: Path) -> None:
    for options in (["--moved", "--copied"], ["--moved", "--name", "X"]):
        assert glassine("volume", "relocate", "NAS", tmp_path, *options, "--json").error["code"] == "usage"
    assert glassine("volume", "relocate", "None", tmp_path, "--moved", "--json").code == 15


# ---- retire, forget, accept-empty


def test_a_volume_is_retired_and_taken_back(glassine: Glassine) -> None:
    assert glassine("volume", "retire", "NAS", "-n", "--json", schema="volume").data["state"] == "online"
    retired = glassine("volume", "retire", "NAS", "--json", schema="volume").data
    assert (retired["state"], retired["reason"]) == ("retired", "retired by the owner")
    assert retired["next_full_scan_at"] is None
    assert glassine("volume", "enable", "NAS", "--json", schema="volume").data["state"] == "unknown"
    assert glassine("volume", "retire", "None", "--json").code == 15


def test_forgetting_shows_its_plan_and_wants_yes(glassine: Glassine, photos: Path) -> None:
    (uid, *_) = [photo["uid"] for photo in glassine("find", "--json").lines("photo")]
    assert glassine("rate", "5", uid).code == 0
    plan = glassine("volume", "forget", "NAS", "-n", "--json", schema="volume-forget").data
    assert (plan["done"], plan["files"], plan["photos_only_here"], plan["photos_only_here_said"]) == (
        False,
        6,
        6,
        1,
    )
    done = glassine("volume", "forget", "NAS", "--json", schema="volume-forget")
    assert (done.code, done.error["code"], done.error["plan"]["files"]) == (2, "needs_yes", 6)
    assert len(glassine("volume", "list", "--json").data) == 1


def test_a_forgotten_volume_is_none_and_what_was_said_stays(glassine: Glassine, photos: Path) -> None:
    (uid, *_) = [photo["uid"] for photo in glassine("find", "--json").lines("photo")]
    assert glassine("rate", "5", uid).code == 0
    done = glassine("volume", "forget", "NAS", "--yes", "--json", schema="volume-forget")
    assert done.data["done"] is True
    assert glassine("volume", "list", "--json").data == []
    assert sorted(path.name for path in photos.rglob("*.jpg")) == [
        "a.jpg",
        "b.jpg",
        "c.jpg",
        "d.jpg",
        "e.jpg",
        "f.jpg",
    ]
    assert glassine("show", uid, "--json").data[0]["rating"] == 5
    told = glassine("why", "missing", uid, "--json", schema="why-missing").data
    assert told["is_missing"] is True
    # Name and place are free again, and the same bytes are the same photo.
    assert glassine("volume", "add", photos, "--name", "NAS", "--json").code == 0
    scanned(glassine)
    (photo,) = glassine("find", "rating=5", "--json").lines("photo")
    assert photo["uid"] == uid


def test_accept_empty_tells_what_it_accepts(glassine: Glassine, photos: Path, writer: Writer) -> None:
    note_away(writer, "NAS", b"2019")
    told = glassine("volume", "accept-empty", "NAS", "-n", "--json", schema="volume").data
    assert (told["done"], told["accepted"]) == (False, {"missing": 0, "away": ["2019"], "hold": None})
    assert shown(glassine)["nested"][0]["state"] == "away"
    told = glassine("volume", "accept-empty", "NAS", "--json", schema="volume").data
    assert (told["done"], told["nested"], told["accepted"]["away"]) == (True, [], ["2019"])
    assert told["accepted_at"] is not None
    text = glassine("volume", "accept-empty", "NAS").stdout.decode()
    assert "its photos become missing" in text


def note_away(writer: Writer, name: str, path: bytes) -> None:
    volume_id = volume_by_name(writer, name).id
    note_nested_mounts(writer, volume_id, [(path, "key")], time.time_ns())
    note_nested_mounts(writer, volume_id, [(path, None)], time.time_ns())


# ---- probe


def test_a_probe_tells_what_is_there_now(glassine: Glassine, photos: Path) -> None:
    (told,) = glassine("volume", "probe", "--json", schema="volume-probe").data
    assert (told["name"], told["state"]) == ("NAS", "online")
    photos.rename(photos.with_name("away"))
    done = glassine("volume", "probe", "nas", "--json", schema="volume-probe")
    assert (done.code, done.error["code"], done.error["state"]) == (13, "volume_offline", "offline")
    assert done.document["data"][0]["state"] == "offline"
    assert glassine("volume", "probe", "--json", schema="volume-probe").data[0]["state"] == "offline"
    photos.with_name("away").rename(photos)
    assert glassine("volume", "probe", "NAS", "--json", schema="volume-probe").data[0]["state"] == "online"


def test_a_probe_of_a_disabled_volume_says_so(glassine: Glassine) -> None:
    glassine("volume", "disable", "NAS")
    done = glassine("volume", "probe", "NAS", "--json", schema="volume-probe")
    assert (done.code, done.error["state"]) == (13, "disabled")
    assert "enable" in done.error["hint"]
    assert glassine("volume", "probe", "None", "--json").code == 15


# ---- scans, show, status


def test_the_history_has_the_newest_scan_first(glassine: Glassine, photos: Path) -> None:
    photos.joinpath("new.jpg").write_bytes(jpeg(seed=99))
    scanned(glassine)
    told = glassine("volume", "scans", "NAS", "--json", schema="volume-scans").data
    assert [(one["kind"], one["state"]) for one in told["scans"]] == [("full", "done"), ("full", "done")]
    assert (told["scans"][0]["counts"]["added"], told["scans"][1]["counts"]["added"]) == (1, 6)
    assert told["scans"][0]["started_at"] > told["scans"][1]["started_at"]
    assert len(glassine("volume", "scans", "NAS", "--limit", "1", "--json").data["scans"]) == 1
    assert "1 added" in glassine("volume", "scans", "NAS").stdout.decode().splitlines()[0]
    assert glassine("volume", "scans", "NAS", "--limit", "0", "--json").code == 2
    assert glassine("volume", "scans", "None", "--json").code == 15


def test_show_tells_who_a_volume_is_and_how_it_is(glassine: Glassine, photos: Path, writer: Writer) -> None:
    (photos / "a.jpg").unlink()
    scanned(glassine)
    note_away(writer, "NAS", b"2020")
    told = shown(glassine)
    assert (told["files"], told["missing"], told["damaged"], told["hold"]) == (5, 1, 0, None)
    assert told["identity"]["root_inode"] == photos.stat().st_ino
    assert told["identity"]["network"] is False
    assert [(one["path"], one["state"]) for one in told["nested"]] == [("2020", "away")]
    assert told["next_full_scan_at"] > told["full_scan_at"]
    assert 0 < told["space"]["free_bytes"] < told["space"]["total_bytes"]
    assert told["watching"] is None
    text = glassine("volume", "show", "NAS").stdout.decode()
    for words in ("5, 1 missing", "2020: away", "GiB", "next full"):
        assert words in text


def test_a_mass_disappearance_is_told_as_a_hold_at_once(glassine: Glassine, photos: Path) -> None:
    for number in range(60):
        (photos / f"{number}.txt").write_text(str(number), "utf-8")
    scanned(glassine)
    for number in range(60):
        (photos / f"{number}.txt").unlink()
    assert scanned(glassine)["missing"] == 60
    assert "60 of 66 files are missing" in shown(glassine)["hold"]
    (volume,) = glassine("status", "--json", schema="status").data["volumes"]
    assert "60 of 66 files are missing" in volume["hold"]
    told = glassine("volume", "accept-empty", "NAS", "--json", schema="volume").data
    assert "60 of 66" in told["accepted"]["hold"]
    assert told["hold"] is None
    assert shown(glassine)["hold"] is None


def test_status_tells_holds_damage_and_what_is_away(glassine: Glassine, writer: Writer) -> None:
    note_away(writer, "NAS", b"2019")
    writer.execute("UPDATE volume SET hold = 'many files are missing'")
    location = writer.value("SELECT min(id) FROM location")
    writer.execute(
        "INSERT INTO damage VALUES (?, zeroblob(32), ?, ?)", (location, time.time_ns(), time.time_ns())
    )
    document = glassine("status", "--json", schema="status").data
    (volume,) = document["volumes"]
    assert (volume["damaged"], volume["hold"], volume["watching"]) == (1, "many files are missing", None)
    assert [one["path"] for one in volume["away"]] == ["2019"]
    assert volume["next_full_scan"] is not None
    degraded = "\n".join(document["degraded"])
    for words in ("many files are missing", "1 file has other bytes", "mounted at 2019 is away"):
        assert words in degraded
    text = glassine("status").stdout.decode()
    assert "6 files, 1 damaged" in text


def test_a_partial_watch_is_degraded_and_a_network_volume_is_not(glassine: Glassine) -> None:
    from daemon.status import volume_troubles

    (volume,) = glassine("status", "--json", schema="status").data["volumes"]
    watching = {
        "method": "inotify",
        "is_watching": False,
        "note": "max_user_watches is 8",
        "next_full_scan": None,
    }
    assert list(volume_troubles([volume])) == []
    (told,) = volume_troubles([{**volume, "watching": watching}])
    assert "not watched completely (max_user_watches is 8)" in told
    assert list(volume_troubles([{**volume, "watching": watching, "network": True}])) == []
    assert list(volume_troubles([{**volume, "watching": {**watching, "is_watching": True}}])) == []


def test_a_library_with_a_broken_configuration_still_tells_of_its_volumes(glassine: Glassine) -> None:
    (glassine.library / "config.toml").write_text("[scam]\n", "utf-8")
    assert shown(glassine)["next_full_scan_at"] is not None
    assert glassine("status", "--json", schema="status").data["volumes"][0]["state"] == "online"


# ---- why


def test_why_missing_explains_a_file_that_is_gone_by_its_path(glassine: Glassine, photos: Path) -> None:
    shutil.copy(photos / "a.jpg", photos / "2019" / "again.jpg")
    (photos / "a.jpg").unlink()
    (photos / "f.jpg").unlink()
    (photos / "notes.txt").write_text("no photo")
    scanned(glassine)
    (photos / "notes.txt").unlink()
    scanned(glassine)
    told = glassine("why", "missing", photos / "f.jpg", "--json", schema="why-missing").data
    assert (told["is_missing"], told["name"], told["places"][0]["verdict"]) == (True, "f.jpg", "keep")
    assert "last place where the photo was seen" in told["places"][0]["reason"]
    told = glassine("why", "missing", "Originals/NAS/a.jpg", "--json", schema="why-missing").data
    assert "another file holds its bytes" in told["rule"]
    assert [(one["path"], one["state"]) for one in told["places"]] == [
        ("a.jpg", "missing"),
        ("2019/again.jpg", "present"),
    ]
    told = glassine("why", "missing", photos / "2019" / "b.jpg", "--json", schema="why-missing").data
    assert (told["is_missing"], [one["state"] for one in told["places"]]) == (False, ["present"])
    told = glassine("why", "missing", photos / "notes.txt", "--json", schema="why-missing").data
    assert (told["uid"], told["is_missing"]) == (None, True)
    text = glassine("why", "missing", photos / "f.jpg").stdout.decode()
    assert "this place is remembered" in text
    for unknown in (photos / "none.jpg", "/nowhere/x.jpg"):
        assert glassine("why", "missing", unknown, "--json").code == 15


def test_why_hidden_tells_of_a_volume_that_is_away(glassine: Glassine, photos: Path, writer: Writer) -> None:
    uid = next(p["uid"] for p in glassine("find", "--json").lines("photo") if p["name"] == "b.jpg")
    assert glassine("why", "hidden", uid, "--json", schema="why-hidden").data["reasons"] == []
    note_away(writer, "NAS", b"2019")
    (reason,) = glassine("why", "hidden", uid, "--json", schema="why-hidden").data["reasons"]
    assert (reason["kind"], "mounted at 2019" in reason["message"]) == ("away", True)
    photos.rename(photos.with_name("gone"))
    assert glassine("scan", "NAS", "--json").code == 13
    reasons = glassine("why", "hidden", photos / "a.jpg", "--json", schema="why-hidden").data["reasons"]
    assert [reason["kind"] for reason in reasons] == ["offline"]
    assert "nothing is at" in reasons[0]["message"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (".glassine-volume", ("marker", "marker by which NAS is known")),
        ("away/x.jpg", ("away", "accept-empty")),
        ("quiet/x.jpg", ("rule", ".nomedia")),
        ("inner/x.jpg", ("none", "NAS, in which that volume lies, leaves it out")),
        ("a.jpg", ("none", "scanned as part of NAS")),
        ("a.bak", ("rule", "*.bak")),
    ],
)
def test_why_excluded_knows_every_reason(
    glassine: Glassine, photos: Path, writer: Writer, path: str, expected: tuple[str, str]
) -> None:
    (photos / "quiet").mkdir()
    (photos / "quiet" / ".nomedia").touch()
    (photos / "inner").mkdir()
    assert glassine("volume", "add", photos / "inner", "--name", "Inner", "--json").code == 0
    note_away(writer, "NAS", b"away")
    told = glassine("why", "excluded", photos / path, "--json", schema="why-excluded").data
    assert told["reason"] == expected[0]
    assert expected[1] in told["message"]


def test_why_excluded_asks_no_disk_that_is_away(glassine: Glassine, photos: Path) -> None:
    photos.rename(photos.with_name("gone"))
    assert glassine("scan", "NAS", "--json").code == 13
    told = glassine("why", "excluded", photos / "2019" / "b.jpg", "--json", schema="why-excluded").data
    assert (told["excluded"], told["message"].endswith("NAS is offline now")) == (False, True)


# ---- doctor


def checks(glassine: Glassine) -> dict[str, dict[str, Any]]:
    document = glassine("doctor", "--json", schema="doctor").document
    return {check["name"]: check for check in document["data"]["checks"]}


def test_doctor_tells_of_each_volume(glassine: Glassine, writer: Writer) -> None:
    assert checks(glassine)["volume NAS"]["state"] == "ok"
    identity = {
        "key": "x/1",
        "description": "NAS",
        "fs_type": "nfs4",
        "is_remote": True,
        "keeps_inodes": False,
    }
    writer.execute("UPDATE volume SET identity = ?", (json.dumps(identity),))
    told = checks(glassine)["volume NAS"]
    assert told["state"] == "ok"
    for words in ("nfs4", "every 60 s, wholly every 1 h", "told by their hash"):
        assert words in told["message"]
    note_away(writer, "NAS", b"2019")
    writer.execute("UPDATE volume SET mode = 'rw'")
    told = checks(glassine)["volume NAS"]
    assert told["state"] == "warn"
    for words in ("mounted at 2019 is away", "no marker", "GiB free"):
        assert words in told["message"]


def test_doctor_notices_a_clock_that_is_behind_the_catalog(glassine: Glassine, writer: Writer) -> None:
    assert "the catalog was written at" not in checks(glassine)["clock and catalog"]["message"]
    writer.execute("UPDATE scan SET ended_ns = ended_ns + 86400000000000")
    told = checks(glassine)["clock and catalog"]
    assert (told["state"], "the catalog was written at" in told["message"]) == ("warn", True)


def test_doctor_compares_the_limits_of_inotify_with_the_directories() -> None:
    from daemon.cli.doctor_volumes import Known, inotify_diagnosis
    from daemon.config import ScanSection

    def told(**limits: int) -> Any:
        found = {
            "max_user_watches": 100_000,
            "max_user_instances": 128,
            "max_queued_events": 16_384,
            **limits,
        }
        known = Known(volumes=[], standings={}, directories=90_000, newest_ns=0, scan=ScanSection())
        return inotify_diagnosis(known, found)

    assert told(max_user_watches=200_000).state == "ok"
    warned = told()
    assert (warned.state, "sysctl fs.inotify.max_user_watches=262144" in warned.hint) == ("warn", True)
    assert "max_user_instances=256" in told(max_user_instances=100).hint


def test_asking_for_the_space_of_what_is_not_there_is_no_error() -> None:
    from daemon.volume_facts import free_space

    assert free_space(b"/nowhere/at/all") is None
    space = free_space(b"/")
    assert space is not None
    assert space.total_bytes > 0
