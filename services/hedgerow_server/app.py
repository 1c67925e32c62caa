"""Wires a router together: its doors, and the edition of the configuration that they serve."""

import asyncio
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import grpc.aio
from starlette.routing import BaseRoute

from hedgerow_server.caching.numbers import CacheNumbers
from hedgerow_server.caching.similarity import SimilarityNumbers
from hedgerow_server.config.model import is_loopback
from hedgerow_server.core.drift import Counts
from hedgerow_server.core.erasure import Eraser
from hedgerow_server.core.error import Draining
from hedgerow_server.core.slices import in_slices
from hedgerow_server.credentials.numbers import CredentialNumbers
from hedgerow_server.doors.admin_http import AdminHttp
from hedgerow_server.doors.certificates import Certificates
from hedgerow_server.doors.engine import callers_server
from hedgerow_server.doors.gate import Gate
from hedgerow_server.doors.gate_numbers import GateNumbers
from hedgerow_server.doors.grpcio import GrpcDoor
from hedgerow_server.doors.health import Health
from hedgerow_server.doors.http import HttpDoor
from hedgerow_server.doors.http_numbers import HttpNumbers
from hedgerow_server.doors.listen import bind, operators_options
from hedgerow_server.doors.proxies import TrustedProxies
from hedgerow_server.doors.section import AdminGrpcSection, ServerSection, TlsSection
from hedgerow_server.doors.serving import Endpoint, OpenCalls, Serving
from hedgerow_server.doors.standard import add_channelz, add_reflection
from hedgerow_server.edition import Edition, Memory
from hedgerow_server.endpoints import ADMIN_SERVICES, SERVICES, admin_endpoints
from hedgerow_server.interceptors.numbers import AuditNumbers
from hedgerow_server.ledger.numbers import LedgerNumbers
from hedgerow_server.limits.budgets import BudgetNumbers
from hedgerow_server.limits.numbers import SharedNumbers
from hedgerow_server.overloading import gate_of
from hedgerow_server.recall import Recall
from hedgerow_server.reloader import Reloader
from hedgerow_server.resources import Opened, audit_store, open_forgetting, people
from hedgerow_server.rotations import Rotations
from hedgerow_server.routing.numbers import RoutingNumbers
from hedgerow_server.rpc.admin import Admin
from hedgerow_server.rpc.audit import AuditLog
from hedgerow_server.rpc.credentials import Credentials
from hedgerow_server.rpc.erase import Erasure
from hedgerow_server.rpc.keys import Keys
from hedgerow_server.store.erasures import StoredErasures
from hedgerow_server.store.ledger import StoredLedger
from hedgerow_server.store.port import Database
from hedgerow_server.telemetry.lag import LoopLag
from hedgerow_server.telemetry.logs import program_lines_dropped, set_up_logging
from hedgerow_server.telemetry.metrics import Metrics
from hedgerow_server.telemetry.recent import RecentCalls
from hedgerow_server.telemetry.spans import SpanNumbers
from hedgerow_server.telemetry.state import RouterNumbers
from hedgerow_server.tracing import serve_spans
from hedgerow_server.wire.report import report

if TYPE_CHECKING:
    from hedgerow_server.together import Joined, Together

_TLS, _HTTP_TLS, _ADMIN_TLS = "server.grpc.tls", "server.http.tls", "server.admin_grpc.tls"
_LAST_WORDS_S = 0.5
_TELLING_S = 5.0
"""How long a shutdown takes at most to tell callers that their calls have ended: many of them, on a busy machine."""
_READ_ON_S = 5.0
"""How long the shutdown waits for answers that are read on for their usage."""
_ELSEWHERE_S = 0.1
_RECALL_S = 5.0
"""How long the start waits to know what was spent before; then calls under hard budgets are refused until it does."""
_ALERTING_S = 2.0
"""How long the shutdown waits for alerts that are under way."""


