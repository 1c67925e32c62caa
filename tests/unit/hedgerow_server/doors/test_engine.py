"""What the callers' gRPC door is on."""

import pydantic
import pytest
from hedgerow_server.doors.engine import CoreServer, LoopServer, callers_server
from hedgerow_server.doors.section import GrpcSection, ServerSection


async def test_the_door_is_on_the_event_loop_by_default() -> None:
    assert isinstance(callers_server(ServerSection(), shared=False), LoopServer)


@pytest.mark.parametrize(
    "section", [ServerSection(grpc=GrpcSection(engine="grpcio")), ServerSection(opentelemetry=True)]
)
async def test_the_door_is_on_c_core_where_it_is_to_be_or_opentelemetry_needs_it(section: ServerSection) -> None:
    server = callers_server(section, shared=False)
    assert isinstance(server, CoreServer)
    await server.stop(0)


def test_the_event_loops_server_cannot_be_instrumented() -> None:
    with pytest.raises(pydantic.ValidationError, match=r"expected grpc\.engine: grpcio"):
        ServerSection(grpc=GrpcSection(engine="asyncio"), opentelemetry=True)
