"""dump, backup and restore as a user runs them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from catalog.library import LibraryLock
from catalog.store import backup, check
from catalog.store.db import open_writer
from full_disk import fill, small_disk
from integration.cli_runner import Glassine, command, environment, validate
from library_builder import BuiltLibrary, FileSpec, build_library

TITLED = FileSpec(captured="2020-05-01T10:00:00")


@pytest.fixture
def built(tmp_path: Path) -> BuiltLibrary:
    made = build_library(
        tmp_path, {"IMG_1.JPG": TITLED, "IMG_2.JPG": FileSpec(captured="2020-05-02T10:00:00")}
    )
    made.close()
    return made


@pytest.fixture
def glassine(built: BuiltLibrary) -> Glassine:
    command_of = Glassine(built.library.path)
    assert command_of("title", "before", "--query", "").code == 0
    return command_of


def title(glassine: Glassine) -> set[str | None]:
    return {one["title"] for one in glassine("find", "--json").lines("photo")}


def test_a_dump_goes_to_a_file_and_to_standard_output_alike(glassine: Glassine, tmp_path: Path) -> None:
    target = tmp_path / "dump.json"
    done = glassine("dump", target, "--json", schema="dump")
    assert done.data == {"file": str(target), "size": target.stat().st_size}
    assert target.stat().st_mode & 0o777 == 0o600
    assert glassine("dump", "-").stdout == target.read_bytes()
    validate(json.loads(target.read_bytes()), "dump-document")
    assert "journal" in json.loads(glassine("dump", "-", "--journal").stdout)


def test_a_dump_replaces_no_file_unless_told_to(glassine: Glassine, tmp_path: Path) -> None:
    target = tmp_path / "dump.json"
    target.write_text("mine")
    refused = glassine("dump", target, "--json", schema="dump")
    assert refused.error["code"] == "exists"
    assert target.read_text() == "mine"
    assert glassine("dump", target, "--overwrite").code == 0
    assert json.loads(target.read_bytes())["glassine"] == "dump"
    assert os.listdir(tmp_path).count("dump.json") == 1
    assert not list(tmp_path.glob(".glassine-*"))


def test_a_dump_into_a_folder_that_is_not_there_is_an_error(glassine: Glassine, tmp_path: Path) -> None:
    target = tmp_path / "no" / "dump.json"
    refused = glassine("dump", target, "--json", schema="dump").error
    assert (refused["exit_code"], refused["path"]) == (15, str(target))
    assert refused["hint"]


@pytest.mark.root
def test_a_full_disk_under_a_dump_is_told_and_leaves_nothing(glassine: Glassine, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", size_kib=64) as disk:
        fill(disk)
        done = glassine("dump", disk / "dump.json", "--json", schema="dump")
        assert done.error["code"] == "storage_full"
        assert done.stderr == ""
        assert os.listdir(disk) == ["fill"]


@pytest.mark.root
def test_reading_a_library_on_a_full_disk_tells_that_it_is_full(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", size_kib=8192) as disk:
        alone = Glassine(disk / "library")
        assert alone("init", "--json", schema="init").code == 0
        # As it is left by the last one who closes it well; whoever reads it makes them again.
        for suffix in ("-shm", "-wal"):
            (disk / "library" / f"catalog.sqlite3{suffix}").unlink(missing_ok=True)
        fill(disk)
        refused = alone("find", "--json", schema="find").error
        assert (refused["code"], bool(refused["hint"])) == ("storage_full", True)
        (disk / "fill").unlink()
        assert alone("find", "--json", schema="find").code == 0


def test_backup_alone_writes_into_the_library_and_list_shows_it(
    glassine: Glassine, built: BuiltLibrary
) -> None:
    made = glassine("backup", "--json", schema="backup").data
    assert Path(made["file"]).parent == built.library.backups_dir
    listed = glassine("backup", "list", "--json", schema="backup-list").data
    assert [one["file"] for one in listed["backups"]] == [made["file"]]
    assert listed["backups"][0]["verified"] is True
    assert glassine("status", "--json", schema="status").data["backup"]["last"] == made["made"]


def test_list_with_verify_finds_a_backup_that_went_bad(glassine: Glassine) -> None:
    path = Path(glassine("backup", "--json").data["file"])
    raw = bytearray(path.read_bytes())
    raw[-100] ^= 1
    path.write_bytes(raw)
    (one,) = glassine("backup", "list", "--verify", "--json", schema="backup-list").data["backups"]
    assert one["verified"] is False
    assert "damaged" in one["reason"]


def test_backup_to_a_file_and_restore_bring_the_words_back(
    glassine: Glassine, built: BuiltLibrary, tmp_path: Path
) -> None:
    saved = tmp_path / "saved.db"
    assert glassine("backup", saved, "--json", schema="backup").data["verified"] is True
    glassine("title", "after", "--query", "")
    plan = glassine("restore", saved, "-n", "--json", schema="restore").data
    assert (plan["kind"], plan["dry_run"], plan["former"]) == ("backup", True, None)
    assert title(glassine) == {"after"}
    refused = glassine("restore", saved, "--json", schema="restore")
    assert refused.error["exit_code"] == 2
    assert title(glassine) == {"after"}
    done = glassine("restore", saved, "--yes", "--json", schema="restore").data
    assert title(glassine) == {"before"}
    assert glassine("check", "--json").code == 0
    back = glassine("restore", done["former"], "--yes", "--json", schema="restore")  # the way back
    assert back.code == 0, back.stdout
    assert title(glassine) == {"after"}


def test_a_dump_is_told_from_a_backup_by_its_content(
    glassine: Glassine, built: BuiltLibrary, tmp_path: Path
) -> None:
    dumped = tmp_path / "misleading.sqlite3"
    glassine("dump", dumped)
    fresh = Glassine(tmp_path / "fresh")
    assert fresh("init", "--zone", "Europe/Berlin").code == 0
    plan = fresh("restore", dumped, "-n", "--json", schema="restore").data
    assert (plan["kind"], plan["photos"], plan["absent"]) == ("dump", 2, 2)
    assert fresh("restore", dumped, "--yes", "--json", schema="restore").code == 0
    assert fresh("dump", "-").stdout == dumped.read_bytes()
    assert fresh("restore", dumped, "--yes", "--json", schema="restore").error["exit_code"] == 14


@pytest.mark.parametrize("content", [b"", b"hello", b"SQLite format 3\0 and then nothing"])
def test_what_is_neither_is_refused(glassine: Glassine, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    assert glassine("restore", path, "--yes", "--json", schema="restore").error["code"] == "invalid_value"
    assert title(glassine) == {"before"}


def test_restore_is_refused_while_somebody_holds_the_library(
    glassine: Glassine, built: BuiltLibrary, tmp_path: Path
) -> None:
    saved = tmp_path / "saved.db"
    glassine("backup", saved)
    with LibraryLock(built.library):
        refused = glassine("restore", saved, "--yes", "--json", schema="restore")
    assert refused.error["exit_code"] == 11
    assert "glassine down" in refused.error["hint"]


def test_a_backup_makes_a_library_where_there_is_none(glassine: Glassine, tmp_path: Path) -> None:
    saved = tmp_path / "saved.db"
    glassine("backup", saved)
    other = Glassine(tmp_path / "new home")
    assert other("restore", saved, "--yes", "--json", schema="restore").data["former"] is None
    assert title(other) == {"before"}
    assert (tmp_path / "new home" / "catalog.sqlite3").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("damage", ["flip", "truncate", "zero", "garbage", "empty"])
def test_a_damaged_catalog_does_not_prevent_the_restore_and_is_kept(
    glassine: Glassine, built: BuiltLibrary, tmp_path: Path, damage: str
) -> None:
    saved = tmp_path / "saved.db"
    glassine("backup", saved)
    path = built.library.catalog_path
    raw = bytearray(path.read_bytes())
    if damage == "flip":
        raw[len(raw) // 2] ^= 8
    damaged = {
        "flip": bytes(raw),
        "truncate": bytes(raw[:5000]),
        "zero": b"\0" * len(raw),
        "garbage": os.urandom(9000),
        "empty": b"",
    }[damage]
    path.write_bytes(damaged)
    done = glassine("restore", saved, "--yes", "--json", schema="restore").data
    assert Path(done["former"]).read_bytes() == damaged
    assert title(glassine) == {"before"}
    assert glassine("check", "--json").code == 0


def test_numbers_are_not_given_again_after_a_restore(
    glassine: Glassine, built: BuiltLibrary, tmp_path: Path
) -> None:
    saved = tmp_path / "saved.db"
    glassine("backup", saved)
    glassine("tag", "add", "later", "--query", "")
    writer = open_writer(built.library)
    before = dict(writer.rows("SELECT name, seq FROM sqlite_sequence"))
    writer.close()
    glassine("restore", saved, "--yes")
    writer = open_writer(built.library)
    after = dict(writer.rows("SELECT name, seq FROM sqlite_sequence"))
    assert all(after[name] >= seq for name, seq in before.items())
    assert writer.value("SELECT kind FROM change ORDER BY seq DESC LIMIT 1") == "all"
    assert check.check(writer) == []
    writer.close()


POINTS = (
    "backup.step", "restore.copied", "store.commit", "restore.staged", "restore.log_aside", "restore.ready", "restore.named",
    "restore.swapped",
)  # fmt: skip


@pytest.mark.parametrize("name", POINTS)
def test_a_kill_leaves_the_old_catalog_or_the_restored_one(
    glassine: Glassine, built: BuiltLibrary, tmp_path: Path, name: str
) -> None:
    saved = tmp_path / "saved.db"
    glassine("backup", saved)
    glassine("title", "after", "--query", "")
    killed = subprocess.run(
        [*command(), "restore", str(saved), "--yes"],
        env={**environment(built.library.path), "GLASSINE_FAILPOINT": f"{name}:1"},
        check=False,
        capture_output=True,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert title(glassine) == ({"before"} if name == "restore.swapped" else {"after"})
    assert glassine("check", "--json").code == 0
    assert glassine("restore", saved, "--yes").code == 0
    assert title(glassine) == {"before"}


def test_the_daemon_makes_a_backup_when_one_is_due_and_not_at_every_start(
    built: BuiltLibrary, glassine: Glassine, monkeypatch: pytest.MonkeyPatch
) -> None:
    import trio
    import trio.testing

    from daemon import backups
    from daemon.config import BackupSection

    settings = BackupSection(keep=2)

    async def days(hours: int) -> list[str]:
        clock = trio.testing.MockClock()
        now_s = time.time() + days.passed_s  # type: ignore[attr-defined]
        monkeypatch.setattr(backups.time, "time_ns", lambda: int((now_s + clock.current_time()) * 1e9))

        async def live() -> None:
            threads = trio.to_thread.current_default_thread_limiter()
            async with backups.open_backups(built.library, settings):
                for _ in range(hours * 4):
                    clock.jump(3600 / 4)
                    await trio.testing.wait_all_tasks_blocked()
                    while threads.borrowed_tokens:  # a look, or a backup: as long as it takes
                        time.sleep(0.001)
                        await trio.testing.wait_all_tasks_blocked()

        await trio.to_thread.run_sync(lambda: trio.run(live, clock=clock))
        days.passed_s += hours * 3600  # type: ignore[attr-defined]
        return [one.path.name for one in backup.kept(built.library.backups_dir)]

    days.passed_s = 0.0  # type: ignore[attr-defined]
    first = trio.run(days, 1)
    assert len(first) == 1
    assert trio.run(days, 5) == first, "a restart is no reason"
    later = trio.run(days, 24)
    assert len(later) == 2
    assert trio.run(days, 60)[-1] not in first, "the oldest goes"


@pytest.mark.allows_log("no backup was made")
def test_a_backup_that_fails_is_told_in_the_log_and_leaves_the_daemon_alive(
    built: BuiltLibrary, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    import trio

    from daemon import backups
    from daemon.config import BackupSection

    (tmp_path / "a file").write_text("no directory")
    settings = BackupSection(directory=str(tmp_path / "a file" / "below"))

    async def live() -> list[str]:
        async with backups.open_backups(built.library, settings) as running:
            assert not await running.make()
            return running.degraded()

    (trouble,) = trio.run(live)
    assert trouble.startswith("backup: ")
    assert [record.levelname for record in caplog.records if record.name == "daemon.backups"] == ["WARNING"]
    caplog.clear()


def test_status_and_doctor_tell_of_a_backup_that_is_too_old(glassine: Glassine, built: BuiltLibrary) -> None:
    backup.make_backup(
        built.library,
        built.library.backups_dir,
        keep=3,
        max_age_ns=10**18,
        now_ns=time.time_ns() - 10 * 24 * 3600 * 10**9,
    )
    status = glassine("status", "--json", schema="status").data
    assert any("240 hours old" in sentence for sentence in status["degraded"])
    checks = glassine("doctor", "--json", schema="doctor").documents[0]["data"]["checks"]
    assert next(one["state"] for one in checks if one["name"] == "backup") == "warn"
