"""Anthropic's errors and headers.

Shapes: https://docs.anthropic.com/en/api/errors
"""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

import msgspec

from hedgerow_sim.dialects.port import Kind, Refusal, Refused
from hedgerow_sim.dialects.shape import Misfit


class _Words(NamedTuple):
    status: int
    type: str
    message: str
    """With {about} where it names something."""


_INVALID: Final = "invalid_request_error"
_WORDS: Final[Mapping[Kind, _Words]] = MappingProxyType(
    {
        Kind.BAD_REQUEST: _Words(400, _INVALID, "messages.0.content.0.text.text: Input should be a valid string"),
        Kind.CONTEXT_LENGTH: _Words(400, _INVALID, "prompt is too long: 210512 tokens > 200000 maximum"),
        Kind.NO_KEY: _Words(401, "authentication_error", "x-api-key header is required"),
        Kind.BAD_KEY: _Words(401, "authentication_error", "invalid x-api-key"),
        Kind.PERMISSION: _Words(403, "permission_error", "Your API key does not have permission to use this resource."),
        Kind.NO_PATH: _Words(404, "not_found_error", "Not Found"),
        Kind.NO_MODEL: _Words(404, "not_found_error", "model: {about}"),
        Kind.METHOD: _Words(405, _INVALID, "Method Not Allowed"),
        Kind.RATE_LIMIT: _Words(
            429,
            "rate_limit_error",
            "This request would exceed your organization's rate limit of 50 requests per minute. For details, refer "
            "to: https://docs.claude.com/en/api/rate-limits.",
        ),
        Kind.QUOTA: _Words(
            400,
            _INVALID,
            "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or "
            "purchase credits.",
        ),
        Kind.PREFILL: _Words(
            400,
            _INVALID,
            "This model does not support assistant message prefill. The conversation must end with a user message.",
        ),
        Kind.FILTER: _Words(400, _INVALID, "Output blocked by content filtering policy"),
        Kind.UNPROCESSABLE: _Words(422, _INVALID, "messages: unprocessable entity"),
        Kind.GATEWAY: _Words(502, "api_error", "Bad gateway"),
        Kind.TIMEOUT: _Words(504, "timeout_error", "Request timed out"),
        Kind.BUSY: _Words(529, "overloaded_error", "Overloaded"),
        Kind.SERVER: _Words(500, "api_error", "Internal server error"),
        Kind.OVERLOADED: _Words(529, "overloaded_error", "Overloaded"),
    }
)
_LIMITS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "anthropic-ratelimit-requests-limit": "30000000",
        "anthropic-ratelimit-requests-remaining": "29999999",
        "anthropic-ratelimit-requests-reset": "2026-05-01T06:30:02Z",
        "anthropic-ratelimit-tokens-limit": "150000000000",
        "anthropic-ratelimit-tokens-remaining": "149999999000",
        "anthropic-ratelimit-tokens-reset": "2026-05-01T06:30:02Z",
    }
)
_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "str": "a valid string",
        "int": "a valid integer",
        "float": "a valid number",
        "bool": "a valid boolean",
        "object": "a valid dictionary",
        "array": "a valid list",
    }
)


def refuse(message: str) -> Refusal:
    """A 400."""
    return Refusal(Kind.BAD_REQUEST, message)


def misfit(exc: Misfit) -> Refusal:
    """A body of the wrong shape, in Anthropic's words."""
    where = ".".join(map(str, exc.path))
    match exc.problem:
        case "json":
            return refuse("The request body is not valid JSON: " + exc.detail)
        case "type":
            words = _TYPES.get(exc.detail.split(" | ")[0], "valid")
            return refuse(f"{where}: Input should be {words}".removeprefix(": "))
    return refuse(f"{where}: {exc.detail}")


def headers(content_type: str, call: int) -> dict[str, str]:
    """The headers of any answer; `call` makes the request id."""
    return {
        "content-type": content_type,
        "request-id": _request_id(call),
        "anthropic-organization-id": "00000000-0000-4000-8000-000000000000",
        **_LIMITS,
    }


def _request_id(call: int) -> str:
    return f"req_011C{call:020d}"


def error(refusal: Refusal, call: int | None = None) -> bytes:
    """The body of an error."""
    words = _WORDS[refusal.kind]
    message = refusal.message or words.message.format(about=refusal.about)
    body: dict[str, object] = {"type": "error", "error": {"type": words.type, "message": message}}
    if call is not None:
        body["request_id"] = _request_id(call)
    return msgspec.json.encode(body)


_TRANSIENT: Final = frozenset({Kind.RATE_LIMIT, Kind.SERVER, Kind.GATEWAY, Kind.OVERLOADED, Kind.TIMEOUT, Kind.BUSY})


def answer(refusal: Refusal, call: int) -> Refused:
    """An error answer."""
    extra = {"x-should-retry": "true" if refusal.kind in _TRANSIENT else "false"}
    if refusal.kind is Kind.RATE_LIMIT:
        after = str(math.ceil(refusal.after_s))
        extra |= {"retry-after": after, "anthropic-ratelimit-requests-remaining": "0"}
    status = _WORDS[refusal.kind].status
    return Refused(status, headers("application/json", call) | extra, error(refusal, call))


def event(refusal: Refusal) -> bytes:
    """An error as an event of a stream."""
    return b"event: error\ndata: " + error(refusal) + b"\n\n"
