"""Servers that misbehave on HTTP/2, before our clients and, so that they are known to do it right, before gRPC's own.

The cases are those of gRPC's doc/negative-http2-interop-test-descriptions.md, each with a unary call and a stream.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Self

import pytest
from docs.test_java import class_path
from hedgerow.chat.v1 import chat_service_pb2, event_pb2, message_pb2
from hedgerow_client import AsyncClient, CallError, chat
from interop import messages, toolchain
from interop.misbehaving import CASES, Seen, misbehaving

pytestmark = [pytest.mark.polyglot, pytest.mark.timeout(900)]
__all__ = ["class_path"]  # a fixture

SIZE = messages.PEAK
SHAPES = ("unary", "stream")
ROUNDS = {"goaway": "1+1", "max_streams": "1+10"}
BROKEN = ("rst_after_header", "rst_during_data", "rst_after_data")
# What clients make of a RST_STREAM with NO_ERROR is not settled (grpc/grpc#9142); none may take it for a success.
FAILURES = {"INTERNAL", "UNKNOWN", "UNAVAILABLE", "CANCELLED"}
# gRPC's own clients fail the call as they should, and then want a code or a text that their library no longer gives.
OUTDATED_GO = {"rst_during_data": "= _, Internal, want _, Unknown"}
OUTDATED_JAVA = "RST_STREAM closed stream. HTTP/2 error code: NO_ERROR"


def answers() -> dict[str, list[bytes]]:
    """A large answer for each RPC."""
    text = "0" * SIZE
    whole = chat_service_pb2.CompleteResponse(
        message=message_pb2.Message(role=message_pb2.ROLE_ASSISTANT, content=[message_pb2.Part(text=text)]),
        finish_reason=event_pb2.FINISH_REASON_STOP,
        provider="sim",
        model="fast",
    )
    kind = chat_service_pb2.StreamCompleteResponse
    events = [
        kind(started=event_pb2.Started(provider="sim", model="fast")),
        *(kind(text_delta=event_pb2.TextDelta(text=text[at : at + 1000])) for at in range(0, SIZE, 1000)),
        kind(completed=event_pb2.Completed(finish_reason=event_pb2.FINISH_REASON_STOP)),
    ]
    for number, event in enumerate(events, 1):
        event.sequence = number
    return {
        "/hedgerow.chat.v1.ChatService/Complete": [whole.SerializeToString()],
        "/hedgerow.chat.v1.ChatService/StreamComplete": [event.SerializeToString() for event in events],
        f"/{messages.SERVICE}/UnaryCall": [
            messages.of("SimpleResponse")(payload=messages.zeros(SIZE)).SerializeToString()
        ],
    }


@dataclass
class Told:
    """What became of the calls of one client in one case."""

    seen: Seen
    calls: list[tuple[str, int]] = field(default_factory=list)
    """The code of each, without underscores, and how much text it brought."""

    def check(self, case: str) -> None:
        """Asserts what the case asks of clients, and what the server is to assert."""
        codes = [code for code, _ in self.calls]
        if case in BROKEN:
            assert len(codes) == 1
            assert codes[0] in FAILURES
            return
        assert self.calls == [("OK", SIZE)] * sum(int(calls) for calls in ROUNDS.get(case, "1").split("+"))
        self.check_server(case)

    def check_server(self, case: str) -> None:
        seen = self.seen
        if case == "goaway":
            (first, _), (second, _) = seen.calls
            assert first != second, "the second call went to the connection that had been told to go"
        if case == "ping":
            assert seen.pings_sent == seen.pings_answered == 4
        if case == "max_streams":
            assert seen.most_at_once == 1


class Servers:
    """A server for each case, client and shape."""

    def __init__(self) -> None:
        self._exits = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._exits.aclose()

    async def scenarios(self) -> tuple[dict[tuple[str, str], Told], list[str]]:
        """What the programs `ask` take, for every case and shape, and where what they tell goes."""
        told, arguments = {}, []
        for case in CASES:
            for shape in SHAPES:
                target, seen = await self.one(case)
                told[case, shape] = Told(seen)
                arguments.append(f"{case}/{shape},{target},{shape},{ROUNDS.get(case, '1')}")
        return told, arguments

    async def one(self, case: str) -> tuple[str, Seen]:
        return await self._exits.enter_async_context(misbehaving(case, answers()))


@pytest.fixture(scope="module")
async def servers() -> AsyncIterator[Servers]:
    async with Servers() as running:
        yield running


async def _ask(servers: Servers, *command: str) -> dict[tuple[str, str], Told]:
    """Runs one of the programs `ask` on all cases."""
    told, arguments = await servers.scenarios()
    ended = await toolchain.run(*command, *arguments)
    assert ended.status == 0, ended.output
    for line in ended.output.splitlines():
        if line.count("\t") == 2:
            name, code, size = line.split("\t")
            case, _, shape = name.partition("/")
            told[case, shape].calls.append((code.upper().replace("_", ""), int(size)))
    return told


@pytest.fixture(scope="module")
async def of_go(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Told]:
    return await _ask(servers, toolchain.go_asker(tmp_path_factory.mktemp("ask")))


@pytest.fixture(scope="module")
async def of_java(servers: Servers, class_path: str) -> dict[tuple[str, str], Told]:
    program = str(toolchain.JAVA / "Ask.java")
    return await _ask(servers, *toolchain.QUICK_JVM, "-cp", class_path, program)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("case", CASES)
async def test_the_go_client_copes(case: str, shape: str, of_go: dict[tuple[str, str], Told]) -> None:
    of_go[case, shape].check(case)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("case", CASES)
async def test_the_java_client_copes(case: str, shape: str, of_java: dict[tuple[str, str], Told]) -> None:
    of_java[case, shape].check(case)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("case", CASES)
async def test_the_python_client_copes(case: str, shape: str) -> None:
    async with misbehaving(case, answers()) as (target, seen):
        told = Told(seen)
        async with AsyncClient(target, timeout=20) as client:
            for calls in ROUNDS.get(case, "1").split("+"):
                told.calls += await asyncio.gather(*(_python(client, shape) for _ in range(int(calls))))
        told.check(case)


async def _python(client: AsyncClient, shape: str) -> tuple[str, int]:
    request = chat("fast", "0" * 271828)
    try:
        if shape == "unary":
            return "OK", len((await client.complete(request)).message.content[0].text)
        answer = await client.stream(request).collect()
        return "OK", len(answer.message.content[0].text)
    except CallError as error:
        return error.code.name.replace("_", ""), 0


@pytest.fixture(scope="module")
def go_tools() -> dict[str, str]:
    return toolchain.go_tools()


@pytest.mark.parametrize("case", CASES)
async def test_grpcs_own_go_client_copes(case: str, go_tools: dict[str, str]) -> None:
    """So the server misbehaves as the case has it. Its client waits for a second where the server says goaway."""
    async with misbehaving(case, answers()) as (target, seen):
        port = target.rpartition(":")[2]
        ended = await toolchain.run(
            go_tools["http2"], "--server_host=127.0.0.1", f"--server_port={port}", f"--test_case={case}"
        )
        assert (ended.status == 0) == (case not in OUTDATED_GO), ended.output
        assert OUTDATED_GO.get(case, "") in ended.output
        Told(seen).check_server(case)


async def test_grpcs_own_java_client_copes(servers: Servers) -> None:
    path = toolchain.java_interop()
    cases = {case: await servers.one(case) for case in CASES}
    arguments = [f"{case}={target.rpartition(':')[2]}" for case, (target, _) in cases.items()]
    program = str(toolchain.JAVA / "Cases.java")
    client = "io.grpc.testing.integration.Http2Client"
    ended = await toolchain.run(*toolchain.QUICK_JVM, "-cp", path, program, client, "False", *arguments)
    told = dict(line.split("\t")[1:] for line in ended.output.splitlines() if line.startswith("case\t"))
    assert list(told) == list(CASES), ended.output
    assert {case for case, end in told.items() if end != "ok"} == set(BROKEN), ended.output
    assert all(told[case].endswith(OUTDATED_JAVA) for case in BROKEN), ended.output
    for case, (_, seen) in cases.items():
        Told(seen).check_server(case)
