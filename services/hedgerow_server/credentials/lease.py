"""Leases on secrets: a name, and the secret that is in memory now."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Protocol

from hedgerow_server.core.error import CredentialUnavailable
from hedgerow_server.core.secret import Secret

REFETCH_S = 2.0
"""How long an attempt that was refused waits for another secret."""
_REFETCH_EVERY_S = 0.25
"""How far apart fetches for refused secrets are, whatever the number of refusals."""


class Source(Protocol):
    """Where a secret comes from. `fetch` may block: it never runs on the event loop."""

    def fetch(self) -> Secret:
        """The secret as it is now. Raises SecretUnavailable."""


class Feed(Protocol):
    """A source that watches its secret in a thread of its own and hands what it finds to its lease."""

    def again(self) -> Future[None]:
        """Fetches anew as soon as possible. Done when that was tried, whatever came of it."""

    def release(self, secret: Secret) -> None:
        """Nobody needs a secret that it has handed over any more: it may be taken back."""

    def close(self) -> None:
        """Nobody needs any secret any more."""


class SecretUnavailable(Exception):
    """The source has no usable secret; the text says why, without any part of it."""


class HeldLease:
    """The last good secret of a source. A failed refresh keeps it, for `stale_s` seconds after the last time that the
    source was heard; None: for ever.
    """

    def __init__(self, name: str, source: Source | None, *, stale_s: float | None = None) -> None:
        self._name = name
        self._source = source
        self._stale_s = stale_s
        self._secret: Secret | None = None
        self._good_until_s: float | None = None
        self._problem = "it was not fetched yet"
        self._fetching: asyncio.Task[None] | None = None
        self._not_before_s = 0.0
        # Secrets come in the source's thread, and are put in force from the event loop as well.
        self._changing = threading.Lock()
        self._made_s = 0.0
        self._waiting: tuple[Secret, float | None] | None = None
        self._rejected: Secret | None = None
        self._in_use: dict[Secret, int] = {}
        self.on_change: Callable[[str], None] | None = None
        """Told the name, in whichever thread, when another secret has taken the place of the one before."""
        self.on_waiting: Callable[[], None] | None = None
        """Told, in whichever thread, that another secret waits to be put in force. None: none waits, each is in force
        at once."""
        self.on_replaced: Callable[[Secret, float], None] | None = None
        """Told, in whichever thread, the secret that is not in force any more, and when it was made: it is to be
        retired when its time has come. None: its source lets it run out by itself."""
        self.version = 0
        """How many secrets there have been."""
        self.taken_unix_s = 0.0
        """When the present secret came; 0: there is none."""
        self.made_unix_s = 0.0
        """When it was made, as far as its source tells, else when it came; 0: there is none."""
        self.used_unix_s = 0.0
        """When it was last asked for; 0: never."""
        self.refused_unix_s = 0.0
        """When the provider last refused a secret of this lease; 0: never."""
        self.refusals = 0
        """How often the provider has refused a secret of this lease."""

    @property
    def name(self) -> str:
        """The configured name."""
        return self._name

    @property
    def ready(self) -> bool:
        """Whether there is a secret to use."""
        return self._secret is not None and not self._stale()

    @property
    def problem(self) -> str:
        """Why the last fetch failed; empty when it did not."""
        return self._problem

    def current(self) -> Secret:
        """The secret to use now. Raises CredentialUnavailable."""
        if self._secret is None or self._stale():
            raise CredentialUnavailable(
                f"The credential {self._name!r} is not available.", metadata={"credential": self._name}
            )
        self.used_unix_s = time.time()
        return self._secret

    def all_secrets(self) -> tuple[Secret, ...]:
        """What must not be shown: the secret in use, one that waits, and those before that calls still use. Counts as
        no use.
        """
        waiting = self.waiting
        held = (one for one in (self._secret, waiting) if one is not None)
        return (*held, *self._in_use)

    def _stale(self) -> bool:
        return self._good_until_s is not None and time.monotonic() > self._good_until_s

    @property
    def age_s(self) -> float:
        """How long ago the present secret was made; 0: there is none."""
        return time.monotonic() - self._made_s if self._secret is not None else 0.0

    @property
    def waiting(self) -> Secret | None:
        """The secret that waits to be put in force."""
        waiting = self._waiting
        return waiting[0] if waiting is not None else None

    def take(self, fresh: Secret, made_unix_s: float | None = None, *, at_once: bool = False) -> bool:
        """The source has this secret now, which was made then; tells whether another one is in force by that. From any
        thread. `at_once`: the one in force is known to be of no use any more, so that this one need not wait.
        """
        self.confirm()
        given_up: Secret | None = None
        with self._changing:
            if fresh == self._secret:
                # Whatever waited has been taken back.
                self._waiting = self._rejected = None
                return False
            waits = self.on_waiting is not None and self._secret is not None and not at_once
            if not waits:
                old = self._put_in_force(fresh, made_unix_s)
            elif fresh == self._rejected or (self._waiting is not None and fresh == self._waiting[0]):
                return False
            else:
                given_up = self.waiting
                self._waiting, self._rejected = (fresh, made_unix_s), None
        if given_up is not None:
            self.retire(given_up)
        if waits:
            if self.on_waiting is not None:
                self.on_waiting()
            return False
        self._tell(old)
        return True

    def promote(self, secret: Secret) -> bool:
        """Puts the secret that waits in force, if it still is this one."""
        with self._changing:
            if self._waiting is None or self._waiting[0] != secret:
                return False
            old = self._put_in_force(*self._waiting)
        self._tell(old)
        return True

    def reject(self, secret: Secret) -> None:
        """The secret that waits is no good; it does not come again until somebody asks for it."""
        with self._changing:
            if self._waiting is None or self._waiting[0] != secret:
                return
            self._waiting, self._rejected = None, secret
        self.retire(secret)

    def retire(self, secret: Secret) -> None:
        """Nobody needs a secret that is not in force any more: its source may take it back."""

    def hold(self, secret: Secret) -> None:
        """A call uses this secret. On the event loop."""
        self._in_use[secret] = self._in_use.get(secret, 0) + 1

    def let_go(self, secret: Secret) -> None:
        """A call has ended that used it."""
        left = self._in_use[secret] - 1
        if left:
            self._in_use[secret] = left
        else:
            del self._in_use[secret]

    def in_use(self, secret: Secret) -> bool:
        """Whether a call uses this secret."""
        return secret in self._in_use

    def _put_in_force(self, fresh: Secret, made_unix_s: float | None) -> tuple[Secret, float] | None:
        """Returns the one before, and when it was made."""
        old = (self._secret, self.made_unix_s) if self._secret is not None else None
        # Calls under way keep the one that they began with.
        self._secret = fresh
        self._waiting = self._rejected = None
        self.version += 1
        now_s = self.taken_unix_s = time.time()
        self.made_unix_s = made_unix_s or now_s
        self._made_s = time.monotonic() - max(0.0, now_s - self.made_unix_s)
        return old

    def _tell(self, old: tuple[Secret, float] | None) -> None:
        if self.on_change is not None:
            self.on_change(self._name)
        if old is not None and self.on_replaced is not None:
            self.on_replaced(*old)

    def confirm(self) -> None:
        """The source still has the secret that is held."""
        if self._stale_s is not None:
            self._good_until_s = time.monotonic() + self._stale_s
        self._problem = ""

    def fail(self, problem: str) -> None:
        """The source cannot say; `problem` tells why, without any part of a secret."""
        self._problem = problem

    def refresh(self) -> bool:
        """Fetches anew, blocking; tells whether the secret has changed."""
        if self._source is None:
            return False
        try:
            return self.take(*self._dated(self._source))
        except SecretUnavailable as error:
            self.fail(str(error))
            return False

    def _dated(self, source: Source) -> tuple[Secret, float | None]:
        """The secret, and when it was made where that is known. Raises SecretUnavailable."""
        return source.fetch(), None

    async def renew(self) -> bool:
        """`refresh` in a thread."""
        return await asyncio.to_thread(self.refresh)

    async def refused(self, secret: Secret) -> bool:
        """The provider has refused this secret. Fetches anew, once whoever asks, unless another one has come meanwhile;
        tells, within `REFETCH_S` seconds, whether there is another one now with which to try again.
        """
        self.refusals += 1
        self.refused_unix_s = time.time()
        # One that was rejected may be good by now, and this one is not.
        self._rejected = None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(REFETCH_S):
                # A fetch that was under way may have read what was there before the refusal.
                while not self._superseded(secret):
                    joined = self._under_way() is not None
                    await asyncio.shield(self._fetch())
                    if not joined:
                        break
        return self._superseded(secret)

    async def fetch_again(self) -> bool:
        """Asks the source now, whatever its kind; tells whether it had another secret, `problem` why it had none."""
        before, joined = self.version, True
        self._rejected = None
        while joined:
            # A fetch that was under way may have read what was there before.
            joined = self._under_way() is not None
            await asyncio.shield(self._fetch())
        return self.version != before

    def _superseded(self, secret: Secret) -> bool:
        waiting = self.waiting
        if waiting is not None and self._secret == secret:
            # No probe could tell more of it than the next call.
            self.promote(waiting)
        return self.ready and self._secret != secret

    def _under_way(self) -> asyncio.Task[None] | None:
        """The fetch that somebody waits for. Not one that has just ended: waiting for that gives nobody else a turn."""
        return self._fetching if self._fetching is not None and not self._fetching.done() else None

    def _fetch(self) -> asyncio.Task[None]:
        fetching = self._under_way()
        if fetching is None:
            fetching = self._fetching = asyncio.create_task(self._fetch_when_due())
            fetching.add_done_callback(self._fetched)
        return fetching

    def _fetched(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            task.exception()  # a fault of a source; whoever waits gets it as well

    async def _fetch_when_due(self) -> None:
        await asyncio.sleep(max(0.0, self._not_before_s - time.monotonic()))
        self._not_before_s = time.monotonic() + _REFETCH_EVERY_S
        await self._fetch_now()

    async def _fetch_now(self) -> None:
        await asyncio.to_thread(self.refresh)

    def close(self) -> None:
        """Nobody needs the secret any more."""


class FedLease(HeldLease):
    """The last good secret of a source that watches it by itself."""

    def __init__(self, name: str, *, stale_s: float | None = None) -> None:
        super().__init__(name, None, stale_s=stale_s)
        self._feed: Feed | None = None
        self._tried: Future[None] | None = None
        self._told = 0

    def feed_from(self, feed: Feed) -> None:
        """From now on this hands over secrets; the first fetch begins."""
        self._feed = feed
        self._tried = feed.again()

    def refresh(self) -> bool:
        """Waits for the first fetch, blocking, and fetches nothing; tells whether the secret has changed since the last
        time.
        """
        if self._tried is not None:
            self._tried.result()
        return self._changed()

    async def renew(self) -> bool:
        """`refresh` without a thread."""
        if self._tried is not None and not self._tried.done():
            await asyncio.shield(asyncio.wrap_future(self._tried))
        return self._changed()

    def _changed(self) -> bool:
        told, self._told = self._told, self.version
        return told != self.version

    async def _fetch_now(self) -> None:
        if self._feed is not None:
            await asyncio.wrap_future(self._feed.again())

    def retire(self, secret: Secret) -> None:
        """Nobody needs a secret that is not in force any more: its source may take it back."""
        if self._feed is not None:
            self._feed.release(secret)

    def close(self) -> None:
        """Nobody needs the secret any more: the source may take it back."""
        if self._feed is not None:
            self._feed.close()
