"""Edits: their JSON form, who carries them out (the daemon, or ourselves with the lock), and what is journalled."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from catalog.commands import (
    NAMES,
    AcceptEmpty,
    AddAccount,
    AddLibraryPath,
    AddVolume,
    Command,
    DisableAccount,
    DisableVolume,
    EditOptions,
    EnableVolume,
    ForgetVolume,
    RelocateVolume,
    RemoveLibraryPath,
    RetireVolume,
    SetPassword,
    client,
    decode,
    decode_options,
    encode,
    encode_options,
    execute,
    layer,
)
from catalog.errors import (
    AlreadyExists,
    GlassineError,
    InvalidValue,
    LibraryLocked,
    NoLibrary,
    NotFound,
    all_errors,
)
from catalog.library import Library, LibraryLock
from catalog.store import accounts, db, journal, migrations, volumes
from store_harness import NOW_NS, StoreHarness

UIDS = ("0" * 26, "1" * 26)
HASH = "$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA"
COMMANDS: list[Command] = [
    AddVolume("NAS", b"/srv/\xff\xfe", mode="rw", excludes=("*.tmp", "ü"), backend="memory"),
    AddLibraryPath("NAS", b"a/\xff"),
    RemoveLibraryPath("NAS", b"a"),
    AcceptEmpty("NAS"),
    DisableVolume("NAS"),
    EnableVolume("NAS"),
    RelocateVolume("NAS", b"/srv/\xff"),
    RetireVolume("NAS"),
    ForgetVolume("NAS"),
    AddAccount("anna", HASH),
    SetPassword("anna", HASH),
    DisableAccount("anna", is_disabled=False),
    layer.TagAdd(UIDS, ("a/b", "ü")),
    layer.TagRemove(UIDS, ("a",), is_below=True),
    layer.TagCreate("a"),
    layer.TagRename("a", "b"),
    layer.TagDelete("a"),
    layer.TagAlias("a", "b", is_removed=True),
    layer.AlbumCreate("a"),
    layer.AlbumAdd(UIDS, "a", is_created=True),
    layer.AlbumRemove(UIDS, "a"),
    layer.AlbumOrder("a", UIDS, before=UIDS[0]),
    layer.AlbumRename("a", "b"),
    layer.AlbumDelete("a", is_recursive=True),
    layer.AlbumCover("a", None),
    layer.SearchSave("a", "rating>=4"),
    layer.SearchDelete("a"),
    layer.Rate(UIDS, None),
    layer.Label(UIDS, "red"),
    layer.Favorite(UIDS, False),
    layer.Reject(UIDS),
    layer.Hide(UIDS),
    layer.Title(UIDS, "x\x00\u2028y"),
    layer.Describe(UIDS, None),
    layer.DateSet(UIDS, "2019", offset_min=-60, zone="Europe/Berlin"),
    layer.DateShift(UIDS, months=-1, days=2, microseconds=-3),
    layer.DateClear(UIDS),
    layer.PlaceSet(UIDS, -33.5, 151.25, None),
    layer.PlaceClear(UIDS),
    layer.PersonAdd(UIDS, "Anna"),
    layer.PersonRemove(UIDS, "Anna"),
    layer.PersonRename("Anna", "Bob"),
    layer.PersonMerge(("Anna", "Bob"), "Carl"),
    layer.FaceAdd(UIDS[0], 0.1, 0.2, 0.3, 0.4, "Anna"),
    layer.FaceRemove(UIDS[0], person="Anna"),
    layer.StackMake(UIDS),
    layer.StackCover(UIDS[0]),
    layer.StackSplit(UIDS),
    layer.TrashPut(UIDS),
    layer.TrashRestore(UIDS),
    layer.Undo(7),
]


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """A library that nobody has open, at a path longer than an address of a socket."""
    library = Library(tmp_path / ("long" * 40) / "library")
    migrations.create(library, "UTC", NOW_NS).close()
    return library


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: NAMES[type(command)])
def test_a_command_survives_the_wire(command: Command) -> None:
    assert decode(json.loads(json.dumps(encode(command)))) == command


def test_every_command_has_a_name_of_its_own_and_is_tested() -> None:
    assert len(set(NAMES.values())) == len(NAMES)
    assert {type(command) for command in COMMANDS} == set(NAMES)


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        "volume.add",
        {},
        {"do": "volume.burn"},
        {"do": ["volume.add"]},
        {"do": "volume.add"},
        {"do": "volume.add", "name": "x"},
        {"do": "volume.add", "name": 1, "root": ""},
        {"do": "volume.add", "name": "x", "root": "§"},
        {"do": "volume.add", "name": "x", "root": "", "mode": "rwx"},
        {"do": "volume.add", "name": "x", "root": "", "excludes": [1]},
        {"do": "volume.add", "name": "x", "root": "", "excludes": "abc"},
        {"do": "volume.add", "name": "x", "root": "", "owner": "me"},
        {"do": "account.disable", "name": "x", "is_disabled": 1},
        {"do": "rate", "photos": ["x"]},
        {"do": "rate", "photos": "x", "rating": 1},
        {"do": "rate", "photos": [1], "rating": 1},
        {"do": "rate", "photos": None, "rating": 1},
        {"do": "rate", "photos": ["x"], "rating": True},
        {"do": "rate", "photos": ["x"], "rating": 1.0},
        {"do": "rate", "photos": ["x"], "rating": 2**70},
        {"do": "title", "photos": ["x"], "title": 1},
        {"do": "favorite", "photos": ["x"], "is_favorite": None},
        {"do": "place.set", "photos": ["x"], "lat": "1", "lon": 1},
        {"do": "place.set", "photos": ["x"], "lat": True, "lon": 1},
        {"do": "place.set", "photos": ["x"], "lat": float("nan"), "lon": 1},
        {"do": "place.set", "photos": ["x"], "lat": 1, "lon": float("inf")},
        {"do": "place.set", "photos": ["x"], "lat": 10**400, "lon": 1},
        {"do": "face.add", "photo": "x", "x": None, "y": 0, "w": 1, "h": 1},
        {"do": "album.order", "album": "x", "before": ["x"]},
        {"do": "undo", "journal": "1"},
        {"do": "undo", "journal": -(2**64)},
    ],
)
def test_what_is_no_command_is_refused(document: object) -> None:
    with pytest.raises(InvalidValue):
        decode(document)


def test_whole_numbers_are_degrees_as_well() -> None:
    command = decode({"do": "place.set", "photos": ["x"], "lat": 1, "lon": -2})
    assert command == layer.PlaceSet(("x",), 1.0, -2.0)
    assert isinstance(command, layer.PlaceSet)
    assert type(command.lat) is float


@pytest.mark.parametrize(
    "options", [EditOptions(), EditOptions(True), EditOptions(max_items=0), EditOptions(True, 7)]
)
def test_options_survive_the_wire(options: EditOptions) -> None:
    assert decode_options(json.loads(json.dumps(encode_options(options)))) == options


@pytest.mark.parametrize(
    "document",
    [[], "x", {"dry_run": 1}, {"max_items": -1}, {"max_items": True}, {"max_items": "5"}, {"force": True}],
)
def test_what_are_no_options_is_refused(document: object) -> None:
    with pytest.raises(InvalidValue):
        decode_options(document)


def test_volumes_and_paths_are_added_and_removed(catalog: StoreHarness) -> None:
    answer = execute(catalog.writer, AddVolume("My: NAS", b"/nas", excludes=("*.tmp",)), now_ns=5)
    assert answer["name"] == "My： NAS"
    volume = volumes.volume_by_name(catalog.writer, "MY: nas")
    assert (volume.root, volume.mode, volume.state, volume.excludes) == (b"/nas", "ro", "unknown", ("*.tmp",))
    execute(catalog.writer, AddLibraryPath("My: NAS", b"/a//b/"), now_ns=5)
    assert [path.path for path in volumes.library_paths(catalog.writer, volume.id)] == [b"a/b"]
    with pytest.raises(AlreadyExists):
        execute(catalog.writer, AddLibraryPath("My: NAS", b"a/b"), now_ns=5)
    with pytest.raises(InvalidValue):
        execute(catalog.writer, AddLibraryPath("My: NAS", b"a/../../etc"), now_ns=5)
    execute(catalog.writer, RemoveLibraryPath("My: NAS", b"a/b"), now_ns=5)
    with pytest.raises(NotFound):
        execute(catalog.writer, RemoveLibraryPath("My: NAS", b"a/b"), now_ns=5)
    with pytest.raises(NotFound):
        execute(catalog.writer, AddLibraryPath("Other", b""), now_ns=5)


@pytest.mark.parametrize(("name", "root"), [("photos", b"/x"), ("PHOTOS", b"/x"), ("Other", b"/photos")])
def test_a_name_or_a_place_is_given_to_one_volume(catalog: StoreHarness, name: str, root: bytes) -> None:
    with pytest.raises(AlreadyExists):
        execute(catalog.writer, AddVolume(name, root), now_ns=5)


def test_a_volume_is_disabled_enabled_and_accepted_empty(catalog: StoreHarness) -> None:
    execute(catalog.writer, DisableVolume("Photos"), now_ns=5)
    assert volumes.volume_by_id(catalog.writer, catalog.volume_id).state == "disabled"
    execute(catalog.writer, EnableVolume("Photos"), now_ns=6)
    assert volumes.volume_by_id(catalog.writer, catalog.volume_id).state == "unknown"
    catalog.put(b"x.jpg", "x")
    catalog.scan()
    execute(catalog.writer, AcceptEmpty("Photos"), now_ns=7)
    assert not volumes.volume_by_id(catalog.writer, catalog.volume_id).had_data


def test_accounts_are_added_changed_and_locked(catalog: StoreHarness) -> None:
    execute(catalog.writer, AddAccount("Anna", HASH), now_ns=5)
    with pytest.raises(AlreadyExists):
        execute(catalog.writer, AddAccount("anna", HASH), now_ns=5)
    execute(catalog.writer, SetPassword("ANNA", HASH + "2"), now_ns=6)
    execute(catalog.writer, DisableAccount("anna"), now_ns=7)
    account = accounts.account_by_name(catalog.writer, "aNNa")
    assert (account.name, account.password, account.is_disabled) == ("Anna", HASH + "2", True)
    assert (account.created_ns, account.changed_ns) == (5, 7)
    with pytest.raises(NotFound):
        execute(catalog.writer, SetPassword("bob", HASH), now_ns=7)
    for name, password in (("", HASH), ("a:b", HASH), ("a\nb", HASH), ("x" * 65, HASH), ("carl", "secret")):
        with pytest.raises(InvalidValue):
            execute(catalog.writer, AddAccount(name, password), now_ns=8)
    assert [one.name for one in accounts.accounts(catalog.writer)] == ["Anna"]


def test_the_journal_tells_every_edit_and_no_password(catalog: StoreHarness) -> None:
    execute(catalog.writer, AddAccount("anna", HASH), now_ns=5, author="root")
    execute(catalog.writer, AddVolume("NAS", b"/nas"), now_ns=6)
    newest, before = journal.newest(catalog.writer)
    assert (newest.command["do"], newest.command["name"], newest.made_ns) == ("volume.add", "NAS", 6)
    assert (before.command, before.author) == ({"do": "account.add", "name": "anna"}, "root")


def test_a_refused_edit_leaves_no_trace(catalog: StoreHarness) -> None:
    before = (
        catalog.writer.value("SELECT count(*) FROM journal"),
        catalog.writer.value("SELECT max(seq) FROM change"),
    )
    with pytest.raises(AlreadyExists):
        execute(catalog.writer, AddVolume("Photos", b"/x"), now_ns=5)
    after = (
        catalog.writer.value("SELECT count(*) FROM journal"),
        catalog.writer.value("SELECT max(seq) FROM change"),
    )
    assert before == after


def test_without_a_daemon_the_command_does_it_itself(library: Library) -> None:
    answer = client.submit(library, AddVolume("NAS", b"/nas"))
    assert answer["name"] == "NAS"
    reader = db.open_reader(library)
    assert [volume.name for volume in volumes.volumes(reader)] == ["NAS"]
    reader.close()
    LibraryLock(library).acquire().release()
    with pytest.raises(AlreadyExists):
        client.submit(library, AddVolume("NAS", b"/nas"))
    LibraryLock(library).acquire().release()


def test_without_a_library_nothing_is_made(tmp_path: Path) -> None:
    with pytest.raises(NoLibrary):
        client.submit(Library(tmp_path / "x"), AddVolume("NAS", b"/nas"))
    assert list(tmp_path.iterdir()) == []


def test_a_lock_without_a_socket_names_its_holder(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "LOCK_WAIT_S", 0.1)
    with LibraryLock(library), pytest.raises(LibraryLocked) as caught:
        client.submit(library, AddVolume("NAS", b"/nas"))
    assert caught.value.details["pid"] == os.getpid()


@contextmanager
def daemon(library: Library, answer: bytes) -> Iterator[list[Any]]:
    """A listener that answers one request with the same line, as the daemon's control socket does."""
    requests: list[Any] = []
    directory = os.open(library.state_dir, os.O_PATH)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"/proc/self/fd/{directory}/control.sock")
    listener.listen(1)

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as lines:
            requests.append(json.loads(lines.readline()))
            connection.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    yield requests
    thread.join()
    listener.close()
    os.close(directory)


