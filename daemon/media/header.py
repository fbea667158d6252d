"""The fast tier: one file's header -> Facts, by our own small readers; no decoder, no program is run.

`read_header` never raises for bad bytes: what is damaged becomes a finding beside whatever could be read. It
raises OSError when the volume fails, which is not the file's fault. Runs in media workers.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace

from catalog.facts import Facts
from catalog.media_types import guess_of_mime, tier_of
from daemon.media.aiff import read_aiff
from daemon.media.avi import read_avi
from daemon.media.cr3 import read_cr3
from daemon.media.draft import Draft
from daemon.media.exif import EXIF_IFD, read_exif_block
from daemon.media.heif import read_heif
from daemon.media.iptc import read_iptc
from daemon.media.jp2 import read_jp2
from daemon.media.jpeg import read_jpeg
from daemon.media.jpeg_frames import say_preview
from daemon.media.jxl import read_jxl
from daemon.media.matroska import read_matroska
from daemon.media.movie import read_movie
from daemon.media.mp3 import read_mp3
from daemon.media.mrw import read_mrw
from daemon.media.png import read_png
from daemon.media.psd import read_psd
from daemon.media.riff import read_wav, read_webp
from daemon.media.simple import read_bmp, read_dsf, read_gif
from daemon.media.sniff import sniff
from daemon.media.source import ByteSource, Malformed
from daemon.media.tiff import Directory, embedded_packets, is_dng, main_image, subdirectory
from daemon.media.tiff_previews import read_raw_previews
from daemon.media.vorbis import read_flac, read_ogg
from daemon.media.xmp import read_xmp

NO_MEDIA = Facts(kind=None, mime="application/octet-stream")


def read_header(source: ByteSource, name: bytes) -> Facts:
    """Return what the header says; `NO_MEDIA` if the bytes are no format that we know.

    Args:
        source: the open file.
        name: last component of its path; only chooses among formats that begin alike.
    """
    mime = sniff(source, name)
    known = guess_of_mime(mime) if mime else None
    if mime is None or known is None:
        return NO_MEDIA
    draft = Draft(kind=known.kind, mime=mime, is_raw=known.is_raw, needs_deep=tier_of(mime) == "deep")
    reader = _READERS.get(mime) or (_read_tiff_raw if known.is_raw else None)
    if reader is not None:
        try:
            reader(source, draft)
        except (Malformed, struct.error, IndexError, ValueError, OverflowError) as error:
            reason = (
                str(error) if isinstance(error, Malformed) else "a table is cut off or contradicts itself"
            )
            draft.note(mime.rpartition("/")[2], f"the header is damaged: {reason}")
    if draft.has_maker_notes and not any(one.local for one in draft.candidates):
        draft.needs_deep = True  # a camera without a date: its maker's own notes may hold one
    return draft.facts("header")


def _read_tiff(source: ByteSource, draft: Draft) -> None:
    ifd0 = read_exif_block(source, 0, draft)
    if is_dng(ifd0):
        draft.mime, draft.is_raw, draft.needs_deep = "image/x-adobe-dng", True, True
    if draft.is_raw:
        _say_raw_size(ifd0, draft)
    draft.say_size(ifd0.whole(0x0100), ifd0.whole(0x0101))
    _read_packets(ifd0, draft)
    read_raw_previews(ifd0, draft)


def _read_packets(ifd0: Directory, draft: Draft) -> None:
    xmp, iptc = embedded_packets(ifd0)
    if xmp:
        read_xmp(xmp, draft)
    if iptc:
        read_iptc(iptc, draft)


def _say_raw_size(ifd0: Directory, draft: Draft) -> None:
    """Note the size of the picture and not of a preview: EXIF's, where the directories tell only a smaller one."""
    exif = subdirectory(ifd0, EXIF_IFD)
    sizes = [main_image(ifd0) or (0, 0)]
    if exif is not None:
        sizes.append((exif.whole(0xA002) or 0, exif.whole(0xA003) or 0))
    draft.say_size(*max(sizes, key=lambda size: size[0] * size[1]))


def _read_tiff_raw(source: ByteSource, draft: Draft) -> None:
    """Read the EXIF that most RAW files begin with; exiftool does the rest, so damage is no finding yet."""
    try:
        ifd0 = read_exif_block(source, 0, draft)
        _say_raw_size(ifd0, draft)
        _read_packets(ifd0, draft)
        read_raw_previews(ifd0, draft)
    except (Malformed, struct.error):
        draft.needs_deep = True


def _read_raf(source: ByteSource, draft: Draft) -> None:
    """Read the EXIF of the preview that a Fujifilm RAF holds; its size is the preview's, so it is not noted."""
    preview_at, preview_bytes = struct.unpack(">II", source.read(84, 8))
    preview = Draft(kind="photo", mime="image/jpeg")
    read_jpeg(source, preview, preview_at)
    for name in ("make", "model", "software", "lens"):
        draft.say_text(name, getattr(preview, name))
    draft.say_orientation(preview.orientation)
    draft.say_position(preview.lat, preview.lon, preview.alt)
    for candidate in preview.candidates:
        draft.add_candidate(candidate)
    draft.descriptive = preview.descriptive
    for name, value in preview.extra.items():
        draft.say_extra(name, value)
    say_preview(source, "raw", preview_at, preview_bytes, draft)
    for thumbnail in preview.previews:
        draft.add_preview(replace(thumbnail, origin="raw"))


def _read_nothing(source: ByteSource, draft: Draft) -> None:
    """The header tells nothing that exiftool does not tell better."""


_READERS: dict[str, Callable[[ByteSource, Draft], None]] = {
    "image/jpeg": read_jpeg,
    "image/png": read_png,
    "image/gif": read_gif,
    "image/bmp": read_bmp,
    "image/webp": read_webp,
    "image/tiff": _read_tiff,
    "image/x-adobe-dng": _read_tiff,
    "image/heic": read_heif,
    "image/heif": read_heif,
    "image/avif": read_heif,
    "image/x-canon-cr3": read_cr3,
    "image/x-fuji-raf": _read_raf,
    "image/x-canon-crw": _read_nothing,
    "image/x-minolta-mrw": read_mrw,
    "image/x-sigma-x3f": _read_nothing,
    "video/mp4": read_movie,
    "video/quicktime": read_movie,
    "video/3gpp": read_movie,
    "video/3gpp2": read_movie,
    "audio/mp4": read_movie,
    "audio/flac": read_flac,
    "audio/x-wav": read_wav,
    "audio/x-dsf": read_dsf,
    "audio/mpeg": read_mp3,
    "audio/ogg": read_ogg,
    "audio/opus": read_ogg,
    "audio/aiff": read_aiff,
    "video/x-msvideo": read_avi,
    "video/x-matroska": read_matroska,
    "video/webm": read_matroska,
    "image/vnd.adobe.photoshop": read_psd,
    "image/jxl": read_jxl,
    "image/jp2": read_jp2,
}
