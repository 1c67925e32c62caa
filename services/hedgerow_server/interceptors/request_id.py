"""Gives every call an id."""

import os
import re
from collections.abc import Iterator

from hedgerow_server.core.call import Call, Outcome

_ACCEPTED = re.compile(r"[A-Za-z0-9_.:/+=-]{1,128}")
_BYTES = 16
_AT_ONCE = 256
"""Ids that are made of one piece of randomness: each time that the system is asked, other threads may have their turn
before the call goes on. Processes are started anew and never forked, so none has the ids of another.
"""


class RequestId:
    """Takes the caller's `x-request-id` where it is 1 to 128 harmless characters, else makes one."""

    name = "request_id"
    after: tuple[str, ...] = ()

    def __init__(self) -> None:
        self._fresh = _ids()

    async def admit(self, call: Call) -> None:
        """Sets `call.request_id`."""
        given = call.metadata.get("x-request-id")
        call.request_id = given if given and _ACCEPTED.fullmatch(given) else next(self._fresh)

    def settle(self, call: Call, outcome: Outcome) -> None:
        """Nothing to do."""


def _ids() -> Iterator[str]:
    while True:
        digits = os.urandom(_BYTES * _AT_ONCE).hex()
        for at in range(0, len(digits), 2 * _BYTES):
            yield digits[at : at + 2 * _BYTES]
