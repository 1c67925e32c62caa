"""The questions to which answers are kept: by partition, each with its vector and its facts. Not the answers."""

import hmac
import itertools
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import msgspec

from hedgerow_server.caching.differences import Facts
from hedgerow_server.caching.key import FORMAT, Asked
from hedgerow_server.core.erasure import Gone
from hedgerow_server.core.slices import Work

if TYPE_CHECKING:
    from hedgerow_server.caching.vectors import Vector

_LOOKED_AT = 2
"""Old questions that are looked at with each new one, whether their time is over."""
_FORGOTTEN_AT_ONCE = 8
"""Questions that are looked at in a unit of work, whether they go."""


class Question(msgspec.Struct, frozen=True):
    """One of them."""

    place: bytes
    """Its partition: see `place_of`."""
    slot: bytes
    """Where its answer is kept."""
    until_unix_s: float
    """When that is no longer given."""
    facts: Facts
    owner: bytes = b""
    """Who has caused it to be kept: see `owner_tag`. Empty: no user."""
    number: str = ""
    """By which it is known to routers that share it. Empty: it is this one's alone."""
    person: bytes = b""
    """That user as `person_of` writes him, where this router has kept the answer itself; else empty."""


class Alike(msgspec.Struct, frozen=True):
    """A question and how like it another one is, -1 to 1."""

    question: Question
    similarity: float


def place_of(asked: Asked, space: str, secret: bytes) -> bytes:
    """The partition of a question: only within it are vectors compared. 32 bytes that say nothing without the secret.
    `space` says which vectors they are.
    """
    kind, scope = space.encode("utf-8", "surrogatepass"), asked.scope
    told = (b"near", FORMAT.to_bytes(2, "big"), _sized(kind), _sized(scope), asked.partition)
    return hmac.digest(secret, b"".join(told), "sha256")


def owner_tag(owner: bytes, secret: bytes) -> bytes:
    """Whose a question is, for those who have the secret; empty for nobody's."""
    return hmac.digest(secret, b"owner" + owner, "sha256") if owner else b""


def _sized(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


class _Partition:
    __slots__ = ("by_slot", "questions", "vectors")

    def __init__(self, dimensions: int) -> None:
        from hedgerow_server.caching.vectors import Vectors

        self.vectors = Vectors(dimensions)
        self.questions: dict[int, Question] = {}
        self.by_slot: dict[bytes, int] = {}


class Questions:
    """All of them. Where there is no room, the oldest go first; outlives the configurations."""

    def __init__(
        self,
        max_questions: int = 0,
        max_partition: int = 0,
        now: Callable[[], float] = time.time,
        expired: Callable[[str], None] = lambda _number: None,
    ) -> None:
        """`expired` is told the numbers of those whose time is over."""
        self.now = now
        self._expired = expired
        self._max = max_questions
        self._max_partition = max_partition
        self._partitions: dict[bytes, _Partition] = {}
        self._order: OrderedDict[int, bytes] = OrderedDict()
        self._keys = itertools.count(1)
        self._rota: deque[int] = deque()

    def __len__(self) -> int:
        return len(self._order)

    @property
    def partitions(self) -> int:
        """How many partitions there are."""
        return len(self._partitions)

    def allow(self, max_questions: int, max_partition: int) -> None:
        """Sets how many there are at most, and how many of one partition."""
        self._max, self._max_partition = max_questions, max_partition
        while len(self._order) > self._max:
            self._remove(next(iter(self._order)))

    def add(self, question: Question, vector: "Vector") -> None:
        """One more, in the place of an earlier one with the same slot. `vector` has length 1."""
        if self._max <= 0:
            return
        partition = self._partitions.get(question.place)
        if partition is None:
            partition = self._partitions[question.place] = _Partition(len(vector))
        known = partition.by_slot.get(question.slot)
        if known is not None:
            self._remove(known)
        elif len(partition.questions) >= self._max_partition:
            self._remove(next(iter(partition.questions)))
        # Either may have been the last one of its partition.
        partition = self._partitions.setdefault(question.place, partition)
        key = next(self._keys)
        partition.vectors.add(key, vector)
        partition.questions[key] = question
        partition.by_slot[question.slot] = key
        self._order[key] = question.place
        self._rota.append(key)
        self._sweep()
        while len(self._order) > self._max:
            self._remove(next(iter(self._order)))

    def number(self, question: Question) -> bool:
        """Notes the number of one that is there as it is; tells whether it is."""
        partition = self._partitions.get(question.place)
        key = partition.by_slot.get(question.slot) if partition is not None else None
        if partition is None or key is None or partition.questions[key].until_unix_s != question.until_unix_s:
            return False
        known = partition.questions[key]
        partition.questions[key] = msgspec.structs.replace(known, number=question.number)
        return True

    def near(self, place: bytes, vector: "Vector", most: int, least: float) -> Iterator[Alike]:
        """Those of a partition that are at least so like, the likest first."""
        partition = self._partitions.get(place)
        if partition is None:
            return
        now_s = self.now()
        for key, similarity in partition.vectors.nearest(vector, most):
            if similarity < least:
                return
            question = partition.questions[key]
            if question.until_unix_s > now_s:
                yield Alike(question, similarity)

    def drop(self, place: bytes, slot: bytes) -> None:
        """Lets go of one: its answer is gone."""
        partition = self._partitions.get(place)
        key = partition.by_slot.get(slot) if partition is not None else None
        if key is not None:
            self._remove(key)

    def erase(self, owner: bytes) -> int:
        """Lets go of all that somebody has caused; tells how many those were."""
        if not owner:
            return 0
        his = [
            key
            for partition in self._partitions.values()
            for key, question in partition.questions.items()
            if question.owner == owner
        ]
        for key in his:
            self._remove(key)
        return len(his)

    def forget(self, gone: Gone) -> Work[int]:
        """Lets go of what this router has kept of users who are gone; tells how many questions those were. What it has
        learned of others it is told to forget by them.
        """
        known: dict[bytes, bool] = {}
        forgotten = 0
        for looked, key in enumerate(list(self._order), 1):
            if looked % _FORGOTTEN_AT_ONCE == 0:
                yield 1
            place = self._order.get(key)
            person = self._partitions[place].questions[key].person if place is not None else b""
            if person and person not in known:
                known[person] = gone(person)
            if known.get(person):
                self._remove(key)
                forgotten += 1
        return forgotten

    def clear(self) -> None:
        """Lets go of all."""
        self._partitions.clear()
        self._order.clear()
        self._rota.clear()

    def _sweep(self) -> None:
        now_s = self.now()
        for _ in range(min(_LOOKED_AT, len(self._rota))):
            key = self._rota.popleft()
            place = self._order.get(key)
            if place is None:
                continue
            question = self._partitions[place].questions[key]
            if question.until_unix_s > now_s:
                self._rota.append(key)
                continue
            self._remove(key)
            if question.number:
                self._expired(question.number)

    def _remove(self, key: int) -> None:
        place = self._order.pop(key)
        partition = self._partitions[place]
        partition.vectors.remove(key)
        question = partition.questions.pop(key)
        del partition.by_slot[question.slot]
        if not partition.questions:
            del self._partitions[place]
