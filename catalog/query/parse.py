"""Text -> predicate tree: the grammar of `find`, saved searches and `Search/<query>/`.

    query  = either { either }                 (space: both hold; AND may be written)
    either = part { (OR | "|") part }
    part   = (NOT | "-") part | "(" query ")" | term
    term   = field (":" | "=" | ">" | ">=" | "<" | "<=") value { "|" value } | word { "|" word }

OR binds less than the space: `a b OR c` is (a and b) or c. Quotes ('…' or "…") keep spaces, `|`, `*` and operators
literal. AND, OR and NOT are upper case. Pure; "today" is an argument. Invariant: every text gives a tree or an
InvalidQuery that names the place, never an empty answer by accident.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Literal

from catalog.errors import InvalidQuery
from catalog.names import fold
from catalog.query.fields import FIELD_NAMES, FIELDS, KINDS, Field, nearest
from catalog.query.predicate import EVERYTHING, And, Not, Or, PathMatch, Predicate, Term, TextMatch, Words
from catalog.query.values import (
    choice_value,
    day_value,
    near_value,
    number_value,
    optical_value,
    stack_value,
    type_value,
)
from catalog.text import tokens

# A query is typed by a person or is a folder name; more is a mistake, and recursion must stay bounded.
MAX_QUERY_CHARACTERS = 10_000
MAX_DEPTH = 50

_FIELD = re.compile(r"([A-Za-z_][A-Za-z0-9_-]*)(>=|<=|[:=<>])")
_QUOTES = "\"'"
_BEFORE_QUOTE = ":=<>|"
# `*"at the sea"*`: but not `*'s`, where the apostrophe is one.
_BEFORE_DOUBLE_QUOTE = _BEFORE_QUOTE + "*"
_STATES_THAT_ARE_HAD = {"broken": "finding", "stacked": "stack"}
_SAME = {"position": "gps"}
_OPTICAL = frozenset({"aperture", "shutter", "focal"})

Kind = Literal["(", ")", "|", "not", "and", "text"]


@dataclass(frozen=True, slots=True)
class _Token:
    """`literal[i]` tells that character i of the text stood in quotes."""

    kind: Kind
    text: str
    position: int
    literal: tuple[bool, ...] = ()


@dataclass(frozen=True, slots=True)
class _Piece:
    """A value between `|`: its text, and which characters are literal."""

    text: str
    literal: tuple[bool, ...]

    def split(self, separator: str) -> list[_Piece]:
        pieces, start = [], 0
        for end, character in enumerate(self.text):
            if character == separator and not self.literal[end]:
                pieces.append(_Piece(self.text[start:end], self.literal[start:end]))
                start = end + 1
        return [*pieces, _Piece(self.text[start:], self.literal[start:])]


def parse(text: str, *, today: date) -> Predicate:
    """Read a query.

    Args:
        text: the query; empty means everything.
        today: the local day that relative dates count from.

    Raises:
        InvalidQuery: unknown field (with a suggestion), bad value or unbalanced text; details carry `position`.
    """
    if len(text) > MAX_QUERY_CHARACTERS:
        raise InvalidQuery(
            f"the query has {len(text)} characters; {MAX_QUERY_CHARACTERS} are enough for anybody",
            hint="Ask in several queries.",
        )
    parser = _Parser(_tokens(text), today, len(text))
    return parser.whole()


class _Parser:
    """Recursive descent over the tokens of one query."""

    def __init__(self, tokens: list[_Token], today: date, end: int) -> None:
        self._tokens = tokens
        self._today = today
        self._end = end
        self._next = 0

    def whole(self) -> Predicate:
        if not self._tokens:
            return EVERYTHING
        predicate = self._either(0)
        if self._next < len(self._tokens):
            raise _error("there is a ) without a (", self._tokens[self._next].position)
        return predicate

    def _peek(self) -> _Token | None:
        return self._tokens[self._next] if self._next < len(self._tokens) else None

    def _either(self, depth: int) -> Predicate:
        parts = [self._all(depth)]
        while (token := self._peek()) is not None and token.kind == "|":
            self._next += 1
            parts.append(self._all(depth))
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _all(self, depth: int) -> Predicate:
        parts = [self._part(depth)]
        while (token := self._peek()) is not None and token.kind not in ("|", ")"):
            if token.kind == "and":
                self._next += 1
            parts.append(self._part(depth))
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _part(self, depth: int) -> Predicate:
        token = self._peek()
        if depth > MAX_DEPTH:
            raise InvalidQuery(
                f"the query is nested deeper than {MAX_DEPTH} levels",
                hint="Use fewer parentheses and negations.",
            )
        if token is None or token.kind in ("|", ")", "and"):
            position = self._end if token is None else token.position
            raise _error(
                "something is missing" + (f" before {token.text}" if token else " at the end"), position
            )
        self._next += 1
        if token.kind == "not":
            return Not(self._part(depth + 1))
        if token.kind == "(":
            return self._group(token, depth)
        return _term(token, self._today)

    def _group(self, opening: _Token, depth: int) -> Predicate:
        predicate = self._either(depth + 1)
        closing = self._peek()
        if closing is None:
            raise _error("a ( is never closed", opening.position)
        self._next += 1
        return predicate


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    position = 0
    while position < len(text):
        character = text[position]
        if character.isspace():
            position += 1
        elif character in "()":
            tokens.append(_Token("(" if character == "(" else ")", character, position))
            position += 1
        elif character == "|":
            tokens.append(_Token("|", "|", position))
            position += 1
        elif character == "-" and text[position + 1 : position + 2].strip():
            tokens.append(_Token("not", "-", position))
            position += 1
        else:
            token, position = _word(text, position)
            tokens.append(_keyword(token))
    return tokens


def _keyword(token: _Token) -> _Token:
    kinds: dict[str, Kind] = {"OR": "|", "NOT": "not", "AND": "and"}
    if token.text in kinds and not any(token.literal):
        return _Token(kinds[token.text], token.text, token.position)
    return token


def _word(text: str, start: int) -> tuple[_Token, int]:
    """Read one word; parentheses inside it belong to it as long as they are balanced (`IMG_1(2).jpg`)."""
    characters: list[str] = []
    literal: list[bool] = []
    position, open_parentheses = start, 0
    while position < len(text) and not text[position].isspace():
        character = text[position]
        if character in _QUOTES and (not characters or _may_open(character, text[position - 1])):
            quoted, position = _quoted(text, position)
            characters += quoted
            literal += [True] * len(quoted)
            continue
        if character == ")" and open_parentheses == 0:
            break
        open_parentheses += {"(": 1, ")": -1}.get(character, 0)
        characters.append(character)
        literal.append(False)
        position += 1
    return _Token("text", "".join(characters), start, tuple(literal)), position


def _may_open(quote: str, before: str) -> bool:
    return before in (_BEFORE_DOUBLE_QUOTE if quote == '"' else _BEFORE_QUOTE)


def _quoted(text: str, start: int) -> tuple[list[str], int]:
    characters: list[str] = []
    position = start + 1
    while position < len(text):
        character = text[position]
        if character == text[start]:
            return characters, position + 1
        if character == "\\" and text[position + 1 : position + 2] in (text[start], "\\"):
            position += 1
        characters.append(text[position])
        position += 1
    raise _error(f"the quote {text[start]} is never closed", start)


def _term(token: _Token, today: date) -> Predicate:
    head = _FIELD.match(token.text)
    if head is None or any(token.literal[: head.end()]):
        return _any_of([_word_term(piece, token) for piece in _pieces(token, 0)])
    field = FIELD_NAMES.get(head[1].lower())
    if field is None:
        raise _unknown_field(head[1], token)
    if head[2] not in field.ops:
        raise _error(f"{field.name} cannot be compared with {head[2]}", token.position, field=field.name)
    return _any_of([_field_term(field, head[2], piece, token, today) for piece in _pieces(token, head.end())])


def _pieces(token: _Token, start: int) -> list[_Piece]:
    return _Piece(token.text[start:], token.literal[start:]).split("|")


def _any_of(parts: list[Predicate]) -> Predicate:
    return parts[0] if len(parts) == 1 else Or(tuple(parts))


def _word_term(piece: _Piece, token: _Token) -> Predicate:
    if not piece.text:
        raise _error(
            "a word is missing beside |" if token.text else "there is nothing between the quotes",
            token.position,
        )
    return _words_term("word", piece)


def _words_term(name: str, piece: _Piece) -> Predicate:
    """Words are looked up in full text; wildcards, and what has neither letters nor digits, in the whole texts."""
    found = tuple(tokens(piece.text))
    if not found or len(piece.split("*")) > 1:
        return Term(name, _text(piece, is_whole=False))
    return Term(name, Words(found))


def _path_term(field: Field, piece: _Piece, token: _Token) -> Predicate:
    """Read the path of a tag or album; outer slashes mean nothing."""
    parts = tuple(fold(part.text) for part in piece.split("*"))
    if len(parts) == 1:
        parts = ("/".join(name for name in parts[0].split("/") if name.strip()),)
        if not parts[0]:
            raise _error(f"{piece.text} names no {field.name}", token.position, field=field.name)
    return Term(field.name, PathMatch(parts))


def _field_term(field: Field, operator: str, piece: _Piece, token: _Token, today: date) -> Predicate:
    if not piece.text:
        raise _error(
            f"{field.name}{operator} needs a value, for instance {field.example}",
            token.position,
            field=field.name,
        )
    if field.type == "text":
        return _text_term(field, piece)
    if field.type == "words":
        return _words_term("word" if field.name == "text" else field.name, piece)
    if field.type == "path":
        return _path_term(field, piece, token)
    try:
        if field.name in _OPTICAL:
            return Term(field.name, optical_value(field.name, operator, piece.text))
        return _READERS[field.type](field.name, operator, piece.text, today)
    except ValueError as error:
        hint = f"For instance: {field.example}"
        near = nearest(piece.text, field.choices) if field.choices else None
        if field.choices:
            hint = f"Did you mean {field.name}:{near}?" if near else f"One of: {', '.join(field.choices)}."
        message = f"{field.name}{operator}{piece.text}: {error}"
        raise InvalidQuery(
            message, hint=hint, field=field.name, position=token.position, suggestion=near
        ) from error


def _text_term(field: Field, piece: _Piece) -> Predicate:
    match = _text(piece, is_whole=field.is_whole)
    first, *rest = match.parts
    if field.name == "ext":
        return Term("name", TextMatch(("", "." + first.removeprefix("."), *rest)))
    if field.name in ("uid", "hash"):
        first = first.removeprefix("~") if field.name == "uid" else first
        return Term(field.name, TextMatch((first, *rest) if rest else (first, "")))
    return Term(field.name, match)


def _text(piece: _Piece, *, is_whole: bool) -> TextMatch:
    parts = tuple(fold(part.text) for part in piece.split("*"))
    return TextMatch(parts if is_whole or len(parts) > 1 else ("", *parts, ""))


def _day_term(field: str, operator: str, text: str, today: date) -> Predicate:
    return Term(field, day_value(operator, text, today))


def _choice_term(field: str, operator: str, text: str, today: date) -> Predicate:
    word = text.lower()
    choices = FIELDS[field].choices or ()
    if word not in choices:
        raise ValueError("there is no such word")
    if field == "favorite":
        favorite = Term("is", choice_value("favorite"))
        return favorite if word == "yes" else Not(favorite)
    if field == "has" or word in _STATES_THAT_ARE_HAD:
        word = _STATES_THAT_ARE_HAD.get(word, word)
        return Term("has", choice_value(_SAME.get(word, word)))
    if word in KINDS:
        return Term("kind", choice_value(word))
    return (
        Term("type", type_value(word))
        if word in (FIELDS["type"].choices or ())
        else Term("is", choice_value(word))
    )


def _rating_term(field: str, operator: str, text: str, today: date) -> Predicate:
    if text.lower() == "none" and operator in (":", "="):
        return Not(Term("has", choice_value("rating")))
    return Term(field, number_value(operator, text, "number"))


_READERS: dict[str, Callable[[str, str, str, date], Predicate]] = {
    "day": _day_term,
    "choice": _choice_term,
    "rating": _rating_term,
    "stack": lambda field, operator, text, today: Term(field, stack_value(text)),
    "number": lambda field, operator, text, today: Term(field, number_value(operator, text, "number")),
    "bytes": lambda field, operator, text, today: Term(field, number_value(operator, text, "bytes")),
    "seconds": lambda field, operator, text, today: Term(field, number_value(operator, text, "seconds")),
    "near": lambda field, operator, text, today: Term(field, near_value(text)),
}


def _unknown_field(name: str, token: _Token) -> InvalidQuery:
    near = nearest(name, tuple(FIELD_NAMES))
    suggestion = f"Did you mean {near}? " if near else f"Fields: {', '.join(FIELDS)}. "
    return InvalidQuery(
        f"there is no field {name}",
        hint=f'{suggestion}"glassine find --help-fields" lists the fields; quote the word to search for it as text.',
        field=name,
        suggestion=near,
        position=token.position,
    )


def _error(message: str, position: int, **details: object) -> InvalidQuery:
    return InvalidQuery(
        f"{message} (character {position + 1} of the query)",
        hint='"glassine help query" explains the language.',
        position=position,
        **details,
    )