def test_options_go_with_the_edit_and_signs_of_life_are_no_answer(library: Library) -> None:
    lines = b'{"type": "progress"}\n{"type": "progress"}\n{"ok": true, "data": {"changed": 1}}\n'
    with daemon(library, lines) as requests:
        assert client.submit(library, DisableVolume("NAS"), EditOptions(True, 5)) == {"changed": 1}
    assert requests[0]["options"] == {"dry_run": True, "max_items": 5}


def test_a_dry_run_of_any_command_changes_nothing(library: Library) -> None:
    assert client.submit(library, AddVolume("NAS", b"/nas"), EditOptions(is_dry_run=True))["dry_run"] is True
    reader = db.open_reader(library)
    assert volumes.volumes(reader) == []
    reader.close()


def test_a_daemon_is_handed_the_edit_and_answers(library: Library) -> None:
    command = AddVolume("NAS", b"/nas\xff")
    with daemon(library, b'{"ok": true, "data": {"volume_id": 7}}\n') as requests:
        assert client.submit(library, command) == {"volume_id": 7}
    assert requests == [{"v": 1, "edit": encode(command)}]


@pytest.mark.parametrize("kind", all_errors(), ids=lambda kind: kind.code)
def test_the_daemons_refusal_is_raised_as_the_same_class(library: Library, kind: type[GlassineError]) -> None:
    error = {"code": kind.code, "message": "no", "hint": "try", "exit_code": kind.exit_code, "volume": "NAS"}
    line = json.dumps({"ok": False, "error": error}).encode() + b"\n"
    with daemon(library, line), pytest.raises(GlassineError) as caught:
        client.submit(library, DisableVolume("NAS"))
    assert type(caught.value) is kind
    assert (caught.value.message, caught.value.hint, caught.value.details) == ("no", "try", {"volume": "NAS"})


