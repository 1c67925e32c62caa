"""Our token: obtained, renewed at two thirds of its life, replaced when that fails."""

import random
import time

from hedgerow_server.credentials.vault.api import Api, Auth
from hedgerow_server.credentials.vault.fault import Trouble, VaultFault
from hedgerow_server.credentials.vault.login import Means, Method

RENEW_AT = 2 / 3
"""The share of a life at which it is renewed."""
_SPREAD = 0.1
_RELOGIN_S = 2.0
"""Gateways that have lost their tokens together log in again spread over this time."""
SHORT = 0.5
"""What is renewed for less than this share of a full life has met the end that Vault sets."""
_LOOK_S = 1.0
"""How often it is looked whether there are other means to log in with than those that were refused."""


class NotLoggedIn(VaultFault):
    """There is no token, so nothing can be had."""


def renewal_s(ttl_s: float, lots: random.Random) -> float:
    """When to renew what lives this long, in seconds from now: up to a tenth before two thirds of it, so that not all
    come at once.
    """
    return ttl_s * RENEW_AT * (1 - lots.uniform(0, _SPREAD))


class Session:
    """The token with which one Vault is asked. For one thread."""

    def __init__(self, api: Api, method: Method, lots: random.Random) -> None:
        self._api = api
        self._method = method
        self._lots = lots
        self._auth: Auth | None = None
        self._full_s = 0.0
        self._anew = True
        self._refused: tuple[Means, VaultFault, float] | None = None  # when they may be shown again
        self._refusals = 0
        self.due_s: float | None = 0.0
        """When the next step is due, by the monotonic clock; None: never."""
        self.epoch = 0
        """Counts logins: leases die with the token that made them."""

    def step(self) -> None:
        """Renews the token or logs in, whichever it is time for. Raises NotLoggedIn, and VaultFault for a Vault that is
        away.
        """
        if self._auth is not None and (self.due_s is None or time.monotonic() < self.due_s):
            return
        if self._auth is None or self._anew:
            self._begin()
        else:
            self._renew(self._auth)

    def lost(self) -> bool:
        """Something was denied. Asks whether it is the token that is not taken, and tells; then the next step logs in
        anew. Raises VaultFault.
        """
        if self._auth is not None:
            try:
                self._api.look_up(self._auth.token)
            except VaultFault as fault:
                if fault.trouble is not Trouble.DENIED:
                    raise
                self._auth = None
        return self._auth is None

    def close(self) -> None:
        """Ends the token and all leases that were made with it. Raises VaultFault."""
        auth, self._auth = self._auth, None
        if auth is not None and auth.own:
            self._api.revoke_token()

    def _begin(self) -> None:
        try:
            auth = self._log_in()
        except VaultFault as fault:
            # The old token may be good for a while.
            self._api.use(self._auth.token if self._auth is not None else None)
            if fault.passing:
                raise
            self.due_s = time.monotonic() + _LOOK_S
            if self._auth is None:
                raise NotLoggedIn(fault.trouble, str(fault)) from None
            return
        self._api.use(auth.token)
        self._auth, self._full_s, self._refused, self._refusals = auth, auth.ttl_s, None, 0
        self.epoch += 1
        self._schedule(auth)

    def _log_in(self) -> Auth:
        means, now_s = self._method.means(), time.monotonic()
        if self._refused is not None and self._refused[0] == means and now_s < self._refused[2]:
            raise self._refused[1]
        try:
            return self._method.log_in(self._api, means)
        except VaultFault as fault:
            if not fault.passing:
                waits_s = self._method.again_s
                wait_s = waits_s[min(self._refusals, len(waits_s) - 1)] * self._lots.uniform(1, 1 + _SPREAD)
                self._refused = means, fault, now_s + wait_s
                self._refusals += 1
            raise

    def _renew(self, auth: Auth) -> None:
        try:
            renewed = self._api.renew(auth)
        except VaultFault as fault:
            if fault.trouble is Trouble.AWAY:
                raise
            self._anew = True
            at_most_s = min(_RELOGIN_S, auth.ttl_s * (1 - RENEW_AT) / 2)
            self.due_s = time.monotonic() + self._lots.uniform(0, at_most_s)
            return
        self._auth, self._full_s = renewed, max(self._full_s, renewed.ttl_s)
        self._schedule(renewed)

    def _schedule(self, auth: Auth) -> None:
        # What cannot be renewed for a full life any more nears the end that Vault sets.
        self._anew = not auth.renewable or auth.ttl_s < self._full_s * SHORT
        self.due_s = time.monotonic() + renewal_s(auth.ttl_s, self._lots) if auth.ttl_s else None
