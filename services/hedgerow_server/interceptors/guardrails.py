"""Guards before the upstream call, and guards of what comes back."""

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing

import msgspec

from hedgerow_server.core.call import Call, Kind, Outcome
from hedgerow_server.core.error import GuardrailBlocked, HedgerowError, NoCandidate, ParameterUnsupported
from hedgerow_server.core.event import Events, ItemFailed, Warning, WarningCode
from hedgerow_server.core.guard import Asker, Judged, Side
from hedgerow_server.core.port import Operation
from hedgerow_server.core.request import ChatRequest, ChatSpec, EmbedItem, EmbedRequest, EmbedSpec
from hedgerow_server.core.terminal import Terminal
from hedgerow_server.guardrails.fitted import Fitted, Policy, SidePlan
from hedgerow_server.guardrails.inspector import Inspector
from hedgerow_server.guardrails.notes import Notes
from hedgerow_server.guardrails.numbers import GuardNumbers
from hedgerow_server.guardrails.output import Screen
from hedgerow_server.guardrails.policies import Policies
from hedgerow_server.guardrails.texts import rewritten, texts
from hedgerow_server.guardrails.watch import watches
from hedgerow_server.interceptors.beside import Beside
from hedgerow_server.routing.ask import Ask
from hedgerow_server.routing.plan import Plan
from hedgerow_server.routing.route import Route
from hedgerow_server.routing.routes import Routes

_Request = ChatRequest | EmbedRequest


class Guards:
    """What both sides share: the policies in force and where they are noted."""

    def __init__(self, policies: Policies, routes: Routes, numbers: GuardNumbers) -> None:
        self.policies = policies
        self._numbers = numbers
        self._routes = routes

    def route(self, request: _Request) -> Route:
        """The route of a request. Raises ModelNotFound."""
        return self._routes.route(_operation(request.spec), request.spec.model)

    def policy(self, call: Call, route: Route) -> Policy | None:
        """The guards of a call."""
        return self.policies.of(route.configured, call.principal.tenant if call.principal is not None else "")

    def notes(self, call: Call, request: _Request, route: Route, plan: SidePlan, side: Side) -> Notes:
        """Where what they do with one side of a call is noted."""
        asker = Asker(
            tenant=call.principal.tenant if call.principal is not None else "",
            request_id=call.request_id,
            model=request.spec.model,
            side=side,
            residency=route.residency(_ask(call, request)) if plan.remote else (),
            trace=call.trace,
        )
        return Notes(call, asker, self._numbers)


class InputGuards:
    """Looks at requests. Sets `call.guards_policy`, and `call.request` to what is left of it: texts that are redacted,
    candidates that may still serve it.
    """

    name = "input_guards"
    after = ("auth", "decode", "authorise", "idempotency", "quota")

    def __init__(self, guards: Guards) -> None:
        self._guards = guards
        self._beside: dict[Call, Beside] = {}

    async def admit(self, call: Call) -> None:
        """Raises GuardrailBlocked, GuardrailUnavailable, ModelNotFound and NoCandidate."""
        request, guards = call.request, self._guards
        if not guards.policies.any or not isinstance(request, ChatRequest | EmbedRequest):
            return
        route = guards.route(request)
        policy = guards.policy(call, route)
        if policy is None:
            return
        call.guards_policy = policy.digest
        plan = policy.input
        if plan is None:
            return
        notes = guards.notes(call, request, route, plan, Side.INPUT)
        if call.items is not None:
            call.items = _items(call.items, request.spec, plan, notes)
            return
        beside = route.configured in guards.policies.beside and _may_wait(plan, request)
        first = msgspec.structs.replace(plan, remote=()) if beside else plan
        try:
            spec, rerouted = await _looked_at(request.spec, first, notes)
        finally:
            notes.close()
        if spec is not request.spec:
            call.request = _with(request, spec)
        if rerouted:
            _narrow(call, rerouted)
        if beside:
            self._beside[call] = Beside(_elsewhere(spec, plan, notes))

    def wrap(self, call: Call, events: Events) -> Events:
        """The same events, with the verdicts behind the first one."""
        beside = self._beside.get(call)
        if beside is None and not call.verdicts:
            return events
        return _told(call, events, beside)

    def settle(self, call: Call, outcome: Outcome) -> None:
        """Nobody waits for a guard any more."""
        beside = self._beside.pop(call, None)
        if beside is not None:
            beside.close()


