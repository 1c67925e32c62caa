"""From records to the rows of the store."""

from collections.abc import Callable
from typing import Any

import msgspec

from hedgerow_server.core.event import AttemptKind, AttemptOutcome, Usage
from hedgerow_server.ledger.record import AttemptClosed, AttemptOpened, CallClosed, CallOpened
from hedgerow_server.store.ledger_rows import AttemptRow, CallRow

LOST = "LOST"
"""The outcome of an attempt whose end nobody saw."""
CHARGED, OVERHEAD, UNBILLED = "charged", "overhead", "unbilled"
_SHORT_WRITE_S = 300
_APART = (AttemptOutcome.HEDGE_LOST, AttemptOutcome.REPLACED)
_NOTHING = Usage()


class Lost(msgspec.Struct, frozen=True):
    """What an attempt whose end nobody saw has probably cost."""

    usage: Usage
    cost_picos: int | None
    """None: the price is not known."""
    price_version: str


Estimate = Callable[[AttemptOpened], Lost]
"""Makes it of what was asked. From any thread."""


def account(outcome: AttemptOutcome | None, usage: Usage | None, cost_picos: int | None) -> str:
    """Who pays for an attempt."""
    if usage is None and not cost_picos:
        return UNBILLED
    return OVERHEAD if outcome in _APART else CHARGED


def attempt_row(closed: AttemptClosed) -> AttemptRow:
    """The row of an attempt that is over."""
    record = closed.record
    planned_s, real_s = record.hedge_delays_s or (None, None)
    return AttemptRow(
        call_id=closed.call_id,
        number=record.number,
        provider=record.provider,
        model=record.model,
        served_model=record.served_model,
        region=record.region,
        credential=closed.credential,
        kind=record.kind.name,
        outcome=record.outcome.name if record.outcome is not None else LOST,
        error_reason=record.error_reason,
        upstream_status=record.upstream_status,
        upstream_request_id=record.upstream_request_id,
        started_unix_s=record.start_unix_s,
        connect_s=record.connect_s,
        first_token_s=record.first_token_s,
        total_s=record.total_s,
        hedge_planned_s=planned_s,
        hedge_delay_s=real_s,
        request_bytes=closed.request_bytes,
        cost_picos=closed.cost_picos,
        price_version=record.price_version,
        account=closed.account,
        **_counted(record.usage or _NOTHING),
    )


def lost_attempt_row(opened: AttemptOpened, estimate: Estimate) -> AttemptRow:
    """The row of an attempt whose end nobody saw."""
    lost = estimate(opened)
    return AttemptRow(
        call_id=opened.call_id,
        number=opened.number,
        provider=opened.provider,
        model=opened.model,
        region=opened.region,
        credential=opened.credential,
        kind=AttemptKind(opened.kind).name,
        outcome=LOST,
        started_unix_s=opened.start_unix_s,
        request_bytes=opened.request_bytes,
        cost_picos=lost.cost_picos,
        price_version=lost.price_version,
        account=OVERHEAD if opened.kind == AttemptKind.HEDGE.value else CHARGED,
        **_counted(lost.usage),
    )


def call_row(closed: CallClosed) -> CallRow:
    """The row of a call that is over."""
    return CallRow(
        call_id=closed.call_id,
        request_id=closed.request_id,
        **msgspec.structs.asdict(closed.who),
        labels=closed.labels,
        method=closed.method,
        route=closed.route,
        stream=closed.stream,
        started_unix_s=closed.start_unix_s,
        provider=closed.provider,
        model=closed.model,
        region=closed.region,
        code=closed.code,
        reason=closed.reason,
        cost_picos=closed.cost_picos,
        charged_picos=closed.charged_picos,
        overhead_picos=closed.overhead_picos,
        unpriced_attempts=closed.unpriced_attempts,
        price_version=closed.price_version,
        queue_s=closed.queue_s,
        auth_s=closed.auth_s,
        guardrail_s=closed.guardrail_s,
        guards=closed.guards,
        connect_s=closed.connect_s,
        first_token_s=closed.first_token_s,
        total_s=closed.total_s,
        gateway_s=closed.gateway_s,
        cache=closed.cache,
        saved_picos=closed.saved_picos,
        attempts=closed.attempts,
        hedged=closed.hedged,
        downgraded_from=closed.downgraded_from,
        warnings=closed.warnings,
        why=closed.why,
        caused_by=closed.caused_by,
        purpose=closed.purpose,
        **_counted(closed.usage or _NOTHING),
    )


def lost_call_row(opened: CallOpened) -> CallRow:
    """The row of a call whose end nobody saw, without what its attempts tell. Its caller saw the connection break."""
    return CallRow(
        call_id=opened.call_id,
        request_id=opened.request_id,
        **msgspec.structs.asdict(opened.who),
        labels=opened.labels,
        method=opened.method,
        route=opened.route,
        stream=opened.stream,
        started_unix_s=opened.start_unix_s,
        code="UNAVAILABLE",
        caused_by=opened.caused_by,
        purpose=opened.purpose,
        estimated=True,
        lost=True,
    )


def _counted(usage: Usage) -> dict[str, Any]:
    short = long = 0
    for ttl_s, tokens in usage.input_cache_writes:
        if ttl_s is None or ttl_s <= _SHORT_WRITE_S:
            short += tokens
        else:
            long += tokens
    return {
        "input_uncached_tokens": usage.input_uncached_tokens,
        "input_cache_read_tokens": usage.input_cache_read_tokens,
        "input_cache_write_tokens": short,
        "input_cache_write_long_tokens": long,
        "input_audio_tokens": usage.input_audio_tokens,
        "input_image_tokens": usage.input_image_tokens,
        "output_visible_tokens": usage.output_visible_tokens,
        "output_reasoning_tokens": usage.output_reasoning_tokens,
        "output_audio_tokens": usage.output_audio_tokens,
        "output_image_tokens": usage.output_image_tokens,
        "cache_writes": usage.input_cache_writes,
        "other_units": usage.other_units,
        "estimated": usage.estimated,
    }
