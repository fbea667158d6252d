"""Sidecars in the store: what is said because of them, in whatever order files come, change, go and return.

Sidecars are read by the real reader; listings, facts and hashes are told to the store.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from itertools import permutations
from pathlib import Path

import pytest

from catalog import commands
from catalog.commands import layer
from catalog.errors import Conflict
from catalog.facts import FactsResult, Finding
from catalog.store import explain_sidecars, sidecar_rows, sidecars
from catalog.store.dump import dump
from catalog.store.dump_restore import restore_dump
from catalog.store.photos import documents
from catalog.store.undo import undo
from catalog.values import WorkItem
from daemon.media.sidecar import read_sidecar
from daemon.media.source import MemorySource
from sidecar_texts import takeout, xmp
from store_harness import StoreHarness, make_harness


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[StoreHarness]:
    harness = make_harness(tmp_path / "library")
    yield harness
    assert harness.check() == []
    harness.close()


def due(catalog: StoreHarness) -> list[WorkItem]:
    return sidecars.sidecars_due(catalog.writer, 100, volume_id=catalog.volume_id, now_ns=catalog.now_ns)


def read_item(catalog: StoreHarness, item: WorkItem) -> FactsResult:
    directory, _, name = item.path.rpartition(b"/")
    body = catalog.disk[directory][name].body.encode("utf-8", "surrogateescape")
    return FactsResult(item, read_sidecar(MemorySource(body), name))


def read_due(catalog: StoreHarness, items: Sequence[WorkItem] | None = None) -> int:
    """Read what is due (or just these), one transaction each, as a daemon with a small batch would."""
    count = 0
    for item in due(catalog) if items is None else items:
        catalog.now_ns += 1
        count += sidecars.record_sidecars(catalog.writer, [read_item(catalog, item)], catalog.now_ns)
    return count


def take_in(catalog: StoreHarness, **facts: object) -> None:
    """Scan, read, hash, read sidecars until nothing is due."""
    catalog.scan()
    catalog.read_facts(**facts)
    catalog.read_hashes()
    read_due(catalog)
    assert due(catalog) == []


def put(catalog: StoreHarness, *paths: str) -> None:
    """Write photos whose bytes are their first path."""
    for path in paths:
        catalog.put(path.encode(), f"bytes of {path}")


def write(catalog: StoreHarness, path: str, body: str, mtime_s: int = 1_600_000_000) -> None:
    """Write a sidecar."""
    catalog.put(path.encode(), body, mtime_ns=mtime_s * 10**9, size=len(body.encode()))


def document(catalog: StoreHarness, path: str) -> dict[str, object]:
    (found,) = documents(catalog.writer, [catalog.asset_at(path.encode())])
    return found


def words(catalog: StoreHarness, path: str) -> dict[str, object]:
    """Return what a photo is said to be, as people see it: only what sidecars may say."""
    shown = document(catalog, path)
    names = ("title", "description", "rating", "label", "creator", "tags", "people", "favorite", "position")
    return {name: shown[name] for name in names if shown[name] not in (None, [], False)}


def journal_rows(catalog: StoreHarness) -> list[dict[str, object]]:
    return [json.loads(row[0]) for row in catalog.writer.rows("SELECT command FROM journal ORDER BY id")]


def authors(catalog: StoreHarness, path: str) -> set[str]:
    asset_id = catalog.asset_at(path.encode())
    return {
        row[0] for row in catalog.writer.rows("SELECT author FROM statement WHERE asset_id = ?", (asset_id,))
    }


def row_of(catalog: StoreHarness, path: str) -> dict[str, object]:
    found = explain_sidecars.explain_sidecar(catalog.writer, catalog.volume_id, path.encode())
    assert found is not None
    return found


# ---- what is said


def test_all_words_of_a_sidecar_are_said_of_its_photo_and_a_second_reading_says_nothing(
    catalog: StoreHarness,
) -> None:
    put(catalog, "a/IMG.JPG")
    body = xmp(
        rating=4,
        title="Sea",
        description="A day\nat sea",
        tags=["boat"],
        deep_tags=["Travel|Italy"],
        label="Red",
        taken="2001-02-03T04:05:06+02:00",
        creators=["Ann", "Bob"],
        position=("52,30.0N", "13,24.0E"),
        faces=[("Eve", 0.5, 0.25, 0.2, 0.1)],
    )
    write(catalog, "a/IMG.JPG.xmp", body)
    take_in(catalog)
    assert words(catalog, "a/IMG.JPG") == {
        "title": "Sea",
        "description": "A day\nat sea",
        "rating": 4,
        "label": "Red",
        "creator": "Ann; Bob",
        "tags": ["Travel/Italy", "boat"],
        "people": ["Eve"],
        "position": {"lat": 52.5, "lon": 13.4, "alt": None},
    }
    shown = document(catalog, "a/IMG.JPG")
    assert shown["sources"]["title"] == "sidecar"  # type: ignore[index]
    assert shown["capture"]["local"] == "2001-02-03T04:05:06"  # type: ignore[index]
    assert shown["capture"]["offset_min"] == 120  # type: ignore[index]
    assert shown["sidecars"] == ["Photos:a/IMG.JPG.xmp"]
    assert authors(catalog, "a/IMG.JPG") == {"Photos:a/IMG.JPG.xmp"}
    assert journal_rows(catalog) == [{"do": "read_sidecar", "sidecar": "Photos:a/IMG.JPG.xmp"}]
    catalog.writer.execute("UPDATE sidecar SET state = 'due'")
    assert read_due(catalog) == 1
    assert len(journal_rows(catalog)) == 1


@pytest.mark.parametrize(
    ("orientation", "expected"),
    [(None, (0.4, 0.2, 0.2, 0.1)), (6, (0.7, 0.4, 0.1, 0.2)), (3, (0.4, 0.7, 0.2, 0.1))],
)
def test_faces_are_shown_upright(
    catalog: StoreHarness, orientation: int | None, expected: tuple[float, ...]
) -> None:
    put(catalog, "IMG.JPG")
    write(catalog, "IMG.JPG.xmp", xmp(faces=[("Eve", 0.5, 0.25, 0.2, 0.1)]))
    take_in(catalog, orientation=orientation)
    (face,) = document(catalog, "IMG.JPG")["faces"]  # type: ignore[misc]
    assert tuple(face[side] for side in ("x", "y", "w", "h")) == pytest.approx(expected)


def test_a_takeout_json_says_what_google_knew_and_neither_trashes_nor_hides(catalog: StoreHarness) -> None:
    put(catalog, "IMG.jpg")
    catalog.dates[b"IMG.jpg"] = None
    body = takeout(
        "IMG.jpg",
        1_000_000_000,
        description="at the lake",
        people=[{"name": "Eve"}],
        favorited=True,
        trashed=True,
        archived=True,
        geoData={"latitude": 47.5, "longitude": 8.5, "altitude": 400.0},
    )
    write(catalog, "IMG.jpg.supplemental-metadata.json", body)
    take_in(catalog)
    assert words(catalog, "IMG.jpg") == {
        "description": "at the lake",
        "people": ["Eve"],
        "favorite": True,
        "position": {"lat": 47.5, "lon": 8.5, "alt": 400.0},
    }
    shown = document(catalog, "IMG.jpg")
    assert shown["capture"]["source"] == "Takeout:photoTakenTime"  # type: ignore[index]
    assert (shown["hidden"], shown["trashed_at"]) == (False, None)
    says = row_of(catalog, "IMG.jpg.supplemental-metadata.json")["says"]
    assert says["trashed"] is True  # type: ignore[index]
    assert says["archived"] is True  # type: ignore[index]


def test_json_of_other_programs_says_nothing_and_is_no_trouble(catalog: StoreHarness) -> None:
    put(catalog, "IMG.jpg")
    write(catalog, "IMG.jpg.json", '{"name": "package", "version": 1}')
    write(catalog, "IMG2.jpg.json", '{"name": "package", "version": 1}')
    take_in(catalog)
    assert words(catalog, "IMG.jpg") == {}
    assert journal_rows(catalog) == []
    assert explain_sidecars.trouble(catalog.writer).told == []


def test_words_of_people_stand_above_those_of_sidecars(catalog: StoreHarness) -> None:
    put(catalog, "IMG.JPG")
    write(catalog, "IMG.JPG.xmp", xmp(rating=2, tags=["a", "b"]))
    take_in(catalog)
    catalog.say(catalog.asset_at(b"IMG.JPG"), "rating", "5", made_ns=1)
    write(catalog, "IMG.JPG.xmp", xmp(rating=3, tags=["a", "b"]), 1_600_000_001)
    take_in(catalog)
    assert words(catalog, "IMG.JPG") == {"rating": 5, "tags": ["a", "b"]}


# ---- change, absence, return


def test_a_sidecar_that_changes_takes_back_its_own_words_and_no_others(catalog: StoreHarness) -> None:
    put(catalog, "IMG.JPG")
    write(catalog, "IMG.JPG.xmp", xmp(rating=2, title="old", tags=["a", "b"]))
    take_in(catalog)
    catalog.say(catalog.asset_at(b"IMG.JPG"), "description", '"mine"')
    write(catalog, "IMG.JPG.xmp", xmp(rating=3, tags=["b", "c"]), 1_600_000_001)
    take_in(catalog)
    assert words(catalog, "IMG.JPG") == {"rating": 3, "tags": ["b", "c"], "description": "mine"}


@pytest.mark.parametrize(
    "body",
    ["", "<x:xmpmeta", "<!DOCTYPE x [<!ENTITY e 'e'>]><x/>", "{}", "\0" * 99, "<html/>"],
)
def test_a_sidecar_that_breaks_or_is_empty_takes_nothing_back(catalog: StoreHarness, body: str) -> None:
    put(catalog, "IMG.JPG")
    write(catalog, "IMG.JPG.xmp", xmp(rating=2, tags=["a"]))
    take_in(catalog)
    write(catalog, "IMG.JPG.xmp", body, 5)
    take_in(catalog)
    assert words(catalog, "IMG.JPG") == {"rating": 2, "tags": ["a"]}
    assert len(journal_rows(catalog)) == 1
    state = row_of(catalog, "IMG.JPG.xmp")["state"]
    findings = document(catalog, "IMG.JPG")["findings"]
    assert (state, bool(findings)) == (("failed", True) if body else ("done", False))
    assert bool(explain_sidecars.trouble(catalog.writer).failed) == bool(body)


def test_a_sidecar_that_killed_its_reader_is_failed_with_the_reason(catalog: StoreHarness) -> None:
    put(catalog, "IMG.JPG")
    write(catalog, "IMG.JPG.xmp", xmp(rating=2))
    catalog.ingest()
    (item,) = due(catalog)
    result = FactsResult(item, finding=Finding("worker", "2", "killed by signal 9"))
    assert sidecars.record_sidecars(catalog.writer, [result], catalog.now_ns) == 1
    assert due(catalog) == []
    (finding,) = document(catalog, "IMG.JPG")["findings"]  # type: ignore[misc]
    assert finding == {"tool": "sidecar", "version": "2", "reason": "IMG.JPG.xmp: killed by signal 9"}


def test_an_error_of_the_storage_is_no_fault_of_the_file_and_is_tried_later(catalog: StoreHarness) -> None:
    put(catalog, "IMG.JPG")
    write(catalog, "IMG.JPG.xmp", xmp(rating=2))
    catalog.ingest()
    (item,) = due(catalog)
    sidecars.record_sidecars(catalog.writer, [FactsResult(item, error="EIO")], catalog.now_ns)
    assert due(catalog) == []
    catalog.now_ns += sidecars.RETRY_NS
    assert read_due(catalog) == 1
    assert words(catalog, "IMG.JPG") == {"rating": 2}


def test_a_sidecar_that_goes_takes_nothing_back_and_one_that_returns_is_read_again(
    catalog: StoreHarness,
) -> None:
    put(catalog, "IMG.JPG")
    write(catalog, "IMG.JPG.xmp", xmp(rating=2, tags=["a"]))
    take_in(catalog)
    catalog.remove(b"IMG.JPG.xmp")
    take_in(catalog)
    assert words(catalog, "IMG.JPG") == {"rating": 2, "tags": ["a"]}
    assert document(catalog, "IMG.JPG")["sidecars"] == []
    write(catalog, "IMG.JPG.xmp", xmp(rating=1), 1_600_000_009)
    take_in(catalog)
    assert words(catalog, "IMG.JPG") == {"rating": 1}


def test_a_reading_of_a_file_that_changed_meanwhile_is_not_believed(catalog: StoreHarness) -> None:
    put(catalog, "IMG.JPG")
    write(catalog, "IMG.JPG.xmp", xmp(rating=2))
    catalog.ingest()
    (item,) = due(catalog)
    result = read_item(catalog, item)
    write(catalog, "IMG.JPG.xmp", xmp(rating=4), 1_600_000_001)
    catalog.scan()
    assert sidecars.record_sidecars(catalog.writer, [result], catalog.now_ns) == 0
    read_due(catalog)
    assert words(catalog, "IMG.JPG") == {"rating": 4}


def test_no_sidecar_is_read_before_the_headers_of_its_volume(catalog: StoreHarness) -> None:
    put(catalog, "IMG.JPG")
    write(catalog, "IMG.JPG.xmp", xmp(rating=2))
    catalog.scan()
    assert due(catalog) == []
    catalog.read_facts()
    assert [item.path for item in due(catalog)] == [b"IMG.JPG.xmp"]
    assert due(catalog)[0].tier == "sidecar"


# ---- order of coming


def test_a_sidecar_may_come_before_its_photo(catalog: StoreHarness) -> None:
    write(catalog, "IMG.JPG.xmp", xmp(rating=2))
    take_in(catalog)
    assert row_of(catalog, "IMG.JPG.xmp")["state"] == "unbound"
    assert explain_sidecars.trouble(catalog.writer).unbound == 1
    put(catalog, "IMG.JPG")
    take_in(catalog)
    assert words(catalog, "IMG.JPG") == {"rating": 2}
    assert row_of(catalog, "IMG.JPG.xmp")["state"] == "done"
    assert explain_sidecars.trouble(catalog.writer).unbound == 0


def test_a_title_finds_its_photo_when_that_comes_later_under_another_name(catalog: StoreHarness) -> None:
    write(catalog, "x.jpg.json", takeout("a&b.jpg", 1_000_000_000, description="later"))
    take_in(catalog)
    put(catalog, "a_b.jpg")
    take_in(catalog)
    assert words(catalog, "a_b.jpg") == {"description": "later"}


_ONE_PHOTO = {
    "IMG.CR2": None,
    "IMG.JPG": None,
    "IMG.CR2.xmp": xmp(rating=5, title="exact", tags=["x"]),
    "IMG.xmp": xmp(rating=1, label="Blue", tags=["y"]),
    "IMG_01.CR2.xmp": xmp(rating=3, description="duplicate", derived_from="IMG.CR2"),
    "IMG.CR2.json": takeout("IMG.CR2", 1_000_000_000, description="google", favorited=True),
}


@pytest.mark.parametrize("seed", range(12))
def test_the_order_in_which_files_come_and_are_read_makes_no_difference(
    catalog: StoreHarness, seed: int
) -> None:
    order = list(permutations(sorted(_ONE_PHOTO)))[seed * 61 % 720]
    for name in order:
        body = _ONE_PHOTO[name]
        if body is None:
            put(catalog, name)
        else:
            write(catalog, name, body)
        take_in(catalog, make="Canon", model="X")
    assert words(catalog, "IMG.CR2") == {
        "rating": 5,
        "title": "exact",
        "label": "Blue",
        "description": "google",
        "tags": ["x", "y"],
        "favorite": True,
    }
    assert words(catalog, "IMG.JPG") == {}
    assert row_of(catalog, "IMG.xmp")["overruled"] == ["rating"]
    assert row_of(catalog, "IMG.CR2.xmp")["overruled"] == []
    assert row_of(catalog, "IMG_01.CR2.xmp")["photos"][0]["rule"] == "version"  # type: ignore[index]


@pytest.mark.parametrize("other", ["IMG.xmp", "copy/IMG.JPG.xmp"])
def test_a_sidecar_that_goes_makes_no_older_one_speak_in_its_place(catalog: StoreHarness, other: str) -> None:
    put(catalog, "IMG.JPG")
    catalog.put(b"copy/IMG.JPG", "bytes of IMG.JPG")
    write(catalog, other, xmp(rating=1, tags=["a"]), mtime_s=1_600_000_000)
    write(catalog, "IMG.JPG.xmp", xmp(rating=2), mtime_s=1_600_000_001)
    take_in(catalog)
    del catalog.disk[b""][b"IMG.JPG.xmp"]
    take_in(catalog)
    sidecar_rows.mark_all(catalog.writer)
    take_in(catalog)
    assert words(catalog, "IMG.JPG") == {"rating": 2, "tags": ["a"]}
    assert row_of(catalog, other)["overruled"] == ["rating"]
    write(catalog, other, xmp(rating=4, tags=["a"]), mtime_s=1_600_000_002)
    take_in(catalog)
    assert words(catalog, "IMG.JPG") == {"rating": 4, "tags": ["a"]}
    assert row_of(catalog, other)["overruled"] == []
    write(catalog, "IMG.JPG.xmp", xmp(rating=2), mtime_s=1_600_000_001)
    take_in(catalog)
    assert words(catalog, "IMG.JPG")["rating"] == (2 if other == "IMG.xmp" else 4)


def test_a_duplicate_does_not_speak_because_the_sidecar_of_the_photo_went(catalog: StoreHarness) -> None:
    put(catalog, "IMG.CR2")
    write(catalog, "IMG.CR2.xmp", xmp(rating=5))
    write(catalog, "IMG_01.CR2.xmp", xmp(rating=3, derived_from="IMG.CR2"))
    take_in(catalog)
    catalog.remove(b"IMG.CR2.xmp")
    take_in(catalog)
    assert words(catalog, "IMG.CR2") == {"rating": 5}


def test_a_duplicate_speaks_where_the_photo_has_no_sidecar_until_it_gets_one(catalog: StoreHarness) -> None:
    put(catalog, "IMG.CR2")
    write(catalog, "IMG_01.CR2.xmp", xmp(rating=3, title="dup", derived_from="IMG.CR2"))
    take_in(catalog)
    assert words(catalog, "IMG.CR2") == {"rating": 3, "title": "dup"}
    write(catalog, "IMG.CR2.xmp", xmp(rating=5))
    take_in(catalog)
    assert words(catalog, "IMG.CR2") == {"rating": 5}


# ---- whose it is


def test_a_sidecar_of_the_stem_goes_over_to_the_raw_file_when_that_comes(catalog: StoreHarness) -> None:
    put(catalog, "IMG.JPG")
    write(catalog, "IMG.xmp", xmp(rating=2))
    take_in(catalog)
    assert words(catalog, "IMG.JPG") == {"rating": 2}
    put(catalog, "IMG.CR2")
    take_in(catalog)
    assert words(catalog, "IMG.CR2") == {"rating": 2}
    assert words(catalog, "IMG.JPG") == {}


def test_a_sidecar_of_the_stem_speaks_for_all_pictures_of_one_moment(catalog: StoreHarness) -> None:
    put(catalog, "IMG.HEIC", "IMG.MOV")
    write(catalog, "IMG.xmp", xmp(rating=2, tags=["a"]))
    take_in(catalog)
    assert words(catalog, "IMG.HEIC") == words(catalog, "IMG.MOV") == {"rating": 2, "tags": ["a"]}
    assert len(journal_rows(catalog)) == 1


def test_what_is_ambiguous_is_told_and_never_guessed_and_takes_nothing_back(catalog: StoreHarness) -> None:
    put(catalog, "IMG.CR2")
    write(catalog, "IMG.xmp", xmp(rating=2))
    take_in(catalog)
    put(catalog, "IMG.NEF")
    take_in(catalog)
    assert words(catalog, "IMG.CR2") == {"rating": 2}
    assert words(catalog, "IMG.NEF") == {}
    told = row_of(catalog, "IMG.xmp")
    assert told["state"] == "unbound"
    assert "IMG.CR2, IMG.NEF" in str(told["reason"])
    assert {one["rule"] for one in told["photos"]} == {"former", "maybe"}  # type: ignore[attr-defined]
    for path in ("IMG.CR2", "IMG.NEF"):
        (finding,) = document(catalog, path)["findings"]  # type: ignore[misc]
        assert finding["tool"] == "sidecar"
    catalog.remove(b"IMG.NEF")
    take_in(catalog)
    assert row_of(catalog, "IMG.xmp")["state"] == "done"


def test_a_photo_that_moves_away_without_its_sidecar_keeps_what_was_said(catalog: StoreHarness) -> None:
    put(catalog, "a/IMG.JPG")
    write(catalog, "a/IMG.JPG.xmp", xmp(rating=2, tags=["a"]))
    take_in(catalog)
    catalog.disk[b"b"] = {b"IMG.JPG": catalog.disk[b"a"].pop(b"IMG.JPG")}
    take_in(catalog)
    assert words(catalog, "b/IMG.JPG") == {"rating": 2, "tags": ["a"]}
    catalog.put(b"a/IMG.JPG", "another photo of the same name")
    take_in(catalog)
    assert words(catalog, "a/IMG.JPG") == words(catalog, "b/IMG.JPG") == {"rating": 2, "tags": ["a"]}
    write(catalog, "a/IMG.JPG.xmp", xmp(rating=5), 1_600_000_001)
    take_in(catalog)
    assert words(catalog, "a/IMG.JPG") == {"rating": 5}
    assert words(catalog, "b/IMG.JPG") == {"rating": 2, "tags": ["a"]}


def test_a_photo_renamed_with_its_sidecar_keeps_one_witness(catalog: StoreHarness) -> None:
    put(catalog, "a/IMG.JPG")
    write(catalog, "a/IMG.JPG.xmp", xmp(rating=2, tags=["a", "b"]))
    take_in(catalog)
    files = catalog.disk[b"a"]
    catalog.disk[b"b"] = {b"new.jpg": files.pop(b"IMG.JPG"), b"new.jpg.xmp": files.pop(b"IMG.JPG.xmp")}
    catalog.scan(b"b")
    catalog.read_facts()
    read_due(catalog)
    catalog.scan(b"a")
    catalog.read_hashes()
    read_due(catalog)
    assert authors(catalog, "b/new.jpg") == {"Photos:a/IMG.JPG.xmp"}, "where it was read first"
    assert words(catalog, "b/new.jpg") == {"rating": 2, "tags": ["a", "b"]}
    write(catalog, "b/new.jpg.xmp", xmp(tags=["b"]), 1_600_000_001)
    take_in(catalog)
    assert words(catalog, "b/new.jpg") == {"tags": ["b"]}


def test_two_files_of_the_same_bytes_with_sidecars_are_one_photo_with_the_newer_word(
    catalog: StoreHarness,
) -> None:
    for folder, rating, mtime_s in (("a", 2, 1_600_000_005), ("b", 4, 1_600_000_001)):
        catalog.put(f"{folder}/IMG.JPG".encode(), "the same bytes")
        write(catalog, f"{folder}/IMG.JPG.xmp", xmp(rating=rating, tags=[folder]), mtime_s)
    take_in(catalog)
    assert catalog.asset_at(b"a/IMG.JPG") == catalog.asset_at(b"b/IMG.JPG")
    assert words(catalog, "a/IMG.JPG") == {"rating": 2, "tags": ["a", "b"]}
    assert row_of(catalog, "b/IMG.JPG.xmp")["overruled"] == ["rating"]


def test_a_photo_whose_header_is_read_again_has_its_faces_turned_anew(catalog: StoreHarness) -> None:
    put(catalog, "IMG.JPG")
    write(catalog, "IMG.JPG.xmp", xmp(faces=[("Eve", 0.5, 0.25, 0.2, 0.1)]))
    take_in(catalog)
    catalog.writer.execute("UPDATE content SET facts_state = 'due'")
    take_in(catalog, orientation=6)
    (face,) = document(catalog, "IMG.JPG")["faces"]  # type: ignore[misc]
    assert (face["x"], face["w"]) == pytest.approx((0.7, 0.1))


def test_a_photo_that_only_the_deep_tier_turns_has_its_faces_turned_anew(catalog: StoreHarness) -> None:
    put(catalog, "IMG.RAF")
    write(catalog, "IMG.xmp", xmp(faces=[("Eve", 0.5, 0.25, 0.2, 0.1)]))
    take_in(catalog)
    catalog.writer.execute("UPDATE content SET facts_state = 'deep'")
    catalog.read_facts(orientation=6)
    assert read_due(catalog) == 1
    (face,) = document(catalog, "IMG.RAF")["faces"]  # type: ignore[misc]
    assert (face["x"], face["w"]) == pytest.approx((0.7, 0.1))
    catalog.writer.execute("UPDATE content SET facts_state = 'deep'")
    catalog.read_facts(orientation=6)
    assert due(catalog) == []


# ---- around it


def test_a_reading_cannot_be_taken_back_and_stands_in_the_way_of_no_undo(catalog: StoreHarness) -> None:
    put(catalog, "IMG.JPG")
    catalog.ingest()
    uid = str(catalog.column(catalog.asset_at(b"IMG.JPG"), "uid"))
    commands.execute(catalog.writer, layer.Rate(photos=(uid,), rating=5), now_ns=catalog.now_ns)
    write(catalog, "IMG.JPG.xmp", xmp(rating=2))
    take_in(catalog)
    newest = catalog.writer.value("SELECT max(id) FROM journal")
    with pytest.raises(Conflict, match="the sidecar says so"), catalog.writer.atomic():
        undo(catalog.writer, newest, author="owner", now_ns=catalog.now_ns)
    undo(catalog.writer, None, author="owner", now_ns=catalog.now_ns)
    assert words(catalog, "IMG.JPG") == {"rating": 2}


def test_after_a_restore_sidecars_are_read_again_and_say_nothing_twice(
    catalog: StoreHarness, tmp_path: Path
) -> None:
    put(catalog, "IMG.JPG")
    write(catalog, "IMG.JPG.xmp", xmp(rating=2, tags=["a"], taken="2001-02-03T04:05:06"))
    take_in(catalog)
    reader = catalog.reader()
    with reader.snapshot():
        text = "".join(dump(reader, with_journal=False))
    reader.close()
    file = tmp_path / "dump.jsonl"
    file.write_text(text)
    fresh = make_harness(tmp_path / "fresh")
    fresh.disk = catalog.disk
    take_in(fresh)
    with file.open("rb") as document_file:
        restore_dump(fresh.writer, document_file, now_ns=fresh.now_ns)
    rows = fresh.writer.value("SELECT count(*) FROM statement")
    take_in(fresh)
    assert words(fresh, "IMG.JPG") == {"rating": 2, "tags": ["a"]}
    assert fresh.writer.value("SELECT count(*) FROM statement") == rows
    assert authors(fresh, "IMG.JPG") == {"Photos:IMG.JPG.xmp"}
    assert fresh.check() == []
    fresh.close()


def test_sidecars_of_older_catalogs_are_found_and_those_of_older_readers_read_again(
    catalog: StoreHarness,
) -> None:
    put(catalog, "IMG.JPG")
    write(catalog, "IMG.JPG.xmp", xmp(rating=2))
    catalog.ingest()
    catalog.writer.execute("DELETE FROM sidecar")
    assert sidecars.renew_sidecars(catalog.writer) == 1
    assert read_due(catalog) == 1
    assert words(catalog, "IMG.JPG") == {"rating": 2}
    assert sidecars.renew_sidecars(catalog.writer) == 0
    catalog.writer.execute("UPDATE meta SET value = '1' WHERE key = 'sidecars_version'")
    catalog.writer.execute("UPDATE sidecar SET version = 1")
    assert sidecars.renew_sidecars(catalog.writer) == 1
    assert len(due(catalog)) == 1
    read_due(catalog)


def test_why_tells_what_each_sidecar_of_a_photo_says_and_whether_it_counts(catalog: StoreHarness) -> None:
    put(catalog, "IMG.CR2")
    write(catalog, "IMG.CR2.xmp", xmp(rating=5, title="exact"))
    write(catalog, "IMG.xmp", xmp(rating=1, label="Blue"))
    take_in(catalog)
    told = explain_sidecars.explain_photo_sidecars(catalog.writer, catalog.asset_at(b"IMG.CR2"))
    exact, stem = told["sidecars"]
    assert (exact["path"], exact["rule"], exact["statements"]) == ("IMG.CR2.xmp", "name", ["rating", "title"])
    assert (stem["path"], stem["rule"], stem["statements"]) == ("IMG.xmp", "raw", ["label"])
    assert stem["says"] == {"rating": 1, "label": "Blue"}
    assert stem["overruled"] == ["rating"]


@pytest.mark.parametrize(
    ("sql", "about"),
    [
        ("UPDATE sidecar SET cell = 'other'", "sidecar"),
        ("UPDATE sidecar_photo SET rule = 'guess'", "sidecar"),
        ("UPDATE statement SET author = ''", "statement"),
    ],
)
def test_check_names_broken_rows_of_sidecars(catalog: StoreHarness, sql: str, about: str) -> None:
    put(catalog, "IMG.JPG")
    write(catalog, "IMG.JPG.xmp", xmp(rating=2))
    take_in(catalog)
    with catalog.writer.atomic():
        catalog.writer.execute(sql)
        found = [one for one in catalog.check() if one.invariant == "I21"]
        assert [one.subject.split()[0] for one in found] == [about]
        catalog.writer.execute("UPDATE sidecar SET cell = 'img'")
        catalog.writer.execute("UPDATE sidecar_photo SET rule = 'name'")
        catalog.writer.execute("UPDATE statement SET author = 'Photos:IMG.JPG.xmp'")


# ---- anything in any order

_NAMES = ("IMG.JPG", "IMG.CR2", "IMG.NEF", "IMG_01.CR2", "img.jpg", "IMG-edited.JPG", "IMG(1).JPG")
_SIDECARS = (
    "IMG.JPG.xmp",
    "IMG.xmp",
    "img.XMP",
    "IMG.CR2.xmp",
    "IMG_01.CR2.xmp",
    "IMG_02.CR2.xmp",
    "IMG.JPG.json",
    "IMG.JPG(1).json",
    "x.JPG.json",
)


def _random_body(rng: random.Random, name: str) -> str:
    if rng.random() < 0.15:
        return rng.choice(["", "<half", "{"])
    if name.endswith(".json"):
        title = rng.choice(["IMG.JPG", "IMG.CR2"])
        return takeout(title, rng.randrange(10**9), description=rng.choice(["", "one", "two"]))
    return xmp(
        rating=rng.choice([None, 1, 2]),
        title=rng.choice([None, "one", "two"]),
        tags=rng.sample(["a", "b", "c"], rng.randrange(3)),
        derived_from=rng.choice([None, "IMG.CR2"]),
        for_extension=rng.choice([None, None, "CR2"]),
        faces=[("Eve", 0.5, 0.25, 0.2, 0.1)] if rng.random() < 0.3 else [],
    )


def _random_step(catalog: StoreHarness, rng: random.Random, number: int) -> None:
    folder = rng.choice([b"a", b"b"])
    files = catalog.disk.setdefault(folder, {})
    if rng.random() < 0.45:
        name = rng.choice(_SIDECARS)
        body = _random_body(rng, name)
        catalog.put(
            folder + b"/" + name.encode(), body, size=len(body), inode=1000 + number, mtime_ns=10**18 + number
        )
    elif rng.random() < 0.5:
        name = rng.choice(_NAMES)
        catalog.put(folder + b"/" + name.encode(), f"photo {rng.randrange(6)}", inode=5000 + number)
    elif files and rng.random() < 0.6:
        del files[rng.choice(sorted(files))]
    elif files:
        name_of_file = rng.choice(sorted(files))
        other = catalog.disk.setdefault(rng.choice([b"a", b"b"]), {})
        other[name_of_file] = files.pop(name_of_file)


@pytest.mark.parametrize("seed", [*range(40), 88, 91])
def test_whatever_happens_every_word_has_its_sidecar_and_reading_all_again_changes_nothing(
    catalog: StoreHarness, seed: int
) -> None:
    rng = random.Random(seed)
    for number in range(30):
        _random_step(catalog, rng, number)
        if rng.random() < 0.7:
            continue  # several changes at once
        catalog.scan()
        catalog.read_facts()
        if rng.random() < 0.5:
            read_due(catalog)  # before the bytes tell which photo it is
        catalog.read_hashes()
        read_due(catalog)
        assert catalog.check() == []
    take_in(catalog)
    rows = len(journal_rows(catalog))
    said = catalog.writer.rows(
        "SELECT asset_id, property, element, author, value FROM statement ORDER BY 1, 2, 3, 4"
    )
    sidecar_rows.mark_all(catalog.writer)
    items = due(catalog)
    rng.shuffle(items)
    read_due(catalog, items)
    assert len(journal_rows(catalog)) == rows
    assert said == catalog.writer.rows(
        "SELECT asset_id, property, element, author, value FROM statement ORDER BY 1, 2, 3, 4"
    )
    unknown = catalog.writer.rows(
        "SELECT author FROM statement WHERE source = 'sidecar' AND author NOT IN"
        " (SELECT author FROM sidecar WHERE author IS NOT NULL)"
    )
    assert unknown == []
