"""The rules for stacks: what they unite, what they leave alone, and that order never matters."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.ids import AssetId, VolumeId
from catalog.media_types import guess
from catalog.stacks import Candidate, Group, cell_of, cover_rank, group, identifier_of, twin_of
from catalog.stacks.names import family_of, form_of

VOLUME = VolumeId(1)
START = datetime(2019, 6, 9, 12, 57, 32)  # noqa: DTZ001 - a wall clock


def one(
    path: str,
    second: float | None = 0,
    camera: str = "Apple iPhone SE",
    *,
    duration_s: float | None = None,
    live_id: str | None = None,
    burst_id: str | None = None,
    offset_min: int | None = None,
    precision: str | None = None,
) -> Candidate:
    """Return a candidate that was taken this many seconds after START; None = unknown when."""
    directory, _, name = path.rpartition("/")
    known = guess(name.encode())
    make, _, model = camera.partition(" ")
    local, exact = _local(second)
    return Candidate(
        AssetId(0), VOLUME, directory.encode(), name.encode(), known.kind if known else "photo",
        is_raw=bool(known and known.is_raw), local=local, precision=precision or exact, offset_min=offset_min,  # type: ignore[arg-type]
        make=make or None, model=model or None, duration_s=duration_s, live_id=live_id,
        burst_id=burst_id,
    )  # fmt: skip


def _local(second: float | None) -> tuple[str | None, str | None]:
    if second is None:
        return None, None
    moment = START + timedelta(seconds=second)
    is_whole = moment.microsecond == 0
    return moment.isoformat(timespec="seconds" if is_whole else "microseconds"), (
        "second" if is_whole else "subsec"
    )


def numbered(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Give each candidate an id: 1, 2, 3 …"""
    return [
        replace(candidate, asset_id=AssetId(number)) for number, candidate in enumerate(candidates, start=1)
    ]


def stacked(*candidates: Candidate) -> list[tuple[str, ...]]:
    """Return `(kind, name of the cover first, then the others)` of each stack."""
    found = numbered(candidates)
    names = {candidate.asset_id: _path(candidate) for candidate in found}
    return [
        (item.kind, names[item.cover], *(names[member] for member in item.members if member != item.cover))
        for item in group(found)
    ]


def _path(candidate: Candidate) -> str:
    return f"{candidate.directory.decode()}/{candidate.name.decode()}".lstrip("/")


NIKON = "NIKON D1"
PIXEL = "Google Pixel 8"

