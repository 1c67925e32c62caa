"""Limits that hold: a bucket of requests and one of tokens for each key and model, refilled steadily.

A request takes one request and the tokens of its prompt when it comes, and the tokens of its answer when they are
sent; so a bucket of tokens may be overdrawn, and has to fill again before the next one is let in. What is refused takes
nothing.
"""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import msgspec

from hedgerow_sim.script import Head, Script, Send

_MINUTE_S: Final = 60.0
_MOST_KEYS: Final = 100_000


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What each key may do with each model in a minute, which is also what may come at once. None: anything."""

    requests_per_minute: Annotated[int, msgspec.Meta(ge=1)] | None = None
    tokens_per_minute: Annotated[int, msgspec.Meta(ge=1)] | None = None
    told: bool = True
    """Whether answers tell of it in their headers, where the dialect has any."""


class Bucket:
    """A bucket of so much that flows back within a minute."""

    def __init__(self, most: int, now_s: float) -> None:
        self.most = most
        self._level = float(most)
        self._at_s = now_s

    def level(self, now_s: float) -> float:
        """What is in it."""
        self._level = min(self.most, self._level + (now_s - self._at_s) * self.most / _MINUTE_S)
        self._at_s = now_s
        return self._level

    def take(self, amount: int, now_s: float) -> None:
        """Takes so much, were it not there."""
        self._level = self.level(now_s) - amount

    def lacks_s(self, amount: int, now_s: float) -> float:
        """How long until so much is there; of more than there ever is, all there is."""
        return max(0.0, min(amount, self.most) - self.level(now_s)) * _MINUTE_S / self.most


class Left(msgspec.Struct, frozen=True):
    """How a limit stands."""

    name: str
    """What is counted: requests or tokens."""
    most: int
    left: int
    reset_s: float
    """Until all of it is there again."""


class Pass(msgspec.Struct, frozen=True):
    """What became of a request."""

    left: tuple[Left, ...]
    """How the limits stand after it."""
    lacking: str = ""
    """Of one that is refused: the limit that it is beyond, in words."""
    after_s: float = 0.0
    """Of one that is refused: how long until it would be let in."""
    tokens: Bucket | None = None
    """Where the tokens of the answer are taken."""


class Gate:
    """The buckets of one provider."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic, *, own: bool = True) -> None:
        self.limits = limits
        self.own = own
        """Whether they were set for this provider, and not for all."""
        self._clock = clock
        self._buckets: dict[tuple[object, ...], dict[str, Bucket]] = {}

    def admit(self, key: tuple[object, ...], tokens: int) -> Pass:
        """Takes a request with so many tokens out of the buckets of a key, or tells why not."""
        now_s = self._clock()
        if len(self._buckets) >= _MOST_KEYS:
            self._buckets.clear()
        buckets = self._buckets.get(key)
        if buckets is None:
            buckets = self._buckets[key] = self._full(now_s)
        amounts = {"requests": 1, "tokens": tokens}
        waits_s = {name: one.lacks_s(amounts[name], now_s) for name, one in buckets.items()}
        name = max(waits_s, key=lambda one: waits_s[one], default="")
        if name and waits_s[name] > 0:
            lacking = f"{name} per minute: Limit {buckets[name].most}, Requested {amounts[name]}"
            return Pass(self._left(buckets, now_s), lacking, waits_s[name])
        for name, one in buckets.items():
            one.take(amounts[name], now_s)
        return Pass(self._left(buckets, now_s), tokens=buckets.get("tokens"))

    def played(self, admitted: Pass, script: Script) -> Script:
        """The script of an answer. Its head tells of the limits in the way of its provider, and its tokens are taken as
        they are sent.
        """
        for step in script:
            if isinstance(step, Send) and step.tokens and admitted.tokens is not None:
                admitted.tokens.take(step.tokens, self._clock())
            if isinstance(step, Head) and self.limits.told:
                tell = _telling(step.headers)
                headers = {**step.headers}
                for one in admitted.left:
                    headers |= tell(one)
                yield msgspec.structs.replace(step, headers=headers)
            else:
                yield step

    def _full(self, now_s: float) -> dict[str, Bucket]:
        most = {"requests": self.limits.requests_per_minute, "tokens": self.limits.tokens_per_minute}
        return {name: Bucket(one, now_s) for name, one in most.items() if one is not None}

    def _left(self, buckets: Mapping[str, Bucket], now_s: float) -> tuple[Left, ...]:
        return tuple(
            Left(name, one.most, max(0, int(one.level(now_s))), one.lacks_s(one.most, now_s))
            for name, one in buckets.items()
        )


def _openai(one: Left) -> Mapping[str, str]:
    """See https://platform.openai.com/docs/guides/rate-limits."""
    reset = f"{one.reset_s:.3f}s" if one.reset_s >= 1 else f"{one.reset_s * 1000:.0f}ms"
    return {
        f"x-ratelimit-limit-{one.name}": str(one.most),
        f"x-ratelimit-remaining-{one.name}": str(one.left),
        f"x-ratelimit-reset-{one.name}": reset,
    }


def _anthropic(one: Left) -> Mapping[str, str]:
    """See https://docs.claude.com/en/api/rate-limits. Whole seconds, rounded up."""
    moment = datetime.now(UTC) + timedelta(seconds=one.reset_s + 1)
    head = f"anthropic-ratelimit-{one.name}"
    return {
        f"{head}-limit": str(one.most),
        f"{head}-remaining": str(one.left),
        f"{head}-reset": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _untold(one: Left) -> Mapping[str, str]:
    """Google, Amazon, Cohere and Ollama tell nothing."""
    return {}


def _telling(headers: Mapping[str, str]) -> Callable[[Left], Mapping[str, str]]:
    """The way of a provider, by its other headers."""
    if "anthropic-organization-id" in headers:
        return _anthropic
    return _openai if "openai-version" in headers or "apim-request-id" in headers else _untold
