"""The truth of a corpus: `manifest.tsv`, one row per file, and how our facts are compared with it, field by field.

A row of theme `corrupt`, or whose `decode` is not ok, tells nothing about values: such files must be survived.
A field counts when the truth or we say something; what the manifest does not tell at all (zones that are computed) counts
only where it does.
"""

from __future__ import annotations

import csv
import os
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from catalog.dates import Resolution, resolve
from catalog.facts import Descriptive, Facts
from catalog.ids import ContentId, LocationId, VolumeId
from catalog.values import WorkItem
from sacred import REPOSITORY

DIFFERENCES = Path(__file__).parent / "data" / "corpus_differences.tsv"
NOW_NS = 1_796_000_000 * 10**9  # 2026-11-30: a camera of the corpus is ahead of its time
UTC = ZoneInfo("UTC")
Row = dict[str, str]
# What the issue names; the others are looked at in the reviewed corpus only.
FIELDS = (
    "date",
    "offset",
    "lat",
    "lon",
    "width",
    "height",
    "orientation",
    "make",
    "model",
    "tags",
    "people",
    "rating",
)
_MARGIN = 0.03
_CUT_AT = 280  # characters of a description in the manifest; longer ones are cut
# What lies beside media and is no media itself; its words are the matter of the tests of sidecars.
_BESIDE = (".json", ".aae", ".xmp", ".txt", ".pdf", ".csv", ".html")


def corpora() -> list[Path]:
    """Return the corpus of the project and the one that GLASSINE_CORPUS names, as far as they are there, each once."""
    named = [os.environ.get("GLASSINE_CORPUS") or "", os.fspath(REPOSITORY.parent / "shared" / "corpus")]
    found = [Path(one).resolve() for one in named if one]
    return list(dict.fromkeys(one for one in found if (one / "manifest.tsv").is_file()))


def rows_of(corpus: Path) -> list[Row]:
    """Return the rows of the manifest whose files hold bytes."""
    with (corpus / "manifest.tsv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return [row for row in rows if row["bytes"] != "0" and (corpus / row["path"]).is_file()]


def is_media(row: Row) -> bool:
    """Tell whether a row is about a picture, film or sound."""
    return not row["path"].lower().endswith(_BESIDE)


def has_values(row: Row) -> bool:
    """Tell whether the values of a row count."""
    return row["theme"] != "corrupt" and row["decode"].startswith("ok")


def item_of(corpus: Path, row: Row, number: int, tier: str = "header") -> WorkItem:
    """Return the errand of a row."""
    status = (corpus / row["path"]).stat()
    return WorkItem(
        LocationId(number),
        ContentId(number),
        VolumeId(1),
        os.fsencode(corpus),
        os.fsencode(row["path"]),
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
        status.st_ino,
        tier,  # type: ignore[arg-type]
    )


@dataclass(frozen=True, slots=True)
class Difference:
    """One field in which we and the truth do not agree."""

    path: str
    field: str
    ours: str
    truth: str
    notion: str = ""  # of what the manifest is known to mean by it, where both are right


@dataclass(slots=True)
class Tally:
    """Counts per field: what was told, what agreed, and the rest."""

    told: dict[str, int] = field(default_factory=dict)
    agreed: dict[str, int] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)

    def compare(self, row: Row, facts: Facts) -> None:
        """Count the fields of one file."""
        for name, ours, truth, is_same in fields_of(row, facts):
            if truth == "" and ours in ("", "None"):
                continue
            self.told[name] = self.told.get(name, 0) + 1
            if ours not in ("", "None") and truth != "" and is_same(ours, truth):
                self.agreed[name] = self.agreed.get(name, 0) + 1
            else:
                notion = notion_of(row, facts, name, truth)
                self.differences.append(Difference(row["path"], name, ours, truth, notion))

    def table(self, right: dict[str, int]) -> str:
        """Return the counts per field: agreed + reviewed in our favour, of told."""
        return ", ".join(
            f"{name} {self.agreed.get(name, 0)}+{right.get(name, 0)}/{count}"
            for name, count in self.told.items()
        )


def notion_of(row: Row, facts: Facts, name: str, truth: str) -> str:
    """Return why a difference is none, by what manifests are known to mean; empty = it is one.

    For corpora that nobody reviewed line by line; the lines of the reviewed one say the same of its files.
    """
    sizes = {"width": facts.width or 0, "height": facts.height or 0}
    if name in sizes:
        decoded = re.search(r"\b(\d+)x(\d+)", row["decode"])
        if decoded and sizes[name] == int(decoded[["width", "height"].index(name) + 1]):
            return "the decoder's size; the manifest has EXIF's, of the picture before it was shrunk"
        if facts.is_raw and truth.isdecimal() and abs(sizes[name] - int(truth)) <= _MARGIN * int(truth):
            return "the picture that the camera means; the manifest has the sensor's area with its margins"
    if name in ("lat", "lon") and {row["gps_lat"], row["gps_lon"]} == {"0"}:
        return "(0, 0) is no position"
    if name in ("date", "rating") and truth == "":
        return "the manifest has no column for this tag"
    return ""


