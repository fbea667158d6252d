"""Which volumes a change of the mount table is about: told from the table alone."""

from __future__ import annotations

from dataclasses import replace

from catalog.ids import VolumeId
from catalog.values import Volume
from daemon.mount_events import standings
from daemon.volume_process.mounts import Mount

_ROOT = Mount(b"/", "ext4", b"/dev/sda1", 20, "8:1")
_DISK = Mount(b"/media/disk", "ext4", b"/dev/sdb1", 30, "8:17")
_INSIDE = Mount(b"/media/disk/card", "vfat", b"/dev/sdc1", 31, "8:33")
_FIRST = Volume(
    id=VolumeId(1),
    name="disk",
    root=b"/media/disk",
    backend="local",
    mode="ro",
    state="online",
    state_reason=None,
    state_since_ns=0,
    identity=None,
    had_data=True,
    excludes=(),
    quick_scan_ns=None,
    full_scan_ns=None,
    created_ns=0,
)
_SECOND = replace(_FIRST, id=VolumeId(2), root=b"/home/photos")
_SEEN = {VolumeId(1): _DISK.text, VolumeId(2): _ROOT.text}


def _changed(before: list[Mount], after: list[Mount], *volumes: Volume) -> set[int]:
    known = standings(volumes, before, _SEEN)
    now = standings(volumes, after, _SEEN)
    return {int(one) for one in now if now[one].differs_from(known.get(one))}


def test_an_unmount_is_about_the_volume_that_was_there_alone() -> None:
    assert _changed([_ROOT, _DISK], [_ROOT], _FIRST, _SECOND) == {1}
    assert _changed([_ROOT], [_ROOT, _DISK], _FIRST, _SECOND) == {1}


def test_another_disk_at_the_same_place_is_seen_and_so_is_the_same_one_mounted_again() -> None:
    again = replace(_DISK, number=44)
    other = replace(_DISK, source=b"/dev/sdd1", device="8:49")
    assert _changed([_ROOT, _DISK], [_ROOT, again], _FIRST) == {1}
    assert _changed([_ROOT, _DISK], [_ROOT, other], _FIRST) == {1}


def test_what_is_mounted_over_a_root_or_above_it_is_seen() -> None:
    above = Mount(b"/media", "tmpfs", b"none", 50, "0:50")
    over = replace(_DISK, number=51)
    assert _changed([_ROOT, _DISK], [_ROOT, _DISK, over], _FIRST) == {1}
    assert _changed([_ROOT], [_ROOT, above], _FIRST) == {1}


def test_a_mount_below_a_root_is_about_that_volume() -> None:
    assert _changed([_ROOT, _DISK], [_ROOT, _DISK, _INSIDE], _FIRST, _SECOND) == {1}
    assert _changed([_ROOT, _DISK, _INSIDE], [_ROOT, _DISK], _FIRST, _SECOND) == {1}


def test_ours_and_other_volumes_mounts_below_a_root_are_none_of_its_business() -> None:
    ours = replace(_INSIDE, fs_type="fuse.glassine")
    third = replace(_FIRST, id=VolumeId(3), root=b"/media/disk/card")
    assert _changed([_ROOT, _DISK], [_ROOT, _DISK, ours], _FIRST) == set()
    assert _changed([_ROOT, _DISK], [_ROOT, _DISK, _INSIDE], _FIRST, third) == {3}


def test_a_root_that_is_named_through_a_symlink_is_known_by_the_mount_that_a_probe_found() -> None:
    linked = replace(_FIRST, root=b"/srv/link")
    assert _changed([_ROOT, _DISK], [_ROOT], linked) == {1}
    assert _changed([_ROOT, _DISK], [_ROOT, _DISK, _INSIDE], replace(linked, id=VolumeId(2))) == set()


def test_volumes_that_are_not_in_use_are_left_alone() -> None:
    assert standings([replace(_FIRST, state="disabled")], [_ROOT, _DISK], _SEEN) == {}
    assert standings([replace(_FIRST, backend="memory")], [_ROOT, _DISK], _SEEN) == {}
