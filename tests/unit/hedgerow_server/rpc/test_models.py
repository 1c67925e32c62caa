"""ListModels: pages that a change of the models does not shift."""

import pytest
from hedgerow_server.core.access import Access, Grant, Names
from hedgerow_server.core.call import Principal
from hedgerow_server.core.error import ModelNotFound, RequestInvalid
from hedgerow_server.core.event import CandidateInfo, ModelInfo, ModelsListed
from hedgerow_server.core.request import ListModelsRequest
from hedgerow_server.rpc.models import Models
from unit.hedgerow_server.calls import call
from unit.hedgerow_server.routing.scripted import ScriptedTransport, candidate, routes

ONE = (candidate(ScriptedTransport()),)
NAMES = ("a", "a/chat", "a/embed", "a.b", "b", "zeta")


def models(*names: str) -> Models:
    """A gateway with these names, each for chat and for embeddings."""
    return Models(routes({(kind, name): ONE for name in names for kind in ("chat", "embed")}))


async def page(of: Models, size: int, token: str = "") -> ModelsListed:
    """One page."""
    one = call()
    one.request = ListModelsRequest(page_size=size, page_token=token)
    (event,) = [event async for event in of.list_models(one)]
    assert isinstance(event, ModelsListed)
    return event


async def all_pages(of: Models, size: int) -> list[tuple[str, str]]:
    """What all pages hold together."""
    found: list[tuple[str, str]] = []
    token = ""
    while True:
        one = await page(of, size, token)
        assert len(one.models) <= size
        found += [(model.name, model.kind) for model in one.models]
        token = one.next_page_token
        if not token:
            return found


@pytest.mark.parametrize("size", [1, 2, 3, 5, 11, 12, 13, 1000])
async def test_the_pages_hold_every_model_once_in_order(size: int) -> None:
    expected = sorted((name, kind) for name in NAMES for kind in ("chat", "embed"))
    assert await all_pages(models(*NAMES), size) == expected


async def test_the_last_page_has_no_token() -> None:
    assert (await page(models("a"), 2)).next_page_token == ""


async def test_a_gateway_without_models_has_one_empty_page() -> None:
    assert await page(Models(routes({})), 10) == ModelsListed((), "")


async def test_a_token_of_a_model_that_is_gone_goes_on_where_it_stood() -> None:
    first = await page(models("a", "b", "c"), 4)
    assert [model.name for model in first.models] == ["a", "a", "b", "b"]
    second = await page(models("a", "c"), 4, first.next_page_token)
    assert [model.name for model in second.models] == ["c", "c"]


async def test_a_model_that_comes_before_the_page_is_not_shown_and_shifts_nothing() -> None:
    first = await page(models("b", "c"), 2)
    second = await page(models("a", "b", "c"), 2, first.next_page_token)
    assert [model.name for model in second.models] == ["c", "c"]


async def test_a_token_after_the_last_model_gives_an_empty_last_page() -> None:
    assert await page(models("a"), 10, "z/chat") == ModelsListed((), "")


@pytest.mark.parametrize("token", ["a", "a/", "/chat", "a/tea", "7", "a/chat/", " "])
async def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(RequestInvalid) as caught:
        await page(models("a"), 10, token)
    assert [violation.field for violation in caught.value.violations] == ["page_token"]


class Stars:
    """Names of which some stand for all models of a provider."""

    def models(self) -> tuple[ModelInfo, ...]:
        """Sorted."""
        names = (("a/*", "chat", "p", "*"), ("a/b/*", "chat", "q", "*"), ("a/b/known", "chat", "r", "m"))
        found = (*names, ("a/b/known", "embed", "r", "e"))
        return tuple(ModelInfo(name, kind, (CandidateInfo(who, what, ""),)) for name, kind, who, what in found)


async def named(name: str, *allowed: str) -> list[tuple[str, str, str, str]]:
    """Name, kind, provider and model of what one name stands for, to a caller that may use these models (none: all)."""
    one = call()
    if allowed:
        one.principal = Principal("acme", access=Access((Grant(models=Names(allowed)),)))
    one.request = ListModelsRequest(name=name)
    (event,) = [event async for event in Models(Stars()).list_models(one)]
    assert isinstance(event, ModelsListed)
    return [(m.name, m.kind, c.provider, c.model) for m in event.models for c in m.candidates]


async def test_a_name_is_told_in_every_kind() -> None:
    assert await named("a/b/known") == [("a/b/known", "chat", "r", "m"), ("a/b/known", "embed", "r", "e")]


async def test_a_name_behind_a_star_is_told_by_the_longest_beginning() -> None:
    assert await named("a/b/new") == [("a/b/new", "chat", "q", "new")]
    assert await named("a/c") == [("a/c", "chat", "p", "c")]


@pytest.mark.parametrize("name", ["b", "a", "/"])
async def test_a_name_that_nothing_stands_for_is_not_found(name: str) -> None:
    with pytest.raises(ModelNotFound) as caught:
        await named(name)
    assert caught.value.metadata == {"model": name}


async def test_a_name_that_the_caller_may_not_use_is_not_found() -> None:
    assert await named("a/b/new", "a/b/new")
    with pytest.raises(ModelNotFound):
        await named("a/b/known", "a/b/new")
    with pytest.raises(ModelNotFound):
        await named("a/b/other", "a/b/new")
