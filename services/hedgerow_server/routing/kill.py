"""Switches that an operator throws: a provider, a model or a tenant that shall not be served, at once."""

import enum
from collections.abc import Iterable

import msgspec

from hedgerow_server.core.call import Principal
from hedgerow_server.core.error import SwitchedOff


class Scope(enum.Enum):
    """What a switch is about."""

    PROVIDER = "provider"
    """A configured provider, by its name."""
    MODEL = "model"
    """A model as callers name it, or as `provider/model` one candidate of any route."""
    TENANT = "tenant"
    """Everybody of a tenant."""


class Switch(msgspec.Struct, frozen=True):
    """One thing that is switched off."""

    scope: Scope
    name: str
    reason: str
    """Why, in the words of whoever did it; callers do not see it."""
    since_unix_s: float


class KillSwitches:
    """What is switched off now. Outlives configurations, not the process."""

    def __init__(self) -> None:
        self._off: dict[tuple[Scope, str], Switch] = {}

    @property
    def thrown(self) -> bool:
        """Whether anything is off."""
        return bool(self._off)

    def throw(self, switch: Switch) -> None:
        """Switches something off."""
        self._off[switch.scope, switch.name] = switch

    def restore(self, scope: Scope, name: str) -> bool:
        """Switches it on again; False where it was not off."""
        return self._off.pop((scope, name), None) is not None

    def become(self, switches: Iterable[Switch]) -> None:
        """These are off, and nothing else."""
        self._off = {(one.scope, one.name): one for one in switches}

    def all(self) -> tuple[Switch, ...]:
        """What is off, oldest first."""
        return tuple(sorted(self._off.values(), key=lambda one: one.since_unix_s))

    def check(self, principal: Principal | None, model: str, configured: str) -> None:
        """Raises SwitchedOff where the caller's tenant or the model as such is off, by the name that the caller used or
        by the configured one, such as `openai/*`.
        """
        if not self._off:
            return
        if principal is not None and (Scope.TENANT, principal.tenant) in self._off:
            raise SwitchedOff("The operator has switched this tenant off.", metadata={"scope": "tenant"})
        if (Scope.MODEL, model) in self._off or (Scope.MODEL, configured) in self._off:
            raise SwitchedOff(
                f"The operator has switched the model {model!r} off.", metadata={"scope": "model", "model": model}
            )

    def off(self, provider: str, model: str) -> bool:
        """Whether a candidate is off."""
        if not self._off:
            # Asked for every attempt.
            return False
        return (Scope.PROVIDER, provider) in self._off or (Scope.MODEL, f"{provider}/{model}") in self._off
