"""What a Workload API gives is served only where callers would take it."""

import datetime as dt

import pytest
from hedgerow_server.doors.section import TlsSection
from hedgerow_server.doors.svid import SvidError, chosen
from hedgerow_server.wire.workload import X509Identity, identities
from pydantic import ValidationError
from rpc.certificates import Authority
from rpc.workload import ID, der, field, key_der, svid

AUTHORITY = Authority()


def given(name: str = ID, authority: Authority = AUTHORITY, **life: int) -> tuple[bytes, bytes, bytes]:
    """Certificate, key and bundle of a name."""
    certificate, key = authority.issue(name, life=dt.timedelta(**life) if life else dt.timedelta(days=1))
    return der(certificate), key_der(key), der(authority.certificate)


def test_the_fields_of_the_standard_are_read_and_others_skipped() -> None:
    content = field(1, svid(ID, b"c", b"k", b"b")) + field(2, b"crl") + field(3, field(1, b"x") + field(2, b"y"))
    assert identities(content) == (X509Identity(ID, b"c", b"k", b"b"),)


def test_no_key_is_shown() -> None:
    found = identities(field(1, svid(ID, *given())))
    assert repr(found) == f"(X509Identity({ID}),)"
    assert repr(chosen(found, None)) == f"Svid({ID})"


def test_the_first_identity_is_the_default_and_others_are_served_by_name() -> None:
    other = "spiffe://prod.example/other"
    found = identities(field(1, svid(ID, *given())) + field(1, svid(other, *given(other))))
    assert chosen(found, None).spiffe_id == ID
    assert chosen(found, other).spiffe_id == other
    with pytest.raises(SvidError, match=r"no SVID spiffe://prod\.example/third"):
        chosen(found, "spiffe://prod.example/third")


def test_a_chain_keeps_its_order() -> None:
    certificate, key, bundle = given()
    between = der(Authority().certificate)
    found = chosen([X509Identity(ID, certificate + between, key, bundle + between)], None)
    assert (found.chain.count(b"BEGIN CERTIFICATE"), found.bundle.count(b"BEGIN CERTIFICATE")) == (2, 2)


GOOD = given()
BROKEN = {
    "no identity": (None, "no SVID"),
    "no certificate": ((b"", *GOOD[1:]), "without a certificate"),
    "no bundle": ((*GOOD[:2], b""), "without a trust bundle"),
    "no DER": ((b"x" * 100, *GOOD[1:]), "cannot be read"),
    "cut DER": ((GOOD[0][:-1], *GOOD[1:]), "cannot be read"),
    "a sequence of no certificate": ((b"\x30\x01\x00", *GOOD[1:]), "cannot be read"),
    "no key": ((GOOD[0], b"", GOOD[2]), "the key of"),
    "another key": ((GOOD[0], given()[1], GOOD[2]), "of another certificate"),
    "another name": (given("spiffe://prod.example/other"), "another name"),
    "expired": (given(seconds=-1), "has expired"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_an_identity_that_no_handshake_would_survive_is_told(case: str) -> None:
    parts, problem = BROKEN[case]
    with pytest.raises(SvidError, match=problem):
        chosen([X509Identity(ID, *parts)] if parts is not None else [], None)


@pytest.mark.parametrize(
    "tls",
    [
        {},
        {"certificate": "a"},
        {"key": "a"},
        {"spiffe": {}, "certificate": "a", "key": "b"},
        {"spiffe": {}, "client_ca": "a"},
        {"spiffe": {"socket": "tcp://127.0.0.1:8081"}},
        {"spiffe": {"socket": "/run/agent.sock"}},
        {"spiffe": {"id": "https://prod.example"}},
    ],
)
def test_tls_has_one_source(tls: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        TlsSection.model_validate(tls)
