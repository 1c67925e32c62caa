"""Answers as values of a type: the schema that is asked for, and what is read of the answer.

The type says who does the work: a pydantic model or dataclass is pydantic's, a struct of msgspec is msgspec's; a
dataclass, a TypedDict and every other type are msgspec's where it is installed, else pydantic's. Neither is needed
unless `decode` is used.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Generic, TypeVar, cast

from hedgerow.chat.v1.chat_service_pb2 import CompleteRequest, CompleteResponse
from hedgerow.chat.v1.event_pb2 import (
    FINISH_REASON_BUDGET,
    FINISH_REASON_CONTENT_FILTER,
    FINISH_REASON_CONTEXT_LENGTH,
    FINISH_REASON_GUARDRAIL,
    FINISH_REASON_LENGTH,
    FINISH_REASON_PAUSE,
    FINISH_REASON_RECITATION,
    FINISH_REASON_REFUSAL,
    FinishReason,
)
from hedgerow.chat.v1.message_pb2 import ChatSpec, JsonSchemaFormat, ResponseFormat

from hedgerow_client.errors import InvalidOutputError, OutputError, RefusedOutputError, TruncatedOutputError
from hedgerow_client.request import complete_request
from hedgerow_client.schema import Schema, prepared

T = TypeVar("T")

_REFUSALS = (
    FINISH_REASON_REFUSAL,
    FINISH_REASON_CONTENT_FILTER,
    FINISH_REASON_RECITATION,
    FINISH_REASON_GUARDRAIL,
)
_CUTS = (FINISH_REASON_LENGTH, FINISH_REASON_CONTEXT_LENGTH, FINISH_REASON_BUDGET, FINISH_REASON_PAUSE)
_NAME_CHARACTERS = 64


@dataclass(frozen=True, slots=True)
class Decoded(Generic[T]):
    """A value that a model has written, and the answer that it stood in."""

    value: T
    """The value."""
    response: CompleteResponse
    """The whole answer, with usage and cost."""


@dataclass(frozen=True, slots=True)
class _Form(Generic[T]):
    """What is known of a type."""

    schema: Schema
    """What a model is asked for."""
    read: Callable[[bytes], T]
    """Reads JSON; raises ValueError where it does not fit."""


class Asking(Generic[T]):
    """A request for a value of a type. Whoever makes the call sends `request` and gives the answer to `read`."""

    def __init__(self, request: CompleteRequest | ChatSpec, kind: type[T]) -> None:
        """Raises ValueError where the request asks for a form of its own, TypeError where the type has no schema, and
        ModuleNotFoundError where what it takes is not installed.
        """
        given = complete_request(request)
        if given.chat.HasField("response_format"):
            raise ValueError("request: decode sets chat.response_format itself")
        self._form = form = _form_of(kind)
        self.request = CompleteRequest()
        """The request, with the schema."""
        self.request.CopyFrom(given)
        wanted = JsonSchemaFormat(name=_name(kind), schema=json.dumps(form.schema.text), strict=form.schema.strict)
        self.request.chat.response_format.CopyFrom(ResponseFormat(json_schema=wanted))

    def read(self, response: CompleteResponse) -> Decoded[T]:
        """The value in an answer. Raises OutputError."""
        failure = _declined(response)
        if failure is not None:
            raise failure
        text = "".join(part.text for part in response.message.content)
        if not text:
            reason = FinishReason.Name(response.finish_reason)
            raise InvalidOutputError(f"the answer has no text; it ended with {reason}", response)
        try:
            value = self._form.read(self._form.schema.unwrapped(text))
        except ValueError as error:
            raise InvalidOutputError(f"the answer does not fit: {error}", response) from error
        return Decoded(value, response)


def _declined(response: CompleteResponse) -> OutputError | None:
    refusal = "".join(part.refusal for part in response.message.content)
    if refusal or response.finish_reason in _REFUSALS:
        reason = FinishReason.Name(response.finish_reason)
        return RefusedOutputError(refusal or f"the answer was declined: {reason}", response)
    if response.finish_reason in _CUTS:
        return TruncatedOutputError(f"the answer was cut: {FinishReason.Name(response.finish_reason)}", response)
    return None


def _name(kind: type) -> str:
    """What the schema is called, for the model."""
    name = getattr(kind, "__name__", "") or "answer"
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)[:_NAME_CHARACTERS]


def _form_of(kind: type[T]) -> _Form[T]:
    if hasattr(kind, "__pydantic_core_schema__") or hasattr(kind, "__pydantic_fields__"):
        return _of_pydantic(kind)
    if hasattr(kind, "__struct_fields__") or find_spec("msgspec") is not None:
        return _of_msgspec(kind)
    if find_spec("pydantic") is not None:
        return _of_pydantic(kind)
    raise ModuleNotFoundError(
        "decode needs msgspec or pydantic to read values: pip install 'hedgerow-client[decode]'", name="msgspec"
    )


def _of_msgspec(kind: type[T]) -> _Form[T]:
    import msgspec  # noqa: PLC0415  the extra may be missing

    schema = cast("Mapping[str, Any]", msgspec.json.schema(kind))
    decoder = msgspec.json.Decoder(kind)
    return _Form(prepared(schema), decoder.decode)


def _of_pydantic(kind: type[T]) -> _Form[T]:
    import pydantic  # noqa: PLC0415  the extra may be missing

    adapter: pydantic.TypeAdapter[T] = pydantic.TypeAdapter(kind)
    return _Form(prepared(adapter.json_schema()), adapter.validate_json)
