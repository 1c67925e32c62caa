"""ChatService as a script plays it."""
# ruff: noqa: N802  the methods have the names of the RPCs

from collections.abc import Iterator

import grpc
from hedgerow.chat.v1.chat_service_pb2 import (
    CompleteRequest,
    CompleteResponse,
    StreamCompleteRequest,
    StreamCompleteResponse,
)
from hedgerow.chat.v1.chat_service_pb2_grpc import ChatServiceServicer
from hedgerow.common.v1.usage_pb2 import Usage

from hedgerow_client.errors import Trailers
from hedgerow_client.fold import ChatFold
from hedgerow_client.testing.fault import Fault
from hedgerow_client.testing.play import End, Play
from hedgerow_client.testing.request import Request
from hedgerow_client.testing.stage import Stage


class ChatServicer(ChatServiceServicer):
    """Plays each call the next step of its script."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def Complete(self, request: CompleteRequest, context: grpc.ServicerContext) -> CompleteResponse:
        """The fold of what a stream would see, after as long as it would take."""
        call = self._stage.admit("Complete", request, context)
        play = self._stage.step(call).play(call)
        fold = ChatFold()
        for event in _paced(play, call):
            fold.feed(event)
        end = play.end
        if end is End.OK and not (play.events and play.events[-1].HasField("completed")):
            # There is no unary answer without its end.
            end = Fault.cut().end
        self._stage.end(call, context, end, _usage(play))
        return CompleteResponse() if end is End.STALL or call.cancelled else fold.finish(Trailers())

    def StreamComplete(
        self, request: StreamCompleteRequest, context: grpc.ServicerContext
    ) -> Iterator[StreamCompleteResponse]:
        """The events, one by one."""
        call = self._stage.admit("StreamComplete", request, context)
        play = self._stage.step(call).play(call)
        yield from _paced(play, call)
        self._stage.end(call, context, play.end, _usage(play))


def _paced(play: Play, call: Request) -> Iterator[StreamCompleteResponse]:
    """The events, each after its pause; none any more once the caller has left."""
    for number, event in enumerate(play.events):
        delay_s = play.chunk_delay_s if number else play.first_delay_s
        if call.wait_ended(delay_s):
            return
        yield event
    if not play.events:
        call.wait_ended(play.first_delay_s)


def _usage(play: Play) -> Usage | None:
    last = play.events[-1] if play.events else None
    return last.completed.usage if last is not None and last.HasField("completed") else None
