"""The exclude matcher: git itself is the oracle of what a pattern means."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from capabilities import require
from catalog.errors import InvalidValue
from daemon.excludes import BUILT_IN, Excludes


@pytest.mark.parametrize(
    ("path", "is_dir"),
    [
        (b"@eaDir", True),
        (b"2019/@eaDir", True),
        (b".Trash-1000", True),
        (b"lost+found", True),
        (b"a/.DS_Store", False),
        (b"a/Thumbs.db", False),
        (b"#recycle", True),
        (b"$RECYCLE.BIN", True),
        (b"System Volume Information", True),
        (b".glassine", True),
        (b"a/b/IMG_1.jpg.part", False),
        (b"x.tmp", False),
        (b"~$report.docx", False),
        (b".~lock.x#", False),
        (b"._IMG_1.JPG", False),
        (b"node_modules", True),
        (b"new\nline/.cache", True),
        (b"\xff\xfe.tmp", False),
    ],
)
def test_system_litter_is_left_out_on_every_level(path: bytes, is_dir: bool) -> None:
    excludes = Excludes()
    assert excludes.excludes(path, path.rpartition(b"/")[2], is_dir=is_dir)
    assert excludes.explain(path, is_dir=is_dir).origin == "built-in"


@pytest.mark.parametrize(
    ("path", "is_dir"),
    [
        (b"2019/IMG_1.JPG", False),
        (b".hidden", True),
        (b".hidden/IMG_1.jpg", False),
        (b"lost+found", False),  # a file of that name is no litter
        (b"tmp", True),
        (b"x.tmp\n", False),
        (b"my.Trash", True),
        (b"\xff\xfe.jpg", False),
    ],
)
def test_photos_stay_also_in_hidden_directories(path: bytes, is_dir: bool) -> None:
    excludes = Excludes()
    assert not excludes.excludes(path, path.rpartition(b"/")[2], is_dir=is_dir)
    assert excludes.explain(path, is_dir=is_dir).rule is None


def test_explain_names_the_rule_its_origin_and_the_directory_that_it_hit() -> None:
    excludes = Excludes(["/private/", "*.xcf"], ["raw/*.tif"])
    private = excludes.explain(b"private/deep/IMG.jpg", is_dir=False)
    assert (private.is_excluded, private.rule, private.origin, private.path) == (
        True,
        "/private/",
        "volume",
        b"private",
    )
    assert excludes.explain(b"raw/a.tif", is_dir=False).origin == "configuration"
    assert not excludes.explain(b"other/private/IMG.jpg", is_dir=False).is_excluded


def test_a_later_origin_takes_an_entry_back_in() -> None:
    excludes = Excludes(["!.cache/"], ["*.jpg"])
    answer = excludes.explain(b".cache", is_dir=True)
    assert (answer.is_excluded, answer.rule, answer.origin) == (False, "!.cache/", "volume")
    assert not excludes.excludes(b".cache", b".cache", is_dir=True)
    assert excludes.excludes(b"a.jpg", b"a.jpg", is_dir=False)


def test_taking_a_directory_back_in_does_not_take_its_litter_back_in() -> None:
    excludes = Excludes(["!keep/"])
    assert excludes.excludes(b"keep/x.tmp", b"x.tmp", is_dir=False)


def test_nomedia_hides_what_lies_in_the_directory_and_below() -> None:
    excludes = Excludes()
    answer = excludes.explain(b"a/b/x.jpg", is_dir=False, has_nomedia=lambda path: path == b"a")
    assert (answer.is_excluded, answer.origin, answer.path) == (True, ".nomedia", b"a")
    assert not excludes.explain(b"a", is_dir=True, has_nomedia=lambda path: path == b"a").is_excluded


def test_a_pattern_that_makes_no_sense_is_named() -> None:
    with pytest.raises(InvalidValue, match="!"):
        Excludes(["!"])


_words = st.text(alphabet="ab.*?", min_size=1, max_size=4).filter(lambda text: "**" not in text)
_patterns = st.builds(
    lambda negation, slash, words, end: negation + slash + "/".join(words) + end,
    st.sampled_from(["", "", "!"]),
    st.sampled_from(["", "", "/"]),
    st.lists(_words, min_size=1, max_size=2),
    st.sampled_from(["", "", "/", "/**"]),
)
_names = st.text(alphabet="abc.", min_size=1, max_size=4).filter(lambda name: name not in (".", ".."))


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    require("git")
    path = tmp_path_factory.mktemp("git")
    subprocess.run(["git", "init", "-q", path], check=True)
    return path


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    patterns=st.lists(_patterns, min_size=1, max_size=4),
    paths=st.lists(
        st.lists(_names, min_size=1, max_size=3).map("/".join), min_size=1, max_size=20, unique=True
    ),
)
def test_git_agrees_about_every_pattern_and_path(
    repository: Path, patterns: list[str], paths: list[str]
) -> None:
    (repository / ".git/info/exclude").write_text("\n".join([*BUILT_IN, *patterns]) + "\n")
    asked = "".join(f"{path}\0" for path in paths)
    answer = subprocess.run(
        ["git", "check-ignore", "--no-index", "-z", "--stdin"],
        cwd=repository,
        input=asked,
        capture_output=True,
        text=True,
    )
    assert answer.returncode in (0, 1), answer.stderr
    excludes = Excludes(patterns)
    ours = {path for path in paths if excludes.explain(os.fsencode(path), is_dir=False).is_excluded}
    assert ours == set(filter(None, answer.stdout.split("\0")))


@given(patterns=st.lists(_patterns, max_size=4), name=_names)
def test_the_fast_way_and_the_explained_way_agree(patterns: list[str], name: str) -> None:
    excludes = Excludes(patterns)
    raw = os.fsencode(name)
    for is_dir in (False, True):
        assert excludes.excludes(raw, raw, is_dir=is_dir) == excludes.explain(raw, is_dir=is_dir).is_excluded
