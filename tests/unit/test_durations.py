"""Lengths of time on the command line."""

from __future__ import annotations

import click
import pytest

from daemon.cli.durations import Duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("15min", 900),
        ("2h", 7_200),
        ("30d", 2_592_000),
        ("4w", 2_419_200),
        ("0", 0),
        (" 2 H ", 7_200),
    ],
)
def test_what_people_write_is_seconds(text: str, seconds: int) -> None:
    assert Duration().convert(text, None, None) == seconds


@pytest.mark.parametrize(
    "text", ["", "5", "5m", "h", "1.5h", "-2h", "2h30min", "٣d", "9999999999s", "999999d"]
)
def test_what_is_no_length_of_time_is_refused_with_examples(text: str) -> None:
    with pytest.raises(click.BadParameter, match=r"15min|hundred years"):
        Duration().convert(text, None, None)


def test_a_limit_of_nothing_is_too_short() -> None:
    with pytest.raises(click.BadParameter, match="too short"):
        Duration(least=1).convert("0s", None, None)
