"""Which addresses a connection to a provider may have."""

from ipaddress import IPv6Address, ip_address

import pytest
from hedgerow_server.core.addresses import (
    AddressRefusedError,
    AddressRule,
    Range,
    _translated,
    nat64_prefix,
    range_of,
)

RANGES: dict[str, Range | None] = {
    # IPv4, at the edges of each range.
    "9.255.255.255": None,
    "10.0.0.0": Range.PRIVATE,
    "10.255.255.255": Range.PRIVATE,
    "11.0.0.0": None,
    "172.15.255.255": None,
    "172.16.0.0": Range.PRIVATE,
    "172.31.255.255": Range.PRIVATE,
    "172.32.0.0": None,
    "192.168.0.1": Range.PRIVATE,
    "192.169.0.0": None,
    "100.63.255.255": None,
    "100.64.0.0": Range.SHARED,
    "100.127.255.255": Range.SHARED,
    "100.128.0.0": None,
    "126.255.255.255": None,
    "127.0.0.1": Range.LOOPBACK,
    "127.255.255.254": Range.LOOPBACK,
    "0.0.0.0": Range.UNSPECIFIED,
    "0.1.2.3": Range.UNSPECIFIED,
    "1.0.0.1": None,
    "169.253.255.255": None,
    "169.254.0.1": Range.LINK_LOCAL,
    "169.254.255.255": Range.LINK_LOCAL,
    "223.255.255.255": None,
    "224.0.0.1": Range.MULTICAST,
    "239.255.255.255": Range.MULTICAST,
    "240.0.0.1": Range.RESERVED,
    "255.255.255.255": Range.RESERVED,
    "192.0.0.1": Range.RESERVED,
    "192.0.2.1": Range.RESERVED,
    "192.88.99.1": Range.RESERVED,
    "198.17.255.255": None,
    "198.18.0.1": Range.RESERVED,
    "198.51.100.1": Range.RESERVED,
    "203.0.113.1": Range.RESERVED,
    "8.8.8.8": None,
    # Metadata services.
    "169.254.169.254": Range.METADATA,
    "169.254.170.2": Range.METADATA,
    "169.254.170.23": Range.METADATA,
    "169.254.0.23": Range.METADATA,
    "100.100.100.200": Range.METADATA,
    "168.63.129.16": Range.METADATA,
    "192.0.0.192": Range.METADATA,
    "fd00:ec2::254": Range.METADATA,
    "fd00:ec2::23": Range.METADATA,
    "fd20:ce::254": Range.METADATA,
    "fe80::a9fe:a9fe": Range.METADATA,
    # IPv6.
    "::": Range.UNSPECIFIED,
    "::1": Range.LOOPBACK,
    "::2": Range.UNSPECIFIED,
    "fe80::1": Range.LINK_LOCAL,
    "fe80::1%eth0": Range.LINK_LOCAL,
    "febf::1": Range.LINK_LOCAL,
    "fec0::1": Range.PRIVATE,
    "fc00::1": Range.UNIQUE_LOCAL,
    "fdff:ffff::1": Range.UNIQUE_LOCAL,
    "ff02::1": Range.MULTICAST,
    "2001::1": Range.RESERVED,
    "2001:db8::1": Range.RESERVED,
    "3fff::1": Range.RESERVED,
    "100::1": Range.RESERVED,
    "5f00::1": Range.RESERVED,
    "4000::1": Range.RESERVED,
    "2606:4700:4700::1111": None,
    "2001:4860:4860::8888": None,
    # IPv6 that stands for IPv4: mapped, compatible, translated, 6to4, NAT64, ISATAP.
    "::ffff:127.0.0.1": Range.LOOPBACK,
    "::ffff:169.254.169.254": Range.METADATA,
    "::ffff:10.1.2.3": Range.PRIVATE,
    "::ffff:8.8.8.8": None,
    "::10.0.0.1": Range.PRIVATE,
    "::8.8.8.8": Range.RESERVED,
    "::ffff:0:192.168.1.1": Range.PRIVATE,
    "2002:7f00:1::": Range.LOOPBACK,
    "2002:a9fe:a9fe::1": Range.METADATA,
    "2002:c0a8:101::1": Range.PRIVATE,
    "2002:808:808::1": None,
    "64:ff9b::7f00:1": Range.LOOPBACK,
    "64:ff9b::a9fe:a9fe": Range.METADATA,
    "64:ff9b::808:808": None,
    "64:ff9b:1::808:808": Range.PRIVATE,
    "2606:4700::5efe:10.0.0.1": Range.PRIVATE,
    "2606:4700::200:5efe:10.0.0.1": Range.PRIVATE,
}


@pytest.mark.parametrize(("address", "expected"), RANGES.items())
def test_each_special_range_is_known_and_nothing_else_is(address: str, expected: Range | None) -> None:
    assert range_of(ip_address(address)) is expected


