"""RouterService on the wire."""

import datetime as dt

import pytest
from google.protobuf import json_format
from hedgerow.router.v1 import router_service_pb2 as pb
from hedgerow_server.core.error import RequestInvalid
from hedgerow_server.core.event import CandidateInfo, ModelInfo, ModelsListed
from hedgerow_server.core.model import ModelFacts
from hedgerow_server.core.request import ListModelsRequest
from hedgerow_server.wire.check import Checker
from hedgerow_server.wire.router import ModelsAnswer, RouterDecoder
from unit.hedgerow_server.calls import call


def decoded(**fields: object) -> ListModelsRequest:
    """The core request of a ListModelsRequest."""
    message = pb.ListModelsRequest(**fields)  # type: ignore[arg-type]
    return RouterDecoder(Checker(1024)).list_models(call(body=message.SerializeToString()))


def test_a_page_has_100_models_unless_asked_otherwise() -> None:
    assert decoded() == ListModelsRequest(page_size=100, page_token="")
    assert decoded(page_size=7, page_token="a/chat") == ListModelsRequest(page_size=7, page_token="a/chat")


def test_models_can_be_asked_for_by_kind_and_provider() -> None:
    assert decoded(kind=pb.MODEL_KIND_EMBED, provider="p") == ListModelsRequest(kind="embed", provider="p")


def test_a_kind_that_is_not_known_is_refused() -> None:
    with pytest.raises(RequestInvalid) as caught:
        decoded(kind=99)
    assert [violation.field for violation in caught.value.violations] == ["kind"]


@pytest.mark.parametrize("size", [-1, 1001])
def test_a_page_size_out_of_range_is_refused(size: int) -> None:
    with pytest.raises(RequestInvalid) as caught:
        decoded(page_size=size)
    assert [violation.field for violation in caught.value.violations] == ["page_size"]


def test_a_page_is_written_whole() -> None:
    answer = ModelsAnswer()
    candidates = (CandidateInfo("sim", "gpt", "eu"), CandidateInfo("other", "gpt", ""))
    answer.add(ModelsListed((ModelInfo("fast", "chat", candidates), ModelInfo("vec", "embed", ())), "vec/embed"))
    assert json_format.MessageToDict(pb.ListModelsResponse.FromString(answer.encode())) == {
        "models": [
            {
                "name": "fast",
                "kind": "MODEL_KIND_CHAT",
                "candidates": [
                    {"provider": "sim", "model": "gpt", "region": "eu"},
                    {"provider": "other", "model": "gpt"},
                ],
            },
            {"name": "vec", "kind": "MODEL_KIND_EMBED"},
        ],
        "nextPageToken": "vec/embed",
    }


def facts_on_the_wire(facts: ModelFacts) -> dict[str, object]:
    """The facts of the one candidate of the one model of an answer."""
    answer = ModelsAnswer()
    answer.add(ModelsListed((ModelInfo("fast", "chat", (CandidateInfo("sim", "gpt", "", facts),)),), ""))
    (model,) = pb.ListModelsResponse.FromString(answer.encode()).models
    return json_format.MessageToDict(model.candidates[0].facts, preserving_proto_field_name=True)


def test_every_fact_is_written() -> None:
    assert facts_on_the_wire(
        ModelFacts(
            context_tokens=128_000,
            max_output_tokens=16_384,
            input_modalities=frozenset(("video", "text", "file")),
            output_modalities=frozenset(("text",)),
            tools=True,
            json_schema=False,
            reasoning=True,
            prefill=False,
            streams_only=True,
            vector_space="acme/v",
            dimensions=3,
            regions=("eu", "us"),
            aliases=("other",),
            retires=dt.date(2027, 1, 4),
            successor="next",
        )
    ) == {
        "context_tokens": 128_000,
        "max_output_tokens": 16_384,
        "input_modalities": ["text", "file", "video"],
        "output_modalities": ["text"],
        "tools": True,
        "json_schema": False,
        "reasoning": True,
        "prefill": False,
        "streams_only": True,
        "vector_space": "acme/v",
        "dimensions": 3,
        "regions": ["eu", "us"],
        "aliases": ["other"],
        "retire_date": "2027-01-04",
        "successor": "next",
    }


def test_what_is_not_known_is_not_written() -> None:
    assert facts_on_the_wire(ModelFacts()) == {}
