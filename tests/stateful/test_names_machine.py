"""Names never move (charter 5): arrivals, departures, re-dating, edits, merges, stacks, albums, trash, restarts, in any order.

The model is what a file manager remembers: in each folder, which photo (by uid) a name was shown for, and which name
each photo has had. Acceptance: survivors renamed = 0, names re-used = 0, and the catalog is sound. A seeded mutant
(no tombstones) must make the machine fail.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

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
from catalog.buckets import Bucket, View
from catalog.commands import layer
from catalog.errors import NotFound
from catalog.store import listing
from catalog.store.claims import ClaimBook
from store_harness import StoreHarness, make_harness

NAMES = [b"IMG_1.JPG", b"IMG_1.CR2", b"img_1.jpg", b"IMG_2.JPG", b"x~abc123.jpg", b"bad\xff.jpg"]
DAYS = ["2019-08-07T10:00:00", "2019-08-07T11:00:00", "2020-01-01T00:00:00", "2019", None]
DIRECTORIES = [b"a", b"b", b"c", b"d"]
BODIES = st.integers(0, 30).map(str)
COMMANDS: list[Callable[[str], layer.LayerCommand]] = [
    lambda uid: layer.AlbumAdd((uid,), "Rome", is_created=True),
    lambda uid: layer.AlbumRemove((uid,), "Rome"),
    lambda uid: layer.TagAdd((uid,), ("a/b",)),
    lambda uid: layer.TagRemove((uid,), ("a/b",)),
    lambda uid: layer.Favorite((uid,)),
    lambda uid: layer.TrashPut((uid,)),
    lambda uid: layer.TrashRestore((uid,)),
    lambda uid: layer.StackSplit((uid,)),
]


class NamesMachine(RuleBasedStateMachine):
    """One library; `shown_for` remembers each name of each folder, `called` the name of each photo in it."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp(prefix="glassine-names-"))
        self.catalog: StoreHarness = make_harness(self.directory / "library")
        self.catalog.disk = {path: {} for path in DIRECTORIES}
        self.shown_for: dict[tuple[Bucket, str], int] = {}
        self.called: dict[tuple[Bucket, int], str] = {}
        self.inode = 1
        self.merged: dict[int, int] = {}

    @rule(
        directory=st.sampled_from(DIRECTORIES),
        name=st.sampled_from(NAMES),
        body=BODIES,
        date=st.sampled_from(DAYS),
    )
    def arrive_or_edit(self, directory: bytes, name: bytes, body: str, date: str | None) -> None:
        self.inode += 1
        path = directory + b"/" + name
        self.catalog.put(path, body, inode=self.inode)
        self.catalog.dates[path] = date

    @rule(directory=st.sampled_from(DIRECTORIES), name=st.sampled_from(NAMES))
    def depart(self, directory: bytes, name: bytes) -> None:
        self.catalog.disk[directory].pop(name, None)

    @rule(
        directory=st.sampled_from(DIRECTORIES), name=st.sampled_from(NAMES), goal=st.sampled_from(DIRECTORIES)
    )
    def move(self, directory: bytes, name: bytes, goal: bytes) -> None:
        if name in self.catalog.disk[directory]:
            self.catalog.disk[goal][name] = self.catalog.disk[directory].pop(name)
            date = self.catalog.dates.get(directory + b"/" + name)
            self.catalog.dates[goal + b"/" + name] = date

    @rule(order=st.permutations(DIRECTORIES))
    def scan(self, order: list[bytes]) -> None:
        self.catalog.scan(*order)

    @rule()
    def read(self) -> None:
        self.catalog.read_facts()

    @rule()
    def read_hashes(self) -> None:
        self.catalog.read_hashes()

    @rule(order=st.permutations(DIRECTORIES))
    def ingest(self, order: list[bytes]) -> None:
        self.catalog.scan(*order)
        self.catalog.read_facts()
        self.catalog.read_hashes()

    @precondition(lambda self: self.called)
    @rule(data=st.data(), date=st.sampled_from([day for day in DAYS if day]))
    def redate(self, data: st.DataObject, date: str) -> None:
        from catalog.capture import parse_local

        asset_id = data.draw(st.sampled_from(sorted({asset_id for _, asset_id in self.called})))
        if self.catalog.column(asset_id, "merged_into") is not None:  # type: ignore[arg-type]
            return
        parsed = parse_local(date)
        assert parsed is not None
        said = f'{{"local": "{date}", "precision": "{parsed[1]}", "source": "user", "confidence": "exact"}}'
        self.catalog.now_ns += 1
        self.catalog.say(asset_id, "capture", said, made_ns=self.catalog.now_ns)  # type: ignore[arg-type]

    @precondition(lambda self: self.called)
    @rule(data=st.data(), command=st.sampled_from(COMMANDS))
    def organise(self, data: st.DataObject, command: Callable[[str], layer.LayerCommand]) -> None:
        asset_id = data.draw(st.sampled_from(sorted({asset_id for _, asset_id in self.called})))
        self.catalog.now_ns += 1
        uid = str(self.catalog.column(asset_id, "uid"))  # type: ignore[arg-type]
        with suppress(NotFound):  # an album that is not there yet
            commands.execute(self.catalog.writer, command(uid), now_ns=self.catalog.now_ns)

    @rule()
    def restart(self) -> None:
        self.catalog.reopen()

    @invariant()
    def names_stay(self) -> None:
        for view in View:
            for row in listing.buckets_of_view(self.catalog.writer, view):
                bucket = Bucket(row.view, row.key, row.sub)
                photos = listing.photos_in(self.catalog.writer, bucket)
                assert len(photos) == row.count
                for photo in photos:
                    self.remember(bucket, photo.name, photo.asset_id)
                    assert listing.photo_named(self.catalog.writer, bucket, photo.name) == photo

    def remember(self, bucket: Bucket, name: str, asset_id: int) -> None:
        before = self.shown_for.setdefault((bucket, name), asset_id)
        assert before == asset_id, f"{name} was {before} and is {asset_id}: a name is re-used"
        called = self.called.setdefault((bucket, asset_id), name)
        assert called == name, f"asset {asset_id} was {called} and is {name}: a survivor is renamed"

    def teardown(self) -> None:
        violations = self.catalog.check()
        self.catalog.close()
        shutil.rmtree(self.directory)
        assert violations == []


PROFILE = settings(
    max_examples=25,
    stateful_step_count=40,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),  # shrinking a real library takes minutes; do it by hand
    suppress_health_check=list(HealthCheck),
    database=None,
)


@pytest.mark.slow
def test_names_never_move() -> None:
    run_state_machine_as_test(NamesMachine, settings=PROFILE)


@pytest.mark.slow
def test_the_machine_notices_when_a_plain_owner_leaves_no_tombstone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ClaimBook, "depart", depart_without_tombstone)
    with pytest.raises(AssertionError, match=r"re-used|renamed"):
        run_series(5)  # found within some 20 examples as a rule; one unlucky series proves nothing


def run_series(count: int) -> None:
    for _ in range(count):
        run_state_machine_as_test(NamesMachine, settings=settings(PROFILE, max_examples=200))


def depart_without_tombstone(self: ClaimBook, bucket: Bucket, asset_id: int, called: object) -> str:
    """The seeded mutant."""
    return self.name_in(bucket, asset_id, called)  # type: ignore[arg-type]
