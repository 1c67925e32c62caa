"""The gate before the doors: which calls are let in while there are more than can be served.

A call's group is its tenant, as soon as the credential that it brings has been good once. Those with credentials that
nobody knows yet share one group, so that guessing keys earns no share; those without any are told apart by where they
come from. Nothing of a credential is kept but a hash of this process.

Tries after a refusal, which say so, have a few places that first ones do not get: whoever has waited as he was told is
not overtaken by those who come anew.
"""

import random
from collections import Counter
from collections.abc import Callable, Hashable
from types import MappingProxyType
from typing import Protocol

from hedgerow_server.core.error import Overloaded
from hedgerow_server.doors.pressure import Pressure
from hedgerow_server.doors.shares import Shares, whole

CAUSES = MappingProxyType(
    {
        "calls": "The gateway has too many open calls.",
        "share": "The gateway is nearly full, and the caller's tenant has its share of it.",
        "delay": "The gateway is too busy.",
        "memory": "The gateway is short of memory.",
    }
)
"""Why a call is refused, and in which words."""
_STRANGERS = ("stranger",)
_KNOWN = 20_000
"""Credentials whose tenants are remembered; the oldest goes first."""
_RESERVE = 20
"""One in so many places is kept for calls that were refused before."""
_NEAR = 0.8
"""From which part of its limit on the front looks at calls."""
_WINDOW_S, _KEPT, _LEAST = 0.5, 0.8, 0.05
"""For how long calls count that were let in: each 100 ms a fifth of them is forgotten."""
_MOST_REFUSED = 0.25
"""Of the calls that come to Python, how many are refused for a delay at most. A refusal costs grpc.aio as much as an
echo: with more of them little else would be done, and C-core cancels what is too much for less. It chooses blindly,
though: where one group has more than all others together, as many are refused as need be, and they are that one's."""
_PROMPT_S = 0.02
"""A loop that was no later had time for calls, had there been any."""
_BACK_IN_S = (0.5, 0.625, 0.75, 0.875, 1.0)
_HARDER = 4
"""How many times as long the gateway sends callers away when it is at its worst."""


class Queue(Protocol):
    """Calls that have come and are before the doors."""

    def __call__(self, behind: int, unread: int, *, idle: bool) -> tuple[int, int]:
        """How many they are, and how many are left of those that were taken and whose message has yet to come: `unread`
        were thought to be. `behind` are further on. `idle`: none was taken of late, and some could have been.
        """


