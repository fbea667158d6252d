"""EXIF: what the tags of IFD0, the EXIF and the GPS directory mean (EXIF 2.32).

One reader for the blocks of JPEG, PNG, WebP, HEIC, CR3, PSD and JXL and for TIFF and RAW files. Facts of cameras and
clocks only: words that people wrote are read by `daemon.media.exif_words`. A tag that makes no sense is absence.
"""

from __future__ import annotations

import math
import struct

from daemon.media.draft import Draft, clean_text
from daemon.media.exif_words import read_exif_words
from daemon.media.makernotes import read_canon_notes, read_maker_notes
from daemon.media.source import ByteSource, Malformed
from daemon.media.tiff import Directory, read_structure, subdirectory
from daemon.media.tiff_previews import read_thumbnail

EXIF_IFD, _GPS_IFD = 0x8769, 0x8825
_MAKER_NOTE = 0x927C
_ISO_UNTOLD = 65535  # the field is too small: one of the longer ones tells


def read_exif_block(
    source: ByteSource, base: int, draft: Draft, *, has_file_offsets: bool = True
) -> Directory:
    """Read the EXIF at `base` into the draft; returns IFD0 for format-specific tags.

    Args:
        source: the file, or an unpacked copy of a part of it.
        base: of the TIFF header.
        draft: takes what is found.
        has_file_offsets: False for an unpacked copy: places in it are no places of the file, so it has no previews.
    """
    ifd0, _ = read_structure(source, base)
    _read_main_directory(ifd0, draft)
    exif = subdirectory(ifd0, EXIF_IFD)
    if exif is not None:
        _read_exif_directory(exif, draft)
    else:
        exif = ifd0  # some scanners and TIFF/EP files keep the EXIF tags in IFD0
        draft.say_date("ExifIFD:DateTimeOriginal", ifd0.text(0x9003))
        _read_exposure(ifd0, draft)
    _read_modify_date(ifd0, exif, draft)
    read_exif_words(ifd0, exif, draft)
    gps = subdirectory(ifd0, _GPS_IFD)
    if gps is not None:
        _read_gps(gps, draft)
    if has_file_offsets:
        read_thumbnail(ifd0, draft)
    return ifd0


def read_exif_part(source: ByteSource, at: int, draft: Draft) -> None:
    """Read the EXIF that another format holds at a place, with or without JPEG's prefix; damage is a finding."""
    try:
        start = at + 6 if source.read_up_to(at, 6) == b"Exif\0\0" else at
        read_exif_block(source, start, draft)
    except (Malformed, struct.error) as error:
        draft.note("exif", f"the EXIF block is damaged: {error}")


def _read_main_directory(ifd0: Directory, draft: Draft) -> None:
    draft.say_text("make", ifd0.text(0x010F))
    draft.say_text("model", ifd0.text(0x0110))
    draft.say_text("software", ifd0.text(0x0131))
    draft.say_orientation(ifd0.whole(0x0112))


def _read_exif_directory(exif: Directory, draft: Draft) -> None:
    common_offset = exif.text(0x9010)
    draft.say_date(
        "ExifIFD:DateTimeOriginal",
        exif.text(0x9003),
        subsec=exif.text(0x9291),
        offset=exif.text(0x9011) or common_offset,
    )
    draft.say_date(
        "ExifIFD:CreateDate",
        exif.text(0x9004),
        subsec=exif.text(0x9292),
        offset=exif.text(0x9012) or common_offset,
    )
    draft.say_text("lens", exif.text(0xA434))
    draft.say_extra("serial", clean_text(exif.text(0xA431)) or None)
    _read_exposure(exif, draft)
    notes = exif.place(_MAKER_NOTE)
    if notes is not None:
        draft.has_maker_notes = True
        read_maker_notes(exif, *notes, draft)


