"""The control socket, its client, and the registry of processes: real sockets, real locks, real processes."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from catalog.errors import DaemonNotRunning, InvalidValue, NotFound
from catalog.library import Library
from daemon import children, processes
from daemon.control import MAX_LINE_BYTES, Send, open_control, short_address
from daemon.requests import ask


async def _echo(argument: Any, send: Send) -> dict[str, Any]:
    return {"echo": argument}


async def _count(argument: Any, send: Send) -> dict[str, Any]:
    for number in range(int(argument)):
        await send({"type": "progress", "number": number})
    return {"counted": argument}


async def _lose(argument: Any, send: Send) -> dict[str, Any]:
    raise NotFound(f"no volume {argument}", hint="glassine volume list", volume=argument)


async def _break(argument: Any, send: Send) -> dict[str, Any]:
    raise ZeroDivisionError


async def _flood(argument: Any, send: Send) -> dict[str, Any]:
    while True:
        await send({"type": "progress", "filler": "x" * 60_000})


HANDLERS = {"echo": _echo, "count": _count, "lose": _lose, "break": _break, "flood": _flood}


@pytest.fixture
def library(tmp_path: Path) -> Library:
    library = Library(tmp_path / "library")
    library.make_directories()
    return library


def _raw(library: Library, *sent: bytes) -> list[dict[str, Any]]:
    """Send bytes as they are, and return the lines that come back until the daemon hangs up or falls silent."""
    with socket.socket(socket.AF_UNIX) as connection, short_address(library.socket_path) as address:
        connection.settimeout(1)
        connection.connect(address)
        for part in sent:
            connection.sendall(part)
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as lines:
            return [json.loads(line) for line in lines]


async def _in_thread(function: Any, *arguments: Any, **named: Any) -> Any:
    return await trio.to_thread.run_sync(partial(function, *arguments, **named))


async def test_an_answer_comes_back_and_progress_before_it(library: Library) -> None:
    lines: list[dict[str, Any]] = []
    async with open_control(library.socket_path, HANDLERS, clients=4):
        assert await _in_thread(ask, library, "echo", {"a": [1, "ü"]}) == {"echo": {"a": [1, "ü"]}}
        await _in_thread(ask, library, "count", 3, on_line=lines.append)
    assert [line["number"] for line in lines] == [0, 1, 2]


async def test_an_error_arrives_as_the_same_class_with_its_fields(library: Library) -> None:
    async with open_control(library.socket_path, HANDLERS, clients=4):
        with pytest.raises(NotFound, match="no volume nas") as caught:
            await _in_thread(ask, library, "lose", "nas")
    assert caught.value.hint == "glassine volume list"
    assert caught.value.details["volume"] == "nas"


@pytest.mark.allows_log("a control request failed")
async def test_an_unknown_exception_is_an_answer_and_the_daemon_goes_on(library: Library) -> None:
    async with open_control(library.socket_path, HANDLERS, clients=4):
        with pytest.raises(Exception, match="ZeroDivisionError"):
            await _in_thread(ask, library, "break")
        assert await _in_thread(ask, library, "echo", 1) == {"echo": 1}


@pytest.mark.parametrize(
    "line",
    [
        b"not json\n",
        b"[1]\n",
        b"\xff\xfe\n",
        b"[" * 100_000 + b"\n",
        b'{"v": 2, "echo": 1}\n',
        b'{"v": 1}\n',
        b'{"v": 1, "echo": 1, "lose": 2}\n',
        b'{"v": 1, "unknown": 1}\n',
        b'{"v": 1, "options": {}}\n',
        b'{"v": 1, "echo": 1, "options": {}}\n',
        b"\n",
    ],
)
async def test_bad_input_is_answered_with_an_error_line(library: Library, line: bytes) -> None:
    async with open_control(library.socket_path, HANDLERS, clients=4):
        answers = await _in_thread(_raw, library, line)
    assert [answer["ok"] for answer in answers] == [False]
    assert answers[0]["error"]["code"] == "invalid_value"


async def test_an_endless_line_is_refused_without_being_kept(library: Library) -> None:
    async with open_control(library.socket_path, HANDLERS, clients=4):
        answers = await _in_thread(_raw, library, b"x" * (MAX_LINE_BYTES + 1024))
    assert "longer than" in answers[0]["error"]["message"]


async def test_one_connection_carries_several_requests(library: Library) -> None:
    async with open_control(library.socket_path, HANDLERS, clients=4):
        answers = await _in_thread(_raw, library, b'{"v":1,"echo":1}\n{"v":1,', b'"echo":2}\n')
    assert [answer["data"]["echo"] for answer in answers] == [1, 2]


async def test_a_client_that_does_not_read_delays_nobody(library: Library) -> None:
    async with open_control(library.socket_path, HANDLERS, clients=4):
        with socket.socket(socket.AF_UNIX) as deaf, socket.socket(socket.AF_UNIX) as mute:
            for silent in (deaf, mute):
                with short_address(library.socket_path) as address:
                    silent.connect(address)
            deaf.sendall(b'{"v":1,"flood":1}\n')
            with trio.fail_after(2):
                assert await _in_thread(ask, library, "echo", 1) == {"echo": 1}


async def test_the_socket_is_ours_alone_whatever_the_umask(library: Library) -> None:
    before = os.umask(0)
    try:
        async with open_control(library.socket_path, HANDLERS, clients=4):
            assert stat.S_IMODE(library.socket_path.stat().st_mode) == 0o600
            assert stat.S_IMODE(library.socket_path.parent.stat().st_mode) == 0o700
    finally:
        os.umask(before)
    assert not library.socket_path.exists()


@pytest.mark.root
@pytest.mark.allows_log("refused a control connection of uid 65534")
async def test_another_user_is_refused_even_when_the_modes_let_him_in() -> None:
    program = (
        "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]);"
        ' s.sendall(b\'{"v":1,"echo":1}\\n\'); print(s.makefile().readline())'
    )
    as_nobody = ["setpriv", "--reuid", "65534", "--clear-groups", "/usr/bin/python3", "-c", program]
    with tempfile.TemporaryDirectory(prefix="glassine-") as place:
        library = Library(place)
        library.make_directories()
        async with open_control(library.socket_path, HANDLERS, clients=4):
            for path in (library.path, library.state_dir, library.socket_path):
                path.chmod(0o777)
            command = [*as_nobody, str(library.socket_path)]
            done = await _in_thread(subprocess.run, command, capture_output=True, check=True)
    assert json.loads(done.stdout)["error"]["code"] == "not_permitted"


async def test_a_library_with_a_path_longer_than_a_socket_address_works(tmp_path: Path) -> None:
    library = Library(tmp_path / ("Fotos größer " * 8) / ("x" * 100))
    library.make_directories()
    async with open_control(library.socket_path, HANDLERS, clients=4):
        assert await _in_thread(ask, library, "echo", 1) == {"echo": 1}


def test_without_a_daemon_the_error_says_so(library: Library) -> None:
    with pytest.raises(DaemonNotRunning):
        ask(library, "status")


def test_a_socket_left_by_a_crash_is_no_daemon(library: Library) -> None:
    with socket.socket(socket.AF_UNIX) as left, short_address(library.socket_path) as address:
        left.bind(address)
    with pytest.raises(DaemonNotRunning):
        ask(library, "status")


# ---- the registry


def test_a_registered_process_is_alive_until_its_block_ends(library: Library) -> None:
    with processes.register(library.processes_dir, "dav", url="http://127.0.0.1:1/") as entry:
        assert [record.health for record in processes.running(library.processes_dir)] == ["starting"]
        entry.update("ready", port=1)
        record = processes.running(library.processes_dir)[0]
        assert (record.kind, record.pid, record.health) == ("dav", os.getpid(), "ready")
        assert record.details == {"url": "http://127.0.0.1:1/", "port": 1}
    assert processes.running(library.processes_dir) == []
    assert list(library.processes_dir.iterdir()) == []


_REGISTERS = """
import sys, signal
from pathlib import Path
from daemon import processes
with processes.register(Path(sys.argv[1]), "mount", mountpoint="/somewhere") as entry:
    entry.update("ready")
    print("ready", flush=True)
    signal.pause()