class Gate:
    """Counts open calls, and refuses some."""

    def __init__(self, pressure: Pressure, queue: Queue | None = None) -> None:
        """`queue` None: nothing waits before the doors that they do not know of."""
        self.pressure = pressure
        self.refused: Counter[tuple[str, str]] = Counter()
        """By door and cause."""
        self.waiting = 0
        """Calls that wait before the gRPC door, as of the last tick."""
        self.watching: Callable[[], int] = _none
        """How many calls of the gRPC door never come past here, such as those that watch its health."""
        self._queue = queue
        self._open = Shares(pressure.limit)
        self._recent = Shares(0.0)
        self._known: dict[int, str] = {}
        self._at_grpc = self._unread = self._arrived = self._taken = 0
        self._rate_s = 0.0

    @property
    def calls(self) -> int:
        """How many are open."""
        return int(self._open.taken)

    @property
    def grade(self) -> int:
        """0: all is well. 1: nearly full, tenants have shares. 2: calls are refused for the delay, or fewer may be
        open, for want of memory. 3: no call is let in, or hardly any.
        """
        pressure, taken = self.pressure, self._open.taken
        if self._full(retried=False) or pressure.refused_share >= 0.9:
            return 3
        if pressure.refused_share > 0 or pressure.limit < pressure.max_calls:
            return 2
        return 1 if taken >= _NEAR * pressure.limit else 0

    def group(self, authorization: str | None, peer: str) -> Hashable:
        """Whose a call is, as far as is known before anybody has looked at its credential."""
        if authorization is not None:
            return self._known.get(hash(authorization), _STRANGERS)
        return "peer", host_of(peer)

    # The gRPC door's first look, before the message is there.

    def sees(self) -> bool:
        """A call has come. Whether `look` should have a look at it."""
        self._taken += 1
        self._unread += 1
        return self._wary()

    def look(self, authorization: str | None, *, retried: bool) -> Overloaded | None:
        """An error for a call that is not let in. Whose it is only a credential says here: `enter` looks at those that
        come without.
        """
        group = self._known.get(hash(authorization), _STRANGERS) if authorization is not None else None
        cause = self._full(retried=retried)
        if group is not None:
            cause = cause or self._too_much(group) or self._too_soon(group, retried=retried)
        if cause is None:
            return None
        self._arrived += 1
        self._unread -= 1
        return self._refusal("grpc", cause)

    # Each call.

    def enter(self, door: str, authorization: str | None, peer: str, *, retried: bool) -> Hashable:
        """Lets a call in; returns its group, to be handed to `leave`. Raises Overloaded."""
        looked_at = False
        if door == "grpc":
            self._unread = max(0, self._unread - 1)
            looked_at = authorization is not None
        self._arrived += 1
        group = self.group(authorization, peer)
        if self._wary():
            cause = self._full(retried=retried) or self._too_much(group)
            if cause is None and not looked_at:
                cause = self._too_soon(group, retried=retried)
            if cause is not None:
                raise self._refusal(door, cause)
        self._at_grpc += door == "grpc"
        self._open.take(group)
        return group

    def leave(self, door: str, group: Hashable, authorization: str | None, tenant: str | None) -> None:
        """It has ended. `tenant`: whose credential it was, where that was found out."""
        self._at_grpc -= door == "grpc"
        self._open.give_back(group)
        if tenant is not None and authorization is not None and group is _STRANGERS:
            known = self._known
            if len(known) >= _KNOWN:
                del known[next(iter(known))]
            known[hash(authorization)] = tenant

    # What the clock says.

    def tick(self, lag_s: float, took_s: float) -> None:
        """Each 100 ms: how late the event loop was, and how long ago the last tick was."""
        if self._queue is not None:
            idle = not self._taken and lag_s < _PROMPT_S
            behind = self._at_grpc + self.watching()
            self.waiting, self._unread = self._queue(behind, self._unread, idle=idle)
        pressure = self.pressure
        pressure.tick(lag_s, self.waiting, self._taken, took_s, self.calls)
        self._open.size = pressure.limit
        self._rate_s += 0.3 * (self._arrived / took_s - self._rate_s)
        self._arrived = self._taken = 0
        if pressure.refused_share:
            self._recent.fade(_KEPT, _LEAST)
            refused = pressure.refused_share
            if not self._recent.has_a_hog():
                refused = min(refused, _MOST_REFUSED)
            self._recent.size = whole(self._rate_s * (1 - refused) * _WINDOW_S)
        elif len(self._recent):
            self._recent.clear()

    # Whether, and why not.

    def _wary(self) -> bool:
        pressure = self.pressure
        return pressure.refused_share > 0 or self._open.taken >= _NEAR * pressure.limit

    def _full(self, *, retried: bool) -> str | None:
        limit = self.pressure.limit
        if self._open.taken < (limit if retried else limit - limit // _RESERVE):
            return None
        return "memory" if limit < self.pressure.max_calls else "calls"

    def _too_much(self, group: Hashable) -> str | None:
        return "share" if self._open.has_its_share(group) else None

    def _too_soon(self, group: Hashable, *, retried: bool) -> str | None:
        if not self.pressure.refused_share:
            return None
        if self._recent.has_its_share(group, 1 + retried):
            return "delay"
        self._recent.take(group)
        return None

    def _refusal(self, door: str, cause: str) -> Overloaded:
        self.refused[door, cause] += 1
        times = 1 + (_HARDER - 1) * self.pressure.refused_share
        return Overloaded(CAUSES[cause], retry_delay_s=random.choice(_BACK_IN_S) * times)  # noqa: S311 - spreads them


def host_of(peer: str) -> str:
    """The address in a peer's name, without its port, where it has one."""
    kind, _, rest = peer.partition(":")
    if kind == "ipv4":
        return rest.partition(":")[0]
    # C-core writes the brackets of IPv6 as a URI would.
    return rest.replace("%5D", "]").partition("]")[0]


def _none() -> int:
    return 0
