"""Embeddings: https://platform.openai.com/docs/api-reference/embeddings."""

import base64
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import msgspec
from hedgerow.embed.v1 import embed_service_pb2 as pb

from hedgerow_server.core.call import Call
from hedgerow_server.core.event import EmbedCompleted, EmbeddingsAdded, Event, Started, Usage
from hedgerow_server.core.request import EmbedRequest
from hedgerow_server.wire.check import Checker
from hedgerow_server.wire.embed import embed_request
from hedgerow_server.wire.extension import Extension, options_text, told_of_end, told_of_start, write_extension
from hedgerow_server.wire.json_body import decoded, members_beside
from hedgerow_server.wire.openai.chat_body import Int32
from hedgerow_server.wire.openai.fields import api_field

_Token = Annotated[int, msgspec.Meta(ge=0, lt=1 << 31)]
_OWNER = "openai"
_ENCODE = msgspec.json.Encoder().encode
# What vendors of the API call the purpose: Voyage, NVIDIA, Cohere and Jina.
_PURPOSES = {
    "query": pb.EMBED_PURPOSE_QUERY,
    "search_query": pb.EMBED_PURPOSE_QUERY,
    "document": pb.EMBED_PURPOSE_DOCUMENT,
    "search_document": pb.EMBED_PURPOSE_DOCUMENT,
    "passage": pb.EMBED_PURPOSE_DOCUMENT,
    "classification": pb.EMBED_PURPOSE_CLASSIFICATION,
    "clustering": pb.EMBED_PURPOSE_CLUSTERING,
    "similarity": pb.EMBED_PURPOSE_SIMILARITY,
}


class _Extension(Extension, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The member `hedgerow` of a request for embeddings."""

    purpose: Literal["query", "document", "classification", "clustering", "similarity"] | None = None
    """What the vectors are for."""


class _Body(msgspec.Struct, frozen=True, kw_only=True):
    model: str
    input: str | list[str | _Token | list[_Token]]
    dimensions: Int32 | None = None
    encoding_format: Literal["float", "base64"] | None = None
    input_type: str | None = None
    hedgerow: _Extension = _Extension()


class _Asked(msgspec.Struct, frozen=True):
    """What the writer of the answer has to know of the request."""

    packed: bool
    """Whether the vectors are asked for in base64."""

    def named(self, field: str) -> str:
        """The caller's name of a field of the contract."""
        return api_field(field)


_BODY = msgspec.json.Decoder(_Body)
_KNOWN = frozenset(_Body.__struct_fields__)


class EmbedDecoder:
    """Decodes the requests of Embeddings."""

    def __init__(self, checker: Checker) -> None:
        self._checker = checker

    def decode(self, call: Call) -> EmbedRequest:
        """A request. Raises RequestMalformed or RequestInvalid."""
        given = decoded(_BODY, call.body)
        call.form = _Asked(given.encoding_format == "base64")
        message = pb.EmbedRequest()
        embed = message.embed
        embed.model = given.model
        _write_inputs(embed, given.input)
        if given.dimensions is not None:
            embed.dimensions = given.dimensions
        options: dict[str, dict[str, Any]] = {
            name: dict(members) for name, members in given.hedgerow.provider_options.items()
        }
        beside = members_beside(call.body, _KNOWN)
        purpose = given.hedgerow.purpose or given.input_type
        if purpose in _PURPOSES:
            embed.purpose = _PURPOSES[purpose]
        elif purpose is not None:
            beside["input_type"] = msgspec.Raw(_ENCODE(purpose))
        if beside:
            options[_OWNER] = beside | options.get(_OWNER, {})
        for name, text in options_text(options).items():
            embed.provider_options[name] = text
        write_extension(message, given.hedgerow, call)
        return embed_request(self._checker.checked(message), for_any=(_OWNER,) if beside else ())


def _write_inputs(target: pb.EmbedSpec, given: str | list[str | int | list[int]]) -> None:
    """Fills the inputs: one text, or several; the tokens of one text, or those of several."""
    if isinstance(given, str):
        target.inputs.add(text=given)
    elif given and isinstance(given[0], int) and all(isinstance(one, int) for one in given):
        target.inputs.add().token_ids.ids.extend(given)  # type: ignore[arg-type]  # all of them are, as was seen
    else:
        for one in given:
            if isinstance(one, str):
                target.inputs.add(text=one)
            else:
                target.inputs.add().token_ids.ids.extend([one] if isinstance(one, int) else one)


class EmbedAnswer:
    """Collects the events of a call into its body. Vectors stay as they are, packed, until they are sent."""

    def __init__(self, call: Call) -> None:
        asked = call.form
        assert isinstance(asked, _Asked)
        self._call = call
        self._packed = asked.packed
        self._vectors: list[bytes] = []
        self._started = Started()
        self._completed = EmbedCompleted(Usage())

    def add(self, event: Event) -> None:
        """Takes one event."""
        if isinstance(event, EmbeddingsAdded):
            self._vectors += event.vectors
        elif isinstance(event, Started):
            self._started = event
        elif isinstance(event, EmbedCompleted):
            self._completed = event

    def encode(self) -> Iterator[bytes]:
        """A `list` of embeddings, vector by vector: as floats, thousands of them take a second, and three times the
        memory.
        """
        yield b'{"object":"list","data":['
        for index, vector in enumerate(self._vectors):
            value = b'"%b"' % base64.b64encode(vector) if self._packed else _float_json(vector)
            yield b'%b{"object":"embedding","index":%d,"embedding":%b}' % (b"," if index else b"", index, value)
        yield b"]," + self._rest()[1:]

    def _rest(self) -> bytes:
        """The members beside the vectors."""
        completed, started = self._completed, self._started
        told = told_of_start(self._call, started) | told_of_end(self._call, completed)
        if completed.cached_count:
            told["cached_inputs_count"] = completed.cached_count
            told["saved_picos"] = completed.saved_picos
        tokens = completed.usage.input_tokens
        return _ENCODE(
            {
                "model": started.model,
                "usage": {"prompt_tokens": tokens, "total_tokens": tokens + completed.usage.output_tokens},
                "hedgerow": told,
            }
        )


def _float_json(vector: bytes) -> bytes:
    # NumPy, which takes long to import: `late` has done so where vectors may be asked for.
    from hedgerow_server.wire.openai.floats import float_json

    return float_json(vector)
