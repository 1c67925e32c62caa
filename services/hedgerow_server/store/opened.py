"""The database that a configuration names."""

import importlib

from hedgerow_server.core.secret import RevealNamed, later
from hedgerow_server.store.port import Database
from hedgerow_server.store.section import PostgresStoreSection, StoreSection
from hedgerow_server.store.sqlite import Sqlite


def opened(section: StoreSection | PostgresStoreSection, reveal: RevealNamed) -> Database:
    """The database, which is not asked yet. Raises ModuleNotFoundError without the extra that it needs."""
    if isinstance(section, StoreSection):
        return Sqlite(section)
    # asyncpg is an extra.
    postgres = importlib.import_module("hedgerow_server.store.postgres")
    database: Database = postgres.Postgres(section.postgres, later(reveal, section.postgres.password))
    return database