class App:
    """A router, built from its settings. Build it within a running event loop."""

    def __init__(
        self,
        path: Path,
        edition: Edition,
        memory: Memory,
        opened: Opened,
        *,
        joined: "Joined | None" = None,
    ) -> None:
        """`joined`: this is one worker of several. Raises ListenError when a part cannot be used on this machine."""
        settings, database = edition.settings, opened.database
        self.shared = opened.counters
        """Counts that other routers add to."""
        self.numbers = opened.numbers
        """What calls came to."""
        self.member = joined.member if joined is not None else None
        self._server_section = settings.server
        self._certificates = Certificates(_tls_of(settings.server), memory.news.set)
        self._call_log = opened.call_log
        self._log = (settings.telemetry.log_level, settings.telemetry.log_format)
        self.memory = memory
        self._database = database
        self.erasers: dict[str, Eraser] = {
            "kept_answers": memory.keepers,
            "cached_answers": memory.caches,
            "cached_questions": memory.similarity,
        }
        """What else keeps something of users, by the names under which it is counted."""
        if memory.ledger is not None and database is not None:
            self.erasers["ledger_calls"] = StoredLedger(database)
        self._forgetting = open_forgetting(memory, database)
        memo, loaded = (joined.memo, joined.loaded) if joined is not None else (None, None)
        self.reloader = Reloader(path, edition, memory, self._serve, memo=memo, loaded=loaded)
        self.rotations = Rotations(lambda: self.edition, memory.alarms, memory.web)
        self.lag = LoopLag()
        self.metrics = self._metrics()
        self.together = self._together()
        self._admin = self._for_operators(database)
        self.health = Health(SERVICES)
        self.admin_health = Health(ADMIN_SERVICES)
        self.server = callers_server(settings.server, shared=joined is not None)
        self.gate = self._gated(settings.server)
        admin_options = operators_options(settings.server.grpc, shared=joined is not None)
        self.admin_server = grpc.aio.server(options=admin_options)
        self._calls = OpenCalls()
        proxies = TrustedProxies.of(settings.server.trusted_proxies)
        self._door = GrpcDoor(edition.serving, report, self._calls, proxies, self.gate, on_core=self.server.on_core)
        self._http_door = HttpDoor(
            edition.serving,
            self._calls,
            settings.server.http,
            lambda: not self.own_problems(),
            proxies,
            gate=self.gate,
        )
        self._admin_door = GrpcDoor(Serving(edition.admin_chain(), self._admin), report)
        self._register(settings.server)
        self.admin_http = AdminHttp(
            self.problems, self.drift, self.metrics.parts, self._console(opened.recent, proxies)
        )
        self._count(settings.server)
        self._recall = _recall(memory, database)
        self._draining = False

    def _gated(self, section: ServerSection) -> Gate:
        """The gate before the callers' doors, which looks at what waits before it."""
        gate = gate_of(section.overload, section.workers, self.server.queue)
        gate.watching = lambda: self.health.watching
        self.server.tell_apart(gate.group)
        self.lag.told.append(gate.tick)
        return gate

    def _register(self, section: ServerSection) -> None:
        """Adds to the gRPC servers what they serve."""
        callers = self.server.handlers
        self.health.register(callers)
        if section.grpc.reflection:
            add_reflection(callers, SERVICES)
        callers.add_generic_rpc_handlers(self._door.handlers(instrumented=section.opentelemetry))
        self.admin_health.register(self.admin_server)
        _describe(self.admin_server, section.admin_grpc)
        self.admin_server.add_generic_rpc_handlers(self._admin_door.handlers())

    def _console(self, recent: RecentCalls | None, proxies: TrustedProxies | None) -> list[BaseRoute]:
        """The paths of the console; none where the configuration has none."""
        settings = self.edition.settings
        if settings.console is None or recent is None:
            return []
        from hedgerow_server.showing import Shown, console

        shown = Shown(
            reloader=self.reloader,
            memory=self.memory,
            admin=self._admin,
            problems=self.problems,
            drift=self.drift,
            recent=recent,
            proxies=proxies,
            version=version("hedgerow"),
            worker=f"worker {self.member.index} of {self.member.workers}" if self.member is not None else "",
        )
        return console(settings.console, settings.server.admin_http.listen, shown).routes()

    def _for_operators(self, database: Database | None) -> list[Endpoint]:
        """The RPCs of the admin door."""
        memory, together = self.memory, self.together
        return admin_endpoints(
            Admin(self.reloader, memory.learned.kills, together.spread_switches if together is not None else None),
            memory.checker,
            Keys(lambda: self.edition.desk.registry),
            AuditLog(audit_store(database)),
            Credentials(
                lambda: self.edition,
                memory.states,
                memory.alarms,
                self.rotations.of,
                together.spread_credential if together is not None else None,
            ),
            erasure=Erasure(
                people(database),
                lambda: self.edition.desk.registry,
                together.erasing() if together is not None else self.erasers,
                StoredErasures(database) if database is not None else None,
            ),
        )

    def _together(self) -> "Together | None":
        """What this worker does in common with others; None: there are none."""
        if self.member is None:
            return None
        from hedgerow_server.together import Together

        return Together(self.member, self.reloader, self.memory, self.metrics, self.erasers)

    def _metrics(self) -> Metrics:
        """What every router has to tell."""
        memory, call_log, metrics = self.memory, self._call_log, Metrics(process=True)
        for numbers in (
            CacheNumbers(memory.caches),
            SimilarityNumbers(memory.similarity),
            CredentialNumbers(lambda: self.edition.leases, memory.alarms, self.rotations.outcomes),
            memory.guard_numbers,
            RoutingNumbers(lambda: self.edition.routes, memory.learned),
            BudgetNumbers(lambda: self.edition.limiter),
            AuditNumbers(memory.audit),
            SpanNumbers(memory.spans),
            self.lag,
            RouterNumbers(
                version("hedgerow"),
                lambda: self.reloader.state,
                lambda: not self.problems(),
                lambda: program_lines_dropped() + (call_log.dropped if call_log is not None else 0),
            ),
        ):
            metrics.add(numbers)
        return metrics

    def _count(self, section: ServerSection) -> None:
        """Tells the numbers of calls what there is, and tells them, and those of the doors, to whoever asks."""
        endpoints = {*self.edition.serving.endpoints, *(one.method.name for one in self._admin)}
        self.numbers.know(endpoints, self._route_of)
        self.metrics.add(self.numbers)
        if self.shared is not None:
            self.metrics.add(SharedNumbers(self.shared.lender))
        if self.memory.ledger is not None:
            self.metrics.add(LedgerNumbers(self.memory.ledger))
        if section.http is not None:
            self.metrics.add(HttpNumbers(self._http_door))
        self.metrics.add(GateNumbers(self.gate))
        for numbers in self.server.numbers:
            self.metrics.add(numbers)

    def _route_of(self, kind: str, model: str) -> str | None:
        """The configured name of the route for a model name, as it is now."""
        return self.edition.routes.configured(kind, model)

    @property
    def edition(self) -> Edition:
        """The configuration that is in force."""
        return self.reloader.edition

    def _serve(self, edition: Edition) -> None:
        """Sends calls that come from now on to another edition."""
        self._door.serving = self._http_door.serving = edition.serving
        self._admin_door.serving = Serving(edition.admin_chain(), self._admin)
        self.memory.sources.serve(edition.settings.identity)
        self._serve_forgetting(edition)
        self.rotations.serve(edition)
        self.memory.alerts.webhook = edition.webhook
        if self._recall is not None:
            self._recall.begin(edition)
        self.memory.keepers.allow(edition.settings.idempotency)
        self.memory.caches.serve(edition.settings.cache)
        self.memory.similarity.serve(edition.settings.cache)
        self.memory.web.nat64 = edition.settings.egress.nat64
        self.numbers.tenants.most = edition.settings.telemetry.max_tenants
        serve_spans(self.memory.spans, edition.settings)
        told = edition.settings.telemetry
        if self._log != (told.log_level, told.log_format):
            self._log = (told.log_level, told.log_format)
            set_up_logging(*self._log)

    def _serve_forgetting(self, edition: Edition) -> None:
        if self._forgetting is not None:
            self._forgetting.serve(edition.settings.identity)

    async def refresh(self) -> None:
        """Reads secrets and the files of the catalogue again, and lets go of counts that nobody needs."""
        await self.reloader.refresh()
        await in_slices(self.memory.limits.counters.let_go())

    def end_revoked(self) -> None:
        """Ends the open calls of keys that were revoked or have expired, unless the configuration lets them finish."""
        ended = self.edition.desk.ended
        if ended is None:
            return
        for calls in (self._calls, self._admin_door.calls):
            calls.end_some(lambda call: ended(call.principal) if call.principal is not None else None)

    def problems(self) -> list[str]:
        """Why calls should not come here, or to another worker of this router."""
        return [*self.own_problems(), *(self.member.others_problems() if self.member is not None else ())]

    def own_problems(self) -> list[str]:
        """Why calls should not come to this process."""
        found = [*self.edition.problems(), *self._certificates.problems()]
        if self.memory.ledger is not None:
            found += self.memory.ledger.problems()
        return ["draining", *found] if self._draining else found

    def drift(self) -> dict[str, Counts]:
        """What came of each provider that is not known."""
        return self.edition.drift()

    def tell_health(self) -> None:
        """Brings the health service up to the state, and whoever looks after this worker."""
        problems = self.own_problems()
        if self.member is not None:
            self.member.say_problems(problems)
        self.health.say(serving=not problems)
        self.admin_health.say(serving=True)

    async def listen(self) -> dict[str, str]:
        """Binds every door, then serves; returns the addresses. A worker among several binds those for callers only.
        Raises ListenError.
        """
        section, member = self._server_section, self.member
        shared = member.addresses if member is not None else {}
        self.memory.sources.serve(self.edition.settings.identity)
        self._serve_forgetting(self.edition)
        self.rotations.serve(self.edition)
        await self.memory.sources.settle_in()
        if self.memory.ledger is not None:
            await self.memory.ledger.start()
        if self._recall is not None:
            self.edition.limiter.expect()
            await asyncio.wait({self._recall.begin(self.edition)}, timeout=_RECALL_S)
        await self._certificates.start()
        where = shared.get("grpc", section.grpc.listen)
        addresses = {"grpc": self.server.bind(where, self._certificates, _TLS, shared=member is not None)}
        if member is None:
            addresses |= await self._bind_admin(section.admin_grpc.listen, section.admin_http.listen)
        if self.shared is not None:
            await self.shared.settle_in()
            self.shared.start()
        self.lag.start()
        addresses |= await self._http_door.start(self._certificates.context(_HTTP_TLS), shared.get("http"))
        self.tell_health()
        if member is None:
            await self.admin_server.start()
        await self.server.start()
        return addresses

    async def listen_for_operators(self) -> None:
        """Serves the admin doors, for all workers. Raises ListenError."""
        assert self.member is not None
        where = self.member.addresses
        await self._bind_admin(where["admin_grpc"], where["admin_http"])
        await self.admin_server.start()

    async def _bind_admin(self, grpc_address: str, http_address: str) -> dict[str, str]:
        shared, tls = self.member is not None, self._certificates.credentials(_ADMIN_TLS)
        return {
            "admin_grpc": bind(self.admin_server, grpc_address, tls, shared=shared),
            "admin_http": await self.admin_http.start(http_address, shared=shared),
        }

    async def drain(self, grace_s: float, hurry: asyncio.Event) -> None:
        """Lets no new call in and gives the open ones their time, or until `hurry` is set. Those that are left then end
        with ERROR_REASON_DRAINING.
        """
        self._draining = True
        self.health.drain()
        self._http_door.drain()
        stopping = asyncio.create_task(self.server.stop(grace_s + _TELLING_S + _LAST_WORDS_S))
        await asyncio.sleep(0)
        # Connections are told to go by now, so that whoever watches again does it elsewhere.
        self.health.end()
        idle, hurrying = asyncio.create_task(self._calls.idle()), asyncio.create_task(hurry.wait())
        await asyncio.wait({idle, hurrying}, timeout=grace_s, return_when=asyncio.FIRST_COMPLETED)
        hurrying.cancel()
        self._calls.end(Draining("The gateway is shutting down.", retry_delay_s=_ELSEWHERE_S))
        await asyncio.wait({idle}, timeout=_TELLING_S)
        # Not the rest of the grace: a call that does not read, or is none of the chain's, stays until it is sent away.
        await self.server.stop(_LAST_WORDS_S)
        await stopping
        idle.cancel()

    async def close(self) -> None:
        """Ends what is left."""
        self.lag.stop()
        await self._http_door.stop()
        await self.admin_http.stop()
        await self.admin_server.stop(None)
        await self._certificates.close()
        await self.memory.drainer.close(_READ_ON_S)
        await self.rotations.close()
        await self.reloader.close()
        await self.memory.sources.close()
        if self._forgetting is not None:
            await self._forgetting.close()
        await self.memory.audit.close()
        await self.memory.keepers.close()
        await self.memory.similarity.close()
        await self.memory.caches.close()
        if self.shared is not None:
            await self.shared.close()
        await self.memory.alerts.close(_ALERTING_S)
        if self._recall is not None:
            await self._recall.close()
        if self.memory.ledger is not None:
            await self.memory.ledger.close()
        if self._database is not None:
            await self._database.close()
        if self.memory.spans is not None:
            await asyncio.to_thread(self.memory.spans.sink.close)
        if self._call_log is not None:
            await asyncio.to_thread(self._call_log.close)


def _recall(memory: Memory, database: Database | None) -> Recall | None:
    """What was spent before, where there are books of it."""
    ledger, reading = memory.ledger, memory.reading
    if ledger is None or reading is None or database is None:
        return None
    return Recall(ledger, reading, database)


def _tls_of(section: ServerSection) -> dict[str, TlsSection | None]:
    """What the doors are told of TLS, by where it stands in the configuration."""
    return {
        _TLS: section.grpc.tls,
        _HTTP_TLS: section.http.tls if section.http is not None else None,
        _ADMIN_TLS: section.admin_grpc.tls,
    }


def _describe(server: grpc.aio.Server, section: AdminGrpcSection) -> None:
    """Adds what tells operators' tools of the admin door."""
    if section.reflection:
        add_reflection(server, (*ADMIN_SERVICES, "grpc.channelz.v1.Channelz"))
    if is_loopback(section.listen) if section.channelz is None else section.channelz:
        add_channelz(server)
