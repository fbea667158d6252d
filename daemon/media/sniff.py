"""What a file is, by its first bytes; the extension only chooses among formats that look alike.

Pure over a few reads of a ByteSource. TIFF is the family where bytes do not suffice: a NEF, an ARW and a
scan all begin alike, so the name's extension decides there; DNG tells itself by a tag (`daemon.media.tiff`).
"""

from __future__ import annotations

import struct

from catalog.media_types import guess
from daemon.media.id3 import end_of_id3
from daemon.media.source import ByteSource

_HEIF_BRANDS = {
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"heim": "image/heic",
    b"heis": "image/heic",
    b"hevc": "image/heic",
    b"hevx": "image/heic",
    b"mif1": "image/heif",
    b"msf1": "image/heif",
    b"mif2": "image/heif",
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"crx ": "image/x-canon-cr3",
    b"qt  ": "video/quicktime",
    b"M4A ": "audio/mp4",
    b"M4B ": "audio/mp4",
    b"jp2 ": "image/jp2",
    b"jpx ": "image/jp2",
    b"jxl ": "image/jxl",
}
# First three characters of the major brands of movies: isom, iso2 …, mp41, mp42, avc1, M4V, dash, MSNV, XAVC.
_MOVIE_BRANDS = frozenset((b"iso", b"mp4", b"avc", b"M4V", b"das", b"MSN", b"XAV", b"hvc", b"3gp", b"f4v"))
_QUICKTIME_ATOMS = frozenset((b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"))

# (offset, magic, mime), the first that fits; longer magics before shorter ones.
_MAGICS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (0, b"8BPS", "image/vnd.adobe.photoshop"),
    (0, b"II\x1a\x00\x00\x00HEAPCCDR", "image/x-canon-crw"),
    (0, b"FUJIFILMCCD-RAW", "image/x-fuji-raf"),
    (0, b"\x00MRM", "image/x-minolta-mrw"),
    (0, b"FOVb", "image/x-sigma-x3f"),
    (0, b"IIU\x00", "image/x-panasonic-rw2"),
    (0, b"IIRO", "image/x-olympus-orf"),
    (0, b"IIRS", "image/x-olympus-orf"),
    (0, b"MMOR", "image/x-olympus-orf"),
    (0, b"\xff\x0a", "image/jxl"),
    (0, b"\x00\x00\x00\x0cJXL \r\n\x87\n", "image/jxl"),
    (0, b"\x00\x00\x00\x0cjP  \r\n\x87\n", "image/jp2"),
    (0, b"\xff\x4f\xff\x51", "image/jp2"),
    (0, b"fLaC", "audio/flac"),
    (0, b"FLV\x01", "video/x-flv"),
    (0, b"\x00\x00\x01\xba", "video/mpeg"),
    (0, b"\x00\x00\x01\xb3", "video/mpeg"),
    (0, b"MAC ", "audio/x-ape"),
    (0, b"wvpk", "audio/x-wavpack"),
    (0, b"MPCK", "audio/x-musepack"),
    (0, b"MP+", "audio/x-musepack"),
    (0, b"DSD ", "audio/x-dsf"),
    (0, b"#!AMR", "audio/amr"),
)
_ASF = b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"
_RIFF_FORMS = {b"WEBP": "image/webp", b"WAVE": "audio/x-wav", b"AVI ": "video/x-msvideo"}
_TIFF_MAGICS = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
_TIFF_RAWS_BY_MAGIC = ((8, b"CR\x02", "image/x-canon-cr2"), (8, b"IIII", "image/x-phaseone-iiq"))


def sniff(source: ByteSource, name: bytes) -> str | None:
    """Return the type of the bytes, or None if they are no media that we know.

    Args:
        source: the file.
        name: last component of its path; chooses only among formats of one family.
    """
    head = source.read_up_to(0, 512)
    for offset, magic, mime in _MAGICS:
        if head.startswith(magic, offset):
            return mime
    if head[:4] in (b"RIFF", b"RF64"):
        return _RIFF_FORMS.get(head[8:12])
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "audio/aiff"
    if head[:4] in _TIFF_MAGICS:
        return _of_tiff(head, name)
    if head.startswith(_ASF):  # the header of sound alone and of a film begin alike
        promised = guess(name)
        return "audio/x-ms-wma" if promised and promised.mime == "audio/x-ms-wma" else "video/x-ms-wmv"
    return _of_boxes(head, name) or _of_streams(head, source, name)


def _of_tiff(head: bytes, name: bytes) -> str:
    for offset, magic, mime in _TIFF_RAWS_BY_MAGIC:
        if head.startswith(magic, offset):
            return mime
    promised = guess(name)
    return promised.mime if promised is not None and promised.is_raw else "image/tiff"


def _of_boxes(head: bytes, name: bytes) -> str | None:
    kind = head[4:8]
    if kind == b"ftyp":
        brands = [head[8:12], *(head[at : at + 4] for at in range(16, min(len(head), _box_size(head)), 4))]
        if brands[0][:3] in (b"3gp", b"3gr", b"3gs", b"3ge"):
            return "video/3gpp"
        if brands[0][:3] == b"3g2":
            return "video/3gpp2"
        generic = _HEIF_BRANDS.get(brands[0])
        if generic == "image/heif":  # the generic brand first, the codec's brand among the compatible ones
            return next((_HEIF_BRANDS[one] for one in brands if one in (b"heic", b"heix", b"avif")), generic)
        return generic or _of_unknown_brand(brands[0], name)
    if kind in _QUICKTIME_ATOMS and (_box_size(head) >= 8 or _box_size(head) in (0, 1)):
        # Old iPhone exports lack `ftyp` and start with `wide` or `mdat` (metadata.md 6).
        promised = guess(name)
        return (
            promised.mime if promised and promised.mime in ("video/mp4", "audio/mp4") else "video/quicktime"
        )
    return None


def _of_unknown_brand(brand: bytes, name: bytes) -> str:
    """A brand that nobody registered is a movie's, unless the name promises a still of the same boxes."""
    promised = guess(name)
    is_still = promised is not None and promised.mime in _HEIF_BRANDS.values() and promised.kind == "photo"
    is_movie = brand[:3] in _MOVIE_BRANDS
    return promised.mime if promised is not None and is_still and not is_movie else "video/mp4"


def _box_size(head: bytes) -> int:
    return int.from_bytes(head[:4], "big")


def _of_streams(head: bytes, source: ByteSource, name: bytes) -> str | None:
    """Formats without a proper magic: each needs a second witness."""
    if head[:2] == b"BM" and _is_bmp(head, source.size):
        return "image/bmp"
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return "video/webm" if b"webm" in head[:64] else "video/x-matroska"
    if head[:4] == b"OggS":
        return _of_ogg(head)
    if _is_transport_stream(head):
        return "video/mp2t"
    if head[:3] == b"ID3" or _is_mpeg_audio(head):
        return _of_tagged(head, source, name)
    return "audio/aac" if head[:2] in (b"\xff\xf1", b"\xff\xf9") else None


def _is_bmp(head: bytes, size: int) -> bool:
    if len(head) < 26:
        return False
    pixels_at, header_bytes = struct.unpack_from("<II", head, 10)
    return 14 < pixels_at <= max(size, 26) and header_bytes in (12, 40, 52, 56, 64, 108, 124)


def _of_ogg(head: bytes) -> str:
    if b"OpusHead" in head:
        return "audio/opus"
    is_video = b"theora" in head or b"fishead" in head or b"BBCD" in head
    return "video/ogg" if is_video else "audio/ogg"


def _of_tagged(head: bytes, source: ByteSource, name: bytes) -> str:
    """ID3 stands before other sounds than MP3 too; what follows it tells, or else the name."""
    if head[:3] == b"ID3" and source.read_up_to(end_of_id3(source), 4) == b"fLaC":
        return "audio/flac"
    promised = guess(name)
    return promised.mime if promised and promised.mime in ("audio/aac", "audio/x-ape") else "audio/mpeg"


def _is_transport_stream(head: bytes) -> bool:
    return any(
        len(head) > first + 2 * step and all(head[first + step * at] == 0x47 for at in range(3))
        for first, step in ((0, 188), (4, 192))
    ) or (len(head) > 204 * 2 and head[0] == head[204] == head[408] == 0x47)


def _is_mpeg_audio(head: bytes) -> bool:
    """Frame sync, MPEG layer 2 or 3, and neither a reserved bit rate nor a reserved sampling rate."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return False
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    bit_rate, sampling = head[2] >> 4, head[2] >> 2 & 3
    return version != 1 and layer in (1, 2) and 0 < bit_rate < 15 and sampling != 3
