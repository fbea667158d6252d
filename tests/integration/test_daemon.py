"""The processes of a library, driven from outside: up, down, status, scan, and what happens when they are killed."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from capabilities import require
from full_disk import fill, small_disk
from integration.cli_runner import validate
from product import Product, wait_until

# `down` promises five seconds; starting the command takes some of a busy machine.
DOWN_LIMIT_S = 8.0


@pytest.fixture
def photos(tmp_path: Path, sample: Path) -> Path:
    """A dozen files of the sample, for one test to change at will."""
    target = tmp_path / "Büro Fotos"
    target.mkdir()
    for source in sorted((sample / "2019" / "Iceland").glob("*.JPG"))[:12]:
        (target / source.name).write_bytes(source.read_bytes())
    return target


@pytest.fixture
def product(tmp_path: Path, photos: Path) -> Iterator[Product]:
    """A library with one volume `Photos`; WebDAV on any free port."""
    product = Product(tmp_path, {"GLASSINE_DAV_PORT": "0"})
    product.init(photos)
    yield product
    product.run("down", check=False)


def _status(product: Product) -> dict[str, Any]:
    document = json.loads(product.run("--json", "status").stdout)
    validate(document, "status")
    return document["data"]


def _processes(product: Product, kind: str) -> list[dict[str, Any]]:
    return [process for process in _status(product)["processes"] if process["kind"] == kind]


def _pid(product: Product, kind: str) -> int:
    (process,) = _processes(product, kind)
    return process["pid"]


def _is_idle(product: Product) -> bool:
    status = _status(product)
    return not status["scanning"] and status["pending"] == {
        "facts": 0,
        "deep_facts": 0,
        "hashes": 0,
        "sniffs": 0,
        "sidecars": 0,
    }


def _of_library(product: Product) -> list[str]:
    """Return the command line of every living process that names the library."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        if str(product.library) in command and int(folder.name) != os.getpid():
            found.append(command)
    return found


def test_status_works_without_a_daemon(product: Product) -> None:
    status = _status(product)
    assert (status["ready"], status["scanning"], status["processes"]) == (False, False, [])
    assert [volume["name"] for volume in status["volumes"]] == ["Photos"]


def test_up_scans_serves_and_is_idempotent_and_down_ends_all(product: Product) -> None:
    first = json.loads(product.run("--json", "up", "--no-dav").stdout)
    validate(first, "up")
    assert first["data"]["ready"] is True
    pid = _pid(product, "daemon")
    product.run("up", "--no-dav")
    assert _pid(product, "daemon") == pid
    wait_until(lambda: _is_idle(product), what="everything read")
    assert _status(product)["photos"] == 12
    stopped = json.loads(product.run("--json", "down").stdout)
    validate(stopped, "down")
    assert [item["kind"] for item in stopped["data"]["stopped"]] == ["daemon"]
    assert _of_library(product) == []
    assert json.loads(product.run("--json", "down").stdout)["data"] == {"stopped": []}


def test_up_starts_webdav_and_it_answers(product: Product) -> None:
    product.run("up")
    (dav,) = _processes(product, "dav")
    with urllib.request.urlopen(dav["details"]["url"] + "Timeline/", timeout=10) as answer:
        assert answer.status == 200


def test_a_killed_frontend_is_back_within_seconds(product: Product) -> None:
    product.run("up")
    pid = _pid(product, "dav")
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: _status(product)["ready"], what="WebDAV is back", deadline_s=10)
    assert _pid(product, "dav") != pid


def test_webdav_outlives_a_killed_daemon_and_the_next_up_adopts_it(product: Product) -> None:
    product.run("up")
    dav = _pid(product, "dav")
    os.kill(_pid(product, "daemon"), signal.SIGKILL)
    wait_until(lambda: not _processes(product, "daemon"), what="the daemon is dead")
    (process,) = _processes(product, "dav")
    with urllib.request.urlopen(process["details"]["url"], timeout=10) as answer:
        assert answer.status == 200
    product.run("up")
    assert _pid(product, "dav") == dav
    product.run("down")
    assert _of_library(product) == []


def test_down_ends_what_a_killed_daemon_left_behind(product: Product) -> None:
    product.run("up")
    os.kill(_pid(product, "daemon"), signal.SIGKILL)
    product.run("down")
    assert _of_library(product) == []


