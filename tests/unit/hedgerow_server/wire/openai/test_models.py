"""The list of models in OpenAI's words."""

import datetime as dt
import json

from hedgerow_server.core.call import Call, Kind, Method
from hedgerow_server.core.event import CandidateInfo, ModelInfo, ModelsListed
from hedgerow_server.core.model import ModelFacts
from hedgerow_server.core.request import ListModelsRequest
from hedgerow_server.wire.openai.models import ModelAnswer, ModelsAnswer, decode_list, decode_one
from hedgerow_server.wire.target import Target
from openai_door import Json

BIG = ModelFacts(
    context_tokens=200_000,
    max_output_tokens=64_000,
    input_modalities=frozenset({"image", "text"}),
    output_modalities=frozenset({"text"}),
    tools=True,
    json_schema=True,
    reasoning=True,
)
SMALL = ModelFacts(
    context_tokens=8_000,
    input_modalities=frozenset({"text"}),
    output_modalities=frozenset({"text"}),
    tools=True,
    json_schema=False,
    retires=dt.date(2027, 1, 31),
    successor="next",
)


def told(*models: ModelInfo) -> list[Json]:
    """The entries of a list."""
    answer = ModelsAnswer(asked())
    answer.add(ModelsListed(models, ""))
    body = json.loads(answer.encode())
    assert body["object"] == "list"
    data: list[Json] = body["data"]
    return data


def asked(tail: str = "") -> Call:
    """A call of either path."""
    call = Call(Method("R/ListModels", Kind.UNARY, decode_list, lambda _: None), {}, b"", door="openai")  # type: ignore[arg-type, return-value]
    call.form = Target(tail, b"")
    return call


def test_an_entry_has_what_sdks_read() -> None:
    """Id, object, created and owner."""
    (model,) = told(ModelInfo("fast", "chat", (CandidateInfo("sim", "m", "eu"),)))
    assert (model["id"], model["object"], model["created"], model["owned_by"]) == ("fast", "model", 0, "sim")
    assert model["hedgerow"] == {"kinds": ["chat"], "candidates": [{"provider": "sim", "model": "m", "region": "eu"}]}


def test_what_is_told_holds_whoever_serves_it() -> None:
    """The smallest limit, what all take and can; what one of them is not known to do is not told."""
    candidates = (CandidateInfo("a", "big", "", BIG), CandidateInfo("b", "small", "", SMALL))
    (model,) = told(ModelInfo("either", "chat", candidates))
    assert model["owned_by"] == "hedgerow"
    assert model["context_length"] == 8_000
    assert "max_output_tokens" not in model
    assert model["input_modalities"] == ["text"]
    assert model["capabilities"] == {"tools": True, "json_schema": False}
    second = model["hedgerow"]["candidates"][1]
    assert (second["retire_date"], second["successor"]) == ("2027-01-31", "next")


def test_a_candidate_of_which_nothing_is_known_leaves_nothing_to_tell() -> None:
    """It may do anything."""
    (model,) = told(ModelInfo("either", "chat", (CandidateInfo("a", "big", "", BIG), CandidateInfo("b", "x", ""))))
    assert not model.keys() & {"context_length", "input_modalities", "capabilities"}


def test_a_name_of_two_kinds_is_one_entry() -> None:
    """Ids are unique in the API."""
    one = CandidateInfo("a", "m", "")
    (model,) = told(ModelInfo("both", "chat", (one,)), ModelInfo("both", "embed", (one,)))
    assert model["hedgerow"]["kinds"] == ["chat", "embed"]


def test_the_length_of_vectors_is_told() -> None:
    """Where it is one."""
    facts = ModelFacts(kind="embed", dimensions=1536)
    (model,) = told(ModelInfo("vec", "embed", (CandidateInfo("a", "e", "", facts),)))
    assert model["dimensions"] == 1536
    assert "capabilities" not in model


def test_the_list_has_no_pages() -> None:
    """The API has none, so all come at once."""
    assert decode_list(asked()).page_size > 1_000_000


def test_a_name_may_have_slashes() -> None:
    """It is what follows the path."""
    assert decode_one(asked("openai/gpt-x")).name == "openai/gpt-x"
    answer = ModelAnswer(asked("a/b"))
    answer.add(ModelsListed((ModelInfo("a/b", "chat", (CandidateInfo("a", "b", ""),)),), ""))
    assert json.loads(answer.encode())["id"] == "a/b"
    assert isinstance(decode_one(asked("x")), ListModelsRequest)
