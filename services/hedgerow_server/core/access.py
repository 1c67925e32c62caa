"""What a caller may do: allow lists of RPCs and model names."""

from collections.abc import Iterable

import msgspec


class Names:
    """A list of names in which `*` stands for any characters, none included. Matching takes time in proportion to the
    name, whatever the list: it may come with a token.
    """

    __slots__ = ("_exact", "_globs")

    def __init__(self, patterns: Iterable[str]) -> None:
        given = frozenset(patterns)
        self._exact = frozenset(one for one in given if "*" not in one)
        self._globs = tuple(tuple(one.split("*")) for one in sorted(given - self._exact))

    def __contains__(self, name: str) -> bool:
        if name in self._exact:
            return True
        for parts in self._globs:  # noqa: SIM110  (asked of every call: a generator would take as long again)
            if _matches(parts, name):
                return True
        return False


def _matches(parts: tuple[str, ...], name: str) -> bool:
    first, *middle, last = parts
    if not name.startswith(first) or len(name) < len(first) + len(last) or not name.endswith(last):
        return False
    at, end = len(first), len(name) - len(last)
    for part in middle:
        found = name.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


class Grant(msgspec.Struct, frozen=True):
    """What one role allows, or to what one list narrows it."""

    rpcs: Names | None = None
    """RPCs as "Service/Method"; None: every one."""
    models: Names | None = None
    """Model names as callers use them; None: every one."""
    act_for: bool = True
    """Whether the caller may name the user it calls for."""
    all_tenants: bool = False
    """Whether the caller is told of every tenant's calls."""

    def allows(self, rpc: str, model: str | None) -> bool:
        """Whether the RPC may be called, with the model if one is given."""
        if self.rpcs is not None and rpc not in self.rpcs:
            return False
        return model is None or self.models is None or model in self.models


class Access:
    """All that a caller may do. Allowed is what, in every group, some grant allows: the roles of a caller are one
    group, and each list that narrows them is a group of its own.
    """

    __slots__ = ("groups",)

    def __init__(self, *groups: tuple[Grant, ...]) -> None:
        """A group without a grant allows nothing."""
        self.groups = groups
        """What must allow a call, each of them."""

    def narrowed(self, other: "Access") -> "Access":
        """What both allow."""
        return Access(*self.groups, *other.groups)

    def allows(self, method: str, model: str | None = None) -> bool:
        """Whether an RPC, by its full name, may be called, with a model if one is given."""
        rpc = method.rpartition(".")[2]
        for group in self.groups:
            for one in group:
                if one.allows(rpc, model):
                    break
            else:
                return False
        return True

    def knows(self, model: str) -> bool:
        """Whether the caller may use a model by any RPC, and so be told of it."""
        return all(any(one.models is None or model in one.models for one in group) for group in self.groups)

    def may_act_for(self, method: str) -> bool:
        """Whether the caller may name another user when it calls an RPC."""
        rpc = method.rpartition(".")[2]
        return all(any(one.act_for and one.allows(rpc, None) for one in group) for group in self.groups)

    def sees_all_tenants(self, method: str) -> bool:
        """Whether an RPC tells the caller of every tenant's calls, not of its own tenant's only."""
        rpc = method.rpartition(".")[2]
        return all(any(one.all_tenants and one.allows(rpc, None) for one in group) for group in self.groups)
