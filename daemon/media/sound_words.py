"""What tags of sound files say: artist, album, genre, track and title, whatever format holds them.

The first word on each stands. The title is descriptive, like a picture's; the others are `extra["audio"]`. In a film the
artist is its creator.
"""

from __future__ import annotations

import re

from daemon.media.draft import Draft, clean_text

NAMES = ("artist", "album", "genre", "track")


def say_sound_word(name: str, text: str | None, draft: Draft) -> None:
    """Note one word.

    Args:
        name: one of `NAMES`, `title` or `comment`; `track` may be `3/12`.
        text: as stored; empty says nothing.
        draft: takes it.
    """
    cleaned = clean_text(text)
    words = draft.descriptive.said_by("container")
    if not cleaned:
        return
    if name == "title":
        words.say_title(cleaned)
    elif name == "comment":
        words.say_description(text)
    elif draft.kind == "audio":
        _say_audio(name, cleaned, draft)
    elif name == "artist":
        words.say_creators([cleaned])


def _say_audio(name: str, text: str, draft: Draft) -> None:
    known = draft.extra.setdefault("audio", {})
    if name == "track":
        number = re.match(r"\d{1,5}", text)
        if number is not None and int(number[0]) > 0:
            known.setdefault(name, int(number[0]))
    else:
        known.setdefault(name, text)
    if not known:
        del draft.extra["audio"]
