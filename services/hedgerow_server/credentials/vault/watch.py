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

    def release(self, secret: Secret) -> None:
        """A secret that was handed over is not needed any more: it is taken back with the next step."""

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
            fields, made_unix_s = api.read_kv(mount, path)
            secret = _secret(fields, self._section)
            # Read before the secret: should it change in between, the next look will see it.
            self._version = seen
            self.held.take(secret, made_unix_s)
        else:
            self.held.confirm()
        self.due_s = time.monotonic() + self._poll_s * self._lots.uniform(1 - _SPREAD, 1 + _SPREAD)

    def release(self, secret: Secret) -> None:
        """There is nothing to take back: who has written it ends it."""

    def missed(self) -> None:
        """The secret may be rotated meanwhile: it is looked at first thing."""
        self.due_s = 0.0

    def end(self, api: Api) -> None:
        """There is nothing to take back."""


class _Lease:
    """One lease of an engine, and the secret that it is on."""

    __slots__ = ("due_s", "ending", "epoch", "full_s", "grant", "secret")

    def __init__(self, grant: Grant, secret: Secret, epoch: int) -> None:
        self.secret = secret
        self.epoch = epoch
        self.full_s = 0.0
        self.grant, self.ending, self.due_s = grant, False, 0.0

    def keep(self, grant: Grant, lots: random.Random) -> None:
        """It has this much life now."""
        self.grant, self.full_s = grant, max(self.full_s, grant.ttl_s)
        # What cannot be renewed for a full life any more nears the end that Vault sets.
        self.ending = not grant.renewable or grant.ttl_s < self.full_s * SHORT
        self.due_s = time.monotonic() + renewal_s(grant.ttl_s, lots)


class LeaseWatch:
    """Renews a lease at two thirds of its life, and obtains another one before Vault ends it: until then both are good,
    and calls under way end on the old one.

    Under a policy of rotation a lease that was replaced, or that waits to be put in force, is renewed as well, until it
    is released. Else an old one runs out by itself.
    """

    def __init__(self, section: VaultCredential, held: HeldLease, lots: random.Random) -> None:
        self.held = held
        self.due_s = 0.0
        self._section = section
        self._path = f"{section.mount}/{section.path}"
        self._lots = lots
        self._newest: _Lease | None = None
        self._kept: list[_Lease] = []
        """Older ones that are still needed."""
        self._old: dict[str, float] = {}  # leases that run out, and when
        self._released: list[Secret] = []
        self._wanted = False

    def step(self, api: Api, epoch: int, *, asked: bool) -> None:
        """Renews the leases, obtains another and revokes those that were released, whatever is due."""
        self._wanted = self._wanted or asked
        self._revoke(api)
        self._renew_older(api, epoch)
        newest, now_s = self._newest, time.monotonic()
        # A lease dies with the token that made it.
        if newest is None or newest.epoch != epoch:
            self._obtain(api, epoch, dead=True)
        elif self._wanted or (newest.ending and now_s >= newest.due_s):
            self._obtain(api, epoch, dead=False)
        elif now_s >= newest.due_s:
            if self._renewed(api, newest):
                self.held.confirm()
            else:
                self._newest = None
                self._obtain(api, epoch, dead=True)
        self._schedule()

    def release(self, secret: Secret) -> None:
        """A secret that was handed over is not needed any more."""
        self._released.append(secret)
        self.due_s = 0.0

    def missed(self) -> None:
        """What was to be renewed meanwhile is due by itself."""

    def end(self, api: Api) -> None:
        """Revokes every lease that is not over."""
        now_s = time.monotonic()
        alive = [one for one, ends_s in self._old.items() if ends_s > now_s]
        alive += [one.grant.lease_id for one in self._leases()]
        self._newest, self._kept, self._old = None, [], {}
        for lease_id in alive:
            api.revoke_lease(lease_id, self._path)

    def _leases(self) -> list[_Lease]:
        return [*self._kept, *([self._newest] if self._newest is not None else [])]

    def _revoke(self, api: Api) -> None:
        while self._released:
            for one in [lease for lease in self._leases() if lease.secret == self._released[0]]:
                try:
                    api.revoke_lease(one.grant.lease_id, self._path)
                except VaultFault as fault:
                    if fault.passing:
                        raise
                    # It is over already, or the policy does not let us end it: then it runs out.
                    self._old[one.grant.lease_id] = time.monotonic() + one.grant.ttl_s
                self._forget(one)
            del self._released[0]

    def _forget(self, one: _Lease) -> None:
        if one is not self._newest:
            self._kept.remove(one)
            return
        # It was rejected: the one before it is the newest again.
        self._newest = self._kept.pop() if self._kept else None

    def _renew_older(self, api: Api, epoch: int) -> None:
        now_s = time.monotonic()
        for one in tuple(self._kept):
            if one.epoch != epoch or (now_s >= one.due_s and (one.ending or not self._renewed(api, one))):
                self._kept.remove(one)
                self._old[one.grant.lease_id] = now_s + one.grant.ttl_s

    def _renewed(self, api: Api, one: _Lease) -> bool:
        """Renews a lease; False where Vault does it no more."""
        try:
            grant = api.renew_lease(one.grant, self._path)
        except VaultFault as fault:
            if fault.trouble is Trouble.AWAY:
                raise
            return False
        one.keep(grant, self._lots)
        return True

    def _obtain(self, api: Api, epoch: int, *, dead: bool) -> None:
        """Another lease; `dead`: the newest one is good for nothing any more."""
        grant = api.obtain(self._path, self._section.parameters)
        now_s = time.monotonic()
        self._old = {one: ends_s for one, ends_s in self._old.items() if ends_s > now_s}
        before = self._newest
        if before is not None and self.held.on_replaced is not None and not dead:
            self._kept.append(before)
        elif before is not None:
            self._old[before.grant.lease_id] = now_s + before.grant.ttl_s
        secret = _secret(grant.data, self._section)
        self._newest = _Lease(grant, secret, epoch)
        self._newest.keep(grant, self._lots)
        self._wanted = False
        # Should the one in force be among those that are kept, this one waits for its probe.
        self.held.take(secret, at_once=dead and not self._kept)

    def _schedule(self) -> None:
        self.due_s = min(one.due_s for one in self._leases())


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
