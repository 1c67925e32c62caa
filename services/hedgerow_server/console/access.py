"""Who may see what: which RPC each page stands for, which hosts the console answers as, what every answer says."""

import ipaddress
from collections.abc import Mapping

from hedgerow_server.console.section import ConsoleSection
from hedgerow_server.core.access import Access
from hedgerow_server.core.call import Principal

_ADMIN = "hedgerow.admin.v1.AdminService"
_ROUTER = "hedgerow.router.v1.RouterService"
_USAGE = "hedgerow.usage.v1.UsageService"
GET_CONFIG = f"{_ADMIN}/GetConfig"
LIST_CANDIDATES = f"{_ADMIN}/ListCandidates"
LIST_KILL_SWITCHES = f"{_ADMIN}/ListKillSwitches"
SET_KILL_SWITCH = f"{_ADMIN}/SetKillSwitch"
CLEAR_KILL_SWITCH = f"{_ADMIN}/ClearKillSwitch"
LIST_KEYS = f"{_ADMIN}/ListKeys"
LIST_CREDENTIALS = f"{_ADMIN}/ListCredentials"
RELOAD = f"{_ADMIN}/Reload"
EXPLAIN_ROUTE = f"{_ROUTER}/ExplainRoute"
QUERY_SPEND = f"{_USAGE}/QuerySpend"
LIST_BUDGETS = f"{_USAGE}/ListBudgets"
GET_CALL = f"{_USAGE}/GetCall"

SECTIONS: Mapping[str, str] = {
    "overview": GET_CONFIG,
    "calls": GET_CALL,
    "routes": LIST_CANDIDATES,
    "errors": GET_CALL,
    "spend": QUERY_SPEND,
    "keys": LIST_KEYS,
    "credentials": LIST_CREDENTIALS,
    "configuration": GET_CONFIG,
    "try": EXPLAIN_ROUTE,
}
"""The sections of the console, and the RPC that one must be allowed to call to see each. What a page tells beyond that
is left out where a further RPC is not allowed.
"""
_DOORS_OPENER = (GET_CONFIG, LIST_CANDIDATES, LIST_KEYS, LIST_CREDENTIALS)

HEADERS: Mapping[str, str] = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "accelerometer=(), camera=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), "
    "payment=(), usb=()",
    "cache-control": "no-store",
}
"""Of every answer, but that files whose names change with their content may be kept."""
KEEP = "public, max-age=31536000, immutable"
"""Their cache-control."""
_HSTS = "max-age=31536000"


def allowed(principal: Principal, rpc: str) -> bool:
    """Whether somebody may call an RPC."""
    return principal.access is None or principal.access.allows(rpc)


def may_enter(principal: Principal) -> bool:
    """Whether somebody is an operator: may call one of the admin door's RPCs that a page stands for. What the callers'
    door allows is not enough: every caller without narrower roles may ask for spend there.
    """
    return any(allowed(principal, rpc) for rpc in _DOORS_OPENER)


def hidden(principal: Principal) -> frozenset[str]:
    """The sections that somebody may not see."""
    return frozenset(section for section, rpc in SECTIONS.items() if not allowed(principal, rpc))


def tenant_of(principal: Principal, rpc: str) -> str | None:
    """The tenant that somebody is told of. None: every one."""
    access: Access | None = principal.access
    return None if access is not None and access.sees_all_tenants(rpc) else principal.tenant


def headers(section: ConsoleSection) -> Mapping[str, str]:
    """What every answer says."""
    return {**HEADERS, "strict-transport-security": _HSTS} if section.secure else HEADERS


class Hosts:
    """The hosts that the console answers as. A page of somebody else's whose name leads here (DNS rebinding) asks under
    that name, and gets nothing.
    """

    def __init__(self, listen: str, section: ConsoleSection) -> None:
        """`listen` is HOST:PORT as configured. An address in the place of a name is nobody's to rebind: where the door
        listens on all of them, each is good.
        """
        host = listen.rpartition(":")[0].strip("[]").lower()
        self._names = {one for one in ("localhost", host, section.public_host) if one}
        address = _address(host)
        self._any_address = address is not None and address.is_unspecified

    def knows(self, header: str) -> bool:
        """Whether a Host header names one of them, whatever the port."""
        host = _host(header)
        if host in self._names:
            return True
        address = _address(host)
        return address is not None and (address.is_loopback or self._any_address)


def _host(header: str) -> str:
    """The host of a Host header (RFC 9112, 3.2), without its port and brackets; empty for what is none."""
    if header.startswith("["):
        inside, closed, rest = header[1:].partition("]")
        return inside.lower() if closed and (not rest or (rest[1:].isdecimal() and rest[0] == ":")) else ""
    name, colon, port = header.partition(":")
    return name.lower() if not colon or port.isdecimal() else ""


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
