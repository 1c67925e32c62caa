"""What is written of one call, and when: before each attempt, and when the call ends."""

import random
import time

import msgspec

from hedgerow_server.core.call import Call, Cause, Kind, Outcome
from hedgerow_server.core.error import LedgerUnavailable
from hedgerow_server.core.event import AttemptKind, AttemptOutcome, AttemptRecord, Usage, added
from hedgerow_server.core.request import ChatRequest, EmbedRequest
from hedgerow_server.ledger.codec import encoded
from hedgerow_server.ledger.guards import guard_rows
from hedgerow_server.ledger.record import AttemptClosed, AttemptOpened, CallClosed, CallOpened, Record, Who
from hedgerow_server.ledger.rows import CHARGED, OVERHEAD, account
from hedgerow_server.ledger.spool import Spool

RETRY_S = 1.0
"""When a caller that was refused may come back: by then the disk was tried again."""
_CHANGING = 64
"""The newest attempts of a call, of which something may still change."""
_NOBODY = Who()
_A_CALLER = Cause("", "")
_NOT_ASKED = "", 0
# A member of an enumeration takes longer to look up than to compare.
_UNARY, _SUCCEEDED, _HEDGE = Kind.UNARY, AttemptOutcome.SUCCEEDED, AttemptKind.HEDGE


class CallBooks:
    """The books of one call. Every write is one frame: what is in it is there as a whole or not at all."""

    __slots__ = (
        "_asked",
        "_call",
        "_call_id",
        "_cause",
        "_changed",
        "_closed",
        "_final",
        "_kept",
        "_labels",
        "_method",
        "_route",
        "_spool",
        "_start_unix_s",
        "_stream",
        "_who",
    )

    def __init__(self, call: Call, spool: Spool, request: ChatRequest | EmbedRequest) -> None:
        """Gives the call its id. Writes nothing yet."""
        self._call: Call | None = call
        self._spool = spool
        self._start_unix_s = start_unix_s = time.time() - time.monotonic() + call.started_s
        call.call_id = self._call_id = new_id(start_unix_s)
        self._cause = call.cause or _A_CALLER
        principal = call.principal
        self._who = (
            _NOBODY
            if principal is None
            else Who(principal.tenant, principal.team, principal.user, principal.service, principal.key_id)
        )
        self._method = call.method.name.rpartition(".")[2]
        self._stream = call.method.kind is not _UNARY
        self._route = request.spec.model
        self._labels = request.labels
        self._asked: dict[int, tuple[str, int]] = {}  # what is only known when an attempt is opened
        self._changed: dict[int, AttemptRecord] = {}  # not written yet
        self._closed: dict[int, AttemptRecord] = {}
        self._kept: Sums | None = None  # of those that were forgotten
        self._final: CallClosed | None = None

    @property
    def settled(self) -> bool:
        """Whether the end of the call is written."""
        return self._final is not None

    def open(self, record: AttemptRecord, *, credential: str, request_bytes: int) -> None:
        """An attempt is about to be sent. Raises LedgerUnavailable where that cannot be written."""
        call = self._call
        if call is None:
            # It is over: nobody would settle what this comes to.
            raise unavailable()
        records: list[Record] = []
        if not self._asked and not self._closed:
            records.append(
                CallOpened(
                    call_id=call.call_id,
                    request_id=call.request_id,
                    who=self._who,
                    labels=self._labels,
                    method=self._method,
                    route=self._route,
                    stream=self._stream,
                    start_unix_s=self._start_unix_s,
                    caused_by=self._cause.call_id,
                    purpose=self._cause.purpose,
                )
            )
        elif self._changed:
            records += self._changes()
        records.append(
            AttemptOpened(
                call_id=call.call_id,
                number=record.number,
                provider=record.provider,
                model=record.model,
                region=record.region,
                credential=credential,
                kind=record.kind.value,
                start_unix_s=record.start_unix_s,
                request_bytes=request_bytes,
            )
        )
        if not self._spool.append(encoded(records), hold=False):
            raise unavailable()
        if self._changed:
            self._changed.clear()
        self._asked[record.number] = credential, request_bytes

    def close(self, record: AttemptRecord) -> None:
        """An attempt has ended, or what is known of it has changed since."""
        self._changed[record.number] = self._closed[record.number] = record
        if len(self._closed) > _CHANGING:
            self._forget(min(self._closed))
        if self._final is not None:
            # The call is over, and its sums are others now.
            sums = self._sums()
            self._final = msgspec.structs.replace(
                self._final,
                usage=sums.usage,
                cost_picos=sums.charged_picos + sums.overhead_picos,
                charged_picos=sums.charged_picos,
                overhead_picos=sums.overhead_picos,
                unpriced_attempts=sums.unpriced,
                price_version=sums.price_version,
            )
            self._spool.append(encoded([*self._changes(), self._final]))
            self._changed.clear()

    def settle(self, outcome: Outcome) -> int:
        """The call is over; returns the number that Spool.synced takes."""
        self._final = self._told(outcome)
        records = self._changes()
        records.append(self._final)
        self._changed.clear()
        return self._spool.append(encoded(records))

    def let_go(self) -> None:
        """Nothing but attempts of the call changes any more, and it is not asked again: as a circle the two, and all
        that the call has, would wait for the collector.
        """
        self._call = None

    def _changes(self) -> list[Record]:
        found: list[Record] = []
        for number, record in self._changed.items():
            usage, picos = record.usage, record.cost_picos
            credential, request_bytes = self._asked.get(number, _NOT_ASKED)
            found.append(
                AttemptClosed(
                    call_id=self._call_id,
                    credential=credential,
                    request_bytes=request_bytes,
                    record=record,
                    cost_picos=picos if usage is not None else picos or 0,
                    account=account(record.outcome, usage, picos),
                )
            )
        return found

    def _forget(self, number: int) -> None:
        """An attempt of which nothing changes any more: only its part of the sums is kept."""
        if number not in self._changed:
            kept = self._kept = self._kept or Sums()
            kept.add(Sums.of(self._closed.pop(number)))
            self._asked.pop(number, None)

    def _sums(self) -> "Sums":
        """What all attempts add up to."""
        if len(self._closed) == 1 and self._kept is None:
            (record,) = self._closed.values()
            return Sums.of(record)
        sums = Sums() if self._kept is None else msgspec.structs.replace(self._kept)
        for record in self._closed.values():
            sums.add(Sums.of(record))
        return sums

    def _told(self, outcome: Outcome) -> CallClosed:
        """The call's record."""
        call, error, sums = self._call, outcome.error, self._sums()
        assert call is not None
        total_s = time.monotonic() - call.started_s
        last, first_token_s = self._answered(), None
        if last is not None and last.first_token_s is not None:
            first_token_s = max(0.0, last.start_unix_s - self._start_unix_s) + last.first_token_s
        return CallClosed(
            call_id=call.call_id,
            request_id=call.request_id,
            who=self._who,
            labels=self._labels,
            method=self._method,
            route=self._route,
            stream=self._stream,
            start_unix_s=self._start_unix_s,
            provider="" if last is None else last.provider,
            model="" if last is None else last.model,
            region="" if last is None else last.region,
            code="OK" if error is None else error.code,
            reason="" if error is None else error.reason,
            usage=sums.usage,
            cost_picos=sums.charged_picos + sums.overhead_picos,
            charged_picos=sums.charged_picos,
            overhead_picos=sums.overhead_picos,
            unpriced_attempts=sums.unpriced,
            price_version=sums.price_version,
            hedged=sums.hedged,
            queue_s=call.queue_s,
            auth_s=call.auth_s,
            guardrail_s=call.guardrail_s,
            guards=guard_rows(call) if call.guard_times else (),
            connect_s=None if last is None else last.connect_s,
            first_token_s=first_token_s,
            total_s=total_s,
            gateway_s=_gateway_s(call, total_s),
            cache=call.cache,
            saved_picos=call.saved_picos,
            attempts=call.attempts_started,
            downgraded_from=call.downgraded_from,
            warnings=tuple([one.code.name for one in call.warnings]) if call.warnings else (),
            why=call.why,
            caused_by=self._cause.call_id,
            purpose=self._cause.purpose,
        )

    def _answered(self) -> AttemptRecord | None:
        """The attempt that succeeded, or else the last one."""
        last: AttemptRecord | None = None
        for record in self._closed.values():
            if record.outcome is _SUCCEEDED:
                return record
            last = record
        return last


