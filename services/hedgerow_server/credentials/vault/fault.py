"""What goes wrong with Vault, told apart and said in our own words."""

import enum


class Trouble(enum.Enum):
    """What a fault means for those who wait."""

    AWAY = "away"
    """Vault serves nobody now: it is down, sealed, a standby, frozen or overloaded. Time may heal it."""
    FAILED = "failed"
    """Vault is there and has failed with this request. It answers so to a renewal past the longest life as well."""
    DENIED = "denied"
    """The token or the login is not taken, or its policy does not allow this."""
    MISSING = "missing"
    """There is no such path, secret or lease."""
    INVALID = "invalid"
    """The request or the answer is not as it should be."""


class VaultFault(Exception):
    """A request that failed. The text is ours: what hvac or Vault say may hold tokens and secrets."""

    def __init__(self, trouble: Trouble, text: str) -> None:
        super().__init__(text)
        self.trouble = trouble

    @property
    def passing(self) -> bool:
        """Whether time may heal it."""
        return self.trouble in (Trouble.AWAY, Trouble.FAILED)


# https://developer.hashicorp.com/vault/api-docs/system/health: what the status of sys/health tells.
_HEALTH = {
    429: "is a standby that does not serve",
    472: "is a secondary for disaster recovery, which serves nobody",
    473: "is a performance standby that does not serve this",
    474: "is a standby that has lost its active node",
    501: "is not initialised",
    503: "is sealed",
    530: "was removed from its cluster",
}


def by_status(status: int, what: str) -> VaultFault | None:
    """What a status means by itself; None: sys/health must be asked. `what` was being done, as in "reading a/b"."""
    match status:
        case 400 | 405 | 412:
            return VaultFault(Trouble.INVALID, f"Vault does not take the request for {what} (status {status})")
        case 401 | 403:
            return VaultFault(Trouble.DENIED, f"Vault denies {what}")
        case 404:
            return VaultFault(Trouble.MISSING, f"Vault has nothing for {what}")
        case 301 | 302 | 307 | 308:
            return VaultFault(
                Trouble.AWAY,
                "Vault sends us to another node, which is not followed: name the active node or turn on forwarding",
            )
    return None


def by_health(status: int, health: int | None, what: str) -> VaultFault:
    """What a status means next to the one that sys/health gives; None: it gave none."""
    if health is not None and (said := _HEALTH.get(health)) is not None:
        return VaultFault(Trouble.AWAY, f"Vault {said}")
    if status == 429:
        # Of a request a quota, of sys/health a standby; no rate limit of a provider in either case.
        return VaultFault(Trouble.AWAY, f"Vault limits how often we may ask (rate limit quota), with {what}")
    trouble = Trouble.FAILED if health == 200 else Trouble.AWAY
    return VaultFault(trouble, f"Vault has failed with {what} (status {status})")
