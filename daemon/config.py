"""The configuration: one table, read once into frozen values.

Every key is a field below: its default, its unit, what it may be and what it is for stand in one place. A value
comes, in rising rank, from the default, from `config.toml` in the library, from `GLASSINE_<SECTION>_<KEY>` in the
environment. Strict: an unknown section or key, or a value of another type, is a ConfigError that names it.
Packages get the few values they need, never the whole. This module reads no catalog and knows no click.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Protocol

from catalog.errors import ConfigError

LATER = "(used from the Layer issue on)"
_ENV_PREFIX = "GLASSINE_"
# Names of ours in the environment that are no keys (see CLI.md); they share a prefix with a section.
_ENV_RESERVED = frozenset({"GLASSINE_LIBRARY", "GLASSINE_CACHE"})


class HasConfigPath(Protocol):
    """What `load_config` needs of `catalog.library.Library`."""

    @property
    def config_path(self) -> Path:
        """Where `config.toml` lies or would lie."""


@dataclass(frozen=True, slots=True)
class Parser:
    """How a value is read: `expected` in words, `check` for a TOML value (raises ValueError), `from_text` for the
    environment's text -> what TOML would hold (may raise ValueError too)."""

    expected: str
    check: Callable[[Any], Any]
    from_text: Callable[[str], object] = str


def _refuse() -> Any:
    raise ValueError


def _integer(low: int, high: int) -> Parser:
    def check(raw: Any) -> int:
        is_integer = isinstance(raw, int) and not isinstance(raw, bool)
        return int(raw) if is_integer and low <= raw <= high else int(_refuse())

    return Parser(f"a whole number from {low} to {high}", check, int)


def _boolean_from_text(text: str) -> bool:
    words = {
        "true": True,
        "yes": True,
        "on": True,
        "1": True,
        "false": False,
        "no": False,
        "off": False,
        "0": False,
    }
    return words[text.lower()] if text.lower() in words else bool(_refuse())


def _one_of(*words: str) -> Parser:
    return Parser(f"one of {', '.join(words)}", lambda raw: raw if raw in words else _refuse())


_SIZE_UNITS = {
    "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12, "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40,
}  # fmt: skip
_SIZE = re.compile(r"(\d{1,6}(?:\.\d{1,3})?) ?([a-z]{1,3})")


def size_bytes(text: str) -> int:
    """Return how many bytes a text like `5 GB` means; ValueError if it is none."""
    match = _SIZE.fullmatch(text.strip().lower())
    if text.strip() == "0":
        return 0
    if match is None or match[2] not in _SIZE_UNITS:
        raise ValueError(text)
    return int(float(match[1]) * _SIZE_UNITS[match[2]])


def _check_size(raw: Any) -> str:
    if raw == 0 and not isinstance(raw, bool):
        return "0"
    text = raw if isinstance(raw, str) else _refuse()
    size_bytes(text)
    return str(text)


def _check_zone(raw: Any) -> str | None:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(raw).key if raw else None
    except (ZoneInfoNotFoundError, TypeError, OSError) as error:
        raise ValueError from error


def _check_view_name(raw: Any) -> str | None:
    from catalog.names import clean_label

    if not isinstance(raw, str) or (raw and clean_label(raw) != raw):
        _refuse()
    return raw or None


def _check_query(raw: Any) -> str:
    from datetime import date

    from catalog.errors import InvalidQuery
    from catalog.query import parse

    try:
        # Whether it is a query does not depend on the day.
        parse(raw if isinstance(raw, str) else _refuse(), today=date(2000, 1, 1))
    except InvalidQuery as error:
        raise ValueError from error
    return str(raw)


def _list_of(item: Parser) -> Parser:
    def check(raw: Any) -> tuple[Any, ...]:
        return tuple(item.check(element) for element in (raw if isinstance(raw, list) else _refuse()))

    def from_text(text: str) -> list[object]:
        return [item.from_text(part.strip()) for part in text.split(",") if part.strip()]

    return Parser(f"a list; each element {item.expected}", check, from_text)


_boolean = Parser(
    "true or false", lambda raw: raw if isinstance(raw, bool) else _refuse(), _boolean_from_text
)
_size = Parser('a size like "5 GB" or "800 MiB"; 0 = none', _check_size)
_text = Parser("a text", lambda raw: raw if isinstance(raw, str) else _refuse())
_optional_text = Parser("a text", lambda raw: (raw or None) if isinstance(raw, str) else _refuse())
_zone = Parser("a time zone of the IANA database, like Europe/Berlin", _check_zone)
_view_name = Parser(
    "a name for a folder that every system takes, not beginning with a dot or _; empty = switched off",
    _check_view_name,
)
_query = Parser('a query (see "glassine help query")', _check_query)


