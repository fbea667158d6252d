"""The query language: text -> predicate tree, and its Python face. The SQL face is `catalog.store.find`."""

from catalog.query.fields import FIELDS, Field
from catalog.query.parse import parse
from catalog.query.predicate import (
    DEFAULT_EXCLUDED,
    EVERYTHING,
    And,
    Choice,
    DayRange,
    Near,
    Not,
    NumberRange,
    Or,
    Predicate,
    Term,
    TextMatch,
    TypeFlag,
    camera_texts,
    excluded_states,
)

__all__ = [
    "DEFAULT_EXCLUDED",
    "EVERYTHING",
    "FIELDS",
    "And",
    "Choice",
    "DayRange",
    "Field",
    "Near",
    "Not",
    "NumberRange",
    "Or",
    "Predicate",
    "Term",
    "TextMatch",
    "TypeFlag",
    "camera_texts",
    "excluded_states",
    "parse",
]
