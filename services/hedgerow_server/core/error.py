"""Every way a call can fail, as the caller sees it.

HedgerowError
├── RequestInvalid, RequestMalformed, ContextTooLong, ProviderRejectedRequest, ResponseTooLarge,
│   IdempotencyKeyReused                                                                          INVALID_ARGUMENT
├── Unauthenticated                                                                               UNAUTHENTICATED
├── Forbidden, ContentRefused, GuardrailBlocked                                                   PERMISSION_DENIED
├── ModelNotFound, KeyNotFound, CredentialNotFound, CallNotFound                                  NOT_FOUND
├── NoCandidate, ParameterUnsupported, ConfigInvalid, KeyEnded, CostUnbounded, PriceUnknown       FAILED_PRECONDITION
├── QuotaExceeded, BudgetSpent                                                                    RESOURCE_EXHAUSTED
├── MessageTooLarge, ReaderTooSlow                                                                RESOURCE_EXHAUSTED
├── Overloaded, Draining, SwitchedOff, IdentityUnavailable, IdempotencyUnavailable,
│   LedgerUnavailable, LimitsUnavailable, GuardrailUnavailable                                    UNAVAILABLE
├── ProviderThrottled, ProviderQuotaSpent, ProviderUnavailable, ProviderAuth,
│   ProviderModelUnavailable, UpstreamProtocol, StreamCut, StreamStalled,
│   FirstTokenTimeout, CredentialUnavailable                                                      UNAVAILABLE
├── IdempotencyInFlight                                                                           ABORTED
├── Cancelled                                                                                     CANCELLED
├── DeadlineExceeded                                                                              DEADLINE_EXCEEDED
├── RpcUnknown                                                                                    UNIMPLEMENTED
└── Internal                                                                                      INTERNAL

Each class is one value of hedgerow.errors.v1.ErrorReason; a test keeps the two sets equal. Messages hold no text of a
provider beyond its short error code, and no secret.
"""

import enum
from typing import ClassVar

import msgspec


class Failure(enum.Enum):
    """What a failure means for the next attempt; see the rules of attempts."""

    TRANSIENT = "transient"
    """Once more, or the next candidate."""
    RATE = "rate"
    """Another candidate; this one rests."""
    KEY = "key"
    """Another credential."""
    REQUEST = "request"
    """Back to the caller: it would fail anywhere."""
    CONTENT = "content"
    """Back to the caller: policy, not a fault."""
    FATAL = "fatal"
    """Back to the caller: no upstream had a part in it."""


class FieldViolation(msgspec.Struct, frozen=True):
    """One field of the request that is wrong: its dotted path and what was expected."""

    field: str
    description: str


class HedgerowError(Exception):
    """A failed call. `code` is the name of a gRPC status code, `reason` that of an ErrorReason without its prefix."""

    code: ClassVar[str] = "INTERNAL"
    reason: ClassVar[str] = "INTERNAL"
    failure: ClassVar[Failure] = Failure.FATAL
    retryable: ClassVar[bool] = False
    """Whether the caller may come back on its own; if not, it is told so (`grpc-retry-pushback-ms: -1`)."""

    def __init__(
        self,
        message: str,
        *,
        metadata: dict[str, str] | None = None,
        violations: tuple[FieldViolation, ...] = (),
        retry_delay_s: float | None = None,
        resource: tuple[str, str] | None = None,
        subject: str = "",
    ) -> None:
        """`resource` is (type, name) of what was not found; `subject` names the rule or limit that was hit."""
        super().__init__(message)
        self.message = message
        self.metadata = metadata or {}
        self.violations = violations
        self.retry_delay_s = retry_delay_s
        self.resource = resource
        self.subject = subject


class RequestInvalid(HedgerowError):
    """A field is missing, malformed or out of range."""

    code, reason, failure = "INVALID_ARGUMENT", "REQUEST_INVALID", Failure.REQUEST


class RequestMalformed(HedgerowError):
    """The message is not the protobuf that the RPC takes."""

    code, reason, failure = "INVALID_ARGUMENT", "REQUEST_MALFORMED", Failure.REQUEST


class ContextTooLong(HedgerowError):
    """The conversation does not fit the model's context."""

    code, reason, failure = "INVALID_ARGUMENT", "CONTEXT_TOO_LONG", Failure.REQUEST


