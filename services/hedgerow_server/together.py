"""What the workers of a router do in common: the same configuration, switches, keys and erasures in all, one page of
numbers. Any of them may begin; operators come to the one that serves the admin doors.
"""

import logging
import pickle
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import msgspec
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from hedgerow_server.core.erasure import Eraser, EraseUserRequest
from hedgerow_server.core.error import (
    ConfigInvalid,
    CredentialUnavailable,
    FieldViolation,
    HedgerowError,
    Internal,
)
from hedgerow_server.core.slices import Work, in_slices
from hedgerow_server.edition import Memory
from hedgerow_server.history import Kept, Memo
from hedgerow_server.reloader import Reloader
from hedgerow_server.routing.kill import Switch
from hedgerow_server.settings import Settings
from hedgerow_server.telemetry.merging import Family, Sample, merging, packed, unpacked
from hedgerow_server.telemetry.metrics import Metrics
from hedgerow_server.workers import words
from hedgerow_server.workers.member import Member
from hedgerow_server.workers.words import Said, WorkerState

_log = logging.getLogger(__name__)
_SAMPLES = 8
"""Samples that are about a unit of work."""
_PREPARE, _DROP, _COMMIT = "prepare", "drop", "commit"
_SWITCHES, _KEYS, _CREDENTIAL, _ERASE = "switches", "keys", "credential", "erase"


class Joined(msgspec.Struct, frozen=True):
    """How a worker joins the others."""

    member: Member
    loaded: Settings
    """The configuration in force as its file says it: without what takes effect only with a restart."""
    memo: Memo | None
    """What the others say of it. None: it is that of the start."""


class _Refusal(msgspec.Struct, frozen=True):
    """Why a worker cannot make ready for a configuration."""

    reason: str
    message: str
    metadata: dict[str, str]
    violations: tuple[FieldViolation, ...]
    subject: str


class Together:
    """Tells the others what has changed here, and does here what they tell. On the event loop."""

    def __init__(
        self, member: Member, reloader: Reloader, memory: Memory, metrics: Metrics, erasers: Mapping[str, Eraser]
    ) -> None:
        self._member = member
        self._reloader = reloader
        self._memory = memory
        self._metrics = metrics
        self._erasers = erasers
        reloader.others = self
        metrics.together = self._pages
        if memory.sources.book is not None:
            memory.sources.book.spread = self._spread_keys
        answers: dict[str, Callable[[bytes], Awaitable[bytes]]] = {
            words.NUMBERS: self._numbers,
            _PREPARE: self._prepare,
            _DROP: self._drop,
            _COMMIT: self._commit,
            _SWITCHES: self._switch,
            _KEYS: self._look_at_keys,
            _CREDENTIAL: self._fetch,
            _ERASE: self._erase,
        }
        for name, answer in answers.items():
            member.answer(name, answer)

    async def enter(self) -> None:
        """Takes over what has changed since this worker was started, and hears of all changes from now on."""
        kept = await self._member.enter()
        if words.SWITCHES in kept:
            self._memory.learned.kills.become(_switches(kept[words.SWITCHES]))
        if words.CONFIG in kept:
            await self._take(kept[words.CONFIG])
        self._member.caught_up()

    async def take_the_floor(self) -> None:
        """This worker serves the admin doors from now on: whoever did may have ended between two words."""
        memo = await self._member.ask(words.KEPT, words.CONFIG.encode())
        if memo:
            await self._take(memo)
            _told("a configuration", await self._member.ask_all(_COMMIT, self._reloader.state.config_hash.encode()))

    async def spread_switches(self) -> None:
        """All workers have the switches of this one. Raises Internal where one has not."""
        content = msgspec.msgpack.encode(self._memory.learned.kills.all())
        await self._member.keep(words.SWITCHES, content)
        refused = _told("a switch", await self._member.ask_all(_SWITCHES, content))
        if refused:
            raise Internal(f"Worker {refused[0].index} has not taken over the switch; the log tells why.")

    async def spread_credential(self, name: str) -> None:
        """All workers fetch a credential. What one cannot fetch is a problem of its own, which /readyz tells."""
        _told("a credential", await self._member.ask_all(_CREDENTIAL, name.encode()))

    def erasing(self) -> Mapping[str, Eraser]:
        """What keeps something of users, in all workers."""
        return {name: _Everywhere(name, one, self._member) for name, one in self._erasers.items()}

    async def prepare(self, entry: Kept, *, back: bool) -> None:
        """See `reloader.Others`."""
        for said in await self._member.ask_all(_PREPARE, pickle.dumps((entry, back))):
            if not said.ok:
                _log.error("worker %d cannot take a configuration: %s", said.index, said.content.decode())
                raise Internal(f"Worker {said.index} has a fault; its log tells more.")
            if said.content:
                raise _error(said)

    async def drop(self) -> None:
        """See `reloader.Others`."""
        await self._member.ask_all(_DROP)

    async def commit(self, entry: Kept, memo: Memo) -> None:
        """See `reloader.Others`."""
        await self._member.keep(words.CONFIG, pickle.dumps(memo))
        drain_s = self._reloader.edition.settings.server.drain_seconds
        await self._member.keep(words.DRAIN_S, msgspec.msgpack.encode(drain_s))
        # Whoever has not, is brought up to it by what is kept, or started again.
        _told("a configuration", await self._member.ask_all(_COMMIT, entry.hash.encode()))

    async def _spread_keys(self) -> None:
        # They ask the store every second in any case.
        _told("keys", await self._member.ask_all(_KEYS))

    async def _take(self, content: bytes) -> None:
        """Puts in force what the others have in force, where that is something else."""
        memo: Memo = pickle.loads(content)  # noqa: S301  our own process wrote it
        digest = memo.state.config_hash
        if self._reloader.state.config_hash != digest:
            await self._reloader.prepare(memo.history.now, back=False)
            await self._reloader.commit(digest)
        self._reloader.adopt(memo)

    async def _numbers(self, content: bytes) -> bytes:
        return packed(await in_slices(_told_of(self._metrics)))

    async def _prepare(self, content: bytes) -> bytes:
        entry, back = pickle.loads(content)  # noqa: S301  as above
        try:
            await self._reloader.prepare(entry, back=back)
        except HedgerowError as error:
            return pickle.dumps(_Refusal(error.reason, error.message, error.metadata, error.violations, error.subject))
        return b""

    async def _drop(self, content: bytes) -> bytes:
        await self._reloader.drop()
        return b""

    async def _commit(self, content: bytes) -> bytes:
        if not await self._reloader.commit(content.decode()):
            # It came, or was asked, a moment too late to make ready.
            await self._take(await self._member.ask(words.KEPT, words.CONFIG.encode()))
        return b""

    async def _switch(self, content: bytes) -> bytes:
        self._memory.learned.kills.become(_switches(content))
        return b""

    async def _look_at_keys(self, content: bytes) -> bytes:
        if self._memory.sources.book is not None:
            await self._memory.sources.book.refresh()
        return b""

    async def _fetch(self, content: bytes) -> bytes:
        name = content.decode()
        held = self._reloader.edition.leases.get(name)
        if held is not None:
            await held.fetch_again()
            self._memory.states.renewed(name)
        return b""

    async def _erase(self, content: bytes) -> bytes:
        name, who = msgspec.msgpack.decode(content, type=tuple[str, EraseUserRequest])
        return msgspec.msgpack.encode(await self._erasers[name].erase(who.tenant, who.user))

    async def _pages(self) -> list[Metric]:
        own = await in_slices(_told_of(self._metrics))
        pages = await self._member.pages(packed(own))
        told = [own, *(unpacked(page) for page in (*pages.living, pages.gone) if page)]
        whole = await in_slices(merging(told))
        return await in_slices(_metrics(whole, pages.fleet))


