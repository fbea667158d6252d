"""Words in EXIF: description, artist, copyright, comment, rating, and the XP tags of Windows (EXIF 2.32; Microsoft).

Cameras fill these tags too, with their own name or with what their filters did; that is left out. The words rank as
`exif`, `xp` (Windows) and `comment` (the last resort). Knows only the tags: places and types are the directory's.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from daemon.media.draft import Draft
from daemon.media.xmp_words import stars_of_percent

if TYPE_CHECKING:
    from daemon.media.tiff import Directory

_DESCRIPTION, _ARTIST, _COPYRIGHT, _COMMENT = 0x010E, 0x013B, 0x8298, 0x9286
_RATING, _RATING_PERCENT = 0x4746, 0x4749
_XP_TITLE, _XP_COMMENT, _XP_AUTHOR, _XP_KEYWORDS, _XP_SUBJECT = 0x9C9B, 0x9C9C, 0x9C9D, 0x9C9E, 0x9C9F
_WORDS = frozenset(
    {
        *(_DESCRIPTION, _ARTIST, _COPYRIGHT, _RATING, _RATING_PERCENT),
        *(_XP_TITLE, _XP_COMMENT, _XP_AUTHOR, _XP_KEYWORDS, _XP_SUBJECT),
    }
)
MAX_BYTES = 32_768  # of one text

# What phones, scanners and programs write into ImageDescription when nobody said anything; too short, or too much like
# words, to be left out elsewhere.
_DEFAULTS = re.compile(
    r"""jpeg|untitled|default|created\s+with\s(?:the\s)?gimp|<[^<>]*>|dc\d+m?|oplus_\d+
      | (?:vivitar|hp|polaroid|wwl|samsung|dsc|dcf|mde|cof|btf|hdr|edf|rbt|rpt|ptr|sdr|bty|fpl|mli|nor)""",
    re.VERBOSE | re.IGNORECASE,
)
_UNKNOWN_PEOPLE = frozenset(
    {"unknown", "none", "n/a", "user", "owner", "default", "camera owner", "photographer"}
)
# `filter: 0; mode=1;`: what phones note of their own work, and other texts of machines.
_MACHINE = re.compile(
    r"[\w.-]+\s*[:=][^;,\n]*[;,\n]\s*[\w.-]+\s*[:=]|[{\[<]|charset=|oplus_|binary comment|screenshot$",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]{2,}")


def is_default(description: str) -> bool:
    """Tell whether a description is what cameras and programs write when nobody said anything."""
    return _DEFAULTS.fullmatch(description.strip()) is not None


def read_exif_words(ifd0: Directory, exif: Directory | None, draft: Draft) -> None:
    """Read what people wrote into the two directories; `exif` is None when there is none."""
    if not _WORDS.isdisjoint(ifd0.places):
        _read_main(ifd0, draft)
        _read_windows(ifd0, draft)
    if exif is not None and _COMMENT in exif.places:
        draft.descriptive.said_by("comment").say_description(_human(_comment(exif)))


def _read_main(ifd0: Directory, draft: Draft) -> None:
    words = draft.descriptive.said_by("exif")
    description = _text(ifd0, _DESCRIPTION)
    # Windows writes the title here too; then the comment is the description.
    if not _DEFAULTS.fullmatch(description) and description != _wide_text(ifd0, _XP_TITLE):
        words.say_description(description)
    words.say_creators(_people(_text(ifd0, _ARTIST)))
    words.say_rights(_copyright(ifd0))
    words.say_rating(ifd0.whole(_RATING))
    words.say_rating(stars_of_percent(ifd0.whole(_RATING_PERCENT)))


def _read_windows(ifd0: Directory, draft: Draft) -> None:
    words = draft.descriptive.said_by("xp")
    words.say_title(_wide_text(ifd0, _XP_TITLE))
    words.say_description(_wide_text(ifd0, _XP_COMMENT))
    words.say_description(_wide_text(ifd0, _XP_SUBJECT))
    words.say_creators(_people(_wide_text(ifd0, _XP_AUTHOR)))
    for keyword in _wide_text(ifd0, _XP_KEYWORDS).split(";"):
        words.say_tag([keyword])


def _text(directory: Directory, tag: int) -> str:
    content = directory.content(tag, MAX_BYTES) if tag in directory.places else None
    return _narrow((content or b"").split(b"\0", 1)[0]).strip()


def _wide_text(directory: Directory, tag: int) -> str:
    content = directory.content(tag, MAX_BYTES) if tag in directory.places else None
    return (content or b"").decode("utf-16-le", "ignore").split("\0", 1)[0].strip()


def _narrow(content: bytes) -> str:
    """Decode what EXIF calls ASCII: UTF-8 if it is, else Latin-1."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        is_cut = error.end == len(content) == MAX_BYTES
        return content[: error.start].decode("utf-8") if is_cut else content.decode("latin-1")


def _people(text: str) -> list[str]:
    names = [name.strip() for name in text.split(";")]
    return [name for name in names if name.casefold() not in _UNKNOWN_PEOPLE]


def _copyright(ifd0: Directory) -> str:
    """Return the photographer's and the editor's copyright, which a NUL divides."""
    content = ifd0.content(_COPYRIGHT, MAX_BYTES) if _COPYRIGHT in ifd0.places else None
    parts = [_narrow(part).strip() for part in (content or b"").split(b"\0")[:2]]
    return "; ".join(part for part in parts if part)


def _comment(exif: Directory) -> str:
    """Return UserComment, whose first eight bytes name the character set (EXIF 2.32, 4.6.5)."""
    content = exif.content(_COMMENT, MAX_BYTES) or b""
    charset, text = content[:8].rstrip(b"\0 ").upper(), content[8:]
    if not text:
        return ""
    if charset == b"UNICODE":
        return _unicode(text, exif.order).split("\0", 1)[0]
    if charset == b"JIS":
        return text.split(b"\0", 1)[0].decode("iso2022_jp", "ignore")
    if charset in (b"ASCII", b""):
        return _narrow(text.split(b"\0", 1)[0])
    return _narrow(content.split(b"\0", 1)[0])  # no prefix at all


def _unicode(text: bytes, order: str) -> str:
    """Decode UTF-16 in the order of its mark, else of the file; writers that swap it leave the high bytes zero."""
    if text[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return text.decode("utf-16", "ignore")
    zeros_first, zeros_last = text[0::2].count(0), text[1::2].count(0)
    if zeros_first != zeros_last:
        order = ">" if zeros_first > zeros_last else "<"
    return text.decode("utf-16-be" if order == ">" else "utf-16-le", "ignore")


def _human(text: str) -> str | None:
    """Return the text if a person may have written it: there is a word, and it is no list of settings."""
    text = text.strip()
    letters = sum(one.isalpha() for one in text[:200])
    has_words = _WORD.search(text) is not None and letters * 2 >= len(text[:200].replace(" ", ""))
    is_code = " " not in text and len(text) > 24 and any(one.isdecimal() for one in text)
    return text if has_words and not is_code and not _MACHINE.match(text) else None
