"""What the configuration says of guards that run elsewhere."""

import re
from pathlib import Path
from typing import Annotated, Literal

import pydantic

from hedgerow_server.config.model import Seconds, Section, is_loopback
from hedgerow_server.guardrails.entry import GuardEntry

_TARGET = r"^(unix(-abstract)?:|dns:|ipv4:|ipv6:)?[^\s@?#]{1,500}$"
_SCHEME = re.compile(r"^(dns:(//[^/]*/)?|ipv4:|ipv6:)")
_LONGEST_TEXT = 131_072
"""What one text of hedgerow.guardrail.v1.GuardrailService may have."""


class FuseSection(Section):
    """When a guard that fails is not asked for a while. Meanwhile `on_failure` decides, at no cost in time."""

    failures: int = pydantic.Field(default=5, ge=1, le=1000)
    """So many failures in a row, or half of the last 20 outcomes."""
    rest_seconds: Seconds = 1.0
    """How long it rests at first, give or take a fifth. Then one call tries it; each time that fails it rests for twice
    as long."""
    max_rest_seconds: Seconds = 30.0
    """How long it rests at most."""

    @pydantic.model_validator(mode="after")
    def _ordered(self) -> "FuseSection":
        if self.rest_seconds > self.max_rest_seconds:
            raise ValueError("rest_seconds must not be above max_rest_seconds")
        return self


class VerdictsSection(Section):
    """What is kept of a guard's verdicts, so that the same text of the same tenant is not asked about again, such as a
    system prompt or the earlier turns of a conversation. In memory; the texts themselves are not kept.
    """

    entries: int = pydantic.Field(default=10_000, ge=0, le=1_000_000)
    """How many verdicts and findings are kept; 0: none. Those that were not used for the longest time go first."""
    ttl_seconds: Seconds = 300.0
    """For how long a verdict holds."""


class RemoteEntry(GuardEntry):
    """What all kinds of guards that run elsewhere have in common."""

    region: str = pydantic.Field(default="", max_length=64)
    """Where it runs, as candidates name theirs. Texts of a call that may only go to some regions (of its caller, route
    or request) are not sent to a guard elsewhere, nor to one that does not say where it is: `on_failure` decides."""
    credential: str | None = None
    """The entry of `credentials` whose secret is sent as bearer token. None: none is sent."""
    piece_characters: int = pydantic.Field(default=8192, ge=256, le=_LONGEST_TEXT)
    """The longest text that it is asked about, in code points. Longer ones are sent in pieces, at once."""
    max_concurrent_requests: int = pydantic.Field(default=64, ge=1, le=10_000)
    """How many requests to it may be under way. Further ones wait for their turn, within `timeout_seconds`."""
    breaker: FuseSection = FuseSection()
    """When it is not asked for a while."""
    verdicts: VerdictsSection = VerdictsSection()
    """What is kept of its verdicts."""


class ServiceTlsSection(Section):
    """TLS to a guard. Files are read again when they change."""

    ca_file: Path | None = None
    """The authorities, PEM, one of which must have issued its certificate; no others are trusted. None: the public
    ones."""
    certificate: Path | None = None
    """The gateway's own certificate with its intermediates, PEM, where the guard asks for one."""
    key: Path | None = None
    """Its private key, PEM, without a password."""

    @pydantic.model_validator(mode="after")
    def _paired(self) -> "ServiceTlsSection":
        if (self.certificate is None) != (self.key is None):
            raise ValueError("expected both of certificate and key, or none of them")
        return self


class RemoteServiceGuardSection(RemoteEntry):
    """A guard that serves hedgerow.guardrail.v1.GuardrailService, in whatever language (docs/guardrails.md)."""

    type: Literal["grpc"] = "grpc"
    """Asks a server of hedgerow.guardrail.v1.GuardrailService."""
    target: Annotated[str, pydantic.Field(pattern=_TARGET)]
    """Where it is, as gRPC names targets: HOST:PORT, dns:///HOST:PORT for every address that the name has, in turn, or
    unix:PATH. Environment variables for proxies mean nothing to it."""
    tls: ServiceTlsSection | None = None
    """How TLS is spoken; `{}` with the public authorities. None: it is not, which is fine on this machine."""
    plaintext: bool = False
    """Whether texts and the credential may go to another machine without TLS, because a mesh encrypts them."""
    authority: Annotated[str, pydantic.Field(pattern=r"^[A-Za-z0-9._:\[\]-]{1,255}$")] | None = None
    """The `:authority` of requests, which is also the name that its certificate must have. None: the target's host."""
    connections: int = pydantic.Field(default=1, ge=1, le=16)
    """How many connections are kept to each of its addresses. One carries many requests at once, often 100."""
    keepalive_seconds: Seconds | None = None
    """How often a connection without requests is probed, so that it stays open where the network forgets silent ones.
    None: never. Servers in Go end connections that are probed like that, unless they are told not to."""

    @pydantic.model_validator(mode="after")
    def _encrypted(self) -> "RemoteServiceGuardSection":
        if self.tls is None and not self.plaintext and not is_local(self.target):
            raise ValueError("expected `tls` (it may be {}), or plaintext: true where a mesh encrypts")
        if self.tls is not None and self.plaintext:
            raise ValueError("expected one of `tls` and plaintext: true")
        return self


def is_local(target: str) -> bool:
    """Whether calls to a gRPC target stay on this machine."""
    return target.startswith(("unix:", "unix-abstract:")) or is_loopback(_SCHEME.sub("", target))
