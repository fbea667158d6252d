"""The checker: every invariant of the catalog as one small function; the oracle of every integration test.

Each function reads and returns what is wrong; a test breaks each invariant alone and `check` names exactly that
one. Repairs nothing. At a million photos it takes a few minutes (I9 derives every photo anew) and a page of memory.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from itertools import islice

from catalog import names
from catalog.buckets import Bucket, MediaType, View
from catalog.errors import CatalogCorrupt
from catalog.ids import ALPHABET, SHORT_LENGTH, UID_LENGTH
from catalog.layer import PROPERTIES
from catalog.store import listing
from catalog.store.births import added_day
from catalog.store.check_layer import covers, journal_replay, layer_rows, stored_rows, things
from catalog.store.check_previews import preview_rows
from catalog.store.check_reading import MAX_VIOLATIONS, Found, asset_pages, violations_in
from catalog.store.check_sidecars import sidecars
from catalog.store.check_truth import embedded_names
from catalog.store.check_volumes import damaged, displaced, forgotten, rechecked
from catalog.store.db import Session
from catalog.store.derive import COLUMN_NAMES, derive_all, read_inputs
from catalog.store.migrations import MIGRATIONS
from catalog.values import Violation


def schema_version(session: Session) -> Found:
    """I1: `user_version` and the rows of `migration` tell the same story as this program."""
    rows = session.rows("SELECT number, name, digest FROM migration ORDER BY number")
    version = session.value("PRAGMA user_version")
    if [row[0] for row in rows] != list(range(1, version + 1)):
        yield "schema", f"user_version is {version}, the migrations recorded are {[row[0] for row in rows]}"
    for migration in MIGRATIONS:
        recorded = next((row[2] for row in rows if row[0] == migration.number), None)
        if recorded is not None and recorded != migration.digest:
            yield f"migration {migration.number}", "it was made by other statements than this program has"


def paths(session: Session) -> Found:
    """I2: paths are those of the parents plus the name; files and directories belong to one volume."""
    yield from violations_in(
        session,
        "SELECT 'directory ' || d.id, 'its path is not that of its parent plus its name' FROM directory AS d"
        " LEFT JOIN directory AS p ON p.id = d.parent_id WHERE (d.parent_id IS NULL AND (d.path <> x'' OR d.name <> x''))"
        " OR (d.parent_id IS NOT NULL AND d.path <> CASE p.path WHEN x'' THEN d.name"
        " ELSE CAST(p.path || '/' || d.name AS BLOB) END)",
    )
    yield from violations_in(
        session,
        "SELECT 'directory ' || d.id, 'it and its parent are on different volumes' FROM directory AS d"
        " JOIN directory AS p ON p.id = d.parent_id WHERE p.volume_id <> d.volume_id",
    )
    yield from violations_in(
        session,
        "SELECT 'location ' || l.id, 'it and its directory are on different volumes' FROM location AS l"
        " JOIN directory AS d ON d.id = l.directory_id WHERE d.volume_id <> l.volume_id",
    )
    yield from violations_in(
        session,
        "SELECT 'volume ' || v.id, 'it has no root directory' FROM volume AS v WHERE NOT EXISTS"
        " (SELECT 1 FROM directory AS d WHERE d.volume_id = v.id AND d.path = x'')",
    )


def absence(session: Session) -> Found:
    """I3: missing since is set exactly when missing; nothing present lies in a missing directory."""
    yield from violations_in(
        session,
        "SELECT 'location ' || id, 'state and missing_since_ns disagree' FROM location"
        " WHERE (missing_since_ns IS NULL) <> (state = 'present')",
    )
    yield from violations_in(
        session,
        "SELECT 'location ' || l.id, 'it is present in a missing directory' FROM directory AS d"
        " JOIN location AS l ON l.directory_id = d.id WHERE d.state = 'missing' AND l.state = 'present'",
    )
    yield from violations_in(
        session,
        "SELECT 'directory ' || d.id, 'it is present in a missing directory' FROM directory AS p"
        " JOIN directory AS d ON d.parent_id = p.id WHERE p.state = 'missing' AND d.state = 'present'",
    )


def aliases(session: Session) -> Found:
    """I4: an alias points to an older asset that is none, and is nothing else."""
    yield from violations_in(
        session,
        "SELECT 'asset ' || a.id, CASE WHEN o.merged_into IS NOT NULL THEN 'it is an alias of an alias'"
        " WHEN o.id >= a.id THEN 'it is an alias of a younger asset' ELSE 'the alias still has columns of a photo' END"
        " FROM asset AS a JOIN asset AS o ON o.id = a.merged_into WHERE o.merged_into IS NOT NULL OR o.id >= a.id"
        " OR a.state <> 'alias' OR coalesce(a.content_id, a.facts_id, a.location_id, a.capture, a.day, a.year,"
        " a.camera_id, a.cell, a.twin) IS NOT NULL OR a.types <> 0 OR a.is_shown <> 0",
    )


def owners(session: Session) -> Found:
    """I5: no content and no statement belongs to an alias."""
    for table in ("content", "statement"):
        yield from violations_in(
            session,
            f"SELECT '{table} ' || t.id, 'it belongs to an alias' FROM asset AS a"
            f" JOIN {table} AS t ON t.asset_id = a.id WHERE a.merged_into IS NOT NULL",
        )


def bucket_counts(session: Session) -> Found:
    """I6: every folder's count is the number of photos that belong in it."""
    expected = {Bucket(*row[:3]): row[3] for row in session.rows(_COUNTS)}
    for view, key, sub, count in session.rows("SELECT view, key, sub, count FROM bucket"):
        bucket = Bucket(view, key, sub)
        if count != expected.pop(bucket, 0):
            yield f"bucket {bucket.subject()}", f"it says {count} photos, which is wrong"
    for bucket, count in expected.items():
        yield f"bucket {bucket.subject()}", f"it has no row and {count} photos"
    newest = session.value("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'change'")
    yield from violations_in(
        session,
        f"SELECT 'bucket ' || view || ':' || key || ':' || sub, 'its generation is newer than the change feed'"
        f" FROM bucket WHERE generation > {int(newest)}",
    )


