"""Request bodies in bounds, answers well-formed."""

from __future__ import annotations

from http import HTTPStatus
from io import BytesIO
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dav.responses import HttpError
from dav.xmlin import MAX_BODY_BYTES, Wanted, parse_propfind, read_body
from dav.xmlout import attribute, empty_element, text

LAUGHS = b"""<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>
<propfind xmlns="DAV:"><prop><x>&b;</x></prop></propfind>"""
EXTERNAL = b"""<!DOCTYPE p [<!ENTITY e SYSTEM "file:///etc/passwd">]><propfind xmlns="DAV:"><prop>&e;</prop></propfind>"""


def prop(inner: str) -> bytes:
    return f'<D:propfind xmlns:D="DAV:">{inner}</D:propfind>'.encode()


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (b"", Wanted("allprop")),
        (b"  \r\n", Wanted("allprop")),
        (prop("<D:allprop/>"), Wanted("allprop")),
        (prop("<D:propname/>"), Wanted("propname")),
        (prop("<D:prop><D:getetag/><D:getetag/></D:prop>"), Wanted("prop", (("DAV:", "getetag"),))),
        (
            prop("<D:allprop/><D:include><D:displayname/></D:include>"),
            Wanted("allprop", (("DAV:", "displayname"),)),
        ),
        (prop('<D:prop><x xmlns="urn:a b"/></D:prop>'), Wanted("prop", (("urn:a b", "x"),))),
        (prop('<D:prop><x xmlns=""/></D:prop>'), Wanted("prop", (("", "x"),))),
        (prop("<D:prop/>"), Wanted("prop")),
        (prop('<later xmlns="urn:x"/><D:propname/>'), Wanted("propname")),
        (b'<?xml version="1.0"?>' + prop("<D:propname/>"), Wanted("propname")),
        ('<propfind xmlns="DAV:"><propname/></propfind>'.encode("utf-16"), Wanted("propname")),
    ],
)
def test_a_body_is_understood(body: bytes, wanted: Wanted) -> None:
    assert parse_propfind(body) == wanted


@pytest.mark.parametrize(
    "body",
    [
        b"<",
        b"not xml",
        LAUGHS,
        EXTERNAL,
        b'<propfind xmlns="DAV:"/>',
        b'<prop xmlns="DAV:"/>',
        b"<propfind/>",
        prop("<D:prop>" + "<a>" * 40 + "</a>" * 40 + "</D:prop>"),
        prop("<D:prop>" + "<a/>" * 2001 + "</D:prop>"),
        b"<a>" * 20_000,
        b'<?xml version="1.0" encoding="utf-7"?>' + prop("<D:propname/>"),
        b'<?xml version="1.0" encoding="klingon"?>' + prop("<D:propname/>"),
        b"\xff\xfe<",
    ],
)
def test_a_hostile_or_broken_body_is_a_400(body: bytes) -> None:
    with pytest.raises(HttpError) as caught:
        parse_propfind(body)
    assert caught.value.status is HTTPStatus.BAD_REQUEST


@given(st.binary(max_size=200))
def test_no_bytes_make_the_parser_fail_otherwise(body: bytes) -> None:
    try:
        parse_propfind(body)
    except HttpError as error:
        assert error.status is HTTPStatus.BAD_REQUEST  # noqa: PT017 - both outcomes are right


def test_a_body_over_the_limit_is_refused_before_it_is_read() -> None:
    stream = BytesIO(b"x" * 10)
    with pytest.raises(HttpError) as caught:
        read_body({"CONTENT_LENGTH": str(MAX_BODY_BYTES + 1), "wsgi.input": stream})
    assert caught.value.status is HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    assert stream.tell() == 0


def test_an_endless_chunked_body_is_refused_at_the_limit() -> None:
    class Endless:
        given = 0

        def read(self, size: int) -> bytes:
            self.given += size
            return b"x" * size

    stream = Endless()
    with pytest.raises(HttpError) as caught:
        read_body({"wsgi.input": stream, "wsgi.input_terminated": True})
    assert caught.value.status is HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    assert stream.given <= MAX_BODY_BYTES + 1


@given(st.text())
def test_any_text_and_attribute_comes_back_but_for_what_xml_cannot_hold(value: str) -> None:
    document = f'<a b="{attribute(value)}">{text(value)}</a>'.encode()
    element = ElementTree.fromstring(document)
    assert len(element.text or "") == len(value)
    assert len(element.get("b") or "") == len(value)
    kept = [(a, b) for a, b in zip(element.text or "", value, strict=True) if a != b]
    assert all(a == "\ufffd" for a, b in kept)


@given(st.text(st.characters(exclude_characters="}"), min_size=1))  # ElementTree's own separator
def test_any_namespace_can_be_named_in_an_answer(namespace: str) -> None:
    document = f'<r xmlns:D="DAV:">{empty_element(namespace, "p")}</r>'
    assert len(ElementTree.fromstring(document.encode())) == 1


def test_the_namespaces_with_rules_of_their_own_are_written_legally() -> None:
    names = ["DAV:", "", "http://www.w3.org/XML/1998/namespace"]
    document = '<r xmlns:D="DAV:">' + "".join(empty_element(name, "p") for name in names) + "</r>"
    assert [child.tag for child in ElementTree.fromstring(document)] == [
        f"{{{name}}}p" if name else "p" for name in names
    ]
