"""The chain of the audit log: each row's digest covers the row before it, so that no row can be altered, taken out or
put in unseen. Rows cut off at the end are seen only by whoever knows the last number or digest from elsewhere.

What a row says of people can be erased without breaking the chain. The digest does not cover these fields but a
commitment to each, SHA-256 over a random salt and the field. An erased field is empty and its salt is gone, so that
nobody can find out by trying what stood there; its commitment stays. Only what a later row of `EraseUser` names may be
erased: whoever just empties a field is found.

Rows of the first version of the schema have no commitments. Their digest covers all of them, and cannot be computed
again once one is erased. It still has its place in the chain, and the row of `EraseUser` says that it was erased.
"""

import hashlib
import os
from collections.abc import Iterable

import msgspec

from hedgerow_server.store.record import PERSONAL, AuditEntry, AuditRow

START = b"\0" * 32
"""What stands for the row before the first."""
ERASURE = "EraseUser"
"""The action of rows that name erased ones."""
_SALT, _HASH = 16, 32
_GONE = b"\0" * _SALT
OLD_ERASED = b""
"""The seal of a row without commitments of which something was erased."""


class Erased(msgspec.Struct, frozen=True):
    """Which rows an erasure has touched, as its row tells in its detail."""

    rows: str = ""
    """The numbers, as "3, 7-9"."""
    old_rows: str = ""
    """Those of rows without commitments."""


class _Detail(msgspec.Struct):
    erased: Erased = Erased()


def new_seal(entry: AuditEntry) -> bytes:
    """Commitments to the fields of a new row that are about people, then their salts."""
    salts = [os.urandom(_SALT) for _ in PERSONAL]
    return b"".join((*(_committed(salt, entry, name) for salt, name in zip(salts, PERSONAL, strict=True)), *salts))


def digest(before: bytes, number: int, entry: AuditEntry, seal: bytes | None = None) -> bytes:
    """The digest of a row: SHA-256 over JSON, in which no two rows are equal. Without a seal: the first version's."""
    if seal is None:
        covered: tuple[object, ...] = (number, msgspec.structs.astuple(entry))
    else:
        commitments = seal[: _HASH * len(PERSONAL)].hex()
        covered = (number, entry.at_unix_s, entry.action, entry.outcome, entry.request_id, commitments)
    return hashlib.sha256(before + msgspec.json.encode(covered)).digest()


def erased_fields(row: AuditRow) -> tuple[str, ...]:
    """Which of its fields were erased."""
    if row.seal is None:
        return ()
    if row.seal == OLD_ERASED:
        return PERSONAL
    return tuple(name for name, salt in zip(PERSONAL, _salts(row.seal), strict=True) if salt == _GONE)


def blanked(row: AuditRow, names: Iterable[str]) -> AuditRow:
    """The row with fields erased. One without commitments loses all that is about people."""
    seal, names = row.seal, frozenset(names)
    if seal is None or seal == OLD_ERASED:
        seal, names = OLD_ERASED, frozenset(PERSONAL)
    else:
        salts = [_GONE if name in names else salt for name, salt in zip(PERSONAL, _salts(seal), strict=True)]
        seal = seal[: _HASH * len(PERSONAL)] + b"".join(salts)
    entry = msgspec.structs.replace(row.entry, **dict.fromkeys(names, ""))
    return msgspec.structs.replace(row, entry=entry, seal=seal)


class Check:
    """Looks at all rows in their order."""

    def __init__(self) -> None:
        self.number = 0
        """The last row that was looked at."""
        self.before = START
        """Its digest."""
        self.erased = 0
        """Rows of which something was erased."""
        self._unnamed: dict[int, bool] = {}
        """Erased rows that no erasure has named yet, and whether they are without commitments."""

    def broken_at(self, rows: Iterable[AuditRow]) -> int | None:
        """The number of the first of the next rows that is missing or not what was written; None where none is."""
        for row in rows:
            expected = self.number + 1
            if row.number != expected or not self._intact(row):
                return expected
            self.number, self.before = expected, row.digest
            if erased_fields(row):
                self.erased += 1
                self._unnamed[expected] = row.seal == OLD_ERASED
            if row.entry.action == ERASURE and row.entry.outcome == "OK":
                self._named(row)
        return None

    def end(self) -> int | None:
        """The first row that was erased though nothing says so, once all were looked at; None where there is none."""
        return min(self._unnamed, default=None)

    def _intact(self, row: AuditRow) -> bool:
        if row.seal == OLD_ERASED:
            return not any(getattr(row.entry, name) for name in PERSONAL)
        if row.digest != digest(self.before, row.number, row.entry, row.seal):
            return False
        if row.seal is None:
            return True
        return len(row.seal) == (_HASH + _SALT) * len(PERSONAL) and all(
            _kept(row, place, name, salt)
            for place, (name, salt) in enumerate(zip(PERSONAL, _salts(row.seal), strict=True))
        )

    def _named(self, row: AuditRow) -> None:
        try:
            erased = msgspec.json.decode(row.entry.detail, type=_Detail).erased
            named = {False: numbers(erased.rows), True: numbers(erased.old_rows)}
        except (msgspec.DecodeError, ValueError):
            return
        self._unnamed = {one: old for one, old in self._unnamed.items() if not any(one in r for r in named[old])}


def broken_at(rows: Iterable[AuditRow]) -> int | None:
    """The number of the first row of a whole log that is missing or not what was written; None where all are as they
    were.
    """
    check = Check()
    return check.broken_at(rows) or check.end()


def ranges(found: Iterable[int]) -> str:
    """Ascending numbers as "3, 7-9"."""
    runs: list[list[int]] = []
    for one in found:
        if runs and one == runs[-1][1] + 1:
            runs[-1][1] = one
        else:
            runs.append([one, one])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


def numbers(text: str) -> list[range]:
    """The other way round. Raises ValueError."""
    found = []
    for part in text.split(", ") if text else ():
        first, _, last = part.partition("-")
        found.append(range(int(first), int(last or first) + 1))
    return found


def _salts(seal: bytes) -> list[bytes]:
    salts = seal[_HASH * len(PERSONAL) :]
    return [salts[place * _SALT :][:_SALT] for place in range(len(PERSONAL))]


def _committed(salt: bytes, entry: AuditEntry, name: str) -> bytes:
    return hashlib.sha256(salt + getattr(entry, name).encode()).digest()


def _kept(row: AuditRow, place: int, name: str, salt: bytes) -> bool:
    """Whether a field is what was committed to, or empty as one that was erased."""
    if salt == _GONE:
        return not getattr(row.entry, name)
    assert row.seal is not None
    return _committed(salt, row.entry, name) == row.seal[place * _HASH :][:_HASH]
