"""What the pages about routes and about a prompt to try show."""

import time
from collections.abc import Mapping

from hedgerow_server.console.access import (
    CLEAR_KILL_SWITCH,
    EXPLAIN_ROUTE,
    LIST_CANDIDATES,
    LIST_KILL_SWITCHES,
    SET_KILL_SWITCH,
    allowed,
)
from hedgerow_server.console.actions import SCOPES, Actions
from hedgerow_server.console.asking import Asking
from hedgerow_server.console.shown import CandidateShown, Question, Routes, RouteShown, Try
from hedgerow_server.console.source import Configured, Source
from hedgerow_server.core.admin import CandidateFacts, SwitchesListed
from hedgerow_server.core.call import Principal
from hedgerow_server.core.error import Forbidden, HedgerowError
from hedgerow_server.core.event import ModelInfo
from hedgerow_server.core.explanation import RouteExplained
from hedgerow_server.core.request import ChatSpec, ExplainRequest, Message, Part, Role, Text
from hedgerow_server.core.slices import Work, in_slices
from hedgerow_server.routing.candidate import Candidate
from hedgerow_server.routing.route import Route
from hedgerow_server.routing.view import facts

_MOST_ROUTES = 200
_MOST_FIND = 200
_NAMES_AT_ONCE = 64
"""Names that are about a unit of work to look at."""
_MOST_MODELS = 1000
_MAX_OUTPUT_TOKENS = 10**9


class RouteFacts:
    """Gathers them, for whoever looks."""

    def __init__(self, source: Source, asking: Asking, actions: Actions) -> None:
        self._source = source
        self._asking = asking
        self._actions = actions

    async def routes(self, who: Principal, query: Mapping[str, str]) -> Routes:
        """Routes and their candidates, as they stand now."""
        if not allowed(who, LIST_CANDIDATES):
            raise Forbidden("Your roles do not allow this page.", metadata={"method": LIST_CANDIDATES})
        find = query.get("find", "").strip()[:_MOST_FIND]
        switches: SwitchesListed | None = None
        if allowed(who, LIST_KILL_SWITCHES):
            switches = await self._asking.answer(who, LIST_KILL_SWITCHES, None, SwitchesListed)
        routes, left_out = await in_slices(self._routes(find))
        return Routes(
            routes=tuple(routes),
            switches=switches.switches if switches is not None else (),
            find=find,
            left_out=left_out,
            scopes=SCOPES if self._actions.may(who, SET_KILL_SWITCH) else (),
            may_switch_on=self._actions.may(who, CLEAR_KILL_SWITCH),
        )

    def _routes(self, find: str) -> Work[tuple[list[RouteShown], int]]:
        in_force, sought = self._source.in_force(), find.casefold()
        table, left_out = in_force.routes.table, 0
        found: list[RouteShown] = []
        # They are sorted: to sort ten thousand names for every look would hold up the loop.
        for place, model in enumerate(in_force.routes.models(), 1):
            if not place % _NAMES_AT_ONCE:
                yield 1
            if sought not in model.name.casefold():
                continue
            if len(found) >= _MOST_ROUTES:
                left_out += 1
                continue
            route = table.routes.get((model.kind, model.name))
            if route is None:
                found.append(self._star(model, in_force.settings))
                yield 1
                continue
            candidates = [self._candidate(key, route) for one in route.candidates for key in one.variants]
            found.append(
                RouteShown(name=model.name, kind=model.kind, strategy=route.strategy, candidates=tuple(candidates))
            )
            yield len(candidates)
        return found, left_out

    def _candidate(self, one: Candidate, route: Route) -> CandidateShown:
        known = facts(one, self._source.kills, time.monotonic(), time.time())
        held = self._source.in_force().leases.get(known.credential)
        ready = held is None or held.ready
        reasons = _reasons(known)
        if held is not None and not ready:
            reasons.append(f"the credential {known.credential} has no secret: {held.problem}")
        return CandidateShown(
            provider=known.provider,
            model=known.model,
            region=known.region,
            weight=one.weight if route.strategy == "weighted" else None,
            usable=ready and not known.switched_off and one.state.open(),
            reasons=tuple(reasons),
            facts=known,
        )

    def _star(self, model: ModelInfo, settings: Configured) -> RouteShown:
        section = settings.routes.get(model.name)
        candidates = []
        for one in model.candidates:
            off = self._source.kills.off(one.provider, one.model)
            candidates.append(
                CandidateShown(
                    provider=one.provider,
                    model=one.model,
                    region=one.region,
                    usable=not off,
                    reasons=("switched off by an operator",) if off else (),
                )
            )
        strategy = section.strategy if section is not None else "ordered"
        return RouteShown(name=model.name, kind=model.kind, strategy=strategy, candidates=tuple(candidates))

    async def question(self, who: Principal, query: Mapping[str, str]) -> Try:
        """The form, before anything was asked."""
        if not allowed(who, EXPLAIN_ROUTE):
            raise Forbidden("Your roles do not allow this page.", metadata={"method": EXPLAIN_ROUTE})
        return Try(question=Question(model=query.get("model", "")), models=self._models(who))

    async def explained(self, who: Principal, form: Mapping[str, str]) -> Try:
        """What would become of a prompt. Nothing is sent to a provider."""
        typed = (form.get(name, "").strip() for name in ("model", "system", "prompt", "max_output_tokens"))
        question = Question(*typed)
        models = self._models(who)
        try:
            request = ExplainRequest(spec=_spec(question))
            access = who.access
            if access is not None and not access.allows(EXPLAIN_ROUTE, question.model):
                raise Forbidden(f"The caller may not use the model {question.model!r}.")
            plan = await self._asking.answer(who, EXPLAIN_ROUTE, request, RouteExplained)
        except (HedgerowError, ValueError) as error:
            text = f"{error.code}: {error.message}" if isinstance(error, HedgerowError) else str(error)
            return Try(question=question, models=models, error=text)
        return Try(question=question, models=models, plan=plan)

    def _models(self, who: Principal) -> tuple[str, ...]:
        models = self._source.in_force().routes.models()
        names = (one.name for one in models if one.kind == "chat" and not one.name.endswith("/*"))
        return tuple(name for name in names if who.access is None or who.access.knows(name))[:_MOST_MODELS]


