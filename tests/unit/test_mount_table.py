"""The mount table as a volume process reads it: whole, whoever reads at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from daemon.volume_process.mounts import MountTable, mount_of


def test_threads_that_read_at_the_same_time_all_see_the_mount_of_the_root() -> None:
    table = MountTable()

    def lost(_: int) -> int:
        return sum(mount_of(b"/etc/hosts", table.mounts()) is None for _ in range(200))

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(lost, range(4))) == 0
    table.close()
