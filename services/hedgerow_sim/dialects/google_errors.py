"""Google's errors: google.rpc.Status as JSON, the Gemini API's words and Vertex AI's where they differ.

Shapes: https://cloud.google.com/apis/design/errors
"""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import msgspec

from hedgerow_sim.dialects.port import Incoming, Kind, Refusal, Refused
from hedgerow_sim.dialects.shape import Misfit

_RPC: Final = "type.googleapis.com/google.rpc."
_UPPER: Final = re.compile(r"(?<=[a-z0-9])[A-Z]")


class _Words(NamedTuple):
    status: int
    code: str
    message: str
    """With {about} where it names something."""
    details: Sequence[Mapping[str, Any]] = ()


_BAD_KEY: Final = "API key not valid. Please pass a valid API key."
_WORDS: Final[Mapping[Kind, _Words]] = MappingProxyType(
    {
        Kind.BAD_REQUEST: _Words(400, "INVALID_ARGUMENT", "Please use a valid role: user, model."),
        Kind.CONTEXT_LENGTH: _Words(
            400,
            "INVALID_ARGUMENT",
            "The input token count (1200012) exceeds the maximum number of tokens allowed (1048576).",
        ),
        Kind.NO_KEY: _Words(
            403,
            "PERMISSION_DENIED",
            "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or "
            "other form of API consumer identity to call this API.",
        ),
        Kind.BAD_KEY: _Words(
            400,
            "INVALID_ARGUMENT",
            _BAD_KEY,
            (
                {
                    "@type": _RPC + "ErrorInfo",
                    "reason": "API_KEY_INVALID",
                    "domain": "googleapis.com",
                    "metadata": {"service": "generativelanguage.googleapis.com"},
                },
                {"@type": _RPC + "LocalizedMessage", "locale": "en-US", "message": _BAD_KEY},
            ),
        ),
        Kind.PERMISSION: _Words(403, "PERMISSION_DENIED", "The caller does not have permission"),
        Kind.NO_PATH: _Words(404, "NOT_FOUND", "Requested entity was not found."),
        Kind.NO_MODEL: _Words(
            404,
            "NOT_FOUND",
            "models/{about} is not found for API version v1beta, or is not supported for generateContent. Call "
            "ListModels to see the list of available models and their supported methods.",
        ),
        Kind.METHOD: _Words(405, "METHOD_NOT_ALLOWED", "Method not allowed."),
        Kind.RATE_LIMIT: _Words(
            429,
            "RESOURCE_EXHAUSTED",
            "You exceeded your current quota, please check your plan and billing details. For more information on this "
            "error, head to: https://ai.google.dev/gemini-api/docs/rate-limits.\nPlease retry in 2s.",
            (
                {
                    "@type": _RPC + "QuotaFailure",
                    "violations": [
                        {
                            "quotaMetric": "generativelanguage.googleapis.com/generate_content_paid_tier_requests",
                            "quotaId": "GenerateRequestsPerMinutePerProjectPerModel",
                            "quotaDimensions": {"location": "global"},
                            "quotaValue": "150",
                        }
                    ],
                },
                {"@type": _RPC + "RetryInfo", "retryDelay": "2s"},
            ),
        ),
        Kind.QUOTA: _Words(
            429,
            "RESOURCE_EXHAUSTED",
            "You exceeded your current quota, please check your plan and billing details. For more information on this "
            "error, head to: https://ai.google.dev/gemini-api/docs/rate-limits.",
            (
                {
                    "@type": _RPC + "QuotaFailure",
                    "violations": [
                        {
                            "quotaMetric": "generativelanguage.googleapis.com/generate_requests_per_model_per_day",
                            "quotaId": "GenerateRequestsPerDayPerProjectPerModel",
                            "quotaDimensions": {"location": "global"},
                            "quotaValue": "10000",
                        }
                    ],
                },
            ),
        ),
        Kind.PREFILL: _Words(
            400, "INVALID_ARGUMENT", "Please ensure that single turn requests end with a user role or a role field."
        ),
        Kind.FILTER: _Words(400, "INVALID_ARGUMENT", "The prompt could not be submitted: it violates our policies."),
        Kind.UNPROCESSABLE: _Words(422, "FAILED_PRECONDITION", "Request cannot be processed."),
        Kind.GATEWAY: _Words(502, "UNAVAILABLE", "Bad Gateway"),
        Kind.TIMEOUT: _Words(504, "DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
        Kind.BUSY: _Words(529, "UNAVAILABLE", "The model is overloaded. Please try again later."),
        Kind.SERVER: _Words(500, "INTERNAL", "An internal error has occurred. Please retry or report in"
                            " https://developers.generativeai.google/guide/troubleshooting"),
        Kind.OVERLOADED: _Words(503, "UNAVAILABLE", "The model is overloaded. Please try again later."),
    }
)  # fmt: skip
_UNAUTHENTICATED: Final = _Words(
    401,
    "UNAUTHENTICATED",
    "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid "
    "authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.",
    ({"@type": _RPC + "ErrorInfo", "reason": "ACCESS_TOKEN_TYPE_UNSUPPORTED", "domain": "googleapis.com"},),
)
_VERTEX: Final[Mapping[Kind, _Words]] = MappingProxyType(
    {
        Kind.NO_KEY: _UNAUTHENTICATED,
        Kind.BAD_KEY: _UNAUTHENTICATED,
        Kind.NO_MODEL: _Words(
            404,
            "NOT_FOUND",
            "Publisher Model `{about}` was not found or your project does not have access to it. Please ensure you are "
            "using a valid model version. For more information, see: "
            "https://cloud.google.com/vertex-ai/generative-ai/docs/learn/model-versions",
        ),
        Kind.RATE_LIMIT: _Words(
            429,
            "RESOURCE_EXHAUSTED",
            "Resource exhausted. Please try again later. Please refer to "
            "https://cloud.google.com/vertex-ai/generative-ai/docs/error-code-429 for more details.",
        ),
    }
)
_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {"str": "TYPE_STRING", "int": "TYPE_INT32", "float": "TYPE_FLOAT", "bool": "TYPE_BOOL", "bytes": "TYPE_BYTES"}
)


