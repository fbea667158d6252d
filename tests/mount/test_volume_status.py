"""What `.glassine/status.json` tells of volumes, from the catalog alone: over the tree and over a real mount."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mounted import open_mount

from catalog.store import scans, volumes
from catalog.store.db import ReaderPool
from catalog.values import OWNER
from library_builder import VOLUME, BuiltLibrary, FileSpec, build_library
from vfs.tree import Generated, open_tree

FILES: dict[str | bytes, FileSpec] = {"a.jpg": FileSpec(), "disk/b.jpg": FileSpec(), "c.jpg": FileSpec()}


@pytest.fixture
def built(tmp_path: Path) -> Iterator[BuiltLibrary]:
    library = build_library(tmp_path, FILES)
    yield library
    library.close()


def happen(built: BuiltLibrary) -> None:
    """A file is gone, a nested disk is away, a file has rotted, the volume goes offline, another one is disabled."""
    writer, now_ns = built.writer, time.time_ns()
    built.remove("c.jpg")
    built.rescan()
    scan = scans.begin_scan(writer, built.volume_id, "full", now_ns)
    scans.end_scan(writer, scan, "done", counts={}, now_ns=now_ns)
    volumes.note_nested_mounts(writer, built.volume_id, [(b"disk", "key")], now_ns)
    volumes.note_nested_mounts(writer, built.volume_id, [(b"disk", None)], now_ns)
    rotten = writer.value("SELECT id FROM location WHERE name = x'612E6A7067'")
    writer.execute("INSERT INTO damage VALUES (?, zeroblob(32), ?, ?)", (rotten, now_ns, time.time_ns()))
    writer.execute("UPDATE volume SET hold = 'too many are missing'")
    volumes.set_volume_state(writer, built.volume_id, "offline", "unplugged", now_ns)
    other = volumes.add_volume(writer, "Other", b"/other", now_ns=now_ns)
    volumes.set_volume_state(writer, other, "disabled", "disabled by the owner", now_ns)


def check(told: list[dict[str, Any]]) -> None:
    volume, other = told
    assert (volume["name"], volume["state"], volume["reason"]) == (VOLUME, "offline", "unplugged")
    assert (volume["files"], volume["missing"], volume["damaged"]) == (2, 1, 1)
    assert (volume["hold"], volume["away"], volume["is_scanning"]) == (
        "too many are missing",
        ["disk"],
        False,
    )
    assert volume["last_full_scan"] is not None
    assert volume["verified_since"] is None
    assert (other["name"], other["state"], other["files"]) == ("Other", "disabled", 0)


def test_the_tree_tells_how_every_volume_stands(built: BuiltLibrary) -> None:
    happen(built)
    pool = ReaderPool(built.library, 1)
    try:
        tree = open_tree(built.library, pool, clock=time.time_ns, report=dict)
        source = tree.source(tree.resolve(b".glassine/status.json", OWNER), OWNER)
        assert isinstance(source, Generated)
        assert source.node.size == len(source.body)
        check(json.loads(source.body)["volumes"])
    finally:
        pool.close()


@pytest.mark.mount
def test_the_mount_tells_it_without_a_daemon_and_anew_at_every_look(
    built: BuiltLibrary, tmp_path: Path
) -> None:
    with open_mount(built.library, tmp_path / "mnt") as mount:
        before: Any = mount.status()["volumes"]
        assert [(one["name"], one["state"], one["files"]) for one in before] == [
            (VOLUME, before[0]["state"], 3)
        ]
        happen(built)
        now: Any = mount.status()["volumes"]
        check(now)
