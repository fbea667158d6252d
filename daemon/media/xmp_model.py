"""XMP's data model: the properties of one packet as simple values, structures and arrays (XMP part 1, 6 and 7).

Every spelling of RDF that XMP allows, and those that occur beside it, ends in the same `Value` (metadata.md 2.3):
attributes and elements, several rdf:Description with any rdf:about or none, parseType Resource and nested Descriptions,
rdf:value with qualifiers (of which only the language is kept), rdf:resource, arrays of all three kinds, a bare rdf:RDF or
one in any wrapper. Bounded in depth and number. Knows no property.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from xml.etree.ElementTree import Element

from daemon.media.source import Malformed
from daemon.media.xmp_xml import parse

MAX_DEPTH = 40  # levels of values within values; real packets have seven
MAX_VALUES = 50_000  # of a packet; a darktable history of years has some thousand

_SYNTAX = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_RDF, _DESCRIPTION = f"{_SYNTAX}RDF", f"{_SYNTAX}Description"
_ARRAYS = frozenset({f"{_SYNTAX}Bag", f"{_SYNTAX}Seq", f"{_SYNTAX}Alt"})
_PARSE_TYPE, _RESOURCE, _VALUE = f"{_SYNTAX}parseType", f"{_SYNTAX}resource", f"{_SYNTAX}value"
_XML = "{http://www.w3.org/XML/1998/namespace}"
_LANG = f"{_XML}lang"


class Value(NamedTuple):
    """One value: simple, unless `items` (an array, in order, may be empty) or `fields` (a structure) is set.

    `text` of a simple value is as written, a URI included. `lang` is its xml:lang, lower case, "" = none.
    """

    text: str = ""
    items: tuple[Value, ...] | None = None
    fields: Mapping[str, Value] | None = None
    lang: str = ""

    def texts(self) -> list[str]:
        """Return the texts that are no blanks: of the items, or the simple value alone."""
        values = (self,) if self.items is None else self.items
        return [text for one in values if one.fields is None and (text := one.text.strip())]

    def best_text(self) -> str:
        """Return the text in the default language, else the first one; "" when there is none."""
        if self.items is not None:
            for item in self.items:
                if item.lang == "x-default" and (text := item.text.strip()):
                    return text
        return next(iter(self.texts()), "")

    def structures(self) -> list[Value]:
        """Return the structures of an array, or a structure that stands where an array was expected."""
        values = (self,) if self.items is None else self.items
        return [one for one in values if one.fields is not None]

    def field(self, *names: str) -> Value | None:
        """Return the first field with one of these local names: namespaces of fields vary with the writer."""
        for name, value in (self.fields or {}).items():
            if name.rpartition("}")[2] in names:
                return value
        return None


Model = Mapping[str, Value]  # `{namespace}name` -> value, in the order of the packet


def read_model(packet: bytes) -> Model:
    """Return the properties of a packet; of a double one the first that says something stands.

    Raises:
        Malformed: see `daemon.media.xmp_xml.parse`; also too deep, or more values than any program writes.
    """
    root = parse(packet)
    if root is None:
        return {}
    rdf = root if root.tag == _RDF else root.find(f".//{_RDF}")
    properties: dict[str, Value] = {}
    reader = _Reader()
    for description in rdf if rdf is not None else ():
        reader.add_properties(description, 0, properties)
    return properties


class _Reader:
    """Reads the values of one packet within its bounds."""

    def __init__(self) -> None:
        self._values_left = MAX_VALUES

    def add_properties(self, node: Element, depth: int, found: dict[str, Value]) -> None:
        """Add what attributes and children of a node say."""
        for name, text in node.attrib.items():
            if name == _VALUE or not name.startswith((_SYNTAX, _XML)):
                self._count()
                _add(found, name, Value(text))
        for child in node:
            _add(found, child.tag, self._value(child, depth + 1))

    def _value(self, element: Element, depth: int) -> Value:
        self._count()
        if depth > MAX_DEPTH:
            raise Malformed(f"the XMP packet is nested deeper than {MAX_DEPTH} levels")
        attributes = element.attrib
        lang = attributes[_LANG].lower() if _LANG in attributes else ""
        if len(element) == 0:
            return self._childless(element, lang, depth)
        parse_type = attributes.get(_PARSE_TYPE)
        if parse_type is None:
            first = element[0]
            if first.tag in _ARRAYS:
                return Value(items=tuple([self._value(one, depth + 1) for one in first]), lang=lang)
            if first.tag == _DESCRIPTION:
                return self._structure(first, lang, depth)
        elif parse_type != "Resource":
            return Value(lang=lang)  # Literal and Collection are no XMP
        return self._structure(element, lang, depth)

    def _childless(self, element: Element, lang: str, depth: int) -> Value:
        text = element.text or ""
        if not element.attrib or text.strip():
            return Value(text, lang=lang)
        if _RESOURCE in element.attrib:
            return Value(element.attrib[_RESOURCE], lang=lang)
        fields = self._structure(element, lang, depth)
        return fields if fields.fields is None or fields.fields else Value(text, lang=lang)

    def _structure(self, node: Element, lang: str, depth: int) -> Value:
        fields: dict[str, Value] = {}
        self.add_properties(node, depth, fields)
        qualified = fields.get(_VALUE)
        if qualified is None:
            return Value(fields=fields, lang=lang)
        lang = qualified.lang or node.attrib.get(_LANG, "").lower() or lang
        return qualified._replace(lang=lang)

    def _count(self) -> None:
        self._values_left -= 1
        if self._values_left < 0:
            raise Malformed(f"the XMP packet has more than {MAX_VALUES} values")


def _add(found: dict[str, Value], name: str, value: Value) -> None:
    before = found.get(name)
    if before is None or not (before.items or before.fields or before.text.strip()):
        found[name] = value


def number_in(text: str) -> float | None:
    """Return the number that a text is, of at most 40 characters; None for anything else."""
    try:
        return float(text) if len(text) <= 40 else None
    except ValueError:
        return None
