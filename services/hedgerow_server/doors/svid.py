"""An X.509 SVID, checked and turned into what gRPC takes."""

import ssl
import time
from collections.abc import Iterator, Sequence

import grpc
import msgspec
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from hedgerow_server.wire.workload import X509Identity

_SEQUENCE = 0x30
_LONG = 0x80


class SvidError(Exception):
    """An identity that is of no use; the text says why, without anything of its key."""


class Svid(msgspec.Struct, frozen=True):
    """An identity that can be served. PEM."""

    spiffe_id: str
    chain: bytes
    key: bytes
    bundle: bytes
    """Who may vouch for callers."""
    until_unix_s: float
    """When its certificate expires."""

    def __repr__(self) -> str:
        return f"Svid({self.spiffe_id})"

    @property
    def expired(self) -> bool:
        """Whether callers refuse it by now."""
        return time.time() >= self.until_unix_s

    def configuration(self, *, ask_callers: bool) -> grpc.ServerCertificateConfiguration:
        """What a port is served with. `ask_callers`: callers need a certificate of the bundle."""
        return grpc.ssl_server_certificate_configuration(
            [(self.key, self.chain)], root_certificates=self.bundle if ask_callers else None
        )


def chosen(identities: Sequence[X509Identity], spiffe_id: str | None) -> Svid:
    """The identity of this name (None: the first, which is the default one), as it can be served. Raises SvidError."""
    for one in identities:
        if spiffe_id is None or one.spiffe_id == spiffe_id:
            return _checked(one)
    raise SvidError(f"it gives no SVID {spiffe_id}" if spiffe_id is not None else "it gives no SVID")


def _checked(given: X509Identity) -> Svid:
    """C-core would take anything, and then refuse every handshake."""
    chain, bundle = _certificates(given.certificates), _certificates(given.bundle)
    if not chain or not bundle:
        raise SvidError(f"{given.spiffe_id} comes without a certificate or without a trust bundle")
    try:
        key = serialization.load_der_private_key(given.key, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise SvidError(f"the key of {given.spiffe_id} cannot be read") from None
    leaf = chain[0]
    if _spiffe_ids(leaf) != [given.spiffe_id]:
        raise SvidError(f"the certificate of {given.spiffe_id} has another name")
    if leaf.public_key() != key.public_key():
        raise SvidError(f"the key of {given.spiffe_id} is of another certificate")
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    found = Svid(given.spiffe_id, _pem(chain), pem, _pem(bundle), leaf.not_valid_after_utc.timestamp())
    if found.expired:
        raise SvidError(f"the certificate of {given.spiffe_id} has expired")
    return found


def _spiffe_ids(leaf: x509.Certificate) -> list[str]:
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return names.get_values_for_type(x509.UniformResourceIdentifier)


def _certificates(der: bytes) -> list[x509.Certificate]:
    """Certificates that stand one after the other."""
    try:
        return [x509.load_der_x509_certificate(one) for one in _split(der)]
    except ValueError:
        raise SvidError("it gives certificates that cannot be read") from None


def _split(der: bytes) -> Iterator[bytes]:
    """The values of a series in DER (X.690, section 8.1). Raises ValueError."""
    start = 0
    while start < len(der):
        head = der[start : start + 2]
        if len(head) < 2 or head[0] != _SEQUENCE:
            raise ValueError("expected a sequence")
        more = head[1] - _LONG if head[1] >= _LONG else 0
        length = int.from_bytes(der[start + 2 : start + 2 + more]) if more else head[1]
        end = start + 2 + more + length
        if end > len(der):
            raise ValueError("expected as many bytes as it says")
        yield der[start:end]
        start = end


def _pem(certificates: list[x509.Certificate]) -> bytes:
    ders = (one.public_bytes(serialization.Encoding.DER) for one in certificates)
    return "".join(ssl.DER_cert_to_PEM_cert(one) for one in ders).encode()
