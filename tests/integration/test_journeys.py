"""`docs/journeys.md` names real functions (every dotted name in backticks can be imported), `docs/format.md` every table."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from types import ModuleType

import pytest

from catalog.store.schema import TABLES

DOCS = Path(__file__).resolve().parents[2] / "docs"
JOURNEYS = DOCS / "journeys.md"
DOTTED = re.compile(r"`((?:catalog|vfs|dav|daemon)(?:\.\w+)+)`")
NAMES = sorted(set(DOTTED.findall(JOURNEYS.read_text(encoding="utf-8"))))


def found(dotted: str) -> object:
    """Import the longest module and follow attributes; ImportError or AttributeError if it is not there."""
    parts = dotted.split(".")
    module: ModuleType = importlib.import_module(parts[0])
    at: object = module
    for number, name in enumerate(parts[1:], start=2):
        try:
            at = getattr(at, name)
        except AttributeError:
            if not isinstance(at, ModuleType):
                raise
            at = importlib.import_module(".".join(parts[:number]))
    return at


@pytest.mark.parametrize("dotted", NAMES)
def test_a_journey_names_what_exists(dotted):
    assert found(dotted) is not None


def test_all_six_journeys_are_told():
    headings = re.findall(r"^## (\d)\. ", JOURNEYS.read_text(encoding="utf-8"), re.MULTILINE)
    assert headings == list("123456")
    assert len(NAMES) > 50


@pytest.mark.parametrize("gone", ["vfs.tree.Tree.no_such_door", "vfs.no_such_module.function"])
def test_a_name_that_is_gone_would_be_noticed(gone):
    with pytest.raises((ImportError, AttributeError)):
        found(gone)


def test_the_format_page_names_every_table_and_no_other():
    page = (DOCS / "format.md").read_text(encoding="utf-8")
    section = page.partition("\n## The catalog\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", section, re.MULTILINE)
    named = [table for row in rows for table in re.findall(r"\w+", row)]
    assert sorted(named) == sorted(TABLES)
