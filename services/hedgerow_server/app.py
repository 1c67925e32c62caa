"""Wires a router together: its doors, and the edition of the configuration that they serve."""

import asyncio
from pathlib import Path

import grpc.aio

from hedgerow_server.config.model import is_loopback
from hedgerow_server.core.drift import Counts
from hedgerow_server.core.error import Draining
from hedgerow_server.core.slices import collector_paused
from hedgerow_server.doors.admin_http import AdminHttp
from hedgerow_server.doors.grpcio import GrpcDoor, Serving
from hedgerow_server.doors.listen import bind, instrumentation, server_options
from hedgerow_server.doors.standard import Health, add_channelz, add_reflection
from hedgerow_server.edition import Edition, Memory
from hedgerow_server.endpoints import ADMIN_SERVICES, CHANGING, CHANGING_KEYS, SERVICES, admin_endpoints
from hedgerow_server.identity.desk import Sources
from hedgerow_server.interceptors.audit import Audit
from hedgerow_server.reloader import Reloader
from hedgerow_server.rpc.admin import Admin
from hedgerow_server.rpc.audit import AuditLog
from hedgerow_server.rpc.credentials import Credentials
from hedgerow_server.rpc.keys import Keys
from hedgerow_server.settings import Settings
from hedgerow_server.store.audit import SqliteAudit
from hedgerow_server.store.keys import SqliteKeys
from hedgerow_server.store.sqlite import Sqlite
from hedgerow_server.telemetry.logs import CallLog, set_up_logging
from hedgerow_server.wire.check import Checker
from hedgerow_server.wire.report import report

_LAST_WORDS_S = 0.5
_READ_ON_S = 5.0
"""How long the shutdown waits for answers that are read on for their usage."""
_ELSEWHERE_S = 0.1


