"""The configuration table: strict, typed, and honest about where a value came from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from catalog.errors import ConfigError
from daemon.config import KEYS, Key, load_config
from daemon.view_options import tree_options
from vfs.inodes import Fixed
from vfs.options import VIEW_NAMES, TreeOptions

# CLI.md, last paragraph: the keys that users of such systems know.
KNOWN_DEFAULTS = {
    "scan.quick_interval_s": 60,
    "scan.full_interval_network_h": 1,
    "scan.full_interval_local_h": 24,
    "scan.page_size": 500,
    "scan.missing_cap": 200,
    "scan.excludes": (),
    "trash.retention_days": 30,
    "trash.auto_purge": True,
    "memories.exclude": (),
    "memories.years_back": 20,
    "workers.media": 0,
    "log.level": "info",
    "dav.host": "127.0.0.1",
    "dav.port": 8180,
    "views.recent_days": 30,
}


@dataclass(frozen=True)
class Place:
    config_path: Path


def place(tmp_path: Path, text: str | None) -> Place:
    path = tmp_path / "config.toml"
    if text is not None:
        path.write_text(text, "utf-8")
    return Place(path)


def test_without_a_file_every_key_has_its_default(tmp_path: Path) -> None:
    config = load_config(place(tmp_path, None), {})
    assert {name: config.value(name) for name in KEYS} == {name: key.default for name, key in KEYS.items()}
    assert {config.origin(name) for name in KEYS} == {"default"}


def test_the_keys_that_users_know_exist_with_the_promised_defaults() -> None:
    assert {name: KEYS[name].default for name in KNOWN_DEFAULTS} == KNOWN_DEFAULTS
    assert {"library.zone", "thumbnails.sizes", "limits.readers", "limits.writers"} <= KEYS.keys()


@pytest.mark.parametrize("key", KEYS.values(), ids=lambda key: key.name)
def test_every_key_has_help_and_a_valid_default(key: Key) -> None:
    assert key.help
    assert not key.help.endswith(".")
    default = key.default
    if default is not None:
        raw = list(default) if isinstance(default, tuple) else default
        assert key.parse.check(raw) == default


def test_numbers_without_a_unit_in_their_name_say_it(tmp_path: Path) -> None:
    for name, key in KEYS.items():
        if name.endswith(("_s", "_h", "_days", "_mib_per_s")):
            assert key.unit


def test_the_file_overrides_the_default_and_the_environment_overrides_the_file(tmp_path: Path) -> None:
    library = place(tmp_path, '[dav]\nport = 81\nhost = "::1"\n[scan]\nexcludes = ["*.bak"]\n')
    config = load_config(
        library, {"GLASSINE_DAV_PORT": "82", "GLASSINE_LIBRARY": "/x", "GLASSINE_CACHE": "/y", "HOME": "/h"}
    )
    assert (config.dav.port, config.origin("dav.port")) == (82, "GLASSINE_DAV_PORT")
    assert (config.dav.host, config.origin("dav.host")) == ("::1", "config.toml")
    assert config.scan.excludes == ("*.bak",)
    assert config.origin("dav.enabled") == "default"


def test_every_key_can_be_set_from_the_environment(tmp_path: Path) -> None:
    samples = {int: "1", bool: "no", str: "info", tuple: "", type(None): ""}
    own = {"thumbnails.sizes": "100, 200", "previews.cache_max": "800 MiB"}
    for key in KEYS.values():
        text = own.get(key.name, samples[type(key.default)])
        load_config(None, {key.env: text})
    config = load_config(None, {"GLASSINE_THUMBNAILS_SIZES": "100, 200", "GLASSINE_TRASH_AUTO_PURGE": "off"})
    assert config.thumbnails.sizes == (100, 200)
    assert config.trash.auto_purge is False


@pytest.mark.parametrize(
    ("text", "named", "near"),
    [
        ("[scan]\nquick_intervall_s = 3", "scan.quick_intervall_s", "scan.quick_interval_s"),
        ("[scam]\n", "[scam]", "scan"),
        ("port = 3", "[port]", None),
    ],
)
def test_an_unknown_key_is_an_error_that_names_it_and_the_nearest(
    tmp_path: Path, text: str, named: str, near: str | None
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(place(tmp_path, text), {})
    assert named in caught.value.message
    assert near is None or near in str(caught.value.hint)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    "text",
    [
        '[scan]\nquick_interval_s = "60"', "[scan]\nquick_interval_s = 0", "[scan]\nquick_interval_s = true", "[scan]\nquick_interval_s = 1.5",
        "[dav]\nport = 70000", "[dav]\nhost = 5", '[dav]\nenabled = "yes"', '[log]\nlevel = "loud"', '[scan]\nexcludes = "x"', "[scan]\nexcludes = [1]",
        '[thumbnails]\nsizes = [256, "512"]', '[library]\nzone = "Europe/Atlantis"', "scan = 5", "[scan", "[library]\nzone = 3", '[library]\nzone = "../etc"',
    ],
)  # fmt: skip
def test_a_value_of_another_type_is_an_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError):
        load_config(place(tmp_path, text), {})


def test_wrong_variables_of_the_environment_are_errors_too() -> None:
    with pytest.raises(ConfigError, match="GLASSINE_DAV_PROT") as caught:
        load_config(None, {"GLASSINE_DAV_PROT": "1"})
    assert caught.value.hint == "Did you mean GLASSINE_DAV_PORT?"
    with pytest.raises(ConfigError, match="GLASSINE_DAV_PORT"):
        load_config(None, {"GLASSINE_DAV_PORT": "many"})


def test_a_file_that_cannot_be_read_is_an_error_not_a_default(tmp_path: Path) -> None:
    (tmp_path / "config.toml").mkdir()
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(place(tmp_path, None), {})


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("5 GB", 5 * 10**9), ("1.5 GiB", 3 * 2**29), ("800mb", 8 * 10**8), ("0", 0), ("12 b", 12)],
)
def test_a_size_is_a_number_and_a_unit(tmp_path: Path, text: str, wanted: int) -> None:
    config = load_config(place(tmp_path, f'[previews]\ncache_max = "{text}"\n'), {})
    assert config.previews.cache_most_bytes == wanted


@pytest.mark.parametrize("text", ['"5"', '"lots"', '"-1 GB"', '"5 XB"', "5", "true", '""'])
def test_a_size_without_a_unit_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match="cache_max"):
        load_config(place(tmp_path, f"[previews]\ncache_max = {text}\n"), {})


def test_a_view_can_be_renamed_or_switched_off(tmp_path: Path) -> None:
    config = load_config(place(tmp_path, '[views]\nalbums = "Alben"\ncameras = ""\n'), {})
    assert (config.views.albums, config.views.cameras, config.views.tags) == ("Alben", None, "Tags")
    options = tree_options(config)
    assert options.names[Fixed.ALBUMS] == "Alben"
    assert Fixed.CAMERAS not in options.names
    assert list(options.names) == [fixed for fixed in VIEW_NAMES if fixed is not Fixed.CAMERAS]


def test_without_a_configuration_the_tree_looks_as_it_is_documented() -> None:
    assert tree_options(load_config(None, {})) == TreeOptions()


def test_memories_take_queries_and_a_mistake_in_one_is_an_error(tmp_path: Path) -> None:
    config = load_config(
        place(tmp_path, '[memories]\nexclude = ["tag=ex", "rating<=2"]\nyears_back = 3\n'), {}
    )
    options = tree_options(config)
    assert options.memories_excludes == ("tag=ex", "rating<=2")
    assert options.memories_years_back == 3
    with pytest.raises(ConfigError, match=r"memories\.exclude"):
        load_config(place(tmp_path, '[memories]\nexclude = ["raiting=2"]\n'), {})


@pytest.mark.parametrize(
    "name", [".Albums", "_Albums", "a/b", "a:b", "CON", " x", "x.", "a\\u0000b", "n" * 300, "..", "\\u202Ex"]
)
def test_a_view_has_a_name_that_every_system_takes(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=r"views\.albums"):
        load_config(place(tmp_path, f'[views]\nalbums = "{name}"\n'), {})


def test_two_views_never_have_one_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"views\.albums and views\.tags"):
        load_config(place(tmp_path, '[views]\ntags = "ALBUMS"\n'), {})
    swapped = load_config(place(tmp_path, '[views]\ntags = "Albums"\nalbums = "Tags"\n'), {})
    assert (swapped.views.tags, swapped.views.albums) == ("Albums", "Tags")
