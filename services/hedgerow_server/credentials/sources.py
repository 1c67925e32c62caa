"""The sources of secrets there are: one line each."""

from typing import Annotated

import pydantic

from hedgerow_server.credentials import google, static
from hedgerow_server.credentials.google import GoogleCredential
from hedgerow_server.credentials.lease import HeldLease
from hedgerow_server.credentials.static import EnvironmentCredential, FileCredential
from hedgerow_server.credentials.vault.section import VaultCredential
from hedgerow_server.credentials.vault.server import Vault

CredentialSection = Annotated[
    EnvironmentCredential | FileCredential | GoogleCredential | VaultCredential, pydantic.Field(discriminator="source")
]
"""One entry of `credentials`."""


def lease(
    name: str,
    section: EnvironmentCredential | FileCredential | GoogleCredential | VaultCredential,
    vault: Vault | None = None,
) -> HeldLease:
    """A lease on the secret that the section describes, not fetched yet. Raises ValueError for one in Vault without
    `vault`.
    """
    match section:
        case VaultCredential():
            if vault is None:
                raise ValueError(f"the credential {name} is in Vault, and there is none")
            return vault.lease(name, section)
        case GoogleCredential():
            return google.lease(name, section)
        case _:
            return static.lease(name, section)
