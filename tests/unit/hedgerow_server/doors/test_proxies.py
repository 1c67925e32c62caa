"""Whose word for a caller's address and certificate is taken."""

import pytest
from hedgerow_server.doors.proxies import CERTIFICATE, FOR, Origin, TrustedProxies, names_of
from hedgerow_server.doors.section import TrustedProxiesSection
from pydantic import ValidationError

OWN = ("spiffe://mesh/ns/edge/sa/envoy",)
BILLING = "spiffe://mesh/ns/billing/sa/app"


def _origin(peer: str, headers: dict[str, list[str]], own: tuple[str, ...] = (), **section: object) -> Origin:
    given = TrustedProxiesSection.model_validate({"networks": ["10.4.0.0/16", "fd00::/8"], **section})
    return TrustedProxies(given).origin(peer, lambda: own, lambda name: headers.get(name, []))


def test_without_networks_nobody_is_trusted() -> None:
    assert TrustedProxies.of(TrustedProxiesSection()) is None


@pytest.mark.parametrize("more", [{"client_certificates": True}, {"identities": ["dns:envoy"]}])
def test_trust_without_networks_is_refused(more: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="expected networks"):
        TrustedProxiesSection.model_validate(more)


@pytest.mark.parametrize("peer", ["ipv4:10.5.0.1:4000", "ipv6:[2001:db8::1]:4000", "unix:/run/a.sock", "unix:", ""])
def test_headers_of_anybody_else_are_ignored(peer: str) -> None:
    headers = {FOR: ["192.0.2.7"], CERTIFICATE: [f"URI={BILLING}"]}
    found = _origin(peer, headers, ("dns:client",), client_certificates=True)
    assert (found.peer, found.identities()) == (peer, ("dns:client",))


@pytest.mark.parametrize(
    "peer",
    ["ipv4:10.4.9.1:4000", "ipv6:[fd00::1]:4000", "ipv6:%5Bfd00::1%5D:4000", "ipv6:[::ffff:10.4.9.1]:4000"],
)
def test_the_address_is_the_one_that_a_trusted_proxy_saw(peer: str) -> None:
    """However its own address is written."""
    assert _origin(peer, {FOR: ["192.0.2.7"]}).peer == "ipv4:192.0.2.7"


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (["198.51.100.1, 192.0.2.7"], "ipv4:192.0.2.7"),
        (["192.0.2.7, 10.4.0.9, 10.4.0.8"], "ipv4:192.0.2.7"),
        (["198.51.100.1", "192.0.2.7, 10.4.0.9"], "ipv4:192.0.2.7"),
        (["192.0.2.7", "10.4.0.9"], "ipv4:192.0.2.7"),
        (["10.4.0.7,10.4.0.9"], "ipv4:10.4.0.7"),
        (["nonsense, 192.0.2.7"], "ipv4:192.0.2.7"),
        (["192.0.2.7, nonsense"], "ipv4:10.4.0.1:4000"),
        (["192.0.2.7, nonsense, 10.4.0.9"], "ipv4:10.4.0.9"),
        (["192.0.2.7:5000"], "ipv4:192.0.2.7"),
        (["[2001:db8::7]:5000"], "ipv6:[2001:db8::7]"),
        (["2001:db8::7"], "ipv6:[2001:db8::7]"),
        ([], "ipv4:10.4.0.1:4000"),
        ([""], "ipv4:10.4.0.1:4000"),
    ],
)
def test_what_is_left_of_the_first_stranger_counts_for_nothing(lines: list[str], found: str) -> None:
    assert _origin("ipv4:10.4.0.1:4000", {FOR: lines}).peer == found


def test_a_header_without_end_is_looked_at_from_its_end() -> None:
    assert _origin("ipv4:10.4.0.1:4000", {FOR: ["1.1.1.1," * 5000 + "192.0.2.7"]}).peer == "ipv4:192.0.2.7"


def test_a_proxy_may_have_to_show_a_certificate_of_its_own() -> None:
    peer, headers = "ipv4:10.4.0.1:4000", {FOR: ["192.0.2.7"]}
    assert _origin(peer, headers, OWN, identities=list(OWN)).peer == "ipv4:192.0.2.7"
    assert _origin(peer, headers, ("spiffe://mesh/else",), identities=list(OWN)).peer == peer
    assert _origin(peer, headers, (), identities=list(OWN)).peer == peer


def test_certificates_are_believed_only_where_that_is_asked_for() -> None:
    headers = {CERTIFICATE: [f"URI={BILLING}"]}
    assert _origin("ipv4:10.4.0.1:1", headers, OWN).identities() == OWN
    assert _origin("ipv4:10.4.0.1:1", headers, OWN, client_certificates=True).identities() == (BILLING,)


def test_a_caller_without_a_certificate_is_not_the_proxy() -> None:
    assert _origin("ipv4:10.4.0.1:1", {}, OWN, client_certificates=True).identities() == ()


@pytest.mark.parametrize(
    ("header", "names"),
    [
        (f"By=spiffe://mesh/envoy;Hash=468ed33be74eee65;URI={BILLING}", (BILLING,)),
        (f'Hash=ab;Subject="CN=a,O=b;c=\\"d\\"";URI={BILLING};DNS=a.example;DNS=b.example',
         (BILLING, "dns:a.example", "dns:b.example")),
        (f"URI=spiffe://mesh/first,By=x;URI={BILLING}", (BILLING,)),
        ('Hash=ab;Subject="URI=spiffe://mesh/admin"', ()),
        ('Subject="a\\",URI=spiffe://mesh/admin";URI=spiffe://mesh/real', ("spiffe://mesh/real",)),
        ('URI="spiffe://mesh/a,b"', ("spiffe://mesh/a,b",)),
        (f"uri={BILLING};dns=a.example", (BILLING, "dns:a.example")),
        (f"URI={BILLING}, Hash=ab", ()),
        ("Hash=ab;URI=;DNS=", ()),
        ("", ()),
        ("nonsense", ()),
        (f"URI={BILLING};nonsense", ()),
        (f'URI={BILLING};Subject="never closed', ()),
        (f'URI="{BILLING}"more', ()),
    ],
)  # fmt: skip
def test_the_names_are_those_of_the_last_element(header: str, names: tuple[str, ...]) -> None:
    """The one that the proxy has added itself; nothing of a header that is not of Envoy's form."""
    assert names_of(header) == names


def test_elements_in_several_headers_are_one_list() -> None:
    headers = {CERTIFICATE: ["URI=spiffe://mesh/forged", f"Hash=ab;URI={BILLING}"]}
    assert _origin("ipv4:10.4.0.1:1", headers, client_certificates=True).identities() == (BILLING,)
