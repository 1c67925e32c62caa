"""The interceptors, one by one."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from hedgerow_server.core.call import Call, Kind, Method, Outcome, Principal
from hedgerow_server.core.clock import Clock
from hedgerow_server.core.error import RequestInvalid, StreamCut, Unauthenticated
from hedgerow_server.core.event import AttemptKind, AttemptOutcome, AttemptRecord, Usage, WarningCode
from hedgerow_server.core.request import EmbedRequest, EmbedSpec
from hedgerow_server.interceptors.auth import Auth
from hedgerow_server.interceptors.deadline import Deadline
from hedgerow_server.interceptors.decode import Decode
from hedgerow_server.interceptors.request_id import RequestId
from hedgerow_server.interceptors.telemetry import Telemetry
from hedgerow_server.telemetry.logs import CallLine, line
from hedgerow_server.telemetry.trace import forwarded
from unit.hedgerow_server.calls import call, nothing

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize("given", ["r", "order-1234/retry:2", "a" * 128, "Az09_.:/+=-"])
async def test_the_callers_request_id_is_taken(given: str) -> None:
    one = call({"x-request-id": given})
    await RequestId().admit(one)
    assert one.request_id == given


@pytest.mark.parametrize("given", ["", "a" * 129, "with space", "a\nb", "é", 'a"b', "a;b", "a\n"])
async def test_a_request_id_that_could_do_harm_is_replaced(given: str) -> None:
    one = call({"x-request-id": given})
    await RequestId().admit(one)
    assert one.request_id != given
    assert len(one.request_id) == 32
    assert one.request_id.isalnum()


async def test_request_ids_differ() -> None:
    one, other = call(), call()
    await RequestId().admit(one)
    await RequestId().admit(other)
    assert one.request_id != other.request_id


async def admitted(timeout_s: float | None) -> Call:
    """A call that asked for this time, of a server with a default of 10 s and a maximum of 20 s."""
    one = call(timeout_s=timeout_s)
    await Deadline(10, 20).admit(one)
    return one


@pytest.mark.parametrize(("asked", "holds"), [(None, 10), (5.0, 5), (20.0, 20), (30.0, 20), (1e9, 20)])
async def test_the_callers_time_holds_up_to_the_maximum_and_the_default_without_one(
    asked: float | None, holds: float
) -> None:
    one = await admitted(asked)
    assert one.timeout_s == holds
    remaining = one.remaining_s()
    assert remaining is not None
    assert holds - 1 < remaining <= holds


@pytest.mark.parametrize(("asked", "warned"), [(None, False), (20.0, False), (20.5, True)])
async def test_only_a_caller_that_asked_for_more_is_warned(asked: float | None, warned: bool) -> None:
    one = await admitted(asked)
    assert [warning.code for warning in one.warnings] == [WarningCode.DEADLINE_CLAMPED] * warned


async def test_a_default_above_the_maximum_is_clamped_without_a_warning() -> None:
    one = call()
    await Deadline(100, 20).admit(one)
    assert (one.timeout_s, one.warnings) == (20, [])


@pytest.mark.parametrize("asked", [0.01, 0.1, 0.5, 1.0, 5.0, 19.0])
async def test_the_call_ends_a_little_before_the_callers_own_clock(asked: float) -> None:
    """So that its status and details arrive. Never more than a tenth before, or about a second."""
    one = await admitted(asked)
    assert one.deadline_s is not None
    margin_s = one.started_s + asked - one.deadline_s
    assert 0 < margin_s <= min(asked * 0.11, 1.05)


async def test_a_call_without_a_deadline_of_its_own_needs_no_margin() -> None:
    one = await admitted(None)
    assert one.deadline_s == one.started_s + 10


async def sleep_within(one: Call) -> None:
    """What a call does that waits for long, once the deadline was set."""
    clock = one.timer = Clock()
    clock.start()
    try:
        await Deadline(10, 20).admit(one)
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        assert clock.timed_out()
        raise TimeoutError from None


async def test_the_calls_timer_is_armed() -> None:
    one = call(timeout_s=0.02)
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        await sleep_within(one)
    assert time.monotonic() - started < 5


async def test_a_deadline_that_has_passed_ends_the_call_at_its_next_wait() -> None:
    one = call(timeout_s=-1.0)
    with pytest.raises(TimeoutError):
        await sleep_within(one)


async def test_auth_sets_the_principal() -> None:
    class Known:
        async def authenticate(self, call: Call) -> Principal:
            return Principal("acme")

    one = call()
    await Auth(Known()).admit(one)
    assert one.principal == Principal("acme")


async def test_auth_lets_nobody_in_that_is_not_known() -> None:
    class Strict:
        async def authenticate(self, call: Call) -> Principal:
            raise Unauthenticated("Who are you?")

    one = call()
    with pytest.raises(Unauthenticated):
        await Auth(Strict()).admit(one)
    assert one.principal is None


def decoding(kind: Kind, bodies: AsyncIterator[bytes] | None = None) -> Call:
    """A call whose request is its body in upper case; an empty body is refused."""

    def decode(one: Call) -> object:
        if not one.body:
            raise RequestInvalid("empty")
        return one.body.upper()

    return Call(Method("test.Service/Call", kind, decode, nothing), {}, b"" if bodies else b"body", bodies=bodies)


async def test_decode_sets_the_request() -> None:
    one = decoding(Kind.UNARY)
    await Decode().admit(one)
    assert one.request == b"BODY"


async def test_decode_reads_the_first_message_of_a_stream_and_leaves_the_others() -> None:
    async def messages() -> AsyncIterator[bytes]:
        yield b"options"
        yield b"item"

    one = decoding(Kind.BIDI_STREAM, messages())
    await Decode().admit(one)
    assert one.request == b"OPTIONS"
    assert one.bodies is not None
    assert await anext(one.bodies) == b"item"


async def test_decode_refuses_a_stream_without_a_message() -> None:
    async def none() -> AsyncIterator[bytes]:
        return
        yield b""

    with pytest.raises(RequestInvalid):
        await Decode().admit(decoding(Kind.BIDI_STREAM, none()))


def attempt(number: int) -> AttemptRecord:
    """The record of an attempt that got its first token after 250 ms."""
    return AttemptRecord(
        number=number,
        provider="sim",
        model="gpt",
        region="eu",
        kind=AttemptKind.PRIMARY,
        start_unix_s=0.0,
        outcome=AttemptOutcome.FAILED,
        first_token_s=0.25,
    )


class Lines:
    """A watcher that makes the lines of calls."""

    def __init__(self) -> None:
        self.began_with: list[Call] = []
        self.lines: list[CallLine] = []

    def began(self, one: Call) -> None:
        """Takes note of it."""
        self.began_with.append(one)

    def settled(self, one: Call, outcome: Outcome, duration_s: float) -> None:
        """Makes its line."""
        self.lines.append(line(one, outcome, duration_s))


async def line_of(one: Call, outcome: Outcome) -> CallLine:
    """The one line of a call that ended so."""
    watcher = Lines()
    telemetry = Telemetry([watcher], forwarded)
    await telemetry.admit(one)
    telemetry.settle(one, outcome)
    assert watcher.began_with == [one]
    (found,) = watcher.lines
    return found


async def test_the_line_of_a_call_says_what_became_of_it() -> None:
    one = call({"traceparent": PARENT, "authorization": "Bearer sk-canary"}, body=b"prompt-canary")
    one.request_id, one.principal = "req-7", Principal("acme", user="somebody")
    one.attempts, one.attempts_started = [attempt(40)], 40
    one.usage = Usage(input_uncached_tokens=3, input_cache_read_tokens=4, output_visible_tokens=5)
    told = await line_of(one, Outcome(error=StreamCut("The answer was cut.")))
    assert (told.request_id, told.method, told.code, told.reason) == (
        "req-7",
        "test.Service/Call",
        "UNAVAILABLE",
        "STREAM_CUT",
    )
    assert (told.message, told.tenant, told.provider, told.model) == ("The answer was cut.", "acme", "sim", "gpt")
    assert (told.attempts, told.input_tokens, told.output_tokens, told.first_token_ms) == (40, 7, 5, 250.0)
    assert told.trace == PARENT
    assert 0 <= told.duration_ms < 60_000


async def test_the_line_of_a_call_holds_neither_credential_nor_prompt() -> None:
    one = call({"authorization": "Bearer sk-canary", "x-api-key": "sk-canary"}, body=b"prompt-canary")
    one.request = {"messages": ["prompt-canary"]}
    assert "canary" not in repr(await line_of(one, Outcome()))


async def test_the_line_of_a_call_holds_its_labels() -> None:
    one = call()
    one.request = EmbedRequest(spec=EmbedSpec(model="m"), labels={"feature": "search"})
    assert (await line_of(one, Outcome())).labels == {"feature": "search"}


async def test_the_line_of_a_call_that_was_refused_early_knows_little() -> None:
    told = await line_of(call(), Outcome(error=Unauthenticated("Who are you?")))
    assert (told.code, told.tenant, told.provider, told.attempts, told.first_token_ms) == (
        "UNAUTHENTICATED",
        "",
        "",
        0,
        None,
    )


async def test_a_malformed_trace_context_does_not_get_into_the_line() -> None:
    assert (await line_of(call({"traceparent": "x" * 5000}), Outcome())).trace == ""


async def test_the_trace_goes_on_to_the_provider_also_without_a_log() -> None:
    one = call({"traceparent": PARENT, "tracestate": "v=1"})
    telemetry = Telemetry([], forwarded)
    await telemetry.admit(one)
    telemetry.settle(one, Outcome())
    assert one.trace == (("traceparent", PARENT), ("tracestate", "v=1"))
