"""The HTTP door: requests in the forms of other APIs, through the same chain as those over gRPC.

Nothing is sent before the first event: until then a failure is an answer with a status. A stream that fails later ends
with an event that says so, and its connection is broken off, so that no client takes it for whole.
"""

import asyncio
import logging
import os
import ssl
from asyncio import CancelledError
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping

from hedgerow_server.core.call import Call, Kind
from hedgerow_server.core.error import FieldViolation, HedgerowError, Internal, RequestInvalid
from hedgerow_server.core.event import Event
from hedgerow_server.doors.failure import Headers, retry_headers
from hedgerow_server.doors.gate import Gate
from hedgerow_server.doors.http_exchange import Exchange
from hedgerow_server.doors.http_listener import HttpListener
from hedgerow_server.doors.http_status import BadMessage, BodyTooLarge, PathUnknown, VerbUnknown
from hedgerow_server.doors.openai import OpenAiForm
from hedgerow_server.doors.proxies import TrustedProxies
from hedgerow_server.doors.section import HttpSection
from hedgerow_server.doors.serving import Encoder, Form, HttpAnswer, HttpEndpoint, OpenCalls, Serving
from hedgerow_server.wire.target import Target
from hedgerow_server.wire.words import in_words

_log = logging.getLogger(__name__)
_NONE: frozenset[str] = frozenset()
_AUTHORIZATION, _API_KEY, _TIMEOUT = "authorization", "x-api-key", "x-hedgerow-timeout"
_RETRIED = "x-stainless-retry-count"
"""What the SDKs of both APIs count their tries in."""
_MAX_TIMEOUT_S = 1e9
_TEXT = (b"content-type", b"text/plain; charset=utf-8")
_JSON = (b"content-type", b"application/json")
_STREAM = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    # Proxies of the nginx family hold a stream back otherwise.
    (b"x-accel-buffering", b"no"),
)
_NAME_CHARS = 128
_BLOCK_BYTES = 128 * 1024
"""How much of an answer in pieces is sent at once: of floats, what takes a millisecond to make."""
_TAKEN_S, _WHOLE_TAKEN_S = 30.0, 600.0
"""How long a caller has to take each block of it, and all of them."""
_DEFAULT_FORM = OpenAiForm()


class HttpDoor:
    """Turns HTTP requests into core calls."""

    def __init__(
        self,
        serving: Serving,
        calls: OpenCalls,
        section: HttpSection | None,
        ready: Callable[[], bool],
        proxies: TrustedProxies | None = None,
        *,
        gate: Gate | None = None,
    ) -> None:
        """Without a section it is never open. `ready` says whether calls should come here. `proxies` None: nobody's
        word for whom they call is taken. `gate` None: every call is let in.
        """
        self.serving = serving
        """What runs new calls; may be replaced at any time."""
        self.calls = calls
        """Those that are open, perhaps with those of other doors."""
        self.refused: Counter[int] = Counter()
        """Requests that never became calls, by the status that they were answered."""
        self._ready = ready
        self._proxies = proxies
        self._gate = gate
        self._section = section or HttpSection()
        self._listener = HttpListener(section, self.answer) if section is not None else None
        self._turn = asyncio.Lock()

    @property
    def connections(self) -> int:
        """How many are open."""
        return self._listener.connections if self._listener is not None else 0

    async def start(self, tls: ssl.SSLContext | None, shared: str | None = None) -> dict[str, str]:
        """Listens; returns the address as `http`, where there is one. `shared` as for `HttpListener`. Raises
        ListenError.
        """
        return {"http": await self._listener.start(tls, shared)} if self._listener is not None else {}

    def drain(self) -> None:
        """Takes no new connections, and closes those that are open once they have answered."""
        if self._listener is not None:
            self._listener.drain()

    async def stop(self) -> None:
        """Ends it."""
        if self._listener is not None:
            await self._listener.stop()

    async def answer(self, exchange: Exchange) -> None:
        """Answers one request."""
        serving = self.serving
        asked = "anthropic" if any(name == b"anthropic-version" for name, _ in exchange.headers) else "openai"
        found = serving.path(exchange.path, asked)
        form = next(iter(found.values())).form if found else serving.form(asked) or _DEFAULT_FORM
        try:
            endpoint = None if self._answer_plainly(exchange, found) else self._endpoint(exchange, found)
            if endpoint is not None:
                await self._serve(serving, endpoint, exchange)
        except HedgerowError as error:
            self.refused[form.status(error)] += 1
            _refuse(exchange, form, error)

    def _answer_plainly(self, exchange: Exchange, found: Mapping[str, HttpEndpoint] | None) -> bool:
        """Answers what no API has. Callers are not told why it is not ready: the admin HTTP door has the reasons."""
        verb, path = exchange.verb, exchange.path
        if exchange.refused is not None:
            return False
        if found is not None and verb == "OPTIONS":
            exchange.answer(200, [(b"allow", _verbs(found))], b"")
            return True
        if verb not in ("GET", "HEAD") or path not in ("/healthz", "/readyz"):
            return False
        if path == "/healthz":
            exchange.answer(200, [_TEXT], b"ok\n")
        elif self._ready():
            exchange.answer(200, [_TEXT], b"ready\n")
        else:
            exchange.answer(503, [_TEXT], b"not ready\n")
        return True

    def _endpoint(self, exchange: Exchange, found: Mapping[str, HttpEndpoint] | None) -> HttpEndpoint:
        """What the request asks for. Raises HedgerowError where it cannot be taken."""
        if exchange.refused is not None:
            raise exchange.refused
        verb = exchange.verb
        if found is None:
            raise PathUnknown(verb, exchange.path[:_NAME_CHARS])
        endpoint = found.get("GET" if verb == "HEAD" else verb)
        if endpoint is None:
            raise VerbUnknown(verb, exchange.path[:_NAME_CHARS], _verbs(found))
        if endpoint.verb == "POST":
            _check_body(exchange, self._section.max_request_bytes)
        return endpoint

    async def _serve(self, serving: Serving, endpoint: HttpEndpoint, exchange: Exchange) -> None:
        call = _call(endpoint, exchange, self._section.body_seconds, self._proxies)
        gate, authorization = self._gate, call.metadata.get(_AUTHORIZATION)
        if gate is not None:
            retried = call.metadata.get(_RETRIED, "0") != "0"
            group = gate.enter(call.door, authorization, call.peer, retried=retried)
        response = _Response(endpoint, call, exchange, self._turn)
        self.calls.enter(call)
        serving.enter()
        try:
            await serving.server.serve(call, response.deliver)
            await response.end()
        except HedgerowError as error:
            response.fail(error)
        except TimeoutError:
            # The call has ended well, but nobody takes its answer: the connection ends.
            raise
        except CancelledError:
            if not exchange.left:
                raise
        except Exception as error:
            _log.error("call %s failed by a fault at the door", call.request_id, exc_info=error)
            response.fail(Internal("A fault of the gateway; the request id finds it in the log."))
        finally:
            serving.leave()
            self.calls.leave(call)
            if gate is not None:
                gate.leave(call.door, group, authorization, call.principal.tenant if call.principal else None)


