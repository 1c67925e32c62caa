"""CPU of everything behind the door: a unary call and a streamed chunk, with a null door and a null upstream.

Measured in this process, without any load on it.
"""

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench._calls import PROMPT, STREAM_TOKENS, request
from hedgerow_server.core.call import Call
from hedgerow_server.core.event import Event
from hedgerow_server.core.port import HttpRequest
from hedgerow_server.doors.serving import Endpoint
from hedgerow_server.endpoints import endpoints
from hedgerow_server.identity.static import StaticAuthenticator, StaticIdentity
from hedgerow_server.interceptors.auth import Auth
from hedgerow_server.interceptors.chain import Chain
from hedgerow_server.interceptors.deadline import Deadline
from hedgerow_server.interceptors.decode import Decode
from hedgerow_server.interceptors.request_id import RequestId
from hedgerow_server.interceptors.telemetry import Telemetry
from hedgerow_server.providers.openai import OpenAI, OpenAISection
from hedgerow_server.routing.candidate import Candidate, Upstream
from hedgerow_server.routing.route import Route
from hedgerow_server.routing.routes import Routes
from hedgerow_server.routing.state import States
from hedgerow_server.telemetry import trace
from hedgerow_server.telemetry.logs import CallLog
from hedgerow_server.wire.check import Checker
from hedgerow_server.wire.report import report


class NullResponse:
    """An answer that is already here."""

    status = 200

    def __init__(self, content_type: str, pieces: list[bytes]) -> None:
        self.headers: Mapping[str, str] = {"content-type": content_type}
        self._pieces = iter(pieces)

    async def read(self) -> bytes:
        return next(self._pieces, b"")

    def release(self, *, finished: bool = False) -> None:
        pass


class NullTransport:
    """An upstream that costs nothing."""

    def __init__(self, content_type: str, pieces: list[bytes]) -> None:
        self._content_type = content_type
        self._pieces = pieces

    async def send(self, request: HttpRequest, extra_headers: tuple[tuple[str, str], ...]) -> NullResponse:
        return NullResponse(self._content_type, self._pieces)

    async def close(self) -> None:
        pass


def document() -> bytes:
    """A unary answer of about 1 KB."""
    message = {"role": "assistant", "content": PROMPT, "refusal": None}
    usage = {"prompt_tokens": 250, "completion_tokens": 250, "total_tokens": 500}
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "null",
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": usage,
    }
    return json.dumps(body).encode()


def chunks() -> list[bytes]:
    """A stream of 64 tokens, each in a piece of its own."""
    head = (
        '{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"null","choices":[{"index":0,"delta":'
    )
    pieces = [f'data: {head}{{"content":" hedge"}},"finish_reason":null}}]}}\n\n' for _ in range(STREAM_TOKENS)]
    pieces.append(f'data: {head}{{}},"finish_reason":"stop"}}]}}\n\ndata: [DONE]\n\n')
    return [piece.encode() for piece in pieces]


def behind_the_door(*, telemetry: bool) -> dict[str, Callable[[], Awaitable[None]]]:
    """One unary call and one stream with a null door and a null upstream."""
    log = CallLog(Path("/dev/null").open("w")) if telemetry else None  # noqa: SIM115
    dialect = OpenAI("null", OpenAISection(dialect="openai"))

    def route(name: str, content_type: str, pieces: list[bytes]) -> tuple[str, Route]:
        upstream = Upstream("null", dialect, NullTransport(content_type, pieces), None, None, 60.0)
        return "chat", Route(name, [Candidate(upstream, "null", States().of("null", "", "null", ""))])

    routes = Routes([route("unary", "application/json", [document()]), route("stream", "text/event-stream", chunks())])
    chain = Chain(
        [
            RequestId(),
            Telemetry([log] if log else [], trace.forwarded),
            Deadline(600, 3600),
            Auth(StaticAuthenticator(StaticIdentity())),
            Decode(),
        ]
    )
    complete, stream, *_ = endpoints(routes, Checker(1 << 24))
    return {
        "unary": null_unary(chain, complete, request("unary")),
        "stream": _null_stream(chain, stream, request("stream")),
    }


def null_unary(chain: Chain, endpoint: Endpoint, body: bytes) -> Callable[[], Awaitable[None]]:
    """A unary call with a null door."""

    async def run() -> None:
        assert endpoint.answer is not None
        call, answer = Call(endpoint.method, {}, body), endpoint.answer()

        async def deliver(event: Event) -> None:
            answer.add(event)

        await chain.serve(call, deliver)
        assert answer.encode()
        assert report(call)

    return run


def _null_stream(chain: Chain, endpoint: Endpoint, body: bytes) -> Callable[[], Awaitable[None]]:
    async def run() -> None:
        assert endpoint.encoder is not None
        call, encoder = Call(endpoint.method, {}, body), endpoint.encoder()

        async def deliver(event: Event) -> None:
            encoder.encode(event)

        await chain.serve(call, deliver)
        assert report(call)

    return run


async def null_figures(rounds: int, scale: float) -> dict[str, list[float]]:
    """CPU behind the door, in this process."""
    figures: dict[str, list[float]] = {}
    for name, telemetry in (("behind_door", False), ("behind_door_telemetry", True)):
        runs = behind_the_door(telemetry=telemetry)
        for kind, count in (("unary", int(3000 * scale)), ("stream", int(300 * scale))):
            for _ in range(20):
                await runs[kind]()
            for _ in range(rounds):
                before = time.process_time()
                for _ in range(count):
                    await runs[kind]()
                micros = (time.process_time() - before) * 1e6 / count
                if kind == "stream":
                    micros /= STREAM_TOKENS
                figures.setdefault(f"{name}_{'chunk' if kind == 'stream' else 'unary'}", []).append(micros)
    return figures


def main() -> None:
    """Prints a table; with --json also one object for each measure."""
    parser = argparse.ArgumentParser(prog="scripts/bench behind_door", description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--rounds", type=int, default=5, help="how often each measure is taken (default 5)")
    parser.add_argument("--scale", type=float, default=1.0, help="how much work a round is (default 1)")
    arguments = parser.parse_args()
    figures = asyncio.run(null_figures(arguments.rounds, arguments.scale))
    print(f"{'measure':<30} {'CPU-µs':>8}   min … max of {arguments.rounds}")
    for name, values in figures.items():
        print(f"{name:<30} {statistics.median(values):>8.1f}   {min(values):.1f} … {max(values):.1f}")
    if arguments.json:
        result = {
            name: {"hedgerow": {"cpu_us": round(statistics.median(values), 1), "all": [round(v, 1) for v in values]}}
            for name, values in figures.items()
        }
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