class OutputGuards:
    """Looks at the answers of chat calls as they come."""

    name = "output_guards"
    after = ("input_guards",)

    def __init__(self, guards: Guards) -> None:
        self._guards = guards
        self._screens: dict[Call, Screen] = {}

    async def admit(self, call: Call) -> None:
        """Takes a wish for log probabilities out of the request, which would spell what guards hold back. Raises
        GuardrailUnavailable and ParameterUnsupported.
        """
        request, guards = call.request, self._guards
        if not guards.policies.any or not isinstance(request, ChatRequest):
            return
        route = guards.route(request)
        policy = guards.policy(call, route)
        if policy is None or policy.output is None:
            return
        plan = policy.output
        notes = guards.notes(call, request, route, plan, Side.OUTPUT)
        if plan.changes and request.spec.top_logprobs is not None:
            request = _without_logprobs(call, request)
        self._screens[call] = Screen(plan, call, request.spec, watches(plan, request.spec, notes), notes)

    def wrap(self, call: Call, events: Events) -> Events:
        """The events as callers may see them."""
        screen = self._screens.pop(call, None)
        return events if screen is None else screen.screened(events)

    def settle(self, call: Call, outcome: Outcome) -> None:
        """Lets go of what was never used."""
        self._screens.pop(call, None)


async def _looked_at(
    spec: ChatSpec | EmbedSpec, plan: SidePlan, notes: Notes
) -> tuple[ChatSpec | EmbedSpec, list[Fitted]]:
    """The request as the guards leave it, and those that say where it may go. Guards elsewhere see what is left by the
    others. Raises GuardrailBlocked and GuardrailUnavailable.
    """
    inspector = Inspector(watches(plan, spec, notes), plan.remote, notes)
    await inspector.request(spec)
    judged = texts(spec)
    left = await inspector.local(judged)
    if plan.remote:
        left = await inspector.remote([Judged(text, one.source) for text, one in zip(left, judged, strict=True)])
    if any(text != one.text for text, one in zip(left, judged, strict=True)):
        spec = rewritten(spec, left)
    return spec, inspector.rerouted


async def _elsewhere(spec: ChatSpec | EmbedSpec, plan: SidePlan, notes: Notes) -> None:
    """Guards elsewhere, of which none changes the request. Raises GuardrailBlocked and GuardrailUnavailable."""
    try:
        await Inspector((), plan.remote, notes).remote(texts(spec))
    finally:
        notes.close()


def _may_wait(plan: SidePlan, request: _Request) -> bool:
    """Whether the upstream call may start before guards elsewhere have spoken: what they find can neither change the
    request nor where it goes, and no tool acts meanwhile.
    """
    tools = isinstance(request.spec, ChatSpec) and request.spec.tools
    return bool(plan.remote) and not tools and all(one.shadow or one.does in ("block", "flag") for one in plan.remote)


async def _told(call: Call, events: Events, beside: Beside | None) -> Events:
    chat = isinstance(call.request, ChatRequest)
    async with aclosing(events):
        first = await anext(events) if beside is None else await beside.first(events)
        verdicts = [one for one in call.verdicts if one.side is Side.INPUT] if chat else []
        if not isinstance(first, Terminal):
            yield first
        for verdict in verdicts:
            yield verdict
        if isinstance(first, Terminal):
            yield first
        async for event in events:
            yield event


