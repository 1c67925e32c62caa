"""Residency under random configurations, callers, calls and faults: not a byte to a region that is not allowed.

Every case goes the way of the router: the section is parsed, the routes are built, a plan is made and executed, with
retries, failover, hedging, route changes and affinity. Only the transports are on paper; each counts what it is sent.
What is allowed is reckoned here, from the generated case and not from the text of its conditions.
"""

import logging
import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pydantic
import pytest
from hedgerow_server.core.call import Principal
from hedgerow_server.core.error import HedgerowError
from hedgerow_server.core.event import AttemptKind
from hedgerow_server.core.model import ModelFacts
from hedgerow_server.core.port import HttpRequest, Operation
from hedgerow_server.core.request import ChatSpec, EmbedSpec, RoutePolicy
from hedgerow_server.providers.http.port import UnreachableError
from hedgerow_server.routing.ask import Ask
from hedgerow_server.routing.build import Builder, Learned
from hedgerow_server.routing.candidate import Candidate
from hedgerow_server.routing.execute import execute
from hedgerow_server.routing.hedges import HedgeBudgets
from hedgerow_server.routing.section import CandidateSection, RouteSection
from hedgerow_server.routing.state import States
from unit.hedgerow_server.calls import call
from unit.hedgerow_server.routing import scripted
from unit.hedgerow_server.routing.paper import price, said
from unit.hedgerow_server.routing.scripted import HANG_S, JSON, Answer, ScriptedTransport
from virtual import run

ORDINARY, LONG, BATCH = 5_000, 100_000, 250
CALLS = 3
"""Calls of each case, by different callers: what one leaves behind must not lead the next one astray."""
REGIONS = ("eu", "us", "asia", "")
PROVIDERS = ("p", "q", "r")
TENANTS, TEAMS, USERS = ("a", "b", "c"), ("", "3", "7"), ("eu-ann", "us-bob", "")

BY_IDENTITY: dict[str, Callable[[Principal], bool | None]] = {
    "tenant == 'a'": lambda who: who.tenant == "a",
    "tenant in ['a', 'b'] && team != '7'": lambda who: who.tenant in ("a", "b") and who.team != "7",
    "user.startsWith('eu-')": lambda who: who.user.startswith("eu-"),
    "int(team) > 5": lambda who: int(who.team) > 5 if who.team else None,
    "true": lambda _: True,
}
"""Conditions on who calls, with our own reckoning of whether they hold; None: it cannot be told."""
BY_CALL = ("labels.where == 'us'", "has(labels.where) || tenant == 'a'", "metadata['x'] == 'y'", "request.stream")
CONDITIONS = (*BY_IDENTITY, *BY_CALL)

STREAM = (scripted.chunk("hi"), scripted.chunk(finish="stop"), scripted.usage_chunk(), scripted.DONE)
DOCUMENT = (scripted.document(),)
VECTORS = (b'{"model": "v", "data": [{"index": 0, "embedding": [0.5]}], "usage": {"prompt_tokens": 3}}',)
TOO_LONG = (b'{"error": {"message": "no", "type": "x", "code": "context_length_exceeded"}}',)


def answer(dice: random.Random, request: HttpRequest) -> Answer:
    """What a provider does with a request: it answers, with one chance in three, or any of its faults."""
    streamed = b'"stream":true' in request.body
    body = STREAM if streamed else VECTORS if b'"input"' in request.body else DOCUMENT
    good = Answer(body, headers=scripted.SSE if streamed else JSON)
    match dice.randrange(12):
        case 0:
            return Answer((b"{}",), dice.choice((401, 403, 404)), JSON)
        case 1:
            return Answer((b"{}",), 429, {**JSON, "retry-after": dice.choice(("0.1", "1", "60"))})
        case 2:
            return Answer(TOO_LONG, 400, JSON)
        case 3:
            return Answer((b"{}",), dice.choice((500, 503, 529)), JSON)
        case 4:
            return Answer(before=(UnreachableError("refused"),))
        case 5:
            return Answer(good.body, good.status, good.headers, before=(dice.choice((1.0, 10.0, HANG_S)),))
        case 6:
            return Answer((*body[:1], UnreachableError("reset")) if streamed else (b"no json",), headers=good.headers)
        case 7:
            return Answer((*body[:1], HANG_S) if streamed else (HANG_S,), headers=good.headers)
        case _:
            return good


