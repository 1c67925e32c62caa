"""Opens what a router needs, and builds it."""

from pathlib import Path
from typing import TYPE_CHECKING

from hedgerow_server.app import App
from hedgerow_server.core.slices import collector_paused
from hedgerow_server.core.watch import Watcher
from hedgerow_server.edition import Edition, Memory
from hedgerow_server.endpoints import CHANGING, CHANGING_KEYS
from hedgerow_server.identity.desk import Sources
from hedgerow_server.interceptors.audit import Audit
from hedgerow_server.interceptors.keeper import Keepers
from hedgerow_server.ledger.query import LedgerReader
from hedgerow_server.providers.http.web import HttpWeb
from hedgerow_server.resources import (
    InForce,
    Opened,
    audit_store,
    open_caches,
    open_call_log,
    open_counters,
    open_database,
    open_ledger,
)
from hedgerow_server.settings import Settings
from hedgerow_server.store.answers import StoredAnswers
from hedgerow_server.store.keys import StoredKeys
from hedgerow_server.store.reading import reader
from hedgerow_server.telemetry.calls import CallNumbers, InnerCalls, OperatorCalls
from hedgerow_server.telemetry.recent import RecentCalls
from hedgerow_server.tracing import open_spans
from hedgerow_server.wire.check import Checker

if TYPE_CHECKING:
    from hedgerow_server.together import Joined


async def build(settings: Settings, path: Path, joined: "Joined | None" = None) -> App:
    """A router with its settings, which stand in a file. `joined`: it is one worker of several. Raises ListenError when
    a part of them cannot be used on this machine, ConfigError for a file of the catalogue.
    """
    in_force = InForce()
    opened = Opened(
        call_log=open_call_log(settings, path),
        database=open_database(settings, path, in_force),
        counters=open_counters(settings, path, in_force, joined.member if joined is not None else None),
        numbers=CallNumbers(settings.telemetry.max_tenants),
        recent=RecentCalls(settings.console.recent_calls) if settings.console is not None else None,
    )
    memory = _memory(settings, path, in_force, opened)
    with collector_paused():
        edition = await Edition.prepare(settings, memory)
        await edition.build_routes()
    memory.alerts.webhook = edition.webhook
    app = App(path, edition, memory, opened, joined=joined)
    in_force.edition = lambda: app.edition
    return app


def _memory(settings: Settings, path: Path, in_force: InForce, opened: Opened) -> Memory:
    """What the first configuration and all later ones share."""
    database, numbers = opened.database, opened.numbers
    spans = open_spans(settings, path, in_force.reveal)
    ledger = open_ledger(settings, database, in_force)
    questions = reader(settings.store, in_force.reveal) if settings.store is not None and ledger else None
    logs: list[Watcher] = [opened.call_log] if opened.call_log is not None else []
    traces: list[Watcher] = [spans] if spans is not None else []
    web = HttpWeb(settings.egress.nat64)
    memory = Memory(
        [*logs, numbers, *([opened.recent] if opened.recent is not None else []), *traces],
        Checker(settings.server.grpc.max_request_bytes),
        Sources(StoredKeys(database) if database is not None else None, web=web),
        Audit(audit_store(database), (*CHANGING, *CHANGING_KEYS), by_themselves=CHANGING_KEYS),
        web,
        keepers=Keepers(StoredAnswers(database) if database is not None else None),
        ledger=ledger,
        reading=LedgerReader(questions) if questions is not None else None,
        counters=opened.counters,
        caches=open_caches(settings, path, in_force),
        reveal=in_force.reveal,
    )
    memory.operator_watchers = [*logs, OperatorCalls(numbers)]
    memory.inner_watchers = [InnerCalls(numbers), *traces]
    memory.spans = spans
    memory.keepers.allow(settings.idempotency)
    memory.similarity.serve(settings.cache)
    memory.states.policy = settings.breaker.policy()
    memory.learned.budgets.allow(settings.hedging.max_extra)
    return memory
