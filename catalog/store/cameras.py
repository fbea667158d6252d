"""Cameras: one row, and one folder, per label: `Canon` + `EOS R5` and `Canon` + `Canon EOS R5` are one camera."""

from __future__ import annotations

from catalog import names
from catalog.store.db import Session, Writer


def camera_id(session: Session, make: str, model: str) -> int | None:
    """Return the row of the camera that this make and model call by its label, or None."""
    found = session.value("SELECT id FROM camera WHERE fold = ?", (names.fold(label_of(make, model)),))
    return None if found is None else int(found)


def get_or_create(writer: Writer, make: str, model: str) -> int:
    """Return the row of this camera; a new one is written as this first photo spells it."""
    known = camera_id(writer, make, model)
    if known is not None:
        return known
    new_id = writer.last_id("camera") + 1
    label = label_of(make, model)
    writer.execute(
        "INSERT INTO camera (id, make, model, label, fold) VALUES (?, ?, ?, ?, ?)",
        (new_id, make, model, label, names.fold(label)),
    )
    return new_id


def label_of(make: str, model: str) -> str:
    """Return what the folder is called: make and model, the make not said twice, cleaned.

    `Canon` + `Canon EOS 5D` and `NIKON CORPORATION` + `NIKON D70` say the maker in the model already.
    """
    first_word = names.fold(make).partition(" ")[0]
    is_doubled = bool(first_word) and names.fold(model).startswith(first_word)
    return names.clean_label(model if is_doubled else f"{make} {model}".strip())
