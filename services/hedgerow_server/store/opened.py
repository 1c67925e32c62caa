"""The database that a configuration names."""

import importlib
from collections.abc import Callable

from hedgerow_server.core.secret import Secret
from hedgerow_server.store.port import Database
from hedgerow_server.store.section import PostgresStoreSection, StoreSection
from hedgerow_server.store.sqlite import Sqlite

Reveal = Callable[[str], Secret]
"""The secret of a credential that is in memory. Raises CredentialUnavailable."""


def opened(section: StoreSection | PostgresStoreSection, reveal: Reveal) -> Database:
    """The database, which is not asked yet. Raises ModuleNotFoundError without the extra that it needs."""
    if isinstance(section, StoreSection):
        return Sqlite(section)
    # asyncpg is an extra.
    postgres = importlib.import_module("hedgerow_server.store.postgres")
    password = section.postgres.password
    database: Database = postgres.Postgres(
        section.postgres, (lambda: reveal(password)) if password is not None else None
    )
    return database
