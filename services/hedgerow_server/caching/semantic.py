"""Finds kept answers by what questions mean.

Everything but the words of the last message is equal by then, letter by letter: it makes the partition, and vectors of
different partitions are never compared. Within it a neighbour is taken only where nothing in the two texts says that
they ask for different things (`differences`), and some questions are never answered like that (`freshness`).
"""

import logging
import random
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from hedgerow_server.caching import track
from hedgerow_server.caching.agreement import agree, text_of
from hedgerow_server.caching.differences import Facts, difference, facts
from hedgerow_server.caching.freshness import passing
from hedgerow_server.caching.kept import Kept
from hedgerow_server.caching.key import Asked, owner_of
from hedgerow_server.caching.port import Near
from hedgerow_server.caching.questions import Question, Questions, owner_tag, place_of
from hedgerow_server.caching.section import RouteCacheSection, SemanticSection
from hedgerow_server.core.call import Call
from hedgerow_server.core.error import HedgerowError

if TYPE_CHECKING:
    from hedgerow_server.caching.vectors import Vector

MINIMA = {"all-minilm-l6-v2": 0.85}
"""Measured on tests/cache/data/paraphrases.jsonl: precision 0.99, recall 0.57; see docs/caching.md."""
MINIMUM = 0.9
"""For models that were not measured."""
_LOOKED_AT = 8
"""Neighbours that are compared word by word."""
_PERCENT = 100.0
_log = logging.getLogger(__name__)


class Embedded(msgspec.Struct, frozen=True):
    """The vector of a question."""

    packed: bytes
    """As little-endian 32-bit floats."""
    space: str
    """Which vectors it can be compared with."""


class Embed(Protocol):
    """Makes vectors through a route of the gateway, at the cost of the caller of another call."""

    async def __call__(self, call: Call, text: str) -> Embedded | None:
        """The vector of a text. None: it must not go where vectors are made. Raises HedgerowError, within its time."""


class Answers(Protocol):
    """Where answers are kept: the shelf."""

    async def find(self, asked: Sequence[Asked], slots: Sequence[bytes]) -> Sequence[Kept | None]:
        """What is kept at slots."""


Personal = Callable[[str], bool]
"""Whether a text has personal data in it."""


class Counted:
    """How it went, since the start."""

    def __init__(self) -> None:
        self.asked = 0
        """Questions that were looked for."""
        self.passed_over: Counter[str] = Counter()
        """Questions that were not: "freshness", "personal", "length", "residency", "vector" (none came in time)."""
        self.told_apart: Counter[str] = Counter()
        """Neighbours that were like enough and ask for something else, by the difference."""
        self.found = 0
        """Questions with an answer."""
        self.checks: Counter[str] = Counter()
        """Answers that were compared with the provider's own: "same", "other", "gone"."""


class Looked(msgspec.Struct, frozen=True):
    """What a look-up has found out about a question, for when its answer is kept."""

    place: bytes
    vector: "Vector"
    facts: Facts
    least: float
    """How like it a neighbour must be."""
    checked: Near | None = None
    """The answer that was not given, to see what the provider says."""


class Shared(Protocol):
    """Tells other routers of questions."""

    def tell(self, question: Question, vector: "Vector") -> None:
        """Of one more. Waits for nothing, never fails."""


class Semantic:
    """The port `Similar`, for one configuration."""

    def __init__(
        self,
        section: SemanticSection,
        questions: Questions,
        embed: Embed,
        answers: Answers,
        secret: Callable[[], bytes | None],
        *,
        counted: Counted,
        begin: Callable[[Coroutine[Any, Any, None]], None],
        personal: Personal | None = None,
        shared: Shared | None = None,
        draw: Callable[[], float] = random.random,
    ) -> None:
        """`secret` is what kept values are authenticated with; `begin` does something that nobody waits for;
        `personal` says of more texts than `freshness` knows that they have personal data in them.
        """
        self._section = section
        self._questions = questions
        self._embed = embed
        self._answers = answers
        self._secret = secret
        self._counted = counted
        self._begin = begin
        self._personal = personal
        self._shared = shared
        self._draw = draw

    async def find(self, call: Call, asked: Asked, rules: RouteCacheSection) -> Sequence[Near]:
        """The likest ones, the best first; sets `call.similar`, without which nothing is kept."""
        text = asked.text
        if text is None:
            return ()
        why = self._not_this(text)
        if why:
            self._counted.passed_over[why] += 1
            return ()
        looked = await self._looked(call, asked, text, rules)
        if looked is None:
            return ()
        self._counted.asked += 1
        found = list(self._alike(looked))
        if found:
            self._counted.found += 1
            if self._draw() * _PERCENT < (_PERCENT if rules.shadow else rules.check_percent):
                looked, found = msgspec.structs.replace(looked, checked=found[0]), []
        call.similar = looked
        return found

    def keep(self, call: Call, asked: Asked, slot: bytes, kept: Kept) -> None:
        """An answer to this question was kept."""
        looked, secret = call.similar, self._secret()
        if not isinstance(looked, Looked) or secret is None:
            return
        person = owner_of(call.principal)
        owner = owner_tag(person, secret)
        question = Question(looked.place, slot, kept.until_unix_s, looked.facts, owner, person=person)
        self._questions.add(question, looked.vector)
        if self._shared is not None:
            self._shared.tell(question, looked.vector)
        if looked.checked is not None:
            self._begin(self._check(asked, looked.checked, kept))

    def _not_this(self, text: str) -> str:
        """Why a question is not looked for; empty where it is."""
        if len(text) > self._section.max_question_characters or not text.strip():
            return "length"
        return passing(text) or ("personal" if self._personal is not None and self._personal(text) else "")

    async def _looked(self, call: Call, asked: Asked, text: str, rules: RouteCacheSection) -> Looked | None:
        try:
            embedded = await self._embed(call, text)
        except HedgerowError as error:
            self._counted.passed_over["vector"] += 1
            _log.debug("call %s: no vector of its question: %s", call.request_id, error.reason)
            return None
        if embedded is None:
            self._counted.passed_over["residency"] += 1
            return None
        from hedgerow_server.caching.vectors import unit

        vector, secret = unit(embedded.packed), self._secret()
        if vector is None or secret is None:
            self._counted.passed_over["vector"] += 1
            return None
        # Vectors of another length are others, whatever the model is called.
        place = place_of(asked, f"{len(vector)}/{embedded.space}", secret)
        least = rules.min_similarity or self._section.min_similarity or minimum(embedded.space)
        return Looked(place, vector, facts(text), least)

    def _alike(self, looked: Looked) -> Iterator[Near]:
        for one in self._questions.near(looked.place, looked.vector, _LOOKED_AT, looked.least):
            apart = difference(looked.facts, one.question.facts)
            if apart:
                self._counted.told_apart[apart] += 1
            else:
                yield Near(one.question.slot, min(1.0, one.similarity))

    async def _check(self, asked: Asked, near: Near, answer: Kept) -> None:
        """Compares the answer that would have been given with the one that the provider gave."""
        (other,) = await self._answers.find([asked], [near.slot])
        if other is None:
            self._counted.checks["gone"] += 1
            return
        try:
            one, two = (text_of(track.events(kept.events)) for kept in (answer, other))
        except ValueError:
            # What a newer router has kept.
            self._counted.checks["gone"] += 1
            return
        self._counted.checks["same" if agree(one, two) else "other"] += 1


def minimum(model: str) -> float:
    """How like questions must be by the vectors of a model, where the configuration does not say it."""
    return next((least for name, least in MINIMA.items() if name in model.lower()), MINIMUM)
