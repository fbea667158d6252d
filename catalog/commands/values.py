"""Edits as values: what a person, or a frontend for one, wants changed. No behaviour, no clock, no store.

Each has a name of its own on the wire (`NAMES`), made of JSON types by `catalog.commands.codec`. What is said
about photos: `catalog.commands.layer`.
"""

from __future__ import annotations

from dataclasses import dataclass

from catalog.commands.layer import LAYER_NAMES, LayerCommand
from catalog.values import Mode


@dataclass(frozen=True, slots=True)
class AddVolume:
    """Add a volume. `root` is absolute and resolved; `name` any text."""

    name: str
    root: bytes
    mode: Mode = "ro"
    excludes: tuple[str, ...] = ()
    backend: str = "local"


@dataclass(frozen=True, slots=True)
class AddLibraryPath:
    """Scan this directory of a volume; `path` is relative to its root."""

    volume: str
    path: bytes


@dataclass(frozen=True, slots=True)
class RemoveLibraryPath:
    """Scan this directory no longer; nothing is forgotten."""

    volume: str
    path: bytes


@dataclass(frozen=True, slots=True)
class AcceptEmpty:
    """Accept that a volume is empty although it held files: the way out of the guard."""

    volume: str


@dataclass(frozen=True, slots=True)
class DisableVolume:
    """Leave a volume alone: no probe, no scan, no watching. Its photos stay listed."""

    volume: str


@dataclass(frozen=True, slots=True)
class EnableVolume:
    """Use a disabled volume again; the next probe tells its state."""

    volume: str


@dataclass(frozen=True, slots=True)
class RelocateVolume:
    """The volume is at another root now (absolute, resolved). Who asks has looked there, and found it."""

    volume: str
    root: bytes


@dataclass(frozen=True, slots=True)
class RetireVolume:
    """The storage is gone for good: never probed, holds nobody up; where its files were stays known."""

    volume: str


@dataclass(frozen=True, slots=True)
class ForgetVolume:
    """It is no volume any more: its files count as missing, its rows go. What was said about its photos stays."""

    volume: str


@dataclass(frozen=True, slots=True)
class AddAccount:
    """Add an account; `password` is an argon2id hash, never the password."""

    name: str
    password: str


@dataclass(frozen=True, slots=True)
class SetPassword:
    """Replace the password (an argon2id hash); cached sign-ins end."""

    name: str
    password: str


@dataclass(frozen=True, slots=True)
class DisableAccount:
    """Refuse (or with `is_disabled` False allow again) signing in."""

    name: str
    is_disabled: bool = True


Command = (
    AddVolume
    | AddLibraryPath
    | RemoveLibraryPath
    | AcceptEmpty
    | DisableVolume
    | EnableVolume
    | RelocateVolume
    | RetireVolume
    | ForgetVolume
    | AddAccount
    | SetPassword
    | DisableAccount
    | LayerCommand
)

# The name on the wire and in the journal; never changes.
NAMES: dict[type[Command], str] = {
    AddVolume: "volume.add",
    AddLibraryPath: "path.add",
    RemoveLibraryPath: "path.remove",
    AcceptEmpty: "volume.accept_empty",
    DisableVolume: "volume.disable",
    EnableVolume: "volume.enable",
    RelocateVolume: "volume.relocate",
    RetireVolume: "volume.retire",
    ForgetVolume: "volume.forget",
    AddAccount: "account.add",
    SetPassword: "account.password",
    DisableAccount: "account.disable",
    **dict(LAYER_NAMES.items()),
}