@dataclass
class Recorder:
    """A transport that counts what it is sent."""

    region: str
    space: str
    transport: ScriptedTransport

    @property
    def bytes(self) -> int:
        """The bytes of all requests: line, headers and body."""
        return sum(len(one.url) + len(one.body) + len(str(one.headers)) for one in self.transport.requests)


@dataclass
class Case:
    """A random route on paper."""

    dice: random.Random
    learned: Learned
    number: int
    states: States = field(default_factory=States)
    sent: list[Recorder] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def some(self, values: Sequence[str], chance: float) -> list[str]:
        """Now and then a few of the values."""
        dice = self.dice
        return dice.sample(values, dice.randint(1, len(values))) if dice.random() < chance else []

    def maybe(self, chance: float, **fields: object) -> dict[str, object]:
        """The fields, now and then."""
        return fields if self.dice.random() < chance else {}

    def section(self) -> dict[str, Any]:
        """A route as somebody may write it."""
        dice = self.dice
        kind = dice.choice(("chat", "chat", "chat", "embed"))
        candidates = [
            {
                "provider": dice.choice(PROVIDERS),
                "model": dice.choice(("m", "n")) if kind == "embed" else f"m{index}",
                "region": dice.choice(REGIONS),
                "weight": dice.randrange(3),
                **self.maybe(0.1, when=dice.choice(CONDITIONS)),
                **self.maybe(0.2, first_token_timeout_seconds=dice.choice((0.5, 5))),
            }
            for index in range(dice.randint(1, 5))
        ]
        return {
            "kind": kind,
            "candidates": candidates,
            "strategy": dice.choice(("ordered", "weighted", "cheapest", "fastest")),
            "regions": self.some(REGIONS[:3], 0.3),
            "rules": [self.rule() for _ in range(dice.choice((0, 0, 1, 2, 3)))],
            "max_attempts": dice.randint(1, 8),
            "larger_context": dice.random() < 0.5,
            **self.maybe(0.5, first_token_timeout_seconds=dice.choice((0.5, 5))),
            **self.maybe(0.4, hedge={"max_extra_percent": 100, "min_samples": 1, "max_rate_limited_share": 1}),
            **self.maybe(0.4, affinity={}),
        }

    def rule(self) -> dict[str, object]:
        """A rule; one with regions sometimes looks at what it must not."""
        dice = self.dice
        regions = self.some(REGIONS[:3], 0.6)
        pool = tuple(BY_IDENTITY) if regions and dice.random() < 0.97 else CONDITIONS
        return {
            "when": dice.choice(pool),
            "regions": regions,
            "providers": self.some(PROVIDERS, 0.3),
            **self.maybe(0.3, strategy=dice.choice(("ordered", "weighted", "cheapest", "fastest"))),
            **self.maybe(0.2, hedge=dice.random() < 0.5),
        }

    def candidate(self, section: CandidateSection, model: str) -> Candidate:
        """A candidate whose answers are as the dice say."""
        dice = self.dice
        transport = ScriptedTransport(reply=lambda request: answer(dice, request))
        self.sent.append(Recorder(section.region, model, transport))
        made = scripted.candidate(
            transport, name=section.provider, model=model, region=section.region, states=self.states
        )
        for times in made.state.times:
            for seconds in (0.01, 0.02, 0.05) * 10:
                times.observe(seconds * dice.choice((1, 10)), 1000.0)
        return msgspec.structs.replace(
            made,
            weight=section.weight,
            first_token_timeout_s=section.first_token_timeout_seconds,
            facts=ModelFacts(context_tokens=dice.choice((1, 100, 1000))) if dice.random() < 0.5 else None,
            price=price(dice.randint(0, 9), dice.randint(0, 9)) if dice.random() < 0.7 else None,
        )

    def asked(self, kind: str, name: str) -> Ask:
        """A call by somebody, who may ask for anything."""
        dice = self.dice
        stream = dice.random() < 0.5
        spec: ChatSpec | EmbedSpec = msgspec.structs.replace(said("x" * dice.choice((4, 1000))), model=name)
        if kind == "embed":
            spec = EmbedSpec(model=name, inputs=("a",))
        policy = RoutePolicy(
            providers=tuple(self.some(PROVIDERS, 0.2)),
            regions=tuple(self.some(REGIONS[:3], 0.2)),
            allow_route_change=dice.random() < 0.5,
            session_id=dice.choice(("", "s")),
            max_attempts=dice.choice((None, 8)),
        )
        made = call(timeout_s=None)
        regions = frozenset(self.some(REGIONS[:3], 0.3))
        made.principal = Principal(dice.choice(TENANTS), dice.choice(TEAMS), dice.choice(USERS), regions)
        labels = {"where": dice.choice(("us", "eu"))} if dice.random() < 0.5 else {}
        operation = Operation.EMBED if kind == "embed" else Operation.CHAT
        return Ask(made, operation, spec, policy, labels=labels, stream=stream and kind == "chat")

    async def run(self) -> None:
        """Builds the route and calls it a few times."""
        written = self.section()
        if any(rule["regions"] and rule["when"] in BY_CALL for rule in written["rules"]):
            with pytest.raises(pydantic.ValidationError, match="must not depend on"):
                RouteSection.model_validate(written)
            self.counts["refused at load"] += 1
            return
        section = RouteSection.model_validate(written)
        name = f"r{self.number}"
        routes = Builder(self.candidate, self.learned, 0.5).routes({name: section})
        for _ in range(CALLS):
            asked = self.asked(section.kind, name)
            allowed = allowed_regions(section, asked)
            before = [one.bytes for one in self.sent]
            with suppress(HedgerowError):
                plan = routes.plan(asked)
                async with aclosing(execute(asked.call, plan, asked.spec, stream=asked.stream)) as events:
                    async for _ in events:
                        pass
            self.check(asked, allowed, before)

    def check(self, asked: Ask, allowed: frozenset[str] | None, before: list[int]) -> None:
        """Fails where a byte went where it must not; counts what the case was good for."""
        counts, attempts = self.counts, asked.call.attempts
        for recorder, earlier in zip(self.sent, before, strict=True):
            sent = recorder.bytes - earlier
            where = f"case {self.number}: {sent} bytes to {recorder.region!r}, allowed {allowed}"
            assert not sent or allowed is None or recorder.region in allowed, where
            if asked.operation is Operation.EMBED:
                assert not sent or recorder.space == self.sent[0].space, f"case {self.number}: another vector space"
        counts["calls"] += 1
        counts["attempts"] += len(attempts)
        if allowed is not None and attempts:
            counts["bound and sent"] += 1
            tempted = any(one.region not in allowed for one in self.sent)
            counts["bound, sent, with others at hand"] += tempted
            counts["and more than one attempt"] += tempted and len(attempts) > 1
            counts["and hedged"] += tempted and any(one.kind is AttemptKind.HEDGE for one in attempts)
        counts["nowhere to go"] += allowed is not None and not attempts


