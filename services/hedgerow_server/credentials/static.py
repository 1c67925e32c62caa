"""Secrets from the environment and from files."""

import os
from pathlib import Path
from typing import Annotated, Literal

import pydantic

from hedgerow_server.config.model import Section
from hedgerow_server.core.secret import Secret
from hedgerow_server.credentials.lease import HeldLease, SecretUnavailable, Source
from hedgerow_server.credentials.rotation.section import RotationSection


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


Fixed = Annotated[EnvironmentCredential | FileCredential, pydantic.Field(discriminator="source")]
"""A secret that is beside the gateway, with which it proves itself to a source of others."""


class KeyFile(FileCredential):
    """A secret in a file, such as a mounted Kubernetes secret; read again every few seconds, so it can be rotated."""

    rotation: RotationSection | None = None
    """When it is to be replaced, and how. None: whoever writes the file sees to that."""


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
        return read_secret(self._path)


def read_secret(path: Path) -> Secret:
    """The secret in a file. Raises SecretUnavailable."""
    try:
        value = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise SecretUnavailable(f"the file {path} cannot be read: {reason}") from None
    if not value:
        raise SecretUnavailable(f"the file {path} is empty")
    return checked(value, f"the file {path}")


def checked(value: str, where: str) -> Secret:
    """The secret of a text that came from `where`. Raises SecretUnavailable for one that no header takes."""
    # The secret becomes part of an HTTP header: anything else there would break it, or smuggle a second one.
    if not value.isascii() or not value.isprintable():
        raise SecretUnavailable(f"{where} holds characters that no HTTP header takes")
    return Secret(value)


def source(section: EnvironmentCredential | FileCredential) -> Source:
    """What reads the secret that the section describes."""
    return _Environment(section.variable) if isinstance(section, EnvironmentCredential) else _File(section.path)


class _FileLease(HeldLease):
    """Knows how old its secret is."""

    def __init__(self, name: str, section: FileCredential) -> None:
        super().__init__(name, source(section))
        self._path = section.path

    def _dated(self, source: Source) -> tuple[Secret, float | None]:
        try:
            # Before it is read: should it be written in between, the next look reads it again.
            written_unix_s: float | None = self._path.stat().st_mtime
        except OSError:
            written_unix_s = None
        return source.fetch(), written_unix_s


def lease(name: str, section: EnvironmentCredential | FileCredential) -> HeldLease:
    """A lease on the secret that the section describes, not fetched yet."""
    return _FileLease(name, section) if isinstance(section, FileCredential) else HeldLease(name, source(section))
