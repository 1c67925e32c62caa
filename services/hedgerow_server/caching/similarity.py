"""What is known of questions, whatever the configuration: made once, and what a configuration makes of it."""

import importlib
from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING, Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from hedgerow_server.caching.port import CacheAway
from hedgerow_server.caching.questions import Question, Questions, owner_tag
from hedgerow_server.caching.section import CacheSection
from hedgerow_server.caching.semantic import Counted, Embed, Personal, Semantic
from hedgerow_server.caching.shelf import Caches, Shelf
from hedgerow_server.core.erasure import Gone, person_of
from hedgerow_server.core.secret import RevealNamed, later
from hedgerow_server.core.slices import Work
from hedgerow_server.store.port import StoreUnavailable

if TYPE_CHECKING:
    from hedgerow_server.caching.vectors import Vector

_LOAD_S = 1.0
"""How long a page of the stream may take: no call waits for it."""


def lacking_index(section: CacheSection) -> bool:
    """Whether the extra `semantic` is needed and not there."""
    return section.semantic is not None and find_spec("usearch") is None


class _Following(Protocol):
    """Whoever follows what other routers keep: see `following`, which needs the extra `redis`."""

    alarms: int

    def start(self) -> None: ...
    def tell(self, question: Question, vector: "Vector") -> None: ...
    def expired(self, number: str) -> None: ...
    async def erase(self, owner: bytes) -> int: ...
    async def close(self) -> None: ...


class Similarity:
    """Outlives the configurations. Made within the event loop."""

    def __init__(self, caches: Caches, reveal: RevealNamed | None = None) -> None:
        self._caches = caches
        self._reveal = reveal
        self._section = CacheSection()
        self._shared: _Following | None = None
        self.counted = Counted()
        self.questions = Questions(now=caches.now, expired=self._expired)

    @property
    def alarms(self) -> int:
        """Shared questions that nobody made who has the key."""
        return self._shared.alarms if self._shared is not None else 0

    def serve(self, section: CacheSection) -> None:
        """A configuration is in force."""
        rules, old, self._section = section.semantic, self._section, section
        self.questions.allow(rules.max_questions if rules else 0, rules.max_questions_of_one if rules else 0)
        if rules is not None and old.semantic is not None and old.redis == section.redis:
            return
        if self._shared is not None:
            self._caches.begin(self._shared.close())
            self._shared = None
        if rules is not None and section.redis is not None:
            self._shared = self._follow(section)

    def of(self, section: CacheSection, shelf: Shelf, embed: Embed, personal: Personal | None) -> Semantic | None:
        """What finds similar questions for a configuration; None: it wants none."""
        if section.semantic is None:
            return None
        return Semantic(
            section.semantic,
            self.questions,
            embed,
            shelf,
            lambda: self._caches.secret(section.mac_key),
            counted=self.counted,
            begin=self._caches.begin,
            personal=personal,
            shared=self,
        )

    def tell(self, question: Question, vector: "Vector") -> None:
        """Tells other routers of a question, where there are any."""
        if self._shared is not None:
            self._shared.tell(question, vector)

    async def erase(self, tenant: str, user: str) -> int:
        """Forgets a user's questions, here and elsewhere. Raises StoreUnavailable."""
        secret = self._secret()
        if secret is None:
            raise StoreUnavailable("the key of the cache's MACs is not there")
        owner = owner_tag(person_of(tenant, user), secret)
        erased = self.questions.erase(owner)
        if self._shared is None:
            return erased
        try:
            return max(erased, await self._shared.erase(owner))
        except CacheAway as error:
            raise StoreUnavailable(str(error)) from None

    def forget(self, gone: Gone) -> Work[int]:
        """Lets go of the questions of users who are gone that this router has kept itself."""
        return self.questions.forget(gone)

    async def close(self) -> None:
        """Ends what was begun."""
        if self._shared is not None:
            await self._shared.close()

    def _expired(self, number: str) -> None:
        if self._shared is not None:
            self._shared.expired(number)

    def _secret(self) -> bytes | None:
        return self._caches.secret(self._section.mac_key)

    def _follow(self, section: CacheSection) -> "_Following":
        redis, rules = section.redis, section.semantic
        assert redis is not None
        assert rules is not None
        # Only with the extra `redis`, without which nobody comes here.
        following = importlib.import_module("hedgerow_server.caching.following")
        link = importlib.import_module("hedgerow_server.caching.link")
        password = None if self._reveal is None else later(self._reveal, redis.password)
        shared: _Following = following.SharedQuestions(
            link.RedisLink(redis, _LOAD_S, "questions", password),
            redis.prefix,
            self.questions,
            self._secret,
            rules.max_questions,
        )
        shared.start()
        return shared


class SimilarityNumbers:
    """Reads them off when they are asked for."""

    def __init__(self, similarity: Similarity) -> None:
        self._similarity = similarity

    def __call__(self) -> Iterator[Metric]:
        counted, questions = self._similarity.counted, self._similarity.questions
        text = "Questions for which similar ones were looked for."
        yield CounterMetricFamily("hedgerow_semantic_lookups", text, counted.asked)
        yield CounterMetricFamily("hedgerow_semantic_found", "Those for which there was one.", counted.found)
        text = "Questions that were not looked for, by why: what they ask changes, or is personal, and so on."
        yield _by("hedgerow_semantic_passed_over", text, "reason", counted.passed_over)
        text = "Neighbours that were near enough and ask for something else, by what tells them apart."
        yield _by("hedgerow_semantic_told_apart", text, "difference", counted.told_apart)
        text = "Hits of shadow mode and of `check_percent`, by whether the provider's own answer said the same."
        yield _by("hedgerow_semantic_checks", text, "outcome", counted.checks)
        yield CounterMetricFamily(
            "hedgerow_semantic_alarms", "Shared questions that were forged.", self._similarity.alarms
        )
        yield GaugeMetricFamily("hedgerow_semantic_questions", "Questions that are known.", len(questions))
        text = "Places that known questions are in, each with its own index."
        yield GaugeMetricFamily("hedgerow_semantic_partitions", text, questions.partitions)


def _by(name: str, text: str, label: str, counts: dict[str, int]) -> Metric:
    family = CounterMetricFamily(name, text, labels=(label,))
    for value, count in counts.items():
        family.add_metric((value,), count)
    return family
