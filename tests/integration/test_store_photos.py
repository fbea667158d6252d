"""Photo documents, how a word names a photo, why a date or a name, and queries: SQL face = Python face."""

from __future__ import annotations

import base64
import json
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.commands import execute
from catalog.commands.layer import (
    AlbumAdd,
    DateClear,
    DateSet,
    Describe,
    FaceAdd,
    Favorite,
    Hide,
    Label,
    LayerCommand,
    PersonAdd,
    PlaceSet,
    Rate,
    Reject,
    StackCover,
    StackMake,
    StackSplit,
    TagAdd,
    TagRemove,
    Title,
    TrashPut,
    TrashRestore,
)
from catalog.errors import NotFound
from catalog.facts import FactsResult
from catalog.ids import AssetId
from catalog.query import parse
from catalog.store import assets, find, ingest, leads, photos, volumes
from catalog.store.edits import Edit
from store_harness import StoreHarness, make_harness

TODAY = date(2026, 9, 21)
FIELDS = [
    "uid", "hash", "kind", "mime", "size", "width", "height", "orientation", "duration_s", "capture", "camera",
    "position", "place", "title", "description", "rating", "rejected", "label", "favorite", "hidden", "tags", "people",
    "faces", "stack", "trashed_at", "findings", "locations", "views", "sources",
]  # fmt: skip


def document(catalog: StoreHarness, path: bytes) -> photos.Document:
    (found,) = photos.documents(catalog.writer, [catalog.asset_at(path)])
    return found


def test_a_document_has_every_field_of_the_contract_before_anything_is_read(catalog: StoreHarness) -> None:
    catalog.put(b"IMG_1.JPG", "x")
    catalog.scan()
    found = document(catalog, b"IMG_1.JPG")
    assert set(FIELDS) <= set(found)
    assert json.loads(json.dumps(found)) == found
    assert found["capture"] is found["hash"] is found["width"] is found["position"] is None
    assert found["views"] == ["Originals/Photos/IMG_1.JPG"]
    assert found["sources"] == {}


def test_a_document_tells_what_the_bytes_say(catalog: StoreHarness) -> None:
    catalog.put(b"a/IMG_1.JPG", "x")
    catalog.scan()
    catalog.read_facts(
        width=4, height=3, orientation=6, make=" Canon ", model="EOS", lens="50mm", lat=0.0, lon=-1.5
    )
    catalog.read_hashes()
    found = document(catalog, b"a/IMG_1.JPG")
    assert found["hash"] == catalog.digest_at(b"a/IMG_1.JPG").hex()
    assert (found["width"], found["height"], found["orientation"]) == (4, 3, 6)
    assert found["camera"] == {"make": "Canon", "model": "EOS", "lens": "50mm"}
    assert found["position"] == {"lat": 0.0, "lon": -1.5, "alt": None}
    assert found["capture"]["local"] == "2019-08-07T12:00:00"
    assert found["capture"]["offset_min"] is None or isinstance(found["capture"]["offset_min"], int)
    assert found["views"] == [
        "Timeline/2019/2019-08/2019-08-07/IMG_1.JPG",
        "Recent/2026-09-21/IMG_1.JPG",
        "Types/Photos/2019/IMG_1.JPG",
        "Cameras/Canon EOS/2019/IMG_1.JPG",
        "Originals/Photos/a/IMG_1.JPG",
    ]
    assert found["sources"] == {"capture": "embedded", "camera": "embedded", "position": "embedded"}
    assert (found["types"], found["added"], found["name"]) == (["photo"], "2026-09-21", "IMG_1.JPG")


def test_paths_that_are_no_text_come_exact_as_well(catalog: StoreHarness) -> None:
    catalog.put(b"d/\xff.jpg", "x")
    catalog.scan()
    (location,) = document(catalog, b"d/\xff.jpg")["locations"]
    assert location["path"] == "d/\ufffd.jpg"
    assert base64.b64decode(location["path_b64"]) == b"d/\xff.jpg"


