"""Stacks are found by their indexes: what a settlement and a listing ask never scans a table."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from catalog.store import stack_candidates, stack_listing, stacks
from store_harness import make_harness

ASKED = {
    "in_cells": (stack_candidates.IN_CELLS, "INDEX asset_cell (cell=?)"),
    "by_twins": (stack_candidates.BY_TWINS, "INDEX asset_twin (twin=?)"),
    "by_ids": (stack_candidates.BY_IDS, "INTEGER PRIMARY KEY (rowid=?)"),
    "candidates": (stack_candidates.CANDIDATES, "INTEGER PRIMARY KEY (rowid=?)"),
    "versions": (stack_candidates.VERSIONS, "INTEGER PRIMARY KEY (rowid=?)"),
    "founders": (stacks.FOUNDERS, "INTEGER PRIMARY KEY (rowid=?)"),
    "known": (stacks.KNOWN, "INDEX sqlite_autoindex_stack_1 (uid=?)"),
    "in_stacks": (stacks.IN_STACKS, "INDEX asset_stack (stack_id=?)"),
    "members": (stack_listing.MEMBERS, "INDEX asset_stack (stack_id=?)"),
    "stacks_with": (stack_listing.STACKS_WITH, "INDEX asset_stack (stack_id=?)"),
    "covers_among": (stack_listing.COVERS_AMONG, "INDEX asset_stack (stack_id=?)"),
    "stacks_after": (stack_listing.STACKS_AFTER, "COVERING INDEX asset_stack (stack_id>?)"),
}


@pytest.mark.parametrize("name", ASKED)
def test_what_is_asked_about_stacks_searches_an_index(name: str, tmp_path: Path) -> None:
    sql, index = ASKED[name]
    catalog = make_harness(tmp_path / "library")
    numbered = [int(number) for number in re.findall(r"\?(\d+)", sql)]
    parameters = [1] * (max(numbered, default=0) or sql.count("?"))
    lines = [row[3] for row in catalog.writer.rows(f"EXPLAIN QUERY PLAN {sql}", parameters)]
    catalog.close()
    assert any(index in line for line in lines), lines
    scanned = [
        line for line in lines if line.startswith("SCAN") and "wanted" not in line and "found" not in line
    ]
    assert scanned == [], lines
