"""What the schema is written in: one table as prose and SQL."""

from __future__ import annotations

from typing import NamedTuple


class Table(NamedTuple):
    """One table: what a row means, what each column holds, and the statement that creates it."""

    prose: str
    columns: dict[str, str]
    ddl: str
