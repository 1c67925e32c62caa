"""Models: https://platform.openai.com/docs/api-reference/models. What is known of each stands in further members."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

import msgspec

from hedgerow_server.core.call import Call
from hedgerow_server.core.event import CandidateInfo, Event, ModelInfo, ModelsListed
from hedgerow_server.core.model import ModelFacts
from hedgerow_server.core.request import ListModelsRequest
from hedgerow_server.wire.target import Target

_ALL = 1 << 31
_MODALITIES = ("text", "image", "audio", "file", "video")
_ENCODE = msgspec.json.Encoder().encode


class CandidateTold(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who may serve a model, and what is known of it there."""

    provider: str
    model: str
    region: str = ""
    context_length: int | None = None
    max_output_tokens: int | None = None
    retire_date: str = ""
    successor: str = ""


class ModelTold(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A model. What is known of it holds for all who may serve it: the smallest of their limits, and what all can."""

    id: str
    object: str
    created: int
    """Not known: 0."""
    owned_by: str
    """The provider that serves it; "hedgerow" where several may."""
    context_length: int | None = None
    max_output_tokens: int | None = None
    input_modalities: list[str] = []
    output_modalities: list[str] = []
    capabilities: dict[str, bool] = {}
    dimensions: int | None = None
    hedgerow: dict[str, Any] = {}


def decode_list(call: Call) -> ListModelsRequest:
    """The request of all models: the API knows no pages. Names that stand for all models of a provider are none."""
    return ListModelsRequest(page_size=_ALL, without_stars=True)


def decode_one(call: Call) -> ListModelsRequest:
    """The request of one model, whose name may have slashes."""
    target = call.form
    assert isinstance(target, Target)
    return ListModelsRequest(page_size=_ALL, name=target.tail)


class ModelsAnswer:
    """The body of the list."""

    def __init__(self, call: Call) -> None:
        self._models: tuple[ModelInfo, ...] = ()

    def add(self, event: Event) -> None:
        """Takes the one event."""
        if isinstance(event, ModelsListed):
            self._models = event.models

    def encode(self) -> bytes:
        """A `list`."""
        return _ENCODE({"object": "list", "data": _told(self._models)})


class ModelAnswer(ModelsAnswer):
    """The body of one model."""

    def encode(self) -> bytes:
        """A `model`."""
        return _ENCODE(_told(self._models)[0])


def _told(models: Iterable[ModelInfo]) -> list[ModelTold]:
    """One entry for each name, though it may be one of chat and of embeddings."""
    return [_model(name, list(same)) for name, same in groupby(models, key=lambda model: model.name)]


def _model(name: str, same: list[ModelInfo]) -> ModelTold:
    candidates = [candidate for model in same for candidate in model.candidates]
    facts = [one.facts for one in candidates if one.facts is not None] if all(one.facts for one in candidates) else []
    providers = sorted({one.provider for one in candidates})
    return ModelTold(
        id=name,
        object="model",
        created=0,
        owned_by=providers[0] if len(providers) == 1 else "hedgerow",
        context_length=_least(one.context_tokens for one in facts),
        max_output_tokens=_least(one.max_output_tokens for one in facts),
        input_modalities=_common([one.input_modalities for one in facts]),
        output_modalities=_common([one.output_modalities for one in facts]),
        capabilities=_capabilities(facts) if any(model.kind == "chat" for model in same) else {},
        dimensions=_same([one.dimensions for one in facts if one.kind == "embed"]),
        hedgerow={
            "kinds": [model.kind for model in same],
            "candidates": [_candidate(one) for one in candidates],
        },
    )


def _candidate(candidate: CandidateInfo) -> CandidateTold:
    facts = candidate.facts or ModelFacts()
    return CandidateTold(
        provider=candidate.provider,
        model=candidate.model,
        region=candidate.region,
        context_length=facts.context_tokens,
        max_output_tokens=facts.max_output_tokens,
        retire_date="" if facts.retires is None else facts.retires.isoformat(),
        successor=facts.successor,
    )


def _least(values: Iterable[int | None]) -> int | None:
    """The smallest; None where one of them is not known."""
    known = list(values)
    return min((one for one in known if one is not None), default=None) if None not in known else None


def _same(values: Sequence[int | None]) -> int | None:
    """What all of them are; None where they differ."""
    return values[0] if len(set(values)) == 1 else None


def _common(sets: Sequence[frozenset[str]]) -> list[str]:
    """What stands in all of them; none where one of them is not known."""
    return [word for word in _MODALITIES if sets and all(word in one for one in sets)]


def _capabilities(facts: Sequence[ModelFacts]) -> dict[str, bool]:
    """What all of them can, or one of them cannot; what is not known of all is left out."""
    told = {}
    for name in ("tools", "json_schema", "reasoning"):
        known = [getattr(one, name) for one in facts if one.kind == "chat"]
        if known and None not in known:
            told[name] = all(known)
    return told
