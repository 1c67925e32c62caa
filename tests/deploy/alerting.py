"""When each alert goes off: series that set it off, what it says then, and series that are close and do not.

Series are in promtool's notation, a sample every half a minute: "0+10x60" begins at 0 and grows by 10 sixty times.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

Series = Mapping[str, str]
HOURS = 1440
"""Samples in twelve hours."""


@dataclass(frozen=True)
class Row:
    """One alert."""

    fires: Series
    after: str
    """How long it takes until it goes off, the time of its `for` included."""
    says: str
    """Its summary."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Beside its severity."""
    quiet: tuple[Series, ...] = ()
    """Each alone does not set it off."""


def gauge(series: str, bad: float, good: float, after: str, says: str, **labels: str) -> Row:
    """An alert on one number: the last good value does not set it off."""
    return Row({series: f"{bad}x200"}, after, says, labels, ({series: f"{good}x200"},))


def _calls(failed: float, others: float) -> Series:
    """Neither what callers did wrong nor what operators asked for is a failure."""
    name = 'hedgerow_calls_total{door="grpc",route="r",code='
    return {
        f'{name}"UNAVAILABLE"}}': f"0+{failed}x{HOURS}",
        f'{name}"OK"}}': f"0+{others / 2}x{HOURS}",
        f'{name}"INVALID_ARGUMENT"}}': f"0+{others / 2}x{HOURS}",
        'hedgerow_calls_total{door="admin",code="INTERNAL"}': f"0+50x{HOURS}",
    }


def _slow(name: str, labels: str, bounds: tuple[str, str], *, slow: bool) -> Series:
    """A histogram of which half, or nothing, is between two bounds."""
    begun = f"{name}_bucket{{{labels}{',' if labels else ''}le="
    return {
        f'{begun}"{bounds[0]}"}}': f"0+{5 if slow else 10}x{HOURS}",
        f'{begun}"{bounds[1]}"}}': f"0+10x{HOURS}",
        f'{begun}"+Inf"}}': f"0+10x{HOURS}",
        f"{name}_count{{{labels}}}": f"0+10x{HOURS}",
    }


def _attempts(failed: int, succeeded: int) -> Series:
    name = 'hedgerow_attempts_total{provider="p",model="m",outcome='
    return {f'{name}"failed"}}': f"0+{failed}x200", f'{name}"succeeded"}}': f"0+{succeeded}x200"}


def _hedges(lost: float) -> Series:
    return {"hedgerow_hedge_cost_dollars_total": f"0+{lost}x{HOURS}", "hedgerow_cost_dollars_total": f"0+10x{HOURS}"}


def _counter(series: str, after: str, says: str, *quiet: Series, step: float = 1, **labels: str) -> Row:
    """An alert on a counter that grows: one that stands still does not set it off."""
    return Row({series: f"0+{step}x{HOURS}"}, after, says, labels, ({series: "5x200"}, *quiet))


_OPEN_FILES = {'process_open_fds{job="h",instance="a"}': "900x200", 'process_max_fds{job="h",instance="a"}': "1000x200"}
_OURS = {'hedgerow_build_info{job="h",instance="a",version="1"}': "1x200"}
_SPOOL = 'hedgerow_ledger_spool_{}bytes{{instance="a"}}'
_LAST_HOUR: Series = {
    # Only in the last minutes of two hours: the hour as a whole is fine.
    'hedgerow_calls_total{door="grpc",code="UNAVAILABLE"}': "0x234 10+10x6",
    'hedgerow_calls_total{door="grpc",code="OK"}': "0+90x240",
}

