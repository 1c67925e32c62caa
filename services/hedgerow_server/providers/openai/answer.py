"""What OpenAI sends: chat completions, their chunks and embeddings, as far as they are read.

Members that vendors fill with more than one type are declared `Any` and looked at where they are used; unknown members
are skipped. So the one thing that fails is JSON of another shape.
"""

from typing import Any, Literal

import msgspec

from hedgerow_server.providers.logprobs import objects_of
from hedgerow_server.providers.loose import Loose, member, plain, tolerant

_EMPTY: tuple[object, ...] = ("", 0, False, [], [None])  # and of no kind that is read


class FunctionPiece(Loose):
    """A function call or a fragment of one; `custom` calls have `input` in the place of arguments."""

    name: Any = None
    arguments: Any = None
    input: Any = None


class CallPiece(Loose):
    """A tool call or a fragment of one."""

    index: Any = None
    id: Any = None
    type: Any = None
    name: Any = None
    arguments: Any = None
    function: FunctionPiece | None = None
    custom: FunctionPiece | None = None
    extra_content: Any = None


class AudioPiece(Loose):
    """Generated audio or a fragment of it; `data` is base64."""

    id: Any = None
    data: Any = None
    transcript: Any = None


class Piece(Loose):
    """A message or a delta of one. `images` are generated ones; the one call of a delta may stand outside of a list
    (older text-generation-inference).
    """

    content: Any = None
    reasoning_content: Any = None
    reasoning: Any = None
    reasoning_details: Any = None
    refusal: Any = None
    images: Any = None
    tool_calls: list[CallPiece] | CallPiece | None = None
    function_call: FunctionPiece | None = None
    annotations: Any = None
    audio: AudioPiece | None = None
    executed_tools: Any = None
    extra_content: Any = None


class Choice(Loose):
    """One choice: `delta` in streams, `message` elsewhere (and in the streams of a few vendors beside it). The first
    vision models have `finish_details` in the place of a finish reason; OpenRouter says here what went wrong.
    """

    index: Any = None
    delta: Piece | None = None
    message: Piece | None = None
    finish_reason: Any = None
    finish_details: Any = None
    logprobs: Any = None
    native_finish_reason: Any = None
    error: Any = None


class Completion(Loose):
    """A chat completion or a chunk of one. Groq also has its usage in `x_groq`, llama.cpp cached tokens in `timings`.
    Perplexity and xAI list the sources of an answer beside it.
    """

    id: Any = None
    model: Any = None
    choices: list[Choice] | None = None
    usage: Any = None
    error: Any = None
    x_groq: Any = None
    timings: Any = None
    citations: Any = None
    search_results: Any = None
    service_tier: Any = None
    system_fingerprint: Any = None


class _MoreWords(Loose):
    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    reasoning_details: None = None
    refusal: None = None
    images: None = None
    tool_calls: None = None
    function_call: None = None
    annotations: None = None
    audio: None = None
    executed_tools: None = None
    extra_content: None = None


class _OnlyChoice(Loose):
    delta: _MoreWords
    index: Literal[0] = 0
    message: None = None
    finish_reason: None = None
    finish_details: None = None
    logprobs: None = None
    error: None = None


class WordsChunk(Loose):
    """A chunk that holds text, thoughts or nothing: all else of a Completion has to be absent or null. Its types say
    so, as the decoder looks at them at no cost.
    """

    choices: tuple[_OnlyChoice]
    usage: None = None
    error: None = None
    x_groq: None = None
    timings: None = None
    citations: None = None
    search_results: None = None


class Vector(Loose):
    """One embedding: base64 of little-endian 32-bit floats (of 8-bit integers at Perplexity), or a list of numbers."""

    embedding: str | list[float]
    index: int | None = None


class Embeddings(Loose):
    """The embeddings of a batch."""

    data: list[Vector] | None = None
    model: Any = None
    usage: Any = None
    error: Any = None


decode_words = msgspec.json.Decoder(WordsChunk).decode
"""The chunk, if it holds text or thoughts and nothing else. Raises a ValueError or RecursionError for all others."""
read_embeddings = tolerant(Embeddings)
"""The embeddings in UTF-8 JSON, None where there are none."""
_read = tolerant(Completion)


def read_completion(payload: bytes) -> Completion | None:
    """The completion or chunk in UTF-8 JSON, None where there is none."""
    completion = _read(payload)
    return _read_filled(payload) if completion is None else completion


def _read_filled(payload: bytes) -> Completion | None:
    """The same of servers that fill members with emptiness of any type: what is empty in the place of an object or of
    calls counts as absent.
    """
    value = plain(payload)
    choices = objects_of(member(value, "choices"))
    for choice in choices:
        _drop_empty(choice, "message", "delta")
        for piece in (choice.get("message"), choice.get("delta")):
            if isinstance(piece, dict):
                _drop_empty(piece, "audio", "function_call", "tool_calls")
                for call in objects_of(piece.get("tool_calls")):
                    _drop_empty(call, "function", "custom")
    return _read(msgspec.json.encode(value)) if choices else None


def _drop_empty(value: dict[str, Any], *names: str) -> None:
    for name in names:
        if name in value and value[name] in _EMPTY:
            del value[name]
