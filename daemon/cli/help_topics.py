"""`help`: a verb's help, or a topic that no single verb explains."""

from __future__ import annotations

import click

from catalog.errors import NotFound, all_errors
from daemon.cli.session import Session


def query_topic() -> str:
    """The query language, from the table of fields."""
    from catalog.query.fields import FIELDS, HAS, IS

    lines = [
        "A query is words and terms; a space between them means that all must hold.",
        "",
        "  beach            a word of the name, title, description, tags, people or places begins so",
        '  "at the sea"     these words in a row in one of them, the last as far as it is written',
        "  field:value      the same as field=value; texts match anywhere in the value, without regard to case",
        "  IMG_*            * stands for anything; then the whole value must match",
        "  tag=animals      a tag or album by its path or the end of it, with everything below; tag=animals/* below alone",
        "  a|b  A OR B      either; OR binds less than the space",
        "  -term  NOT term  the contrary",
        "  ( ) ' ' \" \"      group; quotes keep spaces and | * literal",
        "  2019-08..2020    ranges of dates and numbers, open at one end if you like; >= > < <= work too",
        "  -2w..            dates relative to today: d, w, m, y",
        "",
        "Case and accents do not matter in words (cafe finds Café); Chinese, Japanese and Thai are found by their characters.",
        "Trashed, hidden and missing photos are left out unless the query says is:trashed, is:hidden, is:missing, is:any.",
        "In a shell, quote queries that hold spaces, quotes, | < > or *.",
        "",
        "Fields:",
    ]
    lines += [f"  {field.name:<11} {field.help}  {field.example}" for field in FIELDS.values()]
    for name, words in (("has", HAS), ("is", IS)):
        lines += ["", f"{name}:"] + [f"  {word:<11} {what}" for word, what in words.items()]
    return "\n".join(lines)


def errors_topic() -> str:
    """The registry of error codes."""
    rows = [f"  {error.exit_code:>3}  {error.code:<18} {_first_line(error)}" for error in all_errors()]
    return "\n".join(["exit  code               meaning", *rows])


def _first_line(error: type) -> str:
    return (error.__doc__ or "").strip().splitlines()[0]


TOPICS = {"query": query_topic, "errors": errors_topic}


@click.command("help")
@click.argument("words", nargs=-1, metavar="[VERB|TOPIC]...")
@click.pass_context
def help_command(ctx: click.Context, words: tuple[str, ...]) -> None:
    """Explain a verb or a topic (query, errors)."""
    session = ctx.find_object(Session)
    assert session is not None
    is_topic = len(words) == 1 and words[0] in TOPICS
    text = TOPICS[words[0]]() if is_topic else _help_of(ctx.find_root(), words)
    session.output.document({"command": " ".join(words) or "glassine", "help": text}, text)


def _help_of(ctx: click.Context, words: tuple[str, ...]) -> str:
    for word in words:
        group = ctx.command
        command = group.get_command(ctx, word) if isinstance(group, click.Group) else None
        if command is None:
            raise NotFound(
                f"there is no help about {' '.join(words)}", hint=f"Topics: {', '.join(TOPICS)}; or any verb."
            )
        ctx = click.Context(command, info_name=word, parent=ctx)
    return ctx.get_help()
