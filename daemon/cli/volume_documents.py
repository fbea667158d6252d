"""What the commands say about volumes: one document of a volume for add, list, show and the rest, and its lines for people.

Read from the catalog alone: no volume is touched. What only the daemon knows (watching) and free space come on top, in
`volume show`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from catalog.errors import ConfigError
from daemon.cli.output import instant, path_fields, printable, to_the_second

if TYPE_CHECKING:
    from catalog.store.db import Reader
    from catalog.store.standing import Look, Standing
    from catalog.values import Volume
    from daemon.cli.session import Session
    from daemon.config import ScanSection

Document = dict[str, Any]
_GIB = 1 << 30
_MIB = 1 << 20


def one_document(session: Session, reader: Reader, name: str) -> Document:
    """Return the document of the volume of this name.

    Raises:
        NotFound: no such volume.
    """
    from catalog.store.volumes import volume_by_name

    return documents(session, reader, [volume_by_name(reader, name)])[0]


def documents(session: Session, reader: Reader, wanted: Sequence[Volume]) -> list[Document]:
    """Return the documents of volumes, in order; 50 ms per million files."""
    from catalog.store.progress import VolumeCounts, volume_counts
    from catalog.store.standing import Standing, standings
    from daemon.volume_facts import hold_of

    counts, standing, settings = volume_counts(reader), standings(reader), _scan_settings(session)
    return [
        {
            **_row(reader, volume, settings),
            **_numbers(counts.get(volume.id, VolumeCounts()), standing.get(volume.id, Standing())),
            "hold": hold_of(reader, volume, counts.get(volume.id, VolumeCounts()).missing, settings),
        }
        for volume in wanted
    ]


def _scan_settings(session: Session) -> ScanSection:
    from daemon.config import ScanSection

    try:
        return session.config().scan
    except ConfigError:  # `config check` tells; here it must not hide the volumes
        return ScanSection()


def _row(reader: Reader, volume: Volume, settings: ScanSection) -> Document:
    from catalog.store.volumes import library_paths
    from daemon.volume_facts import next_full_ns

    return {
        "name": volume.name,
        **path_fields(volume.root, "root"),
        "backend": volume.backend,
        "mode": volume.mode,
        "state": volume.state,
        "reason": volume.state_reason,
        "since": instant(volume.state_since_ns),
        "excludes": list(volume.excludes),
        "paths": [path_fields(library_path.path) for library_path in library_paths(reader, volume.id)],
        "quick_scan_at": instant(volume.quick_scan_ns),
        "full_scan_at": instant(volume.full_scan_ns),
        "next_full_scan_at": instant(next_full_ns(volume, settings)),
        "added_at": instant(volume.created_ns),
        "accepted_at": instant(volume.accepted_ns),
        "identity": identity_document(volume),
    }


def _numbers(counts: Any, standing: Standing) -> Document:
    return {
        "files": counts.present,
        "missing": counts.missing,
        "damaged": standing.damaged,
        "nested": [
            {
                **path_fields(one.path),
                "state": "away" if one.is_away else "present",
                "since": instant(one.since_ns),
            }
            for one in standing.nested
        ],
        "verified_since": instant(standing.verified_ns),
        "last_verification": None
        if standing.last_verification is None
        else look_document(standing.last_verification),
    }


def identity_document(volume: Volume) -> Document | None:
    """Return who the volume was when it was last seen; None before the first look."""
    seen = json.loads(volume.identity or "{}")
    if not seen or "left" in seen:
        return None
    file_system, _, inode = str(seen.get("key", "")).rpartition("/")
    return {
        "description": seen.get("description"),
        "file_system": seen.get("fs") or file_system or None,
        "type": seen.get("fs_type") or None,
        "root_inode": int(inode) if inode.isdigit() else None,
        "marker": volume.marker,
        "network": bool(seen.get("is_remote")),
        "keeps_inodes": seen.get("keeps_inodes"),
        "folds_case": seen.get("folds_case"),
    }


def look_document(look: Look) -> Document:
    """Return a scan or a verification."""
    return {
        "kind": look.kind,
        "state": look.state,
        "started_at": instant(look.started_ns),
        "ended_at": instant(look.ended_ns),
        "counts": look.counts,
        "error": look.error,
    }


# ---- for people


def list_line(document: Document) -> str:
    """Return a volume's line in a list."""
    reason = f"  ({document['reason']})" if document["reason"] else ""
    return f"{printable(document['name']):<20} {document['state']:<8} {document['mode']}  {printable(document['root'])}{printable(reason)}"


def lines(document: Document) -> Iterator[str]:
    """Yield what people read of one volume; what is not known has no line."""
    for name, text in _told(document):
        if text:
            yield f"{name:<13} {printable(text)}"


