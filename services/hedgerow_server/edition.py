"""One configuration at work: all that a reload replaces."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence

import msgspec

from hedgerow_server import late
from hedgerow_server.caching.semantic import Semantic
from hedgerow_server.caching.shelf import Caches, Shelf, lacking
from hedgerow_server.caching.similarity import Similarity, lacking_index
from hedgerow_server.catalogue.book import Catalogue
from hedgerow_server.config.credential import KeySection, keys_of
from hedgerow_server.core.drift import Counts
from hedgerow_server.core.error import ConfigInvalid, CredentialUnavailable, FieldViolation
from hedgerow_server.core.event import Usage
from hedgerow_server.core.secret import RevealNamed, Secret
from hedgerow_server.core.slices import Work, collector_paused, in_slices
from hedgerow_server.core.tokens import text_tokens
from hedgerow_server.core.watch import Watcher
from hedgerow_server.core.webhook import Receiver
from hedgerow_server.credentials.alarm import Alarms
from hedgerow_server.credentials.lease import HeldLease
from hedgerow_server.credentials.sources import CredentialSection, lease
from hedgerow_server.credentials.vault.section import VaultCredential
from hedgerow_server.credentials.vault.server import Vault
from hedgerow_server.doors.serving import Serving
from hedgerow_server.endpoints import embedding, endpoints
from hedgerow_server.guardrails.numbers import GuardNumbers
from hedgerow_server.guardrails.pii import PiiGuard, PiiGuardSection
from hedgerow_server.guardrails.policies import GuardInvalid, GuardSet, Policies
from hedgerow_server.identity.desk import Sources
from hedgerow_server.interceptors.audit import Audit
from hedgerow_server.interceptors.auth import Auth
from hedgerow_server.interceptors.authorise import Authorise
from hedgerow_server.interceptors.cache import Cache
from hedgerow_server.interceptors.chain import Chain
from hedgerow_server.interceptors.deadline import Deadline
from hedgerow_server.interceptors.decode import Decode
from hedgerow_server.interceptors.guardrails import Guards, InputGuards, OutputGuards
from hedgerow_server.interceptors.idempotency import Idempotency
from hedgerow_server.interceptors.internal import personal, question_vectors
from hedgerow_server.interceptors.keeper import Keepers
from hedgerow_server.interceptors.ledger import Bookkeeping
from hedgerow_server.interceptors.quota import Quota
from hedgerow_server.interceptors.request_id import RequestId
from hedgerow_server.interceptors.telemetry import Telemetry
from hedgerow_server.ledger.ledger import Ledger
from hedgerow_server.ledger.query import LedgerReader
from hedgerow_server.ledger.record import AttemptOpened
from hedgerow_server.ledger.rows import Lost
from hedgerow_server.limits.alerts import Alerts
from hedgerow_server.limits.counters import LocalCounters
from hedgerow_server.limits.limiter import Limiter, LimitMemory
from hedgerow_server.limits.rules import groups
from hedgerow_server.paths import paths
from hedgerow_server.pricing.book import PriceBook
from hedgerow_server.pricing.price import Price
from hedgerow_server.pricing.quotes import Quotes, Source
from hedgerow_server.pricing.section import PricingSection
from hedgerow_server.providers import registry
from hedgerow_server.providers.drain import Drainer, drain_caps
from hedgerow_server.providers.google import VertexSection
from hedgerow_server.providers.http.port import Transport
from hedgerow_server.providers.http.web import HttpWeb
from hedgerow_server.providers.section import ProviderSection
from hedgerow_server.routing.build import Builder, Learned
from hedgerow_server.routing.candidate import Candidate, Drain, Key, Upstream, with_keys
from hedgerow_server.routing.pool import PoolPolicy
from hedgerow_server.routing.routes import Routes
from hedgerow_server.routing.section import CandidateSection
from hedgerow_server.routing.state import CandidateState, States
from hedgerow_server.rpc.listing import Listing
from hedgerow_server.rpc.usage import Usage as UsageRpc
from hedgerow_server.settings import Settings, exposed
from hedgerow_server.telemetry import trace
from hedgerow_server.telemetry.baggage import propagated
from hedgerow_server.telemetry.spans import Spans
from hedgerow_server.wire.check import Checker

_FETCH_S = 30.0
"""How long a reload waits for new secrets."""
_DRAINED_AT_ONCE = 100
"""Answers that are read on at once after their callers have left; those beyond are closed."""


class Memory:
    """What outlives every edition: how candidates have been doing, what is switched off, and the call log."""

    def __init__(
        self,
        watchers: Sequence[Watcher],
        checker: Checker,
        sources: Sources | None = None,
        audit: Audit | None = None,
        web: HttpWeb | None = None,
        *,
        keepers: Keepers | None = None,
        ledger: Ledger | None = None,
        reading: LedgerReader | None = None,
        counters: LocalCounters | None = None,
        caches: Caches | None = None,
        reveal: RevealNamed | None = None,
    ) -> None:
        self.checker = checker
        """Holds the compiled rules of the contract, which no configuration changes."""
        self.alarms = Alarms()
        """What is wrong with credentials."""
        self.states = States(watcher=self.alarms)
        self.learned = Learned()
        self.drainer = Drainer(_DRAINED_AT_ONCE)
        self.watchers = watchers
        """What is told of callers' calls."""
        self.operator_watchers: Sequence[Watcher] = watchers
        """What is told of operators' calls."""
        self.inner_watchers: Sequence[Watcher] = ()
        """What is told of calls that the gateway makes itself."""
        self.spans: Spans | None = None
        """What records traces; a watcher, too. None: nothing does."""
        self.sources = sources or Sources()
        self.audit = audit or Audit(None, ())
        self.web = web or HttpWeb()
        """What asks token endpoints."""
        self.keepers = keepers or Keepers(None)
        """Where answers are kept for calls with an idempotency key."""
        self.caches = caches or Caches()
        """Where answers are kept that routes give again."""
        self.similarity = Similarity(self.caches, reveal)
        """What finds those to similar questions."""
        self.personal: Callable[[str], bool] | None = None
        """Finds personal data in them. None: no configuration has needed it yet."""
        self.reveal = reveal or _no_secret
        """The secrets of the configuration that is in force."""
        self.guard_numbers = GuardNumbers()
        """What guards have done."""
        self.limits = LimitMemory(counters)
        """What was taken of quotas and budgets."""
        self.alerts = Alerts()
        """What is still to be told of budgets."""
        self.ledger = ledger
        """What writes down what calls cost. None: nothing does."""
        self.reading = reading
        """What answers questions about that. None as `ledger`."""
        self.news = asyncio.Event()
        """Set when a secret has come or changed: what depends on it should be looked at."""
        self._loop = asyncio.get_running_loop()

    def renewed(self, credential: str) -> None:
        """The secret of a credential has changed. From any thread."""
        # A thread may outlive the loop by a moment.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._renewed, credential)

    def _renewed(self, credential: str) -> None:
        self.states.renewed(credential)
        self.news.set()


