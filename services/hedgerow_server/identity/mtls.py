"""Callers with a certificate: SPIFFE IDs and other subject alternative names, as the configuration maps them.

The door has verified the certificate against its authorities. The common name is not looked at: RFC 9525
has it name nobody.
"""

import re

from hedgerow_server.core.call import Principal
from hedgerow_server.core.error import Unauthenticated
from hedgerow_server.identity.roles import Roles
from hedgerow_server.identity.section import MtlsSection, PeerSection

_SPIFFE = "spiffe://"


class PeerCallers:
    """Tells whom a certificate names."""

    def __init__(self, section: MtlsSection, roles: Roles) -> None:
        self._refuses = section.unmapped == "refuse"
        self._entries = [(_pattern(one.identity), one) for one in section.principals]
        self._roles = roles

    def principal(self, identities: tuple[str, ...]) -> Principal | None:
        """Who has these names; None for a certificate without an entry where such are ignored, and without a
        certificate. Raises Unauthenticated and Forbidden.
        """
        if sum(one.startswith(_SPIFFE) for one in identities) > 1:
            raise Unauthenticated("The certificate has more than one SPIFFE ID.")
        for pattern, entry in self._entries:
            name = next((one for one in identities if pattern.fullmatch(one)), None)
            if name is not None:
                return self._principal(entry, name)
        if identities and self._refuses:
            raise Unauthenticated("The certificate names nobody who may call.")
        return None

    def _principal(self, entry: PeerSection, name: str) -> Principal:
        granted = self._roles.granted(entry.roles)
        return Principal(
            tenant=entry.tenant,
            team=entry.team,
            user=entry.user,
            regions=granted.regions,
            service=entry.service or name,
            method="mtls",
            roles=granted.roles,
            access=granted.access,
        )


def _pattern(identity: str) -> re.Pattern[str]:
    anything = "[^/.]*" if identity.startswith("dns:") else "[^/]*"
    return re.compile(anything.join(map(re.escape, identity.split("*"))))
