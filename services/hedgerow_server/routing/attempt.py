"""One upstream request: sent, read, timed and recorded."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Mapping

from hedgerow_server.core.call import Call
from hedgerow_server.core.clock import Clock
from hedgerow_server.core.error import (
    Failure,
    HedgerowError,
    Internal,
    ParameterUnsupported,
    StreamCut,
    StreamStalled,
    UpstreamProtocol,
)
from hedgerow_server.core.event import (
    AttemptKind,
    AttemptOutcome,
    AttemptRecord,
    EmbeddingsAdded,
    Event,
    Finished,
    Started,
    Usage,
    Warning,
    WarningCode,
    coalesce,
)
from hedgerow_server.core.port import Operation, Prepared, Reader
from hedgerow_server.core.request import ChatSpec, EmbedSpec, RoutePolicy
from hedgerow_server.core.secret import Secret
from hedgerow_server.providers.drain import worth_draining
from hedgerow_server.providers.http.port import GarbledError, Response, UnreachableError
from hedgerow_server.routing.broken import broken_off, silent
from hedgerow_server.routing.candidate import Candidate, Drain
from hedgerow_server.routing.limits import Limits
from hedgerow_server.routing.tally import Tally

_LEFT = (AttemptOutcome.CANCELLED, AttemptOutcome.HEDGE_LOST)
_ERROR_BODY_BYTES = 65_536
_ERROR_BODY_S = 5
_REFUSED = 400
"""From this status on an answer is a refusal, for which nobody bills."""
_CUTTING = (Failure.TRANSIENT, Failure.RATE, Failure.KEY)
_REQUEST_ID_HEADERS = ("x-request-id", "request-id", "apim-request-id")
_REQUEST_ID_CHARS = 128
_REQUEST_ID = re.compile(r"[!-~]{1,128}")
_REQUEST_ID_ECHO_CHARS = 8


class Attempt:
    """Asks one candidate once. `next` gives what arrives, in the groups in which it arrived."""

    def __init__(
        self,
        call: Call,
        candidate: Candidate,
        spec: ChatSpec | EmbedSpec,
        policy: RoutePolicy,
        *,
        stream: bool,
        kind: AttemptKind,
        limits: Limits,
    ) -> None:
        """Builds the request. Raises what the dialect says of the spec, ParameterUnsupported or CredentialUnavailable;
        nothing is sent or recorded before `next`.
        """
        upstream = candidate.upstream
        secret = self.secret = candidate.lease.current() if candidate.lease is not None else None
        self._prepared = upstream.dialect.build(spec, stream=stream, model=candidate.model, secret=secret)
        if policy.require_parameters:
            _require(self._prepared, upstream.name)
        self._call = call
        self._candidate = candidate
        self._operation = Operation.CHAT if isinstance(spec, ChatSpec) else Operation.EMBED
        self._stream = stream
        self._first_token_timeout_s = limits.first_token_s
        self._idle_timeout_s = limits.idle_s
        self._clock = Clock()
        self._tally = Tally(spec)
        self._response: Response | None = None
        self._open: Reader | None = None
        self._last_word = False  # the provider has nothing more to say
        self._read_any = False  # something came that could be an answer
        self._asked = len(spec.inputs) if isinstance(spec, EmbedSpec) else 0
        self._vectors = 0
        self._started_s = 0.0
        self._quiet_s = 0.0  # waited since the last content; the caller's own pauses do not count
        self.kind = kind
        self.record: AttemptRecord | None = None
        self.hedge_delays_s: tuple[float, float] | None = None
        """Of a hedged attempt: how long after the first one it was to start, and how long it really was."""
        self.read_on = False
        """Whether its answer is read on for its usage, though nobody waits for it any more."""
        self.on_counted: Callable[[], None] | None = None
        """To be told once when what it came to is known better."""
        self._let_go = False  # it is over, and nothing of it is held any more

    @property
    def warnings(self) -> tuple[Warning, ...]:
        """What the provider is not asked exactly as the caller wished."""
        return self._prepared.warnings

    @property
    def number(self) -> int:
        """Its number within the call, 0 before it has begun."""
        return self.record.number if self.record is not None else 0

    @property
    def open_ended(self) -> bool:
        """Whether its answer is read on for its usage, or may yet be, though nobody waits for it any more."""
        if self.read_on:
            return True
        ended = self._let_go or self._last_word
        return not ended and self.record is not None and self.record.outcome in _LEFT and self._drain() is not None

    def stop(self, outcome: AttemptOutcome) -> None:
        """Closes the record of an attempt that goes on no further. Whoever is in `next` ends it as well."""
        record = self.record
        if record is not None and record.outcome is None:
            record.outcome = outcome
            self._close(record)
        elif record is not None and outcome is AttemptOutcome.HEDGE_LOST and record.outcome is AttemptOutcome.SUCCEEDED:
            # Whole, in the same moment as the winner's: a call has one answer.
            record.outcome = outcome
            self._changed(record)

    def replaced(self) -> None:
        """Another answer has taken the place of this one, which was cut."""
        if self.record is not None:
            self.record.outcome = AttemptOutcome.REPLACED
            self._changed(self.record)

    def _write_down(self, record: AttemptRecord) -> None:
        """Before anything is sent, so that nothing is that the books do not have. Raises LedgerUnavailable."""
        books, lease = self._call.books, self._candidate.lease
        if books is not None:
            name = lease.name if lease is not None else ""
            books.open(record, credential=name, request_bytes=len(self._prepared.request.body))

    def _changed(self, record: AttemptRecord) -> None:
        if self._call.books is not None:
            self._call.books.close(record)

    async def next(self) -> list[Event]:
        """The next of the dialect's events, those that arrived together; the last one of all is Finished. The first
        time sends the request. With Finished, and with whatever this raises, the attempt is over and its record
        complete. Raises HedgerowError.
        """
        record = self.record or self._begin()
        try:
            response = self._response or await self._send(record)
            reader = self._open = self._open or self._reader(response)
            events: list[Event] = []
            while not events:
                if reader.done:
                    data = b""
                else:
                    since_s = time.monotonic()
                    self._bound(since_s)
                    data = await response.read()
                    self._clock.stop()
                if not data:
                    events = reader.finish()
                    break
                self._read_any = True
                events = reader.feed(data)
                if not events:
                    self._quiet_s += time.monotonic() - since_s
            if len(events) > 1:
                events = coalesce(events)
            self._note(events, record)
        except (HedgerowError, UnreachableError, TimeoutError) as error:
            raise self._failed(error, record) from None
        except BaseException as error:
            if isinstance(error, asyncio.CancelledError) and self._clock.timed_out():
                raise self._failed(TimeoutError(), record) from None
            if isinstance(error, Exception):
                self._fail(record, Internal.reason)
            self.close()
            raise
        if self._last_word:
            self.close()
        return events

    def close(self) -> None:
        """Ends an attempt that goes on no further. Not while somebody is in `next`, which ends it itself if it is
        cancelled.
        """
        record = self.record
        if record is None or self._let_go:
            return
        self._clock.close()
        if record.outcome is None:
            self.stop(AttemptOutcome.CANCELLED)
        if self._response is not None and not self._read_on(record):
            self._response.release(finished=self._last_word)
        self._let_go = True
        if not self.read_on:
            self._told_at_last()

    def _begin(self) -> AttemptRecord:
        call, candidate = self._call, self._candidate
        self._started_s = time.monotonic()
        call.attempts_started += 1
        record = self.record = AttemptRecord(
            number=call.attempts_started,
            provider=candidate.upstream.name,
            model=candidate.model,
            region=candidate.region,
            kind=self.kind,
            start_unix_s=time.time(),
            hedge_delays_s=self.hedge_delays_s,
        )
        call.attempts.append(record)
        return record

    def _read_on(self, record: AttemptRecord) -> bool:
        """Hands an answer that nobody waits for to the drainer, where the provider charges for all of it even so."""
        response, reader = self._response, self._open
        if response is None or reader is None or self._last_word or record.outcome not in _LEFT:
            return False
        drain = self._drain()
        self.read_on = drain is not None and drain.drainer.take(response, reader, drain.caps, self._counted)
        record.open_ended = self.read_on
        return self.read_on

    def _drain(self) -> Drain | None:
        upstream = self._candidate.upstream
        if upstream.drain is None:
            return None
        billing = upstream.dialect.billing_after_cancel(self._candidate.model, stream=self._stream)
        return upstream.drain if worth_draining(billing) else None

    def _counted(self, usage: Usage | None) -> None:
        """What the provider counted for an answer that was read on."""
        record = self.record
        if record is not None:
            record.open_ended = False
            if usage is not None:
                record.usage = usage
                self._price(record)
                self._changed(record)
        self.read_on = False
        self._told_at_last()

    def _told_at_last(self) -> None:
        told, self.on_counted = self.on_counted, None
        if told is not None:
            told()

    def _failed(self, error: HedgerowError | UnreachableError | TimeoutError, record: AttemptRecord) -> HedgerowError:
        """Ends the attempt; what it is to be told of as."""
        begun = record.first_token_s is not None
        if isinstance(error, UnreachableError):
            self._read_any = self._read_any and not isinstance(error, GarbledError)
            error = broken_off(error, self._candidate, begun=begun)
        elif isinstance(error, TimeoutError):
            limit_s = self._idle_timeout_s if begun else self._first_token_timeout_s
            error = silent(self._candidate, limit_s or 0.0, begun=begun)
        seen = self._as_seen(error, record)
        if isinstance(seen, UpstreamProtocol) and self._read_any and record.usage is None:
            # It was generated, and is charged for, though nobody can read it.
            record.usage = self._tally.estimate()
        self._fail(record, seen.reason)
        self.close()
        return seen

    def _fail(self, record: AttemptRecord, reason: str) -> None:
        if record.outcome is None:
            record.error_reason = reason
            self.stop(AttemptOutcome.FAILED)

    def _as_seen(self, error: HedgerowError, record: AttemptRecord) -> HedgerowError:
        """A provider that fails in the middle of its answer has cut it, whatever it says of the cause."""
        started = record.first_token_s is not None
        if (
            not started
            or error.failure not in _CUTTING
            or isinstance(error, UpstreamProtocol | StreamStalled | StreamCut)
        ):
            return error
        return StreamCut(
            f"The answer of {self._name} was cut: {error.message}", metadata={**error.metadata, "detail": error.reason}
        )

    def _close(self, record: AttemptRecord) -> None:
        record.total_s = time.monotonic() - self._started_s
        # Providers bill nothing before they answer; one that was outrun may have been about to.
        if record.usage is None and (self._tally.seen or record.outcome is AttemptOutcome.HEDGE_LOST):
            record.usage = self._tally.estimate()
        self._price(record)
        self._changed(record)

    def _price(self, record: AttemptRecord) -> None:
        price = self._candidate.price
        if price is not None:
            record.price_version = price.version
            if record.usage is not None:
                record.cost_picos = price.cost(record.usage, record.start_unix_s)
        if record.usage is None and record.upstream_status >= _REFUSED:
            record.cost_picos = 0

    async def _send(self, record: AttemptRecord) -> Response:
        upstream = self._candidate.upstream
        self._write_down(record)
        sending: Awaitable[Response] = upstream.transport.send(self._prepared.request, self._call.attempt_trace(record))
        if (drain := self._drain()) is not None:
            sending = self._send_on(sending, drain)
        self._bound(self._started_s)
        response = self._response = await sending
        self._clock.stop()
        record.upstream_status = response.status
        headers = response.headers
        self._candidate.state.limited(upstream.dialect.rate_limits(headers))
        record.upstream_request_id = _request_id(headers, self.secret)
        if not 200 <= response.status < 300:
            body = await self._error_body(response)
            lower = {name.lower(): value for name, value in headers.items()}
            raise upstream.dialect.classify(response.status, lower, body)
        return response

    async def _send_on(self, sending: Awaitable[Response], drain: Drain) -> Response:
        """Like awaiting it, but a call that ends meanwhile leaves the request to the drainer."""
        task = asyncio.ensure_future(sending)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            self.read_on = drain.drainer.take_sending(task, self._reader_of, drain.caps, self._counted)
            if self.record is not None:
                self.record.open_ended = self.read_on
            if not self.read_on:
                task.cancel()
                task.add_done_callback(_let_go)
            raise

    def _reader_of(self, response: Response) -> Reader:
        """The reader of an answer that came after the call had ended. Raises HedgerowError for a failure."""
        if not 200 <= response.status < 300:
            raise self._candidate.upstream.dialect.classify(response.status, {}, b"")
        return self._reader(response)

    def _reader(self, response: Response) -> Reader:
        headers, dialect = response.headers, self._candidate.upstream.dialect
        content_type = headers.get("content-type", "")
        return dialect.reader(self._operation, stream=self._stream, content_type=content_type, headers=headers)

    def _bound(self, now_s: float) -> None:
        """Bounds what is awaited next: until the first content by one clock, between two by another."""
        record = self.record
        if record is not None and record.first_token_s is not None:
            self._clock.start(now_s + self._idle_timeout_s - self._quiet_s)
        elif self._first_token_timeout_s is not None:
            self._clock.start(self._started_s + self._first_token_timeout_s)

    def _note(self, events: list[Event], record: AttemptRecord) -> None:
        for event in events:
            # For each piece of an answer: isinstance takes three times as long to say no of a struct.
            if type(event) is Finished:
                self._last_word = True
                usage = event.usage
                told = usage is not None and not self._tally.denies(usage)
                record.usage = usage if told else self._tally.estimate(final=True)
                if self._vectors != self._asked:
                    raise self._too_few_or_many(record)
                self.stop(AttemptOutcome.SUCCEEDED)
            elif type(event) is Started:
                record.served_model = event.model
            else:
                self._quiet_s = 0.0
                self._tally.add(event)
                if self._asked and isinstance(event, EmbeddingsAdded):
                    self._vectors += len(event.vectors)
                if record.first_token_s is None:
                    record.first_token_s = time.monotonic() - self._started_s

    def _too_few_or_many(self, record: AttemptRecord) -> UpstreamProtocol:
        # Some count what the vectors cost, not what was sent.
        record.usage = self._tally.estimate(final=True)
        return UpstreamProtocol(
            f"The provider {self._name} sent {self._vectors} vectors for {self._asked} inputs.",
            metadata={"provider": self._name, "detail": "vector count"},
        )

    async def _error_body(self, response: Response) -> bytes:
        body = bytearray()
        try:
            async with asyncio.timeout(_ERROR_BODY_S):
                while len(body) < _ERROR_BODY_BYTES and (data := await response.read()):
                    body += data
        except (UnreachableError, TimeoutError):
            pass
        self._last_word = True
        return bytes(body)

    @property
    def _name(self) -> str:
        return self._candidate.upstream.name


def _let_go(sending: asyncio.Task[Response]) -> None:
    """Releases an answer that began in the moment in which nobody waited for it any more."""
    if not sending.cancelled() and sending.exception() is None:
        sending.result().release()


def _require(prepared: Prepared, provider: str) -> None:
    for warning in prepared.warnings:
        if warning.code in (WarningCode.PARAMETER_IGNORED, WarningCode.PARAMETER_CHANGED):
            raise ParameterUnsupported(
                f"{warning.field}: {warning.message}",
                metadata={"field": warning.field, "provider": provider},
                subject=warning.field,
            )


def _request_id(headers: Mapping[str, str], secret: Secret | None) -> str:
    """The provider's name for the request, as it may be told to callers: an identifier, and none of our secrets. Empty
    where there is none.
    """
    for name in _REQUEST_ID_HEADERS:
        found = headers.get(name)
        if found is not None:
            break
    else:
        return ""
    found = found[:_REQUEST_ID_CHARS]
    # A header may hold bytes that are no text; aiohttp gives them as surrogates.
    if not found.isascii():
        found = found.encode("ascii", "replace").decode()
    if not _REQUEST_ID.fullmatch(found):
        return ""
    ours = secret.reveal() if secret is not None else ""
    # Shorter ones are in a key by chance. A key may be JSON with several secrets.
    echoed = len(found) >= _REQUEST_ID_ECHO_CHARS and (found in ours or (bool(ours) and ours in found))
    return "" if echoed else found
