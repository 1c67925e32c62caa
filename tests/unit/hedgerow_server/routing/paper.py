"""Routes out of their configuration, with candidates on paper, and calls that ask them."""

from collections.abc import Mapping, Sequence

import msgspec
from hedgerow_server.core.call import Principal
from hedgerow_server.core.model import ModelFacts
from hedgerow_server.core.port import Operation
from hedgerow_server.core.request import NO_POLICY, ChatSpec, EmbedSpec, Message, Part, Role, RoutePolicy, Text
from hedgerow_server.pricing.price import Price, Rates
from hedgerow_server.routing.ask import Ask
from hedgerow_server.routing.build import Builder, Learned
from hedgerow_server.routing.candidate import Candidate
from hedgerow_server.routing.route import Route
from hedgerow_server.routing.routes import Routes
from hedgerow_server.routing.section import CandidateSection, RouteSection
from hedgerow_server.routing.state import States
from unit.hedgerow_server.calls import call
from unit.hedgerow_server.routing.scripted import HI, ScriptedTransport, candidate

EU = {"provider": "mistral", "model": "large", "region": "eu"}
US = {"provider": "openai", "model": "gpt", "region": "us"}
NOWHERE = {"provider": "local", "model": "llama"}


class Paper:
    """Builds routes as the router does. `facts` and `prices` are by the provider's name of the model."""

    def __init__(
        self,
        *,
        facts: Mapping[str, ModelFacts] | None = None,
        prices: Mapping[str, Price] | None = None,
        states: States | None = None,
    ) -> None:
        self.learned = Learned()
        self.states = states or States()
        self._facts = facts or {}
        self._prices = prices or {}
        self._transport = ScriptedTransport()

    def candidate(self, section: CandidateSection, model: str) -> Candidate:
        """The candidate of a section."""
        made = candidate(
            self._transport,
            name=section.provider,
            model=model,
            region=section.region,
            states=self.states,
            dimensions=section.dimensions,
        )
        return msgspec.structs.replace(
            made,
            weight=section.weight,
            first_token_timeout_s=section.first_token_timeout_seconds,
            facts=self._facts.get(model),
            price=self._prices.get(model),
            vector_space=section.vector_space,
            model_family=section.model_family,
        )

    def routes(self, sections: Mapping[str, Mapping[str, object]]) -> Routes:
        """All routes of a configuration."""
        given = {name: RouteSection.model_validate(section) for name, section in sections.items()}
        return Builder(self.candidate, self.learned, 0.5).routes(given)

    def route(self, *candidates: Mapping[str, object], kind: str = "chat", **section: object) -> Route:
        """One route named fast."""
        routes = self.routes({"fast": {"kind": kind, "candidates": candidates, **section}})
        return routes.route(Operation.CHAT if kind == "chat" else Operation.EMBED, "fast")


def ask(
    spec: ChatSpec | EmbedSpec = HI,
    *,
    tenant: str = "acme",
    team: str = "",
    user: str = "",
    regions: Sequence[str] = (),
    policy: RoutePolicy = NO_POLICY,
    labels: Mapping[str, str] | None = None,
    metadata: Mapping[str, str] | None = None,
    stream: bool = False,
) -> Ask:
    """A call by this principal."""
    made = call(metadata)
    made.principal = Principal(tenant, team, user, frozenset(regions))
    operation = Operation.CHAT if isinstance(spec, ChatSpec) else Operation.EMBED
    return Ask(made, operation, spec, policy, labels=labels or {}, stream=stream)


def chosen(route: Route, asked: Ask) -> list[str]:
    """The labels of the candidates that the route plans, in order."""
    return [one.label for one in route.plan(asked).candidates]


def said(text: str, *more: Message, **fields: object) -> ChatSpec:
    """A conversation that begins with these words."""
    return ChatSpec(model="fast", messages=(turn(Role.USER, text), *more), **fields)  # type: ignore[arg-type]


def turn(role: Role, text: str) -> Message:
    """One turn."""
    return Message(role, (Part(Text(text)),))


def price(input_picos: int, output_picos: int, cache_read_picos: int | None = None) -> Price:
    """A price with these rates."""
    read = input_picos if cache_read_picos is None else cache_read_picos
    rates = Rates(
        input=input_picos,
        cache_read=read,
        cache_write=input_picos,
        cache_write_long=input_picos,
        input_audio=input_picos,
        input_image=input_picos,
        output=output_picos,
        reasoning=output_picos,
        output_audio=output_picos,
        output_image=output_picos,
    )
    return Price(rates=rates, version="v1", source="configuration")
