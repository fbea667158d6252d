"""The HTTP face over real sockets: verbs, headers, bodies, and the rows of the notes' section 5 that a reader meets."""

from __future__ import annotations

import gzip
import http.client
import os
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from blake3 import blake3

from catalog.errors import CatalogCorrupt, ChangedUnderneath, VolumeOffline
from integration.dav_fake_tree import MTIME_NS, FakeTree, Folder, OpenPath, Running, serving

D = "{DAV:}"
PHOTO = os.urandom(300_000)
NAMED = b'<D:propfind xmlns:D="DAV:"><D:prop>%s</D:prop></D:propfind>'


@pytest.fixture
def tree(tmp_path: Path) -> FakeTree:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(PHOTO)
    small = tmp_path / "small"
    small.write_bytes(b"<script>alert(1)</script>")
    empty = tmp_path / "empty"
    empty.write_bytes(b"")
    names = [b"IMG_1.jpg", "ü & <b>.jpg".encode(), b"a%41#?.jpg", b"tab\there.jpg", b"bad\xff.jpg"]
    album = Folder(2, {name: photo for name in names})
    root = Folder(
        1,
        {b"album": album, b"photo.jpg": photo, b"page.html": small, b"logo.svg": small, b"empty.mov": empty},
    )
    made = FakeTree(root)
    made.mimes = {b"page.html": "text/html", b"logo.svg": "image/svg+xml", b"empty.mov": "video/quicktime"}
    made.mtimes = {b"IMG_1.jpg": -1_000_000_000_000_000_000}
    return made


@pytest.fixture
def running(tree: FakeTree) -> Iterator[Running]:
    with serving(tree) as server:
        yield server


