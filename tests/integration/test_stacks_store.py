"""Stacks in the catalog: formed by rule as facts arrive, kept over moves and rescans, ruled by what people say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from catalog.commands import EditOptions, execute
from catalog.commands.layer import (
    DateSet,
    Rate,
    StackCover,
    StackMake,
    StackSplit,
    TrashPut,
    TrashRestore,
    Undo,
)
from catalog.errors import InvalidValue, NotFound, UsageError
from catalog.facts import DateCandidate, Facts, FactsResult
from catalog.ids import AssetId
from catalog.media_types import guess
from catalog.names import split_suffix
from catalog.store import ingest
from catalog.store.photos import documents
from catalog.store.stack_candidates import CELL_LIMIT
from catalog.store.stacks import stack_of, stacks
from store_harness import EXIF, StoreHarness, make_harness

NOON = "2019-08-07T12:00:00"


@dataclass(slots=True)
class Shots:
    """A library of files whose facts the test gives by path."""

    store: StoreHarness
    facts: dict[bytes, dict[str, Any]] = field(default_factory=dict)

    def take(self, path: str, local: str | None = NOON, *, body: str | None = None, **more: Any) -> None:
        """Put a file on the disk, with what its bytes will say; `see` makes the library know it."""
        raw = path.encode()
        self.store.put(raw, body if body is not None else path)
        self.facts[raw] = {"local": local, "make": "NIKON", "model": "D1", **more}

    def move(self, old: str, new: str) -> None:
        """Move a file: same bytes, same inode."""
        directory, _, name = old.rpartition("/")
        file = self.store.disk[directory.encode()][name.encode()]
        self.store.remove(old.encode())
        self.store.put(new.encode(), file.body, inode=file.inode, mtime_ns=file.mtime_ns)
        self.facts[new.encode()] = self.facts[old.encode()]

    def see(self, *, hashes: bool = True) -> None:
        """Scan, read facts, hash."""
        self.store.scan()
        self.read()
        if hashes:
            self.store.read_hashes()
        self.sound()

    def read(self) -> None:
        """Read facts that are due, both tiers."""
        for tier in ("header", "deep"):
            while due := ingest.facts_due(self.store.writer, 100, tier=tier, now_ns=self.store.now_ns):  # type: ignore[arg-type]
                results = [FactsResult(item, self._facts(item.path)) for item in due]
                ingest.record_facts(self.store.writer, results, self.store.writer.zone, self.store.now_ns)

    def _facts(self, path: bytes) -> Facts:
        values = dict(self.facts[path])
        local = values.pop("local")
        identifiers = {name: values.pop(name) for name in ("live_id", "burst_id", "motion") if name in values}
        known = guess(path)
        assert known is not None
        return Facts(
            kind=known.kind, mime=known.mime, is_raw=known.is_raw,
            candidates=(DateCandidate(EXIF, local, local),) if local else (),
            extra=identifiers, tier="deep", **values,
        )  # fmt: skip

    def do(self, command: Any, **options: Any) -> dict[str, Any]:
        """Carry out a command."""
        self.store.now_ns += 10
        answer = execute(self.store.writer, command, now_ns=self.store.now_ns, options=EditOptions(**options))
        self.sound()
        return answer

    def sound(self) -> None:
        """Every invariant holds; I18: what is stored is what a fresh look at all photos comes to."""
        assert self.store.check() == []

    def id(self, path: str) -> AssetId:
        """Return the asset of a file."""
        return self.store.asset_at(path.encode())

    def uid(self, *paths: str) -> tuple[str, ...]:
        """Return the uids of files."""
        return tuple(str(self.store.column(self.id(path), "uid")) for path in paths)

    def stack(self, path: str) -> str | None:
        """Return the uid of a file's stack."""
        found = stack_of(self.store.writer, self.id(path))
        return None if found is None else str(found["id"])

    def mates(self, path: str) -> list[str]:
        """Return the names of everybody in a file's stack, who stands for it first."""
        found = stack_of(self.store.writer, self.id(path))
        if found is None:
            return []
        names = sorted((one["uid"] != found["cover"], one["name"]) for one in found["members"])
        return [name for _, name in names]

    def timeline(self) -> list[str]:
        """Return the names that the Timeline shows, without suffixes."""
        shown = [path.partition("/")[2] for path in self.store.shown()]
        return sorted((split_suffix(name) or (name, ""))[0] for name in shown)


