"""`check`: every invariant of the catalog; with `--deep` also every original that the catalog believes present.

Exit code 1 when anything was found: a script must notice. Originals are only looked at (no open, no read) beneath
the roots of volumes that are online; one that is gone or another is due for a scan, and is told as such.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from catalog.errors import EXIT_ERROR, EXIT_OK, EXIT_PARTIAL, Unreadable
from daemon.cli.output import path_fields, printable, readable
from daemon.cli.session import Session

if TYPE_CHECKING:
    from catalog.store.db import Reader
    from catalog.values import OriginalRow, Volume
    from daemon.cli.output import Output

ORIGINAL = "original"
_GONE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


@click.command()
@click.option(
    "--deep",
    is_flag=True,
    help="Also look whether every original is what the catalog knows (nothing is opened).",
)
@click.pass_obj
def check(session: Session, deep: bool) -> int:
    """Check every invariant of the catalog. Exit code 1 if one is broken."""
    from catalog.store.check import INVARIANTS

    output = session.output
    output.counts.update(invariants=0, findings=0)
    with session.reader() as reader:
        for name, violations in INVARIANTS.items():
            for violation in violations(reader):
                _tell(output, name, violation.subject, violation.message)
            output.counts["invariants"] += 1
        if deep:
            _check_originals(output, reader)
    return _finish(output)


def _finish(output: Output) -> int:
    counts = output.counts
    errors = counts.get("errors", 0)
    text = f"{counts['invariants']} invariants checked"
    if "originals" in counts:
        text += f", {counts['originals']} originals looked at"
    output.summary(is_ok=not counts["findings"] and not errors, text=f"{text}, {counts['findings']} findings")
    return EXIT_ERROR if counts["findings"] else EXIT_PARTIAL if errors else EXIT_OK


def _tell(output: Output, invariant: str, subject: str, message: str) -> None:
    output.counts["findings"] += 1
    fields = {"invariant": invariant, "subject": subject, "message": message}
    output.line("finding", fields, f"{invariant}: {printable(subject)}: {printable(message)}")


def _check_originals(output: Output, reader: Reader) -> None:
    from catalog.store.volumes import volumes
    from vfs.beneath import open_root

    output.counts.update(originals=0, volumes_skipped=0, errors=0)
    for volume in volumes(reader):
        if volume.backend != "local" or volume.state not in ("online", "unknown"):
            output.counts["volumes_skipped"] += 1
            continue
        try:
            root_fd = open_root(volume.root)
        except OSError as error:
            _unreadable(output, volume, b"", error)
            continue
        try:
            for path, row in _originals(reader, volume):
                output.counts["originals"] += 1
                _check_original(output, volume, root_fd, path, row)
        finally:
            os.close(root_fd)


def _originals(reader: Reader, volume: Volume) -> Iterator[tuple[bytes, OriginalRow]]:
    """Yield (path, row) of every file that the catalog believes present; holds one directory at a time."""
    from catalog.store import listing

    root = listing.root_directory(reader, volume.id)
    due = [] if root is None else [root.id]
    while due:
        directory = listing.directory_by_id(reader, due.pop())
        if directory is None:
            continue
        for row in listing.originals_in(reader, directory.id):
            if row.directory_id is not None:
                due.append(row.directory_id)
            else:
                yield (directory.path + b"/" + row.name if directory.path else row.name), row


def _check_original(output: Output, volume: Volume, root_fd: int, path: bytes, row: OriginalRow) -> None:
    from vfs.beneath import file_stamp, stat_beneath

    subject = f"{volume.name}:{readable(path)}"
    try:
        stamp = file_stamp(stat_beneath(root_fd, path))
    except OSError as error:
        if error.errno in _GONE:
            _tell(output, ORIGINAL, subject, "it is gone; a scan is due")
        else:
            _unreadable(output, volume, path, error)
        return
    known = {"size": row.size, "mtime": row.mtime_ns, "ctime": row.ctime_ns}
    found = {"size": stamp.size, "mtime": stamp.mtime_ns, "ctime": stamp.ctime_ns}
    other = [name for name in known if known[name] != found[name]]
    if other:
        _tell(
            output,
            ORIGINAL,
            subject,
            f"it has another {', '.join(other)} than the catalog knows; a scan is due",
        )


def _unreadable(output: Output, volume: Volume, path: bytes, error: OSError) -> None:
    output.counts["errors"] += 1
    symbol = errno.errorcode.get(error.errno or 0)
    place = os.path.join(volume.root, path) if path else volume.root
    message = f"{readable(place)}: {error.strerror}"
    output.error_line(Unreadable(message, hint=None, volume=volume.name, errno=symbol, **path_fields(place)))
