"""What the configuration says of the console."""

from typing import Annotated
from urllib.parse import urlsplit

import pydantic

from hedgerow_server.config.model import Section, is_safe_url
from hedgerow_server.identity.section import Reference

Scope = Annotated[str, pydantic.Field(pattern=r"^[\x21\x23-\x5B\x5D-\x7E]{1,128}$")]
"""A scope token (RFC 6749, section 3.3)."""


class OidcSection(Section):
    """Logging in with an OpenID provider: the authorization code flow with PKCE (OpenID Connect Core 1.0, RFC 7636)."""

    issuer: Annotated[str, pydantic.Field(pattern=r"^https?://[^\s]{1,500}$")]
    """The provider: the `issuer` of an entry of `identity.jwt.issuers`, whose keys, algorithms, claims and roles hold
    for its ID tokens, too. The endpoints are those of its discovery document.
    """
    client_id: str = pydantic.Field(min_length=1, max_length=256)
    """What the provider knows the console as. An ID token's `aud` must have it; the `audiences` of the issuer are those
    of tokens for callers.
    """
    client_secret: Reference | None = None
    """The credential whose secret the provider wants of the console. None: it is a public client."""
    scopes: tuple[Scope, ...] = pydantic.Field(default=("profile",), max_length=32)
    """Scopes beside `openid`."""
    name: str = pydantic.Field(default="single sign-on", min_length=1, max_length=64)
    """What people know the provider as: the words of the link on the login page."""


class ConsoleSection(Section):
    """The admin page, at /console on the admin HTTP door. Needs `identity.admin.access: roles`. Read when the server
    starts.
    """

    public_url: Annotated[str, pydantic.Field(pattern=r"^https?://[^\s/?#@]+/?$", max_length=512)] | None = None
    """Where people reach the door, such as https://hedgerow-admin.example.com: what is in front of it passes every
    path on as it is. With https the cookies are for https only. None: the door itself, under its own address.
    """
    oidc: OidcSection | None = None
    """Logging in with an OpenID provider; needs `public_url`. The provider must know the redirect URL
    `<public_url>/console/login/oidc/callback`. None: with an API key or the operator's token only.
    """
    with_key: bool = True
    """Whether API keys and the operator's token are taken on the login page."""
    read_only: bool = True
    """Whether pages only show. With false whoever may call `Reload`, `SetKillSwitch` or `ClearKillSwitch` of
    AdminService has a button for it.
    """
    idle_seconds: float = pydantic.Field(default=1800, ge=1, le=86_400)
    """A session ends when nobody has asked for a page for this long."""
    lifetime_seconds: float = pydantic.Field(default=28_800, ge=1, le=7 * 86_400)
    """A session ends after this long, whatever is done with it."""
    max_sessions: int = pydantic.Field(default=1000, ge=1, le=100_000)
    """Sessions at once; one more ends the one that was not used for the longest time."""
    login_attempts_per_minute: int = pydantic.Field(default=10, ge=1, le=10_000)
    """Logins that fail, for each address that they come from; further ones are refused without being looked at. Behind
    a proxy everybody has its address.
    """
    recent_calls: int = pydantic.Field(default=1000, ge=10, le=10_000)
    """How many of the newest calls are kept in memory to be shown, without content: about 2 KiB each."""

    @pydantic.model_validator(mode="after")
    def _usable(self) -> "ConsoleSection":
        if self.oidc is not None and self.public_url is None:
            raise ValueError("expected public_url beside oidc: the provider sends people back there")
        if self.oidc is not None and not is_safe_url(self.public_url or ""):
            raise ValueError("expected https in public_url, or http on loopback: codes of the provider come back there")
        if self.oidc is None and not self.with_key:
            raise ValueError("expected oidc, or true as with_key: nobody could log in")
        return self

    @property
    def secure(self) -> bool:
        """Whether browsers reach the console over TLS."""
        return self.public_url is not None and self.public_url.startswith("https://")

    @property
    def public_host(self) -> str:
        """The host of the public URL, lower case and without brackets; empty without one."""
        return urlsplit(self.public_url or "").hostname or ""
