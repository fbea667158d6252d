"""A large folder: browsable while it is scanned, steady under a listing that never stops, precise afterwards.

A second process lists the Timeline all the while: no error, no name that vanishes, and names are there before the
scan is over. Then one photo arrives, and the server is asked only for what lies on that photo's way.
How fast the first names come is a figure of `docs/performance.md`; nothing here measures time.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bench.photos import DATE, make_photos, templates
from product import Product, files_below, wait_until

pytestmark = [pytest.mark.mount, pytest.mark.slow]

# Hashing is slowed down to this, so that the library is still being read when its names are there.
HASH_MIB_PER_S = 20
NEW = "NEW.JPG"
NEW_DAY = "2005/2005-01/2005-01-01"
# Timeline, its three folders, the name itself, and .glassine/status.json, by which we ask.
LOOKUPS_ON_THE_WAY = 7

# The second process: lists, remembers, complains. It ends on SIGINT and says what it saw, as JSON.
LISTER = """
import json, os, signal, sys
seen, vanished, errors, rounds, is_over = set(), [], [], [], []
signal.signal(signal.SIGINT, lambda *_: is_over.append(True))
def refuse(error): errors.append(repr(error))
while not is_over or len(rounds) < 2:
    names = {os.path.join(parent, name) for parent, folders, names in os.walk(sys.argv[1], onerror=refuse) for name in names}
    vanished += sorted(seen - names)[:10]
    seen |= names
    rounds.append(len(names))
    open(sys.argv[2], "w").write(str(len(names)))
print(json.dumps({"errors": errors, "vanished": vanished, "rounds": rounds}))
"""


@contextmanager
def listing(folder: Path, progress: Path) -> Iterator[subprocess.Popen[str]]:
    """Run the lister over a folder; the block ends it, with `end_listing` or by force."""
    process = subprocess.Popen(
        [sys.executable, "-c", LISTER, str(folder), str(progress)], stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def listed(process: subprocess.Popen[str]) -> Any:
    """Let the lister finish its round and return what it saw."""
    process.send_signal(2)
    said, _ = process.communicate(timeout=120)
    return json.loads(said)


def operations(product: Product) -> Counter[str]:
    """Return how often the kernel asked the mount's server for what."""
    status = json.loads((product.mountpoint / ".glassine" / "status.json").read_text())
    return Counter(status["frontend"]["operations"])


def is_settled(product: Product) -> bool:
    """Tell whether the daemon has nothing more to read."""
    status = product.data("status")
    return not status["scanning"] and not any(status["pending"].values())


def stat_all(folder: Path) -> int:
    """Ask for the attributes of every file below a folder, so that the kernel has them; return how many."""
    return sum(1 for path in files_below(folder) if path.stat().st_size)


def add_photo(folder: Path) -> bytes:
    """Put one more photo, taken on the first day of all, into a folder of its own; return its bytes."""
    body = templates()[0].replace(DATE, b"2005:01:01 12:00:00") + b"one more"
    (folder / "new").mkdir()
    (folder / "new" / NEW).write_bytes(body)
    return body


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Product]:
    """A product without a library yet; nothing stays mounted."""
    made = Product(tmp_path / "home")
    made.home.mkdir()
    yield made
    made.detach()


def browse_while_it_grows(product: Product, photos: Path, count: int) -> None:
    """Start everything on a fresh library of `count` photos and look at it from the first moment on."""
    make_photos(photos, count)
    product.environment["GLASSINE_SCAN_HASH_MIB_PER_S"] = str(HASH_MIB_PER_S)
    product.init(photos)
    product.up()
    timeline, progress = product.mountpoint / "Timeline", product.home / "progress"
    with listing(timeline, progress) as lister:
        wait_until(lambda: progress.exists() and int(progress.read_text() or 0) > 0, what="the first names")
        assert product.data("status")["pending"]["hashes"] > 0, "the names came after all was read"
        wait_until(lambda: is_settled(product), what="everything read", deadline_s=300)
        saw = listed(lister)
    assert saw["errors"] == []
    assert saw["vanished"] == []
    assert saw["rounds"][-1] == count


def add_one_and_count_questions(product: Product, photos: Path, count: int) -> None:
    """One new photo: it is shown and right, and the kernel asks for nothing beside its way."""
    timeline = product.mountpoint / "Timeline"
    new = timeline / NEW_DAY / NEW
    assert not new.exists()
    assert stat_all(timeline) == stat_all(timeline) == count
    before = operations(product)
    body = add_photo(photos)
    wait_until(new.exists, what="the new photo in the Timeline")
    assert stat_all(timeline) == count + 1
    asked = operations(product)
    asked.subtract(before)
    assert 1 <= asked["lookup"] <= LOOKUPS_ON_THE_WAY, asked
    assert new.read_bytes() == body


def test_names_come_before_all_is_read_and_none_vanishes_and_one_new_photo_disturbs_no_other(
    product, tmp_path
):
    photos = tmp_path / "photos"
    browse_while_it_grows(product, photos, 2_000)
    add_one_and_count_questions(product, photos, 2_000)
    assert product.run("check").returncode == 0


@pytest.mark.long
def test_the_same_holds_for_twenty_thousand_photos(product, tmp_path):
    photos = tmp_path / "photos"
    browse_while_it_grows(product, photos, 20_000)
    add_one_and_count_questions(product, photos, 20_000)
    assert product.run("check").returncode == 0
