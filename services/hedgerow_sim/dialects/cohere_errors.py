"""Cohere's errors and headers.

Source: https://docs.cohere.com/reference/errors
"""

import math
import uuid
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

import msgspec

from hedgerow_sim.dialects.port import Kind, Refusal, Refused
from hedgerow_sim.dialects.shape import Misfit


class _Words(NamedTuple):
    status: int
    message: str
    """With {about} where it names something."""
    type: str | None = None


_WORDS: Final[Mapping[Kind, _Words]] = MappingProxyType(
    {
        Kind.BAD_REQUEST: _Words(
            400, "invalid request: message must be at least 1 token long or tool results must be specified."
        ),
        Kind.CONTEXT_LENGTH: _Words(
            400,
            "too many tokens: size limit exceeded by 25836 tokens. Try using shorter or fewer inputs. The limit for "
            "this model is 288000 tokens.",
            "TOO_MANY_TOKENS",
        ),
        Kind.NO_KEY: _Words(401, "no api key supplied"),
        Kind.BAD_KEY: _Words(
            401,
            "Incorrect API key provided: {about}. You can find your API key at https://dashboard.cohere.com/api-keys.",
        ),
        Kind.PERMISSION: _Words(403, "your API key does not have access to this resource"),
        Kind.NO_PATH: _Words(404, "404 page not found"),
        Kind.NO_MODEL: _Words(
            404,
            "model '{about}' not found, make sure the correct model ID was used and that you have access to the model.",
        ),
        Kind.METHOD: _Words(405, "method not allowed"),
        Kind.RATE_LIMIT: _Words(
            429,
            "You are past the per minute request limit, please wait and try again later. You can see your limits at "
            "https://docs.cohere.com/docs/rate-limits.",
        ),
        Kind.QUOTA: _Words(
            402,
            "Please add or update your payment method at https://dashboard.cohere.com/billing?tab=payment to continue "
            "using the API.",
        ),
        Kind.PREFILL: _Words(400, "invalid request: the last message must be from the user or a tool"),
        Kind.FILTER: _Words(498, "blocked input: please ensure that your input and output text is appropriate"),
        Kind.UNPROCESSABLE: _Words(422, "unprocessable entity"),
        Kind.GATEWAY: _Words(502, "bad gateway"),
        Kind.TIMEOUT: _Words(504, "gateway timeout, please try again later"),
        Kind.BUSY: _Words(529, "the service is overloaded, please try again later"),
        Kind.SERVER: _Words(500, "Internal server error, please try again later"),
        Kind.OVERLOADED: _Words(503, "The service is temporarily unavailable, please try again later"),
    }
)  # fmt: skip
_WORDED: Final = "invalid request: "


def uuid_of(call: int) -> str:
    """An id as Cohere's, of a call."""
    return str(uuid.UUID(int=0xB1D6E << 108 | 4 << 76 | 8 << 60 | call))


def headers(content_type: str, call: int) -> dict[str, str]:
    """The headers of any answer."""
    return {"content-type": content_type, "x-debug-trace-id": f"{call:032x}", "x-endpoint-monthly-call-limit": "1000"}


def refuse(message: str) -> Refusal:
    """A 400."""
    return Refusal(Kind.BAD_REQUEST, _WORDED + message)


def misfit(exc: Misfit) -> Refusal:
    """A body of the wrong shape, in Cohere's words."""
    where = ".".join(map(str, exc.path))
    match exc.problem:
        case "json":
            return refuse(f"failed to decode json: {exc.detail}")
        case "unknown":
            return refuse(f"unknown field: parameter '{where}' is not a valid field")
        case "missing":
            return refuse(f"{where} is required")
        case "type":
            return refuse(f"parameter '{where}' must be of type {exc.detail}")
    return refuse(f"parameter '{where}': {exc.detail}")


def message(refusal: Refusal) -> str:
    """What an error says."""
    return refusal.message or _WORDS[refusal.kind].message.format(about=refusal.about)


def answer(refusal: Refusal, call: int) -> Refused:
    """An error answer."""
    words = _WORDS[refusal.kind]
    body = {"id": uuid_of(call), "message": message(refusal)}
    if words.type and not refusal.message:
        body["error_type"] = words.type
    extra = {"retry-after": str(math.ceil(refusal.after_s))} if refusal.kind is Kind.RATE_LIMIT else {}
    return Refused(words.status, headers("application/json", call) | extra, msgspec.json.encode(body))
