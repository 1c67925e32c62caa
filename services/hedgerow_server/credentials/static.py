"""Secrets from the environment and from files."""

import os
from pathlib import Path
from typing import Literal

import pydantic

from hedgerow_server.config.model import Section
from hedgerow_server.core.secret import Secret
from hedgerow_server.credentials.lease import HeldLease, SecretUnavailable, Source


class EnvironmentCredential(Section):
    """A secret in an environment variable, read when the server starts."""

    source: Literal["env"]
    """Where the secret is: an environment variable."""
    variable: str = pydantic.Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    """The name of the variable."""


class FileCredential(Section):
    """A secret in a file, such as a mounted Kubernetes secret; read again every few seconds, so it can be rotated."""

    source: Literal["file"]
    """Where the secret is: a file."""
    path: Path
    """The file. White space at both ends is not part of the secret."""


class _Environment:
    def __init__(self, variable: str) -> None:
        self._variable = variable

    def fetch(self) -> Secret:
        value = os.environ.get(self._variable, "").strip()
        if not value:
            raise SecretUnavailable(f"the environment variable {self._variable} is not set or empty")
        return checked(value, f"the environment variable {self._variable}")


class _File:
    def __init__(self, path: Path) -> None:
        self._path = path

    def fetch(self) -> Secret:
        try:
            value = self._path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
            raise SecretUnavailable(f"the file {self._path} cannot be read: {reason}") from None
        if not value:
            raise SecretUnavailable(f"the file {self._path} is empty")
        return checked(value, f"the file {self._path}")


def checked(value: str, where: str) -> Secret:
    """The secret of a text that came from `where`. Raises SecretUnavailable for one that no header takes."""
    # The secret becomes part of an HTTP header: anything else there would break it, or smuggle a second one.
    if not value.isascii() or not value.isprintable():
        raise SecretUnavailable(f"{where} holds characters that no HTTP header takes")
    return Secret(value)


def source(section: EnvironmentCredential | FileCredential) -> Source:
    """What reads the secret that the section describes."""
    return _Environment(section.variable) if isinstance(section, EnvironmentCredential) else _File(section.path)


def lease(name: str, section: EnvironmentCredential | FileCredential) -> HeldLease:
    """A lease on the secret that the section describes, not fetched yet."""
    return HeldLease(name, source(section))