class Edition:
    """Everything that is built from one configuration. What a reload leaves as it was goes on from one edition to the
    next: secrets, connections to providers, prices and the catalogue.
    """

    def __init__(
        self,
        settings: Settings,
        memory: Memory,
        catalogue: Catalogue,
        guards: GuardSet,
        before: "Edition | None" = None,
    ) -> None:
        """Without routes: `build_routes` makes them."""
        self.settings = settings
        self.catalogue = catalogue
        self._memory = memory
        same_prices = before is not None and before.settings.pricing == settings.pricing
        self.prices: PriceBook = before.prices if before is not None and same_prices else PriceBook(settings.pricing)
        self.vault = _vault(settings, before)
        self.leases = {name: self._lease(name, section, before) for name, section in settings.credentials.items()}
        self._users: dict[str, set[str]] = {}
        self.reconfigured: list[str] = []
        """Providers whose entries are not those of the edition before."""
        self.desk = memory.sources.desk(settings.identity, lambda name: self.leases[name].current)
        self.upstreams = {name: self._upstream(name, section, before) for name, section in settings.providers.items()}
        self.routes = Routes(())
        self.guards = guards
        self.guards.connect(memory.reveal, memory.web)
        self.limiter = Limiter(groups(settings.quotas, settings.budgets), memory.limits, memory.alerts.tell)
        families = {name: section.family for name, section in settings.providers.items()}
        self._listing = Listing(self.routes, catalogue, families)
        usage = UsageRpc(memory.reading, self._quotes(before), self.limiter.view if self.limiter.limits else None)
        self.serving = Serving(
            self._chain(),
            endpoints(self.routes, memory.checker, self._listing, usage),
            paths(self.routes, memory.checker, self._listing),
        )

    @classmethod
    async def prepare(cls, settings: Settings, memory: Memory, before: "Edition | None" = None) -> "Edition":
        """The edition of a configuration, perhaps to take the place of another, without routes. Files of the
        catalogue are read in a thread. Raises ConfigError for a file that is of no use, ConfigInvalid for a door that
        would stand open: where it listens may be what the start, not this configuration, says.
        """
        lacks = lacking(settings.cache)
        missing = [(("cache", "redis"), lacks)] if lacks else []
        if lacking_index(settings.cache):
            missing.append((("cache", "semantic"), "needs the extra `semantic`"))
        for where, expected in (*exposed(settings), *missing):
            path = ".".join(map(str, where))
            raise ConfigInvalid(f"{path}: {expected}", violations=(FieldViolation(path, expected),), subject=path)
        await asyncio.to_thread(late.load, settings)
        catalogue = await asyncio.to_thread(_catalogue, settings, before)
        if settings.cache.semantic is not None and memory.personal is None:
            memory.personal = personal(await asyncio.to_thread(PiiGuard, PiiGuardSection()))
        try:
            guards = await asyncio.to_thread(_guards, settings, before)
            return cls(settings, memory, catalogue, guards, before)
        except GuardInvalid as error:
            violation = FieldViolation(error.path, error.why)
            raise ConfigInvalid(str(error), violations=(violation,), subject=error.path) from None

    async def build_routes(self) -> None:
        """Makes the routes in slices, so that calls go on meanwhile; then all of them take effect at once."""
        settings = self.settings
        for held in self.leases.values():
            held.on_change = self._memory.renewed
        builder = Builder(self._candidate, self._memory.learned, settings.breaker.max_ejected_share)
        old = self.routes.table
        self.routes.become(await in_slices(builder.work(settings.routes)))
        await in_slices(self._listing.work())
        await in_slices(old.forget())

    async def refresh_catalogue(self) -> None:
        """Reads the files of the catalogue again; where they have changed, routes know it from the next call on."""
        if await asyncio.to_thread(self.catalogue.refresh):
            with collector_paused():
                await self.build_routes()

    def _chain(self) -> Chain:
        settings = self.settings
        guards = Guards(Policies(settings.guardrails, self.guards), self.routes, self._memory.guard_numbers)
        shelf = Shelf(self._memory.caches, settings.cache)
        spans = self._memory.spans
        headers: trace.TraceHeaders = trace.forwarded if spans is None else spans.headers
        if settings.server.opentelemetry:
            headers = trace.instrumented()
        traced = propagated(headers, settings.telemetry)
        return Chain(
            [
                RequestId(),
                Telemetry(self._memory.watchers, traced, spans.shown if spans is not None else None),
                Deadline(settings.deadline.default_seconds, settings.deadline.max_seconds),
                Auth(self.desk.callers),
                Decode(),
                Authorise(),
                Idempotency(self._memory.keepers.of(settings.idempotency), settings.idempotency),
                Quota(self.limiter, self.routes),
                *([Bookkeeping(self._memory.ledger)] if self._memory.ledger is not None else []),
                InputGuards(guards),
                Cache(shelf, self._memory.caches.flights, self.routes, self._similar(shelf)),
                OutputGuards(guards),
            ]
        )

    def _similar(self, shelf: Shelf) -> Semantic | None:
        """What finds answers to similar questions, with vectors through a route of the gateway's own."""
        section, memory = self.settings.cache, self._memory
        if section.semantic is None:
            return None
        embed = question_vectors(
            section.semantic,
            self.limiter,
            self.routes,
            memory.ledger,
            embedding(self.routes),
            watchers=memory.inner_watchers,
        )
        return memory.similarity.of(section, shelf, embed, memory.personal)

    def admin_chain(self) -> Chain:
        """What every call of an operator passes."""
        settings = self.settings
        return Chain(
            [
                RequestId(),
                Telemetry(self._memory.operator_watchers, trace.forwarded),
                Deadline(settings.deadline.default_seconds, settings.deadline.max_seconds),
                self._memory.audit,
                Auth(self.desk.operators),
                Decode(),
            ]
        )

    def _upstream(self, name: str, section: ProviderSection, before: "Edition | None") -> Upstream:
        keys = keys_of(section.credential)
        self._note_user(name, keys)
        held = self.leases[keys[0].name] if keys else None
        same_network = before is not None and before.settings.egress == self.settings.egress
        if before is not None and same_network and before.settings.providers.get(name) == section:
            return msgspec.structs.replace(before.upstreams[name], lease=held)
        one = upstream(name, section, held, registry.transport(section, self.settings.egress.nat64))
        self.reconfigured.append(name)
        caps = drain_caps(section)
        return one if caps is None else msgspec.structs.replace(one, drain=Drain(self._memory.drainer, caps))

    def _candidate(self, section: CandidateSection, model: str) -> Candidate:
        one, provider = self.upstreams[section.provider], self.settings.providers[section.provider]
        keys = keys_of(section.credential) or keys_of(provider.credential)
        self._note_user(one.name, keys)
        facts = self.catalogue.facts(provider.family, model)
        candidate = Candidate(
            upstream=one,
            model=model,
            state=self._state(one.name, keys[0].name if keys else "", model, section.region),
            region=section.region,
            lease=self.leases[keys[0].name] if keys else None,
            dimensions=section.dimensions or (facts.dimensions if facts is not None else None),
            weight=section.weight,
            first_token_timeout_s=section.first_token_timeout_seconds,
            facts=facts,
            price=self._price(provider, one.name, (facts.price if facts is not None else "") or model, section.region),
            vector_space=section.vector_space,
            model_family=section.model_family,
        )
        if len(keys) < 2:
            return candidate
        return with_keys(candidate, [self._key(one.name, key, model, section.region) for key in keys])

    def _key(self, provider: str, key: KeySection, model: str, region: str) -> Key:
        return Key(self.leases[key.name], self._state(provider, key.name, model, region), key.weight)

    def _state(self, provider: str, credential: str, model: str, region: str) -> CandidateState:
        states, limits = self._memory.states, self.settings.providers[provider].rate_limits
        state = states.of(provider, credential, model, region)
        policy = None
        if limits is not None:
            several = self.settings.identity.authenticates
            policy = PoolPolicy(limits.requests_per_minute, limits.tokens_per_minute, limits.learn, several)
        state.pool = states.pool(provider, credential, model, policy)
        return state

    def _note_user(self, provider: str, keys: tuple[KeySection, ...]) -> None:
        for key in keys:
            self._users.setdefault(key.name, set()).add(provider)

    def _price(self, provider: ProviderSection, name: str, model: str, region: str) -> Price | None:
        # A Vertex AI endpoint says where it is; elsewhere that is what the route says.
        where = provider.location if isinstance(provider, VertexSection) else region
        return self.prices.price(provider.family or "", model, where, name)

    def lost(self, opened: AttemptOpened) -> Lost:
        """What an attempt whose end nobody saw has probably cost: its input, which the provider had. For any thread."""
        usage = Usage(input_uncached_tokens=text_tokens(opened.request_bytes), estimated=True, final=True)
        provider = self.settings.providers.get(opened.provider)
        if provider is None:
            return Lost(usage, None, "")
        facts = self.catalogue.facts(provider.family, opened.model)
        model = (facts.price if facts is not None else "") or opened.model
        price = self._price(provider, opened.provider, model, opened.region)
        if price is None:
            return Lost(usage, None, "")
        return Lost(usage, price.cost(usage, opened.start_unix_s), price.version)

    def _quotes(self, before: "Edition | None") -> Quotes:
        """Prices for questions about what was spent."""
        self.listed: PriceBook = before.listed if before is not None else PriceBook(PricingSection())
        sources = {
            name: Source(one.family or "", one.location if isinstance(one, VertexSection) else None)
            for name, one in self.settings.providers.items()
        }

        # Not the edition itself: it must be free once nobody serves it.
        catalogue = self.catalogue

        def alias(family: str, model: str) -> str:
            facts = catalogue.facts(family, model)
            return (facts.price if facts is not None else "") or model

        return Quotes(self.prices, self.listed, sources, alias)

    async def refresh_leases(self) -> None:
        """Fetches every secret anew that does not come by itself, each in a thread: a slow source holds up no other."""
        held = list(self.leases.values())
        changed = await asyncio.gather(*(one.renew() for one in held))
        for one in (one for one, fresh in zip(held, changed, strict=True) if fresh):
            self._memory.states.renewed(one.name)

    def source(self, credential: str) -> str:
        """Where the secret of a credential comes from, as the configuration says it."""
        return self.settings.credentials[credential].source

    def users(self, credential: str) -> list[str]:
        """The providers that are called with a credential, sorted."""
        return sorted(self._users.get(credential, ()))

    async def fetch_new(self, before: "Edition") -> list[str]:
        """Fetches the secrets that the edition before does not have; returns the names of their credentials. Raises
        CredentialUnavailable for one that is not to be had, unless that edition has none under this name either.
        """
        new = [held for name, held in self.leases.items() if before.leases.get(name) is not held]
        fetching = [asyncio.create_task(held.renew()) for held in new]
        if fetching:
            await asyncio.wait(fetching, timeout=_FETCH_S)
        for held in new:
            old = before.leases.get(held.name)
            if not held.ready and (old is None or old.ready):
                raise CredentialUnavailable(
                    f"The credential {held.name!r} of the new configuration is not available: {held.problem}.",
                    metadata={"credential": held.name},
                )
        return [held.name for held in new]

    @property
    def webhook(self) -> Receiver | None:
        """Where alerts go."""
        section = self.settings.alerts.webhook
        if section is None:
            return None
        signs = self.leases[section.secret].current
        return Receiver(section.url, self._memory.web, section.reach, signs, timeout_s=section.timeout_seconds)

    def problems(self) -> list[str]:
        """Why calls should not come here."""
        return [f"credential {name}: {held.problem}" for name, held in self.leases.items() if not held.ready]

    def drift(self) -> dict[str, Counts]:
        """What came of each provider that is not known, counted since its section was loaded."""
        return {name: one.dialect.drift.counts() for name, one in sorted(self.upstreams.items())}

    def forget(self) -> Work[None]:
        """Lets go of the routes, a few at a time. No call may come any more."""
        yield from self.routes.table.forget()
        yield from self._listing.forget()
        yield from forget(self.settings)

    async def close(self, after: "Edition | None" = None) -> None:
        """Closes the connections to the providers and lets go of the secrets, but for those that the edition after it
        has taken over.
        """
        kept = {id(one.transport) for one in after.upstreams.values()} if after is not None else set()
        for one in self.upstreams.values():
            if id(one.transport) not in kept:
                await one.transport.close()
        await self.guards.close(after.guards if after is not None else None)
        for name, held in self.leases.items():
            if after is None or after.leases.get(name) is not held:
                held.close()
        if self.vault is not None and (after is None or after.vault is not self.vault):
            await asyncio.to_thread(self.vault.close)

    def _lease(self, name: str, section: CredentialSection, before: "Edition | None") -> HeldLease:
        same_vault = not isinstance(section, VaultCredential) or (before is not None and before.vault is self.vault)
        if before is not None and before.settings.credentials.get(name) == section and same_vault:
            return before.leases[name]
        return lease(name, section, self._memory.web, self.vault)


