"""Dump, and restore of a dump: the same layer and the same names, whichever library was scanned first.

The libraries are real: files on disk, a catalog each, both told of the same files, in another order. `names_of` walks
the whole tree of a library, so that every view is compared, also those that hold no rows.
"""

from __future__ import annotations

import io
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from catalog.commands import execute
from catalog.commands import layer as c
from catalog.errors import CatalogTooNew, Conflict, InvalidValue
from catalog.facts import Descriptive, FaceRegion
from catalog.library import Library
from catalog.store import check, dump_restore, migrations, traces, volumes
from catalog.store.db import ReaderPool, Writer, open_reader, open_writer
from catalog.store.dump import dump
from catalog.values import OWNER
from integration.cli_runner import validate
from library_builder import VOLUME, ZONE, BuiltLibrary, FileSpec, build_library, varied_files
from random_layer import speak
from vfs.tree import open_tree

REPOSITORY = Path(__file__).resolve().parents[2]
FIRST_NS = 1_790_000_000 * 10**9
# Folders whose content depends on the moment, or on the disk.
_OWN = (".glassine", "Memories")


def dump_of(writer: Writer, *, with_journal: bool = False) -> bytes:
    reader = open_reader(writer.library)
    try:
        return "".join(dump(reader, with_journal=with_journal)).encode()
    finally:
        reader.close()


def restored(writer: Writer, document: bytes, *, is_dry_run: bool = False) -> dict[str, int]:
    return dump_restore.restore_dump(
        writer, io.BytesIO(document), now_ns=time.time_ns(), is_dry_run=is_dry_run
    )


def names_of(library: Library) -> list[str]:
    """Return every path of the tree, with sizes and times of files."""
    pool = ReaderPool(library, 2)
    tree = open_tree(library, pool, clock=time.time_ns, report=dict)
    found: list[str] = []

    def walk(node: object, path: str) -> None:
        for entry in tree.children(node, OWNER):
            place = f"{path}/{os.fsdecode(entry.name)}"
            if entry.node.is_dir:
                found.append(place)
                if not place.startswith(tuple(f"/{name}" for name in _OWN)):
                    walk(entry.node, place)
            else:
                found.append(f"{place} {entry.node.size} {entry.node.mtime_ns}")

    walk(tree.root(), "")
    pool.close()
    return sorted(found)


# Words in files, of which people say something as well: those of `random_layer` are among them.
_FACE = FaceRegion("Cat", 0.1, 0.2, 0.3, 0.4)
EMBEDDED = (
    Descriptive(
        title="From the file",
        rating=2,
        tags=("cat", "dog/cat", "from file/deep"),
        people=("Cat",),
        faces=(_FACE,),
    ),
    Descriptive(tags=("CAT", "a/b/Größe"), people=("z", "Somebody else"), creators=("Ada",)),
    Descriptive(tags=("from file", "x" * 11_000), people=("cat", "été"), is_rejected=True),
    Descriptive(people=("Größe",), faces=(FaceRegion(None, 0.5, 0.5, 0.1, 0.1),)),
)


def many_files() -> dict[str | bytes, FileSpec]:
    """Return clashing names, copies, pairs of RAW and JPEG, odd names: forty files."""
    files = varied_files()
    for number in range(8):
        body = b"copied" * (number + 3)
        day = f"2019-08-{7 + number % 3:02d}T10:00:{number:02d}"
        files[f"a/IMG_{number % 4:04d}.JPG"] = FileSpec(
            captured=day, make="Canon", model="EOS 5D", facts={"descriptive": EMBEDDED[number % 4]}
        )
        files[f"b/img_{number % 4:04d}.jpg"] = FileSpec(captured=day, make="CANON", model="eos 5d")
        files[f"copies/one/{number}.jpg"] = FileSpec(body=body, captured=day)
        files[f"copies/two/{number}.jpg"] = FileSpec(body=body, captured=day)
        files[f"pairs/DSC_{number}.CR2"] = FileSpec(captured=day, make="Sony", model="A7")
        files[f"pairs/DSC_{number}.JPG"] = FileSpec(captured=day, make="Sony", model="A7")
    return files