UNITED: dict[str, tuple[list[Candidate], list[tuple[str, ...]]]] = {
    "raw beside jpeg": (
        [one("a/DSC_1.NEF", 0, NIKON), one("a/DSC_1.JPG", 1, NIKON)],
        [("raw", "a/DSC_1.JPG", "a/DSC_1.NEF")],
    ),
    "raw, jpeg and heic": (
        [one("a/I_1.DNG"), one("a/I_1.HEIC"), one("a/I_1.jpg")],
        [("raw", "a/I_1.HEIC", "a/I_1.DNG", "a/I_1.jpg")],
    ),
    "case of names": (
        [one("a/dsc_1.nef", 0, NIKON), one("a/DSC_1.JPG", 0, NIKON)],
        [("raw", "a/DSC_1.JPG", "a/dsc_1.nef")],
    ),
    "raw in a subfolder": (
        [one("s/RAW/DSC_1.NEF", 0, NIKON), one("s/DSC_1.JPG", 0, NIKON)],
        [("raw", "s/DSC_1.JPG", "s/RAW/DSC_1.NEF")],
    ),
    "raw and jpeg in subfolders": (
        [one("s/Raw Files/D.CR2", 0, NIKON), one("s/jpg/D.JPG", 2, NIKON)],
        [("raw", "s/jpg/D.JPG", "s/Raw Files/D.CR2")],
    ),
    "raw and jpeg of no known camera in one second": (
        [one("a/D.DNG", 0, ""), one("a/D.JPG", 0, "")],
        [("raw", "a/D.JPG", "a/D.DNG")],
    ),
    "a copied pair is a pair": (
        [one("a/D (2).NEF", 0, NIKON), one("a/D (2).JPG", 0, NIKON)],
        [("raw", "a/D (2).JPG", "a/D (2).NEF")],
    ),
    "pixel raw": (
        [
            one("a/PXL_20231118_035751175.RAW-02.ORIGINAL.dng", 0, PIXEL),
            one("a/PXL_20231118_035751175.RAW-01.MP.COVER.jpg", 2, PIXEL),
        ],
        [
            (
                "raw",
                "a/PXL_20231118_035751175.RAW-01.MP.COVER.jpg",
                "a/PXL_20231118_035751175.RAW-02.ORIGINAL.dng",
            )
        ],
    ),
    "pixel portrait": (
        [
            one("a/PXL_20231118_035751175.PORTRAIT-02.ORIGINAL.jpg", 0, PIXEL),
            one("a/PXL_20231118_035751175.PORTRAIT-01.COVER.jpg", 0, PIXEL),
        ],
        [
            (
                "variant",
                "a/PXL_20231118_035751175.PORTRAIT-01.COVER.jpg",
                "a/PXL_20231118_035751175.PORTRAIT-02.ORIGINAL.jpg",
            )
        ],
    ),
    "pixel night and plain": (
        [
            one("a/PXL_20231118_035751175.NIGHT.jpg", 0, PIXEL),
            one("a/PXL_20231118_035751175.jpg", 0, PIXEL),
        ],
        [("variant", "a/PXL_20231118_035751175.NIGHT.jpg", "a/PXL_20231118_035751175.jpg")],
    ),
    "live by identifier": (
        [
            one("a/IMG_1.HEIC", 0, live_id="X"),
            one("a/IMG_1.MOV", -2, live_id="X", duration_s=2.5),
        ],
        [("live", "a/IMG_1.HEIC", "a/IMG_1.MOV")],
    ),
    "live by identifier whatever the names": (
        [one("a/beach.heic", 0, live_id="X"), one("a/0001.mov", 1, live_id="X")],
        [("live", "a/beach.heic", "a/0001.mov")],
    ),
    "live by name": (
        [one("a/IMG_1.JPG", 0), one("a/IMG_1.MOV", 1, duration_s=2)],
        [("live", "a/IMG_1.JPG", "a/IMG_1.MOV")],
    ),
    "live by name, movie without a camera": (
        [one("a/IMG_1.JPG", 0), one("a/IMG_1_HEVC.MOV", 1, "", duration_s=2)],
        [("live", "a/IMG_1.JPG", "a/IMG_1_HEVC.MOV")],
    ),
    "live by name across zones that are known": (
        [one("a/I.JPG", 0, offset_min=120), one("a/I.MOV", -7200, duration_s=2, offset_min=0)],
        [("live", "a/I.JPG", "a/I.MOV")],
    ),
    "live with raw": (
        [one("a/I.DNG"), one("a/I.HEIC"), one("a/I.MOV", 1, duration_s=2)],
        [("live", "a/I.HEIC", "a/I.DNG", "a/I.MOV")],
    ),
    "edited live": (
        [
            one("a/IMG_1234.HEIC"),
            one("a/IMG_1234.MOV", 1, duration_s=2, live_id="X"),
            one("a/IMG_E1234.HEIC"),
            one("a/IMG_E1234.MOV", 1, duration_s=2, live_id="X"),
        ],
        [("live", "a/IMG_E1234.HEIC", "a/IMG_1234.HEIC", "a/IMG_1234.MOV", "a/IMG_E1234.MOV")],
    ),
    "two live photos whose identifier was copied": (
        [
            one("a/I.HEIC", live_id="X"),
            one("a/I.MOV", live_id="X"),
            one("a/J.HEIC", live_id="X"),
            one("a/J.MOV", live_id="X"),
        ],
        [("live", "a/I.HEIC", "a/I.MOV"), ("live", "a/J.HEIC", "a/J.MOV")],
    ),
    "burst by identifier whatever the names": (
        [one(f"a/IMG_{1000 + n}.JPG", n * 0.1, burst_id="B") for n in (1, 0, 2)],
        [("burst", "a/IMG_1001.JPG", "a/IMG_1000.JPG", "a/IMG_1002.JPG")],
    ),
    "burst by identifier, names that only differ by a mark": (
        [one("a/I.JPG", 0, burst_id="B"), one("a/I (1).JPG", 3, burst_id="B"), one("a/I.DNG", 0)],
        [("burst", "a/I.JPG", "a/I (1).JPG", "a/I.DNG")],
    ),
    "apple edit": (
        [one("a/IMG_4120.JPG"), one("a/IMG_E4120.JPG")],
        [("edit", "a/IMG_E4120.JPG", "a/IMG_4120.JPG")],
    ),
    "apple edit of a copy": (
        [one("a/IMG_4120 (1).JPG"), one("a/IMG_E4120.JPG")],
        [("edit", "a/IMG_E4120.JPG", "a/IMG_4120 (1).JPG")],
    ),
    "google edit, german": (
        [one("a/I-bearbeitet.jpg", 0.0, PIXEL), one("a/I.jpg", 0.12, PIXEL)],
        [("edit", "a/I-bearbeitet.jpg", "a/I.jpg")],
    ),
    "google edit, japanese": (
        [one("a/I.jpg", 0, PIXEL), one("a/I-編集済み.jpg", 0, PIXEL)],
        [("edit", "a/I-編集済み.jpg", "a/I.jpg")],
    ),
    "osxphotos edit": (
        [one("a/IMG_1.HEIC"), one("a/IMG_1_edited.jpeg")],
        [("edit", "a/IMG_1_edited.jpeg", "a/IMG_1.HEIC")],
    ),
    "edit in a folder": (
        [one("a/I.JPG"), one("a/Edited/I.JPG")],
        [("edit", "a/Edited/I.JPG", "a/I.JPG")],
    ),
    "copies lie below their original": (
        [one("a/I (1).JPG"), one("a/I copy.JPG"), one("a/I - Copy (2).JPG"), one("a/I.JPG")],
        [("edit", "a/I.JPG", "a/I (1).JPG", "a/I copy.JPG", "a/I - Copy (2).JPG")],
    ),
    "raw, jpeg and edit": (
        [one("a/D.NEF", 0, NIKON), one("a/D.JPG", 0, NIKON), one("a/D-edited.jpg", 0, NIKON)],
        [("raw", "a/D-edited.jpg", "a/D.NEF", "a/D.JPG")],
    ),
    "samsung burst": (
        [one(f"a/20200101_120000_{n:03}.jpg", n / 10, "samsung SM-G930F") for n in (3, 1, 2)],
        [
            (
                "burst",
                "a/20200101_120000_001.jpg",
                "a/20200101_120000_003.jpg",
                "a/20200101_120000_002.jpg",
            )
        ],
    ),
    "huawei burst": (
        [
            one("a/IMG_20171014_160028_BURST001.jpg", 0, "HUAWEI P10"),
            one("a/IMG_20171014_160028_BURST002_COVER.jpg", 1, "HUAWEI P10"),
        ],
        [("burst", "a/IMG_20171014_160028_BURST002_COVER.jpg", "a/IMG_20171014_160028_BURST001.jpg")],
    ),
    "nexus burst": (
        [
            one("a/00000IMG_00000_BURST20171111030039.jpg", 0, "LGE Nexus 5X"),
            one("a/00001IMG_00001_BURST20171111030039_COVER.jpg", 0.2, "LGE Nexus 5X"),
        ],
        [
            (
                "burst",
                "a/00001IMG_00001_BURST20171111030039_COVER.jpg",
                "a/00000IMG_00000_BURST20171111030039.jpg",
            )
        ],
    ),
    "xperia burst": (
        [one(f"a/DSC_000{n}_BURST20161106123103524.JPG", n, "Sony F5321") for n in (1, 2, 3)],
        [
            (
                "burst",
                "a/DSC_0001_BURST20161106123103524.JPG",
                "a/DSC_0002_BURST20161106123103524.JPG",
                "a/DSC_0003_BURST20161106123103524.JPG",
            )
        ],
    ),
    "two frames of a burst, one with its raw": (
        [
            one("a/20200101_120000_001.jpg", 0, PIXEL),
            one("a/20200101_120000_001.dng", 0, PIXEL),
            one("a/20200101_120000_002.jpg", 5, PIXEL),
        ],
        [
            (
                "burst",
                "a/20200101_120000_001.jpg",
                "a/20200101_120000_001.dng",
                "a/20200101_120000_002.jpg",
            )
        ],
    ),
    "motion photo and its extracted movie": (
        [
            one("a/MVIMG_20200101_120000.jpg", 0, PIXEL),
            one("a/MVIMG_20200101_120000.mp4", 1, "", duration_s=3),
        ],
        [("live", "a/MVIMG_20200101_120000.jpg", "a/MVIMG_20200101_120000.mp4")],
    ),
}


