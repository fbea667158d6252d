"""What each change of the feed makes the kernel forget: one test per kind, and nothing more than that."""

from __future__ import annotations

import os
import struct

import pytest

from catalog.buckets import Bucket, View
from catalog.changes import KINDS, Change
from vfs.fuse_border import Activity
from vfs.fuse_notify import KernelNotifier, Plan, Planner
from vfs.inodes import ROOT, THUMB_SLOTS, DateLevel, Fixed, Kind, pack, pack_date, pack_thumb
from vfs.views.contract import Step
from vfs.views.originals import ORIGINALS
from vfs.views.timeline import TIMELINE, TimelineView

DAY = Bucket(View.TIMELINE, 2019_08_07, 0)
LEAF = pack_date(DateLevel.DAY, 2019_08_07)
MONTH = pack_date(DateLevel.MONTH, 2019_08_00)
YEAR = pack_date(DateLevel.YEAR, 2019_00_00)
ALBUMS = pack(Kind.FIXED, Fixed.ALBUMS)
ROOT_DIRECTORY, SUBDIRECTORY = 1, 2


class TimelineTree:
    """The part of the tree that a plan asks: the Timeline needs no catalog for its names."""

    def leaf(self, bucket: Bucket):
        return TimelineView().leaf(bucket)

    def steps(self, bucket: Bucket):
        return [Step(ROOT, b"Timeline"), *TimelineView().steps(None, bucket)]  # type: ignore[arg-type]

    def chain(self, view: int, row: int):
        """Albums: row 2 lies in row 1; nothing else is known."""
        return [pack(Kind.ALBUM, one) for one in range(row, 0, -1)] + [ALBUMS] if view == View.ALBUMS else []


def planner(names: set[bytes] | None = None) -> Planner:
    folders = {ROOT_DIRECTORY: pack(Kind.VOLUME, 9), SUBDIRECTORY: pack(Kind.DIRECTORY, SUBDIRECTORY)}
    return Planner(TimelineTree(), lambda: set(names or {b"Photos"}), lambda row: folders[row])  # type: ignore[arg-type]


def plan(kind: str, subject: str, name: bytes | None = None) -> Plan:
    return planner().plan([Change(1, kind, subject, name)])


@pytest.mark.parametrize("kind", ["entry+", "entry-"])
def test_an_entry_drops_its_name_and_refreshes_the_times_above(kind):
    found = plan(kind, DAY.subject(), b"a.jpg")
    assert list(found.dropped) == [(LEAF, b"a.jpg")]
    assert set(found.folders) == {LEAF, MONTH, YEAR, TIMELINE}
    assert not found.expired
    assert not found.files


@pytest.mark.parametrize("kind", ["bucket+", "bucket-"])
def test_a_folder_and_the_folders_above_are_expired_never_dropped(kind):
    found = plan(kind, DAY.subject())
    assert list(found.expired) == [(TIMELINE, b"2019"), (YEAR, b"2019-08"), (MONTH, b"2019-08-07")]
    assert not found.dropped


@pytest.mark.parametrize("kind", ["dir+", "dir-"])
def test_a_folder_of_somebodys_making_expires_its_name_and_refreshes_the_times_above(kind):
    album, above = pack(Kind.ALBUM, 2), pack(Kind.ALBUM, 1)
    assert plan(kind, f"{View.ALBUMS:d}:2", b"Trip") == Plan(
        expired={(album, b"Trip"): None}, folders={album: None, above: None, ALBUMS: None}
    )
    assert plan(kind, f"{View.ALBUMS:d}:0", b"Trip") == Plan(
        expired={(ALBUMS, b"Trip"): None}, folders={ALBUMS: None}
    )


def test_a_folder_of_a_view_that_this_program_does_not_know_is_no_matter_of_the_mount():
    assert plan("dir+", "99:0", b"x") == Plan()


