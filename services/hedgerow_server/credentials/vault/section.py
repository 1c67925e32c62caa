"""Where Vault is, how to log in there, and which of its secrets are credentials."""

from pathlib import Path
from typing import Annotated, Literal

import pydantic

from hedgerow_server.config.model import Seconds, Section, is_safe_url
from hedgerow_server.credentials.rotation.section import RotationSection
from hedgerow_server.credentials.static import Fixed

_SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
_PATH = r"^[A-Za-z0-9_.@:+=-]+(/[A-Za-z0-9_.@:+=-]+)*$"


def _no_dots(value: str) -> str:
    # HTTP clients resolve them: another path than the one that is written here.
    if {".", ".."} & set(value.split("/")):
        raise ValueError("expected a path without . and .. between slashes")
    return value


VaultPath = Annotated[
    str, pydantic.AfterValidator(_no_dots), pydantic.Field(pattern=_PATH, max_length=512, json_schema_extra={})
]
"""A path in Vault, without a slash at its ends."""


class TokenLogin(Section):
    """A token that somebody else obtains. It is renewed as long as Vault lets it live."""

    method: Literal["token"]
    """How to log in: with a token as it is."""
    token: Fixed
    """Where the token is; read again when Vault does not take it any more."""


class AppRoleLogin(Section):
    """A role ID and a secret ID."""

    method: Literal["approle"]
    """How to log in: with AppRole."""
    mount: VaultPath = "approle"
    """Where the auth method is mounted, below `auth/`."""
    role_id: Fixed
    """Where the role ID is."""
    secret_id: Fixed
    """Where the secret ID, or the token that it is wrapped in, is; read again at each login."""
    wrapped: bool = False
    """Whether what stands there is a response-wrapping token: it is unwrapped once, and the secret ID kept in memory
    until another token stands there. A token that does not wrap a secret ID of this mount, or was unwrapped before, is
    refused."""


class KubernetesLogin(Section):
    """The service account of the pod."""

    method: Literal["kubernetes"]
    """How to log in: with Kubernetes."""
    mount: VaultPath = "kubernetes"
    """Where the auth method is mounted, below `auth/`."""
    role: str = pydantic.Field(min_length=1, max_length=256)
    """The role of the auth method."""
    token_file: Path = _SERVICE_ACCOUNT
    """The file with the service account's token; read again at each login."""


class JwtLogin(Section):
    """A JWT of an issuer that Vault trusts."""

    method: Literal["jwt"]
    """How to log in: with a JWT."""
    mount: VaultPath = "jwt"
    """Where the auth method is mounted, below `auth/`."""
    role: str = pydantic.Field(min_length=1, max_length=256)
    """The role of the auth method."""
    token_file: Path
    """The file with the JWT; read again at each login."""


Login = Annotated[
    TokenLogin | AppRoleLogin | KubernetesLogin | JwtLogin,
    pydantic.Field(discriminator="method"),
]
"""How to log in."""


class VaultSection(Section):
    """The Vault that `source: vault` stands for."""

    address: str = pydantic.Field(pattern=r"^https?://[^/\s@?#]+$", max_length=512)
    """Its URL, without a path. `http` only for this machine, unless `plaintext` is set."""
    plaintext: bool = False
    """Whether tokens and secrets may cross the network unencrypted, such as within a mesh that encrypts by itself."""
    namespace: str | None = pydantic.Field(default=None, pattern=_PATH, max_length=256)
    """The namespace, sent as X-Vault-Namespace. None: the root namespace."""
    ca_file: Path | None = None
    """A file with the certificates of the authorities that may vouch for it, PEM. None: the usual ones."""
    proxy: str | None = pydantic.Field(default=None, pattern=r"^https?://[^/\s@?#]+$", max_length=512)
    """The URL of an HTTP proxy on the way to it. None: no proxy, whatever the environment says."""
    login: Login
    """How to log in."""
    timeout_seconds: float = pydantic.Field(default=5, gt=0, le=60)
    """How long it may take to accept a connection, and to answer."""
    poll_seconds: float = pydantic.Field(default=5, ge=0.1, le=86_400)
    """How often the versions of secrets are looked at, give or take a fifth."""
    stale_seconds: Seconds | None = None
    """How long a secret is used after the last time that Vault was heard of it. None: for as long as it takes."""

    @pydantic.model_validator(mode="after")
    def _encrypted(self) -> "VaultSection":
        if not self.plaintext and not is_safe_url(self.address):
            raise ValueError("expected an https:// address, or plaintext: true")
        return self


class VaultCredential(Section):
    """A secret in Vault. Needs the section `vault`."""

    source: Literal["vault"]
    """Where the secret is: in Vault."""
    engine: Literal["kv", "dynamic"] = "kv"
    """`kv`: a secret of the KV engine, version 2. `dynamic`: a lease of any engine that gives leases, such as
    `database/creds/ROLE` or `aws/sts/ROLE`: renewed, replaced before it ends, and revoked when the gateway stops."""
    mount: VaultPath = "secret"
    """Where the engine is mounted."""
    path: VaultPath
    """The path of the secret below the mount; of `kv` without `data/`."""
    field: str | None = pydantic.Field(default=None, min_length=1, max_length=256)
    """The field of it that is the secret; either this or `fields` must be there."""
    fields: dict[str, str] = pydantic.Field(default={}, max_length=16)
    """Several fields that together are the secret: a JSON object with these keys, each with the field of Vault that it
    holds. For Bedrock: `{access_key_id: access_key, secret_access_key: secret_key, session_token: security_token}`."""
    parameters: dict[str, str] = pydantic.Field(default={}, max_length=32)
    """What to ask a dynamic engine with. With any, the path is written to; without, it is read."""
    stale_seconds: Seconds | None = None
    """As in `vault`, for this secret. None: as it stands there."""
    rotation: RotationSection | None = None
    """When it is to be replaced, and how (docs/vault.md). None: whoever writes it sees to that, and a lease lives as
    long as Vault renews it."""

    @pydantic.model_validator(mode="after")
    def _one_way(self) -> "VaultCredential":
        if (self.field is None) == (not self.fields):
            raise ValueError("expected either field or fields")
        if self.parameters and self.engine == "kv":
            raise ValueError("expected parameters with engine: dynamic only")
        if self.engine == "dynamic" and self.rotation is not None and self.rotation.webhook is not None:
            raise ValueError("expected rotation without a webhook: a dynamic engine gives the next key by itself")
        return self