def test_the_state_of_a_location_follows_file_and_volume(catalog: StoreHarness) -> None:
    catalog.put(b"IMG_1.JPG", "x")
    catalog.ingest()
    states = []
    for state in ("online", "suspect", "offline", "disabled"):
        volumes.set_volume_state(catalog.writer, catalog.volume_id, state, "test", 5)  # type: ignore[arg-type]
        states.append(document(catalog, b"IMG_1.JPG")["locations"][0]["state"])
    assert states == ["present", "offline", "offline", "offline"]
    catalog.remove(b"IMG_1.JPG")
    catalog.scan()
    assert document(catalog, b"IMG_1.JPG")["locations"][0]["state"] == "missing"


def test_a_photo_whose_bytes_are_nowhere_says_where_they_were(catalog: StoreHarness) -> None:
    catalog.put(b"A.JPG", "alpha")
    catalog.put(b"B.JPG", "beta", inode=2)
    catalog.ingest()
    lost = catalog.asset_at(b"A.JPG")
    catalog.put(b"A.JPG", "beta", inode=3)
    catalog.ingest()
    (found,) = photos.documents(catalog.writer, [lost])
    assert found["locations"] == [{"volume": "Photos", "path": "A.JPG", "path_b64": None, "state": "missing"}]
    assert found["capture"]["local"] == "2019-08-07T12:00:00"
    assert found["views"] == []


def do(catalog: StoreHarness, *commands: LayerCommand) -> None:
    for command in commands:
        catalog.now_ns += 10**9
        execute(catalog.writer, command, now_ns=catalog.now_ns)


def uid(catalog: StoreHarness, path: bytes) -> str:
    return str(catalog.column(catalog.asset_at(path), "uid"))


def test_what_people_say_is_in_the_document_with_its_source(catalog: StoreHarness) -> None:
    catalog.put(b"IMG_1.JPG", "x")
    catalog.ingest()
    one = (uid(catalog, b"IMG_1.JPG"),)
    do(
        catalog, Title(one, "Sea"), Describe(one, "At the sea"), Rate(one, 4), Label(one, "Red"), Favorite(one), Reject(one),
        TagAdd(one, ("animals/cat", "b")), AlbumAdd(one, "Trips/Rome", is_created=True), PersonAdd(one, "Bo"), PlaceSet(one, 1.5, -2.5, 3),
        FaceAdd(one[0], 0.5, 0.25, 0.125, 0.125, "Anna"), FaceAdd(one[0], 0.25, 0.25, 0.125, 0.125),
    )  # fmt: skip
    found = document(catalog, b"IMG_1.JPG")
    told = {
        name: found[name]
        for name in (
            "title",
            "description",
            "rating",
            "label",
            "favorite",
            "rejected",
            "hidden",
            "tags",
            "albums",
            "people",
        )
    }
    assert told == {
        "title": "Sea", "description": "At the sea", "rating": 4, "label": "Red", "favorite": True, "rejected": True, "hidden": False,
        "tags": ["animals/cat", "b"], "albums": ["Trips/Rome"], "people": ["Anna", "Bo"],
    }  # fmt: skip
    assert [(face["name"], face["x"]) for face in found["faces"]] == [(None, 0.25), ("Anna", 0.5)]
    assert found["position"] == {"lat": 1.5, "lon": -2.5, "alt": 3}
    said = {
        "title", "description", "rating", "label", "favorite", "rejected", "position", "tags", "albums", "people", "faces",
    }  # fmt: skip
    assert found["sources"] == {"capture": "embedded", **dict.fromkeys(said, "user")}
    assert found["views"] == [
        "Timeline/2019/2019-08/2019-08-07/IMG_1.JPG", "Recent/2026-09-21/IMG_1.JPG", "Types/Photos/2019/IMG_1.JPG",
        "Albums/Trips/Rome/IMG_1.JPG", "Tags/animals/_all/IMG_1.JPG", "Tags/animals/cat/IMG_1.JPG", "Tags/animals/cat/_all/IMG_1.JPG",
        "Tags/b/IMG_1.JPG", "Tags/b/_all/IMG_1.JPG", "People/Bo/2019/IMG_1.JPG", "People/Anna/2019/IMG_1.JPG", "Favorites/IMG_1.JPG",
        "Ratings/4/IMG_1.JPG", "Originals/Photos/IMG_1.JPG",
    ]  # fmt: skip


