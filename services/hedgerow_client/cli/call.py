"""`hedgerow call`: all that is known of one call."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from hedgerow_client.cli.ledger import usd
from hedgerow_client.cli.options import DEFAULT_TARGET, Plaintext, Target, Timeout, TlsCa, Token, connect_usage
from hedgerow_client.cli.terminal import clock, describe_usage, print_json, print_table, printable, reporting, say

if TYPE_CHECKING:
    from google.protobuf.duration_pb2 import Duration
    from hedgerow.usage.v1.record_pb2 import CallRecord, GuardrailRecord, LedgerAttempt

_COLUMNS = ("#", "WHY", "PROVIDER", "MODEL", "STARTED", "OUTCOME", "FIRST", "TOTAL", "USAGE", "COST", "ACCOUNT")
_NUMBERS = {"#", "STARTED", "FIRST", "TOTAL", "COST"}
_TIMINGS = ("queue", "auth", "guardrail", "connect", "first_token", "total", "overhead")
_WORDS = {"first_token": "first token", "overhead": "the gateway itself", "guardrail": "guards"}


def call(
    name: Annotated[
        str, typer.Argument(metavar="ID", help="The call's own id, or its request id.", show_default=False)
    ],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole answer as a line of JSON.")] = False,
    target: Target = DEFAULT_TARGET,
    token: Token = None,
    plaintext: Plaintext = None,
    tls_ca: TlsCa = None,
    timeout: Timeout = None,
) -> None:
    """Tell what became of a call: attempts, timings, cost, and why this route.

    The request id is what the trailer x-request-id and every error say. Where
    several calls have it, the newest is told. The ledger is a few seconds
    behind the calls.

    [bold]Examples[/bold]

      hedgerow call 01HTZ8Y9ZJ6R8E1Y0W7T4J8Q5N
      hedgerow call 019ac2f4b7e07f3c8d1e5a6b9c0d1e2f --json | jq .attempts
    """
    with reporting(target), connect_usage(target, token, plaintext, tls_ca, timeout) as client:
        answer = client.get_call(name)
    if as_json:
        print_json(answer)
        return
    for line in _told(answer.call):
        print(line)
    start = answer.call.start_time.ToNanoseconds()
    if answer.attempts:
        print()
        print_table(_COLUMNS, (_row(one, start) for one in answer.attempts), right=_NUMBERS)
        for one in answer.attempts:
            if one.attempt.upstream_request_id:
                said = f"attempt {one.attempt.number}: HTTP {one.attempt.upstream_status}"
                print(f"{said}, the provider's id {printable(one.attempt.upstream_request_id)}")
    if answer.other_call_ids:
        say(
            f"{len(answer.other_call_ids)} older calls have the same request id: {', '.join(answer.other_call_ids[:5])}"
        )


def _told(one: "CallRecord") -> Iterator[str]:
    yield f"call      {one.call_id}  (request {printable(one.request_id)})"
    yield f"at        {clock(one.start_time)}  {one.method}{' streamed' if one.stream else ''}"
    who = {"tenant": one.tenant, "team": one.team, "user": one.user, "service": one.service, "key": one.key_id}
    yield "by        " + "  ".join(f"{name} {printable(value)}" for name, value in who.items() if value)
    if one.labels:
        yield "labels    " + "  ".join(f"{key}={printable(value)}" for key, value in sorted(one.labels.items()))
    reason = f" {one.error_reason.removeprefix('ERROR_REASON_')}" if one.error_reason else ""
    lost = "  (the router died meanwhile: parts are estimates)" if one.lost else ""
    yield f"ended     {one.code}{reason}{lost}"
    answered = f" -> {one.provider}/{one.model}" if one.provider else ""
    downgraded = f"  (downgraded from {printable(one.downgraded_from)})" if one.downgraded_from else ""
    yield f"route     {printable(one.route)}{answered}{downgraded}"
    if one.route_explanation:
        yield f"because   {printable(one.route_explanation)}"
    if one.purpose:
        yield f"for       {one.purpose} of call {one.caused_by_call_id or 'unknown'}"
    if one.cache:
        saved = f", {usd(one.saved_picos)} saved" if one.HasField("saved_picos") else ""
        yield f"cache     {one.cache}{saved}"
    yield f"usage     {describe_usage(one.usage)}"
    yield f"cost      {_cost(one)}"
    yield "took      " + ", ".join(_timings(one))
    for guard in one.guardrails:
        yield "guard     " + _guarded(guard)
    if one.warnings:
        yield "warnings  " + ", ".join(code.removeprefix("WARNING_CODE_") for code in one.warnings)


def _guarded(one: "GuardrailRecord") -> str:
    from hedgerow.chat.v1.event_pb2 import GuardrailAction, GuardrailSide  # protobuf takes a while to load

    said: list[str] = []
    for verdict in one.verdicts:
        action = GuardrailAction.Name(verdict.action).removeprefix("GUARDRAIL_ACTION_").lower()
        side = GuardrailSide.Name(verdict.side).removeprefix("GUARDRAIL_SIDE_").lower()
        score = f" {verdict.score:.2f}" if verdict.HasField("score") else ""
        shadow = " (shadow)" if verdict.shadow else ""
        said.append(f"{action} {side} {printable(verdict.category)}{score}{shadow}")
    return f"{one.guardrail}  {', '.join(said) or 'nothing found'}  {_duration(one.duration)}"


def _cost(one: "CallRecord") -> str:
    if not one.HasField("cost_picos"):
        return "unknown: a price is not known"
    parts = f"{usd(one.cost_picos)}, charged {usd(one.charged_picos)}"
    overhead = f", overhead of the route {usd(one.overhead_picos)}" if one.overhead_picos else ""
    return f"{parts}{overhead}" + (f"  (prices {one.price_version})" if one.price_version else "")


def _timings(one: "CallRecord") -> Iterator[str]:
    for name in _TIMINGS:
        field = f"{name}_duration"
        if one.timings.HasField(field):  # type: ignore[arg-type]  # the name of a field
            yield f"{_WORDS.get(name, name)} {_duration(getattr(one.timings, field))}"


def _row(one: "LedgerAttempt", start_ns: int) -> tuple[str, ...]:
    from hedgerow.common.v1.attempt_pb2 import AttemptKind, AttemptOutcome  # protobuf takes a while to load

    attempt = one.attempt
    outcome = AttemptOutcome.Name(attempt.outcome).removeprefix("ATTEMPT_OUTCOME_")
    reason = f" {attempt.error_reason.removeprefix('ERROR_REASON_')}" if attempt.error_reason else ""
    served = f" ({printable(one.served_model)})" if one.served_model and one.served_model != attempt.model else ""
    return (
        str(attempt.number),
        AttemptKind.Name(attempt.kind).removeprefix("ATTEMPT_KIND_").lower(),
        f"{attempt.provider} ({attempt.region})" if attempt.region else attempt.provider,
        f"{attempt.model}{served}",
        f"+{(attempt.start_time.ToNanoseconds() - start_ns) / 1e9:.3f} s",
        f"{outcome}{reason}",
        _duration(attempt.first_token_duration) if attempt.HasField("first_token_duration") else "-",
        _duration(attempt.total_duration),
        describe_usage(attempt.usage),
        usd(attempt.cost_picos) if attempt.HasField("cost_picos") else "unknown",
        one.account,
    )


def _duration(value: "Duration") -> str:
    took_s = value.ToNanoseconds() / 1e9
    return f"{took_s:.3f} s" if took_s >= 1 else f"{took_s * 1000:.1f} ms"
