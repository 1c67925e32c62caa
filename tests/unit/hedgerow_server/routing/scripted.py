"""A provider on paper: a transport that answers from a script, behind the real OpenAI dialect.

The upstream port is the seam; everything above it is the real thing.
"""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
from hedgerow_server.core.port import HttpRequest, Lease
from hedgerow_server.core.request import NO_POLICY, ChatSpec, Message, Part, Role, RoutePolicy, Text
from hedgerow_server.providers.http.port import Response
from hedgerow_server.providers.openai import OpenAI, OpenAISection
from hedgerow_server.routing.candidate import Candidate, Upstream
from hedgerow_server.routing.plan import Bounds, Plan
from hedgerow_server.routing.route import Route
from hedgerow_server.routing.routes import Named, Routes
from hedgerow_server.routing.state import States
from multidict import CIMultiDict

HANG_S = 60.0
"""A pause that no test waits for."""
Step = bytes | float | Exception
"""What a read does: gives these bytes, pauses so many seconds before the next step, or fails."""
SSE = {"content-type": "text/event-stream"}
JSON = {"content-type": "application/json"}
HI = ChatSpec(model="fast", messages=(Message(Role.USER, (Part(Text("hello there, how are you")),)),))


@dataclass
class Answer:
    """One answer of the provider. `before` is done before the headers come."""

    body: Sequence[Step] = ()
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: SSE)
    before: Sequence[Step] = ()


class ScriptedResponse:
    """An answer that is being read."""

    def __init__(self, answer: Answer, hanging: asyncio.Event) -> None:
        self.status = answer.status
        self.headers: Mapping[str, str] = CIMultiDict(answer.headers)
        self.reads = 0
        self.releases: list[bool] = []
        self._steps = list(answer.body)
        self._hanging = hanging

    async def read(self) -> bytes:
        """The next bytes of the script, empty at its end."""
        self.reads += 1
        while self._steps:
            step = self._steps.pop(0)
            if isinstance(step, bytes):
                # As a socket does: the reader waits, if only for a moment.
                await asyncio.sleep(0)
                return step
            if step == HANG_S:
                self._hanging.set()
            await _perform(step)
        return b""

    def release(self, *, finished: bool = False) -> None:
        """Writes down that it was let go."""
        self.releases.append(finished)


class ScriptedTransport:
    """Gives the answers in their order, or makes each of its request."""

    def __init__(self, *answers: Answer, reply: Callable[[HttpRequest], Answer] | None = None) -> None:
        self._answers = list(answers)
        self._reply = reply
        self.requests: list[HttpRequest] = []
        self.extra_headers: list[tuple[tuple[str, str], ...]] = []
        self.responses: list[ScriptedResponse] = []
        self.asked = asyncio.Event()
        """Set when a request has come."""
        self.reading = asyncio.Event()
        """Set when a reader has come to where an answer hangs."""

    async def send(self, request: HttpRequest, extra_headers: tuple[tuple[str, str], ...]) -> Response:
        """The next answer."""
        self.requests.append(request)
        self.asked.set()
        self.extra_headers.append(extra_headers)
        answer = self._reply(request) if self._reply is not None else self._answers.pop(0)
        for step in answer.before:
            assert not isinstance(step, bytes)
            await _perform(step)
        response = ScriptedResponse(answer, self.reading)
        self.responses.append(response)
        return response

    async def close(self) -> None:
        """Nothing to close."""


async def _perform(step: float | Exception) -> None:
    if isinstance(step, Exception):
        raise step
    await asyncio.sleep(step)


def candidate(
    transport: ScriptedTransport,
    *,
    name: str = "sim",
    lease: Lease | None = None,
    first_token_timeout_s: float | None = None,
    idle_timeout_s: float = HANG_S,
    dimensions: int | None = None,
    model: str = "gpt",
    region: str = "eu",
    states: States | None = None,
    **settings: object,
) -> Candidate:
    """A model of an OpenAI provider that answers from the transport's script."""
    dialect = OpenAI(name, OpenAISection.model_validate({"dialect": "openai", **settings}))
    upstream = Upstream(
        name=name,
        dialect=dialect,
        transport=transport,
        lease=lease,
        first_token_timeout_s=first_token_timeout_s,
        idle_timeout_s=idle_timeout_s,
    )
    state = (states or States()).of(name, "", model, region)
    return Candidate(upstream, model, state, region=region, lease=lease, dimensions=dimensions)


def plan(transport: ScriptedTransport, policy: RoutePolicy = NO_POLICY, **settings: object) -> Plan:
    """A plan with that one candidate, asked once."""
    return Plan((candidate(transport, **settings),), policy, Bounds(max_attempts=1))  # type: ignore[arg-type]


def routes(table: Mapping[tuple[str, str], tuple[Candidate, ...]], bounds: Bounds | None = None) -> Routes:
    """Plain routes by (kind, name); a name may end with a star."""
    bounds = bounds or Bounds(max_attempts=1)

    def named(name: str, candidates: tuple[Candidate, ...]) -> Named:
        return lambda rest: Route(
            name[:-1] + rest, [msgspec.structs.replace(one, model=rest) for one in candidates], bounds=bounds
        )

    whole = [(kind, Route(name, found, bounds=bounds)) for (kind, name), found in table.items() if name[-1:] != "*"]
    stars = [
        (kind, Route(name, found, bounds=bounds), named(name, found))
        for (kind, name), found in table.items()
        if name[-1:] == "*"
    ]
    return Routes(whole, stars)


def chunk(text: str | None = None, finish: str | None = None, **more: object) -> bytes:
    """A chunk of a streamed completion."""
    delta = {} if text is None else {"content": text}
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return b"data: " + json.dumps({"id": "r1", "model": "gpt-2026", "choices": [choice], **more}).encode() + b"\n\n"


USAGE = {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}
DONE = b"data: [DONE]\n\n"
KEEP_ALIVE = b": keep-alive\n\n"


def usage_chunk() -> bytes:
    """The chunk with the usage, after the last choice."""
    return b"data: " + json.dumps({"id": "r1", "choices": [], "usage": USAGE}).encode() + b"\n\n"


def document(text: str = "hi", **more: object) -> bytes:
    """A whole completion."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return json.dumps({"id": "r1", "model": "gpt-2026", "choices": [choice], "usage": USAGE, **more}).encode()
