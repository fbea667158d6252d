"""What people and programs wrote into XMP about a picture: the property map of metadata.md 2.2.

Several programs keep the same thing in a property of their own. Of tags, those that can hold a slash within a name are
read first (a tree, then `|` between names), then those with `/`, then flat ones; `DescriptiveDraft` unites them, and the
first spelling of a tag stands. Knows no bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from daemon.media.descriptive import DescriptiveDraft
from daemon.media.draft import Draft
from daemon.media.source import Malformed
from daemon.media.xmp_model import Model, number_in
from daemon.media.xmp_regions import read_regions
from daemon.media.xmp_xml import parse

_DC = "{http://purl.org/dc/elements/1.1/}"
_XMP = "{http://ns.adobe.com/xap/1.0/}"
_DIGIKAM = "{http://www.digikam.org/ns/1.0/}"
_LIGHTROOM = "{http://ns.adobe.com/lightroom/1.0/}"
# Microsoft writes its namespace with and without the slash at the end.
_MICROSOFT = ("{http://ns.microsoft.com/photo/1.0/}", "{http://ns.microsoft.com/photo/1.0}")
_ACDSEE = "{http://ns.acdsee.com/iptc/1.0/}"
_DARKTABLE = "{http://darktable.sf.net/}"
_IPTC_EXTENSION = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}"
_MEDIA_DYNAMIC = "{http://ns.adobe.com/xmp/1.0/DynamicMedia/}"

_PATHS: tuple[tuple[str, str], ...] = (
    ("|", f"{_LIGHTROOM}hierarchicalSubject"),
    ("|", f"{_LIGHTROOM}HierarchicalSubject"),
    ("|", "{http://ns.iview-multimedia.com/mediapro/1.0/}CatalogSets"),
    ("/", f"{_DIGIKAM}TagsList"),
    *(("/", f"{space}LastKeywordXMP") for space in _MICROSOFT),
)
_INTERNAL_TAGS = "_Digikam_Internal_Tags_"  # what digiKam did with a photo, not what is on it
_ROOT_TAG = "_Digikam_root_tag_"
MAX_CATEGORIES = 5_000
_MAX_CATEGORY_DEPTH = 30

# Microsoft's stars are percents (Windows Photo Gallery; MicrosoftPhoto:Rating and EXIF 0x4749).
_PERCENTS = ((99, 5), (75, 4), (50, 3), (25, 2), (1, 1))
_DIGIKAM_COLORS = ("", "Red", "Orange", "Yellow", "Green", "Blue", "Magenta", "Gray", "Black", "White")
_DARKTABLE_COLORS = ("Red", "Yellow", "Green", "Blue", "Purple")


def read_xmp_words(model: Model, draft: Draft) -> None:
    """Read all descriptive properties; what cannot be read becomes a finding."""
    words = draft.descriptive.said_by("xmp")
    words.say_title(_text(model, f"{_DC}title"))
    words.say_description(_text(model, f"{_DC}description"))
    words.say_rights(_text(model, f"{_DC}rights"))
    words.say_creators(_texts(model, f"{_DC}creator"))
    _read_rating(model, words)
    _read_label(model, words)
    try:
        _read_categories(model, words)
    except Malformed as error:
        draft.note("xmp", f"acdsee:categories: {error}")
    _read_tags(model, words)
    _read_people(model, words)
    read_regions(model, words)


def _texts(model: Model, name: str) -> list[str]:
    value = model.get(name)
    return value.texts() if value is not None else []


def _text(model: Model, *names: str) -> str | None:
    for name in names:
        value = model.get(name)
        if value is not None and (text := value.best_text()):
            return text
    return None


def _number(model: Model, *names: str) -> float | None:
    text = _text(model, *names)
    return None if text is None else number_in(text)


def _read_rating(model: Model, words: DescriptiveDraft) -> None:
    words.say_rating(_number(model, f"{_XMP}Rating"))
    words.say_rating(stars_of_percent(_number(model, *(f"{space}Rating" for space in _MICROSOFT))))
    words.say_rating(_number(model, f"{_ACDSEE}rating"))
    if _text(model, f"{_DIGIKAM}PickLabel") == "1" or _text(model, f"{_MEDIA_DYNAMIC}pick") == "-1":
        words.say_rating(-1)


def stars_of_percent(percent: float | None) -> float | None:
    """Return 1 to 5 stars of Microsoft's 1, 25, 50, 75, 99; None for 0, which is not rated, and for what is no percent."""
    if percent is None or not 1 <= percent <= 100:
        return None
    return next(stars for least, stars in _PERCENTS if percent >= least)


def _read_label(model: Model, words: DescriptiveDraft) -> None:
    words.say_label(_text(model, f"{_XMP}Label"))
    words.say_label(_color(_text(model, f"{_DIGIKAM}ColorLabel"), _DIGIKAM_COLORS))
    words.say_label(_color(_text(model, f"{_DARKTABLE}colorlabels"), _DARKTABLE_COLORS))


def _color(text: str | None, colors: tuple[str, ...]) -> str | None:
    is_number = text is not None and len(text) == 1 and text.isascii() and text.isdecimal()
    return colors[int(text)] if text and is_number and int(text) < len(colors) else None


def _read_tags(model: Model, words: DescriptiveDraft) -> None:
    for separator, name in _PATHS:
        for text in _texts(model, name):
            path = [part for part in text.split(separator) if not part.startswith(_ROOT_TAG)]
            if not text.startswith(_INTERNAL_TAGS):
                words.say_tag(path)
    for text in _texts(model, f"{_DC}subject"):
        words.say_tag([text])


def _read_categories(model: Model, words: DescriptiveDraft) -> None:
    """Read ACDSee's tree of tags, which is XML in a text; what is not assigned is only a step on the way."""
    text = _text(model, f"{_ACDSEE}categories")
    root = parse(text.encode()) if text else None
    for path in _assigned(root, ()) if root is not None else ():
        words.say_tag(path)


def _assigned(root: Element, above: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    waiting = [(child, above) for child in reversed(root)]
    for _ in range(MAX_CATEGORIES):
        if not waiting:
            return
        category, above = waiting.pop()
        path = (*above, (category.text or "").strip())
        if category.get("Assigned") == "1":
            yield path
        if len(path) < _MAX_CATEGORY_DEPTH:
            waiting.extend((child, path) for child in reversed(category))


def _read_people(model: Model, words: DescriptiveDraft) -> None:
    for name in _texts(model, f"{_IPTC_EXTENSION}PersonInImage"):
        words.say_person(name)
    details = model.get(f"{_IPTC_EXTENSION}PersonInImageWDetails")
    for person in details.structures() if details is not None else ():
        called = person.field("PersonName")
        words.say_person(called.best_text() if called is not None else None)
