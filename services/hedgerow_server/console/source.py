"""What the console is told of the router. It holds nothing of a configuration: a reload puts another in its place."""

from collections.abc import Callable, Mapping
from typing import Protocol

import msgspec

from hedgerow_server.console.asking import Rpcs
from hedgerow_server.core.admin import ConfigState
from hedgerow_server.core.drift import Counts
from hedgerow_server.core.web import Web
from hedgerow_server.credentials.alarm import Alarms
from hedgerow_server.credentials.lease import HeldLease
from hedgerow_server.identity.desk import Desk
from hedgerow_server.identity.section import IdentitySection
from hedgerow_server.interceptors.audit import Audit
from hedgerow_server.ledger.ledger import Ledger
from hedgerow_server.routing.kill import KillSwitches
from hedgerow_server.routing.routes import Routes
from hedgerow_server.routing.section import RouteSection
from hedgerow_server.telemetry.recent import RecentCalls


class Configured(Protocol):
    """The settings in force."""

    @property
    def identity(self) -> IdentitySection:
        """Who callers are."""

    @property
    def credentials(self) -> Mapping[str, object]:
        """Where secrets are, by name."""

    @property
    def routes(self) -> Mapping[str, RouteSection]:
        """The routes, by name."""


class InForce(Protocol):
    """A configuration at work."""

    @property
    def settings(self) -> Configured:
        """What it says: a pydantic model."""

    @property
    def routes(self) -> Routes:
        """Its routes."""

    @property
    def leases(self) -> Mapping[str, HeldLease]:
        """The credentials, by name."""

    @property
    def desk(self) -> Desk:
        """Who may call, and log in."""


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Where the facts are from."""

    rpcs: Rpcs
    """The RPCs of the configuration in force."""
    in_force: Callable[[], InForce]
    """That configuration."""
    state: Callable[[], ConfigState]
    """Which one it is."""
    problems: Callable[[], list[str]]
    """Why calls should not come here."""
    drift: Callable[[], Mapping[str, Counts]]
    """What came of providers that is not known."""
    recent: RecentCalls
    kills: KillSwitches
    alarms: Alarms
    audit: Audit
    """Where logins are written down."""
    web: Web
    """What asks an OpenID provider."""
    ledger: Ledger | None
    """None: there is none."""
    version: str
    """Of the router."""
    worker: str = ""
    """Which worker of several it is; empty: there is but one."""
