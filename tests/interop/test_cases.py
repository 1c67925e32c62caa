"""gRPC's interoperability cases, from clients in Python, Go and Java, against the gateway's own gRPC door, in plaintext
and over TLS.

docs/conformance.md says what each of them shows, and why those of MISSES fail.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import grpc.aio
import pytest
from interop import toolchain
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


@pytest.fixture(scope="module", params=[False, True], ids=["plaintext", "tls"])
async def service(engine: str, request: pytest.FixtureRequest) -> AsyncIterator[Running]:
    async with running(engine=engine, tls=request.param) as server:
        yield server


@pytest.fixture(scope="module")
def trusted(service: Running, tmp_path_factory: pytest.TempPathFactory) -> Path | None:
    """A file with the authority that the server's certificate is of; None in plaintext."""
    if service.authority is None:
        return None
    path = tmp_path_factory.mktemp("authority") / "ca.pem"
    path.write_bytes(service.authority)
    return path


@pytest.fixture(scope="module")
def go_client() -> str:
    return toolchain.go_tools()["client"]


@pytest.fixture(scope="module")
async def of_java(service: Running, trusted: Path | None) -> dict[str, str]:
    """How each case ended: "ok" or what failed."""
    path = toolchain.java_interop()
    client = "io.grpc.testing.integration.TestServiceClient"
    options = await toolchain.trust_store(trusted) if trusted else ()
    command = (*toolchain.QUICK_JVM, *options, "-cp", path, str(toolchain.JAVA / "Cases.java"), client)
    ended = await toolchain.run(*command, f"{trusted is not None}", *(f"{case}={service.port}" for case in JAVA_CASES))
    told = dict(line.split("\t")[1:] for line in ended.output.splitlines() if line.startswith("case\t"))
    assert list(told) == list(JAVA_CASES), ended.output
    return told


def channel(service: Running) -> grpc.aio.Channel:
    if service.authority is None:
        return grpc.aio.insecure_channel(service.target, OWN_CONNECTIONS)
    return grpc.aio.secure_channel(service.target, grpc.ssl_channel_credentials(service.authority), OWN_CONNECTIONS)


@pytest.mark.parametrize("case", CASES)
async def test_a_python_client_passes(case: str, service: Running) -> None:
    """Other than that a status message comes as printable ASCII."""
    async with asyncio.timeout(30), channel(service) as one:
        await CASES[case](Caller(one))


@polyglot
@pytest.mark.parametrize("case", GO_CASES)
async def test_a_go_client_passes_or_misses_as_explained(
    case: str, service: Running, trusted: Path | None, go_client: str
) -> None:
    secure = ("--use_tls", "--use_test_ca", f"--ca_file={trusted}") if trusted else ()
    where = ("--server_host=127.0.0.1", f"--server_port={service.port}")
    ended = await toolchain.run(go_client, *where, *secure, f"--test_case={case}")
    assert (ended.status == 0) == (case not in MISSES), ended.output
    assert MISSES.get(case, "") in ended.output


@polyglot
@pytest.mark.parametrize("case", JAVA_CASES)
async def test_a_java_client_passes_or_misses_as_explained(case: str, of_java: dict[str, str]) -> None:
    assert MISSES.get(case, "ok") in of_java[case]
