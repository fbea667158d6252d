"""The schema and its migrations: prose and tables agree, steps are whole or nothing, a killed creation repeats."""

from __future__ import annotations

import itertools
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from catalog.errors import AlreadyExists, CatalogError, InvalidValue, MigrationFailed
from catalog.ids import VolumeId
from catalog.library import Library
from catalog.store import db, migrations, models, renewal
from catalog.store.check import check
from catalog.store.migrations import MIGRATIONS, Migration
from catalog.store.schema import INDEXES, SCHEMA_VERSION, TABLES
from store_harness import NOW_NS, StoreHarness, make_harness

EXTRA = Migration(5, "extra", ("CREATE TABLE extra (x INTEGER) STRICT", "INSERT INTO extra VALUES (1)"))
CREATE = (
    "import sys; from catalog.store import migrations;"
    " migrations.create(sys.argv[1], 'UTC', 1).close(); print('done')"
)
MIGRATE = """
import sys
from catalog.library import Library
from catalog.store import db
from catalog.store.migrations import migrate
migrate(db.open_writer(Library(sys.argv[1])), 1)
"""
FIRST_SCHEMA = MIGRATIONS[:1]
# FTS5 makes these for photo_text.
SHADOWS = {f"photo_text_{end}" for end in ("data", "idx", "content", "config")}


def test_the_prose_describes_every_table_and_column(catalog: StoreHarness) -> None:
    tables = [
        name
        for (name,) in catalog.writer.rows(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        )
    ]
    assert set(tables) == set(TABLES) | SHADOWS
    for name in TABLES:
        columns = [row[1] for row in catalog.writer.rows(f"PRAGMA table_info({name})")]
        assert set(columns) == set(TABLES[name].columns), name
        assert TABLES[name].prose.endswith(".")
        assert all(TABLES[name].columns.values())
        is_strict = catalog.writer.value("SELECT strict FROM pragma_table_list WHERE name = ?", (name,))
        assert is_strict == (name != "photo_text"), "a virtual table knows no types"


def test_every_index_has_a_purpose_and_exists(catalog: StoreHarness) -> None:
    rows = catalog.writer.rows("SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL")
    assert {row[0] for row in rows} == set(INDEXES)
    assert all(purpose.endswith(".") for purpose, _ in INDEXES.values())


def test_peewees_models_have_the_columns_of_their_tables(catalog: StoreHarness) -> None:
    for model in models.ALL:
        fields = {field.column_name: field.null for field in model._meta.sorted_fields}
        rows = catalog.writer.rows(f"PRAGMA table_info({model._meta.table_name})")
        columns = {row[1]: not row[3] and not row[5] for row in rows}
        assert fields == columns, model


def test_ids_that_go_into_inode_numbers_are_never_reused(catalog: StoreHarness) -> None:
    keyed = [name for name, table in TABLES.items() if "id" in table.columns]
    assert all("AUTOINCREMENT" in TABLES[name].ddl for name in keyed)


def test_the_last_migration_is_the_schemas_version(catalog: StoreHarness) -> None:
    assert [one.number for one in MIGRATIONS] == list(range(1, SCHEMA_VERSION + 1))
    assert catalog.writer.value("PRAGMA user_version") == SCHEMA_VERSION
    assert migrations.migrate(catalog.writer, NOW_NS) == 0


def test_a_step_and_its_record_are_one_transaction(catalog: StoreHarness) -> None:
    assert migrations.migrate(catalog.writer, 77, (*MIGRATIONS, EXTRA)) == 1
    row = catalog.writer.row("SELECT number, name, digest, applied_ns FROM migration ORDER BY number DESC")
    assert row == (5, "extra", EXTRA.digest, 77)
    assert catalog.writer.value("PRAGMA user_version") == 5
    assert catalog.writer.value("SELECT x FROM extra") == 1
    assert check(catalog.writer, ["I1"]) == []


def test_a_failing_step_leaves_the_catalog_as_it_was(catalog: StoreHarness) -> None:
    broken = Migration(5, "broken", (*EXTRA.statements, "INSERT INTO nowhere VALUES (1)"))
    before = catalog.writer.rows("SELECT sql FROM sqlite_schema")
    with pytest.raises(MigrationFailed, match="rolled back") as caught:
        migrations.migrate(catalog.writer, NOW_NS, (*MIGRATIONS, broken))
    assert caught.value.details["number"] == 5
    assert catalog.writer.rows("SELECT sql FROM sqlite_schema") == before
    assert catalog.writer.value("PRAGMA user_version") == 4