def test_a_photo_refreshes_its_own_numbers_only():
    own = [pack(Kind.CONTENT, 77), pack(Kind.PREVIEW, 77), *(pack_thumb(77, slot) for slot in THUMB_SLOTS)]
    assert plan("photo", "77") == Plan(files=dict.fromkeys(own))


@pytest.mark.parametrize("kind", ["orig+", "orig-"])
def test_an_original_expires_its_name_in_its_folder(kind):
    found = plan(kind, str(SUBDIRECTORY), b"a\xff.jpg")
    assert found == Plan(
        expired={(pack(Kind.DIRECTORY, SUBDIRECTORY), b"a\xff.jpg"): None},
        folders={pack(Kind.DIRECTORY, SUBDIRECTORY): None},
    )


def test_the_root_directory_of_a_volume_is_the_folder_of_the_volume():
    assert list(plan("orig+", str(ROOT_DIRECTORY), b"a.jpg").expired) == [(pack(Kind.VOLUME, 9), b"a.jpg")]
    assert plan("orig", f"d{ROOT_DIRECTORY}") == Plan(folders={pack(Kind.VOLUME, 9): None})


def test_a_changed_original_refreshes_its_number():
    assert plan("orig", "l5") == Plan(files={pack(Kind.LOCATION, 5): None})


def test_a_renamed_volume_expires_its_old_name_and_its_new_one():
    names = {b"Old"}
    made = planner(names)
    names.clear()
    names.add(b"New")
    found = made.plan([Change(1, "volume", "9", None)])
    assert set(found.expired) == {(ORIGINALS, b"Old"), (ORIGINALS, b"New")}


def test_an_account_is_no_matter_of_the_mount():
    assert plan("account", "anna") == Plan()


@pytest.mark.parametrize("kind", ["all", "a kind of a newer program"])
def test_too_much_or_an_unknown_change_makes_everything_be_asked_again(kind):
    assert plan(kind, "").is_everything


def test_every_kind_of_the_vocabulary_has_a_rule():
    known = [kind for kind in KINDS if kind != "all"]
    day = DAY.subject()
    subjects = {
        "entry+": day,
        "entry-": day,
        "bucket+": day,
        "bucket-": day,
        "dir+": "5:1",
        "dir-": "5:1",
        "orig": "d2",
    }
    for kind in known:
        assert not plan(kind, subjects.get(kind, "2"), b"x").is_everything, kind


def test_notifications_have_the_kernels_layout():
    reading, writing = os.pipe()
    kernel = KernelNotifier(writing, Activity())
    kernel.carry_out(
        Plan(
            dropped={(LEAF, b"a"): None},
            expired={(YEAR, b"bc"): None},
            folders={LEAF: None},
            files={MONTH: None},
        ),
        [],
    )
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        sent = stream.read()
    # fuse_out_header {u32 len, i32 error = code, u64 unique = 0}; linux/fuse.h
    wanted = [
        struct.pack("<IiQQII", 34, 3, 0, LEAF, 1, 0) + b"a\0",
        struct.pack("<IiQQII", 35, 3, 0, YEAR, 2, 1) + b"bc\0",
        struct.pack("<IiQQqq", 40, 2, 0, LEAF, -1, 0),
        struct.pack("<IiQQqq", 40, 2, 0, MONTH, 0, 0),
    ]
    assert sent == b"".join(wanted)


def test_without_epochs_the_top_folders_are_dropped(monkeypatch):
    sent = []

    def write(_fd: int, message: bytes) -> int:
        code = struct.unpack_from("<Ii", message)[1]
        if code == 8:
            raise OSError(22, "an older kernel")
        sent.append(message)
        return len(message)

    monkeypatch.setattr(os, "write", write)
    KernelNotifier(0, Activity()).carry_out(Plan(is_everything=True), [b"Timeline", b"Originals"])
    assert [message[32:] for message in sent] == [b"Timeline\0", b"Originals\0"]
