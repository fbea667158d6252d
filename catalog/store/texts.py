"""How documents write instants and days. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def instant_text(ns: int) -> str:
    """Write RFC 3339 in UTC; microseconds only when there are any."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=ns // 1000)
    return moment.isoformat().replace("+00:00", "Z")


def day_text(packed: int) -> str:
    """Write a packed day of which everything is known."""
    return f"{packed // 10_000:04d}-{packed // 100 % 100:02d}-{packed % 100:02d}"
