"""When the program learned something: what an older version derived is derived again, once.

Knows no rule itself: the RULES_VERSION of `catalog.dates`, `catalog.stacks` and `catalog.places` say that they changed, `assets.refresh`
applies them. A catalog of an older schema gets what the layer derives in the same way.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator

from catalog import dates, places, stacks
from catalog.ids import AssetId
from catalog.store.assets import refresh
from catalog.store.db import Writer

log = logging.getLogger(__name__)

_AT_ONCE = 500  # about 40 ms of write lock
_KEY = "rules_version"
# Each part has room for its versions, so that none of them can grow without the whole growing.
RULES_VERSION = (dates.RULES_VERSION * 1000 + stacks.RULES_VERSION) * 1000 + places.RULES_VERSION


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


def read_again_after(writer: Writer, tool: str, stamp: str, version_of: Callable[[], str | None]) -> int:
    """Make due again, in the deep tier, what another version of a tool could not (wholly) read; return how many.

    Args:
        tool: as findings name it.
        stamp: changes when the tool may be another one; the same as last time = nothing is asked or done.
        version_of: asks the tool; None = it does not answer, so nothing is done and it is asked again next time.
    """
    key = f"seen_{tool}"
    if writer.value("SELECT value FROM meta WHERE key = ?", (key,)) == json.dumps(stamp):
        return 0
    version = version_of()
    if version is None:
        return 0
    with writer.atomic():
        due = writer.execute(_READ_AGAIN, (tool, version))
        writer.execute(
            "INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
            (key, json.dumps(stamp)),
        )
    if due:
        log.info("%s %s reads %d files that another version could not read", tool, version, due)
    return due


_READ_AGAIN = (
    "UPDATE content SET facts_state = 'deep', facts_retry_ns = NULL WHERE facts_state IN ('done', 'failed') AND size > 0"
    " AND id IN (SELECT content_id FROM finding WHERE tool = ? AND version <> ?)"
)


def _batches(writer: Writer) -> Iterator[list[AssetId]]:
    last = 0
    while rows := writer.rows("SELECT id FROM asset WHERE id > ? ORDER BY id LIMIT ?", (last, _AT_ONCE)):
        last = rows[-1][0]
        yield [AssetId(row[0]) for row in rows]
