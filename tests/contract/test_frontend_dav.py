"""The frontend suite over HTTP: a real server, a real client, PROPFIND, GET and Range."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import mktime_tz, parsedate_tz
from urllib.parse import quote, unquote
from xml.etree import ElementTree

import pytest

from catalog.library import Library
from catalog.store.db import ReaderPool
from contract.frontend_suite import FrontendSuite, Status
from contract.layer_suite import LayerSuite
from contract.preview_suite import PreviewSuite
from dav.front import make_app
from dav.httpd import Server
from library_builder import BuiltLibrary, build_library, varied_files
from organised import Organised, organise
from previewed import build as build_previewed
from vfs.tree import open_tree

D = "{DAV:}"
NS_PER_S = 1_000_000_000


class DavOser:
    """The tree as a WebDAV client sees it."""

    is_raw = False
    mtime_unit_ns = NS_PER_S

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)

    def ask(self, method: str, path: str, **headers: str) -> tuple[int, bytes]:
        self._connection.request(method, "/" + quote(path), headers=headers)
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status == 404:
            raise FileNotFoundError(path)
        if answer.status >= 400 and answer.status != 416:
            raise OSError(answer.status, path)
        return answer.status, body

    def _responses(self, path: str, depth: str) -> list[ElementTree.Element]:
        _, body = self.ask("PROPFIND", path, Depth=depth)
        return list(ElementTree.fromstring(body).iter(D + "response"))

    def scan(self, path: str) -> dict[str, Status]:
        """Return names and attributes of a folder, of one answer."""
        members = self._responses(path, "1")[1:]
        hrefs = [(response.findtext(D + "href") or "").rstrip("/") for response in members]
        return {
            unquote(href.rpartition("/")[2]): _status(found)
            for href, found in zip(hrefs, members, strict=True)
        }

    def listdir(self, path: str) -> list[str]:
        hrefs = [response.findtext(D + "href") or "" for response in self._responses(path, "1")]
        return [unquote(href.rstrip("/").rpartition("/")[2]) for href in hrefs[1:]]

    def stat(self, path: str) -> Status:
        (found,) = self._responses(path, "0")
        return _status(found)

    def read(self, path: str) -> bytes:
        status, body = self.ask("GET", path)
        assert status == 200
        return body

    @contextmanager
    def open(self, path: str) -> Iterator[_Opened]:
        yield _Opened(self, path)

    def close(self) -> None:
        self._connection.close()


def _status(found: ElementTree.Element) -> Status:
    modified = parsedate_tz(found.findtext(f".//{D}getlastmodified") or "")
    assert modified is not None
    is_dir = found.find(f".//{D}collection") is not None
    size = int(found.findtext(f".//{D}getcontentlength") or 0)
    return Status(is_dir, size, mktime_tz(modified) * NS_PER_S)


class _Opened:
    def __init__(self, oser: DavOser, path: str) -> None:
        self._oser = oser
        self._path = path

    def read_at(self, offset: int, size: int) -> bytes:
        status, body = self._oser.ask("GET", self._path, Range=f"bytes={offset}-{offset + size - 1}")
        assert status in {206, 416}
        return body if status == 206 else b""


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Iterator[BuiltLibrary]:
    library = build_library(tmp_path_factory.mktemp("built"), varied_files())
    yield library
    library.close()


@contextmanager
def open_dav(library: Library) -> Iterator[DavOser]:
    """Serve a library in a thread and hand over a client."""
    pool = ReaderPool(library, 4)
    tree = open_tree(library, pool, clock=time.time_ns, report=dict)
    server = Server(("127.0.0.1", 0), make_app(tree), workers=4)
    server.prepare()
    accepting = threading.Thread(target=server.serve)
    accepting.start()
    face = DavOser(server.bind_addr[1])
    try:
        yield face
    finally:
        face.close()
        server.stop()
        accepting.join()
        pool.close()


@pytest.fixture(scope="module")
def oser(built: BuiltLibrary) -> Iterator[DavOser]:
    with open_dav(built.library) as face:
        yield face


class TestDav(FrontendSuite):
    """See `FrontendSuite`."""

    def test_every_listed_name_of_originals_is_found_whatever_its_bytes(
        self, oser: DavOser, built: BuiltLibrary
    ):
        def walk(folder: str) -> Iterator[str]:
            for name in oser.listdir(folder):
                path = f"{folder}/{name}"
                if oser.stat(path).is_dir:
                    yield from walk(path)
                else:
                    yield path

        bodies = sorted(oser.read(path) for path in walk("Originals"))
        assert bodies == sorted(spec.bytes_for(path) for path, spec in built.files.items())

    def test_names_match_whatever_their_case_and_unicode_form(self, oser: DavOser):
        (year,) = [name for name in oser.listdir("Timeline") if name == "2019"]
        assert oser.listdir(f"TIMELINE/{year}/") == oser.listdir(f"Timeline/{year}")


@pytest.fixture(scope="module")
def organised(tmp_path_factory) -> Iterator[Organised]:
    made = organise(tmp_path_factory.mktemp("organised"))
    yield made
    made.built.close()


@pytest.fixture(scope="module")
def face(organised: Organised) -> Iterator[DavOser]:
    with open_dav(organised.built.library) as opened:
        yield opened


class TestLayerInDav(LayerSuite):
    """See `LayerSuite`."""

    @pytest.mark.parametrize(
        ("path", "same"),
        [
            ("albums/trip/DAY 1/BEACH.JPG", "Albums/Trip/Day 1/beach.jpg"), ("TAGS/Animals/_ALL/Sea.jpg", "Tags/animals/_all/sea.jpg"),
            ("people/anna/2019/img_1.jpg", "People/Anna/2019/IMG_1.JPG"), ("FAVORITES/SEA.JPG", "Favorites/sea.jpg"),
            ("places/iceland/CAPITAL region/reykjavi\u0301k/Shot.CR2", "Places/Iceland/Capital Region/Reykjavík/shot.cr2"),
            ("memories/today", "Memories/Today"), ("searches/best/img_1.jpg", "Searches/Best/IMG_1.JPG"),
            ("search/rating=5/img_1.jpg", "Search/rating=5/IMG_1.JPG"), ("ratings/5/img_1.jpg", "Ratings/5/IMG_1.JPG"),
        ],
    )  # fmt: skip
    def test_names_match_whatever_their_case(self, face: DavOser, path: str, same: str):
        assert face.stat(path) == face.stat(same)

    def test_a_stack_matches_whatever_its_case(self, face: DavOser, organised: Organised):
        folder = f"Stacks/2021/{organised.stack_label}"
        assert face.listdir(folder.upper()) == face.listdir(folder)

    def test_a_page_for_people_shows_a_query_and_an_album(self, face: DavOser):
        assert b"IMG_1.JPG" in face.read("Search/rating=5/")
        page = face.read("Albums/Trip/")
        assert b'href="/Albums/Trip/Day%201/"' in page


@pytest.fixture(scope="module")
def previewed(tmp_path_factory) -> Iterator[BuiltLibrary]:
    library = build_previewed(tmp_path_factory.mktemp("previewed"))
    yield library
    library.close()


@pytest.fixture(scope="module")
def preview_face(previewed: BuiltLibrary) -> Iterator[DavOser]:
    with open_dav(previewed.library) as opened:
        yield opened


class TestPreviewsOverDav(PreviewSuite):
    """See `PreviewSuite`."""

    def test_case_does_not_matter_to_a_client_that_folds_it(self, preview_face: DavOser):
        assert preview_face.read(
            "previews/TIMELINE/2019/2019-08/2019-08-07/img_1.cr2.JPG"
        ) == preview_face.read("Previews/Timeline/2019/2019-08/2019-08-07/IMG_1.CR2.jpg")
