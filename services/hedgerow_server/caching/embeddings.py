"""The vectors of one embedding call: those that are there, and those that a provider has yet to make."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256

from hedgerow_server.caching.kept import Kept
from hedgerow_server.caching.key import Asked
from hedgerow_server.core.request import EmbedInput


class Batch:
    """Inputs in their order, each with its vector where there is one. An input that stands twice is asked for once."""

    def __init__(self, inputs: Sequence[EmbedInput]) -> None:
        self._inputs = inputs
        self._slots: list[bytes] = []
        self._asked: dict[bytes, Asked] = {}
        self._kept: dict[bytes, Kept] = {}
        self._missing: dict[bytes, EmbedInput] = {}

    def add(self, asked: Asked, slot: bytes, kept: Kept | None) -> None:
        """The next input: where its vector is, and what is there."""
        if kept is not None:
            self._kept[slot] = kept
        elif slot not in self._kept:
            self._missing[slot] = self._inputs[len(self._slots)]
            self._asked[slot] = asked
        self._slots.append(slot)

    def fill(self, made: Mapping[bytes, Kept]) -> None:
        """Vectors that an equal call has got meanwhile."""
        for slot in [slot for slot in self._missing if slot in made]:
            self._kept[slot] = made[slot]
            del self._missing[slot]

    @property
    def flight(self) -> bytes:
        """What calls have in common that ask for the same vectors."""
        return sha256(b"".join(self._missing)).digest()

    @property
    def missing(self) -> tuple[EmbedInput, ...]:
        """What the provider is asked for."""
        return tuple(self._missing.values())

    @property
    def vectors(self) -> list[bytes | None]:
        """The vectors that are there, in the order of the inputs."""
        return [self._kept[slot].vector if slot in self._kept else None for slot in self._slots]

    @property
    def found(self) -> int:
        """How many inputs have a vector."""
        return sum(slot in self._kept for slot in self._slots)

    def places(self, inputs: Iterable[EmbedInput]) -> list[tuple[Asked, bytes]]:
        """Where the vectors of some of the inputs that are missing belong."""
        slots = dict(zip(self._inputs, self._slots, strict=True))
        return [(self._asked[slots[one]], slots[one]) for one in inputs]

    @property
    def saved_picos(self) -> int | None:
        """What the vectors that are there had cost; None: not known of all of them, or there are none."""
        costs = [self._kept[slot].cost_picos for slot in self._slots if slot in self._kept]
        known = [one for one in costs if one is not None]
        return sum(known) if costs and len(known) == len(costs) else None

    @property
    def some(self) -> Kept | None:
        """One of the vectors that are there, of the oldest."""
        return min(self._kept.values(), key=lambda one: one.made_unix_s, default=None)

    def whole(self, made: Sequence[bytes]) -> list[bytes]:
        """All vectors in the order of the inputs, once those that were missing are made. Raises ValueError where they
        are not as many.
        """
        vectors = {slot: one.vector for slot, one in self._kept.items()}
        vectors.update(zip(self._missing, made, strict=True))
        return [vectors[slot] for slot in self._slots]

    def costs(self, whole_picos: int | None) -> list[int | None]:
        """What each of the missing inputs has cost."""
        return shares(self.missing, whole_picos)

    def made(self, vectors: Sequence[bytes]) -> Iterator[tuple[Asked, bytes, bytes]]:
        """What was missing, with its slot and its vector."""
        for slot, vector in zip(self._missing, vectors, strict=True):
            yield self._asked[slot], slot, vector


def shares(inputs: Sequence[EmbedInput], whole_picos: int | None) -> list[int | None]:
    """What each of several inputs has cost, by its length; never more than the whole together."""
    lengths = [len(one) for one in inputs]
    if whole_picos is None:
        return [None] * len(lengths)
    total = sum(lengths) or 1
    return [whole_picos * one // total for one in lengths]
