"""Pairs that look like one thing and were left apart because more than one could be the partner: found, and told by doctor."""

from __future__ import annotations

import re
from typing import Any

import pytest
from cli_runner import Glassine

from catalog.commands import execute
from catalog.commands.layer import StackMake, StackSplit
from catalog.store import stack_leftovers
from catalog.store.stack_leftovers import leftovers
from store_harness import StoreHarness

CAMERA = {"make": "Apple", "model": "iPhone 8"}


def take(catalog: StoreHarness, path: str, local: str = "2019-08-07T12:00:00", **facts: Any) -> None:
    """Put a file there; movies last 2 s unless told otherwise."""
    raw = path.encode()
    if path.endswith("MOV"):
        facts.setdefault("duration_s", 2.0)
    catalog.put(raw, path)
    catalog.dates[raw] = local
    catalog.said_by[raw] = {**CAMERA, **facts}


def told(catalog: StoreHarness) -> set[tuple[str, str, str]]:
    catalog.ingest()
    return {(one.kind, one.paths[0].decode(), one.paths[1].decode()) for one in leftovers(catalog.writer)}


def uids(catalog: StoreHarness, *paths: str) -> tuple[str, ...]:
    return tuple(str(catalog.column(catalog.asset_at(path.encode()), "uid")) for path in paths)


def test_two_stills_that_one_movie_could_belong_to_are_told(catalog: StoreHarness) -> None:
    for name in ("IMG_1.JPG", "IMG_1.PNG", "IMG_1.MOV"):
        take(catalog, f"a/{name}")
    assert told(catalog) == {("live", "a/IMG_1.JPG", "a/IMG_1.MOV"), ("live", "a/IMG_1.PNG", "a/IMG_1.MOV")}


def test_one_identifier_on_two_stills_and_a_movie_is_told_once(catalog: StoreHarness) -> None:
    for name in ("one.JPG", "two.JPG", "three.MOV"):
        take(catalog, name, extra={"live_id": "A1"})
    assert told(catalog) == {("live", "one.JPG", "three.MOV"), ("live", "two.JPG", "three.MOV")}


def test_a_raw_between_photos_of_two_seconds_is_told(catalog: StoreHarness) -> None:
    take(catalog, "IMG_1.JPG", "2019-08-07T12:00:00")
    take(catalog, "IMG_1.NEF", "2019-08-07T12:00:02")
    take(catalog, "IMG_1.PNG", "2019-08-07T12:00:04")
    assert told(catalog) == {("raw", "IMG_1.NEF", "IMG_1.JPG"), ("raw", "IMG_1.NEF", "IMG_1.PNG")}


@pytest.mark.parametrize(
    "files",
    [
        {"IMG_1.JPG": {}, "IMG_1.MOV": {}},
        {"IMG_1.JPG": {}, "IMG_1.NEF": {}},
        {"IMG_1.JPG": {}, "IMG_1.MOV": {"duration_s": 60.0}},
        {"IMG_1.JPG": {}, "IMG_1.MOV": {"local": "2020-01-01T00:00:00"}},
        {"IMG_1.JPG": {}, "IMG_1.NEF": {"make": "Nikon", "model": "D1"}},
        {"Holiday (1).JPG": {}, "Holiday (2).JPG": {}},
    ],
    ids=["live", "raw", "long movie", "another day", "another camera", "copies"],
)
def test_what_is_a_pair_or_clearly_none_is_not_told(
    catalog: StoreHarness, files: dict[str, dict[str, Any]]
) -> None:
    for path, facts in files.items():
        take(catalog, path, **facts)
    assert told(catalog) == set()


@pytest.mark.parametrize("command", [StackMake, StackSplit])
def test_what_people_decided_about_is_not_told(catalog: StoreHarness, command: Any) -> None:
    for name in ("IMG_1.JPG", "IMG_1.PNG", "IMG_1.MOV"):
        take(catalog, name)
    assert len(told(catalog)) == 2
    photos = uids(catalog, "IMG_1.JPG", "IMG_1.MOV")
    if command is StackSplit:
        catalog.say(catalog.asset_at(b"IMG_1.MOV"), "stack", "false")
    else:
        execute(catalog.writer, command(photos), now_ns=catalog.now_ns + 1)
    assert told(catalog) == set()


@pytest.mark.parametrize("column", ["cell", "twin"])
def test_what_is_shared_is_found_by_the_index_alone(catalog: StoreHarness, column: str) -> None:
    sql = stack_leftovers.SHARED_CELLS if column == "cell" else stack_leftovers.SHARED_TWINS
    plan = "\n".join(row[3] for row in catalog.writer.rows(f"EXPLAIN QUERY PLAN {sql}", (1,)))
    assert re.search(rf"USING COVERING INDEX asset_{column}\b", plan), plan
    assert re.search(rf"SEARCH a EXISTS USING INDEX asset_{column} \({column}=\?\)", plan), plan


def test_doctor_lists_ambiguous_pairs_and_how_to_decide(catalog: StoreHarness) -> None:
    for name in ("IMG_1.JPG", "IMG_1.PNG", "IMG_1.MOV"):
        take(catalog, f"a/{name}")
    catalog.ingest()
    glassine = Glassine(catalog.library.path)
    (found,) = [
        one
        for one in glassine("doctor", "--json", schema="doctor").document["data"]["checks"]
        if one["name"] == "stacks"
    ]
    assert found["state"] == "warn"
    assert "a/IMG_1.JPG + a/IMG_1.MOV" in found["message"]
    assert "glassine stack make" in found["hint"]
