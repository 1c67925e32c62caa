"""A secret that the provider has refused, and whether there is another one by now."""

import asyncio
import contextlib

from hedgerow_server.core.error import CredentialUnavailable
from hedgerow_server.core.port import Lease
from hedgerow_server.core.secret import Secret


class Refusal:
    """The newest refusal of a credential, shared by all candidates that use it. The first call that is refused has the
    secret fetched anew; all that come meanwhile wait for that one fetch.
    """

    __slots__ = ("_fetching", "_secret")

    def __init__(self) -> None:
        self._secret: Secret | None = None
        self._fetching: asyncio.Task[bool] | None = None

    def note(self, lease: Lease, secret: Secret) -> bool:
        """The provider has refused this secret. Tells whether it is still the one that holds."""
        if self._fetching is None or self._fetching.done() or secret != self._secret:
            self._secret = secret
            self._fetching = asyncio.create_task(lease.refused(secret))
            self._fetching.add_done_callback(_retrieve)
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
        return fetching.done() and not fetching.cancelled() and fetching.exception() is None and fetching.result()


def _retrieve(task: asyncio.Task[bool]) -> None:
    if not task.cancelled():
        task.exception()
