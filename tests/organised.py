"""A library in which somebody has put things in order, and what every face of the tree must then show.

Set up with real commands (`catalog.commands.execute`); the expectations are written down or computed from the dates
of the files, not by asking the catalog, but for the short ids in names.
"""

from __future__ import annotations

import time
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from catalog.commands import execute
from catalog.commands.layer import (
    AlbumAdd,
    AlbumCreate,
    Favorite,
    Hide,
    LayerCommand,
    PersonAdd,
    PlaceSet,
    Rate,
    SearchSave,
    StackMake,
    TagAdd,
    TrashPut,
)  # fmt: skip
from library_builder import ZONE, BuiltLibrary, FileSpec, build_library

YEARS_AGO = 4  # 29 February has its like four years before
POTSDAM = {"lat": 52.4009, "lon": 13.0591}
FILES: dict[str | bytes, FileSpec] = {
    "a/IMG_1.JPG": FileSpec(captured="2019-08-07T10:00:00", facts=POTSDAM),
    "b/IMG_1.JPG": FileSpec(captured="2019-08-07T11:00:00", facts=POTSDAM),
    "sea.jpg": FileSpec(captured="2019-08-08T12:00:00"),
    "beach.jpg": FileSpec(captured="2020-05-01T12:00:00", facts={"lat": 1.2834, "lon": 103.8607}),
    "month.jpg": FileSpec(captured="2017-11"),
    "shot.cr2": FileSpec(captured="2021-06-05T12:00:00", facts={"lat": 64.1466, "lon": -21.9426}),
    "picture.jpg": FileSpec(captured="2021-06-05T12:00:00"),
    "gone.jpg": FileSpec(captured="2018-01-01T12:00:00", facts=POTSDAM),
    "hidden.jpg": FileSpec(captured="2018-01-02T12:00:00", facts={"lat": 48.8584, "lon": 2.2945}),
}
# Names that people, or programs, might give: each is one component.
HOSTILE = ["..", ".", "...", "/", "a\x00b", "\x1b[31m", "\u202egpj.exe", "👨‍👩‍👧‍👦", "CON", "nul.txt", " x ", "x.", "~", "_all", "_",
           "desktop.ini", "Thumbs.db", "autorun.inf", "photo.jpg", "x~abc123", "é", "e\u0301", "ß", "ss", "İ", "z" * 10_000, "ä" * 5_000,
           "%2e%2e", "a?b*c", "<script>", "'; DROP TABLE tag;--", "\\\\server\\share", "C:\\", "-rf", "$(reboot)", ".hidden", "．．",
           "mach_kernel", ".DS_Store", "._x", ".Trash-1000", "folder.jpg", "Search", "rating=5", "IMG_0001.JPG", "b" * 239]  # fmt: skip


