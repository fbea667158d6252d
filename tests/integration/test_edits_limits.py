"""The edges of edits: dry runs, caps, naughty strings, 100,000 photos, a full disk, two writers at once."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Any

import pytest
import trio
from editing import Photos

from capabilities import require
from catalog import commands
from catalog.commands import EditOptions, client
from catalog.commands.layer import (
    AlbumAdd,
    PersonAdd,
    Rate,
    SearchSave,
    TagAdd,
    TagDelete,
    TagRename,
    Title,
    Undo,
)
from catalog.errors import InvalidValue, StorageFull, TooManyItems
from catalog.labels import check_text, split_path
from catalog.library import Library, LibraryLock
from catalog.names import fold
from catalog.store import albums, journal, persons, tags
from daemon.config import load_config
from daemon.control import Send, open_control
from daemon.services import Services, open_services
from daemon.services import edit as edit_of_services
from sacred import corpus_dir

EDITS: list[Any] = [
    lambda uids: TagAdd(uids, ("a/b", "c")),
    lambda uids: AlbumAdd(uids, "A/B", is_created=True),
    lambda uids: PersonAdd(uids, "Anna"),
    lambda uids: Rate(uids, 5),
    lambda uids: SearchSave("s", "rating>=4"),
]


@pytest.mark.parametrize("make", EDITS)
def test_a_dry_run_tells_what_the_real_one_does_and_leaves_no_trace(four: Photos, make: Any) -> None:
    before = four.dump(), four.counters()
    told = four.do(make(four.uids), is_dry_run=True)
    assert (four.dump(), four.counters()) == before
    done = four.do(make(four.uids))
    assert (told["journal"], told["dry_run"], done["dry_run"]) == (None, True, False)
    assert {**told, "journal": 0, "dry_run": 0} == {**done, "journal": 0, "dry_run": 0}


def test_a_dry_run_fails_as_the_real_one_does(four: Photos) -> None:
    four.refuse(Rate(four.uids, 9), InvalidValue, "9", is_dry_run=True)


def test_more_than_the_cap_is_refused_with_nothing_done(four: Photos) -> None:
    refused = four.refuse(TagAdd(four.uids, ("a",)), TooManyItems, "4 photos", max_items=3)
    assert (refused.exit_code, refused.details) == (2, {"changed": 4, "max_items": 3})
    four.do(TagAdd(four.uids, ("a",)), max_items=4)
    assert four.do(TagAdd(four.uids, ("a",)), max_items=0)["unchanged"] == 4
    four.refuse(TagRename("a", "b"), TooManyItems, max_items=3)
    four.refuse(TagDelete("a"), TooManyItems, max_items=3, is_dry_run=True)


def naughty() -> list[str]:
    """Return the naughty strings of the corpus and a few of our own."""
    require("corpus")
    place = corpus_dir()
    assert place is not None
    strings: list[str] = json.loads((place / "lists" / "blns.json").read_text())
    ours = [
        "..",
        ".",
        "a\x00b",
        "\x01",
        "\u202ea",
        "👨‍👩‍👧",
        "x" * 10_240,
        "é" * 5_000,
        "_all",
        "CON",
        "a.jpg",
        "~abc123",
    ]
    return [text for text in [*strings, *ours] if text.strip()]


def test_naughty_strings_are_tags_albums_persons_and_titles(four: Photos) -> None:
    writer = four.catalog.writer
    for number, text in enumerate(naughty()):
        uid = four.uids[number % 4]
        four.catalog.now_ns += 1
        for command in (
            TagAdd((uid,), (text.replace("/", "／"),)),
            AlbumAdd((uid,), text.replace("/", "／"), is_created=True),
            PersonAdd((uid,), text),
            Title((uid,), text),
        ):
            commands.execute(writer, command, now_ns=four.catalog.now_ns)
        assert four.document(number % 4)["title"] == check_text(text, "title")
        (said,) = split_path(text.replace("/", "／"), "tag")
        assert fold(tags.resolve_tag(writer, said).path) == fold(said)
    for labels in (
        [tag.label for tag in tags.tags(writer)],
        [album.label for album in albums.albums(writer)],
        [person.label for person in persons.persons(writer)],
    ):
        assert len(labels) > 300
        assert len({label.casefold() for label in labels}) == len(labels)
        assert all(1 <= len(label.encode()) <= 240 and "/" not in label for label in labels)
    assert four.catalog.check() == []


# ---- a full disk


def test_a_full_disk_at_any_write_leaves_nothing_half_done(four: Photos) -> None:
    """SQLite's own limit of pages stands for the disk: every page that an edit needs is missing once."""
    writer = four.catalog.writer
    four.do(Rate(four.uids, 1))
    command = TagAdd(four.uids, tuple(f"a{number}/{'x' * 3000}/c" for number in range(12)))
    before = four.dump(), four.counters()
    refusals = 0
    pages = int(writer.value("PRAGMA page_count"))
    for extra in range(1000):
        writer.rows(f"PRAGMA max_page_count = {pages + extra}")
        try:
            commands.execute(writer, command, now_ns=four.catalog.now_ns + 1)
        except StorageFull:
            refusals += 1
            assert (four.dump(), four.counters()) == before
            assert four.catalog.check() == []
            continue
        break
    assert refusals > 3
    assert len(four.document(0)["tags"]) == 12
    writer.rows("PRAGMA max_page_count = 1073741823")


# ---- many photos


