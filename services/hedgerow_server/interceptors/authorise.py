"""Keeps callers to the models that they may use."""

from hedgerow_server.core.call import Call, Outcome
from hedgerow_server.core.error import Forbidden
from hedgerow_server.core.request import ChatRequest, EmbedRequest, EstimateRequest, ExplainRequest

_NAMING = (ChatRequest, EmbedRequest, EstimateRequest, ExplainRequest)
"""Requests that name a model."""


class Authorise:
    """Looks at the model that a request names, before anybody looks for its route: whether there is one is nothing that
    a caller learns of models that are not its own.
    """

    name = "authorise"
    after = ("auth", "decode")

    async def admit(self, call: Call) -> None:
        """Raises Forbidden."""
        access, request = call.principal.access if call.principal is not None else None, call.request
        if access is None or not isinstance(request, _NAMING):
            return
        if not access.allows(call.method.name, request.spec.model):
            raise Forbidden(
                f"The caller may not use the model {request.spec.model!r}.", metadata={"model": request.spec.model}
            )

    def settle(self, call: Call, outcome: Outcome) -> None:
        """Nothing to do."""
