"""The chain of the audit log: each row's digest covers the row before it, so that no row can be altered, taken out or
put in unseen. Rows cut off at the end are seen only by whoever knows the last number or digest from elsewhere.
"""

import hashlib
from collections.abc import Iterable

import msgspec

from hedgerow_server.store.record import AuditEntry, AuditRow

START = b"\0" * 32
"""What stands for the row before the first."""


def digest(before: bytes, number: int, entry: AuditEntry) -> bytes:
    """The digest of a row: SHA-256 over JSON, in which no two rows are equal."""
    return hashlib.sha256(before + msgspec.json.encode((number, msgspec.structs.astuple(entry)))).digest()


def broken_at(rows: Iterable[AuditRow], before: bytes = START, number: int = 0) -> int | None:
    """The number of the first row that is missing or not what was written; None where all are as they were. `before`
    and `number` are those of the last row that was looked at already.
    """
    for row in rows:
        number += 1
        if row.number != number or row.digest != digest(before, number, row.entry):
            return number
        before = row.digest
    return None
