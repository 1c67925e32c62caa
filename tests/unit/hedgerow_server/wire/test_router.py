"""RouterService on the wire."""

import pytest
from google.protobuf import json_format
from hedgerow.router.v1 import router_service_pb2 as pb
from hedgerow_server.core.error import RequestInvalid
from hedgerow_server.core.event import CandidateInfo, ModelInfo, ModelsListed
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
