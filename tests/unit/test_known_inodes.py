"""Whether inode numbers still hold: the table of `daemon.known_inodes`, row by row."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from catalog.ids import VolumeId
from catalog.values import Volume
from daemon.known_inodes import outdated

_VOLUME = Volume(
    id=VolumeId(1),
    name="photos",
    root=b"/photos",
    backend="local",
    mode="ro",
    state="unknown",
    state_reason=None,
    state_since_ns=1,
    identity=None,
    had_data=True,
    excludes=(),
    quick_scan_ns=None,
    full_scan_ns=None,
    created_ns=1,
)
_DISK = {
    "key": "uuid:1/2",
    "fs": "uuid:1",
    "is_strong": True,
    "fs_type": "ext4",
    "mount": "30 8:1 ext4 /dev/sda1 /a",
}
_NAS = {
    "key": "fsid:0/2",
    "fs": "fsid:0",
    "is_strong": False,
    "fs_type": "nfs4",
    "mount": "30 0:40 nfs4 nas:/a /b c",
}
_ALL, _NONE = (b"",), ()


@pytest.mark.parametrize(
    ("recorded", "found", "wanted"),
    [
        (None, _DISK, _NONE),
        (_DISK, _DISK, _NONE),
        (_DISK, {**_DISK, "key": "uuid:1/99", "mount": "31 8:17 ext4 /dev/sdb1 /c"}, _NONE),
        ({"key": "uuid:1/2"}, _DISK, _NONE),
        (_DISK, {**_DISK, "key": "uuid:2/2", "fs": "uuid:2"}, _ALL),
        (_DISK, _NAS, _ALL),
        (_NAS, _DISK, _ALL),
        (_NAS, {**_NAS, "key": "fsid:0/7", "mount": "77 0:99 nfs4 nas:/a /elsewhere"}, _NONE),
        (_NAS, {**_NAS, "mount": "30 0:40 nfs4 new:/a /b c"}, _ALL),
        ({"left": _DISK}, _DISK, _NONE),
        ({"left": _DISK}, _NAS, _ALL),
        ({**_DISK, "unmounted": ["62FF", "61"]}, _DISK, (b"a", b"b\xff")),
        ({"left": {**_DISK, "unmounted": ["61"]}, "unmounted": ["62"]}, _DISK, (b"a", b"b")),
        ({"left": {**_DISK, "unmounted": ["61"]}}, _NAS, _ALL),
    ],
)
def test_numbers_hold_on_the_file_system_that_gave_them(
    recorded: dict[str, object] | None, found: dict[str, object], wanted: tuple[bytes, ...]
) -> None:
    volume = replace(_VOLUME, identity=None if recorded is None else json.dumps(recorded))
    assert outdated(volume, json.dumps(found)) == wanted
