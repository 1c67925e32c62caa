"""What callers of Chat Completions are answered: https://platform.openai.com/docs/api-reference/chat/object."""

import base64
from collections.abc import Sequence
from typing import Any

import msgspec

from hedgerow_server.core.event import FinishReason, Usage
from hedgerow_server.core.request import Citation, TokenAlternative, TokenLogprob

_FINISH = {
    FinishReason.STOP: "stop",
    FinishReason.LENGTH: "length",
    FinishReason.CONTEXT_LENGTH: "length",
    FinishReason.BUDGET: "length",
    FinishReason.PAUSE: "length",
    FinishReason.TOOL_CALLS: "tool_calls",
    FinishReason.CONTENT_FILTER: "content_filter",
    FinishReason.RECITATION: "content_filter",
    FinishReason.GUARDRAIL: "content_filter",
    # What cannot be used must not look whole; of the API's words this one says that something was left out.
    FinishReason.MALFORMED_TOOL_CALL: "content_filter",
    FinishReason.MALFORMED_OUTPUT: "content_filter",
    FinishReason.OTHER: "stop",
}


class Function(msgspec.Struct, omit_defaults=True):
    """The function of a call, or more of its arguments."""

    name: str | None = None
    arguments: str | None = None


class Custom(msgspec.Struct, omit_defaults=True):
    """The custom tool of a call, or more of its input."""

    name: str | None = None
    input: str | None = None


class Call(msgspec.Struct, omit_defaults=True):
    """A tool call; `index` in streams alone."""

    index: int | None = None
    id: str | None = None
    type: str | None = None
    function: Function | None = None
    custom: Custom | None = None


class Audio(msgspec.Struct, omit_defaults=True):
    """Generated audio, or more of it; `data` is base64."""

    id: str | None = None
    data: str | None = None
    transcript: str | None = None


class Message(msgspec.Struct, omit_defaults=True):
    """The answer's message."""

    role: str
    content: str | None
    refusal: str | None
    reasoning_content: str | None = None
    tool_calls: list[Call] | None = None
    annotations: list[dict[str, Any]] | None = None
    audio: Audio | None = None
    images: list[dict[str, Any]] | None = None
    files: list[dict[str, Any]] | None = None
    hedgerow: dict[str, Any] | None = None


class Delta(msgspec.Struct, omit_defaults=True):
    """A piece of the answer's message, but for words of its text."""

    reasoning_content: str | None = None
    refusal: str | None = None
    tool_calls: list[Call] | None = None
    annotations: list[dict[str, Any]] | None = None
    audio: Audio | None = None
    images: list[dict[str, Any]] | None = None
    files: list[dict[str, Any]] | None = None
    hedgerow: dict[str, Any] | None = None


class Choice(msgspec.Struct):
    """The one choice."""

    index: int
    message: Message
    logprobs: dict[str, Any] | None
    finish_reason: str


class ChunkChoice(msgspec.Struct):
    """A piece of the one choice."""

    index: int
    delta: Delta
    logprobs: dict[str, Any] | None
    finish_reason: str | None


class Completion(msgspec.Struct, kw_only=True):
    """A `chat.completion`."""

    id: str
    object: str
    created: int
    model: str
    choices: list[Choice]
    usage: dict[str, Any]
    service_tier: str | msgspec.UnsetType = msgspec.UNSET
    system_fingerprint: str | msgspec.UnsetType = msgspec.UNSET
    hedgerow: dict[str, Any]


def finish_word(reason: FinishReason, *, refused: bool) -> str:
    """The API's word for why an answer ended; `refused`: whether it has the words of a refusal."""
    if reason is FinishReason.REFUSAL:
        return "stop" if refused else "content_filter"
    return _FINISH[reason]


def usage_body(usage: Usage) -> dict[str, Any]:
    """The usage; the details are classes within the sums."""
    made, read = usage.output_tokens, usage.input_tokens
    prompt = {"cached_tokens": usage.input_cache_read_tokens, "audio_tokens": usage.input_audio_tokens}
    if written := sum(tokens for _, tokens in usage.input_cache_writes):
        prompt["cache_write_tokens"] = written
    if usage.input_image_tokens:
        prompt["image_tokens"] = usage.input_image_tokens
    completion = {"reasoning_tokens": usage.output_reasoning_tokens, "audio_tokens": usage.output_audio_tokens}
    if usage.output_image_tokens:
        completion["image_tokens"] = usage.output_image_tokens
    return {
        "prompt_tokens": read,
        "completion_tokens": made,
        "total_tokens": read + made,
        "prompt_tokens_details": prompt,
        "completion_tokens_details": completion,
    }


def annotation(citation: Citation, offset: int) -> dict[str, Any]:
    """A citation; `offset` is where its part begins within the text."""
    told: dict[str, Any] = {"url": citation.url} if citation.url else {}
    told |= {"title": citation.title} if citation.title or citation.url else {}
    if citation.start_index is not None:
        told["start_index"] = citation.start_index + offset
    if citation.end_index is not None:
        told["end_index"] = citation.end_index + offset
    if citation.cited_text:
        told["content"] = citation.cited_text
    if citation.source_id:
        told["source_id"] = citation.source_id
    kind = "url_citation" if citation.url else "citation"
    return {"type": kind, kind: told}


def logprobs_body(said: Sequence[TokenLogprob], refused: Sequence[TokenLogprob]) -> dict[str, Any]:
    """The log probabilities of the text and of a refusal."""
    return {
        "content": [_token(one) for one in said] if said or not refused else None,
        "refusal": [_token(one) for one in refused] if refused else None,
    }


def _token(token: TokenLogprob) -> dict[str, Any]:
    return {**_alternative(token), "top_logprobs": [_alternative(one) for one in token.top]}


def _alternative(token: TokenLogprob | TokenAlternative) -> dict[str, Any]:
    told = {"token": token.token, "logprob": token.logprob, "bytes": list(token.data) if token.data else None}
    return told if token.token_id is None else {**told, "token_id": token.token_id}


def base64_text(data: bytes) -> str:
    """The bytes in base64."""
    return base64.b64encode(data).decode()


def answer_id(response_id: str, request_id: str) -> str:
    """The provider's id of the answer where it looks like one of this API, else one of our own."""
    return response_id if response_id.startswith("chatcmpl-") else f"chatcmpl-{request_id}"
