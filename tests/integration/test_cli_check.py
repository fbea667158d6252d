"""`check`: silent on a sound library, exact about a broken one, and it never opens an original."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from catalog.store.volumes import set_volume_state
from integration.cli_runner import Glassine
from library_builder import BuiltLibrary, build_library, varied_files


@pytest.fixture
def built(tmp_path: Path) -> Iterator[BuiltLibrary]:
    made = build_library(tmp_path, varied_files())
    yield made
    made.writer.close()  # not `made.close()`, which checks: these tests break things on purpose


@pytest.fixture
def glassine(built: BuiltLibrary) -> Glassine:
    return Glassine(built.library.path)


def test_a_sound_library_has_no_findings(built: BuiltLibrary, glassine: Glassine) -> None:
    done = glassine("check", "--json", schema="check")
    (summary,) = done.documents
    assert (done.code, summary["ok"], summary["counts"]["findings"]) == (0, True, 0)
    assert summary["counts"]["invariants"] >= 15
    assert glassine("check").stdout == b""


def test_deep_looks_at_every_original_and_finds_nothing_wrong(
    built: BuiltLibrary, glassine: Glassine
) -> None:
    (summary,) = glassine("check", "--deep", "--json", schema="check").documents
    assert summary["counts"]["originals"] == len(built.files)
    assert summary["ok"] is True


def test_a_broken_invariant_is_a_finding_and_exit_code_1(built: BuiltLibrary, glassine: Glassine) -> None:
    built.writer.execute("UPDATE bucket SET count = count + 1 WHERE view = 1 AND key = 19310000")
    done = glassine("check", "--json", schema="check")
    (finding,) = done.lines("finding")
    assert (finding["invariant"], finding["subject"]) == ("I6", "bucket 1:19310000:0")
    assert (done.code, done.documents[-1]["ok"], done.documents[-1]["counts"]["findings"]) == (1, False, 1)
    assert "I6: bucket 1:19310000:0: " in glassine("check").stdout.decode()


def test_deep_tells_what_is_gone_and_what_is_another_file(built: BuiltLibrary, glassine: Glassine) -> None:
    (built.root / "song.mp3").unlink()
    (built.root / "undated.png").write_bytes(b"other")
    (built.root / "film" / "clip.mp4").unlink()
    (built.root / "film" / "clip.mp4").symlink_to("/etc/passwd")
    done = glassine("check", "--deep", "--json", schema="check")
    told = {finding["subject"]: finding["message"] for finding in done.lines("finding")}
    assert told.keys() == {"Photos:song.mp3", "Photos:undated.png", "Photos:film/clip.mp4"}
    assert "gone" in told["Photos:song.mp3"]
    assert "size" in told["Photos:undated.png"]
    assert done.code == 1


def test_deep_skips_volumes_that_are_away(built: BuiltLibrary, glassine: Glassine) -> None:
    set_volume_state(built.writer, built.volume_id, "offline", "unplugged", built.now_ns)
    (summary,) = glassine("check", "--deep", "--json", schema="check").documents
    assert (summary["ok"], summary["counts"]["volumes_skipped"], summary["counts"]["originals"]) == (
        True,
        1,
        0,
    )


def test_a_root_that_cannot_be_looked_at_is_an_error_and_partial(
    built: BuiltLibrary, glassine: Glassine
) -> None:
    built.root.rename(built.root.with_name("away"))
    done = glassine("check", "--deep", "--json", schema="check")
    (error,) = done.lines("error")
    assert (error["error"]["code"], error["error"]["volume"], error["error"]["errno"]) == (
        "unreadable",
        "Photos",
        "ENOENT",
    )
    assert (done.code, done.documents[-1]["ok"]) == (3, False)


def test_a_damaged_catalog_is_told_not_a_traceback(built: BuiltLibrary, glassine: Glassine) -> None:
    built.writer.close()
    place = built.library.catalog_path
    content = bytearray(place.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 64] = bytes(byte ^ 0xFF for byte in content[middle : middle + 64])
    place.write_bytes(content)
    done = glassine("check", "--json", schema="check")
    assert done.code == 1
    assert done.documents[-1]["ok"] is False
    assert "Traceback" not in done.stderr
    codes = [line["error"]["code"] for line in done.documents if line.get("error")]
    assert codes == ["catalog_corrupt"] * len(codes)
    assert codes or done.lines("finding")
