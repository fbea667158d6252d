"""Whether a disk can have changed: the kernel's count of completed writes, read without touching the disk.

Only what reached the device counts, so a write is seen when the page cache is flushed (within some 30 s); therefore a
caller compares with the count from *before* its own last look. Reads do not count: they change nothing, and our own looks
read. A file system without one block device of its own (btrfs, zfs, tmpfs, FUSE, network) has no count.
"""

from __future__ import annotations

import os
from pathlib import Path

# Fields of /sys/dev/block/*/stat (Documentation/block/stat.rst): requests completed.
_WRITES, _DISCARDS = 4, 11


def counter(device: int, sys: Path = Path("/sys")) -> int | None:
    """Return how many writes a block device completed since boot; None = it cannot be told.

    Args:
        device: st_dev of a file on it.
    """
    try:
        text = (sys / f"dev/block/{os.major(device)}:{os.minor(device)}/stat").read_text("ascii")
    except OSError:
        return None
    numbers = [int(word) for word in text.split()]
    if len(numbers) <= _WRITES:
        return None
    discards = numbers[_DISCARDS] if len(numbers) > _DISCARDS else 0
    return numbers[_WRITES] + discards
