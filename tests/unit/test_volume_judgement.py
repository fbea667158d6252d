"""The table of volume states: from what was recorded and what a probe saw."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from catalog.ids import VolumeId
from catalog.values import Volume, VolumeState
from daemon.volume_process.protocol import ProbeReport
from daemon.volumes import is_remote, judge

_KNOWN = json.dumps({"key": "uuid:1/2", "is_remote": False})
_VOLUME = Volume(
    id=VolumeId(1),
    name="photos",
    root=b"/mnt/photos",
    backend="local",
    mode="ro",
    state="unknown",
    state_reason=None,
    state_since_ns=0,
    identity=_KNOWN,
    had_data=True,
    excludes=(),
    quick_scan_ns=None,
    full_scan_ns=None,
    created_ns=0,
)
_GOOD = ProbeReport(
    error=None, key="uuid:1/2", instance="8/2", description="file system uuid:1", fs_type="ext4"
)


@pytest.mark.parametrize(
    ("report", "state"),
    [
        (_GOOD, "online"),
        (ProbeReport(error="ENOENT"), "offline"),
        (ProbeReport(error="ENOTDIR"), "offline"),
        (ProbeReport(error="EIO"), "suspect"),
        (ProbeReport(error="EACCES"), "suspect"),
        (ProbeReport(error="ESTALE"), "suspect"),
        (replace(_GOOD, key="uuid:9/2"), "suspect"),
        (replace(_GOOD, key="uuid:9/2", is_empty=True), "offline"),
        (replace(_GOOD, is_empty=True), "suspect"),
        (replace(_GOOD, is_own_state=True), "suspect"),
    ],
)
def test_a_known_volume_is_judged_by_what_is_there(report: ProbeReport, state: VolumeState) -> None:
    judgement = judge(_VOLUME, report)
    assert judgement.state == state
    assert (judgement.reason is None) == (state == "online")
    assert (judgement.identity is not None) == (state == "online")


def test_the_first_probe_records_the_identity_and_an_empty_volume_is_fine_as_long_as_nothing_was_seen() -> (
    None
):
    fresh = replace(_VOLUME, identity=None, had_data=False)
    judgement = judge(fresh, replace(_GOOD, is_empty=True, is_remote=True))
    assert judgement.state == "online"
    assert judgement.identity is not None
    assert json.loads(judgement.identity)["key"] == "uuid:1/2"
    assert is_remote(replace(fresh, identity=judgement.identity))
    assert not is_remote(fresh)
