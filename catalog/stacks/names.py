"""What a file name tells about its stack mates: base stem, marks of copies and edits, burst frame, folder family.

Pure tables and patterns; nothing here unites two files, it only says which rules may look at them. Sources: metadata.md
section 3, and the naming of phones, Google Takeout, Apple Photos, Windows, macOS and Chrome as found in the wild.

Invariants: files that a rule could unite by name share `base` and `family`; parsing the base again changes nothing that
matters; any bytes are accepted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from catalog import media_types, names

# A browser or a file manager seldom gets further; a higher number is the photo's own (`Holiday (137).jpg`), and stripping
# it would put a whole folder of numbered photos into one cell.
MAX_COPY_NUMBER = 20
_MAX_STRIPS = 4  # `IMG_1-edited (2) copy`: more is somebody's joke

# Last components of a path that name a format: `shoot/RAW/IMG_1.NEF` belongs to `shoot/IMG_1.JPG`.
_FORMATS = (
    "raw jpg jpeg jpe heic heif hif tif tiff png dng cr2 cr3 crw nef nrw arw sr2 srf orf rw2 pef raf mrw srw rwl x3f 3fr fff"
    " iiq kdc dcr erf mef mos gpr"
)
# … or a role: what was made from the originals beside it.
_EDIT_FOLDERS = (
    "edit edits edited export exports exported develop developed processed retouched final finals finished bearbeitet"
    " exportiert modifié modifiés retouché exporté editado editados exportado"
)
_ORIGINAL_FOLDERS = ("original", "originals", "originale")
EDIT_FOLDERS = frozenset(_EDIT_FOLDERS.split())
_FORMAT_FOLDERS = frozenset(
    form.format(name)
    for name in _FORMATS.split()
    for form in ("{}", "{}s", "{} file", "{} files", "{} photos", "{} images", "{} bilder")
)
FAMILY_FOLDERS = _FORMAT_FOLDERS.union(EDIT_FOLDERS, _ORIGINAL_FOLDERS)

_COPY_WORDS = "copy|kopie|copia|copie|kopia|kopi|kopio|cópia|копия|コピー|副本"
# What Google Photos appends to the name of an edited photo, by language, and what other exporters do.
_EDIT_WORDS = (
    "edited|edit|effects|bearbeitet|bewerkt|modifié|ha editado|editado|editada|editat|modificato|edytowane|redigeret|redigerad"
    "|redigert|muokattu|upraveno|upravené|szerkesztett|editată|изменено|відредаговано|編集済み|已编辑|已編輯|수정됨"
)
_COPY_NUMBER = re.compile(r" ?\((\d{1,3})\)$")
_COPY = re.compile(rf"(?: - | |-|_)(?:{_COPY_WORDS})(?: (\d{{1,2}})| \((\d{{1,2}})\))?$")
_COPY_OF = re.compile(r"^(?:copy of|kopie von|copia di|copia de|copie de) ")
_EDIT = re.compile(rf"[-_ ](?:{_EDIT_WORDS})$")
_EDIT_NUMBER = re.compile(r"~\d{1,2}$")  # Google Photos and Samsung's editor on a device
_CODEC = re.compile(r"_(?:hevc|heic)$")
# Pixel: PXL_20231118_035751175.RAW-01.MP.COVER.jpg, .PORTRAIT-02.ORIGINAL.jpg, .NIGHT.jpg, .MP.jpg …
_VARIANT = re.compile(
    r"\.(?:mp|ts|vb|raw|portrait|night|long_exposure|motion|action_pan)(?:-\d\d)?(?:\.mp)?(?:\.(?:cover|original))?$"
)
_APPLE_EDIT = re.compile(r"^img_e(\d{4,})$")
_MOTION_PREFIX = re.compile(r"^mvimg_(?=\d{8}_)")
# Huawei IMG_20171014_160028_BURST001_COVER, Samsung 20220705_153032_Burst01
_BURST_FRAME = re.compile(r"^(?P<base>.+)_burst(?P<number>\d{1,6})(?P<cover>_cover)?$")
# Nexus 00001IMG_00001_BURST20171111030039_COVER, Xperia DSC_0001_BURST20161106123103524: the time names the burst
_BURST_TIME = re.compile(r"^(?P<number>.*?)_?(?P<base>burst\d{10,20})(?P<cover>_cover)?$")
_BURST_SAMSUNG = re.compile(r"^(?P<base>\d{8}_\d{6})_(?P<number>\d{3})(?P<cover>)$")


@dataclass(frozen=True, slots=True)
class Form:
    """A name taken apart, folded.

    Attributes:
        base: the stem without everything below: the same for all that could belong together.
        marks: copies and edits, as `(2)`, `copy`, `copy 3`, `edit`.
        is_edited: a mark says that it was edited.
        variant: Pixel's tail, `raw-01.cover`; empty for none.
        burst: what tells the frames of a burst apart; None for no frame of a burst.
        burst_number: orders frames; 0 for none.
        is_named_cover: the name says that it stands for the others.
    """

    base: str
    marks: frozenset[str] = frozenset()
    is_edited: bool = False
    variant: str = ""
    burst: str | None = None
    burst_number: int = 0
    is_named_cover: bool = False

    @property
    def slot(self) -> tuple[str, str | None, frozenset[str]]:
        """The shot that it is a rendition of: equal for `IMG_1 (2).NEF` and `IMG_1 (2).JPG`, not for `IMG_1.JPG`."""
        return self.base, self.burst, self.marks


@lru_cache(maxsize=4096)
def form_of(name: bytes) -> Form:
    """Take a file name apart; any bytes."""
    stem, _ = names.split_extension(names.fold(name.decode("utf-8", "surrogateescape")))
    marks: set[str] = set()
    for _ in range(_MAX_STRIPS):
        shorter, mark = _stripped(stem)
        if shorter == stem or not shorter:
            break
        stem = shorter
        marks.add(mark)
    stem, variant = _without_variant(stem)
    if apple := _APPLE_EDIT.match(stem):
        stem = f"img_{apple[1]}"
        marks.add("edit")
    if _MOTION_PREFIX.match(stem):
        stem, variant = _MOTION_PREFIX.sub("img_", stem), variant or "mvimg"
    marks.discard("")
    return _framed(stem, frozenset(marks), variant)


def _stripped(stem: str) -> tuple[str, str]:
    """Take the last mark off; return the rest and the mark, which is empty for what tells nothing."""
    if (number := _COPY_NUMBER.search(stem)) and 0 < int(number[1]) <= MAX_COPY_NUMBER:
        return stem[: number.start()], f"({int(number[1])})"
    if found := _COPY.search(stem):
        return stem[: found.start()], f"copy {found[1] or found[2] or ''}".rstrip()
    if found := _COPY_OF.match(stem):
        return stem[found.end() :], "copy"
    if found := _EDIT.search(stem) or _EDIT_NUMBER.search(stem):
        return stem[: found.start()], "edit"
    return _CODEC.sub("", stem), ""


def _without_variant(stem: str) -> tuple[str, str]:
    found = _VARIANT.search(stem)
    if found is None or found.start() == 0:
        return stem, ""
    return stem[: found.start()], found[0][1:]


def _framed(stem: str, marks: frozenset[str], variant: str) -> Form:
    is_edited = "edit" in marks
    is_cover = variant.endswith("cover")
    frame = _BURST_FRAME.match(stem) or _BURST_TIME.match(stem) or _BURST_SAMSUNG.match(stem)
    if frame is None:
        return Form(stem, marks, is_edited, variant, is_named_cover=is_cover)
    digits = re.findall(r"\d+", frame["number"])
    number = int(digits[-1][:9]) if digits else 0
    return Form(
        frame["base"], marks, is_edited, variant, frame["number"], number, is_cover or bool(frame["cover"])
    )


@lru_cache(maxsize=4096)
def family_of(directory: bytes) -> bytes:
    """Return a directory without trailing components that only name a format or a role."""
    while directory:
        above, _, last = directory.rpartition(b"/")
        if _plain(last) not in FAMILY_FOLDERS:
            break
        directory = above
    return directory


@lru_cache(maxsize=4096)
def is_edit_folder(directory: bytes) -> bool:
    """Tell whether the folder, or one that names the formats in it, is called after edits or exports."""
    while directory:
        above, _, last = directory.rpartition(b"/")
        if _plain(last) not in FAMILY_FOLDERS:
            return False
        if _plain(last) in EDIT_FOLDERS:
            return True
        directory = above
    return False


def _plain(component: bytes) -> str:
    text = names.fold(component.decode("utf-8", "surrogateescape"))
    return text.replace("-", " ").replace("_", " ").strip()


def can_be_stacked(name: bytes) -> bool:
    """Tell whether the name leaves a stack possible: sound never belongs to one."""
    guess = media_types.guess(name)
    return guess is None or guess.kind != "audio"
