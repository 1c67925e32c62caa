"""gRPC's interoperability cases, from clients in Python, Go and Java, against the gateway's own gRPC door.

docs/conformance.md says what each of them shows, and why those of MISSES fail.
"""

import asyncio
from collections.abc import AsyncIterator

import grpc
import grpc.aio
import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.settings
import pytest
from interop import toolchain
from interop.messages import PEAK, of
from interop.python_cases import AS_TOLD, CASES, Caller
from interop.service import Running, running
from stack import OWN_CONNECTIONS

polyglot = pytest.mark.polyglot
pytestmark = pytest.mark.timeout(900)

GO_CASES = (
    "empty_unary",
    "large_unary",
    "client_streaming",
    "server_streaming",
    "ping_pong",
    "empty_stream",
    "timeout_on_sleeping_server",
    "cancel_after_begin",
    "cancel_after_first_response",
    "status_code_and_message",
    "special_status_message",
    "custom_metadata",
    "unimplemented_method",
    "unimplemented_service",
    "pick_first_unary",
)
JAVA_CASES = (
    # Neither pick_first_unary, which takes the Java client five seconds, nor client_compressed_streaming with its
    # probe, whose failure it only notices after fifteen.
    *GO_CASES[:-1],
    "cacheable_unary",
    "client_compressed_unary",
    "client_compressed_unary_noprobe",
    "client_compressed_streaming_noprobe",
    "server_compressed_unary",
    "server_compressed_streaming",
    "very_large_request",
)
MISSES = {
    "special_status_message": AS_TOLD,
    "cacheable_unary": "There is no RPC grpc.testing.TestService/CacheableUnaryCall",
    "client_compressed_unary": "expected INVALID_ARGUMENT",
}
"""The cases that fail, and words of how."""


@pytest.fixture(scope="module")
async def service() -> AsyncIterator[Running]:
    async with running() as server:
        yield server


@pytest.fixture(scope="module")
def go_client() -> str:
    return toolchain.go_tools()["client"]


@pytest.fixture(scope="module")
async def of_java(service: Running) -> dict[str, str]:
    """How each case ended: "ok" or what failed."""
    path = toolchain.java_interop()
    client = "io.grpc.testing.integration.TestServiceClient"
    command = (*toolchain.QUICK_JVM, "-cp", path, str(toolchain.JAVA / "Cases.java"), client)
    ended = await toolchain.run(*command, *(f"{case}={service.port}" for case in JAVA_CASES))
    told = dict(line.split("\t")[1:] for line in ended.output.splitlines() if line.startswith("case\t"))
    assert list(told) == list(JAVA_CASES), ended.output
    return told


def channel(target: str) -> grpc.aio.Channel:
    return grpc.aio.insecure_channel(target, options=OWN_CONNECTIONS)


@pytest.mark.parametrize("case", CASES)
async def test_a_python_client_passes(case: str, service: Running) -> None:
    """Other than that a status message comes as printable ASCII."""
    async with asyncio.timeout(30), channel(service.target) as one:
        await CASES[case](Caller(one))


@polyglot
@pytest.mark.parametrize("case", GO_CASES)
async def test_a_go_client_passes_or_misses_as_explained(case: str, service: Running, go_client: str) -> None:
    ended = await toolchain.run(
        go_client, "--server_host=127.0.0.1", f"--server_port={service.port}", f"--test_case={case}"
    )
    assert (ended.status == 0) == (case not in MISSES), ended.output
    assert MISSES.get(case, "") in ended.output


@polyglot
@pytest.mark.parametrize("case", JAVA_CASES)
async def test_a_java_client_passes_or_misses_as_explained(case: str, of_java: dict[str, str]) -> None:
    assert MISSES.get(case, "ok") in of_java[case]


async def test_calls_beyond_the_most_of_a_connection_wait_or_are_refused_before_they_count() -> None:
    """A client keeps to the limit, but C-core counts a stream until the call's last trace is gone: one that comes right
    behind may be refused with REFUSED_STREAM, which says that nothing of it was processed (RFC 9113, section 8.7).
    """
    async with running(max_streams_per_connection=2) as server, channel(server.target) as one:
        caller = Caller(one)
        await caller.empty(of("Empty")())
        calls = [caller.unary(of("SimpleRequest")(response_size=PEAK)) for _ in range(20)]
        codes = [await call.code() for call in calls]
        refused = [await call.details() for call in calls if await call.code() is not grpc.StatusCode.OK]
    assert server.open.come == 1 + codes.count(grpc.StatusCode.OK)
    assert 1 <= server.open.peak <= 2
    assert all("RST_STREAM with error code 7" in text for text in refused), refused


def _headers() -> list[tuple[str, str]]:
    return [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/grpc.testing.TestService/FullDuplexCall"),
        (":authority", "localhost"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ]


async def test_a_client_that_ignores_the_most_of_a_connection_is_refused() -> None:
    """With REFUSED_STREAM for the calls too many, while those within the limit stay open (RFC 9113, section 5.1.2)."""
    async with running(max_streams_per_connection=2) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(server.port))
        wire = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
        wire.initiate_connection()
        told: list[h2.events.Event] = []
        async with asyncio.timeout(10):
            while not any(isinstance(event, h2.events.RemoteSettingsChanged) for event in told):
                told += await _exchange(wire, reader, writer)
            limit = wire.remote_settings.max_concurrent_streams
            assert limit == 2
            wire.remote_settings[h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS] = 100
            wire.remote_settings.acknowledge()
            for stream in (1, 3, 5):
                wire.send_headers(stream, _headers())
            while not any(isinstance(event, h2.events.StreamReset) for event in told):
                told += await _exchange(wire, reader, writer)
        writer.close()
        await writer.wait_closed()
    resets = [event for event in told if isinstance(event, h2.events.StreamReset)]
    assert [(event.stream_id, event.error_code) for event in resets] == [(5, h2.errors.ErrorCodes.REFUSED_STREAM)]


async def _exchange(
    wire: h2.connection.H2Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> list[h2.events.Event]:
    writer.write(wire.data_to_send())
    await writer.drain()
    data = await reader.read(65536)
    assert data, "the server has closed the connection"
    return wire.receive_data(data)
