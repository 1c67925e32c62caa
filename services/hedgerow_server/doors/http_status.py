"""What the HTTP doors answer when a call fails: the status and the words of each API for every reason.

The SDKs choose their exception by the status. A `code` is the one that the API itself documents or sends for such a
failure, where there is one, else our reason in lower case. docs/errors.md shows this table.

Sources: https://platform.openai.com/docs/guides/error-codes, https://docs.anthropic.com/en/api/errors, and for statuses
that neither has the mapping of google.rpc.Code and RFC 9110.
"""

from types import MappingProxyType

import msgspec

from hedgerow_server.core.error import HedgerowError, MessageTooLarge, RequestMalformed, RpcUnknown

OVERLOADED = 529
"""Anthropic's status for `overloaded_error`, which no RFC has."""


class HttpWords(msgspec.Struct, frozen=True):
    """How an HTTP door tells a failure."""

    status: int
    """The HTTP status."""
    openai_type: str
    """`error.type` at the OpenAI door."""
    openai_code: str
    """`error.code` at the OpenAI door."""
    anthropic_type: str
    """`error.type` at the Anthropic door."""

    @property
    def anthropic_status(self) -> int:
        """The HTTP status at the Anthropic door."""
        return OVERLOADED if self.anthropic_type == "overloaded_error" else self.status


_INVALID, _SERVER = "invalid_request_error", "server_error"


def _wrong(status: int, code: str, anthropic_type: str = _INVALID) -> HttpWords:
    return HttpWords(status, _INVALID, code, anthropic_type)


def _down(status: int, code: str, anthropic_type: str = "api_error") -> HttpWords:
    return HttpWords(status, _SERVER, code, anthropic_type)


