"""Videos and sounds of the sample library: through ffmpeg if it is there; WAV without anything.

`-bitexact` keeps encoder versions and run times out of the files.
"""

from __future__ import annotations

import io
import math
import shutil
import struct
import subprocess
import wave
from datetime import timedelta
from pathlib import Path

from daemon.sample.draw import offset_text
from daemon.sample.plan import Shot

_RATE_HZ = 8000
_FFMPEG_TIMEOUT_S = 60  # 0.3 s here; a small machine that is busy takes a few seconds


def has_ffmpeg() -> bool:
    """Return whether videos and compressed sounds can be made."""
    return shutil.which("ffmpeg") is not None


def write_clip(shot: Shot, target: Path) -> None:
    """Write a two-second mp4 or m4a to `target` (blocks; runs ffmpeg)."""
    command = ["ffmpeg", "-nostdin", "-loglevel", "error", "-y"]
    if shot.format == "mp4":
        command += ["-f", "lavfi", "-i", "testsrc=size=320x240:rate=15:duration=2"]
    command += ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=22050:duration=2"]
    if shot.format == "mp4":
        command += ["-c:v", "mpeg4", "-q:v", "8"]
    # ipod is what ffmpeg calls m4a.
    command += [
        "-c:a",
        "aac",
        "-b:a",
        "48k",
        "-fflags",
        "+bitexact",
        "-flags:v",
        "+bitexact",
        "-flags:a",
        "+bitexact",
    ]
    command += [*_tags(shot), "-f", "mp4" if shot.format == "mp4" else "ipod", str(target)]
    subprocess.run(command, check=True, timeout=_FFMPEG_TIMEOUT_S, stdin=subprocess.DEVNULL)


def _tags(shot: Shot) -> list[str]:
    tags = []
    if shot.taken is not None:
        utc = shot.taken - timedelta(minutes=shot.offset_min or 0)
        tags += ["-metadata", f"creation_time={utc.isoformat()}Z"]
        if shot.camera is not None and shot.offset_min is not None:
            local = shot.taken.isoformat() + offset_text(shot.offset_min).replace(":", "")
            tags += [
                "-movflags",
                "use_metadata_tags",
                "-metadata",
                f"com.apple.quicktime.creationdate={local}",
            ]
            tags += ["-metadata", f"com.apple.quicktime.make={shot.camera.make}"]
            tags += ["-metadata", f"com.apple.quicktime.model={shot.camera.model}"]
    if shot.title:
        tags += ["-metadata", f"title={shot.title}"]
    return tags


def encode_wav() -> bytes:
    """Return two seconds of a quiet tone."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(_RATE_HZ)
        tone = (round(3000 * math.sin(math.tau * 440 * n / _RATE_HZ)) for n in range(2 * _RATE_HZ))
        out.writeframes(b"".join(struct.pack("<h", value) for value in tone))
    return buffer.getvalue()
