"""What every verb that changes photos has in common: the value first, then the photos; `-n`, `--max-items`.

A verb makes a command of `catalog.commands.layer` from what was given and hands it to `carry_out`, which submits it
(to the daemon, or under the lock) and tells the answer. Nothing is judged here that the executor judges: a dry run
is the real thing, rolled back, and a cap is counted there.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from catalog.errors import UsageError
from daemon.cli.photos import PhotoArguments, chosen_photos, photo_arguments
from daemon.cli.sentences import photos_text, quoted, sentence

if TYPE_CHECKING:
    from catalog.commands import Command, EditOptions
    from daemon.cli.session import Session

# `-1h` and `-33.8,151.2` are values, although they look like options to click; `-0` is the option.
_SIGNED = re.compile(r"-(?!0[A-Za-z]*$)\.?\d.*", re.DOTALL)
_MARK = "\0"  # no argument of a process can hold it


class SignedCommand(click.Command):
    """A command whose values may begin with a minus before a digit."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Hide such values from the option parser, and show them to the command again."""
        stop = args.index("--") if "--" in args else len(args)
        hidden = [_MARK + word if _SIGNED.fullmatch(word) else word for word in args[:stop]]
        try:
            rest = super().parse_args(ctx, hidden + args[stop:])
        except click.UsageError as error:
            told = error.format_message()
            shown = told.replace(_MARK, "").replace(repr(_MARK)[1:-1], "")
            if shown == told:
                raise
            raise click.UsageError(shown, ctx=error.ctx or ctx) from error
        ctx.params = {name: _unmarked(value) for name, value in ctx.params.items()}
        return rest


def _unmarked(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(_unmarked(part) for part in value)
    return value.removeprefix(_MARK) if isinstance(value, str) else value


def editing(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a verb `-n` and `--max-items`; it gets one `EditOptions` as `options`."""

    @wraps(command)
    def run(*args: Any, dry_run: bool, max_items: int | None, **kwargs: Any) -> Any:
        from catalog.commands import EditOptions

        return command(*args, options=EditOptions(is_dry_run=dry_run, max_items=max_items), **kwargs)

    dry_run = click.option(
        "-n", "--dry-run", is_flag=True, help="Tell what would change, and change nothing."
    )
    cap = click.option(
        "--max-items", type=click.IntRange(min=0), metavar="N", help="Refuse to change more than N photos."
    )
    decorated: Callable[..., Any] = dry_run(cap(run))
    return decorated


def clearable(name: str, metavar: str, help_text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a verb `--clear`, a value before the photos (None with it), and the photos: `value` and `chosen`."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def run(*args: Any, clear: bool, chosen: PhotoArguments, **kwargs: Any) -> Any:
            value, photos = (None, chosen) if clear else _first_word(name, chosen)
            return command(*args, value=value, chosen=photos, **kwargs)

        option = click.option("--clear", is_flag=True, help=help_text)
        return photo_arguments(option(run), metavar=f"{metavar}|--clear [PHOTO]...")

    return decorate


def _first_word(name: str, chosen: PhotoArguments) -> tuple[str, PhotoArguments]:
    if not chosen.words:
        raise UsageError(f"the {name} is missing", hint=f"First the {name}, then the photos; or --clear.")
    return chosen.words[0], replace(chosen, words=chosen.words[1:])


def chosen_uids(session: Session, chosen: PhotoArguments) -> tuple[str, ...]:
    """Return the uids of the photos that the arguments name, in the order of mention, each once."""
    from catalog.store.photos import uids_of

    with session.reader() as reader:
        found = chosen_photos(session, reader, chosen)
        uids = uids_of(reader, found)
    return tuple(uids[asset_id] for asset_id in found)


def one_uid(session: Session, word: str) -> str:
    """Return the uid of the one photo that a word names."""
    chosen = PhotoArguments(words=(word,), query=None, recursive=False, from_file=None, is_zero_ended=False)
    return chosen_uids(session, chosen)[0]


def carry_out(session: Session, command: Command, options: EditOptions) -> None:
    """Have a command of the layer done and tell its answer."""
    from catalog.commands import encode

    answer = session.submit(command, options)
    session.output.document(answer, answer_text(encode(command), answer))


def answer_text(told: dict[str, Any], answer: dict[str, Any]) -> str:
    """Say for people what came of a command (its JSON form); a sentence, and how to take it back."""
    changed, unchanged = answer["changed"], answer["unchanged"]
    if answer["journal"] is None and not (answer["dry_run"] and (changed or not unchanged)):
        return f"nothing to do: {photos_text(unchanged)} already as you say" if unchanged else "nothing to do"
    said = sentence(_resolved(told, answer), changed, answer) + _new_things(answer)
    if unchanged:
        said += f"; {photos_text(unchanged)} unchanged"
    if answer["dry_run"]:
        return f"{said} (dry run: nothing was changed)"
    return f"{said} (journal {answer['journal']}; glassine undo {answer['journal']} takes it back)"


def _resolved(told: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    """Put what things are called in the place of what the user wrote: an alias, another case."""
    names = {
        name: answer[name]
        for name in ("tag", "tags", "album", "person")
        if told.get(name) and answer.get(name)
    }
    if "former" not in answer:
        return {**told, **names}
    (field, now) = next(iter(names.items()))  # a rename is about one thing
    return {**told, field: answer["former"], "name": now}


def _new_things(answer: dict[str, Any]) -> str:
    """Tell which tags, albums or persons were made on the way: a typing error is seen at once."""
    created = answer.get("created")
    person = answer.get("person")
    made = created if isinstance(created, list) else [person] if created and person else []
    return f"; new: {', '.join(quoted(name) for name in made)}" if made else ""