"""


@pytest.fixture
def registered(library: Library) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", _REGISTERS, str(library.processes_dir)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        yield child
        child.kill()


def test_a_killed_process_leaves_a_stale_entry_that_sweep_returns(
    library: Library, registered: subprocess.Popen[bytes]
) -> None:
    assert [record.pid for record in processes.running(library.processes_dir)] == [registered.pid]
    assert processes.sweep(library.processes_dir) == []
    registered.kill()
    registered.wait()
    assert processes.running(library.processes_dir) == []
    stale = processes.sweep(library.processes_dir)
    assert [(record.pid, record.details["mountpoint"]) for record in stale] == [
        (registered.pid, "/somewhere")
    ]
    assert list(library.processes_dir.iterdir()) == []


# ---- children

_IGNORES_SIGTERM = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('{}', flush=True); time.sleep(60)"
_STARTS_A_CHILD = """
import os, sys, time
sys.path.insert(0, sys.argv[1])
from daemon import children
child = children.start([sys.executable, "-c", sys.argv[2]], dies_with_us=True)
print(child.pid, flush=True)
child.stdout.readline()
print("up", flush=True)
time.sleep(60)
"""
_DIES_WITH_PARENT = "from daemon.parent import die_with_parent; import time; die_with_parent(); print('{}', flush=True); time.sleep(60)"


@pytest.mark.slow
async def test_a_child_that_ignores_sigterm_is_killed_with_all_that_it_started() -> None:
    with children.start([sys.executable, "-c", _IGNORES_SIGTERM], dies_with_us=False) as child:
        assert child.stdout is not None
        child.stdout.readline()
        begun = trio.current_time()
        assert await children.terminate(child.pid)
        assert trio.current_time() - begun < children.TERMINATE_S + 1
        assert child.wait() == -signal.SIGKILL


@pytest.mark.slow
async def test_a_child_dies_with_a_parent_that_is_killed() -> None:
    root = str(Path(children.__file__).parent.parent)
    command = [sys.executable, "-c", _STARTS_A_CHILD, root, _DIES_WITH_PARENT]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert parent.stdout.readline() == b"up\n"
        assert Path(f"/proc/{pid}").exists()
        parent.kill()
        with trio.fail_after(2):
            await children.wait_ended(pid)


def test_a_child_that_says_an_error_is_that_error() -> None:
    says = 'print(\'{"ok": false, "error": {"code": "invalid_value", "message": "m", "hint": null, "exit_code": 2}}\')'
    with (
        children.start([sys.executable, "-c", says], dies_with_us=False) as child,
        pytest.raises(InvalidValue, match="m"),
    ):
        children.first_document(child)
