"""What an edit tells, and what `log` lists: one sentence per command, safe for a terminal."""

from __future__ import annotations

import dataclasses
from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.commands import NAMES, encode
from catalog.commands.layer import LAYER_NAMES, Favorite, PlaceSet, Rate, TagAdd, TagRename, Title, Undo
from daemon.cli.choosing import SignedCommand, answer_text
from daemon.cli.moments import read_delta
from daemon.cli.sentences import delta_text, quoted, sentence


def made(kind: type) -> Any:
    """Return a command with a value in every field that has no default, and a hostile one in every text."""
    values: dict[str, Any] = {
        "str": "\x1b[31m\u202e" + "x" * 10_000, "Photos": ("u" * 26,), "tuple[str, ...]": ("a", "b\n"), "int": 3, "float": 0.5,
        "bool": True, "bytes": b"p",
    }  # fmt: skip
    return kind(
        **{
            one.name: values.get(str(one.type).removesuffix(" | None"), "x")
            for one in dataclasses.fields(kind)
        }
    )


@pytest.mark.parametrize("kind", NAMES, ids=lambda kind: kind.__name__)
def test_every_command_has_a_sentence_in_one_safe_line(kind: type) -> None:
    said = sentence(encode(made(kind)), 3)
    assert not said.startswith("did ")
    assert said.isprintable()
    assert len(said) < 300
    if kind in LAYER_NAMES:
        nothing = {one.name: None for one in dataclasses.fields(kind) if str(one.type).endswith("| None")}
        assert sentence(encode(dataclasses.replace(made(kind), **nothing)), 1).isprintable()


@pytest.mark.parametrize(
    ("command", "changed", "said"),
    [
        (TagAdd((), ("beach", "a/b")), 12, "tagged 12 photos with beach, a/b"),
        (Rate((), 0), 1, "rated 1 photo 0"),
        (Rate((), None), 2, "took back the rating of 2 photos"),
        (Title((), ""), 1, "gave 1 photo no title"),
        (Favorite((), is_favorite=False), 1, "made 1 photo favourite no longer"),
        (PlaceSet((), -33.8, 151.2, 20.0), 1, "placed 1 photo at -33.8,151.2,20m"),
        (PlaceSet((), None, None), 1, "said of 1 photo that the place is not to be told"),
        (Undo(41), 3, "took back row 41"),
    ],
)
def test_sentences_say_what_was_done(command: Any, changed: int, said: str) -> None:
    assert sentence(encode(command), changed) == said


def test_what_an_unknown_version_wrote_is_named_at_least() -> None:
    assert sentence({"do": "photo.dream"}, 1) == "did photo.dream"
    assert sentence({"do": "rate", "stars": 5}, 1) == "did rate"
    assert sentence({}, 1) == "did None"


def answer(**fields: Any) -> dict[str, Any]:
    return {"journal": 41, "changed": 2, "unchanged": 0, "photos": [], "dry_run": False, **fields}


def test_answers_tell_how_to_take_them_back() -> None:
    told = encode(TagRename("sea", "ocean"))
    back = "(journal 41; glassine undo 41 takes it back)"
    assert answer_text(told, answer()) == f"renamed the tag sea to ocean {back}"
    merged = "renamed the tag sea to ocean, which was there: the two are one now"
    assert answer_text(told, answer(merged=True)) == f"{merged} {back}"
    rated = encode(Rate((), 5))
    assert answer_text(rated, answer(unchanged=1)) == f"rated 2 photos 5; 1 photo unchanged {back}"
    assert (
        answer_text(rated, answer(journal=None, changed=0, unchanged=3))
        == "nothing to do: 3 photos already as you say"
    )
    dry = answer(journal=None, dry_run=True)
    assert answer_text(rated, dry) == "rated 2 photos 5 (dry run: nothing was changed)"
    idle = answer(journal=None, dry_run=True, changed=0, unchanged=3)
    assert answer_text(rated, idle) == "nothing to do: 3 photos already as you say"


@given(st.integers(0, 20_000), st.integers(0, 3_000_000), st.integers(0, 10**12), st.sampled_from([1, -1]))
def test_distances_are_written_as_they_are_read(months: int, days: int, microseconds: int, sign: int) -> None:
    text = delta_text(sign * months, sign * days, sign * microseconds)
    if months * 30 + days <= 3_000_000 and (months or days or microseconds):
        read = read_delta(text)
        assert (read.months, read.days, read.microseconds) == (
            sign * months,
            sign * days,
            sign * microseconds,
        )


@given(st.text(max_size=200))
def test_quoted_text_is_short_and_printable(text: str) -> None:
    assert quoted(text).isprintable() or "\u200d" in text
    assert len(quoted(text)) <= 60


@click.command(cls=SignedCommand)
@click.argument("value")
@click.argument("photos", nargs=-1)
@click.option("-0", "--null", is_flag=True)
@click.option("-r", "--recursive", is_flag=True)
def signed(**values: Any) -> dict[str, Any]:
    return values


@pytest.mark.parametrize(
    ("arguments", "value", "photos", "is_zero_ended"),
    [
        (["-1h", "a"], "-1h", ("a",), False),
        (["-33.8,151.2", "a", "-0"], "-33.8,151.2", ("a",), True),
        (["-0", "-00:30", "a"], "-00:30", ("a",), True),
        (["-.5,1", "-r", "a"], "-.5,1", ("a",), False),
        (["-0r", "-0:30", "a"], "-0:30", ("a",), True),
        (["--", "-r", "-0"], "-r", ("-0",), False),
        (["5", "-2.jpg"], "5", ("-2.jpg",), False),
    ],
)
def test_values_that_begin_with_a_minus_are_no_options(
    arguments: list[str], value: str, photos: tuple[str, ...], is_zero_ended: bool
) -> None:
    found = signed.main(arguments, standalone_mode=False)
    assert (found["value"], found["photos"], found["null"]) == (value, photos, is_zero_ended)
