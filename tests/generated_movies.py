"""Movies and sounds with known answers: MP4, MOV, M4A, Matroska, WebM, AVI, MP3, FLAC, Ogg, WAV, AIFF.

For tests only. Headers without samples, built by hand from the formats' own definitions.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

from generated_case import Case
from media_files import SECONDS_1904_TO_1970, box, flac, jpeg, movie, png, wav, xmp_packet

MVHD, KEYS = "QuickTime:CreateDate", "QuickTime:Keys:CreationDate"
DAY = "QuickTime:UserData:ContentCreateDate"
JUNE_UNIX = 1_624_474_297  # 2021-06-23T18:51:37Z
JUNE = JUNE_UNIX + SECONDS_1904_TO_1970
UTC = "2021-06-23T18:51:37"
LIVE = "6C9F3A54-8E21-4C69-A5D8-1F04A3E5B7C2"
COVER = jpeg(size=(24, 24), seed=9)
FILM: dict[str, Any] = {
    "kind": "video",
    "mime": "video/mp4",
    "width": 1920,
    "height": 1080,
    "duration_s": 2.0,
    "codec": "avc1",
}
MOV = FILM | {"mime": "video/quicktime"}
SOUND: dict[str, Any] = {"kind": "audio"}
WORDS = {"artist": "Ä. Artist", "album": "An album", "genre": "Rock", "track": 3}


def inside_moov(content: bytes, more: bytes) -> bytes:
    """Return a movie whose movie box holds `more` at its end."""
    at = content.index(b"moov") - 4
    (size,) = struct.unpack_from(">I", content, at)
    return (
        content[:at]
        + struct.pack(">I", size + len(more))
        + content[at + 4 : at + size]
        + more
        + content[at + size :]
    )


def itunes(entries: Mapping[bytes, tuple[int, bytes]]) -> bytes:
    """Return user data with iTunes' list: name -> (kind of value, value). Its `meta` has a version."""
    values = b"".join(
        box(name, box(b"data", struct.pack(">II", kind, 0) + value))
        for name, (kind, value) in entries.items()
    )
    handler = box(b"hdlr", bytes(8) + b"mdir" + bytes(13))
    return box(b"udta", box(b"meta", bytes(4) + handler + box(b"ilst", values)))


