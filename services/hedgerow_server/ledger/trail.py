"""Which attempts and calls have begun and not ended, and in which segment of a spool their beginning stands."""

from collections import Counter

import msgspec

from hedgerow_server.ledger.record import AttemptClosed, AttemptOpened, CallClosed, CallOpened, Record
from hedgerow_server.ledger.rows import Estimate, attempt_row, call_row, lost_attempt_row, lost_call_row
from hedgerow_server.store.ledger_rows import AttemptRow, CallRow

Rows = tuple[list[AttemptRow], list[CallRow]]
Begun = tuple[int, AttemptOpened] | tuple[int, CallOpened]
"""A segment, and what began in it."""


class Trail:
    """Follows the records of one spool, in their order."""

    def __init__(self, *, whole: bool) -> None:
        """`whole`: whether it sees every record there was. What stands there again may have ended in the meantime: of a
        spool that is whole its end was seen, otherwise the store knows it.
        """
        self._whole = whole
        self._attempts: dict[tuple[str, int], tuple[int, AttemptOpened]] = {}
        self._calls: dict[str, tuple[int, CallOpened]] = {}
        self._begun: Counter[int] = Counter()

    def take(self, records: list[Record], segment: int) -> Rows:
        """Follows one frame's records; returns the rows of what has ended."""
        attempts: list[AttemptRow] = []
        calls: list[CallRow] = []
        for record in records:
            match record:
                case AttemptOpened():
                    before = self._attempts.pop((record.call_id, record.number), None)
                    if self._begins(before, segment, again=record.again):
                        self._attempts[record.call_id, record.number] = segment, record
                case CallOpened():
                    known = self._calls.pop(record.call_id, None)
                    if self._begins(known, segment, again=record.again):
                        self._calls[record.call_id] = segment, record
                case AttemptClosed():
                    attempts.append(attempt_row(record))
                    self._ended(self._attempts.pop((record.call_id, record.record.number), None))
                case CallClosed():
                    calls.append(call_row(record))
                    self._ended(self._calls.pop(record.call_id, None))
        return attempts, calls

    def _begins(self, before: Begun | None, segment: int, *, again: bool) -> bool:
        """Whether something is open from here on; `before` is where it stood until now."""
        if again and self._whole and before is None:
            return False
        self._ended(before)
        self._begun[segment] += 1
        return True

    def _ended(self, opened: Begun | None) -> None:
        if opened is not None:
            self._begun[opened[0]] -= 1

    def needs(self, segment: int) -> bool:
        """Whether something that began there has not ended."""
        return self._begun[segment] > 0

    def open_in(self, segment: int) -> list[Record]:
        """The records of what began there and has not ended, to stand elsewhere again."""
        calls = [call for number, call in self._calls.values() if number == segment]
        attempts = [attempt for number, attempt in self._attempts.values() if number == segment]
        return [
            *(msgspec.structs.replace(call, again=True) for call in calls),
            *(msgspec.structs.replace(attempt, again=True) for attempt in attempts),
        ]

    def forget(self, segment: int) -> None:
        """The segment is gone."""
        del self._begun[segment]

    def lost(self, estimate: Estimate) -> Rows:
        """The rows of all that has not ended: nobody is left to end it."""
        return (
            [lost_attempt_row(opened, estimate) for _, opened in self._attempts.values()],
            [lost_call_row(opened) for _, opened in self._calls.values()],
        )
