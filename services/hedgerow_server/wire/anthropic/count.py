"""The answer to a count of tokens: what the first candidate of the model would most likely count."""

import msgspec

from hedgerow_server.core.call import Call
from hedgerow_server.core.event import Event, TokensCounted


class CountAnswer:
    """The body of an answer."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._counted = TokensCounted(())

    def add(self, event: Event) -> None:
        """Takes the one event."""
        if isinstance(event, TokensCounted):
            self._counted = event

    def encode(self) -> bytes:
        """A count. It is the gateway's estimate, and says so."""
        first = self._counted.candidates[0]
        told = {
            "request_id": self._call.request_id,
            "estimated": True,
            "provider": first.candidate.provider,
            "model": first.candidate.model,
            "upper_bound_input_tokens": first.bound,
            "context_tokens": first.context_tokens,
        }
        return msgspec.json.encode({"input_tokens": first.expected, "hedgerow": told})