def test_a_photo_in_the_trash_is_in_its_folder_alone_and_keeps_what_is_said(catalog: StoreHarness) -> None:
    catalog.put(b"IMG_1.JPG", "x")
    catalog.ingest()
    one = (uid(catalog, b"IMG_1.JPG"),)
    do(catalog, TagAdd(one, ("a",)), Hide(one), Title(one, "Sea"))
    assert document(catalog, b"IMG_1.JPG")["views"] == ["Originals/Photos/IMG_1.JPG"]
    do(catalog, TrashPut(one))
    found = document(catalog, b"IMG_1.JPG")
    assert (found["title"], found["tags"], found["hidden"], found["trashed_on"]) == (
        "Sea",
        ["a"],
        True,
        "2026-09-21",
    )
    assert found["trashed_at"] == "2026-09-21T14:13:24.000000Z".replace(".000000", "")
    assert found["views"] == ["Trash/2026-09-21/IMG_1.JPG", "Originals/Photos/IMG_1.JPG"]
    assert {"trashed_at", "hidden", "title", "tags"} <= found["sources"].keys()
    assert agree(catalog, "is:hidden is:trashed") == [catalog.asset_at(b"IMG_1.JPG")]


def test_members_of_a_stack_say_so_and_are_listed_where_their_cover_is_not(catalog: StoreHarness) -> None:
    catalog.put(b"IMG_1.JPG", "jpeg")
    catalog.put(b"IMG_1.CR2", "raw", inode=2)
    catalog.scan()
    raw = catalog.asset_at(b"IMG_1.CR2")
    for item in ingest.facts_due(catalog.writer, 100):
        mime = {"mime": "image/x-canon-cr2", "is_raw": True} if item.path.endswith(b"CR2") else {}
        ingest.record_facts(
            catalog.writer,
            [FactsResult(item, catalog.facts(item, **mime))],
            catalog.writer.zone,
            catalog.now_ns,
        )
    jpeg_uid, raw_uid = uid(catalog, b"IMG_1.JPG"), uid(catalog, b"IMG_1.CR2")
    do(catalog, TagAdd((raw_uid,), ("raws",)))
    jpeg, found = document(catalog, b"IMG_1.JPG"), document(catalog, b"IMG_1.CR2")
    assert found["stack"] == jpeg["stack"]
    assert found["stack"]["kind"] == "raw"
    assert (found["stack"]["cover"], set(found["stack"]["members"])) == (jpeg_uid, {jpeg_uid, raw_uid})
    stack = next(path for path in found["views"] if path.startswith("Stacks/2019/IMG_1~"))
    assert [path for path in found["views"] if path != stack] == [
        "Types/RAW/2019/IMG_1.CR2", "Tags/raws/IMG_1.CR2", "Tags/raws/_all/IMG_1.CR2", "Originals/Photos/IMG_1.CR2",
    ]  # fmt: skip
    told = photos.explain_hidden(catalog.writer, raw)
    (reason,) = told["reasons"]
    assert (reason["kind"], reason["cover"], reason["stack"], reason["by"]) == (
        "covered",
        jpeg_uid,
        found["stack"]["id"],
        "rule",
    )
    assert "rule raw" in reason["message"]
    do(catalog, StackCover(raw_uid))
    (reason,) = photos.explain_hidden(catalog.writer, catalog.asset_at(b"IMG_1.JPG"))["reasons"]
    assert (reason["cover"], reason["by"]) == (raw_uid, "user")
    assert agree(catalog, "is:cover") == [raw]
    assert (
        agree(catalog, "stack=raw")
        == agree(catalog, f"stack={found['stack']['id'][:8]}")
        == agree(catalog, "is:stacked")
    )
    do(catalog, TrashPut((raw_uid, jpeg_uid)))
    assert document(catalog, b"IMG_1.JPG")["stack"]["cover"] is None