Comparison = Callable[[str, str], bool]


def fields_of(row: Row, facts: Facts) -> Iterator[tuple[str, str, str, Comparison]]:
    """Yield (field, ours, truth, comparison) as texts; empty = says nothing."""
    for name in ("width", "height", "orientation", "make", "model"):
        yield name, _text(getattr(facts, name)), row[name].strip(), _same_text
    # A file without an orientation is upright; exiftool says so of some formats.
    for name, tolerance in (("lat", 1e-5), ("lon", 1e-5), ("alt", 0.01)):
        yield name, _text(getattr(facts, name)), row[f"gps_{name}"], _near(tolerance)
    if facts.kind != "photo":
        yield "duration", _text(facts.duration_s), row["duration_s"], _near(0.1)
    yield from _date_fields(row, facts)
    yield from _word_fields(row, facts.descriptive or Descriptive(), facts)


def _date_fields(row: Row, facts: Facts) -> Iterator[tuple[str, str, str, Comparison]]:
    """Compare the winning value as it is stored: the manifest does no arithmetic with zones."""
    found = resolution(facts)
    winner = next(one.candidate for one in found.table if one.verdict == "won")
    is_header = row["dt_tag_used"] == "QuickTime:CreateDate"
    moment = (row["dt_quicktime"] if is_header else row["dt_original"]) or row["dt_create"] or row["dt_gps"]
    truth = moment[:19].replace(":", "-", 2).replace(" ", "T") if row["dt_tag_used"] else ""
    is_said = winner.source != "mtime"
    yield "date", (winner.local or "")[:19] if is_said else "", truth, _same_text
    if row["dt_offset"]:
        yield "offset", _text(found.capture.offset_min), str(_minutes(row["dt_offset"])), _same_text
    yield "date source", winner.source if is_said else "", row["dt_tag_used"], _same_text


def resolution(facts: Facts) -> Resolution:
    """Resolve by the bytes alone."""
    return resolve(facts.kind or "photo", facts, b"x", 0, UTC, NOW_NS)


def _word_fields(row: Row, said: Descriptive, facts: Facts) -> Iterator[tuple[str, str, str, Comparison]]:
    yield (
        "tags",
        "; ".join(said.tags),
        "; ".join(filter(None, (row["hier_tags"], row["keywords"]))),
        _same_tags,
    )
    yield (
        "people",
        "; ".join(sorted(said.people)),
        "; ".join(sorted(_listed(row["people_regions"]))),
        _same_text,
    )
    yield "rating", _text(-1 if said.is_rejected else said.rating), row["rating"], _near(0.5)
    if facts.kind == "photo":  # exiftool's Label of a sound is its publisher
        yield "label", said.label or "", row["label"], _same_text
    yield "title", said.title or "", row["title"].strip(), _same_text
    yield "description", said.description or "", row["description"].strip(), _same_long_text
    yield "live_id", _text(facts.extra.get("live_id")), row["live_id"], _same_text
    yield "motion", "video" if "motion" in facts.extra else "", "video" if row["motion"] else "", _same_text


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _minutes(offset: str) -> int:
    match = re.fullmatch(r"([+-])(\d\d):?(\d\d)", offset.strip())
    if match is None:
        return 0
    minutes = int(match[2]) * 60 + int(match[3])
    return -minutes if match[1] == "-" else minutes


def _near(tolerance: float) -> Comparison:
    return lambda ours, truth: abs(float(ours) - float(truth)) <= tolerance


def _same_text(ours: str, truth: str) -> bool:
    return _plain(ours) == _plain(truth)


def _same_long_text(ours: str, truth: str) -> bool:
    return _same_text(ours, truth) or (len(truth) >= _CUT_AT and _plain(ours).startswith(_plain(truth)))


def _plain(text: str) -> str:
    """Return a text without what the manifest cannot carry: line ends, runs of blanks, forms of accents."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def _listed(text: str) -> list[str]:
    return [_plain(one) for one in text.split("; ") if one.strip()]


def _same_tags(ours: str, truth: str) -> bool:
    """Compare the names that both know, whatever paths they are in; the manifest joins lists by semicolons."""
    return _names(ours, "/") == _names(truth, "|")


def _names(text: str, separator: str) -> set[str]:
    return {
        _plain(name).replace("\uff0f", "/").casefold()
        for path in re.split(r";\s*", text)
        for name in path.split(separator)
        if name.strip()
    }


def judged() -> dict[tuple[str, str], str]:
    """Return the reviewed differences of the project's corpus: (path, field) -> who is right: ours, truth or both."""
    with DIFFERENCES.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(
            (line for line in file if not line.startswith("#")), delimiter="\t", quoting=csv.QUOTE_NONE
        )
        return {(row["path"], row["field"]): row["right"] for row in rows}