def allowed_regions(section: RouteSection, asked: Ask) -> frozenset[str] | None:
    """The regions where a call may go; None: anywhere."""
    who = asked.principal
    assert who is not None
    bounds = [frozenset(section.regions), who.regions, frozenset(asked.policy.regions)]
    # In doubt a rule with regions holds.
    bounds += [
        frozenset(rule.regions) for rule in section.rules if rule.regions and BY_IDENTITY[rule.when](who) is not False
    ]
    given = [one for one in bounds if one]
    return frozenset.intersection(*given) if given else None


async def batch(numbers: Iterable[int], total: Counter[str]) -> None:
    """Runs cases one after the other; they share what routes share."""
    learned = Learned(HedgeBudgets(1.0))
    for number in numbers:
        case = Case(random.Random(number), learned, number)
        await case.run()
        total.update(case.counts)


@pytest.mark.timeout(3600)  # all cases take minutes
def test_nothing_goes_where_it_must_not(request: pytest.FixtureRequest) -> None:
    """5,000 cases, 100,000 with --long, of three calls each. A failure names its case; its number is the seed."""
    cases = LONG if request.config.getoption("--long") else ORDINARY
    total: Counter[str] = Counter()
    for start in range(0, cases, BATCH):
        run(batch(range(start, start + BATCH), total))
    logging.getLogger(__name__).info("%s cases: %s", cases, dict(sorted(total.items())))
    # That there was something to resist.
    assert total["calls"] > 2.9 * cases
    assert total["refused at load"] > 0.001 * cases
    assert total["bound, sent, with others at hand"] > 0.3 * cases
    assert total["and more than one attempt"] > 0.1 * cases
    assert total["and hedged"] > 0.001 * cases
    assert total["nowhere to go"] > 0.1 * cases
