"""What can go wrong with a call, as one tree of exceptions.

    HedgerowError                     every failure of this package; holds the code, the reason and the details
    ├── CallError                     the gateway, or the channel on the way to it, ended the call with a status
    │   ├── InvalidArgumentError      INVALID_ARGUMENT: see `field_violations`
    │   ├── UnauthenticatedError      UNAUTHENTICATED: the token is missing or not accepted
    │   ├── PermissionDeniedError     PERMISSION_DENIED: not this caller, or refused by a guardrail
    │   ├── NotFoundError             NOT_FOUND: no such model or route
    │   ├── FailedPreconditionError   FAILED_PRECONDITION: policy leaves nobody to serve the call
    │   ├── AbortedError              ABORTED: the same idempotency key is in flight
    │   ├── ResourceExhaustedError    RESOURCE_EXHAUSTED: quota, budget or size; see `retry_delay`
    │   ├── UnavailableError          UNAVAILABLE: gateway or provider; an answer that was cut as well
    │   ├── DeadlineExceededError     DEADLINE_EXCEEDED
    │   └── CallCancelledError        CANCELLED: closed by this side
    ├── StreamContractError           the events of a stream do not follow the contract
    │   ├── IncompleteStreamError     the stream ended without its closing event: the answer is cut
    │   ├── StreamSequenceError       an event is missing or came twice
    │   └── UnknownRouteChangeError   a change of route that this version cannot carry out
    └── OutputError                   the call succeeded, but its answer is no value of the type that `decode` wants
        ├── RefusedOutputError        the model, its provider or a guardrail declined
        ├── TruncatedOutputError      the answer was cut, by its limit or otherwise
        └── InvalidOutputError        the answer is no JSON, or JSON that does not fit the type

A status with another code is a plain `CallError`. What is missing in a failure, for example because a proxy or the
channel itself made the status, is empty or None, never guessed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Any, TypeVar

import grpc
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2, status_pb2
from hedgerow.chat.v1.chat_service_pb2 import CompleteResponse
from hedgerow.common.v1.attempt_pb2 import CallReport

DOMAIN = "hedgerow"
_Message = TypeVar("_Message", bound=Message)


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """One field of the request that was refused."""

    field: str
    """The dotted path of the field, such as "chat.temperature"."""

    description: str
    """What is wrong with it, for a person."""


@dataclass(frozen=True, slots=True)
class Trailers:
    """What the gateway sends after a call, whether it succeeded or not."""

    request_id: str = ""
    """The id of the call in the gateway's log. Empty when none was sent."""

    report: CallReport | None = None
    """Attempts, usage and cost of the call. None when none was sent."""

    retry_refused: bool = False
    """Whether the gateway says that another try does not help."""

    status: status_pb2.Status | None = None
    """The status with its details. None for a success and for statuses that the gateway did not make."""