@pytest.mark.slow
def test_many_photos_are_tagged_ordered_and_given_back_in_a_command_each(catalog: Any) -> None:
    count = 3000
    for number in range(count):
        catalog.put(b"d%d/IMG_%d.JPG" % (number % 30, number), f"photo {number}", inode=number + 1)
    catalog.scan()
    catalog.read_facts()
    uids = tuple(uid for (uid,) in catalog.writer.rows("SELECT uid FROM asset ORDER BY id"))
    tagged = commands.execute(catalog.writer, TagAdd(uids, ("a/b",)), now_ns=catalog.now_ns + 1)
    assert (tagged["changed"], len(tagged["photos"])) == (count, 1000)
    row = journal.newest(catalog.writer, 1)[0]
    assert (len(row.command["photos"]), row.command["photo_count"], len(row.items)) == (1000, count, count)
    commands.execute(catalog.writer, AlbumAdd(uids[::-1], "All", is_created=True), now_ns=catalog.now_ns + 2)
    album = albums.resolve_album(catalog.writer, "All")
    found = albums.photos_in_order(catalog.writer, album.id)
    assert found == sorted(found, reverse=True)
    for _ in range(2):
        assert commands.execute(catalog.writer, Undo(), now_ns=catalog.now_ns + 3)["changed"] == count
    assert catalog.writer.value("SELECT count(*) FROM statement") == 0


@pytest.mark.long
def test_a_hundred_thousand_photos_are_one_command(catalog: Any) -> None:
    for number in range(100_000):
        catalog.put(b"d%d/IMG_%d.JPG" % (number % 100, number), f"photo {number}", inode=number + 1)
    catalog.scan()
    catalog.read_facts()
    uids = tuple(uid for (uid,) in catalog.writer.rows("SELECT uid FROM asset ORDER BY id"))
    started = time.process_time()
    answer = commands.execute(catalog.writer, TagAdd(uids, ("beach",)), now_ns=catalog.now_ns + 1)
    seconds = time.process_time() - started
    assert answer["changed"] == 100_000
    assert seconds < 60, "linear in the number of photos"
    print(f"100,000 photos tagged in {seconds:.1f} s of CPU")


# ---- two writers at once


@contextmanager
def in_thread(function: Any) -> Iterator[list[Any]]:
    """Run something beside the block; what it returned or raised is in the list afterwards."""
    results: list[Any] = []

    def run() -> None:
        try:
            results.append(function())
        except Exception as error:  # noqa: BLE001 - handed to the test
            results.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    yield results
    thread.join()


def test_without_a_daemon_the_second_writer_waits_for_its_turn(four: Photos) -> None:
    library = four.catalog.library
    lock = LibraryLock(library).acquire()
    with in_thread(partial(client.submit, library, Rate(four.uids, 5))) as results:
        time.sleep(0.3)
        assert results == []
        lock.release()
    assert results[0]["changed"] == 4


async def test_edits_over_the_socket_take_turns_and_carry_their_options(four: Photos) -> None:
    library, uids = four.catalog.library, four.uids
    four.catalog.close()
    async with _served(library):
        submit = partial(trio.to_thread.run_sync, abandon_on_cancel=False)
        told = await submit(partial(client.submit, library, Rate(uids, 5), EditOptions(is_dry_run=True)))
        assert (told["dry_run"], told["journal"], told["changed"]) == (True, None, 4)
        with pytest.raises(TooManyItems):
            await submit(partial(client.submit, library, Rate(uids, 5), EditOptions(max_items=1)))
        answers: list[dict[str, Any]] = []

        async def say(number: int) -> None:
            command = TagAdd(uids, (f"tag {number}", "shared/by all"))
            answers.append(await submit(partial(client.submit, library, command)))

        async with trio.open_nursery() as nursery:
            for number in range(8):
                nursery.start_soon(say, number)
        assert sorted(answer["journal"] for answer in answers) == list(range(1, 9))
        assert sum("shared" in answer["created"] for answer in answers) == 1
    four.catalog.reopen()
    assert len(four.document(0)["tags"]) == 9


async def test_a_selection_of_a_hundred_thousand_passes_the_socket(four: Photos) -> None:
    library = four.catalog.library
    uids = four.uids * 25_000
    four.catalog.close()
    async with _served(library):
        answer = await trio.to_thread.run_sync(client.submit, library, Rate(uids, 5))
    four.catalog.reopen()
    assert (answer["changed"], four.of("rating")) == (4, [5] * 4)


async def test_a_slow_edit_is_no_silence(four: Photos, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client's patience is shorter than the edit; the daemon's signs of life keep it."""
    library, uids = four.catalog.library, four.uids
    four.catalog.close()
    monkeypatch.setattr(client, "ANSWER_TIMEOUT_S", 0.6)
    monkeypatch.setattr("daemon.services._ALIVE_EVERY_S", 0.1)
    async with _served(library) as services:
        entered = trio.Event()

        async def occupy() -> None:
            token = trio.lowlevel.current_trio_token()

            def hold(_: Any) -> None:
                token.run_sync_soon(entered.set)
                time.sleep(1.2)

            await services.writer.run(hold)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(occupy)
            await entered.wait()
            answer = await trio.to_thread.run_sync(client.submit, library, Rate(uids, 5))
    four.catalog.reopen()
    assert answer["changed"] == 4


@asynccontextmanager
async def _served(library: Library) -> AsyncIterator[Services]:
    """Run the services and the control socket of a daemon in this process."""

    async def take_edit(argument: Any, send: Send) -> dict[str, Any]:
        return await edit_of_services(services, argument, send)

    config = load_config(library)
    with LibraryLock(library):
        async with (
            open_services(library, config) as services,
            open_control(library.socket_path, {"edit": take_edit}, clients=4),
        ):
            yield services
