"""Sends alerts to a webhook until it has them."""

import asyncio
import logging
import time

import msgspec

from hedgerow_server.core.wait import Wait
from hedgerow_server.core.webhook import Receiver, Undelivered
from hedgerow_server.limits.alert import Alert

_log = logging.getLogger(__name__)
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 300.0
_LONGEST_S = 86_400.0
_WAITING = 1024
"""Alerts that wait at once; beyond that the oldest is given up."""


class Alerts:
    """What is still to be told. It outlives a configuration. Built within a running event loop."""

    def __init__(self, *, first_pause_s: float = _FIRST_PAUSE_S) -> None:
        self.webhook: Receiver | None = None
        """Where alerts go from now on. None: nowhere."""
        self._first_pause_s = first_pause_s
        self._waiting: dict[asyncio.Task[None], Alert] = {}

    @property
    def waiting(self) -> int:
        """How many alerts the webhook does not have yet."""
        return len(self._waiting)

    def tell(self, alert: Alert) -> None:
        """Sends an alert, soon and until it has arrived."""
        if self.webhook is None:
            return
        if len(self._waiting) >= _WAITING:
            oldest = next(iter(self._waiting))
            _log.error("the alert %s was given up: too many are waiting for the webhook", self._waiting[oldest].id)
            oldest.cancel()
        task = asyncio.get_running_loop().create_task(self._deliver(alert))
        self._waiting[task] = alert
        task.add_done_callback(self._over)

    def _over(self, task: asyncio.Task[None]) -> None:
        self._waiting.pop(task, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("an alert was lost by a fault of the gateway", exc_info=error)

    async def _deliver(self, alert: Alert) -> None:
        until_s = time.monotonic() + _LONGEST_S
        wait = Wait(self._first_pause_s, _LONGEST_PAUSE_S)
        body = msgspec.json.encode(alert)
        told = False
        while True:
            webhook = self.webhook
            if webhook is None:
                return
            try:
                await webhook.send(alert.id, body)
            except Undelivered as error:
                wait.failed()
                if wait.until_s > until_s:
                    _log.error("the alert %s was given up: %s", alert.id, error)
                    return
                if not told:
                    told = True
                    _log.warning("the alert %s is sent again until it arrives: %s", alert.id, error)
            else:
                return
            await asyncio.sleep(wait.left_s())

    async def close(self, within_s: float) -> None:
        """Gives what is under way a moment, and forgets the rest."""
        if self._waiting:
            _, late = await asyncio.wait(self._waiting, timeout=within_s)
            for task in late:
                _log.error("the alert %s was not delivered before the end", self._waiting[task].id)
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
