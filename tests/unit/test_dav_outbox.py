"""Outboxes over real socket pairs: order, partial writes, sources that cannot be spliced or become shorter."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from dav.outbox import Cut, Outbox, Progress


class Range:
    """A body of bytes; `descriptor` is what it pretends to send from."""

    def __init__(self, data: bytes, *, length: int | None = None, descriptor: int | None = None) -> None:
        self.data, self.descriptor = data, descriptor
        self.offset, self.length = 0, len(data) if length is None else length
        self.is_closed = False

    def read(self, offset: int, size: int) -> bytes:
        return self.data[offset : offset + size]

    def fileno(self) -> int | None:
        return self.descriptor

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with ours, theirs:
        yield ours, theirs


def drain(outbox: Outbox, pair: tuple[socket.socket, socket.socket]) -> bytes:
    """Pump and read in turns until all is sent."""
    ours, theirs = pair
    received = bytearray()
    while outbox.pump(ours, limit_bytes=100_000) is not Progress.DONE:
        received += theirs.recv(1 << 20)
    ours.shutdown(socket.SHUT_WR)
    while part := theirs.recv(1 << 20):
        received += part
    return bytes(received)


def test_segments_leave_in_order_whatever_fits(
    pair: tuple[socket.socket, socket.socket], tmp_path: Path
) -> None:
    photo = os.urandom(1_500_000)
    body = Range(photo)
    outbox = Outbox(tmp_path)
    outbox.append_bytes(b"head")
    outbox.append_bytes(b"spilled" * 1000)
    outbox.append_body(body)
    outbox.append_bytes(b"tail")
    assert drain(outbox, pair) == b"head" + b"spilled" * 1000 + photo + b"tail"
    assert body.is_closed
    assert not outbox
    assert list(tmp_path.iterdir()) == []


def test_a_source_that_cannot_be_spliced_is_read_instead(
    pair: tuple[socket.socket, socket.socket], tmp_path: Path
) -> None:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    outbox = Outbox(None)
    outbox.append_body(Range(b"x" * 300_000, descriptor=descriptor))
    assert drain(outbox, pair) == b"x" * 300_000
    os.close(descriptor)


def test_a_source_that_became_shorter_is_an_error_and_not_an_end(
    pair: tuple[socket.socket, socket.socket], tmp_path: Path
) -> None:
    (tmp_path / "short").write_bytes(b"abc")
    with (tmp_path / "short").open("rb") as file:
        for body in (Range(b"abc", length=10), Range(b"", length=10, descriptor=file.fileno())):
            outbox = Outbox(None)
            outbox.append_body(body)
            with pytest.raises(Cut):
                outbox.pump(pair[0], limit_bytes=1 << 20)
            outbox.clear()
            assert body.is_closed


def test_a_turn_ends_at_its_limit(pair: tuple[socket.socket, socket.socket]) -> None:
    outbox = Outbox(None)
    outbox.append_body(Range(b"x" * 150_000))
    assert outbox.pump(pair[0], limit_bytes=65_536) is Progress.MORE
    pair[1].recv(1 << 20)
    assert outbox.pump(pair[0], limit_bytes=1 << 20) is Progress.DONE
