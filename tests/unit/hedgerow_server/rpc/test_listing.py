"""What ListModels has to tell of names that stand for all models of a provider."""

import datetime as dt
import os
from pathlib import Path

import pytest
from hedgerow_server.catalogue.book import Catalogue
from hedgerow_server.core.event import CandidateInfo, ModelInfo, ModelsListed
from hedgerow_server.core.request import ListModelsRequest
from hedgerow_server.rpc.listing import Listing
from hedgerow_server.rpc.models import Models
from unit.hedgerow_server.calls import call

TODAY = dt.datetime.now(dt.UTC).date()
ACME = f"""
family: acme
models:
  rocket: {{context_tokens: 1000}}
  old: {{retires: {TODAY - dt.timedelta(days=2)}}}
  today: {{retires: {TODAY + dt.timedelta(days=2)}, successor: rocket}}
  vectors: {{kind: embed, vector_space: acme/vectors, dimensions: 3}}
  deep/rocket: {{}}
"""


def _candidate(said: str) -> CandidateInfo:
    provider, model = said.split(":")
    return CandidateInfo(provider, model, "eu")


class Named:
    """Names as routes have them."""

    def __init__(self, *names: tuple[str, str, str]) -> None:
        """Each a name, a kind and providers with models, such as `p:m q:n`."""
        self._models = tuple(
            ModelInfo(name, kind, tuple(_candidate(one) for one in candidates.split()))
            for name, kind, candidates in sorted(names)
        )

    def models(self) -> tuple[ModelInfo, ...]:
        return self._models


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    (tmp_path / "acme.yaml").write_text(ACME)
    return Catalogue([tmp_path / "acme.yaml"])


def listing(catalogue: Catalogue, *names: tuple[str, str, str]) -> Listing:
    """The listing of a gateway whose providers p and q are of acme and whose r is of nobody."""
    return Listing(Named(*names), catalogue, {"p": "acme", "q": "acme", "r": None})


def told(of: Listing) -> list[tuple[str, str]]:
    """Names and kinds."""
    return [(model.name, model.kind) for model in of.models()]


def test_a_star_is_followed_by_the_models_of_its_kind(catalogue: Catalogue) -> None:
    """Without one that is past its last day."""
    of = listing(catalogue, ("a/*", "chat", "p:*"), ("v/*", "embed", "p:*"))
    assert told(of) == [
        ("a/*", "chat"),
        ("a/deep/rocket", "chat"),
        ("a/rocket", "chat"),
        ("a/today", "chat"),
        ("v/*", "embed"),
        ("v/vectors", "embed"),
    ]


def test_a_model_behind_a_star_has_its_own_name_its_facts_and_the_place(catalogue: Catalogue) -> None:
    (model,) = (one for one in listing(catalogue, ("a/*", "chat", "p:* q:*")).models() if one.name == "a/rocket")
    facts = catalogue.facts("acme", "rocket")
    assert facts is not None
    assert model.candidates == (CandidateInfo("p", "rocket", "eu", facts), CandidateInfo("q", "rocket", "eu", facts))


def test_a_star_of_a_provider_without_a_family_stands_alone(catalogue: Catalogue) -> None:
    of = listing(catalogue, ("a/*", "chat", "r:*"))
    assert told(of) == [("a/*", "chat")]
    assert of.models()[0].candidates[0].facts is None


def test_a_route_with_the_whole_name_comes_before_a_star(catalogue: Catalogue) -> None:
    of = listing(catalogue, ("a/*", "chat", "p:*"), ("a/rocket", "chat", "r:other"))
    (model,) = (one for one in of.models() if one.name == "a/rocket")
    assert [(one.provider, one.model) for one in model.candidates] == [("r", "other")]


def test_the_longest_beginning_serves(catalogue: Catalogue) -> None:
    of = listing(catalogue, ("a/*", "chat", "p:*"), ("a/deep/*", "chat", "q:*"))
    (model,) = (one for one in of.models() if one.name == "a/deep/rocket")
    assert [one.provider for one in model.candidates] == ["q"]


def test_a_named_model_has_its_facts(catalogue: Catalogue) -> None:
    (model,) = listing(catalogue, ("fast", "chat", "p:rocket-2026-01-01 r:rocket")).models()
    assert [one.facts.context_tokens if one.facts else None for one in model.candidates] == [1000, None]


def test_the_list_is_built_once_and_again_when_the_catalogue_changes(tmp_path: Path, catalogue: Catalogue) -> None:
    of = listing(catalogue, ("a/*", "chat", "p:*"))
    before = of.models()
    assert of.models() is before
    path = tmp_path / "acme.yaml"
    path.write_text(ACME + "  new: {}\n")
    os.utime(path, ns=(1, 1))
    catalogue.refresh()
    assert set(told(of)) - {(one.name, one.kind) for one in before} == {("a/new", "chat")}


@pytest.mark.parametrize(
    ("kind", "provider", "names"),
    [
        ("", "", ["a/*", "a/rocket", "v"]),
        ("embed", "", ["v"]),
        ("chat", "p", ["a/*", "a/rocket"]),
        ("", "r", ["a/rocket", "v"]),
        ("embed", "p", []),
    ],
)
async def test_only_models_of_a_kind_or_a_provider(kind: str, provider: str, names: list[str]) -> None:
    """A page holds as many of them as were asked for, and the next begins behind them."""
    of = Models(Named(("a/*", "chat", "p:*"), ("a/rocket", "chat", "p:m r:m"), ("v", "embed", "r:m")))
    found: list[str] = []
    token = ""
    while True:
        one = call()
        one.request = ListModelsRequest(page_size=1, page_token=token, kind=kind, provider=provider)
        (event,) = [event async for event in of.list_models(one)]
        assert isinstance(event, ModelsListed)
        found += [model.name for model in event.models]
        token = event.next_page_token
        if not token:
            break
    assert found == names
