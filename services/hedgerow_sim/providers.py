"""What is remembered from call to call, apart for each provider that a test plays on this process.

A path that begins with `/_sim/as/NAME` is NAME's; all others are the provider's without a name.
"""

import time
from collections.abc import Callable, Collection
from typing import Final

import msgspec

from hedgerow_sim.laws import Law
from hedgerow_sim.limits import Gate, Limits

_MOST_KEYS: Final = 100_000


class Switch(msgspec.Struct, frozen=True):
    """A setting made over HTTP, for a while or until it is taken back."""

    law: Law | None = None
    """The pace instead of the process's own."""
    fault: str | None = None
    """What every call meets, whatever its model's name: the name of a behaviour without `sim-`."""
    until: float | None = None
    """Monotonic seconds; None for ever."""
    said: str = ""
    """The law as it was asked for."""


class Provider:
    """The state of one NAME. Keys are the tests' own: nothing is shared between two of them."""

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.name = name
        self.clock = clock
        self._counts: dict[str, int] = {}
        self._begun: dict[str, float] = {}

    def count(self, key: str) -> int:
        """How often this was asked for this key, this time included."""
        if len(self._counts) >= _MOST_KEYS:
            self._counts.clear()
        number = self._counts[key] = self._counts.get(key, 0) + 1
        return number

    def since(self, key: str) -> float:
        """Seconds since this was first asked for this key."""
        if len(self._begun) >= _MOST_KEYS:
            self._begun.clear()
        now = self.clock()
        return now - self._begun.setdefault(key, now)


class Switchboard:
    """The providers of a process, their laws and their outages; what is set for "" holds for all without their own."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, keys: Collection[str] | None = None) -> None:
        self._clock = clock
        self.keys = keys
        """The API keys that are good, None: any, or none at all."""
        self._providers: dict[str, Provider] = {}
        self._laws: dict[str, Switch] = {}
        self._outages: dict[str, Switch] = {}
        self._gates: dict[str, Gate] = {}

    def provider(self, name: str) -> Provider:
        """The state of a NAME."""
        if (found := self._providers.get(name)) is None:
            found = self._providers[name] = Provider(name, self._clock)
        return found

    def set_law(self, name: str, said: str, law: Law, for_s: float | None) -> None:
        """Paces a provider, for so many seconds or until it is cleared."""
        self._laws[name] = Switch(law=law, until=self._until(for_s), said=said)

    def set_outage(self, name: str, fault: str, for_s: float | None) -> None:
        """Gives a provider a fault, for so many seconds or until it is cleared."""
        self._outages[name] = Switch(fault=fault, until=self._until(for_s))

    def clear_law(self, name: str) -> None:
        """Goes back to the process's law."""
        self._laws.pop(name, None)

    def clear_outage(self, name: str) -> None:
        """Ends an outage."""
        self._outages.pop(name, None)

    def set_limits(self, name: str, limits: Limits) -> None:
        """Gives a provider limits, with full buckets; those without any of their own share nothing of those of ""."""
        self._gates = {one: gate for one, gate in self._gates.items() if one != name and (name or gate.own)}
        self._gates[name] = Gate(limits, self._clock)

    def clear_limits(self, name: str) -> None:
        """Takes the limits of a provider away."""
        self._gates = {one: gate for one, gate in self._gates.items() if one != name and (name or gate.own)}

    def gate(self, name: str) -> Gate | None:
        """What bounds a provider, None where nothing does."""
        if not self._gates:
            return None
        found = self._gates.get(name)
        if found is None and (usual := self._gates.get("")) is not None:
            found = self._gates[name] = Gate(usual.limits, self._clock, own=False)
        return found

    def law(self, name: str) -> Switch | None:
        """The law in force, None for the process's own."""
        return self._now(self._laws, name)

    def outage(self, name: str) -> Switch | None:
        """The outage in force."""
        return self._now(self._outages, name)

    def left_s(self, switch: Switch) -> float | None:
        """For how many seconds it still holds; None for ever."""
        return None if switch.until is None else max(switch.until - self._clock(), 0.0)

    def _until(self, for_s: float | None) -> float | None:
        return None if for_s is None else self._clock() + for_s

    def _now(self, switches: dict[str, Switch], name: str) -> Switch | None:
        # Nearly every call comes here with nothing switched.
        if not switches:
            return None
        for one in (name, ""):
            switch = switches.get(one)
            if switch is not None and (switch.until is None or self._clock() < switch.until):
                return switch
        return None