class Organised:
    """The library, and who is who in it."""

    def __init__(self, built: BuiltLibrary, today: date) -> None:
        self.built = built
        self.today = today
        self.trash_day = ""

    def do(self, *commands: LayerCommand) -> None:
        """Carry commands out, now."""
        for command in commands:
            execute(self.built.writer, command, now_ns=time.time_ns())

    def uids(self, *paths: str) -> tuple[str, ...]:
        """Return the uids of the photos of some files."""
        return tuple(self._uid(path) for path in paths)

    def _uid(self, path: str) -> str:
        directory, _, name = path.rpartition("/")
        found = self.built.writer.value(
            "SELECT a.uid FROM directory AS d JOIN location AS l ON l.directory_id = d.id JOIN content AS c"
            " ON c.id = l.content_id JOIN asset AS a ON a.id = c.asset_id WHERE d.path = ? AND l.name = ?",
            (directory.encode(), name.encode()),
        )
        assert found is not None, path
        return str(found)

    @property
    def second(self) -> str:
        """How the second IMG_1.JPG is called beside the first."""
        return f"IMG_1~{self._uid('b/IMG_1.JPG')[:6]}.JPG"

    @property
    def stack_label(self) -> str:
        """The folder of the one stack."""
        return str(self.built.writer.value("SELECT label FROM stack WHERE origin = 'user'"))

    def expected(self) -> dict[str, list[str]]:
        """Return view -> every path below it, folders with a slash at their end."""
        second, year = self.second, self.today.year
        return {
            "Albums": [
                "Empty/", "Raws/", "Raws/shot.cr2", "Trip/", "Trip/Day 1/", "Trip/Day 1/beach.jpg", "Trip/IMG_1.JPG",
                f"Trip/{second}", "Trip/sea.jpg", "__all/",
            ],
            "Tags": [
                "animals/", "animals/_all/", "animals/_all/beach.jpg", "animals/_all/sea.jpg", "animals/beach.jpg",
                "animals/cat/", "animals/cat/_all/", "animals/cat/_all/sea.jpg", "animals/cat/sea.jpg",
            ],
            "People": [
                "Anna/", "Anna/2019/", "Anna/2019/IMG_1.JPG", "Anna/2020/", "Anna/2020/beach.jpg",
                "Bob／Rob/", f"Bob／Rob/{year - YEARS_AGO}/", f"Bob／Rob/{year - YEARS_AGO}/old.jpg",
            ],
            "Places": [
                "Germany/", "Germany/Brandenburg/", "Germany/Brandenburg/Potsdam/",
                "Germany/Brandenburg/Potsdam/IMG_1.JPG", f"Germany/Brandenburg/Potsdam/{second}",
                "Iceland/", "Iceland/Capital Region/", "Iceland/Capital Region/Reykjavík/",
                "Iceland/Capital Region/Reykjavík/shot.cr2",
                "Italy/", "Italy/Lazio/", "Italy/Lazio/Rome/", "Italy/Lazio/Rome/sea.jpg",
                "Singapore/", "Singapore/Singapore/", "Singapore/Singapore/beach.jpg",
            ],
            "Favorites": ["beach.jpg", "sea.jpg"],
            "Ratings": ["1/", "1/old.jpg", "5/", "5/IMG_1.JPG", f"5/{second}"],
            "Stacks": [
                "2021/", f"2021/{self.stack_label}/", f"2021/{self.stack_label}/picture.jpg",
                f"2021/{self.stack_label}/shot.cr2",
            ],
            "Trash": [f"{self.trash_day}/", f"{self.trash_day}/gone.jpg"],
            "Searches": ["Best/", "Best/IMG_1.JPG", f"Best/{second}", "Raw/", "Raw/shot.cr2"],
            "Search": [],
            "Offline": [],
            "Memories": self._memories(),
        }  # fmt: skip

    def _memories(self) -> list[str]:
        names = {"a/IMG_1.JPG": "IMG_1.JPG", "b/IMG_1.JPG": self.second}
        lines = {"Today/", "This Week/", "This Month/"}
        for path, spec in FILES.items():
            if path in ("gone.jpg", "hidden.jpg", "shot.cr2") or spec.captured is None:
                continue
            lines |= self._memory(spec.captured, names.get(str(path), str(path)))
        return sorted(
            lines | self._memory(f"{self.today.year - YEARS_AGO}{self.today:-%m-%dT12:00:00}", "old.jpg")
        )

    def _memory(self, captured: str, name: str) -> set[str]:
        """Return where Memories/ shows a photo, by another way than the view's: from the photo to the folders."""
        folders = {}
        if int(captured[5:7]) == self.today.month:
            folders["This Month"] = captured[:4]
        if len(captured) > 7:
            day = date.fromisoformat(captured[:10])
            if (day.month, day.day) == (self.today.month, self.today.day):
                folders["Today"] = captured[:4]
            if day.isocalendar().week == self.today.isocalendar().week:
                folders["This Week"] = f"{day.isocalendar().year:04d}"
        return {
            line for span, year in folders.items() for line in (f"{span}/{year}/", f"{span}/{year}/{name}")
        }


def organise(tmp_path: Path) -> Organised:
    """Build it."""
    today = datetime.now(ZoneInfo(ZONE)).date()
    old = FileSpec(captured=f"{today.year - YEARS_AGO}{today:-%m-%dT12:00:00}")
    made = Organised(build_library(tmp_path, {**FILES, "old.jpg": old}), today)
    made.do(
        AlbumCreate("Empty"),
        AlbumCreate("_all"),
        AlbumAdd(made.uids("a/IMG_1.JPG", "b/IMG_1.JPG", "sea.jpg"), "Trip", is_created=True),
        AlbumAdd(made.uids("beach.jpg"), "Trip/Day 1", is_created=True),
        AlbumAdd(made.uids("shot.cr2"), "Raws", is_created=True),
        TagAdd(made.uids("sea.jpg"), ("animals/cat",)),
        TagAdd(made.uids("beach.jpg"), ("animals",)),
        PersonAdd(made.uids("a/IMG_1.JPG", "beach.jpg"), "Anna"),
        PersonAdd(made.uids("old.jpg"), "Bob/Rob"),
        PlaceSet(made.uids("sea.jpg"), 41.8902, 12.4922),
        Favorite(made.uids("sea.jpg", "beach.jpg")),
        Rate(made.uids("a/IMG_1.JPG"), 5),
        Rate(made.uids("b/IMG_1.JPG"), 5),
        Rate(made.uids("old.jpg"), 1),
        Rate(made.uids("beach.jpg"), 0),
        StackMake(made.uids("shot.cr2", "picture.jpg")),
        SearchSave("Best", "rating>=4"),
        SearchSave("Raw", "is:raw"),
        Hide(made.uids("hidden.jpg")),
        TrashPut(made.uids("gone.jpg")),
    )
    made.trash_day = datetime.now(ZoneInfo(ZONE)).date().isoformat()
    return made
