"""The mount table as a volume process reads it: whole, whoever reads at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from daemon.volume_process.mounts import FOLDS_CASE, KEEPS_INODES, Mount, MountTable, mount_of, visible


def test_threads_that_read_at_the_same_time_all_see_the_mount_of_the_root() -> None:
    table = MountTable()

    def lost(_: int) -> int:
        return sum(mount_of(b"/etc/hosts", table.mounts()) is None for _ in range(200))

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(lost, range(4))) == 0
    table.close()


def _mount(number: int, parent: int, point: bytes) -> Mount:
    return Mount(point, "ext4", b"/dev/x", number, "8:1", parent)


def test_what_was_mounted_below_a_later_mount_cannot_be_reached() -> None:
    base, stick, over = _mount(1, 1, b"/"), _mount(2, 1, b"/v/stick"), _mount(3, 1, b"/v")
    on_stick, on_over = _mount(4, 2, b"/v/stick/deep"), _mount(5, 3, b"/v/stick")
    assert visible([base, stick, on_stick]) == [base, stick, on_stick]
    assert visible([base, stick, on_stick, over, on_over]) == [base, over, on_over]


def test_two_mounts_at_one_place_and_one_beside_it_hide_nothing_else() -> None:
    base, first, second = _mount(1, 0, b"/"), _mount(2, 1, b"/v"), _mount(3, 2, b"/v")
    beside, below_first = _mount(4, 1, b"/v2"), _mount(5, 2, b"/v/stick")
    assert visible([base, first, beside, below_first]) == [base, first, beside, below_first]
    # What covers the place covers all below it, too.
    assert visible([base, first, second, beside, below_first]) == [base, first, second, beside]


def test_each_file_system_type_that_we_know_says_once_what_it_does() -> None:
    assert not KEEPS_INODES & {"vfat", "msdos", "exfat", "fuse", "fuseblk", "cifs", "smb3", "overlay", "9p"}
    assert {"ext4", "btrfs", "xfs", "tmpfs", "nfs4", "ntfs3"} <= KEEPS_INODES
    assert {"vfat", "exfat", "ntfs3", "cifs"} <= FOLDS_CASE
