"""The gRPC server on the event loop: any cut of what clients send gives the same answers, and nothing that anybody
sends makes it fail or leaves a call behind.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterator

import hpack
import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.settings import SettingCodes
from hedgerow_server.doors.http2 import frames
from hedgerow_server.doors.http2.server import Server
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.hedgerow_server.doors.http2.peer import Peer, Told, connect, frame, framed, handlers, options, parsed

Run = Callable[[Awaitable[None]], None]
LARGE = bytes(number % 251 for number in range(20_000))
ROUNDS = 60


@pytest.fixture(scope="module", name="run")
def run_fixture() -> Iterator[Run]:
    """Runs something on an event loop, where nothing may fail unseen."""
    with asyncio.Runner() as runner:
        faults: list[dict[str, object]] = []
        runner.get_loop().set_exception_handler(lambda _, context: faults.append(context))

        def run(what: Awaitable[None]) -> None:
            async def awaited() -> None:
                await what

            runner.run(awaited())
            assert faults == []

        yield run


def server() -> Server:
    """With a service that has one RPC of each kind."""
    made = Server(options(streams=20))
    made.add_generic_rpc_handlers([handlers()])
    return made


def script(state: H2Connection) -> bytes:
    """What a client sends that waits for nothing: unary calls, one of them large, streams of both kinds, one call that
    it leaves, and one that is none.
    """
    client = Peer(None, None, None, state)  # type: ignore[arg-type]  # it has no other end
    state.local_settings = type(state.local_settings)(
        initial_values={SettingCodes.ENABLE_PUSH: 0, SettingCodes.INITIAL_WINDOW_SIZE: 1 << 20}
    )
    state.initiate_connection()
    state.increment_flow_control_window(1 << 20)
    client.call("Echo", b"first")
    talk = client.begin("Talk")
    client.call("Count", b"5")
    left = client.call("Wait", b"")
    for text in (b"a", b"", b"bc"):
        state.send_data(talk, framed(text))
    client.call("Echo", b"x")
    client.call("None", b"")
    state.reset_stream(left)
    state.ping(b"12345678")
    large = client.begin("Echo")
    for at in range(0, len(LARGE), 7000):
        body = framed(LARGE)[:5] * (at == 0) + LARGE[at : at + 7000]
        state.send_data(large, body, end_stream=at + 7000 >= len(LARGE))
    state.end_stream(talk)
    client.call("Gather", b"1", b"2")
    return bytes(state.data_to_send())


async def settled(client: Peer) -> None:
    """Lets happen what can."""
    for _ in range(ROUNDS):
        await asyncio.sleep(0)


async def answers(pieces: list[bytes], pauses: Iterator[bool]) -> dict[int, Told]:
    """What the script's calls are told."""
    client = connect(server(), most=1 << 30)
    script(client.state)
    for piece in pieces:
        client.connection.data_received(piece)
        if next(pauses):
            await asyncio.sleep(0)
    await settled(client)
    client.read()
    assert client.goaways == []
    await client.lose()
    assert client.connection.calls == {}
    return client.told


SCRIPT = script(H2Connection(H2Configuration(client_side=True)))


async def check(pieces: list[bytes], pauses: Iterator[bool]) -> None:
    """Each call has its answer, and the one that was left has none."""
    told = {stream: one for stream, one in (await answers(pieces, pauses)).items() if stream}
    bodies = {stream: (one.status, one.body, one.reset) for stream, one in told.items()}
    assert bodies == {
        1: ("0", framed(b"first"), None),
        3: ("0", framed(b"a") + framed(b"") + framed(b"bc"), None),
        5: ("0", b"".join(framed(b"%d" % number) for number in range(5)), None),
        9: ("0", framed(b"x"), None),
        11: ("12", b"", None),
        13: ("0", framed(LARGE), None),
        15: ("0", framed(b"1+2"), None),
    }


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """The data in pieces; a place counts modulo the length."""
    edges = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:end] for start, end in itertools.pairwise(edges)]


def always() -> Iterator[bool]:
    """A pause behind each piece."""
    return itertools.repeat(True)


def test_the_script_is_answered(run: Run) -> None:
    run(check([SCRIPT], always()))


def test_a_byte_at_a_time_gives_the_same_answers(run: Run) -> None:
    run(check([SCRIPT[at : at + 1] for at in range(len(SCRIPT))], itertools.cycle([True, False, False])))


@settings(max_examples=60)
@given(st.lists(st.integers(0, 1 << 20), min_size=1, max_size=12), st.integers(0, 2**12))
def test_any_cut_gives_the_same_answers(run: Run, places: list[int], pauses: int) -> None:
    run(check(cut(SCRIPT, places), (bool(pauses >> at & 1) for at in range(1000))))


@settings(max_examples=40)
@given(st.integers(0, len(SCRIPT)), st.integers(0, 3))
def test_an_end_at_any_byte_leaves_nothing_behind(run: Run, end: int, rounds: int) -> None:
    async def ended() -> None:
        client = connect(server(), most=1 << 30)
        client.connection.data_received(SCRIPT[:end])
        for _ in range(rounds):
            await asyncio.sleep(0)
        await gone(client)

    run(ended())