class ProviderRejectedRequest(HedgerowError):
    """The provider refused the request as invalid."""

    code, reason, failure = "INVALID_ARGUMENT", "PROVIDER_REJECTED_REQUEST", Failure.REQUEST


class ResponseTooLarge(HedgerowError):
    """The answer would exceed what clients accept by default."""

    code, reason, failure = "INVALID_ARGUMENT", "RESPONSE_TOO_LARGE", Failure.REQUEST


class IdempotencyKeyReused(HedgerowError):
    """The idempotency key was used for another request."""

    code, reason, failure = "INVALID_ARGUMENT", "IDEMPOTENCY_KEY_REUSED", Failure.REQUEST


class Unauthenticated(HedgerowError):
    """The caller's credential is missing or not accepted."""

    code, reason = "UNAUTHENTICATED", "UNAUTHENTICATED"


class Forbidden(HedgerowError):
    """The caller may not use this model or RPC."""

    code, reason = "PERMISSION_DENIED", "FORBIDDEN"


class ContentRefused(HedgerowError):
    """The provider's content policy refused the request."""

    code, reason, failure = "PERMISSION_DENIED", "CONTENT_REFUSED", Failure.CONTENT


class GuardrailBlocked(HedgerowError):
    """A guard has refused the request, or the answer."""

    code, reason, failure = "PERMISSION_DENIED", "GUARDRAIL_BLOCKED", Failure.CONTENT


class ModelNotFound(HedgerowError):
    """No model of this name for this RPC."""

    code, reason = "NOT_FOUND", "MODEL_NOT_FOUND"


class KeyNotFound(HedgerowError):
    """No API key with this id."""

    code, reason = "NOT_FOUND", "KEY_NOT_FOUND"


class KeyEnded(HedgerowError):
    """The API key was revoked or has expired, so it cannot be changed any more."""

    code, reason = "FAILED_PRECONDITION", "KEY_ENDED"


class CredentialNotFound(HedgerowError):
    """No credential of this name in the configuration."""

    code, reason = "NOT_FOUND", "CREDENTIAL_NOT_FOUND"


class CallNotFound(HedgerowError):
    """The ledger has no such call of the caller's tenant."""

    code, reason = "NOT_FOUND", "CALL_NOT_FOUND"


class NoCandidate(HedgerowError):
    """Policy leaves no candidate."""

    code, reason = "FAILED_PRECONDITION", "NO_CANDIDATE"


class ParameterUnsupported(HedgerowError):
    """A required parameter is one that no candidate has."""

    code, reason = "FAILED_PRECONDITION", "PARAMETER_UNSUPPORTED"


class ConfigInvalid(HedgerowError):
    """The configuration file cannot be used."""

    code, reason = "FAILED_PRECONDITION", "CONFIG_INVALID"


class ConfigNotKept(HedgerowError):
    """No configuration is kept that could be put in force again."""

    code, reason = "NOT_FOUND", "CONFIG_NOT_KEPT"


class MessageTooLarge(HedgerowError):
    """The request message is above the gateway's limit."""

    code, reason = "RESOURCE_EXHAUSTED", "MESSAGE_TOO_LARGE"


class ReaderTooSlow(HedgerowError):
    """The caller stopped reading."""

    code, reason = "RESOURCE_EXHAUSTED", "READER_TOO_SLOW"


class Overloaded(HedgerowError):
    """The gateway sheds load."""

    code, reason, retryable = "UNAVAILABLE", "OVERLOADED", True


class Draining(HedgerowError):
    """The gateway is shutting down."""

    code, reason, retryable = "UNAVAILABLE", "DRAINING", True


class SwitchedOff(HedgerowError):
    """An operator has switched off what was asked for."""

    code, reason = "UNAVAILABLE", "SWITCHED_OFF"


class IdentityUnavailable(HedgerowError):
    """Whether the caller's credential is good cannot be told now."""

    code, reason, retryable = "UNAVAILABLE", "IDENTITY_UNAVAILABLE", True


class LedgerUnavailable(HedgerowError):
    """What calls cost cannot be written down now."""

    code, reason, retryable = "UNAVAILABLE", "LEDGER_UNAVAILABLE", True