HTTP_WORDS = MappingProxyType(
    {
        "REQUEST_INVALID": _wrong(400, "request_invalid"),
        "REQUEST_MALFORMED": _wrong(400, "request_malformed"),
        "CONTEXT_TOO_LONG": _wrong(400, "context_length_exceeded"),
        "PROVIDER_REJECTED_REQUEST": _wrong(400, "provider_rejected_request"),
        "RESPONSE_TOO_LARGE": _wrong(400, "response_too_large"),
        # draft-ietf-httpapi-idempotency-key-header, section 2.7, has 422 for this and 409 for a call under way.
        "IDEMPOTENCY_KEY_REUSED": _wrong(422, "idempotency_key_reused"),
        "IDEMPOTENCY_IN_FLIGHT": _wrong(409, "idempotency_in_flight"),
        "UNAUTHENTICATED": _wrong(401, "invalid_api_key", "authentication_error"),
        "FORBIDDEN": _wrong(403, "insufficient_permissions", "permission_error"),
        # A policy is 400 at both APIs, and no matter of the caller's rights.
        "CONTENT_REFUSED": _wrong(400, "content_policy_violation"),
        "GUARDRAIL_BLOCKED": _wrong(400, "content_policy_violation"),
        "MODEL_NOT_FOUND": _wrong(404, "model_not_found", "not_found_error"),
        "KEY_NOT_FOUND": _wrong(404, "key_not_found", "not_found_error"),
        "CREDENTIAL_NOT_FOUND": _wrong(404, "credential_not_found", "not_found_error"),
        "CALL_NOT_FOUND": _wrong(404, "call_not_found", "not_found_error"),
        "CONFIG_NOT_KEPT": _wrong(404, "config_not_kept", "not_found_error"),
        "RPC_UNKNOWN": _wrong(404, "unknown_url", "not_found_error"),
        "NO_CANDIDATE": _wrong(400, "no_candidate"),
        "PARAMETER_UNSUPPORTED": _wrong(400, "unsupported_parameter"),
        "CONFIG_INVALID": _wrong(400, "config_invalid"),
        "KEY_ENDED": _wrong(400, "key_ended"),
        "COST_UNBOUNDED": _wrong(400, "cost_unbounded"),
        "PRICE_UNKNOWN": _wrong(400, "price_unknown"),
        "QUOTA_EXCEEDED": HttpWords(429, "rate_limit_error", "rate_limit_exceeded", "rate_limit_error"),
        "BUDGET_SPENT": HttpWords(429, "insufficient_quota", "insufficient_quota", "rate_limit_error"),
        "MESSAGE_TOO_LARGE": _wrong(413, "message_too_large", "request_too_large"),
        "READER_TOO_SLOW": _wrong(408, "reader_too_slow"),
        "OVERLOADED": _down(503, "overloaded", "overloaded_error"),
        "DRAINING": _down(503, "draining", "overloaded_error"),
        "SWITCHED_OFF": _down(503, "switched_off"),
        "IDENTITY_UNAVAILABLE": _down(503, "identity_unavailable"),
        "IDEMPOTENCY_UNAVAILABLE": _down(503, "idempotency_unavailable"),
        "LEDGER_UNAVAILABLE": _down(503, "ledger_unavailable"),
        "LIMITS_UNAVAILABLE": _down(503, "limits_unavailable"),
        "GUARDRAIL_UNAVAILABLE": _down(503, "guardrail_unavailable"),
        # Not 429: the caller has kept to all of its limits.
        "PROVIDER_THROTTLED": _down(503, "provider_throttled", "overloaded_error"),
        "PROVIDER_QUOTA_SPENT": _down(503, "provider_quota_spent"),
        "PROVIDER_UNAVAILABLE": _down(503, "provider_unavailable"),
        "PROVIDER_AUTH": _down(503, "provider_auth"),
        "PROVIDER_MODEL_UNAVAILABLE": _down(503, "provider_model_unavailable"),
        "CREDENTIAL_UNAVAILABLE": _down(503, "credential_unavailable"),
        "UPSTREAM_PROTOCOL": _down(502, "upstream_protocol"),
        "STREAM_CUT": _down(502, "stream_cut"),
        "STREAM_STALLED": _down(504, "stream_stalled", "timeout_error"),
        "FIRST_TOKEN_TIMEOUT": _down(504, "first_token_timeout", "timeout_error"),
        "DEADLINE_EXCEEDED": _down(504, "deadline_exceeded", "timeout_error"),
        # nginx's status for a client that has left; nobody reads it.
        "CANCELLED": _wrong(499, "cancelled"),
        "INTERNAL": _down(500, "internal_error"),
    }
)
"""By the reason of the error; every one of core.error has its row."""


class _Worded:
    """A failure that the door has words of its own for, beside those of its reason."""

    words: HttpWords


class BadMessage(RequestMalformed, _Worded):
    """The HTTP message is wrong, whatever its body says."""

    def __init__(self, status: int, code: str, message: str) -> None:
        """`code` is told at the OpenAI door."""
        super().__init__(message)
        self.words = _wrong(status, code)


class BodyTooLarge(MessageTooLarge):
    """The body has more bytes than are taken."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"The request has more than {limit} bytes.", metadata={"limitBytes": str(limit)}, subject="message_bytes"
        )


class PathUnknown(RpcUnknown):
    """Nothing is served at a path."""

    def __init__(self, verb: str, path: str) -> None:
        super().__init__(f"There is nothing at {verb} {path}.", metadata={"method": f"{verb} {path}"})


class VerbUnknown(RpcUnknown, _Worded):
    """What is at a path is asked for with another verb."""

    def __init__(self, verb: str, path: str, allow: bytes) -> None:
        """`allow` names the verbs there are."""
        super().__init__(f"{path} is not asked for with {verb}.", metadata={"method": f"{verb} {path}"})
        self.allow = allow
        self.words = _wrong(405, "method_not_supported")


def words(error: HedgerowError) -> HttpWords:
    """How an error is told."""
    return error.words if isinstance(error, _Worded) else HTTP_WORDS[error.reason]
