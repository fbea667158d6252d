"""XMP's data model out of every spelling of RDF, every encoding, and what is no XMP at all."""

from __future__ import annotations

import string
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.media.source import Malformed
from daemon.media.xmp_model import MAX_DEPTH, MAX_VALUES, Model, Value, read_model
from daemon.media.xmp_xml import MAX_PACKET_BYTES
from xmp_packets import RDF, alternatives, bag, name, packet, rdf

LABEL, TITLE, STRUCT = name("xmp:Label"), name("dc:title"), name("my:struct")


def _one(body: str) -> Value:
    (value,) = read_model(packet(body)).values()
    return value


# ---- forms


def test_a_simple_property_is_the_same_as_attribute_and_as_element() -> None:
    attribute = f'<rdf:RDF xmlns:rdf="{RDF}" xmlns:xmp="http://ns.adobe.com/xap/1.0/"><rdf:Description xmp:Label="Red"/></rdf:RDF>'
    element = rdf("<xmp:Label>Red</xmp:Label>")
    assert read_model(attribute.encode()) == read_model(element.encode()) == {LABEL: Value("Red")}


@pytest.mark.parametrize(
    "about", [' rdf:about=""', ' rdf:about="uuid:faf5bdd5-ba3d"', ' about=""', "", ' rdf:ID="x"']
)
def test_any_rdf_about_or_none_is_this_picture(about: str) -> None:
    model = read_model(rdf("<xmp:Label>Red</xmp:Label>", about=about).encode())
    assert model[LABEL] == Value("Red")


def test_several_descriptions_are_one_picture_and_the_first_that_says_something_stands() -> None:
    model = read_model(
        packet("<xmp:Label/><dc:title>a</dc:title>", "<xmp:Label>Red</xmp:Label><dc:title>b</dc:title>")
    )
    assert (model[LABEL].text, model[TITLE].text) == ("Red", "a")


@pytest.mark.parametrize(
    "wrapper",
    [
        "{}",
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">{}</x:xmpmeta>',
        '<x:xapmeta xmlns:x="adobe:ns:meta/">{}</x:xapmeta>',
        '<x:xmpmeta xmlns:x="adobe.ns.meta">{}</x:xmpmeta>',
        "<xmpmeta>{}</xmpmeta>",
        '<?xml version="1.0" encoding="UTF-8"?>\n<x:xmpmeta xmlns:x="adobe:ns:meta/">{}</x:xmpmeta>',
        "<!-- a comment --><a><b>{}</b></a><!-- another -->",
        '<?xpacket begin="" id="W5M0"?>{}<?xpacket end="r"?>',
        "\0\0 \n{}\n\0\0\0",
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">{}</x:xmpmeta>\n\0\0 left over bytes <',
        'HTTP/1.0 200 OK <x:xmpmeta xmlns:x="adobe:ns:meta/">{}</x:xmpmeta>',
    ],
)
def test_the_rdf_is_found_in_every_wrapper_that_occurs(wrapper: str) -> None:
    model = read_model(wrapper.replace("{}", rdf("<xmp:Label>Red</xmp:Label>")).encode())
    assert model == {LABEL: Value("Red")}


@pytest.mark.parametrize(
    "body",
    [
        '<my:struct rdf:parseType="Resource"><my:a>1</my:a><my:b>2</my:b></my:struct>',
        "<my:struct><rdf:Description><my:a>1</my:a><my:b>2</my:b></rdf:Description></my:struct>",
        '<my:struct><rdf:Description my:a="1" my:b="2"/></my:struct>',
        '<my:struct><rdf:Description my:a="1"><my:b>2</my:b></rdf:Description></my:struct>',
        '<my:struct my:a="1" my:b="2"/>',
        "<my:struct><my:a>1</my:a><my:b>2</my:b></my:struct>",
    ],
)
def test_a_structure_is_the_same_in_every_spelling(body: str) -> None:
    assert _one(body) == Value(fields={name("my:a"): Value("1"), name("my:b"): Value("2")})


