"""One credential on its way to the thread that keeps it."""

from concurrent.futures import Future
from typing import Protocol

from hedgerow_server.core.secret import Secret
from hedgerow_server.credentials.lease import HeldLease
from hedgerow_server.credentials.vault.section import VaultCredential


class Desk(Protocol):
    """Takes what is wished of the thread. From any thread."""

    def ask(self, entry: "Entry") -> Future[None]:
        """See Entry.again."""

    def release(self, entry: "Entry", secret: Secret) -> None:
        """See Entry.release."""

    def drop(self, entry: "Entry") -> None:
        """See Entry.close."""


class Entry:
    """One credential in the thread: the `Feed` of its lease."""

    def __init__(self, desk: Desk, section: VaultCredential, held: HeldLease) -> None:
        self.section = section
        self.held = held
        self.asked: list[Future[None]] = []
        """Those who wait for the next fetch."""
        self.released: list[Secret] = []
        """What nobody needs any more and is to be taken back."""
        self.failures = 0
        """How often in a row Vault had nothing for it."""
        self._desk = desk

    def again(self) -> Future[None]:
        """Fetches anew as soon as possible. Done when that was tried, whatever came of it."""
        return self._desk.ask(self)

    def release(self, secret: Secret) -> None:
        """Nobody needs a secret that was handed over any more: its lease is revoked as soon as Vault serves us."""
        self._desk.release(self, secret)

    def close(self) -> None:
        """Nobody needs the credential any more: its lease is revoked soon."""
        self._desk.drop(self)
