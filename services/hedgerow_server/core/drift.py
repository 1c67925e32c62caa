"""What providers send that the gateway does not know. It never fails a call; it is counted here, so that it is seen."""

import enum
import re

MAX_NAMES = 64
"""The most names that are told apart for one provider; what comes after them counts as `OTHER`."""
MAX_NAME = 64
"""The most characters of a name."""
OTHER = "other"
"""The name of what has none that may be shown."""

# What a word of an API may look like, ours for what is malformed included; what else there is may be somebody's data.
_NAME = re.compile(r"[A-Za-z0-9_$][A-Za-z0-9_$ ,.:/-]*", re.ASCII)


Counts = dict[str, dict[str, int]]
"""How often what was seen: the kind in words of `Unknown`, the name, the count."""


class Unknown(enum.Enum):
    """What it was that is not known."""

    EVENT = "event"
    """An event of a stream; it is skipped."""
    CONTENT_TYPE = "content_type"
    """A kind of content or of a piece of it; it is skipped or passed on as an item of the provider's own."""
    FINISH_REASON = "finish_reason"
    """A word for why the model stopped; callers get it beside FINISH_REASON_OTHER."""
    FIELD = "field"
    """A member of an object, by the members that lead to it; it is skipped. Only some answers are searched for them."""
    MALFORMED = "malformed"
    """What is not of the protocol at all, in our words; the attempt fails with ERROR_REASON_UPSTREAM_PROTOCOL."""


class Drift:
    """Counts for one provider since the start, on one event loop."""

    __slots__ = ("_answers", "_counts", "sample_every")

    def __init__(self, sample_every: int = 16) -> None:
        self.sample_every = sample_every
        """Of so many answers one, the first included, is searched for unknown members. At least 1."""
        self._answers = 0
        self._counts: dict[tuple[Unknown, str], int] = {}

    def note(self, kind: Unknown, name: object) -> None:
        """Counts one sighting. `name` is the provider's word, if it is one, as far as `MAX_NAME` characters."""
        word = name[:MAX_NAME] if isinstance(name, str) else ""
        if not _NAME.fullmatch(word):
            word = OTHER
        if (kind, word) not in self._counts and len(self._counts) >= MAX_NAMES:
            word = OTHER
        self._counts[kind, word] = self._counts.get((kind, word), 0) + 1

    def sampled(self) -> bool:
        """Counts an answer; whether it is one to be searched."""
        self._answers += 1
        return (self._answers - 1) % self.sample_every == 0

    def counts(self) -> Counts:
        """What was seen until now, by kind and name in order."""
        told: Counts = {}
        for (kind, name), count in sorted(self._counts.items(), key=lambda item: (item[0][0].value, item[0][1])):
            told.setdefault(kind.value, {})[name] = count
        return told
