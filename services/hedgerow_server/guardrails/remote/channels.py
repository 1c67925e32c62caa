"""Connections to a guard: a few that all calls share, made anew when the files of certificates change."""

from __future__ import annotations  # grpcio's types take parameters in their stubs only

import asyncio
import itertools
import json
import logging
import ssl
import time
from pathlib import Path
from typing import TypeAlias

import grpc
import grpc.aio
from hedgerow.guardrail.v1 import guardrail_service_pb2 as pb

from hedgerow_server.config.load import ConfigError, Fault
from hedgerow_server.config.reload import Mark, mark
from hedgerow_server.guardrails.remote.section import RemoteServiceGuardSection, ServiceTlsSection

_LOOK_S = 10.0
"""How far apart looks at the files are."""
_GRACE_S = 30.0
"""How long calls on old connections may go on; none takes nearly as long."""
_IDLE_PROBE_MS = 20_000
_PROBE_TIMEOUT_MS = 5_000
"""So long may data stay unacknowledged before a connection is given up: C-core hands it to TCP (RFC 5482)."""
_CONNECT_MS = (100, 2_000, 5_000)
"""Between two tries to connect: at first, how long one may take, and at most."""
_ANSWER_BYTES = 1024 * 1024
"""The contract's limit: to parse more would hold up other calls."""
_SERVICE = pb.DESCRIPTOR.services_by_name["GuardrailService"].full_name
_SERVICE_CONFIG = {
    "loadBalancingConfig": [{"round_robin": {}}],
    "healthCheckConfig": {"serviceName": _SERVICE},
    "methodConfig": [
        {
            "name": [{}],
            # A check changes nothing: one that met a server on its way out goes to the next.
            "retryPolicy": {
                "maxAttempts": 2,
                "initialBackoff": "0.01s",
                "maxBackoff": "0.02s",
                "backoffMultiplier": 1,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ],
    "retryThrottling": {"maxTokens": 10, "tokenRatio": 0.1},
}
_log = logging.getLogger(__name__)

Check: TypeAlias = "grpc.aio.UnaryUnaryMultiCallable[pb.CheckRequest, pb.CheckResponse]"


class Channels:
    """The connections to one guard. For one event loop, within which they are made: they connect at once, so that the
    first call finds them open.
    """

    def __init__(self, name: str, section: RemoteServiceGuardSection) -> None:
        """`name` is the guard's. Raises ConfigError for files that cannot be used."""
        self._name = name
        self._section = section
        self._options = _options(section)
        self._marks = self._look()
        self._looked_s = time.monotonic()
        self._renewing: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._channels = self._opened(_credentials(section.tls))
        self._turn = itertools.cycle(map(_check, self._channels))

    def next(self) -> Check:
        """The method on one of the connections, each in its turn."""
        if self._marks and self._renewing is None and time.monotonic() - self._looked_s >= _LOOK_S:
            self._renewing = asyncio.create_task(self._renew())
        return next(self._turn)

    async def close(self) -> None:
        """Closes every connection."""
        left = [*self._closing, *([self._renewing] if self._renewing is not None else [])]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        for channel in self._channels:
            await channel.close()

    async def _renew(self) -> None:
        """Takes up certificates that have changed; files that are of no use leave the old connections as they are."""
        try:
            marks = await asyncio.to_thread(self._look)
            if marks == self._marks:
                return
            self._marks = marks
            fresh = self._opened(await asyncio.to_thread(_credentials, self._section.tls))
        except ConfigError as error:
            _log.error("the guard %s keeps its last good certificates: %s", self._name, error)
            return
        finally:
            self._looked_s, self._renewing = time.monotonic(), None
        old, self._channels = self._channels, fresh
        self._turn = itertools.cycle(map(_check, fresh))
        for channel in old:
            task = asyncio.create_task(channel.close(_GRACE_S))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    def _look(self) -> list[Mark | None]:
        tls = self._section.tls
        paths = (tls.ca_file, tls.certificate, tls.key) if tls is not None else ()
        return [mark(one) for one in paths if one is not None]

    def _opened(self, credentials: grpc.ChannelCredentials | None) -> list[grpc.aio.Channel]:
        target = self._section.target
        channels = [
            grpc.aio.insecure_channel(target, options=self._options)
            if credentials is None
            else grpc.aio.secure_channel(target, credentials, options=self._options)
            for _ in range(self._section.connections)
        ]
        for channel in channels:
            channel.get_state(try_to_connect=True)
        return channels


def _check(channel: grpc.aio.Channel) -> Check:
    return channel.unary_unary(
        f"/{_SERVICE}/Check",
        request_serializer=pb.CheckRequest.SerializeToString,
        response_deserializer=pb.CheckResponse.FromString,
    )


def _options(section: RemoteServiceGuardSection) -> list[tuple[str, str | int]]:
    first_ms, try_ms, most_ms = _CONNECT_MS
    options: list[tuple[str, str | int]] = [
        ("grpc.service_config", json.dumps(_SERVICE_CONFIG)),
        ("grpc.initial_reconnect_backoff_ms", first_ms),
        ("grpc.min_reconnect_backoff_ms", try_ms),
        ("grpc.max_reconnect_backoff_ms", most_ms),
        ("grpc.keepalive_time_ms", _IDLE_PROBE_MS),
        ("grpc.keepalive_timeout_ms", _PROBE_TIMEOUT_MS),
        ("grpc.max_receive_message_length", _ANSWER_BYTES),
        ("grpc.enable_http_proxy", 0),
        # Else channels to one address would share one connection, whatever `connections` says.
        ("grpc.use_local_subchannel_pool", 1),
    ]
    if section.authority is not None:
        options.append(("grpc.default_authority", section.authority))
    if section.keepalive_seconds is not None:
        options.append(("grpc.keepalive_time_ms", round(section.keepalive_seconds * 1000)))
        options.append(("grpc.keepalive_permit_without_calls", 1))
        options.append(("grpc.http2.max_pings_without_data", 0))
    return options


def _credentials(tls: ServiceTlsSection | None) -> grpc.ChannelCredentials | None:
    """None for plaintext. Raises ConfigError."""
    if tls is None:
        return None
    _usable(tls)
    return grpc.ssl_channel_credentials(
        root_certificates=_read(tls.ca_file), private_key=_read(tls.key), certificate_chain=_read(tls.certificate)
    )


def _usable(tls: ServiceTlsSection) -> None:
    """What OpenSSL says of the files. C-core would take them, and then fail at every handshake."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if tls.ca_file is not None:
        try:
            context.load_verify_locations(tls.ca_file)
        except ssl.SSLError:
            raise _fault(tls.ca_file, "expected certificates, PEM") from None
        except OSError as error:
            raise _fault(tls.ca_file, f"cannot be read: {error.strerror}") from None
    if tls.certificate is not None:
        try:
            # A password of no length, because OpenSSL would ask for the real one on the terminal.
            context.load_cert_chain(tls.certificate, tls.key, password="")
        except ssl.SSLError:
            raise _fault(tls.certificate, "expected a certificate that goes with `key`, PEM") from None
        except OSError as error:
            raise _fault(tls.certificate, f"it or `key` cannot be read: {error.strerror}") from None


def _read(path: Path | None) -> bytes | None:
    return path.read_bytes() if path is not None else None


def _fault(path: Path, expected: str) -> ConfigError:
    return ConfigError([Fault(str(path), 1, "", expected)])
