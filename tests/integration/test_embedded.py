"""What files say of title, tags, people and faces: visible at once, below every word of a person, element by element."""

from __future__ import annotations

import random
from contextlib import suppress
from typing import Any

import pytest
from editing import Photos, make_photos

from catalog.buckets import View
from catalog.commands.layer import (
    Describe,
    FaceRemove,
    PersonAdd,
    PersonMerge,
    PersonRemove,
    PersonRename,
    Rate,
    TagAdd,
    TagAlias,
    TagCreate,
    TagDelete,
    TagRemove,
    TagRename,
    Title,
    Undo,
)
from catalog.errors import GlassineError
from catalog.facts import Descriptive, FaceRegion
from catalog.store import assets, embedded_names, held, ingest, renewal, tags
from catalog.store.photos import explain_layers
from random_layer import speak
from store_harness import StoreHarness

ANNA = FaceRegion("Anna", 0.1, 0.2, 0.3, 0.4)
NOBODY = FaceRegion(None, 0.6, 0.2, 0.1, 0.1)
SAID = Descriptive(
    title="At the sea",
    description="Wind\nand waves",
    rating=4,
    label="Red",
    creators=("Ada", "Grace"),
    rights="CC BY",
    tags=("places/beach", "holiday"),
    people=("Anna", "Ben"),
    faces=(ANNA, NOBODY),
)


def reading(catalog: StoreHarness, *said: Descriptive | None, **facts: object) -> Photos:
    """Ingest one photo for each of these, whose files say so."""
    for index, descriptive in enumerate(said):
        catalog.said_by[f"d{index}/IMG_{index}.JPG".encode()] = {"descriptive": descriptive, **facts}
    found = make_photos(catalog, len(said))
    assert catalog.check() == []
    return found


def folders(photos: Photos, view: View) -> list[str]:
    return sorted(set(photos.catalog.shown(view)))


def document(photos: Photos, index: int = 0) -> dict[str, Any]:
    return photos.document(index)


def paths(photos: Photos) -> list[str]:
    return [tag.path for tag in tags.tags(photos.catalog.writer)]


def test_what_a_file_says_is_in_its_document_and_its_folders(catalog: StoreHarness) -> None:
    photos = reading(catalog, SAID, None)
    said = document(photos)
    assert (said["title"], said["description"], said["rating"]) == ("At the sea", "Wind\nand waves", 4)
    assert (said["label"], said["creator"], said["rights"]) == ("Red", "Ada; Grace", "CC BY")
    assert (said["tags"], said["people"]) == (["holiday", "places/beach"], ["Anna", "Ben"])
    assert [face["name"] for face in said["faces"]] == ["Anna", None]
    told = ("title", "description", "rating", "label", "creator", "rights", "tags", "people", "faces")
    assert {said["sources"][name] for name in told} == {"embedded"}
    assert "Tags/places/beach/IMG_0.JPG" in said["views"]
    assert "People/Anna/2019/IMG_0.JPG" in said["views"]
    assert "Ratings/4/IMG_0.JPG" in said["views"]
    assert document(photos, 1)["tags"] == []
    assert catalog.writer.value("SELECT count(*) FROM journal") == 0


def test_files_of_the_same_words_share_their_tags_and_people(catalog: StoreHarness) -> None:
    photos = reading(catalog, SAID, SAID, Descriptive(tags=("Holiday", "PLACES/sand"), people=("anna",)))
    assert paths(photos) == ["holiday", "places", "places/beach", "places/sand"]
    assert photos.of("tags")[2] == ["holiday", "places/sand"]
    assert photos.of("people") == [["Anna", "Ben"], ["Anna", "Ben"], ["Anna"]]


def test_regions_are_upright_whatever_the_orientation(catalog: StoreHarness) -> None:
    photos = reading(catalog, Descriptive(faces=(ANNA,), people=("Anna",)), orientation=6)
    (face,) = document(photos)["faces"]
    assert (face["name"], face["x"], face["y"], face["w"], face["h"]) == ("Anna", 0.4, 0.1, 0.4, 0.3)


def test_rejected_without_a_rating_is_rejected(catalog: StoreHarness) -> None:
    photos = reading(catalog, Descriptive(is_rejected=True))
    assert (document(photos)["rejected"], document(photos)["rating"]) == (True, None)
    assert document(photos)["sources"]["rejected"] == "embedded"


