"""How one credential is kept: a KV secret whose version is looked at, or a lease that is renewed."""

import json
import random
import time
from collections.abc import Mapping
from typing import Any, Protocol

from hedgerow_server.core.secret import Secret
from hedgerow_server.credentials import static
from hedgerow_server.credentials.lease import HeldLease, SecretUnavailable
from hedgerow_server.credentials.vault.api import Api, Grant, Version
from hedgerow_server.credentials.vault.fault import Trouble, VaultFault
from hedgerow_server.credentials.vault.section import VaultCredential
from hedgerow_server.credentials.vault.session import SHORT, renewal_s

_SPREAD = 0.2


class Watch(Protocol):
    """Keeps one lease supplied. For one thread."""

    held: HeldLease
    due_s: float
    """When the next step is due, by the monotonic clock."""

    def step(self, api: Api, epoch: int, *, asked: bool) -> None:
        """Does what is due; `asked`: whatever is held is no good, so something else is wanted. `epoch` is that of the
        token. Raises VaultFault.
        """

    def missed(self) -> None:
        """Vault is away: what has to be done first when it is back is due."""

    def end(self, api: Api) -> None:
        """Takes back what can be. Raises VaultFault."""


def watch(section: VaultCredential, held: HeldLease, poll_s: float, lots: random.Random) -> Watch:
    """What keeps a credential as its section says."""
    if section.engine == "dynamic":
        return LeaseWatch(section, held, lots)
    return KvWatch(section, held, poll_s, lots)


class KvWatch:
    """Looks at the version of a KV secret every now and then and reads the secret when it is another one."""

    def __init__(self, section: VaultCredential, held: HeldLease, poll_s: float, lots: random.Random) -> None:
        self.held = held
        self.due_s = 0.0
        self._section = section
        self._poll_s = poll_s
        self._lots = lots
        self._version: Version | None = None

    def step(self, api: Api, epoch: int, *, asked: bool) -> None:
        """Reads the secret if it may have changed."""
        mount, path = self._section.mount, self._section.path
        seen = None if asked else _version(api, mount, path)
        if seen is None or seen != self._version:
            secret = _secret(api.read_kv(mount, path), self._section)
            # Read before the secret: should it change in between, the next look will see it.
            self._version = seen
            self.held.take(secret)
        else:
            self.held.confirm()
        self.due_s = time.monotonic() + self._poll_s * self._lots.uniform(1 - _SPREAD, 1 + _SPREAD)

    def missed(self) -> None:
        """The secret may be rotated meanwhile: it is looked at first thing."""
        self.due_s = 0.0

    def end(self, api: Api) -> None:
        """There is nothing to take back."""


class LeaseWatch:
    """Renews a lease at two thirds of its life, and obtains another one before Vault ends it: until then both are good,
    and calls under way end on the old one.
    """

    def __init__(self, section: VaultCredential, held: HeldLease, lots: random.Random) -> None:
        self.held = held
        self.due_s = 0.0
        self._section = section
        self._path = f"{section.mount}/{section.path}"
        self._lots = lots
        self._grant: Grant | None = None
        self._full_s = 0.0
        self._ending = False
        self._epoch = 0
        self._old: dict[str, float] = {}  # leases that run out, and when

    def step(self, api: Api, epoch: int, *, asked: bool) -> None:
        """Renews the lease or obtains another."""
        if asked:
            self._ending, self.due_s = True, 0.0
        # A lease dies with the token that made it.
        if self._grant is None or self._ending or self._epoch != epoch:
            self._obtain(api, epoch)
            return
        try:
            grant = api.renew_lease(self._grant, self._path)
        except VaultFault as fault:
            if fault.trouble is Trouble.AWAY:
                raise
            self._obtain(api, epoch)
            return
        self._keep(grant)
        self.held.confirm()

    def missed(self) -> None:
        """What was to be renewed meanwhile is due by itself."""

    def end(self, api: Api) -> None:
        """Revokes every lease that is not over."""
        now_s = time.monotonic()
        alive = [one for one, ends_s in self._old.items() if ends_s > now_s]
        if self._grant is not None:
            alive.append(self._grant.lease_id)
        self._grant, self._old = None, {}
        for lease_id in alive:
            api.revoke_lease(lease_id, self._path)

    def _obtain(self, api: Api, epoch: int) -> None:
        grant = api.obtain(self._path, self._section.parameters)
        now_s = time.monotonic()
        self._old = {one: ends_s for one, ends_s in self._old.items() if ends_s > now_s}
        if self._grant is not None:
            self._old[self._grant.lease_id] = now_s + self._grant.ttl_s
        self._epoch, self._full_s = epoch, grant.ttl_s
        self._keep(grant)
        self.held.take(_secret(grant.data, self._section))

    def _keep(self, grant: Grant) -> None:
        self._grant, self._full_s = grant, max(self._full_s, grant.ttl_s)
        # What cannot be renewed for a full life any more nears the end that Vault sets.
        self._ending = not grant.renewable or grant.ttl_s < self._full_s * SHORT
        self.due_s = time.monotonic() + renewal_s(grant.ttl_s, self._lots)


def _version(api: Api, mount: str, path: str) -> Version | None:
    """The present version; None where the policy does not let us see it: then the secret is read each time."""
    try:
        return api.version(mount, path)
    except VaultFault as fault:
        if fault.trouble is Trouble.DENIED:
            return None
        raise


def _secret(data: Mapping[str, Any], section: VaultCredential) -> Secret:
    where = f"{section.mount}/{section.path}"
    if section.field is not None:
        text = _text(data, section.field, where)
    else:
        text = json.dumps({name: _text(data, field, where) for name, field in section.fields.items()})
    try:
        return static.checked(text, where)
    except SecretUnavailable as error:
        raise VaultFault(Trouble.INVALID, str(error)) from None


def _text(data: Mapping[str, Any], field: str, where: str) -> str:
    value = data.get(field)
    if not isinstance(value, str) or not value.strip():
        raise VaultFault(Trouble.INVALID, f"{where} has no text in the field {field}")
    return value.strip()
