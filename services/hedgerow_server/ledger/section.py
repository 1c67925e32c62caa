"""What the configuration says of the ledger."""

from pathlib import Path
from typing import Literal

import pydantic

from hedgerow_server.config.model import Section

_KIB = 1024


class LedgerSection(Section):
    """Section `ledger`: what every attempt and every call costs, kept in the store. Read when the server starts."""

    enabled: bool = True
    """Whether there is one. It needs a `store`; without one there is none."""
    spool: Path | None = None
    """The folder in which records wait for the store, made where it is not there; it must be on a local disk. None:
    beside the SQLite file, under its name with `-spool`. A store on a server needs one.
    """
    max_bytes: int = pydantic.Field(default=1024 * _KIB * _KIB, ge=256 * _KIB)
    """How much may wait there for each router, in bytes: about 1 KiB a call. When it is full, new calls are refused."""
    segment_bytes: int = pydantic.Field(default=8 * _KIB * _KIB, ge=64 * _KIB, le=1024 * _KIB * _KIB)
    """The length of each file in it, in bytes, of which two are there at the least."""
    durability: Literal["write", "fsync"] = "write"
    """What an answer waits for. `write`: its records are with the operating system, and outlive the router; the disk
    has them within about 10 ms. `fsync`: the disk has them, so that they outlive the machine.
    """
    retention_days: float | None = pydantic.Field(default=None, gt=0, le=36_500)
    """After how long rows are deleted from the store. None: never."""

    @pydantic.model_validator(mode="after")
    def _two(self) -> "LedgerSection":
        if self.max_bytes < 2 * self.segment_bytes:
            raise ValueError("max_bytes must be at least twice segment_bytes")
        return self
