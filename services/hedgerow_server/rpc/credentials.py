"""AdminService: credentials."""

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

import msgspec

from hedgerow_server.core.call import Call
from hedgerow_server.core.credentials import (
    CredentialAlarm,
    CredentialFacts,
    CredentialRefreshed,
    CredentialsListed,
    RefreshCredentialRequest,
    RotationFacts,
)
from hedgerow_server.core.error import CredentialNotFound, CredentialUnavailable
from hedgerow_server.core.event import Answered, Events
from hedgerow_server.core.slices import in_slices
from hedgerow_server.credentials.alarm import Alarms
from hedgerow_server.credentials.lease import HeldLease
from hedgerow_server.credentials.rotation.rotation import Rotation
from hedgerow_server.routing.rest import Rest
from hedgerow_server.routing.state import States


class Holding(Protocol):
    """A configuration with its credentials."""

    @property
    def leases(self) -> Mapping[str, HeldLease]:
        """By the names of the credentials."""

    def source(self, credential: str) -> str:
        """Where the secret comes from."""

    def users(self, credential: str) -> list[str]:
        """The providers that are called with it."""


class Credentials:
    """Answers operators who look after the providers' keys."""

    def __init__(
        self,
        holding: Callable[[], Holding],
        states: States,
        alarms: Alarms,
        rotation: Callable[[str], Rotation | None],
        spread: Callable[[str], Awaitable[None]] | None = None,
    ) -> None:
        """`holding` is the configuration in force, `rotation` gives that of a credential. `spread` has other processes
        of this router fetch a credential; None: there are none.
        """
        self._spread = spread
        self._holding = holding
        self._states = states
        self._alarms = alarms
        self._rotation = rotation

    async def list_credentials(self, call: Call) -> Events:
        """One event: all of them."""
        aside = await in_slices(self._states.set_aside())
        holding = self._holding()
        yield Answered(CredentialsListed(tuple(self._facts(holding, name, aside) for name in sorted(holding.leases))))

    async def refresh_credential(self, call: Call) -> Events:
        """One event, once the source has answered. Raises CredentialNotFound and CredentialUnavailable."""
        request = call.request
        assert isinstance(request, RefreshCredentialRequest)
        holding, name = self._holding(), request.name
        held = holding.leases.get(name)
        if held is None:
            raise CredentialNotFound(
                f"The configuration has no credential {name!r}.",
                metadata={"credential": name},
                resource=("hedgerow.admin.v1.Credential", name),
            )
        changed = await held.fetch_again()
        if self._spread is not None:
            await self._spread(name)
        if held.problem:
            stays = " The last good secret stays in use." if held.ready else ""
            raise CredentialUnavailable(
                f"The credential {name!r} cannot be fetched: {held.problem}.{stays}", metadata={"credential": name}
            )
        # Also where it is the same: whoever asks may have had the provider let it in again.
        self._states.renewed(name)
        yield Answered(CredentialRefreshed(self._facts(holding, name, {}), changed))

    def _facts(self, holding: Holding, name: str, aside: Mapping[str, Rest]) -> CredentialFacts:
        held, rotation = holding.leases[name], self._rotation(name)
        return msgspec.structs.replace(
            _facts(holding, name, aside),
            rotation=_rotation(held, rotation) if rotation is not None else None,
            alarms=tuple(
                CredentialAlarm(one.kind.value, one.provider, one.reason, one.raised_unix_s)
                for one in self._alarms.of(name)
            ),
        )


def _rotation(held: HeldLease, rotation: Rotation) -> RotationFacts:
    there = bool(held.version)
    return RotationFacts(
        begins_unix_s=rotation.begins_unix_s if there else None,
        due_unix_s=rotation.due_unix_s if there else None,
        waiting=held.waiting is not None,
        problem=rotation.problem,
    )


def _facts(holding: Holding, name: str, aside: Mapping[str, Rest]) -> CredentialFacts:
    held, rest = holding.leases[name], aside.get(name)
    until_s = rest.set_aside_until_s - time.monotonic() if rest is not None else 0.0
    return CredentialFacts(
        name=name,
        source=holding.source(name),
        ready=held.ready,
        problem=held.problem,
        taken_unix_s=held.taken_unix_s or None,
        versions=held.version,
        used_unix_s=held.used_unix_s or None,
        refused_unix_s=held.refused_unix_s or None,
        refusals=held.refusals,
        set_aside_until_unix_s=time.time() + until_s if until_s > 0 else None,
        set_aside_reason=rest.reason if rest is not None and until_s > 0 else "",
        providers=tuple(holding.users(name)),
        made_unix_s=held.made_unix_s or None,
    )
