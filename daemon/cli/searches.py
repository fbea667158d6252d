"""`search`: queries with a name; each is a folder of Searches/."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from catalog.errors import UsageError
from daemon.cli.choosing import carry_out, editing
from daemon.cli.completion import complete_query, complete_search
from daemon.cli.find import QueryCommand, query_text
from daemon.cli.output import instant, printable
from daemon.cli.session import Session, today

if TYPE_CHECKING:
    from catalog.commands import EditOptions
    from catalog.things import SavedSearch


@click.group(no_args_is_help=True)
def search() -> None:
    """Saved searches: queries as folders of Searches/."""


@search.command(cls=QueryCommand)
@click.argument("name", shell_complete=complete_search)
@click.argument("query", nargs=-1, required=True, shell_complete=complete_query)
@editing
@click.pass_obj
def save(session: Session, name: str, *, query: tuple[str, ...], options: EditOptions) -> None:
    """Save a query under a name: the name, then the query. It takes the place of the one of that name.

    "glassine help query" explains the language. Relative dates (-2w..) count from the day on which the folder is read.
    """
    from catalog.commands.layer import SearchSave
    from catalog.query import parse

    text = query_text(query)
    if not text.strip():
        raise UsageError("the query is empty", hint="Every photo is in the Timeline.")
    with session.reader() as reader:
        parse(text, today=today(reader))  # a mistake is told before anything is asked of the daemon
    carry_out(session, SearchSave(query_text((name,)), text), options)


@search.command()
@click.argument("name", shell_complete=complete_search)
@click.option("--yes", is_flag=True, help="Accepted; not needed, as undo brings it back.")
@editing
@click.pass_obj
def delete(session: Session, name: str, *, yes: bool, options: EditOptions) -> None:
    """Forget a saved query."""
    from catalog.commands.layer import SearchDelete

    carry_out(session, SearchDelete(name), options)


@search.command("list")
@click.pass_obj
def list_searches(session: Session) -> None:
    """List all saved queries."""
    from catalog.store.searches import searches

    with session.reader() as reader:
        found = [_document(one) for one in searches(reader)]
    found.sort(key=lambda document: (document["name"].casefold(), document["name"]))
    session.output.document(found, (f"{printable(one['name'])}: {printable(one['query'])}" for one in found))


def _document(one: SavedSearch) -> dict[str, Any]:
    return {
        "uid": one.uid,
        "name": one.name,
        "label": one.label,
        "query": one.query,
        "created_at": instant(one.created_ns),
    }
