"""What is shown of calls: those in memory, and those in the ledger."""

import time
from collections.abc import Iterable, Mapping, Sequence

from hedgerow_server.console.shown import AttemptShown, CallDetail, CallShown, Part, VerdictShown
from hedgerow_server.core.call import Call, Principal
from hedgerow_server.core.event import AttemptOutcome, AttemptRecord, GuardVerdict, Usage
from hedgerow_server.core.intervals import covered_s
from hedgerow_server.ledger.answers import CallTold, usage_of
from hedgerow_server.store.ledger_rows import AttemptRow, CallRow
from hedgerow_server.telemetry.recent import RecentCall

_NOBODY = Principal("")
_SUCCEEDED = AttemptOutcome.SUCCEEDED


def shown(one: RecentCall) -> CallShown:
    """A call that has ended."""
    last, who, usage = _answering(one.attempts), one.principal or _NOBODY, one.usage
    return CallShown(
        call_id=one.call_id or one.request_id,
        request_id=one.request_id,
        started_unix_s=one.started_unix_s,
        method=_short(one.method),
        door=one.door,
        tenant=who.tenant,
        team=who.team,
        user=who.user,
        service=who.service,
        key_id=who.key_id,
        route=one.model,
        provider=last.provider if last is not None else "",
        model=last.model if last is not None else "",
        code=one.code,
        reason=one.reason,
        message=one.message,
        attempts=one.attempts_started,
        duration_s=one.duration_s,
        first_token_s=_first_token(last, one.started_unix_s),
        cost_picos=_cost(one.attempts),
        input_tokens=usage.input_tokens if usage is not None else 0,
        output_tokens=usage.output_tokens if usage is not None else 0,
        cache=one.cache,
    )


def first_token_s(one: RecentCall) -> float | None:
    """How long the first content of the answer took, from the call's start; None where none came."""
    return _first_token(_answering(one.attempts), one.started_unix_s)


def shown_open(call: Call) -> CallShown:
    """A call that is open."""
    started_unix_s = time.time() - time.monotonic() + call.started_s
    last, who, spec = _answering(call.attempts), call.principal or _NOBODY, getattr(call.request, "spec", None)
    return CallShown(
        call_id=call.call_id or call.request_id,
        request_id=call.request_id,
        started_unix_s=started_unix_s,
        method=_short(call.method.name),
        door=call.door,
        tenant=who.tenant,
        team=who.team,
        user=who.user,
        service=who.service,
        key_id=who.key_id,
        route=spec.model if spec is not None else "",
        provider=last.provider if last is not None else "",
        model=last.model if last is not None else "",
        attempts=call.attempts_started,
        first_token_s=_first_token(last, started_unix_s),
        cache=call.cache,
    )


def attempts_shown(attempts: Iterable[AttemptRecord], started_unix_s: float) -> tuple[AttemptShown, ...]:
    """Attempts, in the order in which they were started."""
    now_unix_s = time.time()
    return tuple(_attempt(one, started_unix_s, now_unix_s) for one in sorted(attempts, key=lambda one: one.number))


def _attempt(one: AttemptRecord, started_unix_s: float, now_unix_s: float) -> AttemptShown:
    usage = one.usage
    return AttemptShown(
        number=one.number,
        provider=one.provider,
        model=one.model,
        region=one.region,
        kind=one.kind.name.lower(),
        outcome=one.outcome.name.lower() if one.outcome is not None else "",
        reason=one.error_reason,
        upstream_status=one.upstream_status,
        upstream_request_id=one.upstream_request_id,
        offset_s=max(0.0, one.start_unix_s - started_unix_s),
        total_s=one.total_s if one.outcome is not None else max(0.0, now_unix_s - one.start_unix_s),
        first_token_s=one.first_token_s,
        connect_s=one.connect_s,
        cost_picos=one.cost_picos,
        served_model=one.served_model,
        input_tokens=usage.input_tokens if usage is not None else None,
        output_tokens=usage.output_tokens if usage is not None else None,
    )


def detail(one: RecentCall, others: Sequence[RecentCall]) -> CallDetail:
    """All of a call that has ended; `others` have the same id."""
    call, attempts = shown(one), attempts_shown(one.attempts, one.started_unix_s)
    return CallDetail(
        call=call,
        attempts=attempts,
        breakdown=breakdown(
            one.duration_s, attempts, auth_s=one.auth_s, queue_s=one.queue_s, guardrail_s=one.guardrail_s
        ),
        verdicts=_verdicts(one.verdicts),
        warnings=tuple(f"{warning.code.name}: {warning.message}" for warning in one.warnings),
        labels=_sorted(one.labels),
        usage=_classes(one.usage),
        why=one.why,
        trace_id=_trace_id(one.trace),
        price_version=_price_version(one.attempts),
        downgraded_from=one.downgraded_from,
        other_call_ids=tuple(other.call_id for other in others if other.call_id),
    )


def detail_open(call: Call) -> CallDetail:
    """All of a call that is open."""
    told = shown_open(call)
    attempts = attempts_shown(call.attempts, told.started_unix_s)
    return CallDetail(
        call=told,
        attempts=attempts,
        breakdown=(),
        verdicts=_verdicts(call.verdicts),
        warnings=tuple(f"{warning.code.name}: {warning.message}" for warning in call.warnings),
        labels=_sorted(getattr(call.request, "labels", {})),
        why=call.why,
        trace_id=_trace_id(call.trace),
        downgraded_from=call.downgraded_from,
    )


