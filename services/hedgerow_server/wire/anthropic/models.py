"""The models, as Anthropic's API lists them: https://platform.claude.com/docs/en/api/models-list."""

from typing import Annotated
from urllib.parse import parse_qsl

import msgspec

from hedgerow_server.core.call import Call
from hedgerow_server.core.event import Event, ModelInfo, ModelsListed
from hedgerow_server.core.request import ListModelsRequest
from hedgerow_server.wire.check import wrong
from hedgerow_server.wire.target import Target

_KIND = "chat"
"""What is listed: the door has no embeddings."""
_UNKNOWN = "1970-01-01T00:00:00Z"
"""What the API says of models whose day is not known."""
_Limit = Annotated[int, msgspec.Meta(ge=1, le=1000)]


class _Page(msgspec.Struct, frozen=True):
    limit: _Limit = 20
    after_id: str = ""
    before_id: str = ""


class _Model(msgspec.Struct, frozen=True, tag="model"):
    id: str
    display_name: str
    created_at: str = _UNKNOWN
    lifecycle: str = "active"
    max_input_tokens: int | None = None
    max_tokens: int | None = None


class _Models(msgspec.Struct, frozen=True):
    data: list[_Model]
    has_more: bool
    first_id: str | None
    last_id: str | None


def decode_list(call: Call) -> ListModelsRequest:
    """A request for a page of the list. Raises RequestInvalid."""
    page = _page(_target(call).query)
    if page.after_id and page.before_id:
        raise wrong("before_id", "must not stand beside after_id")
    return ListModelsRequest(
        page_size=page.limit,
        page_token=f"{page.after_id}/{_KIND}" if page.after_id else "",
        kind=_KIND,
        without_stars=True,
        before_token=f"{page.before_id}/{_KIND}" if page.before_id else "",
    )


def decode_one(call: Call) -> ListModelsRequest:
    """A request for one model."""
    return ListModelsRequest(page_size=1, kind=_KIND, name=_target(call).tail)


def _target(call: Call) -> Target:
    assert isinstance(call.form, Target)
    return call.form


def _page(query: bytes) -> _Page:
    given = dict(parse_qsl(query.decode("latin-1")))
    try:
        return msgspec.convert(given, _Page, strict=False)
    except msgspec.ValidationError as error:
        raise wrong("limit", str(error).partition(" - at")[0].lower()) from None


class ModelsAnswer:
    """The body of a page."""

    def __init__(self, call: Call) -> None:
        self._listed = ModelsListed((), "")

    def add(self, event: Event) -> None:
        """Takes the one event."""
        if isinstance(event, ModelsListed):
            self._listed = event

    def encode(self) -> bytes:
        """A page of models."""
        data = [_model(one) for one in self._listed.models]
        first, last = (data[0].id, data[-1].id) if data else (None, None)
        return msgspec.json.encode(_Models(data, bool(self._listed.next_page_token), first, last))


class ModelAnswer(ModelsAnswer):
    """The body of an answer about one model."""

    def encode(self) -> bytes:
        """A model."""
        return msgspec.json.encode(_model(self._listed.models[0]))


def _model(info: ModelInfo) -> _Model:
    """The least of what its candidates take, so that each of them takes it."""
    facts = [one.facts for one in info.candidates if one.facts is not None]
    contexts = [one.context_tokens for one in facts if one.context_tokens is not None]
    outputs = [one.max_output_tokens for one in facts if one.max_output_tokens is not None]
    return _Model(
        info.name, info.name, max_input_tokens=min(contexts, default=None), max_tokens=min(outputs, default=None)
    )
