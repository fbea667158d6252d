"""The checker's part about words in files: each of them means a tag or a person that there is (I20)."""

from __future__ import annotations

from catalog.ids import AssetId
from catalog.store import things
from catalog.store.check_reading import Found, asset_pages
from catalog.store.db import Session
from catalog.store.derive import Inputs, read_inputs, ready_facts
from catalog.store.embedded_names import NameKind, is_name, uids_of
from catalog.store.said import words_in

_KINDS: tuple[NameKind, ...] = ("tag", "person")


def embedded_names(session: Session) -> Found:
    """I20: every word of the facts that count, if it can be a name, means a thing; so does every row of embedded_name."""
    for page in asset_pages(session, "merged_into IS NULL"):
        yield from _of_page(session, read_inputs(session, page))
    yield from rows(session)


def rows(session: Session) -> Found:
    """Find rows of `embedded_name` that mean nothing."""
    for kind in _KINDS:
        for text, uid in session.rows("SELECT text, uid FROM embedded_name WHERE kind = ?", (kind,)):
            if uid not in things.row_ids(session, kind, [uid]):
                yield f"embedded_name {kind} {text!r}", f"there is no {kind} {uid}"


def _of_page(session: Session, page: list[Inputs]) -> Found:
    said: dict[NameKind, dict[str, AssetId]] = {"tag": {}, "person": {}}
    for one in page:
        _, facts = ready_facts(session, one)
        for kind, texts in words_in(facts).items():
            for text in texts:
                if is_name(kind, text):
                    said[kind].setdefault(text, one.asset_id)
    for kind, first in said.items():
        known = uids_of(session, kind, list(first))
        for text, asset_id in first.items():
            if text not in known:
                yield f"asset {asset_id}", f"what its {kind} {text!r} means is not known"
