"""The schema and its migrations: prose and tables agree, steps are whole or nothing, a killed creation repeats."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from catalog.errors import AlreadyExists, InvalidValue, MigrationFailed
from catalog.library import Library
from catalog.store import db, migrations, models
from catalog.store.check import check
from catalog.store.migrations import MIGRATIONS, Migration
from catalog.store.schema import INDEXES, SCHEMA_VERSION, TABLES
from store_harness import NOW_NS, StoreHarness

EXTRA = Migration(2, "extra", ("CREATE TABLE extra (x INTEGER) STRICT", "INSERT INTO extra VALUES (1)"))
CREATE = (
    "import sys; from catalog.store import migrations;"
    " migrations.create(sys.argv[1], 'UTC', 1).close(); print('done')"
)
MIGRATE = """
import sys
from catalog.library import Library
from catalog.store import db
from catalog.store.migrations import MIGRATIONS, Migration, migrate
db.SCHEMA_VERSION = 2
statements = tuple(f"CREATE TABLE extra{n} (x INTEGER) STRICT" for n in range(5))
writer = db.open_writer(Library(sys.argv[1]))
migrate(writer, 1, (*MIGRATIONS, Migration(2, "extra", statements)))
"""


def test_the_prose_describes_every_table_and_column(catalog: StoreHarness) -> None:
    tables = [
        name
        for (name,) in catalog.writer.rows(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        )
    ]
    assert set(tables) == set(TABLES)
    for name in tables:
        columns = [row[1] for row in catalog.writer.rows(f"PRAGMA table_info({name})")]
        assert set(columns) == set(TABLES[name].columns), name
        assert TABLES[name].prose.endswith(".")
        assert all(TABLES[name].columns.values())
        assert catalog.writer.value("SELECT strict FROM pragma_table_list WHERE name = ?", (name,)) == 1


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
    assert row == (2, "extra", EXTRA.digest, 77)
    assert catalog.writer.value("PRAGMA user_version") == 2
    assert catalog.writer.value("SELECT x FROM extra") == 1
    assert check(catalog.writer, ["I1"]) == []


def test_a_failing_step_leaves_the_catalog_as_it_was(catalog: StoreHarness) -> None:
    broken = Migration(2, "broken", (*EXTRA.statements, "INSERT INTO nowhere VALUES (1)"))
    before = catalog.writer.rows("SELECT sql FROM sqlite_schema")
    with pytest.raises(MigrationFailed, match="rolled back") as caught:
        migrations.migrate(catalog.writer, NOW_NS, (*MIGRATIONS, broken))
    assert caught.value.details["number"] == 2
    assert catalog.writer.rows("SELECT sql FROM sqlite_schema") == before
    assert catalog.writer.value("PRAGMA user_version") == 1


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


@pytest.mark.slow
@pytest.mark.parametrize(
    "failpoint", ["store.migration:1", "store.migration:5", "store.commit:1", "store.committed:1"]
)
def test_a_killed_migration_leaves_the_old_schema_or_the_new_one(tmp_path: Path, failpoint: str) -> None:
    library = Library(tmp_path / "library")
    migrations.create(library, "UTC", NOW_NS).close()
    assert run(MIGRATE, library.path, failpoint) == -signal.SIGKILL
    writer = db.Writer(library) if failpoint != "store.committed:1" else None
    if writer is None:
        with pytest.raises(Exception, match="schema 2"):
            db.open_writer(library)
        return
    tables = writer.rows("SELECT name FROM sqlite_schema WHERE name LIKE 'extra%'")
    assert (writer.value("PRAGMA user_version"), tables) == (1, [])
    assert check(writer) == []
    writer.close()
