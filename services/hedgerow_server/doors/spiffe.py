"""TLS of a door from a SPIFFE Workload API, such as that of a SPIRE agent: certificate, key and trust bundle, live.

https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE_Workload_API.md
"""

import asyncio
import contextlib
import datetime as dt
import logging
import os
import random
from collections.abc import Callable

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hedgerow_server.doors.section import SpiffeSection
from hedgerow_server.doors.svid import Svid, SvidError, chosen
from hedgerow_server.wire.workload import EMPTY, FETCH_X509_SVID, identities

_log = logging.getLogger(__name__)
_VARIABLE = "SPIFFE_ENDPOINT_SOCKET"
_METADATA = (("workload.spiffe.io", "true"),)  # section 4 of the standard: against requests that were forged
_OPTIONS = (
    ("grpc.enable_http_proxy", 0),
    # Or the next attempt would wait for what the last one has left behind in C-core's shared pool.
    ("grpc.use_local_subchannel_pool", 1),
)
_RETRY_S = 0.2
_RETRY_MAX_S = 2.0
"""The longest time between two looks at a Workload API that is away: it is on this machine."""
_PLACEHOLDER_LIFE = dt.timedelta(days=3650)


class NoSocketError(Exception):
    """Nothing says where the Workload API is; the text says what is missing."""


class WorkloadIdentity:
    """The identity of one door. C-core asks for it before every handshake, in a thread of its own; connections that are
    open stay as they are. While the Workload API is away the last identity serves.
    """

    def __init__(self, section: SpiffeSection, where: str, news: Callable[[], None]) -> None:
        """`where` is the section's path, for the log; `news` is told of each identity. Raises NoSocketError."""
        self._section = section
        self._where = where
        self._news = news
        self._address = _address(section)
        self._svid: Svid | None = None
        self._in_force: grpc.ServerCertificateConfiguration | None = None
        self._served: grpc.ServerCertificateConfiguration | None = None
        self._trouble = "the Workload API was not asked yet"
        self._first = asyncio.Event()
        self._wait_s = _RETRY_S

    @property
    def problem(self) -> str:
        """Why callers cannot be served; empty when they can."""
        if self._svid is None:
            return self._trouble
        return f"{self._svid.spiffe_id} has expired; {self._trouble or 'no other came'}" if self._svid.expired else ""

    @property
    def svid(self) -> Svid | None:
        """What is in force. None: nothing was given yet."""
        return self._svid

    @property
    def asks_callers(self) -> bool:
        """Whether callers need a certificate."""
        return self._section.ask_callers

    def credentials(self) -> grpc.ServerCredentials:
        """Credentials for one port, which follow the Workload API. Until it has given an identity no handshake
        succeeds.
        """
        self._served = self._in_force or _placeholder()
        return grpc.dynamic_ssl_server_credentials(
            self._served,
            self.changed,  # type: ignore[arg-type]  # the stubs know nothing of None, which stands for no change
            require_client_authentication=self._section.ask_callers,
        )

    def changed(self) -> grpc.ServerCertificateConfiguration | None:
        """What holds from the next handshake on; None where that is what held before."""
        found = self._in_force
        if found is None or found is self._served:
            return None
        self._served = found
        return found

    async def first(self, within_s: float) -> None:
        """Waits for the first identity, for so long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._first.wait()

    async def keep(self) -> None:
        """Follows the Workload API, for ever: its stream tells of each change."""
        while True:
            try:
                await self._follow()
                self._is_away("it ended the stream")
            except grpc.aio.AioRpcError as error:
                # Without its details, in which the agent may say anything.
                self._is_away(error.code().name)
            except Exception as error:
                # Nothing may end the watch: it is what renews the identity.
                self._is_away(type(error).__name__)
            await asyncio.sleep(self._wait_s * random.uniform(0.5, 1))  # noqa: S311  (jitter, no secret)
            self._wait_s = min(2 * self._wait_s, _RETRY_MAX_S)

    async def _follow(self) -> None:
        async with grpc.aio.insecure_channel(self._address, options=_OPTIONS) as channel:
            fetch: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = channel.unary_stream(FETCH_X509_SVID)
            async for content in fetch(EMPTY, metadata=_METADATA):
                self._take(content)

    def _take(self, content: bytes) -> None:
        try:
            fresh = chosen(identities(content), self._section.id)
        except SvidError as error:
            self._note(f"the Workload API is of no use: {error}")
            return
        except Exception as error:
            # Whatever a parser makes of bytes that are no certificates must not end the watch.
            self._note(f"the Workload API is of no use: it answers what cannot be read ({type(error).__name__})")
            return
        self._trouble, self._wait_s = "", _RETRY_S
        if fresh == self._svid:
            return
        self._in_force = fresh.configuration(ask_callers=self._section.ask_callers)
        self._svid = fresh
        _log.info("%s: %s is in force", self._where, fresh.spiffe_id)
        self._first.set()
        self._news()

    def _is_away(self, why: str) -> None:
        self._note(f"the Workload API at {self._address} is away ({why})")

    def _note(self, trouble: str) -> None:
        if trouble != self._trouble:
            still = "; the last SVID stays in force" if self._svid is not None else ""
            _log.warning("%s: %s%s", self._where, trouble, still)
        self._trouble = trouble


def _address(section: SpiffeSection) -> str:
    found = section.socket or os.environ.get(_VARIABLE, "")
    if not found:
        raise NoSocketError(f"expected a socket, here or as {_VARIABLE} in the environment")
    if not found.startswith("unix:/"):
        raise NoSocketError(f"expected unix: and a path as {_VARIABLE} in the environment")
    return found


def _placeholder() -> grpc.ServerCertificateConfiguration:
    """A certificate that nobody trusts, with itself as the only authority for callers: a port cannot be had without
    one, and its address has to be known before there is an identity.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "no identity yet")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + _PLACEHOLDER_LIFE)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return grpc.ssl_server_certificate_configuration([(pem, made)], root_certificates=made)
