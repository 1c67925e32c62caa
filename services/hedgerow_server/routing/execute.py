"""The one executor: asks the plan's candidates until one answers, for unary, streaming and embedding calls.

Nothing is handed on before the answer commits: a stream at its first content, any other call at its end. Until then
another candidate may take over, within the bounds on attempts and time. Retries, failover and hedging are one search
(`search.py`) with one record of attempts.
"""

from collections.abc import Callable

from hedgerow_server.core.call import Call
from hedgerow_server.core.error import HedgerowError
from hedgerow_server.core.event import Event, Events, Finished, RouteChanged, Started, Warning
from hedgerow_server.core.request import ChatSpec, EmbedSpec
from hedgerow_server.routing.leg import Leg
from hedgerow_server.routing.plan import Plan
from hedgerow_server.routing.search import Search

Ending = Callable[[Call, Finished], Event]
"""What callers get in the place of the provider's last word."""


async def execute(
    call: Call,
    plan: Plan,
    spec: ChatSpec | EmbedSpec,
    *,
    stream: bool,
    again: bool = False,
    ending: Ending | None = None,
) -> Events:
    """The events of the answer: Started first, Finished or what `ending` makes of it last; RouteChanged between, where
    the caller of a stream has opted in. Sets `call.usage` to what the caller is charged for. `again`: the call had an
    answer that will not do, so that its next attempt is a retry. Raises HedgerowError.
    """
    if plan.warnings:
        _warn(call, plan.warnings)
        call.downgraded_from = plan.downgraded_from
    search = Search(call, plan, spec, stream=stream, again=again)
    call.why = plan.why
    leg: Leg | None = None
    try:
        leg = await search.answer()
        batch = _opening(call, leg)
        while True:
            finished = leg.finished
            if finished is not None:
                _finish(call, plan, leg, finished)
                batch[-1] = finished if ending is None else ending(call, finished)
            for event in batch:
                yield event
            if finished is not None:
                return
            try:
                batch = await leg.attempt.next()
            except HedgerowError as error:
                leg.failed(error)
                leg = await search.replacement(leg, error)
                batch = _reopening(call, leg)
            else:
                if type(batch[-1]) is Finished:
                    leg.take(batch)
    finally:
        search.close(leg)


def _finish(call: Call, plan: Plan, leg: Leg, finished: Finished) -> None:
    """What holds once the last word of an answer is there; its reader may come no further than to that."""
    _warn(call, finished.warnings)
    call.usage = leg.usage
    if plan.sticky is not None:
        plan.sticky.keep(leg.candidate)


def _warn(call: Call, warnings: tuple[Warning, ...]) -> None:
    """Notes warnings once a call, however many batches of inputs they come with."""
    if warnings:
        call.warnings.extend(warning for warning in warnings if warning not in call.warnings)


def _opening(call: Call, leg: Leg) -> list[Event]:
    """The first events of a committed answer, with exactly one Started that tells the whole story."""
    _warn(call, leg.warnings())
    told, content = leg.told()
    started = Started(
        provider=leg.candidate.upstream.name,
        model=told.model or leg.candidate.model,
        warnings=tuple(call.warnings),
        response_id=told.response_id,
        beside=told.beside,
    )
    return [started, *content]


def _reopening(call: Call, leg: Leg) -> list[Event]:
    """The first events of an answer in the place of one that broke."""
    warnings = leg.warnings()
    _warn(call, warnings)
    told, content = leg.told()
    changed = RouteChanged(
        provider=leg.candidate.upstream.name,
        model=told.model or leg.candidate.model,
        warnings=warnings,
        response_id=told.response_id,
    )
    return [changed, *content]
