"""The date in IPTC records, and the Photoshop resources that wrap them in a JPEG (IPTC IIM 4.2, 2:55 and 2:60)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from daemon.media.draft import Draft

_IPTC_RESOURCE = 0x0404
_APPLICATION_RECORD, _DATE_CREATED, _TIME_CREATED = 2, 55, 60


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
    """Read the date created; a time without a date says nothing."""
    found = dict(reversed(list(_application_fields(records))))
    date = found.get(_DATE_CREATED, "")
    clock = found.get(_TIME_CREATED, "")
    draft.say_date("IPTC:DateCreated", f"{date}{clock}" if len(date) == 8 and len(clock) >= 6 else date)


def _application_fields(records: bytes) -> Iterator[tuple[int, str]]:
    at = 0
    while at + 5 <= len(records) and records[at] == 0x1C:
        record, dataset, size = struct.unpack_from(">BBH", records, at + 1)
        at += 5
        if size & 0x8000:  # an extended length: no date is that long
            return
        if record == _APPLICATION_RECORD and size <= 64:
            yield dataset, records[at : at + size].decode("latin-1").strip("\0 ")
        at += size
