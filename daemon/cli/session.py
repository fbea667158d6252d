"""One invocation of the command: the common options, where the library is, and what is opened for it.

Every verb gets it with `@click.pass_obj`. Imports of the catalog are inside the methods: `glassine --version` and
the completion must not pay for SQLite.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from daemon.cli.output import Output

if TYPE_CHECKING:
    from catalog.commands import Command, EditOptions
    from catalog.library import Library
    from catalog.store.db import Reader
    from daemon.config import Config


@dataclass(slots=True)
class Session:
    """The common options as given before or after the verb, and the output.

    Attributes:
        library_option: `--library`, or None.
        verbosity: number of `-v` minus 10 for `-q`.
        log_level: `--log-level`, or None.
        log_as_json: `--log-json`.
    """

    output: Output
    library_option: str | None = None
    verbosity: int = 0
    is_quiet: bool = False
    log_level: str | None = None
    log_as_json: bool = False
    _library: Library | None = field(default=None, init=False)

    def begin(self) -> None:
        """Set up logging; called once all options are read, before the verb."""
        from daemon.logs import set_up_logging

        set_up_logging(level=self.effective_log_level(), as_json=self.log_as_json)

    def effective_log_level(self) -> str:
        """Return the least level to log: `--log-level`, else -q / -v / -vv, else warning."""
        if self.log_level is not None:
            return self.log_level
        if self.is_quiet:
            return "error"
        return ("warning", "info", "debug")[min(self.verbosity, 2)]

    def library_place(self) -> Library:
        """Return where the library is, or would be made."""
        from catalog.library import find_library

        return find_library(self.library_option, os.environ, os.getcwd())

    def library(self) -> Library:
        """Return the library; raises NoLibrary when there is none."""
        if self._library is None:
            self._library = self.library_place().require()
        return self._library

    def config(self) -> Config:
        """Return the library's configuration; raises ConfigError."""
        from daemon.config import load_config

        return load_config(self.library())

    def submit(self, command: Command, options: EditOptions | None = None) -> dict[str, Any]:
        """Have an edit done, by the daemon or, holding the lock, by ourselves; returns once it is committed."""
        from catalog.commands.client import submit

        library = self.library()
        return submit(library, command) if options is None else submit(library, command, options)

    @contextlib.contextmanager
    def reader(self) -> Iterator[Reader]:
        """Open the catalog for reading, one consistent snapshot."""
        from catalog.store.db import open_reader

        reader = open_reader(self.library())
        try:
            with reader.snapshot():
                yield reader
        finally:
            reader.close()


def today(reader: Reader) -> date:
    """Return the day that relative dates count from: today in the library's zone."""
    return datetime.now(reader.zone).date()
