"""`glassine scan --verify`: what people and scripts see of rot, through the daemon and without one.

Rot is made as in `test_verify`: a flipped byte whose change time is written into the catalog. The harness counts only if it
goes red on a product that "mends" the hash instead of telling, and on one that believes what it reads.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3

from catalog.library import Library
from catalog.store.db import open_reader, open_writer
from integration.cli_runner import Done, Glassine, validate
from product import Product, end, wait_until
from source_mutant import seed_mutant

pytestmark = pytest.mark.slow


@pytest.fixture
def photos(tmp_path: Path, sample: Path) -> Path:
    """Five photos, and a second volume with a copy of the first."""
    folder, backup = tmp_path / "photos", tmp_path / "backup"
    folder.mkdir()
    backup.mkdir()
    for number, source in enumerate(sorted((sample / "2019" / "Iceland").glob("*.JPG"))[:5]):
        shutil.copy(source, folder / f"{number}.jpg")
    shutil.copy(folder / "0.jpg", backup / "zero.jpg")
    for path in (*folder.iterdir(), *backup.iterdir()):
        os.utime(path, ns=(10**18, 10**18))
    return folder


@pytest.fixture
def glassine(tmp_path: Path, photos: Path) -> Glassine:
    """A library that knows both volumes wholly; no daemon."""
    made = Glassine(tmp_path / "library")
    made("init", "--zone", "UTC")
    made("volume", "add", photos, "--name", "Photos")
    made("volume", "add", photos.with_name("backup"), "--name", "Backup")
    assert made("scan", "--json", schema="scan").code == 0
    return made


def rot(library: Path, path: Path) -> None:
    """Flip a byte of a photo; no stamp in the catalog tells."""
    before = path.stat()
    content = bytearray(path.read_bytes())
    content[-2] ^= 0xFF
    with path.open("r+b") as file:
        file.write(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    writer = open_writer(Library(library))
    try:
        with writer.atomic():
            changed = writer.execute(
                "UPDATE location SET ctime_ns = ? WHERE name = ?",
                (path.stat().st_ctime_ns, os.fsencode(path.name)),
            )
    finally:
        writer.close()
    assert changed == 1


def knowledge(library: Path, *folders: Path) -> dict[str, Any]:
    """Return what verification must not change: hashes, photos, where they are; and every byte and stamp on disk."""
    reader = open_reader(Library(library))
    try:
        known: dict[str, Any] = {
            "content": reader.rows("SELECT id, asset_id, hash, size FROM content ORDER BY id"),
            "asset": reader.rows("SELECT * FROM asset ORDER BY id"),
            "location": reader.rows(
                "SELECT id, name, size, mtime_ns, content_id, state FROM location ORDER BY id"
            ),
        }
    finally:
        reader.close()
    for folder in folders:
        for path in sorted(folder.iterdir()):
            status = path.stat()
            stamps = status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino
            known[str(path)] = (blake3(path.read_bytes()).hexdigest(), *stamps)
    return known


def verified(glassine: Glassine, *arguments: str, env: dict[str, str] | None = None) -> Done:
    return glassine("scan", "--verify", *arguments, "--json", schema="scan", env=env)


def test_a_sound_library_is_compared_and_well(glassine: Glassine) -> None:
    done = verified(glassine)
    counts = done.documents[-1]["counts"]
    assert (done.code, done.documents[-1]["ok"]) == (0, True)
    assert (counts["checked"], counts["damaged"], counts["mended"], counts["left"]) == (6, 0, 0, 0)
    assert counts["bytes"] > 0
    assert [line for line in done.lines("progress") if line["phase"] == "verify"]
    text = glassine("scan", "--verify")
    assert (text.code, text.stdout) == (0, b"")
    assert "6 compared: 0 damaged" in text.stderr


def test_damage_is_a_finding_with_its_good_copies_and_exit_code_1(glassine: Glassine, photos: Path) -> None:
    sound = blake3((photos / "0.jpg").read_bytes()).hexdigest()
    rot(glassine.library, photos / "0.jpg")
    rot(glassine.library, photos / "3.jpg")
    before = knowledge(glassine.library, photos, photos.with_name("backup"))
    done = verified(glassine)
    assert (done.code, done.documents[-1]["ok"], done.documents[-1]["error"]) == (1, False, None)
    assert done.documents[-1]["counts"]["damaged"] == 2
    found = {line["path"]: line for line in done.lines("finding")}
    assert found.keys() == {"0.jpg", "3.jpg"}
    one = found["0.jpg"]
    assert (one["kind"], one["volume"], one["expected_hash"]) == ("damaged", "Photos", sound)
    assert one["found_hash"] == blake3((photos / "0.jpg").read_bytes()).hexdigest()
    (copy,) = one["good_copies"]
    assert (copy["volume"], copy["path"], copy["state"]) == ("Backup", "zero.jpg", "present")
    assert copy["verified_at"]
    assert found["3.jpg"]["good_copies"] == []
    assert knowledge(glassine.library, photos, photos.with_name("backup")) == before
    text = glassine("scan", "--verify")
    lines = text.stdout.decode().splitlines()
    assert text.code == 1
    assert any(line.startswith("Photos: 0.jpg is damaged") and "Backup: zero.jpg" in line for line in lines)
    assert any(line.startswith("Photos: 3.jpg") and "restore it from a backup" in line for line in lines)


def test_damage_is_told_by_show_and_found_by_a_query(glassine: Glassine, photos: Path) -> None:
    rot(glassine.library, photos / "3.jpg")
    uid = verified(glassine).lines("finding")[0]["uid"]
    (finding,) = [one for one in _photo(glassine, uid)["findings"] if one["tool"] == "verify"]
    assert "Photos: 3.jpg is damaged" in finding["reason"]
    assert [line["uid"] for line in glassine("find", "is:damaged", "--json").lines("photo")] == [uid]
    rot(glassine.library, photos / "3.jpg")  # the same byte again: it is good
    done = verified(glassine)
    assert (done.code, done.documents[-1]["counts"]["mended"]) == (0, 1)
    assert glassine("find", "is:damaged", "--json").lines("photo") == []


def _photo(glassine: Glassine, uid: str) -> dict[str, Any]:
    document: dict[str, Any] = glassine("show", uid, "--json", schema="show").data[0]
    return document


def test_what_was_compared_lately_is_left_out(glassine: Glassine, photos: Path) -> None:
    assert (
        verified(glassine, "--every", "30d").documents[-1]["counts"]["checked"] == 0
    )  # hashing compared them
    rot(glassine.library, photos / "1.jpg")
    assert verified(glassine, "--every", "2w", "Photos").code == 0
    done = verified(glassine, "--every", "0", "Photos")
    assert (done.code, done.documents[-1]["counts"]["checked"]) == (1, 5)
    again = verified(glassine, "--every", "30d", "Photos")
    counts = again.documents[-1]["counts"]
    assert (again.code, counts["checked"], counts["damaged"]) == (1, 0, 1)  # still damaged, still told
    assert len(again.lines("finding")) == 1


def test_the_new_files_are_there_first(glassine: Glassine, photos: Path) -> None:
    shutil.copy(photos / "1.jpg", photos / "new.jpg")
    counts = verified(glassine, "--every", "30d", "Photos").documents[-1]["counts"]
    assert (counts["added"], counts["checked"]) == (1, 0)


def test_a_limit_of_time_leaves_the_rest_for_the_next_run(glassine: Glassine, photos: Path) -> None:
    with (photos / "large.jpg").open("wb") as file:
        file.write(b"\xff\xd8\xff" + os.urandom(12 << 20))
    os.utime(photos / "large.jpg", ns=(10**18, 10**18))
    assert glassine("scan").code == 0
    slow = {"GLASSINE_VERIFY_MIB_PER_S": "8"}
    done = verified(glassine, "--time-limit", "1s", "Photos", env=slow)
    assert (done.code, done.documents[-1]["ok"], done.documents[-1]["counts"]["left"]) == (0, True, 1)
    assert (
        "left for the next run"
        in glassine("scan", "--verify", "--time-limit", "1s", "Photos", env=slow).stderr
    )
    counts = verified(glassine, "Photos").documents[-1]["counts"]
    assert (counts["checked"], counts["left"]) == (1, 0)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--verify", "--every", "soon"], "no length of time"),
        (["--verify", "--every", "5m"], "minutes are min"),
        (["--verify", "--time-limit", "0"], "too short"),
        (["--verify", "--every", "99999999d"], "hundred years"),
        (["--verify", "--every=-1d"], "no length of time"),
        (["--every", "30d"], "belong to --verify"),
        (["--time-limit", "2h"], "belong to --verify"),
    ],
)
def test_a_wrong_duration_is_told_as_such(tmp_path: Path, arguments: list[str], said: str) -> None:
    done = Glassine(tmp_path / "library")("scan", *arguments, "--json", schema="scan")
    assert (done.code, done.error["code"]) == (2, "usage")
    assert said in done.error["message"]


def test_a_volume_that_is_away_is_told_once_and_the_others_are_compared(
    glassine: Glassine, photos: Path
) -> None:
    photos.rename(photos.with_name("away"))
    done = verified(glassine)
    assert [line["error"]["code"] for line in done.lines("error")] == ["volume_offline"]
    assert (done.code, done.documents[-1]["counts"]["checked"]) == (3, 1)
    assert verified(glassine, "Photos").code == 13
    assert verified(glassine, "nobody").code == 15


def test_ctrl_c_keeps_what_was_compared(tmp_path: Path, glassine: Glassine, photos: Path) -> None:
    with (photos / "large.jpg").open("wb") as file:
        file.write(b"\xff\xd8\xff" + os.urandom(40 << 20))
    os.utime(photos / "large.jpg", ns=(10**18, 10**18))
    assert glassine("scan").code == 0
    product = Product(tmp_path, {"GLASSINE_VERIFY_MIB_PER_S": "2"})
    running = product.start("--json", "scan", "--verify", "Photos")
    assert running.stdout is not None
    for raw in running.stdout:
        line = json.loads(raw)
        validate(line, "scan")
        if line.get("phase") == "verify" and line["checked"] == 5:
            break
    assert end(running, with_signal=signal.SIGINT) == 130
    counts = verified(glassine, "Photos").documents[-1]["counts"]
    assert (counts["checked"], counts["left"]) == (1, 0)


# ---- through the daemon


@pytest.fixture
def product(glassine: Glassine) -> Iterator[Product]:
    made = Product(glassine.library.parent, {"GLASSINE_DAV_PORT": "0"})
    yield made
    made.run("down", check=False)


def test_through_the_daemon_it_is_the_same(glassine: Glassine, photos: Path, product: Product) -> None:
    rot(glassine.library, photos / "0.jpg")
    product.run("up", "--no-dav")
    wait_until(lambda: product.data("status")["ready"], what="the daemon is ready")
    done = verified(glassine)
    (finding,) = done.lines("finding")
    assert (done.code, finding["path"]) == (1, "0.jpg")
    assert [copy["volume"] for copy in finding["good_copies"]] == ["Backup"]
    assert done.documents[-1]["counts"]["checked"] == 6
    assert verified(glassine, "nobody").code == 15


def test_a_client_of_the_daemon_that_goes_away_ends_its_run_and_the_next_one_goes_on(
    glassine: Glassine, photos: Path, product: Product
) -> None:
    with (photos / "large.jpg").open("wb") as file:
        file.write(b"\xff\xd8\xff" + os.urandom(40 << 20))
    os.utime(photos / "large.jpg", ns=(10**18, 10**18))
    product.run("up", "--no-dav", GLASSINE_VERIFY_MIB_PER_S="8")
    product.run("scan")
    running = product.start("--json", "scan", "--verify", "Photos")
    assert running.stdout is not None
    for raw in running.stdout:
        if (line := json.loads(raw)).get("phase") == "verify" and line["checked"] == 5:
            break
    assert end(running, with_signal=signal.SIGINT) == 130
    wait_until(lambda: _last_state(glassine.library) == "abandoned", what="the run is ended")
    counts = verified(glassine, "Photos").documents[-1]["counts"]
    assert (counts["checked"], counts["left"]) == (1, 0)
    assert _last_state(glassine.library) == "done"


def _last_state(library: Path) -> str:
    reader = open_reader(Library(library))
    try:
        return str(reader.value("SELECT state FROM verification ORDER BY id DESC LIMIT 1"))
    finally:
        reader.close()


# ---- the harness itself

# It takes the rotten bytes for the truth.
MENDS = (
    """"INSERT INTO damage (location_id, found, found_ns, read_ns) VALUES (?1, ?2, ?3, ?3)"
            " ON CONFLICT DO UPDATE SET found = excluded.found, read_ns = excluded.read_ns",""",
    """"UPDATE content SET hash = ?2 WHERE id = (SELECT content_id FROM location WHERE id = ?1) AND ?3 > 0",""",
)
# It reads what the page cache remembers, or takes a file for good that was not compared.
BELIEVES = ("elif reading.hash == expected:", "elif reading.hash is not None:")


def rot_is_told_and_nothing_else_changes(product: Product, photos: Path, **environment: str) -> None:
    """The harness: one rotten file, one run, one finding; hashes, photos and files stay as they are."""
    rot(product.library, photos / "3.jpg")
    before = knowledge(product.library, photos)
    done = product.run("--json", "scan", "--verify", "Photos", check=False, **environment)
    found = [line for line in map(json.loads, done.stdout.splitlines()) if line["type"] == "finding"]
    assert knowledge(product.library, photos) == before, "something was changed"
    assert (done.returncode, [line["path"] for line in found]) == (1, ["3.jpg"]), "the rot was not told"


def test_rot_is_told_by_the_product_as_it_is(tmp_path: Path, glassine: Glassine, photos: Path) -> None:
    rot_is_told_and_nothing_else_changes(Product(tmp_path), photos)


@pytest.mark.parametrize(
    ("mutant", "why"),
    [(MENDS, "something was changed"), (BELIEVES, "the rot was not told")],
    ids=["mends", "believes"],
)
def test_the_harness_goes_red_on_a_product_that_lies(
    tmp_path: Path, glassine: Glassine, photos: Path, mutant: tuple[str, str], why: str
) -> None:
    seeded = seed_mutant(tmp_path / "mutant", "catalog.store.verifying", *mutant)
    path = os.pathsep.join([str(seeded), *filter(None, [Product(tmp_path).env()["PYTHONPATH"]])])
    with pytest.raises(AssertionError, match=why):
        rot_is_told_and_nothing_else_changes(Product(tmp_path), photos, PYTHONPATH=path)
