"""What the HTTP doors have beside the APIs that they speak: how the gateway shall treat a call, in the member
`hedgerow` of a request or in headers, and what it tells of the call, in the member `hedgerow` of an answer.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Literal

import msgspec
from google.protobuf.duration_pb2 import Duration
from hedgerow.common.v1 import policy_pb2

from hedgerow_server.core.call import Call
from hedgerow_server.core.event import AttemptRecord, CacheOrigin, Completed, EmbedCompleted, GuardVerdict, Started
from hedgerow_server.wire.check import wrong
from hedgerow_server.wire.policy import Keyed
from hedgerow_server.wire.report import costs
from hedgerow_server.wire.times import set_duration
from hedgerow_server.wire.words import Wording

_CACHE = Literal["use", "refresh", "bypass", "read_only", "write_only"]
_LISTS = {"x-hedgerow-providers": "providers", "x-hedgerow-models": "models", "x-hedgerow-regions": "regions"}
_Seconds = Annotated[float, msgspec.Meta(ge=0, le=1e9)]


class RouteForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """RoutePolicy as JSON; members as in hedgerow.common.v1, times as seconds. Without `allow_route_change`: no API
    here can take back what it has sent.
    """

    providers: list[str] = []
    models: list[str] = []
    regions: list[str] = []
    require_parameters: bool = False
    disable_hedging: bool = False
    max_attempts: Annotated[int, msgspec.Meta(ge=-(1 << 31), lt=1 << 31)] | None = None
    session_id: str = ""
    first_token_timeout_seconds: _Seconds | None = None
    idle_timeout_seconds: _Seconds | None = None
    cache: _CACHE | None = None
    cache_max_age_seconds: _Seconds | None = None


class Extension(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The member `hedgerow` of a request."""

    route: RouteForm = RouteForm()
    labels: dict[str, str] = {}
    provider_options: dict[str, dict[str, msgspec.Raw]] = {}
    """Further members of the upstream request, by provider or dialect."""


NOTHING = Extension()


def write_extension(target: Keyed, given: Extension, call: Call) -> None:
    """Fills what a request has beside its spec: from the headers, then from the member `hedgerow`, which wins. Raises
    RequestInvalid.
    """
    metadata = call.metadata
    if any(name.startswith("x-hedgerow-") for name in metadata):
        _from_headers(target, metadata)
    if given.route != NOTHING.route:
        _write_route(target.route, given.route)
    for name, value in given.labels.items():
        target.labels[name] = value
    target.idempotency_key = metadata.get("idempotency-key", "")


def options_text(given: Mapping[str, Mapping[str, msgspec.Raw]]) -> dict[str, str]:
    """The options of providers as the contract has them: each as the text of a JSON object."""
    return {name: msgspec.json.encode(members).decode() for name, members in given.items() if members}


def _from_headers(target: Keyed, metadata: Mapping[str, str]) -> None:
    route = target.route
    for header, field in _LISTS.items():
        if text := metadata.get(header):
            getattr(route, field).extend(part.strip() for part in text.split(",") if part.strip())
    if mode := metadata.get("x-hedgerow-cache"):
        try:
            route.cache = policy_pb2.CacheMode.Value(f"CACHE_MODE_{mode.replace('-', '_').upper()}")
        except ValueError:
            expected = "must be use, refresh, bypass, read-only or write-only"
            raise wrong("x-hedgerow-cache", expected) from None
    if session := metadata.get("x-hedgerow-session"):
        route.session_id = session
    for pair in metadata.get("x-hedgerow-labels", "").split(","):
        name, equals, value = pair.partition("=")
        if equals:
            target.labels[name.strip()] = value.strip()
        elif name.strip():
            raise wrong("x-hedgerow-labels", "must be pairs such as feature=search,customer=acme")


def _write_route(target: policy_pb2.RoutePolicy, given: RouteForm) -> None:
    for name in ("providers", "models", "regions"):
        if values := getattr(given, name):
            target.ClearField(name)
            getattr(target, name).extend(values)
    if given.require_parameters:
        target.require_parameters = True
    if given.disable_hedging:
        target.disable_hedging = True
    if given.max_attempts is not None:
        target.max_attempts = given.max_attempts
    if given.session_id:
        target.session_id = given.session_id
    _write_seconds(target.first_token_timeout, given.first_token_timeout_seconds)
    _write_seconds(target.idle_timeout, given.idle_timeout_seconds)
    _write_seconds(target.cache_max_age, given.cache_max_age_seconds)
    if given.cache is not None:
        target.cache = policy_pb2.CacheMode.Value(f"CACHE_MODE_{given.cache.upper()}")


def _write_seconds(target: Duration, seconds: float | None) -> None:
    if seconds is not None:
        set_duration(target, seconds)


