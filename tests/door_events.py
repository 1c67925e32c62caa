"""Events as the writers of the HTTP doors get them, without a router."""

from collections.abc import Iterable

from hedgerow_server.core.event import Completed, Event, Finished, Usage


def ended(events: Iterable[Event]) -> list[Event]:
    """The events of a dialect, their end as the executor tells it."""
    return [
        Completed(
            one.reason, one.native_reason, one.usage or Usage(), stop_sequence=one.stop_sequence, beside=one.beside
        )
        if isinstance(one, Finished)
        else one
        for one in events
    ]
