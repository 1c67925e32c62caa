"""OpenAI's errors and headers, common to all its APIs."""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

import msgspec

from hedgerow_sim.dialects.port import Incoming, Kind, Refusal, Refused


class _Words(NamedTuple):
    type: str
    code: str | None
    message: str
    """With {about} where it names something."""


_INVALID: Final = "invalid_request_error"
_WORDS: Final[Mapping[Kind, _Words]] = MappingProxyType(
    {
        Kind.BAD_REQUEST: _Words(
            _INVALID,
            None,
            "Invalid 'messages[0].content': string too long. Expected a string with maximum length 10485760, but got a "
            "string with length 10485761 instead.",
        ),
        Kind.CONTEXT_LENGTH: _Words(
            _INVALID,
            "context_length_exceeded",
            "This model's maximum context length is 128000 tokens. However, your messages resulted in 130512 tokens. "
            "Please reduce the length of the messages.",
        ),
        Kind.NO_KEY: _Words(
            _INVALID,
            None,
            "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer "
            "auth (i.e. Authorization: Bearer YOUR_KEY).",
        ),
        Kind.BAD_KEY: _Words(
            _INVALID,
            "invalid_api_key",
            "Incorrect API key provided: {about}. You can find your API key at "
            "https://platform.openai.com/account/api-keys.",
        ),
        Kind.PERMISSION: _Words(
            "request_forbidden", "unsupported_country_region_territory", "Country, region, or territory not supported"
        ),
        Kind.NO_PATH: _Words(_INVALID, None, "Invalid URL ({about})"),
        Kind.NO_MODEL: _Words(
            _INVALID, "model_not_found", "The model `{about}` does not exist or you do not have access to it."
        ),
        Kind.METHOD: _Words(_INVALID, "method_not_supported", "Invalid method for URL ({about})"),
        Kind.RATE_LIMIT: _Words(
            "requests",
            "rate_limit_exceeded",
            "Rate limit reached for {about} in organization org-hedgerow-sim on requests per min (RPM): Limit 10000, "
            "Used 10000, Requested 1. Please try again in 2s. Visit "
            "https://platform.openai.com/account/rate-limits to learn more.",
        ),
        Kind.QUOTA: _Words(
            "insufficient_quota",
            "insufficient_quota",
            "You exceeded your current quota, please check your plan and billing details. For more information on this "
            "error, read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors.",
        ),
        Kind.PREFILL: _Words(
            _INVALID,
            None,
            "This model does not support assistant message prefill. The conversation must end with a user message.",
        ),
        Kind.FILTER: _Words(
            _INVALID,
            "content_policy_violation",
            "Your request was rejected as a result of our safety system. Your prompt may contain text that is not "
            "allowed by our safety system.",
        ),
        Kind.UNPROCESSABLE: _Words(_INVALID, None, "Unprocessable entity."),
        Kind.GATEWAY: _Words("cf_bad_gateway", None, "Bad gateway."),
        Kind.TIMEOUT: _Words("cf_gateway_timeout", None, "Gateway timeout."),
        Kind.BUSY: _Words("service_unavailable_error", None, "The server is overloaded or not ready yet."),
        Kind.SERVER: _Words(
            "server_error", None, "The server had an error while processing your request. Sorry about that!"
        ),
        Kind.OVERLOADED: _Words(
            "service_unavailable_error", None, "The engine is currently overloaded, please try again later."
        ),
    }
)

_HEADERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "openai-organization": "org-hedgerow-sim",
        "openai-processing-ms": "12",
        "openai-version": "2020-10-01",
        "x-ratelimit-limit-requests": "30000000",
        "x-ratelimit-limit-tokens": "150000000000",
        "x-ratelimit-remaining-requests": "29999999",
        "x-ratelimit-remaining-tokens": "149999999968",
        "x-ratelimit-reset-requests": "0ms",
        "x-ratelimit-reset-tokens": "0s",
    }
)


def throttled(refusal: Refusal) -> dict[str, str]:
    """What the headers of a rate limit say besides."""
    return {
        "retry-after": str(math.ceil(refusal.after_s)),
        "retry-after-ms": str(math.ceil(refusal.after_s * 1000)),
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": f"{refusal.after_s:g}s",
    }


def bearer(incoming: Incoming) -> str | None:
    """The key of an Authorization header, None without one."""
    scheme, _, key = incoming.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" and key.strip() else None


def headers(content_type: str, call: int) -> dict[str, str]:
    """The headers of any answer; `call` makes the request id."""
    return {"content-type": content_type, "x-request-id": f"req_{call:032x}", **_HEADERS}


def error(refusal: Refusal) -> bytes:
    """The body of an error."""
    words = _WORDS[refusal.kind]
    return msgspec.json.encode(
        {
            "error": {
                "message": refusal.message or words.message.format(about=refusal.about),
                "type": words.type,
                "param": refusal.param,
                "code": refusal.code or words.code,
            }
        }
    )


def answer(refusal: Refusal, call: int) -> Refused:
    """An error answer."""
    extra = throttled(refusal) if refusal.kind is Kind.RATE_LIMIT else {}
    return Refused(refusal.kind.status, {**headers("application/json", call), **extra}, error(refusal))


def event(refusal: Refusal) -> bytes:
    """An error as an event of a stream."""
    return b"data: " + error(refusal) + b"\n\n"
