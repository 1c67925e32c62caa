"""Gemini generateContent, streamGenerateContent and countTokens, of the Gemini API and of Vertex AI.

Wire format: https://ai.google.dev/api/generate-content
"""

import binascii
import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import parse_qs, unquote

import msgspec

from hedgerow_sim.author import Author
from hedgerow_sim.cache import PromptCache
from hedgerow_sim.chat import Call, Choice
from hedgerow_sim.dialects import gemini_embeddings, gemini_request, gemini_shape, google_errors
from hedgerow_sim.dialects.gemini_request import CALL, TEXT, Letter
from hedgerow_sim.dialects.job import ChatJob, DocumentJob
from hedgerow_sim.dialects.openai_errors import bearer
from hedgerow_sim.dialects.port import Frame, Incoming, Job, Kind, Refusal, Refused
from hedgerow_sim.seals import Seals
from hedgerow_sim.vectors import Vectors

_METHODS: Final = "(generateContent|streamGenerateContent|countTokens|embedContent|batchEmbedContents|predict)"
_GEMINI: Final = re.compile(rf"/v1(?:beta|alpha)?/models/([^/:]+):{_METHODS}")
_VERTEX: Final = re.compile(
    rf"/v1(?:beta1)?/(?:projects/[^/]+/locations/[^/]+/)?publishers/google/models/([^/:]+):{_METHODS}"
)
_FINISHES: Final[Mapping[str, str]] = MappingProxyType({"length": "MAX_TOKENS", "content_filter": "SAFETY"})


class Gemini:
    """The dialect: of the Gemini API, or of Vertex AI, which has other paths, other keys and some other errors."""

    def __init__(self, author: Author, vectors: Vectors, seals: Seals, cache: PromptCache, *, vertex: bool) -> None:
        self._author = author
        self._vectors = vectors
        self._seals = seals
        self._cache = cache
        self._vertex = vertex
        self._paths = _VERTEX if vertex else _GEMINI

    def serves(self, path: str) -> bool:
        """See Dialect."""
        return self._paths.fullmatch(unquote(path)) is not None

    def key(self, incoming: Incoming) -> str | None:
        """The x-goog-api-key header or the `key` of the query; on Vertex AI the access token comes first."""
        key = incoming.headers.get("x-goog-api-key") or next(iter(parse_qs(incoming.query).get("key", ())), None)
        return bearer(incoming) or key if self._vertex else key

    def read(self, incoming: Incoming) -> Job:
        """See Dialect."""
        match = self._paths.fullmatch(unquote(incoming.path))
        if match is None:
            raise Refusal(Kind.NO_PATH)
        model, method = match[1], match[2]
        if method in ("embedContent", "batchEmbedContents", "predict"):
            return gemini_embeddings.read(method, model, incoming.body, self._vectors, vertex=self._vertex)
        if method == "countTokens":
            return self._count(model, incoming.body)
        stream = method == "streamGenerateContent"
        letter = gemini_request.read(incoming.body, model, self._seals, stream=stream)
        sse = parse_qs(incoming.query).get("alt") == ["sse"]
        voice = Voice(letter, self._seals, self._cache, sse=sse, vertex=self._vertex)
        return ChatJob(letter.ask, self._author, voice)

    def _count(self, model: str, body: bytes) -> Job:
        fields = gemini_shape.read(body, gemini_shape.Fields)
        inner = fields.get("generateContentRequest", fields)
        letter = gemini_request.read(msgspec.json.encode(inner), model, self._seals, stream=False)
        total = letter.ask.input_tokens
        details = [{"modality": "TEXT", "tokenCount": total}]
        answer = msgspec.json.encode({"totalTokens": total, "promptTokensDetails": details})
        return DocumentJob(model, total, lambda _call: (google_errors.headers(), answer))

    def refusal(self, refusal: Refusal, _call: int, incoming: Incoming) -> Refused:
        """See Dialect."""
        return google_errors.answer(refusal, incoming, vertex=self._vertex)


