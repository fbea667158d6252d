"""The checker: each invariant is broken alone, and `check` names exactly that one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from catalog.commands import execute, layer
from catalog.facts import Descriptive, Facts, FactsResult, Preview
from catalog.ids import ContentId
from catalog.previews import Chosen
from catalog.store import db, jobs, previews, scanning, sidecars, volumes
from catalog.store.check import INVARIANTS, check
from catalog.values import DirectoryListing, Observed
from store_harness import StoreHarness, make_harness


@pytest.fixture
def broken(tmp_path: object) -> StoreHarness:
    """A catalog with some of everything; the test breaks it, so it is not checked at the end."""
    from pathlib import Path

    assert isinstance(tmp_path, Path)
    catalog = make_harness(tmp_path / "library")
    for number in range(4):
        catalog.put(b"a/b/IMG_%d.JPG" % number, f"one {number}", inode=number)
        catalog.put(b"c/IMG_%d.JPG" % number, f"two {number}", inode=50 + number)
    catalog.put(b"c/copy.JPG", "one 0", inode=99)
    catalog.put(b"a/unknown.q7z", "what", inode=98)
    catalog.put(b"a/gone.JPG", "gone", inode=97)
    catalog.put(b"c/IMG_2.CR2", "raw of two 2", inode=96, size=9_000_000)
    catalog.put(b"a/b/IMG_1.JPG.xmp", "rights", inode=94)
    catalog.put(b"nothing/notes.txt", "no photo here", inode=95)
    # Said by people, too: without its row nothing else would be different.
    catalog.said_by[b"a/b/IMG_0.JPG"] = {"descriptive": Descriptive(tags=("sea/beach",))}
    embedded = (Preview("raw", 1000, 5_000_000, 6000, 4000), Preview("exif", 100, 300, 160, 120))
    catalog.said_by[b"c/IMG_2.CR2"] = {"previews": embedded}
    catalog.said_by[b"c/IMG_0.JPG"] = {"previews": (Preview("exif", 1, 4, 160, 120),)}
    catalog.scan()
    catalog.read_facts(make="Canon", model="EOS", is_panorama=True)
    catalog.read_hashes()
    make_a_preview(catalog)
    read_a_sidecar(catalog)
    say_some_of_everything(catalog)
    catalog.remove(b"a/gone.JPG")
    catalog.scan(b"a")
    catalog.put(b"c/IMG_3.JPG", "edited in place", inode=53)
    catalog.scan(b"c")
    catalog.read_facts(make="Canon", model="EOS", is_panorama=True)
    jobs.enqueue(catalog.writer, "verify", "1", now_ns=1)
    jobs.claim(catalog.writer, lease_ns=10, now_ns=1)
    assert catalog.check() == []
    return catalog


def read_a_sidecar(catalog: StoreHarness) -> None:
    """What another program said of a photo."""
    (item,) = sidecars.sidecars_due(catalog.writer, 10, volume_id=catalog.volume_id, now_ns=catalog.now_ns)
    facts = Facts(None, "application/rdf+xml", descriptive=Descriptive(rights="mine"))
    sidecars.record_sidecars(catalog.writer, [FactsResult(item, facts)], catalog.now_ns)


def make_a_preview(catalog: StoreHarness) -> None:
    """What a worker made of the RAW."""
    (due,) = (
        one
        for one in previews.due(catalog.writer, 10, after=None, now_ns=catalog.now_ns)
        if one.plan.is_making
    )
    made = (Chosen(256, None, 9_000, 256, 171, 1), Chosen(1024, None, 90_000, 1024, 683, 1))
    with catalog.writer.atomic():
        previews.note_done(catalog.writer, ContentId(due.content_id), due.plan, made)


def say_some_of_everything(catalog: StoreHarness) -> None:
    """Tags of two levels, one merged; albums within albums; a person; a title; what means nothing."""
    uids = [str(catalog.column(catalog.asset_at(path), "uid")) for path in (b"a/b/IMG_0.JPG", b"c/IMG_2.JPG")]
    for command in (
        layer.TagAdd(tuple(uids), ("sea/beach", "shore")),
        layer.TagRename("shore", "sea/beach"),
        layer.TagCreate("unused/below"),
        layer.AlbumCreate("Trips/2019"),
        layer.AlbumAdd(tuple(uids), "Trips/2019"),
        layer.PersonAdd((uids[0],), "Ann"),
        layer.PersonAdd((uids[0],), "Anna"),
        layer.PersonMerge(("Ann",), "Anna"),
        layer.Title((uids[0],), "The sea"),
    ):
        catalog.now_ns += 1
        execute(catalog.writer, command, now_ns=catalog.now_ns)
    catalog.say(catalog.asset_at(b"c/IMG_1.JPG"), "tag", "true", element="nothing")


def sql(*statements: str) -> Callable[[StoreHarness], None]:
    """Return a breakage: statements, with constraints out of the way."""

    def damage(catalog: StoreHarness) -> None:
        for statement in statements:
            assert catalog.writer.execute(statement) > 0, "the breakage changed nothing"

    return damage


def everywhere(change: str, condition: str) -> tuple[str, str]:
    """Return a change of a statement and the same of the journal, so that the two agree."""
    return (
        f"UPDATE statement SET {change} WHERE {condition}",
        f"UPDATE journal_item SET {change} WHERE {condition}",
    )


NOTHING = "element = 'nothing'"
MERGED = "(SELECT id FROM tag WHERE merged_into IS NOT NULL)"
ALIAS = "(SELECT id FROM asset WHERE merged_into IS NOT NULL LIMIT 1)"
PRESENT = "(SELECT min(id) FROM location WHERE state = 'present' AND content_id IS NOT NULL)"
FORMER = "id NOT IN (SELECT content_id FROM asset WHERE content_id IS NOT NULL)"
SHOWN = "(SELECT min(id) FROM asset WHERE is_shown = 1)"
BARE = "(SELECT min(id) FROM content WHERE id NOT IN (SELECT content_id FROM preview))"
OF_IT = f"(SELECT content_id FROM location WHERE id = {PRESENT})"
DAMAGE = "INSERT INTO damage SELECT id, zeroblob(32), 1, 1 FROM location"
FORGOTTEN = "UPDATE volume SET forgotten_ns = 5, state = 'retired', fold = '/forgotten/' || id, root = CAST('/forgotten/' || id AS BLOB)"
SWEPT = "INSERT INTO job (kind, subject, state, created_ns) VALUES"
ANOTHER_SWEPT = "INSERT INTO job (kind, subject, state, created_ns) VALUES"
ANOTHER_FORGOTTEN = (
    "INSERT INTO volume (id, name, fold, root, state, state_since_ns, created_ns, forgotten_ns)"
    " VALUES (9, 'Old', '/forgotten/9', CAST('/forgotten/9' AS BLOB), 'retired', 1, 1, 1)",
    "INSERT INTO directory (volume_id, name, path, mtime_ns, changed_ns) VALUES (9, x'', x'', 1, 1)",
    f"{SWEPT} ('forget', '9', 'done', 1)",
)
MADE = '"offset" IS NULL'
BREAKAGES: list[tuple[str, str, Callable[[StoreHarness], None]]] = [
    ("I1", "user_version", sql("UPDATE migration SET number = 7 WHERE number = 2")),
    ("I1", "digest", sql("UPDATE migration SET digest = 'x'")),
    ("I2", "path", sql("UPDATE directory SET path = x'ff' WHERE path = CAST('nothing' AS BLOB)")),
    ("I3", "since without missing", sql(f"UPDATE location SET missing_since_ns = 5 WHERE id = {PRESENT}")),
    (
        "I3",
        "missing without since",
        sql("UPDATE location SET missing_since_ns = NULL WHERE state = 'missing'"),
    ),
    (
        "I3",
        "present in missing",
        sql("UPDATE directory SET state = 'missing' WHERE path = CAST('c' AS BLOB)"),
    ),
    ("I4", "columns", sql(f"UPDATE asset SET types = 1 WHERE id = {ALIAS}")),
    ("I5", "statement", sql(*everywhere(f"asset_id = {ALIAS}", NOTHING))),
    ("I6", "count", sql("UPDATE bucket SET count = count + 1 WHERE view = 1")),
    ("I6", "lost row", sql("DELETE FROM bucket WHERE view = 4")),
    ("I6", "generation", sql("UPDATE bucket SET generation = 99999999 WHERE view = 2")),
    ("I7", "two plain", sql("DELETE FROM claim WHERE view = 1")),
    (
        "I7",
        "foreign claim",
        sql("UPDATE claim SET fold = fold || 'x' WHERE view = 1 AND asset_id NOT IN (1, 2)"),
    ),
    ("I8", "no lease", sql("UPDATE job SET lease_until_ns = NULL")),
    ("I8", "attempts", sql("UPDATE job SET attempts = 9")),
    ("I9", "mime", sql(f"UPDATE asset SET mime = 'x' WHERE id = {SHOWN}")),
    ("I9", "capture", sql(f"UPDATE asset SET capture = '{{}}' WHERE id = {SHOWN}")),
    ("I9", "mtime", sql(f"UPDATE asset SET mtime_ns = mtime_ns + 1 WHERE id = {SHOWN}")),
    ("I9", "size", sql(f"UPDATE asset SET size = size + 1 WHERE id = {SHOWN}")),
    ("I9", "ruling location", sql("UPDATE asset SET location_id = location_id + 1 WHERE id = 1")),
    ("I9", "facts", sql("UPDATE asset SET facts_id = 1 WHERE id = 2")),
    ("I10", "foreign key", sql("INSERT INTO library_path (volume_id, path) VALUES (99, x'')")),
    ("I11", "short", sql(f"UPDATE asset SET uid = 'zzzzzz' || substr(uid, 7) WHERE id = {SHOWN}")),
    (
        "I11",
        "fold",
        sql("UPDATE asset SET name = replace(name, '.', '-') WHERE is_suffixed = 0 AND state = 'missing'"),
    ),
    ("I12", "not current", sql("UPDATE content SET asset_id = asset_id + 1 WHERE id = 1")),
    ("I12", "size", sql(f"UPDATE location SET size = size + 1 WHERE id = {PRESENT}")),
    ("I13", "property", sql(*everywhere("property = 'colour'", NOTHING))),
    (
        "I13",
        "value",
        sql(
            f"UPDATE statement SET value = '{{' WHERE {NOTHING}",
            f"UPDATE journal_item SET after = '{{' WHERE {NOTHING}",
        ),
    ),
    ("I13", "element", sql(*everywhere("property = 'cover'", NOTHING))),
    ("I14", "sniff", sql(f"UPDATE location SET sniff_due = 1 WHERE id = {PRESENT}")),
    ("I14", "facts version", sql(f"UPDATE content SET facts_version = 0 WHERE {FORMER}")),
    ("I15", "volume", sql("UPDATE volume SET fold = 'x'")),
    ("I15", "camera", sql("UPDATE camera SET label = 'x'")),
    (
        "I16",
        "path of a tag",
        sql("UPDATE tag SET path = 'lake/below' WHERE path = 'unused/below'"),
    ),
    ("I16", "path of an album", sql("UPDATE album SET path = 'Trips/2020' WHERE name = '2019'")),
    (
        "I16",
        "cycle",
        sql("UPDATE album SET parent_id = (SELECT id FROM album WHERE name = '2019') WHERE name = 'Trips'"),
    ),
    ("I16", "below what is gone", sql("UPDATE album SET is_deleted = 1 WHERE name = 'Trips'")),
    ("I16", "label", sql("UPDATE person SET fold = 'x' WHERE name = 'Anna'")),
    ("I16", "chain", sql(f"UPDATE tag SET merged_into = {MERGED} WHERE path = 'unused/below'")),
    ("I17", "effective", sql("UPDATE effective SET title = 'The lake'")),
    ("I17", "no effective", sql("DELETE FROM effective")),
    ("I17", "text", sql("UPDATE photo_text SET tags = 'lake' WHERE tags <> ''")),
    ("I17", "no text", sql(f"DELETE FROM photo_text WHERE rowid = {SHOWN}")),
    ("I17", "text of an alias", sql(f"INSERT INTO photo_text (rowid, name) VALUES ({ALIAS}, 'x')")),
    (
        "I17",
        "no member",
        sql("DELETE FROM member WHERE view = 5", "UPDATE bucket SET count = 0 WHERE view = 5"),
    ),
    ("I17", "text of nobody", sql("INSERT INTO photo_text (rowid, name) VALUES (999, 'x')")),
    ("I18", "no cover", sql("UPDATE asset SET cover_id = NULL WHERE cover_id IS NOT NULL")),
    (
        "I18",
        "a cover of another stack",
        sql(f"UPDATE asset SET cover_id = {SHOWN} WHERE cover_id IS NOT NULL"),
    ),
    ("I18", "an alias in a stack", sql(f"UPDATE asset SET stack_id = 1 WHERE id = {ALIAS}")),
    (
        "I18",
        "nobody else in it",
        sql(
            "INSERT INTO stack (uid, origin, kind, label, created_ns) VALUES ('x', 'rule', 'raw', 'x~x', 1)",
            f"UPDATE asset SET stack_id = (SELECT max(id) FROM stack) WHERE id = {SHOWN}",
        ),
    ),
    ("I19", "value", sql("UPDATE journal_item SET after = '\"x\"' WHERE property = 'title'")),
    ("I19", "time", sql("UPDATE statement SET made_ns = made_ns + 1 WHERE property = 'title'")),
    ("I19", "unknown to the journal", sql("DELETE FROM journal_item WHERE property = 'title'")),
    (
        "I19",
        "broken chain",
        sql("UPDATE journal_item SET before = '1', before_ns = 1 WHERE property = 'title'"),
    ),
    ("I20", "a word without a row", sql("DELETE FROM embedded_name")),
    ("I20", "a row without a thing", sql("INSERT INTO embedded_name VALUES ('person', 'Nobody', 'x')")),
    ("I21", "cell", sql("UPDATE sidecar SET cell = 'other'")),
    ("I21", "cell of a file", sql("UPDATE file_cell SET cell = 'other'")),
    ("I21", "file without a cell", sql("DELETE FROM file_cell")),
    ("I21", "cell of no file", sql("UPDATE file_cell SET location_id = 999")),
    ("I21", "rule", sql("UPDATE sidecar_photo SET rule = 'none'")),
    ("I21", "alias", sql(f"UPDATE sidecar_photo SET asset_id = {ALIAS}")),
    ("I21", "author", sql(*everywhere("author = ''", "source = 'sidecar'"))),
    (
        "I21",
        "one author for two",
        sql(
            "INSERT INTO sidecar (location_id, directory_id, cell, form, author) SELECT l.id, l.directory_id, 'notes', 'xmp',"
            " s.author FROM location AS l, sidecar AS s WHERE l.name = CAST('notes.txt' AS BLOB)"
        ),
    ),
    ("I22", "place", sql('UPDATE preview SET "offset" = "offset" + 1 WHERE slot = 256')),
    ("I22", "no row", sql("DELETE FROM preview WHERE slot = 0")),
    ("I22", "a row too many", sql(f"INSERT INTO preview VALUES ({BARE}, 256, 1, 4, 160, 120, 1)")),
    ("I22", "half made", sql(f'UPDATE preview SET "offset" = 7 WHERE slot = 256 AND {MADE}')),
    ("I22", "length", sql(f"UPDATE preview SET length = 0 WHERE {MADE}")),
    ("I22", "length of megabytes", sql(f"UPDATE preview SET length = 5000000 WHERE {MADE}")),
    ("I22", "too wide", sql(f"UPDATE preview SET width = 640 WHERE slot = 256 AND {MADE}")),
    ("I22", "turned", sql(f"UPDATE preview SET orientation = 6 WHERE {MADE}")),
    ("I22", "made and due", sql("UPDATE preview_work SET state = 'due' WHERE task = 'make'")),
    ("I22", "task", sql("UPDATE preview_work SET task = 'make' WHERE task = 'copy'")),
    ("I22", "no work", sql("DELETE FROM preview_work WHERE task = 'copy'")),
    (
        "I22",
        "work about nothing",
        sql(f"INSERT INTO preview_work (content_id, task) VALUES ({BARE}, 'copy')"),
    ),
    ("I22", "failed without a reason", sql("UPDATE preview_work SET state = 'failed' WHERE task = 'copy'")),
    ("I23", "a name", sql("UPDATE volume SET forgotten_ns = 5")),
    (
        "I23",
        "a file",
        sql(
            *ANOTHER_FORGOTTEN,
            "INSERT INTO location (volume_id, directory_id, name, size, mtime_ns, ctime_ns, inode, first_seen_ns)"
            " VALUES (9, (SELECT id FROM directory WHERE volume_id = 9), x'61', 1, 1, 1, 1, 1)",
        ),
    ),
    (
        "I23",
        "a nested mount",
        sql(*ANOTHER_FORGOTTEN, "INSERT INTO nested_mount VALUES (9, x'61', 'key', 'away', 1)"),
    ),
    (
        "I24",
        "what should be there",
        sql(f"INSERT INTO damage SELECT {PRESENT}, hash, 1, 1 FROM content WHERE id = {OF_IT}"),
    ),
    ("I24", "a file that is gone", sql(f"{DAMAGE} WHERE state = 'missing' AND content_id IS NOT NULL")),
    ("I24", "no photo", sql(f"{DAMAGE} WHERE state = 'present' AND content_id IS NULL")),
    (
        "I25",
        "of no volume",
        sql(*ANOTHER_FORGOTTEN, "INSERT INTO displaced VALUES (9, 1, 1, 1, 1, x'61', 1)"),
    ),
    ("I25", "no inode", sql("INSERT INTO displaced VALUES (1, 0, 1, 1, 1, x'61', 1)")),
    ("I26", "no photo", sql("UPDATE location SET recheck_due = 1 WHERE content_id IS NULL")),
    (
        "I26",
        "not read",
        sql(
            "UPDATE location SET recheck_due = 1 WHERE content_id IN (SELECT id FROM content WHERE hash IS NULL)"
        ),
    ),
    ("I22", "later and done", sql("UPDATE preview_work SET retry_ns = 5 WHERE state = 'done'")),
]


@pytest.mark.parametrize(
    ("invariant", "damage"),
    [pytest.param(name, damage, id=f"{name} {what}") for name, what, damage in BREAKAGES],
)
def test_a_broken_invariant_is_named_and_no_other(
    broken: StoreHarness, invariant: str, damage: Callable[[StoreHarness], None]
) -> None:
    broken.writer.rows("PRAGMA foreign_keys = 0")
    broken.writer.rows("PRAGMA ignore_check_constraints = 1")
    damage(broken)
    violations = broken.check()
    assert {one.invariant for one in violations} == {invariant}, violations
    assert all(one.subject and one.message for one in violations)
    broken.close()


def test_every_invariant_has_a_breakage() -> None:
    assert {name for name, _, _ in BREAKAGES} == set(INVARIANTS)


def test_every_invariant_says_what_it_holds() -> None:
    for number, (name, invariant) in enumerate(INVARIANTS.items(), start=1):
        assert name == f"I{number}"
        assert (invariant.__doc__ or "").startswith(f"{name}: ")


def test_invariants_can_be_asked_one_by_one(broken: StoreHarness) -> None:
    broken.writer.execute("UPDATE bucket SET count = count + 1")
    assert check(broken.writer, ["I9", "I1"]) == []
    assert {one.invariant for one in check(broken.writer, ["I6"])} == {"I6"}
    with pytest.raises(KeyError):
        check(broken.writer, ["I99"])
    broken.close()


def test_a_damaged_page_is_a_violation_and_no_crash(broken: StoreHarness) -> None:
    broken.close()
    path = broken.library.catalog_path
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    reader = db.open_reader(broken.library)
    assert {one.invariant for one in check(reader, ["I10"])} == {"I10"}
    reader.close()


def test_a_reader_checks_one_moment(broken: StoreHarness) -> None:
    reader = broken.reader()
    with reader.snapshot():
        broken.put(b"c/NEW.JPG", "new", inode=5000)
        broken.ingest()
        assert check(reader) == []
    reader.close()
    broken.close()


def test_a_file_of_two_volumes_is_noticed(broken: StoreHarness) -> None:
    other = volumes.add_volume(broken.writer, "Other", b"/other", now_ns=1)
    listing = DirectoryListing(b"", 1, (Observed(b"x.txt", "f", 1, 1, 1, 1),), True, True, None)
    scanning.apply_listing(broken.writer, other, listing, 1)
    broken.writer.execute("UPDATE location SET volume_id = 1 WHERE volume_id = ?", (other,))
    assert {one.invariant for one in broken.check()} == {"I2"}
    broken.close()