def _told(document: Document) -> Iterator[tuple[str, str | None]]:
    yield "name", document["name"]
    yield "root", document["root"]
    yield "mode", "writable" if document["mode"] == "rw" else "read-only"
    yield "state", f"{document['state']} since {_when(document['since'])}"
    yield "reason", document["reason"]
    yield "files", _files_text(document)
    yield "hold", document["hold"]
    yield "identity", _identity_text(document["identity"])
    for nested in document["nested"]:
        yield "mounted below", f"{nested['path']}: {nested['state']} since {_when(nested['since'])}"
    yield "excludes", ", ".join(document["excludes"])
    yield "paths", ", ".join(item["path"] or "/" for item in document["paths"])
    yield "quick scan", _when(document["quick_scan_at"])
    yield "full scan", _when(document["full_scan_at"])
    yield "next full", _when(document["next_full_scan_at"])
    yield "verified", _verified_text(document)
    if document["state"] == "online":  # nobody looks periodically at another one
        yield "watching", _watching_text(document.get("watching"))
    yield "free space", _space_text(document.get("space"))
    yield "accepted", _when(document["accepted_at"])
    yield "added", _when(document["added_at"])


def _when(text: str | None) -> str | None:
    """Return an instant for people, to the second."""
    return None if text is None else to_the_second(text)


def _files_text(document: Document) -> str:
    words = [str(document["files"])]
    words += [f"{document[name]} {name}" for name in ("missing", "damaged") if document[name]]
    return ", ".join(words)


def _identity_text(identity: Document | None) -> str | None:
    if identity is None:
        return None
    words = [f"{identity['type'] or 'unknown'} {identity['description']}"]
    words += [f"marker {identity['marker']}"] if identity["marker"] else []
    words += ["network: other machines change it unseen"] if identity["network"] else []
    words += (
        ["inodes are not kept: moved files are told by their hash"]
        if identity["keeps_inodes"] is False
        else []
    )
    words += ["case does not matter in names"] if identity["folds_case"] else []
    return "; ".join(words)


def _verified_text(document: Document) -> str | None:
    last = document["last_verification"]
    if last is None:
        return None
    whole = (
        f"every file was compared since {_when(document['verified_since'])}; "
        if document["verified_since"]
        else ""
    )
    return f"{whole}last run {last['state']} {_when(last['ended_at'] or last['started_at'])}"


def _watching_text(watching: Document | None) -> str | None:
    if watching is None:
        return None
    if watching["is_watching"]:
        return f"{watching['method']}: changes are told at once"
    note = f" ({watching['note']})" if watching["note"] else ""
    return f"not completely{note}: the periodic looks find what is new"


def _space_text(space: Document | None) -> str | None:
    if space is None:
        return None
    # Small cards and sticks in MiB: "0.0 of 0.1 GiB" tells nobody anything.
    unit, name = (_GIB, "GiB") if space["total_bytes"] >= _GIB else (_MIB, "MiB")
    return f"{space['free_bytes'] / unit:.1f} of {space['total_bytes'] / unit:.1f} {name}"


def accepted_lines(before: Document, *, is_done: bool) -> Iterator[str]:
    """Yield what the owner accepts about a volume as it was before."""
    name, verb = printable(before["name"]), "accepted" if is_done else "would be accepted"
    if before["missing"]:
        yield f"{verb}: {_gone_text(before['missing'], name)}; their places may be forgotten by the rule of the missing"
    for one in before["nested"]:
        if one["state"] == "away":
            yield f"{verb}: nothing is mounted at {printable(one['path'])} any more; what was below it counts as gone"
    if before["hold"]:
        yield f"{verb}: the places of missing files of {name} are not held back any more"
    if before["state"] in ("suspect", "offline"):
        yield f"{verb}: what is at {printable(before['root'])} now, even if it is empty, is what {name} holds"
        yield "the next look believes it; `glassine volume probe` looks now"
    else:
        yield f"{verb}: if {name} is found empty from now on, its photos become missing"


def _gone_text(count: int, name: str) -> str:
    return f"1 file of {name} is gone" if count == 1 else f"{count} files of {name} are gone"


def look_line(document: Document) -> str:
    """Return the line of one scan or verification."""
    numbers = ", ".join(
        f"{number} {name.replace('_', ' ')}" for name, number in document["counts"].items() if number
    )
    error = f": {document['error']}" if document["error"] else ""
    until = f" to {_when(document['ended_at'])}" if document["ended_at"] else ""
    return printable(
        f"{document['kind']:<6} {document['state']:<9} {_when(document['started_at'])}{until}  {numbers}{error}".rstrip()
    )
