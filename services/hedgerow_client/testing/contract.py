"""The rules that the events of a stream follow, for what is played to clients."""

from collections.abc import Iterable, Sequence

from hedgerow.chat.v1.chat_service_pb2 import StreamCompleteResponse

from hedgerow_client.errors import StreamContractError, Trailers
from hedgerow_client.fold import ChatFold

Event = StreamCompleteResponse


class RecordingError(ValueError):
    """The events cannot be played: they do not follow the contract, or are no events."""


def numbered(events: Iterable[Event]) -> list[Event]:
    """Copies of the events, numbered from 1."""
    result = []
    for number, event in enumerate(events, start=1):
        copy = Event()
        copy.CopyFrom(event)
        copy.sequence = number
        result.append(copy)
    return result


def check(events: Sequence[Event]) -> None:
    """Raises RecordingError unless the events are one whole stream by the contract."""
    if not events or not events[0].HasField("started"):
        raise RecordingError("event 1: expected `started`")
    fold = ChatFold()
    try:
        for event in events:
            fold.feed(event)
        fold.finish(Trailers())
    except StreamContractError as error:
        raise RecordingError(error.message) from error
