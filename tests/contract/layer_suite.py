"""One suite for every face of the layer's views: what people said, as folders. See `frontend_suite`.

Plug a face in by subclassing `LayerSuite` with the fixtures `face` (an `Oser`) and `organised` (tests/organised.py).
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from catalog.buckets import View
from catalog.commands.layer import AlbumAdd, AlbumDelete
from catalog.store import volumes
from contract.frontend_suite import Oser, files_of
from library_builder import VOLUME
from organised import FILES, HOSTILE, Organised

VIEWS = (
    "Albums", "Tags", "People", "Places", "Favorites", "Ratings", "Stacks", "Trash", "Searches", "Search", "Offline", "Memories",
)  # fmt: skip


def paths_of(oser: Oser, top: str) -> Iterator[str]:
    """Yield every path below a folder, without `top`, folders with a slash at their end."""
    for name in oser.listdir(top):
        if oser.stat(f"{top}/{name}").is_dir:
            yield f"{name}/"
            yield from (f"{name}/{below}" for below in paths_of(oser, f"{top}/{name}"))
        else:
            yield name


class LayerSuite:
    """What holds for every face."""

    @pytest.mark.parametrize("view", VIEWS)
    def test_a_view_shows_what_was_said(self, face: Oser, organised: Organised, view: str):
        assert sorted(paths_of(face, view)) == sorted(organised.expected()[view])

    def test_every_view_of_the_layer_is_in_the_table(self, organised: Organised):
        assert set(organised.expected()) == set(VIEWS)
        assert {view.name.capitalize() for view in View if view >= View.ALBUMS} < set(VIEWS)

    def test_a_photo_has_its_bytes_size_and_time_in_every_folder(self, face: Oser, organised: Organised):
        bodies = {
            spec.bytes_for(path.encode()): path for path, spec in FILES.items() if isinstance(path, str)
        }
        by_uid = organised.built.bodies_by_uid().values()
        seen = 0
        for view in VIEWS:
            for path in files_of(face, view):
                body = face.read(path)
                assert body in by_uid, path
                status = face.stat(path)
                assert status.size == len(body)
                original = bodies.get(body)
                if original is not None and original in ("sea.jpg", "gone.jpg"):
                    wanted = organised.built.writer.value(
                        "SELECT mtime_ns FROM asset WHERE uid = ?", organised.uids(original)
                    )
                    assert status.mtime_ns == wanted - wanted % face.mtime_unit_ns, path
                seen += 1
        assert seen == sum(
            not line.endswith("/") for lines in organised.expected().values() for line in lines
        )

    def test_a_trashed_photo_is_in_the_trash_alone_and_a_hidden_one_nowhere(
        self, face: Oser, organised: Organised
    ):
        everywhere = [
            path for view in ("Timeline", "Recent", "Types", *VIEWS) for path in files_of(face, view)
        ]
        assert [path for path in everywhere if path.endswith("gone.jpg")] == [
            f"Trash/{organised.trash_day}/gone.jpg"
        ]
        assert not [path for path in everywhere if path.endswith("hidden.jpg")]

    @pytest.mark.parametrize(
        ("query", "names"),
        [
            ("rating=5", ["IMG_1.JPG", "{second}"]),
            ("tag=animals／cat", ["sea.jpg"]),
            ("tag=animals rating=0", ["beach.jpg"]),
            ("person=anna OR album=Raws", ["IMG_1.JPG", "beach.jpg", "shot.cr2"]),
            ("text=sea", ["sea.jpg"]),
            ("date=2021", ["picture.jpg"]),
            ("type=raw", ["shot.cr2"]),
            ("date=2019-08 -tag=animals", ["IMG_1.JPG", "{second}"]),
            ("date=1901", []),
            ("country=germany", ["IMG_1.JPG", "{second}"]),
            ("place=singapore", ["beach.jpg"]),
            ("text=rome", ["sea.jpg"]),
        ],
    )
    def test_a_query_is_a_folder(self, face: Oser, organised: Organised, query: str, names: list[str]):
        wanted = sorted(name.format(second=organised.second) for name in names)
        assert sorted(face.listdir(f"Search/{query}")) == wanted
        for name in wanted:
            assert face.read(f"Search/{query}/{name}")
        assert face.listdir("Search") == []

    @pytest.mark.parametrize(
        "path",
        [
            "Search/rating", "Search/beach", "Search/is:raw", "Search/raiting=5", "Search/rating=many", "Search/(rating=5",
            "Search/=5", "Search/x=y", "Search/.hidden", "Search/rating=5/beach.jpg", "Search/rating=5/rating=5",
            "Searches/best~", "Searches/Best/beach.jpg", "Memories/Tomorrow", "Memories/Today/1899", "Memories/Today/0000",
            "Memories/Today/99999", "Offline/Photos", "Offline/none", "Albums/none", "Albums/_all", "Albums/Trip/_all",
            "Albums/Empty/sea.jpg", "Albums/Trip/Day 1/sea.jpg", "Albums/Trip/hidden.jpg", "Tags/_all", "Tags/none",
            "Tags/animals/_all/cat", "Tags/animals/_all/_all", "People/Nobody", "People/Anna/2018", "People/Anna/0000",
            "Places/France", "Places/Germany/Potsdam", "Places/Germany/IMG_1.JPG", "Places/Germany/Brandenburg/Potsdam/gone.jpg",
            "Places/Germany/Brandenburg/Potsdam/Potsdam", "Places/Singapore/Singapore/Singapore",
            "People/Anna/2019/beach.jpg", "Ratings/0", "Ratings/4", "Ratings/6", "Ratings/05", "Favorites/old.jpg",
            "Stacks/2020", "Stacks/20x1", "Stacks/2021/none", "Trash/2001-01-01", "Trash/today",
        ],
    )  # fmt: skip
    def test_what_is_not_there_is_not_found(self, face: Oser, path: str):
        with pytest.raises(FileNotFoundError):
            face.stat(path)

    def test_a_suffixed_name_is_found_where_the_plain_one_is_shown(self, face: Oser, organised: Organised):
        (uid,) = organised.uids("sea.jpg")
        for folder in ("Albums/Trip", "Tags/animals/_all", "Tags/animals/cat", "Favorites", "Search/tag=cat"):
            assert face.read(f"{folder}/sea~{uid[:6]}.jpg") == face.read(f"{folder}/sea.jpg")

    def test_hostile_labels_are_listed_and_their_photos_can_be_opened(self, face: Oser, organised: Organised):
        photos = organised.uids("sea.jpg")
        try:
            for label in HOSTILE:
                organised.do(AlbumAdd(photos, f"Hostile/{label.replace('/', '／')}", is_created=True))
            labels = {
                label
                for (label,) in organised.built.writer.rows(
                    "SELECT a.label FROM album AS a JOIN album AS p ON p.id = a.parent_id WHERE p.name = 'Hostile'"
                )
            }
            names = face.listdir("Albums/Hostile")
            assert len(names) == len(set(names)) > len(HOSTILE) - 8  # some mean the same album
            assert set(names) == labels
            body = face.read("Favorites/sea.jpg")
            for name in names:
                assert face.read(f"Albums/Hostile/{name}/sea.jpg") == body, name
        finally:
            organised.do(AlbumDelete("Hostile", is_recursive=True))

    def test_a_volume_that_is_away_has_a_folder_of_what_cannot_be_opened(
        self, face: Oser, organised: Organised
    ):
        built = organised.built
        try:
            volumes.set_volume_state(built.writer, built.volume_id, "offline", "a test", time.time_ns())
            assert face.listdir("Offline") == [VOLUME]
            names = face.listdir(f"Offline/{VOLUME}")
            # Whoever can be shown; the RAW stands behind its cover here as well.
            assert len(names) == len(FILES) + 1 - len({"gone.jpg", "hidden.jpg", "shot.cr2"})
            with pytest.raises(OSError):  # noqa: PT011 - each face has its own
                face.read(f"Offline/{VOLUME}/sea.jpg")
        finally:
            volumes.set_volume_state(built.writer, built.volume_id, "online", None, time.time_ns())
        assert face.listdir("Offline") == []
