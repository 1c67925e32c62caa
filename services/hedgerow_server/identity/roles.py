"""What roles and lists come to: the access and the regions of a caller."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from hedgerow_server.core.access import Access, Grant, Names
from hedgerow_server.core.call import Call, Principal
from hedgerow_server.core.error import Forbidden
from hedgerow_server.identity.section import CALLERS_DOOR, RoleSection

ACT_FOR = "hedgerow-act-for"
"""The metadata in which a service names the user that it calls for."""
_USER_CHARS = 128
_KEPT = 4096


class Granted(msgspec.Struct, frozen=True):
    """What a caller with some roles and lists may do."""

    roles: tuple[str, ...]
    """Those that the configuration has."""
    access: Access | None
    """None: everything."""
    regions: frozenset[str]
    """Empty: anywhere."""


class Roles:
    """The roles of a configuration."""

    def __init__(self, sections: Mapping[str, RoleSection], default: Sequence[str] = ()) -> None:
        self._sections = sections
        self._default = tuple(default)
        self._grants = {name: _grant(section) for name, section in sections.items()}
        self._made: dict[tuple[tuple[str, ...], ...], Granted] = {}

    def granted(
        self,
        names: Iterable[str],
        rpcs: Iterable[str] = (),
        models: Iterable[str] = (),
        regions: Iterable[str] = (),
    ) -> Granted:
        """What a caller with these roles may do; the lists narrow it where they are not empty. Callers that may do the
        same share it. Raises Forbidden where the regions leave none.
        """
        key = (tuple(names), tuple(rpcs), tuple(models), tuple(regions))
        made = self._made.get(key)
        if made is None:
            if len(self._made) >= _KEPT:
                self._made.clear()
            made = self._made[key] = self._make(*key)
        return made

    def grants_admin(self, names: Iterable[str]) -> bool:
        """Whether one of the roles opens anything of the admin door."""
        return any(self._sections[name].admin for name in names if name in self._sections)

    def unknown(self, names: Iterable[str]) -> list[str]:
        """Those that the configuration does not have."""
        return [name for name in names if name not in self._sections]

    def _make(
        self, names: tuple[str, ...], rpcs: tuple[str, ...], models: tuple[str, ...], regions: tuple[str, ...]
    ) -> Granted:
        asked = names or self._default
        held = tuple(dict.fromkeys(name for name in asked if name in self._sections))
        # Roles that the configuration has no more allow nothing: that they are gone must not widen anything.
        groups = [tuple(self._grants[name] for name in held)] if self._sections or asked else []
        if rpcs or models:
            # Lists only narrow: without a role they leave nothing of other tenants.
            lists = Names(rpcs) if rpcs else None, Names(models) if models else None
            groups.append((Grant(*lists, all_tenants=bool(groups)),))
        where = narrowed(*(frozenset(self._sections[name].regions) for name in held), frozenset(regions))
        return Granted(held, Access(*groups) if groups else None, where)


def _grant(section: RoleSection) -> Grant:
    rpcs = [f"{service}/{name}" for pattern in section.rpcs for service, name in _split(pattern)]
    rpcs += [f"AdminService/{pattern.removeprefix('AdminService/')}" for pattern in section.admin]
    models = None if "*" in section.models else Names(section.models)
    return Grant(Names(rpcs), models, act_for=section.act_for, all_tenants=section.all_tenants)


def _split(pattern: str) -> list[tuple[str, str]]:
    """A pattern for the callers' door, for each of its services: `*` must not lead to the other door."""
    service, _, name = pattern.partition("/")
    known = [one for one in CALLERS_DOOR if one in Names((service,))]
    return [(one, name or "*") for one in known]


def narrowed(*regions: frozenset[str]) -> frozenset[str]:
    """The regions that all of them allow; an empty one allows every region. Raises Forbidden where none is left."""
    found: frozenset[str] | None = None
    for one in regions:
        if one:
            found = one if found is None else found & one
    if found is not None and not found:
        raise Forbidden("The regions that the caller is bound to exclude each other.")
    return found or frozenset()


def both(certificate: Principal, bearer: Principal) -> Principal:
    """A caller that has shown a certificate and a key or token: who the latter says, called by the service that the
    former says, with what both may do. Raises Forbidden where they are of different tenants.
    """
    if certificate.tenant != bearer.tenant:
        raise Forbidden("The certificate and the authorization are of different tenants.")
    one, other = certificate.access, bearer.access
    return msgspec.structs.replace(
        bearer,
        service=certificate.service,
        method=f"{certificate.method}+{bearer.method}",
        regions=narrowed(certificate.regions, bearer.regions),
        access=(one or other) if one is None or other is None else one.narrowed(other),
    )


def acting(principal: Principal, call: Call) -> Principal:
    """The caller, for the user whom it names. Raises Forbidden where it may not, or names nobody."""
    if principal.access is None or not principal.access.may_act_for(call.method.name):
        raise Forbidden(f"The caller may not name another user ({ACT_FOR}).", metadata={"metadata": ACT_FOR})
    user = call.metadata[ACT_FOR]
    if ACT_FOR in call.repeated or not is_word(user):
        raise Forbidden(
            f"{ACT_FOR} must be there once, with 1 to {_USER_CHARS} printable characters.",
            metadata={"metadata": ACT_FOR},
        )
    service = principal.service or principal.user or principal.key_id
    return msgspec.structs.replace(principal, user=user, service=service)


def is_word(value: str) -> bool:
    """Whether it may name a tenant, team, user or service: 1 to 128 printable characters, no blank at the ends."""
    return 0 < len(value) <= _USER_CHARS and value.isprintable() and value == value.strip()
