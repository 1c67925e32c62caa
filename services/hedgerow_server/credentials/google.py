"""Access tokens of Google Cloud, for Vertex AI: of a service account, a federated workload, or what the machine has.

What google-auth knows is used as it is, imported when the first token is asked for: it is an extra, `hedgerow[vertex]`.
"""

import importlib
import json
import os
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pydantic

from hedgerow_server.core.web import Web
from hedgerow_server.credentials.google_http import GoogleRequest
from hedgerow_server.credentials.lease import SecretUnavailable
from hedgerow_server.credentials.static import checked
from hedgerow_server.credentials.token import Token, TokenEndpointSection, TokenLease

_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
_FILE = "GOOGLE_APPLICATION_CREDENTIALS"
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


class GoogleCredential(TokenEndpointSection):
    """An access token of Google Cloud, renewed before it expires. Needs the extra `vertex`. What it says of connections
    is about Google's endpoints: the machine's metadata server, and what a federation names as the source of the
    workload's own token, are asked where they are.
    """

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
    """Obtains access tokens."""

    def __init__(self, section: GoogleCredential, web: Web) -> None:
        self._section = section
        self._web = web
        self._content: bytes | None = None  # of the file that the credentials were made of
        self._credentials: Any = None

    def obtain(self) -> Token:
        """A new access token, so far as Google has one. Raises SecretUnavailable."""
        auth = _imported("google.auth")
        try:
            content = self._read()
            request = GoogleRequest(self._section, self._web, _own_sources(content))
            credentials = self._current(auth, content, request)
            credentials.refresh(request)
        except auth.exceptions.GoogleAuthError as error:
            # What they hold may be what is refused, such as the token of whoever impersonates.
            self._credentials = None
            raise SecretUnavailable(_reason(error)) from None
        token = credentials.token
        if not isinstance(token, str) or not token:
            raise SecretUnavailable("Google gave no usable access token")
        return Token(checked(token, "the access token of Google"), _life_s(credentials.expiry))

    def changed(self) -> bool:
        """Whether the file is another one now."""
        if self._section.path is None or self._credentials is None:
            return False
        try:
            return self._section.path.read_bytes() != self._content
        except OSError:
            # It may be about to be replaced: what was read stays good.
            return False

    def _read(self) -> bytes | None:
        if self._section.path is not None:
            return _read(self._section.path)
        named = os.environ.get(_FILE)
        return _read(Path(named)) if named else None

    def _current(self, auth: Any, content: bytes | None, request: GoogleRequest) -> Any:
        path = self._section.path
        if self._credentials is None or content != self._content:
            scopes = list(self._section.scopes)
            if path is None:
                credentials = auth.default(scopes=scopes, request=request)[0]
            else:
                assert content is not None
                credentials = _load(content, str(path), scopes)
            if self._section.impersonate is not None:
                credentials = _imported("google.auth.impersonated_credentials").Credentials(
                    source_credentials=credentials, target_principal=self._section.impersonate, target_scopes=scopes
                )
            self._credentials, self._content = credentials, content
        return self._credentials


def lease(name: str, section: GoogleCredential, web: Web) -> TokenLease:
    """A lease on the access token that the section describes, not obtained yet."""
    return TokenLease(name, GoogleSource(section, web))


def _own_sources(content: bytes | None) -> tuple[str, ...]:
    """The URLs at which a federation says that the workload's own token is."""
    try:
        found = json.loads(content or b"{}")["credential_source"]
    except (ValueError, KeyError, TypeError):
        return ()
    if not isinstance(found, Mapping):
        return ()
    return tuple(value for value in found.values() if isinstance(value, str) and value.startswith("http"))


def _life_s(expiry: object) -> float | None:
    # Without a zone, which is UTC.
    return expiry.replace(tzinfo=UTC).timestamp() - time.time() if isinstance(expiry, datetime) else None


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
