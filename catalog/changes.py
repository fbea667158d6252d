"""The change feed's vocabulary: what the writer appends and what every frontend follows.

| kind | subject | name | meaning |
|---|---|---|---|
| dir+ / dir- | `view:parent` (parent: row of the album or tag above, 0 = the view itself) | label | a folder that a person \
made (album, tag, person) appeared under this name in its parent, or left it; saved searches are never cached |
| entry+ | bucket `view:key:sub` | shown name | a photo appeared in a leaf folder of a static view |
| entry- | bucket `view:key:sub` | shown name | a photo left it |
| bucket+ / bucket- | bucket `view:key:sub` | NULL | the folder itself got its first / lost its last photo |
| photo | content id | NULL | size, times or bytes behind a content's inode changed |
| orig+ / orig- | directory id | raw name | a file or directory appeared in / left `Originals/` |
| orig | `l<location id>` or `d<directory id>` | NULL | its size or times changed |
| volume | volume id | NULL | added, renamed, or its state changed |
| account | account name | NULL | a password or a flag changed |
| all | `` | NULL | too much changed: forget everything |
"""

from __future__ import annotations

from dataclasses import dataclass

KINDS = (
    "dir+",
    "dir-",
    "entry+",
    "entry-",
    "bucket+",
    "bucket-",
    "photo",
    "orig+",
    "orig-",
    "orig",
    "volume",
    "account",
    "all",
)

# The feed keeps this many rows at least: a frontend that is further behind starts afresh. About 10 MB.
FEED_ROWS_KEPT = 100_000


@dataclass(frozen=True, slots=True)
class Change:
    """One row of the feed."""

    seq: int
    kind: str
    subject: str
    name: bytes | None
