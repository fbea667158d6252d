"""What can go wrong, in words a user understands, and the one registry of codes.

Every error carries a stable `code` (for programs), a `message` (for people), a `hint` (the way out, or
None) and the exit code of the command line. Three borders translate them: `vfs/fuse.py` to errno,
`dav/front.py` to HTTP status, `daemon/cli/output.py` to exit code and JSON. `docs/errors.md` shows
this table; a test compares the two.
"""

from __future__ import annotations

from typing import ClassVar

EXIT_OK = 0
EXIT_ERROR = 1
EXIT_USAGE = 2
EXIT_PARTIAL = 3
EXIT_NOTHING_MATCHED = 4
EXIT_NO_LIBRARY = 10
EXIT_LOCKED = 11
EXIT_NOT_PERMITTED = 12
EXIT_VOLUME_OFFLINE = 13
EXIT_CONFLICT = 14
EXIT_NOT_FOUND = 15
EXIT_AMBIGUOUS = 16
EXIT_INTERRUPTED = 130


class GlassineError(Exception):
    """Base of all our errors.

    Args:
        message: one sentence that names the offending value.
        hint: what the user can do about it, or None.
        details: further fields for the JSON form; values must be JSON types.
    """

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = EXIT_ERROR

    def __init__(self, message: str, *, hint: str | None = None, **details: object) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details


class UsageError(GlassineError):
    """The arguments do not make sense."""

    code = "usage"
    exit_code = EXIT_USAGE


class InvalidValue(UsageError):
    """A value is outside what its field can hold."""

    code = "invalid_value"


class InvalidQuery(UsageError):
    """A query cannot be parsed, or names an unknown field."""

    code = "invalid_query"


class TooManyItems(UsageError):
    """More photos would be changed than `--max-items` allows; nothing was."""

    code = "too_many_items"


class NeedsYes(UsageError):
    """What cannot be taken back is done with `--yes` only; the plan is what was shown, and nothing was done."""

    code = "needs_yes"


class ConfigError(UsageError):
    """`config.toml` or an environment variable holds an unknown key or a bad value."""

    code = "config"


class NoLibrary(GlassineError):
    """There is no library at the place that was named or found."""

    code = "no_library"
    exit_code = EXIT_NO_LIBRARY


class LibraryLocked(GlassineError):
    """Another process holds the library lock, or the daemon is too busy to answer."""

    code = "locked"
    exit_code = EXIT_LOCKED


class DaemonNotRunning(GlassineError):
    """The request needs a running daemon."""

    code = "no_daemon"
    exit_code = EXIT_ERROR


class NotPermitted(GlassineError):
    """The operating system, the mode of the volume or the account forbids it."""

    code = "not_permitted"
    exit_code = EXIT_NOT_PERMITTED


class ReadOnly(NotPermitted):
    """The tree, or the volume, is read-only."""

    code = "read_only"


class VolumeOffline(GlassineError):
    """The volume that holds the bytes cannot be reached now."""

    code = "volume_offline"
    exit_code = EXIT_VOLUME_OFFLINE


class Conflict(GlassineError):
    """Two statements stand against each other and a person must decide."""

    code = "conflict"
    exit_code = EXIT_CONFLICT


class NotFound(GlassineError):
    """No such photo, volume, name or path."""

    code = "not_found"
    exit_code = EXIT_NOT_FOUND


class AlreadyExists(GlassineError):
    """The name is taken."""

    code = "exists"
    exit_code = EXIT_ERROR


class Ambiguous(GlassineError):
    """A prefix or a name fits more than one thing."""

    code = "ambiguous"
    exit_code = EXIT_AMBIGUOUS


class CatalogError(GlassineError):
    """The catalog cannot do what was asked."""

    code = "catalog"


class CatalogCorrupt(CatalogError):
    """A page checksum, an invariant or SQLite itself says that the catalog is damaged."""

    code = "catalog_corrupt"


class CatalogTooNew(CatalogError):
    """The catalog was written by a newer version of the program."""

    code = "catalog_too_new"


class MigrationFailed(CatalogError):
    """A schema migration was rolled back."""

    code = "migration_failed"


class StorageFull(GlassineError):
    """The disk that holds the library is full."""

    code = "storage_full"


class Unreadable(GlassineError):
    """The bytes cannot be read: EIO, EACCES, or the file changed under the reader."""

    code = "unreadable"


class ChangedUnderneath(Unreadable):
    """The original is not the file that the catalog knows; a scan is due."""

    code = "changed_underneath"


class MediaError(GlassineError):
    """A reader could not make sense of a file; recorded as a finding, never a crash.

    Details carry `tool`, `version` and `reason`.
    """

    code = "media"


class Partial(GlassineError):
    """Some items failed; they are listed."""

    code = "partial"
    exit_code = EXIT_PARTIAL


class NothingMatched(GlassineError):
    """Nothing matched, and `--fail-empty` was given."""

    code = "nothing_matched"
    exit_code = EXIT_NOTHING_MATCHED


class Interrupted(GlassineError):
    """Ctrl-C."""

    code = "interrupted"
    exit_code = EXIT_INTERRUPTED


def all_errors() -> tuple[type[GlassineError], ...]:
    """Every class of this module, the base first, in order of definition: the registry."""
    return tuple(
        value for value in globals().values() if isinstance(value, type) and issubclass(value, GlassineError)
    )
