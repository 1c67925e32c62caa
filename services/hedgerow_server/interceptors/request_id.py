"""Gives every call an id."""

import os
import re

from hedgerow_server.core.call import Call, Outcome

_ACCEPTED = re.compile(r"[A-Za-z0-9_.:/+=-]{1,128}")


class RequestId:
    """Takes the caller's `x-request-id` where it is 1 to 128 harmless characters, else makes one."""

    name = "request_id"
    after: tuple[str, ...] = ()

    async def admit(self, call: Call) -> None:
        """Sets `call.request_id`."""
        given = call.metadata.get("x-request-id", "")
        call.request_id = given if _ACCEPTED.fullmatch(given) else os.urandom(16).hex()

    def settle(self, call: Call, outcome: Outcome) -> None:
        """Nothing to do."""
