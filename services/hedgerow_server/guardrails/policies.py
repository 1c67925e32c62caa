"""Which guards look at which call: everything that a call would otherwise have to work out."""

import contextlib
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

from hedgerow_server.core.guard import Guard, Scanner, Source
from hedgerow_server.core.secret import RevealNamed
from hedgerow_server.core.web import Lines
from hedgerow_server.guardrails.entry import GuardEntry
from hedgerow_server.guardrails.fitted import Fitted, Policy, fit
from hedgerow_server.guardrails.registry import local_guard, remote_guard
from hedgerow_server.guardrails.section import GuardrailsSection


class GuardInvalid(ValueError):
    """A guard cannot be built of its entry; the text says why, for people."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"guardrails.guards.{name}: {why}")
        self.path = f"guardrails.guards.{name}"
        self.why = why


_WARMING = (
    "Write to bob@example.com, +49 30 901820, 4111 1111 1111 1111, key=sk-0a1B2c3D4e5F6g7H: "
    "“n\u0430ïve” f\u200b0o 世界."
)
"""Has something of all that guards read tables for when they first see it."""


def _warmed(guard: Guard) -> Guard:
    """The guard, once it has read what it needs: the first caller shall not wait for that."""
    if isinstance(guard, Scanner):
        for source in Source:
            # What it fails at here it will fail at again, for somebody who is told.
            with contextlib.suppress(Exception):
                guard.scan(_WARMING, source, 0, final=True)
    return guard


class GuardSet:
    """The guards of a configuration. One whose entry has not changed goes on from one configuration to the next."""

    def __init__(
        self,
        section: GuardrailsSection,
        before: "GuardSet | None" = None,
        *,
        routes: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
        beside: Collection[str] = (),
    ) -> None:
        """Builds those that look in this process. `routes` have lists of guards of their own, `beside` those whose
        upstream calls may start while guards elsewhere still look at the request; both by their configured names.
        Blocks: for a thread. Raises GuardInvalid.
        """
        self.routes = {name: own for name, own in routes.items() if own != section.default}
        self.beside = frozenset(beside)
        self._entries: dict[str, GuardEntry] = dict(section.guards)
        self._fitted: dict[str, Fitted] = {}
        self._guards: dict[str, Guard] = {}
        for name, entry in self._entries.items():
            known = before.kept(name, entry) if before is not None else None
            try:
                guard = known if known is not None else local_guard(entry)
            except ValueError as error:
                raise GuardInvalid(name, str(error)) from None
            if guard is not None:
                self._add(name, guard if guard is known else _warmed(guard))

    def connect(self, reveal: RevealNamed, lines: Lines) -> None:
        """Builds those that ask others, within an event loop. Raises GuardInvalid, ConfigError."""
        for name, entry in self._entries.items():
            if name not in self._guards:
                try:
                    self._add(name, remote_guard(name, entry, reveal, lines))
                except ValueError as error:
                    raise GuardInvalid(name, str(error)) from None

    def kept(self, name: str, entry: GuardEntry) -> Guard | None:
        """The guard of this name, where its entry is the same."""
        return self._guards.get(name) if self._entries.get(name) == entry else None

    def fitted(self, names: Sequence[str]) -> list[Fitted]:
        """Guards by their names."""
        return [self._fitted[name] for name in names]

    async def close(self, after: "GuardSet | None" = None) -> None:
        """Lets go of the guards that the set after it has not taken over."""
        for name, guard in self._guards.items():
            remote = self._fitted[name].remote
            taken = after is not None and after.kept(name, self._entries[name]) is guard
            if remote is not None and not taken:
                await remote.close()

    def _add(self, name: str, guard: Guard) -> None:
        self._guards[name] = guard
        self._fitted[name] = fit(name, self._entries[name], guard)


class Policies:
    """The policies of a configuration, by route and tenant."""

    def __init__(self, section: GuardrailsSection, guards: GuardSet) -> None:
        self.beside = guards.beside
        """Routes whose upstream calls may start while guards elsewhere still look at the request."""
        self._default = section.default
        self._routes = guards.routes
        self._tenants = {name: names for name, names in section.tenants.items() if names}
        by_route = {section.default, *self._routes.values()}
        by_tenant: set[tuple[str, ...]] = {(), *self._tenants.values()}
        self._made = {
            (one, other): Policy.of(guards.fitted(tuple(dict.fromkeys((*one, *other)))))
            for one in by_route
            for other in by_tenant
        }
        self.any = any(one is not None for one in self._made.values())
        """Whether there is a policy at all."""

    def of(self, route: str, tenant: str) -> Policy | None:
        """The policy of a call; None: nothing looks at it. `route` is its configured name."""
        return self._made[self._routes.get(route, self._default), self._tenants.get(tenant, ())]
