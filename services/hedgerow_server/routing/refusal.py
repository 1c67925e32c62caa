"""A secret that the provider has refused, and whether there is another one by now."""

import asyncio
import contextlib
from typing import Protocol

from hedgerow_server.core.error import CredentialUnavailable, ProviderAuth
from hedgerow_server.core.port import Lease
from hedgerow_server.core.secret import Secret


class Watcher(Protocol):
    """Is told of credentials that a provider does not take. `provider` and `credential` are configured names."""

    def refused(self, provider: str, credential: str, reason: str) -> None:
        """The provider has refused the secret, and there is no other; `reason` is the ErrorReason."""

    def accepted(self, provider: str, credential: str) -> None:
        """After that: it was taken all the same, or there is another one."""


class Refusal:
    """The newest refusal of a credential, shared by all candidates that use it. The first call that is refused has the
    secret fetched anew; all that come meanwhile wait for that one fetch.
    """

    __slots__ = ("_fetching", "_names", "_secret", "_standing", "_watcher")

    def __init__(self, provider: str = "", credential: str = "", watcher: Watcher | None = None) -> None:
        """`watcher` is told when a secret goes on being refused, and when that is over."""
        self._names = (provider, credential)
        self._watcher = watcher
        self._secret: Secret | None = None
        self._fetching: asyncio.Task[bool] | None = None
        self._standing = False

    def note(self, lease: Lease, secret: Secret) -> bool:
        """The provider has refused this secret. Tells whether it is still the one that holds."""
        if self._fetching is None or self._fetching.done() or secret != self._secret:
            self._secret = secret
            self._fetching = asyncio.create_task(lease.refused(secret))
            self._fetching.add_done_callback(self._fetched)
        with contextlib.suppress(CredentialUnavailable):
            return lease.current() == secret
        return True

    async def overcome(self, within_s: float | None) -> bool:
        """Whether another secret has come, once that is known; False at once where no fetch is under way or has found
        one, and after `within_s` seconds.
        """
        fetching = self._fetching
        if fetching is None:
            return False
        await asyncio.wait({fetching}, timeout=within_s)
        return _found(fetching)

    def over(self) -> None:
        """The provider takes the secret, or there is another one."""
        if self._standing:
            self._standing = False
            if self._watcher is not None:
                self._watcher.accepted(*self._names)

    def _fetched(self, task: asyncio.Task[bool]) -> None:
        if not _found(task) and not task.cancelled() and not self._standing:
            self._standing = True
            if self._watcher is not None:
                self._watcher.refused(*self._names, ProviderAuth.reason)


def _found(fetching: asyncio.Task[bool]) -> bool:
    return fetching.done() and not fetching.cancelled() and fetching.exception() is None and fetching.result()
