"""A SPIFFE Workload API on a socket, as an agent has one: gives identities, rotates them, dies and comes back.

Its messages are put together here, byte by byte, by the standard's workloadapi.proto, and not by the router's own copy.
"""

import ssl
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import grpc
from cryptography.hazmat.primitives import serialization
from rpc.certificates import Authority

ID = "spiffe://prod.example/ns/llm/sa/hedgerow"
METHOD = "/SpiffeWorkloadAPI/FetchX509SVID"


class Agent:
    """What it gives, and the server that gives it, on and off."""

    def __init__(self, folder: Path) -> None:
        self.socket = f"unix:{folder}/agent.sock"
        self.authority = Authority()
        """Who issues what it gives."""
        self.bundle: list[Authority] = [self.authority]
        """Who may vouch for callers."""
        self.certificate = b""
        """The certificate that it gave last, DER."""
        self.asked = 0
        """How often it was asked for its stream."""
        self._content = b""
        self._version = 0
        self._changed = threading.Condition()
        self._server: grpc.Server | None = None
        self.rotate()

    def rotate(self, *more: bytes) -> None:
        """Gives another identity from now on, after those in `more`."""
        pem, key = self.authority.issue(ID, "ip:127.0.0.1")
        self.certificate = der(pem)
        bundle = b"".join(der(one.certificate) for one in self.bundle)
        self.give(*more, svid(ID, self.certificate, key_der(key), bundle))

    def give(self, *svids: bytes) -> None:
        """Gives these from now on."""
        with self._changed:
            self._content = b"".join(field(1, one) for one in svids) + field(2, b"a list of revoked certificates")
            self._version += 1
            self._changed.notify_all()

    def start(self) -> None:
        """Listens."""
        server = grpc.server(ThreadPoolExecutor(8), options=(("grpc.so_reuseport", 0),))
        server.add_generic_rpc_handlers((_Handler(self),))
        server.add_insecure_port(self.socket)
        server.start()
        self._server = server

    def stop(self) -> None:
        """Is gone, with every stream."""
        if self._server is not None:
            server, self._server = self._server, None
            server.stop(None).wait()

    def stream(self, request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        """What it gives, and again whenever that changes."""
        if ("workload.spiffe.io", "true") not in context.invocation_metadata():
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "security header missing from request")
        self.asked += 1
        seen = -1
        while context.is_active():
            with self._changed:
                if self._version == seen:
                    self._changed.wait(0.05)
                content, changed, seen = self._content, self._version != seen, self._version
            if changed:
                yield content


class _Handler(grpc.GenericRpcHandler):
    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    def service(self, details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[bytes, bytes] | None":
        if details.method != METHOD:
            return None
        return grpc.unary_stream_rpc_method_handler(self._agent.stream)


@contextmanager
def agent() -> Iterator[Agent]:
    """One that does not listen yet."""
    # A short path: a socket's has 107 bytes at most.
    with tempfile.TemporaryDirectory(prefix="spiffe") as folder:
        found = Agent(Path(folder))
        try:
            yield found
        finally:
            found.stop()


def svid(name: str, certificates: bytes, key: bytes, bundle: bytes) -> bytes:
    """A message X509SVID."""
    return field(1, name.encode()) + field(2, certificates) + field(3, key) + field(4, bundle) + field(5, b"internal")


def field(number: int, content: bytes) -> bytes:
    """A field with a length."""
    length, size = b"", len(content)
    while size > 0x7F:
        length += bytes([size & 0x7F | 0x80])
        size >>= 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + content


def der(pem: bytes) -> bytes:
    """A certificate."""
    return ssl.PEM_cert_to_DER_cert(pem.decode())


def key_der(pem: bytes) -> bytes:
    """A private key."""
    return serialization.load_pem_private_key(pem, None).private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
