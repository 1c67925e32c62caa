"""Brings what was spent before a router started into the counts of its limits."""

import asyncio
import logging
from collections.abc import Sequence

from hedgerow_server.core.error import HedgerowError
from hedgerow_server.core.port import Operation
from hedgerow_server.core.spend import Dimension, Span
from hedgerow_server.edition import Edition
from hedgerow_server.ledger.ledger import Ledger
from hedgerow_server.ledger.query import LedgerReader
from hedgerow_server.limits.spent import Sums
from hedgerow_server.store.port import Database, StoreUnavailable
from hedgerow_server.store.script import Do, Script
from hedgerow_server.store.spend import MOST_GROUPS

_log = logging.getLogger(__name__)
_AGAIN_S = 1.0
_NAMES = {"model": Dimension.ROUTE}
"""The model name that a caller asks for is what the ledger calls the route."""
_CHARGED = "charged"


class LedgerSums:
    """The ledger, as limits ask it."""

    def __init__(self, reading: LedgerReader) -> None:
        self._reading = reading

    async def spent(self, since_unix_s: float, until_unix_s: float, by: Sequence[str]) -> list[Sums]:
        """Sums of what was started between two moments. Raises LedgerUnavailable."""
        dimensions = (*(_NAMES.get(one) or Dimension(one) for one in by), Dimension.ACCOUNT)
        found = await self._reading.spent(Span(since_unix_s, until_unix_s), dimensions)
        if len(found) > MOST_GROUPS:
            _log.error("limits by %s know only a part of what was used before the start", ", ".join(by))
        return [
            Sums(
                values=one.keys[:-1],
                requests=one.calls,
                tokens=sum(one.tokens) if one.keys[-1] == _CHARGED else 0,
                charged_picos=one.charged_picos,
                overhead_picos=one.overhead_picos,
            )
            for one in found
        ]


class Recall:
    """Loads each edition's limits once the ledger knows all that was spent, in the background."""

    def __init__(self, ledger: Ledger, reading: LedgerReader, database: Database) -> None:
        """`database` is the one that makes the store where there is none yet."""
        self._ledger = ledger
        self._database = database
        self._sums = LedgerSums(reading)
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, edition: Edition) -> asyncio.Task[None]:
        """Loads an edition's limits, as soon as that works."""
        task = asyncio.create_task(self._load(edition))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _load(self, edition: Edition) -> None:
        told = False
        await self._ledger.settled()
        while True:
            try:
                await self._database.ask(_anything())
                await edition.limiter.load(self._sums, lambda model: _route(edition, model))
            except (HedgerowError, StoreUnavailable) as error:
                if not told:
                    told = True
                    _log.warning("what was spent before the start is not known yet: %s", error)
            else:
                return
            await asyncio.sleep(_AGAIN_S)

    async def close(self) -> None:
        """Loads nothing more."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _anything() -> Script[None]:
    yield Do("SELECT 1")


def _route(edition: Edition, model: str) -> str:
    """The name of the route that serves a model name now; the name itself where there is none any more."""
    for operation in Operation:
        try:
            return edition.routes.route(operation, model).configured
        except HedgerowError:
            continue
    return model
