"""`user`: accounts for WebDAV beyond loopback. A password is hashed here (argon2id) and never leaves this process.

Where it comes from: `--password-file` (`-` is stdin), else a prompt on the terminal. Never an argument: others
could read it in the process list.
"""

from __future__ import annotations

import sys
import unicodedata
from typing import TYPE_CHECKING, Any

import click

from catalog.errors import InvalidValue, UsageError
from daemon.cli.output import instant
from daemon.cli.session import Session

if TYPE_CHECKING:
    from catalog.values import Account

MIN_PASSWORD_CHARACTERS = 8
MAX_PASSWORD_CHARACTERS = 1024  # a limit on what a client can make us hash

_password_file = click.option(
    "--password-file", metavar="FILE", help="Read the password from the first line of a file; - is stdin."
)


@click.group(no_args_is_help=True)
def user() -> None:
    """Accounts for WebDAV beyond loopback."""


@user.command()
@click.argument("name")
@_password_file
@click.pass_obj
def add(session: Session, name: str, password_file: str | None) -> None:
    """Add an account."""
    from catalog.commands import AddAccount
    from catalog.store.accounts import valid_name

    session.library()
    clean = valid_name(name)
    session.submit(AddAccount(name=clean, password=_hashed(_password(password_file))))
    _answer(session, clean)


@user.command()
@click.argument("name")
@_password_file
@click.pass_obj
def passwd(session: Session, name: str, password_file: str | None) -> None:
    """Change a password; sessions that used the old one end."""
    from catalog.commands import SetPassword
    from catalog.store.accounts import account_by_name

    with session.reader() as reader:
        known = account_by_name(reader, name).name
    session.submit(SetPassword(name=known, password=_hashed(_password(password_file))))
    _answer(session, name)


@user.command("list")
@click.pass_obj
def list_users(session: Session) -> None:
    """List all accounts."""
    from catalog.store.accounts import accounts

    with session.reader() as reader:
        documents = [_document(account) for account in accounts(reader)]
    session.output.document(documents, (_line(document) for document in documents))


@user.command()
@click.argument("name")
@click.pass_obj
def disable(session: Session, name: str) -> None:
    """Lock an account: it can no longer sign in."""
    _set_disabled(session, name, is_disabled=True)


@user.command()
@click.argument("name")
@click.pass_obj
def enable(session: Session, name: str) -> None:
    """Unlock an account again."""
    _set_disabled(session, name, is_disabled=False)


def _set_disabled(session: Session, name: str, *, is_disabled: bool) -> None:
    from catalog.commands import DisableAccount

    session.submit(DisableAccount(name=name, is_disabled=is_disabled))
    _answer(session, name)


def _password(password_file: str | None) -> str:
    if password_file == "-":
        return sys.stdin.readline().rstrip("\r\n")
    if password_file is not None:
        with open(password_file, encoding="utf-8") as file:
            return file.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise UsageError(
            "there is no terminal to ask for a password", hint="Use --password-file; - is stdin."
        )
    answer: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return answer


def _hashed(password: str) -> str:
    from argon2 import PasswordHasher

    if not MIN_PASSWORD_CHARACTERS <= len(password) <= MAX_PASSWORD_CHARACTERS:
        raise InvalidValue(
            f"a password has {MIN_PASSWORD_CHARACTERS} to {MAX_PASSWORD_CHARACTERS} characters",
            hint="Several words are easy to type on a phone.",
        )
    return PasswordHasher().hash(unicodedata.normalize("NFC", password))


def _answer(session: Session, name: str) -> None:
    from catalog.store.accounts import account_by_name

    with session.reader() as reader:
        document = _document(account_by_name(reader, name))
    session.output.document(document, _line(document))


def _document(account: Account) -> dict[str, Any]:
    return {
        "name": account.name,
        "disabled": account.is_disabled,
        "created_at": instant(account.created_ns),
        "changed_at": instant(account.changed_ns),
    }


def _line(document: dict[str, Any]) -> str:
    return f"{document['name']}{'  disabled' if document['disabled'] else ''}"
