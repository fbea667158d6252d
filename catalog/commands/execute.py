"""Carrying a command out: one transaction on the writer, with its row in the journal. One function per command.

Returns what the caller is told, JSON types only. Passwords (hashes too) never reach the journal. What is said about
photos: `catalog.commands.layer_edits`. A dry run is the real thing, rolled back: it fails as the real one would.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from catalog.commands.codec import encode
from catalog.commands.layer import LAYER_NAMES
from catalog.commands.layer_edits import execute_layer
from catalog.commands.options import EditOptions
from catalog.commands.values import (
    AcceptEmpty,
    AddAccount,
    AddLibraryPath,
    AddVolume,
    Command,
    DisableAccount,
    DisableVolume,
    EnableVolume,
    ForgetVolume,
    RelocateVolume,
    RemoveLibraryPath,
    RetireVolume,
    SetPassword,
)
from catalog.store import accounts, journal, volumes
from catalog.store.db import Writer

_SECRETS = ("password",)
_DEFAULT = EditOptions()


class _RehearsedError(Exception):
    """Ends the transaction of a dry run that went well."""


def execute(
    writer: Writer,
    command: Command,
    *,
    now_ns: int,
    author: str = "owner",
    options: EditOptions = _DEFAULT,
) -> dict[str, Any]:
    """Carry a command out: all of it or nothing. Blocks; 100,000 photos take some seconds.

    Args:
        writer: the one; nests in a transaction of the caller's.
        command: what to do.
        now_ns: the moment.
        author: who wants it.
        options: a dry run, a cap (commands of the layer alone change photos).

    Raises:
        GlassineError: as the store says; nothing was changed.
    """
    answer: dict[str, Any] = {}
    try:
        with writer.atomic():
            answer = _carry_out(writer, command, now_ns, author, options)
            if options.is_dry_run:
                raise _RehearsedError
    except _RehearsedError:
        return {**answer, "dry_run": True}
    return answer


def _carry_out(
    writer: Writer, command: Command, now_ns: int, author: str, options: EditOptions
) -> dict[str, Any]:
    if type(command) in LAYER_NAMES:
        return execute_layer(writer, command, now_ns=now_ns, author=author, options=options)  # type: ignore[arg-type]
    answer = _EXECUTORS[type(command)](writer, command, now_ns)
    told = {name: value for name, value in encode(command).items() if name not in _SECRETS}
    journal.append(writer, told, author=author, now_ns=now_ns)
    return answer


def _add_volume(writer: Writer, command: AddVolume, now_ns: int) -> dict[str, Any]:
    volume_id = volumes.add_volume(
        writer,
        command.name,
        command.root,
        now_ns=now_ns,
        backend=command.backend,
        mode=command.mode,
        excludes=command.excludes,
    )
    return {"volume_id": volume_id, "name": volumes.volume_by_id(writer, volume_id).name}


def _add_path(writer: Writer, command: AddLibraryPath, now_ns: int) -> dict[str, Any]:
    volume = volumes.volume_by_name(writer, command.volume)
    return {"path_id": volumes.add_library_path(writer, volume.id, command.path), "volume": volume.name}


def _remove_path(writer: Writer, command: RemoveLibraryPath, now_ns: int) -> dict[str, Any]:
    volume = volumes.volume_by_name(writer, command.volume)
    volumes.remove_library_path(writer, volume.id, command.path)
    return {"volume": volume.name}


def _accept_empty(writer: Writer, command: AcceptEmpty, now_ns: int) -> dict[str, Any]:
    volume = volumes.volume_by_name(writer, command.volume)
    volumes.accept_absence(writer, volume.id, now_ns)
    return {"volume": volume.name}


def _disable_volume(writer: Writer, command: DisableVolume, now_ns: int) -> dict[str, Any]:
    volume = volumes.volume_by_name(writer, command.volume)
    volumes.set_volume_state(writer, volume.id, "disabled", "disabled by the owner", now_ns)
    return {"volume": volume.name}


def _enable_volume(writer: Writer, command: EnableVolume, now_ns: int) -> dict[str, Any]:
    volume = volumes.volume_by_name(writer, command.volume)
    if volume.state in ("disabled", "retired"):
        volumes.set_volume_state(writer, volume.id, "unknown", None, now_ns)
    return {"volume": volume.name}


def _relocate_volume(writer: Writer, command: RelocateVolume, now_ns: int) -> dict[str, Any]:
    volume = volumes.volume_by_name(writer, command.volume)
    volumes.relocate(writer, volume.id, command.root, now_ns)
    return {"volume": volume.name}


def _retire_volume(writer: Writer, command: RetireVolume, now_ns: int) -> dict[str, Any]:
    volume = volumes.volume_by_name(writer, command.volume)
    volumes.set_volume_state(writer, volume.id, "retired", "retired by the owner", now_ns)
    return {"volume": volume.name}


def _forget_volume(writer: Writer, command: ForgetVolume, now_ns: int) -> dict[str, Any]:
    volume = volumes.volume_by_name(writer, command.volume)
    volumes.mark_forgotten(writer, volume.id, now_ns)
    return {"volume": volume.name}


def _add_account(writer: Writer, command: AddAccount, now_ns: int) -> dict[str, Any]:
    return {"account_id": accounts.add_account(writer, command.name, command.password, now_ns=now_ns)}


def _set_password(writer: Writer, command: SetPassword, now_ns: int) -> dict[str, Any]:
    accounts.set_password(writer, command.name, command.password, now_ns=now_ns)
    return {"name": command.name}


def _disable_account(writer: Writer, command: DisableAccount, now_ns: int) -> dict[str, Any]:
    accounts.set_disabled(writer, command.name, is_disabled=command.is_disabled, now_ns=now_ns)
    return {"name": command.name}


_EXECUTORS: dict[type[Command], Callable[[Writer, Any, int], dict[str, Any]]] = {
    AddVolume: _add_volume,
    AddLibraryPath: _add_path,
    RemoveLibraryPath: _remove_path,
    AcceptEmpty: _accept_empty,
    DisableVolume: _disable_volume,
    EnableVolume: _enable_volume,
    RelocateVolume: _relocate_volume,
    RetireVolume: _retire_volume,
    ForgetVolume: _forget_volume,
    AddAccount: _add_account,
    SetPassword: _set_password,
    DisableAccount: _disable_account,
}
