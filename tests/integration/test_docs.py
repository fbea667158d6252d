"""Documentation cannot drift: it is compared with the parser, the tables and the schemas."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from jsonschema import Draft202012Validator

from catalog import errors
from daemon.cli.main import VERBS
from daemon.cli.reference import commands, own_options, renewed, root_context, usage
from daemon.config import KEYS
from integration.cli_runner import schemas

DOCS = Path(__file__).resolve().parents[2] / "docs"
CONTEXTS = list(commands(root_context()))
RENEW = "run: python -m daemon.cli.reference docs docs/cli.md docs/errors.md"


def text_of(name: str) -> str:
    return (DOCS / name).read_text("utf-8")


@pytest.mark.parametrize("name", ["cli.md", "errors.md"])
def test_the_generated_parts_of_the_docs_are_fresh(name: str) -> None:
    assert text_of(name) == renewed(text_of(name)), RENEW


@pytest.mark.parametrize("ctx", CONTEXTS, ids=lambda ctx: ctx.command_path)
def test_every_command_and_option_is_in_the_docs_and_has_help(ctx: click.Context) -> None:
    reference = text_of("cli.md")
    assert ctx.command.help, "a command without help"
    assert f"### `{usage(ctx)}`" in reference
    for names, help_text in own_options(ctx):
        assert help_text, f"{names} has no help"
        assert f"| `{names}` |".replace("|", "") in reference.replace("\\|", "|").replace("|", "")


def test_the_short_help_of_each_verb_names_a_command_that_exists() -> None:
    shown = {ctx.info_name for ctx in CONTEXTS if ctx.parent is not None and ctx.parent.parent is None}
    assert shown == {verb for verbs in VERBS.values() for verb in verbs}
    for verbs in VERBS.values():
        assert all(what.endswith(".") and what[0].isupper() for _, what in verbs.values())


def test_every_exit_code_and_error_class_is_in_the_registry_page() -> None:
    page = text_of("errors.md")
    exit_codes = {value for name, value in vars(errors).items() if name.startswith("EXIT_")}
    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)}
    assert documented == exit_codes
    for error in errors.all_errors():
        assert f"| `{error.code}` | {error.exit_code} | {error.__name__} |" in page
        assert error.exit_code in exit_codes


def test_codes_of_errors_are_unique() -> None:
    codes = [error.code for error in errors.all_errors()]
    assert len(codes) == len(set(codes))


def test_every_key_of_the_configuration_is_in_the_docs() -> None:
    reference = text_of("cli.md")
    for key in KEYS.values():
        assert f"| `{key.name}` |" in reference
        assert f"`{key.env}`" in reference


@pytest.mark.parametrize("name", sorted(schemas()))
def test_every_schema_is_valid_named_and_titled(name: str) -> None:
    schema = schemas()[name]
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"{name}.json"
    assert schema["title"]


def test_every_reference_between_schemas_leads_somewhere() -> None:
    for name, schema in schemas().items():
        for target in re.findall(r"'\$ref': '([^'#]+)", str(schema)):
            assert target.removesuffix(".json") in schemas(), f"{name} refers to {target}"


def test_every_command_has_a_schema_for_its_json() -> None:
    """A group's commands share one, or have their own: `volume list` is volume-list, `volume add` is volume."""
    for ctx in CONTEXTS:
        words = ctx.command_path.split()[1:]
        if not words or isinstance(ctx.command, click.Group):
            continue
        names = {"-".join(words[:depth]) for depth in range(1, len(words) + 1)}
        assert names & schemas().keys(), f"no schema for {ctx.command_path}"


def test_the_examples_of_the_docs_are_valid_queries() -> None:
    from datetime import date

    from catalog.query import parse

    guide = text_of("guide.md")
    examples = re.findall(r"glassine find '([^']+)'", text_of("cli.md") + guide) + re.findall(
        r"glassine find (is:\w+)", guide
    )
    assert len(examples) >= 3
    for example in examples:
        parse(example, today=date(2026, 11, 21))