def folder_names(session: Session) -> Found:
    """I7: in a folder every name is there once, whatever the case; a clash has a claim, and its owner fits."""
    for view, key, sub in session.rows("SELECT view, key, sub FROM bucket WHERE count > 0"):
        seen: dict[str, int] = {}
        for row in listing.photos_in(session, Bucket(view, key, sub)):
            other = seen.setdefault(names.fold(row.name), row.asset_id)
            if other != row.asset_id:
                yield (
                    f"bucket {view}:{key}:{sub}",
                    f"assets {other} and {row.asset_id} are both called {row.name!r}",
                )
    yield from violations_in(
        session,
        "SELECT 'claim ' || k.view || ':' || k.key || ':' || k.sub || ' ' || k.fold,"
        " 'its owner never had this name' FROM claim AS k JOIN asset AS a ON a.id = k.asset_id"
        " WHERE a.fold <> k.fold OR a.is_suffixed = 1",
    )


def job_leases(session: Session) -> Found:
    """I8: a job has a lease exactly while it runs, and no more attempts than claims."""
    yield from violations_in(
        session,
        "SELECT 'job ' || id, 'state, lease, attempts and fence disagree' FROM job"
        " WHERE (lease_until_ns IS NOT NULL) <> (state = 'running') OR attempts > fence"
        " OR (state = 'running' AND attempts = 0)",
    )


