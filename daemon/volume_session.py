"""The daemon's end of one volume process: requests go down a pipe, answers are routed to who asked.

A session lives as long as its child. When the child ends, breaks the protocol or does not answer for `hang_s`, it is
killed and every open request gets `VolumeOffline`. Nobody ever waits for a child that hangs in the kernel.
Knows no catalog and no volume states.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import subprocess
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from itertools import islice
from typing import Any, TypeVar, cast

import trio

from catalog.errors import VolumeOffline
from catalog.values import DirectoryListing, Sample
from daemon.bell import Bell
from daemon.frames import FrameError, FrameReceiver, encode_frame
from daemon.helper_pipes import HelperPipes
from daemon.volume_process.protocol import (
    DIGESTS_PER_FRAME,
    MOST_PATH_BYTES,
    Fate,
    HashAnswer,
    Hello,
    ProbeReport,
    TreeChange,
    Unchanged,
    WalkEnd,
    decode_listing,
    decode_report,
    encode_hello,
    path_key,
)
from daemon.volume_process.starting import start_volume_process
from vfs.beneath import FileStamp

log = logging.getLogger(__name__)
T = TypeVar("T")

# A disk that sleeps needs up to 12 s to spin up; what is silent for longer hangs, or may as well.
HANG_S = 15.0
_WATCHDOG_TURN_S = 1.0
# More than WALK_WINDOW parts, and one part per item of the largest hash request.
_ROUTE_CAPACITY = 1024
MOST_HASH_ITEMS = 500
_MOST_TIMES = 5000


class VolumeSession:
    """One living child. Made by `start_session`; `serve` must run in a task for as long as it is used."""

    def __init__(self, hello: Hello, child: subprocess.Popen[bytes], *, hang_s: float = HANG_S) -> None:
        self.hello = hello
        self.child = child
        self.confinement: Mapping[str, Any] | None = None
        self.failure: str | None = None
        # Of the root, as the last probe saw it, and as the child found it before it shut itself in.
        self.instance: str | None = None
        self.begun_at: str | None = None
        # Where the volume was proven; a walk of any other root is refused. None = nobody proved anything.
        self.proven: str | None = None
        self._hang_s = hang_s
        self._hangs = False
        self._pipes = HelperPipes(child)
        self._sending = trio.Lock()
        self._routes: dict[int, trio.MemorySendChannel[list[Any]]] = {}
        self._last_number = 0
        self._watches = 0
        self._last_heard_s = trio.current_time()
        self._rests = False
        self._stirred = Bell()
        self._ended = trio.Event()

    @property
    def is_alive(self) -> bool:
        """Whether it is worth asking."""
        return not self._ended.is_set()

    @property
    def is_working(self) -> bool:
        """Whether something other than a watch is under way."""
        return len(self._routes) > self._watches

    @property
    def _is_expecting(self) -> bool:
        """Whether the child must let us hear from it: something is asked, and not only a watch that rests."""
        return bool(self._routes) and (self.is_working or not self._rests)

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Route answers until the child ends or hangs. Never raises for what the child does."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._watchdog, nursery.cancel_scope)
                task_status.started()
                await self._send(encode_hello(self.hello))
                await self._route()
                nursery.cancel_scope.cancel()
        except* (FrameError, OSError, trio.BrokenResourceError, trio.ClosedResourceError) as broken:
            self.failure = self.failure or f"its process broke off ({broken.exceptions[0]})"
        finally:
            self.end(self.failure or "its process ended")

    def end(self, reason: str) -> None:
        """Kill the child and fail every open request; idempotent, never waits."""
        if self._ended.is_set():
            return
        self._ended.set()
        self.failure = self.failure or reason
        self._pipes.kill()
        for route in self._routes.values():
            route.close()
        self._routes.clear()

    async def reap(self) -> bool:
        """Close the pipes and collect the child; False if it hangs in the kernel. Call after `end`."""
        return await self._pipes.reap()

    async def _route(self) -> None:
        receiver = FrameReceiver(self._pipes.up)
        while (message := cast("list[Any] | None", await receiver.receive())) is not None:
            self._last_heard_s = trio.current_time()
            kind, number = message[0], message[1]
            if kind == "pulse":
                self._rests = message[3]
                self._stirred.ring()
                if message[2] > self._hang_s:
                    self._hangs = True
                    self.end(f"it did not answer for {message[2]:.0f} s")
                    return
            elif kind == "hello":
                self.confinement, self.begun_at = message[2:]
            elif (route := self._routes.get(number)) is not None:
                try:
                    route.send_nowait(message)
                except trio.WouldBlock as error:
                    raise FrameError("the volume process ignores its window") from error
                except trio.BrokenResourceError:
                    pass  # Race: the asker left while its last answers were on the way; nobody wants them.

    async def _watchdog(self, serving: trio.CancelScope) -> None:
        while True:
            heard = self._stirred.rings
            if not self._is_expecting:
                await self._stirred.wait(heard)  # no timer of ours runs while a watch rests
                continue
            await trio.sleep(_WATCHDOG_TURN_S)
            silent_s = trio.current_time() - self._last_heard_s
            if self._is_expecting and silent_s > self._hang_s:
                self._hangs = True
                self.end(f"it did not answer for {silent_s:.0f} s")
                serving.cancel()

    async def _send(self, message: list[Any]) -> None:
        frame = encode_frame(message)
        async with self._sending:
            # Half a frame would swallow all that is sent after it. The kernel takes small ones whole or not at all (pipe(7)); of a
            # large one the rest is sent whoever gives up, and the watchdog ends a child that does not read.
            with trio.CancelScope(shield=len(frame) > select.PIPE_BUF):
                await self._pipes.down.send_all(frame)

    @asynccontextmanager
    async def _asking(
        self, kind: str, *arguments: object, digests: Mapping[bytes, bytes] | None = None
    ) -> AsyncIterator[Asked]:
        """Send a request and yield its answers; cancels it if the block is left before the last one."""
        if not self.is_alive:
            raise self._offline()
        self._last_number += 1
        number = self._last_number
        if not self._is_expecting:
            self._last_heard_s = trio.current_time()
        route, answers = trio.open_memory_channel[list[Any]](_ROUTE_CAPACITY)
        self._routes[number] = route
        self._rests = False
        self._stirred.ring()
        asked = Asked(self, number, answers)
        try:
            for part in _parts_of(digests or {}):
                await self._send_or_fail(["digests", number, part])
            await self._send_or_fail([kind, number, *arguments])
            yield asked
        finally:
            self._routes.pop(number, None)
            route.close()
            answers.close()
            if self.is_alive and not asked.is_done:
                with trio.move_on_after(1, shield=True), suppress(VolumeOffline):
                    await self._send_or_fail(["cancel", number])

    async def _send_or_fail(self, message: list[Any]) -> None:
        try:
            await self._send(message)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise self._offline() from error

    def _offline(self, reason: str | None = None) -> VolumeOffline:
        shown = os.fsdecode(self.hello.root)
        reason = reason or self.failure or "its process ended"
        return VolumeOffline(f"{shown} cannot be reached: {reason}", path=shown, hangs=self._hangs)

    async def probe(self, samples: Sequence[Sample] = ()) -> ProbeReport:
        """Look whether the root is there, and whether these known files are.

        Raises:
            VolumeOffline: the child ended or hangs; so do all methods here.
        """
        wanted = [(sample.path, sample.size, sample.mtime_ns) for sample in samples]
        async with self._asking("probe", wanted) as asked:
            report = decode_report((await asked.answer())[2])
            asked.is_done = True
        return report

    async def look(self, paths: Sequence[bytes]) -> tuple[str, list[Fate]]:
        """Take the second look; returns the instance of the root and one fate per path, in order.

        If the root changed between two parts of a long list, the instance is "" and equal to no other.
        """
        instances: set[str] = set()
        fates: list[Fate] = []
        for part in cut_by_bytes(paths, len):
            async with self._asking("look", part) as asked:
                _, _, instance, part_fates = await asked.answer()
                asked.is_done = True
            instances.add(instance)
            fates += part_fates
        return instances.pop() if len(instances) == 1 else "", fates

    async def times(self, directories: Sequence[tuple[bytes, int]]) -> list[bytes]:
        """Take the quick look: return the directories whose mtime is not the one given, or cannot be told."""
        changed: list[bytes] = []
        for part in cut_by_bytes(directories, lambda directory: len(directory[0]), most=_MOST_TIMES):
            async with self._asking("times", part) as asked:
                indexes = (await asked.answer())[2]
                asked.is_done = True
            changed += [part[index][0] for index in indexes]
        return changed

    @asynccontextmanager
    async def open_walk(
        self,
        paths: Sequence[bytes],
        *,
        is_recursive: bool = True,
        known: Mapping[bytes, bytes] | None = None,
    ) -> AsyncIterator[AsyncIterator[DirectoryListing | Unchanged | WalkEnd]]:
        """List directories; the last item is the `WalkEnd`. A part not yet taken holds the child back.

        Raises:
            VolumeOffline: also when the root is not the one that was `proven`; then nothing was listed.
        """
        async with (
            self._asking("walk", paths, is_recursive, digests=known) as asked,
            aclosing(self._walked(asked)) as answers,
        ):
            yield answers

    async def _walked(self, asked: Asked) -> AsyncGenerator[DirectoryListing | Unchanged | WalkEnd, None]:
        while not asked.is_done:
            message = await asked.answer()
            kind = message[0]
            if kind == "started" and self.proven not in (None, message[2]):
                raise self._offline("another storage was mounted there meanwhile")
            if kind == "listing":
                yield decode_listing(message)
                await self._send_or_fail(["ack", asked.number])
            elif kind == "unchanged":
                yield Unchanged(tuple(message[2]), message[3])
                await self._send_or_fail(["ack", asked.number])
            elif kind == "end":
                asked.is_done = True
                yield WalkEnd(*message[2:])

    @asynccontextmanager
    async def open_hash(
        self, files: Sequence[tuple[bytes, FileStamp]], *, bytes_per_s: int = 0, from_disk: bool = False
    ) -> AsyncIterator[AsyncIterator[list[HashAnswer]]]:
        """Hash files, one list of `cut_by_bytes` at most; answers come in groups as they are ready, in order.

        With `from_disk` the page cache is passed by: verification.
        """
        assert len(files) <= MOST_HASH_ITEMS
        items = [(path, *stamp) for path, stamp in files]
        async with (
            self._asking("hash", items, bytes_per_s, from_disk) as asked,
            aclosing(self._hashed(asked)) as answers,
        ):
            yield answers

    async def _hashed(self, asked: Asked) -> AsyncGenerator[list[HashAnswer], None]:
        while not asked.is_done:
            message = await asked.answer()
            if message[0] == "hashed":
                yield [HashAnswer(*answer) for answer in message[2]]
            else:
                asked.is_done = True

    @asynccontextmanager
    async def open_watch(self) -> AsyncIterator[AsyncIterator[TreeChange]]:
        """Watch the tree; the first item comes when all watches are set and says only `watch_limit`."""
        self._watches += 1
        try:
            async with self._asking("watch") as asked, aclosing(self._watched(asked)) as answers:
                yield answers
        finally:
            self._watches -= 1

    async def _watched(self, asked: Asked) -> AsyncGenerator[TreeChange, None]:
        while not asked.is_done:
            message = await asked.answer()
            if message[0] == "watching":
                yield TreeChange(watch_limit=message[2], method=message[3])
            elif message[0] == "changed":
                directories, new_trees, *rest = message[2:]
                yield TreeChange(tuple(directories), tuple(new_trees), *rest)
                await self._send_or_fail(["ack", asked.number])
            else:
                asked.is_done = True


class Asked:
    """One request under way."""

    def __init__(
        self, session: VolumeSession, number: int, answers: trio.MemoryReceiveChannel[list[Any]]
    ) -> None:
        self.number = number
        self.is_done = False
        self._session = session
        self._answers = answers

    async def answer(self) -> list[Any]:
        """Return the next answer.

        Raises:
            VolumeOffline: the child is gone, or said that the root cannot be opened.
        """
        try:
            message = await self._answers.receive()
        except trio.EndOfChannel as error:
            raise self._session._offline() from error
        if message[0] == "failed":
            self.is_done = True
            shown = os.fsdecode(self._session.hello.root)
            raise VolumeOffline(f"{shown} cannot be read: {message[3]}", path=shown, errno=message[2])
        return message


def cut_by_bytes(
    items: Sequence[T], size_of: Callable[[T], int], *, most: int = MOST_HASH_ITEMS
) -> Iterator[list[T]]:
    """Yield the items in order, in lists of at most `most` and about `MOST_PATH_BYTES`."""
    part: list[T] = []
    size = 0
    for item in items:
        part.append(item)
        size += size_of(item)
        if size >= MOST_PATH_BYTES or len(part) >= most:
            yield part
            part, size = [], 0
    if part:
        yield part


def _parts_of(digests: Mapping[bytes, bytes]) -> list[dict[bytes, bytes]]:
    items = iter((path_key(path), digest) for path, digest in digests.items())
    parts = []
    while part := dict(islice(items, DIGESTS_PER_FRAME)):
        parts.append(part)
    return parts


def start_session(
    hello: Hello, *, hang_s: float = HANG_S, child: subprocess.Popen[bytes] | None = None
) -> VolumeSession:
    """Give a volume to a child, by default a new one (then on the main thread only); run `serve` next."""
    child = start_volume_process() if child is None else child
    log.debug("volume process %d for %r, killed by %s", child.pid, hello.root, signal.SIGKILL.name)
    return VolumeSession(hello, child, hang_s=hang_s)