async def _items(
    items: AsyncIterator[EmbedItem | ItemFailed], spec: EmbedSpec | ChatSpec, plan: SidePlan, notes: Notes
) -> AsyncIterator[EmbedItem | ItemFailed]:
    """The inputs of a stream as the guards leave them. One that is refused fails, the others go on."""
    assert isinstance(spec, EmbedSpec)
    try:
        async for item in items:
            if isinstance(item, ItemFailed):
                yield item
                continue
            try:
                one = msgspec.structs.replace(spec, inputs=(item.input,))
                left, rerouted = await _looked_at(one, plan, notes)
                if rerouted:
                    # The stream has its candidate, and all of its vectors come from there.
                    raise _elsewhere_only(rerouted[0])
            except HedgerowError as error:
                yield ItemFailed(item.id, error)
                continue
            assert isinstance(left, EmbedSpec)
            yield item if left is one else EmbedItem(item.id, left.inputs[0])
    finally:
        notes.close()


def _elsewhere_only(fitted: Fitted) -> GuardrailBlocked:
    return GuardrailBlocked(
        f"The guardrail {fitted.name} lets this input go to other candidates only, which a stream cannot change to.",
        metadata={"guardrail": fitted.name, "side": "input"},
        subject=fitted.name,
    )


def _narrow(call: Call, rerouted: Sequence[Fitted]) -> None:
    """Leaves only the candidates that guards have decided for. Raises NoCandidate."""
    request = call.request
    assert isinstance(request, ChatRequest | EmbedRequest)
    policy = request.policy
    for fitted in rerouted:
        providers = _among(policy.providers, fitted.providers)
        regions = _among(policy.regions, fitted.regions)
        if providers is None or regions is None:
            raise _nobody(fitted, request.spec.model)
        policy = msgspec.structs.replace(policy, providers=providers, regions=regions)
    call.request = msgspec.structs.replace(request, policy=policy)
    plan = call.plan
    if isinstance(plan, Plan):
        # It was made before the guards had looked.
        kept = tuple(
            one
            for one in plan.candidates
            if (not policy.providers or one.upstream.name in policy.providers)
            and (not policy.regions or one.region in policy.regions)
        )
        if not kept:
            raise _nobody(rerouted[-1], request.spec.model)
        call.plan = msgspec.structs.replace(plan, candidates=kept, policy=policy)


def _among(named: tuple[str, ...], allowed: frozenset[str]) -> tuple[str, ...] | None:
    """What is left of what a call allows, empty for all; None: nothing is left."""
    if not allowed:
        return named
    left = tuple(one for one in named if one in allowed) if named else tuple(sorted(allowed))
    return left or None


def _nobody(fitted: Fitted, model: str) -> NoCandidate:
    return NoCandidate(
        f"No candidate of {model!r} may serve this call: the guardrail {fitted.name} lets it go to others only.",
        metadata={"model": model, "guardrail": fitted.name},
        subject=f"guardrails.guards.{fitted.name}",
    )


def _without_logprobs(call: Call, request: ChatRequest) -> ChatRequest:
    field = "chat.top_logprobs"
    text = "Guardrails look at the answer: its log probabilities, which would spell it, are withheld."
    if request.policy.require_parameters:
        raise ParameterUnsupported(text, metadata={"field": field}, subject=field)
    call.warnings.append(Warning(WarningCode.PARAMETER_IGNORED, field, text))
    spec = msgspec.structs.replace(request.spec, top_logprobs=None)
    call.request = without = msgspec.structs.replace(request, spec=spec)
    return without


def _with(request: _Request, spec: ChatSpec | EmbedSpec) -> _Request:
    return msgspec.structs.replace(request, spec=spec)


def _operation(spec: ChatSpec | EmbedSpec) -> Operation:
    return Operation.CHAT if isinstance(spec, ChatSpec) else Operation.EMBED


def _ask(call: Call, request: _Request) -> Ask:
    stream = call.method.kind is Kind.SERVER_STREAM
    return Ask(call, _operation(request.spec), request.spec, request.policy, labels=request.labels, stream=stream)