def _setting(default: Any, parse: Parser, help_text: str, *, unit: str | None = None) -> Any:
    return field(default=default, metadata={"parse": parse, "help": help_text, "unit": unit})


def _view(name: str, what: str) -> Any:
    return _setting(name, _view_name, f"Name of the folder of {what}; empty = switched off")


@dataclass(frozen=True, slots=True)
class LibrarySection:
    """[library]"""

    zone: str | None = _setting(
        None, _zone, "Time zone given to `init`; fixed from then on. Default: that of the system"
    )


@dataclass(frozen=True, slots=True)
class ScanSection:
    """[scan]"""

    quick_interval_s: int = _setting(
        60, _integer(1, 86_400), "Between two looks at directory times", unit="s"
    )
    full_interval_local_h: int = _setting(
        24, _integer(1, 8_760), "Between two complete scans of a local disk", unit="h"
    )
    full_interval_network_h: int = _setting(
        1, _integer(1, 8_760), "Between two complete scans of a network file system", unit="h"
    )
    page_size: int = _setting(
        500, _integer(1, 10_000), "Locations looked at per step of the missing rule", unit="files"
    )
    missing_cap: int = _setting(
        200,
        _integer(1, 1_000_000),
        "Most rows of missing files that go in one tick of the missing rule, and most called missing in one step",
        unit="files",
    )
    missing_tick_s: int = _setting(
        3_600, _integer(1, 604_800), "Between two ticks of the missing rule", unit="s"
    )
    missing_guard_percent: int = _setting(
        10,
        _integer(0, 100),
        "Above this part of a volume missing, and above 50 files, their rows wait for `volume accept-empty`",
        unit="%",
    )
    excludes: tuple[str, ...] = _setting(
        (), _list_of(_text), "Patterns (gitignore syntax) left out on every volume, beside the built-in ones"
    )
    hash_mib_per_s: int = _setting(
        0,
        _integer(0, 1_000_000),
        "Most bytes read per second and volume for hashes; 0 = no limit",
        unit="MiB/s",
    )


@dataclass(frozen=True, slots=True)
class VerifySection:
    """[verify]"""

    every_days: int = _setting(
        30,
        _integer(0, 36_500),
        "Let the daemon compare every file with its hash this often; 0 = never",
        unit="days",
    )
    time_limit_min: int = _setting(
        120, _integer(1, 100_000), "Longest run of it in a day; the next day's goes on", unit="min"
    )
    mib_per_s: int = _setting(
        0, _integer(0, 1_000_000), "Most bytes it reads per second and volume; 0 = no limit", unit="MiB/s"
    )


@dataclass(frozen=True, slots=True)
class WorkersSection:
    """[workers]"""

    media: int = _setting(
        0, _integer(0, 256), "Processes that read media files; 0 = one per core", unit="processes"
    )


@dataclass(frozen=True, slots=True)
class LimitsSection:
    """[limits]"""

    readers: int = _setting(
        8, _integer(1, 256), "Catalog connections that each frontend reads with", unit="connections"
    )
    writers: int = _setting(
        32, _integer(1, 1_024), "Clients whose edits the daemon takes at once; more must wait", unit="clients"
    )


@dataclass(frozen=True, slots=True)
class MountSection:
    """[mount]"""

    point: str | None = _setting(None, _optional_text, "Where `up` mounts the tree; empty = nowhere")
    allow_other: bool = _setting(False, _boolean, "Let other users of this machine see the mount")


@dataclass(frozen=True, slots=True)
class DavSection:
    """[dav]"""

    enabled: bool = _setting(True, _boolean, "Start WebDAV with `up`")
    host: str = _setting("127.0.0.1", _text, "Address to listen on; other than loopback needs a user and TLS")
    port: int = _setting(8180, _integer(0, 65_535), "Port to listen on; 0 = any free one")
    tls_cert: str | None = _setting(None, _optional_text, "Certificate chain, PEM")
    tls_key: str | None = _setting(None, _optional_text, "Private key, PEM")
    tls_self_signed: bool = _setting(False, _boolean, "Make and keep a certificate of our own")
    host_names: tuple[str, ...] = _setting(
        (), _list_of(_text), "Host names that clients may use, beside addresses and the machine's own name"
    )


@dataclass(frozen=True, slots=True)
class LogSection:
    """[log]"""

    level: str = _setting("info", _one_of("debug", "info", "warning", "error"), "Least level that is logged")


