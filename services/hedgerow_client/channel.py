"""How a channel to the gateway is set up: where, with what credentials, and how it behaves.

The retry policy makes at most two attempts, on UNAVAILABLE only. The gateway steers them with the trailer
`grpc-retry-pushback-ms`, which gRPC obeys: it delays the second attempt, or forbids it where it could only cost money.
"""

import ipaddress
import json
import re
from dataclasses import dataclass, field

import grpc

from hedgerow_client.version import VERSION

KEEPALIVE_MS = 30_000
"""A silent connection with open calls is probed this often."""
KEEPALIVE_TIMEOUT_MS = 10_000
"""A probe that is not answered within this time ends the connection."""
RECEIVED_BYTES_MAX = 16 * 1024 * 1024
"""The largest answer; gRPC's default is 4 MiB. What is sent has no limit here: the gateway's own is configurable, and
its error says what it is."""

SERVICE_CONFIG = {
    # Every address that the target's name resolves to gets calls in turn, as long as its health service says SERVING.
    "loadBalancingConfig": [{"round_robin": {}}],
    "healthCheckConfig": {"serviceName": ""},
    "methodConfig": [
        {
            "name": [{}],
            "retryPolicy": {
                "maxAttempts": 2,
                "initialBackoff": "0.1s",
                "maxBackoff": "1s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        },
        # A stream of inputs is not sent twice: and where the second attempt of one could not connect, grpcio's (as of
        # 1.85) would never end.
        {"name": [{"service": "hedgerow.embed.v1.EmbedService", "method": "StreamEmbed"}]},
    ],
    # Second attempts stop while most calls fail.
    "retryThrottling": {"maxTokens": 100, "tokenRatio": 0.1},
}


@dataclass(frozen=True, slots=True)
class Tls:
    """How to speak TLS. All fields are PEM; without any, the system's certificate authorities decide."""

    root_certificates: bytes | None = None
    """The certificate authorities that may have signed the gateway's certificate."""
    private_key: bytes | None = field(default=None, repr=False)
    """The key of the caller's own certificate, where the gateway or a mesh asks for one."""
    certificate_chain: bytes | None = None
    """The caller's own certificate, with its intermediates."""
    server_name: str = ""
    """The name that the gateway's certificate must carry, where it is not the host of the target."""


@dataclass(frozen=True, slots=True)
class Dial:
    """Everything that it takes to open a channel, synchronous or asyncio."""

    target: str
    """The gRPC target, such as "hedgerow.internal:50051" or "dns:///hedgerow.internal:50051"."""
    options: tuple[tuple[str, str | int], ...]
    """The channel's options."""
    credentials: grpc.ChannelCredentials | None
    """None for plaintext."""
    metadata: tuple[tuple[str, str], ...] = field(repr=False)
    """What is sent with every call."""


def plan(target: str, *, token: str | None, tls: Tls | None, insecure: bool | None, health_check: bool = True) -> Dial:
    """Decides how to reach `target`.

    `insecure` None means plaintext for loopback addresses and Unix sockets, TLS for everything else and where `tls` is
    given. `health_check`: whether an address gets calls only while its health service says SERVING. Raises ValueError
    for a token that cannot be sent, and for `tls` together with `insecure`.
    """
    if insecure and tls is not None:
        raise ValueError("tls and insecure=True exclude each other")
    plaintext = insecure if insecure is not None else tls is None and is_local(target)
    return Dial(
        target=target,
        options=_options(tls, health_check=health_check),
        credentials=None if plaintext else _credentials(tls or Tls()),
        metadata=_authorization(token),
    )


def is_local(target: str) -> bool:
    """Whether calls to the target stay on this machine."""
    if target.startswith(("unix:", "unix-abstract:")):
        return True
    address = re.sub(r"^(dns:(//[^/]*/)?|ipv4:|ipv6:)", "", target)
    host = address[1:].split("]")[0] if address.startswith("[") else address.rsplit(":", 1)[0]
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _options(tls: Tls | None, *, health_check: bool) -> tuple[tuple[str, str | int], ...]:
    options: list[tuple[str, str | int]] = [
        ("grpc.service_config", json.dumps(SERVICE_CONFIG)),
        ("grpc.enable_retries", 1),
        ("grpc.keepalive_time_ms", KEEPALIVE_MS),
        ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_MS),
        # By default only two probes go out between two data frames; a model may think for longer than a minute.
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.max_receive_message_length", RECEIVED_BYTES_MAX),
        # Connections of its own: gRPC would share them with every client of the process that has the same target, and
        # so have a new one wait out the back-off of an old one whose gateway had gone.
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.primary_user_agent", f"hedgerow-client-python/{VERSION}"),
    ]
    if not health_check:
        options.append(("grpc.inhibit_health_checking", 1))
    if tls is not None and tls.server_name:
        options.append(("grpc.ssl_target_name_override", tls.server_name))
    return tuple(options)


def _credentials(tls: Tls) -> grpc.ChannelCredentials:
    return grpc.ssl_channel_credentials(tls.root_certificates, tls.private_key, tls.certificate_chain)


def _authorization(token: str | None) -> tuple[tuple[str, str], ...]:
    if not token:
        return ()
    # gRPC refuses other characters with a message that shows the value, so they are refused here without it.
    if not re.fullmatch(r"[\x21-\x7e]+", token):
        raise ValueError("the token may only hold visible ASCII characters, without spaces or line ends")
    return (("authorization", f"Bearer {token}"),)
