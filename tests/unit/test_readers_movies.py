"""Header readers of video and sound: clocks, keys, places, sizes, rotation, lengths."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from catalog.facts import Facts
from catalog.media_types import tier_of
from daemon.media.header import read_header
from daemon.media.source import BUDGET_BYTES, ByteSource, MemorySource
from media_files import SECONDS_1904_TO_1970, box, flac, movie, wav, xmp_packet

MVHD, KEYS = "QuickTime:CreateDate", "QuickTime:Keys:CreationDate"
DAY = "QuickTime:UserData:ContentCreateDate"
JUNE = 1_624_474_297 + SECONDS_1904_TO_1970  # 2021-06-23T18:51:37Z


def _read(content: bytes, name: bytes = b"x.mp4") -> Facts:
    return read_header(MemorySource(content), name)


def _dates(facts: Facts) -> dict[str, str | None]:
    return {one.source: one.local for one in facts.candidates}


@pytest.mark.parametrize("version", [0, 1])
@pytest.mark.parametrize("is_mdat_first", [False, True])
def test_a_movie_tells_clock_length_and_size_in_both_versions(version: int, is_mdat_first: bool) -> None:
    facts = _read(
        movie(created=JUNE, version=version, duration_s=36.9, size=(1280, 720), is_mdat_first=is_mdat_first)
    )
    assert facts.findings == ()
    assert (facts.kind, facts.mime, facts.width, facts.height) == ("video", "video/mp4", 1280, 720)
    assert facts.duration_s == pytest.approx(36.9)
    (candidate,) = facts.candidates
    assert (candidate.source, candidate.local, candidate.is_utc) == (MVHD, "2021-06-23T18:51:37", True)


def test_creation_is_taken_and_not_modification() -> None:
    # immich-go swapped the two; the builder writes a modification five seconds later.
    assert _dates(_read(movie(created=JUNE, version=1)))[MVHD] == "2021-06-23T18:51:37"


def test_a_zero_clock_is_a_rejected_candidate_and_1970_counts_from_1970() -> None:
    (candidate,) = _read(movie(created=0)).candidates
    assert candidate.rejected
    assert _dates(_read(movie(created=1_624_474_297)))[MVHD] == "2021-06-23T18:51:37"


def test_apples_keys_tell_date_place_camera_and_the_live_photos_id() -> None:
    facts = _read(
        movie(
            created=JUNE,
            brand=b"qt  ",
            keys={
                "com.apple.quicktime.creationdate": "2019-02-12T15:27:12+0800",
                "com.apple.quicktime.location.ISO6709": "+35.6895+139.6917+040.5/",
                "com.apple.quicktime.make": "Apple",
                "com.apple.quicktime.model": "iPhone 13",
                "com.apple.quicktime.content.identifier": "ABC-123",
            },
        ),
        b"x.mov",
    )
    key = next(one for one in facts.candidates if one.source == KEYS)
    assert (key.local, key.offset_min) == ("2019-02-12T15:27:12", 480)
    assert (facts.mime, facts.make, facts.model) == ("video/quicktime", "Apple", "iPhone 13")
    assert (facts.lat, facts.lon, facts.alt) == (35.6895, 139.6917, 40.5)
    assert facts.extra["live_id"] == "ABC-123"


def test_user_data_tells_day_place_and_camera() -> None:
    facts = _read(
        movie(
            user_data={
                b"\xa9day": "2015-12-12T08:59:26+0100",
                b"\xa9xyz": "-33.8567+151.2152/",
                b"\xa9mak": "Samsung",
                b"\xa9mod": "SM-G991",
            }
        )
    )
    assert _dates(facts)[DAY] == "2015-12-12T08:59:26"
    assert (facts.lat, facts.lon) == (-33.8567, 151.2152)
    assert (facts.make, facts.model) == ("Samsung", "SM-G991")


@pytest.mark.parametrize(
    ("text", "lat", "lon"),
    [
        ("+48.8125+002.4862/", 48.8125, 2.4862),
        ("48.8125+2.4862/", 48.8125, 2.4862),
        ("+4848.75+00229.172/", 48.8125, 2.4862),
        ("-483000+0023000/", -48.5, 2.5),
        ("+00.0000+000.0000/", None, None),
        ("nonsense", None, None),
    ],
)
def test_places_are_read_in_all_forms_of_iso_6709(text: str, lat: float | None, lon: float | None) -> None:
    facts = _read(movie(user_data={b"\xa9xyz": text}))
    assert facts.lat == (pytest.approx(lat) if lat is not None else None)
    assert facts.lon == (pytest.approx(lon) if lon is not None else None)


@pytest.mark.parametrize(("rotation", "told"), [(0, None), (90, 90), (180, 180), (270, 270)])
def test_the_size_is_the_stored_one_and_rotation_is_noted(rotation: int, told: int | None) -> None:
    facts = _read(movie(size=(1920, 1080), rotation=rotation))
    assert (facts.width, facts.height) == (1920, 1080)
    assert facts.extra.get("rotation_deg") == told


def test_a_file_with_sound_only_is_sound() -> None:
    facts = _read(movie(has_video=False))
    assert (facts.kind, facts.width) == ("audio", None)
    assert _read(movie(has_video=False, brand=b"M4A "), b"x.m4a").mime == "audio/mp4"


def test_xmp_in_a_movie_is_read() -> None:
    facts = _read(movie(created=JUNE, xmp=xmp_packet({"xmp:CreateDate": "2019-02-15T16:13:20-05:00"})))
    assert _dates(facts)["XMP-xmp:CreateDate"] == "2019-02-15T16:13:20"


def test_an_old_export_without_ftyp_is_a_movie() -> None:
    assert _read(movie(created=JUNE, has_ftyp=False, is_mdat_first=True), b"x.mov").mime == "video/quicktime"


def test_an_unfinished_recording_is_a_finding() -> None:
    facts = _read(box(b"ftyp", b"isom" + bytes(8)) + box(b"mdat", bytes(100)))
    assert facts.kind == "video"
    assert "not finished" in facts.findings[0].reason


@pytest.mark.parametrize("gigabytes", [2, 5])
def test_a_movie_header_behind_gigabytes_is_hopped_to_and_nothing_between_is_read(
    tmp_path: Path, gigabytes: int
) -> None:
    content = movie(created=JUNE)
    head, moov = content[:20], content[20:-72]
    media = gigabytes << 30
    path = tmp_path / "x.mp4"
    with path.open("wb") as file:
        file.write(head + struct.pack(">I4sQ", 1, b"mdat", media))
        file.seek(len(head) + media)
        file.write(moov)
    with path.open("rb") as file:
        source = ByteSource(file.fileno(), path.stat().st_size)
        facts = read_header(source, b"x.mp4")
        assert source.bytes_left > BUDGET_BYTES - 300_000
    assert (_dates(facts)[MVHD], facts.findings) == ("2021-06-23T18:51:37", ())


def test_an_unknown_length_is_none() -> None:
    content = movie(duration_s=2.0).replace((2000).to_bytes(4, "big"), b"\xff\xff\xff\xff")
    assert _read(content).duration_s is None


def test_a_wav_tells_length_and_recording_date() -> None:
    facts = _read(wav(seconds=1.5, recorded=("2019-08-07", "14:33:02")), b"x.wav")
    assert (facts.kind, facts.duration_s) == ("audio", 1.5)
    assert _dates(facts) == {"RIFF:DateTimeOriginal": "2019-08-07T14:33:02"}


def test_a_flac_tells_length_and_year() -> None:
    facts = _read(flac(seconds=2.5, date="1999"), b"x.flac")
    assert (facts.kind, facts.duration_s) == ("audio", 2.5)
    assert _dates(facts) == {"Vorbis:Date": "1999"}


@pytest.mark.parametrize(
    ("content", "name", "mime"),
    [
        (b"\x1a\x45\xdf\xa3" + bytes(20) + b"webm" + bytes(40), b"x.mkv", "video/webm"),
        (b"\x1a\x45\xdf\xa3" + bytes(20) + b"matroska" + bytes(40), b"x", "video/x-matroska"),
        (b"OggS" + bytes(24) + b"OpusHead", b"x.ogg", "audio/opus"),
        (b"OggS" + bytes(24) + b"\x80theora", b"x.ogg", "video/ogg"),
        (b"OggS" + bytes(24) + b"\x01vorbis", b"x.ogv", "audio/ogg"),
        (b"ID3\x03" + bytes(100), b"x", "audio/mpeg"),
        (b"\xff\xfb\x90\x64" + bytes(100), b"x", "audio/mpeg"),
        (b"RIFF\0\0\0\0AVI LIST", b"x", "video/x-msvideo"),
        (b"FORM\0\0\0\0AIFFCOMM", b"x", "audio/aiff"),
        ((b"\x47" + bytes(187)) * 4, b"x.ts", "video/mp2t"),
        (b"\x00\x00\x01\xba" + bytes(20), b"x", "video/mpeg"),
        (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11" + bytes(20), b"x", "video/x-ms-wmv"),
        (b"FLV\x01" + bytes(20), b"x", "video/x-flv"),
        (b"8BPS" + bytes(20), b"x", "image/vnd.adobe.photoshop"),
        (b"FOVb" + bytes(20), b"x", "image/x-sigma-x3f"),
    ],
)
def test_formats_are_recognised_by_their_first_bytes_and_their_tier_is_the_tables(
    content: bytes, name: bytes, mime: str
) -> None:
    facts = _read(content, name)
    is_without_date = mime == "video/x-msvideo"  # exiftool may find one in the maker's chunks
    assert (facts.mime, facts.needs_deep) == (mime, tier_of(mime) == "deep" or is_without_date)


@pytest.mark.parametrize(
    "content", [b"const a: number = 1;\n" * 30, b"\xff\xff\xff\xff" * 50, b"BM" + bytes(60), b"RIFFxxxxNOPE"]
)
def test_what_only_looks_like_media_is_none(content: bytes) -> None:
    assert _read(content, b"x.ts").kind is None
