"""What the configuration says of the doors."""

from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal

import pydantic

from hedgerow_server.config.model import ListenAddress, Seconds, Section
from hedgerow_server.doors.overload_section import OverloadSection

ProxyName = Annotated[str, pydantic.Field(pattern=r"^(spiffe://|https://|urn:|dns:|email:|ip:)[^\s*]{1,2000}$")]
"""A name in a certificate, in whole."""


class SpiffeSection(Section):
    """Certificate, key and authorities from a SPIFFE Workload API, such as a SPIRE agent's. What it rotates is served
    to the next connection; while it is away the last SVID stays in force. A start without it is not ready, and becomes
    so when it comes.
    """

    socket: str | None = pydantic.Field(default=None, pattern=r"^unix:/[^\s?#]{1,255}$")
    """Where it is, such as unix:/run/spire/agent.sock. None: what SPIFFE_ENDPOINT_SOCKET says."""
    id: str | None = pydantic.Field(default=None, pattern=r"^spiffe://[a-z0-9._-]{1,255}(/[A-Za-z0-9._-]+)*$")
    """The SPIFFE ID to serve, where it gives several. None: the first one, which is its default."""
    ask_callers: bool = True
    """Whether callers need a certificate of the SVID's own trust domain. Those of domains that it federates with are
    not taken."""


class TlsSection(Section):
    """TLS, either from files, PEM, or from a SPIFFE Workload API. Files that change are taken up within half a
    second, for new connections; those that are open stay. Where the new ones are of no use, the last good ones stay in
    force.
    """

    certificate: Path | None = None
    """The certificate chain. Until it and the key fit each other, the last ones that did stay in force."""
    key: Path | None = None
    """The private key."""
    client_ca: Path | None = None
    """The authorities that callers' certificates must come from. None: callers need no certificate."""
    spiffe: SpiffeSection | None = None
    """The Workload API to take all of this from. None: it is in files."""

    @pydantic.model_validator(mode="after")
    def _one_source(self) -> "TlsSection":
        files = (self.certificate, self.key)
        if self.spiffe is None and None in files:
            raise ValueError("expected certificate and key, or spiffe")
        if self.spiffe is not None and (*files, self.client_ca) != (None, None, None):
            raise ValueError("expected either files or spiffe: it has authorities of its own")
        return self

    @property
    def asks_callers(self) -> bool:
        """Whether callers need a certificate."""
        return self.client_ca is not None or (self.spiffe is not None and self.spiffe.ask_callers)


class GrpcSection(Section):
    """The gRPC door, for callers."""

    listen: ListenAddress = "127.0.0.1:50051"
    """Where it listens."""
    engine: Literal["asyncio", "grpcio"] | None = None
    """What speaks HTTP/2 here: "asyncio", Hedgerow's server on the event loop, or "grpcio", gRPC's C-core, which takes
    twice the CPU (docs/adr/0018-grpc-server-on-the-event-loop.md). Callers notice no difference. None: asyncio, but
    grpcio where `server.opentelemetry` is to instrument it."""
    tls: TlsSection | None = None
    """TLS. None: plaintext, for loopback and meshes that encrypt by themselves."""
    max_request_bytes: int = pydantic.Field(default=16 * 1024 * 1024, ge=1024, le=256 * 1024 * 1024)
    """The largest request message in bytes; a larger one is RESOURCE_EXHAUSTED. 16 MiB by default."""
    max_streams_per_connection: int = pydantic.Field(default=1000, ge=1, le=100_000)
    """The most calls that one connection may have open at once. Clients queue further ones, and those of a client that
    does not are refused (docs/conformance.md).
    """
    max_connection_age_seconds: Seconds | None = None
    """After which a connection is asked to go, so that clients spread over new replicas. None: never."""
    min_ping_interval_seconds: Seconds = 10.0
    """How often a client may ping at most."""
    reflection: bool = True
    """Whether gRPC reflection tells the contract to whoever connects; it tells nothing of the configuration."""


