"""Usage, warnings, attempts and the report of a call, written as the contract has them."""

from collections.abc import Iterable, Sequence
from typing import Protocol

import msgspec
from hedgerow.common.v1 import attempt_pb2, usage_pb2, warning_pb2

from hedgerow_server.core.call import Call
from hedgerow_server.core.event import AttemptOutcome, AttemptRecord, Usage, Warning
from hedgerow_server.core.hold import Hold
from hedgerow_server.core.text import cut
from hedgerow_server.wire.times import set_duration, set_timestamp

_MAX_PICOS = (1 << 63) - 1
REPORT_BYTES = 1_100
"""The most that a report takes, so that all trailers together stay below 4 KiB."""
_ATTEMPT_BYTES = 320
"""What is kept free for the newest attempt: more than one takes with its texts cut."""
_FIELD_BYTES = 4
_REPORT_TEXT = 96
_QUOTAS = 3


def write_usage(target: usage_pb2.Usage, usage: Usage) -> None:
    """Fills a usage. Zeros are left out: they cost bytes and say nothing."""
    target.input_tokens = usage.input_tokens
    target.output_tokens = usage.output_tokens
    target.input_uncached_tokens = usage.input_uncached_tokens
    target.output_visible_tokens = usage.output_visible_tokens
    if usage.input_cache_read_tokens:
        target.input_cache_read_tokens = usage.input_cache_read_tokens
    for ttl_s, tokens in usage.input_cache_writes:
        write = target.input_cache_writes.add()
        write.tokens = tokens
        if ttl_s is not None:
            set_duration(write.ttl, ttl_s)
    if usage.input_audio_tokens:
        target.input_audio_tokens = usage.input_audio_tokens
    if usage.input_image_tokens:
        target.input_image_tokens = usage.input_image_tokens
    if usage.output_reasoning_tokens:
        target.output_reasoning_tokens = usage.output_reasoning_tokens
    if usage.output_audio_tokens:
        target.output_audio_tokens = usage.output_audio_tokens
    if usage.output_image_tokens:
        target.output_image_tokens = usage.output_image_tokens
    for unit, count in usage.other_units.items():
        target.other_units[unit] = count
    if usage.estimated:
        target.estimated = True
    if usage.final:
        target.final = True


def write_warning(target: warning_pb2.Warning, warning: Warning) -> None:
    """Fills a warning."""
    target.code = warning_pb2.WarningCode.ValueType(warning.code.value)
    target.field = warning.field
    target.message = warning.message


Written = tuple[Usage, usage_pb2.Usage]
"""A usage that was written before, so that it is copied where it stands again: a call with one attempt has it twice."""


def write_attempt(target: attempt_pb2.Attempt, record: AttemptRecord, written: Written | None = None) -> None:
    """Fills the record of an attempt."""
    target.number = record.number
    target.provider = record.provider
    target.model = record.model
    if record.region:
        target.region = record.region
    target.kind = attempt_pb2.AttemptKind.ValueType(record.kind.value)
    if record.outcome is not None:
        target.outcome = attempt_pb2.AttemptOutcome.ValueType(record.outcome.value)
    if record.error_reason:
        target.error_reason = f"ERROR_REASON_{record.error_reason}"
    if record.upstream_status:
        target.upstream_status = record.upstream_status
    if record.upstream_request_id:
        target.upstream_request_id = record.upstream_request_id
    set_timestamp(target.start_time, record.start_unix_s)
    if record.first_token_s is not None:
        set_duration(target.first_token_duration, record.first_token_s)
    set_duration(target.total_duration, record.total_s)
    if record.hedge_delays_s is not None:
        planned_s, real_s = record.hedge_delays_s
        set_duration(target.hedge_planned_delay, planned_s)
        set_duration(target.hedge_delay, real_s)
    if written is not None and record.usage is written[0]:
        target.usage.CopyFrom(written[1])
    elif record.usage is not None:
        write_usage(target.usage, record.usage)
    if record.cost_picos is not None:
        target.cost_picos = record.cost_picos


def write_attempts(target: Iterable[attempt_pb2.Attempt], records: Iterable[AttemptRecord], written: Written) -> None:
    """Appends the records of a call, oldest first."""
    for record in records:
        write_attempt(target.add(), record, written)  # type: ignore[attr-defined]


