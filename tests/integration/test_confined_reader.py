"""A question that gathers a million rows, asked where no file may be opened for writing: in a confined frontend."""

from __future__ import annotations

import subprocess
import sys

import pytest

from library_builder import FileSpec, build_library

_CODE = """
import sys
from catalog.library import Library
from catalog.store.db import open_reader
from vfs.confine_server import NEVER_CALLED, SOCKET_CALLS, confine_server
reader = open_reader(Library(sys.argv[1]))
catalog = reader.library.catalog_path
log = [catalog.with_name(catalog.name + end) for end in ("-wal", "-shm")]
confine_server(log, refused_calls=(*NEVER_CALLED, *SOCKET_CALLS))
numbers = "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 1000000) "
print(reader.value(numbers + "SELECT count(*) FROM n WHERE x IN (SELECT x * 7919 % 1000003 FROM n)"))
print(reader.value(numbers + "SELECT count(*) FROM (SELECT x FROM n ORDER BY x * 7919 % 1000003 LIMIT 900000)"))
"""


@pytest.mark.slow
def test_a_large_answer_needs_no_file(tmp_path):
    built = build_library(tmp_path, {"a.jpg": FileSpec()})
    done = subprocess.run(
        [sys.executable, "-c", _CODE, str(built.library.path)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.split()) == (0, ["999998", "900000"]), done.stderr
    built.close()
