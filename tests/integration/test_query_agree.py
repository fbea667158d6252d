"""SQL and Python agree: random queries over random photos find the same by both faces.

The photos vary in everything a field can ask about: facts, precision of dates, several locations, missing files, an
offline volume, unread files, findings, and all that people say, said by real commands. For every operator of every field
at least 200 pairs of a query and a photo match, and at least 200 do not.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.facts import DateCandidate, Descriptive, FaceRegion, Facts, FactsResult, Finding
from catalog.ids import AssetId, ContentHash, LocationId, VolumeId
from catalog.library import Library
from catalog.query import FIELDS, Predicate, excluded_states, parse
from catalog.query.fields import HAS, IS, STACK_KINDS, TYPES
from catalog.store import absence, identity, ingest, leads, migrations, scanning, sidecars, verifying, volumes
from catalog.store.check import check
from catalog.store.db import Writer
from catalog.store.find import matching, with_aliases
from catalog.store.photos import documents
from catalog.values import DirectoryListing, HashResult, Observed
from integration.random_queries import query_of
from integration.said_things import say_things

NOW_NS = 1_790_000_000_000_000_000  # 2026-09-21
TODAY = date(2026, 9, 21)
PHOTOS = 320
FOLDERS = (b"", b"2019", b"2019/Z\xc3\xbcrich", b"raw\xff", b"50%_off")
STEMS = ("IMG_0001", "img_0002", "Strand 50%", "Größe", "a_b", "x(1)", "Beach", "~tilde", "IMG_0001~abc123")
ENDS = ("jpg", "JPG", "dng", "mp4", "mp3", "heic")
CAMERAS = (
    (None, None),
    ("Canon", "Canon EOS 5D"),
    ("Apple", "iPhone SE"),
    ("", "Z50"),
    ("NIKON CORPORATION", "NIKON D90"),
)
KINDS = {"mp4": ("video", "video/mp4"), "mp3": ("audio", "audio/mpeg"), "dng": ("photo", "image/x-adobe-dng")}


@dataclass(frozen=True, slots=True)
class Seeded:
    """The catalog, and every photo's document and state by asset id."""

    writer: Writer
    documents: dict[AssetId, dict[str, Any]]
    states: dict[AssetId, str]

    def by_python(self, predicate: Predicate) -> list[AssetId]:
        excluded, asked = excluded_states(predicate), with_aliases(self.writer, predicate)
        return sorted(
            asset_id
            for asset_id, document in self.documents.items()
            if self.states[asset_id] not in excluded and asked.match(document)
        )

    def by_sql(self, predicate: Predicate, page: int = 70) -> list[AssetId]:
        found: list[AssetId] = []
        while part := matching(self.writer, predicate, found[-1] if found else AssetId(0), page):
            found += part
        return found


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seeded]:
    rng = random.Random(20261121)
    writer = migrations.create(Library(tmp_path_factory.mktemp("agree") / "library"), "Europe/Berlin", NOW_NS)
    online = _volume(writer, rng, "NAS", "online", PHOTOS)
    _volume(writer, rng, "Alt: Disk", "offline", PHOTOS // 4)
    _damage_some(writer, rng, online)
    _lose_some(writer, rng, online)
    say_things(writer, rng, NOW_NS)
    assert check(writer) == []
    ids = [
        AssetId(row[0]) for row in writer.rows("SELECT id FROM asset WHERE merged_into IS NULL ORDER BY id")
    ]
    found = dict(zip(ids, documents(writer, ids), strict=True))
    states = dict(writer.rows("SELECT id, state FROM asset"))
    yield Seeded(writer, found, states)
    writer.close()


def _volume(writer: Writer, rng: random.Random, name: str, state: str, count: int) -> VolumeId:
    volume_id = volumes.add_volume(writer, name, b"/nowhere/" + name.encode(), now_ns=NOW_NS)
    volumes.set_volume_state(writer, volume_id, "online", None, NOW_NS)
    names = {folder: set[bytes]() for folder in FOLDERS}
    for number in range(count):
        name_of_file = f"{rng.choice(STEMS)}{rng.choice(('', f'-{number}'))}.{rng.choice(ENDS)}"
        names[rng.choice(FOLDERS)].add(name_of_file.encode())
    for folder in FOLDERS:
        beside = [one + b".xmp" for one in sorted(names[folder])[::9]]
        _list(writer, rng, volume_id, folder, [*sorted(names[folder]), *beside])
    due = ingest.facts_due(writer, 10_000, now_ns=NOW_NS)
    results = [
        FactsResult(item, facts=_facts(rng, item.path))
        if rng.random() < 0.9
        else FactsResult(item, finding=_BROKEN)
        for item in due
        if rng.random() < 0.93
    ]
    ingest.record_facts(writer, results, writer.zone, NOW_NS)
    hashes = [
        HashResult(
            item, ContentHash(rng.randbytes(1) * 31 + bytes([item.size % 256]))
        )  # one byte's choice: duplicates, merges and second locations
        for item in ingest.hash_due(writer, volume_id, 10_000, now_ns=NOW_NS)
        if rng.random() < 0.8
    ]
    identity.record_hashes(writer, hashes, NOW_NS)
    _read_sidecars(writer, volume_id)
    volumes.set_volume_state(writer, volume_id, state, None, NOW_NS)  # type: ignore[arg-type]
    return volume_id


def _read_sidecars(writer: Writer, volume_id: VolumeId) -> None:
    """Some say something, some are broken."""
    # Photos without facts, which there are for good here, would let sidecars wait.
    later_ns = NOW_NS + 10**9
    writer.execute("UPDATE content SET facts_retry_ns = ? WHERE facts_state = 'due'", (later_ns,))
    due = sidecars.sidecars_due(writer, 10_000, volume_id=volume_id, now_ns=NOW_NS)
    results = [
        FactsResult(item, finding=_BROKEN)
        if number % 4 == 0
        else FactsResult(
            item, facts=Facts(None, "application/rdf+xml", descriptive=Descriptive(rating=number % 6))
        )
        for number, item in enumerate(due)
    ]
    sidecars.record_sidecars(writer, results, NOW_NS)
    writer.execute("UPDATE content SET facts_retry_ns = NULL WHERE facts_state = 'due'")


_BROKEN = Finding("pillow", "12", "truncated")


def _list(writer: Writer, rng: random.Random, volume_id: VolumeId, folder: bytes, names: list[bytes]) -> None:
    below = {
        other[len(folder) :].strip(b"/").split(b"/")[0]
        for other in FOLDERS
        if other != folder and other.startswith(folder)
    }
    folders = [Observed(name, "d", 0, NOW_NS, NOW_NS, 0) for name in sorted(below)]
    mtimes = [NOW_NS - rng.randrange(10**18) for _ in names]
    files = [
        Observed(name, "f", 7_000_000 + rng.randint(-1, 1), mtime, mtime, rng.randrange(1, 2**40))
        for name, mtime in zip(names, mtimes, strict=True)
    ]
    seen_ns = NOW_NS - rng.randrange(8) * 86_400 * 10**9
    listing = DirectoryListing(
        folder, NOW_NS, (*folders, *files), is_first=True, is_last=True, digest=b"d" * 32
    )
    scanning.apply_listing(writer, volume_id, listing, seen_ns)
    scanning.finish_listing(writer, volume_id, folder, digest=b"d" * 32, mtime_ns=NOW_NS, now_ns=seen_ns)


def _facts(rng: random.Random, path: bytes) -> Facts:
    kind, mime = KINDS.get(path.rpartition(b".")[2].decode(), ("photo", "image/jpeg"))
    make, model = rng.choice(CAMERAS)
    moment = f"{rng.choice((1931, 2019, 2020, 2026))}-0{rng.randint(1, 9)}-1{rng.randint(0, 9)}T10:11:12"
    local = moment[: rng.choice((4, 7, 10, 19))] if rng.random() < 0.8 else None
    has_size, has_place = rng.random() < 0.7, rng.random() < 0.5
    return Facts(
        kind=kind,  # type: ignore[arg-type]
        mime=mime,
        width=rng.choice((1, 4000, 6000)) if has_size else None,
        height=rng.choice((1, 1080, 4000)) if has_size else None,
        duration_s=rng.choice((0.5, 60.0, 90.25)) if kind != "photo" else None,
        make=make,
        model=model,
        lens=rng.choice((None, "", "EF 50mm f/1.8", "Zoom_70%")),
        lat=rng.choice((0.0, 52.1, -33.9)) if has_place else None,
        lon=rng.choice((0.0, 13.4, 179.99)) if has_place else None,
        is_raw=mime == "image/x-adobe-dng",
        is_panorama=rng.random() < 0.1,
        candidates=(DateCandidate("ExifIFD:DateTimeOriginal", local, local, rng.choice((None, 0, 120))),)
        if local
        else (),
        findings=(_BROKEN,) if rng.random() < 0.1 else (),
        descriptive=_words(rng) if rng.random() < 0.4 else None,
        extra=_beside(rng),
    )


def _words(rng: random.Random) -> Descriptive:
    """Return what a program may have written into a file."""
    return Descriptive(
        title=rng.choice((None, "Sunset at sea")),
        rating=rng.choice((None, 0, 3)),
        is_rejected=rng.random() < 0.1,
        creators=rng.choice(((), ("Ansel Adams",), ("Ada", "Größe 50%"))),
        tags=rng.choice(((), ("animals/cat", "from file"), ("ANIMALS/dog",))),
        people=rng.choice(((), ("Anna Schmidt",), ("Ben",))),
        faces=rng.choice(((), (FaceRegion("Ben", 0.1, 0.1, 0.2, 0.2), FaceRegion(None, 0.5, 0.5, 0.1, 0.1)))),
    )


def _beside(rng: random.Random) -> dict[str, Any]:
    """Return what stands beside the picture."""
    found: dict[str, Any] = {}
    if rng.random() < 0.7:
        found["exposure"] = {
            "iso": rng.choice((100, 1600)),
            "f_number": rng.choice((1.8, 8)),
            "time_s": rng.choice((0.01667, 0.004, 2)),
            "focal_mm": rng.choice((4.25, 50)),
        }
    for name, value in (("motion", [9, 99]), ("frames", 7), ("frames", 1), ("gain_map", True)):
        if rng.random() < 0.1:
            found[name] = value
    return found


def _damage_some(writer: Writer, rng: random.Random, volume_id: VolumeId) -> None:
    """Some are found damaged; some of these are good again, and that is not written down yet."""
    due = [item for item in verifying.due(writer, volume_id, NOW_NS + 1, 0, 10_000) if rng.random() < 0.5]
    other = ContentHash(b"other bytes" + bytes(21))
    verifying.record(writer, [verifying.Reading(item, other, is_second=True) for item in due], NOW_NS + 10**9)
    for item in due[::4]:
        writer.execute(
            "UPDATE location SET verified_ns = ? WHERE id = ?", (NOW_NS + 2 * 10**9, item.location_id)
        )


def _lose_some(writer: Writer, rng: random.Random, volume_id: VolumeId) -> None:
    rows = writer.rows("SELECT id FROM location WHERE volume_id = ? ORDER BY id", (volume_id,))
    lost = [LocationId(row[0]) for row in rows if rng.random() < 0.2]
    absence.mark_missing(writer, volume_id, lost, NOW_NS)


VALUES: dict[str, tuple[str, ...]] = {
    "date": ("2019", "2019-05", "2020-03-14", "..2019", "2019..2020-05", "-3m..", "1931", "2026-09-21"),
    "added": ("2026", "-1w..", "..2025", "today"),
    "camera": ("canon", '"canon eos*"', "*d", "apple", '"apple iphone se"', "nikon|z50"),
    "lens": ("50mm", "*%", "zoom_70%"),
    "name": ("img", "img_*", "*_*", "50%", '"x(1)"', "grösse", "*abc123*"),
    "ext": ("jpg", "dng|mp4", "j*"),
    "path": ("zürich", "2019/*", "50%_off/*", "raw*", "*.jpg"),
    "volume": ("nas", '"alt： disk"', "a*", "n"),
    "uid": ("000000", "*a*", "7*"),
    "hash": ("00", "*ff", "1"),
    "mime": ("image/*", "video", "x-adobe"),
    "size": ("7MB", ">1k", "..6MB", "7000000..7000000"),
    "width": ("4000", "1..4000", "5000.."),
    "height": ("1080", "..1000"),
    "duration": ("60", "1m30s..", "..1"),
    "near": ("52.1,13.4,10km", "0,0,1m", "-33.9,-179.9,200km", "0,0,30000km"),
    "text": ("img", "beach", "cafe", '"sunset at"', "*50%*", "旅行", "rex", "potsdam", "*ermany"),
    "tag": (
        "animals",
        "cat",
        "dog",
        "Katze",
        "animals/*",
        "*cat",
        "strasse",
        '"50%_off"',
        "gone",
        "日本",
        "a*/*x",
        "animals/dog/rex|cat",
    ),
    "album": ("trips", '"rome 2019"', "best", "*été", "trips/*", "nothing"),
    "person": ("anna", "ann", "oe", "*渡辺*", '"o\'neil (junior)"', "渡", "schmidt", "*junior*"),
    "place": ("berlin", '"new york"', "*land*", "singapore", "zurich|reykjavik", '"state of"', "nowhere"),
    "country": ("germany", "united", "sing*", "*land*", "berlin"),
    "region": ("berlin", "brandenburg", '"new york"', "*region", "singapore"),
    "city": ("berlin", '"new york city"', "zur", "reykjavik|potsdam", "*ü*", "germany"),
    "title": ("beach", "cafe", "*50%*", "!!!", "'a*b'", "旅行"),
    "description": ("sun", '"at the"', "strasse", "*é*"),
    "creator": ("adams", '"ansel *"', "*50%", "ada"),
    "iso": ("100", "..1600", ">100"),
    "aperture": ("1.8", "f/8", "<=2.8"),
    "shutter": ("1/60", "1/250..2s", ">1/60", "2"),
    "focal": ("50", "50mm", "..10"),
    "rating": ("none", "0", "3..", "..2", ">=4", "<3", "2..3", ">5", "5|none"),
    "label": ("red", "gr*", "grün", "*"),
    "favorite": ("yes", "no"),
    "stack": (*STACK_KINDS, "000000"),
    "trashed": ("2026-09", "2026-09-20", "-3d..", "<2026-09-19", "today"),
    "type": tuple(TYPES),
    "has": tuple(HAS),
    "is": tuple(IS),
}
terms = st.sampled_from(sorted(VALUES)).flatmap(
    lambda name: st.sampled_from(VALUES[name]).map(
        lambda value: f"{name}{value}" if value[0] in "<>" else f"{name}={value}"
    )
)
words = st.sampled_from(
    [
        "berlin",
        '"new york"',
        "*burg*",
        "img",
        "beach",
        "*0001*",
        "grösse",
        '"50%"',
        "nothing",
        "cafe",
        "anna",
        "*cat*",
        "東",
        "!!!",
        "a'b",
    ]
)
queries = st.recursive(
    terms | words,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(" ".join),
        st.tuples(inner, inner).map(" OR ".join).map("({})".format),
        inner.map("-({})".format),
    ),
    max_leaves=6,
)


