"""What every door has: a server with its calls, and the calls that are open."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Protocol

import msgspec

from hedgerow_server.core.call import Call, Method
from hedgerow_server.core.error import HedgerowError
from hedgerow_server.core.event import Event

_FORMS = ("openai", "anthropic")


class Server(Protocol):
    """What runs a call; the chain does."""

    async def serve(self, call: Call, deliver: Callable[[Event], Awaitable[None]]) -> None:
        """Runs the call and hands on its events. Raises HedgerowError."""


class Answer(Protocol):
    """Collects the events of a unary call into the bytes of its response."""

    def add(self, event: Event) -> None:
        """Takes one event."""

    def encode(self) -> bytes:
        """The response, once the terminal event was taken."""


class HttpAnswer(Protocol):
    """Collects the events of a unary call into the body of its answer over HTTP."""

    def add(self, event: Event) -> None:
        """Takes one event."""

    def encode(self) -> bytes | Iterator[bytes]:
        """The body, once the terminal event was taken. One that may be long is made piece by piece, each of which takes
        a millisecond at most: they are sent as they are made, and other calls go on meanwhile.
        """


class Encoder(Protocol):
    """Turns the events of a streaming call into messages."""

    def encode(self, event: Event) -> list[bytes]:
        """The messages of one event."""


class Endpoint(msgspec.Struct, frozen=True):
    """An RPC at the gRPC door: `answer` for a unary one, `encoder` for a stream; each makes a fresh one for every
    call.
    """

    method: Method
    answer: Callable[[], Answer] | None = None
    encoder: Callable[[], Encoder] | None = None


class Form(Protocol):
    """How an HTTP door speaks of failures and limits: the words of one provider's API."""

    @property
    def name(self) -> str:
        """What the door is called, such as "openai"."""

    def status(self, error: HedgerowError) -> int:
        """The HTTP status of an error, from 400."""

    def body(self, error: HedgerowError, request_id: str, call: Call | None = None) -> bytes:
        """The JSON body of an error; `call` is None where there was none yet."""

    def event(self, error: HedgerowError, request_id: str, call: Call | None = None) -> bytes:
        """What ends a stream that fails on the way, as a server-sent event."""

    def id_headers(self, request_id: str) -> list[tuple[bytes, bytes]]:
        """The id of the call, where clients look for it."""

    def headers(self, call: Call) -> list[tuple[bytes, bytes]]:
        """What is left of the caller's limits, as headers with names in lower case."""


class HttpEndpoint(msgspec.Struct, frozen=True):
    """A path at an HTTP door. Whether the answer is streamed, the decoder says by what it puts into `Call.method`."""

    verb: str
    """"GET" or "POST"."""
    path: str
    """Such as "/v1/chat/completions". With a "/" at its end: what follows is the `tail` of the call's form."""
    form: Form
    method: Method
    """The unary one; its twin is `Method.streamed`."""
    answer: Callable[[Call], HttpAnswer]
    """Makes what writes the answer, once the request is decoded."""
    encoder: Callable[[Call], Encoder] | None = None
    """The same of a stream. Each message is sent as it is: whole server-sent events."""


class Serving:
    """What the doors run: a server with its RPCs. A reload puts another in its place; calls end where they began."""

    def __init__(self, server: Server, endpoints: Iterable[Endpoint], paths: Sequence[HttpEndpoint] = ()) -> None:
        """`paths` are those of the HTTP doors."""
        self.server = server
        self.endpoints = {endpoint.method.name: endpoint for endpoint in endpoints}
        self._paths: dict[tuple[str, str], dict[str, HttpEndpoint]] = {}
        for one in paths:
            self._paths.setdefault((one.form.name, one.path), {})[one.verb] = one
        self._forms = {one.form.name: one.form for one in paths}
        self._prefixes = tuple({one.path for one in paths if one.path.endswith("/")})
        self._open = 0
        self._left: asyncio.Event | None = None

    def path(self, path: str, form: str) -> Mapping[str, HttpEndpoint] | None:
        """What answers at a path, by verb: in the form that is asked for, else in whichever there is."""
        for name in (form, *_FORMS):
            found = self._paths.get((name, path))
            if found is not None:
                return found
        for prefix in self._prefixes:
            if path.startswith(prefix) and len(path) > len(prefix):
                return self.path(prefix, form)
        return None

    def form(self, name: str) -> Form | None:
        """How a door of this name speaks of failures; None: nothing is served there."""
        return self._forms.get(name)

    def enter(self) -> None:
        """A call begins."""
        self._open += 1

    def leave(self) -> None:
        """A call has ended."""
        self._open -= 1
        if not self._open and self._left is not None:
            self._left.set()

    async def left(self) -> None:
        """Returns once no call runs here. To be awaited after another has taken its place."""
        self._left = asyncio.Event()
        if self._open:
            await self._left.wait()


class OpenCalls:
    """The calls that are open, at one door or several."""

    def __init__(self) -> None:
        self._tasks: dict[Call, asyncio.Task[None]] = {}

    def enter(self, call: Call) -> None:
        """A call begins in the current task."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks[call] = task

    def leave(self, call: Call) -> None:
        """It has ended."""
        del self._tasks[call]

    async def idle(self) -> None:
        """Returns once no call is open. No new ones may come any more."""
        while self._tasks:
            await asyncio.wait(self._tasks.values())

    def end(self, error: HedgerowError) -> None:
        """Ends every open call with an error."""
        for call in self._tasks:
            call.end(error)

    def end_some(self, why: Callable[[Call], HedgerowError | None]) -> None:
        """Ends those open calls that there is an error for."""
        for call in self._tasks:
            error = why(call)
            if error is not None:
                call.end(error)
