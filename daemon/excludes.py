"""The one exclude matcher: what a scan leaves out, and why.

Rules are gitignore patterns of three origins, in rising rank: built in, configuration (`scan.excludes`), volume
(`volume add --exclude`). The last rule that matches decides, so `!pattern` in a later origin takes an entry
back in. Nothing below an excluded directory is looked at, as in git. A directory that holds a file `.nomedia`
shows nothing, unless it is the root of the volume: the owner named that one by hand; `!.nomedia` switches it off.

Pure: knows no disk. `pathspec` defines what a pattern means; because it costs some 20 us per path and a rescan
asks for 100,000 of them in a second, patterns without a slash are also compiled into one expression over the
last name: only names it matches are put to the real rules.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

from catalog.errors import InvalidValue

Origin = Literal["built-in", "configuration", "volume", ".nomedia"]

NOMEDIA = b".nomedia"

# Litter of systems and NAS boxes, caches, and files that are still being written. Hidden directories as such
# are not left out: people do keep photos in them, and what programs hide is named here one by one.
BUILT_IN: tuple[str, ...] = (
    "@eaDir/",
    "@Recycle/",
    "\\#recycle/",
    "\\#snapshot/",
    "@tmp/",
    ".@__thumb/",
    ".Trash",
    ".Trash-*",
    ".Trashes",
    "$RECYCLE.BIN/",
    "System Volume Information/",
    "RECYCLER/",
    "lost+found/",
    ".glassine/",
    ".glassine-volume",
    ".cache/",
    ".git/",
    ".svn/",
    ".hg/",
    ".venv/",
    "node_modules/",
    "__pycache__/",
    ".thumbnails/",
    ".thumb/",
    ".thumbs/",
    ".dtrash/",
    ".picasaoriginals/",
    ".stfolder/",
    ".stversions/",
    ".sync/",
    ".snapshot/",
    ".snapshots/",
    ".zfs/",
    ".fseventsd/",
    ".Spotlight-V100/",
    ".TemporaryItems/",
    ".DocumentRevisions-V100/",
    ".AppleDouble/",
    ".DS_Store",
    "._*",
    "Thumbs.db",
    "ehthumbs.db",
    "desktop.ini",
    "*.part",
    "*.partial",
    "*.crdownload",
    "*.tmp",
    ".~*",
    "~$*",
    ".goutputstream-*",
    ".fuse_hidden*",
    ".nfs*",
    ".syncthing.*",
    ".nomedia",
)

# A pattern of these characters means the same to a regular expression of ours as to pathspec.
_SIMPLE = re.compile(r"!?(?:\\#)?[^/\\\[\]!#\s](?:[^/\\\[\]\n]*[^/\\\[\]\s])?/?")


@dataclass(frozen=True, slots=True)
class Exclusion:
    """The answer of `why excluded`: the rule as it was written, where it came from, and what it hit.

    `path` is the entry that the rule matched: the one asked for or a directory above it. All None if nothing
    excludes it; `rule` and `origin` without `is_excluded` is a `!pattern` that took it back in.
    """

    is_excluded: bool
    rule: str | None = None
    origin: Origin | None = None
    path: bytes | None = None


@dataclass(frozen=True, slots=True)
class _Rule:
    text: str
    origin: Origin
    pattern: GitIgnoreSpecPattern


class Excludes:
    """The rules of one volume, compiled. Immutable, safe to share between threads.

    Raises:
        InvalidValue: a pattern makes no sense (names it).
    """

    def __init__(self, volume_patterns: Iterable[str] = (), config_patterns: Iterable[str] = ()) -> None:
        self._rules = (
            *_BUILT_IN_RULES,
            *_compile(config_patterns, "configuration"),
            *_compile(volume_patterns, "volume"),
        )
        simple = [rule.text for rule in self._rules if _is_simple(rule.text)]
        expression = b"|".join(_name_expression(text) for text in simple) or b"(?!)"
        has_only_simple = len(simple) == len(self._rules)
        # True for every name that `excludes` could say yes to; the inner loop of a walk asks this first.
        self.may_exclude: Callable[[bytes], object] = (
            re.compile(expression, re.DOTALL).fullmatch if has_only_simple else lambda _: True
        )

    def excludes(self, relpath: bytes, name: bytes, *, is_dir: bool) -> bool:
        """Tell whether an entry is left out, provided that its directory is not.

        Args:
            relpath: from the root of the volume, without a leading slash.
            name: its last component.
            is_dir: whether it is a directory (`pattern/` speaks of those only).
        """
        if not self.may_exclude(name):
            return False
        rule = self._ruling(relpath, is_dir=is_dir)
        return rule is not None and bool(rule.pattern.include)

    def explain(
        self, relpath: bytes, *, is_dir: bool, has_nomedia: Callable[[bytes], bool] = lambda _: False
    ) -> Exclusion:
        """Say whether and why a path is left out; looks at every directory above it, from the top.

        Args:
            relpath: from the root of the volume, without a leading slash.
            is_dir: whether the path itself is a directory.
            has_nomedia: tells for a directory's path whether it holds `.nomedia`; never asked for the root.
        """
        names = relpath.split(b"/")
        answer = Exclusion(is_excluded=False)
        for depth in range(1, len(names) + 1):
            path = b"/".join(names[:depth])
            is_last = depth == len(names)
            rule = self._ruling(path, is_dir=is_dir or not is_last)
            if rule is not None:
                answer = Exclusion(bool(rule.pattern.include), rule.text, rule.origin, path)
            if answer.is_excluded:
                return answer
            if not is_last and self._obeys_nomedia(path) and has_nomedia(path):
                return Exclusion(True, os.fsdecode(NOMEDIA), ".nomedia", path)
        return answer

    def _obeys_nomedia(self, directory: bytes) -> bool:
        return self.excludes(directory + b"/" + NOMEDIA, NOMEDIA, is_dir=False)

    def _ruling(self, relpath: bytes, *, is_dir: bool) -> _Rule | None:
        # pathspec's expressions let no `.` match a newline and no `$` be strict about one; \0 is in no name.
        text = os.fsdecode(relpath).replace("\n", "\0") + ("/" if is_dir else "")
        return next((rule for rule in reversed(self._rules) if _speaks_of(rule, text)), None)


def _speaks_of(rule: _Rule, text: str) -> bool:
    """Whether the rule matches this very entry; directories above it were judged before, on their own."""
    result = rule.pattern.match_file(text)
    if result is None:
        return False
    match = result.match
    if rule.text.rstrip().endswith("/**"):
        return bool(match.end() < len(text))
    below = match.start("ps_d") if "ps_d" in match.re.groupindex else -1
    return below in (-1, len(text) - 1)


def _compile(patterns: Iterable[str], origin: Origin) -> list[_Rule]:
    rules = []
    for text in patterns:
        try:
            pattern = GitIgnoreSpecPattern(text)
        except ValueError as error:
            raise InvalidValue(f"{text!r} is no exclude pattern: {error}", pattern=text) from error
        if pattern.include is not None:  # None: an empty line or a comment
            rules.append(_Rule(text, origin, pattern))
    return rules


def _is_simple(text: str) -> bool:
    return _SIMPLE.fullmatch(text) is not None


def _name_expression(text: str) -> bytes:
    """Return what the bytes of the last name must look like for the pattern to have a say at all."""
    bare = text.removeprefix("!").removeprefix("\\").removesuffix("/")
    # A character is one to four bytes; too much is no harm, the rules themselves decide.
    wild = {"*": b".*", "?": b".{1,4}"}
    return b"".join(wild.get(character) or re.escape(os.fsencode(character)) for character in bare)


# Compiled once, and in a volume process before it is told which volume it serves.
_BUILT_IN_RULES = _compile(BUILT_IN, "built-in")
