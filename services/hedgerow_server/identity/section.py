"""What the configuration says of callers."""

from pathlib import Path
from typing import Annotated, Literal

import pydantic

from hedgerow_server.config.model import Section, is_safe_url
from hedgerow_server.core.access import Names
from hedgerow_server.identity.static import StaticIdentity

Word = Annotated[str, pydantic.Field(min_length=1, max_length=128)]
Region = Annotated[str, pydantic.Field(min_length=1, max_length=64)]
RoleName = Annotated[str, pydantic.Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,127}$")]
Reference = Annotated[str, pydantic.Field(min_length=1, max_length=63)]
"""The name of an entry of `credentials`."""
ModelPattern = Annotated[str, pydantic.Field(min_length=1, max_length=256)]
RpcPattern = Annotated[str, pydantic.Field(pattern=r"^[A-Za-z*]{1,64}(/[A-Za-z*]{1,64})?$")]
ClaimPath = Annotated[str, pydantic.Field(pattern=r"^[^\s.]{1,256}(\.[^\s.]{1,256}){0,7}$")]
"""The name of a claim; dots lead into objects."""
Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
CALLERS_DOOR = ("ChatService", "EmbedService", "RouterService", "UsageService")
"""The services of the callers' door."""


class RoleSection(Section):
    """One entry of `identity.roles`: what callers with this role may do. What one of a caller's roles allows is
    allowed; regions are another matter, each role that names some narrows.
    """

    models: tuple[ModelPattern, ...] = ("*",)
    """The model names, as callers use them, that may be called and listed. `*` stands for any characters."""
    rpcs: tuple[RpcPattern, ...] = ("*",)
    """The RPCs of the callers' door, as "ChatService/Complete"; `*` stands for any characters."""
    admin: tuple[RpcPattern, ...] = ()
    """The RPCs of AdminService, as "ListCandidates" or "Get*", that may be called where `identity.admin.access` is
    "roles". None by default.
    """
    regions: tuple[Region, ...] = ()
    """Residency: calls are served in these regions only. Empty: anywhere."""
    act_for: bool = False
    """Whether callers may name the user they call for, in the metadata `hedgerow-act-for`."""
    all_tenants: bool = False
    """Whether UsageService tells callers of every tenant's calls. Without it they are told of their own tenant's."""

    @pydantic.field_validator("rpcs")
    @classmethod
    def _of_the_callers_door(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in patterns:
            service = Names((pattern.partition("/")[0],))
            if not any(one in service for one in CALLERS_DOOR):
                raise ValueError(f"expected an RPC of {', '.join(CALLERS_DOOR)}, such as ChatService/*")
        return patterns


class ApiKeysSection(Section):
    """API keys, kept in the store as keyed hashes."""

    pepper: Reference
    """The credential whose secret keys the hashes: at least 16 bytes, better 32 random ones. Whoever can read the store
    but not this cannot make a key that passes.
    """
    old_peppers: tuple[Reference, ...] = ()
    """Credentials with the peppers of before. Keys that were made under them stay good; new ones use `pepper`."""
    refresh_seconds: float = pydantic.Field(default=1.0, ge=0.1, le=4)
    """How often the store is asked for changes: after this time and that of a query a revoked key is refused
    everywhere.
    """
    revoked_streams: Literal["end", "finish"] = "end"
    """What becomes of calls under way when their key is revoked or expires: "end", with UNAUTHENTICATED and within a
    second of the time when the key is refused, or "finish".
    """
    keep_ended_seconds: float = pydantic.Field(default=7_776_000, gt=0, le=315_360_000)
    """How long keys stay in the store after they have ended, for `hedgerow keys list --all`; 90 days by default. Then
    they are forgotten, and the audit log says which.
    """


class ClaimsSection(Section):
    """Which claims of a token say what. Dots lead into objects: "realm_access.roles"."""

    tenant: ClaimPath | None = None
    """The tenant, a string. None: the `tenant` of the issuer."""
    team: ClaimPath | None = None
    """The team, a string."""
    user: ClaimPath | None = "sub"
    """The user, a string."""
    service: ClaimPath | None = None
    """The service, a string; "azp" and "client_id" name the client at many providers."""
    roles: ClaimPath | None = None
    """The roles: a list, or words in a string. Those that `identity.roles` does not have are left out."""
    models: ClaimPath | None = None
    """The only models, with `*`: a list, or words in a string. A token without the claim has those of its roles."""
    regions: ClaimPath | None = None
    """The only regions: a list, or words in a string."""


class IssuerSection(Section):
    """One issuer of tokens."""

    issuer: Annotated[str, pydantic.Field(pattern=r"^https?://[^\s]{1,500}$")]
    """The claim `iss`, exactly."""
    audiences: tuple[Word, ...] = pydantic.Field(min_length=1)
    """A token's `aud` must have one of these."""
    jwks_url: Annotated[str, pydantic.Field(pattern=r"^https?://[^\s]{1,500}$")] | None = None
    """Where its keys are: https, or http on loopback. None: where `/.well-known/openid-configuration` of the issuer
    says.
    """
    algorithms: tuple[Algorithm, ...] = pydantic.Field(default=("RS256",), min_length=1)
    """The only signatures that are accepted."""
    claims: ClaimsSection = ClaimsSection()
    """Which claims say what."""
    tenant: Annotated[str, pydantic.Field(max_length=128)] = ""
    """The tenant of every token, where no claim says it."""
    roles: tuple[RoleName, ...] = ()
    """Roles that every token of this issuer has."""
    refresh_seconds: float = pydantic.Field(default=300, ge=1, le=86_400)
    """How often the keys are fetched anew. An unknown key id brings that forward, at most once in 30 s."""
    stale_seconds: float = pydantic.Field(default=86_400, ge=60, le=30 * 86_400)
    """How long the last good keys serve while the issuer cannot be reached; after that its callers are UNAVAILABLE."""
    leeway_seconds: float = pydantic.Field(default=60, ge=0, le=300)
    """How far the issuer's clock may be off."""
    allow_private_addresses: bool | None = None
    """Whether the host of its keys may have an address that is not public, as for a provider. None: only if
    `jwks_url`, or without it `issuer`, itself has that address in the place of a name, or is `localhost`.
    """
    proxy: Annotated[str, pydantic.Field(pattern=r"^http://[^\s/?#@]+/?$", max_length=2048)] | None = None
    """The HTTP proxy on the way to its keys, `http://HOST:PORT`; `allow_private_addresses` is about it then. None: no
    proxy, whatever the environment says.
    """
    ca_file: Path | None = None
    """The authorities, PEM, one of which must have issued its certificate. None: the public ones."""

    @pydantic.model_validator(mode="after")
    def _usable(self) -> "IssuerSection":
        if self.claims.tenant is None and not self.tenant:
            raise ValueError("expected `tenant`, or `claims.tenant`: a caller needs one")
        for url in (self.jwks_url or self.issuer,):
            if not is_safe_url(url):
                raise ValueError("expected https, or http on loopback: the keys decide who may call")
        return self


class JwtSection(Section):
    """Tokens of identity providers (OpenID Connect, or any JWT that is signed with a public key)."""

    issuers: tuple[IssuerSection, ...] = pydantic.Field(min_length=1, max_length=32)
    """Whose tokens are accepted."""

    @pydantic.model_validator(mode="after")
    def _distinct(self) -> "JwtSection":
        if len({one.issuer for one in self.issuers}) < len(self.issuers):
            raise ValueError("expected every issuer once")
        return self


class PeerSection(Section):
    """Who callers with a certificate are."""

    identity: Annotated[str, pydantic.Field(pattern=r"^(spiffe://|https://|urn:|dns:|email:|ip:)[^\s]{1,2000}$")]
    """A name in the certificate: a SPIFFE ID or another URI as it is, or "dns:", "email:" or "ip:" and the name. `*`
    stands for any characters but `/`, and in a DNS name but `.` as well.
    """
    tenant: Word
    """Their tenant."""
    team: str = pydantic.Field(default="", max_length=128)
    """Their team."""
    user: str = pydantic.Field(default="", max_length=128)
    """Their user."""
    service: str = pydantic.Field(default="", max_length=128)
    """Their service. Empty: the name in the certificate."""
    roles: tuple[RoleName, ...] = ()
    """Their roles."""


class MtlsSection(Section):
    """Certificates of callers. Needs `server.grpc.tls.client_ca` or `.spiffe`."""

    principals: tuple[PeerSection, ...] = pydantic.Field(min_length=1)
    """Who is who; the first entry that a certificate has a name for counts."""
    unmapped: Literal["refuse", "ignore"] = "refuse"
    """What becomes of a caller whose certificate is good but has no entry: "refuse", or "ignore", by which the
    certificate lets it connect and no more, and it needs a key or a token.
    """


class AdminAccessSection(Section):
    """Who may use the admin gRPC door."""

    access: Literal["loopback", "roles"] = "loopback"
    """"loopback": whoever can connect, and the door listens on loopback only. "roles": those whose roles grant it
    (`identity.roles.*.admin`), authenticated as on the callers' door, and whoever has `token`.
    """
    token: Reference | None = None
    """The credential whose secret, sent as a bearer token, opens all of the admin door: to make the first keys, and for
    the day when nothing else works. At least 16 bytes. None: there is none.
    """


class IdentitySection(StaticIdentity):
    """Section `identity`: who callers are, and what they may do.

    Without `api_keys`, `jwt` and `mtls` everybody who can connect is the principal of `tenant`, `team`, `user` and
    `regions`; then the router listens on loopback only, unless `allow_unauthenticated` says otherwise.
    """

    allow_unauthenticated: bool = False
    """Whether callers without any credential are let in, as that principal, wherever they come from. A credential that
    is sent must be good all the same.
    """
    api_keys: ApiKeysSection | None = None
    """API keys. None: not accepted."""
    jwt: JwtSection | None = None
    """Tokens. None: not accepted."""
    mtls: MtlsSection | None = None
    """Certificates. None: they say nothing of who calls."""
    roles: dict[RoleName, RoleSection] = pydantic.Field(default_factory=dict)
    """The roles, by name. Where there are some, a caller that has none of them may do nothing; an empty role allows
    every RPC of the callers' door with every model.
    """
    default_roles: tuple[RoleName, ...] = ()
    """The roles of callers that have no other."""
    admin: AdminAccessSection = AdminAccessSection()
    """Who may use the admin gRPC door."""

    @property
    def authenticates(self) -> bool:
        """Whether there is a way to tell callers apart."""
        return self.api_keys is not None or self.jwt is not None or self.mtls is not None
