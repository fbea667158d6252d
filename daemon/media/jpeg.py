"""JPEG: the segments before the first scan (size, EXIF, XMP, IPTC, MPF), and a movie behind the picture.

ITU T.81 annex B, JEITA CP-3451, XMP part 3, CIPA DC-007. A JPEG with other pictures behind it (MPO) is one picture.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from daemon.media.draft import Draft
from daemon.media.exif import read_exif_part
from daemon.media.extended_xmp import HEADER as _EXTENDED
from daemon.media.extended_xmp import ExtendedXmp
from daemon.media.iptc import read_photoshop
from daemon.media.motion import read_motion
from daemon.media.mpf import read_mpf
from daemon.media.source import ByteSource, Malformed
from daemon.media.xmp import read_xmp

_EXIF = b"Exif\0"
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_PHOTOSHOP = b"Photoshop 3.0\0"
_MPF = b"MPF\0"
_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})
_SOS, _EOI, _APP1, _APP2, _APP13 = 0xDA, 0xD9, 0xE1, 0xE2, 0xED
MAX_WORD_SEGMENTS = 16  # packets of one kind; one is the rule
MAX_SEGMENTS = 2000  # a panorama's extended XMP or a huge colour profile needs some hundred


def read_jpeg(source: ByteSource, draft: Draft, base: int = 0) -> None:
    """Read the segments of the JPEG at `base`; what is damaged becomes a finding, what is there is kept."""
    segments = _Segments(source, draft)
    try:
        segments.walk(base + 2)
    finally:
        segments.read_words()
    if draft.width is None:
        draft.note("jpeg", "no frame header before the picture data: the size is unknown")
    if segments.mpf_at is not None:
        read_mpf(source, segments.mpf_at, draft)
    if base == 0:
        read_motion(source, draft)


@dataclass(slots=True)
class _Segments:
    """One walk. Words are read after it: EXIF comes before XMP and XMP before IPTC, whatever their order."""

    source: ByteSource
    draft: Draft
    packets: list[bytes] = field(default_factory=list)
    extended: ExtendedXmp = field(default_factory=ExtendedXmp)
    photoshop: list[bytes] = field(default_factory=list)
    mpf_at: int | None = None

    def walk(self, at: int) -> None:
        """Read the segments up to the first scan."""
        for _ in range(MAX_SEGMENTS):
            marker, at = _next_marker(self.source, at)
            if marker in _WITHOUT_LENGTH:
                continue
            if marker in (_SOS, _EOI):
                return
            (size,) = struct.unpack(">H", self.source.read(at, 2))
            if size < 2:
                raise Malformed(f"a JPEG segment of {size} bytes")
            self._read_segment(marker, at + 2, size - 2)
            at += size

    def read_words(self) -> None:
        """Read the packets and records that were collected."""
        for packet in self.packets:
            read_xmp(packet, self.draft)
        self.extended.read(self.packets, self.draft)
        for block in self.photoshop:
            read_photoshop(block, self.draft)

    def _read_segment(self, marker: int, at: int, size: int) -> None:
        if marker in _SOF and size >= 5:
            height, width = struct.unpack(">HH", self.source.read(at + 1, 4))
            self.draft.say_size(width, height)
        elif marker == _APP1:
            self._read_app1(at, size)
        elif marker == _APP2 and self.source.read_up_to(at, min(size, len(_MPF))) == _MPF:
            self.mpf_at = at + len(_MPF)
        elif marker == _APP13 and size > len(_PHOTOSHOP):
            block = self.source.read(at, size)
            if block.startswith(_PHOTOSHOP) and len(self.photoshop) < MAX_WORD_SEGMENTS:
                self.photoshop.append(block[len(_PHOTOSHOP) :])

    def _read_app1(self, at: int, size: int) -> None:
        head = self.source.read_up_to(at, min(size, len(_EXTENDED) + 40))
        if head.startswith(_EXIF):
            read_exif_part(self.source, at + 6, self.draft)
        elif head.startswith(_XMP) and len(self.packets) < MAX_WORD_SEGMENTS:
            self.packets.append(self.source.read(at + len(_XMP), size - len(_XMP)))
        elif head.startswith(_EXTENDED) and self.extended.wants(head[len(_EXTENDED) :]):
            self.extended.add(self.source.read(at + len(_EXTENDED), size - len(_EXTENDED)))


def _next_marker(source: ByteSource, at: int) -> tuple[int, int]:
    """Return (marker, place after it); fill bytes are passed over."""
    head = source.read(at, 2)
    if head[0] != 0xFF:
        raise Malformed(f"no JPEG marker at {at}")
    marker, at = head[1], at + 2
    while marker == 0xFF:
        marker, at = source.read(at, 1)[0], at + 1
    return marker, at