def test_a_stack_of_which_one_is_left_is_none(catalog: StoreHarness) -> None:
    catalog.put(b"IMG_1.JPG", "one")
    catalog.put(b"IMG_2.JPG", "two", inode=2)
    catalog.ingest()
    both = (uid(catalog, b"IMG_1.JPG"), uid(catalog, b"IMG_2.JPG"))
    do(catalog, StackMake(both))
    assert len(agree(catalog, "is:stacked")) == len(agree(catalog, "stack=manual")) == 2
    do(catalog, StackSplit(both[1:]))
    assert document(catalog, b"IMG_1.JPG")["stack"] is None
    for query in ("is:stacked", "stack=manual", "is:cover", "has:stack"):
        assert agree(catalog, query) == []


def test_layers_tell_every_saying_and_the_one_that_wins(catalog: StoreHarness) -> None:
    catalog.put(b"IMG_1.JPG", "x")
    catalog.scan()
    catalog.read_facts(lat=52.0, lon=13.0)
    asset_id, one = catalog.asset_at(b"IMG_1.JPG"), (uid(catalog, b"IMG_1.JPG"),)
    layers = photos.explain_layers(catalog.writer, asset_id)["layers"]
    assert {
        name: [(said["layer"], said["wins"]) for said in sayings] for name, sayings in layers.items()
    } == {
        "capture": [("embedded", True)],
        "position": [("embedded", True)],
    }
    do(
        catalog,
        PlaceSet(one, None, None),
        DateSet(one, "1999"),
        TagAdd(one, ("a/b",)),
        TagRemove(one, ("a/b",)),
        PersonAdd(one, "Anna"),
    )
    with catalog.writer.atomic():
        edit = Edit(catalog.writer, author="a.xmp", now_ns=catalog.now_ns, source="sidecar")
        edit.say([asset_id], "title", "Sea")
        edit.finish({"do": "test"})
    do(catalog, Title(one, "Lake"))
    layers = photos.explain_layers(catalog.writer, asset_id)["layers"]
    short = {
        name: [(said["layer"], said["value"], said["wins"]) for said in sayings]
        for name, sayings in layers.items()
    }
    assert short["position"] == [
        ("user", None, True),
        ("embedded", {"lat": 52.0, "lon": 13.0, "alt": None}, False),
    ]
    assert short["title"] == [("user", "Lake", True), ("sidecar", "Sea", False)]
    assert short["tag"] == [("user", "a/b", True)]
    assert short["person"] == [("user", "Anna", True)]
    assert layers["tag"][0]["removed"] is True
    assert layers["title"][0]["author"] == "owner"
    assert layers["title"][1]["author"] == "a.xmp"
    assert layers["title"][1]["made_at"].startswith("2026-09-21T")
    assert [(said["layer"], said["value"]["local"], said["wins"]) for said in layers["capture"]] == [
        ("user", "1999", True),
        ("embedded", "2019-08-07T12:00:00", False),
    ]
    do(catalog, DateClear(one), TrashPut(one), TrashRestore(one))
    layers = photos.explain_layers(catalog.writer, asset_id)["layers"]
    assert [said["wins"] for said in layers["capture"]] == [True]


