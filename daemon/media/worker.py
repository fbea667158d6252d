"""The media worker: reads untrusted bytes, confined so that it can do nothing else.

Run as `python -P -m daemon.media.worker` by `daemon.media.pool`, one per core at most and one of the heavy class. It opens originals
itself, beneath the root of their volume, checks that each is the file that was meant, and answers one frame
per file, so that whatever kills it has exactly one culprit. It ends with its parent, or when stdin ends.

Order in `main` matters: imports and links before Landlock, Landlock before the first untrusted byte.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import resource
import sys
from importlib import metadata
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

from catalog.facts import READER_VERSION, Facts, Finding
from daemon.frames import FrameError, encode_frame, read_frame, write_frame
from daemon.helper_main import begin_helper
from daemon.media import draft as _draft
from daemon.media.exiftool import Exiftool, ExiftoolFailed, prepare_directory
from daemon.media.exiftool_answer import read_answer
from daemon.media.exiftool_paths import NO_VERSION, find_exiftool
from daemon.media.header import read_header
from daemon.media.protocol import (
    CLASSES,
    HEAVY,
    NOT_MY_CLASS,
    Answer,
    Errand,
    TooHeavy,
    WorkerClass,
    encode_answer,
)
from daemon.media.sidecar import read_sidecar
from daemon.media.source import ByteSource, Malformed
from vfs.beneath import file_stamp, open_beneath, open_root
from vfs.confine import Limits, confine

_OPEN_FILES = 128


class StaleRoot(Exception):
    """The root is another directory than the one our confinement covers: it was mounted, or added, later."""


class _Place(NamedTuple):
    device: int
    inode: int


def main() -> None:
    """Serve frames until stdin ends."""
    requests, replies_fd = begin_helper()
    replies = os.fdopen(replies_fd, "wb")
    hello = cast("list[Any] | None", read_frame(requests))
    if hello is None:
        return
    _, root, directory, class_name = hello
    private = Path(os.fsdecode(directory)) if directory is not None else None
    with contextlib.suppress(FrameError, BrokenPipeError):
        _serve(requests, replies, root, private, CLASSES[class_name])


def _serve(
    requests: BinaryIO, replies: BinaryIO, root: bytes, directory: Path | None, worker_class: WorkerClass
) -> None:
    paths = find_exiftool() if directory is not None else None
    if directory is not None and paths is not None:
        prepare_directory(directory)
    place = _place_of(root)
    confinement = confine(
        readable=[root, *_library_trees(), *_of(directory), *(paths.readable if paths else ())],
        executable=paths.runnable if paths else (),
        limits=Limits(address_space_bytes=worker_class.address_space_bytes, open_files=_OPEN_FILES),
    )
    tool = None
    if paths is not None and directory is not None:
        tool = Exiftool(paths.program, directory, _lift_cpu_limit, deadline_s=worker_class.exiftool_s)
    reader = Reader(root, place, tool, worker_class)
    write_frame(replies, ["ready", confinement.to_json(), tool is not None])
    while (message := cast("list[Any] | None", read_frame(requests))) is not None:
        _answer_all(reader, [Errand(*fields) for fields in message[1]], replies)
    if tool is not None:
        tool.stop()


def _answer_all(reader: Reader, errands: list[Errand], replies: BinaryIO) -> None:
    try:
        for errand in errands:
            _arm_cpu_limit(reader.worker_class.cpu_s)
            _tell(replies, reader.answer(errand))
    except StaleRoot:
        write_frame(replies, ["stale"])
    finally:
        reader.close_root()


def _tell(replies: BinaryIO, answer: Answer) -> None:
    try:
        frame = encode_frame(encode_answer(answer))
    except (ValueError, OverflowError, TypeError, FrameError) as error:
        # A reader let through what no message can hold: a number beyond 64 bits, half a character, megabytes.
        finding = _finding("worker", f"a reader's answer cannot be told: {type(error).__name__}: {error}")
        frame = encode_frame(encode_answer(Answer(finding=finding)))
    replies.write(frame)
    replies.flush()


class Reader:
    """Reads files one after the other. Holds the root open for one batch only: an open root pins its mount."""

    def __init__(
        self, root: bytes, place: _Place | None, tool: Exiftool | None, worker_class: WorkerClass
    ) -> None:
        self.worker_class = worker_class
        self._root = root
        self._place = place
        self._tool = tool
        self._root_fd: int | None = None

    def answer(self, errand: Errand) -> Answer:
        """Read one file.

        Raises:
            StaleRoot: this process may not read below the root as it is now; a new one might.
        """
        try:
            fd = open_beneath(self._opened_root(), errand.path)
        except OSError as error:
            return Answer(error=_name_of(error))
        try:
            return self._read(fd, errand)
        except OSError as error:
            return Answer(error=_name_of(error))
        except (TooHeavy, MemoryError) as error:
            return self._too_heavy(error)
        except Exception as error:  # border: a bug in a reader is a finding about one file
            logging.getLogger(__name__).exception("a reader failed")
            return Answer(finding=_finding("worker", f"a reader failed: {type(error).__name__}: {error}"))
        finally:
            os.close(fd)

    def _too_heavy(self, error: TooHeavy | MemoryError) -> Answer:
        if self.worker_class is not HEAVY:
            return Answer(error=NOT_MY_CLASS)
        available = f"needs more than {HEAVY.address_space_bytes >> 30} GiB of memory"
        return Answer(finding=_finding("worker", str(error) or available))

    def close_root(self) -> None:
        """Let the mount go."""
        if self._root_fd is not None:
            os.close(self._root_fd)
            self._root_fd = None

    def _opened_root(self) -> int:
        if self._root_fd is None:
            root_fd = open_root(self._root)
            status = os.fstat(root_fd)
            if self._place != _Place(status.st_dev, status.st_ino):
                os.close(root_fd)
                raise StaleRoot(self._root)
            self._root_fd = root_fd
        return self._root_fd

    def _read(self, fd: int, errand: Errand) -> Answer:
        stamp = file_stamp(os.fstat(fd))
        is_other_inode = errand.inode not in (0, stamp.inode)
        if (stamp.size, stamp.mtime_ns) != (errand.size, errand.mtime_ns) or is_other_inode:
            return Answer(error="changed")
        answer = self._answer_of(fd, ByteSource(fd, stamp.size), errand)
        # Race: a writer that keeps size and mtime goes unseen here; the hash and the next scan find it.
        return answer if file_stamp(os.fstat(fd)) == stamp else Answer(error="changed")

    def _answer_of(self, fd: int, source: ByteSource, errand: Errand) -> Answer:
        if errand.tier == "sidecar":
            return Answer(facts=read_sidecar(source, errand.path.rpartition(b"/")[2]))
        if errand.tier == "preview":
            return self._pictures(fd, errand)
        facts = read_header(source, errand.path.rpartition(b"/")[2])
        if facts.kind is None and not errand.is_sniff:
            head = source.read_up_to(0, 8).hex(" ")
            return Answer(finding=_finding("sniff", f"no format that we know; the file begins with {head}"))
        if errand.tier == "deep" and facts.kind is not None:
            facts = self._deepened(fd, source, facts)
        return Answer(facts=facts)

    def _pictures(self, fd: int, errand: Errand) -> Answer:
        # Late: few workers ever decode, and loading the decoders takes longer than reading a hundred headers.
        from daemon.media.preview_makers import CannotMake, make_pictures

        try:
            return Answer(pictures=make_pictures(fd, errand.wishes, self.worker_class))
        except CannotMake as error:
            return Answer(finding=Finding(error.tool, _version_of(error.tool), str(error)[:300]))

    def _deepened(self, fd: int, source: ByteSource, facts: Facts) -> Facts:
        draft = _draft.of_facts(facts)
        if self._tool is None:
            reason = "exiftool is not installed: only the header was read"
            draft.findings.append(Finding("exiftool", NO_VERSION, reason))
            return draft.facts("deep")
        # Maker notes of RAW files and of pictures without a date; tags that lie at the end of sounds.
        is_thorough = facts.is_raw or facts.mime == "image/jpeg" or facts.kind == "audio"
        try:
            said = self._tool.read(fd, facts.mime, facts.kind, is_thorough=is_thorough)
            trouble = read_answer(said, draft, source)
        except (ExiftoolFailed, Malformed) as error:
            trouble = str(error)
        if trouble is not None:
            draft.findings.append(Finding("exiftool", self._tool.version or NO_VERSION, trouble[:300]))
        draft.findings = list(dict.fromkeys(draft.findings))  # a packet that both tiers could not read
        draft.needs_deep = False
        return draft.facts("deep")


def _finding(tool: str, reason: str) -> Finding:
    return Finding(tool, str(READER_VERSION), reason[:300])


def _version_of(tool: str) -> str:
    """Return the version of a decoder, else that of our readers."""
    try:
        return metadata.version(tool)
    except metadata.PackageNotFoundError:
        return str(READER_VERSION)


def _name_of(error: OSError) -> str:
    return errno.errorcode.get(error.errno or 0, "EIO")


def _place_of(root: bytes) -> _Place | None:
    try:
        status = os.stat(root)
    except OSError:
        return None  # offline now: items below it will be stale, and a new worker looks again
    return _Place(status.st_dev, status.st_ino)


def _of(directory: Path | None) -> list[bytes]:
    return [] if directory is None else [os.fsencode(directory)]


def _library_trees() -> list[bytes]:
    """Return where Python and our own code live: late imports of codecs come from there."""
    package_root = Path(__file__).resolve().parents[2]
    ours = [package_root / name for name in ("catalog", "vfs", "daemon")]
    return [os.fsencode(path) for path in {*ours, Path(sys.prefix), Path(sys.base_prefix) / "lib"}]


def _arm_cpu_limit(cpu_s: int) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime) + cpu_s
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def _lift_cpu_limit() -> None:
    """Before exiftool starts: it lives for thousands of files, and has a deadline per file."""
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (hard, hard))


if __name__ == "__main__":
    main()
