"""What a confined remover may do beyond a reader: remove files below its root; nothing else, nowhere else."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from capabilities import require
from contract import confined
from contract.confined import FORBIDDEN, SETUP, make_places
from sacred import fingerprints

REMOVER = SETUP.replace("limits=Limits())", "removable=[root], limits=Limits())")
AT_REMOVEDIR = 0x200
MORE: dict[str, str] = {
    "remove a file outside": "os.unlink(b'secret', dir_fd=os.open(outside, os.O_PATH))",
    "remove a directory": "os.rmdir(b'folder', dir_fd=os.open(root, os.O_PATH))",
    "remove a directory by unlinkat": f"call(263, -100, root + b'/folder', {AT_REMOVEDIR})",
    "remove with unknown flags": "call(263, -100, photo, 0x1000)",
    "remove by the older call": "os.unlink(photo)",
}


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    return make_places(tmp_path)


attempt = partial(confined.attempt, setup=REMOVER)


def test_a_remover_removes_files_below_its_root(places: tuple[Path, Path]) -> None:
    root, outside = places
    verdict, report = attempt("os.unlink(b'photo.jpg', dir_fd=os.open(root, os.O_PATH))", root, outside)
    assert (verdict, report["has_seccomp"]) == ("allowed", True)
    assert not (root / "photo.jpg").exists()


# Signal 10 would be for us: the case of the readers' suite has a victim of its own. Removing a file is the remover's very task.
NOT_HERE = ("kill", "signal", "remove below a descriptor")


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [name for name in (*FORBIDDEN, *MORE) if not any(word in name for word in NOT_HERE)]
)
def test_everything_else_is_refused_as_it_is_to_a_reader(name: str, places: tuple[Path, Path]) -> None:
    body = {**FORBIDDEN, **MORE}[name]
    if "call(" in body:
        require("x86-64")
    root, outside = places
    before = fingerprints(root), fingerprints(outside)
    verdict, _ = attempt(body, root, outside)
    assert verdict in ("EPERM", "EACCES"), (name, verdict)
    assert (fingerprints(root), fingerprints(outside)) == before