class Answer:
    """A complete response."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def xml(self) -> ElementTree.Element:
        return ElementTree.fromstring(self.body)


def ask(running: Running, method: str, path: str, body: object = None, **headers: str) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=5)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(
            method,
            path,
            body=body,
            headers=named,
            encode_chunked=body is not None and not isinstance(body, bytes),
        )  # type: ignore[arg-type]
        return Answer(connection.getresponse())
    finally:
        connection.close()


def propfind(running: Running, path: str, body: bytes = b"", depth: str = "1", **headers: str) -> Answer:
    return ask(running, "PROPFIND", path, body, Depth=depth, **headers)


def values(answer: Answer, href: str) -> dict[str, str | None]:
    """Properties with status 200 of one response."""
    for response in answer.xml.iter(D + "response"):
        if response.findtext(D + "href") == href:
            for propstat in response.iter(D + "propstat"):
                if " 200 " in (propstat.findtext(D + "status") or ""):
                    return {
                        element.tag.removeprefix(D): element.text
                        for element in propstat.find(D + "prop") or ()
                    }
    raise AssertionError(f"no response for {href}")


def hrefs(answer: Answer) -> list[str]:
    return [response.findtext(D + "href") or "" for response in answer.xml.iter(D + "response")]


# ---- OPTIONS and refusals


@pytest.mark.parametrize("path", ["/", "*", "/album/", "/nothing/at/all"])
def test_options_claims_class_1_and_no_writing(running: Running, path: str) -> None:
    answer = ask(running, "OPTIONS", path)
    assert (answer.status, answer.headers["DAV"], answer.headers["MS-Author-Via"]) == (200, "1", "DAV")
    assert answer.headers["Allow"] == "OPTIONS, GET, HEAD, PROPFIND"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("PUT", "/photo.jpg", 403), ("PUT", "/new.jpg", 403), ("PUT", "/none/new.jpg", 409), ("PUT", "/album/._x", 403),
        ("DELETE", "/photo.jpg", 403), ("DELETE", "/album", 403), ("DELETE", "/none", 404),
        ("MKCOL", "/new", 403), ("MKCOL", "/album", 405), ("MKCOL", "/album/", 405), ("MKCOL", "/a/b", 409),
        ("COPY", "/photo.jpg", 403), ("COPY", "/album", 403), ("MOVE", "/photo.jpg", 403), ("MOVE", "/album/", 403),
        ("MOVE", "/none", 404), ("PROPPATCH", "/photo.jpg", 403), ("PROPPATCH", "/album/", 403),
        ("LOCK", "/photo.jpg", 403), ("LOCK", "/new.jpg", 403), ("UNLOCK", "/photo.jpg", 403),
        ("POST", "/album/", 405), ("REPORT", "/", 405), ("SEARCH", "/", 405), ("BREW", "/", 501),
    ],
)  # fmt: skip
def test_a_writing_verb_is_refused_in_words(running: Running, method: str, path: str, status: int) -> None:
    answer = ask(running, method, path, Destination="/album/copy.jpg")
    assert answer.status == status
    assert answer.xml.tag == D + "error"
    assert answer.xml.findtext("{urn:glassine}reason")
    assert (answer.headers["Allow"] is not None) is (status == 405)


@pytest.mark.parametrize(
    ("destination", "status"),
    [("http://other.example/x", 403), ("http://[", 400), ("", 400), ("/../x", 400), ("/%00", 400), ("nonsense", 400),
     ("/a//b", 403), ("/._x", 403), ("/" + "x" * 3000, 403), ("http://127.0.0.1:{port}/album/new", 403)],
)  # fmt: skip
def test_no_destination_leads_anywhere(running: Running, destination: str, status: int) -> None:
    answer = ask(running, "MOVE", "/photo.jpg", Destination=destination.format(port=running.port))
    assert answer.status == status


def test_nothing_is_overwritten_even_if_the_client_says_so(running: Running) -> None:
    assert ask(running, "COPY", "/photo.jpg", Destination="/page.html", Overwrite="F").status == 412
    assert ask(running, "COPY", "/photo.jpg", Destination="/page.html", Overwrite="T").status == 403


def test_a_property_cannot_be_set_and_the_condition_says_so(running: Running) -> None:
    body = b'<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><D:displayname>x</D:displayname></D:prop></D:set></D:propertyupdate>'
    answer = ask(running, "PROPPATCH", "/photo.jpg", body)
    assert answer.status == 403
    assert answer.xml.find(D + "cannot-modify-protected-property") is not None


# ---- PROPFIND


@pytest.mark.parametrize("depth", ["infinity", None, "Infinity"])
def test_a_whole_tree_is_never_listed(running: Running, depth: str | None) -> None:
    answer = ask(running, "PROPFIND", "/", **({"Depth": depth} if depth else {}))
    assert answer.status == 403
    assert answer.xml.find(D + "propfind-finite-depth") is not None


def test_a_depth_that_is_none_is_a_400(running: Running) -> None:
    assert propfind(running, "/", depth="2").status == 400


def test_depth_0_answers_the_resource_alone_with_or_without_slash(running: Running) -> None:
    assert hrefs(propfind(running, "/album", depth="0")) == ["/album/"]
    assert hrefs(propfind(running, "/album/", depth="0")) == ["/album/"]
    assert hrefs(propfind(running, "/", depth="0")) == ["/"]
    assert hrefs(propfind(running, "/photo.jpg", depth="1")) == ["/photo.jpg"]
    assert propfind(running, "/photo.jpg/", depth="0").status == 404
    assert propfind(running, "/none").status == 404


def test_no_name_breaks_a_folder(running: Running) -> None:
    answer = propfind(running, "/album", NAMED % b"<D:displayname/>")
    assert answer.status == 207
    assert hrefs(answer) == [
        "/album/", "/album/IMG_1.jpg", "/album/%C3%BC%20%26%20%3Cb%3E.jpg", "/album/a%2541%23%3F.jpg", "/album/tab%09here.jpg", "/album/bad%FF.jpg",
    ]  # fmt: skip
    names = [element.text for element in answer.xml.iter(D + "displayname")]
    assert names[1:] == ["IMG_1.jpg", "ü & <b>.jpg", "a%41#?.jpg", "tab\there.jpg", "bad\ufffd.jpg"]


@pytest.mark.allows_log("left out of the listing")
def test_an_entry_that_cannot_be_rendered_does_not_hide_the_others(running: Running) -> None:
    running.tree.mtimes[b"IMG_1.jpg"] = "soon"  # type: ignore[assignment]
    answer = propfind(running, "/album")
    assert answer.status == 207
    assert len(hrefs(answer)) == 5


def test_values_are_those_of_the_headers(running: Running) -> None:
    head = ask(running, "HEAD", "/photo.jpg")
    found = values(propfind(running, "/photo.jpg", depth="0"), "/photo.jpg")
    assert found["getetag"] == head.headers["ETag"] == f'"{blake3(PHOTO).hexdigest()}"'
    assert found["getlastmodified"] == head.headers["Last-Modified"]
    assert found["getcontentlength"] == head.headers["Content-Length"] == "300000"
    assert found["getcontenttype"] == head.headers["Content-Type"] == "image/jpeg"
    assert "displayname" not in found


def test_an_unread_original_has_a_weak_tag_in_both_places(running: Running) -> None:
    running.tree.unread.add(b"photo.jpg")
    tag = ask(running, "HEAD", "/photo.jpg").headers["ETag"]
    assert tag.startswith('W/"')
    assert values(propfind(running, "/photo.jpg", depth="0"), "/photo.jpg")["getetag"] == tag


def test_a_capture_before_1970_is_a_date_like_any_other(running: Running) -> None:
    found = values(propfind(running, "/album"), "/album/IMG_1.jpg")
    assert found["getlastmodified"] == "Sun, 24 Apr 1938 22:13:20 GMT"
    assert found["creationdate"] == "1938-04-24T22:13:20Z"


def test_a_folder_is_a_collection_with_the_tag_of_its_generation(running: Running) -> None:
    answer = propfind(running, "/album", depth="0")
    assert answer.xml.find(f".//{D}resourcetype/{D}collection") is not None
    found = values(answer, "/album/")
    assert found["getetag"] == 'W/"2-7"'
    assert "getcontentlength" not in found


def test_named_properties_come_with_a_404_block_for_the_unknown(running: Running) -> None:
    body = (
        NAMED
        % b'<D:getetag/><D:quota-used-bytes/><x:executable xmlns:x="http://apache.org/dav/props/"/><D:supportedlock/>'
    )
    answer = propfind(running, "/photo.jpg", body, depth="0")
    assert set(values(answer, "/photo.jpg")) == {"getetag", "supportedlock"}
    missing = answer.xml.findall(f".//{D}propstat")[1]
    assert missing.findtext(D + "status") == "HTTP/1.1 404 Not Found"
    assert [child.tag for child in missing.find(D + "prop") or ()] == [
        D + "quota-used-bytes",
        "{http://apache.org/dav/props/}executable",
    ]


@pytest.mark.parametrize(
    "header", [{"Brief": "t"}, {"Prefer": "return=minimal"}, {"Prefer": "depth-noroot, return = minimal"}]
)
def test_a_client_that_wants_little_gets_no_404_blocks(running: Running, header: dict[str, str]) -> None:
    answer = propfind(running, "/album", NAMED % b"<D:getetag/><D:quota-used-bytes/>", **header)
    assert b"404" not in answer.body
    assert len(hrefs(answer)) == 6


def test_propname_lists_names_without_values(running: Running) -> None:
    answer = propfind(running, "/photo.jpg", b'<propfind xmlns="DAV:"><propname/></propfind>', depth="0")
    found = values(answer, "/photo.jpg")
    assert set(found) >= {"getetag", "displayname", "resourcetype", "getcontentlength"}
    assert set(found.values()) == {None}


def test_allprop_with_include_adds_what_it_leaves_out(running: Running) -> None:
    body = b'<D:propfind xmlns:D="DAV:"><D:allprop/><D:include><D:displayname/></D:include></D:propfind>'
    found = values(propfind(running, "/photo.jpg", body, depth="0"), "/photo.jpg")
    assert found["displayname"] == "photo.jpg"
    assert "getetag" in found


def test_a_chunked_body_is_parsed(running: Running) -> None:
    parts = iter([NAMED[:20], NAMED[20:] % b"<D:displayname/>"])
    answer = ask(running, "PROPFIND", "/photo.jpg", parts, Depth="0", Transfer_Encoding="chunked")
    assert set(values(answer, "/photo.jpg")) == {"displayname"}


@pytest.mark.parametrize(
    "body", [b"<" * 100, b"<a>" * 20_000, b'<!DOCTYPE x><propfind xmlns="DAV:"><propname/></propfind>']
)
def test_a_broken_or_hostile_body_is_a_400(running: Running, body: bytes) -> None:
    assert propfind(running, "/", body).status == 400


def test_a_body_beyond_need_is_a_413(running: Running) -> None:
    assert propfind(running, "/", b" " * 70_000).status == 413
    assert (
        ask(running, "PROPFIND", "/", iter([b" " * 70_000]), Depth="0", Transfer_Encoding="chunked").status
        == 413
    )


def test_a_listing_is_compressed_when_asked(running: Running) -> None:
    packed = propfind(running, "/album", Accept_Encoding="br, gzip;q=0.5")
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.body) == propfind(running, "/album").body
    assert propfind(running, "/album", Accept_Encoding="gzip;q=0").headers["Content-Encoding"] is None


def test_windows_gets_a_listing_below_400_bytes_an_entry(running: Running) -> None:
    answer = propfind(running, "/album", User_Agent="Microsoft-WebDAV-MiniRedir/10.0.19045")
    assert len(answer.body) / len(hrefs(answer)) < 400
    assert set(values(answer, "/album/IMG_1.jpg")) == {
        "resourcetype",
        "getcontentlength",
        "creationdate",
        "getlastmodified",
    }


# ---- GET


def test_get_gives_the_bytes_and_head_the_same_headers(running: Running) -> None:
    got, head = ask(running, "GET", "/photo.jpg"), ask(running, "HEAD", "/photo.jpg")
    assert (got.status, got.body) == (200, PHOTO)
    assert (head.status, head.body) == (200, b"")
    for name in (
        "Content-Length",
        "Content-Type",
        "ETag",
        "Last-Modified",
        "Accept-Ranges",
        "Content-Security-Policy",
    ):
        assert got.headers[name] == head.headers[name] is not None
    assert got.headers["X-Content-Type-Options"] == "nosniff"
    assert got.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert got.headers["Content-Security-Policy"].startswith("sandbox")


def test_an_empty_original_is_served_empty(running: Running) -> None:
    answer = ask(running, "GET", "/empty.mov")
    assert (answer.status, answer.body, answer.headers["Content-Length"]) == (200, b"", "0")
    assert answer.headers["Content-Type"] == "video/quicktime"


@pytest.mark.parametrize("path", ["/page.html", "/logo.svg"])
def test_an_original_that_could_run_is_saved_and_not_shown(running: Running, path: str) -> None:
    answer = ask(running, "GET", path, Accept="text/html")
    assert answer.body.startswith(b"<script>")
    assert answer.headers["Content-Disposition"] == f"attachment; filename*=UTF-8''{path[1:]}"


@pytest.mark.parametrize(
    ("value", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=299999-", 299_999, 299_999),
        ("bytes=-10", 299_990, 299_999),
        ("bytes=5-1000000", 5, 299_999),
    ],
)
def test_a_range_is_exact(running: Running, value: str, first: int, last: int) -> None:
    answer = ask(running, "GET", "/photo.jpg", Range=value)
    assert (answer.status, answer.body) == (206, PHOTO[first : last + 1])
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/300000"


@pytest.mark.parametrize("value", ["bytes=5-2", "items=0-3", "bytes=abc", "bytes=0-0,5-6"])
def test_a_range_that_makes_no_sense_gives_the_whole(running: Running, value: str) -> None:
    answer = ask(running, "GET", "/photo.jpg", Range=value)
    assert (answer.status, len(answer.body)) == (200, 300_000)


def test_a_range_behind_the_end_says_how_long_the_file_is(running: Running) -> None:
    answer = ask(running, "GET", "/photo.jpg", Range="bytes=300000-")
    assert (answer.status, answer.headers["Content-Range"]) == (416, "bytes */300000")


def test_if_range_serves_the_part_only_of_the_same_bytes(running: Running) -> None:
    tag = ask(running, "HEAD", "/photo.jpg").headers["ETag"]
    assert ask(running, "GET", "/photo.jpg", Range="bytes=0-1", If_Range=tag).status == 206
    assert ask(running, "GET", "/photo.jpg", Range="bytes=0-1", If_Range='"old"').status == 200


def test_an_unchanged_file_is_a_304_without_opening_the_original(running: Running) -> None:
    head = ask(running, "HEAD", "/photo.jpg")
    opened = running.tree.opened
    answer = ask(running, "GET", "/photo.jpg", If_None_Match=head.headers["ETag"])
    assert (answer.status, answer.body, answer.headers["ETag"]) == (304, b"", head.headers["ETag"])
    assert ask(running, "GET", "/photo.jpg", If_Modified_Since=head.headers["Last-Modified"]).status == 304
    assert ask(running, "GET", "/photo.jpg", If_Match='"old"').status == 412
    assert running.tree.opened == opened


def test_a_folder_is_a_readable_page_for_a_browser(running: Running) -> None:
    answer = ask(running, "GET", "/album", Accept="text/html,*/*")
    assert answer.status == 200
    assert b"\xc3\xbc &amp; &lt;b&gt;.jpg" in answer.body
    assert b"<b>" not in answer.body
    assert b'href="/album/IMG_1.jpg"' in answer.body
    assert "script-src" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert ask(running, "GET", "/album", Accept="application/json").status == 405


def test_junk_names_are_not_looked_up(running: Running) -> None:
    before = running.tree.resolved
    for name in (".DS_Store", "._photo.jpg", "Thumbs.db", "desktop.ini"):
        assert ask(running, "GET", f"/album/{name}").status == 404
        assert propfind(running, f"/album/{name}").status == 404
    assert running.tree.resolved == before


# ---- what can go wrong behind


@pytest.mark.parametrize(("error", "status"), [(VolumeOffline, 503), (ChangedUnderneath, 503)])
def test_an_original_that_cannot_be_had_now_says_try_again(
    running: Running, error: type[Exception], status: int
) -> None:
    def fail(_path: Path, _node: object) -> OpenPath:
        raise error("volume 'NAS' is offline")

    running.tree.on_open = fail  # type: ignore[assignment]
    answer = ask(running, "GET", "/photo.jpg")
    assert (answer.status, answer.headers["Retry-After"]) == (status, "60")
    assert b"volume 'NAS' is offline" in answer.body
    assert ask(running, "HEAD", "/photo.jpg").status == status
    assert propfind(running, "/album").status == 207


@pytest.mark.allows_log("request failed")
def test_a_broken_catalog_is_a_500_that_tells_nothing(running: Running) -> None:
    def fail(_parts: object) -> None:
        raise CatalogCorrupt("page 7 of /home/anna/library")

    running.tree.on_resolve = fail
    answer = ask(running, "GET", "/photo.jpg")
    assert answer.status == 500
    assert b"anna" not in answer.body


@pytest.mark.allows_log("request failed")
def test_an_unforeseen_error_is_a_complete_500(running: Running) -> None:
    def fail(_parts: object) -> None:
        raise KeyError("x")

    running.tree.on_resolve = fail
    assert propfind(running, "/album").xml.tag == D + "error"


@pytest.mark.parametrize("with_descriptor", [True, False])
def test_an_original_that_becomes_shorter_ends_the_connection(
    running: Running, with_descriptor: bool
) -> None:
    class Longer(OpenPath):
        def fileno(self) -> int | None:
            return super().fileno() if with_descriptor else None

    running.tree.on_open = lambda path, node: Longer(path, node, size=400_000)  # type: ignore[assignment, return-value]
    with pytest.raises(http.client.IncompleteRead) as caught:
        ask(running, "GET", "/photo.jpg")
    assert len(caught.value.partial) <= 300_000


def test_a_foreign_host_is_misdirected(running: Running) -> None:
    assert ask(running, "GET", "/photo.jpg", Host="evil.example").status == 421
    assert ask(running, "GET", "/photo.jpg", Host=f"localhost:{running.port}").status == 200


def test_one_connection_serves_many_requests(running: Running) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=5)
    for method, path in [
        ("GET", "/photo.jpg"),
        ("PROPFIND", "/album"),
        ("PUT", "/x"),
        ("HEAD", "/photo.jpg"),
        ("GET", "/none"),
    ] * 3:
        connection.request(method, path, headers={"Depth": "1"})
        sock = connection.sock
        answer = connection.getresponse()
        answer.read()
        assert connection.sock is sock is not None, f"{method} {path} closed the connection"
    connection.close()


def test_times_are_floored_to_the_second() -> None:
    assert MTIME_NS % 1_000_000_000 == 0
