"""Settling: which photos the sidecars of some cells are about now, and which statements follow from that.

From rows alone, so that the order of reading does not matter. Three steps: names decide whom each sidecar is about
(`catalog.sidecars.binding`); of the sidecars of a photo the more certain one has the say, property by property; what they
say is compared with the statements of their authors, and differences are written.

What is never taken back: words of sidecars that are missing or about nobody now, words about photos that are not beside
their sidecar any more. One exception: a sidecar that moved along with its photo is the same witness under a new name.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from catalog.ids import AssetId, DirectoryId, LocationId
from catalog.media_types import guess_of_mime
from catalog.sidecars.binding import RULES, Directory, Kind, Neighbour, Verdict
from catalog.sidecars.names import cells_of
from catalog.store import file_cells
from catalog.store.db import Row, Writer
from catalog.store.edits import Edit, Key, Word
from catalog.store.sidecar_files import (
    OF_CELLS,
    OF_IDS,
    SidecarFile,
    Voice,
    free_author,
    is_same,
    sidecar_file,
)
from catalog.store.sidecar_words import Meaning, Words, meaning_of, shared_out, words_of

SOURCE: Literal["sidecar"] = "sidecar"
VERSION, MAYBE, FORMER = "version", "maybe", "former"
RULES_STORED = frozenset({*RULES, VERSION, MAYBE, FORMER}) - {"none"}
# Rules under which a sidecar says nothing about the photo, or nothing new.
_SILENT = frozenset({VERSION, MAYBE, FORMER})
# What decides when, and where, a photo was taken.
_DATING = frozenset({"date", "position"})
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


# file_cell's primary key
NEIGHBOURS = (
    "SELECT l.name, c.kind, c.mime, c.asset_id FROM json_each(?2) AS wanted"
    " CROSS JOIN file_cell AS f ON f.directory_id = ?1 AND f.cell = wanted.value"
    " CROSS JOIN location AS l ON l.id = f.location_id CROSS JOIN content AS c ON c.id = l.content_id"
    " WHERE l.state = 'present'"
)
# indexes content_asset and location_content
IS_HERE = (
    "SELECT 1 FROM content AS c CROSS JOIN location AS l INDEXED BY location_content ON l.content_id = c.id"
    " WHERE c.asset_id = ? AND l.directory_id = ? AND l.state = 'present' LIMIT 1"
)
# index sidecar_cell; those that are gone as well: that one went does not make another speak in its place
SIDECAR_NAMES = (
    "SELECT l.name FROM sidecar AS s CROSS JOIN location AS l ON l.id = s.location_id WHERE s.directory_id = ?"
    " AND s.cell IN (SELECT wanted.value FROM json_each(?) AS wanted) AND l.size > 0"
)
# sidecar_photo's primary key
OF_PHOTOS = (
    "SELECT p.asset_id, p.location_id, p.rule FROM json_each(?) AS wanted"
    " CROSS JOIN sidecar_photo AS p ON p.asset_id = wanted.value"
)


class Told(NamedTuple):
    """What was written: the photos about which something else is said now, to be recomputed in the same transaction.

    Attributes:
        made_ns: of the last statement.
        asset_ids: those photos.
        dated: those of them about whose time or place something else is said.
    """

    made_ns: int
    asset_ids: set[AssetId]
    dated: set[AssetId]


def settle(writer: Writer, directory_id: DirectoryId, cells: Iterable[str], now_ns: int) -> Told:
    """Settle the sidecars of these cells, and all others of the photos that they are or were about. In a transaction."""
    return _Settlement(writer, directory_id, cells, now_ns).run()


class _Settlement:
    """One directory's, within the transaction of a batch."""

    def __init__(self, writer: Writer, directory_id: DirectoryId, cells: Iterable[str], now_ns: int) -> None:
        self._writer = writer
        self._directory_id = directory_id
        self._now_ns = now_ns
        self._cells = sorted(set(cells))
        self._photo_of: dict[bytes, AssetId] = {}
        file_cells.fill(writer, directory_id)
        self._names = self._directory_of(self._cells)
        self._meanings: dict[LocationId, Meaning] = {}
        # author -> statements to be written or removed: (before, text after or None)
        self._wanted: dict[str, dict[Key, tuple[Word | None, str | None]]] = {}

    def _directory_of(self, cells: Iterable[str]) -> Directory:
        """Return the names of these cells; a folder may hold tens of thousands of others."""
        wanted = set(cells)
        # A file may be in two of the cells.
        rows = self._writer.rows(NEIGHBOURS, (self._directory_id, json.dumps(sorted(wanted))))
        near = {bytes(name): (bytes(name), *rest) for name, *rest in rows}
        self._photo_of.update((name, AssetId(row[3])) for name, row in near.items())
        # An edited copy may have a JSON of its own in its other cell.
        wanted.update(cell for name in near for cell in cells_of(name))
        sidecars = self._writer.rows(SIDECAR_NAMES, (self._directory_id, json.dumps(sorted(wanted))))
        return Directory(
            map(_neighbour, near.values()),
            [bytes(name) for (name,) in sidecars],
            of_cells=self._directory_of,
        )

    def _is_here(self, asset_id: AssetId) -> bool:
        return self._writer.row(IS_HERE, (asset_id, self._directory_id)) is not None

    def run(self) -> Told:
        """Bind, compare, write."""
        rows = self._writer.rows(OF_CELLS, (self._directory_id, json.dumps(self._cells)))
        touched: set[AssetId] = set()
        left: dict[AssetId, set[str]] = {}
        overruled: dict[LocationId, set[str]] = {}
        for sidecar in sorted((sidecar_file(row) for row in rows), key=lambda one: one.location_id):
            if sidecar.is_here and (sidecar.said is not None or sidecar.state != "due"):
                touched |= self._bind(sidecar, left)
                overruled[sidecar.location_id] = set()  # also where it says nothing any more
        for location_id, names in self._compare(self._voices(touched), left):
            overruled.setdefault(location_id, set()).update(names)
        self._note_overruled(overruled)
        return self._write()

    # ---- whom they are about

    def _bind(self, sidecar: SidecarFile, left: dict[AssetId, set[str]]) -> set[AssetId]:
        """Store whom a sidecar is about now; return those, and those whom it was about. `left`: whom it is not any more."""
        verdict = self._names.verdict(sidecar.name, sidecar.claim)
        before = self._rules_of(sidecar.location_id)
        after = self._rules_after(verdict, before)
        for asset_id, former in before.items():
            is_left = former not in _SILENT and after.get(asset_id, VERSION) == VERSION
            if is_left and sidecar.author is not None:
                left.setdefault(asset_id, set()).add(sidecar.author)
        if before != after:
            self._store_rules(sidecar.location_id, after)
        self._store_state(sidecar, verdict)
        return {*before, *after}

    def _rules_of(self, location_id: LocationId) -> dict[AssetId, str]:
        rows = self._writer.rows(
            "SELECT asset_id, rule FROM sidecar_photo WHERE location_id = ?", (location_id,)
        )
        return {AssetId(asset_id): rule for asset_id, rule in rows}

    def _rules_after(self, verdict: Verdict, before: Mapping[AssetId, str]) -> dict[AssetId, str]:
        rule = VERSION if verdict.is_version else verdict.rule
        after: dict[AssetId, str] = {self._photo_of[name]: rule for name in verdict.names}
        for name in verdict.candidates:
            after.setdefault(self._photo_of[name], MAYBE)
        for asset_id, former in before.items():
            if former in (VERSION, MAYBE):
                continue
            if not verdict.names or (asset_id not in after and not self._is_here(asset_id)):
                after[asset_id] = FORMER  # absence and doubt take nothing back
        return after

    def _store_rules(self, location_id: LocationId, rules: Mapping[AssetId, str]) -> None:
        self._writer.execute("DELETE FROM sidecar_photo WHERE location_id = ?", (location_id,))
        self._writer.executemany(
            "INSERT INTO sidecar_photo (asset_id, location_id, rule) VALUES (?, ?, ?)",
            [(asset_id, location_id, rule) for asset_id, rule in rules.items()],
        )

    def _store_state(self, sidecar: SidecarFile, verdict: Verdict) -> None:
        if sidecar.author is None and sidecar.said is not None and verdict.names:
            sidecar.author = free_author(self._writer, sidecar.path)
            self._writer.execute(
                "UPDATE sidecar SET author = ? WHERE location_id = ?", (sidecar.author, sidecar.location_id)
            )
        if sidecar.state == "failed" or sidecar.said is None:
            return
        if verdict.reason is not None:
            sidecar.state, sidecar.reason = "unbound", verdict.reason
        elif sidecar.state == "unbound":
            sidecar.state, sidecar.reason = "done", None
        self._writer.execute(
            "UPDATE sidecar SET state = ?, reason = ? WHERE location_id = ? AND state <> 'due'",
            (sidecar.state, sidecar.reason, sidecar.location_id),
        )

    # ---- what counts

    def _voices(self, asset_ids: Iterable[AssetId]) -> dict[AssetId, list[Voice]]:
        """Return all sidecars of these photos, the more certain ones first, wherever they are."""
        rows = self._writer.rows(OF_PHOTOS, (json.dumps(sorted(asset_ids)),))
        known = {
            one.location_id: one
            for one in map(
                sidecar_file, self._writer.rows(OF_IDS, (json.dumps(sorted({row[1] for row in rows})),))
            )
        }
        voices: dict[AssetId, list[Voice]] = {asset_id: [] for asset_id in asset_ids}
        for asset_id, location_id, rule in rows:
            voices[AssetId(asset_id)].append(Voice(known[LocationId(location_id)], rule))
        return voices

    def _compare(
        self, voices: Mapping[AssetId, list[Voice]], left: Mapping[AssetId, set[str]]
    ) -> list[tuple[LocationId, frozenset[str]]]:
        """Note what is to be written; return, photo by photo, which properties of which sidecars do not count."""
        overruled: list[tuple[LocationId, frozenset[str]]] = []
        for asset_id, of_photo in voices.items():
            speaking = sorted(
                (
                    one
                    for one in of_photo
                    if one.rule not in _SILENT and one.sidecar.is_here and one.sidecar.facts is not None
                ),
                key=lambda one: one.rank,
            )
            orientation = self._orientation(asset_id) if speaking else None
            shares = shared_out(self._words(one.sidecar, orientation) for one in speaking)
            words: dict[str, Words] = {author: {} for author in left.get(asset_id, ())}
            words |= {author: {} for author in self._succeeded(asset_id, of_photo, speaking)}
            for one, (kept, lost) in zip(speaking, shares, strict=True):
                assert one.sidecar.author is not None, "who speaks has a name"
                words[one.sidecar.author] = kept
                overruled.append((one.sidecar.location_id, lost))
            files = {str(one.sidecar.author): one.sidecar for one in of_photo}
            for author, name in self._note_differences(asset_id, words, files):
                overruled.append((files[author].location_id, frozenset({name})))
        return overruled

    def _words(self, sidecar: SidecarFile, orientation: int | None) -> Words:
        assert sidecar.facts is not None, "only those that were read speak"
        meaning = self._meanings.get(sidecar.location_id)
        if meaning is None:
            meaning = self._meanings[sidecar.location_id] = meaning_of(
                self._writer, sidecar.facts, self._now_ns
            )
        return words_of(sidecar.facts, sidecar.form, meaning, orientation)

    def _orientation(self, asset_id: AssetId) -> int | None:
        found = self._writer.value(
            "SELECT json_extract(c.facts, '$.orientation') FROM asset AS a"
            " JOIN content AS c ON c.id = ifnull(a.facts_id, a.content_id) WHERE a.id = ?",
            (asset_id,),
        )
        return found if isinstance(found, int) else None

    def _succeeded(
        self, asset_id: AssetId, of_photo: Iterable[Voice], speaking: Iterable[Voice]
    ) -> list[str]:
        """Return authors whose file is gone while one that says the same, or has its inode, speaks for the photo: it moved."""
        found = []
        present = [one.sidecar for one in speaking]
        for one in of_photo:
            gone = one.sidecar
            if gone.is_here or gone.author is None or not any(is_same(gone, other) for other in present):
                continue
            found.append(gone.author)
            self._writer.execute(
                "DELETE FROM sidecar_photo WHERE asset_id = ? AND location_id = ?",
                (asset_id, gone.location_id),
            )
        return found

    def _note_differences(
        self, asset_id: AssetId, words: Mapping[str, Words], files: Mapping[str, SidecarFile]
    ) -> set[tuple[str, str]]:
        """Note what is to be written; return (author, property) of what does not count beside a sidecar that is gone."""
        rows = self._writer.rows(
            "SELECT property, element, author, value, made_ns FROM statement WHERE asset_id = ? AND source = ?",
            (asset_id, SOURCE),
        )
        known: dict[tuple[str, str], dict[str, Word]] = {}
        for name, element, author, value, made_ns in rows:
            known.setdefault((name, element), {})[author] = Word(value, made_ns)
        outlived: set[tuple[str, str]] = set()
        for author, said in words.items():
            after = {key: _ENCODER.encode(value) for key, value in said.items()}
            for key in {*after, *(key for key, by_author in known.items() if author in by_author)}:
                before, text = known.get(key, {}).get(author), after.get(key)
                others = {other: word for other, word in known.get(key, {}).items() if other not in words}
                if text is not None and _is_outlived(before, text, others, files, author):
                    outlived.add((author, key[0]))
                elif not _is_said(before, text, others.values()):
                    place = Key(asset_id, key[0], key[1], SOURCE, author)
                    self._wanted.setdefault(author, {})[place] = (before, text)
        return outlived

    # ---- writing

    def _note_overruled(self, overruled: Mapping[LocationId, set[str]]) -> None:
        for location_id, names in overruled.items():
            text = ", ".join(sorted(names)) if names else None
            self._writer.execute(
                "UPDATE sidecar SET overruled = ?1 WHERE location_id = ?2 AND overruled IS NOT ?1",
                (text, location_id),
            )

    def _write(self) -> Told:
        """Write the differences, a row of the journal for each author; photos are recomputed by the caller, all at once."""
        told = Told(self._now_ns, set(), set())
        for author in sorted(self._wanted):
            differences = self._wanted[author]
            edit = Edit(self._writer, author=author, now_ns=self._now_ns, source=SOURCE)
            edit.set_words(
                {
                    key: (before, None if text is None else Word(text, edit.made_ns))
                    for key, (before, text) in sorted(differences.items())
                }
            )
            edit.finish({"do": "read_sidecar", "sidecar": author}, refreshes=False)
            told.asset_ids.update(key.asset_id for key in differences)
            told.dated.update(key.asset_id for key in differences if key.property in _DATING)
            told = told._replace(made_ns=max(told.made_ns, edit.made_ns))
        return told


def _is_said(before: Word | None, text: str | None, others: Iterable[Word]) -> bool:
    """Tell whether a word stands as it should: the same, and not outdone by a later one of a sidecar that is gone."""
    if before is None or text is None or before.text != text:
        return before is None and text is None
    return all(other.text == text or other.made_ns < before.made_ns for other in others)


def _is_outlived(
    before: Word | None, text: str, others: Mapping[str, Word], files: Mapping[str, SidecarFile], author: str
) -> bool:
    """Tell whether a word of a sidecar that is gone, or about nobody now, stands before this one: its file is not older.

    That it went makes nobody speak in its place (charter 3); a sidecar that is written later does.
    """
    if before is not None and before.text != text:
        return False
    return any(
        word.text != text
        and other in files
        and files[other].mtime_ns >= files[author].mtime_ns
        and (before is None or before.made_ns < word.made_ns)
        for other, word in others.items()
    )


def _neighbour(row: Row) -> Neighbour:
    name, kind, mime, _ = row
    known = guess_of_mime(mime)
    is_raw = known is not None and known.is_raw
    shown: Kind = "raw" if is_raw else kind
    return Neighbour(name, shown)
