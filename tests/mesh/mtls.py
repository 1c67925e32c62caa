"""A router with TLS behind an Envoy with TLS, on both sides with certificates: deploy/envoy/mtls.yaml."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from mesh.envoy import Envoy, configured, envoy
from money.counter import configuration
from money.hook import free_port
from rpc.caller import eventually
from rpc.certificates import Authority, credentials
from stack import Process, router, simulator

PROXY = "spiffe://mesh/ns/edge/sa/envoy"
HERE = "ip:127.0.0.1"
AGE_S = 0.5
"""After which the router has Envoy connect anew, so that handshakes go on all the time."""


class Mounted:
    """A folder of certificates as Kubernetes keeps it: what is in force changes by one symbolic link, all at once."""

    def __init__(self, folder: Path, authority: Authority, *names: str) -> None:
        """A certificate with `names`, and renewed ones with the same."""
        self.folder, self._authority, self._names = folder, authority, names
        self._versions = 0
        folder.mkdir()
        self.renew()
        for name in ("tls.crt", "tls.key", "ca.crt"):
            (folder / name).symlink_to(f"..data/{name}")

    def renew(self) -> bytes:
        """Another certificate; it is given as PEM."""
        self._versions += 1
        version = self.folder / f"..{self._versions}"
        version.mkdir()
        certificate, key = self._authority.issue(*self._names)
        contents = {"tls.crt": certificate, "tls.key": key, "ca.crt": self._authority.certificate}
        for name, content in contents.items():
            (version / name).write_bytes(content)
        fresh = self.folder / "..data_tmp"
        fresh.symlink_to(version.name)
        fresh.replace(self.folder / "..data")
        return certificate


@dataclass
class Edge:
    """What is running."""

    router: Process
    envoy: Envoy
    ours: Mounted
    """The router's certificate."""
    proxys: Mounted
    """Envoy's, for both sides."""
    authority: Authority = field(repr=False)
    """Of all certificates."""

    def shows(self, *names: str) -> grpc.ChannelCredentials:
        """What a caller has whose certificate has these names."""
        return credentials(self.authority, self.authority.issue(*names))


def _section(port: int, ours: Path) -> dict[str, Any]:
    tls = {"certificate": str(ours / "tls.crt"), "key": str(ours / "tls.key"), "client_ca": str(ours / "ca.crt")}
    trusted = {"networks": ["127.0.0.1/32"], "identities": [PROXY], "client_certificates": True}
    return {
        "grpc": {"listen": f"127.0.0.1:{port}", "tls": tls, "max_connection_age_seconds": AGE_S},
        "trusted_proxies": trusted,
    }


@contextmanager
def edge(folder: Path) -> Iterator[Edge]:
    """Starts all of them, and waits until Envoy finds the router well."""
    authority = Authority()
    ours, proxys = Mounted(folder / "ours", authority), Mounted(folder / "proxys", authority, HERE, PROXY)
    port = free_port()
    with ExitStack() as exits:
        sim = exits.enter_context(simulator(folder))
        config = configuration(f"http://{sim.addresses['http']}", folder / "hedgerow.db")
        config["server"] |= _section(port, ours.folder)
        config["identity"] = {"mtls": {"principals": [{"identity": "spiffe://mesh/ns/*/sa/*", "tenant": "acme"}]}}
        running = exits.enter_context(router(folder, config))
        files = {f"/etc/envoy/{name}": folder / name for name in ("own.yaml", "authorities.yaml")}
        for path in files.values():
            path.write_text(configured(path.name, {}, {"/etc/envoy/tls": proxys.folder}))
        text = configured("mtls.yaml", {9901: 0, 10000: 0, 50051: port}, files)
        found = exits.enter_context(envoy(folder, text))
        eventually(lambda: found.healthy() == {port}, "the router is healthy", 30)
        yield Edge(running, found, ours, proxys, authority)