@pytest.fixture
def shots(tmp_path: Path) -> Iterator[Shots]:
    store = make_harness(tmp_path / "library")
    yield Shots(store)
    assert store.check() == []
    store.close()


def test_views_show_the_cover_and_hide_the_raw_behind_it(shots: Shots) -> None:
    shots.take("a/D.NEF")
    shots.take("a/D.JPG")
    shots.take("a/E.JPG")
    shots.see()
    assert shots.mates("a/D.NEF") == ["D.JPG", "D.NEF"]
    assert shots.timeline() == ["D.JPG", "E.JPG"]


def test_a_late_partner_joins_and_becomes_the_cover(shots: Shots) -> None:
    shots.take("a/RAW/D.NEF")
    shots.see()
    assert shots.timeline() == ["D.NEF"]
    shots.take("a/D.JPG")
    shots.see()
    assert shots.timeline() == ["D.JPG"]
    first = shots.stack("a/D.JPG")
    shots.take("a/D-edited.jpg")
    shots.see()
    assert shots.timeline() == ["D-edited.jpg"]
    assert shots.stack("a/D-edited.jpg") == first, "the row stays as long as a member does"


def test_photos_of_one_name_that_are_different_stay_apart(shots: Shots) -> None:
    shots.take("a/RAW/D.NEF")
    shots.take("a/D.JPG", "2019-08-07T15:00:00")
    shots.see()
    assert shots.mates("a/D.JPG") == []
    assert shots.timeline() == ["D.JPG", "D.NEF"]


def test_trashing_the_cover_brings_out_the_other_and_restoring_hides_it_again(shots: Shots) -> None:
    shots.take("a/D.NEF")
    shots.take("a/D.JPG")
    shots.see()
    before = shots.stack("a/D.NEF")
    shots.do(TrashPut(shots.uid("a/D.JPG")))
    assert shots.timeline() == ["D.NEF"]
    shots.do(TrashRestore(shots.uid("a/D.JPG")))
    assert shots.timeline() == ["D.JPG"]
    assert shots.stack("a/D.NEF") == before


def test_a_missing_cover_brings_out_the_other_and_takes_its_place_again(shots: Shots) -> None:
    shots.take("a/D.NEF")
    shots.take("a/D.JPG")
    shots.see()
    before = shots.stack("a/D.NEF")
    gone = shots.store.disk[b"a"].pop(b"D.JPG")
    shots.see()
    assert shots.timeline() == ["D.NEF"]
    shots.store.disk[b"a"][b"D.JPG"] = gone
    shots.see()
    assert shots.timeline() == ["D.JPG"]
    assert shots.stack("a/D.NEF") == before


def test_moving_both_files_keeps_the_stack(shots: Shots) -> None:
    shots.take("a/D.NEF")
    shots.take("a/D.JPG")
    shots.see()
    before = shots.stack("a/D.NEF")
    shots.move("a/D.NEF", "b/RAW/D.NEF")
    shots.move("a/D.JPG", "b/D.JPG")
    shots.see()
    assert shots.mates("b/D.JPG") == ["D.JPG", "D.NEF"]
    assert shots.stack("b/D.JPG") == before
    assert shots.timeline() == ["D.JPG"]


def test_moving_one_file_away_takes_the_stack_apart(shots: Shots) -> None:
    shots.take("a/D.NEF")
    shots.take("a/D.JPG")
    shots.see()
    before = shots.stack("a/D.JPG")
    shots.move("a/D.NEF", "elsewhere/D.NEF")
    shots.see()
    assert shots.mates("a/D.JPG") == []
    assert shots.timeline() == ["D.JPG", "D.NEF"]
    shots.move("elsewhere/D.NEF", "a/D.NEF")
    shots.see()
    assert shots.stack("a/D.JPG") == before, "the row waited"


def test_a_rename_within_the_cell_is_judged_anew(shots: Shots) -> None:
    shots.take("a/IMG_1.JPG")
    shots.take("a/IMG_1.MOV", duration_s=2.0)
    shots.see()
    assert shots.mates("a/IMG_1.JPG") == ["IMG_1.JPG", "IMG_1.MOV"]
    shots.move("a/IMG_1.MOV", "a/JPG/IMG_1.MOV")
    shots.see()
    assert shots.mates("a/IMG_1.JPG") == [], "a Live Photo's halves share a directory"


