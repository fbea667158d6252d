"""A dump on its way in: every item judged, then laid out in temporary tables that the restore joins with the catalog.

Temporary tables are written to disk, not kept in memory (a million photos), and are gone with the connection. `pos`
counts in the order of the dump: photos, versions and locations keep it, because who is older has the plain name, is no
alias, and rules. Knows nothing of what the catalog holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, BinaryIO

from catalog.dump import ARRAYS, FORMAT, Item, checked, encode, path_of, read
from catalog.errors import CatalogError, InvalidValue
from catalog.store.db import Writer
from catalog.store.things import KINDS

_ROWS_AT_ONCE = 1000

TABLES: dict[str, str] = {
    "d_photo": "pos INTEGER PRIMARY KEY, uid TEXT NOT NULL UNIQUE, name TEXT NOT NULL, is_suffixed INTEGER NOT NULL,"
    " first_seen_ns INTEGER NOT NULL, alias_of TEXT, stack TEXT",
    "d_content": "pos INTEGER PRIMARY KEY, photo INTEGER NOT NULL, hash BLOB, size INTEGER NOT NULL, kind TEXT NOT NULL,"
    " mime TEXT NOT NULL, seen_ns INTEGER NOT NULL, is_current INTEGER NOT NULL",
    # content NULL: where bytes were before the file changed (`last_of`); the file itself need not be a photo.
    "d_location": "pos INTEGER PRIMARY KEY, content INTEGER, last_of INTEGER, volume TEXT NOT NULL, path BLOB NOT NULL,"
    " size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, volume_id INTEGER",
    "d_statement": "pos INTEGER PRIMARY KEY, photo INTEGER NOT NULL, property TEXT NOT NULL, element TEXT NOT NULL,"
    " value TEXT NOT NULL, source TEXT NOT NULL, author TEXT NOT NULL, made_ns INTEGER NOT NULL",
    "d_thing": "pos INTEGER PRIMARY KEY, kind TEXT NOT NULL, uid TEXT NOT NULL, row TEXT NOT NULL",
    "d_word": "pos INTEGER PRIMARY KEY, kind TEXT NOT NULL, text TEXT NOT NULL, uid TEXT NOT NULL",
    "d_claim": "pos INTEGER PRIMARY KEY, view TEXT NOT NULL, key NOT NULL, sub INTEGER NOT NULL, fold TEXT NOT NULL,"
    " photo TEXT NOT NULL",
    "d_journal": "pos INTEGER PRIMARY KEY, id INTEGER NOT NULL UNIQUE, document TEXT NOT NULL",
}
_COLUMNS = {
    name: [column.split()[0] for column in ddl.split(", ") if not column.startswith("UNIQUE")]
    for name, ddl in TABLES.items()
}
_INDEXES = (
    "CREATE INDEX temp.d_content_photo ON d_content (photo)",
    "CREATE UNIQUE INDEX temp.d_content_hash ON d_content (hash)",
    "CREATE INDEX temp.d_location_content ON d_location (content)",
    "CREATE UNIQUE INDEX temp.d_location_path ON d_location (volume_id, path) WHERE content IS NOT NULL",
    "CREATE UNIQUE INDEX temp.d_word_text ON d_word (kind, text)",
    "CREATE UNIQUE INDEX temp.d_statement_key ON d_statement (photo, property, element, source, author)",
)


@dataclass(slots=True)
class Intake:
    """What is small enough to be held: facts about the library, volumes, cameras, places; and how much of the rest there is."""

    library: Item = field(default_factory=dict)
    volumes: list[Item] = field(default_factory=list)
    cameras: list[Item] = field(default_factory=list)
    places: list[Item] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    has_journal: bool = False


def take_in(writer: Writer, file: BinaryIO) -> Intake:
    """Read a whole dump into the temporary tables, which are made anew. Blocks; inside a transaction.

    Raises:
        InvalidValue: this is no dump, it is cut off, or an item makes no sense. CatalogTooNew: of a later version.
    """
    for name, ddl in TABLES.items():
        writer.execute(f"DROP TABLE IF EXISTS temp.{name}")
        writer.execute(f"CREATE TEMP TABLE {name} ({ddl})")
    intake = Intake(counts=dict.fromkeys((*TABLES, "aliases"), 0))
    rows = _Rows(writer, intake.counts)
    takers: dict[str, Callable[[Item], None]] = {
        "volumes": intake.volumes.append,
        "cameras": intake.cameras.append,
        "places": intake.places.append,
        "things": rows.thing,
        "words": rows.word,
        "photos": rows.photo,
        "claims": rows.claim,
        "journal": rows.journal,
    }
    header: dict[str, Any] = {}
    for section, item in read(file):
        if section in takers:
            takers[section](checked(section, item))
        else:
            header[section] = item
    rows.write()
    _check_header(header)
    intake.library = header["library"]
    intake.has_journal = bool(intake.counts["d_journal"])
    return intake


def index(writer: Writer) -> None:
    """Index the tables, once volumes are known; what should be there once is.

    Raises:
        InvalidValue: two photos have the same bytes, or are at the same place.
    """
    for sql in _INDEXES:
        _unless_doubled(partial(writer.execute, sql))
    orphan = writer.value(
        "SELECT p.uid FROM temp.d_photo AS p WHERE p.alias_of IS NOT NULL AND NOT EXISTS (SELECT 1 FROM temp.d_photo AS o"
        " WHERE o.uid = p.alias_of AND o.alias_of IS NULL AND o.pos < p.pos)"
    )
    if orphan is not None:
        raise InvalidValue(f"the dump contradicts itself: {orphan} is the alias of no older photo")


def _check_header(header: dict[str, Any]) -> None:
    library = header.get("library")
    if header.get("glassine") != FORMAT or "version" not in header or not isinstance(library, dict):
        raise InvalidValue("this is no dump of a library", hint="docs/format.md tells what a dump is")
    if not all(isinstance(library.get(name), str) for name in ("uid", "zone")) or not isinstance(
        library.get("created_ns"), int
    ):
        raise InvalidValue("the dump does not say of what library it is")


def _unless_doubled(action: Callable[[], object]) -> None:
    try:
        action()
    except CatalogError as error:
        if error.details.get("sqlite") != "ConstraintError":
            raise
        raise InvalidValue(f"the dump contradicts itself: {error.message}") from error


class _Rows:
    """Rows waiting to be written, counted as they come."""

    def __init__(self, writer: Writer, counts: dict[str, int]) -> None:
        self._writer = writer
        self._counts = counts
        self._waiting: dict[str, list[tuple[Any, ...]]] = {name: [] for name in TABLES}

    def _add(self, table: str, *values: Any) -> int:
        """Queue a row; return its `pos`."""
        self._counts[table] += 1
        waiting = self._waiting[table]
        waiting.append((self._counts[table], *values))
        if len(waiting) >= _ROWS_AT_ONCE:
            self._write(table)
        return self._counts[table]

    def _write(self, table: str) -> None:
        marks = ", ".join("?" * len(_COLUMNS[table]))
        _unless_doubled(
            partial(
                self._writer.executemany, f"INSERT INTO temp.{table} VALUES ({marks})", self._waiting[table]
            )
        )
        self._waiting[table] = []

    def write(self) -> None:
        """Write what still waits."""
        for table in TABLES:
            self._write(table)

    def thing(self, item: Item) -> None:
        if item["kind"] not in KINDS:
            raise InvalidValue(f"the dump holds a thing of the unknown kind {item['kind']!r}")
        self._add("d_thing", item["kind"], item["uid"], encode(item["row"]))

    def word(self, item: Item) -> None:
        self._add("d_word", item["kind"], item["text"], item["uid"])

    def photo(self, item: Item) -> None:
        alias_of = item.get("alias_of")
        flags = int(item.get("is_suffixed") is True), item["first_seen_ns"]
        photo = self._add("d_photo", item["uid"], item["name"], *flags, alias_of, item.get("stack"))
        if alias_of is not None:
            self._counts["aliases"] += 1
            return
        for version in item["versions"]:
            self._version(photo, version)
        for said in item.get("statements", ()):
            value, who = encode(said["value"]), (said["source"], said["author"], said["made_ns"])
            self._add("d_statement", photo, said["property"], said.get("element", ""), value, *who)

    def _version(self, photo: int, version: Item) -> None:
        digest = None if version["hash"] is None else bytes.fromhex(version["hash"])
        kind, seen_ns, size = (version["kind"], version["mime"]), version["seen_ns"], version["size"]
        content = self._add("d_content", photo, digest, size, *kind, seen_ns, int(version["is_current"]))
        for location in version["locations"]:
            self._location(content, None, location, size)
        if version.get("last_location") is not None:
            self._location(None, content, version["last_location"], size)

    def _location(self, content: int | None, last_of: int | None, item: Item, size: int) -> None:
        place = item["volume"], path_of(item)
        self._add("d_location", content, last_of, *place, item.get("size", size), item["mtime_ns"], None)

    def claim(self, item: Item) -> None:
        self._add("d_claim", item["view"], item["key"], item["sub"], item["fold"], item["photo"])

    def journal(self, item: Item) -> None:
        self._add("d_journal", item["id"], encode(item))


def pages(writer: Writer, sql: str, *, size: int = _ROWS_AT_ONCE) -> Iterator[list[tuple[Any, ...]]]:
    """Yield the rows of a statement whose last parameters are (after pos, limit) and whose first column is `pos`."""
    after = 0
    while rows := writer.rows(sql, (after, size)):
        yield rows
        after = rows[-1][0]


assert set(ARRAYS) == {"volumes", "cameras", "places", "things", "words", "photos", "claims", "journal"}