def test_why_hidden_tells_who_and_when(catalog: StoreHarness) -> None:
    catalog.put(b"IMG_1.JPG", "x")
    catalog.scan()
    asset_id, one = catalog.asset_at(b"IMG_1.JPG"), (uid(catalog, b"IMG_1.JPG"),)
    assert [reason["kind"] for reason in photos.explain_hidden(catalog.writer, asset_id)["reasons"]] == [
        "pending"
    ]
    catalog.read_facts()
    told = photos.explain_hidden(catalog.writer, asset_id)
    assert (told["reasons"], told["is_listed"], told["state"]) == ([], True, "shown")
    do(catalog, Hide(one), TrashPut(one))
    catalog.remove(b"IMG_1.JPG")
    catalog.scan()
    told = photos.explain_hidden(catalog.writer, asset_id)
    assert [(reason["kind"], reason["by"]) for reason in told["reasons"]] == [
        ("trashed", "owner"),
        ("hidden", "owner"),
        ("missing", None),
    ]
    assert all(reason["since"] for reason in told["reasons"])
    do(catalog, TrashRestore(one), Hide(one, is_hidden=False))
    assert [reason["kind"] for reason in photos.explain_hidden(catalog.writer, asset_id)["reasons"]] == [
        "missing"
    ]


def test_why_missing_tells_every_place_and_since_when(catalog: StoreHarness) -> None:
    catalog.put(b"a/IMG_1.JPG", "x")
    catalog.put(b"b/\xff.JPG", "x", inode=2)
    catalog.ingest()
    asset_id = catalog.asset_at(b"a/IMG_1.JPG")
    told = photos.explain_missing(catalog.writer, asset_id, catalog.now_ns)
    assert (told["is_missing"], [place["state"] for place in told["places"]]) == (
        False,
        ["present", "present"],
    )
    volumes.set_volume_state(catalog.writer, catalog.volume_id, "offline", "unplugged", 5)
    assert "not deletion" in photos.explain_missing(catalog.writer, asset_id, catalog.now_ns)["rule"]
    volumes.set_volume_state(catalog.writer, catalog.volume_id, "online", None, 5)
    catalog.remove(b"a/IMG_1.JPG")
    catalog.scan()
    told = photos.explain_missing(catalog.writer, asset_id, catalog.now_ns)
    assert (told["is_missing"], [place["state"] for place in told["places"]]) == (
        False,
        ["missing", "present"],
    )
    catalog.remove(b"b/\xff.JPG")
    catalog.scan()
    told = photos.explain_missing(catalog.writer, asset_id, catalog.now_ns)
    assert told["is_missing"] is True
    assert told["places"][0]["missing_since"] is not None
    assert [place["path"] for place in told["places"]] == ["a/IMG_1.JPG", "b/\ufffd.JPG"]
    assert [place["path_b64"] for place in told["places"]] == [None, base64.b64encode(b"b/\xff.JPG").decode()]


def test_why_missing_tells_of_bytes_whose_file_holds_others_now(catalog: StoreHarness) -> None:
    catalog.put(b"A.JPG", "alpha")
    catalog.put(b"B.JPG", "beta", inode=2)
    catalog.ingest()
    lost = catalog.asset_at(b"A.JPG")
    catalog.put(b"A.JPG", "beta", inode=3)
    catalog.ingest()
    told = photos.explain_missing(catalog.writer, lost, catalog.now_ns)
    assert (told["is_missing"], [(place["path"], place["state"]) for place in told["places"]]) == (
        True,
        [("A.JPG", "replaced")],
    )
    assert "holds others now" in told["rule"]


def test_documents_keep_the_order_asked_for_and_leave_out_what_is_none(catalog: StoreHarness) -> None:
    for number in range(3):
        catalog.put(b"IMG_%d.JPG" % number, f"{number}")
    catalog.ingest()
    wanted = [AssetId(3), AssetId(99), AssetId(1)]
    assert [one["name"] for one in photos.documents(catalog.writer, wanted)] == ["IMG_2.JPG", "IMG_0.JPG"]
    assert photos.documents(catalog.writer, []) == []


