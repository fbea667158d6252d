"""When the program learned something: what an older version derived is derived again, once.

Knows no rule itself: the RULES_VERSION of `catalog.dates` and `catalog.stacks` say that they changed, `assets.refresh`
applies them. A catalog of an older schema gets what the layer derives in the same way.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

from catalog import dates, stacks
from catalog.ids import AssetId
from catalog.store.assets import refresh
from catalog.store.db import Writer

log = logging.getLogger(__name__)

_AT_ONCE = 500  # about 40 ms of write lock
_KEY = "rules_version"
RULES_VERSION = dates.RULES_VERSION * 1000 + stacks.RULES_VERSION


def derive_again(writer: Writer, now_ns: int) -> int:
    """Recompute every asset if older rules made its columns; return how many were looked at.

    Whoever migrates calls it next; opens no file. About 12,000 assets a second; a kill repeats it whole.
    """
    if int(writer.value("SELECT value FROM meta WHERE key = ?", (_KEY,)) or 0) >= RULES_VERSION:
        return 0
    looked_at = 0
    for asset_ids in _batches(writer):
        refresh(writer, asset_ids, now_ns, writer.zone, may_restack=True, is_thorough=True)
        looked_at += len(asset_ids)
    with writer.atomic():
        writer.execute(
            "INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
            (_KEY, json.dumps(RULES_VERSION)),
        )
    if looked_at:
        log.info("derived %d photos again by newer rules", looked_at)
    return looked_at


def _batches(writer: Writer) -> Iterator[list[AssetId]]:
    last = 0
    while rows := writer.rows("SELECT id FROM asset WHERE id > ? ORDER BY id LIMIT ?", (last, _AT_ONCE)):
        last = rows[-1][0]
        yield [AssetId(row[0]) for row in rows]
