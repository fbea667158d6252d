"""Writing the sample library: bytes, times and copies, built beside the place and moved there at the end."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from daemon.sample import clips, dng, draw
from daemon.sample.plan import DUPLICATES, OTHER_FILES, TRUNCATED, Shot, shots

log = logging.getLogger(__name__)

# The mtime of files whose bytes carry no date: something to fall back to that is not the day of generation.
_UNDATED = datetime(2016, 9, 1, 12, tzinfo=UTC)
_TRUNCATED_TO = 3 / 5


def write_sample(target: Path, on_progress: Callable[[int, int], None] | None = None) -> int:
    """Write the library to `target`, which must not exist; blocks for some seconds.

    Returns:
        The number of files. Without ffmpeg there are no mp4 and m4a files.

    Raises:
        FileExistsError: `target` is there.
    """
    if os.path.lexists(target):
        raise FileExistsError(target)
    unfinished = target.with_name(target.name + ".unfinished")
    if unfinished.exists():
        shutil.rmtree(unfinished)
    unfinished.mkdir(parents=True)
    _write_all(os.fsencode(unfinished), on_progress or (lambda _done, _total: None))
    unfinished.rename(target)
    return sum(len(names) for _, _, names in os.walk(target))


def _write_all(root: bytes, on_progress: Callable[[int, int], None]) -> None:
    wanted = [shot for shot in shots() if shot.format not in ("mp4", "m4a") or clips.has_ffmpeg()]
    for number, shot in enumerate(wanted):
        path = _place(root, shot.path)
        _write_shot(shot, path)
        _set_time(path, shot.taken.replace(tzinfo=UTC) if shot.taken else _UNDATED)
        on_progress(number + 1, len(wanted))
    for path_of, content in OTHER_FILES.items():
        _write_bytes(_place(root, path_of), content)
        _set_time(_place(root, path_of), _UNDATED)
    for copy, of in DUPLICATES.items():
        shutil.copy2(os.path.join(root, of), _place(root, copy))
    for broken, of in TRUNCATED.items():
        with open(os.path.join(root, of), "rb") as whole:
            content = whole.read()
        _write_bytes(_place(root, broken), content[: int(len(content) * _TRUNCATED_TO)])
        _set_time(_place(root, broken), _UNDATED)


def _write_shot(shot: Shot, path: bytes) -> None:
    if shot.format in ("mp4", "m4a"):
        clips.write_clip(shot, Path(os.fsdecode(path)))
    elif shot.format == "wav":
        _write_bytes(path, clips.encode_wav())
    elif shot.format == "dng":
        _write_bytes(path, dng.encode_dng(shot))
    else:
        _write_bytes(path, draw.encode(shot))


def _place(root: bytes, relative: bytes) -> bytes:
    path = os.path.join(root, relative)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    return path


def _write_bytes(path: bytes, content: bytes) -> None:
    with open(path, "xb") as out:
        out.write(content)


def _set_time(path: bytes, moment: datetime) -> None:
    seconds = int(moment.timestamp())
    os.utime(path, (seconds, seconds))
