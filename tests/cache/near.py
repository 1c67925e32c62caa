"""The world of a cache that finds similar questions, with the vectors of `ngrams`."""

from collections.abc import Mapping
from typing import Any

from cache.ngrams import embedded
from cache.world import World
from hedgerow_server.caching.questions import Questions
from hedgerow_server.caching.section import SemanticSection
from hedgerow_server.caching.semantic import Counted, Embedded, Personal, Semantic
from hedgerow_server.core.call import Call
from hedgerow_server.core.error import HedgerowError

RULES: Mapping[str, object] = {"mode": "semantic", "min_similarity": 0.7}


class Vectors:
    """Makes them, or does not."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.error: HedgerowError | None = None
        """What it ends with."""
        self.nowhere = False
        """Whether the text must not go there."""
        self.space = "ngrams"

    async def __call__(self, call: Call, text: str) -> Embedded | None:
        self.asked.append(text)
        if self.error is not None:
            raise self.error
        return None if self.nowhere else Embedded(embedded(text).astype("<f4").tobytes(), self.space)


class Near:
    """A World whose routes answer similar questions; `more` are keys of `cache` of its route."""

    def __init__(
        self, *, personal: Personal | None = None, section: Mapping[str, Any] | None = None, **more: object
    ) -> None:
        self.world = World(**{**RULES, **more})  # type: ignore[arg-type]
        self.world.takes_s = 0.0
        self.vectors, self.counted = Vectors(), Counted()
        self.questions = Questions(1_000, 1_000, now=self.world.caches.now)
        self.dice = [0.5]
        self.section = SemanticSection(model="questions", **(section or {}))
        self.world.cache._similar = Semantic(
            self.section,
            self.questions,
            self.vectors,
            self.world.shelf,
            lambda: self.world.caches.secret(None),
            counted=self.counted,
            begin=self.world.caches.begin,
            personal=personal,
            draw=lambda: self.dice[0],
        )

    @property
    def asked(self) -> int:
        """How often the provider was asked."""
        return len(self.world.asked)
