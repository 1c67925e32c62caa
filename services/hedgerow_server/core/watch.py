"""What is told of every call, also of those that are refused."""

from typing import Protocol

from hedgerow_server.core.call import Call, Outcome


class Watcher(Protocol):
    """Sees calls come and go: a line, a number, a span. Quick, and it never fails: it is on every call's way."""

    def began(self, call: Call) -> None:
        """A call has come. Nobody knows yet who calls, or what for."""

    def settled(self, call: Call, outcome: Outcome, duration_s: float) -> None:
        """It is over, whatever became of it, after so many seconds. Once for each that began."""