@pytest.mark.parametrize("bad", ["", " ", "a//b", "/", "x" * 20_000, "/".join("a" * 101)])
def test_what_cannot_be_a_tag_says_nothing(catalog: StoreHarness, bad: str) -> None:
    photos = reading(catalog, Descriptive(tags=(bad, "good")))
    assert document(photos)["tags"] == ["good"]
    assert embedded_names.uids_of(catalog.writer, "tag", [bad]) == {}


def test_what_cannot_be_a_name_says_nothing(catalog: StoreHarness) -> None:
    photos = reading(catalog, Descriptive(people=(" ", "Anna", "y" * 20_000)))
    assert document(photos)["people"] == ["Anna"]


# ---- a person's word stands above it


def test_one_tag_taken_off_leaves_the_others(catalog: StoreHarness) -> None:
    photos = reading(catalog, SAID, SAID)
    answer = photos.do(TagRemove(photos.uids[:1], ("holiday",)))
    assert answer["changed"] == 1
    assert photos.of("tags") == [["places/beach"], ["holiday", "places/beach"]]
    photos.undo()
    assert photos.of("tags") == [["holiday", "places/beach"]] * 2


def test_a_tag_with_those_below_it_is_taken_off(catalog: StoreHarness) -> None:
    photos = reading(catalog, SAID)
    photos.do(TagRemove(photos.uids, ("places",), is_below=True))
    assert document(photos)["tags"] == ["holiday"]


def test_words_of_people_rule_and_their_removal_shows_the_file_again(catalog: StoreHarness) -> None:
    photos = reading(catalog, SAID)
    photos.do(Title(photos.uids, "Mine"))
    photos.do(Rate(photos.uids, 1))
    assert (document(photos)["title"], document(photos)["rating"]) == ("Mine", 1)
    assert document(photos)["sources"]["title"] == "user"
    photos.do(Title(photos.uids, ""))
    assert document(photos)["title"] in ("", None)
    photos.do(Title(photos.uids, None))
    photos.do(Describe(photos.uids, None))
    assert (document(photos)["title"], document(photos)["description"]) == ("At the sea", "Wind\nand waves")


def test_a_person_is_taken_out_of_a_photo_with_her_face(catalog: StoreHarness) -> None:
    photos = reading(catalog, SAID)
    photos.do(PersonRemove(photos.uids, "Anna"))
    assert document(photos)["people"] == ["Ben"]
    assert [face["name"] for face in document(photos)["faces"]] == [None, None]
    photos.do(PersonRemove(photos.uids, "Ben"))
    assert document(photos)["people"] == []
    photos.undo()
    photos.undo()
    assert document(photos)["people"] == ["Anna", "Ben"]


def test_a_face_of_a_file_can_be_removed_by_its_id_or_its_person(catalog: StoreHarness) -> None:
    photos = reading(catalog, SAID)
    unnamed = next(face["id"] for face in document(photos)["faces"] if face["name"] is None)
    photos.do(FaceRemove(photos.uids[0], face=unnamed))
    assert [face["name"] for face in document(photos)["faces"]] == ["Anna"]
    photos.do(FaceRemove(photos.uids[0], person="Anna"))
    assert (document(photos)["faces"], document(photos)["people"]) == ([], ["Ben"])
    assert catalog.writer.value("SELECT face_count FROM effective") == 0


def test_every_layer_tells_what_the_file_said(catalog: StoreHarness) -> None:
    photos = reading(catalog, SAID)
    photos.do(TagRemove(photos.uids, ("holiday",)))
    photos.do(Title(photos.uids, "Mine"))
    layers = explain_layers(catalog.writer, photos.asset(0))["layers"]
    assert [(one["layer"], one["value"], one["wins"]) for one in layers["title"]] == [
        ("user", "Mine", True),
        ("embedded", "At the sea", False),
    ]
    assert {(one["layer"], one["value"], one["removed"], one["wins"]) for one in layers["tag"]} == {
        ("user", "holiday", True, True),
        ("embedded", "holiday", False, False),
        ("embedded", "places/beach", False, True),
    }
    assert [one["value"]["name"] for one in layers["face"]] == ["Anna", None]
    assert layers["creator"][0]["value"] == "Ada; Grace"


