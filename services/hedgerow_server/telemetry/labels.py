"""Label values that stay bounded, whoever calls and whatever he asks for."""

OTHER = "other"
"""Stands for all that are too many to be told apart."""
UNKNOWN = "unknown"
"""Stands for names that the configuration does not have."""
_MOST_CHARS = 128
_TEAMS_EACH = 5
"""Teams that are told apart, as a multiple of tenants."""


class TenantLabels:
    """Who calls, as labels. The first that come are told apart; all later ones are "other" until a restart, for a
    series that comes and goes would tell of nobody rightly.
    """

    __slots__ = ("_known", "_pairs", "most")

    def __init__(self, most: int) -> None:
        """`most`: tenants that are told apart, 0 or more; raised later it lets more in."""
        self.most = most
        self._known: set[str] = set()
        self._pairs: dict[tuple[str, str], tuple[str, str]] = {}

    def of(self, tenant: str, team: str) -> tuple[str, str]:
        """The labels of a tenant and a team of his."""
        found = self._pairs.get((tenant, team))
        return found if found is not None else self._new(tenant, team)

    def _new(self, tenant: str, team: str) -> tuple[str, str]:
        if tenant not in self._known:
            if len(self._known) >= self.most:
                return OTHER, OTHER
            self._known.add(tenant)
        if len(self._pairs) >= self.most * _TEAMS_EACH:
            return tenant[:_MOST_CHARS], OTHER
        labels = self._pairs[tenant, team] = tenant[:_MOST_CHARS], team[:_MOST_CHARS]
        return labels
