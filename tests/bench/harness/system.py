"""What is measured: a running gateway, where its doors are, and what it can do."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from bench.harness.driver import Ask, Target

UNARY, STREAM, EMBED = "unary", "stream", "embed"


@dataclass(frozen=True, slots=True)
class System:
    """One system under test."""

    name: str
    """In tables and in the JSON."""
    title: str
    """For people: with the version."""
    pid: int | None
    """Of the process whose tree is measured; None of the upstream itself, which nobody measures."""
    target: Target
    does: frozenset[str]
    """The kinds of calls that it serves."""
    note: str = ""
    """What work it does and what not, so that readers know what is compared."""
    models: Mapping[str, str] = field(default_factory=dict)
    """Its name for a model of the upstream, where that is another."""
    more: Mapping[str, str] = field(default_factory=dict)
    """Addresses and files that some measures need."""

    def asks(self, ask: Ask) -> Ask:
        """The same call as this system wants it."""
        return replace(ask, model=self.models.get(ask.model, ask.model))
