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
from catalog.store import progress, standing, volumes
from catalog.store.db import Reader, open_reader
from catalog.store.ingest import due_counts
from catalog.values import Volume
from daemon import processes
from daemon.backups import state_of
from daemon.cli.output import instant, path_fields
from daemon.config import BackupSection, Config, ScanSection, load_config
from daemon.media.exiftool_paths import WITHOUT_EXIFTOOL, is_exiftool_there
from daemon.requests import ask
from daemon.volume_facts import hold_of, is_remote, next_full_ns

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
    config = _config(library)
    reader = open_reader(library)
    try:
        with reader.snapshot():
            document = _from_catalog(reader, config.scan if config else ScanSection(), _watching(live))
    finally:
        reader.close()
    backup = state_of(library, config.backup if config else BackupSection(), now_ns=time.time_ns())
    return {
        "ready": bool(with_daemon and live and live["ready"]),
        "scanning": bool(live and live["scanning"]) or any(record.kind == "scan" for record in running),
        "library": str(library.path),
        **document,
        "backup": {"directory": str(backup.directory), "last": instant(backup.last_ns)},
        "processes": [_process(record) for record in running] + (live["processes"] if live else []),
        "degraded": [
            *(live["degraded"] if live else _tool_troubles()),
            *volume_troubles(document["volumes"]),
            *([f"backup: {backup.trouble}"] if backup.trouble else []),
        ],
    }


def watching_of(library: Library, volume: Volume) -> Document | None:
    """Return how a volume is watched, as the daemon says; None without one, or if it does not answer."""
    return _watching(_live(library, processes.running(library.processes_dir))).get(volume.name)


def _config(library: Library) -> Config | None:
    try:
        return load_config(library)
    except ConfigError:  # `config check` tells; here it must not hide the rest of the picture
        return None


def _watching(live: Document | None) -> dict[str, Document]:
    """Return how each volume is watched, by its name."""
    return dict(live.get("watching") or {}) if live is not None else {}


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


def _from_catalog(reader: Reader, settings: ScanSection, watching: dict[str, Document]) -> Document:
    counts, stands = progress.volume_counts(reader), standing.standings(reader)
    return {
        "volumes": [
            {
                **_volume(reader, volume, counts.get(volume.id, progress.VolumeCounts()), settings),
                **_stands(stands.get(volume.id, standing.Standing())),
                **_looks(volume, watching.get(volume.name), settings),
            }
            for volume in volumes.volumes(reader)
        ],
        "photos": progress.shown_count(reader),
        "pending": {_PENDING[kind]: number for kind, number in due_counts(reader).items()},
    }


def _volume(reader: Reader, volume: Volume, counts: progress.VolumeCounts, settings: ScanSection) -> Document:
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
        "hold": hold_of(reader, volume, counts.missing, settings),
        "last_full_scan": instant(volume.full_scan_ns),
        "last_quick_scan": instant(volume.quick_scan_ns),
    }


def _looks(volume: Volume, watching: Document | None, settings: ScanSection) -> Document:
    return {
        "network": is_remote(volume),
        "watching": watching,
        "next_full_scan": next_full_scan(volume, watching, settings),
    }


def next_full_scan(volume: Volume, watching: Document | None, settings: ScanSection) -> str | None:
    """Return when everything is listed next: the daemon knows, without one it follows from the last time."""
    planned: str | None = watching["next_full_scan"] if watching else None
    return planned or instant(next_full_ns(volume, settings))


def _stands(stands: standing.Standing) -> Document:
    last = stands.last_verification
    return {
        "damaged": stands.damaged,
        "away": [path_fields(path) for path in stands.away],
        "verified_since": instant(stands.verified_ns),
        "last_verification": None
        if last is None
        else {
            "state": last.state,
            "started_at": instant(last.started_ns),
            "ended_at": instant(last.ended_ns),
            "counts": last.counts,
        },
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


def volume_troubles(found: list[Document]) -> Iterator[str]:
    """Yield what is wrong with volumes, a sentence each, from their documents."""
    for volume in found:
        name = f"volume {volume['name']}"
        if volume["state"] in ("suspect", "offline"):
            yield f"{name}: {volume['state']} ({volume['reason']})"
        if volume["hold"]:
            yield f"{name}: {volume['hold']}"
        if volume["damaged"]:
            count = volume["damaged"]
            files = "1 file has" if count == 1 else f"{count} files have"
            yield (
                f"{name}: {files} other bytes than when last read, although no stamp says that somebody wrote:"
                " `glassine find is:damaged` lists the photos"
            )
        for nested in volume["away"]:
            yield f"{name}: what was mounted at {nested['path']} is away; nothing below it counts as missing"
        watching = volume["watching"]
        is_partial = watching and not watching["is_watching"] and not volume["network"]
        if is_partial and watching["note"] and volume["state"] == "online":
            yield f"{name}: not watched completely ({watching['note']}): the periodic looks find what is new"


def status_text(document: Document) -> Iterator[str]:
    """Yield the lines of `glassine status` for people."""
    state = "ready" if document["ready"] else "not ready" if document["processes"] else "nothing runs"
    yield f"library    {document['library']}: {state}{', scanning' if document['scanning'] else ''}"
    for process in document["processes"]:
        place = process["details"].get("mountpoint") or process["details"].get("url") or ""
        yield f"{process['kind']:<10} pid {process['pid']}, {process['health']} {place}".rstrip()
    for volume in document["volumes"]:
        reason = f" ({volume['reason']})" if volume["reason"] else ""
        numbers = [f"{volume['files']} files"]
        numbers += [f"{volume[word]} {word}" for word in ("missing", "damaged") if volume[word]]
        numbers += ["scanning"] if volume["scanning"] else []
        yield f"volume     {volume['name']}: {volume['state']}{reason}, {', '.join(numbers)}"
    waiting = document["pending"]
    yield (
        f"photos     {document['photos']} in the Timeline; waiting: {waiting['facts']} for facts,"
        f" {waiting['hashes']} for a hash"
    )
    yield f"backup     {document['backup']['last'] or 'none yet'}"
    for trouble in document["degraded"]:
        yield f"degraded   {trouble}"
