"""peewee models of the cold tables: simple statements about volumes, accounts, jobs, scans and settings.

Bound to no database: `Session.run(query)` says on which connection. They never leave `catalog.store`. The schema
is `schema.py`; a test compares these fields with its columns.
"""

from __future__ import annotations

from peewee import AutoField, BigIntegerField, BlobField, IntegerField, Model, TextField


class Meta(Model):
    """Table `meta`."""

    key = TextField(primary_key=True)
    value = TextField()


class Volume(Model):
    """Table `volume`."""

    id = AutoField()
    name = TextField()
    fold = TextField()
    root = BlobField()
    backend = TextField()
    mode = TextField()
    state = TextField()
    state_reason = TextField(null=True)
    state_since_ns = BigIntegerField()
    identity = TextField(null=True)
    had_data = IntegerField()
    excludes = TextField()
    quick_scan_ns = BigIntegerField(null=True)
    full_scan_ns = BigIntegerField(null=True)
    created_ns = BigIntegerField()
    marker = TextField(null=True)
    accepted_ns = BigIntegerField(null=True)
    forgotten_ns = BigIntegerField(null=True)
    hold = TextField(null=True)


class LibraryPath(Model):
    """Table `library_path`."""

    id = AutoField()
    volume_id = IntegerField()
    path = BlobField()

    class Meta:
        """peewee's settings."""

        table_name = "library_path"


class Scan(Model):
    """Table `scan`."""

    id = AutoField()
    volume_id = IntegerField()
    kind = TextField()
    started_ns = BigIntegerField()
    ended_ns = BigIntegerField(null=True)
    state = TextField()
    counts = TextField()
    error = TextField(null=True)


class Job(Model):
    """Table `job`."""

    id = AutoField()
    kind = TextField()
    subject = TextField()
    state = TextField()
    attempts = IntegerField()
    run_after_ns = BigIntegerField()
    lease_until_ns = BigIntegerField(null=True)
    fence = IntegerField()
    batch = TextField(null=True)
    error = TextField(null=True)
    created_ns = BigIntegerField()


class Account(Model):
    """Table `account`."""

    id = AutoField()
    name = TextField()
    fold = TextField()
    password = TextField()
    is_disabled = IntegerField()
    created_ns = BigIntegerField()
    changed_ns = BigIntegerField()


ALL = (Meta, Volume, LibraryPath, Scan, Job, Account)
