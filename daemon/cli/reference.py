"""Manual pages and the generated parts of `docs/`, from the parser and the tables: what they know is what is written.

`python -m daemon.cli.reference man DIR` writes one page per command; `… docs FILE…` renews what stands between
`<!-- begin NAME -->` and `<!-- end NAME -->` in Markdown files. A test holds the files of `docs/` to it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from daemon.cli.main import PROGRAM, make_cli, version_document


def commands(ctx: click.Context) -> Iterator[click.Context]:
    """Yield the context of the program and of every command below it, depth first, in the order of help."""
    yield ctx
    group = ctx.command
    if isinstance(group, click.Group):
        for name in group.list_commands(ctx):
            command = group.get_command(ctx, name)
            if command is not None and not command.hidden:
                yield from commands(click.Context(command, info_name=name, parent=ctx))


def root_context() -> click.Context:
    """Return the context of `glassine` itself."""
    return click.Context(make_cli(), info_name=PROGRAM)


def common_names() -> frozenset[str]:
    """Return the parameters that every command takes: told once, at the program."""
    return frozenset(parameter.name or "" for parameter in root_context().command.params)


def own_options(ctx: click.Context) -> list[tuple[str, str]]:
    """Return (options, help) of a command without the common ones, except at the program itself."""
    common = frozenset() if ctx.parent is None else common_names()
    records = [
        parameter.get_help_record(ctx)
        for parameter in ctx.command.get_params(ctx)
        if isinstance(parameter, click.Option) and parameter.name not in common
    ]
    return [record for record in records if record is not None]


def usage(ctx: click.Context) -> str:
    """Return the synopsis, in one line."""
    return re.sub(r"\s+", " ", f"{ctx.command_path} {' '.join(ctx.command.collect_usage_pieces(ctx))}")


def paragraphs(ctx: click.Context) -> list[str]:
    """Return the help text of a command, each paragraph in one line."""
    text = (ctx.command.help or "").partition("\f")[0]
    return [re.sub(r"\s+", " ", part).strip() for part in re.split(r"\n\s*\n", text) if part.strip()]


def man_page(ctx: click.Context) -> str:
    """Return the manual page of one command (man-pages(7), groff_man(7))."""
    name = ctx.command_path.replace(" ", "-")
    first, *rest = paragraphs(ctx)
    lines = [
        f'.TH "{name.upper()}" 1 "" "{PROGRAM} {version_document()["version"]}"',
        ".SH NAME",
        _roff(f"{name} - {first.rstrip('.')}"),
        ".SH SYNOPSIS",
        ".B " + _roff(usage(ctx)),
    ]
    if rest:
        lines += [".SH DESCRIPTION", *(f".PP\n{_roff(part)}" for part in rest)]
    options = own_options(ctx)
    if options:
        lines.append(".SH OPTIONS")
        lines += [f".TP\n.B {_roff(names)}\n{_roff(text)}" for names, text in options]
    lines += [".SH SEE ALSO", *_related(ctx)]
    return "\n".join(lines) + "\n"


def commands_markdown() -> str:
    """Return every command with its help and options."""
    parts = []
    for ctx in commands(root_context()):
        parts.append(f"### `{usage(ctx)}`\n")
        parts += [f"{part}\n" for part in paragraphs(ctx)]
        options = own_options(ctx)
        if options:
            parts.append(_table(("option", "meaning"), [(f"`{names}`", text) for names, text in options]))
    return "\n".join(parts)


def fields_markdown() -> str:
    """Return the fields of the query language, and the words of `has:` and `is:`."""
    from catalog.query.fields import FIELDS, HAS, IS

    fields = [(f"`{field.name}`", field.help, f"`{field.example}`") for field in FIELDS.values()]
    words = [(f"`has:{word}`", what) for word, what in HAS.items()] + [
        (f"`is:{word}`", what) for word, what in IS.items()
    ]
    return _table(("field", "asks", "example"), fields) + "\n" + _table(("term", "true of photos"), words)


def keys_markdown() -> str:
    """Return every key of the configuration."""
    from daemon.config import KEYS

    rows = [
        (f"`{key.name}`", f"`{_default(key.default)}`", key.unit or "", f"{key.help}.", f"`{key.env}`")
        for key in KEYS.values()
    ]
    return _table(("key", "default", "unit", "meaning", "environment"), rows)


def errors_markdown() -> str:
    """Return the registry of error codes."""
    from catalog.errors import all_errors

    rows = [
        (
            f"`{error.code}`",
            str(error.exit_code),
            error.__name__,
            (error.__doc__ or "").strip().splitlines()[0],
        )
        for error in all_errors()
    ]
    return _table(("code", "exit", "class", "meaning"), rows)


PARTS = {
    "commands": commands_markdown,
    "fields": fields_markdown,
    "keys": keys_markdown,
    "errors": errors_markdown,
}


def renewed(text: str) -> str:
    """Return a Markdown text with its generated parts made anew."""
    for name, make in PARTS.items():
        begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
        if begin in text:
            head, _, rest = text.partition(begin)
            text = f"{head}{begin}\n{make().strip()}\n{end}{rest.partition(end)[2]}"
    return text


def write_man_pages(directory: Path) -> list[Path]:
    """Write one page per command; returns their paths."""
    directory.mkdir(parents=True, exist_ok=True)
    written = []
    for ctx in commands(root_context()):
        path = directory / f"{ctx.command_path.replace(' ', '-')}.1"
        path.write_text(man_page(ctx), "utf-8")
        written.append(path)
    return written


def _related(ctx: click.Context) -> list[str]:
    group = ctx.command
    below = group.list_commands(ctx) if isinstance(group, click.Group) else []
    names = [f"{ctx.command_path.replace(' ', '-')}-{name}" for name in below]
    if ctx.parent is not None:
        names.insert(0, ctx.parent.command_path.replace(" ", "-"))
    return [f".BR {_roff(name)} (1)" + ("," if name != names[-1] else "") for name in names]


def _roff(text: str) -> str:
    """Escape what roff would read: backslashes, hyphens of options, a leading dot or quote."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines) + "\n"


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", "\\|")


def _default(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(map(str, value)) if isinstance(value, tuple) else "" if value is None else str(value)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["man", where]:
            write_man_pages(Path(where))
        case ["docs", *files]:
            for file in files:
                Path(file).write_text(renewed(Path(file).read_text("utf-8")), "utf-8")
        case _:
            sys.exit("usage: python -m daemon.cli.reference man DIR | docs FILE...")