class _Everywhere:
    """An Eraser in all workers. What they share is empty when the second one comes to it."""

    def __init__(self, name: str, here: Eraser, member: Member) -> None:
        self._name = name
        self._here = here
        self._member = member

    async def erase(self, tenant: str, user: str) -> int:
        """Erases, and tells how many things that were. Raises StoreUnavailable, and Internal where a worker fails."""
        erased = await self._here.erase(tenant, user)
        content = msgspec.msgpack.encode((self._name, EraseUserRequest(tenant, user)))
        said = await self._member.ask_all(_ERASE, content)
        refused = _told("an erasure", said)
        if refused:
            raise Internal(f"Worker {refused[0].index} has not erased all of the user; the log tells why.")
        return erased + sum(msgspec.msgpack.decode(one.content, type=int) for one in said if one.content)


def _switches(content: bytes) -> list[Switch]:
    return msgspec.msgpack.decode(content, type=list[Switch])


def _told(what: str, said: Iterable[Said]) -> list[Said]:
    """Those who could not do what they were asked, once the log has them."""
    refused = [one for one in said if not one.ok]
    for one in refused:
        _log.error("worker %d has not taken over %s: %s", one.index, what, one.content.decode())
    return refused


def _error(said: Said) -> HedgerowError:
    told: _Refusal = pickle.loads(said.content)  # noqa: S301  our own process wrote it
    known: dict[str, type[HedgerowError]] = {one.reason: one for one in (ConfigInvalid, CredentialUnavailable)}
    given: dict[str, Any] = {"metadata": told.metadata, "violations": told.violations, "subject": told.subject}
    return known.get(told.reason, Internal)(f"worker {said.index}: {told.message}", **given)


def _told_of(metrics: Metrics) -> Work[list[Family]]:
    """The numbers of this process, for another one."""
    found: list[Family] = []
    for metric in metrics.metrics():
        samples = [Sample(one.name, one.labels, float(one.value)) for one in metric.samples]
        found.append(Family(metric.name, metric.type, metric.documentation, samples))
        yield len(samples) // _SAMPLES + 1
    return found


def _metrics(families: list[Family], fleet: list[WorkerState]) -> Work[list[Metric]]:
    """Families as Prometheus's client has them, and what the supervisor knows."""
    found: list[Metric] = []
    for family in families:
        metric = Metric(family.name, family.text, family.kind)
        for sample in family.samples:
            metric.add_sample(sample.name, sample.labels, sample.value)
        found.append(metric)
        yield len(family.samples) // _SAMPLES + 1
    return [*found, *worker_numbers(fleet)]


def worker_numbers(fleet: Iterable[WorkerState]) -> tuple[Metric, Metric]:
    """What the supervisor knows of workers."""
    text = "Whether a worker takes calls."
    serving = GaugeMetricFamily("hedgerow_worker_serving", text, labels=("worker",))
    text = "How often a worker was started again since it had ended by itself."
    restarts = CounterMetricFamily("hedgerow_worker_restarts", text, labels=("worker",))
    for one in fleet:
        serving.add_metric((str(one.index),), float(one.serving))
        restarts.add_metric((str(one.index),), one.restarts)
    return serving, restarts
