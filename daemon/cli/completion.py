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
MAX_OFFERED = 500  # nobody reads more, and a shell sorts them

# click's own script inserts names as they are: `Trip to Rome` would be three words, and `*` a pattern.
_BASH = """\
%(complete_func)s() {
    local IFS=$'\\n'
    local response completion kind value

    COMPREPLY=()
    response=$(env COMP_WORDS="${COMP_WORDS[*]}" COMP_CWORD=$COMP_CWORD %(complete_var)s=bash_complete $1)
    while IFS= read -r completion; do
        kind=${completion%%%%,*} value=${completion#*,}
        case $kind in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain)
                COMPREPLY+=("$(printf '%%q' "$value")")
                [[ $value == */ ]] && compopt -o nospace
                ;;
        esac
    done <<< "$response"
    return 0
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""


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
    # A name may hold a comma, which click's script for fish would cut at.
    template = script.source_template.replace('string split ","', 'string split -m 1 ","')
    source = (_BASH if shell == "bash" else template) % script.source_vars()
    session.output.document({"shell": shell, "script": source}, source)


def complete_volume(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the names of the volumes."""
    try:
        return [CompletionItem(name) for name in _volume_names(ctx) if name.startswith(incomplete)]
    except (GlassineError, OSError):
        return []


def complete_tag(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the paths of the tags."""
    return _offered(ctx, incomplete, "tags", "path")


def complete_album(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the paths of the albums."""
    return _offered(ctx, incomplete, "albums", "path")


def complete_person(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the names of the persons."""
    return _offered(ctx, incomplete, "persons", "name")


def complete_search(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the names of the saved searches."""
    return _offered(ctx, incomplete, "searches", "name")


def complete_zone(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the zones that this system knows."""
    from zoneinfo import available_timezones

    return [CompletionItem(name) for name in sorted(available_timezones()) if name.startswith(incomplete)]


def _offered(ctx: click.Context, incomplete: str, kind: str, name: str) -> list[CompletionItem]:
    """Offer what the things of a kind (a module of the store and its listing) are called.

    What begins as typed comes first; else whatever does when case does not matter. A name that a shell could not
    carry in one line is left out.
    """
    from importlib import import_module

    try:
        with _session(ctx).reader() as reader:
            listing = getattr(import_module(f"catalog.store.{kind}"), kind)
            names = sorted(getattr(thing, name) for thing in listing(reader))
    except (GlassineError, OSError):
        return []
    fitting = [one for one in names if one.startswith(incomplete)]
    fitting = fitting or [one for one in names if one.casefold().startswith(incomplete.casefold())]
    return [CompletionItem(one) for one in fitting[:MAX_OFFERED] if one.isprintable()]


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