@pytest.mark.parametrize("case", UNITED)
def test_what_belongs_together_is_one_stack(case: str) -> None:
    candidates, expected = UNITED[case]
    assert stacked(*candidates) == expected


NEITHER: dict[str, list[Candidate]] = {
    "raw of another camera": [one("a/D.NEF", 0, NIKON), one("a/D.JPG", 0, "NIKON D2")],
    "raw of another day": [one("a/D.NEF", 0, NIKON), one("a/D.JPG", 86400, NIKON)],
    "raw three seconds off": [one("a/D.NEF", 0, NIKON), one("a/D.JPG", 3, NIKON)],
    "raw without a date": [one("a/D.NEF", None, NIKON), one("a/D.JPG", 0, NIKON)],
    "raw and jpeg dated to the minute": [
        one("a/D.NEF", 0, NIKON, precision="minute"),
        one("a/D.JPG", 0, NIKON, precision="minute"),
    ],
    "raw whose jpeg lost its camera": [one("a/D.NEF", 0, NIKON), one("a/D.JPG", 0, "")],
    "raw and jpeg of no known camera a second apart": [one("a/D.DNG", 0, ""), one("a/D.JPG", 1, "")],
    "raw and jpeg of no known camera in two folders": [one("a/RAW/D.DNG", 0, ""), one("a/D.JPG", 0, "")],
    "counter rolled over in the folder for raws": [
        one("s/RAW/DSC_1.NEF", 0, NIKON),
        one("s/DSC_1.JPG", 4000, NIKON),
    ],
    "folders that are no family": [one("a/2019/D.NEF", 0, NIKON), one("a/2020/D.JPG", 0, NIKON)],
    "one jpeg between two raws": [
        one("s/NEF/D.NEF", -1.5, NIKON),
        one("s/D.JPG", 0, NIKON),
        one("s/RAW/D.NEF", 1.5, NIKON),
    ],
    "jpeg and png without a raw": [one("a/I.JPG"), one("a/I.PNG")],
    "two raws": [one("a/I.CR2"), one("a/I.DNG")],
    "copies of which nobody is the original": [one("a/Holiday (1).jpg"), one("a/Holiday (2).jpg")],
    "copy number of another photo": [one("a/I.jpg", 0), one("a/I (2).jpg", 90)],
    "copy number in the same second, finer clocks disagree": [
        one("a/I.jpg", 0.1),
        one("a/I (2).jpg", 0.6),
    ],
    "copy number, no camera known": [one("a/I.jpg", 0, ""), one("a/I (2).jpg", 0, "")],
    "copy number, no date": [one("a/I.jpg", None), one("a/I (2).jpg", None)],
    "edit of another day": [one("a/IMG_4120.JPG"), one("a/IMG_E4120.JPG", 86400)],
    "edit of another camera": [one("a/IMG_4120.JPG"), one("a/IMG_E4120.JPG", 0, "Apple iPhone 6")],
    "edit between two originals of one second": [
        one("a/I (1).jpg", 0.25),
        one("a/I (2).jpg", 0.75),
        one("a/I-edited.jpg", 0),
    ],
    "edit in a folder of another event": [one("a/I.JPG", 0), one("b/edited/I.JPG", 0)],
    "movie too long": [one("a/IMG_1.JPG"), one("a/IMG_1.MOV", 1, duration_s=6)],
    "movie of unknown length": [one("a/IMG_1.JPG"), one("a/IMG_1.MOV", 1)],
    "movie of another day": [one("a/IMG_1.JPG"), one("a/IMG_1.MOV", 86400, duration_s=2)],
    "movie in the same clock of another zone": [
        one("a/I.JPG", 0, offset_min=120),
        one("a/I.MOV", 0, offset_min=0, duration_s=2),
    ],
    "movie of another camera": [one("a/I.JPG"), one("a/I.MOV", 0, PIXEL, duration_s=2)],
    "movie in another folder": [one("a/I.JPG"), one("a/MOV/I.MOV", 0, duration_s=2)],
    "two movies": [one("a/I.JPG"), one("a/I.MOV", 0, duration_s=2), one("a/I.MP4", 0, duration_s=2)],
    "two stills": [one("a/I.JPG"), one("a/I.HEIC"), one("a/I.MOV", 0, duration_s=2)],
    "movie of another still by identifier": [
        one("a/I.JPG", live_id="X"),
        one("a/I.MOV", 0, live_id="Y", duration_s=2),
    ],
    "identifier in two folders": [one("a/I.JPG", live_id="X"), one("b/I.MOV", live_id="X")],
    "identifier, moments apart": [one("a/I.JPG", live_id="X"), one("a/I.MOV", 4, live_id="X", duration_s=2)],
    "identifier of two movies": [
        one("a/I.JPG", live_id="X"),
        one("a/J.MOV", live_id="X"),
        one("a/K.MOV", live_id="X"),
    ],
    "identifier of a burst, two cameras": [
        one("a/A.JPG", 0, burst_id="B"),
        one("a/B.JPG", 1, PIXEL, burst_id="B"),
    ],
    "identifier of a burst, no cameras": [one(f"a/{n}.JPG", 0, "", burst_id="B") for n in "AB"],
    "identifier of a burst, unknown clock": [one(f"a/{n}.JPG", None, burst_id="B") for n in "AB"],
    "identifier of a burst, an hour apart": [one(f"a/{n}.JPG", n * 3600, burst_id="B") for n in range(2)],
    "identifier of a burst in two folders": [one(f"{n}/I.JPG", 0, burst_id="B") for n in "ab"],
    "identifier that a whole folder has": [one(f"a/{n}.JPG", 0, burst_id="B") for n in range(201)],
    "burst of two cameras": [
        one("a/20200101_120000_001.jpg", 0, "samsung A"),
        one("a/20200101_120000_002.jpg", 0, "samsung B"),
    ],
    "burst an hour apart": [
        one("a/IMG_1_BURST001.jpg", 0, PIXEL),
        one("a/IMG_1_BURST002.jpg", 3600, PIXEL),
    ],
    "burst that drifts beyond reason": [one(f"a/IMG_1_BURST{n:03}.jpg", n * 20, PIXEL) for n in range(4)],
    "burst in two folders": [
        one("a/IMG_1_BURST001.jpg", 0, PIXEL),
        one("b/IMG_1_BURST002.jpg", 0, PIXEL),
    ],
    "burst without cameras": [one("a/IMG_1_BURST001.jpg", 0, ""), one("a/IMG_1_BURST002.jpg", 0, "")],
    "consecutive numbers": [one("a/IMG_0001.JPG", 0), one("a/IMG_0002.JPG", 0)],
    "pixel variants of two phones": [
        one("a/PXL_20231118_035751175.NIGHT.jpg", 0, PIXEL),
        one("a/PXL_20231118_035751175.jpg", 0, "Google Pixel 7"),
    ],
    "sound beside a photo": [one("a/I.JPG"), one("a/I.WAV", 0)],
    "numbers beyond copies": [one("a/I.jpg"), one("a/I (137).jpg")],
}


