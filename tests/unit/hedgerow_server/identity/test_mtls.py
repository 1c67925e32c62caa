"""Whom the names in a certificate stand for."""

from typing import Any

import pytest
from hedgerow_server.core.error import Unauthenticated
from hedgerow_server.identity.mtls import PeerCallers
from hedgerow_server.identity.roles import Roles
from hedgerow_server.identity.section import MtlsSection


def peers(*identities: str, **more: Any) -> PeerCallers:
    """A tenant for each of these names."""
    principals = [{"identity": one, "tenant": f"t{number}"} for number, one in enumerate(identities)]
    return PeerCallers(MtlsSection.model_validate({"principals": principals, **more}), Roles({}))


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("spiffe://a/b", "spiffe://a/b", True),
        ("spiffe://a/b", "spiffe://a/b/c", False),
        ("spiffe://a/*/c", "spiffe://a/b.d/c", True),
        ("spiffe://a/*/c", "spiffe://a/b/b/c", False),
        ("spiffe://a.b/c", "spiffe://axb/c", False),
        ("spiffe://a/b", "SPIFFE://a/b", False),
        ("dns:*.b.example", "dns:a.b.example", True),
        ("dns:*.b.example", "dns:a.a.b.example", False),
        ("dns:a.example", "email:a.example", False),
    ],
)
def test_a_pattern_fits_whole_names_and_crosses_no_segment(pattern: str, name: str, fits: bool) -> None:
    found = peers(pattern, unmapped="ignore").principal((name,))
    assert (found is not None) == fits


def test_the_first_entry_that_fits_counts() -> None:
    found = peers("dns:a.example", "spiffe://a/*").principal(("spiffe://a/b", "dns:a.example"))
    assert found is not None
    assert (found.tenant, found.service) == ("t0", "dns:a.example")


def test_a_certificate_without_an_entry_is_refused_or_ignored_as_configured() -> None:
    with pytest.raises(Unauthenticated):
        peers("spiffe://a/b").principal(("spiffe://a/c",))
    assert peers("spiffe://a/b", unmapped="ignore").principal(("spiffe://a/c",)) is None


def test_two_spiffe_ids_in_one_certificate_are_refused_though_one_has_an_entry() -> None:
    """The X.509-SVID standard, section 2: exactly one URI SAN."""
    with pytest.raises(Unauthenticated):
        peers("spiffe://a/b", unmapped="ignore").principal(("spiffe://a/b", "spiffe://a/c"))


def test_no_certificate_names_nobody() -> None:
    assert peers("spiffe://a/b").principal(()) is None
