"""Persons: looking them up whatever the case, listings, and snapshots of new ones."""

from __future__ import annotations

from dataclasses import replace

from catalog.buckets import View
from catalog.errors import NotFound
from catalog.ids import Uid
from catalog.labels import check_name, label_of, shown
from catalog.names import clean_label, fold
from catalog.store.db import Session
from catalog.store.things import Snapshot
from catalog.things import Person

WHAT = "person"
_ALIVE = "is_deleted = 0 AND merged_into IS NULL"
_SELECT = f"SELECT id, uid, name, label, created_ns FROM person WHERE {_ALIVE}"


def find(session: Session, name: str) -> Person | None:
    """Return the living person of this (checked) name, whatever the case; without the count."""
    # The label is the cleaned name, or that with ~short: both are found by the index.
    plain = fold(clean_label(name))
    rows = session.rows(
        f"{_SELECT} AND fold = ?1 UNION {_SELECT} AND fold > ?2 AND fold < ?3",
        (plain, plain + "~", plain + "\x7f"),
    )
    return next((Person(*row) for row in rows if fold(row[2]) == fold(name)), None)


def resolve_person(session: Session, text: str) -> Person:
    """Return the person that a name means.

    Raises:
        NotFound: nobody is called so. InvalidValue: nobody can be.
    """
    found = find(session, check_name(text, WHAT))
    if found is None:
        raise NotFound(f"there is no person {shown(text)}", hint="see `glassine person list`", person=text)
    return found


def persons(session: Session) -> list[Person]:
    """Return all living persons by name, with the number of photos that their folders list."""
    counts: dict[int, int] = dict(
        session.rows(
            "SELECT key, sum(count) FROM bucket WHERE view = ? AND count > 0 GROUP BY key",
            (int(View.PEOPLE),),
        )
    )
    found = [replace(Person(*row), count=counts.get(row[0], 0)) for row in session.rows(_SELECT)]
    return sorted(found, key=lambda person: (fold(person.name), person.id))


def label_for(session: Session, name: str, uid: str) -> str:
    """Return what the folder of a person is, or would be, called."""

    def taken(folded: str) -> bool:
        return (
            session.row(f"SELECT 1 FROM person WHERE fold = ? AND uid <> ? AND {_ALIVE}", (folded, uid))
            is not None
        )

    return label_of(name, uid, taken)


def new_person(session: Session, uid: Uid, name: str, now_ns: int) -> Snapshot:
    """Return the snapshot of a person that is to be made."""
    label = label_for(session, name, uid)
    return {
        "name": name,
        "label": label,
        "fold": fold(label),
        "merged_into": None,
        "is_deleted": 0,
        "created_ns": now_ns,
    }
