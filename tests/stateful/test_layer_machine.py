"""What people say is never lost (charter 2): random edits of every verb, undo in any order, merges, moves, trash.

The model holds what was said as (photo, property, element) -> (value, number of the saying), and things as they were
after each command. Undo is the model's own: all or nothing, refused when something was said later. After every step the
documents, the lists and the statements of the catalog must be the model's, and the checker (journal replayed,
effective values rebuilt, folders and text recomputed) must find nothing. Seeded mutants must make the machine fail.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from catalog import commands
from catalog.commands import layer as say
from catalog.errors import Conflict, GlassineError
from catalog.ids import AssetId
from catalog.store import journal, photos, things, undo
from catalog.store.db import Writer
from catalog.values import JournalItem
from store_harness import StoreHarness, make_harness

Key = tuple[Any, ...]
PATHS = [f"{folder}/IMG_{number}.JPG".encode() for folder in ("a", "b") for number in range(3)]
FIRST_PHOTOS = 3
BODIES = st.integers(0, 3).map(str)
TAGS = st.sampled_from(["beach", "Beach", "animals", "animals/cat", "animals/dog", "café"])
ALBUMS = st.sampled_from(["Rome", "Rome/Day 1", "Best"])
PERSONS = st.sampled_from(["Anna", "Bob", "Zoë"])
TEXTS = st.sampled_from([None, "", "Sunset", "naïve ~ text"])
CHOICES = st.lists(st.integers(0, 5), min_size=1, max_size=3, unique=True)
KINDS = ("tag", "tag_alias", "album", "person", "search", "stack")
TABLES = {"search": "saved_search"}


class LayerMachine(RuleBasedStateMachine):
    """One library. `state` is the model; `rows` the journal as the model saw it: number -> {key: (before, after)}."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp(prefix="glassine-layer-"))
        self.catalog: StoreHarness = make_harness(self.directory / "library")
        self.catalog.disk = {b"a": {}, b"b": {}}
        self.state: dict[Key, Any] = {}
        self.rows: dict[int, dict[Key, tuple[Any, Any]]] = {}
        self.undone: dict[int, int] = {}
        self.takes_back: dict[int, int] = {}
        self.united: list[Key] = []
        self.stamp = 0
        for number, path in enumerate(PATHS):
            if number < FIRST_PHOTOS:  # the others arrive later: what is new and unread is what can merge
                self.catalog.put(path, f"photo {number}", inode=number + 1)
            self.catalog.dates[path] = f"2019-08-0{number + 1}T10:00:00"
        self.catalog.ingest()
        self.inode = 100

    # Photos

    def uids(self, chosen: list[int]) -> tuple[str, ...]:
        """Return the uids of the photos at these paths; what is gone from disk is remembered by its row."""
        found = []
        seen = [index for index in chosen if self.is_seen(PATHS[index])]
        for index in seen or [0]:
            asset_id = self.catalog.asset_at(PATHS[index])
            uid = self.catalog.column(asset_id, "uid")
            assert isinstance(uid, str)
            if uid not in found:
                found.append(uid)
        return tuple(found)

    def is_seen(self, path: bytes) -> bool:
        directory, _, name = path.rpartition(b"/")
        row = self.catalog.writer.row(
            "SELECT 1 FROM location AS l JOIN directory AS d ON d.id = l.directory_id WHERE d.path = ? AND l.name = ?",
            (directory, name),
        )
        return row is not None

    def aliases(self) -> dict[str, str]:
        return dict(
            self.catalog.writer.rows(
                "SELECT a.uid, o.uid FROM asset AS a JOIN asset AS o ON o.id = a.merged_into"
            )
        )

    @rule(index=st.integers(0, 5), body=BODIES)
    def copy_arrives(self, index: int, body: str) -> None:
        """Other bytes at a path: a new version; or a new file, perhaps a copy that will merge."""
        self.inode += 1
        self.catalog.put(PATHS[index], f"photo {body}", inode=self.inode)
        self.catalog.scan()
        self.catalog.read_facts()
        self.learn_from_machine()

    @rule()
    def hashes_are_read(self) -> None:
        self.catalog.read_hashes()
        self.learn_from_machine()

    @rule(one=st.integers(0, 5), other=st.integers(0, 5))
    def files_swap_or_move(self, one: int, other: int) -> None:
        disk = self.catalog.disk
        places = [PATHS[index].rpartition(b"/") for index in dict.fromkeys((one, other))]
        files = [disk[directory].pop(name, None) for directory, _, name in places]
        for (directory, _, name), file in zip(places, reversed(files), strict=True):
            if file is not None:
                disk[directory][name] = file
        self.catalog.ingest()
        self.learn_from_machine()

    def learn_from_machine(self) -> None:
        """Merges and inheritance are the identity rules' business: statements may be added, never lost."""
        catalog = self.said_in_catalog()
        known = {self.key_now(key): value for key, value in self.state.items() if key[0] == "said"}
        for key, (value, _) in known.items():
            assert key in catalog, f"{key} was forgotten"
            candidates = [v for k, (v, _) in self.sayings() if self.key_now(k) == key]
            assert catalog[key] in candidates, (key, value)
        said = [key for key in self.state if key[0] == "said"]
        meant = Counter(self.key_now(key) for key in said)
        self.united += [now for now, count in meant.items() if count > 1]  # one of two words was chosen
        for key in said:
            now = self.key_now(key)
            if now != key:
                moved = self.state.pop(key)
                if moved[0] == catalog[now] and moved[1] > self.state.get(now, (None, 0))[1]:
                    self.state[now] = moved  # the later word stands, said when it was said
        for key, value in catalog.items():
            if key not in self.state or self.state[key][0] != value:
                self.stamp += 1
                self.state[key] = (value, self.stamp)
        things_now = self.things_in_catalog()
        assert (
            things_now.items()
            >= {key: value for key, value in self.state.items() if key[0] == "thing"}.items()
        )
        self.state |= things_now
        self.state |= self.things_in_catalog()  # stacks of versions

    def sayings(self) -> list[tuple[Key, Any]]:
        return [(key, value) for key, value in self.state.items() if key[0] == "said"]

    def key_now(self, key: Key) -> Key:
        return (key[0], self.aliases().get(key[1], key[1]), *key[2:])

    def said_in_catalog(self) -> dict[Key, Any]:
        rows = self.catalog.writer.rows(
            "SELECT a.uid, s.property, s.element, s.value FROM statement AS s JOIN asset AS a ON a.id = s.asset_id"
            " WHERE s.source = 'user'"  # what the program says of versions is not for people to undo
        )
        return {("said", uid, name, element): json.loads(value) for uid, name, element, value in rows}

    def things_in_catalog(self) -> dict[Key, Any]:
        found: dict[Key, Any] = {}
        for kind in KINDS:
            for (uid,) in self.catalog.writer.rows(f"SELECT uid FROM {TABLES.get(kind, kind)}"):
                if kind != "stack" or things.snapshot(self.catalog.writer, kind, uid)["origin"] == "user":
                    found["thing", kind, uid] = json.dumps(
                        things.snapshot(self.catalog.writer, kind, uid), sort_keys=True
                    )
        return found

    # Commands

    def do(self, command: Any) -> dict[str, Any] | None:
        """Carry a command out, after a dry run of it that must change nothing and tell the same."""
        self.catalog.now_ns += 1
        before = self.catalog_state()
        try:
            told = commands.execute(
                self.catalog.writer,
                command,
                now_ns=self.catalog.now_ns,
                options=commands.EditOptions(is_dry_run=True),
            )
        except GlassineError as refused:
            assert self.catalog_state() == before
            with pytest.raises(type(refused)):
                commands.execute(self.catalog.writer, command, now_ns=self.catalog.now_ns)
            assert self.catalog_state() == before, "a refused command changed something"
            return None
        assert self.catalog_state() == before, "a dry run changed something"
        answer = commands.execute(self.catalog.writer, command, now_ns=self.catalog.now_ns)
        assert answer["changed"] == told["changed"]
        self.journalled(answer["journal"])
        return answer

    def catalog_state(self) -> tuple[Any, ...]:
        return (
            self.said_in_catalog(),
            self.things_in_catalog(),
            self.catalog.writer.value("SELECT max(id) FROM journal"),
            photos.documents(self.catalog.writer, self.all_assets()),
        )

    def all_assets(self) -> list[Any]:
        return [row[0] for row in self.catalog.writer.rows("SELECT id FROM asset")]

    def journalled(self, number: int | None) -> None:
        """Take what the command left as what it said; the rules that follow check the meaning."""
        before = dict(self.state)
        self.stamp += 1
        after: dict[Key, Any] = {}
        for key, value in self.said_in_catalog().items():
            old = before.get(key)
            after[key] = old if old is not None and old[0] == value else (value, self.stamp)
        after |= self.things_in_catalog()
        difference = {
            key: (before.get(key), after.get(key))
            for key in before.keys() | after.keys()
            if before.get(key) != after.get(key)
        }
        assert bool(difference) == (number is not None), (
            number,
            difference,
        )  # a row exactly when something changed
        if number is not None:
            self.rows[number] = difference
        self.state = after

    def document(self, uid: str) -> dict[str, Any]:
        asset_id = photos.resolve_photo(self.catalog.writer, uid)
        return photos.documents(self.catalog.writer, [asset_id])[0]

    def expect(self, uids: tuple[str, ...], field: str, test: Callable[[Any], bool]) -> None:
        for uid in uids:
            value = self.document(uid)[field]
            assert test(value), (field, value)

    @rule(chosen=CHOICES, rating=st.sampled_from([None, 0, 3, 5]))
    def rate(self, chosen: list[int], rating: int | None) -> None:
        uids = self.uids(chosen)
        if self.do(say.Rate(uids, rating)) is not None:
            self.expect(uids, "rating", lambda value: value == rating)

    @rule(chosen=CHOICES, text=TEXTS)
    def title(self, chosen: list[int], text: str | None) -> None:
        uids = self.uids(chosen)
        if self.do(say.Title(uids, text)) is not None:
            self.expect(uids, "title", lambda value: (value or None) == (text or None))

    @rule(chosen=CHOICES, text=TEXTS)
    def describe(self, chosen: list[int], text: str | None) -> None:
        uids = self.uids(chosen)
        if self.do(say.Describe(uids, text)) is not None:
            self.expect(uids, "description", lambda value: (value or None) == (text or None))

    @rule(chosen=CHOICES, label=st.sampled_from([None, "red", "green"]))
    def label(self, chosen: list[int], label: str | None) -> None:
        uids = self.uids(chosen)
        if self.do(say.Label(uids, label)) is not None:
            self.expect(uids, "label", lambda value: value == label)

    @rule(chosen=CHOICES, is_on=st.booleans(), mark=st.sampled_from([say.Favorite, say.Reject, say.Hide]))
    def mark(self, chosen: list[int], is_on: bool, mark: Any) -> None:
        uids = self.uids(chosen)
        field = {say.Favorite: "favorite", say.Reject: "rejected", say.Hide: "hidden"}[mark]
        if self.do(mark(uids, is_on)) is not None:
            self.expect(uids, field, lambda value: value is is_on)

    @rule(chosen=CHOICES, local=st.sampled_from(["2001", "2001-02", "2001-02-28T23:59:59", "2001-02-31"]))
    def set_date(self, chosen: list[int], local: str) -> None:
        uids = self.uids(chosen)
        if self.do(say.DateSet(uids, local)) is not None:
            self.expect(uids, "capture", lambda value: value is None or value["local"] == local)

    @rule(chosen=CHOICES, months=st.sampled_from([0, -1, 12, 120_000]), days=st.sampled_from([0, 1, -400]))
    def shift_date(self, chosen: list[int], months: int, days: int) -> None:
        self.do(say.DateShift(self.uids(chosen), months=months, days=days))

    @rule(chosen=CHOICES)
    def clear_date(self, chosen: list[int]) -> None:
        uids = self.uids(chosen)
        if self.do(say.DateClear(uids)) is not None:
            self.expect(uids, "capture", lambda value: value is None or value["source"] != "user")

    @rule(chosen=CHOICES, lat=st.sampled_from([None, -33.8, 91.0]))
    def place(self, chosen: list[int], lat: float | None) -> None:
        uids = self.uids(chosen)
        if self.do(say.PlaceSet(uids, lat, None if lat is None else 151.2)) is not None:
            self.expect(uids, "position", lambda value: (value and value["lat"]) == lat)

    @rule(chosen=CHOICES)
    def clear_place(self, chosen: list[int]) -> None:
        self.do(say.PlaceClear(self.uids(chosen)))

    @rule(chosen=CHOICES, tag=TAGS)
    def tag(self, chosen: list[int], tag: str) -> None:
        uids = self.uids(chosen)
        answer = self.do(say.TagAdd(uids, (tag,)))
        assert answer is not None, "a tag can always be added"
        tags = answer["tags"] if "tags" in answer else [answer["tag"]]
        self.expect(uids, "tags", lambda value: set(tags) <= set(value))

    @rule(chosen=CHOICES, tag=TAGS, is_below=st.booleans())
    def untag(self, chosen: list[int], tag: str, is_below: bool) -> None:
        uids = self.uids(chosen)
        if self.do(say.TagRemove(uids, (tag,), is_below)) is not None:
            self.expect(uids, "tags", lambda value: tag not in value)

    @rule(tag=TAGS, name=TAGS)
    def rename_tag(self, tag: str, name: str) -> None:
        carried = [uid for uid in self.uids(list(range(6))) if tag in self.document(uid)["tags"]]
        if self.do(say.TagRename(tag, name)) is not None and tag != name:
            self.expect(tuple(carried), "tags", lambda value: name in value and tag not in value)

    @rule(tag=TAGS)
    def delete_tag(self, tag: str) -> None:
        if self.do(say.TagDelete(tag)) is not None:
            self.expect(self.uids(list(range(6))), "tags", lambda value: tag not in value)

    @rule(chosen=CHOICES, album=ALBUMS)
    def add_to_album(self, chosen: list[int], album: str) -> None:
        self.do(say.AlbumAdd(self.uids(chosen), album, is_created=True))

    @rule(chosen=CHOICES, album=ALBUMS)
    def remove_from_album(self, chosen: list[int], album: str) -> None:
        self.do(say.AlbumRemove(self.uids(chosen), album))

    @rule(album=ALBUMS, chosen=CHOICES)
    def order_album(self, album: str, chosen: list[int]) -> None:
        self.do(say.AlbumOrder(album, self.uids(chosen)))

    @rule(album=ALBUMS, is_recursive=st.booleans())
    def delete_album(self, album: str, is_recursive: bool) -> None:
        self.do(say.AlbumDelete(album, is_recursive))

    @rule(album=ALBUMS, name=ALBUMS)
    def rename_album(self, album: str, name: str) -> None:
        self.do(say.AlbumRename(album, name))

    @rule(chosen=CHOICES, person=PERSONS)
    def add_person(self, chosen: list[int], person: str) -> None:
        uids = self.uids(chosen)
        if self.do(say.PersonAdd(uids, person)) is not None:
            self.expect(uids, "people", bool)

    @rule(chosen=CHOICES, person=PERSONS)
    def remove_person(self, chosen: list[int], person: str) -> None:
        uids = self.uids(chosen)
        if self.do(say.PersonRemove(uids, person)) is not None:
            self.expect(uids, "people", lambda value: person not in value)

    @rule(person=PERSONS, into=PERSONS)
    def merge_persons(self, person: str, into: str) -> None:
        self.do(say.PersonMerge((person,), into))

    @rule(person=PERSONS, name=PERSONS)
    def rename_person(self, person: str, name: str) -> None:
        self.do(say.PersonRename(person, name))

    @rule(index=st.integers(0, 5), x=st.sampled_from([0.0, 0.25, 0.9]), person=st.none() | PERSONS)
    def add_face(self, index: int, x: float, person: str | None) -> None:
        (uid,) = self.uids([index])
        if self.do(say.FaceAdd(uid, x, 0.1, 0.25, 0.25, person)) is not None:
            assert x + 0.25 <= 1.001, "a face outside of the picture"

    @rule(chosen=CHOICES)
    def make_stack(self, chosen: list[int]) -> None:
        self.do(say.StackMake(self.uids(chosen)))

    @rule(chosen=CHOICES)
    def split_stack(self, chosen: list[int]) -> None:
        self.do(say.StackSplit(self.uids(chosen)))

    @rule(index=st.integers(0, 5))
    def choose_cover(self, index: int) -> None:
        self.do(say.StackCover(self.uids([index])[0]))

    @rule(chosen=CHOICES)
    def trash(self, chosen: list[int]) -> None:
        uids = self.uids(chosen)
        self.do(say.TrashPut(uids))
        self.expect(uids, "trashed_at", lambda value: value is not None)

    @rule(chosen=CHOICES)
    def restore(self, chosen: list[int]) -> None:
        uids = self.uids(chosen)
        self.do(say.TrashRestore(uids))
        self.expect(uids, "trashed_at", lambda value: value is None)

    @rule(
        name=st.sampled_from(["Good", "good", "New"]), query=st.sampled_from(["rating>=4", "tag:", "nope=1"])
    )
    def save_search(self, name: str, query: str) -> None:
        answer = self.do(say.SearchSave(name, query))
        assert (answer is not None) == (query == "rating>=4")

    @precondition(lambda self: self.rows)
    @rule(data=st.data())
    def undo(self, data: st.DataObject) -> None:
        """Exactly, or not at all: the model decides which."""
        number = data.draw(st.sampled_from(sorted(self.rows)))
        difference = self.difference_of(number)
        is_free = number not in self.undone and all(
            self.state.get(key) in afters for key, (_, afters) in difference.items()
        )
        self.catalog.now_ns += 1
        before = self.catalog_state()
        try:
            answer = commands.execute(self.catalog.writer, say.Undo(number), now_ns=self.catalog.now_ns)
        except Conflict as refused:
            assert self.catalog_state() == before
            self.require_reason(is_free, difference, refused)
            return
        assert is_free, "an undo went over a later edit"
        was = {key: self.state.get(key) for key in difference}
        for key, (old, _) in difference.items():
            if old is None:
                self.state.pop(key, None)
            else:
                self.state[key] = old
        assert self.said_in_catalog() == {key: value for key, (value, _) in self.sayings()}
        now = self.things_in_catalog()
        for key, (old, _) in difference.items():
            if key[0] == "thing":
                assert now.get(key) == old or (old is None and json.loads(now[key])["is_deleted"])
                self.state[key] = now.get(key)
        assert not self.named_still(difference), "an undo took a thing away that somebody still has"
        self.takes_back[answer["journal"]] = number
        self.rows[answer["journal"]] = {key: (was[key], self.state.get(key)) for key in difference}
        self.undone[number] = answer["journal"]
        self.mark_in_force(number)

    def difference_of(self, number: int) -> dict[Key, tuple[Any, list[Any]]]:
        """Return key -> (before the row, what the row left), photos as they are called now; of two the later word."""
        found: dict[Key, tuple[Any, list[Any]]] = {}
        for key, (before, after) in self.rows[number].items():
            now = self.key_of_undo(key)
            other, afters = found.get(now, (None, []))
            is_later = other is not None and (before is None or other[1] > before[1])
            found[now] = (other if is_later else before, [*afters, after])
        return found

    def named_still(self, difference: dict[Key, tuple[Any, list[Any]]]) -> list[Key]:
        """Return the sayings that give photos a thing which there was not before the row."""
        gone = {key[2] for key, (old, _) in difference.items() if key[0] == "thing" and old is None}
        return [
            key for key, (value, _) in self.sayings() if value and (key[3] in gone or _mentions(value, gone))
        ]

    def require_reason(
        self, is_free: bool, difference: dict[Key, tuple[Any, list[Any]]], refused: Conflict
    ) -> None:
        """A refusal needs something that stands in the way."""
        has_reason = (
            self.is_still_used(difference) or self.is_name_taken(difference) or self.was_united(difference)
        )
        assert has_reason or not is_free, refused.message

    def mark_in_force(self, number: int) -> None:
        """An undo that is taken back puts its row in force again; and so on down."""
        is_in_force = True
        while number in self.takes_back:
            number = self.takes_back[number]
            if is_in_force:
                self.undone.pop(number, None)
            else:
                self.undone[number] = -1
            is_in_force = not is_in_force

    def key_of_undo(self, key: Key) -> Key:
        return self.key_now(key) if key[0] == "said" else key

    def is_still_used(self, difference: dict[Key, tuple[Any, list[Any]]]) -> bool:
        """Tell whether the row made a thing that other sayings or things name."""
        made = {
            key[2]
            for key, (old, _) in difference.items()
            if key[0] == "thing" and (old is None or json.loads(old)["is_deleted"])
        }
        named = {key[3] for key in self.state if key[0] == "said" and key not in difference}
        inside = [
            value
            for key, value in self.state.items()
            if key[0] != "thing" or key not in difference or difference[key][0] is not None
        ]
        return bool(made & named) or any(uid in json.dumps(value) for uid in made for value in inside)

    def is_name_taken(self, difference: dict[Key, tuple[Any, list[Any]]]) -> bool:
        """Tell whether a thing that would come back has a name that another living one has now, or none above it."""
        living = {
            key: json.loads(value)
            for key, value in self.state.items()
            if key[0] == "thing" and not json.loads(value)["is_deleted"]
        }
        for key, (old, _) in difference.items():
            if key[0] != "thing" or old is None or json.loads(old)["is_deleted"]:
                continue
            wanted = json.loads(old)
            above = (key[0], key[1], wanted.get("parent"))
            if above[2] is not None and above not in living and above not in difference:
                return True  # what it lay in was deleted later
            for other, thing in living.items():
                if other != key and other[1] == key[1] and thing.get("fold") == wanted.get("fold"):
                    return True
                is_inside = thing.get("parent") == key[2] or wanted.get("parent") == other[2]
                if is_inside and other not in difference:
                    return True  # it lies in, or above, what moved meanwhile
        return False

    def was_united(self, difference: dict[Key, tuple[Any, list[Any]]]) -> bool:
        """Tell whether a merge chose between two words about one of these; its photo may have been merged since."""
        return any(self.key_now(united) in difference for united in self.united)

    @rule()
    def restart(self) -> None:
        self.catalog.reopen()

    @invariant()
    def nothing_is_lost_and_all_is_sound(self) -> None:
        assert self.said_in_catalog() == {key: value for key, (value, _) in self.sayings()}
        assert self.catalog.check() == []

    def teardown(self) -> None:
        self.catalog.close()
        shutil.rmtree(self.directory)