def test_a_copy_that_rules_when_the_first_file_goes_is_judged_by_its_own_folder(shots: Shots) -> None:
    shots.take("a/IMG_1.JPG")
    shots.take("a/IMG_1.MOV", duration_s=2.0, body="movie")
    shots.see()
    shots.take("a/JPG/IMG_1.MOV", duration_s=2.0, body="movie")
    shots.see()
    assert shots.mates("a/IMG_1.JPG") == ["IMG_1.JPG", "IMG_1.MOV"]
    shots.store.remove(b"a/IMG_1.MOV")
    shots.see()
    assert shots.mates("a/IMG_1.JPG") == []


def test_a_date_in_the_name_is_no_date_of_the_bytes(shots: Shots) -> None:
    shots.take("a/IMG_20190807_120000.jpg", None)
    shots.take("a/IMG_20190807_120000.NEF", None)
    shots.see()
    assert shots.mates("a/IMG_20190807_120000.jpg") == []


def test_what_a_person_says_about_the_date_neither_makes_nor_breaks_a_pair(shots: Shots) -> None:
    shots.take("a/D.NEF")
    shots.take("a/D.JPG")
    shots.take("b/D.NEF", "2001-01-01T10:00:00")
    shots.take("b/D.JPG")
    shots.see()
    shots.do(DateSet(shots.uid("a/D.JPG", "b/D.NEF"), NOON.replace("2019", "1999")))
    shots.do(DateSet(shots.uid("b/D.NEF", "b/D.JPG"), NOON))
    assert shots.mates("a/D.JPG") == ["D.JPG", "D.NEF"]
    assert shots.mates("b/D.JPG") == []


def test_live_photos_pair_by_identifier_across_cells_and_one_of_each(shots: Shots) -> None:
    shots.take("a/beach.HEIC", live_id="X")
    shots.take("a/0001.MOV", live_id="X", duration_s=2.0)
    shots.see()
    assert shots.mates("a/beach.HEIC") == ["beach.HEIC", "0001.MOV"]
    assert shots.timeline() == ["beach.HEIC"]
    shots.take("a/0002.MOV", live_id="X", duration_s=2.0)
    shots.see()
    assert shots.mates("a/beach.HEIC") == [], "ambiguous"
    shots.do(StackMake(shots.uid("a/beach.HEIC", "a/0002.MOV")))
    assert shots.mates("a/beach.HEIC") == ["beach.HEIC", "0002.MOV"]


def test_a_half_found_by_identifier_leaves_its_cell_and_returns_to_it(shots: Shots) -> None:
    shots.take("a/I.JPG")
    shots.take("a/I.MOV", live_id="X", duration_s=2.0)
    shots.see()
    assert shots.mates("a/I.MOV") == ["I.JPG", "I.MOV"]
    shots.take("a/beach.HEIC", live_id="X")
    shots.see()
    assert shots.mates("a/I.MOV") == ["beach.HEIC", "I.MOV"]
    shots.move("a/beach.HEIC", "b/beach.HEIC")
    shots.see()
    assert shots.mates("a/I.MOV") == ["I.JPG", "I.MOV"]


def test_a_split_pair_stays_apart_over_rescans_moves_and_new_partners(shots: Shots) -> None:
    shots.take("a/D.NEF")
    shots.take("a/D.JPG")
    shots.see()
    answer = shots.do(StackSplit(shots.uid("a/D.JPG")))
    assert (answer["changed"], answer["unchanged"]) == (2, 0), "the cover takes everybody out"
    assert shots.timeline() == ["D.JPG", "D.NEF"]
    shots.move("a/D.NEF", "b/D.NEF")
    shots.move("a/D.JPG", "b/D.JPG")
    shots.see()
    shots.take("b/D-edited.jpg")
    shots.see()
    assert shots.timeline() == ["D-edited.jpg", "D.JPG", "D.NEF"]
    assert shots.mates("b/D-edited.jpg") == []


def test_splitting_a_member_leaves_the_others_together(shots: Shots) -> None:
    for name in ("D.NEF", "D.JPG", "D-edited.jpg"):
        shots.take(f"a/{name}")
    shots.see()
    before = shots.stack("a/D.JPG")
    shots.do(StackSplit(shots.uid("a/D.NEF")))
    assert shots.mates("a/D.JPG") == ["D-edited.jpg", "D.JPG"]
    assert shots.stack("a/D.JPG") == before
    assert shots.timeline() == ["D-edited.jpg", "D.NEF"]


