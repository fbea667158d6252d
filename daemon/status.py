"""One picture of a library: what runs, what is reachable, what waits. Works with and without a daemon.

The catalog, the registry of processes and, if there is one, the daemon are asked; a daemon that does not answer is a
fact in the picture. Invariants: nothing is written; no volume is touched.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from catalog.errors import ConfigError, GlassineError
from catalog.library import Library
from catalog.store import progress, volumes
from catalog.store.db import Reader, open_reader
from catalog.store.ingest import due_counts
from catalog.values import Volume
from daemon import processes
from daemon.backups import BackupState, state_of
from daemon.cli.output import instant, path_fields
from daemon.config import BackupSection, load_config
from daemon.media.exiftool_paths import WITHOUT_EXIFTOOL, is_exiftool_there
from daemon.requests import ask

# A healthy daemon answers in milliseconds.
_ANSWER_S = 2.0
# due in the catalog -> what people read
_PENDING = {
    "header": "facts",
    "deep": "deep_facts",
    "hash": "hashes",
    "sniff": "sniffs",
    "sidecar": "sidecars",
}
Document = dict[str, Any]


def status_of(library: Library) -> Document:
    """Return the data of `glassine status --json`. Blocks for milliseconds, two seconds if the daemon hangs."""
    running = processes.running(library.processes_dir)
    live = _live(library, running)
    with_daemon = live is not None and live["error"] is None
    reader = open_reader(library)
    try:
        with reader.snapshot():
            document = _from_catalog(reader)
    finally:
        reader.close()
    backup = _backup(library)
    return {
        "ready": bool(with_daemon and live and live["ready"]),
        "scanning": bool(live and live["scanning"]) or any(record.kind == "scan" for record in running),
        "library": str(library.path),
        **document,
        "backup": {"directory": str(backup.directory), "last": instant(backup.last_ns)},
        "processes": [_process(record) for record in running] + (live["processes"] if live else []),
        "degraded": [
            *(live["degraded"] if live else _tool_troubles()),
            *_volume_troubles(document["volumes"]),
            *([f"backup: {backup.trouble}"] if backup.trouble else []),
        ],
    }


def _backup(library: Library) -> BackupState:
    try:
        settings = load_config(library).backup
    except ConfigError:  # `config check` tells; here it must not hide the rest of the picture
        settings = BackupSection()
    return state_of(library, settings, now_ns=time.time_ns())


def _live(library: Library, running: list[processes.ProcessRecord]) -> Document | None:
    """Return what the daemon says of itself; None without one. `error` says why a living one does not answer."""
    if not any(record.kind == "daemon" for record in running):
        return None
    try:
        answer: Document = ask(library, "status", timeout_s=_ANSWER_S)
    except GlassineError as error:
        silent: Document = {"ready": False, "scanning": False, "processes": []}
        return {**silent, "degraded": [f"daemon: {error.message}"], "error": error.message}
    return {**answer, "error": None}


def _from_catalog(reader: Reader) -> Document:
    counts = progress.volume_counts(reader)
    return {
        "volumes": [
            _volume(volume, counts.get(volume.id, progress.VolumeCounts()))
            for volume in volumes.volumes(reader)
        ],
        "photos": progress.shown_count(reader),
        "pending": {_PENDING[kind]: number for kind, number in due_counts(reader).items()},
    }


def _volume(volume: Volume, counts: progress.VolumeCounts) -> Document:
    return {
        "name": volume.name,
        **path_fields(volume.root),
        "mode": volume.mode,
        "state": volume.state,
        "reason": volume.state_reason,
        "since": instant(volume.state_since_ns),
        "scanning": counts.is_scanning,
        "files": counts.present,
        "missing": counts.missing,
        "last_full_scan": instant(volume.full_scan_ns),
        "last_quick_scan": instant(volume.quick_scan_ns),
    }


def _process(record: processes.ProcessRecord) -> Document:
    return {
        "kind": record.kind,
        "pid": record.pid,
        "health": record.health,
        "since": instant(record.since_ns),
        "details": dict(record.details),
    }


def _tool_troubles() -> list[str]:
    """What a daemon would miss, looked up without one."""
    return [] if is_exiftool_there() else [f"exiftool: {WITHOUT_EXIFTOOL}"]


def _volume_troubles(found: list[Document]) -> list[str]:
    return [
        f"volume {volume['name']}: {volume['state']} ({volume['reason']})"
        for volume in found
        if volume["state"] in ("suspect", "offline")
    ]


def status_text(document: Document) -> Iterator[str]:
    """Yield the lines of `glassine status` for people."""
    state = "ready" if document["ready"] else "not ready" if document["processes"] else "nothing runs"
    yield f"library    {document['library']}: {state}{', scanning' if document['scanning'] else ''}"
    for process in document["processes"]:
        place = process["details"].get("mountpoint") or process["details"].get("url") or ""
        yield f"{process['kind']:<10} pid {process['pid']}, {process['health']} {place}".rstrip()
    for volume in document["volumes"]:
        reason = f" ({volume['reason']})" if volume["reason"] else ""
        missing = f", {volume['missing']} missing" if volume["missing"] else ""
        yield f"volume     {volume['name']}: {volume['state']}{reason}, {volume['files']} files{missing}"
    waiting = document["pending"]
    yield (
        f"photos     {document['photos']} in the Timeline; waiting: {waiting['facts']} for facts,"
        f" {waiting['hashes']} for a hash"
    )
    yield f"backup     {document['backup']['last'] or 'none yet'}"
    for trouble in document["degraded"]:
        yield f"degraded   {trouble}"