def test_a_photo_is_named_by_uid_prefix_or_short(catalog: StoreHarness) -> None:
    catalog.put(b"IMG_1.JPG", "x")
    catalog.scan()
    uid = document(catalog, b"IMG_1.JPG")["uid"]
    for text in (uid, uid.upper(), uid[:6], uid[:11], "~" + uid[:6], "~" + uid[:6].upper()):
        assert photos.resolve_photo(catalog.writer, text) == 1
    for text in (
        "",
        "x",
        uid[:5],
        uid + "0",
        uid[:-1] + ("0" if uid[-1] != "0" else "1"),
        "~~" + uid,
        "ü" * 26,
    ):
        with pytest.raises(NotFound):
            photos.resolve_photo(catalog.writer, text)


def test_a_merged_uid_leads_to_the_photo_it_became(catalog: StoreHarness) -> None:
    catalog.put(b"a.jpg", "same")
    catalog.put(b"b.jpg", "same", inode=2)
    catalog.scan()
    uids = [document(catalog, path)["uid"] for path in (b"a.jpg", b"b.jpg")]
    catalog.read_hashes()
    assert [photos.resolve_photo(catalog.writer, uid) for uid in uids] == [1, 1]


def test_photos_are_found_by_the_path_of_their_original(catalog: StoreHarness) -> None:
    for path in (b"a/1.jpg", b"a/b/2.jpg", b"a0/3.jpg", b"4.jpg", b"a/notes.txt"):
        catalog.put(path, path.decode())
    catalog.ingest()
    at = catalog.asset_at
    assert photos.asset_at(catalog.writer, catalog.volume_id, b"a/b/2.jpg") == at(b"a/b/2.jpg")
    assert photos.asset_at(catalog.writer, catalog.volume_id, b"4.jpg") == at(b"4.jpg")
    for path in (b"a/notes.txt", b"a", b"nothing.jpg", b""):
        assert photos.asset_at(catalog.writer, catalog.volume_id, path) is None
    below = sorted([at(b"a/1.jpg"), at(b"a/b/2.jpg")])
    assert photos.assets_below(catalog.writer, catalog.volume_id, b"a", AssetId(0), 10) == below
    assert photos.assets_below(catalog.writer, catalog.volume_id, b"a", below[0], 10) == below[1:]
    assert len(photos.assets_below(catalog.writer, catalog.volume_id, b"", AssetId(0), 10)) == 4


def test_why_a_date_lists_every_candidate_with_a_verdict(catalog: StoreHarness) -> None:
    catalog.put(b"2001/IMG_20020202_101112.JPG", "x")
    catalog.ingest()
    asset_id = catalog.asset_at(b"2001/IMG_20020202_101112.JPG")
    told = photos.explain_date(catalog.writer, asset_id)
    assert json.loads(json.dumps(told)) == told
    assert told["capture"]["local"] == "2019-08-07T12:00:00"
    assert [one["source"] for one in told["candidates"] if one["verdict"] == "won"] == [
        "ExifIFD:DateTimeOriginal"
    ]
    assert {"filename", "mtime"} <= {one["source"] for one in told["candidates"]}
    assert all(one["reason"] for one in told["candidates"])
    said = '{"local": "1999", "precision": "year", "source": "user", "confidence": "exact"}'
    catalog.say(asset_id, "capture", said)
    assets.refresh(catalog.writer, [asset_id], catalog.now_ns, catalog.writer.zone)
    told = photos.explain_date(catalog.writer, asset_id)
    assert (told["layer"], told["capture"]["local"]) == ("user", "1999")
    with pytest.raises(NotFound):
        photos.explain_date(catalog.writer, AssetId(99))