def test_structures_lie_within_arrays_within_structures() -> None:
    value = _one(
        '<my:struct rdf:parseType="Resource"><my:list><rdf:Bag><rdf:li my:a="1"/>'
        '<rdf:li rdf:parseType="Resource"><my:a>2</my:a></rdf:li><rdf:li>text</rdf:li></rdf:Bag></my:list></my:struct>'
    )
    items = value.field("list")
    assert items is not None
    assert [one.fields for one in items.structures()] == [
        {name("my:a"): Value("1")},
        {name("my:a"): Value("2")},
    ]
    assert items.texts() == ["text"]


@pytest.mark.parametrize("kind", ["Bag", "Seq", "Alt"])
def test_arrays_keep_the_order_and_their_empty_items(kind: str) -> None:
    value = _one(bag("dc:subject", "b", "", "a", "b", kind=kind))
    assert value.items == (Value("b"), Value(""), Value("a"), Value("b"))
    assert value.texts() == ["b", "a", "b"]


def test_an_empty_array_is_an_array_and_says_nothing() -> None:
    value = _one("<dc:subject><rdf:Bag/></dc:subject>")
    assert (value.items, value.texts(), value.best_text()) == ((), [], "")


def test_numbered_members_are_items_too() -> None:
    assert _one(
        "<dc:subject><rdf:Bag><rdf:_1>a</rdf:_1><rdf:_2>b</rdf:_2></rdf:Bag></dc:subject>"
    ).texts() == ["a", "b"]


def test_the_default_language_speaks_wherever_it_stands() -> None:
    value = _one(alternatives("dc:title", de="Haus", x_default="House"))
    assert [item.lang for item in value.items or ()] == ["de", "x-default"]
    assert value.best_text() == "House"
    assert _one(alternatives("dc:title", x_default="", de="Haus")).best_text() == "Haus"
    assert _one(alternatives("dc:title", de="Haus")).best_text() == "Haus"


def test_a_plain_text_may_stand_where_an_array_is_due() -> None:
    value = _one('<dc:title xml:lang="EN">House</dc:title>')
    assert (value, value.texts(), value.best_text()) == (Value("House", lang="en"), ["House"], "House")


@pytest.mark.parametrize(
    "body",
    [
        '<my:x rdf:parseType="Resource"><rdf:value>v</rdf:value><my:q>quality</my:q></my:x>',
        "<my:x><rdf:Description><rdf:value>v</rdf:value><my:q>quality</my:q></rdf:Description></my:x>",
        '<my:x rdf:value="v" my:q="quality"/>',
        '<my:x><rdf:Description rdf:value="v" my:q="quality"/></my:x>',
    ],
)
def test_a_qualified_value_is_its_rdf_value(body: str) -> None:
    assert _one(body) == Value("v")


def test_qualifiers_of_items_leave_value_and_language() -> None:
    value = _one(
        '<dc:title><rdf:Alt><rdf:li><rdf:Description xml:lang="x-default"><rdf:value>House</rdf:value><my:q>1</my:q>'
        "</rdf:Description></rdf:li></rdf:Alt></dc:title>"
    )
    assert value.items == (Value("House", lang="x-default"),)


def test_a_resource_is_its_uri() -> None:
    assert _one('<my:x rdf:resource="http://example.org/a"/>') == Value("http://example.org/a")


def test_xml_literals_are_no_xmp_and_say_nothing() -> None:
    assert _one('<my:x rdf:parseType="Literal"><b>bold</b></my:x>') == Value("")


def test_texts_keep_blanks_entities_and_cdata() -> None:
    assert _one("<my:x> a &amp; &#x1F600; <![CDATA[<b> & c]]> </my:x>") == Value(" a & \U0001f600 <b> & c ")


