"""What the services of one fake gateway share: the scripts, the calls so far, and how a call begins and ends."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NoReturn

import grpc
from google.protobuf.message import Message
from hedgerow.common.v1.attempt_pb2 import (
    ATTEMPT_KIND_PRIMARY,
    ATTEMPT_OUTCOME_FAILED,
    ATTEMPT_OUTCOME_SUCCEEDED,
    Attempt,
    CallReport,
)
from hedgerow.common.v1.usage_pb2 import Usage
from hedgerow.router.v1.router_service_pb2 import (
    CountTokensResponse,
    EstimateCostResponse,
    ExplainRouteResponse,
    Model,
)

from hedgerow_client.testing.answer import PROVIDER, Answer
from hedgerow_client.testing.fault import Fault
from hedgerow_client.testing.play import End
from hedgerow_client.testing.recording import Recording
from hedgerow_client.testing.request import Request
from hedgerow_client.testing.status import Failure

Step = Answer | Fault | Recording
"""What one call sees."""
Script = Step | Callable[[Request], Step]
"""A step, or what makes one of the request."""
Reply = CountTokensResponse | EstimateCostResponse | ExplainRouteResponse
"""An answer about a call that is not made."""

# The RPCs that ask a model, and the field of their request that names it.
_ASKS = MappingProxyType({"Complete": "chat", "StreamComplete": "chat", "Embed": "embed", "StreamEmbed": "options"})


@dataclass(slots=True)
class Stage:
    """The state of a fake gateway, for any number of threads."""

    models: list[Model] | None
    """The models there are; None: every model."""
    token: str | None
    """The key that callers must send; None: any, or none."""
    dimensions: int
    """How long the vectors are that no answer spells out."""
    scripts: dict[str, deque[Script]]
    """What calls see, by model; "" for the models without a script of their own."""
    requests: list[Request] = field(default_factory=list)
    """The calls so far."""
    replies: dict[type[Reply], Reply] = field(default_factory=dict)
    """What calls that are not made are answered, by type."""
    changed: threading.Condition = field(default_factory=threading.Condition)
    """Guards the scripts and the calls; told of every call."""

    def admit(self, rpc: str, message: Message, context: grpc.ServicerContext) -> Request:
        """Keeps a call that came in. Ends it where the gateway would before it asks anybody."""
        request = Request(rpc, message, MappingProxyType(_metadata(context)), context.time_remaining())
        if not context.add_callback(request.left):
            request.left()
        with self.changed:
            self.requests.append(request)
            self.changed.notify_all()
        refusal = self._refusal(request)
        if refusal is not None:
            self.end(request, context, refusal)
        return request

    def step(self, request: Request) -> Step:
        """What a call sees, which is then used up unless it is the last step of its script."""
        with self.changed:
            steps = self.scripts.get(request.model) or self.scripts[""]
            step = steps[0]
            if isinstance(step, Fault) and step.count > 1:
                steps[0] = step.times(step.count - 1)
            elif len(steps) > 1:
                steps.popleft()
        return step(request) if callable(step) else step

    def end(
        self, request: Request, context: grpc.ServicerContext, end: End | Failure, usage: Usage | None = None
    ) -> None:
        """Ends a call: returns for OK, raises what gRPC wants for a status, waits in a stall for the caller to go."""
        if end is End.STALL:
            request.wait_ended(None)
            return
        request.finish()
        failure = end if isinstance(end, Failure) else None
        trailers = failure.trailers() if failure else ()
        context.set_trailing_metadata((*self._report(request, failure, usage), *trailers))
        if failure is not None:
            _abort(context, failure)

    def _report(
        self, request: Request, failure: Failure | None, usage: Usage | None
    ) -> Sequence[tuple[str, str | bytes]]:
        number = next(index for index, one in enumerate(self.requests, start=1) if one is request)
        request_id = str(request.metadata.get("x-request-id", "")) or f"fake-{number}"
        attempt = Attempt(
            number=1,
            provider=PROVIDER,
            model=request.model,
            kind=ATTEMPT_KIND_PRIMARY,
            outcome=ATTEMPT_OUTCOME_FAILED if failure else ATTEMPT_OUTCOME_SUCCEEDED,
            error_reason=failure.reason if failure else "",
            usage=usage,
        )
        report = CallReport(request_id=request_id, attempts=[attempt], usage=usage)
        return ("x-request-id", request_id), ("hedgerow-report-bin", report.SerializeToString())

    def _refusal(self, request: Request) -> Failure | None:
        """What is wrong with a call by itself."""
        fault = None
        if self.token is not None and request.token != self.token:
            fault = Fault.unauthenticated()
        elif request.rpc in _ASKS:
            fault = _missing(request) or self._unknown(request)
        return fault.end if fault is not None and isinstance(fault.end, Failure) else None

    def _unknown(self, request: Request) -> Fault | None:
        known = self.models is None or any(model.name == request.model for model in self.models)
        return None if known else Fault.not_found(request.model)


def _missing(request: Request) -> Fault | None:
    """What the contract requires of every request and this one lacks."""
    if not request.model:
        return Fault.invalid(f"{_ASKS[request.rpc]}.model", "value length must be at least 1 characters")
    if request.rpc in ("Complete", "StreamComplete"):
        if not request.chat.messages:
            return Fault.invalid("chat.messages", "value must contain at least 1 item(s)")
        for index, message in enumerate(request.chat.messages):
            if not message.role:
                return Fault.invalid(f"chat.messages[{index}].role", "value must not be in list [0]")
    if request.rpc == "Embed" and not request.embed.inputs:
        return Fault.invalid("embed.inputs", "value must contain at least 1 item(s)")
    return None


def _metadata(context: grpc.ServicerContext) -> dict[str, str | bytes]:
    return dict(context.invocation_metadata())


def _abort(context: grpc.ServicerContext, failure: Failure) -> NoReturn:
    context.abort(failure.code, failure.message)
