"""Why a photo is in its folder of `Places/`: its position, who says it, the towns around it and the rule. Reads only (charter 8)."""

from __future__ import annotations

from functools import partial

from catalog import places
from catalog.ids import AssetId
from catalog.layer import Statement, effective, winner
from catalog.places import LIMIT_KM, SOURCE, Near
from catalog.store.db import Session
from catalog.store.derive import read_statements, ready_facts
from catalog.store.embedded_names import uids_of
from catalog.store.explain import Document, inputs_of, uid_of
from catalog.store.said import embedded_of, read_words
from catalog.store.texts import instant_text

_CANDIDATES = 5


def explain_place(session: Session, asset_id: AssetId) -> Document:
    """Return the position that rules, whose word it is, and the towns that came into question, the winner first.

    Raises:
        NotFound: no such photo.
    """
    one = inputs_of(session, asset_id)
    said = read_statements(session, [asset_id]).get(asset_id, [])
    _, facts = ready_facts(session, one)
    embedded = embedded_of(facts, read_words([facts], partial(uids_of, session))).position
    ruling = effective("position", said, embedded=embedded)
    position = None if ruling is None else ruling.value
    found = [] if position is None else places.candidates_at(position["lat"], position["lon"], _CANDIDATES)
    by = _said_by(said)
    return {
        "uid": uid_of(session, asset_id),
        "name": one.names.name,
        "position": position and {"lat": position["lat"], "lon": position["lon"], "alt": position.get("alt")},
        "layer": None if ruling is None else ruling.layer,
        "said_by": None if by is None else by.author,
        "said_at": None if by is None else instant_text(by.made_ns),
        "place": dict(found[0].place._asdict()) if found else None,
        "distance_km": round(found[0].distance_km, 2) if found else None,
        "rule": _rule(is_placed=bool(found), has_position=position is not None, is_said=by is not None),
        "candidates": [_candidate(near) for near in found],
        "limit_km": LIMIT_KM,
        "data": SOURCE,
    }


def _said_by(said: list[Statement]) -> Statement | None:
    return winner(one for one in said if one.property == "position")


def _candidate(near: Near) -> Document:
    return {
        **near.place._asdict(),
        "distance_km": round(near.distance_km, 2),
        "score_km": round(near.score_km, 2),
    }


def _rule(*, is_placed: bool, has_position: bool, is_said: bool) -> str:
    if is_placed:
        return (
            "the nearest town wins; a large one reaches up to 4 km further than a village, and its districts count for it."
            " The country is that of the town: near a border it can be the neighbour's"
        )
    if has_position:
        return f"no town lies within {LIMIT_KM:.0f} km of the position"
    return (
        "somebody said that it has no position"
        if is_said
        else "nobody tells a position: neither its file nor a person"
    )