class LimitsUnavailable(HedgerowError):
    """What is left of a limit that several routers share cannot be told now."""

    code, reason, retryable = "UNAVAILABLE", "LIMITS_UNAVAILABLE", True


class GuardrailUnavailable(HedgerowError):
    """A guard that must look at the call could not."""

    code, reason = "UNAVAILABLE", "GUARDRAIL_UNAVAILABLE"


class ProviderThrottled(HedgerowError):
    """The provider refuses for too many calls."""

    code, reason, failure, retryable = "UNAVAILABLE", "PROVIDER_THROTTLED", Failure.RATE, True


class ProviderQuotaSpent(HedgerowError):
    """Our account at the provider has nothing left."""

    code, reason, failure = "UNAVAILABLE", "PROVIDER_QUOTA_SPENT", Failure.KEY


class ProviderUnavailable(HedgerowError):
    """The provider cannot be reached or says that it is down."""

    code, reason, failure = "UNAVAILABLE", "PROVIDER_UNAVAILABLE", Failure.TRANSIENT


class ProviderAuth(HedgerowError):
    """The provider refuses the gateway's own credential."""

    code, reason, failure = "UNAVAILABLE", "PROVIDER_AUTH", Failure.KEY


class ProviderModelUnavailable(HedgerowError):
    """The provider does not know the configured model."""

    code, reason, failure = "UNAVAILABLE", "PROVIDER_MODEL_UNAVAILABLE", Failure.KEY


class UpstreamProtocol(HedgerowError):
    """The provider's answer is not what its protocol says."""

    code, reason, failure = "UNAVAILABLE", "UPSTREAM_PROTOCOL", Failure.TRANSIENT


class StreamCut(HedgerowError):
    """The provider's answer ended without a finish reason."""

    code, reason, failure = "UNAVAILABLE", "STREAM_CUT", Failure.TRANSIENT


class StreamStalled(HedgerowError):
    """The provider's answer paused for too long."""

    code, reason, failure = "UNAVAILABLE", "STREAM_STALLED", Failure.TRANSIENT


class FirstTokenTimeout(HedgerowError):
    """The provider sent no content in time."""

    code, reason, failure = "UNAVAILABLE", "FIRST_TOKEN_TIMEOUT", Failure.TRANSIENT


class CredentialUnavailable(HedgerowError):
    """The gateway has no usable credential for the provider."""

    code, reason, failure = "UNAVAILABLE", "CREDENTIAL_UNAVAILABLE", Failure.KEY


class QuotaExceeded(HedgerowError):
    """The call would go beyond a quota of the caller."""

    code, reason = "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"


class BudgetSpent(HedgerowError):
    """The call could go beyond a budget, or takes none of the models that the budget leaves."""

    code, reason = "RESOURCE_EXHAUSTED", "BUDGET_SPENT"


class CostUnbounded(HedgerowError):
    """A budget needs to know the most that the call can cost, and nothing bounds it."""

    code, reason = "FAILED_PRECONDITION", "COST_UNBOUNDED"


class PriceUnknown(HedgerowError):
    """A budget needs to know what the call costs, and the price of its model is not known."""

    code, reason = "FAILED_PRECONDITION", "PRICE_UNKNOWN"


class IdempotencyInFlight(HedgerowError):
    """A call with the same idempotency key is under way."""

    code, reason = "ABORTED", "IDEMPOTENCY_IN_FLIGHT"


class IdempotencyUnavailable(HedgerowError):
    """Whether a call with this idempotency key was answered already cannot be told now."""

    code, reason, retryable = "UNAVAILABLE", "IDEMPOTENCY_UNAVAILABLE", True


class Cancelled(HedgerowError):
    """The caller left."""

    code, reason = "CANCELLED", "CANCELLED"


class DeadlineExceeded(HedgerowError):
    """The deadline has passed."""

    code, reason = "DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED"


class RpcUnknown(HedgerowError):
    """There is no such RPC."""

    code, reason = "UNIMPLEMENTED", "RPC_UNKNOWN"


class Internal(HedgerowError):
    """A fault of the gateway itself; the cause is in the log under the request id."""

    code, reason = "INTERNAL", "INTERNAL"


def every_error() -> dict[str, type[HedgerowError]]:
    """All error classes by reason."""
    return {subclass.reason: subclass for subclass in HedgerowError.__subclasses__()}