def test_every_field_is_asked() -> None:
    assert VALUES.keys() == FIELDS.keys()


@pytest.mark.parametrize(
    "query",
    [
        f"{name}={value}" if value[0] not in "<>" else f"{name}{value}"
        for name in VALUES
        for value in VALUES[name]
    ],
)
def test_each_term_and_its_negation_agree(seeded: Seeded, query: str) -> None:
    for text in (query, f"-{query}", f"is:any {query}", f"is:any -{query}"):
        predicate = parse(text, today=TODAY)
        assert seeded.by_sql(predicate) == seeded.by_python(predicate), text


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(queries)
def test_random_queries_agree(seeded: Seeded, query: str) -> None:
    predicate = parse(query, today=TODAY)
    assert seeded.by_sql(predicate) == seeded.by_python(predicate)


@dataclass
class Pairs:
    """The pairs of a query and a photo that were compared, each once."""

    matching: int = 0
    other: int = 0
    queries: set[str] = field(default_factory=set)

    def is_enough(self) -> bool:
        return self.matching >= 200 and self.other >= 200


def _compare(seeded: Seeded, query: str, pairs: Pairs) -> None:
    if query in pairs.queries:
        return
    predicate = parse(f"is:any {query}", today=TODAY)
    found = seeded.by_sql(predicate, page=1000)
    assert found == seeded.by_python(predicate), query
    pairs.matching += len(found)
    pairs.other += len(seeded.documents) - len(found)
    pairs.queries.add(query)