def _movie_cases() -> list[Case]:
    dated = {"dates": {MVHD: UTC}}
    keys = {
        "com.apple.quicktime.creationdate": "2021-06-23T20:51:37+0200",
        "com.apple.quicktime.location.ISO6709": "+35.6895+139.6917+040.5/",
        "com.apple.quicktime.make": "Apple",
        "com.apple.quicktime.model": "iPhone 13",
        "com.apple.quicktime.software": "15.4",
        "com.apple.quicktime.content.identifier": LIVE,
        "com.apple.quicktime.title": "A title",
    }
    apple = {
        "make": "Apple",
        "model": "iPhone 13",
        "software": "15.4",
        "lat": 35.6895,
        "lon": 139.6917,
        "alt": 40.5,
        "live_id": LIVE,
        "dates": {KEYS: ("2021-06-23T20:51:37", 120), MVHD: UTC},
        "descriptive": {"title": "A title"},
    }
    huge = box(b"ftyp", b"isom" + bytes(8)) + movie(created=JUNE, has_ftyp=False)[:-72]
    endless = movie(created=JUNE)
    nested = box(b"moov", box(b"trak", b"") * 40)
    return [
        Case("a movie header of version 0", "a.mp4", movie(created=JUNE), FILM | dated),
        Case("a movie header of version 1", "a.mp4", movie(created=JUNE, version=1), FILM | dated),
        Case("a movie header that counts from 1970", "a.mp4", movie(created=JUNE_UNIX), FILM | dated),
        Case("version 1 that counts from 1970", "a.mp4", movie(created=JUNE_UNIX, version=1), FILM | dated),
        Case("a clock that was never set", "a.mp4", movie(created=0), FILM | {"dates": {MVHD: None}}),
        Case("a QuickTime movie", "a.mov", movie(created=JUNE, brand=b"qt  "), MOV | dated),
        Case("an old export without ftyp", "a.mov", movie(created=JUNE, has_ftyp=False, is_mdat_first=True), MOV | dated),
        Case("Apple's keys", "a.mov", movie(created=JUNE, brand=b"qt  ", keys=keys), MOV | apple),
        Case(
            "user data of a phone",
            "a.mp4",
            movie(created=JUNE, user_data={b"\xa9day": "2015-12-12T08:59:26+0100", b"\xa9xyz": "-33.8567+151.2152/", b"\xa9mak": "S"}),
            FILM
            | {"make": "S", "lat": -33.8567, "lon": 151.2152}
            | {"dates": {DAY: ("2015-12-12T08:59:26", 60), MVHD: UTC}},
        ),
        Case("no place is (0, 0)", "a.mp4", movie(created=JUNE, user_data={b"\xa9xyz": "+00.0000+000.0000/"}), FILM | dated),
        Case("a film on its side", "a.mp4", movie(created=JUNE, rotation=90), FILM | dated | {"rotation_deg": 90}),
        Case("a film upside down", "a.mp4", movie(created=JUNE, rotation=180), FILM | dated | {"rotation_deg": 180}),
        Case(
            "XMP behind a film",
            "a.mp4",
            movie(created=JUNE, xmp=xmp_packet({"xmp:CreateDate": "2019-08-07T14:33:02"})),
            FILM | {"dates": {MVHD: UTC, "XMP-xmp:CreateDate": "2019-08-07T14:33:02"}},
        ),
        Case(
            "a title of iTunes, and the artist of a film is its creator",
            "a.m4v",
            inside_moov(movie(created=JUNE, brand=b"M4V "), itunes({b"\xa9nam": (1, b"A title"), b"\xa9ART": (1, b"Somebody")})),
            FILM | dated | {"descriptive": {"title": "A title", "creators": ["Somebody"]}},
        ),
        Case("a box that claims 2 GB", "a.mp4", huge + struct.pack(">I4s", 0x7FFFFFFF, b"mdat") + bytes(64), FILM | dated),
        Case(
            "a box that claims 2^63 bytes",
            "a.mp4",
            endless + struct.pack(">I4sQ", 1, b"free", 1 << 63),
            FILM | dated,
        ),
        Case("a box of size zero in front", "a.mp4", endless[:20] + struct.pack(">I4s", 0, b"free"), {
            "kind": "video", "mime": "video/mp4", "findings": ["mp4"]
        }),
        Case("a recording that was broken off", "a.mp4", endless[:20] + box(b"mdat", bytes(99)), {
            "kind": "video", "mime": "video/mp4", "findings": ["mp4"]
        }),
        Case("tracks without anything in them", "a.mov", nested, {"kind": "video", "mime": "video/quicktime"}),
        Case("a film called HEIC", "a.heic", movie(created=JUNE), FILM | dated),
        Case("3GP", "a.3gp", movie(created=JUNE, brand=b"3gp4"), FILM | dated | {"mime": "video/3gpp"}),
    ]  # fmt: skip


def _m4a_cases() -> list[Case]:
    plain = SOUND | {"mime": "audio/mp4", "duration_s": 2.0, "codec": "mp4a", "dates": {MVHD: UTC}}
    words = {
        b"\xa9nam": (1, b"A song"),
        b"\xa9ART": (1, "Ä. Artist".encode()),
        b"\xa9alb": (1, b"An album"),
        b"\xa9gen": (1, b"Rock"),
        b"\xa9day": (1, b"1999"),
        b"trkn": (0, struct.pack(">HHHH", 0, 3, 12, 0)),
        b"covr": (13, COVER),
    }
    song = movie(created=JUNE, brand=b"M4A ", has_video=False)
    cover = png(size=(8, 8))
    return [
        Case("an M4A without words", "a.m4a", song, plain),
        Case(
            "an M4A with words and a cover",
            "a.m4a",
            inside_moov(song, itunes(words)),
            plain
            | {"audio": WORDS, "descriptive": {"title": "A song"}, "previews": [("cover", 24, 24, COVER)]}
            | {"dates": {MVHD: UTC, DAY: "1999"}},
        ),
        Case("a cover that is no JPEG", "a.m4a", inside_moov(song, itunes({b"covr": (14, cover)})), plain),
        Case(
            "a film without pictures is sound",
            "a.mp4",
            inside_moov(movie(created=JUNE, has_video=False), itunes({b"\xa9ART": (1, b"A")})),
            plain | {"mime": "video/mp4", "audio": {"artist": "A"}},
        ),
    ]