def test_a_stopped_frontend_does_not_keep_down_waiting(product: Product) -> None:
    product.run("up")
    os.kill(_pid(product, "dav"), signal.SIGSTOP)
    begun = time.monotonic()
    product.run("down")
    assert time.monotonic() - begun < DOWN_LIMIT_S
    assert _of_library(product) == []


def test_a_second_daemon_is_refused_with_the_pid_of_the_first(product: Product) -> None:
    product.run("up", "--no-dav")
    done = product.run("--json", "daemon", check=False)
    assert done.returncode == 11
    error = json.loads(done.stdout)["error"]
    assert (error["code"], error["pid"]) == ("locked", _pid(product, "daemon"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_the_foreground_with_exit_code_zero(product: Product, number: signal.Signals) -> None:
    with product.start("up", "--foreground") as process:
        assert process.stdout is not None
        assert "is up" in process.stdout.readline()
        process.send_signal(number)
        process.communicate(timeout=DOWN_LIMIT_S)
        assert process.returncode == 0
    assert _of_library(product) == []


def test_a_killed_foreground_takes_its_frontends_along(product: Product) -> None:
    with product.start("up", "--foreground") as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert _processes(product, "dav")
        process.kill()
        process.communicate()
    wait_until(lambda: not _of_library(product), what="no process is left", deadline_s=5)


def test_a_mistake_in_the_configuration_is_the_error_of_up(product: Product) -> None:
    (product.library / "config.toml").write_text("[dav]\nprot = 1\n")
    done = product.run("up", check=False)
    assert done.returncode == 2
    assert "dav.prot" in done.stderr


def test_a_taken_port_leaves_the_daemon_up_and_degraded(product: Product) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = product.run("--json", "up", "--port", str(taken.getsockname()[1]), check=False)
    assert done.returncode == 3
    data = json.loads(done.stdout)["data"]
    assert data["ready"] is False
    assert any("dav" in text for text in data["degraded"])


# ---- scan


def _scan(product: Product, *arguments: str, code: int = 0) -> list[dict[str, Any]]:
    done = product.run("--json", "scan", *arguments, check=False)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == code, (done.stdout, done.stderr)
    for line in lines:
        validate(line, "scan")
    assert [line["type"] for line in lines].count("summary") == 1
    assert lines[-1]["type"] == "summary"
    return lines


@pytest.mark.parametrize("with_daemon", [False, True])
def test_scan_ends_when_rows_facts_and_hashes_are_there(
    product: Product, photos: Path, with_daemon: bool
) -> None:
    if with_daemon:
        product.run("up", "--no-dav")
    (photos / "notes.txt").write_text("no photo")
    summary = _scan(product)[-1]
    assert summary["ok"] is True
    assert _is_idle(product)
    assert _status(product)["photos"] == 12
    assert all(document["hash"] for document in product.found())


def test_scan_counts_what_was_added_changed_and_lost(product: Product, photos: Path) -> None:
    counts = _scan(product)[-1]["counts"]
    assert (counts["seen"], counts["added"], counts["hashed"], counts["errors"]) == (12, 12, 12, 0)
    first, second, *_ = sorted(photos.iterdir())
    first.unlink()
    second.write_bytes(second.read_bytes() + b"more")
    counts = _scan(product)[-1]["counts"]
    assert (counts["added"], counts["changed"], counts["missing"]) == (0, 1, 1)
    assert counts["hashed"] == 1


def test_scan_of_an_unchanged_volume_reads_nothing(product: Product) -> None:
    _scan(product)
    counts = _scan(product)[-1]["counts"]
    assert (counts["added"], counts["changed"], counts["facts"], counts["hashed"]) == (0, 0, 0, 0)
    counts = _scan(product, "--full")[-1]["counts"]
    assert (counts["seen"], counts["added"], counts["changed"]) == (12, 0, 0)


def test_scan_of_an_unknown_volume_is_not_found(product: Product) -> None:
    lines = _scan(product, "Nothing", code=15)
    assert lines[-1]["error"]["code"] == "not_found"


def test_scan_of_an_offline_volume_says_so_and_loses_nothing(product: Product, photos: Path) -> None:
    _scan(product)
    photos.rename(photos.with_name("elsewhere"))
    lines = _scan(product, "Photos", code=13)
    assert lines[-1]["error"]["code"] == "volume_offline"
    status = _status(product)
    assert status["volumes"][0]["state"] == "offline"
    assert (status["volumes"][0]["missing"], status["photos"]) == (0, 12)


@pytest.mark.parametrize("with_daemon", [False, True])
def test_the_error_that_ends_a_scan_is_told_once(product: Product, photos: Path, with_daemon: bool) -> None:
    if with_daemon:
        product.run("up")
    photos.rename(photos.with_name("elsewhere"))
    lines = _scan(product, "Photos", code=13)
    assert [line["type"] for line in lines].count("error") == 1
    assert lines[-1]["error"] == lines[-2]["error"]
    told = product.run("scan", "Photos", check=False)
    assert (told.returncode, told.stderr.count("Photos is offline")) == (13, 1)


def test_scan_is_partial_when_a_folder_cannot_be_listed(product: Product, photos: Path) -> None:
    require("user")
    closed = photos / "closed"
    closed.mkdir()
    closed.chmod(0)
    try:
        lines = _scan(product, code=3)
    finally:
        closed.chmod(0o700)
    assert [line["type"] for line in lines].count("error") == 1
    assert lines[-1]["ok"] is False


def test_an_edit_and_a_probe_go_through_while_a_scan_runs_in_the_foreground(
    product: Product, photos: Path
) -> None:
    for number in range(300):
        (photos / f"copy {number}.jpg").write_bytes(next(iter(photos.iterdir())).read_bytes())
    with product.start("scan") as scan:
        wait_until(lambda: _processes(product, "scan"), what="the scan runs")
        product.run("volume", "path", "add", "Photos", str(photos))
        [probed] = product.data("volume", "probe")
        assert (probed["name"], probed["state"]) == ("Photos", "online")
        scan.communicate(timeout=60)
        assert scan.returncode == 0


def test_ctrl_c_ends_a_scan_with_130_and_the_next_one_finishes_the_work(
    product: Product, photos: Path
) -> None:
    content = next(iter(photos.iterdir())).read_bytes()
    for number in range(500):
        (photos / f"copy {number}.jpg").write_bytes(content + str(number).encode())
    with product.start("--json", "scan") as scan:
        wait_until(lambda: _processes(product, "scan"), what="the scan runs")
        scan.send_signal(signal.SIGINT)
        out, _ = scan.communicate(timeout=DOWN_LIMIT_S)
        assert scan.returncode == 130
        assert json.loads(out.splitlines()[-1])["type"] == "summary"
    assert _of_library(product) == []
    assert _scan(product)[-1]["ok"] is True
    assert _status(product)["photos"] == 512


@pytest.mark.root
def test_a_full_disk_ends_nothing_and_what_is_new_is_taken_in_when_there_is_room(
    tmp_path: Path, photos: Path
) -> None:
    with small_disk(tmp_path / "disk", size_kib=16 * 1024) as disk:
        product = Product(disk, {"GLASSINE_DAV_PORT": "0"})
        product.init(photos)
        product.run("up")
        try:
            wait_until(lambda: _is_idle(product) and len(product.found()) == 12, what="12 photos")
            before = _pid(product, "daemon")
            fill(disk)
            for number, source in enumerate(sorted(photos.iterdir())):
                (photos / f"new {number}.JPG").write_bytes(source.read_bytes() + b"new")
            wait_until(lambda: _status(product)["degraded"], what="it is told that the disk is full")
            assert "is full: what is new waits" in " ".join(_status(product)["degraded"])
            refused = product.run("--json", "tag", "add", "sea", "--query", "type:photo", check=False)
            assert json.loads(refused.stdout)["error"]["code"] == "storage_full"
            (disk / "fill").unlink()
            wait_until(lambda: len(product.found()) == 24 and _is_idle(product), what="24 photos")
            assert _pid(product, "daemon") == before
            assert _status(product)["degraded"] == []
            product.run("tag", "add", "sea", "--query", "type:photo")
        finally:
            product.run("down", check=False)
        product.run("check")
