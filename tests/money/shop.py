"""Calls through the real chain, routes and executor, to providers on paper that bill what they say."""

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from hedgerow_server.core.call import Call, Kind, Method, Outcome, Principal
from hedgerow_server.core.error import HedgerowError
from hedgerow_server.core.event import Event
from hedgerow_server.core.port import HttpRequest
from hedgerow_server.core.request import NO_POLICY, ChatRequest, ChatSpec, EmbedRequest, RoutePolicy
from hedgerow_server.interceptors.chain import Chain
from hedgerow_server.interceptors.quota import Quota
from hedgerow_server.pricing.price import Price, Rates
from hedgerow_server.routing.candidate import Candidate
from hedgerow_server.routing.conditions import Condition
from hedgerow_server.routing.plan import Bounds
from hedgerow_server.routing.route import Route, Rule
from hedgerow_server.routing.routes import Routes
from hedgerow_server.rpc.chat import Chat
from hedgerow_server.rpc.embed import Embed
from money.limited import ANN, World
from unit.hedgerow_server.routing.scripted import HI, JSON, Answer, ScriptedTransport, candidate

PICO_USD = "0.000000000001"


def reply(text: str = "fine", *, prompt: int = 7, completion: int = 5) -> Answer:
    """A whole answer that bills so many tokens."""
    body = {
        "id": "x",
        "object": "chat.completion",
        "model": "gpt",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion},
    }
    return Answer([json.dumps(body).encode()], headers=JSON)


def seller(
    name: str, answers: Callable[[HttpRequest], Answer], *, rates: tuple[int, int] | None, model: str
) -> Candidate:
    """A model whose tokens have a price in picos, or none."""
    one = candidate(ScriptedTransport(reply=answers), name=name, model=model)
    if rates is None:
        return one
    given, made = rates
    prices = Rates(
        input=given,
        cache_read=given,
        cache_write=given,
        cache_write_long=given,
        input_audio=given,
        input_image=given,
        output=made,
        reasoning=made,
        output_audio=made,
        output_image=made,
    )
    return msgspec.structs.replace(one, price=Price(rates=prices, version="v1", source="configuration"))


class _Stage:
    """Stands for an interceptor that the chain must have."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.after: tuple[str, ...] = ()

    async def admit(self, call: Call) -> None:
        """Lets all in."""

    def settle(self, call: Call, outcome: Outcome) -> None:
        """Nothing to do."""


class Shop:
    """A gateway without doors."""

    def __init__(
        self,
        world: World,
        *candidates: Candidate,
        rules: Sequence[Rule] = (),
        name: str = "fast",
        **bounds: Any,
    ) -> None:
        self.world = world
        route = Route(name, candidates, rules=rules, bounds=Bounds(**bounds))
        self.routes = Routes([("chat", route), ("embed", route)])
        stages = [_Stage(one) for one in ("auth", "decode", "authorise", "idempotency")]
        self.chain = Chain([*stages, Quota(world.limiter, self.routes)])
        self.calls: list[Call] = []

    def call(
        self,
        request: Any = None,
        *,
        who: Principal = ANN,
        policy: RoutePolicy = NO_POLICY,
        kind: Kind = Kind.UNARY,
        **spec: Any,
    ) -> Call:
        """A call that is to come."""
        request = request or ChatRequest(spec=msgspec.structs.replace(HI, **spec), policy=policy)
        embeds = isinstance(request, EmbedRequest)
        rpc = Embed(self.routes).embed if embeds else Chat(self.routes).complete
        one = Call(Method("test.Service/Call", kind, lambda _: None, rpc), {}, b"")
        one.request, one.principal = request, who
        self.calls.append(one)
        return one

    async def serve(self, call: Call) -> list[Event]:
        """What the caller is told. Raises what it fails with."""
        told: list[Event] = []

        async def deliver(event: Event) -> None:
            told.append(event)

        await self.chain.serve(call, deliver)
        return told

    async def ask(self, **more: Any) -> list[Event]:
        """A call, from its beginning to its end."""
        return await self.serve(self.call(**more))

    async def failure(self, **more: Any) -> HedgerowError:
        """The error of a call that fails."""
        try:
            await self.ask(**more)
        except HedgerowError as error:
            return error
        raise AssertionError("the call was served")

    async def burst(self, calls: int, **more: Any) -> list[HedgerowError]:
        """So many calls at once; tells the errors of those that failed."""
        found = await asyncio.gather(*(self.ask(**more) for _ in range(calls)), return_exceptions=True)
        errors = [one for one in found if isinstance(one, BaseException)]
        assert all(isinstance(one, HedgerowError) for one in errors), errors
        return [one for one in errors if isinstance(one, HedgerowError)]


def budget_rule(condition: str, place: int = 0, **narrowing: Any) -> Rule:
    """A rule of a route."""
    return Rule(when=Condition(condition), place=place, **narrowing)


def sent(one: Candidate) -> list[dict[str, Any]]:
    """The bodies that a seller was asked with."""
    transport = one.upstream.transport
    assert isinstance(transport, ScriptedTransport)
    return [json.loads(request.body) for request in transport.requests]


__all__ = ["HI", "ChatSpec", "Shop", "World", "budget_rule", "reply", "seller", "sent"]