def detail_of_ledger(told: CallTold) -> CallDetail:
    """All of a call that the ledger has."""
    row = told.call
    attempts = tuple(_attempt_of_row(one, row.started_unix_s) for one in told.attempts)
    verdicts = (
        VerdictShown(
            guardrail=guard.guardrail,
            side=one.side.lower(),
            action=one.action.lower(),
            category=one.category,
            score=one.score,
            shadow=one.shadow,
        )
        for guard in row.guards
        for one in guard.verdicts
    )
    return CallDetail(
        call=_call_of_row(row),
        attempts=attempts,
        breakdown=breakdown(row.total_s, attempts, auth_s=row.auth_s, queue_s=row.queue_s, guardrail_s=row.guardrail_s),
        verdicts=tuple(verdicts),
        warnings=row.warnings,
        labels=_sorted(row.labels),
        usage=_classes(usage_of(row)),
        why=row.why,
        price_version=row.price_version,
        caused_by=row.caused_by,
        purpose=row.purpose,
        downgraded_from=row.downgraded_from,
        source="ledger",
        other_call_ids=told.other_call_ids,
    )


def _call_of_row(row: CallRow) -> CallShown:
    usage = usage_of(row)
    return CallShown(
        call_id=row.call_id,
        request_id=row.request_id,
        started_unix_s=row.started_unix_s,
        method=row.method,
        door="",
        tenant=row.tenant,
        team=row.team,
        user=row.user,
        service=row.service,
        key_id=row.key_id,
        route=row.route,
        provider=row.provider,
        model=row.model,
        code=row.code,
        reason=row.reason,
        message="The gateway died before the call had ended." if row.lost else "",
        attempts=row.attempts,
        duration_s=row.total_s,
        first_token_s=row.first_token_s,
        cost_picos=row.cost_picos,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache=row.cache,
    )


def _attempt_of_row(row: AttemptRow, started_unix_s: float) -> AttemptShown:
    usage = usage_of(row)
    return AttemptShown(
        number=row.number,
        provider=row.provider,
        model=row.model,
        region=row.region,
        kind=row.kind.lower(),
        outcome=row.outcome.lower(),
        reason=row.error_reason,
        upstream_status=row.upstream_status,
        upstream_request_id=row.upstream_request_id,
        offset_s=max(0.0, row.started_unix_s - started_unix_s),
        total_s=row.total_s,
        first_token_s=row.first_token_s,
        connect_s=row.connect_s,
        cost_picos=row.cost_picos,
        served_model=row.served_model,
        credential=row.credential,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
    )


def breakdown(
    total_s: float, attempts: Sequence[AttemptShown], *, auth_s: float, queue_s: float, guardrail_s: float
) -> tuple[Part, ...]:
    """Where the time of a call went. The parts are its duration together: what overlaps an upstream request counts as
    the provider's, and what nothing else explains is the gateway's own.
    """
    left_s = total_s
    parts = []
    upstream_s = covered_s(((one.offset_s, one.offset_s + one.total_s) for one in attempts), until_s=total_s)
    named = (("provider", upstream_s), ("queue", queue_s), ("guardrails", guardrail_s), ("authentication", auth_s))
    for name, told_s in named:
        took_s = min(told_s, left_s)
        if took_s > 0:
            parts.append(Part(name, took_s))
            left_s -= took_s
    return (*parts, Part("gateway", left_s))


def _verdicts(verdicts: Sequence[GuardVerdict]) -> tuple[VerdictShown, ...]:
    return tuple(
        VerdictShown(
            guardrail=one.guardrail,
            side=one.side.name.lower(),
            action=one.action.name.lower(),
            category=one.category,
            score=one.score,
            shadow=one.shadow,
        )
        for one in verdicts
    )


def _answering(attempts: Sequence[AttemptRecord]) -> AttemptRecord | None:
    """The attempt that gave the answer, else the last one."""
    found = (one for one in reversed(attempts) if one.outcome is _SUCCEEDED)
    return next(found, attempts[-1] if attempts else None)


def _first_token(attempt: AttemptRecord | None, started_unix_s: float) -> float | None:
    if attempt is None or attempt.first_token_s is None:
        return None
    return max(0.0, attempt.start_unix_s - started_unix_s) + attempt.first_token_s


def _cost(attempts: Sequence[AttemptRecord]) -> int | None:
    """What is known of it; None where nothing is."""
    known = [one.cost_picos for one in attempts if one.cost_picos is not None]
    return sum(known) if known else None


def _price_version(attempts: Sequence[AttemptRecord]) -> str:
    return next((one.price_version for one in reversed(attempts) if one.price_version), "")


def _classes(usage: Usage | None) -> tuple[tuple[str, int], ...]:
    if usage is None:
        return ()
    names = (name for name in usage.__struct_fields__ if name.endswith("_tokens"))
    counts = {name.removesuffix("_tokens"): getattr(usage, name) for name in names}
    counts["input_cache_write"] = sum(tokens for _, tokens in usage.input_cache_writes)
    return tuple((name, count) for name, count in {**counts, **usage.other_units}.items() if count)


def _sorted(labels: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(labels.items()))


def _trace_id(trace: Sequence[tuple[str, str]]) -> str:
    """Of a traceparent: version, trace id, parent id, flags (W3C Trace Context)."""
    parts = next((value for name, value in trace if name == "traceparent"), "").split("-")
    return parts[1] if len(parts) > 1 else ""


def _short(method: str) -> str:
    return method.rpartition(".")[2]
