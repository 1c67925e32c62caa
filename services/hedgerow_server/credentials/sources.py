"""The sources of secrets there are: one line each."""

from typing import Annotated

import pydantic

from hedgerow_server.credentials import google, static
from hedgerow_server.credentials.google import GoogleCredential
from hedgerow_server.credentials.lease import HeldLease
from hedgerow_server.credentials.static import EnvironmentCredential, FileCredential

CredentialSection = Annotated[
    EnvironmentCredential | FileCredential | GoogleCredential, pydantic.Field(discriminator="source")
]
"""One entry of `credentials`."""


def lease(name: str, section: EnvironmentCredential | FileCredential | GoogleCredential) -> HeldLease:
    """A lease on the secret that the section describes, not fetched yet."""
    if isinstance(section, GoogleCredential):
        return google.lease(name, section)
    return static.lease(name, section)