def test_undoing_a_split_brings_the_same_stack_back(shots: Shots) -> None:
    shots.take("a/D.NEF")
    shots.take("a/D.JPG")
    shots.see()
    before = shots.stack("a/D.JPG")
    shots.do(StackSplit(shots.uid("a/D.JPG")))
    assert shots.stack("a/D.JPG") is None
    shots.do(Undo())
    assert shots.stack("a/D.JPG") == before
    shots.do(Undo(2))
    assert shots.stack("a/D.JPG") is None


def test_make_unites_photos_with_the_stacks_they_are_in(shots: Shots) -> None:
    for name in ("D.NEF", "D.JPG", "E.NEF", "E.JPG", "F.JPG"):
        shots.take(f"a/{name}")
    shots.see()
    answer = shots.do(StackMake(shots.uid("a/D.JPG", "a/F.JPG")))
    assert answer["changed"] == 3
    assert shots.mates("a/F.JPG") == ["D.JPG", "D.NEF", "F.JPG"]
    again = shots.do(StackMake(shots.uid("a/F.JPG", "a/D.NEF")))
    assert (again["journal"], again["unchanged"]) == (None, 2)
    grown = shots.do(StackMake(shots.uid("a/F.JPG", "a/E.NEF")))
    assert grown["stack"] == answer["stack"] == shots.stack("a/E.JPG")
    assert len(shots.mates("a/E.JPG")) == 5
    shots.do(Undo())
    assert shots.mates("a/E.NEF") == ["E.JPG", "E.NEF"]
    shots.do(Undo(1))
    assert shots.mates("a/F.JPG") == []
    assert shots.mates("a/D.NEF") == ["D.JPG", "D.NEF"]


def test_a_made_stack_survives_rescans_and_moves_and_takes_late_partners_in(shots: Shots) -> None:
    shots.take("a/D.JPG")
    shots.take("x/E.JPG", "2001-01-01T10:00:00")
    shots.see()
    shots.do(StackMake(shots.uid("a/D.JPG", "x/E.JPG")))
    before = shots.stack("a/D.JPG")
    shots.move("a/D.JPG", "y/D.JPG")
    shots.move("x/E.JPG", "z/E.JPG")
    shots.see()
    shots.take("y/RAW/D.NEF")
    shots.see()
    assert shots.mates("y/RAW/D.NEF") == ["D.JPG", "D.NEF", "E.JPG"]
    assert shots.stack("z/E.JPG") == before
    shots.do(StackSplit(shots.uid("y/RAW/D.NEF")))
    assert shots.mates("y/D.JPG") == ["D.JPG", "E.JPG"]


def test_a_partner_of_two_made_stacks_joins_neither(shots: Shots) -> None:
    for path in ("a/D.JPG", "a/D.HEIC", "x/E.JPG", "x/F.JPG"):
        shots.take(path)
    shots.see()
    shots.do(StackMake(shots.uid("a/D.JPG", "x/E.JPG")))
    shots.do(StackMake(shots.uid("a/D.HEIC", "x/F.JPG")))
    shots.take("a/D.NEF")
    shots.see()
    assert shots.mates("a/D.NEF") == []


def test_a_chosen_cover_stands_and_the_latest_choice_wins(shots: Shots) -> None:
    shots.take("a/D.NEF")
    shots.take("a/D.JPG")
    shots.see()
    shots.do(StackCover(shots.uid("a/D.NEF")[0]))
    assert shots.timeline() == ["D.NEF"]
    again = shots.do(StackCover(shots.uid("a/D.NEF")[0]))
    assert again["journal"] is None
    shots.take("a/D-edited.jpg")
    shots.see()
    assert shots.timeline() == ["D.NEF"], "what people say wins over rules for ever"
    shots.do(StackCover(shots.uid("a/D.JPG")[0]))
    assert shots.timeline() == ["D.JPG"]
    shots.do(Undo())
    assert shots.timeline() == ["D.NEF"]


