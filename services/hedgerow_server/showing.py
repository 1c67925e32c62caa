"""Puts the console together: what of a router it is told, and where its requests come from."""

from collections.abc import Callable, Mapping, Sequence

import msgspec
from starlette.requests import Request

from hedgerow_server.console.routes import Console
from hedgerow_server.console.section import ConsoleSection
from hedgerow_server.console.source import Source
from hedgerow_server.core.call import Method
from hedgerow_server.core.drift import Counts
from hedgerow_server.doors.proxies import TrustedProxies
from hedgerow_server.doors.serving import Endpoint
from hedgerow_server.edition import Edition, Memory
from hedgerow_server.reloader import Reloader
from hedgerow_server.telemetry.recent import RecentCalls


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A router to be shown."""

    reloader: Reloader
    """Has the configuration in force."""
    memory: Memory
    admin: Sequence[Endpoint]
    """The RPCs of the admin door."""
    problems: Callable[[], list[str]]
    """Why calls should not come here."""
    drift: Callable[[], Mapping[str, Counts]]
    """What came of providers that is not known."""
    recent: RecentCalls
    proxies: TrustedProxies | None
    """Those that may say for whom they call."""
    version: str
    worker: str = ""
    """Which worker of several it is; empty: there is but one."""


def console(section: ConsoleSection, listen: str, shown: Shown) -> Console:
    """The console of a router whose admin HTTP door listens there."""
    admin = {one.method.name: one.method for one in shown.admin}
    memory, reloader = shown.memory, shown.reloader

    def edition() -> Edition:
        return reloader.edition

    def rpc(name: str) -> Method | None:
        found = edition().serving.endpoints.get(name)
        return admin.get(name) or (found.method if found is not None else None)

    source = Source(
        rpcs=rpc,
        in_force=edition,
        state=lambda: reloader.state,
        problems=shown.problems,
        drift=shown.drift,
        recent=shown.recent,
        kills=memory.learned.kills,
        alarms=memory.alarms,
        audit=memory.audit,
        web=memory.web,
        ledger=memory.ledger,
        version=shown.version,
        worker=shown.worker,
    )
    return Console(section, listen, source, lambda request: _address(request, shown.proxies))


def _address(request: Request, proxies: TrustedProxies | None) -> str:
    """Where a request comes from: whoever is behind the proxies that may say so. Without a port, which changes."""
    if request.client is None:
        return ""
    host = request.client.host
    peer = f"ipv6:[{host}]:0" if ":" in host else f"ipv4:{host}:0"
    if proxies is None:
        return host
    found = proxies.origin(peer, tuple, request.headers.getlist).peer
    return host if found == peer else found
