"""Guards in the chain: what reaches the provider, and what reaches the caller."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

import msgspec
import pytest
from hedgerow_server.core.call import Call, Kind, Method, Principal
from hedgerow_server.core.error import (
    Forbidden,
    GuardrailBlocked,
    GuardrailUnavailable,
    HedgerowError,
    NoCandidate,
    ParameterUnsupported,
)
from hedgerow_server.core.event import (
    Completed,
    EmbedCompleted,
    Event,
    Events,
    GuardVerdict,
    ItemFailed,
    Started,
    TextDelta,
    Usage,
)
from hedgerow_server.core.guard import Action, Side
from hedgerow_server.core.request import (
    ChatRequest,
    ChatSpec,
    EmbedItem,
    EmbedRequest,
    EmbedSpec,
    FunctionTool,
    Message,
    Part,
    Role,
    RoutePolicy,
    Text,
)
from hedgerow_server.guardrails.fitted import Fitted
from hedgerow_server.guardrails.numbers import GuardNumbers
from hedgerow_server.guardrails.policies import GuardSet, Policies
from hedgerow_server.guardrails.section import GuardrailsSection
from hedgerow_server.interceptors.chain import Chain
from hedgerow_server.interceptors.guardrails import Guards, InputGuards, OutputGuards
from hedgerow_server.routing.candidate import Candidate
from hedgerow_server.routing.plan import Plan
from hedgerow_server.routing.route import Route
from hedgerow_server.routing.routes import Routes
from unit.hedgerow_server.guardrails.guarding import DONE, Elsewhere, Sized, Spots, fitted
from unit.hedgerow_server.routing.scripted import ScriptedTransport, candidate


def named(provider: str) -> Candidate:
    """A candidate at a provider."""
    return candidate(ScriptedTransport(), name=provider)


_BEFORE = ("auth", "decode", "authorise", "idempotency", "quota")


class Fixed(Policies):
    """Policies of guards that stand in no configuration."""

    def __init__(self, guards: Sequence[Fitted], beside: Sequence[str] = ()) -> None:
        names = tuple(one.name for one in guards)
        by_name = {one.name: one for one in guards}

        class Given(GuardSet):
            def fitted(self, wanted: Sequence[str]) -> list[Fitted]:
                return [by_name[name] for name in wanted]

        section = GuardrailsSection.model_construct(guards={}, default=names, tenants={})
        super().__init__(section, Given(section, beside=beside))


class Gateway:
    """A chain with guards, before a provider that says back what it is asked."""

    def __init__(self, *guards: Fitted, beside: bool = False, answer: Callable[[Call], Events] | None = None) -> None:
        self.asked: list[object] = []
        self.closed = 0
        self.delivered: list[Event] = []
        self.answer = answer or self._echo
        route = Route("fast", [named("p"), named("q")])
        routes = Routes([("chat", route), ("embed", route)])
        self.guards = Guards(Fixed(guards, ["fast"] if beside else []), routes, GuardNumbers())
        self.chain = Chain([InputGuards(self.guards), OutputGuards(self.guards)], passed=_BEFORE)
        self.call: Call | None = None

    async def _echo(self, call: Call) -> Events:
        self.asked.append(call.request)
        try:
            yield Started("p", "m")
            if isinstance(call.request, ChatRequest):
                yield TextDelta(0, words_of(call.request.spec))
            yield DONE
        finally:
            self.closed += 1

    async def ask(
        self, request: object, *, plan: Plan | None = None, items: AsyncIterator[EmbedItem | ItemFailed] | None = None
    ) -> Call:
        kind = Kind.SERVER_STREAM if items is None else Kind.BIDI_STREAM
        self.call = call = Call(Method("test.Service/Call", kind, lambda _: None, self.answer), {}, b"")
        call.request, call.plan, call.items = request, plan, items
        call.request_id = "req-1"
        call.principal = Principal("acme")

        async def deliver(event: Event) -> None:
            self.delivered.append(event)

        await self.chain.serve(call, deliver)
        return call


def say(text: str, policy: RoutePolicy | None = None, **spec: object) -> ChatRequest:
    chat = ChatSpec(model="fast", messages=(Message(Role.USER, (Part(Text(text)),)),), **spec)  # type: ignore[arg-type]
    return ChatRequest(spec=chat) if policy is None else ChatRequest(spec=chat, policy=policy)


def words_of(spec: ChatSpec) -> str:
    content = spec.messages[-1].content[0].content
    assert isinstance(content, Text)
    return content.text


async def test_a_request_that_is_blocked_reaches_nobody() -> None:
    gateway = Gateway(fitted("w", Spots("BAD")))
    with pytest.raises(GuardrailBlocked):
        await gateway.ask(say("so BAD"))
    assert (gateway.asked, gateway.delivered) == ([], [])


async def test_the_provider_sees_what_is_redacted_and_the_verdict_stands_behind_the_first_event() -> None:
    gateway = Gateway(fitted("w", Spots("SECRET"), action="redact", sides=["input"]))
    call = await gateway.ask(say("a SECRET"))
    verdict = GuardVerdict("w", Action.REDACTED, Side.INPUT, "spot")
    assert gateway.delivered == [Started("p", "m"), verdict, TextDelta(0, "a [SECRET]"), DONE]
    assert (call.verdicts, len(call.guards_policy)) == ([verdict], 32)
    assert set(call.guard_times) == {"w"}


async def test_a_call_without_guards_passes_as_it_is() -> None:
    gateway = Gateway()
    call = await gateway.ask(say("x"))
    assert (call.guards_policy, call.guard_times, call.guardrail_s) == (b"", {}, 0.0)
    assert gateway.delivered == [Started("p", "m"), TextDelta(0, "x"), DONE]


async def test_guards_elsewhere_see_what_the_others_have_left() -> None:
    far = Elsewhere("nothing")
    gateway = Gateway(
        fitted("far", far, sides=["input"]), fitted("w", Spots("SECRET"), action="redact", sides=["input"])
    )
    await gateway.ask(say("a SECRET"))
    assert [[one.text for one in asked] for asked in far.asked] == [["a [SECRET]"]]


async def test_a_request_may_be_refused_as_a_whole() -> None:
    gateway = Gateway(fitted("s", Sized(0), sides=["input"]))
    with pytest.raises(GuardrailBlocked):
        await gateway.ask(say("x"))


def route_to(*providers: str) -> Fitted:
    return fitted("r", Spots("PRIVATE"), action="route", providers=list(providers))


async def test_a_guard_that_routes_leaves_its_candidates_only() -> None:
    gateway = Gateway(route_to("q"))
    plan = Plan((named("p"), named("q")), RoutePolicy())
    call = await gateway.ask(say("PRIVATE"), plan=plan)
    (request,) = gateway.asked
    assert isinstance(request, ChatRequest)
    assert request.policy.providers == ("q",)
    assert isinstance(call.plan, Plan)
    assert [one.upstream.name for one in call.plan.candidates] == ["q"]
    assert [one.action for one in call.verdicts] == [Action.REROUTED]
    untouched = await gateway.ask(say("public"), plan=plan)
    assert untouched.plan is plan


@pytest.mark.parametrize(
    ("guards", "policy", "plan"),
    [
        ((route_to("q"),), RoutePolicy(providers=("p",)), None),
        ((route_to("q"), fitted("r2", Spots("PRIVATE"), action="route", providers=["p"])), None, None),
        ((route_to("q"),), None, Plan((named("p"),), RoutePolicy())),
    ],
)
async def test_a_call_that_nobody_is_left_for_is_refused(
    guards: tuple[Fitted, ...], policy: RoutePolicy | None, plan: Plan | None
) -> None:
    gateway = Gateway(*guards)
    with pytest.raises(NoCandidate):
        await gateway.ask(say("PRIVATE", policy), plan=plan)
    assert gateway.asked == []


async def test_log_probabilities_are_not_even_asked_for_where_answers_are_guarded() -> None:
    gateway = Gateway(fitted("w", Spots("SECRET"), sides=["output"]))
    call = await gateway.ask(say("x", top_logprobs=3))
    (request,) = gateway.asked
    assert isinstance(request, ChatRequest)
    assert request.spec.top_logprobs is None
    assert [one.field for one in call.warnings] == ["chat.top_logprobs"]
    with pytest.raises(ParameterUnsupported):
        await gateway.ask(say("x", RoutePolicy(require_parameters=True), top_logprobs=3))


async def test_inputs_of_a_stream_are_looked_at_one_by_one() -> None:
    gateway = Gateway(fitted("r", Spots("SECRET"), action="redact"), fitted("w", Spots("BAD")))
    seen: list[EmbedItem | ItemFailed] = []
    broken = ItemFailed("4", Forbidden("x"))

    async def items() -> AsyncIterator[EmbedItem | ItemFailed]:
        for number, text in enumerate(("one", "a SECRET", "BAD")):
            yield EmbedItem(str(number), text)
        yield broken

    async def embed(call: Call) -> Events:
        assert call.items is not None
        seen.extend([item async for item in call.items])
        yield EmbedCompleted(Usage())

    gateway.answer = embed
    call = await gateway.ask(EmbedRequest(spec=EmbedSpec(model="fast")), items=items())
    assert (seen[:2], seen[3]) == ([EmbedItem("0", "one"), EmbedItem("1", "a [SECRET]")], broken)
    assert isinstance(seen[2], ItemFailed)
    assert isinstance(seen[2].error, GuardrailBlocked)
    assert {one.action for one in call.verdicts} == {Action.REDACTED, Action.BLOCKED}
    assert gateway.delivered == [EmbedCompleted(Usage())]


# --- Beside the upstream call ---


async def settled() -> None:
    """Whatever can go on without anybody else has gone on."""
    for _ in range(10):
        await asyncio.sleep(0)


class Gate:
    """Guards elsewhere, and a provider, that wait for one another."""

    def __init__(self, word: str = "") -> None:
        self.asked, self.open = asyncio.Event(), asyncio.Event()
        self.far = Elsewhere(word, first=self._wait)

    async def _wait(self) -> None:
        self.asked.set()
        await self.open.wait()

    def guard(self, **entry: object) -> Fitted:
        return fitted("far", self.far, **{"sides": ["input"], "timeout_seconds": 60, **entry})


async def test_the_upstream_call_starts_beside_the_guard_and_nothing_goes_out_before_it_has_spoken() -> None:
    gate = Gate()
    gateway = Gateway(gate.guard(), beside=True)
    task = asyncio.create_task(gateway.ask(say("x")))
    await gate.asked.wait()
    await settled()
    assert (len(gateway.asked), gateway.delivered) == (1, [])
    gate.open.set()
    await task
    assert gateway.delivered == [Started("p", "m"), TextDelta(0, "x"), DONE]


async def test_a_block_beside_ends_the_upstream_call() -> None:
    gate = Gate("BAD")
    gone = asyncio.Event()

    async def silent(call: Call) -> Events:
        gateway.asked.append(call.request)
        gate.open.set()
        try:
            await asyncio.Event().wait()
        finally:
            gone.set()
        yield DONE

    gateway = Gateway(gate.guard(), beside=True, answer=silent)
    with pytest.raises(GuardrailBlocked):
        await gateway.ask(say("BAD"))
    assert (gateway.delivered, gone.is_set(), len(gateway.asked)) == ([], True, 1)
    current = asyncio.current_task()
    assert current is not None
    assert current.cancelling() == 0


async def test_a_block_in_the_moment_of_the_first_event_still_blocks() -> None:
    gate = Gate("BAD")

    async def answer(call: Call) -> Events:
        await gate.asked.wait()
        gate.open.set()
        yield Started("p", "m")
        yield DONE

    gateway = Gateway(gate.guard(), beside=True, answer=answer)
    with pytest.raises(GuardrailBlocked):
        await gateway.ask(say("BAD"))
    assert gateway.delivered == []


async def test_a_failure_of_the_provider_is_told_without_waiting_for_the_guard() -> None:
    gate = Gate()

    async def broken(call: Call) -> Events:
        await gate.asked.wait()
        raise Forbidden("no")
        yield DONE

    with pytest.raises(Forbidden):
        await Gateway(gate.guard(), beside=True, answer=broken).ask(say("x"))
    await settled()
    assert gate.far.cancelled == 1


async def test_a_caller_that_leaves_takes_both_along() -> None:
    gate = Gate()
    gateway = Gateway(gate.guard(), beside=True)
    task = asyncio.create_task(gateway.ask(say("x")))
    await gate.asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await settled()
    assert (gate.far.cancelled, gateway.closed) == (1, len(gateway.asked))


async def test_verdicts_from_beside_are_told_behind_the_first_event() -> None:
    gateway = Gateway(fitted("far", Elsewhere("x"), action="flag", sides=["input"]), beside=True)
    await gateway.ask(say("x"))
    assert [type(one) for one in gateway.delivered] == [Started, GuardVerdict, TextDelta, Completed]


async def test_what_the_guards_here_decide_holds_beside_those_elsewhere() -> None:
    gateway = Gateway(
        route_to("q"), fitted("w", Spots("SECRET"), action="redact", sides=["input"]), Gate().guard(), beside=True
    )
    task = asyncio.create_task(gateway.ask(say("PRIVATE SECRET")))
    await settled()
    (request,) = gateway.asked
    assert isinstance(request, ChatRequest)
    assert (request.policy.providers, words_of(request.spec)) == (("q",), "PRIVATE [SECRET]")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize(
    ("more", "beside", "request_"),
    [
        ({}, False, say("x")),
        ({}, True, say("x", tools=(FunctionTool("f"),))),
        ({"action": "redact"}, True, say("x")),
        ({"action": "route", "providers": ["p"]}, True, say("x")),
    ],
)
async def test_the_upstream_call_waits_where_a_guard_may_change_it_or_tools_act(
    more: dict[str, object], request_: ChatRequest, *, beside: bool
) -> None:
    gate = Gate()
    gateway = Gateway(gate.guard(**more), beside=beside)
    task = asyncio.create_task(gateway.ask(request_))
    await gate.asked.wait()
    await settled()
    assert gateway.asked == []
    gate.open.set()
    await task


async def test_a_guard_elsewhere_that_fails_beside_refuses_the_call_or_lets_it_go_on() -> None:
    async def fail() -> None:
        raise OSError("gone")

    closed = Gateway(fitted("far", Elsewhere(first=fail), sides=["input"]), beside=True)
    with pytest.raises(GuardrailUnavailable):
        await closed.ask(say("x"))
    opened = Gateway(fitted("far", Elsewhere(first=fail), sides=["input"], on_failure="open"), beside=True)
    call = await opened.ask(say("x"))
    assert [one.category for one in call.verdicts] == ["guard.failed"]


async def test_an_output_that_is_blocked_is_an_error_of_the_call() -> None:
    gateway = Gateway(fitted("w", Spots("BAD"), sides=["output"]))
    with pytest.raises(HedgerowError) as caught:
        await gateway.ask(say("so BAD"))
    assert isinstance(caught.value, GuardrailBlocked)
    assert gateway.delivered == [Started("p", "m")]
    assert gateway.closed == 1


async def test_what_is_told_of_a_call_is_kept_with_it() -> None:
    call = await Gateway(fitted("w", Spots("x"), action="flag")).ask(say("x"))
    assert [(one.side, one.action) for one in call.verdicts] == [
        (Side.INPUT, Action.FLAGGED),
        (Side.OUTPUT, Action.FLAGGED),
    ]
    assert msgspec.structs.replace(call.verdicts[0], side=Side.OUTPUT) == call.verdicts[1]
