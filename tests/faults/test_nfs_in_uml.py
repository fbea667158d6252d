"""A real NFS whose server stops: user-mode-linux boots on this machine's root with a kernel that has nfsd and an NFS client.

Debian's packages are fetched and unpacked below a temporary folder, nothing is installed (notes/reliability.md, section 2). In the
long profile only: it downloads 42 MB and takes a minute.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from capabilities import require
from media_files import jpeg

pytestmark = [pytest.mark.root, pytest.mark.long, pytest.mark.slow]

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGES = (
    "user-mode-linux nfs-kernel-server nfs-common libnfsidmap1 libtirpc3 libtirpc-common rpcbind libevent-core-2.1-7 libwrap0"
    " keyutils libkeyutils1 kmod libkmod2"
)
PHOTOS = 12
BOOT_AND_WORK_S = 400


def unpacked(work: Path) -> Path:
    """Fetch and unpack the packages, index the kernel's modules; return the kernel."""
    tools = work / "root"
    subprocess.run(["apt-get", "-qq", "download", *PACKAGES.split()], cwd=work, check=True)
    for package in work.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", package, tools], check=True)
    (version,) = (tools / "usr/lib/uml/modules").iterdir()
    (work / "modules/lib").mkdir(parents=True)
    (work / "modules/lib/modules").symlink_to(version.parent)
    for name in ("modprobe", "depmod"):
        (tools / "sbin" / name).unlink(missing_ok=True)
        (tools / "sbin" / name).symlink_to(tools / "bin/kmod")
    libraries = ":".join(str(tools / part / "x86_64-linux-gnu") for part in ("usr/lib", "lib"))
    subprocess.run(
        [tools / "sbin/depmod", "-b", work / "modules", version.name],
        env={**os.environ, "LD_LIBRARY_PATH": libraries},
        check=True,
    )
    return tools / "usr/bin/linux.uml"


def steps_of(work: Path) -> dict[str, str]:
    """Boot, and return what the script told, by step."""
    kernel = unpacked(work)
    script = (REPOSITORY / "tests/faults/nfs_in_uml.sh").read_text()
    for name, value in (("WORK", work), ("PYTHON", sys.executable), ("REPOSITORY", REPOSITORY)):
        script = script.replace(f"@{name}@", str(value))
    (work / "init.sh").write_text(script)
    (work / "init.sh").chmod(0o755)
    options = "mem=1200M root=/dev/root rootfstype=hostfs rootflags=/ ro quiet con=null con0=fd:0,fd:1"
    done = subprocess.run(
        [kernel, *options.split(), f"init={work / 'init.sh'}"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=BOOT_AND_WORK_S,
        check=False,
    )
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    told = [line.strip().split(" ", 2) for line in lines if line.startswith("STEP ")]
    return {one[1]: one[2] if len(one) > 2 else "" for one in told}


def test_a_nas_whose_server_stops_costs_nothing_and_keeps_nobody(tmp_path: Path) -> None:
    require("x86-64")
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(PHOTOS):
        (photos / f"{chr(ord('a') + number)}.jpg").write_bytes(jpeg() + bytes([number]))
    told = steps_of(tmp_path)
    assert told["mount"] == "0", told
    first, again = (json.loads(told[name])["counts"] for name in ("first", "again"))
    assert (first["added"], first["hashed"], first["errors"]) == (PHOTOS, PHOTOS, 0)
    assert (told["before"], told["probe"], told["hung"]) == ("online", "13", "suspect")
    assert int(told["down_ms"]) < 5000
    assert told["back"] == "online"
    assert [again[name] for name in ("seen", "added", "missing", "hashed", "facts")] == [PHOTOS, 0, 0, 0, 0]
    assert (told["tagged"], told["check"]) == ("1", "0")
