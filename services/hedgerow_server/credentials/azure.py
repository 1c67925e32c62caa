"""Tokens of Microsoft Entra ID, for Azure OpenAI: by a federated token (workload identity) or a client secret.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow

Without azure-identity: it is one request, and that library would make it past the rules of addresses.
"""

import os
import re
from pathlib import Path
from typing import Literal
from urllib.parse import quote, urlencode

import msgspec
import pydantic

from hedgerow_server.config.model import is_safe_url
from hedgerow_server.core.port import HttpRequest
from hedgerow_server.core.secret import Secret
from hedgerow_server.core.web import Web, WebAnswer, WebError
from hedgerow_server.credentials.lease import SecretUnavailable
from hedgerow_server.credentials.static import Fixed, checked, read_secret, source
from hedgerow_server.credentials.token import Token, TokenEndpointSection, TokenLease

_TIMEOUT_S = 10.0
_AUTHORITY = "https://login.microsoftonline.com"
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_WORD = re.compile(r"[a-z_]{1,64}", re.ASCII)
_OK = 200
# Of a pod with workload identity: https://azure.github.io/azure-workload-identity/docs/topics/service-account-labels-and-annotations.html
_TENANT, _CLIENT, _FILE, _HOST = (
    "AZURE_TENANT_ID",
    "AZURE_CLIENT_ID",
    "AZURE_FEDERATED_TOKEN_FILE",
    "AZURE_AUTHORITY_HOST",
)


class AzureCredential(TokenEndpointSection):
    """An access token of Microsoft Entra ID, renewed before it expires. The provider needs `auth: bearer`."""

    source: Literal["azure"]
    """Where the secret is: with Microsoft Entra ID, for whom the workload or a client secret stands."""
    tenant: str | None = pydantic.Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]{0,127}$")
    """The tenant: its id, or a domain of it. None: what AZURE_TENANT_ID says."""
    client_id: str | None = pydantic.Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,127}$")
    """The application's (client) id, or that of a user-assigned managed identity. None: what AZURE_CLIENT_ID says."""
    token_file: Path | None = None
    """The file with the workload's own token, such as Kubernetes mounts it; read again for each token. None, without a
    `client_secret`: what AZURE_FEDERATED_TOKEN_FILE says."""
    client_secret: Fixed | None = None
    """Where the application's client secret is; read again for each token."""
    authority: str | None = pydantic.Field(default=None, pattern=r"^https?://[^/\s@?#]+/?$", max_length=512)
    """Where Entra ID is; `http` on loopback only. None: what AZURE_AUTHORITY_HOST says, else
    https://login.microsoftonline.com."""
    scope: str = pydantic.Field(default="https://cognitiveservices.azure.com/.default", min_length=1, max_length=512)
    """What the token is good for."""

    @pydantic.model_validator(mode="after")
    def _usable(self) -> "AzureCredential":
        if self.token_file is not None and self.client_secret is not None:
            raise ValueError("expected either token_file or client_secret")
        if self.authority is not None and not is_safe_url(self.authority):
            raise ValueError("expected an https:// authority: what proves the identity goes there")
        return self


class _Granted(msgspec.Struct):
    access_token: str
    expires_in: int | str


class _Refused(msgspec.Struct):
    error: str = ""
    error_codes: list[int] = []


class AzureSource:
    """Obtains access tokens from the token endpoint of a tenant."""

    def __init__(self, section: AzureCredential, web: Web) -> None:
        self._section = section
        self._web = web

    def obtain(self) -> Token:
        """A new access token. Raises SecretUnavailable."""
        section = self._section
        authority = section.authority or os.environ.get(_HOST) or _AUTHORITY
        if not is_safe_url(authority):
            raise SecretUnavailable(f"{_HOST} is no https:// URL")
        tenant = _given(section.tenant, _TENANT, "tenant")
        form = {
            "grant_type": "client_credentials",
            "client_id": _given(section.client_id, _CLIENT, "client_id"),
            "scope": section.scope,
            **self._proof(),
        }
        url = f"{authority.rstrip('/')}/{quote(tenant, safe='')}/oauth2/v2.0/token"
        headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
        request = HttpRequest("POST", url, headers, urlencode(form).encode())
        try:
            answer = self._web.send_blocking(request, section.reach(url), timeout_s=_TIMEOUT_S)
        except WebError as error:
            raise SecretUnavailable(f"Entra ID gives no token: {error}") from None
        return _token(answer)

    def changed(self) -> bool:
        """A token stays good when what it was obtained with is replaced."""
        return False

    def _proof(self) -> dict[str, str]:
        section = self._section
        if section.client_secret is not None:
            return {"client_secret": source(section.client_secret).fetch().reveal()}
        path = section.token_file or Path(_given(None, _FILE, "token_file"))
        return {"client_assertion_type": _ASSERTION, "client_assertion": read_secret(path).reveal()}


def lease(name: str, section: AzureCredential, web: Web) -> TokenLease:
    """A lease on the access token that the section describes, not obtained yet."""
    return TokenLease(name, AzureSource(section, web))


def _given(value: str | None, variable: str, key: str) -> str:
    found = value or os.environ.get(variable, "").strip()
    if not found:
        raise SecretUnavailable(f"there is no {key}, and the environment variable {variable} is not set or empty")
    return found


def _token(answer: WebAnswer) -> Token:
    if answer.status != _OK:
        raise SecretUnavailable(f"Entra ID gives no token ({_told(answer)})")
    try:
        granted = msgspec.json.decode(answer.body, type=_Granted)
        life_s = float(granted.expires_in)
    except (msgspec.MsgspecError, UnicodeError, ValueError):
        raise SecretUnavailable("Entra ID answers what is no token") from None
    return Token(_usable(granted.access_token), life_s)


def _usable(text: str) -> Secret:
    if not text:
        raise SecretUnavailable("Entra ID answers what is no token")
    return checked(text, "the token of Entra ID")


def _told(answer: WebAnswer) -> str:
    """Why it refused, without anything that it wrote but its short codes: its description may quote the assertion."""
    try:
        refused = msgspec.json.decode(answer.body, type=_Refused)
    except (msgspec.MsgspecError, UnicodeError):
        return f"HTTP {answer.status}"
    codes = [f"AADSTS{code}" for code in refused.error_codes[:3]]
    word = [refused.error] if _WORD.fullmatch(refused.error) else []
    return " ".join([f"HTTP {answer.status}", *word, *codes])
