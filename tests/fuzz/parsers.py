"""Fuzz our own parsers in one process: `PYTHONPATH=tests:. python -P -m fuzz.parsers --seed N --count N [--parser NAME] [--case N]`.

Case i of a parser is drawn by a generator seeded with (seed, parser, i), so one case can be run alone. A parser may answer
facts or refuse with `Malformed` or what `daemon.media.header` takes for damage; anything else is found: another exception, more
than `CPU_S` seconds, more than `MEMORY_BYTES`, facts that no message, no catalog or no reader downstream could hold. The
input is kept below `GLASSINE_FUZZ_KEEP` (else /var/tmp) and the process ends with 1.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import os
import resource
import signal
import struct
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from types import FrameType

from catalog.dates import SOURCES
from catalog.facts import EXTRA, Facts, facts_from_json
from daemon.frames import encode_frame
from daemon.media.draft import Draft
from daemon.media.exif import read_exif_block
from daemon.media.header import read_header
from daemon.media.iptc import read_iptc, read_photoshop
from daemon.media.sidecar import read_sidecar
from daemon.media.sniff import sniff
from daemon.media.source import ByteSource, Malformed
from daemon.media.xmp import read_xmp
from fuzz.mutations import mutated
from fuzz.seeds import file_seeds, iptc_seeds, takeout_seeds, xmp_seeds

CPU_S = 5.0  # of one input; readers take milliseconds, and the machine may be busy
MEMORY_BYTES = 1024 * 1024 * 1024  # what a normal worker has
DAMAGE = (
    Malformed,
    struct.error,
    IndexError,
    ValueError,
    OverflowError,
)  # what `read_header` takes for damage
_LARGEST = 1 << 63  # SQLite's integers end there

Parser = Callable[[bytes], Facts | None]


def _with_source(content: bytes, read: Callable[[ByteSource], Facts | None]) -> Facts | None:
    """Read through a real descriptor, so that budgets and bounded reads are those of a worker."""
    fd = os.memfd_create("fuzz")
    try:
        os.write(fd, content)
        return read(ByteSource(fd, len(content)))
    finally:
        os.close(fd)


def _header(content: bytes) -> Facts | None:
    return _with_source(content, lambda source: read_header(source, b"photo.jpg"))


def _sniff(content: bytes) -> Facts | None:
    mime = _with_source(content, lambda source: sniff(source, b"photo.jpg"))  # type: ignore[arg-type, return-value]
    assert mime is None or isinstance(mime, str)
    return None


def _drafted(read: Callable[[bytes, Draft], object]) -> Parser:
    def parse(content: bytes) -> Facts:
        draft = Draft(kind="photo", mime="image/jpeg")
        read(content, draft)
        return draft.facts("header")

    return parse


def _exif(content: bytes) -> Facts | None:
    def read(source: ByteSource) -> Facts:
        draft = Draft(kind="photo", mime="image/jpeg")
        read_exif_block(source, 0, draft)
        return draft.facts("header")

    return _with_source(content, read)


def _takeout(content: bytes) -> Facts | None:
    return _with_source(content, lambda source: read_sidecar(source, b"IMG_1.jpg.json"))


def _files(*extensions: str) -> Callable[[], Sequence[bytes]]:
    return lambda: [content for extension, content in file_seeds() if extension in extensions]


def _tiff_seeds() -> Sequence[bytes]:
    blocks = [content for content in _files("tif", "tiff", "dng", "nef", "arw", "cr2")()]
    return [*blocks, *(one[one.find(b"Exif\0\0") + 6 :] for one in _files("jpg")() if b"Exif\0\0" in one)]


# name -> (parser, its seeds)
PARSERS: dict[str, tuple[Parser, Callable[[], Sequence[bytes]]]] = {
    "xmp": (_drafted(read_xmp), xmp_seeds),
    "iptc": (_drafted(read_iptc), lambda: [one[12:] for one in iptc_seeds()]),
    "photoshop": (_drafted(read_photoshop), iptc_seeds),
    "tiff": (_exif, _tiff_seeds),
    "raw": (
        _header,
        _files("dng", "nef", "cr2", "cr3", "raf", "arw", "orf", "rw2", "crw", "iiq", "mrw", "x3f"),
    ),
    "jpeg": (_header, _files("jpg", "jpeg", "mpo")),
    "bmff": (_header, _files("mp4", "mov", "heic", "heif", "avif", "m4a", "3gp", "cr3", "jxl", "jp2", "hif")),
    "png": (_header, _files("png")),
    "riff": (_header, _files("webp", "wav", "avi")),
    "ebml": (_header, _files("mkv", "webm")),
    "id3": (_header, _files("mp3", "aiff", "wav")),
    "sound": (_header, _files("flac", "ogg", "opus", "dsf")),
    "other": (_header, _files("psd", "gif", "bmp", "tif", "bin")),
    "takeout": (_takeout, takeout_seeds),
    "sniff": (_sniff, lambda: [content for _, content in file_seeds()]),
}


class Hang(Exception):
    """A parser took too long."""


class Unfit(Exception):
    """Facts that something downstream could not hold; the text says what."""


def case_of(parser: str, seed: int, number: int) -> bytes:
    """Return the input of one case."""
    random = Random(f"{seed}/{parser}/{number}")
    seeds = _seeds_of(parser)
    return mutated(random.choice(seeds), random, seeds)


_SEEDS: dict[str, Sequence[bytes]] = {}


def _seeds_of(parser: str) -> Sequence[bytes]:
    if parser not in _SEEDS:
        _SEEDS[parser] = PARSERS[parser][1]() or [b"\0"]
    return _SEEDS[parser]


def run_case(parser: str, content: bytes) -> None:
    """Parse one input; raises whatever is found."""
    signal.setitimer(signal.ITIMER_PROF, CPU_S)
    try:
        facts = PARSERS[parser][0](content)
    except DAMAGE:
        facts = None
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    if facts is not None:
        examine(facts, len(content))


def examine(facts: Facts, size: int) -> None:
    """Raise Unfit for facts that a message, the catalog or a reader of previews could not hold."""
    document = facts.to_json()
    encode_frame(document)  # 64-bit numbers, no half characters, bounded
    if facts_from_json(document).to_json() != document:
        raise Unfit("facts change on the way through JSON")
    for name in ("width", "height", "orientation", "duration_s", "lat", "lon", "alt"):
        value = getattr(facts, name)
        if value is not None and not (math.isfinite(value) and abs(value) < _LARGEST):
            raise Unfit(f"{name} is {value}")
    if facts.lat is not None and not (abs(facts.lat) <= 90 and abs(facts.lon or 0.0) <= 180):
        raise Unfit(f"a place that is none: {facts.lat}, {facts.lon}")
    if unknown := [one.source for one in facts.candidates if one.source not in SOURCES]:
        raise Unfit(f"unknown sources {unknown}")
    if unknown := facts.extra.keys() - EXTRA.keys():
        raise Unfit(f"unknown extra {unknown}")
    for preview in facts.previews:
        is_within = 0 <= preview.offset < preview.offset + preview.length <= size
        if not is_within or not (0 <= preview.width < 65_536 and 0 <= preview.height < 65_536):
            raise Unfit(f"a preview that is none: {preview}")
    motion = facts.extra.get("motion")
    if motion is not None and not (0 <= motion[0] < motion[0] + motion[1] <= size):
        raise Unfit(f"a movie outside of the file: {motion}")


def _on_alarm(_number: int, _frame: FrameType | None) -> None:
    raise Hang(f"more than {CPU_S:g} s of processor time")


def main() -> int:
    """Run what was asked for; 1 and a kept input when something is found."""
    chosen = argparse.ArgumentParser()
    chosen.add_argument("--seed", type=int, required=True)
    chosen.add_argument("--count", type=int, default=1000, help="inputs in all, over the parsers")
    chosen.add_argument("--parser", choices=PARSERS)
    chosen.add_argument("--case", type=int, help="this case alone")
    wanted = chosen.parse_args()
    names = [wanted.parser] if wanted.parser else list(PARSERS)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, resource.getrlimit(resource.RLIMIT_AS)[1]))
    signal.signal(signal.SIGPROF, _on_alarm)
    print(f"seed {wanted.seed}, {wanted.count} inputs over {len(names)} parsers", flush=True)
    numbers = [wanted.case] if wanted.case is not None else range(-(-wanted.count // len(names)))
    for name in names:
        for number in numbers:
            content = case_of(name, wanted.seed, number)
            try:
                run_case(name, content)
            except Exception:  # noqa: BLE001 - whatever it is, it is what we look for
                traceback.print_exc()
                path = keep(content)
                print(f"FOUND by --seed {wanted.seed} --parser {name} --case {number}: {path}", flush=True)
                return 1
    return 0


def keep(content: bytes) -> Path:
    """Write a failing input where it outlives the test, and return its path."""
    # Not below TMPDIR: ./test removes its own.
    folder = Path(os.environ.get("GLASSINE_FUZZ_KEEP") or f"/var/tmp/glassine-fuzz-{os.getuid()}")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / hashlib.blake2s(content, digest_size=8).hexdigest()
    path.write_bytes(content)
    return path


if __name__ == "__main__":
    sys.exit(main())