class HasCosts(Protocol):
    """A message that says what a call costs."""

    cost_picos: int
    charged_picos: int
    price_version: str


_APART = (AttemptOutcome.HEDGE_LOST, AttemptOutcome.REPLACED)


class Costs(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a call costs, in 10^-12 US dollars; None: unknown."""

    cost_picos: int | None = None
    charged_picos: int | None = None
    price_version: str = ""


def costs(records: Sequence[AttemptRecord], omitted: int = 0, *, kept: bool = False) -> Costs:
    """What a call costs: all its attempts together, and without those that go to the route's overhead. A sum of which a
    part is not known, or is no longer kept (`omitted`), is unknown. `kept`: the answer was there already; it costs
    nothing without an attempt.
    """
    cost = charged = 0
    version = ""
    cost_known = charged_known = (bool(records) or kept) and not omitted
    for record in records:
        apart = record.outcome in _APART
        if record.price_version:
            version = record.price_version
        if record.cost_picos is None:
            cost_known, charged_known = False, charged_known and apart
            continue
        cost += record.cost_picos
        charged += 0 if apart else record.cost_picos
    return Costs(
        cost if cost_known and cost <= _MAX_PICOS else None,
        charged if charged_known and charged <= _MAX_PICOS else None,
        version,
    )


def write_costs(target: HasCosts, records: Sequence[AttemptRecord], omitted: int = 0, *, kept: bool = False) -> None:
    """Fills what a call costs; what is unknown is left unset."""
    found = costs(records, omitted, kept=kept)
    if found.price_version:
        target.price_version = found.price_version
    if found.cost_picos is not None:
        target.cost_picos = found.cost_picos
    if found.charged_picos is not None:
        target.charged_picos = found.charged_picos


def _write_quotas(message: attempt_pb2.CallReport, hold: Hold) -> None:
    quotas = message.quotas
    for left in hold.tightest(_QUOTAS):
        one = quotas.add()
        one.name, one.unit, one.window, one.limit, one.left = left.name, left.unit, left.window, left.limit, left.left
        if left.reset_unix_s is not None:
            set_timestamp(one.reset_time, left.reset_unix_s)
    while quotas and message.ByteSize() > REPORT_BYTES - _ATTEMPT_BYTES:
        quotas.pop()


def report(call: Call) -> bytes:
    """The report of a call, at most REPORT_BYTES long: the newest attempts come first, what has no room is left out."""
    message = attempt_pb2.CallReport(request_id=call.request_id)
    written = None
    if call.usage is not None:
        write_usage(message.usage, call.usage)
        written = (call.usage, message.usage)
    omitted = call.attempts_started - len(call.attempts)
    write_costs(message, call.attempts, omitted, kept=call.cache == "hit")
    if call.replay_of:
        message.replay_of = cut(call.replay_of, _REPORT_TEXT)
        message.cost_picos = message.charged_picos = 0
    if call.timeout_s is not None:
        set_duration(message.deadline_duration, call.timeout_s)
    for warning in call.warnings:
        one = warning_pb2.Warning()
        write_warning(one, Warning(warning.code, cut(warning.field, _REPORT_TEXT), cut(warning.message, _REPORT_TEXT)))
        if message.ByteSize() + one.ByteSize() + _FIELD_BYTES > REPORT_BYTES - _ATTEMPT_BYTES:
            break
        message.warnings.append(one)
    if call.hold is not None:
        _write_quotas(message, call.hold)
    room = REPORT_BYTES - message.ByteSize() - 2 * _FIELD_BYTES
    attempts = message.attempts
    for record in reversed(call.attempts):
        attempt = attempts.add()
        write_attempt(attempt, record, written)
        if len(record.model.encode()) > _REPORT_TEXT:
            attempt.model = cut(record.model, _REPORT_TEXT)
        room -= attempt.ByteSize() + _FIELD_BYTES
        if room < 0:
            del attempts[-1]
            break
    omitted = call.attempts_started - len(attempts)
    if omitted:
        message.omitted_attempts_count = omitted
    return message.SerializeToString()