class HttpSection(Section):
    """The HTTP door, for callers with the clients of other APIs: OpenAI's and Anthropic's. It speaks HTTP/1.1, and
    tells whoever asks for /healthz and /readyz whether calls should come here.
    """

    listen: ListenAddress = "127.0.0.1:8080"
    """Where it listens."""
    tls: TlsSection | None = None
    """TLS. None: plaintext, for loopback and meshes that encrypt by themselves. Files are looked at every half
    second."""
    max_request_bytes: int = pydantic.Field(default=16 * 1024 * 1024, ge=1024, le=256 * 1024 * 1024)
    """The largest request body in bytes; a larger one is answered 413. 16 MiB by default."""
    max_header_bytes: int = pydantic.Field(default=32 * 1024, ge=1024, le=1024 * 1024)
    """The most bytes that the target and the headers of a request have together; more are answered 431. 32 KiB by
    default."""
    max_headers: int = pydantic.Field(default=100, ge=10, le=10_000)
    """The most headers of a request; more are answered 431."""
    max_connections: int = pydantic.Field(default=10_000, ge=1, le=1_000_000)
    """The most connections; a further one is answered 503 and closed."""
    header_seconds: Seconds = 10.0
    """How long the head of a request may take to come; then it is answered 408."""
    body_seconds: Seconds = 120.0
    """How long its body may take, from when the caller is known to be one; then it is answered 408. The call's
    deadline holds, too."""
    keep_alive_seconds: Seconds = 75.0
    """How long a connection stays open without a request. Should be longer than the same time of a load balancer that
    stands in front."""


class AdminGrpcSection(Section):
    """The admin gRPC door, for operators: AdminService, channelz, health and reflection."""

    listen: ListenAddress = "127.0.0.1:50052"
    """Where it listens."""
    tls: TlsSection | None = None
    """TLS. None: plaintext."""
    reflection: bool = True
    """Whether gRPC reflection tells the contract to whoever connects."""
    channelz: bool | None = None
    """Whether channelz tells of connections to whoever connects: it asks nobody who he is. None: on loopback only."""


class AdminHttpSection(Section):
    """The admin HTTP door: /healthz, /readyz and /drift."""

    listen: ListenAddress = "127.0.0.1:50053"
    """Where it listens."""


class TrustedProxiesSection(Section):
    """Proxies in front of the callers' doors, such as Envoy, whose word for whom they call is taken. Those headers are
    ignored of everybody else.
    """

    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    """Where their connections come from, such as 10.4.0.0/16. Empty: nobody's word is taken."""
    identities: tuple[ProxyName, ...] = ()
    """One of these names must be in their own certificate as well: "spiffe://mesh/ns/edge/sa/envoy", "dns:envoy.edge".
    Empty: the network is enough, which is right only where nobody else can connect from there.
    """
    client_certificates: bool = False
    """Whether `x-forwarded-client-cert` says whose certificate a call came with: its last element, in Envoy's form, by
    URI and DNS. Then a proxy's own certificate names no caller. The proxies must write the header themselves
    (SANITIZE_SET or APPEND_FORWARD), never hand on what callers send.
    """

    @pydantic.model_validator(mode="after")
    def _somebody(self) -> "TrustedProxiesSection":
        if not self.networks and (self.identities or self.client_certificates):
            raise ValueError("expected networks: without one nobody is trusted")
        return self


class ServerSection(Section):
    """Section `server`: where and how calls come in."""

    grpc: GrpcSection = GrpcSection()
    """The gRPC door, for callers."""
    http: HttpSection | None = None
    """The HTTP door, which speaks OpenAI's and Anthropic's APIs. None: there is none; `{}`: there is one as the
    defaults say."""
    admin_grpc: AdminGrpcSection = AdminGrpcSection()
    """The admin gRPC door."""
    admin_http: AdminHttpSection = AdminHttpSection()
    """The admin HTTP door."""
    trusted_proxies: TrustedProxiesSection = TrustedProxiesSection()
    """Proxies that may say for whom they call."""
    overload: OverloadSection = OverloadSection()
    """When calls are refused so that the others are served."""
    drain_seconds: Seconds = 30.0
    """How long open calls may go on after SIGTERM."""
    workers: int = pydantic.Field(default=1, ge=1, le=64)
    """How many processes serve, each with an event loop of its own: at most as many as there are cores. With more than
    one a supervisor stands beside them, which starts those again that crash and lends them their parts of limits. Linux
    spreads connections over them, not calls (docs/operations.md).
    """
    opentelemetry: bool = False
    """Whether opentelemetry-instrumentation-grpc instruments the gRPC door (needs the extra `otel`; costs 155 µs a call
    and more). The caller's trace context reaches the provider either way."""

    @pydantic.model_validator(mode="after")
    def _instrumentable(self) -> "ServerSection":
        if self.opentelemetry and self.grpc.engine == "asyncio":
            raise ValueError("expected grpc.engine: grpcio with opentelemetry, which instruments no other")
        return self
