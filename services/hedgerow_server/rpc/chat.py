"""Complete and StreamComplete. The unary answer is the stream, folded at the door."""

from hedgerow_server.core.call import Call, Kind
from hedgerow_server.core.event import Completed, Events, Finished, Usage
from hedgerow_server.core.port import Operation
from hedgerow_server.core.request import ChatRequest
from hedgerow_server.routing.ask import Ask
from hedgerow_server.routing.routes import Routes
from hedgerow_server.routing.structured import StructuredAnswers


class Chat:
    """Answers chat calls."""

    def __init__(self, routes: Routes) -> None:
        self._routes = routes
        self._answers = StructuredAnswers(completed)

    def complete(self, call: Call) -> Events:
        """The events of the answer: Started, deltas, Completed. Raises what the plan and the executor do."""
        request = call.request
        assert isinstance(request, ChatRequest)
        stream = call.method.kind is Kind.SERVER_STREAM
        ask = Ask(call, Operation.CHAT, request.spec, request.policy, labels=request.labels, stream=stream)
        return self._answers.answer(call, self._routes.plan(ask), request.spec, stream=stream)


def completed(call: Call, finished: Finished) -> Completed:
    """The terminal event of a chat call."""
    return Completed(
        reason=finished.reason,
        native_reason=finished.native_reason,
        usage=call.usage or Usage(estimated=True, final=True),
        attempts=tuple(call.attempts),
        stop_sequence=finished.stop_sequence,
        beside=finished.beside,
    )