@pytest.mark.parametrize("answer", [b"", b"{", b"no json\n", b'{"ok": true'])
def test_an_answer_that_breaks_off_is_never_done_twice(library: Library, answer: bytes) -> None:
    with daemon(library, answer), pytest.raises(LibraryLocked, match="did not answer"):
        client.submit(library, AddVolume("NAS", b"/nas"))
    reader = db.open_reader(library)
    assert volumes.volumes(reader) == []
    reader.close()


def test_a_socket_that_a_dead_daemon_left_is_no_daemon(library: Library) -> None:
    with daemon(library, b'{"ok": true, "data": {}}\n'):
        client.submit(library, DisableVolume("NAS"))
    assert library.socket_path.exists()
    assert client.submit(library, AddVolume("NAS", b"/nas"))["name"] == "NAS"


def test_the_lock_is_free_when_its_holder_is_killed(library: Library) -> None:
    code = (
        "import sys, time; from catalog.library import Library, LibraryLock;"
        " lock = LibraryLock(Library(sys.argv[1])).acquire(); print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(library.path)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(LibraryLocked) as caught:
        LibraryLock(library).acquire()
    assert caught.value.details["pid"] == holder.pid
    holder.kill()
    holder.wait()
    holder.stdout.close()
    with LibraryLock(library) as lock:
        assert lock.is_held


def test_a_child_does_not_inherit_the_lock(library: Library) -> None:
    with LibraryLock(library):
        child = subprocess.Popen(
            [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE, close_fds=False
        )
    # exec closes descriptors one after the other, and Popen may return in the middle of it.
    LibraryLock(library).acquire(wait_s=5).release()
    assert child.poll() is None
    assert child.stdin is not None
    child.stdin.close()
    child.wait()
