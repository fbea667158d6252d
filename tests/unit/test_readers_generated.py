"""Files that the tests make themselves, every field of every one against its known answer."""

from __future__ import annotations

import pytest

import generated_movies
import generated_stills
from catalog.facts import EXTRA
from daemon.media.header import read_header
from daemon.media.source import MemorySource
from generated_case import Case, differences

CASES = [*generated_stills.CASES, *generated_movies.CASES]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_readers_say_all_that_a_generated_file_says_and_nothing_else(case: Case) -> None:
    facts = read_header(MemorySource(case.content), case.file_name.encode())
    assert differences(facts, case) == {}
    assert facts.extra.keys() <= EXTRA.keys()


def test_each_generated_file_is_there_once() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 120