@pytest.mark.parametrize("case", NEITHER)
def test_what_could_be_another_photo_stays_alone(case: str) -> None:
    assert stacked(*NEITHER[case]) == []


def test_the_stronger_key_takes_a_file_from_the_weaker() -> None:
    still, movie = one("a/beach.HEIC", live_id="X"), one("a/I.MOV", 0, live_id="X", duration_s=2)
    by_name = one("a/I.JPG", 0)
    assert stacked(by_name, movie) == [("live", "a/I.JPG", "a/I.MOV")]
    assert stacked(by_name, movie, still) == [("live", "a/beach.HEIC", "a/I.MOV")]


def test_a_live_photo_of_a_burst_belongs_to_its_movie() -> None:
    still, movie = one("a/A.HEIC", live_id="X", burst_id="B"), one("a/B.MOV", live_id="X")
    frames = [one(f"a/{name}.HEIC", 1, burst_id="B") for name in "CD"]
    assert stacked(still, movie, *frames) == [
        ("live", "a/A.HEIC", "a/B.MOV"),
        ("burst", "a/C.HEIC", "a/D.HEIC"),
    ]


def test_an_ambiguous_edit_leaves_the_raw_pair_whole() -> None:
    pair = [one("a/D.NEF", 0.25, NIKON), one("a/D.JPG", 0.25, NIKON)]
    rival = [one("a/D (1).JPG", 0.75, NIKON), one("a/D-edited.jpg", 0, NIKON)]
    assert stacked(*pair, *rival) == [("raw", "a/D.JPG", "a/D.NEF")]


