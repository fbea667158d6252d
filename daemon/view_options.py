"""From the configuration to how the tree looks: what every frontend and the command line hand to `vfs.tree`."""

from __future__ import annotations

from daemon.config import Config
from vfs.options import VIEW_NAMES, TreeOptions


def tree_options(config: Config) -> TreeOptions:
    """Return the names of the views (switched-off ones are left out) and how far back they look."""
    chosen = {fixed: getattr(config.views, fixed.name.lower()) for fixed in VIEW_NAMES}
    return TreeOptions(
        names={fixed: name for fixed, name in chosen.items() if name is not None},
        recent_days=config.views.recent_days,
        memories_years_back=config.memories.years_back,
        memories_excludes=config.memories.exclude,
    )
