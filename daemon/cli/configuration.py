"""`config check` and `config show`: the one table of `daemon.config` with values and where they came from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from daemon.cli.session import Session

if TYPE_CHECKING:
    from daemon.config import Config


@click.group(no_args_is_help=True)
def config() -> None:
    """Check and show the configuration.

    A value comes, in rising rank, from the default, from config.toml in the library, from GLASSINE_<SECTION>_<KEY>
    in the environment.
    """


@config.command()
@click.pass_obj
def check(session: Session) -> None:
    """Tell whether config.toml and the environment are valid."""
    library = session.library()
    session.config()
    data = {
        "valid": True,
        "path": str(library.config_path),
        "exists": library.config_path.exists(),
    }
    where = data["path"] if data["exists"] else "no config.toml; defaults and environment"
    session.output.document(data, f"valid: {where}")


@config.command()
@click.option("--origin", is_flag=True, help="Tell where each value came from, its default and its unit.")
@click.argument("keys", nargs=-1, metavar="[KEY]...")
@click.pass_obj
def show(session: Session, origin: bool, keys: tuple[str, ...]) -> None:
    """Show every key with its value, or the given ones; the name of a section, as scan, stands for all of its keys."""
    from daemon.config import KEYS

    loaded = session.config()
    wanted = dict.fromkeys(name for word in keys for name in _named(word)) if keys else KEYS
    rows = [_row(loaded, name, session) for name in wanted]
    session.output.document(rows, (_line(row, with_origin=origin) for row in rows))


def _named(word: str) -> list[str]:
    """Return the keys that a word names: one, or all of a section."""
    from catalog.errors import NotFound
    from daemon.config import KEYS

    found = [name for name in KEYS if name == word or name.startswith(f"{word}.")]
    if found:
        return found
    from difflib import get_close_matches

    near = get_close_matches(word, KEYS, n=1, cutoff=0.5)
    hint = f"Did you mean {near[0]}?" if near else "glassine config show lists every key."
    raise NotFound(f"there is no key {word}", hint=hint, key=word)


def _row(loaded: Config, name: str, session: Session) -> dict[str, Any]:
    from daemon.config import KEYS

    key = KEYS[name]
    value, origin = _plain(loaded.value(name)), loaded.origin(name)
    if name == "library.zone":
        with session.reader() as reader:
            value, origin = reader.zone.key, "library"
    return {
        "key": name,
        "value": value,
        "default": _plain(key.default),
        "unit": key.unit,
        "origin": origin,
        "env": key.env,
        "help": key.help,
    }


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _line(row: dict[str, Any], *, with_origin: bool) -> str:
    line = f"{row['key']} = {_toml(row['value'])}"
    if with_origin:
        unit = f" {row['unit']}" if row["unit"] else ""
        line += f"  ({row['origin']}; default {_toml(row['default'])}{unit})"
    return line


def _toml(value: object) -> str:
    import json

    return '""' if value is None else json.dumps(value, ensure_ascii=False)