def test_the_date_of_a_name_is_no_proof_where_bytes_say_nothing() -> None:
    names = ("a/IMG_20200101_120000.jpg", "a/IMG_20200101_120000.dng")
    assert stacked(*(one(name, None, PIXEL) for name in names)) == []


def test_evidence_tells_rule_members_and_distance() -> None:
    (found,) = group(numbered([one("a/D.NEF", 0, NIKON), one("a/D.JPG", 1.5, NIKON)]))
    (evidence,) = found.evidence
    assert (evidence.rule, evidence.members, evidence.apart_us) == ("raw", (1, 2), 1_500_000)


# ---- cells and names


def test_whoever_a_rule_unites_shares_a_cell_or_a_twin() -> None:
    for candidates, _ in UNITED.values():
        cells = {cell_of(VOLUME, candidate.directory, candidate.name) for candidate in candidates}
        twins = {
            twin_of(VOLUME, one.directory, identifier_of(one.live_id, one.burst_id)) for one in candidates
        }
        assert len(cells - {None}) == 1 or len(twins - {None}) == 1, candidates


def test_a_cell_is_63_bits_and_differs_by_volume_folder_and_stem() -> None:
    cells = [
        cell_of(VolumeId(volume), folder, name)
        for volume, folder, name in itertools.product(
            (1, 2), (b"a", b"b", b""), (b"I.JPG", b"J.JPG", b"\xff.JPG")
        )
    ]
    assert len(set(cells)) == len(cells)
    assert all(cell is not None and 0 <= cell < 2**63 for cell in cells)
    assert cell_of(VOLUME, b"2019/RAW", b"IMG_E1234 (2).HEIC") == cell_of(VOLUME, b"2019", b"img_1234.jpg")
    # Stored in catalogs: another number needs another RULES_VERSION.
    assert cell_of(VOLUME, b"2019", b"img_1234.jpg") == 9_094_731_296_109_433_578