def _spec(question: Question) -> ChatSpec:
    """What was typed, as a request. Raises ValueError."""
    if not question.model or not question.prompt:
        raise ValueError("A model and a prompt are needed.")
    most: int | None = None
    if question.max_output_tokens:
        if not (question.max_output_tokens.isascii() and question.max_output_tokens.isdigit()):
            raise ValueError("The most output tokens are a whole number.")
        most = int(question.max_output_tokens)
        if not 1 <= most <= _MAX_OUTPUT_TOKENS:
            raise ValueError("The most output tokens are a number from 1 on.")
    system = (Message(Role.SYSTEM, (Part(Text(question.system)),)),) if question.system else ()
    user = Message(Role.USER, (Part(Text(question.prompt)),))
    return ChatSpec(model=question.model, messages=(*system, user), max_output_tokens=most)


def _reasons(known: CandidateFacts) -> list[str]:
    now_s = time.time()
    reasons = []
    if known.switched_off:
        reasons.append("switched off by an operator")
    if known.breaker != "closed":
        state = known.breaker.replace("_", " ")
        reasons.append(f"breaker {state}: {known.breaker_reason}" if known.breaker_reason else f"breaker {state}")
    if known.cooling_until_unix_s is not None:
        reasons.append(f"rests for {known.cooling_until_unix_s - now_s:.0f} s: throttled or overloaded")
    if known.set_aside_until_unix_s is not None:
        reasons.append(f"set aside for {known.set_aside_until_unix_s - now_s:.0f} s: {known.set_aside_reason}")
    return reasons
