"""Names never move in the folders of the layer either: the names machine, with somebody who tags, files, rates and trashes.

Everything of `test_names_machine` happens as well. Besides the folders of static views, the names of dynamic ones are
remembered: they are one folder, whatever the query.
"""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule, run_state_machine_as_test
from test_names_machine import DIRECTORIES, NAMES, PROFILE, NamesMachine, depart_without_tombstone

from catalog.buckets import Bucket
from catalog.commands import execute
from catalog.commands.layer import (
    AlbumAdd,
    AlbumDelete,
    AlbumRemove,
    AlbumRename,
    Favorite,
    Hide,
    LayerCommand,
    PersonAdd,
    PersonRemove,
    Rate,
    StackMake,
    StackSplit,
    TagAdd,
    TagRemove,
    TagRename,
    TrashPut,
    TrashRestore,
    Undo,
)  # fmt: skip
from catalog.errors import AlreadyExists, Ambiguous, Conflict, NotFound, UsageError
from catalog.query import EVERYTHING
from catalog.store import dynamic
from catalog.store.claims import ClaimBook

TAGS = ["a", "a/b", "c", "a/b/d"]
ALBUMS = ["X", "X/Y", "Z"]
ANYWHERE = Bucket(0, 0, 0)  # stands for all dynamic folders
EDITS = [
    lambda photos, tag, album: TagAdd(photos, (tag,)),
    lambda photos, tag, album: TagRemove(photos, (tag,)),
    lambda photos, tag, album: AlbumAdd(photos, album, is_created=True),
    lambda photos, tag, album: AlbumRemove(photos, album),
    lambda photos, tag, album: PersonAdd(photos, "Anna"),
    lambda photos, tag, album: PersonRemove(photos, "Anna"),
    lambda photos, tag, album: Favorite(photos),
    lambda photos, tag, album: Favorite(photos, is_favorite=False),
    lambda photos, tag, album: Rate(photos, 5),
    lambda photos, tag, album: Rate(photos, None),
    lambda photos, tag, album: TrashPut(photos),
    lambda photos, tag, album: TrashRestore(photos),
    lambda photos, tag, album: Hide(photos),
    lambda photos, tag, album: Hide(photos, is_hidden=False),
    lambda photos, tag, album: StackMake(photos),
    lambda photos, tag, album: StackSplit(photos),
]
EDIT = st.tuples(
    st.integers(0, len(EDITS) - 1),
    st.sampled_from(TAGS),
    st.sampled_from(ALBUMS),
    st.lists(st.integers(0, 20), min_size=1, max_size=4),
)
THINGS: list[LayerCommand] = [
    TagRename("a/b", "c"), TagRename("c", "a/b"), TagRename("a", "e"), TagRename("e", "a"), AlbumRename("X/Y", "W"),
    AlbumRename("W", "X/Y"), AlbumDelete("Z"), AlbumDelete("X", is_recursive=True),
]  # fmt: skip


class MemberNamesMachine(NamesMachine):
    """See the module. Begins with photos whose names clash: else most runs would organise nothing."""

    def __init__(self) -> None:
        super().__init__()
        for number, directory in enumerate(DIRECTORIES[:2]):
            for name in NAMES:
                self.arrive_or_edit(directory, name, f"{number}{name!r}", "2019-08-07T10:00:00")
        self.ingest(DIRECTORIES)

    @rule(edits=st.lists(EDIT, min_size=3, max_size=12))
    def organise(self, edits: list[tuple[int, str, str, list[int]]]) -> None:
        """Several edits at once, looked at one by one: edits are what this machine is about."""
        uids = [uid for (uid,) in self.catalog.writer.rows("SELECT uid FROM asset ORDER BY id")]
        for number, tag, album, chosen in edits:
            photos = tuple(dict.fromkeys(uids[index % len(uids)] for index in chosen))
            self.carry_out(EDITS[number](photos, tag, album))
            self.names_stay()
            self.names_stay_in_dynamic_folders()

    @rule(command=st.sampled_from(THINGS))
    def rename_or_delete(self, command: LayerCommand) -> None:
        self.carry_out(command)

    @rule()
    def undo(self) -> None:
        self.carry_out(Undo())

    def carry_out(self, command: LayerCommand) -> None:
        """Do it; what cannot be done (no such tag, nothing to undo) changes nothing."""
        self.catalog.now_ns += 1
        with suppress(NotFound, AlreadyExists, Conflict, Ambiguous, UsageError):
            execute(self.catalog.writer, command, now_ns=self.catalog.now_ns)

    @invariant()
    def names_stay_in_dynamic_folders(self) -> None:
        shown = dynamic.photos_matching(self.catalog.writer, EVERYTHING)
        assert len({photo.name for photo in shown}) == len(shown)
        for photo in shown:
            self.remember(ANYWHERE, photo.name, photo.asset_id)
            assert dynamic.photo_matching_named(self.catalog.writer, EVERYTHING, photo.name) == photo


@pytest.mark.slow
def test_names_never_move_in_folders_of_the_layer() -> None:
    run_state_machine_as_test(MemberNamesMachine, settings=PROFILE)


@pytest.mark.slow
def test_the_machine_notices_when_a_photo_leaves_an_album_without_a_tombstone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ClaimBook, "depart", depart_without_tombstone)
    with pytest.raises(AssertionError, match=r"re-used|renamed"):
        run_series(5)


def run_series(count: int) -> None:
    for _ in range(count):
        run_state_machine_as_test(MemberNamesMachine, settings=settings(PROFILE, max_examples=100))
