"""Has what this router uses of shared limits outlive it, and tells the lender what others had used that are gone."""

import asyncio
import logging
from pathlib import Path

from hedgerow_server.limits.lender import Lender, LenderAway, Loan
from hedgerow_server.limits.notes import Left, Notes, Used, left, noted_in
from hedgerow_server.limits.rules import Unit
from hedgerow_server.limits.shared_bucket import SharedBucket

_log = logging.getLogger(__name__)
_BATCH = 32
_GONE_S = 30.0
"""How often is looked for what routers that are gone have left."""


class Outlive:
    """The notes of this router, and what it does with those of others. On the event loop."""

    def __init__(self, folder: Path, lender: Lender) -> None:
        """`folder` is on a disk of this machine, and the same for whoever comes after this router."""
        self._folder = folder
        self._lender = lender
        self._notes = Notes(folder, lender.router)

    def begin(self, bucket: SharedBucket) -> None:
        """Notes from now on what is used of a count, unless there is no room, or nothing to be noted."""
        line, window = bucket.line, bucket.window
        # What ran at once runs no more where a router has ended.
        if bucket.note is None and line is not None and line.unit != Unit.CONCURRENCY:
            bucket.note = self._notes.take(
                Used(
                    key=bucket.name,
                    slot=bucket.slot,
                    amount=bucket.noted,
                    scale=bucket.scale,
                    length_us=window.length_us,
                    keep_ms=1000 * window.keep_s,
                )
            )

    def forget(self, bucket: SharedBucket) -> None:
        """The count is let go of."""
        if bucket.note is not None:
            self._notes.release(bucket.note)
            bucket.note = None

    async def tend(self) -> None:
        """Makes room for further notes, where that is needed."""
        if self._notes.lacks_room:
            await asyncio.to_thread(self._notes.tend)

    async def run(self) -> None:
        """Tells of routers that are gone, now and from time to time."""
        said = ""
        while True:
            try:
                await tell_of_gone(self._folder, self._lender)
            except LenderAway:
                pass
            except OSError as error:
                if str(error) != said:
                    said = str(error)
                    _log.warning("what routers that are gone have used of shared limits cannot be read: %s", error)
            await asyncio.sleep(_GONE_S)

    async def close(self) -> None:
        """Ends the notes. What the lender could not be told stays for whoever comes next."""
        await asyncio.to_thread(self._notes.close, keep=self._lender.away is not None)


async def tell_of_gone(folder: Path, lender: Lender) -> None:
    """Tells of all routers that have left notes in a folder, and deletes those. Raises LenderAway, and OSError once all
    others are told: what was not told stays where it is.
    """
    failed: OSError | None = None
    for path in await asyncio.to_thread(noted_in, folder):
        try:
            one = await asyncio.to_thread(left, path)
            if one is not None:
                await _tell(one, lender)
        except OSError as error:
            failed = error
    if failed is not None:
        raise failed


async def _tell(one: Left, lender: Lender) -> None:
    told = False
    try:
        used = await asyncio.to_thread(one.counts)
        for at in range(0, len(used), _BATCH):
            await lender.bury(one.router, [_loan(count) for count in used[at : at + _BATCH]])
        told = True
        if used:
            _log.info("a router that was ended has left what it used of shared limits (%d): it is told", len(used))
    finally:
        await asyncio.to_thread(one.close, told=told)


def _loan(used: Used) -> Loan:
    return Loan(
        key=used.key,
        most=None,
        length_us=used.length_us,
        slot=used.slot,
        used=-(-used.amount // used.scale),
        lent=0,
        held=0,
        keep_ms=used.keep_ms,
    )
