"""A million mutated inputs for our own parsers in the long profile, one in a hundred of them in every run.

The seed is fixed, so a run can be repeated; GLASSINE_FUZZ_SEED draws others. Each harness is shown to bite: a parser
without one of its bounds goes red.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sacred import REPOSITORY
from source_mutant import seed_mutant

SEED = int(os.environ.get("GLASSINE_FUZZ_SEED") or 20261121)
ALL = 1_000_000
PROCESSES = 2


def fuzz(*arguments: str, mutant: Path | None = None, keep: Path | None = None) -> subprocess.Popen[str]:
    paths = [str(mutant)] if mutant is not None else []
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([*paths, str(REPOSITORY / "tests"), str(REPOSITORY)]),
    }
    if keep is not None:
        environment["GLASSINE_FUZZ_KEEP"] = str(keep)
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "fuzz.parsers", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _fuzz_all(count: int, capsys: pytest.CaptureFixture[str]) -> None:
    runs = [
        fuzz("--seed", str(SEED + number), "--count", str(count // PROCESSES)) for number in range(PROCESSES)
    ]
    told = [run.communicate()[0] for run in runs]
    with capsys.disabled():
        print("\nfuzz parsers: " + "; ".join(text.splitlines()[0] for text in told if text))
    assert [run.returncode for run in runs] == [0] * PROCESSES, "\n".join(told)


@pytest.mark.slow
def test_one_percent_of_the_mutated_inputs_gives_facts_or_is_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _fuzz_all(ALL // 100, capsys)


@pytest.mark.long
def test_a_million_mutated_inputs_give_facts_or_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    _fuzz_all(ALL, capsys)


# A bound that is taken away -> what is found then. Parser, module, text, mutant, word of the report.
MUTANTS = {
    "resources that do not advance": (
        "photoshop",
        "daemon.media.iptc",
        "        at += size + size % 2\n",
        "        at = 0\n",
        ("Hang",),
    ),
    "boxes without a number of levels": (
        "bmff",
        "daemon.media.boxes",
        "        yield Box(kind, at + header, min(at + size, end))\n",
        "        yield Box(kind, at + header, min(at + size, end))\n        [*boxes(source, at, end)] if size == end - at else 0\n",
        ("RecursionError",),
    ),
    "a sniffer that raises": (
        "sniff",
        "daemon.media.sniff",
        "def sniff(source: ByteSource, name: bytes) -> str | None:\n",
        "def sniff(source: ByteSource, name: bytes) -> str | None:\n    {}[0] if source.read_up_to(0, 2) == b'\\0\\0' else 0\n",
        ("KeyError",),
    ),
    "reads without a budget": (
        "jpeg",
        "daemon.media.source",
        "        if not (0 <= offset < MAX_OFFSET and 0 <= count <= MAX_READ_BYTES):",
        "        if count > 60_000 and bytearray(count * 100_000) and False:",
        ("MemoryError", "OSError", "OverflowError"),
    ),
    "sizes that no catalog holds": (
        "png",
        "daemon.media.draft",
        "self.width, self.height = width, height",
        "self.width, self.height = width << 40, height",
        ("Unfit", "OverflowError"),
    ),
    "previews that are not looked at": (
        "tiff",
        "daemon.media.jpeg_frames",
        "    if length < 16 or at < 0 or end > source.size:\n        return None\n",
        "    return Frame(1, 1, 3)\n",
        ("Unfit",),
    ),
    "a document of any depth": (
        "takeout",
        "daemon.media.sidecar",
        "except _NotTakeoutError as error:",
        "except _NotTakeoutError as error:\n        raise KeyError(0) from error\n    except ZeroDivisionError as error:",
        ("KeyError",),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", MUTANTS)
def test_the_harness_bites(name: str, tmp_path: Path) -> None:
    parser, module, old, new, words = MUTANTS[name]
    mutant = seed_mutant(tmp_path / "mutant", module, old, new)
    run = fuzz(
        "--seed", str(SEED), "--count", "3000", "--parser", parser, mutant=mutant, keep=tmp_path / "kept"
    )
    told, _ = run.communicate()
    assert run.returncode == 1, told
    assert any(word in told for word in words), told
    (kept,) = (tmp_path / "kept").iterdir()
    assert str(kept) in told
    assert f"--seed {SEED} --parser {parser} --case " in told


def test_a_case_is_the_same_bytes_whenever_it_is_drawn() -> None:
    program = "from fuzz.parsers import *; import hashlib, sys; sys.stdout.write(hashlib.sha256(b''.join(case_of('sniff', 7, n) for n in range(50))).hexdigest())"
    paths = os.pathsep.join([str(REPOSITORY / "tests"), str(REPOSITORY)])
    told = {
        subprocess.run(
            [sys.executable, "-P", "-c", program],
            env={**os.environ, "PYTHONPATH": paths, "PYTHONHASHSEED": str(number)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for number in (1, 2)
    }
    assert len(told) == 1
