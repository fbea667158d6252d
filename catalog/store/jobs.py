"""Coarse background work: claimed with a lease and a fence, completed only by the holder of the newest claim.

A job is unique per kind and subject while it is pending or running, and is enqueued in the transaction that causes
it. A lease that ended may be claimed again; the fence refuses what the former holder still says
(reliability.md 2: fenced claims had 0 doubles under 32 kills).
"""

from __future__ import annotations

from collections.abc import Sequence

from catalog.errors import Conflict, NotFound
from catalog.store import models
from catalog.store.db import Session, Writer
from catalog.values import Job

_COLUMNS = "id, kind, subject, state, attempts, run_after_ns, lease_until_ns, fence, batch, error, created_ns"
# index job_due
CLAIMABLE = (
    "SELECT id FROM job WHERE state IN ('pending', 'running') AND run_after_ns <= ?1"
    " AND (state = 'pending' OR lease_until_ns <= ?1) ORDER BY run_after_ns, id LIMIT 1"
)


def enqueue(
    writer: Writer, kind: str, subject: str, *, now_ns: int, run_after_ns: int = 0, batch: str | None = None
) -> int:
    """Add a job unless the same one is alive; return the id of the live one."""
    with writer.atomic():
        alive = writer.value(
            "SELECT id FROM job WHERE kind = ? AND subject = ? AND state IN ('pending', 'running')",
            (kind, subject),
        )
        if alive is not None:
            return int(alive)
        writer.execute(
            "INSERT INTO job (kind, subject, run_after_ns, batch, created_ns) VALUES (?, ?, ?, ?, ?)",
            (kind, subject, run_after_ns, batch, now_ns),
        )
        return writer.last_id("job")


def claim(writer: Writer, *, lease_ns: int, now_ns: int) -> Job | None:
    """Take the job that is due longest (or whose lease ended), or None. Counts as an attempt."""
    with writer.atomic():
        due = writer.value(CLAIMABLE, (now_ns,))
        if due is None:
            return None
        writer.execute(
            "UPDATE job SET state = 'running', lease_until_ns = ?, fence = fence + 1, attempts = attempts + 1"
            " WHERE id = ?",
            (now_ns + lease_ns, due),
        )
        return job_by_id(writer, int(due))


def renew(writer: Writer, job: Job, *, lease_ns: int, now_ns: int) -> None:
    """Keep a claimed job for longer. Conflict if it was claimed by somebody else meanwhile."""
    _fenced(writer, job, "lease_until_ns = ?", (now_ns + lease_ns,))


def complete(writer: Writer, job: Job) -> None:
    """Note success. Conflict if it was claimed by somebody else meanwhile."""
    _fenced(writer, job, "state = 'done', lease_until_ns = NULL, error = NULL", ())


def fail(writer: Writer, job: Job, error: str, *, retry_at_ns: int | None = None) -> None:
    """Note a failed attempt; with `retry_at_ns` it is pending again from then on."""
    if retry_at_ns is None:
        _fenced(writer, job, "state = 'failed', lease_until_ns = NULL, error = ?", (error,))
    else:
        change = "state = 'pending', lease_until_ns = NULL, error = ?, run_after_ns = ?"
        _fenced(writer, job, change, (error, retry_at_ns))


def cancel(writer: Writer, job_id: int) -> None:
    """End a job that is pending or running; what it does now is refused at its end."""
    with writer.atomic():
        job = job_by_id(writer, job_id)
        if job.state not in ("pending", "running"):
            raise Conflict(f"job {job_id} is {job.state} already", job=job_id)
        writer.execute(
            "UPDATE job SET state = 'cancelled', lease_until_ns = NULL, fence = fence + 1 WHERE id = ?",
            (job_id,),
        )


def retry(writer: Writer, job_id: int, *, now_ns: int) -> int:
    """Make a failed or cancelled job due again; return the id of the live job."""
    with writer.atomic():
        job = job_by_id(writer, job_id)
        if job.state not in ("failed", "cancelled"):
            raise Conflict(f"job {job_id} is {job.state}", job=job_id)
        return enqueue(writer, job.kind, job.subject, now_ns=now_ns, batch=job.batch)


def job_by_id(session: Session, job_id: int) -> Job:
    """Return one job.

    Raises:
        NotFound: no such job.
    """
    row = session.row(f"SELECT {_COLUMNS} FROM job WHERE id = ?", (job_id,))
    if row is None:
        raise NotFound(f"there is no job number {job_id}", job=job_id)
    return Job(*row)


def newest(session: Session, limit: int = 50, *, states: Sequence[str] | None = None) -> list[Job]:
    """Return jobs, newest first."""
    query = models.Job.select().order_by(models.Job.id.desc()).limit(limit)
    if states is not None:
        query = query.where(models.Job.state.in_(list(states)))
    return [Job(**row) for row in session.run(query)]


def _fenced(writer: Writer, job: Job, change: str, values: tuple[object, ...]) -> None:
    with writer.atomic():
        changed = writer.execute(
            f"UPDATE job SET {change} WHERE id = ? AND fence = ? AND state = 'running'",
            (*values, job.id, job.fence),
        )
        if not changed:
            raise Conflict(f"job {job.id} is not held by this claim any more", job=job.id, fence=job.fence)
