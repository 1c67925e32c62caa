"""Certificates for mutual TLS, with any names and any life."""

import datetime as dt
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_SERVER: tuple[x509.GeneralName, ...] = (x509.IPAddress(ip_address("127.0.0.1")),)


@dataclass
class Authority:
    """Issues certificates; its own is in `certificate`."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    """Its private key."""

    @property
    def name(self) -> x509.Name:
        """What it is called."""
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")])

    @property
    def certificate(self) -> bytes:
        """Its own certificate, as PEM."""
        made = (
            self._builder(self.key, self.name, dt.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            # All are called the same: by this they are told apart.
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), critical=False)
        )
        return made.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def issue(self, *names: str, life: dt.timedelta = dt.timedelta(days=1), common: str = "x") -> tuple[bytes, bytes]:
        """A certificate with names ("dns:…", "ip:…" or a URI; none: of the server), and its key, as PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])
        found = [_general(name) for name in names] or list(_SERVER)
        made = (
            self._builder(key, subject, life)
            .add_extension(x509.SubjectAlternativeName(found), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        )
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return made.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM), pem

    def _builder(
        self, key: ec.EllipticCurvePrivateKey, subject: x509.Name, life: dt.timedelta
    ) -> x509.CertificateBuilder:
        now = dt.datetime.now(dt.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=2))
            .not_valid_after(now + life)
        )


def _general(name: str) -> x509.GeneralName:
    if name.startswith("dns:"):
        return x509.DNSName(name.removeprefix("dns:"))
    if name.startswith("ip:"):
        return x509.IPAddress(ip_address(name.removeprefix("ip:")))
    return x509.UniformResourceIdentifier(name)


def tls(folder: Path, authority: Authority, callers: Authority) -> dict[str, object]:
    """Section `server.grpc` of a door whose own certificate is of one authority and its callers' of another."""
    certificate, key = authority.issue()
    files = {"certificate": certificate, "key": key, "client_ca": callers.certificate}
    for name, content in files.items():
        (folder / f"{name}.pem").write_bytes(content)
    return {"listen": "127.0.0.1:0", "tls": {name: str(folder / f"{name}.pem") for name in files}}


def credentials(authority: Authority, pair: tuple[bytes, bytes] | None) -> grpc.ChannelCredentials:
    """What a caller shows who trusts an authority."""
    certificate, key = pair or (None, None)
    return grpc.ssl_channel_credentials(authority.certificate, key, certificate)
