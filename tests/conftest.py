"""What every test shares: capabilities, the sacred originals, parts of the suite, and the guard over logs.

- `from capabilities import require`: `require("fuse")` is the one way to skip; under CI it fails instead.
- `originals` is a copy of the corpus (or the sample library) whose every byte, time, mode and attribute must be the
  same at the end of the session; `corpus_copy` is one to change at will.
- A warning in the log that a test did not announce with `@pytest.mark.allows_log("pattern")` fails it.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from capabilities import require
from sacred import copy_originals, fingerprints

OUR_LOGGERS = ("catalog", "vfs", "dav", "daemon")


# ---- parts: what root must do, what takes long


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--part` (./test runs the suite as a user, and once more as root for what needs root) and `--long`."""
    parser.addoption("--part", choices=("user", "root", "all"), default="all", help="tests for user or root")
    parser.addoption("--long", action="store_true", help="also run the long profile")


def pytest_configure(config: pytest.Config) -> None:
    """Keep hypothesis' examples out of the repository: the user of the tests may not write there."""
    config.stash[_COUNTS] = os.environ.get("GLASSINE_TEST_COUNTS")
    from hypothesis import settings

    settings.register_profile("glassine", database=None, deadline=None)
    settings.load_profile("glassine")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect what belongs to the other part; these tests are run there, not skipped."""
    part, wants_long = config.getoption("--part"), config.getoption("--long")
    kept, dropped = [], []
    for item in items:
        is_root = item.get_closest_marker("root") is not None
        in_part = part == "all" or (part == "root") == is_root
        is_wanted = in_part and (wants_long or item.get_closest_marker("long") is None)
        (kept if is_wanted else dropped).append(item)
    items[:] = kept
    config.hook.pytest_deselected(items=dropped)


_COUNTS = pytest.StashKey[str | None]()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Leave `passed failed skipped` for ./test, which adds its parts up."""
    path = config.stash[_COUNTS]
    if path is None:
        return
    counted = [
        sum(len(terminalreporter.stats.get(kind, ())) for kind in kinds)
        for kinds in (("passed", "xfailed"), ("failed", "error", "xpassed"), ("skipped",))
    ]
    Path(path).write_text(" ".join(map(str, counted)) + "\n", encoding="ascii")


@pytest.fixture(autouse=True)
def _marked_capabilities(request: pytest.FixtureRequest) -> None:
    """Turn the markers `mount` and `root` into the capability that they name."""
    for marker, capability in (("mount", "fuse"), ("root", "root")):
        if request.node.get_closest_marker(marker) is not None:
            require(capability)


# ---- the log


@pytest.fixture(autouse=True)
def _no_unexpected_log_warnings(request: pytest.FixtureRequest) -> Iterator[None]:
    marker = request.node.get_closest_marker("allows_log")
    allowed = [re.compile(pattern) for pattern in (marker.args if marker else ())]
    seen = _Warnings()
    loggers = [logging.getLogger(name) for name in OUR_LOGGERS]
    for logger in loggers:
        logger.addHandler(seen)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeHandler(seen)
    unexpected = [text for text in seen.texts if not any(pattern.search(text) for pattern in allowed)]
    assert not unexpected, f"unexpected in the log: {unexpected}"


class _Warnings(logging.Handler):
    def __init__(self) -> None:
        super().__init__(level=logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(f"{record.levelname} {record.name}: {record.getMessage()}")


# ---- originals


@pytest.fixture(scope="session")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Real files that no test may change: compared wholly, ctime included, at the end of the session."""
    root = copy_originals(tmp_path_factory.mktemp("originals") / "media")
    before = fingerprints(root)
    yield root
    after = fingerprints(root)
    touched = sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
    assert not touched, f"originals were touched: {touched[:10]}"


@pytest.fixture
def corpus_copy(tmp_path: Path) -> Path:
    """A copy of the same files for one test, to change at will."""
    return copy_originals(tmp_path / "photos")


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The generated sample library, the same for all tests of the session; not to be changed."""
    from daemon.sample.write import write_sample

    target = tmp_path_factory.mktemp("sample") / "photos"
    write_sample(target)
    return target