def test_edits_of_stacks_refuse_what_makes_no_sense(shots: Shots) -> None:
    shots.take("a/D.JPG")
    shots.take("a/E.JPG")
    shots.see()
    photo = shots.uid("a/D.JPG")
    with pytest.raises(UsageError):
        shots.do(StackMake(photo))
    with pytest.raises(UsageError):
        shots.do(StackMake(photo * 2))
    with pytest.raises(InvalidValue):
        shots.do(StackCover(photo[0]))
    with pytest.raises(NotFound):
        shots.do(StackMake((*photo, "0" * 26)))
    assert shots.do(StackSplit(photo))["journal"] is None
    assert shots.store.writer.value("SELECT count(*) FROM statement") == 0


def test_a_dry_run_makes_nothing(shots: Shots) -> None:
    shots.take("a/D.JPG")
    shots.take("a/E.JPG")
    shots.see()
    answer = shots.do(StackMake(shots.uid("a/D.JPG", "a/E.JPG")), is_dry_run=True)
    assert (answer["changed"], answer["dry_run"]) == (2, True)
    assert shots.store.writer.value("SELECT count(*) FROM stack") == 0


def test_a_provisional_photo_can_be_stacked_before_its_hash_is_known(shots: Shots) -> None:
    shots.take("a/D.JPG", body="same")
    shots.take("b/other.JPG", "2001-01-01T10:00:00")
    shots.see()
    shots.take("c/copy.JPG", body="same")
    shots.see(hashes=False)
    shots.do(StackMake(shots.uid("c/copy.JPG", "b/other.JPG")))
    shots.store.read_hashes()
    shots.sound()
    assert shots.mates("a/D.JPG") == ["D.JPG", "other.JPG"], "the statement came along with the merge"


def test_a_crowded_cell_is_bounded_and_stacks_nobody_wrongly(shots: Shots) -> None:
    names = [f"h copy {first} ({second})" for first in range(1, 21) for second in range(1, 11)]
    for number, name in enumerate(names):
        local = f"2019-08-07T12:{number // 60:02}:{number % 60:02}"
        shots.take(f"a/{name}.jpg", local)
        shots.take(f"a/{name}.NEF", local)
    shots.see()
    assert len(names) * 2 > CELL_LIMIT
    found = _all_stacks(shots)
    assert {len({name.rpartition(".")[0] for name in _names(one)}) for one in found} == {1}
    assert len(found) == CELL_LIMIT // 2


def test_numbered_photos_of_a_folder_share_no_cell(shots: Shots) -> None:
    for number in range(1, 200):
        shots.take(f"a/a ({number}).jpg")
    shots.see()
    (largest,) = shots.store.writer.row(
        "SELECT max(n) FROM (SELECT count(*) AS n FROM asset GROUP BY cell)"
    ) or (0,)
    assert largest <= 20
    assert stacks(shots.store.writer) == []


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE asset SET stack_id = NULL, cover_id = NULL, is_shown = (state = 'shown')",
        "UPDATE asset SET stack_id = (SELECT max(id) FROM stack) WHERE name = 'D.NEF'",
        "UPDATE asset SET stack_id = 1 WHERE name = 'E.JPG'",
    ],
)
def test_check_finds_a_stack_that_nothing_explains(shots: Shots, damage: str) -> None:
    for path in ("a/D.NEF", "a/D.JPG", "a/E.JPG", "b/F.JPG"):
        shots.take(path)
    shots.see()
    shots.do(StackMake(shots.uid("a/E.JPG", "b/F.JPG")))
    writer = shots.store.writer
    writer.execute("SAVEPOINT before")
    writer.execute(damage)
    found = [one for one in shots.store.check() if one.invariant == "I18"]
    writer.execute("ROLLBACK TO before")
    writer.execute("RELEASE before")
    assert any("stack" in one.message for one in found)


