"""One upstream request: sent, read, timed and recorded."""

import asyncio
import time
from collections.abc import AsyncGenerator

from hedgerow_server.core.call import Call
from hedgerow_server.core.error import (
    Failure,
    FirstTokenTimeout,
    HedgerowError,
    Internal,
    ParameterUnsupported,
    ProviderUnavailable,
    StreamCut,
    StreamStalled,
    UpstreamProtocol,
)
from hedgerow_server.core.event import (
    AttemptKind,
    AttemptOutcome,
    AttemptRecord,
    Event,
    Finished,
    Started,
    Warning,
    WarningCode,
    coalesce,
)
from hedgerow_server.core.port import Operation, Prepared, Reader
from hedgerow_server.core.request import ChatSpec, EmbedSpec, RoutePolicy
from hedgerow_server.providers.http.port import Response, UnreachableError
from hedgerow_server.routing.clock import Clock
from hedgerow_server.routing.plan import Candidate
from hedgerow_server.routing.tally import Tally

_ERROR_BODY_BYTES = 65_536
_ERROR_BODY_S = 5
_CUTTING = (Failure.TRANSIENT, Failure.RATE, Failure.KEY)
_REQUEST_ID_HEADERS = ("x-request-id", "request-id", "apim-request-id")


class Attempt:
    """Asks one candidate once. `batches` yields what arrives, in the groups in which it arrived."""

    def __init__(
        self,
        call: Call,
        candidate: Candidate,
        spec: ChatSpec | EmbedSpec,
        policy: RoutePolicy,
        *,
        stream: bool,
        kind: AttemptKind,
    ) -> None:
        """Builds the request. Raises what the dialect says of the spec, ParameterUnsupported or CredentialUnavailable;
        nothing is sent or recorded before `batches`.
        """
        upstream = candidate.upstream
        secret = upstream.lease.current() if upstream.lease is not None else None
        self._prepared = upstream.dialect.build(spec, stream=stream, model=candidate.model, secret=secret)
        if policy.require_parameters:
            _require(self._prepared, upstream.name)
        self._call = call
        self._candidate = candidate
        self._operation = Operation.CHAT if isinstance(spec, ChatSpec) else Operation.EMBED
        self._stream = stream
        self._first_token_timeout_s = policy.first_token_timeout_s or upstream.first_token_timeout_s
        self._idle_timeout_s = policy.idle_timeout_s or upstream.idle_timeout_s
        self._clock = Clock()
        self._tally = Tally(spec)
        self._response: Response | None = None
        self._last_word = False  # the provider has nothing more to say
        self._started_s = 0.0
        self._quiet_s = 0.0  # waited since the last content; the caller's own pauses do not count
        self._kind = kind
        self.record: AttemptRecord | None = None

    @property
    def warnings(self) -> tuple[Warning, ...]:
        """What the provider is not asked exactly as the caller wished."""
        return self._prepared.warnings

    async def batches(self) -> AsyncGenerator[list[Event], None]:
        """Sends the request and yields the dialect's events; the last one is Finished. The record is complete when this
        ends, however it ends. Raises HedgerowError.
        """
        self._started_s = time.monotonic()
        record = self.record = AttemptRecord(
            number=self._call.attempts_started + 1,
            provider=self._candidate.upstream.name,
            model=self._candidate.model,
            region=self._candidate.region,
            kind=self._kind,
            start_unix_s=time.time(),
        )
        self._call.attempts_started += 1
        self._call.attempts.append(record)
        try:
            response = await self._send(record)
            reader = self._reader(response)
            data = b"-"
            while data and not self._last_word:
                data = b"" if reader.done else await self._read(response, record)
                events = coalesce(reader.feed(data) if data else reader.finish())
                if events:
                    self._note(events, record)
                    yield events
        except HedgerowError as error:
            seen = self._as_seen(error, record)
            record.outcome, record.error_reason = AttemptOutcome.FAILED, seen.reason
            raise seen from None
        except Exception:
            record.outcome, record.error_reason = AttemptOutcome.FAILED, Internal.reason
            raise
        finally:
            self._clock.close()
            if self._response is not None:
                self._response.release(finished=self._last_word)
            self._close(record)

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
        if record.outcome is not AttemptOutcome.SUCCEEDED:
            record.total_s = time.monotonic() - self._started_s
        if record.outcome is None:
            record.outcome = AttemptOutcome.CANCELLED
        if record.usage is None and self._tally.seen:
            record.usage = self._tally.estimate()

    async def _send(self, record: AttemptRecord) -> Response:
        upstream = self._candidate.upstream
        try:
            sending = upstream.transport.send(self._prepared.request, self._call.trace)
            response = self._response = await self._clock.wait(self._first_token_timeout_s, sending)
        except UnreachableError as error:
            raise self._unavailable(error) from None
        except TimeoutError:
            raise self._too_slow() from None
        record.upstream_status = response.status
        headers = response.headers
        request_id = next((headers[n] for n in _REQUEST_ID_HEADERS if n in headers), "")
        # A header may hold bytes that are no text; aiohttp gives them as surrogates.
        record.upstream_request_id = request_id[:128].encode("ascii", "replace").decode()
        if not 200 <= response.status < 300:
            body = await self._error_body(response)
            lower = {name.lower(): value for name, value in headers.items()}
            raise upstream.dialect.classify(response.status, lower, body)
        return response

    def _reader(self, response: Response) -> Reader:
        content_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        dialect = self._candidate.upstream.dialect
        return dialect.reader(self._operation, stream=self._stream, content_type=content_type)

    async def _read(self, response: Response, record: AttemptRecord) -> bytes:
        """The next bytes, empty at the end of the body."""
        if record.first_token_s is None:
            limit_s = self._first_token_timeout_s
            due_s = None if limit_s is None else self._started_s + limit_s - time.monotonic()
        else:
            due_s = self._idle_timeout_s - self._quiet_s
        since_s = time.monotonic()
        try:
            return await self._clock.wait(due_s, response.read())
        except UnreachableError as error:
            if record.first_token_s is None:
                raise self._unavailable(error) from None
            raise StreamCut(
                f"The answer of {self._name} was cut: {error.detail}.", metadata=self._metadata(detail=error.detail)
            ) from None
        except TimeoutError:
            if record.first_token_s is None:
                raise self._too_slow() from None
            limit = f"{self._idle_timeout_s:g}"
            raise StreamStalled(
                f"The answer of {self._name} paused for more than {limit} s.",
                metadata=self._metadata(limitSeconds=limit),
            ) from None
        finally:
            self._quiet_s += time.monotonic() - since_s

    def _note(self, events: list[Event], record: AttemptRecord) -> None:
        for event in events:
            if isinstance(event, Finished):
                self._last_word = True
                record.outcome = AttemptOutcome.SUCCEEDED
                record.total_s = time.monotonic() - self._started_s
                record.usage = event.usage if event.usage is not None else self._tally.estimate(final=True)
            elif not isinstance(event, Started):
                self._quiet_s = 0.0
                self._tally.add(event)
                if record.first_token_s is None:
                    record.first_token_s = time.monotonic() - self._started_s

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

    def _metadata(self, **more: str) -> dict[str, str]:
        return {"provider": self._name, "model": self._candidate.model, **more}

    def _unavailable(self, error: UnreachableError) -> ProviderUnavailable:
        return ProviderUnavailable(
            f"The provider {self._name} cannot be used: {error.detail}.", metadata=self._metadata(detail=error.detail)
        )

    def _too_slow(self) -> FirstTokenTimeout:
        limit = f"{self._first_token_timeout_s:g}"
        return FirstTokenTimeout(
            f"The provider {self._name} sent no content within {limit} s.", metadata=self._metadata(limitSeconds=limit)
        )


def _require(prepared: Prepared, provider: str) -> None:
    for warning in prepared.warnings:
        if warning.code in (WarningCode.PARAMETER_IGNORED, WarningCode.PARAMETER_CHANGED):
            raise ParameterUnsupported(
                f"{warning.field}: {warning.message}",
                metadata={"field": warning.field, "provider": provider},
                subject=warning.field,
            )