def test_a_library_is_made_once(tmp_path: Path) -> None:
    migrations.create(Library(tmp_path), "UTC", NOW_NS).close()
    with pytest.raises(AlreadyExists):
        migrations.create(Library(tmp_path), "UTC", NOW_NS)


def test_a_zone_that_does_not_exist_makes_no_library(tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match="no time zone"):
        migrations.create(Library(tmp_path / "library"), "Mars/Olympus", NOW_NS)
    assert not (tmp_path / "library").exists()


def test_a_path_that_looks_like_an_address_is_only_a_path(tmp_path: Path) -> None:
    library = Library(tmp_path / "a b?mode=memory#x%41ü")
    migrations.create(library, "UTC", NOW_NS).close()
    db.open_reader(library).close()
    assert library.catalog_path.is_file()
    assert stat.S_IMODE(library.path.stat().st_mode) == 0o700


def run(code: str, path: Path, failpoint: str) -> int:
    environment = {**os.environ, "GLASSINE_FAILPOINT": failpoint, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code, str(path)], env=environment, capture_output=True)
    return done.returncode


@pytest.mark.slow
@pytest.mark.parametrize(
    "failpoint", ["store.migration:20", "store.commit:1", "store.commit:2", "store.create:1"]
)
def test_a_killed_creation_leaves_no_library_and_can_be_repeated(tmp_path: Path, failpoint: str) -> None:
    library = Library(tmp_path / "library")
    assert run(CREATE, library.path, failpoint) == -signal.SIGKILL
    assert not library.exists()
    migrations.create(library, "UTC", NOW_NS).close()
    assert {path.name for path in library.path.iterdir() if path.name.startswith("catalog")} == {
        "catalog.sqlite3"
    }


@pytest.fixture
def old(tmp_path: Path) -> StoreHarness:
    """A catalog as migration 1 alone made it: photos, a clash of names, a merge, a missing file; closed."""
    source = make_harness(tmp_path / "source")
    for number in range(3):
        source.put(b"a/IMG_%d.JPG" % number, f"one {number}", inode=number + 1)
        source.put(b"b/IMG_%d.JPG" % number, f"two {number}", inode=number + 10)
    source.put(b"c/IMG_0.CR2", "raw of two 0", inode=20)
    source.put(b"b/copy.JPG", "one 0", inode=21)
    source.put(b"b/gone.JPG", "gone", inode=22)
    source.scan()
    source.read_facts(make="Canon", model="EOS")
    source.read_hashes()
    source.remove(b"b/gone.JPG")
    source.scan()
    old = first_catalog(tmp_path / "library")
    copy_rows(source, old)
    source.close()
    old.close()
    return old


def first_catalog(path: Path) -> StoreHarness:
    """Make a catalog by migration 1 alone."""
    library = Library(path)
    library.make_directories()
    migrations._reserve_file(library.catalog_path)
    writer = db.Writer(library)
    migrations.migrate(writer, NOW_NS, FIRST_SCHEMA)
    return StoreHarness(library, writer, VolumeId(1))


def copy_rows(source: StoreHarness, goal: StoreHarness) -> None:
    """Copy what the first schema has a place for; the RAW lies beside its JPEG there, and no cover stands for it."""
    tables = (
        "meta",
        "volume",
        "directory",
        "camera",
        "content",
        "asset",
        "location",
        "claim",
        "bucket",
        "change",
    )
    goal.writer.rows("PRAGMA foreign_keys = 0")
    with goal.writer.atomic():
        for table in tables:
            columns = [row[1] for row in goal.writer.rows(f"PRAGMA table_info({table})")]
            rows = source.writer.rows(f"SELECT {', '.join(columns)} FROM {table}")
            marks = ", ".join("?" * len(columns))
            goal.writer.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows)
        moved = "UPDATE location SET directory_id = (SELECT id FROM directory WHERE path = CAST('b' AS BLOB))"
        goal.writer.execute(f"{moved} WHERE name = CAST('IMG_0.CR2' AS BLOB)")
        goal.writer.execute("UPDATE content SET facts_version = 1")  # the readers of that time
    goal.writer.rows("PRAGMA foreign_keys = 1")