def test_documents_and_the_listing_tell_members_cover_and_why(shots: Shots) -> None:
    shots.take("a/D.NEF")
    shots.take("a/D.JPG", NOON.replace(":00:00", ":00:01"))
    shots.take("a/E.JPG")
    shots.see()
    jpeg, raw, other = shots.uid("a/D.JPG", "a/D.NEF", "a/E.JPG")
    (one,) = stacks(shots.store.writer)
    assert (one["kind"], one["origin"], one["cover"]) == ("raw", "rule", jpeg)
    assert {item["uid"] for item in one["members"]} == {jpeg, raw}
    (why,) = one["why"]
    assert (why["rule"], set(why["photos"])) == ("raw", {jpeg, raw})
    assert "1 s apart" in why["evidence"]
    assert stacks(shots.store.writer, after=one["row"]) == []
    (document,) = documents(shots.store.writer, [shots.id("a/D.NEF")])
    told = document["stack"]
    assert (told["id"], told["cover"], sorted(told["members"])) == (one["id"], jpeg, sorted([jpeg, raw]))
    shots.do(StackMake((raw, other)))
    (one,) = stacks(shots.store.writer)
    assert [(why["rule"], len(why["photos"])) for why in one["why"]] == [("user", 3), ("raw", 2)]
    json.dumps(one)


def _all_stacks(shots: Shots) -> list[dict[str, Any]]:
    found = page = stacks(shots.store.writer)
    while page:
        page = stacks(shots.store.writer, after=page[-1]["row"])
        found = found + page
    return found


def _names(one: dict[str, Any]) -> list[str]:
    return [item["name"] for item in one["members"]]


# ---- identifiers that bytes tell


def test_a_burst_of_an_identifier_is_one_stack_whatever_its_names_and_grows_frame_by_frame(
    shots: Shots,
) -> None:
    for number in (3, 1, 2):
        shots.take(f"a/IMG_{number}.JPG", f"2019-08-07T12:00:0{number}", burst_id="B")
        shots.see()
    shots.take("a/IMG_9.JPG", "2019-08-07T12:00:04", burst_id="C")
    shots.see()
    assert shots.mates("a/IMG_2.JPG") == ["IMG_3.JPG", "IMG_1.JPG", "IMG_2.JPG"]
    assert shots.timeline() == ["IMG_3.JPG", "IMG_9.JPG"]
    shots.do(StackSplit(shots.uid("a/IMG_2.JPG")))
    assert shots.mates("a/IMG_1.JPG") == ["IMG_3.JPG", "IMG_1.JPG"]
    shots.move("a/IMG_1.JPG", "b/IMG_1.JPG")
    shots.see()
    assert shots.mates("a/IMG_3.JPG") == []


def test_what_else_the_cells_of_a_burst_hold_changes_nothing_about_it(shots: Shots) -> None:
    for number in (1, 2):
        shots.take(f"a/IMG_{number}.JPG", f"2019-08-07T12:00:0{number}", burst_id="B")
    shots.see()
    shots.take("a/IMG_1.DNG", "2019-08-07T12:00:01")
    shots.take("a/IMG_1-edited.JPG", "2019-08-07T12:00:01")
    shots.see()
    assert shots.mates("a/IMG_2.JPG") == ["IMG_1.JPG", "IMG_2.JPG"]
    shots.store.remove(b"a/IMG_1.DNG")
    shots.see()
    assert shots.mates("a/IMG_2.JPG") == ["IMG_1.JPG", "IMG_2.JPG"]


def test_more_frames_than_a_burst_has_are_no_burst(shots: Shots) -> None:
    for number in range(201):
        shots.take(f"a/{number}.JPG", burst_id="B")
    shots.see(hashes=False)
    assert shots.mates("a/7.JPG") == []
    assert len(shots.timeline()) == 201


def test_still_and_movie_of_an_identifier_are_a_live_photo_and_motion_photos_stand_beside_them(
    shots: Shots,
) -> None:
    shots.take("a/beach.HEIC", live_id="X")
    shots.take("a/0001.MOV", live_id="X", duration_s=2.0)
    shots.take("a/PXL.MP.jpg", motion=[1000, 2000])
    shots.take("a/plain.jpg")
    shots.see()
    assert shots.mates("a/0001.MOV") == ["beach.HEIC", "0001.MOV"]
    found = documents(
        shots.store.writer, [shots.id("a/PXL.MP.jpg"), shots.id("a/beach.HEIC"), shots.id("a/plain.jpg")]
    )
    assert ["live" in one["types"] for one in found] == [True, True, False]
    assert [any(view.startswith("Types/Live/") for view in one["views"]) for one in found] == [
        True,
        True,
        False,
    ]
    assert [one["motion"] for one in found] == [True, False, False]
    shots.do(Rate(shots.uid("a/PXL.MP.jpg"), 5))
    (again,) = documents(shots.store.writer, [shots.id("a/PXL.MP.jpg")])
    assert "live" in again["types"]