def original(tmp_path: Path, seed: int, *, commands: int = 60) -> BuiltLibrary:
    """Make a library with a past: files moved, edited and gone, and a random layer."""
    rng = random.Random(seed)
    built = build_library(tmp_path, many_files())
    done = speak(built.writer, rng, commands // 2, first_ns=FIRST_NS)
    assert done > commands // 6, "nearly everything was refused"
    paths = sorted(built.files)
    for path in rng.sample(paths, 3):  # moved
        spec = built.files[path]
        moved = FileSpec(**{**_fields(spec), "body": spec.bytes_for(path)})
        built.remove(path)
        built.put(b"moved/" + os.path.basename(path), moved)
    for path in rng.sample(sorted(built.files), 2):  # edited in place
        built.put(
            path, FileSpec(**{**_fields(built.files[path]), "body": b"edited %d" % rng.getrandbits(60)})
        )
    built.remove(rng.choice(sorted(path for path in built.files if path.startswith(b"copies/"))))
    built.rescan()
    speak(built.writer, rng, commands // 2, first_ns=FIRST_NS + 10**9)
    assert check.check(built.writer) == []
    return built


def _fields(spec: FileSpec) -> dict[str, object]:
    return {name: getattr(spec, name) for name in FileSpec.__slots__}


def fresh_library(
    built: BuiltLibrary, home: Path, *, seed: int, is_scanned: bool, hashes: bool = True
) -> BuiltLibrary:
    """Make another library of the same files; its scan meets them in another order."""
    library = Library(home)
    writer = migrations.create(library, ZONE, time.time_ns())
    volume_id = volumes.add_volume(writer, VOLUME, os.fsencode(built.root), now_ns=time.time_ns())
    volumes.set_volume_state(writer, volume_id, "online", None, time.time_ns())
    fresh = BuiltLibrary(library, built.root, writer, volume_id, time.time_ns(), dict(built.files))
    if is_scanned:
        scan_shuffled(fresh, seed, hashes=hashes)
    return fresh


def scan_shuffled(fresh: BuiltLibrary, seed: int, *, hashes: bool = True) -> None:
    folders = sorted(folder for folder, _, _ in os.walk(os.fsencode(fresh.root)))
    random.Random(seed).shuffle(folders)
    for folder in folders:
        fresh._list(folder)
    fresh.rescan(hashes=hashes)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("when", ["before", "after", "unhashed"])
def test_a_dump_restored_into_a_fresh_library_is_the_same_dump_and_the_same_tree(
    tmp_path: Path, seed: int, when: str
) -> None:
    built = original(tmp_path, seed)
    wanted = dump_of(built.writer)
    fresh = fresh_library(
        built, tmp_path / "fresh", seed=seed, is_scanned=when != "after", hashes=when != "unhashed"
    )
    report = restored(fresh.writer, wanted)
    assert check.check(fresh.writer) == []
    if when == "before":
        assert report["new"] == 0
        assert dump_of(fresh.writer) == wanted
    scan_shuffled(fresh, seed + 1)
    assert dump_of(fresh.writer) == wanted
    assert names_of(fresh.library) == names_of(built.library)
    fresh.close()
    built.close()


# ---- files that are not simply where they were


@pytest.fixture
def spoken(tmp_path: Path) -> BuiltLibrary:
    """A library of a few files about which something is said, and the volume that others share with it."""
    files = {f"IMG_{number}.JPG": FileSpec(captured=f"2020-05-0{number}T10:00:00") for number in range(1, 6)}
    built = build_library(tmp_path, files)
    uids = [row[0] for row in built.writer.rows("SELECT uid FROM asset ORDER BY id")]
    for number, uid in enumerate(uids):
        execute(built.writer, c.TagAdd((uid,), (f"tag{number}",)), now_ns=FIRST_NS + number)
        execute(built.writer, c.Title((uid,), f"photo {number + 1}"), now_ns=FIRST_NS + 100 + number)
    return built


def titles(library: BuiltLibrary) -> dict[str, str | None]:
    """Return path -> title of every photo with a file."""
    rows = library.writer.rows(
        "SELECT CASE d.path WHEN x'' THEN l.name ELSE CAST(d.path || '/' || l.name AS BLOB) END, e.title FROM location AS l"
        " JOIN directory AS d ON d.id = l.directory_id JOIN content AS c ON c.id = l.content_id"
        " LEFT JOIN effective AS e ON e.asset_id = c.asset_id WHERE l.state = 'present'"
    )
    return {bytes(path).decode(): title for path, title in rows}


@pytest.mark.parametrize("is_scanned", [True, False])
def test_moved_files_are_found_by_their_bytes(spoken: BuiltLibrary, tmp_path: Path, is_scanned: bool) -> None:
    document = dump_of(spoken.writer)
    body = FileSpec(body=spoken.files[b"IMG_1.JPG"].bytes_for(b"IMG_1.JPG"), captured="2020-05-01T10:00:00")
    spoken.remove("IMG_1.JPG")
    spoken.put("deep/er/other name.jpg", body)
    fresh = fresh_library(spoken, tmp_path / "fresh", seed=1, is_scanned=is_scanned)
    restored(fresh.writer, document)
    fresh.rescan()
    assert titles(fresh)["deep/er/other name.jpg"] == "photo 1"
    assert fresh.writer.value("SELECT count(*) FROM asset WHERE merged_into IS NULL") == 5
    fresh.close()


@pytest.mark.parametrize("is_scanned", [True, False])
def test_new_files_come_after_what_the_dump_knows(
    spoken: BuiltLibrary, tmp_path: Path, is_scanned: bool
) -> None:
    document = dump_of(spoken.writer)
    spoken.put(
        "a/IMG_3.JPG", FileSpec(captured="2020-05-03T11:00:00")
    )  # scanned first: the plain name would be its own
    fresh = fresh_library(spoken, tmp_path / "fresh", seed=1, is_scanned=is_scanned)
    report = restored(fresh.writer, document)
    assert report["new"] == int(is_scanned)
    fresh.rescan()
    day = [
        name for name in names_of(fresh.library) if "/2020-05-03/" in name and name.startswith("/Timeline")
    ]
    plain = [name for name in day if "/IMG_3.JPG " in name]
    size = len(spoken.files[b"IMG_3.JPG"].bytes_for(b"IMG_3.JPG"))
    assert len(day) == 2
    assert [name.split()[1] for name in plain] == [str(size)]
    fresh.close()


def test_a_new_file_keeps_the_uid_that_it_had_here(spoken: BuiltLibrary, tmp_path: Path) -> None:
    document = dump_of(spoken.writer)
    spoken.put("new.jpg", FileSpec(captured="2021-01-01T00:00:00"))
    fresh = fresh_library(spoken, tmp_path / "fresh", seed=1, is_scanned=True)
    query = "SELECT uid, first_seen_ns FROM asset WHERE name = 'new.jpg'"
    before = fresh.writer.rows(query)
    restored(fresh.writer, document)
    assert fresh.writer.rows(query) == before
    fresh.close()


@pytest.mark.parametrize("is_scanned", [True, False])
def test_a_file_that_was_edited_meanwhile_is_the_same_photo(
    spoken: BuiltLibrary, tmp_path: Path, is_scanned: bool
) -> None:
    document = dump_of(spoken.writer)
    spoken.put(
        "IMG_2.JPG",
        FileSpec(body=b"developed", captured="2020-05-02T10:00:00", mtime_ns=1_600_000_000_000_000_000),
    )
    fresh = fresh_library(spoken, tmp_path / "fresh", seed=1, is_scanned=is_scanned)
    restored(fresh.writer, document)
    fresh.rescan()
    assert titles(fresh)["IMG_2.JPG"] == "photo 2"
    assert fresh.writer.value("SELECT count(*) FROM asset") == 5
    fresh.close()


def test_a_former_version_that_is_back_beside_the_edited_one_inherits_what_was_said(
    spoken: BuiltLibrary, tmp_path: Path
) -> None:
    old = spoken.files[b"IMG_2.JPG"].bytes_for(b"IMG_2.JPG")
    spoken.put("IMG_2.JPG", FileSpec(body=b"developed", captured="2020-05-02T10:00:00"))
    spoken.rescan()
    document = dump_of(spoken.writer)
    spoken.put("again/IMG_2.JPG", FileSpec(body=old, captured="2020-05-02T10:00:00"))
    fresh = fresh_library(spoken, tmp_path / "fresh", seed=1, is_scanned=True)
    restored(fresh.writer, document)
    assert titles(fresh)["IMG_2.JPG"] == "photo 2"
    assert titles(fresh)["again/IMG_2.JPG"] == "photo 2"
    fresh.close()


def test_versions_of_one_photo_are_in_one_stack_again(spoken: BuiltLibrary, tmp_path: Path) -> None:
    old = spoken.files[b"IMG_2.JPG"].bytes_for(b"IMG_2.JPG")
    spoken.put("IMG_2.JPG", FileSpec(body=b"developed", captured="2020-05-02T10:00:00"))
    spoken.rescan()
    spoken.put("again/IMG_2.JPG", FileSpec(body=old, captured="2020-05-02T10:00:00"))
    spoken.rescan()
    document = dump_of(spoken.writer)
    fresh = fresh_library(spoken, tmp_path / "fresh", seed=1, is_scanned=True)
    restored(fresh.writer, document)
    stacked = "SELECT uid, kind, label FROM stack WHERE kind = 'edit'"
    assert len(spoken.writer.rows(stacked)) == 1
    assert fresh.writer.rows(stacked) == spoken.writer.rows(stacked)
    assert dump_of(fresh.writer) == document
    fresh.close()


def test_a_former_version_in_its_old_place_makes_the_photo_return_to_it(
    spoken: BuiltLibrary, tmp_path: Path
) -> None:
    old = spoken.files[b"IMG_2.JPG"]
    spoken.put("IMG_2.JPG", FileSpec(body=b"developed", captured="2020-05-02T10:00:00"))
    spoken.rescan()
    document = dump_of(spoken.writer)
    spoken.put("IMG_2.JPG", old)
    fresh = fresh_library(spoken, tmp_path / "fresh", seed=1, is_scanned=True)
    restored(fresh.writer, document)
    assert titles(fresh)["IMG_2.JPG"] == "photo 2"
    assert fresh.writer.value("SELECT count(*) FROM asset") == 5
    fresh.close()


def test_two_files_that_swapped_their_names_keep_what_was_said_about_their_bytes(
    spoken: BuiltLibrary, tmp_path: Path
) -> None:
    document = dump_of(spoken.writer)
    one, two = (spoken.files[name] for name in (b"IMG_1.JPG", b"IMG_2.JPG"))
    spoken.put("IMG_1.JPG", FileSpec(body=two.bytes_for(b"IMG_2.JPG"), captured=two.captured))
    spoken.put("IMG_2.JPG", FileSpec(body=one.bytes_for(b"IMG_1.JPG"), captured=one.captured))
    fresh = fresh_library(spoken, tmp_path / "fresh", seed=1, is_scanned=True)
    restored(fresh.writer, document)
    assert titles(fresh)["IMG_1.JPG"] == "photo 2"
    assert titles(fresh)["IMG_2.JPG"] == "photo 1"
    fresh.close()


def test_photos_that_are_not_here_yet_wait_as_missing_and_keep_everything(
    spoken: BuiltLibrary, tmp_path: Path
) -> None:
    document = dump_of(spoken.writer)
    away = spoken.files[b"IMG_4.JPG"]
    spoken.remove("IMG_4.JPG")
    fresh = fresh_library(spoken, tmp_path / "fresh", seed=1, is_scanned=True)
    report = restored(fresh.writer, document)
    assert (report["recognised"], report["absent"]) == (4, 1)
    assert fresh.writer.value("SELECT state FROM asset WHERE name = 'IMG_4.JPG'") == "missing"
    assert dump_of(fresh.writer) == document
    fresh.rescan()  # it is looked for, not found, and stays
    assert dump_of(fresh.writer) == document
    fresh.put("IMG_4.JPG", away)
    fresh.rescan()
    assert titles(fresh)["IMG_4.JPG"] == "photo 4"
    assert dump_of(fresh.writer) == document
    fresh.close()


def test_copies_of_other_times_are_read_and_recognised(spoken: BuiltLibrary, tmp_path: Path) -> None:
    """The originals were copied without their times: nothing is believed, everything is read, nothing is lost."""
    document = dump_of(spoken.writer)
    for name, spec in list(spoken.files.items()):
        spoken.put(name, FileSpec(**{**_fields(spec), "mtime_ns": spec.mtime_ns + 5}))
    fresh = fresh_library(spoken, tmp_path / "fresh", seed=1, is_scanned=False)
    restored(fresh.writer, document)
    fresh.rescan(hashes=False)
    assert fresh.writer.value("SELECT count(*) FROM content WHERE hash IS NULL") == 5
    fresh.rescan()
    assert titles(fresh) == {f"IMG_{number}.JPG": f"photo {number}" for number in range(1, 6)}
    assert fresh.writer.value("SELECT count(*) FROM asset") == 5
    fresh.close()


def test_a_volume_that_there_is_not_is_made_as_it_was(spoken: BuiltLibrary, tmp_path: Path) -> None:
    document = dump_of(spoken.writer)
    library = Library(tmp_path / "fresh")
    writer = migrations.create(library, ZONE, time.time_ns())
    restored(writer, document)
    (volume,) = volumes.volumes(writer)
    assert (volume.name, volume.root, volume.mode, volume.state) == (
        VOLUME,
        os.fsencode(spoken.root),
        "ro",
        "unknown",
    )
    assert volume.had_data, "its empty mount point would be believed"
    assert dump_of(writer) == document
    assert check.check(writer) == []
    writer.close()


# ---- refusals, dry runs, history


def test_a_dry_run_tells_the_same_and_changes_nothing(spoken: BuiltLibrary, tmp_path: Path) -> None:
    document = dump_of(spoken.writer)
    fresh = fresh_library(spoken, tmp_path / "fresh", seed=1, is_scanned=True)
    before = dump_of(fresh.writer, with_journal=True)
    told = restored(fresh.writer, document, is_dry_run=True)
    assert dump_of(fresh.writer, with_journal=True) == before
    assert restored(fresh.writer, document) == told
    fresh.close()


def test_a_library_in_which_something_was_said_is_refused(spoken: BuiltLibrary, tmp_path: Path) -> None:
    document = dump_of(spoken.writer)
    before = dump_of(spoken.writer, with_journal=True)
    with pytest.raises(Conflict) as caught:
        restored(spoken.writer, document)
    assert caught.value.exit_code == 14
    assert dump_of(spoken.writer, with_journal=True) == before


def test_also_one_in_which_everything_was_taken_back(spoken: BuiltLibrary, tmp_path: Path) -> None:
    fresh = fresh_library(spoken, tmp_path / "fresh", seed=1, is_scanned=True)
    uid = fresh.writer.value("SELECT uid FROM asset LIMIT 1")
    execute(fresh.writer, c.Rate((uid,), 3), now_ns=FIRST_NS)
    execute(fresh.writer, c.Undo(), now_ns=FIRST_NS + 1)
    with pytest.raises(Conflict):
        restored(fresh.writer, dump_of(spoken.writer))
    fresh.close()


def test_another_zone_is_refused(spoken: BuiltLibrary, tmp_path: Path) -> None:
    writer = migrations.create(Library(tmp_path / "fresh"), "Asia/Tokyo", time.time_ns())
    with pytest.raises(Conflict, match="Europe/Berlin"):
        restored(writer, dump_of(spoken.writer))
    writer.close()


def test_what_was_restored_can_be_changed_undone_and_dumped_again(
    spoken: BuiltLibrary, tmp_path: Path
) -> None:
    document = dump_of(spoken.writer)
    fresh = fresh_library(spoken, tmp_path / "fresh", seed=1, is_scanned=True)
    restored(fresh.writer, document)
    uid = fresh.writer.value("SELECT uid FROM asset WHERE name = 'IMG_1.JPG'")
    execute(fresh.writer, c.Title((uid,), "another"), now_ns=FIRST_NS)
    execute(fresh.writer, c.TagRename("tag0", "renamed"), now_ns=FIRST_NS)
    assert titles(fresh)["IMG_1.JPG"] == "another"
    execute(fresh.writer, c.Undo(), now_ns=FIRST_NS)
    execute(fresh.writer, c.Undo(), now_ns=FIRST_NS)
    again = json.loads(dump_of(fresh.writer))
    wanted = json.loads(document)
    assert again["photos"] == wanted["photos"]
    assert [one for one in again["things"] if one["kind"] == "tag"] == [
        one for one in wanted["things"] if one["kind"] == "tag"
    ]
    fresh.close()


def test_a_journal_in_the_dump_comes_back_under_its_numbers_and_can_be_undone(
    spoken: BuiltLibrary, tmp_path: Path
) -> None:
    document = dump_of(spoken.writer, with_journal=True)
    fresh = fresh_library(spoken, tmp_path / "fresh", seed=1, is_scanned=True)
    report = restored(fresh.writer, document)
    history = json.loads(document)["journal"]
    assert report["journal"] == len(history)
    assert json.loads(dump_of(fresh.writer, with_journal=True))["journal"][: len(history)] == history
    newest = max(row["id"] for row in history if row["author"] == "owner")
    execute(fresh.writer, c.Undo(newest), now_ns=FIRST_NS + 10**9)
    assert titles(fresh)["IMG_5.JPG"] is None
    fresh.close()


def test_the_dump_is_of_its_published_schema(tmp_path: Path) -> None:
    built = original(tmp_path, 7, commands=120)
    validate(json.loads(dump_of(built.writer, with_journal=True)), "dump-document")
    built.close()


def test_a_dump_that_another_program_wrote_anew_is_read(spoken: BuiltLibrary, tmp_path: Path) -> None:
    document = dump_of(spoken.writer, with_journal=True)
    fresh = fresh_library(spoken, tmp_path / "fresh", seed=1, is_scanned=True)
    restored(fresh.writer, json.dumps(json.loads(document), indent=3, sort_keys=True).encode())
    assert json.loads(dump_of(fresh.writer)) == {
        name: value for name, value in json.loads(document).items() if name != "journal"
    }
    fresh.close()


def _changed(document: bytes, change: object) -> bytes:
    content = json.loads(document)
    change(content)  # type: ignore[operator]
    return json.dumps(content).encode()


def _thing(content: Any, kind: str) -> Any:
    return next(one for one in content["things"] if one["kind"] == kind and not one["row"]["is_deleted"])


def _row(content: Any, kind: str) -> Any:
    return _thing(content, kind)["row"]


def _said(content: Any, name: str) -> Any:
    """Return a statement about a property, a new one if the random layer has none."""
    said = content["photos"][0].setdefault("statements", [])
    element = "0" * 26 if name in ("face", "album") else ""
    said.append(
        {"property": name, "element": element, "value": None, "source": "user", "author": "eve", "made_ns": 1}
    )
    return said[-1]


def _word(uid: str) -> dict[str, Any]:
    return {"kind": "tag", "text": "from a file", "uid": uid}


BROKEN = {
    "empty": lambda text: b"",
    "no JSON": lambda text: b"hello",
    "an empty object": lambda text: b"{}",
    "a list": lambda text: b"[]",
    "something else": lambda text: b'{"a": 1}',
    "nested": lambda text: b'{"a":' + b"[" * 100_000,
    "cut off": lambda text: text[: len(text) // 2],
    "one byte short": lambda text: text.rstrip()[:-1],
    "followed by something": lambda text: text + b"{}",
    "not UTF-8": lambda text: text.replace(b"photo 1", b"photo \xff"),
    "half a character": lambda text: text.replace(b"photo 1", b"photo \\ud800"),
    "no library": lambda text: _changed(text, lambda d: d.pop("library")),
    "an unknown kind": lambda text: _changed(text, lambda d: d["things"][0].update(kind="spell")),
    "a thing without name": lambda text: _changed(text, lambda d: d["things"][0]["row"].pop("name")),
    "no photo": lambda text: _changed(text, lambda d: d["photos"].append(None)),
    "a photo twice": lambda text: _changed(text, lambda d: d["photos"].append(d["photos"][0])),
    "bytes twice": lambda text: _changed(text, lambda d: d["photos"].append(d["photos"][0] | {"uid": "0" * 26})),
    "an alias of nobody": lambda text: _changed(
        text, lambda d: d["photos"].append({"uid": "0" * 26, "name": "x", "first_seen_ns": 1, "alias_of": "1" * 26})
    ),
    "no uid": lambda text: _changed(text, lambda d: d["photos"][0].update(uid="../../etc")),
    "a path that climbs": lambda text: text.replace(b'"path":"IMG_1.JPG"', b'"path":"../IMG_1.JPG"'),
    "a huge number": lambda text: _changed(text, lambda d: d["photos"][0].update(first_seen_ns=2**70)),
    "a folder that climbs": lambda text: _changed(text, lambda d: _row(d, "tag").update(label="..", fold="..")),
    "a folder in a folder": lambda text: _changed(text, lambda d: _row(d, "tag").update(label="a/b", fold="a/b")),
    "a photo that climbs": lambda text: _changed(text, lambda d: d["photos"][0].update(name="../x.jpg")),
    "a path of another": lambda text: _changed(text, lambda d: _row(d, "tag").update(path="elsewhere")),
    "a tag inside of itself": lambda text: _changed(
        text, lambda d: _thing(d, "tag")["row"].update(parent=_thing(d, "tag")["uid"])
    ),
    "a thing without a time": lambda text: _changed(text, lambda d: _row(d, "tag").update(created_ns="soon")),
    "a word after which there is no other": lambda text: _changed(
        text, lambda d: _said(d, "rating").update(made_ns=2**63 - 1)
    ),
    "nine stars": lambda text: _changed(text, lambda d: _said(d, "rating").update(value=9)),
    "a date that is none": lambda text: _changed(text, lambda d: _said(d, "capture").update(value=[1])),
    "a place nowhere": lambda text: _changed(text, lambda d: _said(d, "position").update(value={"lat": 1})),
    "a face of a word": lambda text: _changed(text, lambda d: _said(d, "face").update(value={"person": 5})),
    "an album's order of words": lambda text: _changed(text, lambda d: _said(d, "album").update(value={"at": "x"})),
    "a stack of a list": lambda text: _changed(text, lambda d: _said(d, "stack").update(value=[])),
    "an unknown property": lambda text: text.replace(b'"property":"title"', b'"property":"mood"', 1),
    "a date of no source": lambda text: _changed(
        text, lambda d: _said(d, "date").update(element="0" * 26, value={"raw": "x", "local": None, "offset_min": None, "is_utc": False})
    ),
    "a date of half a document": lambda text: _changed(
        text, lambda d: _said(d, "date").update(element="Takeout:photoTakenTime", value={"raw": "x"})
    ),
    "a word that means nothing": lambda text: _changed(text, lambda d: d["words"].append(_word("0" * 26))),
    "a word of an album": lambda text: _changed(text, lambda d: d["words"].append(_word("0" * 26) | {"kind": "album"})),
    "a word twice": lambda text: _changed(text, lambda d: d["words"].extend([_word(_thing(d, "tag")["uid"])] * 2)),
    "a word of no text": lambda text: _changed(text, lambda d: d["words"].append(_word(_thing(d, "tag")["uid"]) | {"text": 5})),
    "an unknown volume": lambda text: text.replace(b'"volume":"Photos"', b'"volume":"Fotos"'),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_good_dump_is_refused_and_changes_nothing(
    spoken: BuiltLibrary, tmp_path: Path, name: str
) -> None:
    document = BROKEN[name](dump_of(spoken.writer))  # type: ignore[no-untyped-call]
    fresh = fresh_library(spoken, tmp_path / "fresh", seed=1, is_scanned=True)
    before = dump_of(fresh.writer, with_journal=True)
    with pytest.raises(InvalidValue):
        restored(fresh.writer, document)
    assert dump_of(fresh.writer, with_journal=True) == before
    fresh.close()


def test_a_dump_without_its_words_has_them_looked_up_by_former_names(tmp_path: Path) -> None:
    """As dumps of older versions are."""
    facts = {"descriptive": Descriptive(tags=("holiday", "deep/er"), people=("Anna",))}
    built = build_library(tmp_path, {"IMG_1.JPG": FileSpec(captured="2020-05-01T10:00:00", facts=facts)})
    execute(built.writer, c.TagRename("holiday", "trips"), now_ns=FIRST_NS)
    content = json.loads(dump_of(built.writer))
    assert [(one["kind"], one["text"]) for one in content["words"]] == [
        ("person", "Anna"),
        ("tag", "deep/er"),
        ("tag", "holiday"),
    ]
    wanted = dump_of(built.writer)
    del content["words"]
    fresh = fresh_library(built, tmp_path / "fresh", seed=1, is_scanned=True)
    restored(fresh.writer, json.dumps(content).encode())
    assert check.check(fresh.writer) == []
    assert dump_of(fresh.writer) == wanted
    fresh.close()
    built.close()


def test_a_history_that_leads_elsewhere_is_refused_and_the_rest_can_be_restored(
    spoken: BuiltLibrary, tmp_path: Path
) -> None:
    content = json.loads(dump_of(spoken.writer, with_journal=True))
    item = next(one for row in reversed(content["journal"]) for one in row["items"] if "after" in one)
    item["author"] = "eve"
    fresh = fresh_library(spoken, tmp_path / "fresh", seed=1, is_scanned=True)
    before = dump_of(fresh.writer, with_journal=True)
    with pytest.raises(InvalidValue, match="contradicts itself") as refused:
        restored(fresh.writer, json.dumps(content).encode())
    assert "without the history" in str(refused.value.hint)
    assert dump_of(fresh.writer, with_journal=True) == before
    del content["journal"]
    restored(fresh.writer, json.dumps(content).encode())
    assert dump_of(fresh.writer) == dump_of(spoken.writer)
    fresh.close()


def test_a_dump_of_a_later_version_is_refused(spoken: BuiltLibrary, tmp_path: Path) -> None:
    fresh = fresh_library(spoken, tmp_path / "fresh", seed=1, is_scanned=False)
    with pytest.raises(CatalogTooNew):
        restored(fresh.writer, dump_of(spoken.writer).replace(b'"version":1', b'"version":2'))
    fresh.close()


# ---- kills

KILLED_RESTORE = """
import sys
from pathlib import Path
from catalog.library import Library, LibraryLock
from catalog.store import dump_restore
from catalog.store.db import open_writer
library = Library(sys.argv[1])
with LibraryLock(library):
    writer = open_writer(library)
    dump_restore.restore_file(writer, Path(sys.argv[2]), now_ns=1_800_000_000 * 10**9)
    writer.close()
"""
POINTS = [
    *((f"dump_restore.{name}", 1) for name in ("intake", "base", "refreshed", "replayed")),
    *(("store.refresh", number) for number in (1, 2)),
    ("store.commit", 1),
    ("store.committed", 1),
]


@pytest.mark.parametrize(("name", "passes"), POINTS)
def test_a_kill_leaves_the_old_library_or_the_restored_one(
    spoken: BuiltLibrary, tmp_path: Path, name: str, passes: int
) -> None:
    document = dump_of(spoken.writer)
    (tmp_path / "dump.json").write_bytes(document)
    spoken.put("new.jpg", FileSpec(captured="2021-01-01T00:00:00"))
    fresh = fresh_library(spoken, tmp_path / "fresh", seed=1, is_scanned=True)
    before = dump_of(fresh.writer, with_journal=True)
    fresh.close()
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "GLASSINE_FAILPOINT": f"{name}:{passes}"}
    command = [sys.executable, "-c", KILLED_RESTORE, str(fresh.library.path), str(tmp_path / "dump.json")]
    killed = subprocess.run(command, env=environment, check=False, capture_output=True)
    assert killed.returncode == -9, killed.stderr
    writer = open_writer(fresh.library)
    assert check.check(writer) == []
    if name == "store.committed":
        assert {one["uid"] for one in json.loads(document)["photos"]} <= {
            one["uid"] for one in json.loads(dump_of(writer))["photos"]
        }
    else:
        assert dump_of(writer, with_journal=True) == before
        restored(writer, document)
    assert check.check(writer) == []
    assert writer.value("SELECT count(*) FROM statement") == 10
    writer.close()


def test_the_restore_is_streamed(tmp_path: Path) -> None:
    """What is read ahead of what was taken is a window, not the document."""
    from catalog.dump import read

    item = {"uid": "0" * 26, "name": "x" * 1000}
    text = b'{"glassine":"dump","photos":[' + b",".join([json.dumps(item).encode()] * 20_000) + b"]}"
    file = io.BytesIO(text)
    seen = 0
    for section, _ in read(file):
        if section == "photos":
            seen += 1
            assert file.tell() < seen * 1100 + 2_000_000
    assert seen == 20_000


def test_files_found_where_the_dump_says_are_not_read_again(spoken: BuiltLibrary, tmp_path: Path) -> None:
    fresh = fresh_library(spoken, tmp_path / "fresh", seed=1, is_scanned=False)
    restored(fresh.writer, dump_of(spoken.writer))
    fresh.rescan(hashes=False)
    assert fresh.writer.value("SELECT count(*) FROM content WHERE hash IS NULL") == 0
    assert titles(fresh)["IMG_1.JPG"] == "photo 1"
    fresh.close()


def test_a_forgotten_volume_comes_back_as_what_it_is_beside_a_new_one_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "first").mkdir()
    first = build_library(tmp_path / "first", {"one.jpg": FileSpec(captured="2019-08-07T12:00:00")})
    volume = volumes.volume_by_name(first.writer, VOLUME)
    volumes.mark_forgotten(first.writer, volume.id, FIRST_NS)
    while traces.sweep_forgotten(first.writer, FIRST_NS):
        pass
    volumes.add_volume(first.writer, VOLUME, os.fsencode(tmp_path / "elsewhere"), now_ns=FIRST_NS)
    document = dump_of(first.writer)
    validate(json.loads(document), "dump-document")
    library = Library(tmp_path / "second")
    writer = migrations.create(library, ZONE, FIRST_NS)
    restored(writer, document)
    assert [known.name for known in volumes.volumes(writer)] == [VOLUME], "the new one alone is a volume"
    rows = writer.rows(
        "SELECT v.name, v.forgotten_ns IS NULL, l.state FROM location AS l JOIN volume AS v ON v.id = l.volume_id"
    )
    assert rows == [(VOLUME, 0, "missing")], "where the photo was seen last"
    assert check.check(writer) == []
    assert json.loads(dump_of(writer))["photos"][0]["uid"] == json.loads(document)["photos"][0]["uid"]
    writer.close()
    first.close()
