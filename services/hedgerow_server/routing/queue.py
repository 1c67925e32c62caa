"""The place of one call in the queues of the pools that its attempts need."""

import time
from collections.abc import Sequence

from hedgerow_server.core.call import Call
from hedgerow_server.core.error import ProviderThrottled
from hedgerow_server.core.request import ChatSpec, EmbedSpec
from hedgerow_server.core.tokens import USUAL_OUTPUT_TOKENS, input_tokens
from hedgerow_server.routing.candidate import Candidate
from hedgerow_server.routing.leg import Leg
from hedgerow_server.routing.pool import Pool, Turn

_REFUSED = 400
"""From this status on an answer is a refusal, which uses up no tokens."""


class Queue:
    """The turns of one search."""

    def __init__(self, call: Call, spec: ChatSpec | EmbedSpec) -> None:
        self._call = call
        self._spec = spec
        self._tokens: int | None = None
        self._turns: dict[Candidate, list[tuple[Pool, Turn]]] = {}
        self._granted: set[Candidate] = set()
        self.paced: dict[Candidate, Pool] = {}
        """Candidates that were passed over since they have no turn."""

    def enter(self, candidate: Candidate, pool: Pool) -> bool:
        """Takes a turn for an attempt, unless one was waited for; False where there is none now."""
        if candidate in self._granted:
            self._granted.discard(candidate)
            return True
        turn = pool.take(self._tenant, self._expected() if pool.counts else 0)
        if turn is None:
            self.paced[candidate] = pool
            return False
        self._turns.setdefault(candidate, []).append((pool, turn))
        return True

    async def wait(self, within_s: float) -> tuple[Candidate | None, float]:
        """Waits for a turn at the one of those passed over that has one first, at most so long; tells how long."""
        candidate = min(self.paced, key=lambda one: self.paced[one].wait_s(self._tenant))
        if within_s <= 0:
            return None, 0.0
        pool, began_s = self.paced[candidate], time.monotonic()
        turn = await pool.turn(self._tenant, self._expected(), within_s)
        waited_s = self._call.waited("queue", began_s)
        self._call.queue_s += waited_s
        if turn is None:
            return None, waited_s
        del self.paced[candidate]
        self._turns.setdefault(candidate, []).append((pool, turn))
        self._granted.add(candidate)
        return candidate, waited_s

    def back(self, candidate: Candidate) -> None:
        """Nothing was sent there after all."""
        self._granted.discard(candidate)
        turns = self._turns.get(candidate)
        if turns:
            pool, turn = turns.pop()
            pool.back(turn)

    def over(self, legs: Sequence[Leg]) -> None:
        """The search is over: what its attempts came to is counted in the place of what was expected."""
        if not self._turns:
            return
        for leg in legs:
            turns = self._turns.get(leg.candidate)
            if not turns:
                continue
            pool, turn = turns.pop(0)
            record = leg.attempt.record
            if record is None:
                pool.back(turn)
                continue
            tokens: int | None = None
            status = record.upstream_status
            if record.usage is not None:
                tokens = record.usage.input_tokens + record.usage.output_tokens
            elif status >= _REFUSED:
                tokens = 0
            pool.over(turn, tokens, heard=bool(status))

    def full(self) -> ProviderThrottled:
        """Why nobody was asked."""
        first = next(iter(self.paced))
        return ProviderThrottled(
            f"The limit of {first.label} leaves no room for the call, and its turn does not come in time.",
            metadata={"provider": first.upstream.name, "model": first.model},
            retry_delay_s=max(0.0, min(one.wait_s(self._tenant) for one in self.paced.values())),
        )

    @property
    def _tenant(self) -> str:
        return self._call.principal.tenant if self._call.principal is not None else ""

    def _expected(self) -> int:
        if self._tokens is None:
            spec = self._spec
            self._tokens = input_tokens(spec).expected
            if isinstance(spec, ChatSpec):
                self._tokens += min(spec.max_output_tokens or USUAL_OUTPUT_TOKENS, USUAL_OUTPUT_TOKENS)
        return self._tokens
