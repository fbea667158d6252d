"""Extended XMP: what is too long for one JPEG segment, in numbered parts (XMP part 3, 1.1.3.1).

The main packet names the parts that belong to it by an MD5 in hex; others are left over from an earlier state.
"""

from __future__ import annotations

import struct

from daemon.media.draft import Draft
from daemon.media.xmp import MAX_PACKET_BYTES, read_xmp

HEADER = b"http://ns.adobe.com/xmp/extension/\0"
_HEAD_BYTES = 40  # name, whole length, offset of this part


class ExtendedXmp:
    """Collects the parts of one file in memory, 2 MiB at most: more is depth maps and second pictures, not words."""

    def __init__(self) -> None:
        self._parts: dict[bytes, dict[int, bytes]] = {}
        self._lengths: dict[bytes, int] = {}
        self._bytes = 0

    def wants(self, head: bytes) -> bool:
        """Tell whether the part with this head is short enough to be worth reading."""
        if len(head) < _HEAD_BYTES:
            return False
        length, offset = struct.unpack_from(">II", head, 32)
        return bool(0 < length <= MAX_PACKET_BYTES and offset < length)

    def add(self, segment: bytes) -> None:
        """Take a segment's content after `HEADER`."""
        name = segment[:32]
        length, offset = struct.unpack_from(">II", segment, 32)
        if self._bytes + len(segment) > 2 * MAX_PACKET_BYTES:
            return
        self._bytes += len(segment)
        self._lengths[name] = length
        self._parts.setdefault(name, {})[offset] = segment[_HEAD_BYTES:]

    def read(self, main_packets: list[bytes], draft: Draft) -> None:
        """Read what the main packets name into the draft; a missing part is a finding."""
        for name, parts in self._parts.items():
            if not any(name in packet for packet in main_packets):
                continue
            packet = b"".join(parts[offset] for offset in sorted(parts))
            if len(packet) != self._lengths[name]:
                draft.note("xmp", "parts of the extended XMP packet are missing")
            else:
                read_xmp(packet, draft)