class FieldRefusal(Refusal):
    """A request that does not parse: the field is named in the details too."""

    def __init__(self, field: str, description: str) -> None:
        super().__init__(Kind.BAD_REQUEST, description, param=field)


def refuse(message: str) -> Refusal:
    """A 400."""
    return Refusal(Kind.BAD_REQUEST, message)


def snake(name: str) -> str:
    """A JSON name as it is in the proto, which is how errors spell fields."""
    return _UPPER.sub(lambda match: "_" + match[0].lower(), name)


def spelled(path: Sequence[str | int]) -> str:
    """A path as errors spell it: contents[0].parts[1]."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{snake(step)}" for step in path)
    return text.removeprefix(".")


def misfit(exc: Misfit) -> Refusal:
    """A body of the wrong shape, in Google's words."""
    match exc.problem:
        case "json":
            return refuse(f"Invalid JSON payload received. {exc.detail}")
        case "unknown":
            field = spelled(exc.path[:-1])
            at = f" at '{field}'" if field else ""
            name = exc.path[-1]
            return FieldRefusal(field, f'Invalid JSON payload received. Unknown name "{name}"{at}: Cannot find field.')
        case "type" if kind := _TYPES.get(exc.detail):
            return FieldRefusal(spelled(exc.path), f"Invalid value at '{spelled(exc.path)}' ({kind})")
    return FieldRefusal(spelled(exc.path), f"Invalid value at '{spelled(exc.path)}': {exc.detail}")


def error(refusal: Refusal, *, vertex: bool) -> bytes:
    """The body of an error."""
    words = _words(refusal.kind, vertex=vertex)
    message = refusal.message or words.message.format(about=refusal.about)
    body: dict[str, Any] = {"code": words.status, "message": message, "status": words.code}
    details = list(words.details)
    if refusal.kind is Kind.RATE_LIMIT and details:
        delay = {"retryDelay": f"{refusal.after_s:g}s"}
        details = [{**one, **delay} if "retryDelay" in one else one for one in details]
    if isinstance(refusal, FieldRefusal):
        violation = {"field": refusal.param, "description": message}
        details = [{"@type": _RPC + "BadRequest", "fieldViolations": [violation]}]
    if details:
        body["details"] = details
    return msgspec.json.encode({"error": body})


def _words(kind: Kind, *, vertex: bool) -> _Words:
    return (_VERTEX.get(kind) if vertex else None) or _WORDS[kind]


def answer(refusal: Refusal, incoming: Incoming, *, vertex: bool) -> Refused:
    """An error answer. Where a stream without `alt=sse` was asked for, it is the one item of an array."""
    if refusal.kind is Kind.FILTER:
        return _blocked(incoming)
    body = error(refusal, vertex=vertex)
    if "streamgenerate" in incoming.path.lower() and "alt=sse" not in incoming.query:
        body = b"[" + body + b"]"
    return Refused(_words(refusal.kind, vertex=vertex).status, headers(), body)


def _blocked(incoming: Incoming) -> Refused:
    """A prompt that the safety filter stops is answered, with status 200 and without candidates."""
    usage = {"promptTokenCount": 4, "totalTokenCount": 4}
    body = msgspec.json.encode({"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": usage})
    if "streamgenerate" not in incoming.path.lower():
        return Refused(200, headers(), body)
    if "alt=sse" in incoming.query:
        return Refused(200, headers("text/event-stream"), b"data: " + body + b"\r\n\r\n")
    return Refused(200, headers(), b"[" + body + b"]")


def headers(content_type: str = "application/json; charset=UTF-8") -> dict[str, str]:
    """The headers of any answer."""
    return {"content-type": content_type, "vary": "Origin", "server-timing": "gfet4t7; dur=12"}
