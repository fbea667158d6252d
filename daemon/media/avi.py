"""AVI: size, length, codec, and the date that cameras write as text (Microsoft's AVI RIFF reference).

A camera that writes its date elsewhere does so in chunks of its own making: those films are left to exiftool.
"""

from __future__ import annotations

import re
import struct

from daemon.media.draft import Draft, clean_text
from daemon.media.riff import Chunk, chunks, read_info
from daemon.media.source import ByteSource

_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()  # noqa: SIM905 - words read better as words
# As C's ctime writes it: Mon Mar 10 15:04:43 2003
_CTIME = re.compile(r"(?i)\w{3}\s+(\w{3})\s+(\d{1,2})\s+(\d{1,2}):(\d{2}):(\d{2})\s+(\d{4})")


def read_avi(source: ByteSource, draft: Draft) -> None:
    """Read the header list, `INFO` and `IDIT`."""
    for chunk in chunks(source, 12):
        if chunk.kind == b"LIST" and source.hop(chunk.at, 4) == b"hdrl":
            _read_headers(source, chunk, draft)
        elif chunk.kind == b"IDIT":
            _read_date(source, chunk, draft)
        else:
            read_info(source, chunk, draft)
        if chunk.kind == b"RIFF":
            break  # of a file beyond 2 GB: more of the same film
    draft.needs_deep = draft.needs_deep or not any(one.local for one in draft.candidates)


def _read_headers(source: ByteSource, header: Chunk, draft: Draft) -> None:
    for chunk in chunks(source, header.at + 4, header.at + header.size):
        if chunk.kind == b"avih" and chunk.size >= 40:
            micros, frames, width, height = struct.unpack("<I12xI12xII", source.read(chunk.at, 40))
            draft.say_duration(micros * frames / 1e6)
            draft.say_size(width, height)
        elif chunk.kind == b"LIST" and source.hop(chunk.at, 4) == b"strl":
            for part in chunks(source, chunk.at + 4, chunk.at + chunk.size):
                if part.kind == b"strh" and part.size >= 8 and source.hop(part.at, 4) == b"vids":
                    codec = source.hop(part.at + 4, 4).decode("latin-1")
                    draft.say_extra("codec", clean_text(codec) or None)
        elif chunk.kind == b"IDIT":
            _read_date(source, chunk, draft)


def _read_date(source: ByteSource, chunk: Chunk, draft: Draft) -> None:
    text = source.read_up_to(chunk.at, min(chunk.size, 64)).decode("latin-1").strip("\0 \n")
    draft.say_date("RIFF:DateTimeOriginal", date_of_ctime(text) or text)


def date_of_ctime(text: str) -> str | None:
    """Return `2003:03:10 15:04:43` for `Mon Mar 10 15:04:43 2003`, or None for anything else."""
    match = _CTIME.match(text)
    if match is None or match[1].lower() not in _MONTHS:
        return None
    month = _MONTHS.index(match[1].lower()) + 1
    return f"{match[6]}:{month:02d}:{int(match[2]):02d} {int(match[3]):02d}:{match[4]}:{match[5]}"
