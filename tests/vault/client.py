"""The router's side of a Vault: what a test makes of the sections of the configuration."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hedgerow_server.credentials.lease import HeldLease
from hedgerow_server.credentials.vault.section import VaultCredential, VaultSection
from hedgerow_server.credentials.vault.server import Vault
from vault.fake import FakeVault
from vault.real import RealVault

AnyVault = RealVault | FakeVault


class Client:
    """The router's side: credentials of one Vault, fetched and kept."""

    def __init__(self, vault: AnyVault, folder: Path) -> None:
        self.vault = vault
        self.folder = folder
        self._open: list[Vault] = []

    def file(self, name: str, text: str) -> dict[str, str]:
        """A mounted secret, as a section."""
        path = self.folder / name
        path.write_text(text)
        return {"source": "file", "path": str(path)}

    def token_login(self, **life: Any) -> dict[str, Any]:
        """A login with a token."""
        return {"method": "token", "token": self.file("token", self.vault.token(**life))}

    def approle_login(self, **life: Any) -> dict[str, Any]:
        """A login with AppRole."""
        role_id, secret_id = self.vault.approle(**life)
        files = {"role_id": self.file("role", role_id), "secret_id": self.file("secret", secret_id)}
        return {"method": "approle", **files}

    def connect(self, login: dict[str, Any] | None = None, **more: Any) -> Vault:
        """A Vault as the configuration describes it."""
        section: dict[str, Any] = {
            "address": self.vault.address,
            "login": login or self.approle_login(),
            "poll_seconds": 0.5,
            "timeout_seconds": 2,
        }
        one = Vault(VaultSection.model_validate({**section, **more}))
        self._open.append(one)
        return one

    def lease(self, one: Vault | None = None, **section: Any) -> HeldLease:
        """A credential, after its first fetch."""
        given = {"source": "vault", "path": "openai", "field": "key", **section}
        held = (one or self.connect()).lease("main", VaultCredential.model_validate(given))
        held.refresh()
        return held

    def dynamic(self, one: Vault, ttl_s: int, max_s: int, **section: Any) -> HeldLease:
        """A dynamic credential, after its first fetch."""
        mount, _, path = self.vault.dynamic(ttl_s, max_s).partition("/")
        return self.lease(one, engine="dynamic", mount=mount, path=path, **{"field": "password", **section})

    def close(self) -> None:
        """Ends everything."""
        for one in self._open:
            one.close()


def wait_for(what: Callable[[], object], within_s: float = 10.0) -> float:
    """Waits until it is true; returns how long that took. Fails after `within_s`."""
    since_s = time.monotonic()
    while not what():
        took_s = time.monotonic() - since_s
        assert took_s < within_s, f"not within {within_s:g} s"
        time.sleep(0.01)
    return time.monotonic() - since_s
