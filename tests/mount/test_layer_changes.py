"""Edits of the layer under a live mount: seen within a second, precisely, and nothing else is asked again."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from live_mount import DAY, NOON, SEEN_S, Live, asked
from mounted import open_mount, wait_until

from catalog.commands.layer import (
    AlbumAdd,
    AlbumCreate,
    AlbumDelete,
    AlbumRemove,
    AlbumRename,
    DateSet,
    Describe,
    Favorite,
    Hide,
    LayerCommand,
    PersonAdd,
    PersonRename,
    PlaceSet,
    Rate,
    SearchSave,
    StackMake,
    TagAdd,
    TagRemove,
    TagRename,
    TrashPut,
    TrashRestore,
    Undo,
)  # fmt: skip
from library_builder import build_library

pytestmark = pytest.mark.mount

COUNT = 2000


@pytest.fixture
def live(tmp_path) -> Iterator[Live]:
    built = build_library(tmp_path, {f"dir/{number:03d}.jpg": NOON for number in range(8)})
    with open_mount(built.library, tmp_path / "mnt") as mount:
        yield Live(built, mount)
    built.close()


@pytest.mark.parametrize(
    ("before", "command", "come", "gone"),
    [
        ([], TagAdd, ["Tags/a/b/001.jpg", "Tags/a/_all/001.jpg"], []),
        ([TagAdd], TagRemove, [], ["Tags/a/b/001.jpg", "Tags/a/b", "Tags/a/_all", "Tags/a"]),
        ([TagAdd], TagRename, ["Tags/c/001.jpg"], ["Tags/a/b/001.jpg", "Tags/a/b", "Tags/a"]),
        ([], AlbumCreate, ["Albums/Trip/Day"], []),
        ([], AlbumAdd, ["Albums/Trip/Day/001.jpg"], []),
        ([AlbumAdd], AlbumRemove, [], ["Albums/Trip/Day/001.jpg"]),
        ([AlbumAdd], AlbumRename, ["Albums/Night/001.jpg"], ["Albums/Trip/Day/001.jpg", "Albums/Trip/Day"]),
        ([AlbumAdd], AlbumDelete, [], ["Albums/Trip/Day/001.jpg", "Albums/Trip/Day", "Albums/Trip"]),
        ([], PersonAdd, ["People/Anna/2019/001.jpg"], []),
        ([PersonAdd], PersonRename, ["People/Berta/2019/001.jpg"], ["People/Anna/2019/001.jpg", "People/Anna"]),
        ([], PlaceSet, ["Places/Italy/Lazio/Rome/001.jpg"], []),
        ([PlaceSet], Hide, [], ["Places/Italy/Lazio/Rome/001.jpg", "Places/Italy/Lazio/Rome", "Places/Italy/Lazio", "Places/Italy"]),
        ([], Favorite, ["Favorites/001.jpg"], []),
        ([], Rate, ["Ratings/4/001.jpg"], []),
        ([Rate, Favorite, PersonAdd, TagAdd, AlbumAdd], TrashPut, ["Trash/{today}/001.jpg"],
         ["Ratings/4/001.jpg", "Ratings/4", "Favorites/001.jpg", "People/Anna", "Tags/a", "Albums/Trip/Day/001.jpg", f"{DAY}/001.jpg"]),
        ([Rate, TrashPut], TrashRestore, ["Ratings/4/001.jpg", f"{DAY}/001.jpg"], ["Trash/{today}"]),
        ([Rate, Favorite], Hide, [], ["Ratings/4", "Favorites/001.jpg", f"{DAY}/001.jpg"]),
        ([TagAdd, PersonAdd], Undo, [], ["People/Anna/2019/001.jpg", "People/Anna"]),
        ([PersonAdd], DateSet, ["Timeline/1999/1999-12/1999-12-31/001.jpg", "People/Anna/1999/001.jpg"],
         [f"{DAY}/001.jpg", "People/Anna/2019"]),
        ([], StackMake, ["Stacks/2019"], [f"{DAY}/002.jpg"]),
        ([], SearchSave, ["Searches/Best"], []),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)  # fmt: skip
def test_an_edit_is_seen_within_a_second(
    live: Live,
    before: list[type[LayerCommand]],
    command: type[LayerCommand],
    come: list[str],
    gone: list[str],
):
    """Names that come were looked for in vain before, names that go were found: the kernel remembers both."""
    photos = (live.uid("001.jpg"),)
    made: dict[type[LayerCommand], LayerCommand] = {
        TagAdd: TagAdd(photos, ("a/b",)), TagRemove: TagRemove(photos, ("a/b",)), TagRename: TagRename("a/b", "c"),
        AlbumCreate: AlbumCreate("Trip/Day"), AlbumAdd: AlbumAdd(photos, "Trip/Day", is_created=True),
        AlbumRemove: AlbumRemove(photos, "Trip/Day"), AlbumRename: AlbumRename("Trip/Day", "Night"),
        AlbumDelete: AlbumDelete("Trip", is_recursive=True), PersonAdd: PersonAdd(photos, "Anna"),
        PersonRename: PersonRename("Anna", "Berta"), Favorite: Favorite(photos), Rate: Rate(photos, 4),
        TrashPut: TrashPut(photos), TrashRestore: TrashRestore(photos), Hide: Hide(photos), Undo: Undo(),
        DateSet: DateSet(photos, "1999-12-31"), StackMake: StackMake((*photos, live.uid("002.jpg"))),
        SearchSave: SearchSave("Best", "rating>=4"), PlaceSet: PlaceSet(photos, 41.8902, 12.4922),
    }  # fmt: skip
    live.do(*(made[one] for one in before))
    live.drained()
    today = live.built.added_day
    coming, going = ([live.place / path.format(today=today) for path in paths] for paths in (come, gone))
    assert all(path.exists() for path in going)
    assert not any(path.exists() for path in coming)
    live.do(made[command])
    assert wait_until(lambda: all(p.exists() for p in coming) and not any(p.exists() for p in going)) < SEEN_S
    for path in coming:
        assert path.name in os.listdir(path.parent)
        assert path.is_dir() or path.read_bytes() == NOON.bytes_for(b"dir/001.jpg")
    for path in going:
        assert not path.parent.exists() or path.name not in os.listdir(path.parent)


@pytest.mark.slow
def test_after_one_tag_no_other_name_is_asked_for(tmp_path):
    files = {f"dir/{number:04d}.jpg": NOON for number in range(COUNT)}
    built = build_library(tmp_path, files, hashes=False)
    with open_mount(built.library, tmp_path / "mnt") as mount:
        live = Live(built, mount)
        everybody = tuple(uid for (uid,) in built.writer.rows("SELECT uid FROM asset ORDER BY id"))
        live.do(AlbumAdd(everybody, "All", is_created=True), TagAdd(everybody[:50], ("old/tag",)))
        wait_until(lambda: len(os.listdir(live.place / "Albums/All")) == COUNT)
        wait_until((live.place / "Tags/old/tag/0049.jpg").exists)
        live.drained()
        folders = [
            live.place / path
            for path in (DAY, "Albums/All", "Tags/old/tag", "Tags/old/_all", "Types/Photos/2019")
        ]
        paths = [folder / name for folder in folders for name in os.listdir(folder)]
        assert len(paths) == 3 * COUNT + 101  # _all of the tag among them

        def look() -> None:
            for path in paths:
                path.stat()

        look()
        assert asked(live, look).get("lookup", 0) == 0
        live.do(TagAdd((everybody[700],), ("new",)))
        assert wait_until((live.place / "Tags/new/0700.jpg").exists) < SEEN_S
        live.drained()
        requests = asked(live, look)
        assert requests.get("lookup", 0) == 0, requests
        assert requests.get("getattr", 0) <= 2, requests  # of the tagged photo, and of Tags
    built.close()


@pytest.mark.parametrize(
    "command",
    [AlbumAdd, AlbumCreate, AlbumRename, DateSet, Describe, Favorite, Hide, PersonAdd, PersonRename, PlaceSet, Rate, SearchSave,
     StackMake, TagAdd, TagRename, TrashPut],
    ids=lambda command: command.__name__,
)  # fmt: skip
def test_after_one_edit_no_other_name_is_asked_for(live: Live, command: type[LayerCommand]):
    """Every other photo in every kind of folder: only what was changed is asked for again."""
    first, other, *rest = (live.uid(f"{number:03d}.jpg") for number in range(8))
    live.do(
        TagAdd((first, *rest), ("old/tag",)), AlbumAdd((first, *rest), "Old/Album", is_created=True), Rate((first, *rest), 3),
        PersonAdd((first, *rest), "Old"), Favorite((first, *rest)), TagAdd((other,), ("b",)), PersonAdd((other,), "Berta"),
        AlbumCreate("B"), PlaceSet((first, *rest), 41.8902, 12.4922), PlaceSet((other,), 48.8584, 2.2945),
    )  # fmt: skip
    live.drained()
    one = (other,)
    made: dict[type[LayerCommand], LayerCommand] = {
        AlbumAdd: AlbumAdd(one, "B"), AlbumCreate: AlbumCreate("Old/New"), AlbumRename: AlbumRename("B", "C"),
        DateSet: DateSet(one, "1999-12-31"), Describe: Describe(one, "said"), Favorite: Favorite(one), Hide: Hide(one),
        PersonAdd: PersonAdd(one, "New"), PersonRename: PersonRename("Berta", "Carla"), Rate: Rate(one, 3),
        SearchSave: SearchSave("Best", "rating>=3"), StackMake: StackMake((other, first)), TagAdd: TagAdd(one, ("old/tag",)),
        TagRename: TagRename("b", "c"), TrashPut: TrashPut(one), PlaceSet: PlaceSet(one, 41.8902, 12.4922),
    }  # fmt: skip
    folders = (DAY, "Types/Photos/2019", "Albums/Old/Album", "Tags/old/tag", "Tags/old/_all", "Ratings/3", "People/Old/2019",
               "Favorites", "Places/Italy/Lazio/Rome")  # fmt: skip
    paths = [live.place / folder / f"{number:03d}.jpg" for folder in folders for number in range(2, 8)]

    def look() -> None:
        for path in paths:
            path.stat()

    look()
    quiet = asked(live, look)
    assert quiet.get("lookup", 0) == 0, quiet
    live.do(made[command])
    live.drained()
    requests = asked(live, look)
    above = command is DateSet  # Types/Photos, which has got the folder of another year
    assert requests.get("lookup", 0) == above, requests
    for kind in ("getattr", "readdir", "open"):
        assert requests.get(kind, 0) <= quiet.get(kind, 0), requests


def test_the_times_of_folders_follow_their_last_change(live):
    live.do(AlbumCreate("Trip/Day"), TagAdd((live.uid("001.jpg"),), ("a/b",)))
    live.drained()
    folders = [
        live.place / path
        for path in ("Albums", "Albums/Trip", "Albums/Trip/Day", "Tags", "Tags/a", "Tags/a/b")
    ]
    before = [folder.stat().st_mtime_ns for folder in folders]
    live.do(AlbumAdd((live.uid("002.jpg"),), "Trip/Day"), TagAdd((live.uid("003.jpg"),), ("a/b",)))
    changed = [folders[index] for index in (0, 2, 3, 4, 5)]
    earlier = [before[index] for index in (0, 2, 3, 4, 5)]
    assert (
        wait_until(lambda: all(f.stat().st_mtime_ns > old for f, old in zip(changed, earlier, strict=True)))
        < SEEN_S
    )
    live.do(AlbumCreate("Trip/Night"))
    assert wait_until(lambda: folders[1].stat().st_mtime_ns > before[1]) < SEEN_S


def test_a_dynamic_folder_is_fresh_at_once(live):
    path = live.place / "Search/rating>=4/001.jpg"
    assert path.parent.is_dir()
    assert not path.exists()
    live.do(Rate((live.uid("001.jpg"),), 5))
    assert path.exists()
    assert os.listdir(path.parent) == ["001.jpg"]
    live.do(Rate((live.uid("001.jpg"),), 3))
    assert not path.exists()
    assert os.listdir(path.parent) == []
    assert os.listdir(live.place / "Search") == []


def test_photos_of_dynamic_folders_keep_their_pages_and_attributes(live):
    path = live.place / "Search/type=photo/001.jpg"
    path.read_bytes()
    requests = asked(live, lambda: [path.read_bytes() for _ in range(5)])
    assert requests.get("read", 0) <= 0, requests
    assert requests.get("lookup", 0) >= 5, requests


def test_attributes_that_programs_ask_for_are_those_of_this_moment(live):
    path = live.place / DAY / "001.jpg"
    photos = (live.uid("001.jpg"),)
    assert os.getxattr(path, "user.xdg.tags") == b""
    live.do(
        TagAdd(photos, ("animals/cat", "sea, side")),
        Rate(photos, 4),
        Describe(photos, "Größe"),
        Favorite(photos),
    )
    live.do(AlbumAdd(photos, "Trip/Day", is_created=True), PersonAdd(photos, "Anna"))
    names = os.listxattr(path)
    said = {name.removeprefix("user."): os.getxattr(path, name).decode() for name in names}
    assert said["xdg.tags"] == "animals/cat,sea， side"
    assert said["glassine.tags"] == '["animals/cat", "sea, side"]'
    assert (said["baloo.rating"], said["glassine.rating"], said["xdg.comment"]) == ("8", "4", "Größe")
    assert (said["glassine.albums"], said["glassine.people"]) == ('["Trip/Day"]', '["Anna"]')
    assert (said["glassine.favorite"], said["mime_type"]) == ("yes", "image/jpeg")
    live.do(TrashPut(photos))
    trashed = live.place / "Trash" / live.built.added_day / "001.jpg"
    wait_until(trashed.exists)
    assert os.getxattr(trashed, "user.glassine.trashed")


def test_a_program_inside_an_album_keeps_its_place_when_the_album_is_renamed(live):
    live.do(AlbumAdd((live.uid("001.jpg"),), "Trip", is_created=True))
    live.drained()
    program = "import os; input(); print(sorted(os.listdir())); print(open('001.jpg', 'rb').read(1) != b'')"
    with subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=live.place / "Albums/Trip",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as running:
        live.do(AlbumRename("Trip", "Journey"))
        wait_until((live.place / "Albums/Journey/001.jpg").exists)
        out, _ = running.communicate("\n")
    assert out.splitlines() == ["['001.jpg']", "True"]


def test_nothing_can_be_written_in_any_folder_of_the_layer(live):
    photos = (live.uid("001.jpg"),)
    live.do(
        TagAdd(photos, ("a",)),
        AlbumAdd(photos, "Trip", is_created=True),
        Favorite(photos),
        SearchSave("Best", "rating>=0"),
    )
    live.drained()
    for folder in (
        "Albums",
        "Albums/Trip",
        "Tags/a",
        "Tags/a/_all",
        "Favorites",
        "Search",
        "Search/type=photo",
        "Searches/Best",
    ):
        place = live.place / folder
        for refused in (
            lambda place=place: (place / "new").mkdir(),
            lambda place=place: (place / "new.txt").write_text("x"),
            lambda place=place: place.rmdir(),
            lambda place=place: place.rename(live.place / "x"),
            lambda place=place: os.unlink(place / "001.jpg"),
            lambda place=place: os.symlink("x", place / "link"),
        ):
            with pytest.raises(OSError) as raised:  # noqa: PT011 - the number is looked at
                refused()
            assert raised.value.errno in (errno.EROFS, errno.ENOENT, errno.ENOTEMPTY, errno.EXDEV), folder
        with pytest.raises(OSError, match="Read-only file system"):
            (place / "new").mkdir()
