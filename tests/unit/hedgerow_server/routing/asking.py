"""Calls to scripted candidates, as the chain would make them."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import aclosing

import msgspec
import pytest
from hedgerow_server.core.call import Call
from hedgerow_server.core.error import CredentialUnavailable, HedgerowError, RequestInvalid
from hedgerow_server.core.event import AttemptKind, AttemptOutcome, Event, Finished, RouteChanged, Started, TextDelta
from hedgerow_server.core.request import NO_POLICY, ChatSpec, EmbedSpec, RoutePolicy
from hedgerow_server.core.secret import Secret
from hedgerow_server.pricing.price import Price, Rates
from hedgerow_server.providers.openai import OpenAI, OpenAISection
from hedgerow_server.routing.candidate import Candidate
from hedgerow_server.routing.execute import execute
from hedgerow_server.routing.plan import Bounds, Plan
from unit.hedgerow_server.calls import call
from unit.hedgerow_server.routing.scripted import (
    DONE,
    HI,
    JSON,
    SSE,
    Answer,
    ScriptedTransport,
    Step,
    candidate,
    chunk,
    usage_chunk,
)

PRIMARY, RETRY, FAILOVER, HEDGE = AttemptKind.PRIMARY, AttemptKind.RETRY, AttemptKind.FAILOVER, AttemptKind.HEDGE
SUCCEEDED, FAILED = AttemptOutcome.SUCCEEDED, AttemptOutcome.FAILED
HEDGE_LOST, CANCELLED, REPLACED = AttemptOutcome.HEDGE_LOST, AttemptOutcome.CANCELLED, AttemptOutcome.REPLACED
_TURNS = 8


def said(text: str, *, after_s: float = 0.0, headers_after_s: float = 0.0) -> Answer:
    """A whole stream of one text, with its usage; its first token comes after so many seconds."""
    body: list[Step] = [chunk(text), chunk(finish="stop"), usage_chunk(), DONE]
    return Answer([after_s, *body] if after_s else body, before=[headers_after_s] if headers_after_s else [])


def refused(status: int, code: str = "x", **headers: str) -> Answer:
    """An answer that is an error."""
    body = json.dumps({"error": {"message": "canary", "type": "x", "code": code}}).encode()
    return Answer([body], status, {**JSON, **{name.replace("_", "-"): value for name, value in headers.items()}})


def cut(text: str) -> Answer:
    """A stream that ends in its middle."""
    return Answer([chunk(text)], headers=SSE)


def at(*answers: Answer, name: str = "a", **more: object) -> Candidate:
    """A candidate that gives these answers."""
    return candidate(ScriptedTransport(*answers), name=name, **more)  # type: ignore[arg-type]


def wire(one: Candidate) -> ScriptedTransport:
    """What a candidate was asked."""
    transport = one.upstream.transport
    assert isinstance(transport, ScriptedTransport)
    return transport


def asked(*candidates: Candidate) -> list[int]:
    """How many requests each got."""
    return [len(wire(one).requests) for one in candidates]


class Held:
    """A credential that is there, or is not."""

    name = "main"

    def __init__(self, secret: Secret | None) -> None:
        self._secret = secret

    def current(self) -> Secret:
        if self._secret is None:
            raise CredentialUnavailable("none")
        return self._secret

    def hold(self, secret: Secret) -> None:
        """Nobody asks."""

    def let_go(self, secret: Secret) -> None:
        """Nobody asks."""

    async def refused(self, secret: Secret) -> bool:
        """There is no other."""
        return False


class Unable(OpenAI):
    """A dialect of a provider that cannot take the request."""

    def build(self, *_: object, **__: object) -> object:  # type: ignore[override]
        raise RequestInvalid("no")


def unable(name: str = "a") -> Candidate:
    """A candidate whose dialect cannot take the request."""
    one = at(name=name)
    dialect = Unable(name, OpenAISection.model_validate({"dialect": "openai"}))
    return msgspec.structs.replace(one, upstream=msgspec.structs.replace(one.upstream, dialect=dialect))


def priced(one: Candidate, input_picos: int, output_picos: int) -> Candidate:
    """The same candidate with a price per token."""
    rates = Rates(
        input=input_picos,
        cache_read=None,
        cache_write=None,
        cache_write_long=None,
        input_audio=None,
        input_image=None,
        output=output_picos,
        reasoning=None,
        output_audio=None,
        output_image=None,
    )
    price = Price(rates=rates, version=f"v-{one.upstream.name}", source="configuration")
    return msgspec.structs.replace(one, price=price)


class Asking:
    """One call: what came of it."""

    def __init__(self, *candidates: Candidate, policy: RoutePolicy = NO_POLICY, **bounds: object) -> None:
        self.plan = Plan(candidates, policy, Bounds(**bounds))  # type: ignore[arg-type]
        self.call: Call = call()
        self.events: list[Event] = []

    async def answer(
        self, spec: ChatSpec | EmbedSpec = HI, *, stream: bool = True, deadline_s: float | None = None
    ) -> str:
        """Asks, and gives the text of the answer: what a client that follows RouteChanged has in the end. The call
        ends at its deadline, as the chain ends it.
        """
        one = self.call
        if deadline_s is not None:
            one.timeout_s, one.deadline_s = deadline_s, one.started_s + deadline_s
        try:
            async with asyncio.timeout_at(one.deadline_s):
                async with aclosing(execute(one, self.plan, spec, stream=stream)) as events:
                    async for event in events:
                        self.events.append(event)
        finally:
            # What a lost race has left is closed within a few turns of the loop.
            for _ in range(_TURNS):
                await asyncio.sleep(0)
            check_all_given_back(self.plan.candidates)
        assert [type(event) for event in self.events].count(Started) == 1
        assert isinstance(self.events[-1], Finished)
        return self.text

    async def failure(
        self, spec: ChatSpec | EmbedSpec = HI, *, stream: bool = True, deadline_s: float | None = None
    ) -> HedgerowError:
        """Asks, and gives the error with which the call ends."""
        with pytest.raises(HedgerowError) as caught:
            await self.answer(spec, stream=stream, deadline_s=deadline_s)
        return caught.value

    @property
    def text(self) -> str:
        """The text as the client has it."""
        text = ""
        for event in self.events:
            if isinstance(event, RouteChanged):
                text = ""
            elif isinstance(event, TextDelta):
                text += event.text
        return text

    @property
    def attempts(self) -> list[tuple[str, AttemptKind, AttemptOutcome | None]]:
        """Provider, kind and outcome of each attempt; their numbers are in order."""
        records = self.call.attempts
        assert [record.number for record in records] == list(range(1, len(records) + 1))
        assert self.call.attempts_started == len(records)
        return [(record.provider, record.kind, record.outcome) for record in records]


def check_all_given_back(candidates: Sequence[Candidate]) -> None:
    """Nothing is left of a call: no permit, no running or closing attempt, no answer that nobody has released."""
    for one in candidates:
        assert (one.state.running, len(one.state.closing)) == (0, 0), one.label
        assert one.state.breaker.snapshot(0).trials == 0, one.label
        assert all(len(response.releases) == 1 for response in wire(one).responses), one.label
