"""A gateway for tests: a real gRPC server in the test's own process that answers as the test says.

    from hedgerow_client import Client, chat
    from hedgerow_client.testing import Answer, Fault, FakeGateway

    def test_the_second_try_succeeds() -> None:
        with FakeGateway(Fault.unavailable(), Answer("Hello")) as gateway, Client(gateway.target) as client:
            assert ask_twice(client) == "Hello"
            assert [request.text for request in gateway.requests] == ["Hi", "Hi"]

    Answer      text, reasoning, tool calls, JSON, refusals, vectors; how it is cut into events, and how slow they come
    Fault       a status as the gateway sends it, with its details and trailers; a cut, a stall; as often as you say
    Recording   the events of a real stream, from a file of JSON lines as grpcurl prints them

The server keeps the contract whatever it is told to play: `Started` first, events numbered from 1 without gaps, exactly
one `Completed`, last. Only `Fault.incomplete` breaks it, for those who test what they make of that. It serves the
synchronous and the asyncio client alike, and clients in any other language. Nothing here needs pytest; a fixture is

    @pytest.fixture
    def gateway() -> Iterator[FakeGateway]:
        with FakeGateway() as running:
            yield running
"""

from hedgerow_client.testing.answer import Answer, tool_call
from hedgerow_client.testing.contract import RecordingError
from hedgerow_client.testing.fault import Fault
from hedgerow_client.testing.gateway import FakeGateway
from hedgerow_client.testing.recording import Recording
from hedgerow_client.testing.request import Request

__all__ = ["Answer", "FakeGateway", "Fault", "Recording", "RecordingError", "Request", "tool_call"]
