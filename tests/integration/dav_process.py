"""A serving process of its own, as the daemon starts one; the library is built in the test."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
_CODE = """
import json, sys
from pathlib import Path
from catalog.errors import GlassineError
from dav.main import serve
from dav.options import DavOptions
given = json.loads(sys.argv[1])
for name in ("library", "tls_cert", "tls_key"):
    if given.get(name):
        given[name] = Path(given[name])
try:
    serve(DavOptions(**given), on_ready=lambda url: print("READY", url, file=sys.stderr, flush=True))
except GlassineError as error:
    print("REFUSED", error.code, error.message, error.hint, file=sys.stderr, flush=True)
    sys.exit(error.exit_code)
"""


@dataclass
class Served:
    """A process that said it is ready."""

    process: subprocess.Popen[str]
    url: str

    @property
    def port(self) -> int:
        return int(self.url.rstrip("/").rpartition(":")[2])


def start(library: Path, *, prefix: Sequence[str] = (), **options: object) -> subprocess.Popen[str]:
    """Start the process; `prefix` is a command to run it under."""
    import json

    given = json.dumps({"library": str(library), "port": 0, **options})
    return subprocess.Popen(
        [*prefix, sys.executable, "-P", "-c", _CODE, given],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ready_url(process: subprocess.Popen[str]) -> str:
    """Wait for the READY line; fail with what was said instead."""
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if line.startswith("READY "):
            return line.split()[1]
    raise AssertionError(f"not ready: {''.join(said)}")


@contextmanager
def served(library: Path, *, prefix: Sequence[str] = (), **options: object) -> Iterator[Served]:
    """Run it until the block ends."""
    process = start(library, prefix=prefix, **options)
    try:
        yield Served(process, ready_url(process))
    finally:
        process.terminate()
        try:
            process.communicate(timeout=10)
        finally:
            process.kill()
            process.wait()
