"""Accounts for WebDAV beyond loopback. Passwords arrive hashed (argon2id); this module never sees one."""

from __future__ import annotations

import unicodedata
from typing import Any

from catalog.errors import AlreadyExists, InvalidValue, NotFound
from catalog.store import changes, models
from catalog.store.db import Session, Writer
from catalog.values import Account

MAX_NAME_CHARACTERS = 64


def add_account(writer: Writer, name: str, password_hash: str, *, now_ns: int) -> int:
    """Add an account; return its id.

    Raises:
        AlreadyExists: the name is taken (in any case). InvalidValue: it cannot be a login.
    """
    login = valid_name(name)
    _require_hash(password_hash)
    with writer.atomic():
        if _find(writer, login) is not None:
            raise AlreadyExists(f"there is an account {login!r} already", account=login)
        added = writer.run(
            models.Account.insert(
                name=login, fold=login.casefold(), password=password_hash, is_disabled=0, created_ns=now_ns,
                changed_ns=now_ns,
            )
        )  # fmt: skip
        changes.append(writer, [("account", login, None)])
    return int(added)


def set_password(writer: Writer, name: str, password_hash: str, *, now_ns: int) -> None:
    """Replace the password; cached sign-ins end. NotFound if there is no such account."""
    _require_hash(password_hash)
    _update(writer, name, {"password": password_hash}, now_ns)


def set_disabled(writer: Writer, name: str, *, is_disabled: bool, now_ns: int) -> None:
    """Allow or refuse signing in; cached sign-ins end. NotFound if there is no such account."""
    _update(writer, name, {"is_disabled": int(is_disabled)}, now_ns)


def accounts(session: Session) -> list[Account]:
    """Return all accounts by name."""
    return [_account(row) for row in session.run(models.Account.select().order_by(models.Account.fold))]


def account_by_name(session: Session, name: str) -> Account:
    """Return one account.

    Raises:
        NotFound: no such account.
    """
    row = _find(session, name)
    if row is None:
        raise NotFound(f"there is no account {name!r}", hint="`glassine user list` shows them", account=name)
    return _account(row)


def valid_name(name: str) -> str:
    """Return the login as it is stored (NFC).

    Raises:
        InvalidValue: empty, too long, or with a character that HTTP's Basic scheme cannot carry.
    """
    login = unicodedata.normalize("NFC", name.strip())
    # RFC 7617: the user-id ends at the first colon, and control characters are not allowed.
    is_bad = not login or len(login) > MAX_NAME_CHARACTERS or ":" in login or not login.isprintable()
    if is_bad:
        raise InvalidValue(
            f"{name!r} cannot be a login", hint="1 to 64 printable characters, no colon", account=name
        )
    return login


def _require_hash(password_hash: str) -> None:
    if not password_hash.startswith("$argon2id$"):
        raise InvalidValue("a password must arrive as an argon2id hash")


def _update(writer: Writer, name: str, values: dict[str, Any], now_ns: int) -> None:
    with writer.atomic():
        account = account_by_name(writer, name)
        values["changed_ns"] = now_ns
        writer.run(models.Account.update(values).where(models.Account.id == account.id))
        changes.append(writer, [("account", account.name, None)])


def _find(session: Session, name: str) -> dict[str, Any] | None:
    fold = unicodedata.normalize("NFC", name.strip()).casefold()
    rows: list[dict[str, Any]] = session.run(models.Account.select().where(models.Account.fold == fold))
    return rows[0] if rows else None


def _account(row: dict[str, Any]) -> Account:
    return Account(
        row["id"],
        row["name"],
        row["password"],
        bool(row["is_disabled"]),
        row["created_ns"],
        row["changed_ns"],
    )