def test_sound_has_no_cell_and_a_photo_without_identifier_no_twin() -> None:
    assert cell_of(VOLUME, b"a", b"song.mp3") is None
    assert twin_of(VOLUME, b"a", None) is None
    assert twin_of(VOLUME, b"a", "") is None


def test_a_twin_is_of_its_directory_not_of_a_family() -> None:
    assert twin_of(VOLUME, b"a", "X") != twin_of(VOLUME, b"a/RAW", "X")
    assert twin_of(VOLUME, b"a", "X") != cell_of(VOLUME, b"a", b"X")


@pytest.mark.parametrize(
    ("directory", "family"),
    [
        ("shoot", "shoot"), ("shoot/RAW", "shoot"), ("shoot/raw_files", "shoot"), ("RAW", ""), ("", ""),
        ("shoot/Edited/JPG", "shoot"), ("shoot/rawhide", "shoot/rawhide"), ("RAW/2019", "RAW/2019"),
        ("shoot/Exporté", "shoot"),
    ],
)  # fmt: skip
def test_a_folder_that_names_a_format_or_role_belongs_to_the_one_above(directory: str, family: str) -> None:
    assert family_of(directory.encode()) == family.encode()


@given(st.binary(max_size=60).filter(lambda name: b"/" not in name and b"\0" not in name))
def test_any_bytes_are_a_name(name: bytes) -> None:
    form = form_of(name)
    assert form.base or not name
    assert cell_of(VOLUME, name, name) == cell_of(VOLUME, name, name)


# ---- order and contradiction

_STEMS = ("IMG_1234", "IMG_E1234", "IMG_1234 (1)", "IMG_1234 (2)", "IMG_1234-edited", "IMG_1234_HEVC", "IMG_1234 copy",
          "20200101_120000_001", "20200101_120000_002", "20200101_120000", "PXL_20231118_035751175",
          "PXL_20231118_035751175.NIGHT", "PXL_20231118_035751175.RAW-01.COVER")  # fmt: skip
