"""Access tokens of Google Cloud, for Vertex AI: of a service account, a federated workload, or what the machine has.

What google-auth knows is used as it is, imported when the first token is asked for: it is an extra, `hedgerow[vertex]`.
"""

import functools
import importlib
import json
import re
from pathlib import Path
from typing import Any, Literal

import pydantic

from hedgerow_server.config.model import Section
from hedgerow_server.core.secret import Secret
from hedgerow_server.credentials.lease import HeldLease, SecretUnavailable

_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
_TIMEOUT_S = 10
_WORD = re.compile(r"[a-z_]{1,64}", re.ASCII)
# How google-auth makes credentials of a file's content, by its type. Its own function for all types warns that it loads
# all types.
_KINDS = {
    "service_account": ("google.oauth2.service_account", "from_service_account_info"),
    "external_account": ("google.auth.identity_pool", "from_info"),
    "authorized_user": ("google.oauth2.credentials", "from_authorized_user_info"),
    "impersonated_service_account": (
        "google.auth.impersonated_credentials",
        "from_impersonated_service_account_info",
    ),
}


class GoogleCredential(Section):
    """An access token of Google Cloud, renewed before it expires. Needs the extra `vertex`."""

    source: Literal["google"]
    """Where the secret is: with Google, for whom the machine or the file stands."""
    path: Path | None = None
    """A file with a service account's key or the configuration of a workload identity federation, JSON; read again when
    it changes. None: the machine's default credentials (GOOGLE_APPLICATION_CREDENTIALS, gcloud's, or those of the
    instance or pod)."""
    impersonate: str | None = pydantic.Field(default=None, pattern=r"^[^@\s]{1,128}@[a-z0-9.-]{1,128}$")
    """The e-mail address of a service account to act as. None: as the credentials themselves."""
    scopes: tuple[str, ...] = pydantic.Field(default=_SCOPES, min_length=1, max_length=32)
    """What the token is good for."""


class GoogleSource:
    """Fetches access tokens. Not for several threads at once."""

    def __init__(self, section: GoogleCredential) -> None:
        self._section = section
        self._content: bytes | None = None  # of the file that the credentials were made of
        self._credentials: Any = None

    def fetch(self) -> Secret:
        """The access token as it is now; a new one where it is about to expire. Raises SecretUnavailable."""
        auth = _imported("google.auth")
        state = _imported("google.auth.credentials").TokenState
        try:
            credentials = self._current(auth)
            if credentials.token_state != state.FRESH:
                request = _imported("google.auth.transport.requests").Request()
                credentials.refresh(functools.partial(request, timeout=_TIMEOUT_S))
        except auth.exceptions.GoogleAuthError as error:
            raise SecretUnavailable(_reason(error)) from None
        token = credentials.token
        # The secret becomes part of an HTTP header.
        if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable():
            raise SecretUnavailable("Google gave no usable access token")
        return Secret(token)

    def _current(self, auth: Any) -> Any:
        path = self._section.path
        content = _read(path) if path is not None else None
        if self._credentials is None or content != self._content:
            scopes = list(self._section.scopes)
            credentials = auth.default(scopes=scopes)[0] if content is None else _load(content, str(path), scopes)
            if self._section.impersonate is not None:
                credentials = _imported("google.auth.impersonated_credentials").Credentials(
                    source_credentials=credentials, target_principal=self._section.impersonate, target_scopes=scopes
                )
            self._credentials, self._content = credentials, content
        return self._credentials


def lease(name: str, section: GoogleCredential) -> HeldLease:
    """A lease on the access token that the section describes, not fetched yet."""
    return HeldLease(name, GoogleSource(section))


def _imported(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError:
        raise SecretUnavailable("google-auth is not installed: install hedgerow with the extra vertex") from None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SecretUnavailable(f"the file {path} cannot be read: {error.strerror}") from None


def _load(content: bytes, path: str, scopes: list[str]) -> Any:
    try:
        info = json.loads(content)
        kind = info["type"]
        module, function = _KINDS[kind]
    except (ValueError, KeyError, TypeError):
        raise SecretUnavailable(f"the file {path} holds no credentials of Google of a known type") from None
    if kind == "external_account" and str(info.get("subject_token_type", "")).endswith(":aws4_request"):
        module = "google.auth.aws"
    try:
        return getattr(_imported(module).Credentials, function)(info, scopes=scopes)
    except (ValueError, KeyError, TypeError):
        # Without the cause: it may quote a key.
        raise SecretUnavailable(f"the file {path} holds credentials of Google that are not complete") from None


def _reason(error: Exception) -> str:
    """Why there is no token, without anything that Google wrote but its short error code (RFC 6749, section 5.2)."""
    details = error.args[1] if len(error.args) > 1 else None
    code = details.get("error") if isinstance(details, dict) else None
    shown = f": {code}" if isinstance(code, str) and _WORD.fullmatch(code) else ""
    return f"Google gave no access token ({type(error).__name__}{shown})"
