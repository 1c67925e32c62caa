"""Bedrock's errors and headers.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
"""

import uuid
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

import msgspec

from hedgerow_sim.dialects import eventstream
from hedgerow_sim.dialects.port import Kind, Refusal, Refused
from hedgerow_sim.dialects.shape import Misfit


class _Words(NamedTuple):
    status: int
    type: str
    message: str
    """With {about} where it names something."""


_VALIDATION: Final = "ValidationException"
_WORDS: Final[Mapping[Kind, _Words]] = MappingProxyType(
    {
        Kind.BAD_REQUEST: _Words(
            400, _VALIDATION, "The model returned the following errors: messages.0.content: Input should be a list"
        ),
        Kind.CONTEXT_LENGTH: _Words(400, _VALIDATION, "Input is too long for requested model."),
        Kind.NO_KEY: _Words(403, "MissingAuthenticationTokenException", "Missing Authentication Token"),
        Kind.BAD_KEY: _Words(
            403, "UnrecognizedClientException", "The security token included in the request is invalid."
        ),
        Kind.PERMISSION: _Words(
            403, "AccessDeniedException", "You don't have access to the model with the specified model ID."
        ),
        Kind.NO_PATH: _Words(404, "UnknownOperationException", ""),
        Kind.NO_MODEL: _Words(
            404,
            "ResourceNotFoundException",
            "Could not resolve the foundation model from the model identifier: {about}",
        ),
        Kind.METHOD: _Words(404, "UnknownOperationException", ""),
        Kind.RATE_LIMIT: _Words(
            429, "ThrottlingException", "Too many requests, please wait before trying again."
        ),
        Kind.QUOTA: _Words(
            429, "ThrottlingException", "Too many tokens per day, please wait before trying again."
        ),
        Kind.PREFILL: _Words(
            400,
            _VALIDATION,
            "This model does not support assistant message prefill. The conversation must end with a user message.",
        ),
        Kind.FILTER: _Words(
            400,
            _VALIDATION,
            "This request has been blocked by our content filters. Our filters automatically flagged this prompt "
            "because it may conflict our AUP or AWS Responsible AI Policy. Please adjust your text prompt to submit a "
            "new request.",
        ),
        Kind.UNPROCESSABLE: _Words(422, _VALIDATION, "Malformed input request, please reformat your input."),
        Kind.GATEWAY: _Words(502, "ServiceUnavailableException", "Bad gateway"),
        Kind.TIMEOUT: _Words(504, "ServiceUnavailableException", "Gateway timeout"),
        Kind.BUSY: _Words(529, "ServiceUnavailableException", "Bedrock is overloaded, try again."),
        Kind.SERVER: _Words(
            500,
            "InternalServerException",
            "The system encountered an unexpected error during processing. Try your request again.",
        ),
        Kind.OVERLOADED: _Words(
            503, "ServiceUnavailableException", "Bedrock is unable to process your request."
        ),
    }
)  # fmt: skip
_ORIGIN: Final = ":http://internal.amazon.com/coral/com.amazon.bedrock/"
_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {"str": "a String", "int": "an Integer", "float": "a Float", "bool": "a Boolean", "array": "a List"}
)


def refuse(message: str) -> Refusal:
    """A 400."""
    return Refusal(Kind.BAD_REQUEST, message)


def misfit(exc: Misfit) -> Refusal:
    """A body of the wrong shape, in AWS's words."""
    where = ".".join(map(str, exc.path))
    match exc.problem:
        case "json":
            return Refusal(Kind.BAD_REQUEST, "Unable to parse the request body", code="SerializationException")
        case "type":
            words = _TYPES.get(exc.detail, "a Structure")
            return Refusal(Kind.BAD_REQUEST, f"{where} can not be converted to {words}", code="SerializationException")
        case "missing":
            return refuse(
                f"1 validation error detected: Value at '{where}' failed to satisfy constraint: Member must not be null"
            )
    return refuse(f"1 validation error detected: Value at '{where}' failed to satisfy constraint: {exc.detail}")


def headers(content_type: str, call: int) -> dict[str, str]:
    """The headers of any answer."""
    return {"content-type": content_type, "x-amzn-requestid": str(uuid.UUID(int=4 << 76 | 8 << 60 | call))}


def _error(refusal: Refusal) -> tuple[_Words, bytes]:
    words = _WORDS[refusal.kind]
    message = refusal.message or words.message.format(about=refusal.about)
    return words, msgspec.json.encode({"message": message})


def answer(refusal: Refusal, call: int) -> Refused:
    """An error answer: the type stands in a header."""
    words, body = _error(refusal)
    kind = {"x-amzn-errortype": (refusal.code or words.type) + _ORIGIN}
    return Refused(words.status, headers("application/json", call) | kind, body)


def event(refusal: Refusal) -> bytes:
    """An error as a message of a stream."""
    words, body = _error(refusal)
    return eventstream.exception(words.type[0].lower() + words.type[1:], body)
