"""Plans of all that is asked while sidecars, previews, zones and words of files are taken in: no statement reads a whole table.

Nothing is listed here: what a small library executes is recorded and every statement of it explained, so that a new one
is held to the same. `SMALL` says which tables may be read whole, and why.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from catalog.commands import execute, layer
from catalog.facts import DateCandidate, Descriptive, FaceRegion, FactsResult, Preview
from catalog.ids import AssetId, ContentId
from catalog.previews import Chosen
from catalog.store import explain_sidecars, file_cells, neighbours, photos, places, previews, sidecars
from catalog.store.schema import TABLES
from daemon.media.sidecar import read_sidecar
from daemon.media.source import MemorySource
from sidecar_texts import takeout, xmp
from store_harness import EXIF, StoreHarness

# Tables that may be read whole; everything else in the schema grows with the files of a library.
SMALL = {
    "volume": "a handful",
    "library_path": "a handful",
    "meta": "a handful",
    "zone_due": "work that is due: what is read is done",
    "damage": "files that rotted: a row of it is asked for",
    "person": "thousands at most, read when a name that nobody has is met for the first time",
}
# A partial index of what somebody is told of, all of it.
_TOLD_WHOLE = "USING INDEX sidecar_trouble"
# The last row of the table, found from its end.
_NEWEST = "FROM journal ORDER BY id DESC LIMIT 1"
_WORDS = Descriptive(
    title="Sea", tags=("a", "b/c"), people=("Eve", "Ann"), faces=(FaceRegion("Eve", 0.1, 0.1, 0.2, 0.2),)
)


@contextmanager
def recorded(catalog: StoreHarness) -> Iterator[set[str]]:
    """Collect the statements that the writer executes."""
    found: set[str] = set()

    def note(_cursor: Any, sql: str, _bindings: Any) -> bool:
        if sql.lstrip().startswith(("SELECT", "WITH", "INSERT", "UPDATE", "DELETE")):
            found.add(sql)
        return True

    catalog.writer.connection.exec_trace = note
    try:
        yield found
    finally:
        catalog.writer.connection.exec_trace = None


def scans(catalog: StoreHarness, sql: str) -> list[str]:
    """Return the lines of a plan that read a table that grows, or one of its indexes, from end to end."""
    count = max((int(one) for one in re.findall(r"\?(\d+)", sql)), default=0) or sql.count("?")
    lines = [row[3] for row in catalog.writer.rows(f"EXPLAIN QUERY PLAN {sql}", [1] * count)]
    tables = {alias: table for table, alias in re.findall(r"\b(\w+) AS (\w+)\b", sql)}
    growing = TABLES.keys() - SMALL.keys() - ({"journal"} if _NEWEST in sql else set())
    scanned = [line for line in lines if line.startswith("SCAN ") and " VIRTUAL TABLE " not in line]
    scanned = [line for line in scanned if _TOLD_WHOLE not in line]
    return [line for line in scanned if tables.get(name := line.split()[1], name) in growing]


def taken_in(catalog: StoreHarness) -> None:
    """A folder of photos with words, faces, positions, previews; sidecars of every form; two clocks."""
    for number in range(4):
        path = b"d/IMG_%d.CR2" % number
        local = f"2019-08-07T1{number}:00:00"
        said = {"candidates": (DateCandidate(EXIF, local, local, 120 if number == 0 else None),)}
        catalog.said_by[path] = {"make": "Canon", "model": "X", "descriptive": _WORDS, **said}
        if number == 0:
            catalog.said_by[path] |= {"lat": 52.5, "lon": 13.4}
        catalog.put(path, f"bytes {number}", size=9_000_000)
    bodies = {
        "IMG_0.CR2.xmp": xmp(rating=3, tags=["x", "y"], deep_tags=["A|B"], taken="2019-08-07T10:00:00+02:00"),
        "IMG_1.xmp": xmp(rating=4, faces=[("Zoe", 0.5, 0.5, 0.2, 0.2)], position=("52,30.0N", "13,24.0E")),
        "IMG_1_01.CR2.xmp": xmp(title="version", derived_from="IMG_1.CR2"),
        "other.jpg.json": takeout("IMG_2.CR2", 1_565_172_000, description="by its title"),
        "IMG_9.CR2.xmp": xmp(title="about nobody"),
    }
    for name, body in bodies.items():
        catalog.put(b"d/" + name.encode(), body, size=len(body.encode()))
    catalog.scan()
    catalog.read_facts(previews=(Preview("exif", 100, 300, 160, 120),))
    catalog.read_hashes()


def read_sidecars(catalog: StoreHarness) -> int:
    """Read the sidecars that are due, all at once."""
    items = sidecars.sidecars_due(catalog.writer, 100, volume_id=catalog.volume_id, now_ns=catalog.now_ns)
    results = []
    for item in items:
        directory, _, name = item.path.rpartition(b"/")
        body = catalog.disk[directory][name].body.encode()
        results.append(FactsResult(item, read_sidecar(MemorySource(body), name)))
    ids = [item.location_id for item in items]
    if not file_cells.is_filled(catalog.writer, ids):
        assert not file_cells.fill_beside(catalog.writer, ids)
    catalog.now_ns += 1
    return sidecars.record_sidecars(catalog.writer, results, catalog.now_ns)


def look_for_zones(catalog: StoreHarness) -> int:
    """What the pass over folders does."""
    found = 0
    for folder in neighbours.zones_due(catalog.writer, catalog.volume_id, 10):
        changes = neighbours.zone_changes(catalog.writer, folder.directory_id)
        neighbours.record_zones(catalog.writer, changes, [folder], catalog.writer.zone, catalog.now_ns)
        found += len(changes)
    return found


def copy_previews(catalog: StoreHarness) -> int:
    """What the copier of previews asks and writes."""
    due = previews.due(catalog.writer, 10, after=None, now_ns=catalog.now_ns)
    with catalog.writer.atomic():
        for one in due:
            content_id = ContentId(one.content_id)
            planned = previews.plan_of(catalog.writer, content_id)
            assert planned is not None
            previews.note_done(catalog.writer, content_id, planned, (Chosen(256, None, 9, 1, 1, 1),))
            previews.note_later(catalog.writer, content_id, catalog.now_ns)
            previews.preview_of(catalog.writer, content_id, 256)
            previews.note_gone(catalog.writer, [one.hash])
            previews.make_due(catalog.writer, [content_id])
        previews.largest_of(catalog.writer, [one.content_id for one in due])
    return len(due)


def seen_again(catalog: StoreHarness) -> int:
    """Files and sidecars that change, go and come back."""
    catalog.put(b"d/IMG_1.xmp", xmp(tags=["y"]), size=len(xmp(tags=["y"])), mtime_ns=1_600_000_000 * 10**9)
    gone = catalog.disk[b"d"].pop(b"IMG_2.CR2")
    catalog.scan()
    catalog.disk[b"d"][b"IMG_2.CR2"] = gone
    catalog.scan()
    catalog.read_facts()
    catalog.read_hashes()
    return read_sidecars(catalog)


def change_things(catalog: StoreHarness) -> int:
    """Things that files name get other names, and are merged."""
    for command in (
        layer.TagRename("x", "z"),
        layer.PersonRename("Zoe", "Zora"),
        layer.PersonMerge(("Eve",), "Ann"),
    ):
        catalog.now_ns += 1
        execute(catalog.writer, command, now_ns=catalog.now_ns)
    return 3


def tell(catalog: StoreHarness) -> int:
    """What documents, `why` and `doctor` ask."""
    asset_ids = [
        row[0] for row in catalog.writer.rows("SELECT id FROM asset WHERE id > 0 ORDER BY id LIMIT 4")
    ]
    explain_sidecars.trouble(catalog.writer)
    explain_sidecars.explain_sidecar(catalog.writer, catalog.volume_id, b"d/IMG_1.xmp")
    for asset_id in asset_ids:
        explain_sidecars.explain_photo_sidecars(catalog.writer, AssetId(asset_id))
    places.stored_place(catalog.writer, 52.5, 13.4)
    return len(photos.documents(catalog.writer, [AssetId(one) for one in asset_ids]))


STEPS = [taken_in, read_sidecars, look_for_zones, copy_previews, seen_again, change_things, tell]


@pytest.mark.parametrize("step", STEPS)
def test_nothing_that_is_asked_on_the_way_in_reads_a_table_that_grows(
    catalog: StoreHarness, step: Callable[[StoreHarness], int | None]
) -> None:
    if step is not taken_in:
        taken_in(catalog)
    if step in (seen_again, change_things, tell):
        assert read_sidecars(catalog) == 5
    with recorded(catalog) as statements:
        assert step(catalog) != 0, "it has something to do"
    assert len(statements) > 3
    found = {sql: lines for sql in sorted(statements) if (lines := scans(catalog, sql))}
    assert not found, found
