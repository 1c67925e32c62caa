"""What becomes of the bill when a caller leaves before the end of an answer.

No provider states it of itself. The source is OpenRouter, which lists where closing the connection of a stream "stops
model processing and billing" and where the whole answer is charged all the same, as it says of every call that does
not stream: https://openrouter.ai/docs/api-reference/streaming#stream-cancellation. Who is on neither list is unknown.
"""

import msgspec

from hedgerow_server.core.port import CancelBilling


class AfterCancel(msgspec.Struct, frozen=True):
    """What a provider charges for answers that are not read to their ends."""

    stream: CancelBilling
    """For streams."""
    unary: CancelBilling
    """For answers that come as a whole."""

    def billing(self, *, stream: bool) -> CancelBilling:
        """What holds for one of the two."""
        return self.stream if stream else self.unary


STREAMS_STOP = AfterCancel(CancelBilling.STOPS, CancelBilling.CONTINUES)
"""On the list of those who stop."""
GOES_ON = AfterCancel(CancelBilling.CONTINUES, CancelBilling.CONTINUES)
"""On the list of those who do not."""
OWN = AfterCancel(CancelBilling.STOPS, CancelBilling.STOPS)
"""A server of one's own (vLLM, llama.cpp, Ollama): it aborts a request whose client is gone, whether it streams or not,
and nobody charges for it.
"""
UNKNOWN = AfterCancel(CancelBilling.UNKNOWN, CancelBilling.UNKNOWN)
"""On neither list."""
BY_UPSTREAM = AfterCancel(CancelBilling.UNKNOWN, CancelBilling.CONTINUES)
"""OpenRouter itself: for streams it depends on who serves the model behind it."""
