"""Azure OpenAI: OpenAI's APIs under Azure's paths and keys, with its content filter's notes and its gateway's errors.

Wire format: https://learn.microsoft.com/en-us/azure/ai-foundry/openai/reference
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs, unquote

import msgspec

from hedgerow_sim.author import Author
from hedgerow_sim.cache import PromptCache
from hedgerow_sim.chat import Choice
from hedgerow_sim.dialects import openai_chat, openai_chat_request, openai_embeddings, openai_errors
from hedgerow_sim.dialects import openai_checks as checks
from hedgerow_sim.dialects.job import ChatJob
from hedgerow_sim.dialects.openai_errors import bearer
from hedgerow_sim.dialects.port import Frame, Incoming, Job, Kind, Refusal, Refused
from hedgerow_sim.dialects.responses import Responses
from hedgerow_sim.vectors import Vectors

_DEPLOYMENT: Final = re.compile(r"/+openai/deployments/([^/]+)/(chat/completions|embeddings)")
_NEWER: Final = re.compile(r"/+openai/v1/(chat/completions|embeddings|responses)|/+openai/(responses)")
_SAFE: Final = {"filtered": False, "severity": "safe"}
_FILTERS: Final[Mapping[str, Any]] = MappingProxyType(dict.fromkeys(("hate", "self_harm", "sexual", "violence"), _SAFE))
_PROMPT: Final = [{"prompt_index": 0, "content_filter_results": dict(_FILTERS)}]


class _Words(NamedTuple):
    status: int
    code: str
    message: str


_DENIED: Final = _Words(
    401,
    "401",
    "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an "
    "active subscription and use a correct regional API endpoint for your resource.",
)
_NOT_FOUND: Final = _Words(404, "404", "Resource not found")
_WORDS: Final[Mapping[Kind, _Words]] = MappingProxyType(
    {
        Kind.NO_KEY: _DENIED,
        Kind.BAD_KEY: _DENIED,
        Kind.NO_PATH: _NOT_FOUND,
        Kind.METHOD: _NOT_FOUND,
        Kind.NO_MODEL: _Words(
            404,
            "DeploymentNotFound",
            "The API deployment for this resource does not exist. If you created the deployment within the last 5 "
            "minutes, please wait a moment and try again.",
        ),
        Kind.RATE_LIMIT: _Words(
            429,
            "429",
            "Requests to the ChatCompletions_Create Operation under Azure OpenAI API have exceeded call rate limit of "
            "your current OpenAI S0 pricing tier. Please retry after 2 seconds.",
        ),
        Kind.FILTER: _Words(
            400,
            "content_filter",
            "The response was filtered due to the prompt triggering Azure OpenAI's content management policy. Please "
            "modify your prompt and retry.",
        ),
        Kind.GATEWAY: _Words(502, "BadGateway", "Bad gateway"),
        Kind.TIMEOUT: _Words(504, "GatewayTimeout", "The gateway did not receive a response in time."),
        Kind.SERVER: _Words(500, "InternalServerError", "Internal server error"),
        Kind.OVERLOADED: _Words(
            503, "ServiceUnavailable", "The service is temporarily unable to process your request."
        ),
    }
)


class AzureOpenAI:
    """The dialect."""

    def __init__(self, author: Author, vectors: Vectors, cache: PromptCache, responses: Responses) -> None:
        self._author = author
        self._cache = cache
        self._vectors = vectors
        self._responses = responses

    def serves(self, path: str) -> bool:
        """See Dialect."""
        return _DEPLOYMENT.fullmatch(path) is not None or _NEWER.fullmatch(path) is not None

    def key(self, incoming: Incoming) -> str | None:
        """The api-key header, or the bearer token of Entra."""
        return incoming.headers.get("api-key") or bearer(incoming)

    def read(self, incoming: Incoming) -> Job:
        """See Dialect."""
        if match := _DEPLOYMENT.fullmatch(incoming.path):
            model, api, azure = unquote(match[1]), match[2], True
        elif match := _NEWER.fullmatch(incoming.path):
            # Other providers have these paths too, and no filter.
            model, api = None, match[1] or match[2]
            azure = "api-version" in parse_qs(incoming.query) or "api-key" in incoming.headers
        else:
            raise Refusal(Kind.NO_PATH)
        if api == "responses":
            return self._responses.read(incoming)
        fields = checks.decode(incoming.body, model)
        if api == "embeddings":
            return openai_embeddings.read(fields, self._vectors)
        ask, include_usage = openai_chat_request.read(fields)
        cached = self._cache.implicit(ask.input_tokens, lambda: openai_chat_request.prefix(fields))
        top = openai_chat_request.top_logprobs(fields)
        voice = openai_chat.Voice(ask, include_usage=include_usage, cached=cached, top_logprobs=top)
        return ChatJob(ask, self._author, _Voice(voice) if azure else voice)

    def refusal(self, refusal: Refusal, call: int, incoming: Incoming) -> Refused:
        """See Dialect."""
        plain = openai_errors.answer(refusal, call)
        words = _WORDS.get(refusal.kind)
        if words is None:
            return plain
        error: dict[str, Any] = {"code": words.code, "message": refusal.message or words.message}
        if refusal.kind is Kind.FILTER:
            hit = dict(_FILTERS) | {"violence": {"filtered": True, "severity": "medium"}}
            inner = {"code": "ResponsibleAIPolicyViolation", "content_filter_result": hit}
            error |= {"param": "prompt", "type": None, "status": 400, "innererror": inner}
        body = msgspec.json.encode({"error": error})
        headers = {"content-type": "application/json", "apim-request-id": f"{call:032x}"}
        if refusal.kind is Kind.RATE_LIMIT:
            told = openai_errors.throttled(refusal)
            headers |= {name: value for name, value in told.items() if "reset" not in name}
        return Refused(words.status, headers, body)


class _Voice:
    """OpenAI's voice with the content filter's notes."""

    def __init__(self, inner: openai_chat.Voice) -> None:
        self._inner = inner
        self.headers = inner.headers
        self.failure = inner.failure

    def document(self, call: int, choices: Sequence[Choice], *, finish: bool) -> bytes:
        """See job.Voice."""
        body = msgspec.json.decode(self._inner.document(call, choices, finish=finish))
        for choice in body["choices"]:
            choice["content_filter_results"] = dict(_FILTERS)
        return msgspec.json.encode(body | {"prompt_filter_results": _PROMPT})

    def events(self, call: int, choices: Sequence[Choice], *, finish: bool) -> Iterator[Frame]:
        """See job.Voice."""
        first = {"choices": [], "created": 0, "id": "", "model": "", "object": "", "prompt_filter_results": _PROMPT}
        yield Frame(b"data: " + msgspec.json.encode(first) + b"\n\n")
        yield from self._inner.events(call, choices, finish=finish)
