"""Leases on secrets: a name, and the secret that is in memory now."""

from typing import Protocol

from hedgerow_server.core.error import CredentialUnavailable
from hedgerow_server.core.secret import Secret


class Source(Protocol):
    """Where a secret comes from. `fetch` may block: it never runs on the event loop."""

    def fetch(self) -> Secret:
        """The secret as it is now. Raises SecretUnavailable."""


class SecretUnavailable(Exception):
    """The source has no usable secret; the text says why, without any part of it."""


class HeldLease:
    """The last good secret of a source. A failed refresh keeps it."""

    def __init__(self, name: str, source: Source) -> None:
        self._name = name
        self._source = source
        self._secret: Secret | None = None
        self._problem = "it was not fetched yet"

    @property
    def name(self) -> str:
        """The configured name."""
        return self._name

    @property
    def ready(self) -> bool:
        """Whether there is a secret to use."""
        return self._secret is not None

    @property
    def problem(self) -> str:
        """Why the last fetch failed; empty when it did not."""
        return self._problem

    def current(self) -> Secret:
        """The secret to use now. Raises CredentialUnavailable."""
        if self._secret is None:
            raise CredentialUnavailable(
                f"The credential {self._name!r} is not available.", metadata={"credential": self._name}
            )
        return self._secret

    def refresh(self) -> bool:
        """Fetches anew, blocking; tells whether the secret has changed."""
        try:
            fresh = self._source.fetch()
        except SecretUnavailable as error:
            self._problem = str(error)
            return False
        changed = fresh != self._secret
        self._secret, self._problem = fresh, ""
        return changed