def _gateway_s(call: Call, total_s: float) -> float:
    """What was before the first attempt and after the last one."""
    attempts = call.attempts
    own_s = total_s - call.queue_s - call.guardrail_s
    if len(attempts) == 1:
        own_s -= attempts[0].total_s
    elif attempts:
        own_s -= max([one.start_unix_s + one.total_s for one in attempts]) - attempts[0].start_unix_s
    return max(0.0, own_s)


class Sums(msgspec.Struct):
    """What attempts add up to."""

    usage: Usage | None = None
    charged_picos: int = 0
    overhead_picos: int = 0
    unpriced: int = 0
    price_version: str = ""
    hedged: bool = False

    @classmethod
    def of(cls, record: AttemptRecord) -> "Sums":
        """Those of one attempt."""
        usage, picos = record.usage, record.cost_picos
        pays = account(record.outcome, usage, picos)
        charged = pays is CHARGED
        return cls(
            usage if charged else None,
            picos or 0 if charged else 0,
            picos or 0 if pays is OVERHEAD else 0,
            1 if picos is None and usage is not None else 0,
            record.price_version,
            record.kind is _HEDGE,
        )

    def add(self, other: "Sums") -> None:
        """Adds the sums of further attempts, which came later."""
        if other.usage is not None:
            self.usage = other.usage if self.usage is None else added(self.usage, other.usage)
        self.charged_picos += other.charged_picos
        self.overhead_picos += other.overhead_picos
        self.unpriced += other.unpriced
        self.price_version = other.price_version or self.price_version
        self.hedged = self.hedged or other.hedged


def unavailable() -> LedgerUnavailable:
    """What a caller is told whose call cannot be written down."""
    return LedgerUnavailable("What the call costs cannot be written down now.", retry_delay_s=RETRY_S)


def new_id(now_unix_s: float) -> str:
    """A UUID of version 7 (RFC 9562) without its hyphens."""
    # The dice are there to be unique, not to be secret.
    return (int(now_unix_s * 1000) << 80 | _VERSION_7 | random.getrandbits(76) & _DICE).to_bytes(16, "big").hex()


_VERSION_7 = 7 << 76 | 1 << 63
"""The version, and the variant of all UUIDs of that RFC."""
_DICE = (1 << 76) - 1 ^ 3 << 62
"""The bits that are nobody's: 12 between version and variant, and 62 behind."""