# ---- things that files name


def test_a_renamed_tag_keeps_the_photos_whose_files_name_it(catalog: StoreHarness) -> None:
    photos = reading(catalog, SAID, None, SAID)
    answer = photos.do(TagRename("holiday", "trips/2019"))
    assert answer["changed"] == 2
    assert photos.of("tags") == [["places/beach", "trips/2019"], [], ["places/beach", "trips/2019"]]
    photos.do(TagRename("places", "world"))
    assert photos.of("tags")[0] == ["trips/2019", "world/beach"]
    catalog.said_by[b"d9/IMG_9.JPG"] = {
        "descriptive": Descriptive(tags=("holiday", "places/beach", "places/sand"))
    }
    catalog.put(b"d9/IMG_9.JPG", "photo 9")
    catalog.ingest()
    late = catalog.asset_at(b"d9/IMG_9.JPG")
    assert catalog.check() == []
    rows = catalog.writer.rows(
        "SELECT t.path FROM member AS m JOIN tag AS t ON t.id = m.key WHERE m.view = 6 AND m.sub = 0 AND m.asset_id = ?"
        " ORDER BY 1",
        (late,),
    )
    assert [path for (path,) in rows] == ["trips/2019", "world/beach", "world/sand"]


def test_a_new_tag_of_a_word_moves_no_photo(catalog: StoreHarness) -> None:
    photos = reading(catalog, SAID)
    photos.do(TagRename("holiday", "trips"))
    photos.do(TagCreate("holiday"))
    photos.do(Title(photos.uids, "again"))
    assert document(photos)["tags"] == ["places/beach", "trips"]


def test_merged_tags_and_persons_take_their_photos_along_and_give_them_back(catalog: StoreHarness) -> None:
    photos = reading(catalog, SAID, Descriptive(tags=("trips",), people=("Bea",)))
    assert photos.do(TagRename("holiday", "trips"))["changed"] == 1
    assert photos.of("tags") == [["places/beach", "trips"], ["trips"]]
    photos.do(PersonMerge(("Ben", "Anna"), "Bea"))
    assert photos.of("people") == [["Bea"], ["Bea"]]
    assert photos.undo()["changed"] == 1
    assert photos.undo()["changed"] == 1
    assert photos.of("tags") == [["holiday", "places/beach"], ["trips"]]
    assert photos.of("people") == [["Anna", "Ben"], ["Bea"]]


def test_a_renamed_person_keeps_the_photos(catalog: StoreHarness) -> None:
    photos = reading(catalog, SAID)
    assert photos.do(PersonRename("Anna", "Hannah"))["changed"] == 1
    assert document(photos)["people"] == ["Ben", "Hannah"]
    assert "People/Hannah/2019/IMG_0.JPG" in document(photos)["views"]
    assert (
        photos.catalog.writer.value("SELECT people FROM photo_text WHERE rowid = ?", (photos.asset(0),))
        == "ben ¦ hannah"
    )


def test_a_deleted_tag_stays_deleted_until_it_is_brought_back(catalog: StoreHarness) -> None:
    photos = reading(catalog, SAID, None)
    assert photos.do(TagDelete("holiday"))["changed"] == 1
    assert photos.of("tags") == [["places/beach"], []]
    catalog.put(b"d8/IMG_8.JPG", "photo 8")
    catalog.said_by[b"d8/IMG_8.JPG"] = {"descriptive": Descriptive(tags=("holiday",))}
    catalog.ingest()
    assert "holiday" not in paths(photos)
    assert photos.undo()["changed"] == 2
    assert photos.of("tags")[0] == ["holiday", "places/beach"]
    photos.undo(2)
    assert photos.of("tags")[0] == ["places/beach"]