class _Response:
    """The answer to one request."""

    __slots__ = ("_answer", "_call", "_encoder", "_endpoint", "_exchange", "_turn")

    def __init__(self, endpoint: HttpEndpoint, call: Call, exchange: Exchange, turn: asyncio.Lock) -> None:
        """`turn` is whose long answer goes on."""
        self._endpoint, self._call, self._exchange, self._turn = endpoint, call, exchange, turn
        self._answer: HttpAnswer | None = None
        self._encoder: Encoder | None = None

    async def deliver(self, event: Event) -> None:
        """Takes an event."""
        encoder = self._encoder
        if encoder is not None:
            if data := b"".join(encoder.encode(event)):
                await self._exchange.send(data)
            return
        call, endpoint = self._call, self._endpoint
        if call.method.kind is Kind.UNARY:
            if self._answer is None:
                self._answer = endpoint.answer(call)
            self._answer.add(event)
            return
        assert endpoint.encoder is not None
        encoder = self._encoder = endpoint.encoder(call)
        data = b"".join(encoder.encode(event))
        await self._exchange.stream([*_STREAM, *self._headers()], data)

    async def end(self) -> None:
        """All events were taken. Raises TimeoutError where the caller does not take a long answer."""
        exchange = self._exchange
        if self._answer is None:
            exchange.finish()
            return
        headers, body = [_JSON, *self._headers()], self._answer.encode()
        if isinstance(body, bytes):
            exchange.answer(200, headers, body)
        else:
            async with asyncio.timeout(_WHOLE_TAKEN_S):
                await self._send(headers, _blocks(body))

    async def _send(self, headers: Headers, blocks: Iterator[bytes]) -> None:
        exchange, block = self._exchange, next(blocks, b"")
        if len(block) < _BLOCK_BYTES:
            exchange.answer(200, headers, block)
            return
        await _taken(exchange.stream(headers, block))
        while block:
            async with self._turn:
                # One block in a turn of the event loop, also where there is room for more, and however many there are
                # whose answers are long.
                await asyncio.sleep(0)
                block = next(blocks, b"")
            if block:
                await _taken(exchange.send(block))
        exchange.finish()

    def fail(self, error: HedgerowError) -> None:
        """The call has failed."""
        form, call, exchange = self._endpoint.form, self._call, self._exchange
        error = in_words(error, call.form)
        if exchange.started:
            exchange.break_off(form.event(error, call.request_id, call) if self._answer is None else b"")
            return
        body = form.body(error, call.request_id, call)
        exchange.answer(form.status(error), [_JSON, *retry_headers(error), *self._headers()], body)

    def _headers(self) -> Headers:
        form, call = self._endpoint.form, self._call
        return [*form.id_headers(call.request_id), *form.headers(call)]


