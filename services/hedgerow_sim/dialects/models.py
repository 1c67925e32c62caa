"""Lists of models: what a provider answers to a GET that costs nothing, to whoever has a good key.

OpenAI, Anthropic and Cohere have theirs at the same path; Anthropic's clients are known by their version header.
"""

import re
from typing import Final

import msgspec

from hedgerow_sim.dialects import openai_errors
from hedgerow_sim.dialects.job import DocumentJob
from hedgerow_sim.dialects.port import Dialect, Incoming, Job, Refusal, Refused, Signature

_NAMES: Final = ("gpt-4o-mini", "claude-sonnet-4-5", "gemini-2.5-flash", "command-a-03-2025")


class Models:
    """The lists of one or two dialects that share a path."""

    def __init__(self, paths: str, dialect: Dialect, anthropic: Dialect | None = None) -> None:
        """`paths` is a regular expression; `dialect` knows keys and errors."""
        self._paths = re.compile(paths)
        self._dialect = dialect
        self._anthropic = anthropic

    def serves(self, path: str) -> bool:
        """See Dialect."""
        return self._paths.fullmatch(path) is not None

    def key(self, incoming: Incoming) -> str | Signature | None:
        """See Dialect."""
        return self._of(incoming).key(incoming)

    def read(self, incoming: Incoming) -> Job:
        """The list, which names models of all providers and is billed to nobody."""
        listed = [{"id": name, "name": f"models/{name}", "type": "model", "object": "model"} for name in _NAMES]
        answer = msgspec.json.encode({"object": "list", "data": listed, "models": listed, "has_more": False})
        return DocumentJob("", 0, lambda call: (openai_errors.headers("application/json", call), answer))

    def refusal(self, refusal: Refusal, call: int, incoming: Incoming) -> Refused:
        """See Dialect."""
        return self._of(incoming).refusal(refusal, call, incoming)

    def _of(self, incoming: Incoming) -> Dialect:
        versioned = "anthropic-version" in incoming.headers
        return self._anthropic if self._anthropic is not None and versioned else self._dialect
