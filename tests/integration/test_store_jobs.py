"""Jobs: one live job per subject, leases, fences; and the journal's order."""

from __future__ import annotations

import pytest

from catalog.errors import Conflict, NotFound
from catalog.store import jobs, journal
from store_harness import StoreHarness


def test_a_job_is_enqueued_once_while_it_is_alive(catalog: StoreHarness) -> None:
    first = jobs.enqueue(catalog.writer, "verify", "1", now_ns=1)
    assert jobs.enqueue(catalog.writer, "verify", "1", now_ns=2) == first
    assert jobs.enqueue(catalog.writer, "verify", "2", now_ns=2) != first
    job = jobs.claim(catalog.writer, lease_ns=10, now_ns=3)
    assert job is not None
    assert jobs.enqueue(catalog.writer, "verify", "1", now_ns=4) == first, "running is alive"
    jobs.complete(catalog.writer, job)
    assert jobs.enqueue(catalog.writer, "verify", "1", now_ns=5) != first


def test_jobs_are_claimed_when_due_oldest_first(catalog: StoreHarness) -> None:
    late = jobs.enqueue(catalog.writer, "a", "1", now_ns=1, run_after_ns=100)
    early = jobs.enqueue(catalog.writer, "a", "2", now_ns=1)
    claimed = jobs.claim(catalog.writer, lease_ns=10, now_ns=50)
    assert claimed is not None
    assert (claimed.id, claimed.state, claimed.attempts, claimed.lease_until_ns) == (early, "running", 1, 60)
    assert jobs.claim(catalog.writer, lease_ns=10, now_ns=50) is None
    claimed = jobs.claim(catalog.writer, lease_ns=1000, now_ns=100)
    assert claimed is not None
    assert claimed.id == early, "its lease ended"
    claimed = jobs.claim(catalog.writer, lease_ns=10, now_ns=101)
    assert claimed is not None
    assert claimed.id == late


def test_a_stale_completion_is_refused_by_the_fence(catalog: StoreHarness) -> None:
    jobs.enqueue(catalog.writer, "a", "1", now_ns=1)
    first = jobs.claim(catalog.writer, lease_ns=10, now_ns=1)
    second = jobs.claim(catalog.writer, lease_ns=10, now_ns=50)
    assert first is not None
    assert second is not None
    assert (first.id, second.attempts) == (second.id, 2)
    for act in (jobs.complete, lambda writer, job: jobs.fail(writer, job, "x")):
        with pytest.raises(Conflict):
            act(catalog.writer, first)
    with pytest.raises(Conflict):
        jobs.renew(catalog.writer, first, lease_ns=5, now_ns=51)
    jobs.renew(catalog.writer, second, lease_ns=500, now_ns=51)
    assert jobs.claim(catalog.writer, lease_ns=10, now_ns=100) is None
    jobs.complete(catalog.writer, second)
    assert jobs.job_by_id(catalog.writer, second.id).state == "done"


def test_a_failed_attempt_is_repeated_or_ends(catalog: StoreHarness) -> None:
    job_id = jobs.enqueue(catalog.writer, "a", "1", now_ns=1, batch="b")
    job = jobs.claim(catalog.writer, lease_ns=10, now_ns=1)
    assert job is not None
    jobs.fail(catalog.writer, job, "disk on fire", retry_at_ns=100)
    assert jobs.claim(catalog.writer, lease_ns=10, now_ns=99) is None
    job = jobs.claim(catalog.writer, lease_ns=10, now_ns=100)
    assert job is not None
    assert (job.attempts, job.error) == (2, "disk on fire")
    jobs.fail(catalog.writer, job, "ashes")
    ended = jobs.job_by_id(catalog.writer, job_id)
    assert (ended.state, ended.error, ended.lease_until_ns) == ("failed", "ashes", None)
    again = jobs.retry(catalog.writer, job_id, now_ns=200)
    assert (again != job_id, jobs.job_by_id(catalog.writer, again).batch) == (True, "b")
    with pytest.raises(Conflict):
        jobs.retry(catalog.writer, again, now_ns=201)


def test_a_cancelled_job_refuses_its_holder(catalog: StoreHarness) -> None:
    job_id = jobs.enqueue(catalog.writer, "a", "1", now_ns=1)
    job = jobs.claim(catalog.writer, lease_ns=10, now_ns=1)
    assert job is not None
    jobs.cancel(catalog.writer, job_id)
    with pytest.raises(Conflict):
        jobs.complete(catalog.writer, job)
    with pytest.raises(Conflict):
        jobs.cancel(catalog.writer, job_id)
    with pytest.raises(NotFound):
        jobs.cancel(catalog.writer, 99)
    assert [one.state for one in jobs.newest(catalog.writer)] == ["cancelled"]
    assert jobs.newest(catalog.writer, states=["pending"]) == []


def test_the_journal_is_paged_newest_first(catalog: StoreHarness) -> None:
    for number in range(5):
        journal.append(catalog.writer, {"do": "x", "n": number}, author="me", now_ns=number)
    first = journal.newest(catalog.writer, 2)
    rest = journal.newest(catalog.writer, 10, before=first[-1].id)
    assert [row.command["n"] for row in first + rest] == [4, 3, 2, 1, 0]
