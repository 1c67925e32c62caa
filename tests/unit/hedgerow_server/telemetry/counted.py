"""Calls that are over, and what the numbers tell of them."""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from hedgerow_server.core.call import Call, Kind, Method, Outcome, Principal
from hedgerow_server.core.error import HedgerowError
from hedgerow_server.core.event import AttemptKind, AttemptOutcome, AttemptRecord, Usage
from hedgerow_server.core.request import ChatRequest, ChatSpec, EmbedRequest, EmbedSpec
from hedgerow_server.telemetry.calls import CallNumbers
from prometheus_client.core import Metric
from unit.hedgerow_server.calls import no_request, nothing

COMPLETE = "hedgerow.chat.v1.ChatService/Complete"
EMBED = "hedgerow.embed.v1.EmbedService/Embed"
RELOAD = "hedgerow.admin.v1.AdminService/Reload"
ROUTES = {("chat", "fast"): "fast", ("embed", "small"): "small", ("chat", "all/theirs"): "all/*"}
Told = dict[tuple[str, ...], float]


def numbers(max_tenants: int = 10, routes: dict[tuple[str, str], str] | None = None) -> CallNumbers:
    """Fresh ones, of a router with a few routes."""
    known, made = ROUTES if routes is None else routes, CallNumbers(max_tenants)
    made.know([COMPLETE, EMBED, RELOAD], lambda kind, model: known.get((kind, model)))
    return made


def made(model: str = "fast", *attempts: AttemptRecord, who: Principal | None = None, name: str = COMPLETE) -> Call:
    """A call that has had these attempts."""
    call = Call(Method(name, Kind.UNARY, no_request, nothing), {}, b"")
    call.principal = who
    if name == EMBED:
        call.request = EmbedRequest(spec=EmbedSpec(model=model, inputs=("hi",)))
    elif model:
        call.request = ChatRequest(spec=ChatSpec(model=model, messages=()))
    call.attempts = list(attempts)
    call.attempts_started = len(attempts)
    return call


def attempt(
    outcome: AttemptOutcome = AttemptOutcome.SUCCEEDED, kind: AttemptKind = AttemptKind.PRIMARY, **more: Any
) -> AttemptRecord:
    """An attempt that is over: 7 input and 5 output tokens for a thousandth of a dollar."""
    given: dict[str, Any] = {
        "number": 1,
        "provider": "openai",
        "model": "gpt",
        "region": "",
        "start_unix_s": time.time(),
        "total_s": 0.2,
        "first_token_s": 0.1,
        "usage": Usage(input_uncached_tokens=7, output_visible_tokens=5),
        "cost_picos": 10**9,
    }
    return AttemptRecord(outcome=outcome, kind=kind, **{**given, **more})


def over(watcher: CallNumbers, call: Call, error: HedgerowError | None = None, duration_s: float = 0.3) -> None:
    """The call comes and goes."""
    watcher.began(call)
    watcher.settled(call, Outcome(error=error), duration_s)


def told(read: Callable[[], Iterable[Metric]], name: str = "", labels: Sequence[str] = ()) -> Told:
    """The samples whose names begin with `name` that are not 0, by name and the values of those labels, or of all."""
    found: Told = {}
    for metric in read():
        for one in metric.samples:
            if one.name.startswith(name) and one.value:
                values = [one.labels[label] for label in labels] if labels else one.labels.values()
                key = (one.name, *values)
                found[key] = found.get(key, 0) + one.value
    return found