def forget(settings: Settings) -> Work[None]:
    """Lets go of the routes' sections, a few at a time: to free thousands at once holds up the calls."""
    while settings.routes:
        settings.routes.popitem()
        yield 2


def _catalogue(settings: Settings, before: Edition | None) -> Catalogue:
    """The catalogue with what the providers need of it. Blocks on files."""
    same = before is not None and before.settings.catalogue == settings.catalogue
    catalogue = before.catalogue if before is not None and same else Catalogue(settings.catalogue.files)
    catalogue.load(section.family for section in settings.providers.values())
    return catalogue


def _guards(settings: Settings, before: Edition | None) -> GuardSet:
    """The guards that look in this process, and who has which. Blocks on files and on patterns."""
    routes = settings.routes.items()
    return GuardSet(
        settings.guardrails,
        before.guards if before is not None else None,
        routes={name: one.guardrails for name, one in routes if one.guardrails is not None},
        beside=[name for name, one in routes if one.guardrails_beside],
    )


def _no_secret(credential: str) -> Secret:
    raise CredentialUnavailable("The credential is not there.", metadata={"credential": credential})


def _vault(settings: Settings, before: Edition | None) -> Vault | None:
    if before is not None and before.settings.vault == settings.vault:
        return before.vault
    return Vault(settings.vault) if settings.vault is not None else None


def upstream(name: str, section: ProviderSection, held: HeldLease | None, transport: Transport) -> Upstream:
    """A provider as its section describes it, on a transport."""
    return Upstream(
        name=name,
        dialect=registry.dialect(name, section),
        transport=transport,
        lease=held,
        first_token_timeout_s=section.first_token_timeout_seconds,
        idle_timeout_s=section.idle_timeout_seconds,
    )