OPERATORS = [(name, operator) for name, described in FIELDS.items() for operator in described.ops]


@pytest.mark.parametrize("is_led", [True, False], ids=["by its index", "one by one"])
@pytest.mark.parametrize(("name", "operator"), OPERATORS)
def test_two_hundred_pairs_of_every_operator_agree(
    seeded: Seeded, monkeypatch: pytest.MonkeyPatch, name: str, operator: str, is_led: bool
) -> None:
    if not is_led:
        monkeypatch.setattr(leads, "NARROW", -1)
    rng = random.Random(f"{name} {operator}")
    known = list(seeded.documents.values())
    pairs = Pairs()
    for _ in range(2000):
        _compare(seeded, query_of(rng, name, operator, rng.choice(known)), pairs)
        if pairs.is_enough():
            break
    assert pairs.is_enough(), pairs


@pytest.mark.parametrize(
    "shape",
    ["{0} {1}", "{0} AND {1}", "{0} OR {1}", "({0} | {1}) {2}", "NOT {0}", "-({0} {1})", "{0} (-{1} OR {2})"],
)
def test_two_hundred_pairs_of_every_connection_of_terms_agree(seeded: Seeded, shape: str) -> None:
    rng = random.Random(shape)
    known = list(seeded.documents.values())
    names = [name for name in FIELDS if name not in ("uid", "hash")]
    pairs = Pairs()
    for _ in range(400):
        document = rng.choice(known)
        parts = [query_of(rng, rng.choice(names), "=", document) for _ in range(3)]
        _compare(seeded, shape.format(*parts), pairs)
        if pairs.is_enough() and len(pairs.queries) >= 40:
            break
    assert pairs.is_enough(), pairs


