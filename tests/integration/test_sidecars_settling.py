"""Settling sidecars: it costs the same whatever the folder's size, finds files that come back, and makes folders look for zones."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from catalog.facts import DateCandidate, Descriptive, FaceRegion, Facts, FactsResult
from catalog.store import file_cells, ingest, neighbours, sidecar_rows, sidecars
from catalog.store.photos import documents
from catalog.values import SniffResult, WorkItem
from daemon.media.sidecar import read_sidecar
from daemon.media.source import MemorySource
from sidecar_texts import takeout, xmp
from store_harness import EXIF, StoreHarness


def write(catalog: StoreHarness, path: str, body: str, mtime_s: int = 1_600_000_000) -> None:
    """Write a sidecar."""
    catalog.put(path.encode(), body, size=len(body.encode()), mtime_ns=mtime_s * 10**9)


def due(catalog: StoreHarness) -> list[WorkItem]:
    """Return the sidecars that are to be read."""
    return sidecars.sidecars_due(catalog.writer, 1000, volume_id=catalog.volume_id, now_ns=catalog.now_ns)


def read(catalog: StoreHarness, items: Sequence[WorkItem]) -> list[FactsResult]:
    """Read sidecars with the real reader."""
    found = []
    for item in items:
        directory, _, name = item.path.rpartition(b"/")
        found.append(
            FactsResult(
                item, read_sidecar(MemorySource(catalog.disk[directory][name].body.encode("utf-8")), name)
            )
        )
    return found


def read_due(catalog: StoreHarness) -> None:
    """Read what is due, as the daemon does."""
    while items := due(catalog):
        catalog.now_ns += 1
        for batch in sidecars.batches(read(catalog, items)):
            sidecars.record_sidecars(catalog.writer, batch, catalog.now_ns)


def take_in(catalog: StoreHarness, **facts: object) -> None:
    """Scan, read, hash, read sidecars."""
    catalog.scan()
    while catalog.read_facts(**facts):
        pass
    while catalog.read_hashes():
        pass
    read_due(catalog)


def rating(catalog: StoreHarness, path: str) -> object:
    """Return what sidecars say of the rating of a photo; None = nothing."""
    return catalog.writer.value(
        "SELECT value FROM statement WHERE asset_id = ? AND property = 'rating' AND source = 'sidecar'",
        (catalog.asset_at(path.encode()),),
    )


def steps(catalog: StoreHarness, function: Callable[[], Any]) -> int:
    """Return how many instructions SQLite executes during a call, in hundreds: its work, whatever the machine does."""
    count = 0

    def note() -> bool:
        nonlocal count
        count += 1
        return False

    catalog.writer.connection.set_progress_handler(note, 100)
    function()
    catalog.writer.connection.set_progress_handler(None)
    return count


# ---- large folders


def fill_folder(catalog: StoreHarness, folder: str, count: int) -> None:
    """Put photos with a sidecar each into a folder, and one JSON whose title alone tells whose it is."""
    for number in range(count):
        catalog.put(f"{folder}/IMG_{number:05d}.CR2".encode(), f"{folder} {number}", inode=number + 1)
        write(catalog, f"{folder}/IMG_{number:05d}.CR2.xmp", xmp(rating=1 + number % 5, tags=["all"]))
    write(catalog, f"{folder}/strange.jpg.json", takeout("IMG_00007.CR2", 1_565_172_000, description="x"))


def cost_of_one_more_reading(catalog: StoreHarness, folder: str) -> int:
    """Let one sidecar say something else, and the one of a title be read again; return the work of settling both."""
    write(catalog, f"{folder}/IMG_00003.CR2.xmp", xmp(rating=5, tags=["other"]), 1_600_000_001)
    catalog.scan(folder.encode())
    catalog.writer.execute(
        "UPDATE sidecar SET state = 'due' WHERE location_id IN"
        " (SELECT id FROM location WHERE name = CAST('strange.jpg.json' AS BLOB))"
    )
    results = read(catalog, [item for item in due(catalog) if item.path.startswith(folder.encode())])
    assert len(results) == 2
    catalog.now_ns += 1
    return steps(catalog, lambda: sidecars.record_sidecars(catalog.writer, results, catalog.now_ns))


def test_settling_costs_the_same_in_a_folder_of_ten_and_of_a_thousand(catalog: StoreHarness) -> None:
    fill_folder(catalog, "small", 10)
    fill_folder(catalog, "large", 1000)
    take_in(catalog)
    assert due(catalog) == []
    small = cost_of_one_more_reading(catalog, "small")
    large = cost_of_one_more_reading(catalog, "large")
    assert rating(catalog, "large/IMG_00003.CR2") == "5"
    assert small > 5
    assert large < 1.5 * small, (small, large)


def test_names_of_a_large_folder_are_noted_in_slices_before_its_sidecars_are_settled(
    catalog: StoreHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_folder(catalog, "a", 20)
    fill_folder(catalog, "b", 3)
    catalog.scan()
    catalog.read_facts()
    monkeypatch.setattr(file_cells, "SLICE", 8)
    ids = [item.location_id for item in due(catalog)]
    assert not file_cells.is_filled(catalog.writer, ids)
    slices = 1
    while file_cells.fill_beside(catalog.writer, ids):
        noted = catalog.writer.value("SELECT count(*) FROM file_cell")
        assert noted <= 8 * slices
        slices += 1
    assert slices == 1 + (20 + 21 + 3 + 4) // 8
    assert file_cells.is_filled(catalog.writer, ids)
    assert catalog.writer.value("SELECT count(*) FROM file_cell") == 23
    assert not file_cells.fill_beside(catalog.writer, ids)
    read_due(catalog)
    assert rating(catalog, "a/IMG_00019.CR2") == "5"


# ---- files that come and come back


def test_a_photo_that_was_away_while_names_were_noted_is_found_when_it_comes_back(
    catalog: StoreHarness,
) -> None:
    for name in ("IMG_1.CR2", "IMG_2.CR2"):
        catalog.put(f"d/{name}".encode(), name)
    catalog.ingest()
    away = catalog.disk[b"d"].pop(b"IMG_1.CR2")
    write(catalog, "d/IMG_1.xmp", xmp(rating=4))
    write(catalog, "d/IMG_2.xmp", xmp(rating=2))
    take_in(catalog)
    catalog.disk[b"d"][b"IMG_1.CR2"] = away
    take_in(catalog)
    assert rating(catalog, "d/IMG_1.CR2") == "4"
    assert rating(catalog, "d/IMG_2.CR2") == "2"


def test_files_whose_names_say_nothing_are_found_once_their_bytes_do(catalog: StoreHarness) -> None:
    catalog.put(b"d/picture.strange", "bytes")
    write(catalog, "d/picture.strange.xmp", xmp(rating=3))
    take_in(catalog)
    (item,) = ingest.sniff_due(catalog.writer, catalog.volume_id, 10, now_ns=catalog.now_ns)
    ingest.record_sniffs(
        catalog.writer, [SniffResult(item, "photo", "image/jpeg")], catalog.writer.zone, catalog.now_ns
    )
    take_in(catalog)
    assert rating(catalog, "d/picture.strange") == "3"


@pytest.mark.parametrize("name", ["ÉTÉ.JPG", "été.jpg", "E\u0301te\u0301.Jpg"])
def test_a_title_finds_a_file_that_differs_by_case_and_form_of_accents(
    catalog: StoreHarness, name: str
) -> None:
    catalog.put(f"d/{name}".encode(), "bytes")
    write(catalog, "d/1.jpg.json", takeout("Été.jpg", 1_565_172_000, favorited=True))
    take_in(catalog)
    said = catalog.writer.rows("SELECT property FROM statement WHERE source = 'sidecar' ORDER BY property")
    assert ("favorite",) in said


def test_a_title_that_no_name_can_hold_is_about_nobody(catalog: StoreHarness) -> None:
    catalog.put(b"d/\xff.jpg", "bytes")
    write(catalog, "d/1.jpg.json", takeout("?.jpg", 1_565_172_000).replace("?.jpg", "\\udcff.jpg"))
    take_in(catalog)
    assert catalog.writer.value("SELECT state FROM sidecar") == "unbound"


# ---- zones of neighbours


def two_clocks(catalog: StoreHarness) -> None:
    """Two photos of one camera an hour apart; neither tells an offset. Nothing is to be looked at any more."""
    for number in (1, 2):
        path = b"d/IMG_%d.CR2" % number
        local = f"2019-08-07T1{number}:00:00"
        catalog.said_by[path] = {
            "make": "Canon",
            "model": "X",
            "candidates": (DateCandidate(EXIF, local, local),),
        }
        catalog.put(path, path.decode())
    take_in(catalog)
    look(catalog)
    assert zones_due(catalog) == 0


def zones_due(catalog: StoreHarness) -> int:
    """Return how many folders are to be looked at."""
    return len(neighbours.zones_due(catalog.writer, catalog.volume_id, 10))


def look(catalog: StoreHarness) -> None:
    """What the pass over folders does."""
    for folder in neighbours.zones_due(catalog.writer, catalog.volume_id, 10):
        changes = neighbours.zone_changes(catalog.writer, folder.directory_id)
        neighbours.record_zones(catalog.writer, changes, [folder], catalog.writer.zone, catalog.now_ns)


def offset(catalog: StoreHarness, path: bytes) -> object:
    """Return the offset that the capture of a photo has."""
    return json.loads(str(catalog.column(catalog.asset_at(path), "capture"))).get("offset_min")


def test_an_offset_that_a_sidecar_tells_reaches_the_photos_around_and_goes_with_it(
    catalog: StoreHarness,
) -> None:
    two_clocks(catalog)
    before = offset(catalog, b"d/IMG_2.CR2")
    write(catalog, "d/IMG_1.CR2.xmp", xmp(taken="2019-08-07T11:00:00+09:00"))
    take_in(catalog)
    assert zones_due(catalog) == 1
    look(catalog)
    assert (offset(catalog, b"d/IMG_1.CR2"), offset(catalog, b"d/IMG_2.CR2")) == (540, 540)
    write(catalog, "d/IMG_1.CR2.xmp", xmp(rating=1), 1_600_000_001)
    take_in(catalog)
    assert zones_due(catalog) == 1
    look(catalog)
    assert offset(catalog, b"d/IMG_1.CR2") == offset(catalog, b"d/IMG_2.CR2") == before


@pytest.mark.parametrize(
    ("body", "is_due"),
    [
        (xmp(rating=1, title="x", tags=["a"]), 0),
        (xmp(position=("52,30.0N", "13,24.0E")), 1),
        (xmp(taken="2019-08-07T11:00:00"), 1),
    ],
)
def test_only_words_about_time_and_place_make_a_folder_look_for_zones(
    catalog: StoreHarness, body: str, is_due: int
) -> None:
    two_clocks(catalog)
    write(catalog, "d/IMG_1.CR2.xmp", body)
    take_in(catalog)
    assert zones_due(catalog) == is_due
    look(catalog)
    sidecar_rows.mark_all(catalog.writer)
    read_due(catalog)
    assert zones_due(catalog) == 0, "what says nothing new changes nothing"


# ---- how much at once


def result_of(names: int) -> FactsResult:
    """A reading that names so many things."""
    face = FaceRegion(None, 0.1, 0.1, 0.1, 0.1)
    said = Descriptive(
        tags=tuple(f"t{number}" for number in range(names // 2)), faces=(face,) * (names - names // 2)
    )
    item = WorkItem(1, None, 1, b"/", b"x.xmp", 1, 1, 1, 1, "sidecar")  # type: ignore[arg-type]
    return FactsResult(item, Facts(None, "application/rdf+xml", descriptive=said))


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([], []),
        ([0] * (sidecars.BATCH + 1), [sidecars.BATCH, 1]),
        ([sidecars.NAMES, 0, 1], [2, 1]),
        ([sidecars.NAMES * 9, sidecars.NAMES, 1], [1, 1, 1]),
        ([sidecars.NAMES // 2] * 5, [2, 2, 1]),
    ],
)
def test_a_transaction_takes_so_many_sidecars_and_so_many_names(
    names: list[int], expected: list[int]
) -> None:
    results = [result_of(count) for count in names]
    batches = list(sidecars.batches(results))
    assert [len(batch) for batch in batches] == expected
    assert [one for batch in batches for one in batch] == results


def test_one_transaction_recomputes_each_photo_once_and_journals_each_sidecar(catalog: StoreHarness) -> None:
    catalog.put(b"d/IMG.CR2", "bytes")
    write(catalog, "d/IMG.CR2.xmp", xmp(rating=5, tags=["x"]))
    write(catalog, "d/IMG.xmp", xmp(label="Blue", tags=["y"]))
    catalog.ingest()
    results = read(catalog, due(catalog))
    seen: list[str] = []
    catalog.writer.connection.exec_trace = lambda _cursor, sql, _values: seen.append(sql) is None
    sidecars.record_sidecars(catalog.writer, results, catalog.now_ns)
    catalog.writer.connection.exec_trace = None
    assert sum(sql.startswith("UPDATE asset SET") and "changed_ns" in sql for sql in seen) == 1
    commands = [json.loads(row[0]) for row in catalog.writer.rows("SELECT command FROM journal ORDER BY id")]
    assert [one["sidecar"] for one in commands] == ["Photos:d/IMG.CR2.xmp", "Photos:d/IMG.xmp"]
    assert catalog.check() == []


# ---- what one says of another


def test_what_another_says_otherwise_is_no_matter_once_a_sidecar_is_about_nobody(
    catalog: StoreHarness,
) -> None:
    catalog.put(b"d/IMG.CR2", "bytes")
    write(catalog, "d/IMG.CR2.xmp", xmp(rating=5))
    write(catalog, "d/IMG.xmp", xmp(rating=1))
    take_in(catalog)
    assert trouble(catalog) == ["rating"]
    catalog.put(b"d/IMG.NEF", "other bytes")
    take_in(catalog)
    assert rating(catalog, "d/IMG.CR2") == "5"
    assert trouble(catalog) == []


def trouble(catalog: StoreHarness) -> list[str]:
    """Return what sidecars are contradicted in."""
    return [
        row[0] for row in catalog.writer.rows("SELECT overruled FROM sidecar WHERE overruled IS NOT NULL")
    ]


def test_people_of_all_sidecars_count_where_the_faces_of_one_do(catalog: StoreHarness) -> None:
    catalog.put(b"d/IMG.CR2", "bytes")
    write(catalog, "d/IMG.CR2.xmp", xmp(faces=[("Ann", 0.5, 0.5, 0.2, 0.2)]))
    write(catalog, "d/IMG.xmp", xmp(faces=[("Ann", 0.51, 0.5, 0.2, 0.2), ("Bob", 0.1, 0.1, 0.2, 0.2)]))
    take_in(catalog)
    (shown,) = documents(catalog.writer, [catalog.asset_at(b"d/IMG.CR2")])
    assert sorted(shown["people"]) == ["Ann", "Bob"]
    assert len(shown["faces"]) == 1
    said = catalog.writer.rows("SELECT property, author FROM statement ORDER BY author, property")
    assert said == [("face", "Photos:d/IMG.CR2.xmp"), ("person", "Photos:d/IMG.xmp")]
