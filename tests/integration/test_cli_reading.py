"""The reading verbs on a real library: ls, find, show, stats, why. No mount, no daemon."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.cli_runner import Glassine
from library_builder import BuiltLibrary, FileSpec, build_library, varied_files
from vfs.options import VIEW_NAMES


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BuiltLibrary]:
    made = build_library(tmp_path_factory.mktemp("reading"), varied_files())
    yield made
    made.close()


@pytest.fixture(scope="module")
def glassine(built: BuiltLibrary) -> Glassine:
    return Glassine(built.library.path)


@pytest.fixture(scope="module")
def uids(built: BuiltLibrary, glassine: Glassine) -> dict[str, str]:
    """Path of the original -> uid."""
    photos = glassine("find", "--json", schema="find").lines("photo")
    return {photo["locations"][0]["path"]: photo["uid"] for photo in photos}


def names(done: object) -> set[str]:
    return {photo["name"] for photo in done.lines("photo")}  # type: ignore[attr-defined]


# ---- find


def test_an_empty_query_streams_every_photo_and_one_summary(built: BuiltLibrary, glassine: Glassine) -> None:
    done = glassine("find", "--json", schema="find")
    assert done.code == 0
    assert len(done.lines("photo")) == built.shown_count()
    assert [document["type"] for document in done.documents].count("summary") == 1
    assert done.documents[-1]["counts"] == {"photos": built.shown_count()}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (["date=2019-08-07"], {"IMG_0001.JPG"}),
        (["date=2019"], {"IMG_0001.JPG", "IMG_0002.CR2"}),
        (["date=1931"], {"grandma.jpg"}),
        (["date=1954-06"], {"month.jpg"}),
        (["date=..1960"], {"grandma.jpg", "month.jpg"}),
        (["type=raw"], {"IMG_0002.CR2"}),
        (["type=video|audio"], {"clip.mp4", "song.mp3"}),
        (["camera:canon", "-is:raw"], {"IMG_0001.JPG"}),
        (["camera=Sony A7"], set()),
        (['camera="Sony A7"'], {"clip.mp4"}),
        (["name=img_*"], {"IMG_0001.JPG", "IMG_0002.CR2"}),
        (["GRÖSSE"], {"Größe 😀.jpg"}),
        (["volume=photos", "ext=mp4"], {"clip.mp4"}),
        (["path=scans/*", "-date=1931"], {"month.jpg", "day.jpg"}),
        (["is:undated"], {"undated.png"}),
        (["has:date", "NOT", "has:camera", "ext=mp3"], {"song.mp3"}),
        (["is:missing"], set()),
        (["--", "-type=photo"], {"clip.mp4", "song.mp3"}),
        (["-type=photo"], {"clip.mp4", "song.mp3"}),
        (["-(type=photo OR type=audio)"], {"clip.mp4"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_queries_find_what_they_mean(glassine: Glassine, query: list[str], found: set[str]) -> None:
    done = glassine("find", "--json", *query, schema="find")
    assert done.code == 0
    assert names(done) == found


def test_an_unknown_field_is_an_error_with_a_suggestion(glassine: Glassine) -> None:
    done = glassine("find", "camra=canon", "--json", schema="find")
    assert (done.code, done.error["code"], done.error["suggestion"]) == (2, "invalid_query", "camera")


def test_fail_empty_is_4_and_the_summary_says_so(glassine: Glassine) -> None:
    assert glassine("find", "name=nobody", "--json", schema="find").code == 0
    done = glassine("find", "name=nobody", "--fail-empty", "--json", schema="find")
    assert (done.code, done.error["code"]) == (4, "nothing_matched")
    assert glassine("find", "--fail-empty").code == 0


def test_limit_stops_the_stream(glassine: Glassine) -> None:
    done = glassine("find", "--limit", "3", "--json", schema="find")
    assert (len(done.lines("photo")), done.documents[-1]["counts"]) == (3, {"photos": 3})
    assert glassine("find", "--limit", "0", "--json").documents[-1]["counts"] == {"photos": 0}


def test_print0_gives_the_exact_paths_of_originals(built: BuiltLibrary, glassine: Glassine) -> None:
    done = glassine("find", "-0")
    paths = done.stdout.split(b"\0")
    assert paths.pop() == b""
    assert set(paths) == {bytes(built.root) + b"/" + path for path in built.assets()}


def test_for_people_find_prints_uid_date_and_name(glassine: Glassine) -> None:
    done = glassine("find", "type=video")
    (line,) = done.stdout.decode().splitlines()
    uid, when, name = line.split()
    assert (len(uid), when, name) == (26, "2020-02-29T01:02:03", "clip.mp4")
    assert done.stderr == ""


def test_the_fields_are_listed_with_examples_that_work(glassine: Glassine) -> None:
    rows = glassine("find", "--help-fields", "--json", schema="fields").data
    assert {"date", "type", "camera", "name", "volume", "has", "is"} <= {row["name"] for row in rows}
    for row in rows:
        assert glassine("find", row["example"], "--json", schema="find").code == 0


# ---- show


def test_show_is_a_list_of_photo_documents(glassine: Glassine, uids: dict[str, str]) -> None:
    (photo,) = glassine("show", uids["2019/IMG_0001.JPG"], "--json", schema="show").data
    assert photo["capture"] == {
        "local": "2019-08-07T10:11:12",
        "offset_min": 120,
        "zone": None,
        "precision": "second",
        "source": "ExifIFD:DateTimeOriginal",
        "confidence": "exact",
    }
    assert photo["camera"] == {"make": "Canon", "model": "EOS 5D", "lens": None}
    assert photo["locations"] == [
        {"volume": "Photos", "path": "2019/IMG_0001.JPG", "path_b64": None, "state": "present"}
    ]
    assert "Timeline/2019/2019-08/2019-08-07/IMG_0001.JPG" in photo["views"]
    assert "Originals/Photos/2019/IMG_0001.JPG" in photo["views"]


def test_every_way_to_name_a_photo_names_the_same(
    built: BuiltLibrary, glassine: Glassine, uids: dict[str, str]
) -> None:
    uid = uids["film/clip.mp4"]
    ways = [
        [uid], [uid.upper()], [uid[:6]], [uid[:9]], [f"~{uid[:6]}"], ["Timeline/2020/2020-02/2020-02-29/clip.mp4"],
        ["Originals/Photos/film/clip.mp4"], [str(built.root / "film" / "clip.mp4")], ["--query", "type=video"],
        [f".glassine/by-id/{uid}/original"], ["-r", str(built.root / "film")], ["-r", "Types/Videos"],
    ]  # fmt: skip
    for way in ways:
        assert [photo["uid"] for photo in glassine("show", "--json", *way, schema="show").data] == [uid], way


def test_relative_paths_of_originals_work(
    built: BuiltLibrary, glassine: Glassine, uids: dict[str, str]
) -> None:
    (photo,) = glassine("show", "clip.mp4", "--json", cwd=built.root / "film", schema="show").data
    assert photo["uid"] == uids["film/clip.mp4"]


def test_paths_that_are_not_utf8_name_photos_and_come_back_exactly(
    built: BuiltLibrary, glassine: Glassine
) -> None:
    raw = b"raw/bad\xffname.jpg"
    (photo,) = glassine("show", bytes(built.root) + b"/" + raw, "--json", schema="show").data
    (location,) = photo["locations"]
    assert location["path"] == "raw/bad\ufffdname.jpg"
    assert location["path_b64"] == "cmF3L2JhZP9uYW1lLmpwZw=="


def test_arguments_come_from_a_file_by_line_or_by_zero(
    built: BuiltLibrary, glassine: Glassine, tmp_path: Path
) -> None:
    paths = glassine("find", "-0", "date=1969").stdout
    shown = glassine("show", "--json", "--from-file", "-", "-0", stdin=paths, schema="show").data
    assert [photo["name"] for photo in shown] == ["day.jpg"]
    lines = tmp_path / "lines"
    lines.write_bytes(paths.replace(b"\0", b"\n"))
    assert glassine("show", "--json", "--from-file", lines, schema="show").data == shown


def test_a_photo_named_twice_is_shown_once(glassine: Glassine, uids: dict[str, str]) -> None:
    uid = uids["song.mp3"]
    assert len(glassine("show", uid, uid[:6], "--query", "type=audio", "--json", schema="show").data) == 1


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (["zzzzzz"], 15, "not_found"),
        (["~zzzzzz"], 15, "not_found"),
        (["nothing/here.jpg"], 15, "not_found"),
        (["/nowhere.jpg"], 15, "not_found"),
        (["Originals/Photos/notes.txt"], 15, "not_found"),
        (["Timeline"], 2, "usage"),
        ([], 2, "usage"),
        (["-0"], 2, "usage"),
        (["--query", "foo=bar"], 2, "invalid_query"),
        (["--from-file", "/nowhere"], 15, "not_found"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
def test_what_names_no_photo_is_an_error(
    glassine: Glassine, arguments: list[str], code: int, error: str
) -> None:
    done = glassine("show", "--json", *arguments, schema="show")
    assert (done.code, done.error["code"]) == (code, error)


# ---- ls


def test_ls_lists_the_views(glassine: Glassine) -> None:
    rows = glassine("ls", "--json", schema="ls").data
    assert [row["name"] for row in rows] == sorted(VIEW_NAMES.values())
    assert {row["kind"] for row in rows} == {"dir"}


def test_ls_shows_photos_with_size_time_uid_and_hash(
    built: BuiltLibrary, glassine: Glassine, uids: dict[str, str]
) -> None:
    rows = glassine("ls", "Timeline/2019/2019-08/2019-08-07/", "--json", schema="ls").data
    plain, suffixed = rows
    assert plain["name"] == "IMG_0001.JPG"
    assert plain["path"] == "Timeline/2019/2019-08/2019-08-07/IMG_0001.JPG"
    assert plain["kind"] == "photo"
    assert plain["mtime"] == "2019-08-07T08:11:12Z"
    assert plain["uid"] == uids["2019/IMG_0001.JPG"]
    assert plain["size"] == len(built.files[b"2019/IMG_0001.JPG"].bytes_for(b"2019/IMG_0001.JPG"))
    assert suffixed["name"] == f"IMG_0001~{suffixed['uid'][:6]}.JPG"
    assert glassine("ls", plain["path"], "--json", schema="ls").data == [plain]


def test_ls_originals_shows_files_that_are_no_photos_too(glassine: Glassine, uids: dict[str, str]) -> None:
    rows = {row["name"]: row for row in glassine("ls", "Originals/Photos", "--json", schema="ls").data}
    assert (rows["notes.txt"]["kind"], rows["notes.txt"]["uid"]) == ("file", None)
    assert (rows["song.mp3"]["kind"], rows["song.mp3"]["uid"]) == ("photo", uids["song.mp3"])
    assert rows["film"]["kind"] == "dir"


def test_ls_gives_raw_names_exactly(glassine: Glassine) -> None:
    (row,) = glassine("ls", "Originals/Photos/raw", "--json", schema="ls").data
    assert (row["name"], row["name_b64"]) == ("bad\ufffdname.jpg", "YmFk/25hbWUuanBn")
    assert glassine("ls", b"Originals/Photos/raw/bad\xffname.jpg", "--json", schema="ls").data == [row]


@pytest.mark.parametrize(
    "path", ["Timeline/2018", "Nothing", "Timeline/2019/2019-08/2019-08-07/x.jpg", "Originals/None"]
)
def test_ls_of_what_is_not_there_is_15(glassine: Glassine, path: str) -> None:
    done = glassine("ls", path, "--json", schema="ls")
    assert (done.code, done.error["code"], done.error["path"]) == (15, "not_found", path)


def test_ls_for_people_marks_folders_and_has_a_long_form(glassine: Glassine) -> None:
    assert "Timeline/" in glassine("ls").stdout.decode().splitlines()
    line = glassine("ls", "-l", "Types/Videos/2020").stdout.decode()
    assert line.split()[-1] == "clip.mp4"
    assert "2020-02-29T00:02:03Z" in line


def test_an_offline_volumes_entries_stay_listed(tmp_path: Path) -> None:
    from catalog.store.volumes import set_volume_state

    built = build_library(tmp_path, {"a.jpg": FileSpec(captured="2019-08-07T10:11:12")})
    glassine = Glassine(built.library.path)
    before = glassine("ls", "Timeline/2019/2019-08/2019-08-07", "--json", schema="ls").data
    set_volume_state(built.writer, built.volume_id, "offline", "unplugged", built.now_ns)
    built.root.rename(tmp_path / "elsewhere")
    assert glassine("ls", "Timeline/2019/2019-08/2019-08-07", "--json", schema="ls").data == before
    assert names(glassine("find", "is:offline", "--json", schema="find")) == {"a.jpg"}
    (photo,) = glassine("show", str(built.root / "a.jpg"), "--json", schema="show").data
    assert photo["locations"][0]["state"] == "offline"
    built.close()


# ---- stats, why


def test_stats_count_what_is_there(built: BuiltLibrary, glassine: Glassine) -> None:
    data = glassine("stats", "--json", schema="stats").data
    assert data["photos"] == data["states"]["shown"] == built.shown_count()
    assert data["kinds"] == {"photo": built.shown_count() - 2, "video": 1, "audio": 1}
    assert data["files"]["present"] == len(built.files)
    assert f"photos: {built.shown_count()}" in glassine("stats").stdout.decode()


def test_why_date_tells_the_winner_and_the_losers(glassine: Glassine, uids: dict[str, str]) -> None:
    data = glassine("why", "date", uids["2019/IMG_0001.JPG"], "--json", schema="why-date").data
    verdicts = {candidate["source"]: candidate["verdict"] for candidate in data["candidates"]}
    assert verdicts["ExifIFD:DateTimeOriginal"] == "won"
    assert verdicts["mtime"] == "lost"
    assert data["capture"]["local"] == "2019-08-07T10:11:12"
    text = glassine("why", "date", uids["2019/IMG_0001.JPG"]).stdout.decode()
    assert "2019-08-07T10:11:12 (UTC+02:00)" in text


def test_why_name_tells_who_has_the_plain_name(glassine: Glassine, uids: dict[str, str]) -> None:
    younger = uids["other/IMG_0001.JPG"]
    data = glassine("why", "name", younger, "--view", "Timeline", "--json", schema="why-name").data
    (folder,) = data["folders"]
    assert folder["folder"] == "Timeline/2019/2019-08/2019-08-07"
    assert folder["name"] == f"IMG_0001~{younger[:6]}.JPG"
    assert folder["plain_owner"] == uids["2019/IMG_0001.JPG"]
    assert folder["name"] in glassine("why", "name", f"{folder['folder']}/{folder['name']}").stdout.decode()


@pytest.mark.parametrize(
    ("path", "reason", "rule"),
    [
        ("2019/IMG_0001.JPG", "none", None),
        ("@eaDir/IMG_0001.JPG", "rule", "@eaDir/"),
        ("Thumbs.db", "rule", "Thumbs.db"),
        ("new/photo.part", "rule", "*.part"),
        ("not/there.jpg", "none", None),
        ("", "none", None),
    ],
)
def test_why_excluded_names_the_rule(
    built: BuiltLibrary, glassine: Glassine, path: str, reason: str, rule: str | None
) -> None:
    data = glassine("why", "excluded", built.root / path, "--json", schema="why-excluded").data
    assert (data["excluded"], data["reason"], data["rule"], data["volume"]) == (
        reason != "none",
        reason,
        rule,
        "Photos",
    )


def test_why_excluded_knows_places_that_are_never_scanned(
    built: BuiltLibrary, glassine: Glassine, tmp_path: Path
) -> None:
    library = glassine(
        "why", "excluded", built.library.path / "cache" / "x.jpg", "--json", schema="why-excluded"
    ).data
    assert library["reason"] == "library"
    assert (
        glassine("why", "excluded", tmp_path, "--json", schema="why-excluded").data["reason"] == "no_volume"
    )


def test_why_excluded_sees_nomedia_configuration_and_special_files(tmp_path: Path) -> None:
    built = build_library(
        tmp_path, {"a.jpg": FileSpec(), "quiet/.nomedia": FileSpec(body=b"", is_asset=False)}
    )
    (built.library.config_path).write_text('[scan]\nexcludes = ["*.bak.jpg"]\n', "utf-8")
    (built.root / "link.jpg").symlink_to("a.jpg")
    glassine = Glassine(built.library.path)
    told = {
        name: glassine("why", "excluded", built.root / name, "--json", schema="why-excluded").data
        for name in ("quiet/b.jpg", "x.bak.jpg", "link.jpg")
    }
    assert told["quiet/b.jpg"]["origin"] == ".nomedia"
    assert told["x.bak.jpg"]["origin"] == "configuration"
    assert told["link.jpg"]["reason"] == "not_regular"
    built.close()


def test_the_library_is_found_by_the_option_too(built: BuiltLibrary, tmp_path: Path) -> None:
    done = Glassine(tmp_path / "nowhere")("--library", built.library.path, "stats", "--json")
    assert json.loads(done.stdout)["ok"] is True