ROWS: Mapping[str, Row] = {
    "HedgerowAbsent": Row({}, "5m", "No router is seen", {}, (_OURS,)),
    "HedgerowNotReady": gauge('hedgerow_ready{instance="a"}', 0, 1, "5m", "a takes no calls", instance="a"),
    "HedgerowErrorBudgetFast": Row(_calls(10, 90), "2h", "10% of calls fail", {}, (_calls(7, 93), _LAST_HOUR)),
    "HedgerowErrorBudgetSlow": Row(_calls(4, 96), "7h", "4% of calls fail, for hours", {}, (_calls(2, 98),)),
    "HedgerowRouteFailing": Row(
        _calls(6, 4), "15m", "r: 60% of calls fail", {"route": "r"}, (_calls(5, 5), _calls(0.6, 0.4))
    ),
    "HedgerowFirstTokenSlow": Row(
        _slow("hedgerow_first_token_seconds", 'route="r"', ("10", "30"), slow=True),
        "30m",
        "r: first token after 28s (p95)",
        {"route": "r"},
        (_slow("hedgerow_first_token_seconds", 'route="r"', ("10", "30"), slow=False),),
    ),
    "HedgerowOverheadHigh": Row(
        _slow("hedgerow_overhead_seconds", "", ("0.1", "0.25"), slow=True),
        "20m",
        "The gateway adds 247ms to calls (p99)",
        {},
        (_slow("hedgerow_overhead_seconds", "", ("0.1", "0.25"), slow=False),),
    ),
    "HedgerowCallerRefused": _counter(
        'hedgerow_quota_refusals_total{limit="q"}',
        "45m",
        "Quota q refuses 2 calls a second",
        {'hedgerow_quota_refusals_total{limit="q"}': "0+30x200"},
        step=60,
        limit="q",
    ),
    "HedgerowProviderFailing": Row(
        _attempts(4, 6),
        "30m",
        "p/m: 40% of attempts fail",
        {"provider": "p", "model": "m"},
        (_attempts(2, 6), {'hedgerow_attempts_total{provider="p",model="m",outcome="failed"}': "0+1x200"}),
    ),
    "HedgerowBreakerOpen": gauge(
        'hedgerow_breaker_state{provider="p",model="m",state="open"}',
        1,
        0,
        "15m",
        "p/m is ejected",
        provider="p",
        model="m",
    ),
    "HedgerowCandidateResting": Row(
        {'hedgerow_candidate_resting{provider="p",model="m",reason="PROVIDER_AUTH"}': "1x200"},
        "30m",
        "p/m is set aside: PROVIDER_AUTH",
        {"provider": "p", "model": "m", "reason": "PROVIDER_AUTH"},
        ({'hedgerow_candidate_resting{provider="p",model="m",reason="RATE_LIMIT"}': "1x200"},),
    ),
    "HedgerowCallsQueue": gauge(
        'hedgerow_pool_waiting{provider="p",model="m"}', 25, 20, "10m", "25 calls wait for p/m", provider="p", model="m"
    ),
    "HedgerowHedgingCostly": Row(_hedges(2), "150m", "Hedges that lost are 20% of the spend", {}, (_hedges(1),)),
    "HedgerowBudgetNearlySpent": gauge(
        'hedgerow_budget_used_ratio{budget="b"}', 0.95, 0.9, "5m", "Budget b is 95% spent", budget="b"
    ),
    "HedgerowBudgetRefusing": _counter(
        'hedgerow_budget_refusals_total{budget="b"}', "10m", "Budget b refuses calls", budget="b"
    ),
    "HedgerowUnpriced": _counter(
        'hedgerow_unpriced_attempts_total{provider="p",model="m"}', "2m", "p/m has no price", provider="p", model="m"
    ),
    "HedgerowLedgerRefusing": gauge(
        'hedgerow_ledger_admitting{instance="a"}',
        0,
        1,
        "1m",
        "a lets no calls in: the ledger cannot write",
        instance="a",
    ),
    "HedgerowLedgerBehind": gauge(
        'hedgerow_ledger_behind_seconds{instance="a"}', 400, 300, "10m", "a: the ledger is 6m 40s behind", instance="a"
    ),
    "HedgerowLedgerSpoolFilling": Row(
        {_SPOOL.format(""): "90x200", _SPOOL.format("max_"): "100x200"},
        "5m",
        "a: the spool is 90% full",
        {"instance": "a"},
        ({_SPOOL.format(""): "80x200", _SPOOL.format("max_"): "100x200"},),
    ),
    "HedgerowLedgerRejected": _counter(
        'hedgerow_ledger_rejected_total{instance="a"}', "2m", "a: rows were put aside", instance="a"
    ),
    "HedgerowAuditRowsMissed": _counter(
        'hedgerow_audit_records_total{instance="a",outcome="missed"}',
        "2m",
        "a: the audit log misses rows",
        {'hedgerow_audit_records_total{instance="a",outcome="written"}': "0+1x200"},
        instance="a",
        outcome="missed",
    ),
    "HedgerowCredentialMissing": gauge(
        'hedgerow_credential_ready{credential="c"}', 0, 1, "5m", "Credential c has no secret", credential="c"
    ),
    "HedgerowCredentialRefused": gauge(
        'hedgerow_credential_set_aside{credential="c"}', 1, 0, "5m", "Credential c is refused", credential="c"
    ),
    "HedgerowCredentialRotationFailed": _counter(
        'hedgerow_credential_rotations_total{credential="c",outcome="probe_failed"}',
        "2m",
        "c: probe_failed",
        {'hedgerow_credential_rotations_total{credential="c",outcome="met"}': "0+1x200"},
        credential="c",
        outcome="probe_failed",
    ),
    "HedgerowCredentialOld": gauge(
        'hedgerow_credential_age_seconds{credential="c"}',
        8_000_000,
        7_776_000,
        "1h",
        "Credential c is 92d 14h 13m 20s old",
        credential="c",
    ),
    "HedgerowGuardrailFailing": _counter(
        'hedgerow_guardrail_failures_total{guardrail="g",side="input"}',
        "20m",
        "Guard g cannot tell (input)",
        {'hedgerow_guardrail_failures_total{guardrail="g",side="input"}': "0+1x200"},
        step=3,
        guardrail="g",
        side="input",
    ),
    "HedgerowCacheDown": gauge(
        'hedgerow_cache_up{instance="a"}', 0, 1, "10m", "a: the store of kept answers is away", instance="a"
    ),
    "HedgerowSharedLimitsDown": gauge(
        'hedgerow_shared_limits_up{instance="a"}', 0, 1, "5m", "a: shared limits are away", instance="a"
    ),
    "HedgerowEventLoopSlow": Row(
        _slow("hedgerow_event_loop_lag_seconds", 'instance="a"', ("0.1", "0.25"), slow=True),
        "20m",
        "a: the event loop is 247ms late (p99)",
        {"instance": "a"},
        (_slow("hedgerow_event_loop_lag_seconds", 'instance="a"', ("0.1", "0.25"), slow=False),),
    ),
    "HedgerowOverloaded": _counter(
        'hedgerow_overload_refused_total{instance="a",door="grpc",cause="delay"}',
        "5m30s",
        "a refuses calls: delay",
        # Once.
        {'hedgerow_overload_refused_total{instance="a",door="grpc",cause="delay"}': "0x10 9x200"},
        instance="a",
        cause="delay",
    ),
    "HedgerowFilesRunOut": Row(
        {**_OPEN_FILES, **_OURS},
        "5m",
        "a has 90% of its files open",
        {"job": "h", "instance": "a"},
        # Of another program.
        (_OPEN_FILES,),
    ),
    "HedgerowTelemetryDropping": _counter(
        'hedgerow_log_lines_dropped_total{instance="a"}',
        "25m",
        "a drops lines or spans",
        {'hedgerow_spans_dropped_total{instance="a",why="rate"}': "0+1x200"},
        instance="a",
    ),
    "HedgerowConfigUseless": gauge(
        'hedgerow_config_last_reload_successful{instance="a"}',
        0,
        1,
        "5m",
        "a: the configuration file is of no use",
        instance="a",
    ),
    "HedgerowConfigRolledBack": gauge(
        'hedgerow_config_rolled_back{instance="a"}', 1, 0, "1h", "a: a rollback is in force", instance="a"
    ),
    "HedgerowConfigsDiffer": Row(
        {f'hedgerow_config_info{{instance="{one}",hash="{one}"}}': "1x200" for one in "ab"},
        "15m",
        "Routers run on different configurations",
        {},
        ({f'hedgerow_config_info{{instance="{one}",hash="x"}}': "1x200" for one in "ab"},),
    ),
}