def test_an_undo_never_takes_away_what_files_name(catalog: StoreHarness) -> None:
    photos = make_photos(catalog, 2)
    photos.do(TagAdd(photos.uids[:1], ("trips/sea", "unnamed")))
    photos.do(PersonAdd(photos.uids[:1], "Anna"))
    catalog.put(b"d8/IMG_8.JPG", "photo 8")
    catalog.said_by[b"d8/IMG_8.JPG"] = {"descriptive": Descriptive(tags=("trips/sea",), people=("anna",))}
    catalog.ingest()
    known = {tag.path: tag.uid for tag in tags.tags(catalog.writer)}
    photos.undo()
    photos.undo()
    assert photos.of("tags")[0] == photos.of("people")[0] == []
    assert {tag.path: tag.uid for tag in tags.tags(catalog.writer)} == {
        path: uid for path, uid in known.items() if path != "unnamed"
    }
    photos.undo(4)
    assert photos.of("tags")[0] == ["trips/sea", "unnamed"]
    photos.undo(5)
    assert paths(photos) == ["trips", "trips/sea"]


def test_an_undo_moves_a_tag_back_out_of_the_folder_that_its_rename_made(catalog: StoreHarness) -> None:
    photos = reading(catalog, SAID)
    photos.do(TagRename("holiday", "new/holiday"))
    photos.undo()
    assert paths(photos) == ["holiday", "places", "places/beach"]
    assert document(photos)["tags"] == ["holiday", "places/beach"]


def test_an_alias_means_its_tag_in_files_too(catalog: StoreHarness) -> None:
    photos = make_photos(catalog, 1)
    photos.do(TagCreate("cats"))
    photos.do(TagAlias("cats", "felines"))
    catalog.put(b"d8/IMG_8.JPG", "photo 8")
    catalog.said_by[b"d8/IMG_8.JPG"] = {"descriptive": Descriptive(tags=("felines", "felines/young"))}
    catalog.ingest()
    assert paths(photos) == ["cats", "cats/young"]
    assert catalog.check() == []


def test_of_tags_that_differ_by_case_a_file_means_the_exact_one_else_the_oldest(
    catalog: StoreHarness,
) -> None:
    photos = make_photos(catalog, 1)
    for name in ("Beach", "beach"):
        photos.do(TagCreate(name))
    writer = catalog.writer
    by_path = {tag.path: tag.uid for tag in tags.tags(writer)}
    assert embedded_names.tag_uid(writer, "beach", 1) == by_path["beach"]
    assert embedded_names.tag_uid(writer, "BEACH", 1) == by_path["Beach"]


# ---- reading again


def test_words_that_a_newer_file_no_longer_says_are_gone(catalog: StoreHarness) -> None:
    photos = reading(catalog, SAID)
    path = b"d0/IMG_0.JPG"
    catalog.said_by[path] = {"descriptive": Descriptive(tags=("holiday",), faces=(ANNA,), people=("Anna",))}
    catalog.put(path, "photo 0 with other words", mtime_ns=1_600_000_000 * 10**9, inode=4711)
    catalog.ingest()
    assert catalog.check() == []
    assert (document(photos)["tags"], document(photos)["people"]) == (["holiday"], ["Anna"])
    assert document(photos)["title"] is None


def test_a_denied_face_stays_denied_when_the_file_is_read_again(catalog: StoreHarness) -> None:
    photos = reading(catalog, SAID)
    photos.do(FaceRemove(photos.uids[0], person="Anna"))
    catalog.writer.execute("UPDATE content SET facts_state = 'due'")
    catalog.read_facts()
    assert [face["name"] for face in document(photos)["faces"]] == [None]


# ---- whatever happens


WORDS = ("cat", "Cat", "dog", "a/b", "dog/cat", "Größe", "été", "z")


def random_words(rng: random.Random) -> Descriptive:
    """Return what a file may say in the words of `random_layer`."""
    people = tuple(rng.sample(WORDS, rng.randint(0, 2)))
    return Descriptive(
        rating=rng.choice((None, 0, 3)),
        tags=tuple(dict.fromkeys(rng.sample(WORDS, rng.randint(0, 3)))),
        people=people,
        faces=tuple(FaceRegion(name, 0.1, 0.1 * number, 0.2, 0.1) for number, name in enumerate(people[:1])),
    )


