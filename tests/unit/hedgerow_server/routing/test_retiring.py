"""Callers of a model that its provider will stop to serve are warned in time."""

import datetime as dt

import msgspec
import pytest
from hedgerow_server.core.event import Started, Warning, WarningCode
from hedgerow_server.core.model import ModelFacts
from hedgerow_server.routing.candidate import Candidate
from unit.hedgerow_server.routing.asking import Asking, at, said

TODAY = dt.datetime.now(dt.UTC).date()


def leaving(days: int | None, **facts: object) -> Candidate:
    """A model whose last day is so many days from now."""
    last = None if days is None else TODAY + dt.timedelta(days=days)
    known = ModelFacts(retires=last, **facts)  # type: ignore[arg-type]
    return msgspec.structs.replace(at(said("hello")), facts=known)


async def warnings(of: Candidate) -> list[Warning]:
    """What a caller is warned of."""
    asking = Asking(of)
    await asking.answer()
    (started,) = [event for event in asking.events if isinstance(event, Started)]
    return [one for one in started.warnings if one.code is WarningCode.MODEL_RETIRING]


@pytest.mark.parametrize("days", [-3, 0, 30, 89])
async def test_a_model_near_its_last_day_is_told_with_that_day_and_its_successor(days: int) -> None:
    (warning,) = await warnings(leaving(days, successor="gpt-next"))
    assert warning.field == "chat.model"
    assert str(TODAY + dt.timedelta(days=days)) in warning.message
    assert "gpt-next" in warning.message


@pytest.mark.parametrize("days", [None, 91, 400])
async def test_a_model_that_stays_is_no_warning(days: int | None) -> None:
    assert await warnings(leaving(days)) == []


async def test_a_model_for_embeddings_is_told_by_its_own_field() -> None:
    (warning,) = await warnings(leaving(10, kind="embed"))
    assert warning.field == "embed.model"
