"""What the configuration says of the database."""

from pathlib import Path

import pydantic

from hedgerow_server.config.model import Section


class StoreSection(Section):
    """Section `store`: the database, for API keys and the audit log. Read when the server starts."""

    path: Path
    """The SQLite file. Made, for its owner alone, where it is not there; its folder must exist and be on a local disk.
    Routers on one machine may share it.
    """
    busy_timeout_seconds: float = pydantic.Field(default=2.0, gt=0, le=30)
    """How long a write waits for another process's."""