class App:
    """A router, built from its settings. Build it within a running event loop."""

    def __init__(
        self, path: Path, edition: Edition, memory: Memory, call_log: CallLog | None, database: Sqlite | None = None
    ) -> None:
        """Raises ListenError when a part of the settings cannot be used on this machine."""
        settings = edition.settings
        self._server_section = settings.server
        self._call_log = call_log
        self._log_level = settings.telemetry.log_level
        self.memory = memory
        self._database = database
        self.reloader = Reloader(path, edition, memory, self._serve)
        self._admin = admin_endpoints(
            Admin(self.reloader, memory.learned.kills),
            memory.checker,
            Keys(lambda: self.edition.desk.registry),
            AuditLog(_audit_store(database)),
            Credentials(lambda: self.edition, memory.states),
        )
        instrumented = settings.server.opentelemetry
        self.health = Health(SERVICES)
        self.admin_health = Health(ADMIN_SERVICES)
        interceptors = instrumentation() if instrumented else ()
        self.server = grpc.aio.server(options=server_options(settings.server.grpc), interceptors=interceptors)
        self.admin_server = grpc.aio.server(options=(("grpc.so_reuseport", 0), ("grpc.enable_channelz", 1)))
        self._door = GrpcDoor(edition.serving, report)
        self._admin_door = GrpcDoor(Serving(edition.admin_chain(), self._admin), report)
        self.health.register(self.server)
        if settings.server.grpc.reflection:
            add_reflection(self.server, SERVICES)
        self.server.add_generic_rpc_handlers(self._door.handlers(instrumented=instrumented))
        self.admin_health.register(self.admin_server)
        admin = settings.server.admin_grpc
        if admin.reflection:
            add_reflection(self.admin_server, (*ADMIN_SERVICES, "grpc.channelz.v1.Channelz"))
        if is_loopback(admin.listen) if admin.channelz is None else admin.channelz:
            add_channelz(self.admin_server)
        self.admin_server.add_generic_rpc_handlers(self._admin_door.handlers())
        self.admin_http = AdminHttp(self.problems, self.drift)
        self._draining = False

    @classmethod
    async def build(cls, settings: Settings, path: Path) -> "App":
        """A router with its settings, which stand in a file. Raises ListenError when a part of them cannot be used on
        this machine, ConfigError for a file of the catalogue.
        """
        call_log = CallLog() if settings.telemetry.call_log else None
        checker = Checker(settings.server.grpc.max_request_bytes)
        database = Sqlite(settings.store) if settings.store is not None else None
        sources = Sources(SqliteKeys(database) if database is not None else None)
        audit = Audit(_audit_store(database), (*CHANGING, *CHANGING_KEYS), by_themselves=CHANGING_KEYS)
        memory = Memory(call_log.write if call_log is not None else None, checker, sources, audit)
        memory.states.policy = settings.breaker.policy()
        memory.learned.budgets.allow(settings.hedging.max_extra)
        with collector_paused():
            edition = await Edition.prepare(settings, memory)
            await edition.build_routes()
        return cls(path, edition, memory, call_log, database)

    @property
    def edition(self) -> Edition:
        """The configuration that is in force."""
        return self.reloader.edition

    def _serve(self, edition: Edition) -> None:
        """Sends calls that come from now on to another edition."""
        self._door.serving = edition.serving
        self._admin_door.serving = Serving(edition.admin_chain(), self._admin)
        self.memory.sources.serve(edition.settings.identity)
        level = edition.settings.telemetry.log_level
        if level != self._log_level:
            self._log_level = level
            set_up_logging(level)

    async def refresh(self) -> None:
        """Reads secrets and the files of the catalogue again."""
        await self.reloader.refresh()

    def end_revoked(self) -> None:
        """Ends the open calls of keys that were revoked or have expired, unless the configuration lets them finish."""
        ended = self.edition.desk.ended
        if ended is None:
            return
        for door in (self._door, self._admin_door):
            door.end_some(lambda call: ended(call.principal) if call.principal is not None else None)

    def problems(self) -> list[str]:
        """Why calls should not come here."""
        found = self.edition.problems()
        return ["draining", *found] if self._draining else found

    def drift(self) -> dict[str, Counts]:
        """What came of each provider that is not known."""
        return self.edition.drift()

    async def tell_health(self) -> None:
        """Brings the health service up to the state."""
        await self.health.say(serving=not self.problems())
        await self.admin_health.say(serving=True)

    async def listen(self) -> dict[str, str]:
        """Binds every door, then serves; returns the addresses. Raises ListenError."""
        section = self._server_section
        self.memory.sources.serve(self.edition.settings.identity)
        await self.memory.sources.settle_in()
        addresses = {
            "grpc": bind(self.server, section.grpc.listen, section.grpc.tls, "server.grpc.tls"),
            "admin_grpc": bind(
                self.admin_server, section.admin_grpc.listen, section.admin_grpc.tls, "server.admin_grpc.tls"
            ),
            "admin_http": await self.admin_http.start(section.admin_http.listen),
        }
        await self.tell_health()
        await self.admin_server.start()
        await self.server.start()
        return addresses

    async def drain(self, grace_s: float, hurry: asyncio.Event) -> None:
        """Lets no new call in and gives the open ones their time, or until `hurry` is set. Those that are left then end
        with ERROR_REASON_DRAINING.
        """
        self._draining = True
        await self.health.drain()
        stopping = asyncio.create_task(self.server.stop(grace_s + _LAST_WORDS_S))
        idle, hurrying = asyncio.create_task(self._door.idle()), asyncio.create_task(hurry.wait())
        await asyncio.wait({idle, hurrying}, timeout=grace_s, return_when=asyncio.FIRST_COMPLETED)
        hurrying.cancel()
        self._door.end(Draining("The gateway is shutting down.", retry_delay_s=_ELSEWHERE_S))
        # Not the rest of the grace: a watcher of health stays until it is sent away.
        await self.server.stop(_LAST_WORDS_S)
        await stopping
        idle.cancel()

    async def close(self) -> None:
        """Ends what is left."""
        await self.admin_http.stop()
        await self.admin_server.stop(None)
        await self.memory.drainer.close(_READ_ON_S)
        await self.reloader.close()
        await self.memory.sources.close()
        await self.memory.audit.close()
        if self._database is not None:
            await self._database.close()
        if self._call_log is not None:
            self._call_log.close()


def _audit_store(database: Sqlite | None) -> SqliteAudit | None:
    return SqliteAudit(database) if database is not None else None
