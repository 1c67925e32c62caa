"""The sources of secrets there are: one line each."""

from typing import Annotated

import pydantic

from hedgerow_server.core.web import Web
from hedgerow_server.credentials import aws, azure, google, static
from hedgerow_server.credentials.aws import AwsCredential
from hedgerow_server.credentials.azure import AzureCredential
from hedgerow_server.credentials.google import GoogleCredential
from hedgerow_server.credentials.lease import HeldLease
from hedgerow_server.credentials.static import EnvironmentCredential, KeyFile
from hedgerow_server.credentials.vault.section import VaultCredential
from hedgerow_server.credentials.vault.server import Vault

Known = AwsCredential | AzureCredential | EnvironmentCredential | KeyFile | GoogleCredential | VaultCredential
CredentialSection = Annotated[Known, pydantic.Field(discriminator="source")]
"""One entry of `credentials`."""


def lease(name: str, section: Known, web: Web, vault: Vault | None = None) -> HeldLease:
    """A lease on the secret that the section describes, not fetched yet; `web` asks token endpoints. Raises ValueError
    for one in Vault without `vault`.
    """
    match section:
        case VaultCredential():
            if vault is None:
                raise ValueError(f"the credential {name} is in Vault, and there is none")
            return vault.lease(name, section)
        case AwsCredential():
            return aws.lease(name, section, web)
        case AzureCredential():
            return azure.lease(name, section, web)
        case GoogleCredential():
            return google.lease(name, section, web)
        case _:
            return static.lease(name, section)
