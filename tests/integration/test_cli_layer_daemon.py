"""The same verbs through a running daemon: answers after the commit, refusals as documents, writers at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from integration.cli_runner import Glassine, validate
from product import Product, wait_until

FILES = 6


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory, sample: Path) -> Iterator[Product]:
    home = tmp_path_factory.mktemp("layer-daemon")
    photos = home / "photos"
    photos.mkdir()
    for source in sorted((sample / "2019" / "Iceland").glob("*.JPG"))[:FILES]:
        (photos / source.name).write_bytes(source.read_bytes())
    made = Product(home, {"GLASSINE_DAV_PORT": "0"})
    made.init(photos)
    made.run("up", "--no-dav")
    wait_until(lambda: len(made.found()) == FILES, what="every photo is found")
    yield made
    made.run("down", check=False)


@pytest.fixture(scope="module")
def glassine(product: Product) -> Glassine:
    return Glassine(product.library)


@pytest.fixture(scope="module")
def uids(product: Product) -> list[str]:
    return [photo["uid"] for photo in product.found()]


def photo(glassine: Glassine, uid: str) -> dict[str, Any]:
    document: dict[str, Any] = glassine("show", uid, "--json", schema="show").data[0]
    return document


def test_the_daemon_is_the_one_who_writes(product: Product) -> None:
    kinds = {process["kind"] for process in product.data("status")["processes"]}
    assert "daemon" in kinds


def test_an_edit_is_seen_as_soon_as_the_command_ends(glassine: Glassine, uids: list[str]) -> None:
    one = uids[0]
    data = glassine("tag", "add", "beach", one, "--json", schema="tag").data
    assert data["photos"] == [one]
    assert photo(glassine, one)["tags"] == ["beach"]
    assert glassine("date", "shift", "-1h", one, "--json", schema="date").data["changed"] == 1
    assert glassine("undo", "--json", schema="undo").data["changed"] == 1
    assert glassine("undo", str(data["journal"]), "--json", schema="undo").data["undone"] == data["journal"]
    assert photo(glassine, one)["tags"] == []


def test_options_of_an_edit_reach_the_daemon(glassine: Glassine, uids: list[str]) -> None:
    before = glassine("log", "--limit", "1", "--json").data
    dry = glassine("rate", "5", uids[0], "-n", "--json", schema="rate").data
    assert (dry["dry_run"], dry["journal"], dry["changed"]) == (True, None, 1)
    capped = glassine("rate", "5", *uids, "--max-items", "2", "--json", schema="rate")
    assert (capped.code, capped.error["code"]) == (2, "too_many_items")
    assert glassine("log", "--limit", "1", "--json").data == before


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["tag", "delete", "nobody-made-it"], 15),
        (["tag", "add", "a//b", "{uid}"], 2),
        (["date", "shift", "+9000y", "{uid}"], 2),
        (["rate", "9", "{uid}"], 2),
        (["undo", "999999"], 15),
        (["face", "add", "0.9,0.9,0.9,0.9", "{uid}"], 2),
        (["person", "rename", "nobody", "x"], 15),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
def test_refusals_of_the_daemon_are_the_same_documents(
    glassine: Glassine, uids: list[str], arguments: list[str], code: int
) -> None:
    done = glassine(*[word.format(uid=uids[0]) for word in arguments], "--json", schema="failure")
    assert done.code == code
    assert done.error["message"]


def test_a_conflict_names_the_row_that_stands_in_the_way(glassine: Glassine, uids: list[str]) -> None:
    first = glassine("rate", "1", uids[1], "--json").data["journal"]
    later = glassine("rate", "2", uids[1], "--json").data["journal"]
    done = glassine("undo", str(first), "--json", schema="undo")
    assert (done.code, done.error["code"], done.error["journal"]) == (14, "conflict", [later])
    assert photo(glassine, uids[1])["rating"] == 2


def test_eight_writers_at_once_each_have_their_edit_done(
    product: Product, glassine: Glassine, uids: list[str]
) -> None:
    started = [product.start("--json", "tag", "add", f"w{number}", *uids) for number in range(8)]
    answers = []
    for process in started:
        stdout, stderr = process.communicate(timeout=120)
        assert process.returncode == 0, stderr
        answers.append(json.loads(stdout))
    for answer in answers:
        validate(answer, "tag")
    assert len({answer["data"]["journal"] for answer in answers}) == 8
    for uid in uids:
        assert {f"w{number}" for number in range(8)} <= set(photo(glassine, uid)["tags"])


def test_a_selection_of_a_hundred_thousand_words_is_taken(glassine: Glassine, uids: list[str]) -> None:
    words = "\n".join(uids[number % len(uids)] for number in range(100_000)).encode()
    data = glassine("label", "Red", "--from-file", "-", "--json", stdin=words, schema="label").data
    assert data["photos"] == uids


def test_an_unknown_photo_among_a_hundred_thousand_changes_nothing(
    glassine: Glassine, uids: list[str]
) -> None:
    before = glassine("log", "--limit", "1", "--json").data
    words = "\n".join([*(uids[number % len(uids)] for number in range(100_000)), "~zzzzzz"]).encode()
    done = glassine("label", "Blue", "--from-file", "-", "--json", stdin=words, schema="failure")
    assert (done.code, done.error["code"]) == (15, "not_found")
    assert glassine("log", "--limit", "1", "--json").data == before


def test_what_was_done_through_the_daemon_is_whole(product: Product, glassine: Glassine) -> None:
    done = glassine("check", "--json", schema="check")
    assert (done.code, done.lines("finding")) == (0, [])
