"""Mutations of files and packets: what breaks readers, drawn by a random generator and by nothing else.

Pure: the same generator and seeds give the same bytes. Each mutation is what some real bug was found with: flipped bits, cut
tails, parts of another file, lies in length fields, doubled chunks, foreign magic numbers, deep nesting.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from random import Random

MAX_BYTES = 256 * 1024  # a mutated input; larger seeds are cut first
_INTERESTING = (0, 1, 2, 4, 7, 8, 9, 16, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x10000)
_EXTREME = (
    *_INTERESTING,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFF8,
    0xFFFFFFFF,
    1 << 32,
    (1 << 63) - 1,
    1 << 63,
    (1 << 64) - 1,
)
_MAGIC: tuple[bytes, ...] = (
    b"\xff\xd8\xff\xe1", b"\xff\xd9", b"\xff\xda", b"\xff\xc0", b"Exif\0\0", b"II*\0", b"MM\0*", b"II+\0",
    b"ftyp", b"moov", b"mdat", b"meta", b"iloc", b"iinf", b"infe", b"iref", b"iprp", b"ipco", b"ipma", b"ispe",
    b"irot", b"idat", b"mvhd", b"tkhd", b"udta", b"keys", b"ilst", b"uuid", b"free", b"trak", b"stsd", b"mpvd",
    b"RIFF", b"WAVE", b"WEBP", b"AVI ", b"LIST", b"IHDR", b"IDAT", b"eXIf", b"iTXt", b"zTXt", b"IEND",
    b"8BIM", b"8BPS", b"\x1c\x02\x37", b"\x1c\x02\x19", b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67", b"\x15\x49\xa9\x66",
    b"ID3\x03", b"ID3\x04", b"TIT2", b"APIC", b"fLaC", b"OggS", b"JXL ", b"jxlc", b"Exif", b"xml ", b"brob",
    b"Apple iOS\0\0\1MM", b"Nikon\0\2", b"MPF\0", b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/\0",
    b"<!DOCTYPE a [<!ENTITY b 'c'>]>", b"&b;", b"&#0;", b"&#xD800;", b"<![CDATA[", b"<?xpacket", b"<rdf:li>", b"</rdf:Bag>",
    b"<rdf:Description ", b' xml:lang="x-default"', b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\xed\xa0\x80", b"\0",
    b'"photoTakenTime":{"timestamp":"', b"1e999", b"-1e5", b"NaN", b"Infinity", b"99999999999999999999", b"\\ud800", b"[" * 40,
)  # fmt: skip

Mutation = Callable[[bytearray, Random, Sequence[bytes]], None]


def mutated(seed: bytes, random: Random, seeds: Sequence[bytes]) -> bytes:
    """Return the seed after one to six mutations; `seeds` are what parts of others are taken from."""
    found = bytearray(seed[:MAX_BYTES])
    for _ in range(random.choice((1, 1, 1, 2, 2, 3, 6))):
        random.choice(_MUTATIONS)(found, random, seeds)
        del found[MAX_BYTES:]
    return bytes(found)


def _place(found: bytearray, random: Random) -> int:
    """Return a place, more often near the beginning, where headers are."""
    reach = random.choice((32, 256, 4096, len(found)))
    return random.randrange(min(len(found), reach)) if found else 0


def _flip_bits(found: bytearray, random: Random, seeds: Sequence[bytes]) -> None:
    for _ in range(random.randint(1, 16) if found else 0):
        found[_place(found, random)] ^= 1 << random.randrange(8)


def _set_bytes(found: bytearray, random: Random, seeds: Sequence[bytes]) -> None:
    for _ in range(random.randint(1, 8) if found else 0):
        found[_place(found, random)] = random.choice((0, 0xFF, 0x7F, 0x80, 0x20, random.randrange(256)))


def _cut(found: bytearray, random: Random, seeds: Sequence[bytes]) -> None:
    del found[_place(found, random) :]


def _splice(found: bytearray, random: Random, seeds: Sequence[bytes]) -> None:
    other = random.choice(seeds)
    start = random.randrange(len(other)) if other else 0
    part = other[start : start + random.choice((4, 16, 64, 512, 4096))]
    at = _place(found, random)
    found[at : at + random.choice((0, len(part)))] = part


def _lie_about_length(found: bytearray, random: Random, seeds: Sequence[bytes]) -> None:
    width = random.choice((1, 2, 4, 4, 4, 8))
    value = random.choice((*_EXTREME, len(found), max(len(found) - 8, 0), random.getrandbits(8 * width)))
    at = _place(found, random)
    at -= at % random.choice((1, 2, 4))
    packed = (value % (1 << 8 * width)).to_bytes(width, random.choice(("little", "big")))
    found[at : at + width] = packed


def _double_chunk(found: bytearray, random: Random, seeds: Sequence[bytes]) -> None:
    at = _place(found, random)
    part = bytes(found[at : at + random.choice((2, 8, 12, 40, 200, 2000))])
    times = random.choice((1, 2, 10, 100, 2000))
    goal = random.choice((at, _place(found, random)))
    found[goal:goal] = part * min(times, MAX_BYTES // max(len(part), 1))


def _drop_chunk(found: bytearray, random: Random, seeds: Sequence[bytes]) -> None:
    at = _place(found, random)
    del found[at : at + random.choice((1, 2, 4, 8, 12, 64, 512))]


def _foreign_magic(found: bytearray, random: Random, seeds: Sequence[bytes]) -> None:
    magic = random.choice(_MAGIC)
    at = _place(found, random)
    found[at : at + random.choice((0, len(magic)))] = magic


def _point_elsewhere(found: bytearray, random: Random, seeds: Sequence[bytes]) -> None:
    """Write the place of something into a field: loops and overlaps of structures that point."""
    at, goal = _place(found, random), _place(found, random)
    order = random.choice(("little", "big"))
    found[at : at + 4] = goal.to_bytes(4, order)


def _nest(found: bytearray, random: Random, seeds: Sequence[bytes]) -> None:
    at = _place(found, random)
    opening, closing = random.choice(
        ((b"<a>", b"</a>"), (b"[", b"]"), (b'{"a":', b"}"), (b"\0\0\xff\xffmoov", b""))
    )
    depth = random.choice((3, 40, 300, 5000))
    found[at:at] = opening * depth + random.choice((b"", closing * depth))


_VALUES = re.compile(rb'>([^<>]{1,200})<|"([^"<>]{0,200})"|:\s*(-?[0-9.]{1,40})')
_TEXTS: tuple[bytes, ...] = (
    b"", b" ", b"0", b"-1", b"-0", b"1e5", b"1e999", b"-1e-999", b"NaN", b"inf", b"true", b"6", b"0.5", b"1/0", b"-1/3",
    b"99999999999999999999999999", b"0000:00:00 00:00:00", b"2019-02-30T25:61:61+99:99", b"9999-12-31T23:59:59-14:00",
    b"-0001-01-01", b"2019", b"52,31.2N", b"999,99,99W", b"0,0N", b"a|b|c", b"|||", b"/", b"a/b", b"..", b"&amp;", b"&lt;b&gt;",
    b"x" * 5000, b"\xf0\x9f\xa6\x84", "\u202e\u0000e\u0301".encode(), b"\xff\xfe", b"equirectangular", b"[]", b"{}", b"null",
)  # fmt: skip


def _swap_value(found: bytearray, random: Random, seeds: Sequence[bytes]) -> None:
    """Put another text where XML or JSON has one, so that what is around it stays well-formed."""
    places = [match for match in _VALUES.finditer(found)]
    if not places:
        return
    for match in random.sample(places, min(len(places), random.choice((1, 1, 2, 5)))):
        group = next(number for number in (1, 2, 3) if match.group(number) is not None)
        start, end = match.span(group)
        if random.random() < 0.3:
            other = random.choice(places)
            text = bytes(other.group(next(n for n in (1, 2, 3) if other.group(n) is not None)))
        else:
            text = random.choice(_TEXTS)
        found[start:end] = text
        if len(text) != end - start:
            return  # the places behind it moved


_MUTATIONS: tuple[Mutation, ...] = (
    _flip_bits,
    _flip_bits,
    _set_bytes,
    _cut,
    _splice,
    _lie_about_length,
    _lie_about_length,
    _lie_about_length,
    _double_chunk,
    _drop_chunk,
    _foreign_magic,
    _point_elsewhere,
    _nest,
    _swap_value,
    _swap_value,
)
