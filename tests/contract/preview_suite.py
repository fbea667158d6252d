"""One suite for every face of the tree: previews beside originals, and `Previews/`. See `frontend_suite`.

Plug a face in by subclassing `PreviewSuite` with the fixtures `preview_face` (an `Oser`) and `previewed` (tests/previewed.py).
"""

from __future__ import annotations

import random

import pytest

from catalog.previews import prefix_of, upright
from contract.frontend_suite import Oser
from library_builder import BuiltLibrary
from previewed import FOLDER, MOVIE, files, is_upright, slice_at, uid_of

FILES = files()


def beside(built: BuiltLibrary, name: str) -> str:
    """Return the folder of a photo for programs."""
    return f".glassine/by-id/{uid_of(built, name)}"


class PreviewSuite:
    """What holds for every preview_face."""

    def test_what_is_embedded_lies_beside_the_original(self, preview_face: Oser, previewed: BuiltLibrary):
        listed = {
            name: set(preview_face.listdir(beside(previewed, name)))
            for name in ("IMG_1.CR2", "moving.jpg", "bare.CR2")
        }
        always = {"original", "meta.json"}
        assert listed["IMG_1.CR2"] == always | {"thumb-256.jpg", "thumb-1024.jpg"}
        assert listed["moving.jpg"] == always | {"thumb-256.jpg", "motion.mp4"}
        assert listed["bare.CR2"] == always

    @pytest.mark.parametrize(("name", "width"), [("thumb-256.jpg", 640), ("thumb-1024.jpg", 1620)])
    def test_a_preview_is_the_smallest_slice_that_is_large_enough(
        self, preview_face: Oser, previewed: BuiltLibrary, name: str, width: int
    ):
        place = f"{beside(previewed, 'IMG_1.CR2')}/{name}"
        body = preview_face.read(place)
        assert body == slice_at(FILES["IMG_1.CR2"], width)
        assert preview_face.stat(place).size == len(body)
        assert is_upright(body)

    def test_a_turned_photo_has_an_upright_preview_of_known_size(
        self, preview_face: Oser, previewed: BuiltLibrary
    ):
        place = f"{beside(previewed, 'side.CR2')}/thumb-1024.jpg"
        stored = slice_at(FILES["side.CR2"], 1620)
        assert not is_upright(stored)
        body = preview_face.read(place)
        assert body == upright(stored, 6)
        assert body != stored
        assert preview_face.stat(place).size == len(body)
        assert is_upright(body)

    def test_windows_of_a_turned_preview_are_its_bytes(self, preview_face: Oser, previewed: BuiltLibrary):
        place = f"{beside(previewed, 'side.CR2')}/thumb-1024.jpg"
        whole = upright(slice_at(FILES["side.CR2"], 1620), 6)
        edge = len(prefix_of(6))
        chooser = random.Random(11)
        windows = [(0, 1), (0, edge), (edge - 1, 3), (edge, 5), (2, len(whole)), (len(whole) - 3, 100)]
        windows += [(chooser.randrange(len(whole)), chooser.randrange(1, 5000)) for _ in range(20)]
        with preview_face.open(place) as opened:
            for offset, size in windows:
                assert opened.read_at(offset, size) == whole[offset : offset + size], (offset, size)

    def test_the_movie_of_a_motion_photo_is_a_slice(self, preview_face: Oser, previewed: BuiltLibrary):
        place = f"{beside(previewed, 'moving.jpg')}/motion.mp4"
        assert preview_face.read(place) == MOVIE
        assert preview_face.stat(place).size == len(MOVIE)

    def test_previews_have_the_time_of_the_photo(self, preview_face: Oser, previewed: BuiltLibrary):
        photo = preview_face.stat(f"Timeline/{FOLDER}/IMG_1.CR2")
        assert preview_face.stat(f"{beside(previewed, 'IMG_1.CR2')}/thumb-256.jpg").mtime_ns == photo.mtime_ns
        assert preview_face.stat(f"Previews/Timeline/{FOLDER}/IMG_1.CR2.jpg").mtime_ns == photo.mtime_ns

    @pytest.mark.parametrize("name", ["thumb-512.jpg", "thumb-1024.jpg", "thumb-256.png"])
    def test_what_is_not_embedded_is_not_there(self, preview_face: Oser, previewed: BuiltLibrary, name: str):
        with pytest.raises(FileNotFoundError):
            preview_face.stat(f"{beside(previewed, 'moving.jpg')}/{name}")

    def test_previews_mirror_the_static_views(self, preview_face: Oser, previewed: BuiltLibrary):
        mirrored = preview_face.listdir("Previews")
        assert {"Timeline", "Recent", "Albums", "Tags", "People", "Types", "Cameras"} <= set(mirrored)
        assert not {"Trash", "Originals", "Search", "Previews"} & set(mirrored)
        assert preview_face.listdir("Previews/Timeline/2019") == ["2019-08"]
        assert set(preview_face.listdir("Previews/Types")) == set(preview_face.listdir("Types"))

    def test_a_mirrored_folder_shows_what_is_embedded_and_jpegs_as_they_are(
        self, preview_face: Oser, previewed: BuiltLibrary
    ):
        other = f"IMG_1.CR2~{uid_of(previewed, 'IMG_1.CR2.jpg')[:6]}.jpg"
        listed = preview_face.listdir(f"Previews/Timeline/{FOLDER}")
        assert sorted(listed) == sorted(["IMG_1.CR2.jpg", "side.CR2.jpg", "moving.jpg", "plain.jpg", other])
        for name in listed:
            assert preview_face.stat(f"Previews/Timeline/{FOLDER}/{name}").size == len(
                preview_face.read(f"Previews/Timeline/{FOLDER}/{name}")
            )
        assert preview_face.read(f"Previews/Timeline/{FOLDER}/{other}") == FILES["IMG_1.CR2.jpg"].body
        assert preview_face.read(f"Previews/Timeline/{FOLDER}/IMG_1.CR2.jpg") == slice_at(
            FILES["IMG_1.CR2"], 1620
        )
        assert is_upright(preview_face.read(f"Previews/Timeline/{FOLDER}/side.CR2.jpg"))

    @pytest.mark.parametrize(
        "name", ["IMG_1.CR2", "bare.CR2", "bare.CR2.jpg", "clip.mp4", "song.mp3", "plain.jpg.jpg"]
    )
    def test_names_that_a_mirrored_folder_does_not_list_are_not_there(
        self, preview_face: Oser, previewed: BuiltLibrary, name: str
    ):
        with pytest.raises(FileNotFoundError):
            preview_face.stat(f"Previews/Timeline/{FOLDER}/{name}")
