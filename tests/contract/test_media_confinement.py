"""What a confined helper may not do: one case per call, refused by the kernel, as any user and even as root.

Each case runs in a child that is confined exactly as a media worker is, with a real photo below the root.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from capabilities import require
from contract.confined import FORBIDDEN, SETUP, attempt, make_places
from media_files import jpeg
from sacred import fingerprints
from vfs.confine import landlock_abi


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    return make_places(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", FORBIDDEN)
def test_the_kernel_refuses(name: str, places: tuple[Path, Path]) -> None:
    if "call(" in FORBIDDEN[name]:
        require("x86-64")
    root, outside = places
    before = fingerprints(root)
    # A stranger: signal 10 would kill it.
    with subprocess.Popen(["sleep", "60"]) as sleeper:
        try:
            verdict, report = attempt(FORBIDDEN[name], root, outside, argument=str(sleeper.pid))
            assert sleeper.poll() is None
        finally:
            sleeper.kill()
    assert verdict in ("EPERM", "EACCES"), (name, verdict)
    assert fingerprints(root) == before
    assert report["has_seccomp"] is True
    assert report["landlock_abi"] == landlock_abi() > 0


# As a worker that may run exiftool: with these few programs, and no other.
WITH_EXIFTOOL = SETUP.replace(
    "limits=Limits())", "executable=find_exiftool().runnable, limits=Limits())"
).replace("from vfs.confine", "from daemon.media.exiftool_paths import find_exiftool\nfrom vfs.confine")
PROGRAMS = ("/bin/true", "/bin/sh", "/usr/bin/env", sys.executable)


@pytest.mark.slow
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_worker_with_exiftool_runs_nothing_else(program: str, places: tuple[Path, Path]) -> None:
    require("exiftool")
    body = f"os.execv({program!r}, ['x', '-c', 'print(1)'])"
    assert attempt(body, *places, argument="0", setup=WITH_EXIFTOOL)[0] in ("EPERM", "EACCES")


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["open for writing", "unlink", "chmod", "udp socket", "utimensat", "a program in memory"]
)
def test_what_exiftool_may_run_changes_nothing_about_the_other_locks(
    name: str, places: tuple[Path, Path]
) -> None:
    require("exiftool")
    assert attempt(FORBIDDEN[name], *places, argument="0", setup=WITH_EXIFTOOL)[0] in ("EPERM", "EACCES")


@pytest.mark.slow
def test_calls_by_their_other_numbers_end_the_process_or_are_refused(places: tuple[Path, Path]) -> None:
    """x32 numbers name the same calls once more; a filter that forgot them would be none."""
    require("x86-64")
    root, outside = places
    before = fingerprints(root)
    for number in (2, 85, 87, 90, 132):  # open, creat, unlink, chmod, utime
        program = SETUP.replace("{body}", f"call(0x40000000 + {number}, photo, 0o600, 0)")
        done = subprocess.run(
            [sys.executable, "-P", "-c", program, str(root), str(outside), "0"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert "allowed" not in done.stdout, number
    assert fingerprints(root) == before


@pytest.mark.parametrize(
    "body",
    [
        "os.read(fd, 10)",
        "os.close(os.open(photo, os.O_RDONLY))",
        "os.close(os.open(b'/proc/self/fd/%d' % fd, os.O_RDONLY))",
        "os.listdir(root)",
        "os.stat(outside)",
        "import encodings.idna",
    ],
)
def test_what_a_reader_needs_stays_allowed(body: str, places: tuple[Path, Path]) -> None:
    assert attempt(body, *places, argument="0")[0] == "allowed"


@pytest.mark.slow
def test_the_same_calls_are_allowed_without_confinement(places: tuple[Path, Path]) -> None:
    """The cases bite: without `confine` they succeed (or fail for another reason than permission)."""
    root, outside = places
    unconfined = SETUP.replace("confine(readable", "(lambda **_: None)(readable").replace(
        "report.to_json()", "None"
    )
    for name in (
        "open for writing",
        "create",
        "fchmod",
        "futimens",
        "unlink",
        "rename",
        "symlinkat",
        "mkdir",
        "mknod of a pipe",
        "utimes",
        "tcp socket",
        "unix socket",
        "netlink socket",
        "socketpair",
        "a program in memory",
        "asynchronous writes",
        "fsetxattr",
        "run a program",
    ):
        (root / "photo.jpg").write_bytes(jpeg())
        program = unconfined.replace("{body}", FORBIDDEN[name])
        done = subprocess.run(
            [sys.executable, "-P", "-c", program, str(root), str(outside), "0"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert "EPERM" not in done.stdout, name
        assert "EACCES" not in done.stdout, name


def test_memory_files_and_cores_are_limited(places: tuple[Path, Path]) -> None:
    program = """
import json, os, resource, sys
from vfs.confine import Limits, confine
confine(readable=[os.fsencode(sys.argv[1])], limits=Limits(address_space_bytes=1 << 30, open_files=50))
try: bytes(2 << 30); is_short = False
except MemoryError: is_short = True
limits = [resource.getrlimit(one) for one in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE)]
print(json.dumps([is_short, limits]))
"""
    done = subprocess.run(
        [sys.executable, "-P", "-c", program, str(places[0])], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [True, [[0, 0], [0, 0], [50, 50]]]


WITHOUT_LANDLOCK = """
import errno, json, os, sys
import pyseccomp
old_kernel = pyseccomp.SyscallFilter(defaction=pyseccomp.ALLOW)
old_kernel.add_rule(pyseccomp.ERRNO(errno.ENOSYS), 444)
old_kernel.load()
from vfs.confine import confine
photo = sys.argv[1] + "/photo.jpg"
report = confine(readable=[os.fsencode(sys.argv[1])])
refused = []
for attempt in (lambda: os.open(photo, os.O_RDWR), lambda: os.unlink(photo), lambda: os.chmod(photo, 0o600)):
    try: attempt()
    except PermissionError: refused.append(True)
os.close(os.open(photo, os.O_RDONLY))
print(json.dumps([report.to_json(), refused]))
"""
WITHOUT_SECCOMP = """
import json, os, sys
sys.modules["pyseccomp"] = None
from vfs.confine import confine
report = confine(readable=[os.fsencode(sys.argv[1])])
try: os.open(sys.argv[1] + "/photo.jpg", os.O_RDWR); refused = []
except PermissionError: refused = [True]
print(json.dumps([report.to_json(), refused]))
"""


@pytest.mark.parametrize(
    ("program", "abi", "has_seccomp", "refusals", "missing"),
    [(WITHOUT_LANDLOCK, 0, True, 3, "Landlock"), (WITHOUT_SECCOMP, None, False, 1, "seccomp")],
)
def test_what_a_system_lacks_is_reported_and_the_other_lock_still_holds(  # noqa: PLR0917 - a table
    program: str, abi: int | None, has_seccomp: bool, refusals: int, missing: str, places: tuple[Path, Path]
) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", program, str(places[0])], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    report, refused = json.loads(done.stdout)
    assert (report["landlock_abi"], report["has_seccomp"]) == (
        landlock_abi() if abi is None else abi,
        has_seccomp,
    )
    assert len(refused) == refusals
    assert any(missing in text for text in report["missing"])
