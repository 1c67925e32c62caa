"""Claude on Vertex AI: Anthropic's bodies, Google's paths, keys and gateway errors.

Wire format: https://docs.anthropic.com/en/api/claude-on-vertex-ai
"""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote

import msgspec

from hedgerow_sim.author import Author
from hedgerow_sim.cache import PromptCache
from hedgerow_sim.dialects import anthropic_errors, anthropic_messages, anthropic_request, google_errors
from hedgerow_sim.dialects.job import ChatJob
from hedgerow_sim.dialects.openai_errors import bearer
from hedgerow_sim.dialects.port import Incoming, Job, Kind, Refusal, Refused
from hedgerow_sim.seals import Seals

_PATH: Final = re.compile(
    r"/v1(?:beta1)?/projects/[^/]+/locations/[^/]+/publishers/anthropic/models/([^/:]+):(rawPredict|streamRawPredict)"
)
_COUNT: Final = "count-tokens"
# What Google's own front refuses, before a request comes to the model.
_FRONT: Final = frozenset(
    {Kind.NO_KEY, Kind.BAD_KEY, Kind.PERMISSION, Kind.NO_PATH, Kind.NO_MODEL, Kind.METHOD, Kind.RATE_LIMIT, Kind.QUOTA}
)


class VertexAnthropic:
    """The dialect."""

    def __init__(self, author: Author, seals: Seals, cache: PromptCache) -> None:
        self._author = author
        self._seals = seals
        self._cache = cache

    def serves(self, path: str) -> bool:
        """See Dialect."""
        return _PATH.fullmatch(unquote(path)) is not None

    def key(self, incoming: Incoming) -> str | None:
        """The access token."""
        return bearer(incoming)

    def read(self, incoming: Incoming) -> Job:
        """See Dialect."""
        match = _PATH.fullmatch(unquote(incoming.path))
        if match is None:
            raise Refusal(Kind.NO_PATH)
        if match[1] == _COUNT:
            return anthropic_messages.count(
                anthropic_request.read(incoming.body, self._seals, stream=False, count=True)
            )
        # The method names the kind of answer for the front, the body for the model: they have to agree.
        stream = match[2] == "streamRawPredict"
        letter = anthropic_request.read(incoming.body, self._seals, model=match[1], stream=stream)
        anthropic_request.check_version(letter, "vertex")
        voice = anthropic_messages.Voice(letter, self._seals, self._cache)
        return ChatJob(letter.ask, self._author, _VertexVoice(voice))

    def refusal(self, refusal: Refusal, call: int, incoming: Incoming) -> Refused:
        """See Dialect."""
        if refusal.kind in _FRONT:
            return google_errors.answer(refusal, incoming, vertex=True)
        refused = anthropic_errors.answer(refusal, call)
        return msgspec.structs.replace(refused, headers=google_errors.headers("application/json"))


class _VertexVoice:
    """Anthropic's voice behind Google's front, which sends its own headers."""

    def __init__(self, inner: anthropic_messages.Voice) -> None:
        self.document = inner.document
        self.events = inner.events
        self.failure = inner.failure

    def headers(self, call: int, *, streamed: bool) -> Mapping[str, str]:
        """See job.Voice."""
        return google_errors.headers("text/event-stream; charset=utf-8" if streamed else "application/json")
