"""One credential on its way to the thread that keeps it."""

from concurrent.futures import Future
from typing import Protocol

from hedgerow_server.credentials.lease import HeldLease
from hedgerow_server.credentials.vault.section import VaultCredential


class Desk(Protocol):
    """Takes what is wished of the thread. From any thread."""

    def ask(self, entry: "Entry") -> Future[None]:
        """See Entry.again."""

    def drop(self, entry: "Entry") -> None:
        """See Entry.close."""


class Entry:
    """One credential in the thread: the `Feed` of its lease."""

    def __init__(self, desk: Desk, section: VaultCredential, held: HeldLease) -> None:
        self.section = section
        self.held = held
        self.asked: list[Future[None]] = []
        """Those who wait for the next fetch."""
        self.failures = 0
        """How often in a row Vault had nothing for it."""
        self._desk = desk

    def again(self) -> Future[None]:
        """Fetches anew as soon as possible. Done when that was tried, whatever came of it."""
        return self._desk.ask(self)

    def close(self) -> None:
        """Nobody needs the credential any more: its lease is revoked soon."""
        self._desk.drop(self)