def test_why_a_name_tells_who_has_the_plain_one(catalog: StoreHarness) -> None:
    catalog.put(b"a/IMG_1.JPG", "one")
    catalog.put(b"b/IMG_1.JPG", "two", inode=2)
    catalog.put(b"b/bad\xff.jpg", "three", inode=3)
    catalog.ingest()
    first, second = document(catalog, b"a/IMG_1.JPG"), document(catalog, b"b/IMG_1.JPG")
    told = photos.explain_name(catalog.writer, catalog.asset_at(b"b/IMG_1.JPG"))
    timeline = told["folders"][0]
    assert timeline["folder"] == "Timeline/2019/2019-08/2019-08-07"
    assert timeline["name"] == f"IMG_1~{second['uid'][:6]}.JPG"
    assert timeline["plain_owner"] == first["uid"]
    assert [f"{one['folder']}/{one['name']}" for one in told["folders"]] == second["views"][:-1]
    told = photos.explain_name(catalog.writer, catalog.asset_at(b"b/bad\xff.jpg"))
    assert told["always_suffixed"] is True
    assert "short id" in told["folders"][0]["reason"]


# ---- queries


@pytest.fixture(scope="module")
def varied(tmp_path_factory: pytest.TempPathFactory) -> StoreHarness:
    """Photos of many states, cameras, dates and places; read only."""
    catalog = make_harness(tmp_path_factory.mktemp("find") / "library")
    dates = ["2019-08-07T10:00:00", "2019-08", "2019", "1931-01-01", None, "2020-02-29T23:59:59"]
    for number in range(36):
        path = b"dir%d/IMG_%d%s" % (number % 3, number, [b".JPG", b".mp4", b".cr2"][number % 3])
        catalog.put(path, "b" * (number + 1), inode=number)
        catalog.dates[path] = dates[number % 6]
    catalog.put(b"dir0/Gr\xc3\xb6\xc3\x9fe %_\xff.jpg", "odd", inode=100)
    catalog.put(b"dir1/copy.jpg", "b" * 7, inode=101)
    catalog.scan()
    facts = (
        {"make": "Canon", "model": "Canon EOS 5D", "lat": 52.1, "lon": 13.4, "width": 4000, "height": 3000},
        {
            "make": "Apple",
            "model": "iPhone",
            "lens": "back camera",
            "kind": "video",
            "mime": "video/mp4",
            "duration_s": 61.5,
        },
        {"is_raw": True, "is_panorama": True, "model": "ÜBER", "lat": 0.0, "lon": 0.0, "alt": 5.0},
    )
    for item in ingest.facts_due(catalog.writer, 100)[:30]:
        fields = facts[int(item.location_id) % 3]
        result = FactsResult(item, catalog.facts(item, **fields))
        ingest.record_facts(catalog.writer, [result], catalog.writer.zone, catalog.now_ns)
    some = ingest.facts_due(catalog.writer, 100)
    catalog.fail_facts(some[0].path)
    unread = [item.path for item in ingest.hash_due(catalog.writer, catalog.volume_id, 100)]
    catalog.read_hashes(*[path for path in unread if path.endswith((b".JPG", b"copy.jpg"))])
    for path in (b"dir0/IMG_0.JPG", b"dir1/IMG_4.mp4"):
        catalog.remove(path)
    catalog.scan()
    catalog.say(AssetId(9), "hidden", "true")
    catalog.say(AssetId(10), "trashed", "5")
    with catalog.writer.atomic():
        assets.refresh(catalog.writer, [AssetId(9), AssetId(10)], catalog.now_ns, catalog.writer.zone)
    assert catalog.check() == []
    return catalog


def agree(catalog: StoreHarness, query: str) -> list[AssetId]:
    """Return what SQL finds, after comparing it with what the documents say."""
    predicate = parse(query, today=TODAY)
    found = find.matching(catalog.writer, predicate, AssetId(0), 1000)
    known = [AssetId(row[0]) for row in catalog.writer.rows("SELECT id FROM asset WHERE merged_into IS NULL")]
    from catalog.query import excluded_states

    excluded = excluded_states(predicate)
    expected = [
        asset_id
        for asset_id, one in zip(known, photos.documents(catalog.writer, known), strict=True)
        if predicate.match(one) and catalog.column(asset_id, "state") not in excluded
    ]
    assert found == expected, query
    return found


