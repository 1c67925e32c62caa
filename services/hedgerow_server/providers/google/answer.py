"""What Google sends: GenerateContentResponse, as far as it is read.

Scalars are declared `Any` and looked at where they are used, unknown members are skipped; so the one thing that fails
is JSON of another shape. What is rarely looked into stays raw.
"""

from typing import Any

import msgspec

from hedgerow_server.providers.loose import Loose, repaired

NOTHING = msgspec.Raw()


class Blob(Loose, rename="camel"):
    """Generated media; `data` is base64."""

    mime_type: Any = None
    data: Any = None


class FileRef(Loose, rename="camel"):
    """Generated media by address."""

    mime_type: Any = None
    file_uri: Any = None


class FunctionCall(Loose, rename="camel"):
    """A function call, whole, or a piece of one where the request asked for streamed arguments."""

    id: Any = None
    name: Any = None
    args: msgspec.Raw = NOTHING
    partial_args: Any = None
    will_continue: Any = None


class PartIn(Loose, rename="camel"):
    """A part of the content. Kinds that are not listed are told apart by their raw JSON."""

    text: Any = None
    thought: Any = None
    thought_signature: Any = None
    function_call: FunctionCall | None = None
    inline_data: Blob | None = None
    file_data: FileRef | None = None


class ContentIn(Loose):
    """The content of a candidate."""

    parts: list[PartIn] | None = None


class Candidate(Loose, rename="camel"):
    """One answer to the prompt, or the next piece of it."""

    index: Any = None
    content: ContentIn | None = None
    finish_reason: Any = None
    logprobs_result: msgspec.Raw = NOTHING
    grounding_metadata: msgspec.Raw = NOTHING
    citation_metadata: msgspec.Raw = NOTHING


class Counts(Loose, rename="camel"):
    """UsageMetadata: tokens used so far, and their modalities."""

    prompt_token_count: Any = None
    cached_content_token_count: Any = None
    candidates_token_count: Any = None
    tool_use_prompt_token_count: Any = None
    thoughts_token_count: Any = None
    total_token_count: Any = None
    prompt_tokens_details: msgspec.Raw = NOTHING
    cache_tokens_details: msgspec.Raw = NOTHING
    candidates_tokens_details: msgspec.Raw = NOTHING
    tool_use_prompt_tokens_details: msgspec.Raw = NOTHING


class Generated(Loose, rename="camel"):
    """A whole answer, or a chunk of one."""

    candidates: list[Candidate] | None = None
    prompt_feedback: Any = None
    usage_metadata: Counts | None = None
    model_version: Any = None
    response_id: Any = None
    error: Any = None


class _RawContent(Loose):
    parts: list[msgspec.Raw] | None = None


class _RawCandidate(Loose):
    content: _RawContent | None = None


class _RawGenerated(Loose):
    candidates: list[_RawCandidate] | None = None


_decode = msgspec.json.Decoder(Generated).decode
_decode_raw = msgspec.json.Decoder(_RawGenerated).decode
_decode_list = msgspec.json.Decoder(list[msgspec.Raw]).decode


def read_generated(payload: bytes) -> tuple[Generated, bytes] | None:
    """The answer or chunk in UTF-8 JSON and the JSON it was read from, None where there is none."""
    try:
        return _decode(payload), payload
    except (msgspec.DecodeError, RecursionError):
        strict = repaired(payload)
    try:
        return (_decode(strict), strict) if strict is not None else None
    except (msgspec.DecodeError, RecursionError):
        return None


def raw_part(payload: bytes, candidate: int, part: int) -> bytes:
    """The JSON of one part, as the provider wrote it; `payload` has been read before."""
    content = (_decode_raw(payload).candidates or [])[candidate].content
    parts = content.parts if content is not None else None
    return bytes((parts or [])[part])


def elements(payload: bytes) -> list[bytes] | None:
    """The elements of a JSON array, None where it is none."""
    try:
        return [bytes(element) for element in _decode_list(payload)]
    except (msgspec.DecodeError, RecursionError):
        return None
