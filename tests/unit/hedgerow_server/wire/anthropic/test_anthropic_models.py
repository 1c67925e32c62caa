"""Models and counts of tokens at the Anthropic door."""

import json
from typing import Any

import pytest
from hedgerow_server.core.call import Call, Principal
from hedgerow_server.core.error import ModelNotFound, RequestInvalid
from hedgerow_server.core.event import CandidateInfo, ModelInfo, ModelsListed, TokenCount, TokensCounted
from hedgerow_server.core.model import ModelFacts
from hedgerow_server.rpc.models import Models
from hedgerow_server.wire.anthropic import models
from hedgerow_server.wire.anthropic.count import CountAnswer
from hedgerow_server.wire.target import Target
from unit.hedgerow_server.calls import call

WHERE = CandidateInfo("p", "m", "")
NAMES = ["a", "b", "c", "d", "e"]


class Some:
    """A listing of these names, of a name with a star, and of one for embeddings."""

    def models(self) -> tuple[ModelInfo, ...]:
        """Sorted by name and kind."""
        found = [ModelInfo(name, "chat", (WHERE,)) for name in NAMES]
        found += [ModelInfo("b", "embed", (WHERE,)), ModelInfo("bb/*", "chat", (WHERE,))]
        return tuple(sorted(found, key=lambda one: (one.name, one.kind)))


def asked(tail: str, query: str) -> Call:
    """A call for a page or for one model."""
    made = call()
    made.form = Target(tail, query.encode())
    made.principal = Principal("acme")
    return made


async def page(query: str = "") -> dict[str, Any]:
    """A page of the list."""
    made = asked("", query)
    made.request = models.decode_list(made)
    answer = models.ModelsAnswer(made)
    async for event in Models(Some()).list_models(made):
        answer.add(event)
    return dict(json.loads(answer.encode()))


async def one(name: str) -> dict[str, Any]:
    """One model."""
    made = asked(name, "")
    made.request = models.decode_one(made)
    answer = models.ModelAnswer(made)
    async for event in Models(Some()).list_models(made):
        answer.add(event)
    return dict(json.loads(answer.encode()))


@pytest.mark.parametrize(
    ("query", "ids", "more"),
    [
        ("", "abcde", False),
        ("limit=2", "ab", True),
        ("limit=2&after_id=b", "cd", True),
        ("limit=2&after_id=d", "e", False),
        ("limit=2&after_id=bb", "cd", True),
        ("limit=2&before_id=d", "bc", True),
        ("limit=2&before_id=c", "ab", False),
        ("limit=2&before_id=a", "", False),
        ("limit=1000", "abcde", False),
    ],
)
async def test_pages_go_both_ways(query: str, ids: str, more: bool) -> None:
    """Names with a star and models of embeddings are no models of this door."""
    found = await page(query)
    assert [model["id"] for model in found["data"]] == list(ids)
    assert found["has_more"] is more
    assert (found["first_id"], found["last_id"]) == ((ids[0], ids[-1]) if ids else (None, None))


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "after_id=a&before_id=b"])
async def test_a_page_that_there_cannot_be_is_refused(query: str) -> None:
    with pytest.raises(RequestInvalid):
        await page(query)


async def test_a_model_is_found_by_its_name() -> None:
    assert (await one("c"))["id"] == "c"
    with pytest.raises(ModelNotFound):
        await one("x")


def test_a_model_takes_what_each_of_its_candidates_takes() -> None:
    big = CandidateInfo("p", "m", "", ModelFacts(kind="chat", context_tokens=200, max_output_tokens=30))
    small = CandidateInfo("q", "m", "", ModelFacts(kind="chat", context_tokens=100))
    answer = models.ModelAnswer(call())
    answer.add(ModelsListed((ModelInfo("a", "chat", (big, small, WHERE)),), ""))
    assert json.loads(answer.encode()) == {
        "type": "model",
        "id": "a",
        "display_name": "a",
        "created_at": "1970-01-01T00:00:00Z",
        "lifecycle": "active",
        "max_input_tokens": 100,
        "max_tokens": 30,
    }


def test_a_count_is_what_the_first_candidate_would_count() -> None:
    made = call()
    made.request_id = "r1"
    answer = CountAnswer(made)
    first = TokenCount(candidate=WHERE, expected=12, bound=40, context_tokens=100)
    other = TokenCount(candidate=WHERE, expected=99, bound=None, context_tokens=None)
    answer.add(TokensCounted((first, other)))
    assert json.loads(answer.encode()) == {
        "input_tokens": 12,
        "hedgerow": {
            "request_id": "r1",
            "estimated": True,
            "provider": "p",
            "model": "m",
            "upper_bound_input_tokens": 40,
            "context_tokens": 100,
        },
    }