_candidates = st.builds(
    one,
    st.builds(
        "{}/{}.{}".format,
        st.sampled_from(["s", "s/RAW", "s/edited"]),
        st.sampled_from(_STEMS),
        st.sampled_from(["JPG", "NEF", "HEIC", "MOV", "DNG"]),
    ),
    st.one_of(st.none(), st.sampled_from([0, 0, 0, 0.25, 0.75, 1, 2, 2.5, 3, 20, 40])),
    st.sampled_from(["Apple iPhone SE", "Apple iPhone SE", "Apple iPhone 6", ""]),
    duration_s=st.sampled_from([None, 2.0, 7.0]),
    live_id=st.sampled_from([None, None, "X", "Y"]),
    offset_min=st.sampled_from([None, None, 0, 60]),
)


@given(st.lists(_candidates, max_size=9), st.randoms(use_true_random=False))
def test_groups_do_not_depend_on_the_order_and_share_nobody(
    candidates: list[Candidate], random: object
) -> None:
    found = numbered(candidates)
    groups = group(found)
    shuffled = list(found)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert group(shuffled) == groups
    members = [member for item in groups for member in item.members]
    assert len(members) == len(set(members))
    assert all(len(item.members) > 1 and item.cover in item.members for item in groups)


@given(st.lists(_candidates, max_size=9))
def test_ids_decide_nothing_but_ties_of_covers(candidates: list[Candidate]) -> None:
    forwards = numbered(candidates)
    backwards = [replace(one, asset_id=AssetId(len(candidates) + 1 - one.asset_id)) for one in forwards]

    def shape(groups: list[Group], flip: int | None) -> set[frozenset[int]]:
        return {frozenset(flip - member if flip else member for member in item.members) for item in groups}

    assert shape(group(forwards), None) == shape(group(backwards), len(candidates) + 1)


@given(st.lists(_candidates, max_size=9))
def test_no_stack_holds_two_that_contradict_each_other(candidates: list[Candidate]) -> None:
    found = {candidate.asset_id: candidate for candidate in numbered(candidates)}
    for item in group(found.values()):
        rules = {evidence.rule for evidence in item.evidence}
        limit_s = 30 if "burst" in rules else 3 if rules & {"identifier", "name"} else 2
        for first, second in itertools.combinations((found[member] for member in item.members), 2):
            assert first.model is None or second.model is None or first.model == second.model
            assert None in (first.live_id, second.live_id) or first.live_id == second.live_id
            assert _apart_s(first, second) <= limit_s
            assert _is_one_family(first, second)


def _apart_s(first: Candidate, second: Candidate) -> float:
    assert first.local is not None, "who has no date is in no stack"
    assert second.local is not None
    moments = [datetime.fromisoformat(one.local or "") for one in (first, second)]
    if first.offset_min is not None and second.offset_min is not None:
        moments = [
            moment - timedelta(minutes=one.offset_min or 0)
            for moment, one in zip(moments, (first, second), strict=True)
        ]
    return abs((moments[0] - moments[1]).total_seconds())


def _is_one_family(first: Candidate, second: Candidate) -> bool:
    if cell_of(VOLUME, first.directory, first.name) == cell_of(VOLUME, second.directory, second.name):
        return True
    return first.directory == second.directory and first.live_id == second.live_id is not None


# ---- covers


def test_covers_rank_edit_then_picture_then_raw_then_movie() -> None:
    names = ["I.MOV", "I.NEF", "I (1).JPG", "I.JPG", "I-edited.jpg"]
    ranked = sorted(numbered([one(f"a/{name}") for name in names]), key=cover_rank)
    assert [candidate.name.decode() for candidate in ranked] == [
        "I-edited.jpg", "I.JPG", "I (1).JPG", "I.NEF", "I.MOV",
    ]  # fmt: skip


def test_a_cover_needs_no_facts() -> None:
    for candidates, expected in UNITED.values():
        bare = [
            Candidate(item.asset_id, VOLUME, item.directory, item.name, item.kind, is_raw=item.is_raw)
            for item in numbered(candidates)
        ]
        for _, cover, *others in expected:
            members = [item for item in bare if _path(item) in (cover, *others)]
            assert _path(min(members, key=cover_rank)) == cover
