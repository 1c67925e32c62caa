"""What the configuration says of the database."""

import ipaddress
from pathlib import Path
from typing import Annotated

import pydantic

from hedgerow_server.config.model import Section


class StoreSection(Section):
    """A database in a file, with SQLite: nothing else has to run. Read when the server starts."""

    path: Path
    """The SQLite file. Made, for its owner alone, where it is not there; its folder must exist and be on a local disk.
    Routers on one machine may share it.
    """
    busy_timeout_seconds: float = pydantic.Field(default=2.0, gt=0, le=30)
    """How long a write waits for another process's."""


class PostgresTlsSection(Section):
    """Who may vouch for the server, and what the router shows of itself."""

    ca_file: Path | None = None
    """A file with the certificates of the authorities that may vouch for the server, PEM. None: the usual ones."""
    certificate: Path | None = None
    """The certificate that the router shows, PEM. None: none."""
    key: Path | None = None
    """The private key of `certificate`, PEM."""

    @pydantic.model_validator(mode="after")
    def _both(self) -> "PostgresTlsSection":
        if (self.certificate is None) != (self.key is None):
            raise ValueError("expected both certificate and key, or neither")
        return self


class PostgresSection(Section):
    """Where PostgreSQL is, and how to log in there."""

    host: str = pydantic.Field(min_length=1, max_length=255)
    """The name or the address of its machine, or the folder of its Unix socket."""
    port: int = pydantic.Field(default=5432, ge=1, le=65_535)
    """Its port."""
    database: str = pydantic.Field(min_length=1, max_length=63)
    """The database. It must be there; the tables in it are made."""
    user: str = pydantic.Field(min_length=1, max_length=63)
    """The role to log in as. It needs the right to make tables in the first schema of its search path."""
    password: str | None = None
    """The entry of `credentials` with its password; looked at for each new connection. None: it needs none, such as
    with a certificate.
    """
    tls: PostgresTlsSection | None = None
    """How TLS is spoken. The server's certificate is verified, and its name compared with `host`. None: against the
    usual authorities, and no TLS at all with a server on this machine.
    """
    plaintext: bool = False
    """Whether a server on another machine may be talked to unencrypted, such as within a mesh that encrypts."""
    pool_size: int = pydantic.Field(default=4, ge=1, le=100)
    """The most connections of this router."""
    timeout_seconds: float = pydantic.Field(default=2.0, ge=0.05, le=30)
    """How long anything may take: to get a connection, and what is done with it. After that the store is away."""

    @pydantic.model_validator(mode="after")
    def _one_way(self) -> "PostgresSection":
        if self.plaintext and self.tls is not None:
            raise ValueError("expected either tls or plaintext")
        return self

    @property
    def is_local(self) -> bool:
        """Whether what is said to the server stays on this machine."""
        if self.host.startswith("/") or self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


class PostgresStoreSection(Section):
    """A database on a server, with PostgreSQL, for routers on several machines. Read when the server starts. Needs the
    extra `postgres`.
    """

    postgres: PostgresSection
    """Where PostgreSQL is, version 14 or newer, and how to log in there."""


def _kind(value: object) -> str:
    given = value if isinstance(value, dict) else getattr(value, "__dict__", {})
    # Not the names of keys: a fault is told at the place of the key that it names.
    return "a server" if "postgres" in given else "a file"


AnyStoreSection = Annotated[
    Annotated[StoreSection, pydantic.Tag("a file")] | Annotated[PostgresStoreSection, pydantic.Tag("a server")],
    pydantic.Discriminator(_kind),
]
"""Section `store`: the database, for API keys and the audit log. With `path` it is a file, with `postgres` a server."""
