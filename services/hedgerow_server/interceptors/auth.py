"""Says who calls."""

from typing import Protocol

from hedgerow_server.core.call import Call, Outcome, Principal


class Authenticator(Protocol):
    """Who may call, and as whom."""

    def authenticate(self, call: Call) -> Principal:
        """The principal behind the call's metadata and peer. Raises Unauthenticated."""


class Auth:
    """Asks the authenticator, before anything of the request is parsed."""

    name = "auth"
    after = ("request_id", "telemetry", "deadline")

    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator

    async def admit(self, call: Call) -> None:
        """Sets `call.principal`."""
        call.principal = self._authenticator.authenticate(call)

    def settle(self, call: Call, outcome: Outcome) -> None:
        """Nothing to do."""