TERMS = [
    "IMG_1*", "name=*.jpg", "größe*", "name=*%_*", "ext=mp4", "date=2019", "date=2019-08", "date=..1950", "added=2026",
    "type=raw", "type=video|audio", "camera=canon", "camera='Apple iPhone'", "camera=über", "lens=*camera", "path=dir1/*",
    "volume=photos", "volume=other", "hash=*bb*", "mime=video/*", "mime=image/jpeg", "size>10", "size=5..9", "width>=4000",
    "height=3000", "duration>1m", "near=52.1,13.4,1km", "near=0,0,10km", "has:gps", "has:camera", "has:lens", "has:date",
    "has:offset", "has:hash", "has:dimensions", "has:finding", "is:any", "is:trashed", "is:hidden", "is:missing",
    "is:offline", "is:pending", "is:undated", "is:photo", "is:raw", "is:panorama", "is:screenshot",
]  # fmt: skip


@pytest.mark.parametrize("query", TERMS)
def test_sql_and_python_agree_on_every_term_and_its_opposite(varied: StoreHarness, query: str) -> None:
    agree(varied, query)
    agree(varied, f"NOT {query}")
    agree(varied, f"{query} is:any")
    agree(varied, f"NOT {query} is:any")


def test_the_terms_are_not_all_empty(varied: StoreHarness) -> None:
    found = {query: len(agree(varied, f"{query} is:any")) for query in TERMS}
    empty = {query for query, count in found.items() if count == 0}
    assert empty <= {"volume=other", "is:offline", "is:screenshot", "has:offset"}


def test_an_empty_query_finds_what_is_neither_trashed_hidden_nor_missing(varied: StoreHarness) -> None:
    states = {varied.column(asset_id, "state") for asset_id in agree(varied, "")}
    assert states == {"shown", "pending"}


def test_offline_photos_are_found_while_their_volume_is_away(varied: StoreHarness) -> None:
    volumes.set_volume_state(varied.writer, varied.volume_id, "offline", "unplugged", 5)
    assert agree(varied, "is:offline")
    assert agree(varied, "NOT is:offline is:any")
    volumes.set_volume_state(varied.writer, varied.volume_id, "online", None, 6)


def test_answers_come_in_pages(varied: StoreHarness) -> None:
    whole = agree(varied, "")
    predicate, paged = parse("", today=TODAY), list[AssetId]()
    while page := find.matching(varied.writer, predicate, paged[-1] if paged else AssetId(0), 7):
        paged.extend(page)
    assert paged == whole


def test_a_narrow_date_finds_the_same_by_the_other_plan(
    varied: StoreHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    for query in ("date=2019-08", "date=2019 type=raw", "date=2019-08-07 -camera=canon"):
        narrow = agree(varied, query)
        monkeypatch.setattr(leads, "NARROW", -1)
        assert agree(varied, query) == narrow
        monkeypatch.undo()


trees = st.recursive(
    st.sampled_from(TERMS),
    lambda parts: st.one_of(
        st.tuples(parts, parts).map(lambda pair: f"({pair[0]} {pair[1]})"),
        st.tuples(parts, parts).map(lambda pair: f"({pair[0]} OR {pair[1]})"),
        parts.map(lambda part: f"NOT ({part})"),
    ),
    max_leaves=6,
)


@pytest.mark.slow
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(query=trees)
def test_sql_and_python_agree_on_random_trees(varied: StoreHarness, query: str) -> None:
    agree(varied, query)


def test_counts_are_of_everything(varied: StoreHarness) -> None:
    told = find.stats(varied.writer)
    assert json.loads(json.dumps(told)) == told
    rows = varied.writer.rows("SELECT state, count(*) FROM asset GROUP BY state")
    assert {state: count for state, count in rows if state != "alias"} == {
        state: count for state, count in told["states"].items() if count
    }
    assert told["merged"] == 1
    assert told["files"] == {"present": 36, "missing": 2}
