"""From the configuration to how the tree looks: what every frontend and the command line hand to `vfs.tree`."""

from __future__ import annotations

from datetime import date

from daemon.config import Config
from vfs.options import VIEW_NAMES, TreeOptions, ViewPaths


def tree_options(config: Config) -> TreeOptions:
    """Return the names of the views (switched-off ones are left out) and how far back they look."""
    chosen = {fixed: getattr(config.views, fixed.name.lower()) for fixed in VIEW_NAMES}
    return TreeOptions(
        names={fixed: name for fixed, name in chosen.items() if name is not None},
        recent_days=config.views.recent_days,
        memories_years_back=config.memories.years_back,
        memories_excludes=config.memories.exclude,
    )


def view_paths(config: Config, today: date) -> ViewPaths:
    """Return what turns paths that the catalog tells into those of the configured tree."""
    return ViewPaths(tree_options(config), today)