@dataclass(frozen=True, slots=True)
class ViewsSection:
    """[views]: each view can be renamed, or switched off by an empty name."""

    recent_days: int = _setting(30, _integer(1, 3_650), "Days that Recent/ looks back", unit="days")
    timeline: str | None = _view("Timeline", "by day of capture")
    recent: str | None = _view("Recent", "what came lately")
    memories: str | None = _view("Memories", "this time of the year, years ago")
    albums: str | None = _view("Albums", "albums")
    searches: str | None = _view("Searches", "saved searches")
    search: str | None = _view("Search", "any query as a folder")
    tags: str | None = _view("Tags", "tags")
    people: str | None = _view("People", "persons")
    places: str | None = _view("Places", "countries, regions and cities")
    favorites: str | None = _view("Favorites", "favourites")
    ratings: str | None = _view("Ratings", "ratings")
    types: str | None = _view("Types", "kinds of files")
    cameras: str | None = _view("Cameras", "cameras")
    stacks: str | None = _view("Stacks", "photos that belong together")
    previews: str | None = _view("Previews", "what is embedded in photos, below the same folders")
    originals: str | None = _view("Originals", "the volumes as they are")
    offline: str | None = _view("Offline", "what cannot be opened now")
    trash: str | None = _view("Trash", "trashed photos")


@dataclass(frozen=True, slots=True)
class TrashSection:
    """[trash]"""

    retention_days: int = _setting(
        30,
        _integer(0, 36_500),
        "Days that a photo is in the trash before its files may be purged, on writable volumes alone",
        unit="days",
    )
    auto_purge: bool = _setting(
        True, _boolean, "Let the daemon purge what is over that; false = by hand only"
    )
    interval_s: int = _setting(
        3_600, _integer(1, 604_800), "Between two looks of the daemon at the trash", unit="s"
    )


@dataclass(frozen=True, slots=True)
class BackupSection:
    """[backup]"""

    enabled: bool = _setting(True, _boolean, "Let the daemon back the catalog up")
    interval_h: int = _setting(24, _integer(1, 8_760), "Between two backups", unit="h")
    keep: int = _setting(7, _integer(1, 10_000), "Backups that are kept at most", unit="backups")
    max_age_days: int = _setting(
        90, _integer(1, 36_500), "Age at which a backup goes; the newest good one stays", unit="days"
    )
    directory: str | None = _setting(
        None, _optional_text, "Where backups lie. Default: backups/ in the library; better: on another disk"
    )


@dataclass(frozen=True, slots=True)
class MemoriesSection:
    """[memories]"""

    years_back: int = _setting(20, _integer(1, 200), "Years that Memories/ looks back", unit="years")
    exclude: tuple[str, ...] = _setting((), _list_of(_query), "Queries whose photos Memories/ leaves out")


@dataclass(frozen=True, slots=True)
class PreviewsSection:
    """[previews]"""

    cache_max: str = _setting(
        "5 GB", _size, "Most that copies of embedded previews may take in the cache; 0 = none are kept"
    )
    seed_thumbnails: bool = _setting(
        True,
        _boolean,
        "Put thumbnails of a folder of the mount that is opened where file managers look for them",
    )

    @property
    def cache_most_bytes(self) -> int:
        """`cache_max` in bytes."""
        return size_bytes(self.cache_max)


