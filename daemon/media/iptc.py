"""IPTC records, and the Photoshop resources that wrap them in a JPEG (IPTC IIM 4.2): the date and the words.

Texts are UTF-8 where record 1:90 says so; many writers leave that out, so UTF-8 is tried before Latin-1 in any case.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from daemon.media.draft import Draft

_IPTC_RESOURCE = 0x0404
_CHARACTER_SET = (1, 90)
_UTF_8 = b"\x1b%G"
_TITLE, _KEYWORD, _DATE_CREATED, _TIME_CREATED = 5, 25, 55, 60
_BY_LINE, _COPYRIGHT, _CAPTION = 80, 116, 120
_WANTED = frozenset({_TITLE, _KEYWORD, _DATE_CREATED, _TIME_CREATED, _BY_LINE, _COPYRIGHT, _CAPTION})
_SHORTEST_LIMIT_BYTES = 32
MAX_DATASETS = 5_000
MAX_VALUE_BYTES = 32_768  # of one that is read; IPTC's captions end at 2,000


def read_photoshop(block: bytes, draft: Draft) -> None:
    """Read the resources after `Photoshop 3.0\\0`; damaged ones end the walk."""
    at = 0
    while at + 12 <= len(block) and block[at : at + 4] == b"8BIM":
        (resource,) = struct.unpack_from(">H", block, at + 4)
        name_bytes = 1 + block[at + 6]
        at += 6 + name_bytes + name_bytes % 2
        if at + 4 > len(block):
            return
        (size,) = struct.unpack_from(">I", block, at)
        at += 4
        if resource == _IPTC_RESOURCE:
            read_iptc(block[at : at + size], draft)
            return
        at += size + size % 2


def read_iptc(records: bytes, draft: Draft) -> None:
    """Read the date created and the words; a time without a date says nothing."""
    values: dict[int, list[str]] = {}
    is_utf_8 = False
    for dataset, value in _datasets(_in_order(records)):
        if dataset == _CHARACTER_SET:
            is_utf_8 = value == _UTF_8
        elif dataset[0] == 2 and dataset[1] in _WANTED and value:
            values.setdefault(dataset[1], []).append(_decoded(value, is_utf_8=is_utf_8))
    date = _first(values, _DATE_CREATED)
    clock = _first(values, _TIME_CREATED)
    draft.say_date("IPTC:DateCreated", f"{date}{clock}" if len(date) == 8 and len(clock) >= 6 else date)
    words = draft.descriptive.said_by("iptc")
    words.say_title(_first(values, _TITLE))
    words.say_description(_first(values, _CAPTION))
    words.say_rights(_first(values, _COPYRIGHT))
    words.say_creators(values.get(_BY_LINE, ()))
    for keyword in values.get(_KEYWORD, ()):
        words.say_tag([keyword])


def _first(values: dict[int, list[str]], dataset: int) -> str:
    return next((text for text in values.get(dataset, ()) if text), "")


def _in_order(records: bytes) -> bytes:
    """Undo what some TIFF writers do: they store the records as 32-bit numbers, in the file's byte order."""
    if records[:1] == b"\x1c" or records[3:4] != b"\x1c":
        return records
    whole = len(records) // 4
    return struct.pack(f"<{whole}I", *struct.unpack_from(f">{whole}I", records))


def _datasets(records: bytes) -> Iterator[tuple[tuple[int, int], bytes]]:
    """Yield ((record, dataset), value); what is too large is passed over, what is damaged ends it."""
    at = 0
    for _ in range(MAX_DATASETS):
        if at + 5 > len(records) or records[at] != 0x1C:
            return
        record, dataset, size = struct.unpack_from(">BBH", records, at + 1)
        at += 5
        if size & 0x8000:  # an extended length: so many bytes of it follow
            size_bytes = size & 0x7FFF
            if size_bytes > 8 or at + size_bytes > len(records):
                return
            size = int.from_bytes(records[at : at + size_bytes], "big")
            at += size_bytes
        if size <= MAX_VALUE_BYTES:
            yield (record, dataset), records[at : at + size]
        at += size


def _decoded(value: bytes, *, is_utf_8: bool) -> str:
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError as error:
        # A text that a limit of IPTC cut within a letter is still UTF-8 up to there.
        is_cut = is_utf_8 and error.end == len(value) >= _SHORTEST_LIMIT_BYTES
        text = value[: error.start].decode("utf-8") if is_cut else value.decode("latin-1")
    return text.strip("\0 ")
