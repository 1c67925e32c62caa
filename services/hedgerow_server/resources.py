"""What a router opens of its own before it serves: the database, the ledger, the counts and the caches."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from hedgerow_server.caching.shelf import Caches, lacking
from hedgerow_server.config.load import ConfigError, Fault
from hedgerow_server.core.error import CredentialUnavailable
from hedgerow_server.core.secret import Secret
from hedgerow_server.edition import Edition, Memory
from hedgerow_server.forgetting import Forgetting
from hedgerow_server.ledger.ledger import Ledger
from hedgerow_server.ledger.record import AttemptOpened
from hedgerow_server.ledger.rows import Lost
from hedgerow_server.limits.lender import Lender
from hedgerow_server.limits.opened import opened as lender
from hedgerow_server.limits.outlive import Outlive
from hedgerow_server.limits.shared import SharedCounters
from hedgerow_server.limits.sharing import Apart
from hedgerow_server.limits.supervised import SupervisedLender, Supervisor
from hedgerow_server.settings import Settings
from hedgerow_server.store.audit import StoredAudit
from hedgerow_server.store.erasing import StoredPeople
from hedgerow_server.store.erasures import StoredErasures
from hedgerow_server.store.ledger import StoredLedger
from hedgerow_server.store.opened import opened
from hedgerow_server.store.port import Database
from hedgerow_server.store.section import StoreSection
from hedgerow_server.telemetry.calls import CallNumbers
from hedgerow_server.telemetry.logs import CallLog
from hedgerow_server.telemetry.recent import RecentCalls


class InForce:
    """The secrets of the configuration in force, for what is built before it."""

    def __init__(self) -> None:
        self.edition: Callable[[], Edition] | None = None
        """Gives that configuration; None before there is one."""

    def lost(self, opened: AttemptOpened) -> Lost:
        """What an attempt has probably cost whose end nobody saw."""
        assert self.edition is not None
        return self.edition().lost(opened)

    def reveal(self, credential: str) -> Secret:
        """The secret of a credential. Raises CredentialUnavailable."""
        held = self.edition().leases.get(credential) if self.edition is not None else None
        if held is None:
            raise CredentialUnavailable("The credential is not there.", metadata={"credential": credential})
        return held.current()


class Opened(NamedTuple):
    """What is there for as long as the router, beside its memory."""

    call_log: CallLog | None
    database: Database | None
    counters: SharedCounters | None
    numbers: CallNumbers
    recent: RecentCalls | None
    """The calls that the console shows. None: there is no console."""


def open_database(settings: Settings, path: Path, in_force: InForce) -> Database | None:
    """The database; None where the configuration has none. Raises ConfigError."""
    if settings.store is None:
        return None
    try:
        return opened(settings.store, in_force.reveal)
    except ModuleNotFoundError:
        raise ConfigError([Fault(str(path), 1, "store.postgres", "needs the extra `postgres` (asyncpg)")]) from None


def open_counters(
    settings: Settings, path: Path, in_force: InForce, supervisor: Supervisor | None = None
) -> SharedCounters | None:
    """Counts that other routers add to, and other workers of this one, who have a `supervisor`; None where there are no
    others. Raises ConfigError.
    """
    workers, sharing, spool = (
        settings.server.workers if supervisor is not None else 1,
        settings.sharing,
        _spool(settings),
    )
    if sharing is not None:
        try:
            asked: Lender = lender(sharing, in_force.reveal)
        except ModuleNotFoundError:
            raise ConfigError([Fault(str(path), 1, "sharing.redis", "needs the extra `redis`")]) from None
        # Each worker is one more router to whoever lends to all.
        apart = Apart(
            replicas=sharing.replicas * workers, when_away=sharing.when_away, recover_seconds=sharing.recover_seconds
        )
    elif supervisor is not None:
        asked, apart = SupervisedLender(supervisor), Apart(replicas=workers)
    else:
        return None
    # On the disk that is there for what must outlive the router.
    return SharedCounters(apart, asked, Outlive(spool, asked) if spool is not None else None)


def open_call_log(settings: Settings, path: Path) -> CallLog | None:
    """What writes the lines of calls; None where nothing does. Raises ConfigError for a file that cannot be opened."""
    section = settings.telemetry
    if not section.call_log:
        return None
    try:
        return CallLog(path=section.call_log_file, peers=section.log_peers)
    except OSError as error:
        raise ConfigError([Fault(str(path), 1, "telemetry.call_log_file", f"{error.strerror}")]) from None


def open_caches(settings: Settings, path: Path, in_force: InForce) -> Caches:
    """Where answers are kept. Raises ConfigError."""
    if lacks := lacking(settings.cache):
        raise ConfigError([Fault(str(path), 1, "cache.redis", lacks)])
    caches = Caches(in_force.reveal)
    caches.serve(settings.cache)
    return caches


def open_forgetting(memory: Memory, database: Database | None) -> Forgetting | None:
    """What lets go of erased users as other routers erase them; None: there is no store that others share."""
    if database is None:
        return None
    holding = (memory.caches, memory.similarity, memory.keepers)
    return Forgetting(StoredErasures(database), memory.caches.barred, holding)


def open_ledger(settings: Settings, database: Database | None, in_force: InForce) -> Ledger | None:
    """What writes down what calls cost; None where nothing does."""
    section, store, spool = settings.ledger, settings.store, _spool(settings)
    if database is None or store is None or spool is None:
        return None
    if not isinstance(store, StoreSection):
        return Ledger(section, spool, StoredLedger(database), in_force.lost)
    # With a connection of its own, so that no key waits behind its batches.
    own = opened(store, in_force.reveal)
    return Ledger(section, spool, StoredLedger(own), in_force.lost, at_last=own.close)


def _spool(settings: Settings) -> Path | None:
    """The folder of what must outlive routers; None where there is no ledger."""
    section, store = settings.ledger, settings.store
    if store is None or not section.enabled:
        return None
    if isinstance(store, StoreSection):
        return section.spool or store.path.with_name(f"{store.path.name}-spool")
    assert section.spool is not None
    return section.spool


def audit_store(database: Database | None) -> StoredAudit | None:
    """Where the audit log is kept."""
    return StoredAudit(database) if database is not None else None


def people(database: Database | None) -> StoredPeople | None:
    """What the database has of users."""
    return StoredPeople(database) if database is not None else None