def tables_of(writer: db.Writer) -> dict[str, str | None]:
    """Return name -> SQL of everything in the schema; a renamed table has its name in quotes."""
    rows = writer.rows("SELECT name, sql FROM sqlite_schema")
    return {name: sql and sql.replace('"', "'").replace("'asset'", "asset") for name, sql in rows}


def test_a_catalog_of_the_first_schema_becomes_exactly_a_fresh_one(old: StoreHarness, tmp_path: Path) -> None:
    fresh = make_harness(tmp_path / "fresh")
    old.writer = db.open_writer(old.library)
    kept = "SELECT id, uid, name, content_id, day, state, changed_ns FROM asset ORDER BY id"
    before, last_id = old.writer.rows(kept), old.writer.last_id("asset")
    assert len(before) > 5
    assert migrations.migrate(old.writer, NOW_NS) == 3
    assert tables_of(old.writer) == tables_of(fresh.writer)
    assert old.writer.rows(kept) == before
    assert old.writer.last_id("asset") == last_id
    assert old.writer.rows("PRAGMA foreign_key_check") == []
    assert old.writer.value("PRAGMA foreign_keys") == 1
    old.close()
    fresh.close()


def test_what_the_layer_derives_is_made_up_for_in_an_old_catalog(old: StoreHarness) -> None:
    old.writer = db.open_writer(old.library)
    migrations.migrate(old.writer, NOW_NS)
    assert {one.invariant for one in old.check()} == {"I9", "I17"}, "until the rules were applied"
    names_before = {old.column(asset_id, "uid"): name for name, asset_id in old.shown().items()}
    assert renewal.derive_again(old.writer, NOW_NS) > 5
    assert old.check() == []
    names_after = {old.column(asset_id, "uid"): name for name, asset_id in old.shown().items()}
    assert names_after.items() <= names_before.items(), "names never move; a RAW is behind its JPEG now"
    assert len(names_before) == len(names_after) + 1
    assert renewal.derive_again(old.writer, NOW_NS) == 0
    old.writer.close()


def test_an_old_catalog_is_not_read_before_it_is_migrated(old: StoreHarness) -> None:
    with pytest.raises(CatalogError, match="migrated to 4 first"):
        db.open_reader(old.library)


STATEMENTS_DUE = sum(len(one.statements) for one in MIGRATIONS[1:])


def whole_steps_before(failpoint: str) -> int:
    """Count the migrations behind the first that were committed when this failpoint killed the process."""
    name, _, text = failpoint.partition(":")
    number = int(text)
    if name == "store.commit":
        return number - 1
    if name == "store.committed":
        return number
    ends = itertools.accumulate(len(one.statements) for one in MIGRATIONS[1:])
    return sum(end < number for end in ends)


@pytest.mark.slow
@pytest.mark.parametrize(
    "failpoint",
    [
        *(f"store.migration:{number}" for number in range(1, STATEMENTS_DUE + 1, 6)),
        f"store.migration:{STATEMENTS_DUE}",
        *(
            f"store.{when}:{number}"
            for number in range(1, SCHEMA_VERSION)
            for when in ("commit", "committed")
        ),
    ],
)
def test_a_killed_migration_leaves_whole_steps(old: StoreHarness, failpoint: str) -> None:
    assert run(MIGRATE, old.library.path, failpoint) == -signal.SIGKILL
    old.writer = db.open_writer(old.library)
    steps = old.writer.value("PRAGMA user_version")
    assert steps == 1 + whole_steps_before(failpoint)
    assert ("member" in tables_of(old.writer)) == (steps >= 2)
    assert ("sidecar" in tables_of(old.writer)) == (steps >= 3)
    assert ("displaced" in tables_of(old.writer)) == (steps >= 4)
    assert "asset_rebuilt" not in tables_of(old.writer)
    assert migrations.migrate(old.writer, NOW_NS) == SCHEMA_VERSION - steps
    renewal.derive_again(old.writer, NOW_NS)
    assert old.check() == []
    old.writer.close()
