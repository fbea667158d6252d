"""Where photos are found in a tree that is configured: the paths that documents tell."""

from __future__ import annotations

from datetime import date

import pytest

from vfs.options import VIEW_NAMES, TreeOptions, ViewPaths

TODAY = date(2026, 11, 21)


def paths(**names: str | None) -> ViewPaths:
    """Return the paths of a tree some of whose views have other names; None = switched off."""
    chosen = {fixed: names.get(fixed.name, name) for fixed, name in VIEW_NAMES.items()}
    return ViewPaths(
        TreeOptions(names={fixed: name for fixed, name in chosen.items() if name is not None}), TODAY
    )


@pytest.mark.parametrize(
    "path", ["Albums/Trip/a.jpg", "Favorites/a.jpg", "Favorites", "Originals/Photos/a.jpg"]
)
def test_a_tree_with_its_own_names_has_the_paths_of_the_catalog(path: str) -> None:
    assert paths().shown(path) == path


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("Albums/Trip/a.jpg", "Alben/Trip/a.jpg"),
        ("Albums/Albums/Albums", "Alben/Albums/Albums"),
        ("Favorites", "Liebste"),
        ("Timeline/2019/2019-xx/a.jpg", "Timeline/2019/2019-xx/a.jpg"),
        ("Cameras/Nikon/2019/a.jpg", None),
        ("Originals/Photos/Cameras/a.jpg", "Originals/Photos/Cameras/a.jpg"),
    ],
)
def test_a_view_has_its_configured_name_and_none_when_it_is_switched_off(
    path: str, wanted: str | None
) -> None:
    assert paths(ALBUMS="Alben", FAVORITES="Liebste", CAMERAS=None).shown(path) == wanted


@pytest.mark.parametrize(
    ("day", "is_shown"),
    [
        ("2026-11-21", True),
        ("2026-10-23", True),
        ("2026-10-22", False),
        ("2025-11-21", False),
        ("2026-11-22", True),
    ],
)
@pytest.mark.parametrize("end", ["", "/a.jpg"])
def test_a_day_that_is_not_recent_any_more_is_told_by_nobody(day: str, end: str, is_shown: bool) -> None:
    path = f"Recent/{day}{end}"
    assert paths().shown(path) == (path if is_shown else None)
    assert paths(RECENT="Neu").shown(path) == (f"Neu/{day}{end}" if is_shown else None)


def test_switched_off_views_leave_the_others_in_their_order() -> None:
    told = ["Timeline/2019/2019-08/2019-08-07/a.jpg", "Tags/x/a.jpg", "Types/Photos/2019/a.jpg"]
    assert paths(TAGS=None).all_shown(told) == [told[0], told[2]]
