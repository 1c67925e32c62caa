"""What the attempts of a call may cost, and what they came to.

Under a hard budget nothing is sent before the call has taken the most that it can cost: what its attempts have cost so
far, the most that those under way can, and the most that the next one can. An attempt that this leaves no room for is
not made.
"""

import functools
from collections.abc import Sequence

import msgspec

from hedgerow_server.core.error import HedgerowError
from hedgerow_server.core.event import AttemptOutcome
from hedgerow_server.core.hold import Hold, Spent
from hedgerow_server.core.request import ChatSpec, EmbedSpec, ProviderTool
from hedgerow_server.core.tokens import InputTokens
from hedgerow_server.pricing.estimate import highest, input_size
from hedgerow_server.routing.candidate import Candidate
from hedgerow_server.routing.leg import Leg

APART = (AttemptOutcome.HEDGE_LOST, AttemptOutcome.REPLACED)
"""Outcomes whose cost is the route's, not the caller's."""
_LEFT = (*APART, AttemptOutcome.CANCELLED)
"""Outcomes after which an answer may be read on."""
_NOTHING = Spent()


def bound_picos(spec: ChatSpec | EmbedSpec, size: InputTokens, candidate: Candidate) -> int | None:
    """The most that an attempt can cost there; None: its price is not known, or it has no bound."""
    if candidate.price is None:
        return None
    facts = candidate.facts
    return highest(
        spec,
        size,
        candidate.price,
        max_output_tokens=facts.max_output_tokens if facts is not None else None,
        context_tokens=facts.context_tokens if facts is not None else None,
    )


def unbounded(hold: Hold, spec: ChatSpec | EmbedSpec, size: InputTokens, candidate: Candidate) -> HedgerowError:
    """Why a candidate is not asked whose cost has no bound."""
    field = _boundless(spec, size, candidate)
    # All tokens are bounded: some have no price.
    priced = candidate.price is not None and bool(field)
    return hold.unbounded(candidate.label, priced=priced, field=field)


def _boundless(spec: ChatSpec | EmbedSpec, size: InputTokens, candidate: Candidate) -> str:
    """The field of the request that bounds nothing, or would; empty: there is none."""
    facts = candidate.facts
    message = "embed" if isinstance(spec, EmbedSpec) else "chat"
    if size.bound is None:
        if isinstance(spec, ChatSpec) and any(isinstance(tool, ProviderTool) for tool in spec.tools):
            return "chat.tools"
        if spec.provider_options:
            return f"{message}.provider_options"
        if facts is None or facts.context_tokens is None:
            return "chat.messages"
    limits = (facts.max_output_tokens, facts.context_tokens) if facts is not None else ()
    if isinstance(spec, ChatSpec) and spec.max_output_tokens is None and not any(limits):
        return "chat.max_output_tokens"
    return ""


class Purse:
    """The money and the tokens of one search."""

    def __init__(self, hold: Hold, spec: ChatSpec | EmbedSpec) -> None:
        self._hold = hold
        self._spec = spec

    @functools.cached_property
    def _size(self) -> InputTokens | None:
        """The size of the input. Few calls come to where it is asked for: what a call has taken covers its first
        attempt.
        """
        spec = self._spec
        return input_size(spec) if self._hold.bounded or isinstance(spec, EmbedSpec) else None

    def spec(self, candidate: Candidate) -> ChatSpec | EmbedSpec:
        """What the candidate is asked: where a budget needs a bound, with the longest output that it counts with."""
        spec, facts = self._spec, candidate.facts
        if not self._hold.bounded or not isinstance(spec, ChatSpec) or facts is None:
            return spec
        most = facts.max_output_tokens
        if most is None or (spec.max_output_tokens is not None and spec.max_output_tokens <= most):
            return spec
        return msgspec.structs.replace(spec, max_output_tokens=most)

    def allows(self, candidate: Candidate, legs: Sequence[Leg], *, hedge: bool) -> HedgerowError | None:
        """Takes what one more attempt can cost; returns why it may not be made."""
        if not legs and self._hold.covered:
            return None
        bound = 0
        if self._hold.bounded:
            assert self._size is not None
            found = bound_picos(self._spec, self._size, candidate)
            if found is None:
                return unbounded(self._hold, self._spec, self._size, candidate)
            bound = found
        committed = self._committed(legs)
        tokens = committed.tokens + self._size.expected if isinstance(self._spec, EmbedSpec) and self._size else 0
        error = self._hold.cover(committed.charged_picos + bound, tokens)
        if error is None and hedge:
            # Of the two one will be nobody's.
            error = self._hold.cover_overhead(bound)
        return error

    def _bound(self, leg: Leg) -> int:
        if self._size is None:
            return 0
        return bound_picos(self._spec, self._size, leg.candidate) or 0

    def _committed(self, legs: Sequence[Leg]) -> Spent:
        spent = _NOTHING
        for leg in legs:
            record = leg.attempt.record
            if record is None or record.outcome is None:
                spent += Spent(charged_picos=self._bound(leg))
            else:
                spent += self._of(leg)
        return spent

    def _of(self, leg: Leg) -> Spent:
        """What an attempt came to that has ended. Where the provider has yet to count it, or does not say, a hard
        budget takes it for the most that it can be.
        """
        record = leg.attempt.record
        if record is None:
            return _NOTHING
        cost, usage = record.cost_picos, record.usage
        # Providers bill nothing before they answer.
        if self._hold.bounded and (leg.attempt.open_ended or (usage is not None and cost is None)):
            cost = max(cost or 0, self._bound(leg))
        if record.outcome in APART:
            return Spent(overhead_picos=cost or 0)
        if usage is None:
            return Spent(charged_picos=cost or 0)
        output = usage.output_tokens
        return Spent(cost or 0, 0, usage.input_tokens + output, output)

    def book(self, legs: Sequence[Leg]) -> None:
        """The search is over: tells what its attempts came to. What is read on for its usage is told again then."""
        total = _NOTHING
        for leg in legs:
            spent = self._of(leg)
            total = spent if total is _NOTHING else total + spent
            record = leg.attempt.record
            if record is not None and record.outcome in _LEFT:
                leg.attempt.on_counted = _Correction(self, leg, spent)
        self._hold.book(total)

    def correct(self, leg: Leg, told: Spent) -> None:
        """What an attempt came to is known better."""
        self._hold.book(self._of(leg) - told)


class _Correction:
    """Tells once what an attempt came to beyond what was told of it."""

    __slots__ = ("_leg", "_purse", "_told")

    def __init__(self, purse: Purse, leg: Leg, told: Spent) -> None:
        self._purse = purse
        self._leg = leg
        self._told = told

    def __call__(self) -> None:
        self._purse.correct(self._leg, self._told)
