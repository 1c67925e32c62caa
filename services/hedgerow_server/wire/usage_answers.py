"""UsageService: answers to bytes."""

from collections.abc import Mapping

from google.protobuf.message import Message
from hedgerow.common.v1 import attempt_pb2, money_pb2, usage_pb2
from hedgerow.usage.v1 import budget_pb2, record_pb2, spend_pb2
from hedgerow.usage.v1 import usage_service_pb2 as pb

from hedgerow_server.core.event import Event, UsageTold
from hedgerow_server.ledger.answers import (
    AttemptsExported,
    CallTold,
    Repriced,
    SpendSummed,
    Stated,
    StatementLine,
    Sum,
    usage_of,
)
from hedgerow_server.limits.listed import BudgetsListed
from hedgerow_server.limits.view import LimitView
from hedgerow_server.store.ledger_rows import AttemptRow, CallRow, GuardRow
from hedgerow_server.store.spend import TOKENS, Pair, Times
from hedgerow_server.wire.report import write_usage
from hedgerow_server.wire.times import duration, timestamp
from hedgerow_server.wire.verdict import judgement

_PICOS = 10**12
_HOUR_S = 3600.0
_MAX_INT64 = (1 << 63) - 1
_WRITES, _LONG_WRITES = "input_cache_write_tokens", "input_cache_write_long_tokens"
_PLAIN = ("call_id", "request_id", "tenant", "team", "user", "service", "key_id", "labels", "method", "route", "stream")
_TOLD = ("code", "provider", "model", "region", "price_version", "cache", "downgraded_from", "lost", "hedged")
_UNITS = {
    "requests": budget_pb2.BUDGET_UNIT_REQUESTS,
    "tokens": budget_pb2.BUDGET_UNIT_TOKENS,
    "concurrency": budget_pb2.BUDGET_UNIT_CONCURRENCY,
    "usd": budget_pb2.BUDGET_UNIT_USD,
}


class UsageAnswerBytes:
    """The bytes of a response of UsageService."""

    def __init__(self) -> None:
        self._answer: object = None

    def add(self, event: Event) -> None:
        """Takes the one event."""
        if isinstance(event, UsageTold):
            self._answer = event.answer

    def encode(self) -> bytes:
        """The response."""
        return _message(self._answer).SerializeToString()


def _message(answer: object) -> Message:
    match answer:
        case SpendSummed():
            return _spend(answer)
        case BudgetsListed(found, token):
            return pb.ListBudgetsResponse(budgets=map(_budget, found), next_page_token=token)
        case CallTold(call, attempts, others):
            return pb.GetCallResponse(call=_call(call), attempts=map(_attempt, attempts), other_call_ids=others)
        case Repriced():
            return _repriced(answer)
        case Stated():
            return _stated(answer)
        case AttemptsExported(pairs, token):
            return pb.ExportAttemptsResponse(attempts=map(_exported, pairs), next_page_token=token)
        case _:
            raise TypeError(type(answer).__name__)


def money(picos: int) -> money_pb2.Money:
    """So many 10^-12 US dollars; both parts have the sign of the whole."""
    units, rest = divmod(abs(picos), _PICOS)
    sign = -1 if picos < 0 else 1
    return money_pb2.Money(currency_code="USD", units=sign * units, picos=sign * rest)


def _sum(one: Sum) -> spend_pb2.SpendSum:
    tokens = dict(zip(TOKENS, one.tokens, strict=True))
    short, long = tokens.pop(_WRITES), tokens.pop(_LONG_WRITES)
    usage = usage_pb2.Usage(
        input_tokens=short + long + sum(count for name, count in tokens.items() if name.startswith("input_")),
        output_tokens=sum(count for name, count in tokens.items() if name.startswith("output_")),
        estimated=bool(one.estimated_attempts),
    )
    for name, count in tokens.items():
        setattr(usage, name, count)
    if short:
        usage.input_cache_writes.add(tokens=short)
    if long:
        usage.input_cache_writes.add(tokens=long, ttl=duration(_HOUR_S))
    return spend_pb2.SpendSum(
        calls_count=one.calls,
        failed_calls_count=one.failed_calls,
        cached_calls_count=one.cached_calls,
        attempts_count=one.attempts,
        failed_attempts_count=one.failed_attempts,
        unpriced_attempts_count=one.unpriced_attempts,
        estimated_attempts_count=one.estimated_attempts,
        usage=usage,
        cost=money(one.cost_picos),
        charged=money(one.charged_picos),
        overhead=money(one.overhead_picos),
    )


def _spend(answer: SpendSummed) -> pb.QuerySpendResponse:
    return pb.QuerySpendResponse(
        rows=[spend_pb2.SpendRow(keys=row.keys, sum=_sum(row.sum)) for row in answer.rows],
        other=_sum(answer.other) if answer.other is not None else None,
        total=_sum(answer.total),
        start_time=timestamp(answer.start_unix_s),
        end_time=timestamp(answer.end_unix_s),
    )


def _budget(one: LimitView) -> budget_pb2.BudgetState:
    amounts: Mapping[str, int] = {"limit": one.limit, "used": one.used, "held": one.held, "left": one.left}
    in_money = one.unit == "usd"
    return budget_pb2.BudgetState(
        name=one.name,
        scope=one.scope,
        unit=_UNITS[one.unit],
        window=one.window,
        time_zone=one.time_zone,
        hard=one.hard,
        counts=None if in_money else budget_pb2.BudgetState.Counts(**amounts),
        sums=budget_pb2.BudgetState.Sums(**{k: money(v) for k, v in amounts.items()}) if in_money else None,
        reset_time=timestamp(one.reset_unix_s),
        budget=one.budget,
        overhead=one.overhead,
    )


