"""What operators ask of a configuration that is not in force yet, and what they are told."""

import msgspec


class FieldChange(msgspec.Struct, frozen=True):
    """One value that would not be what it is. None: not there, or not told."""

    path: str
    """Within its entry."""
    before: str | None
    after: str | None
    needs_restart: bool = False


class PlannedChange(msgspec.Struct, frozen=True):
    """One entry of the configuration that would not be what it is."""

    area: str
    """"route", "provider", "credential", "quota", "budget", "price", "guardrail", "cache", "identity" or "other"."""
    path: str
    """Dotted, such as "routes.fast", "quotas[per-team]" or "breaker"."""
    kind: str
    """"added", "removed" or "changed"."""
    fields: tuple[FieldChange, ...] = ()

    @property
    def needs_restart(self) -> bool:
        """Whether some of it would take effect only with a restart."""
        return any(one.needs_restart for one in self.fields)


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a configuration would change."""

    current_hash: str
    planned_hash: str
    changes: tuple[PlannedChange, ...]
    """Sorted by area, then by path; those beyond some bound are left out."""
    total: int
    """How many changes there are."""
    restart_keys: tuple[str, ...]
    """Keys that would take effect only with a restart."""
    named_files: tuple[str, ...]
    """Dotted paths of values that name files on the router's disk."""


class PlanRequest(msgspec.Struct, frozen=True):
    """A call of PlanConfig."""

    text: bytes
    file_name: str
    """How faults call it."""