# What stands behind each length of prefix is by RFC 6052, section 2.4, where the IPv4 address is 192.0.2.33.
@pytest.mark.parametrize(
    ("prefix", "private", "public"),
    [
        ("2001:db8::/32", "2001:db8:a00:1::", "2001:db8:808:808::"),
        ("2001:db8:100::/40", "2001:db8:10a:0:1::", "2001:db8:108:808:8::"),
        ("2001:db8:122::/48", "2001:db8:122:a00:0:100::", "2001:db8:122:808:8:800::"),
        ("2001:db8:122:300::/56", "2001:db8:122:30a:0:1::", "2001:db8:122:308:8:808::"),
        ("2001:db8:122:344::/64", "2001:db8:122:344:a:0:100::", "2001:db8:122:344:8:808:800::"),
        ("2001:db8:122:344::/96", "2001:db8:122:344::a00:1", "2001:db8:122:344::808:808"),
        ("64:ff9b:1::/48", "64:ff9b:1:a00:0:100::", "64:ff9b:1:808:8:800::"),
        ("fd00:64::/96", "fd00:64::a00:1", "fd00:64::808:808"),
    ],
)
def test_behind_a_nat64_prefix_of_ones_own_the_ipv4_address_counts(prefix: str, private: str, public: str) -> None:
    nat64 = (nat64_prefix(prefix),)
    assert range_of(ip_address(private), nat64) is Range.PRIVATE
    assert range_of(ip_address(public), nat64) is None
    rule = AddressRule.of("https://api.example.com", allow=None, nat64=nat64)
    rule.check(public)
    with pytest.raises(AddressRefusedError):
        rule.check(private)


@pytest.mark.parametrize(
    ("prefix", "length"), [("2001:db8::/32", 32), ("2001:db8:100::/40", 40), ("2001:db8:122:300::/56", 56)]
)
def test_the_examples_of_rfc_6052_hold(prefix: str, length: int) -> None:
    addresses = {32: "2001:db8:c000:221::", 40: "2001:db8:1c0:2:21::", 56: "2001:db8:122:3c0:0:221::"}
    assert range_of(ip_address(addresses[length]), (nat64_prefix(prefix),)) is Range.RESERVED  # 192.0.2.0/24
    assert _translated(IPv6Address(addresses[length]), length) == ip_address("192.0.2.33")


@pytest.mark.parametrize("prefix", ["2001:db8::/33", "2001:db8::1/96", "10.0.0.0/8", "64:ff9b::", "", "x"])
def test_what_is_no_nat64_prefix_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match=r"^expected "):
        nat64_prefix(prefix)


def allowed(url: str | None, allow: bool | None, address: str) -> bool:
    """Whether the host of a URL may have an address."""
    try:
        AddressRule.of(url, allow=allow).check(address)
    except AddressRefusedError:
        return False
    return True


@pytest.mark.parametrize(("address", "expected"), RANGES.items())
def test_a_name_may_have_a_public_address_only(address: str, expected: Range | None) -> None:
    for url in ("https://api.example.com/v1", None):
        assert allowed(url, None, address) is (expected is None)
        assert allowed(url, False, address) is (expected is None)
        assert allowed(url, True, address)


@pytest.mark.parametrize(("address", "expected"), RANGES.items())
def test_an_address_in_the_url_allows_itself_unless_it_speaks_for_the_machine(
    address: str, expected: Range | None
) -> None:
    url = f"http://[{address}]:8000/v1" if ":" in address else f"http://{address}:8000/v1"
    assert allowed(url, None, address) is (expected not in (Range.METADATA, Range.LINK_LOCAL))
    assert allowed(url, False, address) is (expected is None)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "localhost."])
def test_localhost_may_be_loopback_and_nothing_else_that_is_not_public(host: str) -> None:
    url = f"http://{host}:11434"
    assert allowed(url, None, "127.0.0.1")
    assert allowed(url, None, "::1")
    for other in ("10.0.0.1", "169.254.169.254", "fe80::1", "fd00::1"):
        assert not allowed(url, None, other)
    assert not allowed(url, False, "127.0.0.1")


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://127.0.0.1:8000", "127.0.0.2"),
        ("http://10.0.0.1", "10.0.0.2"),
        ("http://127.0.0.1.example.com", "127.0.0.1"),
        ("http://localhost.example.com", "127.0.0.1"),
        ("http://notlocalhost", "127.0.0.1"),
        ("http://2130706433", "127.0.0.1"),
        ("http://127.1", "127.0.0.1"),
        ("http://0x7f.1", "127.0.0.1"),
    ],
)
def test_what_only_looks_like_the_address_does_not_allow_it(url: str, address: str) -> None:
    assert not allowed(url, None, address)


def test_a_refusal_names_no_address() -> None:
    with pytest.raises(AddressRefusedError, match=r"^its address is private and not allowed$"):
        AddressRule.of("http://provider.example", allow=None).check("10.1.2.3")
