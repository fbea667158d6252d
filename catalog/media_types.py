"""What a name lets us hope for: extension -> kind and type; and the written table type -> tier.

A guess decides only what gets a row as an asset before any byte was read; the bytes overrule it
(`daemon.media.sniff`). Pure tables, all from L45 of the feature map plus what the corpus holds.

Tiers: `header` types are read completely by our own header readers; `deep` types need exiftool after them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from catalog.facts import Kind, Tier

NameVerdict = Literal["media", "other", "unknown"]


@dataclass(frozen=True, slots=True)
class MediaGuess:
    """Kind and type that an extension promises."""

    kind: Kind
    mime: str
    is_raw: bool


# mime -> (tier, extensions), by kind. The first extension is the customary one.
_PHOTOS: dict[str, tuple[Tier, str]] = {
    "image/jpeg": ("header", "jpg jpeg jpe jfif mpo insp"),
    "image/png": ("header", "png apng"),
    "image/webp": ("header", "webp"),
    "image/gif": ("header", "gif"),
    "image/bmp": ("header", "bmp dib"),
    "image/tiff": ("header", "tif tiff"),
    "image/heic": ("header", "heic heics hif"),
    "image/heif": ("header", "heif heifs"),
    "image/avif": ("header", "avif avifs"),
    "image/jxl": ("header", "jxl"),
    "image/jp2": ("header", "jp2 j2k jpf jpx jpm j2c jpc"),
    "image/vnd.adobe.photoshop": ("header", "psd psb"),
}
_RAWS: dict[str, tuple[Tier, str]] = {
    "image/x-adobe-dng": ("deep", "dng"),
    "image/x-canon-cr2": ("deep", "cr2"),
    "image/x-canon-cr3": ("deep", "cr3"),
    "image/x-canon-crw": ("deep", "crw"),
    "image/x-nikon-nef": ("deep", "nef"),
    "image/x-nikon-nrw": ("deep", "nrw"),
    "image/x-sony-arw": ("deep", "arw"),
    "image/x-sony-sr2": ("deep", "sr2"),
    "image/x-sony-srf": ("deep", "srf"),
    "image/x-olympus-orf": ("deep", "orf"),
    "image/x-panasonic-rw2": ("deep", "rw2"),
    "image/x-panasonic-raw": ("deep", "raw"),
    "image/x-pentax-pef": ("deep", "pef"),
    "image/x-fuji-raf": ("deep", "raf"),
    "image/x-minolta-mrw": ("deep", "mrw"),
    "image/x-samsung-srw": ("deep", "srw"),
    "image/x-leica-rwl": ("deep", "rwl"),
    "image/x-sigma-x3f": ("deep", "x3f"),
    "image/x-hasselblad-3fr": ("deep", "3fr"),
    "image/x-hasselblad-fff": ("deep", "fff"),
    "image/x-phaseone-iiq": ("deep", "iiq"),
    "image/x-kodak-kdc": ("deep", "kdc"),
    "image/x-kodak-dcr": ("deep", "dcr"),
    "image/x-epson-erf": ("deep", "erf"),
    "image/x-mamiya-mef": ("deep", "mef"),
    "image/x-leaf-mos": ("deep", "mos"),
    "image/x-gopro-gpr": ("deep", "gpr"),
}
_VIDEOS: dict[str, tuple[Tier, str]] = {
    "video/mp4": ("header", "mp4 m4v insv"),
    "video/quicktime": ("header", "mov qt"),
    "video/3gpp": ("header", "3gp 3gpp"),
    "video/3gpp2": ("header", "3g2"),
    "video/x-msvideo": ("header", "avi divx"),
    "video/x-matroska": ("header", "mkv"),
    "video/webm": ("header", "webm"),
    "video/x-flv": ("deep", "flv"),
    "video/x-ms-wmv": ("deep", "wmv asf"),
    "video/mpeg": ("deep", "mpg mpeg mpe vob"),
    "video/mp2t": ("deep", "mts m2ts ts m2t"),
    "video/ogg": ("deep", "ogv"),
}
_AUDIOS: dict[str, tuple[Tier, str]] = {
    "audio/mpeg": ("header", "mp3 mp2"),
    "audio/aac": ("deep", "aac"),
    "audio/mp4": ("header", "m4a m4b"),
    "audio/flac": ("header", "flac"),
    "audio/x-wav": ("header", "wav"),
    "audio/ogg": ("header", "ogg oga"),
    "audio/opus": ("header", "opus"),
    "audio/aiff": ("header", "aiff aif aifc"),
    "audio/x-ms-wma": ("deep", "wma"),
    "audio/amr": ("deep", "amr"),
    "audio/x-ape": ("deep", "ape"),
    "audio/x-musepack": ("deep", "mpc"),
    "audio/x-wavpack": ("deep", "wv"),
    "audio/x-dsf": ("header", "dsf"),
}

# Companions, documents, archives, programs and databases: never media, never opened to find out.
_OTHER = frozenset(
    b"""
    xmp aae json json5 csv tsv txt md rtf log nfo ini inf cfg conf toml yaml yml xml html htm mhtml css js url lnk
    desktop webloc torrent pp3 dop on1 onphoto arp nksc thm lrv lrf srt sub vtt ass cos cop cot vrd picasa lrcat
    lrprev lrdata pdf doc docx odt xls xlsx ods ppt pptx odp pages numbers key epub mobi gpx kml kmz fit tcx ics vcf
    eml ps eps ai indd cdr svg svgz drawio db sqlite sqlite3 mdb zip rar 7z tar gz tgz bz2 xz zst lz4 iso dmg img bak
    tmp temp part crdownload partial swp lock exe dll so msi bin dat sh bat cmd ps1 py pyc c h java class jar apk ipa
    ttf otf woff woff2 eot ico icns cur ani pem crt gpg asc sig md5 sha1 sha256 sfv par2 m3u m3u8 pls cue lrc
    plist ctg bup ifo mpl cpi bdm tid idx modd moff dup info chk rsp pek pkf
    """.split()
)
_OTHER_NAMES = frozenset(
    {b"thumbs.db", b"desktop.ini", b".ds_store", b".nomedia", b"picasa.ini", b".picasa.ini", b"readme", b"license",
     b"makefile", b".gitignore", b".directory", b".hidden", b".localized", b"icon\r"}
)  # fmt: skip


def _by_extension() -> dict[bytes, MediaGuess]:
    tables: tuple[tuple[Kind, dict[str, tuple[Tier, str]], bool], ...] = (
        ("photo", _PHOTOS, False),
        ("photo", _RAWS, True),
        ("video", _VIDEOS, False),
        ("audio", _AUDIOS, False),
    )
    return {
        extension.encode(): MediaGuess(kind, mime, is_raw)
        for kind, table, is_raw in tables
        for mime, (_, extensions) in table.items()
        for extension in extensions.split()
    }


_GUESSES = _by_extension()
TIERS: dict[str, Tier] = {
    mime: tier for table in (_PHOTOS, _RAWS, _VIDEOS, _AUDIOS) for mime, (tier, _) in table.items()
}
_MIME_GUESSES = {guess.mime: guess for guess in reversed(_GUESSES.values())}
_CUSTOMARY = {
    mime: extensions.split()[0]
    for table in (_PHOTOS, _RAWS, _VIDEOS, _AUDIOS)
    for mime, (_, extensions) in table.items()
}
_SCREENSHOT = re.compile(
    rb"(?i)(?:^|[^a-z])screen[ _-]?shots?(?:[^a-z]|$)|^bildschirmfoto|^capture d.\S*cran"
)


def guess(name: bytes) -> MediaGuess | None:
    """Return what the extension promises, or None if it promises no media. AppleDouble files (`._x`) do not."""
    if name.startswith(b"._"):
        return None
    return _GUESSES.get(_extension(name))


def is_known_other(name: bytes) -> bool:
    """Tell whether the name says: certainly no media (sidecar, document, archive …), so never sniff it."""
    lowered = name.lower()
    return name.startswith(b"._") or lowered in _OTHER_NAMES or _extension(name) in _OTHER


def verdict_on_name(name: bytes) -> NameVerdict:
    """Return media (a row at first sight), other (never opened) or unknown (to be sniffed)."""
    if guess(name) is not None:
        return "media"
    return "other" if is_known_other(name) else "unknown"


def guess_of_mime(mime: str) -> MediaGuess | None:
    """Return kind and rawness of a type of ours, or None."""
    return _MIME_GUESSES.get(mime)


def tier_of(mime: str) -> Tier:
    """Return the tier that completes facts of this type; unknown types need exiftool."""
    return TIERS.get(mime, "deep")


def extension_of(mime: str) -> str:
    """Return the customary extension of a type, without dot; `bin` if we know none."""
    return _CUSTOMARY.get(mime, "bin")


def looks_like_screenshot(name: bytes) -> bool:
    """Tell whether the file's name says that it is a screenshot (Android, iOS, macOS, Windows, GNOME)."""
    return _SCREENSHOT.search(name) is not None


def _extension(name: bytes) -> bytes:
    dot = name.rfind(b".")
    return name[dot + 1 :].lower() if dot > 0 else b""
