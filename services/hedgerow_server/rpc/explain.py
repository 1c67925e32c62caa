"""ExplainRoute."""

from hedgerow_server.core.call import Call
from hedgerow_server.core.event import Events
from hedgerow_server.core.port import Operation
from hedgerow_server.core.request import ChatSpec, ExplainRequest
from hedgerow_server.routing.ask import Ask
from hedgerow_server.routing.explain import explain
from hedgerow_server.routing.routes import Routes


class Explain:
    """Answers who would be asked for a call, and why."""

    def __init__(self, routes: Routes) -> None:
        self._routes = routes

    async def explain_route(self, call: Call) -> Events:
        """One event. Raises what the call itself would raise before anything is sent, but tells why nobody may serve it
        where the call would be refused for that.
        """
        request = call.request
        assert isinstance(request, ExplainRequest)
        operation = Operation.CHAT if isinstance(request.spec, ChatSpec) else Operation.EMBED
        ask = Ask(call, operation, request.spec, request.policy, labels=request.labels, stream=request.stream)
        yield explain(self._routes.route(operation, request.spec.model), ask)