class AttemptTold(msgspec.Struct, frozen=True, omit_defaults=True):
    """An attempt in an answer; times in seconds."""

    number: int
    """From 1, in the order in which they began."""
    provider: str
    model: str
    kind: str
    outcome: str
    region: str = ""
    error_reason: str = ""
    upstream_status: int = 0
    upstream_request_id: str = ""
    start_unix_seconds: float = 0.0
    first_token_seconds: float | None = None
    total_seconds: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    usage_estimated: bool = False
    """Whether the tokens are the gateway's estimate, the provider having told none."""
    other_units: dict[str, int] = {}
    """What else the provider bills by."""
    hedge_planned_delay_seconds: float | None = None
    """Of a hedged attempt: how long after the first one it was to start."""
    hedge_delay_seconds: float | None = None
    """And how long it really was."""
    cost_picos: int | None = None


def told_of_start(call: Call, started: Started) -> dict[str, object]:
    """The member `hedgerow` of the first piece of an answer: who answers, and how that differs from what was asked, in
    the caller's names of fields.
    """
    told: dict[str, object] = {"request_id": call.request_id, "provider": started.provider, "model": started.model}
    if started.warnings:
        named = call.form.named if isinstance(call.form, Wording) else str
        told["warnings"] = [
            {"code": one.code.name.lower(), "field": named(one.field), "message": one.message}
            for one in started.warnings
        ]
    if call.replay_of:
        told["replay_of"] = call.replay_of
    if started.cache is not None:
        told["cache"] = _origin(started.cache)
    return told


def told_of_end(
    call: Call, completed: Completed | EmbedCompleted, verdicts: Sequence[GuardVerdict] = ()
) -> dict[str, object]:
    """The member `hedgerow` of the last piece: why the answer ended, as the contract has it, what the call cost, in
    10^-12 US dollars, its attempts, what of its usage no API has words for, and what guards decided that was not told
    before. A replay costs nothing and makes no attempt.
    """
    kept = completed.kept if isinstance(completed, Completed) else completed.cached_count > 0
    attempts = () if call.replay_of else completed.attempts
    found = costs(attempts, kept=kept or bool(call.replay_of))
    told: dict[str, object] = {"cost_picos": found.cost_picos, "charged_picos": found.charged_picos}
    if found.price_version:
        told["price_version"] = found.price_version
    told["attempts"] = told_of_attempts(attempts)
    if isinstance(completed, Completed):
        told["finish_reason"] = completed.reason.name.lower()
        told["native_finish_reason"] = completed.native_reason
        if completed.stop_sequence:
            told["stop_sequence"] = completed.stop_sequence
    if completed.usage.estimated:
        told["usage_estimated"] = True
    if completed.usage.other_units:
        told["other_units"] = completed.usage.other_units
    if verdicts:
        told["guardrail_verdicts"] = [told_of_verdict(one) for one in verdicts]
    return told


def told_of_attempts(records: Iterable[AttemptRecord]) -> list[AttemptTold]:
    """The attempts of a call, oldest first."""
    return [_attempt(one) for one in records]


def told_of_verdict(verdict: GuardVerdict) -> dict[str, object]:
    """What a guard has decided."""
    told: dict[str, object] = {
        "guardrail": verdict.guardrail,
        "action": verdict.action.name.lower(),
        "side": verdict.side.name.lower(),
        "category": verdict.category,
    }
    if verdict.score is not None:
        told["score"] = verdict.score
    if verdict.shadow:
        told["shadow"] = True
    return told


def _origin(origin: CacheOrigin) -> dict[str, object]:
    return {
        "kind": origin.kind.name.lower(),
        "age_seconds": origin.age_s,
        "provider": origin.provider,
        "model": origin.model,
        "saved_picos": origin.saved_picos,
        "similarity": origin.similarity,
    }


def _attempt(record: AttemptRecord) -> AttemptTold:
    return AttemptTold(
        number=record.number,
        provider=record.provider,
        model=record.model,
        kind=record.kind.name.lower(),
        outcome="" if record.outcome is None else record.outcome.name.lower(),
        region=record.region,
        error_reason=record.error_reason,
        upstream_status=record.upstream_status,
        upstream_request_id=record.upstream_request_id,
        start_unix_seconds=record.start_unix_s,
        first_token_seconds=record.first_token_s,
        total_seconds=record.total_s,
        input_tokens=0 if record.usage is None else record.usage.input_tokens,
        output_tokens=0 if record.usage is None else record.usage.output_tokens,
        usage_estimated=record.usage is not None and record.usage.estimated,
        other_units={} if record.usage is None else record.usage.other_units,
        hedge_planned_delay_seconds=None if record.hedge_delays_s is None else record.hedge_delays_s[0],
        hedge_delay_seconds=None if record.hedge_delays_s is None else record.hedge_delays_s[1],
        cost_picos=record.cost_picos,
    )