def _blocks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in blocks of no less than `_BLOCK_BYTES`, but for the last."""
    held: list[bytes] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size >= _BLOCK_BYTES:
            yield b"".join(held)
            held.clear()
            size = 0
    if held:
        yield b"".join(held)


async def _taken(sending: Awaitable[None]) -> None:
    """Raises TimeoutError."""
    async with asyncio.timeout(_TAKEN_S):
        await sending


class _Body:
    """The body of a request as the one message of a stream, read when the chain decodes it."""

    __slots__ = ("_exchange", "_read", "_within_s")

    def __init__(self, exchange: Exchange, within_s: float) -> None:
        self._exchange, self._within_s = exchange, within_s
        self._read = False

    def __aiter__(self) -> "_Body":
        return self

    async def __anext__(self) -> bytes:
        if self._read:
            raise StopAsyncIteration
        self._read = True
        return await self._exchange.read(self._within_s)


def _verbs(found: Mapping[str, HttpEndpoint]) -> bytes:
    verbs = {*found, "OPTIONS"} | ({"HEAD"} if "GET" in found else set())
    return ", ".join(sorted(verbs)).encode()


def _check_body(exchange: Exchange, max_bytes: int) -> None:
    """Refuses a body by what the headers say of it. Nothing is ever decompressed here."""
    if exchange.content_length is not None and exchange.content_length > max_bytes:
        raise BodyTooLarge(max_bytes)
    for name, value in exchange.headers:
        if name == b"content-encoding" and value.strip().lower() not in (b"", b"identity"):
            raise BadMessage(415, "unsupported_media_type", "Bodies are taken as they are: without a Content-Encoding.")
        if name == b"content-type" and value.partition(b";")[0].strip().lower() not in (b"", b"application/json"):
            raise BadMessage(415, "unsupported_media_type", "A body is JSON: Content-Type: application/json.")


def _refuse(exchange: Exchange, form: Form, error: HedgerowError) -> None:
    """Answers what never became a call."""
    request_id = os.urandom(16).hex()
    allow: Headers = [(b"allow", error.allow)] if isinstance(error, VerbUnknown) else []
    headers = [_JSON, *allow, *retry_headers(error), *form.id_headers(request_id)]
    exchange.answer(form.status(error), headers, form.body(error, request_id))


def _call(endpoint: HttpEndpoint, exchange: Exchange, body_s: float, proxies: TrustedProxies | None) -> Call:
    """Raises RequestInvalid."""
    metadata = {name.decode("latin-1"): value.decode("latin-1") for name, value in exchange.headers}
    repeated = _NONE if len(metadata) == len(exchange.headers) else _repeated(exchange)
    if _API_KEY in metadata:
        repeated = _take_api_key(metadata, repeated)
    peer, identities = exchange.wire.peer, exchange.wire.identities
    if proxies is not None:
        origin = proxies.origin(peer, identities, lambda name: _values(exchange, name))
        peer, identities = origin.peer, origin.identities
    call = Call(
        endpoint.method,
        metadata,
        b"",
        peer=peer,
        timeout_s=_timeout_s(metadata[_TIMEOUT]) if _TIMEOUT in metadata else None,
        bodies=_Body(exchange, body_s) if endpoint.verb == "POST" else None,
        repeated=repeated,
        peer_identities=identities,
        door=endpoint.form.name,
    )
    call.form = Target(exchange.path.removeprefix(endpoint.path), exchange.query)
    return call


def _values(exchange: Exchange, name: str) -> list[str]:
    wanted = name.encode()
    return [value.decode("latin-1") for key, value in exchange.headers if key == wanted]


def _repeated(exchange: Exchange) -> frozenset[str]:
    return frozenset(
        name.decode("latin-1") for name, times in Counter(n for n, _ in exchange.headers).items() if times > 1
    )


def _take_api_key(metadata: dict[str, str], repeated: frozenset[str]) -> frozenset[str]:
    """Has `x-api-key` stand for a bearer. Two credentials that differ are as good as an authorization that came twice:
    what came twice is returned.
    """
    bearer = f"Bearer {metadata[_API_KEY]}"
    given = metadata.setdefault(_AUTHORIZATION, bearer)
    same = given.partition(" ")[2].lstrip(" ") == metadata[_API_KEY]
    return repeated if same and _API_KEY not in repeated else repeated | {_AUTHORIZATION}


def _timeout_s(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if 0 < seconds <= _MAX_TIMEOUT_S:
        return seconds
    raise RequestInvalid(
        f"The header {_TIMEOUT} is no time.",
        violations=(FieldViolation(_TIMEOUT, "expected seconds above 0, such as 30 or 2.5"),),
    )
