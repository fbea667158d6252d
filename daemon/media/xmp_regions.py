"""Face regions in XMP: mwg-rs:Regions (from the centre) and Microsoft's MP:RegionInfo (from the top left corner).

Both are fractions of the stored picture, before orientation, and stay so. Where a file has both, the first rules: writers
turn Microsoft's with the picture or not (a real portrait of the corpus has it wrong). Focus points, bar codes and pets
are no faces. MWG guidelines 2.0, 5.9; Microsoft's People Tag schema.
"""

from __future__ import annotations

from daemon.media.descriptive import MAX_PEOPLE, DescriptiveDraft
from daemon.media.xmp_model import Model, Value, number_in

_REGIONS = "{http://www.metadataworkinggroup.com/schemas/regions/}Regions"
_MICROSOFT_REGIONS = "{http://ns.microsoft.com/photo/1.2/}RegionInfo"
_MAX_REGIONS = 4 * MAX_PEOPLE  # read at all; a telescope of focus points must not take the time of a photo

Box = tuple[float, float, float, float]


def read_regions(model: Model, words: DescriptiveDraft) -> None:
    """Note the faces and the names of people in regions."""
    regions = model.get(_REGIONS)
    if regions is not None:
        _read_mwg(regions, words)
    microsoft = model.get(_MICROSOFT_REGIONS)
    if microsoft is not None:
        _read_microsoft(microsoft, words)


def _read_mwg(regions: Value, words: DescriptiveDraft) -> None:
    applied_to = regions.field("AppliedToDimensions")
    size = (_number(applied_to, "w"), _number(applied_to, "h"))
    words.say_applied_to(*size)
    for region in _members(regions, "RegionList"):
        kind, name = _text(region, "Type"), _text(region, "Name")
        if kind != "Face" and (kind or not name):
            continue
        words.say_person(name)
        box = _box_of_area(region.field("Area"), size)
        if box is not None:
            words.say_face(name, *box)


def _box_of_area(area: Value | None, size: tuple[float | None, float | None]) -> Box | None:
    x, y, w, h = (_number(area, name) for name in "xywh")
    if x is None or y is None or w is None or h is None:
        return None
    if _text(area, "unit") == "pixel":
        if not size[0] or not size[1]:
            return None
        x, y, w, h = x / size[0], y / size[1], w / size[0], h / size[1]
    return x - w / 2, y - h / 2, w, h


def _read_microsoft(info: Value, words: DescriptiveDraft) -> None:
    known = {face.name for face in words.faces}
    has_faces = bool(words.faces)
    for region in _members(info, "Regions"):
        name = _text(region, "PersonDisplayName")
        words.say_person(name)
        numbers = [number_in(part) for part in _text(region, "Rectangle").split(",")]
        x, y, w, h = numbers if len(numbers) == 4 else (None, None, None, None)
        if x is None or y is None or w is None or h is None or (has_faces and (not name or name in known)):
            continue
        words.say_face(name, x, y, w, h)


def _members(value: Value, name: str) -> list[Value]:
    members = value.field(name)
    return members.structures()[:_MAX_REGIONS] if members is not None else []


def _text(value: Value | None, name: str) -> str:
    field = value.field(name) if value is not None else None
    return field.best_text() if field is not None else ""


def _number(value: Value | None, name: str) -> float | None:
    return number_in(_text(value, name))
