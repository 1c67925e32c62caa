"""The thread that keeps the credentials of one Vault."""

import logging
import random
import threading
import traceback
from concurrent.futures import Future
from typing import TYPE_CHECKING

from hedgerow_server.core.secret import Secret
from hedgerow_server.credentials.lease import FedLease
from hedgerow_server.credentials.vault.entry import Entry
from hedgerow_server.credentials.vault.section import VaultCredential, VaultSection

if TYPE_CHECKING:
    from hedgerow_server.credentials.vault.keeper import Keeper

_log = logging.getLogger(__name__)
_END_S = 5.0
_AFTER_A_FAULT_S = 1.0


class Vault:
    """One Vault. Its thread starts with the first credential. Nothing here blocks but `close`."""

    def __init__(self, section: VaultSection) -> None:
        self._section = section
        self._wake = threading.Condition()
        self._entries: list[Entry] = []
        self._dropped: list[Entry] = []
        self._called = False
        self._closing = False
        self._thread: threading.Thread | None = None

    def lease(self, name: str, section: VaultCredential) -> FedLease:
        """A lease on a secret, whose first fetch begins now."""
        stale_s = section.stale_seconds if section.stale_seconds is not None else self._section.stale_seconds
        held = FedLease(name, stale_s=stale_s)
        held.feed_from(Entry(self, section, held))
        return held

    def ask(self, entry: Entry) -> Future[None]:
        """See Entry.again."""
        asked: Future[None] = Future()
        # So that whoever waits cannot cancel what the thread is about to set.
        asked.set_running_or_notify_cancel()
        with self._wake:
            if self._closing:
                asked.set_result(None)
                return asked
            if entry not in self._entries:
                self._entries.append(entry)
            entry.asked.append(asked)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="vault", daemon=True)
                self._thread.start()
            self._call()
        return asked

    def release(self, entry: Entry, secret: Secret) -> None:
        """See Entry.release."""
        with self._wake:
            entry.released.append(secret)
            self._call()

    def drop(self, entry: Entry) -> None:
        """See Entry.close."""
        with self._wake:
            if entry in self._entries:
                self._entries.remove(entry)
                self._dropped.append(entry)
                self._call()

    def close(self) -> None:
        """Revokes every lease and the token, in at most five seconds. What is not revoked by then runs out."""
        with self._wake:
            self._closing = True
            self._call()
        if self._thread is not None:
            self._thread.join(_END_S)

    def _call(self) -> None:
        self._called = True
        self._wake.notify()

    def _run(self) -> None:
        # Here, for hvac takes a while to import and a gateway without Vault needs it not.
        from hedgerow_server.credentials.vault.keeper import Keeper  # noqa: PLC0415

        keeper = Keeper(self._section, random.Random())  # noqa: S311  (jitter, no secret)
        wait_s: float | None = 0.0
        while not self._closing:
            wait_s = self._round(keeper, wait_s)
        with self._wake:
            waiting = [one for entry in (*self._entries, *self._dropped) for one in entry.asked]
        for one in waiting:
            one.set_result(None)
        keeper.close()

    def _round(self, keeper: "Keeper", wait_s: float | None) -> float | None:
        with self._wake:
            self._wake.wait_for(lambda: self._called, wait_s)
            self._called = False
            entries, dropped, self._dropped = tuple(self._entries), self._dropped, []
            asked = {entry: entry.asked for entry in (*entries, *dropped) if entry.asked}
            for entry in asked:
                entry.asked = []
        try:
            for entry in dropped:
                keeper.drop(entry)
            return keeper.round(entries, [entry for entry in asked if entry not in dropped])
        except Exception as error:
            # Without its text, which may hold a secret.
            place = traceback.extract_tb(error.__traceback__)[-1]
            _log.error(
                "a fault of the gateway with Vault: %s in %s:%s", type(error).__name__, place.filename, place.lineno
            )
            return _AFTER_A_FAULT_S
        finally:
            for futures in asked.values():
                for one in futures:
                    one.set_result(None)