def _call(row: CallRow) -> record_pb2.CallRecord:
    message = _known(row)
    for name in _TOLD:
        setattr(message, name, getattr(row, name))
    if row.reason:
        message.error_reason = f"ERROR_REASON_{row.reason}"
    write_usage(message.usage, usage_of(row))
    if not row.unpriced_attempts:
        message.cost_picos, message.charged_picos = row.cost_picos, row.charged_picos
        message.overhead_picos = row.overhead_picos
    message.timings.CopyFrom(
        record_pb2.CallTimings(
            queue_duration=duration(row.queue_s),
            auth_duration=duration(row.auth_s),
            guardrail_duration=duration(row.guardrail_s),
            connect_duration=duration(row.connect_s) if row.connect_s is not None else None,
            first_token_duration=duration(row.first_token_s) if row.first_token_s is not None else None,
            total_duration=duration(row.total_s),
            overhead_duration=duration(row.gateway_s),
        )
    )
    message.warnings.extend(f"WARNING_CODE_{code.removeprefix('WARNING_CODE_')}" for code in row.warnings)
    message.route_explanation = row.why
    message.caused_by_call_id, message.purpose = row.caused_by, row.purpose
    message.attempts_count = row.attempts
    if row.saved_picos is not None:
        message.saved_picos = row.saved_picos
    message.guardrails.extend(map(_guard, row.guards))
    return message


def _guard(row: GuardRow) -> record_pb2.GuardrailRecord:
    verdicts = [judgement(row.guardrail, one) for one in row.verdicts]
    return record_pb2.GuardrailRecord(guardrail=row.guardrail, duration=duration(row.took_s), verdicts=verdicts)


def _known(row: CallRow) -> record_pb2.CallRecord:
    """What stands with each of its attempts."""
    return record_pb2.CallRecord(
        **{name: getattr(row, name) for name in _PLAIN}, start_time=timestamp(row.started_unix_s)
    )


def _attempt(row: AttemptRow) -> record_pb2.LedgerAttempt:
    attempt = attempt_pb2.Attempt(
        number=row.number,
        provider=row.provider,
        model=row.model,
        region=row.region,
        kind=attempt_pb2.AttemptKind.Value(f"ATTEMPT_KIND_{row.kind}"),
        outcome=attempt_pb2.AttemptOutcome.Value(f"ATTEMPT_OUTCOME_{row.outcome}"),
        error_reason=f"ERROR_REASON_{row.error_reason}" if row.error_reason else "",
        upstream_status=row.upstream_status,
        upstream_request_id=row.upstream_request_id,
        start_time=timestamp(row.started_unix_s),
        first_token_duration=duration(row.first_token_s) if row.first_token_s is not None else None,
        total_duration=duration(row.total_s),
        cost_picos=row.cost_picos,
        hedge_planned_delay=duration(row.hedge_planned_s) if row.hedge_planned_s is not None else None,
        hedge_delay=duration(row.hedge_delay_s) if row.hedge_delay_s is not None else None,
    )
    write_usage(attempt.usage, usage_of(row))
    return record_pb2.LedgerAttempt(
        call_id=row.call_id,
        attempt=attempt,
        served_model=row.served_model,
        credential=row.credential,
        account=row.account,
        price_version=row.price_version,
    )


def _exported(pair: Pair) -> record_pb2.ExportedAttempt:
    call = _known(pair.call) if pair.call is not None else record_pb2.CallRecord(call_id=pair.attempt.call_id)
    return record_pb2.ExportedAttempt(attempt=_attempt(pair.attempt), call=call)


def _repriced(answer: Repriced) -> pb.RepriceSpendResponse:
    return pb.RepriceSpendResponse(
        attempts_count=answer.attempts,
        unpriced_attempts_count=answer.unpriced,
        cost=money(answer.picos),
        other_cost=money(answer.other_picos),
        classes=[
            pb.RepricedClass(
                name=one.name,
                count=min(one.count, _MAX_INT64),
                cost=money(one.picos) if one.picos is not None else None,
                other_cost=money(one.other_picos) if one.other_picos is not None else None,
            )
            for one in answer.classes
        ],
        performance=_performance(answer.went),
        other_performance=_performance(answer.other_went),
        price_version=answer.price_version,
    )


def _performance(times: Times) -> pb.Performance:
    told = {
        "first_token_p50": times.first_token_p50_s,
        "first_token_p95": times.first_token_p95_s,
        "total_p50": times.total_p50_s,
        "total_p95": times.total_p95_s,
    }
    return pb.Performance(
        attempts_count=times.attempts,
        failed_attempts_count=times.failed,
        **{name: duration(value) for name, value in told.items() if value is not None},
    )


def _stated(answer: Stated) -> pb.GetStatementResponse:
    return pb.GetStatementResponse(
        lines=map(_line, answer.lines),
        total=_line(answer.total),
        start_time=timestamp(answer.start_unix_s),
        end_time=timestamp(answer.end_unix_s),
        as_of_time=timestamp(answer.as_of_unix_s),
        price_version=answer.price_version,
    )


def _line(line: StatementLine) -> pb.StatementLine:
    return pb.StatementLine(
        tenant=line.tenant,
        team=line.team,
        sum=_sum(line.sum),
        list_cost=money(line.list_picos),
        negotiated_discount=money(line.discount_picos),
        prompt_cache_savings=money(line.prompt_cache_picos),
        response_cache_savings=money(line.response_cache_picos),
        downgrade_savings=money(line.downgrade_picos),
        hedge_cost=money(line.sum.overhead_picos),
        net_savings=money(line.net_picos),
        forecast_cost=money(line.forecast_picos),
    )
