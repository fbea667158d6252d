"""What the command tells while a volume hangs: nothing that it is asked waits for the disk."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_hung_volume import Nas

from capabilities import require
from catalog.store import volumes
from integration.cli_runner import Glassine
from library_builder import VOLUME, BuiltLibrary, FileSpec, build_library

pytestmark = [pytest.mark.mount, pytest.mark.slow]

# A process or two start, and free space is waited for: two seconds per volume.
LIMIT_S = 12.0


@pytest.fixture
def hung(tmp_path: Path) -> Iterator[tuple[Nas, BuiltLibrary]]:
    """A writable volume whose server answers nobody, although it is called online."""
    require("bindfs")
    built = build_library(tmp_path, {"a.jpg": FileSpec(), "b.jpg": FileSpec()})
    place = tmp_path / "nas"
    place.mkdir()
    server = Nas(place, built.root)
    try:
        volumes.relocate(built.writer, built.volume_id, str(place).encode(), time.time_ns())
        volumes.set_volume_state(built.writer, built.volume_id, "online", None, time.time_ns())
        built.writer.execute("UPDATE volume SET mode = 'rw'")
        server.hang()
        yield server, built
    finally:
        server.close()
        built.close()


def test_doctor_show_and_status_do_not_wait_for_a_disk_that_hangs(hung: tuple[Nas, BuiltLibrary]) -> None:
    glassine = Glassine(hung[1].library.path)
    started_s = time.monotonic()
    document = glassine("doctor", "--json", schema="doctor").document
    (told,) = [one for one in document["data"]["checks"] if one["name"] == f"volume {VOLUME}"]
    assert "its free space is not told in time" in told["message"]
    assert glassine("volume", "show", VOLUME, "--json", schema="volume").data["space"] is None
    assert glassine("status", "--json", schema="status").data["volumes"][0]["files"] == 2
    assert time.monotonic() - started_s < LIMIT_S


def test_a_volume_is_relocated_although_its_old_place_hangs(
    hung: tuple[Nas, BuiltLibrary],
) -> None:
    built = hung[1]
    glassine = Glassine(built.library.path)
    built.writer.close()  # the command takes the library
    try:
        started_s = time.monotonic()
        told = glassine(
            "volume", "relocate", VOLUME, built.root, "--moved", "--json", schema="volume-relocate"
        ).data
        assert (told["found"], told["known"], told["old_is_there"]) == (2, 2, False)
        assert time.monotonic() - started_s < LIMIT_S
    finally:
        from catalog.store.db import open_writer

        built.writer = open_writer(built.library)