@pytest.mark.parametrize("seed", range(8))
def test_the_catalog_stays_sound_through_random_words_commands_and_undos(
    catalog: StoreHarness, seed: int
) -> None:
    rng = random.Random(seed)
    photos = reading(catalog, *(random_words(rng) for _ in range(4)))
    for step in range(40):
        catalog.now_ns += 1_000_000
        choice = rng.random()
        if choice < 0.2:
            path = f"d{rng.randrange(9)}/IMG_{rng.randrange(9)}.JPG".encode()
            catalog.said_by[path] = {"descriptive": random_words(rng)}
            catalog.put(path, f"photo {rng.randrange(6)}", inode=1000 + step)
            catalog.ingest()
        elif choice < 0.5:
            newest = catalog.writer.value("SELECT max(id) FROM journal") or 1
            with suppress(GlassineError):
                photos.do(Undo(rng.randint(1, newest)))
        else:
            speak(catalog.writer, rng, 3, first_ns=catalog.now_ns)
        assert catalog.check() == [], step
    named = {row[0] for row in catalog.writer.rows("SELECT DISTINCT uid FROM embedded_name")}
    known = {row[0] for row in catalog.writer.rows("SELECT uid FROM tag UNION SELECT uid FROM person")}
    assert named <= known


def test_facts_of_an_older_reader_are_read_again_and_become_right(catalog: StoreHarness) -> None:
    photos = make_photos(catalog, 2)
    catalog.writer.execute("UPDATE content SET facts_version = 1")
    catalog.writer.execute("DELETE FROM meta WHERE key = 'facts_version'")
    before = photos.of("views")
    assert ingest.renew_facts(catalog.writer) == 2
    catalog.said_by[b"d1/IMG_1.JPG"] = {"descriptive": SAID}
    assert photos.of("views") == before
    catalog.read_facts()
    assert photos.of("tags") == [[], ["holiday", "places/beach"]]


def test_words_that_came_into_the_catalog_unseen_are_looked_up_by_newer_rules(catalog: StoreHarness) -> None:
    """As a catalog whose facts were written before their words were looked at."""
    photos = reading(catalog, SAID)
    for table in ("embedded_name", "member", "effective", "bucket", "claim", "photo_text"):
        catalog.writer.execute(f"DELETE FROM {table}")
    catalog.writer.execute("DELETE FROM meta WHERE key = 'rules_version'")
    assert {one.invariant for one in catalog.check()} >= {"I17", "I20"}
    catalog.writer.execute("UPDATE asset SET state = 'pending', is_shown = 0, day = NULL, camera_id = NULL")
    renewal.derive_again(catalog.writer, catalog.now_ns)
    assert catalog.check() == []
    assert document(photos)["tags"] == ["holiday", "places/beach"]


# ---- what it costs


@pytest.mark.parametrize(
    ("sql", "values", "expected"),
    [
        (embedded_names.UIDS_OF, ("tag", "[]"), "SEARCH n USING PRIMARY KEY (kind=? AND text=?)"),
        (embedded_names.TEXTS_OF, ("tag", "[]"), "embedded_name_uid (uid=?"),
        (embedded_names.NAMING_IN_FOLDERS, ("[]", "[]", 6), "SEARCH m USING PRIMARY KEY (view=? AND key=?)"),
        (held.FACTS, ("[]",), "SEARCH c USING INTEGER PRIMARY KEY (rowid=?)"),
    ],
)
def test_words_are_found_by_their_indexes(
    catalog: StoreHarness, sql: str, values: tuple[object, ...], expected: str
) -> None:
    lines = [row[3] for row in catalog.writer.rows(f"EXPLAIN QUERY PLAN {sql}", values)]
    assert any(expected in line for line in lines), lines
    assert all("json_each" in line or "VIRTUAL TABLE" in line for line in lines if line.startswith("SCAN")), (
        lines
    )


def test_a_page_of_photos_asks_once_what_its_words_mean(catalog: StoreHarness) -> None:
    photos = reading(catalog, *[SAID] * 9)
    asked: list[str] = []
    connection: Any = catalog.writer.connection
    connection.trace_v2(1, lambda event: asked.append(event["sql"]))
    try:
        assets.refresh(
            catalog.writer,
            [photos.asset(index) for index in range(9)],
            catalog.now_ns,
            catalog.writer.zone,
            keeps_capture=True,
        )
    finally:
        connection.trace_v2(0)
    assert sum("embedded_name" in sql for sql in asked) == 2
