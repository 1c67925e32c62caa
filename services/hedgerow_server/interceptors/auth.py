"""Says who calls, and keeps out whoever may not call this RPC."""

import time
from typing import Protocol

from hedgerow_server.core.call import Call, Outcome, Principal
from hedgerow_server.core.error import Forbidden


class Authenticator(Protocol):
    """Who may call, and as whom."""

    async def authenticate(self, call: Call) -> Principal:
        """The principal behind the call's metadata and peer. Raises Unauthenticated, Forbidden, IdentityUnavailable."""


class Auth:
    """Asks the authenticator, before anything of the request is parsed."""

    name = "auth"
    after = ("request_id", "telemetry", "deadline")

    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator

    async def admit(self, call: Call) -> None:
        """Sets `call.principal`. Raises Forbidden for an RPC that is not the caller's."""
        since_s = time.monotonic()
        call.principal = principal = await self._authenticator.authenticate(call)
        call.auth_s = call.waited("auth", since_s)
        method, access = call.method, principal.access
        if access is None or access.allows(method.name):
            return
        # Which of the two it is, its body says; then the authorise interceptor looks again.
        if method.streamed is None or not access.allows(method.streamed.name):
            raise Forbidden("The caller may not call this RPC.", metadata={"method": call.method.name})

    def settle(self, call: Call, outcome: Outcome) -> None:
        """Nothing to do."""
