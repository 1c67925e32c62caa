"""By which names a model is found."""

import datetime as dt

import pytest
from hedgerow_server.catalogue.shelf import Shelf
from hedgerow_server.core.model import ModelFacts

DAY = dt.date(2027, 1, 14)
OMNI = ModelFacts(context_tokens=128, aliases=("omni-2024-05-13", "o"), retires=DAY, successor="next")
SHELF = Shelf(
    {
        "omni": OMNI,
        "omni-2024-11-20": ModelFacts(context_tokens=64),
        "large-2411": ModelFacts(context_tokens=1),
        "large-2512": ModelFacts(context_tokens=2),
        "global.maker.big-v1:0": ModelFacts(context_tokens=3),
        "Maker/Mixed-Case": ModelFacts(context_tokens=4),
    }
)


def context(name: str) -> int | None:
    """The context of the model that a name finds."""
    found = SHELF.find(name)
    return None if found is None else found.context_tokens


@pytest.mark.parametrize(
    ("name", "tokens"),
    [
        ("omni", 128),
        ("o", 128),
        ("omni-2024-11-20", 64),
        ("omni-latest", 128),
        ("models/omni-001", 128),
        ("ft:omni:acme::id", 128),
        ("ft:omni-2030-01-01:acme::id", 128),
        ("omni:free", 128),
        ("large", 2),
        ("large-latest", 2),
        ("large-2411", 1),
        ("us.maker.big-v1:0", 3),
        ("maker.big-v1:0", 3),
        ("maker.big-v1:0:300k", 3),
        ("maker/mixed-case", 4),
        ("omni-mini", None),
        ("omni-1106-preview", None),
        ("om", None),
        ("", None),
    ],
)
def test_a_name_finds_its_model(name: str, tokens: int | None) -> None:
    assert context(name) == tokens


@pytest.mark.parametrize("name", ["omni", "o", "models/omni", "omni-2024-05-13"])
def test_another_name_of_the_same_model_retires_with_it(name: str) -> None:
    assert SHELF.find(name) == OMNI


@pytest.mark.parametrize("name", ["omni-2030-01-01", "omni-preview", "ft:omni:acme::id", "ft:omni-2024-05-13:acme::id"])
def test_a_version_that_is_not_known_and_a_fine_tuned_model_tell_of_no_end(name: str) -> None:
    """They may retire on other days."""
    found = SHELF.find(name)
    assert found is not None
    assert (found.context_tokens, found.retires, found.successor) == (128, None, "")


def test_models_are_sorted_by_name() -> None:
    names = [name for name, _ in SHELF.models()]
    assert names == sorted(names)
