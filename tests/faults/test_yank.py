"""The yank matrix: every fault of a disk in every phase, once per run, ten times in the long profile; and its mutants.

The benches of all faults run beside each other, each through all phases; a test is a cell. After a cell that failed its fault
goes on with a new bench.
"""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

from capabilities import require
from faults import yanking
from faults.witness import Sources
from faults.yank_bench import open_bench
from faults.yank_rigs import FAULTS, IMPOSSIBLE, OF_THE_ISSUE
from faults.yanking import PHASES, run_cell

pytestmark = pytest.mark.slow

SEED = 20261121
ROUNDS_LONG = 10
AT_ONCE = 14
Cell = tuple[str, str]


class Matrix:
    """Runs the cells that were asked for, a thread per fault; `result` waits for one."""

    def __init__(self, home: Path, cells: list[Cell], *, is_long: bool) -> None:
        self._home = home
        self._is_long = is_long
        self._turns = threading.Semaphore(AT_ONCE)
        self._cells: dict[Cell, Future[None]] = {cell: Future() for cell in cells}
        faults = {fault: [phase for phase in PHASES if (fault, phase) in self._cells] for fault, _ in cells}
        self._threads = [
            threading.Thread(target=self._run_fault, args=item, daemon=True) for item in faults.items()
        ]
        for thread in self._threads:
            thread.start()

    def result(self, cell: Cell) -> None:
        self._cells[cell].result()

    def join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _run_fault(self, fault: str, phases: list[str]) -> None:
        with self._turns:
            failed: dict[str, BaseException] = {}
            for number in range(ROUNDS_LONG if self._is_long else 1):
                self._round(fault, [phase for phase in phases if phase not in failed], number, failed)
            for phase in phases:
                if phase in failed:
                    self._cells[fault, phase].set_exception(failed[phase])
                else:
                    self._cells[fault, phase].set_result(None)

    def _round(self, fault: str, phases: list[str], number: int, failed: dict[str, BaseException]) -> None:
        left = list(phases)
        while left:
            home = self._home / f"{fault.replace(' ', '-')}-{number}-{len(left)}"
            home.mkdir()
            phase = left[0]
            try:
                with open_bench(home / "bench", FAULTS[fault], is_long=self._is_long) as bench:
                    while left:
                        phase = left.pop(0)
                        run_cell(bench, phase, random.Random(f"{SEED} {fault} {phase} {number}"))
            except BaseException as error:  # noqa: BLE001 - carried to the test of the cell
                left = [one for one in left if one != phase]
                failed[phase] = error


def _needs(fault: str) -> list[pytest.MarkDecorator]:
    return [pytest.mark.root] if FAULTS[fault].is_root else [pytest.mark.mount]


CELLS = [
    pytest.param(fault, phase, marks=_needs(fault), id=f"{fault} in {phase}".replace(" ", "_"))
    for fault in FAULTS
    for phase in PHASES
]


@pytest.fixture(scope="module")
def matrix(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Matrix]:
    wanted = [
        (item.callspec.params["fault"], item.callspec.params["phase"])
        for item in request.session.items
        if getattr(item, "originalname", "") == "test_a_fault_in_a_phase_costs_nothing"
        and not (FAULTS[item.callspec.params["fault"]].is_user and os.geteuid() == 0)
    ]
    made = Matrix(tmp_path_factory.mktemp("yank"), wanted, is_long=request.config.getoption("--long"))
    yield made
    made.join()


@pytest.mark.parametrize(("fault", "phase"), CELLS)
def test_a_fault_in_a_phase_costs_nothing(matrix: Matrix, fault: str, phase: str) -> None:
    if FAULTS[fault].is_user:
        require("user")
    matrix.result((fault, phase))


def test_every_fault_of_the_issue_has_a_row_or_a_reason() -> None:
    for name, rows in OF_THE_ISSUE.items():
        assert rows, name
        assert set(rows) <= FAULTS.keys()
    assert all(IMPOSSIBLE.values())


# ---- mutants

# A slow disk: time enough for it to go when its root is listed and its folders are not.
SLOW_WALK: Sources = {
    "daemon.volume_process.answering": (
        "        for part in found:\n",
        "        for part in found:\n            time.sleep(0.25)\n",
    )
}
UNPROVED: Sources = {"daemon.absorb": ("            await self._prove()", "            pass")}
MUTANTS: dict[str, tuple[Cell, list[Sources]]] = {
    "EACCES counts as nothing there": (
        ("EACCES", "idle"),
        [
            {
                "daemon.judging": (
                    '_NOTHING_THERE = frozenset({"ENOENT",',
                    '_NOTHING_THERE = frozenset({"EACCES", "ENOENT",',
                )
            }
        ],
    ),
    "an empty root is believed": (
        ("empty mount point", "idle"),
        [{"daemon.judging": ("    _is_empty,\n", "")}, {"daemon.judging": ("    _is_half_empty,\n", "")}],
    ),
    "absence is settled without another look at who the disk is": (
        ("hollow tree", "rescan"),
        [SLOW_WALK, UNPROVED],
    ),
    "rows go while another volume is away": (
        ("lazy unmount", "purge tick"),
        [
            {
                "daemon.volumes": (
                    '            if volume.state in ("suspect", "offline"):',
                    "            if False:",
                )
            },
            {"catalog.store.traces": ('if one.state in ("unknown", "suspect", "offline")]', "if False]")},
        ],
    ),
    "a nested mount is no mount": (
        ("nested mount gone", "rescan"),
        [{"daemon.volume_process.nested": ("        if mount.point == root or", "        if True or")}],
    ),
}


# Two in every run, the slower ones in the long profile.
QUICK_MUTANTS = ("EACCES counts as nothing there", "rows go while another volume is away")


@pytest.mark.mount
@pytest.mark.parametrize(
    "mutant", [pytest.param(one, marks=[] if one in QUICK_MUTANTS else pytest.mark.long) for one in MUTANTS]
)
def test_the_matrix_goes_red_on_a_mutant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mutant: str
) -> None:
    (fault, phase), sources = MUTANTS[mutant]
    monkeypatch.setattr(yanking, "NOTED_S", 8.0)
    with (
        open_bench(tmp_path / "bench", FAULTS[fault], mutant=sources) as bench,
        pytest.raises(AssertionError),
    ):
        run_cell(bench, phase, random.Random(SEED))


@pytest.mark.mount
def test_a_disk_that_goes_between_two_folders_of_a_scan_loses_nothing(tmp_path: Path) -> None:
    """The control of the mutant above: the same slow disk, with the product as it is."""
    with open_bench(tmp_path / "bench", FAULTS["hollow tree"], mutant=[SLOW_WALK]) as bench:
        run_cell(bench, "rescan", random.Random(SEED))
