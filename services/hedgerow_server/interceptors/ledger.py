"""Writes down what calls cost."""

from contextlib import aclosing

from hedgerow_server.core.call import Call, Outcome
from hedgerow_server.core.event import Events
from hedgerow_server.core.request import ChatRequest, EmbedRequest
from hedgerow_server.core.terminal import Terminal
from hedgerow_server.ledger.books import CallBooks, unavailable
from hedgerow_server.ledger.ledger import Ledger

_SENT = (ChatRequest, EmbedRequest)


class Bookkeeping:
    """Opens the books of every call that may cost something, and closes them. A call that could not be written down is
    not let in.
    """

    name = "ledger"
    after = ("authorise", "quota")

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def admit(self, call: Call) -> None:
        """Sets `call.books` and `call.call_id`. Raises LedgerUnavailable."""
        request = call.request
        if not isinstance(request, _SENT):
            return
        if not self._ledger.admitting:
            raise unavailable()
        call.books = self._ledger.books(call, request)

    def wrap(self, call: Call, events: Events) -> Events:
        """The same events; the last one waits for the disk where the configuration says so."""
        return self._durable(call, events) if self._ledger.fsync else events

    async def _durable(self, call: Call, events: Events) -> Events:
        async with aclosing(events):
            async for event in events:
                if isinstance(event, Terminal) and isinstance(call.books, CallBooks):
                    await self._ledger.synced(call.books.settle(Outcome(terminal=event)))
                yield event

    def settle(self, call: Call, outcome: Outcome) -> None:
        """Writes the last record."""
        books = call.books
        if not isinstance(books, CallBooks):
            return
        if not (books.settled and outcome.error is None):
            books.settle(outcome)
        books.let_go()