class Voice:
    """Writes responses, whole or in pieces: as events, or as the items of one JSON array."""

    def __init__(self, letter: Letter, seals: Seals, cache: PromptCache, *, sse: bool, vertex: bool) -> None:
        self._letter = letter
        self._seals = seals
        self._sse = sse
        self._vertex = vertex
        self._cached = cache.implicit(letter.ask.input_tokens, letter.prefix)

    def headers(self, call: int, *, streamed: bool) -> Mapping[str, str]:
        """See job.Voice."""
        return google_errors.headers("text/event-stream") if streamed and self._sse else google_errors.headers()

    def failure(self, refusal: Refusal) -> bytes:
        """See job.Voice."""
        body = google_errors.error(refusal, vertex=self._vertex)
        return b"data: " + body + b"\r\n\r\n" if self._sse else b",\r\n" + body + b"]"

    def document(self, call: int, choices: Sequence[Choice], *, finish: bool) -> bytes:
        """See job.Voice."""
        candidates = []
        for index, choice in enumerate(choices):
            parts = [part for part, _ in self._parts(choice, whole=True)]
            candidates.append(self._candidate(index, choice, parts, finish=finish))
        thought = sum(choice.reasoning_tokens for choice in choices)
        spoken = sum(choice.tokens for choice in choices) - thought
        return self._response(call, candidates, spoken, thought)

    def events(self, call: int, choices: Sequence[Choice], *, finish: bool) -> Iterator[Frame]:
        """See job.Voice."""
        sent = thought = spoken = 0
        for index, choice in enumerate(choices):
            if choice.reasoning_tokens and not self._letter.shown:
                thought += choice.reasoning_tokens
            pieces = list(self._parts(choice, whole=False))
            for number, (part, cost) in enumerate(pieces):
                thought += cost if part.get("thought") else 0
                spoken += 0 if part.get("thought") else cost
                last = number == len(pieces) - 1
                candidate = self._candidate(index, choice, [part], finish=finish and last)
                hidden = choice.reasoning_tokens if number == 0 and not self._letter.shown else 0
                body = self._response(call, [candidate], spoken, thought)
                end = finish and last and index == len(choices) - 1
                yield self._frame(body, sent, cost + hidden, end=end)
                sent += 1
        if not self._sse:
            yield Frame(b"]")

    def _frame(self, body: bytes, sent: int, cost: int, *, end: bool) -> Frame:
        before, after = (b"data: ", b"\r\n\r\n") if self._sse else (b",\r\n" if sent else b"[", b"")
        data = before + body + after
        return Frame(data, cost, cost if sent else max(cost - 1, 0), end)

    def _parts(self, choice: Choice, *, whole: bool) -> Iterator[tuple[dict[str, Any], int]]:
        """The parts of an answer, each with its tokens; text as one, or a token each and an empty part at the end."""
        seal = {"thoughtSignature": self._seal(TEXT, "", choice)} if self._signed(choice) else {}
        if self._letter.shown:
            for text, cost in _pieces(choice.thinking, whole=whole):
                yield {"text": text, "thought": True}, cost
        calls = [call for call in choice.calls if call.whole is not None]
        if whole and choice.text:
            yield {"text": "".join(choice.text)} | ({} if calls else seal), len(choice.text)
        for text, cost in () if whole else _pieces(choice.text, whole=False):
            yield {"text": text}, cost
        for index, call in enumerate(calls):
            yield self._call(choice, index, call), len(call.arguments) + 1
        if not whole and not calls:
            yield {"text": "", **seal}, 0

    def _signed(self, choice: Choice) -> bool:
        return self._letter.signs and choice.reasoning_tokens > 0

    def _call(self, choice: Choice, index: int, call: Call) -> dict[str, Any]:
        written: dict[str, Any] = {"name": call.name, "args": call.whole}
        if self._letter.signs:
            written["id"] = call.key[:12]
        # Of calls in parallel only the first is signed.
        sealed = choice.reasoning_tokens and not index
        return {"functionCall": written} | ({"thoughtSignature": self._seal(CALL, call.name, choice)} if sealed else {})

    def _seal(self, purpose: str, content: str, choice: Choice) -> str:
        seal = self._seals.make(purpose, content, "".join(choice.thinking + choice.text))
        return binascii.b2a_base64(seal, newline=False).decode()

    def _candidate(
        self, index: int, choice: Choice, parts: Sequence[Mapping[str, Any]], *, finish: bool
    ) -> dict[str, Any]:
        content: dict[str, Any] = {"role": "model"}
        # A limit that was reached while thinking, or within a call, leaves no parts.
        if parts:
            content["parts"] = parts
        candidate: dict[str, Any] = {"content": content, "index": index}
        if finish:
            candidate["finishReason"] = _FINISHES.get(choice.finish, "STOP")
            if choice.calls and choice.finish not in _FINISHES:
                candidate["finishMessage"] = "Model generated function call(s)."
        return candidate

    def _response(self, call: int, candidates: Sequence[Mapping[str, Any]], spoken: int, thought: int) -> bytes:
        prompt = self._letter.ask.input_tokens
        usage: dict[str, Any] = {"promptTokenCount": prompt, "totalTokenCount": prompt + spoken + thought}
        usage["promptTokensDetails"] = [{"modality": "TEXT", "tokenCount": prompt}]
        # Counts of nothing are left out, as the proto's JSON does.
        counts = {
            "candidatesTokenCount": spoken,
            "thoughtsTokenCount": thought,
            "cachedContentTokenCount": self._cached,
        }
        usage |= {name: tokens for name, tokens in counts.items() if tokens}
        return msgspec.json.encode(
            {
                "candidates": candidates,
                "usageMetadata": usage,
                "modelVersion": self._letter.ask.model,
                "responseId": f"sim{call:019d}",
            }
        )


def _pieces(tokens: Sequence[str], *, whole: bool) -> Iterator[tuple[str, int]]:
    if not whole:
        yield from ((token, 1) for token in tokens)
    elif tokens:
        yield "".join(tokens), len(tokens)
