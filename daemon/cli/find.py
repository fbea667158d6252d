"""`find`: streams the photos that match a query, page by page, in the order of first sight.

One consistent snapshot per invocation; memory does not grow with the number of photos.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from catalog.errors import EXIT_NOTHING_MATCHED, EXIT_OK, NothingMatched
from daemon.cli.completion import complete_query
from daemon.cli.output import Output, printable
from daemon.cli.session import Session, today

if TYPE_CHECKING:
    from catalog.ids import AssetId
    from catalog.query import Predicate
    from catalog.store.db import Reader

PAGE = 200
# Later pages of ids are larger, as each has to gather what leads to it; documents come PAGE by PAGE all the same.
MAX_IDS = 10_000
# `-is:raw` and `-(a b)` are parts of a query, although they look like options to click.
_NEGATED = re.compile(r"-(?:[A-Za-z_]\w*[:=<>]|\(|\"|').*", re.DOTALL)
_MARK = "\0"


class QueryCommand(click.Command):
    """A command whose words may begin with `-` where that means NOT."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Hide negated terms from the option parser; `_query_text` takes the mark away."""
        stop = args.index("--") if "--" in args else len(args)
        hidden = [_MARK + word if _NEGATED.fullmatch(word) else word for word in args[:stop]]
        return super().parse_args(ctx, hidden + args[stop:])


@click.command(cls=QueryCommand)
@click.argument("query", nargs=-1, shell_complete=complete_query)
@click.option("--limit", type=click.IntRange(min=0), metavar="N", help="Stop after N photos.")
@click.option(
    "-0", "--print0", is_flag=True, help="Print the paths of the originals, each ended by a zero byte."
)
@click.option("--fail-empty", is_flag=True, help="Exit with 4 when nothing matches.")
@click.option("--help-fields", is_flag=True, help="List the fields of the query language, and stop.")
@click.pass_obj
def find(
    session: Session,
    *,
    query: tuple[str, ...],
    limit: int | None,
    print0: bool,
    fail_empty: bool,
    help_fields: bool,
) -> int:
    """Find photos.

    Several words are one query; -- ends the options. Without a query: every photo that is not trashed, hidden or
    missing. "glassine help query" explains the language.
    """
    if help_fields:
        _list_fields(session.output)
        return EXIT_OK
    from catalog.query import parse
    from daemon.view_options import view_paths

    output = session.output
    output.counts["photos"] = 0
    with session.reader() as reader:
        predicate = parse(query_text(query), today=today(reader))
        roots = _roots(reader) if print0 else {}
        paths = view_paths(session.config(), today(reader))
        for document in documents_matching(reader, predicate, limit):
            output.counts["photos"] += 1
            document["views"] = paths.all_shown(document["views"])
            if print0 and not output.is_json:
                _print_paths(output, document, roots)
            else:
                output.line("photo", document, _line(document))
    return _finish(output, is_failing=fail_empty and not output.counts["photos"])


def query_text(words: tuple[str, ...]) -> str:
    """Join the words of a command line to one query."""
    return " ".join(word.removeprefix(_MARK) for word in words)


def documents_matching(reader: Reader, predicate: Predicate, limit: int | None) -> Iterator[dict[str, Any]]:
    """Yield the documents of all photos that match; holds one page at a time."""
    from catalog.store.photos import documents

    for page in pages_matching(reader, predicate, limit):
        yield from documents(reader, page)


def pages_matching(reader: Reader, predicate: Predicate, limit: int | None) -> Iterator[list[AssetId]]:
    """Yield the ids of all photos that match, in pages."""
    from catalog.ids import AssetId
    from catalog.store.find import matching

    after, left, size = AssetId(0), limit, PAGE
    while left is None or left > 0:
        wanted = size if left is None else min(size, left)
        ids = matching(reader, predicate, after, wanted)
        for start in range(0, len(ids), PAGE):
            yield ids[start : start + PAGE]
        if len(ids) < wanted:
            return
        after, size = ids[-1], min(size * 4, MAX_IDS)
        left = None if left is None else left - len(ids)


def _finish(output: Output, *, is_failing: bool) -> int:
    error = NothingMatched("nothing matched") if is_failing else None
    output.summary(error=error)
    return EXIT_NOTHING_MATCHED if is_failing else EXIT_OK


def _line(document: dict[str, Any]) -> str:
    capture = document["capture"]
    when = capture["local"] if capture else "-"
    return f"{document['uid']}  {when:<19}  {printable(document['name'])}"


def _roots(reader: Reader) -> dict[str, bytes]:
    from catalog.store.volumes import volumes

    return {volume.name: volume.root for volume in volumes(reader)}


def _print_paths(output: Output, document: dict[str, Any], roots: dict[str, bytes]) -> None:
    from base64 import b64decode

    for location in document["locations"]:
        if location["state"] != "missing":
            path = b64decode(location["path_b64"]) if location["path_b64"] else location["path"].encode()
            output.raw(roots[location["volume"]].rstrip(b"/") + b"/" + path + b"\0")
            return


def _list_fields(output: Output) -> None:
    from catalog.query import FIELDS

    output.is_stream = False
    rows = [field.to_json() for field in FIELDS.values()]
    output.document(rows, (f"{row['name']:<11} {row['help']}  {row['example']}" for row in rows))
