"""Manual pages come from the parser and are valid roff."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from daemon.cli.reference import commands, man_page, root_context, write_man_pages


def test_every_command_has_a_manual_page(tmp_path: Path) -> None:
    written = write_man_pages(tmp_path)
    names = {path.name for path in written}
    assert {"glassine.1", "glassine-find.1", "glassine-volume-add.1", "glassine-volume-path-list.1"} <= names
    assert len(names) == len(list(commands(root_context())))


def test_a_manual_page_has_its_sections_and_escapes_what_roff_reads(tmp_path: Path) -> None:
    pages = {ctx.command_path: man_page(ctx) for ctx in commands(root_context())}
    find = pages["glassine find"]
    assert find.startswith('.TH "GLASSINE-FIND" 1')
    for section in ("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "SEE ALSO"):
        assert f".SH {section}" in find
    assert "\\-\\-fail\\-empty" in find
    assert "--log-json" not in find.replace("\\", "")  # told once, in glassine(1)
    assert "--log-json" in pages["glassine"].replace("\\", "")


REQUESTS = {".TH", ".SH", ".B", ".BR", ".PP", ".TP"}


def test_pages_use_only_requests_that_every_man_reader_knows(tmp_path: Path) -> None:
    for path in write_man_pages(tmp_path):
        requests = {line.split()[0] for line in path.read_text("utf-8").splitlines() if line.startswith(".")}
        assert requests <= REQUESTS
        if shutil.which("groff"):  # more than this test asks for, where it can be had
            done = subprocess.run(
                ["groff", "-k", "-man", "-Tutf8", "-ww", "-z", path], capture_output=True, check=True
            )
            assert done.stderr == b""
