"""What spans say of calls and attempts, by the semantic conventions of OpenTelemetry.

Those for RPC are stable since 1.45 (https://opentelemetry.io/docs/specs/semconv/rpc/rpc-spans/). Those for generative
AI are in development (https://github.com/open-telemetry/semantic-conventions-genai); the names are those of 1.45. What
there is no name for begins with `hedgerow.`. Durations end with `_s` and are in seconds.
"""

from collections.abc import Mapping

import msgspec

from hedgerow_server.core.call import Call, Kind, Outcome
from hedgerow_server.core.event import AttemptOutcome, AttemptRecord, Completed, Usage
from hedgerow_server.core.request import ChatRequest, EmbedRequest
from hedgerow_server.telemetry.breakdown import breakdown
from hedgerow_server.telemetry.span import Attributes

SERVER_FAULTS = frozenset(
    ("UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"),
)
"""Codes that are an error of the server: https://opentelemetry.io/docs/specs/semconv/rpc/grpc/ (server spans)."""


class ProviderFacts(msgspec.Struct, frozen=True):
    """What spans say of a provider of the configuration."""

    name: str
    """What `gen_ai.provider.name` calls it; a name of its own where the conventions have none for it."""
    address: str = ""
    """The host that is asked."""
    port: int = 0


Providers = Mapping[str, ProviderFacts]
"""By their configured names."""


def operation(call: Call) -> str:
    """What the call does, as conventions call it; empty where it is neither chat nor embeddings."""
    if isinstance(call.request, ChatRequest):
        return "chat"
    return "embeddings" if isinstance(call.request, EmbedRequest) else ""


def of_call(call: Call, outcome: Outcome, duration_s: float) -> Attributes:
    """What the span of a call says."""
    error, principal = outcome.error, call.principal
    found: Attributes = {
        "rpc.method": call.method.name.lstrip("/"),
        "rpc.response.status_code": error.code if error is not None else "OK",
        "hedgerow.door": call.door,
        "hedgerow.request_id": call.request_id,
    }
    if call.door == "grpc":
        found["rpc.system.name"] = "grpc"
    if error is not None:
        found["hedgerow.reason"] = error.reason
        if error.code in SERVER_FAULTS:
            found["error.type"] = error.reason or error.code
    if call.cause is not None:
        found["hedgerow.purpose"] = call.cause.purpose
    if principal is not None:
        _told(found, "hedgerow.tenant", principal.tenant)
        _told(found, "hedgerow.team", principal.team)
        _told(found, "hedgerow.service", principal.service)
    for name, value in (
        ("hedgerow.why", call.why),
        ("hedgerow.cache", call.cache),
        ("hedgerow.replay_of", call.replay_of),
        ("hedgerow.downgraded_from", call.downgraded_from),
    ):
        _told(found, name, value)
    if call.attempts_started:
        found["hedgerow.attempts"] = call.attempts_started
    found.update(_generated(call, outcome))
    parts = breakdown(call, duration_s)
    for part in parts.__struct_fields__:
        found[f"hedgerow.{part}"] = getattr(parts, part)
    return found


def _generated(call: Call, outcome: Outcome) -> Attributes:
    request = call.request
    if not isinstance(request, ChatRequest | EmbedRequest):
        return {}
    found: Attributes = {"gen_ai.operation.name": operation(call), "gen_ai.request.model": request.spec.model}
    if call.method.kind is Kind.SERVER_STREAM:
        found["gen_ai.request.stream"] = True
    if isinstance(request, ChatRequest):
        spec = request.spec
        for name, value in (
            ("gen_ai.request.max_tokens", spec.max_output_tokens),
            ("gen_ai.request.temperature", spec.temperature),
            ("gen_ai.request.top_p", spec.top_p),
        ):
            if value is not None:
                found[name] = value
    if isinstance(outcome.terminal, Completed):
        found["gen_ai.response.finish_reasons"] = (outcome.terminal.reason.name.lower(),)
    answering = next((one for one in reversed(call.attempts) if one.outcome is AttemptOutcome.SUCCEEDED), None)
    if answering is not None:
        found["gen_ai.response.model"] = answering.served_model or answering.model
    _used(found, call.usage)
    return found


def of_attempt(record: AttemptRecord, operation: str, provider: ProviderFacts | None) -> Attributes:
    """What the span of an attempt says."""
    found: Attributes = {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": provider.name if provider is not None else record.provider,
        "gen_ai.request.model": record.model,
        "hedgerow.provider": record.provider,
        "hedgerow.attempt.number": record.number,
        "hedgerow.attempt.kind": record.kind.name.lower(),
        "hedgerow.attempt.outcome": record.outcome.name.lower() if record.outcome is not None else "open",
    }
    if provider is not None and provider.address:
        found["server.address"], found["server.port"] = provider.address, provider.port
    for name, text in (
        ("gen_ai.response.model", record.served_model),
        ("error.type", record.error_reason),
        ("hedgerow.region", record.region),
        ("hedgerow.upstream_request_id", record.upstream_request_id),
        ("hedgerow.price_version", record.price_version),
    ):
        _told(found, name, text)
    if record.upstream_status:
        found["http.response.status_code"] = record.upstream_status
    for name, value in (
        ("gen_ai.response.time_to_first_chunk", record.first_token_s),
        ("hedgerow.connect_s", record.connect_s),
        ("hedgerow.cost_picos", record.cost_picos),
    ):
        if value is not None:
            found[name] = value
    if record.hedge_delays_s is not None:
        found["hedgerow.hedge.planned_delay_s"], found["hedgerow.hedge.delay_s"] = record.hedge_delays_s
    _used(found, record.usage)
    return found


def _used(found: Attributes, usage: Usage | None) -> None:
    if usage is None:
        return
    found["gen_ai.usage.input_tokens"] = usage.input_tokens
    found["gen_ai.usage.output_tokens"] = usage.output_tokens
    if usage.input_cache_read_tokens:
        found["gen_ai.usage.cache_read.input_tokens"] = usage.input_cache_read_tokens
    if usage.input_cache_writes:
        found["gen_ai.usage.cache_creation.input_tokens"] = sum(count for _, count in usage.input_cache_writes)
    if usage.output_reasoning_tokens:
        found["gen_ai.usage.reasoning.output_tokens"] = usage.output_reasoning_tokens
    if usage.estimated:
        found["hedgerow.usage_estimated"] = True


def _told(found: Attributes, name: str, value: str) -> None:
    if value:
        found[name] = value