def test_an_alias_of_a_tag_means_the_tag(seeded: Seeded) -> None:
    assert (
        seeded.by_sql(parse("tag=katze", today=TODAY))
        == seeded.by_sql(parse("tag=animals/cat", today=TODAY))
        != []
    )


def test_the_photos_are_varied_enough_for_the_test_to_mean_something(seeded: Seeded) -> None:
    assert set(seeded.states.values()) == {"shown", "pending", "missing", "trashed", "hidden", "alias"}
    for query in [
        *(f"is:{word}" for word in IS if word not in ("live", "screenshot")),
        *(f"has:{word}" for word in HAS),
    ]:
        found = seeded.by_sql(parse(f"is:any {query}", today=TODAY))
        assert 0 < len(found) <= len(seeded.documents), query
        if query != "is:any":
            assert len(found) < len(seeded.documents), query


def test_an_empty_query_is_everything_but_the_trash_the_hidden_and_the_missing(seeded: Seeded) -> None:
    shown = [asset_id for asset_id in seeded.documents if seeded.states[asset_id] in ("shown", "pending")]
    assert seeded.by_sql(parse("", today=TODAY)) == shown
    assert seeded.by_sql(parse("is:any", today=TODAY)) == sorted(seeded.documents)


def test_pages_join_without_gap_or_overlap(seeded: Seeded) -> None:
    predicate = parse("type=photo", today=TODAY)
    assert seeded.by_sql(predicate, page=1) == seeded.by_sql(predicate, page=1000)


def test_documents_of_the_seeded_photos_are_valid(seeded: Seeded) -> None:
    from integration.cli_runner import validate

    for document in seeded.documents.values():
        validate(document, "photo")
