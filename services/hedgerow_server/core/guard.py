"""What guards look at and what they find. What is done about that is the pipeline's business, not theirs."""

import enum
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import msgspec

from hedgerow_server.core.request import ChatSpec, EmbedSpec, ToolCall


class Side(enum.Enum):
    """What is looked at."""

    INPUT = 1
    OUTPUT = 2


class Action(enum.Enum):
    """What was done about a finding."""

    FLAGGED = 1
    REDACTED = 2
    REROUTED = 3
    BLOCKED = 4


class Source(enum.Enum):
    """Who wrote a text, and so how far it is trusted."""

    SYSTEM = "system"
    """Instructions of whoever runs the application: system and developer messages."""
    USER = "user"
    ASSISTANT = "assistant"
    """Earlier answers, in a request."""
    TOOL_RESULT = "tool_result"
    """What a function returned: others may have written it."""
    DOCUMENT = "document"
    """The text of a file: others may have written it."""
    EMBEDDING = "embedding"
    """An input of an embedding model."""
    ANSWER = "answer"
    """What the model says, refusals and transcripts of spoken words included."""
    REASONING = "reasoning"
    """What the model thinks."""
    ARGUMENTS = "arguments"
    """A string in the arguments of a tool call, of an answer or of a request."""


class Finding(msgspec.Struct, frozen=True):
    """A place in a text. Never holds the text itself."""

    start: int
    """The first of its code points."""
    end: int
    """One behind its last."""
    category: str
    """What it is, such as "pii.email" or "injection.direct"."""
    replacement: str = ""
    """What stands in its place once it is redacted, such as "[EMAIL]". Never grows with the text."""
    score: float | None = None
    """How sure the guard is, 0 to 1; None: it does not tell."""


class Scan(msgspec.Struct, frozen=True):
    """What was found so far."""

    findings: Sequence[Finding]
    """In order, without overlaps, none beyond `settled`."""
    settled: int
    """Up to here nothing that follows can change what was found."""


@runtime_checkable
class Scanner(Protocol):
    """Looks through a text as it comes, without state: what is found does not depend on how the text was split."""

    context: int
    """How many code points before `begin` it has to see again."""

    def scan(self, text: str, source: Source, begin: int, *, final: bool) -> Scan:
        """Looks at `text` from `begin` on: what stands before has been settled already and is there to be looked back
        at, `context` code points of it at least unless the whole text is shorter. `final`: nothing follows, so all of
        it is settled; else `settled` is a place from `begin` to the end of `text` in which no finding is cut.

        Takes time linear in the length of `text`, and at most 1 ms for 8 KiB.
        """


@runtime_checkable
class Paced(Protocol):
    """A scanner that takes much longer for some texts than for others, and can tell which."""

    def reach(self, text: str, begin: int, end: int) -> int:
        """How far it may be shown more of a text from `begin` on, at most to `end`, for one look to take about a
        millisecond. At least 256 code points, unless `end` comes first.
        """


@runtime_checkable
class CallScanner(Protocol):
    """A guard that looks for something else in each call."""

    def scanner(self, spec: ChatSpec | EmbedSpec) -> Scanner | None:
        """The scanner of one call; None: there is nothing to look for."""


@runtime_checkable
class RequestGuard(Protocol):
    """Looks at a request as a whole."""

    def check(self, spec: ChatSpec | EmbedSpec) -> Sequence[Finding]:
        """What it finds; the places mean nothing."""


@runtime_checkable
class ToolCallGuard(Protocol):
    """Looks at the tool calls of an answer, each when it is complete."""

    def check_call(self, spec: ChatSpec, call: ToolCall) -> Sequence[Finding]:
        """What it finds; the places mean nothing."""


class Judged(msgspec.Struct, frozen=True):
    """A piece of text that a remote guard is asked about."""

    text: str
    source: Source


class Asker(msgspec.Struct, frozen=True):
    """For whom a remote guard is asked."""

    tenant: str
    request_id: str
    model: str
    """The model name that the caller uses."""
    side: Side = Side.INPUT
    """Which way the texts go."""
    residency: tuple[frozenset[str], ...] = ()
    """The regions where they may go, by each place that restricts them: the caller, the route, the call. A guard in a
    region must be in all of these. Empty: anywhere."""
    trace: tuple[tuple[str, str], ...] = ()
    """Headers that carry the call's trace on, as for a provider."""


@runtime_checkable
class RemoteGuard(Protocol):
    """A guard that runs elsewhere."""

    piece: int
    """The most code points that it is asked about at once."""

    async def judge(self, pieces: Sequence[Judged], asker: Asker) -> Sequence[Sequence[Finding]]:
        """What it finds in each of them. Raises GuardFailed, within its time."""

    async def close(self) -> None:
        """Lets go of its connections."""


class GuardFailed(Exception):
    """A guard could not tell. The text names the guard's trouble, and nothing of what it looked at."""


Guard = Scanner | CallScanner | RequestGuard | ToolCallGuard | RemoteGuard
"""One guard; it may be several of them at once."""
