"""The layer's rules: who wins, what clearing means, how sets of several sources merge."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from catalog.ids import AssetId
from catalog.layer import (
    PRECEDENCE,
    PROPERTIES,
    Effective,
    Source,
    Statement,
    effective,
    effective_set,
    winner,
)


def said(
    source: Source, value: Any, *, name: str = "title", element: str = "", made_ns: int = 1, number: int = 1
) -> Statement:
    return Statement(number, AssetId(1), name, element, value, source, "somebody", made_ns)


def test_people_rule_over_sidecars_over_plugins_over_bytes_over_files() -> None:
    statements = [said("plugin", "p"), said("sidecar", "s"), said("user", "u")]
    for order in permutations(statements):
        assert effective("title", order, embedded="e", file="f") == Effective("u", "user")
    assert effective("title", statements[:2], embedded="e") == Effective("s", "sidecar")
    assert effective("title", statements[:1], embedded="e") == Effective("p", "plugin")
    assert effective("title", [], embedded="e", file="f") == Effective("e", "embedded")
    assert effective("title", [], file="f") == Effective("f", "file")
    assert effective("title", []) is None


def test_of_two_sayings_of_a_source_the_later_one_wins() -> None:
    old, new = said("user", "old", made_ns=1, number=9), said("user", "new", made_ns=2, number=3)
    assert winner([old, new]) is winner([new, old]) is new
    first, second = said("user", "a", number=1), said("user", "b", number=2)
    assert winner([first, second]) is winner([second, first]) is second
    assert winner([]) is None


def test_a_cleared_value_is_empty_although_the_bytes_say_something() -> None:
    assert effective("title", [said("user", None)], embedded="e") == Effective(None, "user")


@pytest.mark.parametrize("name", ["capture", "trashed"])
def test_a_cleared_date_or_trash_is_as_if_nothing_was_said(name: str) -> None:
    assert effective(name, [said("user", None, name=name)]) is None
    assert effective(name, [said("user", None, name=name)], embedded="e") == Effective("e", "embedded")


def test_statements_about_other_properties_do_not_matter() -> None:
    assert effective("title", [said("user", 5, name="rating")], embedded="e") == Effective("e", "embedded")


def test_sets_merge_element_by_element() -> None:
    statements = [
        said("user", True, name="tag", element="beach"),
        said("user", False, name="tag", element="work"),
        said("sidecar", True, name="tag", element="work"),
        said("sidecar", True, name="tag", element="sea"),
        said("plugin", False, name="tag", element="sky"),
        said("user", True, name="album", element="x"),
    ]
    found = effective_set("tag", statements, embedded=["sky", "sand"])
    assert found == {"beach": "user", "sea": "sidecar", "sand": "embedded"}


def test_every_property_has_a_meaning() -> None:
    assert all(one.meaning for one in PROPERTIES.values())
    assert PRECEDENCE == ("user", "sidecar", "plugin", "embedded", "file")
