"""The reader of strace logs names what it must, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from strace_reading import opened_files, trespasses

ROOT = Path("/v/photos")
GUILTY = [
    'openat(AT_FDCWD</home>, "/v/photos/a.jpg", O_RDWR) = -1 EACCES (Permission denied)',
    '123 openat(7</v/photos/2019>, "a.jpg", O_RDONLY|O_CREAT, 0666) = 8</v/photos/2019/a.jpg>',
    '[pid  9] openat2(7</v/photos>, "x/a.jpg", {flags=O_WRONLY|O_NOATIME, resolve=RESOLVE_BENEATH}, 24) = 3',
    "fchmod(12</v/photos/a.jpg>, 0444) = -1 EPERM (Operation not permitted)",
    'utimensat(AT_FDCWD</x>, "/v/photos/a.jpg", NULL, 0) = 0',
    'unlinkat(5</v/photos>, "a.jpg", 0) = 0',
    'renameat2(AT_FDCWD</x>, "/tmp/new", AT_FDCWD</x>, "/v/photos/a.jpg", 0) = 0',
    'write(5</v/photos/a.jpg>, "x", 1) = 1',
    "ftruncate(5</v/photos/a.jpg>, 0) = 0",
    'openat(AT_FDCWD</x>, "/v/photos/caf\\303\\251.jpg", O_WRONLY) = 3',
]
INNOCENT = [
    'openat(7</v/photos>, "a.jpg", O_RDONLY|O_NOATIME) = 8</v/photos/a.jpg>',
    'write(5</lib/catalog.sqlite3>, "/v/photos/a.jpg", 15) = 15',
    'openat(AT_FDCWD</x>, "/v/photos2/a.jpg", O_RDWR) = 3',
    'openat(AT_FDCWD</x>, "/lib/state/x", O_RDWR|O_CREAT) = 3',
    'unlink("/lib/state/x") = 0',
    "--- SIGCHLD {si_signo=SIGCHLD} ---",
]


@pytest.mark.parametrize("line", GUILTY)
def test_an_attempt_to_write_on_a_volume_is_named(line: str) -> None:
    assert len(trespasses([line], [ROOT])) == 1


@pytest.mark.parametrize("line", INNOCENT)
def test_reading_and_writing_elsewhere_is_innocent(line: str) -> None:
    assert trespasses([line], [ROOT]) == []


def test_only_successful_opens_of_files_count_as_opened() -> None:
    lines = [
        'openat(7</v/photos>, "a.jpg", O_RDONLY) = 8</v/photos/a.jpg>',
        'openat(7</v/photos>, "2019", O_RDONLY|O_DIRECTORY) = 8</v/photos/2019>',
        'openat(7</v/photos>, "b.jpg", O_RDONLY) = -1 ENOENT (No such file or directory)',
        'openat2(7</v/photos>, "c.jpg", {flags=O_RDONLY, resolve=RESOLVE_BENEATH}, 24) = 9</v/photos/c.jpg>',
    ]
    assert opened_files(lines, ROOT) == ["/v/photos/a.jpg", "/v/photos/c.jpg"]