# ---- EBML, RIFF


def element(number: int, content: bytes, *, is_endless: bool = False) -> bytes:
    """Return one EBML element; an endless one is of unknown size."""
    name = number.to_bytes((number.bit_length() + 7) // 8, "big")
    size = b"\x01" + b"\xff" * 7 if is_endless else struct.pack(">Q", len(content) | 1 << 56)
    return name + size + content


def matroska(
    kind: bytes,
    *,
    date_ns: int | None = None,
    has_video: bool = True,
    is_endless: bool = False,
    title: bytes = b"",
) -> bytes:
    """Return a Matroska or WebM of 5.5 seconds without clusters' content."""
    info = element(0x2AD7B1, (1_000_000).to_bytes(3, "big")) + element(0x4489, struct.pack(">d", 5500.0))
    info += element(0x4461, struct.pack(">q", date_ns)) if date_ns is not None else b""
    info += element(0x7BA9, title) if title else b""
    size = element(0xB0, (640).to_bytes(2, "big")) + element(0xBA, (360).to_bytes(2, "big"))
    video = element(0xAE, element(0x83, b"\1") + element(0x86, b"V_VP9") + element(0xE0, size))
    sound = element(0xAE, element(0x83, b"\2") + element(0x86, b"A_OPUS"))
    tracks = element(0x1654AE6B, (video if has_video else b"") + sound)
    segment = (
        element(0x114D9B74, bytes(30)) + element(0x1549A966, info) + tracks + element(0x1F43B675, bytes(50))
    )
    head = element(0x1A45DFA3, element(0x4282, kind))
    return head + element(0x18538067, segment, is_endless=is_endless)


def riff(form: bytes, *chunks: bytes) -> bytes:
    """Return a RIFF file."""
    body = form + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def riff_chunk(kind: bytes, content: bytes) -> bytes:
    """Return one chunk, padded."""
    return kind + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def avi(*more: bytes) -> bytes:
    """Return an AVI of 2.5 s with further chunks in and behind its header list."""
    header = riff_chunk(b"avih", struct.pack("<I12xI12xII16x", 40_000, 62, 320, 240))
    stream = riff_chunk(b"LIST", b"strl" + riff_chunk(b"strh", b"vidsMJPG" + bytes(48)))
    return riff(
        b"AVI ",
        riff_chunk(b"LIST", b"hdrl" + header + stream),
        *more,
        riff_chunk(b"LIST", b"movi" + bytes(40)),
    )


def _other_film_cases() -> list[Case]:
    # 2021-06-23T18:51:37Z in nanoseconds since 2001.
    date_ns = (JUNE_UNIX - 978_307_200) * 10**9
    mkv = {
        "kind": "video",
        "mime": "video/x-matroska",
        "width": 640,
        "height": 360,
        "duration_s": 5.5,
        "codec": "V_VP9",
    }
    webm = mkv | {"mime": "video/webm"}
    dated = {"dates": {"Matroska:DateTimeOriginal": UTC}}
    film = {
        "kind": "video",
        "mime": "video/x-msvideo",
        "width": 320,
        "height": 240,
        "duration_s": 2.48,
        "codec": "MJPG",
    }
    recorded = {"dates": {"RIFF:DateTimeOriginal": "2003-03-10T15:04:43"}}
    info = riff_chunk(
        b"LIST",
        b"INFO" + riff_chunk(b"ICRD", b"2003-03-10 15:04:43\0") + riff_chunk(b"ISFT", b"CanonMVI01\0"),
    )
    return [
        Case("a Matroska with its date", "a.mkv", matroska(b"matroska", date_ns=date_ns), mkv | dated),
        Case("a Matroska from before 2001", "a.mkv", matroska(b"matroska", date_ns=-(10**18)), mkv | {
            "dates": {"Matroska:DateTimeOriginal": "1969-04-24T22:13:20"}
        }),
        Case("a WebM with a title", "a.webm", matroska(b"webm", title=b"A title"), webm | {"descriptive": {"title": "A title"}}),
        Case("a WebM that was broken off", "a.webm", matroska(b"webm", is_endless=True), webm),
        Case("a WebM of sound", "a.webm", matroska(b"webm", has_video=False), {
            "kind": "audio", "mime": "video/webm", "duration_s": 5.5, "codec": "A_OPUS"
        }),
        Case("EBML without a segment", "a.mkv", b"\x1a\x45\xdf\xa3\x84matr" + bytes(60), {
            "kind": "video", "mime": "video/x-matroska", "findings": ["x-matroska"]
        }),
        Case("an AVI with C's date", "a.avi", avi(riff_chunk(b"IDIT", b"Mon Mar 10 15:04:43 2003\n\0")), film | recorded),
        Case("an AVI with EXIF's date", "a.avi", avi(riff_chunk(b"IDIT", b"2003:03:10 15:04:43\0")), film | recorded),
        Case("an AVI with INFO", "a.avi", avi(info), film | recorded | {"software": "CanonMVI01"}),
        Case("an AVI without a date", "a.avi", avi(), film | {"needs_deep": True}),
    ]  # fmt: skip


# ---- sounds


def synchsafe(number: int) -> bytes:
    """Return a number of ID3 in four times seven bits."""
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


def id3(version: int, frames: Mapping[str, bytes], *, flags: int = 0) -> bytes:
    """Return an ID3v2 tag: name -> content with its encoding byte."""
    body = b""
    for name, content in frames.items():
        if version == 2:
            body += name.encode() + len(content).to_bytes(3, "big") + content
        else:
            length = synchsafe(len(content)) if version == 4 else struct.pack(">I", len(content))
            body += name.encode() + length + b"\0\0" + content
    if flags & 0x80:
        body = body.replace(b"\xff", b"\xff\0")
    return b"ID3" + bytes((version, 0, flags)) + synchsafe(len(body) + 20) + body + bytes(20)


def sound(frames: int, *, head: bytes = b"") -> bytes:
    """Return MP3 frames of 128 kbit/s and 44.1 kHz, silent; `head` is an encoder's header in the first one."""
    frame = b"\xff\xfb\x90\x64"
    first = frame + bytes(32) + head
    return first.ljust(417, b"\0") + (frame.ljust(417, b"\0")) * (frames - 1)


def apic(picture: bytes) -> bytes:
    """Return the content of an ID3 picture frame."""
    return b"\0image/jpeg\0\3\0" + picture


def comments(entries: Sequence[str]) -> bytes:
    """Return a Vorbis comment block."""
    packed = [one.encode() for one in entries]
    return (
        struct.pack("<I", 0)
        + struct.pack("<I", len(packed))
        + b"".join(struct.pack("<I", len(one)) + one for one in packed)
    )


def ogg(packets: Sequence[bytes], last_position: int) -> bytes:
    """Return one Ogg stream: a page per packet, longer packets over several pages, and a last page at a position."""
    pages, number = b"", 0
    for packet in packets:
        lacings = [255] * (len(packet) // 255) + [len(packet) % 255]
        at = 0
        while lacings:
            table, lacings = lacings[:255], lacings[255:]
            content, at = packet[at : at + sum(table)], at + sum(table)
            pages += _page(number, 0, bytes(table), content)
            number += 1
    return pages + _page(number, last_position, b"\x0a", bytes(10))


def _page(number: int, position: int, table: bytes, content: bytes) -> bytes:
    return b"OggS\0\0" + struct.pack("<QIIIB", position, 77, number, 0, len(table)) + table + content


def aiff(*more: bytes) -> bytes:
    """Return an AIFF of one second at 44.1 kHz without its samples."""
    rate = struct.pack(">HQ", 0x400E, 44_100 << 48)
    common = b"COMM" + struct.pack(">IhIh", 18, 2, 44_100, 16) + rate
    body = b"AIFF" + common + b"".join(more)
    return b"FORM" + struct.pack(">I", len(body)) + body


TAGS = (
    "TITLE=A song",
    "ARTIST=Ä. Artist",
    "album=An album",
    "GENRE=Rock",
    "TRACKNUMBER=3/12",
    "DATE=1999-05",
)
TOLD = {"audio": WORDS, "descriptive": {"title": "A song"}, "dates": {"Vorbis:Date": "1999-05"}}


def _mp3_cases() -> list[Case]:
    mp3 = SOUND | {"mime": "audio/mpeg", "codec": "mp3"}
    second = mp3 | {"duration_s": 40 * 417 * 8 / 128_000}
    words = {"audio": WORDS, "descriptive": {"title": "A song"}, "dates": {"ID3:RecordingTime": "1999"}}
    latin = {
        "TIT2": b"\0A song",
        "TPE1": "\0Ä. Artist".encode("latin-1"),
        "TALB": b"\0An album\0",
        "TCON": b"\0(17)Rock",
        "TRCK": b"\x003/12",
        "TYER": b"\x001999",
    }
    wide = latin | {"TPE1": b"\1" + "Ä. Artist".encode("utf-16")}
    modern = {name: b"\3" + one[1:] for name, one in latin.items() if name != "TYER"}
    modern |= {"TPE1": b"\3" + "Ä. Artist".encode(), "TCON": b"\3Rock", "TDRC": b"\x031999-05-02"}
    short = {"TT2": latin["TIT2"], "TP1": latin["TPE1"], "TAL": latin["TALB"], "TCO": latin["TCON"]}
    short |= {"TRK": latin["TRCK"], "TYE": latin["TYER"]}
    xing = b"Xing" + struct.pack(">II", 1, 1000)
    vbri = bytes(0) + b"VBRI" + bytes(6) + struct.pack(">II", 417 * 40, 500)
    old = (
        b"TAG"
        + b"A song".ljust(30, b"\0")
        + "Ä. Artist".encode("latin-1").ljust(30)
        + b"An album".ljust(30, b"\0")
    )
    old = (old + b"1999").ljust(128, b"\0")
    first = {"artist": "Ä. Artist", "album": "An album"}
    return [
        Case("an MP3 without a tag", "a.mp3", sound(40), second),
        Case("ID3v2.3", "a.mp3", id3(3, latin) + sound(40), second | words),
        Case("ID3v2.3 in UTF-16", "a.mp3", id3(3, wide) + sound(40), second | words),
        Case("ID3v2.2", "a.mp3", id3(2, short) + sound(40), second | words),
        Case("ID3v2.4", "a.mp3", id3(4, modern) + sound(40), second | words | {"dates": {"ID3:RecordingTime": "1999-05-02"}}),
        Case("ID3v1", "a.mp3", sound(40) + old, second | words | {"audio": first}),
        Case("a tag that was unsynchronised", "a.mp3", id3(3, latin | {"APIC": apic(COVER)}, flags=0x80) + sound(40), second | words),
        Case("an MP3's cover", "a.mp3", id3(3, {"APIC": apic(COVER)}) + sound(40), second | {"previews": [("cover", 24, 24, COVER)]}),
        Case("frames that the encoder counted", "a.mp3", sound(40, head=xing), mp3 | {"duration_s": 1000 * 1152 / 44_100}),
        Case("frames that Fraunhofer counted", "a.mp3", sound(40, head=vbri), mp3 | {"duration_s": 500 * 1152 / 44_100}),
        Case("a tag and nothing else", "a.mp3", id3(3, latin), mp3 | words | {"findings": ["mp3"]}),
        Case("a frame longer than its tag", "a.mp3", id3(3, latin).replace(b"\0\0\0\x07\0\0\0A song", b"\x7f\0\0\x07\0\0\0A song") + sound(40), second),
    ]  # fmt: skip


def _sound_cases() -> list[Case]:
    header = b"\x01vorbis" + struct.pack("<IBIIIIBB", 0, 2, 8000, 0, 64_000, 0, 0xB8, 1)
    opus = b"OpusHead" + struct.pack("<BBHIHB", 1, 2, 312, 48_000, 0, 0)
    long_block = comments((*TAGS, "LYRICS=" + "la " * 30_000))
    picture = (
        struct.pack(">II", 3, 10)
        + b"image/jpeg"
        + struct.pack(">I4xIIII", 0, 24, 24, 24, 0)[:4]
        + struct.pack(">IIII", 24, 24, 24, 0)
    )
    picture += struct.pack(">I", len(COVER)) + COVER
    info = flac(seconds=2.5)[:42]
    block = comments(TAGS)
    tagged = (
        info.replace(b"fLaC\x80", b"fLaC\0", 1)
        + b"\4" + len(block).to_bytes(3, "big") + block
        + b"\x86" + len(picture).to_bytes(3, "big") + picture
    )  # fmt: skip
    plain_flac = SOUND | {"mime": "audio/flac", "codec": "flac", "duration_s": 2.5}
    vorbis = SOUND | {"mime": "audio/ogg", "codec": "vorbis"}
    wave = SOUND | {"mime": "audio/x-wav", "codec": "pcm", "duration_s": 1.5}
    aiff_sound = SOUND | {"mime": "audio/aiff", "codec": "pcm", "duration_s": 1.0}
    cover = {"previews": [("cover", 24, 24, COVER)]}
    wav_info = riff_chunk(
        b"LIST",
        b"INFO"
        + riff_chunk(b"INAM", b"A song\0")
        + riff_chunk(b"IART", "Ä. Artist".encode())
        + riff_chunk(b"ICRD", b"1999\0"),
    )
    song = {"audio": {"artist": "Ä. Artist"}, "descriptive": {"title": "A song"}}
    tag = id3(3, {"TIT2": b"\0A song", "TPE1": "\0Ä. Artist".encode("latin-1")})
    return [
        Case("a FLAC with words and a cover", "a.flac", tagged, plain_flac | TOLD | cover),
        Case("a FLAC behind ID3", "a.flac", id3(3, {"TIT2": b"\0no"}) + tagged, plain_flac | TOLD | cover),
        Case("an Ogg Vorbis", "a.ogg", ogg([header, b"\x03vorbis" + block], 24_000), vorbis | TOLD | {"duration_s": 3.0}),
        Case("comments over many pages", "a.ogg", ogg([header, b"\x03vorbis" + long_block], 8_000), vorbis | TOLD | {"duration_s": 1.0}),
        Case("an Opus", "a.opus", ogg([opus, b"OpusTags" + block], 312 + 96_000), SOUND | TOLD | {"mime": "audio/opus", "codec": "opus", "duration_s": 2.0}),
        Case("an Ogg with a damaged comment", "a.ogg", ogg([header, b"\x03vorbis" + block[:9]], 8_000), vorbis | {"duration_s": 1.0, "findings": ["vorbis"]}),
        Case("a WAV", "a.wav", wav(seconds=1.5), wave),
        Case("a broadcast WAV", "a.wav", wav(seconds=1.5, recorded=("2019-08-07", "14:33:02")), wave | {"dates": {"RIFF:DateTimeOriginal": "2019-08-07T14:33:02"}}),
        Case("a WAV with INFO", "a.wav", wav(seconds=1.5) + wav_info, wave | song | {"dates": {"RIFF:DateTimeOriginal": "1999"}}),
        Case("a WAV with ID3", "a.wav", wav(seconds=1.5) + riff_chunk(b"id3 ", tag), wave | song),
        Case("an AIFF", "a.aiff", aiff(), aiff_sound),
        Case("an AIFF with ID3", "a.aiff", aiff(b"ID3 " + struct.pack(">I", len(tag)) + tag), aiff_sound | song),
        Case("an AIFF's own words", "a.aif", aiff(b"NAME" + struct.pack(">I", 6) + b"A song"), aiff_sound | {"descriptive": {"title": "A song"}}),
    ]  # fmt: skip


CASES: list[Case] = [
    *_movie_cases(),
    *_m4a_cases(),
    *_other_film_cases(),
    *_mp3_cases(),
    *_sound_cases(),
]
