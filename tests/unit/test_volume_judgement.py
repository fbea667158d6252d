"""The table of volume states: from what was recorded and what a probe saw."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from catalog.ids import VolumeId
from catalog.values import Volume, VolumeState
from daemon.judging import is_accepted, judge
from daemon.volume_facts import is_remote, recorded_identity
from daemon.volume_process.protocol import ProbeReport, SampleFate

_OURS, _THEIRS = "a" * 26, "b" * 26
_GOOD = ProbeReport(
    error=None,
    key="uuid:1/2",
    instance="8/2",
    description="file system uuid:1, root inode 2",
    fs_type="ext4",
    fs="uuid:1",
    is_strong=True,
)
# The same without a UUID: a NAS, a FUSE server.
_WEAK = replace(_GOOD, key="fsid:1/2", fs="fsid:1", is_strong=False)


def _known(report: ProbeReport) -> str:
    identity = judge(replace(_NEW, identity=None), report).identity
    assert identity is not None
    return identity


_NEW = Volume(
    id=VolumeId(1),
    name="my photos",
    root=b"/mnt/photos",
    backend="local",
    mode="ro",
    state="unknown",
    state_reason=None,
    state_since_ns=0,
    identity=None,
    had_data=False,
    excludes=(),
    quick_scan_ns=None,
    full_scan_ns=None,
    created_ns=0,
)
_VOLUME = replace(_NEW, identity=_known(_GOOD), had_data=True, full_scan_ns=100)
_ON_NAS = replace(_VOLUME, identity=_known(_WEAK))
_FUSE = replace(
    _WEAK, key="fsid:0/1", fs="fsid:0", fs_type="fuse.x", keeps_inodes=False, mount="36 0:50 fuse.x x /mnt"
)
_ON_FUSE = replace(_VOLUME, identity=_known(_FUSE))
_OLD = replace(_VOLUME, identity=json.dumps({"key": "uuid:1/2", "is_remote": False}))
_MARKED = replace(_VOLUME, marker=_OURS)
_MARKED_ON_NAS = replace(_ON_NAS, marker=_OURS)


def _seen(*fates: tuple[int, SampleFate]) -> tuple[SampleFate, ...]:
    return tuple(fate for count, fate in fates for _ in range(count))


_ALL_SAME = _seen((16, "same"))
_OTHER_DISK = replace(_GOOD, key="uuid:9/2", fs="uuid:9")
_ROOT_ANEW = replace(_GOOD, key="uuid:1/7")

TABLE: dict[str, tuple[Volume, ProbeReport, VolumeState, str | None]] = {
    # what the root itself says
    "there": (_VOLUME, _GOOD, "online", None),
    "no such directory": (_VOLUME, ProbeReport(error="ENOENT"), "offline", "nothing is at /mnt/photos"),
    "a file": (_VOLUME, ProbeReport(error="ENOTDIR"), "offline", "nothing is at"),
    "a card reader without a card": (_VOLUME, ProbeReport(error="ENOMEDIUM"), "offline", "nothing is at"),
    "damaged": (_VOLUME, ProbeReport(error="EIO"), "suspect", "cannot be listed (EIO)"),
    "forbidden": (_VOLUME, ProbeReport(error="EACCES"), "suspect", "cannot be listed (EACCES)"),
    "stale": (_VOLUME, ProbeReport(error="ESTALE"), "suspect", "cannot be listed (ESTALE)"),
    "ourselves": (_VOLUME, replace(_GOOD, is_own_state=True), "suspect", "of Glassine itself"),
    # the file system
    "another disk": (_VOLUME, _OTHER_DISK, "suspect", "relocate 'my photos' /mnt/photos"),
    "a clone of the disk": (_VOLUME, replace(_OTHER_DISK, samples=_ALL_SAME), "suspect", "relocate"),
    "an empty mount point": (_VOLUME, replace(_OTHER_DISK, is_empty=True), "offline", "not mounted"),
    "an empty disk without UUID": (_ON_NAS, replace(_OTHER_DISK, is_empty=True), "offline", "not mounted"),
    "emptied": (_VOLUME, replace(_GOOD, is_empty=True), "suspect", "accept-empty 'my photos'"),
    "emptied, its root made anew": (_VOLUME, replace(_ROOT_ANEW, is_empty=True), "suspect", "accept-empty"),
    "empty since ever": (replace(_VOLUME, had_data=False), replace(_GOOD, is_empty=True), "online", None),
    # known files
    "all files there": (_VOLUME, replace(_GOOD, samples=_ALL_SAME), "online", None),
    "one file there": (_VOLUME, replace(_GOOD, samples=_seen((15, "gone"), (1, "same"))), "online", None),
    "one file edited": (_VOLUME, replace(_GOOD, samples=_seen((15, "gone"), (1, "other"))), "online", None),
    "half empty": (_VOLUME, replace(_GOOD, samples=_seen((16, "gone"))), "suspect", "accept-empty"),
    "four gone": (_VOLUME, replace(_GOOD, samples=_seen((4, "gone"))), "suspect", "4 of 4 known files"),
    "three gone of three": (_VOLUME, replace(_GOOD, samples=_seen((3, "gone"))), "online", None),
    "unreadable ones do not count": (
        _VOLUME,
        replace(_GOOD, samples=_seen((3, "gone"), (9, "unknown"))),
        "online",
        None,
    ),
    "unreadable ones prove nothing": (
        _VOLUME,
        replace(_GOOD, samples=_seen((4, "gone"), (9, "unknown"))),
        "suspect",
        "half empty",
    ),
    "root made anew and restored": (_VOLUME, replace(_ROOT_ANEW, samples=_ALL_SAME), "online", None),
    "four are enough": (_VOLUME, replace(_ROOT_ANEW, samples=_seen((4, "same"))), "online", None),
    "all of two are enough": (_VOLUME, replace(_ROOT_ANEW, samples=_seen((2, "same"))), "online", None),
    "one is another": (
        _VOLUME,
        replace(_ROOT_ANEW, samples=_seen((15, "same"), (1, "other"))),
        "suspect",
        "known files are not there",
    ),
    "one is gone": (
        _VOLUME,
        replace(_ROOT_ANEW, samples=_seen((15, "same"), (1, "gone"))),
        "suspect",
        "known",
    ),
    "three and unreadable ones": (
        _VOLUME,
        replace(_ROOT_ANEW, samples=_seen((3, "same"), (9, "unknown"))),
        "suspect",
        "known files",
    ),
    "no known file proves nothing": (_VOLUME, _ROOT_ANEW, "suspect", "known files"),
    "nothing was ever seen": (replace(_VOLUME, had_data=False), _ROOT_ANEW, "online", None),
    "a NAS with another fsid": (
        _ON_NAS,
        replace(_WEAK, key="fsid:2/2", fs="fsid:2", samples=_ALL_SAME),
        "online",
        None,
    ),
    "another NAS": (
        _ON_NAS,
        replace(_WEAK, key="fsid:2/2", fs="fsid:2", samples=_seen((16, "gone"))),
        "suspect",
        "another storage",
    ),
    "moved from a NAS to a disk": (_ON_NAS, replace(_OTHER_DISK, samples=_ALL_SAME), "online", None),
    "another FUSE disk with the same names": (
        _ON_FUSE,
        replace(_FUSE, samples=_seen((14, "other"), (2, "gone"))),
        "suspect",
        "another storage may be at",
    ),
    "a FUSE disk that was mounted again": (
        _ON_FUSE,
        replace(_FUSE, samples=_seen((15, "other"), (1, "same"))),
        "online",
        None,
    ),
    "a FUSE disk, three files edited meanwhile": (
        _ON_FUSE,
        replace(_FUSE, samples=_seen((3, "other"))),
        "online",
        None,
    ),
    "a FUSE disk, all files edited while it is there": (
        replace(_ON_FUSE, state="online"),
        replace(_FUSE, samples=_seen((16, "other"))),
        "online",
        None,
    ),
    "another FUSE disk, mounted where the first one was a moment ago": (
        replace(_ON_FUSE, state="online"),
        replace(_FUSE, mount="44 0:50 fuse.x x /mnt", samples=_seen((16, "other"))),
        "suspect",
        "accept-empty",
    ),
    "a FUSE disk, all files edited and accepted": (
        replace(_ON_FUSE, accepted_ns=101),
        replace(_FUSE, samples=_seen((16, "other"))),
        "online",
        None,
    ),
    "a FUSE disk with our marker, all files edited": (
        replace(_ON_FUSE, marker=_OURS),
        replace(_FUSE, marker=_OURS, samples=_seen((16, "other"))),
        "online",
        None,
    ),
    "a NAS whose inodes stay, all files edited": (
        _ON_NAS,
        replace(_WEAK, samples=_seen((16, "other"))),
        "online",
        None,
    ),
    "a disk, all files edited": (_VOLUME, replace(_GOOD, samples=_seen((16, "other"))), "online", None),
    # what older versions recorded
    "an old catalog": (_OLD, replace(_GOOD, samples=_ALL_SAME), "online", None),
    "an old catalog, another disk": (_OLD, _OTHER_DISK, "suspect", "another storage"),
    "an old catalog, files there": (_OLD, replace(_OTHER_DISK, samples=_ALL_SAME), "online", None),
    "an old catalog, not mounted": (_OLD, replace(_OTHER_DISK, is_empty=True), "offline", "not mounted"),
    # the owner's word
    "accepted, half empty": (
        replace(_VOLUME, had_data=False, accepted_ns=101),
        replace(_GOOD, samples=_seen((16, "gone"))),
        "online",
        None,
    ),
    "accepted, empty": (
        replace(_VOLUME, had_data=False, accepted_ns=101),
        replace(_GOOD, is_empty=True, samples=_seen((16, "gone"))),
        "online",
        None,
    ),
    "accepted, a scan is under way": (
        replace(_VOLUME, had_data=True, accepted_ns=101),
        replace(_GOOD, samples=_seen((16, "gone"))),
        "online",
        None,
    ),
    "accepted, scanned, and gone again": (
        replace(_VOLUME, had_data=True, accepted_ns=99),
        replace(_GOOD, samples=_seen((16, "gone"))),
        "suspect",
        "half empty",
    ),
    "accepted, root made anew": (
        replace(_VOLUME, had_data=False, accepted_ns=101),
        replace(_ROOT_ANEW, samples=_seen((16, "gone"))),
        "online",
        None,
    ),
    "acceptance is not for another disk": (
        replace(_VOLUME, had_data=False, accepted_ns=101),
        _OTHER_DISK,
        "suspect",
        "relocate",
    ),
    "relocated": (replace(_VOLUME, identity=None), replace(_OTHER_DISK, samples=_ALL_SAME), "online", None),
    "relocated to a copy without its times": (
        replace(_VOLUME, identity=None),
        replace(_OTHER_DISK, samples=_seen((16, "other"))),
        "online",
        None,
    ),
    "relocated to a wrong place": (
        replace(_VOLUME, identity=None),
        replace(_OTHER_DISK, samples=_seen((16, "gone"))),
        "suspect",
        "half empty",
    ),
    "relocated to an empty place": (
        replace(_VOLUME, identity=None),
        replace(_OTHER_DISK, is_empty=True),
        "suspect",
        "is empty",
    ),
    # the marker
    "our marker": (_MARKED, replace(_GOOD, marker=_OURS), "online", None),
    "our marker on a new disk": (_MARKED, replace(_OTHER_DISK, marker=_OURS), "online", None),
    "our marker, all files gone": (
        _MARKED,
        replace(_OTHER_DISK, marker=_OURS, samples=_seen((16, "gone"))),
        "suspect",
        "half empty",
    ),
    "our marker alone": (_MARKED, replace(_OTHER_DISK, marker=_OURS, is_empty=True), "suspect", "is empty"),
    "a foreign marker": (_MARKED, replace(_GOOD, marker="c" * 26), "suspect", "is not that of 'my photos'"),
    "another volume's marker": (_MARKED, replace(_GOOD, marker=_THEIRS), "suspect", "volume 'other one'"),
    "another volume's, we have none": (
        _VOLUME,
        replace(_GOOD, marker=_THEIRS, samples=_ALL_SAME),
        "suspect",
        "relocate 'other one' /mnt/photos",
    ),
    "a marker of nobody we know, we have none": (_VOLUME, replace(_GOOD, marker="c" * 26), "online", None),
    "its marker is gone, the UUID is there": (_MARKED, _GOOD, "online", None),
    "its marker is gone, and there is no UUID": (
        _MARKED_ON_NAS,
        replace(_WEAK, samples=_seen((15, "same"), (1, "other"))),
        "suspect",
        ".glassine-volume",
    ),
    "its marker is gone, there is no UUID, same files": (
        _MARKED_ON_NAS,
        replace(_WEAK, samples=_ALL_SAME),
        "online",
        None,
    ),
    "its marker is gone, and that is accepted": (
        replace(_MARKED_ON_NAS, had_data=False, accepted_ns=101),
        _WEAK,
        "online",
        None,
    ),
    "its marker is gone, another root, same files": (
        _MARKED,
        replace(_ROOT_ANEW, samples=_ALL_SAME),
        "online",
        None,
    ),
    "relocated, without its marker": (
        replace(_MARKED, identity=None),
        replace(_OTHER_DISK, samples=_seen((16, "other"))),
        "suspect",
        "accept-empty",
    ),
    "relocated, without its marker, same files": (
        replace(_MARKED, identity=None),
        replace(_OTHER_DISK, samples=_ALL_SAME),
        "online",
        None,
    ),
}


@pytest.mark.parametrize("row", TABLE)
def test_a_volume_is_judged_by_what_is_there(row: str) -> None:
    volume, report, state, words = TABLE[row]
    judgement = judge(volume, report, {_THEIRS: "other one"})
    assert judgement.state == state, judgement.reason
    assert (judgement.reason is None) == (state == "online")
    assert (judgement.identity is not None) == (state == "online")
    assert (words or "") in (judgement.reason or "")


def test_a_closer_look_is_asked_for_and_believed_where_only_known_files_are_lacking() -> None:
    half_empty = replace(_GOOD, samples=_seen((16, "gone")))
    assert judge(_VOLUME, half_empty).is_half_empty
    assert judge(_VOLUME, half_empty, is_rearranged=True).state == "online"
    unknown = replace(_VOLUME, identity=None)  # relocated: nothing says that it is the right place
    assert not judge(unknown, half_empty).is_half_empty
    assert (
        judge(_VOLUME, replace(_OTHER_DISK, samples=half_empty.samples), is_rearranged=True).state
        == "suspect"
    )
    assert judge(_VOLUME, replace(half_empty, is_empty=True), is_rearranged=True).state == "suspect"


def test_the_first_probe_records_the_identity_and_an_empty_volume_is_fine_as_long_as_nothing_was_seen() -> (
    None
):
    judgement = judge(_NEW, replace(_GOOD, is_empty=True, is_remote=True, mount="36 8:1 ext4 /dev/sda1 /mnt"))
    assert judgement.state == "online"
    known = replace(_NEW, identity=judgement.identity)
    assert recorded_identity(known) == {
        "instance": "8/2",
        "key": "uuid:1/2",
        "description": "file system uuid:1, root inode 2",
        "fs_type": "ext4",
        "fs": "uuid:1",
        "is_strong": True,
        "is_remote": True,
        "mount": "36 8:1 ext4 /dev/sda1 /mnt",
        "keeps_inodes": True,
        "folds_case": False,
    }
    assert is_remote(known)
    assert not is_remote(_NEW)


def test_an_acceptance_lasts_until_a_complete_scan_has_written_it_down() -> None:
    accepted = replace(_VOLUME, accepted_ns=100)
    assert is_accepted(accepted)
    assert is_accepted(replace(accepted, full_scan_ns=None))
    assert not is_accepted(replace(accepted, full_scan_ns=101))
    assert not is_accepted(_VOLUME)
