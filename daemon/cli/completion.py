"""`completion`: the script that makes a shell ask us, and the live names that we answer with.

Whatever goes wrong while a shell completes is silence, never a traceback in somebody's prompt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem, get_completion_class

from catalog.errors import GlassineError
from daemon.cli.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_obj
def completion(session: Session, shell: str) -> None:
    """Print the completion script of a shell.

    bash: eval "$(glassine completion bash)" in ~/.bashrc · zsh: the same in ~/.zshrc · fish:
    glassine completion fish > ~/.config/fish/completions/glassine.fish
    """
    from daemon.cli.main import COMPLETION_VARIABLE, PROGRAM, make_cli

    shell_class = get_completion_class(shell)
    assert shell_class is not None
    script = shell_class(make_cli(), {}, PROGRAM, COMPLETION_VARIABLE)
    source = script.source_template % script.source_vars()
    session.output.document({"shell": shell, "script": source}, source)


def complete_volume(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the names of the volumes."""
    try:
        return [CompletionItem(name) for name in _volume_names(ctx) if name.startswith(incomplete)]
    except (GlassineError, OSError):
        return []


def complete_view_path(
    ctx: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer the folders and files of the tree below what was typed so far."""
    from daemon.cli.tree import names_below

    folder, _, beginning = incomplete.rpartition("/")
    try:
        names = names_below(_session(ctx), folder, limit=200)
        return [
            CompletionItem(f"{folder}/{name}" if folder else name, type="plain")
            for name in names
            if name.startswith(beginning)
        ]
    except (GlassineError, OSError):
        return []


def complete_query(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer fields, and the values of fields that have a closed list or name a volume."""
    from catalog.query.fields import FIELDS

    name, operator, value = incomplete.partition("=")
    if not operator:
        return [
            CompletionItem(f"{field.name}=", help=field.help)
            for field in FIELDS.values()
            if field.name.startswith(name)
        ]
    choices = FIELDS[name].choices if name in FIELDS else None
    if name == "volume":
        return [CompletionItem(f"volume={item.value}") for item in complete_volume(ctx, parameter, value)]
    return [CompletionItem(f"{name}={choice}") for choice in choices or () if choice.startswith(value)]


def _session(ctx: click.Context) -> Session:
    """Return the session of the completing process; common options typed so far were not called back."""
    session = ctx.find_object(Session)
    assert session is not None
    context: click.Context | None = ctx
    while context is not None:
        session.library_option = session.library_option or context.params.get("library")
        context = context.parent
    return session


def _volume_names(ctx: click.Context) -> Iterator[str]:
    from catalog.store import volumes

    with _session(ctx).reader() as reader:
        yield from [volume.name for volume in volumes.volumes(reader)]
