"""Frames over pipes: what goes in comes out, and nothing broken passes."""

from __future__ import annotations

import io
import os

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from daemon.frames import (
    MAX_FRAME_BYTES,
    FrameError,
    FrameReceiver,
    encode_frame,
    read_frame,
    send_frame,
    write_frame,
)

_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 63) - 1)
    | st.binary()
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.binary() | st.text(st.characters(exclude_categories=["Cs"])), inner)
    ),
    max_leaves=20,
)


@given(messages=st.lists(_values, max_size=5))
def test_messages_come_out_as_they_went_in(messages: list[object]) -> None:
    file = io.BytesIO()
    for message in messages:
        write_frame(file, [message])
    file.seek(0)
    assert [read_frame(file) for _ in messages] == [[message] for message in messages]
    assert read_frame(file) is None


@given(st.data())
def test_a_stream_that_ends_inside_a_frame_is_an_error(data: st.DataObject) -> None:
    whole = encode_frame(["listing", b"\xff", 1])
    cut = data.draw(st.integers(1, len(whole) - 1))
    with pytest.raises(FrameError):
        read_frame(io.BytesIO(whole[:cut]))


@pytest.mark.parametrize(
    "raw",
    [
        (MAX_FRAME_BYTES + 1).to_bytes(4, "big") + b"x",
        b"\xff\xff\xff\xff",
        b"\0\0\0\x01\xc1",  # the one byte that msgpack never uses
        b"\0\0\0\x02\xc0\xc0",  # two values in one frame
        b"\0\0\0\0",
    ],
)
def test_what_is_no_frame_is_refused_without_reading_on(raw: bytes) -> None:
    with pytest.raises(FrameError):
        read_frame(io.BytesIO(raw))


def test_a_message_that_is_too_large_is_refused_by_the_sender() -> None:
    with pytest.raises(FrameError):
        encode_frame(bytes(MAX_FRAME_BYTES))


async def test_a_trio_stream_carries_frames_in_any_pieces() -> None:
    read_fd, write_fd = os.pipe()
    messages: list[object] = [[1, b"\0" * 300_000], "text", None, [["nested", -1]]]
    async with trio.lowlevel.FdStream(read_fd) as up, trio.lowlevel.FdStream(write_fd) as down:
        receiver = FrameReceiver(up)

        async def send() -> None:
            for message in messages:
                await send_frame(down, message)
            await down.send_all(b"\0\0")
            await down.aclose()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(send)
            assert [await receiver.receive() for _ in messages] == messages
            with pytest.raises(FrameError):
                await receiver.receive()
