"""Turns bytes into a checked request. After authentication, so that a stranger's bytes cost no parsing."""

from hedgerow_server.core.call import Call, Outcome


class Decode:
    """Has the RPC's own decoder parse and check the message."""

    name = "decode"
    after = ("auth",)

    async def admit(self, call: Call) -> None:
        """Sets `call.request`. Raises RequestMalformed, RequestInvalid or MessageTooLarge."""
        if call.bodies is not None:
            # Here, where the deadline holds: a caller that opens a stream and says nothing must not stay for ever.
            call.body = await anext(call.bodies, b"")
        call.request = call.method.decode(call)

    def settle(self, call: Call, outcome: Outcome) -> None:
        """Nothing to do."""