def test_a_packet_without_rdf_or_without_anything_says_nothing() -> None:
    for content in (b"", b" \n\0\0", b"<a/>", rdf().encode(), b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>'):
        assert read_model(content) == {}


def test_fields_are_found_whatever_their_namespace() -> None:
    value = _one('<my:struct rdf:parseType="Resource"><xmp:Name>x</xmp:Name></my:struct>')
    found = value.field("Other", "Name")
    assert found == Value("x")
    assert value.field("name") is None
    assert Value("simple").field("Name") is None


# ---- encodings


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("has_mark", [True, False])
@pytest.mark.parametrize(
    "declaration", ["", '<?xml version="1.0" encoding="UTF-8"?>', '<?xpacket begin="" id="x"?>']
)
def test_every_unicode_encoding_is_read_with_and_without_a_mark(
    encoding: str, has_mark: bool, declaration: str
) -> None:
    text = declaration + rdf("<xmp:Label>Größe 😀</xmp:Label>")
    content = ("\ufeff" if has_mark else "").encode(encoding) + text.encode(encoding)
    padding = "\0 \n".encode(encoding) * 3
    assert read_model(content + padding) == {LABEL: Value("Größe 😀")}


def test_a_wide_packet_with_half_a_character_at_the_end_is_read() -> None:
    assert read_model(rdf("<xmp:Label>Red</xmp:Label>").encode("utf-16") + b"\0") == {LABEL: Value("Red")}


def test_the_declared_encoding_counts_where_the_bytes_are_no_utf_8() -> None:
    for encoding, told in (
        ("windows-1251", "Жук"),
        ("iso-8859-15", "é€"),
        ("windows-1252", "é€"),
        ("Shift_JIS", "写真"),
    ):
        content = f'<?xml version="1.0" encoding="{encoding}"?>' + rdf(f"<xmp:Label>{told}</xmp:Label>")
        assert read_model(content.encode(encoding))[LABEL].text == told


@pytest.mark.parametrize(
    "declared", ["", "UTF-8", "utf-7", "punycode", "unicode_escape", "zlib", "cp037", "x" * 40]
)
def test_local_text_in_a_packet_that_says_utf_8_or_nonsense_is_windows_1252(declared: str) -> None:
    head = f'<?xml version="1.0" encoding="{declared}"?>' if declared else ""
    content = (head + rdf("<xmp:Label>Größe “x”</xmp:Label>")).encode("cp1252")
    assert read_model(content) == {LABEL: Value("Größe “x”")}


def test_a_utf_16_packet_with_lone_surrogates_is_refused() -> None:
    content = rdf("<xmp:Label>\ud800</xmp:Label>").encode("utf-16", "surrogatepass")
    with pytest.raises(Malformed, match="UTF-16"):
        read_model(content)


# ---- hostile


@pytest.mark.parametrize(
    "content",
    [
        b'<!DOCTYPE x [<!ENTITY a "b">]><x:xmpmeta xmlns:x="adobe:ns:meta/">&a;</x:xmpmeta>',
        b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>',
        b'<!DOCTYPE x PUBLIC "-//A" "http://127.0.0.1/x.dtd"><x/>',
        b'<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1/">%p;]><x/>',
        b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">'
        + b"".join(b'<!ENTITY lol%d "%s">' % (i, b"&lol%d;" % (i - 1) * 10) for i in range(1, 10))
        + b"]><lolz>&lol9;</lolz>",
        '<!DOCTYPE x [<!ENTITY a "b">]><x/>'.encode("utf-16"),
        '<!DOCTYPE x [<!ENTITY a "b">]><x/>'.encode("utf-32-be"),
        b"junk before <x:xmpmeta><!DOCTYPE x><a/></x:xmpmeta>",
    ],
)
def test_document_types_and_entities_are_refused(content: bytes) -> None:
    with pytest.raises(Malformed, match=r"DTD|well-formed"):
        read_model(content)


@pytest.mark.parametrize(
    "content",
    [
        b"<x:xmpmeta",
        b"\xff\xfe<\x00not xml",
        b"text",
        b"<a><b></a></b>",
        b"<a>&unknown;</a>",
        b"<a>\x01</a>",
        b"<a x='1' x='2'/>",
        b"<p:a/>",
        packet("<xmp:Label>Red</xmp:Label>")[:-80].replace(b"</x:xmpmeta>", b""),
        b"\0<\0a\0>",
    ],
)
def test_what_is_not_well_formed_is_refused_with_a_reason(content: bytes) -> None:
    with pytest.raises(Malformed, match="XMP packet"):
        read_model(content)


def test_two_mebibytes_are_read_and_one_byte_more_is_refused() -> None:
    content = packet("<xmp:Label>Red</xmp:Label>")
    padded = content + b" " * (MAX_PACKET_BYTES - len(content))
    assert read_model(padded) == {LABEL: Value("Red")}
    with pytest.raises(Malformed, match="2 MiB"):
        read_model(padded + b" ")


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        ('<my:a rdf:parseType="Resource">', "</my:a>"),
        ("<my:a><rdf:Description>", "</rdf:Description></my:a>"),
        ("<my:a><rdf:Bag><rdf:li>", "</rdf:li></rdf:Bag></my:a>"),
        ('<my:a rdf:parseType="Resource"><rdf:value>', "</rdf:value></my:a>"),
        ("<my:a>", "</my:a>"),
    ],
)
def test_depth_is_bounded_in_every_spelling(begin: str, end: str) -> None:
    def nested(levels: int) -> bytes:
        return packet(begin * levels + "<my:leaf>x</my:leaf>" + end * levels)

    assert len(read_model(nested(MAX_DEPTH // 2 - 1))) == 1
    with pytest.raises(Malformed, match="deeper"):
        read_model(nested(5_000))


def test_deep_xml_without_rdf_is_survived() -> None:
    assert read_model(b"<a>" * 100_000 + b"</a>" * 100_000) == {}


@pytest.mark.parametrize("item", ["<rdf:li>x</rdf:li>", "<rdf:li/>", '<rdf:li my:a=""/>'])
def test_a_hundred_thousand_items_are_refused(item: str) -> None:
    content = packet(f"<dc:subject><rdf:Bag>{item * 100_000}</rdf:Bag></dc:subject>")
    assert len(content) < MAX_PACKET_BYTES
    with pytest.raises(Malformed, match=f"more than {MAX_VALUES}"):
        read_model(content)


def test_attributes_count_like_elements() -> None:
    attributes = " ".join(f'my:a{number}=""' for number in range(MAX_VALUES + 1))
    content = rdf("").replace('rdf:about=""', attributes).encode()
    with pytest.raises(Malformed, match="values"):
        read_model(content)


# ---- laws

_WORDS = st.text(string.ascii_letters + "äß€ 😀&<>'\"", max_size=8)
_LOCAL = st.sampled_from(["a", "b", "c", "value", "li"])
_TREES: st.SearchStrategy[Value] = st.recursive(
    _WORDS.map(Value),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: Value(items=tuple(items))),
        st.dictionaries(_LOCAL.map(lambda local: name(f"my:{local}")), inner, min_size=1, max_size=3).map(
            lambda fields: Value(fields=fields)
        ),
    ),
    max_leaves=12,
)


def _written(tag: str, value: Value) -> str:
    if value.items is not None:
        inside = "".join(_written("rdf:li", item) for item in value.items)
        return f"<{tag}><rdf:Seq>{inside}</rdf:Seq></{tag}>"
    if value.fields is not None:
        inside = "".join(_written(f"my:{key.rpartition('}')[2]}", one) for key, one in value.fields.items())
        return f'<{tag} rdf:parseType="Resource">{inside}</{tag}>'
    text = value.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f"<{tag}>{text}</{tag}>"


@given(_TREES)
def test_what_is_written_is_read(value: Value) -> None:
    model: Model = read_model(packet(_written("my:root", value)))
    assert model == {name("my:root"): value}


def _read_or_refused(content: bytes) -> None:
    with suppress(Malformed):
        assert all(isinstance(value, Value) for value in read_model(content).values())


@given(st.binary(max_size=300))
def test_bytes_are_a_model_or_malformed(content: bytes) -> None:
    _read_or_refused(content)


@given(st.data())
def test_a_damaged_packet_is_a_model_or_malformed(data: st.DataObject) -> None:
    whole = bytearray(
        packet(
            alternatives("dc:title", x_default="House", de="Haus"),
            bag("dc:subject", "a", "b"),
            '<my:struct rdf:parseType="Resource"><my:a rdf:value="x"/></my:struct>',
        )
    )
    for _ in range(data.draw(st.integers(1, 6))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(whole)))
    _read_or_refused(bytes(whole[:cut]) if data.draw(st.booleans()) else bytes(whole))
