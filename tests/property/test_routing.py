"""The orders of routes: odds are the configured ones, the cheapest is the price book's, the fastest is found out."""

import random
import time
from collections import Counter
from collections.abc import Mapping

import msgspec
import pytest
from hedgerow_server.core.event import Usage
from hedgerow_server.core.request import ChatSpec, EmbedSpec
from hedgerow_server.core.tokens import USUAL_OUTPUT_TOKENS
from hedgerow_server.pricing.book import PriceBook
from hedgerow_server.pricing.price import Price
from hedgerow_server.pricing.section import PricingSection
from hedgerow_server.routing import select
from hedgerow_server.routing.route import Route
from unit.hedgerow_server.routing.paper import Paper, ask, said

DRAWS = 100_000
# The 99 % interval of a share, by the normal approximation, which is exact enough at these counts.
_Z99 = 2.576


@pytest.mark.parametrize("weights", [(90, 10), (1, 1), (98, 1, 1), (5, 3, 2, 0), (1_000_000, 1)])
def test_weights_are_the_shares_of_calls(weights: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each within the 99 % interval. The dice are loaded with a seed: of five such tests one in twelve would fail."""
    monkeypatch.setattr(select, "_random", random.Random(20261).random)
    candidates = [{"provider": f"p{index}", "model": "m", "weight": weight} for index, weight in enumerate(weights)]
    route = Paper().route(*candidates, strategy="weighted")
    asked = ask()
    firsts = Counter(route.plan(asked).candidates[0].upstream.name for _ in range(DRAWS))
    for index, weight in enumerate(weights):
        share = weight / sum(weights)
        assert abs(firsts[f"p{index}"] - share * DRAWS) <= _Z99 * (DRAWS * share * (1 - share)) ** 0.5 + 0.5


MODELS = {
    "gpt-4o": "openai",
    "gpt-4o-mini": "openai",
    "o3": "openai",
    "claude-sonnet-4-5": "anthropic",
    "claude-3-5-haiku-latest": "anthropic",
    "mistral-large-latest": "mistral",
    "gemini-2.5-flash": "google",
    "command-a-03-2025": "cohere",
    "no-such-model": "openai",
}
VECTORS = {"text-embedding-3-small": "openai", "text-embedding-3-large": "openai", "text-embedding-004": "google"}


def book_prices(models: Mapping[str, str]) -> dict[str, Price]:
    """The prices that the book knows."""
    book = PriceBook(PricingSection())
    found = {model: book.price(family, model) for model, family in models.items()}
    return {model: one for model, one in found.items() if one is not None}


def test_the_cheapest_is_the_price_books_minimum() -> None:
    """Over random requests and sets of candidates, with what the request is expected to use priced by the book."""
    dice = random.Random(7)
    prices = book_prices(MODELS)
    assert len(prices) >= 6
    winners = Counter[str]()
    for _ in range(2_000):
        models = dice.sample(sorted(MODELS), dice.randint(2, 6))
        route = Paper(prices=prices).route(*({"provider": "p", "model": m} for m in models), strategy="cheapest")
        limit = dice.choice((None, 1, 50, 5000))
        spec = said("x" * int(10 ** dice.uniform(0, 6)), max_output_tokens=limit)
        asked = ask(spec)
        first = route.plan(asked).candidates[0]
        used = Usage(
            input_uncached_tokens=asked.need.input_tokens,
            output_visible_tokens=min(limit or USUAL_OUTPUT_TOKENS, USUAL_OUTPUT_TOKENS),
        )
        costs = {model: prices[model].cost(used) for model in models if model in prices}
        if costs:
            assert costs[first.model] == min(cost for cost in costs.values() if cost is not None)
            winners[first.model] += 1
    assert len(winners) >= 4


def test_the_cheapest_vectors_are_the_price_books_minimum() -> None:
    dice = random.Random(8)
    prices = book_prices(VECTORS)
    for _ in range(200):
        models = dice.sample(sorted(prices), len(prices))
        candidates = ({"provider": "p", "model": model, "vector_space": "v"} for model in models)
        route = Paper(prices=prices).route(*candidates, kind="embed", strategy="cheapest")
        asked = ask(EmbedSpec(model="fast", inputs=("x" * dice.randint(1, 10_000),)))
        used = Usage(input_uncached_tokens=asked.need.input_tokens)
        first = route.plan(asked).candidates[0]
        assert prices[first.model].cost(used) == min(one.cost(used) or 0 for one in prices.values())


class Town:
    """Candidates whose first tokens take as long as is said here, asked so many times a second in virtual time."""

    def __init__(self, typical: Mapping[str, float], per_second: float, seed: int) -> None:
        self.typical = dict(typical)
        self.now_s = 1000.0
        self._dice = random.Random(seed)
        self._step_s = 1 / per_second
        self._under_way: list[tuple[float, str, float]] = []
        candidates = ({"provider": name, "model": "m"} for name in typical)
        self.route: Route = Paper().route(*candidates, strategy="fastest")
        self._states = {one.upstream.name: one.state for one in self.route.candidates}

    def pass_(self, seconds: float) -> Counter[str]:
        """Calls for so long; who was asked first."""
        firsts: Counter[str] = Counter()
        until_s = self.now_s + seconds
        spec: ChatSpec = msgspec.structs.replace(said("hi"))
        while self.now_s < until_s:
            for at_s, name, took_s in [one for one in self._under_way if one[0] <= self.now_s]:
                self._under_way.remove((at_s, name, took_s))
                self._states[name].running -= 1
                self._states[name].times[True].observe(took_s, at_s)
            first = self.route.plan(ask(spec, stream=True)).candidates[0].upstream.name
            firsts[first] += 1
            took_s = self.typical[first] * self._dice.lognormvariate(0, 0.5)
            self._states[first].running += 1
            self._under_way.append((self.now_s + took_s, first, took_s))
            self.now_s += self._step_s
        return firsts


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("per_second", [5.0, 50.0])
def test_a_candidate_that_turns_fast_has_nine_calls_in_ten_within_30_seconds(
    seed: int, per_second: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    town = Town({"a": 0.5, "b": 2.0, "c": 1.0}, per_second, seed)
    monkeypatch.setattr(select, "_random", random.Random(seed).random)
    monkeypatch.setattr(time, "monotonic", lambda: town.now_s)
    town.pass_(60)
    assert town.pass_(60).most_common(1)[0][0] == "a"
    town.typical["b"] = 0.2
    town.pass_(30)
    firsts = town.pass_(30)
    assert firsts["b"] >= 0.9 * firsts.total()


@pytest.mark.parametrize("seed", range(5))
def test_a_candidate_that_turns_slow_is_left_within_30_seconds(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    town = Town({"a": 0.5, "b": 1.0, "c": 2.0}, 20.0, seed)
    monkeypatch.setattr(select, "_random", random.Random(seed).random)
    monkeypatch.setattr(time, "monotonic", lambda: town.now_s)
    town.pass_(60)
    town.typical["a"] = 5.0
    town.pass_(30)
    firsts = town.pass_(30)
    assert firsts["b"] >= 0.9 * firsts.total()
