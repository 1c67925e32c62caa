"""The end of a key that another one has replaced."""

import asyncio
import logging

from hedgerow_server.core.secret import Secret
from hedgerow_server.core.wait import Wait
from hedgerow_server.credentials.lease import HeldLease
from hedgerow_server.credentials.rotation.port import Notice, NotObtained, Send
from hedgerow_server.credentials.rotation.section import RotationSection

_log = logging.getLogger(__name__)
_LOOK_S = 1.0
_LOOK_MAX_S = 30.0


class Retirement:
    """Waits for the overlap, for the calls that still use the key, and for the source to be there; then lets it end."""

    def __init__(
        self, section: RotationSection, held: HeldLease, old: Secret, send: Send | None, notice: Notice
    ) -> None:
        """`send` tells whoever may end the key; None: nobody is told, and the source alone takes back what it can."""
        self._section = section
        self._held = held
        self._old = old
        self._send = send
        self._notice = notice

    async def run(self) -> None:
        """Until it is done."""
        await asyncio.sleep(self._section.overlap_seconds)
        look_s = _LOOK_S
        # While the source is away nobody knows whether it still has the key in force: no key is retired then.
        while self._held.in_use(self._old) or self._held.problem:
            await asyncio.sleep(look_s)
            look_s = min(2 * look_s, _LOOK_MAX_S)
        self._held.retire(self._old)
        if self._send is not None:
            await self._tell(self._send)

    async def _tell(self, send: Send) -> None:
        wait = Wait(self._section.retry_seconds, self._section.max_retry_seconds)
        told = ""
        while True:
            try:
                await send(self._notice)
            except NotObtained as error:
                if str(error) != told:
                    told = str(error)
                    _log.warning("credential %s: nobody was told that the old key may end: %s", self._held.name, told)
                wait.failed()
                await asyncio.sleep(wait.left_s())
            else:
                return
