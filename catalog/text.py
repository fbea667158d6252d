"""Words of full text: the same tokens for the index, for SQL's question and for the Python face of a query. Pure.

The index (`photo_text`, FTS5) gets tokens made here, joined by spaces, and its tokenizer `ascii` keeps every character
above ASCII within a word: so both faces agree, whatever version of Unicode SQLite knows.

Invariants:
- a token holds letters (and the like), or digits, or is one character of a script that is written without spaces
  between words, or one symbol; never a space, a quote or `SEPARATOR`;
- texts that differ in case, accents, width or Unicode form alone have the same tokens;
- the tokens of tokens are those tokens.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

# Between the elements of one column, so that no phrase reaches from one tag into the next. Never a token of a text.
SEPARATOR = "¦"
# FTS5 cuts tokens at 32 KiB; ours are cut earlier, on both sides of the comparison.
MAX_TOKEN_CHARACTERS = 200

# Thai, Lao, Myanmar, Khmer, Kana, Han: where a word ends, only a dictionary knows.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\ua9e0-\ua9ff\uaa60-\uaa7f\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3038-\u303b"
    "\u3041-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U0001aff0-\U0001b16f\U00020000-\U0003fffd"
)
_SYMBOLS = "\u2190-\u2bff\U0001f000-\U0001faff"
_TOKEN = re.compile(rf"\d+|(?![\W_])[{_UNSPACED}]|[^\W\d_{_UNSPACED}{_SYMBOLS}]+|[{_SYMBOLS}]")
_ASCII_TOKEN = re.compile(r"[0-9]+|[a-z]+")


def tokens(text: str) -> list[str]:
    """Return the tokens of a text in order: `IMG_0012.jpg` is img, 0012, jpg; `Café` is cafe."""
    if text.isascii():  # nearly every file name
        found = _ASCII_TOKEN.findall(text.lower())
    else:
        found = _TOKEN.findall(_bare(_bare(text).casefold()))
    return [token[:MAX_TOKEN_CHARACTERS] for token in found]


def indexed(fields: Iterable[str]) -> str:
    """Return what a column of the index holds: the tokens of each element, elements apart from each other."""
    return f" {SEPARATOR} ".join(" ".join(tokens(field)) for field in fields)


def phrase(word: str) -> str | None:
    """Return the FTS5 expression of a word or quoted phrase: its tokens in a row in one text, the last as a prefix.

    None if it has no tokens (`---`): then the index cannot answer.
    """
    found = tokens(word)
    return f'"{" ".join(found)}" *' if found else None


def matches(word_tokens: Sequence[str], texts: Iterable[str]) -> bool:
    """Tell whether the tokens stand in a row in one of the texts, the last as a prefix; without tokens: false."""
    if not word_tokens:
        return False
    return any(_stands_in(word_tokens, tokens(text)) for text in texts)


def _stands_in(wanted: Sequence[str], found: Sequence[str]) -> bool:
    *whole, prefix = wanted
    places = range(len(found) - len(wanted) + 1)
    return any(
        found[at + len(whole)].startswith(prefix) and list(found[at : at + len(whole)]) == whole
        for at in places
    )


def _bare(text: str) -> str:
    """Return the compatible form without marks."""
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(character for character in decomposed if unicodedata.category(character)[0] != "M")
