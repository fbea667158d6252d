"""Edits: values, their JSON form, how they are carried out, and the client that finds whoever may write."""

from catalog.commands.codec import decode, encode
from catalog.commands.execute import execute
from catalog.commands.options import EditOptions, decode_options, encode_options
from catalog.commands.values import (
    NAMES,
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

__all__ = [
    "NAMES",
    "AcceptEmpty",
    "AddAccount",
    "AddLibraryPath",
    "AddVolume",
    "Command",
    "DisableAccount",
    "DisableVolume",
    "EditOptions",
    "EnableVolume",
    "ForgetVolume",
    "RelocateVolume",
    "RemoveLibraryPath",
    "RetireVolume",
    "SetPassword",
    "decode",
    "decode_options",
    "encode",
    "encode_options",
    "execute",
]