def derived_columns(session: Session) -> Found:
    """I9: every denormalised column of every asset is what its rows say."""
    rows = stored_rows(session)
    for page in asset_pages(session):
        inputs = [one for one in read_inputs(session, page) if one.merged_into is None]  # aliases: I4
        for one, right in zip(inputs, derive_all(session, inputs, session.zone, rows), strict=True):
            for name, stored, derived in zip(COLUMN_NAMES, one.columns, right.columns, strict=True):
                if stored != derived and name != "cover_id":  # I18
                    yield f"asset {one.asset_id}", f"{name} is {stored!r} and should be {derived!r}"


def storage(session: Session) -> Found:
    """I10: SQLite finds the file sound (checksums included) and every reference leads somewhere."""
    try:
        for (text,) in session.rows("PRAGMA integrity_check"):
            if text != "ok":
                yield "catalog", text
        for table, row_id, parent, _ in session.rows("PRAGMA foreign_key_check"):
            yield f"{table} {row_id}", f"it refers to a row of {parent} that does not exist"
    except CatalogCorrupt as error:
        yield "catalog", error.message


def identities(session: Session) -> Found:
    """I11: uid, short, fold, the suffix rule and the day of arrival of every asset are as the rules say."""
    for page in asset_pages(session):
        rows = session.rows(
            "SELECT id, uid, short, name, fold, is_suffixed, first_seen_ns, added_day FROM asset"
            " WHERE id IN (SELECT value FROM json_each(?))",
            (json.dumps(page),),
        )
        for asset_id, uid, short, name, fold, is_suffixed, first_seen_ns, day in rows:
            if len(uid) != UID_LENGTH or not set(uid) <= set(ALPHABET) or short != uid[:SHORT_LENGTH]:
                yield f"asset {asset_id}", f"uid {uid!r} and short {short!r} do not fit"
            if fold != names.fold(name) or (names.split_suffix(name) and not is_suffixed):
                yield f"asset {asset_id}", f"name {name!r} and fold {fold!r} do not fit"
            if day != added_day(first_seen_ns, session.zone):
                yield f"asset {asset_id}", "added_day is not the day of first_seen_ns"


def current_contents(session: Session) -> Found:
    """I12: a present file's bytes are the current ones of their asset, and have its size; no asset is homeless."""
    yield from violations_in(
        session,
        "SELECT 'location ' || l.id, 'its content is not the current one of its asset' FROM location AS l"
        " JOIN content AS c ON c.id = l.content_id JOIN asset AS a ON a.id = c.asset_id"
        " WHERE l.state = 'present' AND a.content_id IS NOT c.id",
    )
    yield from violations_in(
        session,
        "SELECT 'location ' || l.id, 'its size is not that of its content' FROM location AS l"
        " JOIN content AS c ON c.id = l.content_id WHERE l.state = 'present' AND l.size <> c.size",
    )
    yield from violations_in(
        session,
        "SELECT 'asset ' || a.id, 'its current content is not its own, or was never seen anywhere' FROM asset AS a"
        " LEFT JOIN content AS c ON c.id = a.content_id WHERE a.merged_into IS NULL AND (c.asset_id IS NOT a.id"
        " OR (NOT EXISTS (SELECT 1 FROM location AS l WHERE l.id = c.last_location_id)"
        " AND NOT EXISTS (SELECT 1 FROM location AS l WHERE l.content_id = a.content_id)))",
    )


def statements(session: Session) -> Found:
    """I13: every statement is about a property that exists, an element exactly if that is a set, and is JSON."""
    rows = session.rows("SELECT id, property, element, json_valid(value) FROM statement")
    for row_id, name, element, is_json in rows:
        known = PROPERTIES.get(name)
        if known is None or known.is_set != bool(element) or not is_json:
            yield f"statement {row_id}", f"property {name!r}, element {element!r} or its value make no sense"


def due_work(session: Session) -> Found:
    """I14: what is due can be done: a file to sniff has no content, a read content has a version of its reader."""
    yield from violations_in(
        session,
        "SELECT 'location ' || id, 'it is to be sniffed although its content is known' FROM location"
        " WHERE sniff_due = 1 AND content_id IS NOT NULL",
    )
    yield from violations_in(
        session,
        "SELECT 'content ' || id, 'facts_state and facts disagree' FROM content"
        " WHERE (facts_state IN ('deep', 'done') AND facts IS NULL) OR (facts IS NOT NULL AND facts_version = 0)",
    )


