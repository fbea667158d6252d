"""`./run` as a stranger uses it: one command, a READY line, folders to look at, and nothing left after Ctrl-C."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from capabilities import require
from product import REPOSITORY, Product, wait_until
from sacred import fingerprints
from strace_reading import opened_files

READY = re.compile(
    r"READY mount=(?P<mount>.*) dav=(?P<dav>\S+) library=(?P<library>.*) volume=(?P<volume>.*)\n"
)
START_LIMIT_S = 60.0
# Five seconds are promised; a busy machine needs some to notice.
END_LIMIT_S = 8.0


@pytest.fixture(autouse=True)
def _set_up() -> None:
    require("setup")


@dataclass(slots=True)
class Run:
    """One running ./run."""

    process: subprocess.Popen[str]
    home: Path
    ready: re.Match[str]

    @property
    def mount(self) -> Path:
        return Path(self.ready["mount"])

    @property
    def product(self) -> Product:
        return Product(self.home)

    def end(self, number: int = signal.SIGINT) -> float:
        """End it as a terminal does and return the seconds it took; it must end with 0."""
        begun = time.monotonic()
        self.process.send_signal(number)
        self.process.communicate(timeout=20)
        assert self.process.returncode == 0
        return time.monotonic() - begun


@contextmanager
def running(home: Path, *arguments: str, prefix: tuple[str, ...] = ()) -> Iterator[Run]:
    """Start `./run … --library HOME/library --mount HOME/mnt` and wait for READY."""
    command = [*prefix, str(REPOSITORY / "run"), *arguments]
    command += ["--library", str(home / "library"), "--mount", str(home / "mnt"), "--port", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=home, start_new_session=True
    ) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            ready = READY.fullmatch(line)
            assert ready is not None, (line, process.communicate(timeout=START_LIMIT_S))
            yield Run(process, home, ready)
        finally:
            _end_whatever_runs(process)
            Product(home).detach()


def _end_whatever_runs(process: subprocess.Popen[str]) -> None:
    """End the whole session; a prefix such as strace may hold the signal back, so that it ends hard in the end."""
    if process.poll() is not None:
        return
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.communicate(timeout=END_LIMIT_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=START_LIMIT_S)


@pytest.fixture
def photos(tmp_path: Path, sample: Path) -> Path:
    """A part of the sample, in a folder whose name needs quoting."""
    target = tmp_path / "Fotos größer & neu"
    shutil.copytree(sample / "2019", target)
    return target


def _names_below(folder: Path) -> set[str]:
    return {name for _, _, names in os.walk(folder) for name in names}


def _has_processes(home: Path) -> bool:
    library = os.fsencode(home / "library")
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if library in (folder / "cmdline").read_bytes():
                return True
        except OSError:
            continue
    return False


def _is_gone(home: Path) -> bool:
    is_mounted = str(home) in Path("/proc/self/mountinfo").read_text()
    return not _has_processes(home) and not is_mounted and not (home / "mnt").exists()


@pytest.mark.mount
def test_photos_are_browsable_by_date_over_mount_and_webdav_and_untouched(
    tmp_path: Path, photos: Path
) -> None:
    before = fingerprints(photos)
    with running(tmp_path, str(photos)) as run:
        assert run.mount == tmp_path / "mnt"
        assert run.ready["library"] == str(tmp_path / "library")
        assert run.ready["volume"] == photos.name
        # Four of the 40 are RAWs, shown by the JPEGs that stand before them.
        wait_until(lambda: len(_names_below(run.mount / "Timeline")) == 36, what="36 photos in the Timeline")
        assert len(_names_below(run.mount / "Types" / "RAW")) == 4
        found = next((run.mount / "Timeline" / "2019").rglob("DSC_4712.JPG"))
        assert found.read_bytes() == (photos / "Iceland" / "DSC_4712.JPG").read_bytes()
        request = urllib.request.Request(
            run.ready["dav"] + "Timeline/", method="PROPFIND", headers={"Depth": "1"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 207
            assert b"2019" in answer.read()
        assert run.end() < END_LIMIT_S
    assert _is_gone(tmp_path)
    assert (tmp_path / "library" / "catalog.sqlite3").exists()
    assert fingerprints(photos) == before


@pytest.mark.mount
@pytest.mark.parametrize("how", ["SIGTERM", "SIGHUP", "down"])
def test_every_way_to_end_it_ends_all_with_exit_code_zero(tmp_path: Path, photos: Path, how: str) -> None:
    with running(tmp_path, str(photos)) as run:
        if how == "down":
            run.product.run("down")
            assert run.process.wait(END_LIMIT_S) == 0
        else:
            assert run.end(getattr(signal, how)) < END_LIMIT_S
    assert _is_gone(tmp_path)


@pytest.mark.mount
def test_a_shell_inside_the_mount_does_not_keep_it_from_ending(tmp_path: Path, photos: Path) -> None:
    with running(tmp_path, str(photos)) as run, subprocess.Popen(["sleep", "60"], cwd=run.mount) as shell:
        assert run.end() < END_LIMIT_S
        shell.kill()
    assert _is_gone(tmp_path)


@pytest.mark.mount
def test_a_killed_run_leaves_no_process_and_the_next_one_recovers(tmp_path: Path, photos: Path) -> None:
    with running(tmp_path, str(photos)) as run:
        run.process.kill()
        run.process.communicate()
        wait_until(lambda: not _has_processes(tmp_path), what="no process is left", deadline_s=10)
    with running(tmp_path, str(photos)) as run:
        wait_until((run.mount / "Timeline" / "2019").exists, what="the Timeline is back")
        run.end()
    assert _is_gone(tmp_path)


@pytest.mark.root
@pytest.mark.mount
def test_the_second_run_opens_no_photo(tmp_path: Path, sample: Path) -> None:
    # Root: under strace the setuid fusermount3 has no rights. A plain name: strace escapes others in descriptors.
    require("strace")
    photos = tmp_path / "photos"
    shutil.copytree(sample / "2019", photos)
    with running(tmp_path, str(photos)) as run:
        wait_until(lambda: not run.product.data("status")["scanning"], what="the scan is finished")
        run.end()
    trace = tmp_path / "trace"
    strace = ("strace", "-f", "-y", "-o", str(trace), "-e", "trace=open,openat,openat2,creat")
    with running(tmp_path, str(photos), prefix=strace) as run:
        wait_until(lambda: not run.product.data("status")["scanning"], what="the second scan is finished")
        assert len(_names_below(run.mount / "Timeline")) == 36
        os.killpg(run.process.pid, signal.SIGINT)
        run.process.communicate(timeout=30)
    lines = trace.read_text(encoding="utf-8", errors="replace").splitlines()
    assert any(str(photos) in line for line in lines), "the trace saw the scan"
    assert opened_files(lines, photos) == []


@pytest.mark.root
def test_without_dev_fuse_it_says_so_and_serves_webdav(tmp_path: Path, photos: Path) -> None:
    require("namespaces")
    hide = "mount -t tmpfs none /dev && mknod /dev/null c 1 3 && mknod /dev/urandom c 1 9 && chmod 666 /dev/* && exec"
    prefix = ("unshare", "--mount", "--propagation", "private", "sh", "-c", f'{hide} "$@"', "sh")
    with running(tmp_path, str(photos), prefix=prefix) as run:
        assert run.ready["mount"] == "-"
        with urllib.request.urlopen(run.ready["dav"], timeout=10) as answer:
            assert answer.status == 200
        run.process.send_signal(signal.SIGINT)
        _, told = run.process.communicate(timeout=20)
        assert run.process.returncode == 0
    assert "/dev/fuse" in told
    assert not (tmp_path / "mnt").exists()


@pytest.mark.mount
def test_a_second_folder_of_the_same_name_becomes_a_volume_with_a_number(
    tmp_path: Path, photos: Path
) -> None:
    other = tmp_path / "elsewhere" / photos.name
    shutil.copytree(photos, other)
    with running(tmp_path, str(photos)) as run:
        run.end()
    with running(tmp_path, str(other)) as run:
        assert run.ready["volume"] == f"{photos.name}-2"
        run.end()
    with running(tmp_path, str(photos)) as run:
        assert run.ready["volume"] == photos.name


@pytest.mark.mount
def test_an_existing_mount_directory_is_kept(tmp_path: Path, photos: Path) -> None:
    (tmp_path / "mnt").mkdir()
    with running(tmp_path, str(photos)) as run:
        run.end()
    assert (tmp_path / "mnt").is_dir()


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    command = [str(REPOSITORY / "run"), str(tmp_path / "nothing"), "--library", str(tmp_path / "library")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=START_LIMIT_S, check=False)
    assert done.returncode == 15
    assert "is no folder" in done.stderr
    assert not (tmp_path / "library").exists()


def test_a_wrong_option_is_answered_with_the_options_of_run(tmp_path: Path) -> None:
    command = [str(REPOSITORY / "run"), "--prot", "1", "--library", str(tmp_path / "library")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=START_LIMIT_S, check=False)
    assert done.returncode == 2
    assert "usage: ./run [--setup]" in done.stderr
    assert "--prot" in done.stderr
    assert "--home" not in done.stderr
    assert not (tmp_path / "library").exists()


@pytest.mark.mount
def test_a_second_run_of_a_running_library_is_refused(tmp_path: Path, photos: Path) -> None:
    with running(tmp_path, str(photos)) as run:
        command = [str(REPOSITORY / "run"), str(photos), "--library", str(tmp_path / "library")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=START_LIMIT_S, check=False)
        assert done.returncode == 11
        assert str(run.process.pid) in done.stderr