async def gone(client: Peer) -> None:
    """The client is gone, and nothing of it is left."""
    client.pipe.lose()
    await settled(client)
    assert client.connection.calls == {}
    assert client.connection._ended.unwinding == 0
    assert len(client.server.turns) == 0
    assert client.server.connections == 0
    others = asyncio.all_tasks() - {asyncio.current_task()}
    assert others == set()


ENCODER = hpack.Encoder()
PATHS = ("Echo", "Talk", "Count", "Wait", "Gather", "None")
BLOCKS = [
    ENCODER.encode(
        [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", f"/test.Service/{path}"),
            ("content-type", "application/grpc"),
            ("te", "trailers"),
            *more,
        ]
    )
    for path in PATHS
    for more in ([], [("grpc-timeout", "1S")], [("grpc-encoding", "gzip")], [("content-length", "6")])
]
"""They share a table of headers: in another order some of them cannot be read."""
STREAMS = st.sampled_from([0, 1, 2, 3, 5, 7, 9, 11, 2**31 - 1]) | st.integers(0, 2**32 - 1)
MESSAGES = st.sampled_from([framed(b"5"), framed(b"ab", compressed=True), b"\2\0\0\0\0", framed(b"x")[:4], b""])
NUMBERS = st.sampled_from([0, 1, 5, 2**31 - 1, 2**32 - 1]) | st.integers(0, 2**32 - 1)
WHOLE = frames.END_HEADERS | frames.END_STREAM


def four(number: int) -> bytes:
    """As four bytes."""
    return number.to_bytes(4, "big")


SETTINGS = st.lists(st.tuples(st.integers(0, 8), NUMBERS), max_size=3).map(
    lambda pairs: b"".join(name.to_bytes(2, "big") + four(value) for name, value in pairs)
)
FRAMES = st.one_of(
    st.builds(frame, st.just(frames.HEADERS), st.sampled_from([4, 5, 0, 1, 0x2D]), STREAMS, st.sampled_from(BLOCKS)),
    st.builds(frame, st.just(frames.CONTINUATION), st.sampled_from([0, 4]), STREAMS, st.sampled_from(BLOCKS)),
    st.builds(frame, st.just(frames.DATA), st.sampled_from([0, 1, 8, 9]), STREAMS, MESSAGES),
    st.builds(frame, st.just(frames.RST_STREAM), st.just(0), STREAMS, NUMBERS.map(four)),
    st.builds(frame, st.just(frames.WINDOW_UPDATE), st.just(0), STREAMS, NUMBERS.map(four)),
    st.builds(frame, st.just(frames.SETTINGS), st.sampled_from([0, 0, 1]), st.sampled_from([0, 0, 0, 1]), SETTINGS),
    st.builds(frame, st.just(frames.PING), st.sampled_from([0, 1]), st.just(0), st.just(b"retiring")),
    st.builds(frame, st.integers(0, 12), st.integers(0, 255), STREAMS, st.binary(max_size=20)),
)
# Calls that are well begun, so that what comes behind meets some that are open.
CALLS = st.lists(st.tuples(st.sampled_from(PATHS), st.booleans(), st.booleans()), max_size=5)


def begun(calls: list[tuple[str, bool, bool]]) -> bytes:
    """Calls as a client begins them, with or without a message and an end."""
    state = H2Connection(H2Configuration(client_side=True))
    state.initiate_connection()
    client = Peer(None, None, None, state)  # type: ignore[arg-type]
    for path, message, end in calls:
        stream = client.begin(path)
        if message or end:
            state.send_data(stream, framed(b"5") if message else b"", end_stream=end)
    return bytes(state.data_to_send())


def ending(sent: list[bytes]) -> st.SearchStrategy[list[bytes]]:
    """The frames, and bytes that are none."""
    return st.binary(max_size=30).map(lambda rest: [*sent, rest])


@settings(max_examples=300)
@given(CALLS, st.lists(FRAMES, max_size=12).flatmap(ending), st.integers(0, 2**13), st.booleans())
def test_nothing_that_is_sent_makes_it_fail_or_leaves_a_call_behind(
    run: Run, calls: list[tuple[str, bool, bool]], sent: list[bytes], pauses: int, retire: bool
) -> None:
    async def tried() -> None:
        client = connect(server(), most=1000)
        client.connection.data_received(begun(calls))
        for number, piece in enumerate(sent):
            client.connection.data_received(piece)
            if pauses >> number & 1:
                await asyncio.sleep(0)
            if retire and number == 3:
                client.connection.retire()
        await settled(client)
        codes = [one.error_code for one in parsed(client.pipe.taken()) if one.type == frames.GOAWAY]
        assert frames.INTERNAL_ERROR not in codes
        await gone(client)

    run(tried())
