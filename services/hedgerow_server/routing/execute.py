"""The one executor: asks the plan's candidates and hands on what arrives, for unary, streaming and embedding calls."""

from contextlib import aclosing

from hedgerow_server.core.call import Call
from hedgerow_server.core.event import AttemptKind, Event, Events, Finished, Started, Warning
from hedgerow_server.core.request import ChatSpec, EmbedSpec
from hedgerow_server.routing.attempt import Attempt
from hedgerow_server.routing.plan import Candidate, Plan


async def execute(call: Call, plan: Plan, spec: ChatSpec | EmbedSpec, *, stream: bool) -> Events:
    """The events of the answer: Started first, Finished last.

    Nothing is yielded before the answer commits: a stream at its first content, any other call at its end. Until then
    another candidate could still take over. Raises HedgerowError.
    """
    candidate = plan.candidates[0]
    attempt = Attempt(call, candidate, spec, plan.policy, stream=stream, kind=AttemptKind.PRIMARY)
    _warn(call, attempt.warnings)
    held: list[Event] = []
    committed = False
    try:
        async with aclosing(attempt.batches()) as batches:
            async for batch in batches:
                if isinstance(batch[-1], Finished):
                    _warn(call, batch[-1].warnings)
                if committed:
                    for event in batch:
                        yield event
                    continue
                held += batch
                if _commits(batch, stream=stream):
                    committed = True
                    for event in _opening(call, candidate, held):
                        yield event
                    held.clear()
    finally:
        if attempt.record is not None and attempt.record.usage is not None:
            call.usage = attempt.record.usage


def _commits(batch: list[Event], *, stream: bool) -> bool:
    if stream:
        return any(not isinstance(event, Started) for event in batch)
    return any(isinstance(event, Finished) for event in batch)


def _warn(call: Call, warnings: tuple[Warning, ...]) -> None:
    """Notes warnings once a call, however many batches of inputs they come with."""
    call.warnings.extend(warning for warning in warnings if warning not in call.warnings)


def _opening(call: Call, candidate: Candidate, held: list[Event]) -> list[Event]:
    """The first events of a committed answer, with exactly one Started that tells the whole story."""
    told = next((event for event in held if isinstance(event, Started)), Started())
    started = Started(
        provider=candidate.upstream.name,
        model=told.model or candidate.model,
        warnings=tuple(call.warnings),
        response_id=told.response_id,
    )
    return [started, *(event for event in held if not isinstance(event, Started))]
