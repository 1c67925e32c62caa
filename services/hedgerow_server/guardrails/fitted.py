"""A guard with its entry, made ready for calls."""

import enum
import hashlib
import json
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Literal

import msgspec

from hedgerow_server.core.guard import (
    Action,
    CallScanner,
    Guard,
    Paced,
    RemoteGuard,
    RequestGuard,
    Scanner,
    Side,
    Source,
    ToolCallGuard,
)
from hedgerow_server.guardrails.entry import GuardEntry

Does = Literal["block", "redact", "flag", "route", "truncate"]
_VERDICTS: dict[Does, Action] = {
    "block": Action.BLOCKED,
    "redact": Action.REDACTED,
    "flag": Action.FLAGGED,
    "route": Action.REROUTED,
    "truncate": Action.REDACTED,
}


class Fitted(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """One guard as the configuration has it."""

    name: str
    does: Does
    """What is done about what it finds."""
    verdict: Action
    """What its verdicts say that was done."""
    shadow: bool
    must: bool
    """Whether no call may go on that it could not look at."""
    timeout_s: float
    sources: frozenset[Source] | None
    """Whose words it looks at. None: whatever it is made for."""
    sides: frozenset[Side]
    providers: frozenset[str]
    regions: frozenset[str]
    scanner: Scanner | None
    paced: Paced | None
    """The scanner, if it tells how far a step may go."""
    call_scanner: CallScanner | None
    request_guard: RequestGuard | None
    tool_guard: ToolCallGuard | None
    remote: RemoteGuard | None
    digest: bytes
    """Of its name and its whole configuration."""

    @property
    def changes(self) -> bool:
        """Whether it may keep back something of what it looks at."""
        return not self.shadow and self.does != "flag"

    def looks_at(self, source: Source) -> bool:
        """Whether it is for texts like this."""
        return self.sources is None or source in self.sources


def fit(name: str, entry: GuardEntry, guard: Guard) -> Fitted:
    """Makes a guard ready."""
    told = json.dumps([name, entry.model_dump(round_trip=True)], sort_keys=True, default=_plain)
    return Fitted(
        name=name,
        does=entry.action,
        verdict=_VERDICTS[entry.action],
        shadow=entry.shadow,
        must=entry.on_failure == "closed" and not entry.shadow,
        timeout_s=entry.timeout_seconds,
        sources=frozenset(entry.sources) if entry.sources is not None else None,
        sides=frozenset(Side[one.upper()] for one in entry.sides),
        providers=frozenset(entry.providers),
        regions=frozenset(entry.regions),
        scanner=guard if isinstance(guard, Scanner) else None,
        paced=guard if isinstance(guard, Paced) else None,
        call_scanner=guard if isinstance(guard, CallScanner) else None,
        request_guard=guard if isinstance(guard, RequestGuard) else None,
        tool_guard=guard if isinstance(guard, ToolCallGuard) else None,
        remote=guard if isinstance(guard, RemoteGuard) else None,
        digest=hashlib.sha256(told.encode()).digest(),
    )


def _plain(value: object) -> object:
    """As JSON has it, the same in every process: sets have no order of their own."""
    if isinstance(value, AbstractSet):
        return sorted(map(str, value))
    return value.value if isinstance(value, enum.Enum) else str(value)


class SidePlan(msgspec.Struct, frozen=True, eq=False):
    """The guards of one side, in their order."""

    local: tuple[Fitted, ...]
    """Those that look in this process."""
    remote: tuple[Fitted, ...]
    tools: tuple[Fitted, ...]
    """Those that look at the tool calls of answers."""
    changes: bool
    """Whether any may keep something back."""

    @classmethod
    def of(cls, guards: Sequence[Fitted], side: Side) -> "SidePlan | None":
        """What of the guards is for a side; None: nothing."""
        mine = [one for one in guards if side in one.sides]
        output = side is Side.OUTPUT
        local = tuple(
            one
            for one in mine
            if one.scanner is not None or one.call_scanner is not None or (one.request_guard is not None and not output)
        )
        remote = tuple(one for one in mine if one.remote is not None)
        tools = tuple(one for one in mine if one.tool_guard is not None) if output else ()
        if not (local or remote or tools):
            return None
        return cls(local, remote, tools, any(one.changes for one in mine))


class Policy(msgspec.Struct, frozen=True, eq=False):
    """All guards of a call."""

    input: SidePlan | None
    output: SidePlan | None
    digest: bytes
    """Of the guards and their configuration, in their order."""

    @classmethod
    def of(cls, guards: Sequence[Fitted]) -> "Policy | None":
        """The policy of guards in their order; None for none."""
        if not guards:
            return None
        digest = hashlib.sha256(b"".join(one.digest for one in guards)).digest()
        return cls(SidePlan.of(guards, Side.INPUT), SidePlan.of(guards, Side.OUTPUT), digest)