def _mentions(value: Any, uids: set[str]) -> bool:
    """Tell whether a value (stack, face) names one of these things."""
    return (
        value in uids if isinstance(value, str) else isinstance(value, dict) and value.get("person") in uids
    )


SHORT = settings(
    max_examples=20,
    stateful_step_count=40,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),  # shrinking a real library takes minutes; do it by hand
    database=None,
    suppress_health_check=list(HealthCheck),
)
LONG = settings(SHORT, max_examples=400, stateful_step_count=60)


@pytest.mark.slow
def test_random_edits_undo_and_merges_lose_nothing() -> None:
    run_state_machine_as_test(LayerMachine, settings=SHORT)


@pytest.mark.long
def test_random_edits_undo_and_merges_lose_nothing_for_long() -> None:
    run_state_machine_as_test(LayerMachine, settings=LONG)


def forgetful_merge(writer: Writer, younger: AssetId, older: AssetId) -> list[JournalItem]:
    """A merge that drops what was said about the younger asset."""
    writer.execute("DELETE FROM statement WHERE asset_id = ?", (younger,))
    return []


def blind_undo(writer: Writer, row: undo.Row) -> dict[Key, Any]:
    """An undo that does not look whether something was said later."""
    found: dict[Key, Any] = {}
    for item in undo._items(writer, row.id):
        now_called = undo._canonical(writer, [item.key.asset_id])
        key = item.key._replace(asset_id=now_called[item.key.asset_id])
        found[key] = (undo._current(writer, [key]).get(key), item.before)
    return found


MUTANTS: dict[str, tuple[Any, str, Any]] = {
    "a merge forgets": (journal, "unite_statements", forgetful_merge),
    "an undo is blind": (undo, "_words_before", blind_undo),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", MUTANTS)
def test_the_machine_finds_the_mutant(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, function, mutant = MUTANTS[name]
    monkeypatch.setattr(module, function, mutant)
    quick = settings(SHORT, max_examples=400)
    with pytest.raises((AssertionError, ExceptionGroup)):
        run_state_machine_as_test(LayerMachine, settings=quick)
