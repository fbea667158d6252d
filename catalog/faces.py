"""Face regions: from the picture as it is stored to the picture as it is shown. Pure.

Files hold regions of the stored picture (metadata.md 2.2); the layer and everybody outside speak of the upright one.
"""

from __future__ import annotations

from blake3 import blake3

from catalog.facts import FaceRegion
from catalog.ids import Uid, uid_from_int

_DIGITS = 4  # a ten-thousandth of the picture: writers round differently, faces are larger


def upright(region: FaceRegion, orientation: int | None) -> FaceRegion:
    """Return a region of the upright picture.

    Args:
        region: of the stored picture.
        orientation: EXIF's 1 to 8 (what is to be done to show it upright); anything else is 1.
    """
    x, y, w, h = region.x, region.y, region.w, region.h
    right, below = _rest(x, w), _rest(y, h)
    turned = {
        2: (right, y, w, h),
        3: (right, below, w, h),
        4: (x, below, w, h),
        5: (y, x, h, w),
        6: (below, x, h, w),
        7: (below, right, h, w),
        8: (y, right, h, w),
    }.get(orientation or 1)
    return region if turned is None else FaceRegion(region.name, *turned)


def _rest(start: float, extent: float) -> float:
    """Return what is left behind a stretch of 0..1, without the noise of the subtraction."""
    return max(0.0, round(1 - start - extent, 6))


def region_uid(region: FaceRegion) -> Uid:
    """Return what statements call a region that a file or sidecar holds: the same for the same name and stored place.

    So a file that is read again, and a sidecar that repeats it, speak of one face.
    """
    sides = (f"{round(side, _DIGITS):.{_DIGITS}f}" for side in (region.x, region.y, region.w, region.h))
    said = "\0".join(("face", region.name or "", *sides))
    return uid_from_int(int.from_bytes(blake3(said.encode()).digest(length=16)))
