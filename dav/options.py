"""What `glassine dav` is told, and the rule of who may listen where.

Loopback needs nothing. Any other address needs TLS and somebody who can sign in: photos never cross a network in
the clear, or for everybody.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from catalog.errors import UsageError
from dav.auth import is_loopback
from vfs.options import TreeOptions

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8180


@dataclass(frozen=True, slots=True, kw_only=True)
class DavOptions:
    """Options of one serving process.

    Attributes:
        library: the library's directory.
        host: address or name to listen on.
        port: 0 = any free one.
        tls_cert, tls_key: PEM files, both or none.
        tls_self_signed: make (once) and use a certificate of our own in `state/tls`.
        host_names: names that clients may use in addresses, beside the machine's own.
        tree: how the tree looks.
        is_confined: give up the right to write outside the library directory, where the system can hold it.
    """

    library: Path
    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    tls_cert: Path | None = None
    tls_key: Path | None = None
    tls_self_signed: bool = False
    host_names: tuple[str, ...] = ()
    tree: TreeOptions = field(default_factory=TreeOptions)
    is_confined: bool = True

    @property
    def is_public(self) -> bool:
        """Whether other machines can reach it."""
        return not is_loopback(self.host)

    @property
    def has_tls(self) -> bool:
        """Whether connections are encrypted."""
        return self.tls_self_signed or self.tls_cert is not None


def check(options: DavOptions, *, enabled_accounts: int) -> None:
    """Refuse what would be unsafe or cannot work.

    Raises:
        UsageError: with the way out.
    """
    if (options.tls_cert is None) != (options.tls_key is None):
        raise UsageError(
            "a certificate needs its key, and the other way round", hint="give both --tls-cert and --tls-key"
        )
    if options.tls_cert is not None and options.tls_self_signed:
        raise UsageError(
            "there are two certificates to choose from", hint="use --tls-cert or --tls-self-signed, not both"
        )
    if not options.is_public:
        return
    if not options.has_tls:
        raise UsageError(
            f"listening on {options.host} without TLS would send passwords and photos in the clear",
            hint="add --tls-self-signed, or --tls-cert and --tls-key; or listen on 127.0.0.1",
            host=options.host,
        )
    if not enabled_accounts:
        raise UsageError(
            f"listening on {options.host} needs somebody who can sign in, and there is no account",
            hint="add one with `glassine user add NAME`; or listen on 127.0.0.1",
            host=options.host,
        )
