"""AdminService: bytes to core requests, core events to bytes."""

from google.protobuf.message import Message
from hedgerow.admin.v1 import admin_service_pb2 as pb

from hedgerow_server.core.admin import (
    AdminAnswer,
    CandidateFacts,
    CandidatesListed,
    ConfigState,
    HedgingFacts,
    LimitFacts,
    ListCandidatesRequest,
    Quantiles,
    Reloaded,
    ReloadRequest,
    RollbackRequest,
    RolledBack,
    SwitchCleared,
    SwitchesListed,
    SwitchFacts,
    SwitchRequest,
    SwitchSet,
)
from hedgerow_server.core.call import Call
from hedgerow_server.core.credentials import CredentialRefreshed, CredentialsListed
from hedgerow_server.core.event import Answered, Event
from hedgerow_server.core.plan import Plan, PlanRequest
from hedgerow_server.wire.check import Checker
from hedgerow_server.wire.credentials import credential_message
from hedgerow_server.wire.keys import key_message
from hedgerow_server.wire.plan import changes, kept_config, plan_message
from hedgerow_server.wire.pool import rate_pool
from hedgerow_server.wire.times import duration, set_duration, timestamp

_DEFAULT_PAGE = 100
_PLAN = "(plan)"
_SCOPES = {
    "provider": pb.KILL_SCOPE_PROVIDER,
    "model": pb.KILL_SCOPE_MODEL,
    "tenant": pb.KILL_SCOPE_TENANT,
}
_SCOPE_NAMES = {number: name for name, number in _SCOPES.items()}
_BREAKERS = {
    "closed": pb.BREAKER_STATE_CLOSED,
    "open": pb.BREAKER_STATE_OPEN,
    "half_open": pb.BREAKER_STATE_HALF_OPEN,
}


class AdminDecoder:
    """Decodes the requests of AdminService."""

    def __init__(self, checker: Checker) -> None:
        self._checker = checker

    def reload(self, call: Call) -> ReloadRequest:
        """A request of Reload."""
        return ReloadRequest(self._checker.parse(pb.ReloadRequest, call, call.body).dry_run)

    def plan_config(self, call: Call) -> PlanRequest:
        """A request of PlanConfig."""
        message = self._checker.parse(pb.PlanConfigRequest, call, call.body)
        # A name with a zero byte is one that no path can have.
        return PlanRequest(message.text, message.file_name.replace("\0", "?") or _PLAN)

    def rollback_config(self, call: Call) -> RollbackRequest:
        """A request of RollbackConfig."""
        message = self._checker.parse(pb.RollbackConfigRequest, call, call.body)
        return RollbackRequest(message.hash, message.dry_run)

    def get_config(self, call: Call) -> None:
        """A request of GetConfig: nothing."""
        self._checker.parse(pb.GetConfigRequest, call, call.body)

    def list_candidates(self, call: Call) -> ListCandidatesRequest:
        """A request of ListCandidates."""
        message = self._checker.parse(pb.ListCandidatesRequest, call, call.body)
        return ListCandidatesRequest(message.page_size or _DEFAULT_PAGE, message.page_token, message.provider)

    def set_kill_switch(self, call: Call) -> SwitchRequest:
        """A request of SetKillSwitch."""
        message = self._checker.parse(pb.SetKillSwitchRequest, call, call.body)
        return SwitchRequest(_SCOPE_NAMES[message.scope], message.name, message.reason)

    def clear_kill_switch(self, call: Call) -> SwitchRequest:
        """A request of ClearKillSwitch."""
        message = self._checker.parse(pb.ClearKillSwitchRequest, call, call.body)
        return SwitchRequest(_SCOPE_NAMES[message.scope], message.name)

    def list_kill_switches(self, call: Call) -> None:
        """A request of ListKillSwitches: nothing."""
        self._checker.parse(pb.ListKillSwitchesRequest, call, call.body)


class AdminAnswerBytes:
    """The bytes of a response of AdminService."""

    def __init__(self) -> None:
        self._answer: AdminAnswer | None = None

    def add(self, event: Event) -> None:
        """Takes the one event."""
        if isinstance(event, Answered):
            self._answer = event.answer

    def encode(self) -> bytes:
        """The response."""
        assert self._answer is not None
        return _message(self._answer).SerializeToString()