@dataclass(frozen=True, slots=True)
class ThumbnailsSection:
    """[thumbnails]"""

    sizes: tuple[int, ...] = _setting(
        (256, 1024), _list_of(_integer(16, 8_192)), f"Longer edges of the thumbnails made {LATER}", unit="px"
    )


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration; `origins` says for each `section.key` where its value came from.

    An origin is `default`, `config.toml`, or the name of an environment variable.
    """

    library: LibrarySection = field(default_factory=LibrarySection)
    scan: ScanSection = field(default_factory=ScanSection)
    verify: VerifySection = field(default_factory=VerifySection)
    workers: WorkersSection = field(default_factory=WorkersSection)
    limits: LimitsSection = field(default_factory=LimitsSection)
    mount: MountSection = field(default_factory=MountSection)
    dav: DavSection = field(default_factory=DavSection)
    log: LogSection = field(default_factory=LogSection)
    views: ViewsSection = field(default_factory=ViewsSection)
    trash: TrashSection = field(default_factory=TrashSection)
    backup: BackupSection = field(default_factory=BackupSection)
    memories: MemoriesSection = field(default_factory=MemoriesSection)
    previews: PreviewsSection = field(default_factory=PreviewsSection)
    thumbnails: ThumbnailsSection = field(default_factory=ThumbnailsSection)
    origins: Mapping[str, str] = field(default_factory=dict)

    def origin(self, name: str) -> str:
        """Return where the value of `section.key` came from."""
        return self.origins.get(name, "default")

    def value(self, name: str) -> Any:
        """Return the value of `section.key`."""
        section, key = name.split(".")
        return getattr(getattr(self, section), key)


@dataclass(frozen=True, slots=True)
class Key:
    """One row of the table."""

    name: str
    default: Any
    parse: Parser
    unit: str | None
    help: str

    @property
    def env(self) -> str:
        """The name of the environment variable that sets it."""
        return _ENV_PREFIX + self.name.replace(".", "_").upper()


_SECTIONS: dict[str, type] = {
    "library": LibrarySection,
    "scan": ScanSection,
    "verify": VerifySection,
    "workers": WorkersSection,
    "limits": LimitsSection,
    "mount": MountSection,
    "dav": DavSection,
    "log": LogSection,
    "views": ViewsSection,
    "trash": TrashSection,
    "backup": BackupSection,
    "memories": MemoriesSection,
    "previews": PreviewsSection,
    "thumbnails": ThumbnailsSection,
}


def _rows() -> Iterator[Key]:
    for section, cls in _SECTIONS.items():
        for item in fields(cls):
            meta = item.metadata
            yield Key(f"{section}.{item.name}", item.default, meta["parse"], meta["unit"], meta["help"])


KEYS: dict[str, Key] = {key.name: key for key in _rows()}


def load_config(library: HasConfigPath | None, environ: Mapping[str, str] | None = None) -> Config:
    """Read the configuration of a library.

    Args:
        library: whose `config.toml` is read if it exists; None = defaults and environment only.
        environ: the environment; None = that of the process.

    Raises:
        ConfigError: unknown key, bad value, file that is not TOML or cannot be read. It names key and file.
    """
    chosen: dict[str, tuple[Any, str]] = {}
    if library is not None:
        chosen.update(_from_file(library.config_path))
    chosen.update(_from_environment(os.environ if environ is None else environ))
    by_section: dict[str, dict[str, Any]] = {section: {} for section in _SECTIONS}
    for name, (value, _) in chosen.items():
        section, key = name.split(".")
        by_section[section][key] = value
    sections: dict[str, Any] = {section: cls(**by_section[section]) for section, cls in _SECTIONS.items()}
    _require_distinct(sections["views"])
    return Config(**sections, origins={name: origin for name, (_, origin) in chosen.items()})


def _require_distinct(views: ViewsSection) -> None:
    """No two views may have one name, whatever the case: WebDAV folds it."""
    from catalog.names import fold

    key_by_name: dict[str, str] = {}
    for item in fields(views):
        name = getattr(views, item.name)
        if not isinstance(name, str):
            continue
        other = key_by_name.setdefault(fold(name), item.name)
        if other != item.name:
            raise ConfigError(
                f"views.{other} and views.{item.name} have one name: {name!r}", key=f"views.{item.name}"
            )


def _from_file(path: Path) -> dict[str, tuple[Any, str]]:
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}", path=str(path)) from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}", path=str(path)) from error
    found: dict[str, tuple[Any, str]] = {}
    for section, content in document.items():
        if section not in _SECTIONS:
            raise _unknown(f"[{section}]", str(path), section, tuple(_SECTIONS))
        if not isinstance(content, dict):
            raise ConfigError(
                f"{path}: {section} must be a section: [{section}]", path=str(path), key=section
            )
        for key, raw in content.items():
            name = f"{section}.{key}"
            if name not in KEYS:
                raise _unknown(name, str(path), name, tuple(KEYS))
            found[name] = (_parsed(KEYS[name], raw, str(path), is_text=False), "config.toml")
    return found


def _from_environment(environ: Mapping[str, str]) -> dict[str, tuple[Any, str]]:
    by_env = {key.env: key for key in KEYS.values()}
    sections = tuple(f"{_ENV_PREFIX}{section.upper()}_" for section in _SECTIONS)
    found: dict[str, tuple[Any, str]] = {}
    for variable, text in environ.items():
        if variable in by_env:
            key = by_env[variable]
            found[key.name] = (_parsed(key, text, f"environment variable {variable}", is_text=True), variable)
        elif variable.startswith(sections) and variable not in _ENV_RESERVED:
            raise _unknown(variable, "the environment", variable, tuple(by_env))
    return found


def _parsed(key: Key, raw: object, where: str, *, is_text: bool) -> Any:
    parse = key.parse
    try:
        return parse.check(parse.from_text(raw) if is_text and isinstance(raw, str) else raw)
    except ValueError as error:
        message = f"{where}: {key.name} = {raw!r} is not {parse.expected}"
        raise ConfigError(message, key=key.name, hint=f"{key.help}.") from error


def _unknown(shown: str, where: str, word: str, known: tuple[str, ...]) -> ConfigError:
    near = get_close_matches(word, known, n=1, cutoff=0.5)
    hint = f"Did you mean {near[0]}?" if near else "glassine config show lists every key."
    return ConfigError(f"unknown key {shown} in {where}", hint=hint, key=word)
