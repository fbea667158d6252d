"""What a media worker answers is checked on arrival: a worker that was taken over by a file cannot harm the daemon with it."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from catalog.facts import DateCandidate, Facts, FactsResult, Finding
from catalog.ids import ContentId, LocationId, VolumeId
from catalog.values import WorkItem
from daemon.frames import FrameError, decode_payload, encode_frame
from daemon.media.protocol import NOT_MY_CLASS, Answer, decode_answer, encode_answer

ITEM = WorkItem(LocationId(1), ContentId(1), VolumeId(1), b"/photos", b"a.jpg", 1, 1, 1, 1)
FACTS = Facts(
    kind="photo",
    mime="image/jpeg",
    width=4000,
    height=3000,
    lat=52.5,
    lon=13.4,
    candidates=(DateCandidate("filename", "2019", "2019"),),
    extra={"frames": 3},
)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(facts=FACTS),
        Answer(finding=Finding("worker", "2", "killed")),
        Answer(error="EIO"),
        Answer(error=NOT_MY_CLASS),
    ],
    ids=["facts", "finding", "error", "heavy"],
)
def test_an_answer_arrives_as_it_was_sent(answer: Answer) -> None:
    message = decode_payload(encode_frame(encode_answer(answer))[4:])
    told = decode_answer(message, ITEM)
    assert told == FactsResult(ITEM, facts=answer.facts, finding=answer.finding, error=answer.error)


def _done(**wrong: Any) -> list[Any]:
    return ["done", {**FACTS.to_json(), **wrong}, None, None]


@pytest.mark.parametrize(
    "message",
    [
        None,
        [],
        ["heavy", 1],
        ["done", None, None, None],
        ["done", FACTS.to_json(), None, "EIO"],
        ["done", {}, None, None],
        ["done", 7, None, None],
        ["done", None, ["a"], None],
        _done(kind="program"),
        _done(mime=7),
        _done(width=1 << 63),
        _done(height=-1),
        _done(orientation="x"),
        _done(lat=math.nan),
        _done(duration_s=math.inf),
        _done(alt="high"),
        _done(candidates=[7]),
        _done(candidates=[{"source": "x"}]),
        _done(previews=[[1, 2, 3, 4, 5, 6, 7, 8, 9]]),
        _done(descriptive={"colour": "red"}),
    ],
)
def test_what_is_no_answer_is_a_frame_error(message: object) -> None:
    with pytest.raises(FrameError):
        decode_answer(message, ITEM)


def test_the_largest_picture_that_a_header_can_tell_passes() -> None:
    facts = replace(FACTS, width=(1 << 31) - 1)
    assert decode_answer(encode_answer(Answer(facts=facts)), ITEM).facts == facts