def _message(answer: AdminAnswer) -> Message:
    match answer:
        case Reloaded():
            return _reloaded(answer)
        case ConfigState():
            return pb.GetConfigResponse(config=_config(answer), kept_configs=map(kept_config, answer.kept))
        case Plan() | RolledBack():
            return plan_message(answer)
        case CandidatesListed(found, token):
            return pb.ListCandidatesResponse(candidates=map(_candidate, found), next_page_token=token)
        case SwitchSet(switch, known):
            return pb.SetKillSwitchResponse(kill_switch=_switch(switch), known=known)
        case SwitchCleared(cleared):
            return pb.ClearKillSwitchResponse(cleared=cleared)
        case SwitchesListed(switches):
            return pb.ListKillSwitchesResponse(kill_switches=map(_switch, switches))
        case CredentialsListed() | CredentialRefreshed():
            return credential_message(answer)
        case _:
            return key_message(answer)


def _reloaded(answer: Reloaded) -> pb.ReloadResponse:
    return pb.ReloadResponse(
        config_hash=answer.config_hash,
        applied=answer.applied,
        changes=changes(answer.changes),
        changes_count=len(answer.changes),
        restart_keys=answer.restart_keys,
    )


def _config(state: ConfigState) -> pb.Config:
    return pb.Config(
        hash=state.config_hash,
        path=state.path,
        load_time=timestamp(state.loaded_unix_s),
        reloads_count=state.reloads,
        failed_reloads_count=state.failed_reloads,
        last_error=state.last_error,
        last_error_time=timestamp(state.failed_unix_s),
        restart_keys=state.restart_keys,
        routes_count=state.routes,
        rollback_time=timestamp(state.rolled_back_unix_s),
        file_hash=state.file_hash,
    )


def _candidate(one: CandidateFacts) -> pb.CandidateState:
    return pb.CandidateState(
        provider=one.provider,
        model=one.model,
        region=one.region,
        credential=one.credential,
        switched_off=one.switched_off,
        breaker_state=_BREAKERS[one.breaker],
        breaker_reason=one.breaker_reason,
        ejected_until_time=timestamp(one.ejected_until_unix_s),
        ejections_count=one.ejections,
        window_calls_count=one.calls,
        window_failures=one.failures,
        window_slow_count=one.slow,
        trials_count=one.trials,
        cooling_until_time=timestamp(one.cooling_until_unix_s),
        set_aside_until_time=timestamp(one.set_aside_until_unix_s),
        set_aside_reason=one.set_aside_reason,
        running_attempts_count=one.running,
        rate_limited_share=one.rate_limited_share,
        streamed=_times(one.streamed),
        unary=_times(one.unary),
        provider_limits=map(_limit, one.limits),
        hedging=map(_hedging, one.hedging),
        rate_pool=None if one.pool is None else rate_pool(one.pool),
    )


def _limit(one: LimitFacts) -> pb.ProviderLimit:
    return pb.ProviderLimit(
        name=one.name,
        remaining_count=one.remaining,
        limit_count=one.limit,
        reset_time=timestamp(one.reset_unix_s),
        tell_time=timestamp(one.told_unix_s),
    )


def _hedging(one: HedgingFacts) -> pb.HedgingState:
    return pb.HedgingState(
        route=one.route,
        planned_calls_count=one.planned,
        due_calls_count=one.due,
        started_count=one.started,
        won_count=one.won,
        held_calls=one.held,
        mean_planned_delay=duration(one.mean_planned_s) if one.mean_planned_s is not None else None,
        mean_delay=duration(one.mean_real_s) if one.mean_real_s is not None else None,
    )


def _times(quantiles: Quantiles | None) -> pb.FirstTokenTimes | None:
    if quantiles is None:
        return None
    message = pb.FirstTokenTimes(samples=quantiles.samples)
    set_duration(message.p50, quantiles.p50_s)
    set_duration(message.p95, quantiles.p95_s)
    return message


def _switch(switch: SwitchFacts) -> pb.KillSwitch:
    return pb.KillSwitch(
        scope=_SCOPES[switch.scope], name=switch.name, reason=switch.reason, set_time=timestamp(switch.since_unix_s)
    )