def _read_exposure(exif: Directory, draft: Draft) -> None:
    told = {
        "time_s": _positive(exif, 0x829A),
        "f_number": _positive(exif, 0x829D),
        "iso": _iso(exif),
        "focal_mm": _positive(exif, 0x920A),
        "focal_35mm": _positive(exif, 0xA405),
        "bias_ev": _rounded(exif.numbers(0x9204)),
    }
    exposure: dict[str, float | bool] = {name: value for name, value in told.items() if value is not None}
    flash = exif.whole(0x9209)
    if flash is not None:
        exposure["flash"] = bool(flash & 1)
    draft.say_extra("exposure", exposure or None)


def _iso(exif: Directory) -> int | None:
    """Return the first sensitivity that says something; the short field holds 65535 where it is too small."""
    for tag in (0x8827, 0x8833, 0x8832, 0x8831):
        iso = exif.whole(tag)
        if iso is not None and 0 < iso != _ISO_UNTOLD:
            return iso
    return None


def _positive(exif: Directory, tag: int) -> float | None:
    number = _rounded(exif.numbers(tag))
    return number if number is not None and number > 0 else None


def _rounded(numbers: tuple[float, ...]) -> float | None:
    """Return the first number with six significant digits, whole where it is; None when absent or no number."""
    if not numbers or not math.isfinite(numbers[0]):
        return None
    number = float(f"{numbers[0]:.6g}")
    return int(number) if number == int(number) else number


def _read_modify_date(ifd0: Directory, exif: Directory, draft: Draft) -> None:
    draft.say_date("IFD0:ModifyDate", ifd0.text(0x0132), subsec=exif.text(0x9290), offset=exif.text(0x9010))


def _read_gps(gps: Directory, draft: Draft) -> None:
    lat = _degrees(gps.numbers(2), gps.text(1), "S")
    lon = _degrees(gps.numbers(4), gps.text(3), "W")
    altitude = gps.numbers(6)
    is_below = gps.whole(5) == 1
    alt = None if not altitude else (-altitude[0] if is_below else altitude[0])
    draft.say_position(lat, lon, alt)
    date, clock = gps.text(0x1D), gps.numbers(7)
    if date and len(clock) == 3:
        draft.say_date("GPS:GPSDateTime", gps_moment(date, clock), is_utc=True)


def _degrees(parts: tuple[float, ...], reference: str | None, negative: str) -> float | None:
    if not parts or not reference or not reference.strip():
        return None
    degrees = sum(part / scale for part, scale in zip(parts[:3], (1, 60, 3600), strict=False))
    return -degrees if reference.strip().upper().startswith(negative) else degrees


def gps_moment(date: str, clock: tuple[float, ...]) -> str:
    """Return the text of a GPS date and time; seconds carry decimals, and some receivers write 60."""
    hours, minutes, seconds = clock
    whole = int(seconds)
    micros = min(round((seconds - whole) * 1_000_000), 999_999)
    fraction = f".{micros:06d}" if micros else ""
    return f"{date.strip()} {int(hours):02d}:{int(minutes):02d}:{whole:02d}{fraction}"


def read_split_exif(
    source: ByteSource,
    *,
    ifd0_at: int | None,
    exif_at: int | None,
    notes_at: int | None,
    gps_at: int | None,
    draft: Draft,
) -> None:
    """Read EXIF whose directories are TIFF blocks of their own (CR3); a missing one is passed over."""
    ifd0 = read_structure(source, ifd0_at)[0] if ifd0_at is not None else None
    if ifd0 is not None:
        _read_main_directory(ifd0, draft)
        draft.say_size(ifd0.whole(0x0100), ifd0.whole(0x0101))
    if exif_at is not None:
        exif = read_structure(source, exif_at)[0]
        _read_exif_directory(exif, draft)
        if ifd0 is not None:
            _read_modify_date(ifd0, exif, draft)
            read_exif_words(ifd0, exif, draft)
    if gps_at is not None:
        _read_gps(read_structure(source, gps_at)[0], draft)
    if notes_at is not None:
        read_canon_notes(read_structure(source, notes_at)[0], draft)