class HedgerowError(Exception):
    """Any failure of a call through Hedgerow."""

    def __init__(
        self,
        code: grpc.StatusCode,
        message: str,
        *,
        reason: str = "",
        metadata: Mapping[str, str] | None = None,
        field_violations: Iterable[FieldViolation] = (),
        retry_delay: timedelta | None = None,
        retry_refused: bool = False,
        request_id: str = "",
        report: CallReport | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        """The gRPC code."""
        self.message = message
        """What happened, for a person. The text may change between releases; `code` and `reason` do not."""
        self.reason = reason
        """The name of a value of hedgerow.errors.v1.ErrorReason, such as "ERROR_REASON_MODEL_NOT_FOUND"."""
        self.metadata: Mapping[str, str] = MappingProxyType(dict(metadata or {}))
        """The variable parts of the message, by lowerCamelCase keys with the unit in the key."""
        self.field_violations = tuple(field_violations)
        """The fields of the request that were refused."""
        self.retry_delay = retry_delay
        """How long to wait before another try, where the gateway knows."""
        self.retry_refused = retry_refused
        """True when the gateway says that another try does not help."""
        self.request_id = request_id
        """The id of the call in the gateway's log."""
        self.report = report
        """Attempts, usage and cost of the failed call."""

    def __str__(self) -> str:
        reason = f" ({self.reason})" if self.reason else ""
        return f"{self.code.name}{reason}: {self.message}"


class CallError(HedgerowError):
    """The call ended with a status other than OK."""


class InvalidArgumentError(CallError):
    """The request is malformed, out of range, or refused as such by the provider."""


class UnauthenticatedError(CallError):
    """The caller's credential is missing or not accepted."""


class PermissionDeniedError(CallError):
    """The caller may not do this, or a guardrail or the provider's policy refused."""


class NotFoundError(CallError):
    """The gateway knows no such model or route."""


class FailedPreconditionError(CallError):
    """Policy, residency or a required parameter leaves nobody to serve the call."""


class AbortedError(CallError):
    """A call with the same idempotency key is in flight."""


class ResourceExhaustedError(CallError):
    """A quota, a budget or a size limit is exceeded."""


class UnavailableError(CallError):
    """The gateway or the provider cannot serve the call now, or the answer was cut on the way."""


class DeadlineExceededError(CallError):
    """The deadline has passed."""


class CallCancelledError(CallError):
    """The call was closed by this side before it ended."""


class StreamContractError(HedgerowError):
    """The events of a stream do not follow the contract."""

    def __init__(self, message: str, *, code: grpc.StatusCode = grpc.StatusCode.INTERNAL, **details: Any) -> None:
        super().__init__(code, message, **details)


class IncompleteStreamError(StreamContractError):
    """The stream ended without its closing event. What was received is cut, however complete it looks."""

    def __init__(self, message: str, *, partial: CompleteResponse | None = None, **details: Any) -> None:
        super().__init__(message, code=grpc.StatusCode.DATA_LOSS, **details)
        self.partial = partial
        """What was received of the answer; None for streams of embeddings."""


class StreamSequenceError(StreamContractError):
    """The number of an event is not one above that of the event before."""


class UnknownRouteChangeError(StreamContractError):
    """The gateway changed the route in a way that this version of the client does not know."""


class OutputError(HedgerowError):
    """The call succeeded, but its answer is no value of the type that was asked for. Its code is OK."""

    def __init__(self, message: str, response: CompleteResponse, **details: Any) -> None:
        super().__init__(grpc.StatusCode.OK, message, **details)
        self.response = response
        """The whole answer, which was paid: message, finish reason, usage, cost."""

    @property
    def text(self) -> str:
        """The text of the answer, as far as it came."""
        return "".join(part.text for part in self.response.message.content)

    def __str__(self) -> str:
        return self.message


class RefusedOutputError(OutputError):
    """The model, its provider's filter or a guardrail declined to answer."""


class TruncatedOutputError(OutputError):
    """The answer was cut: by its output limit, by the context, by a budget or by a pause of the provider."""


class InvalidOutputError(OutputError):
    """The answer is no JSON, or JSON that does not fit the type; the cause says where, if it is known."""


_CODES = {code.value[0]: code for code in grpc.StatusCode}
_CLASSES: Mapping[grpc.StatusCode, type[CallError]] = MappingProxyType(
    {
        grpc.StatusCode.INVALID_ARGUMENT: InvalidArgumentError,
        grpc.StatusCode.UNAUTHENTICATED: UnauthenticatedError,
        grpc.StatusCode.PERMISSION_DENIED: PermissionDeniedError,
        grpc.StatusCode.NOT_FOUND: NotFoundError,
        grpc.StatusCode.FAILED_PRECONDITION: FailedPreconditionError,
        grpc.StatusCode.ABORTED: AbortedError,
        grpc.StatusCode.RESOURCE_EXHAUSTED: ResourceExhaustedError,
        grpc.StatusCode.UNAVAILABLE: UnavailableError,
        grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceededError,
        grpc.StatusCode.CANCELLED: CallCancelledError,
    }
)


def read_trailers(metadata: Any) -> Trailers:
    """Reads the gateway's trailers from pairs of key and value, or from None.

    The two kinds of call give them in two types, which agree in this. Unknown trailers are ignored, malformed ones
    count as absent.
    """
    # Through a list: the metadata of older grpcio's asyncio calls has a `keys` that misleads dict.
    found: dict[str, str | bytes] = dict(list(metadata or ()))
    request_id = found.get("x-request-id", "")
    return Trailers(
        request_id=request_id if isinstance(request_id, str) else "",
        report=_decoded(CallReport(), found.get("hedgerow-report-bin")),
        # gRPC's retries read this trailer too: a number is a delay, anything else a refusal.
        retry_refused=not str(found.get("grpc-retry-pushback-ms", "0")).isdecimal(),
        status=_decoded(status_pb2.Status(), found.get("grpc-status-details-bin")),
    )


def from_rpc_error(error: grpc.RpcError) -> CallError:
    """Turns the exception of a synchronous or asyncio call into ours."""
    # Both kinds of exception carry these three, but grpc.RpcError itself declares none of them.
    code = error.code() if hasattr(error, "code") else None
    message = error.details() if hasattr(error, "details") else str(error)
    trailers = read_trailers(error.trailing_metadata() if hasattr(error, "trailing_metadata") else None)
    status = trailers.status or status_pb2.Status()
    return _build(code or grpc.StatusCode.UNKNOWN, message or "", status, trailers)


def from_status(status: status_pb2.Status) -> CallError:
    """Turns a status inside a message, such as `StreamEmbedResponse.item_error`, into an exception to raise or read."""
    return _build(_CODES.get(status.code, grpc.StatusCode.UNKNOWN), status.message, status, Trailers())


def cancelled(trailers: Trailers) -> CallCancelledError:
    """The error of a read on a stream that this side has closed."""
    message = "the stream was closed by the caller"
    return CallCancelledError(
        grpc.StatusCode.CANCELLED, message, request_id=trailers.request_id, report=trailers.report
    )


def _build(code: grpc.StatusCode, message: str, status: status_pb2.Status, trailers: Trailers) -> CallError:
    info = _detail(status, error_details_pb2.ErrorInfo()) or error_details_pb2.ErrorInfo()
    ours = info.domain == DOMAIN
    bad_request = _detail(status, error_details_pb2.BadRequest())
    retry = _detail(status, error_details_pb2.RetryInfo())
    return _CLASSES.get(code, CallError)(
        code,
        message,
        reason=info.reason if ours else "",
        metadata=dict(info.metadata) if ours else None,
        field_violations=[FieldViolation(v.field, v.description) for v in bad_request.field_violations]
        if bad_request
        else (),
        retry_delay=retry.retry_delay.ToTimedelta() if retry else None,
        retry_refused=trailers.retry_refused,
        request_id=trailers.request_id,
        report=trailers.report,
    )


def _detail(status: status_pb2.Status, wanted: _Message) -> _Message | None:
    for detail in status.details:
        if detail.Is(wanted.DESCRIPTOR):
            return _decoded(wanted, detail.value)
    return None


def _decoded(message: _Message, data: str | bytes | None) -> _Message | None:
    if not isinstance(data, bytes):
        return None
    try:
        message.ParseFromString(data)
    except DecodeError:
        return None
    return message