def folders(session: Session) -> Found:
    """I15: labels of volumes, cameras and places fold to what is stored, so that no two folders have one name; cities end paths."""
    yield from violations_in(
        session,
        "SELECT 'place ' || t.id, 'a ' || t.level || ' cannot stand there' FROM place AS t LEFT JOIN place AS p ON p.id = t.parent_id"
        " WHERE ifnull(p.level, '') NOT IN (CASE t.level WHEN 'country' THEN '' ELSE 'country' END,"
        " CASE t.level WHEN 'city' THEN 'region' WHEN 'region' THEN 'country' ELSE '' END)",
    )
    for table, column in (
        ("volume WHERE forgotten_ns IS NULL", "name"),  # a forgotten one's name is free: I23
        ("camera", "label"),
        ("place", "label"),
    ):
        for row_id, label, fold in session.rows(f"SELECT id, {column}, fold FROM {table}"):
            if fold != names.fold(label):
                yield f"{table.split()[0]} {row_id}", f"fold of {label!r} is stored as {fold!r}"


INVARIANTS: dict[str, Callable[[Session], list[Violation]]] = {}


def check(session: Session, wanted: Iterable[str] | None = None) -> list[Violation]:
    """Return what is wrong, by invariant (I1 …); empty = the catalog is sound. Blocks, long on a large library.

    Args:
        session: a Reader within `snapshot`, so that nothing moves meanwhile, or a Writer.
        wanted: names of invariants; None = all.

    Raises:
        KeyError: an unknown name.
    """
    chosen = INVARIANTS if wanted is None else {name: INVARIANTS[name] for name in wanted}
    return [violation for invariant in chosen.values() for violation in invariant(session)]


def _register(name: str, function: Callable[[Session], Found]) -> None:
    def invariant(session: Session) -> list[Violation]:
        return [Violation(name, *found) for found in islice(function(session), MAX_VIOLATIONS)]

    invariant.__doc__ = function.__doc__
    INVARIANTS[name] = invariant


for _number, _function in enumerate(
    (
        schema_version,
        paths,
        absence,
        aliases,
        owners,
        bucket_counts,
        folder_names,
        job_leases,
        derived_columns,
        storage,
        identities,
        current_contents,
        statements,
        due_work,
        folders,
        things,
        layer_rows,
        covers,
        journal_replay,
        embedded_names,
        sidecars,
        preview_rows,
        forgotten,
        damaged,
        displaced,
        rechecked,
    ),
    start=1,
):
    _register(f"I{_number}", _function)

_KINDS_SHOWN, _RARE_SHOWN = "is_shown = 1", "state = 'shown'"
_TYPES = " UNION ALL ".join(
    f"SELECT {int(View.TYPES)}, {int(flag)}, year, count(*) FROM asset WHERE"
    f" {_KINDS_SHOWN if flag <= MediaType.AUDIO else _RARE_SHOWN} AND types & {int(flag)} GROUP BY year"
    for flag in MediaType
)
_COUNTS = (
    f"SELECT {int(View.TIMELINE)}, day, 0, count(*) FROM asset WHERE is_shown = 1 GROUP BY day UNION ALL"
    f" SELECT {int(View.RECENT)}, added_day, 0, count(*) FROM asset WHERE is_shown = 1 GROUP BY added_day UNION ALL"
    f" SELECT {int(View.CAMERAS)}, camera_id, year, count(*) FROM asset WHERE is_shown = 1 AND camera_id IS NOT NULL"
    f" GROUP BY camera_id, year UNION ALL {_TYPES} UNION ALL"
    " SELECT view, key, sub, count(*) FROM member WHERE is_listed = 1 GROUP BY view, key, sub"
)
