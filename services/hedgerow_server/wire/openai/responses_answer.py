"""A whole answer of the Responses API: https://platform.openai.com/docs/api-reference/responses/object."""

import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec

from hedgerow_server.core.call import Call
from hedgerow_server.core.event import Completed, FinishReason, GuardVerdict, Started, Usage
from hedgerow_server.core.fold import Fold
from hedgerow_server.core.request import Part, Refusal
from hedgerow_server.wire.extension import told_of_end, told_of_start
from hedgerow_server.wire.openai.beside import RESPONSES, members
from hedgerow_server.wire.openai.responses_items import MESSAGE, Item, grouped, item_of, kind_of
from hedgerow_server.wire.openai.responses_request import Asked
from hedgerow_server.wire.openai.responses_tokens import own_id

_ENCODE = msgspec.json.Encoder().encode
_LENGTH, _FILTER = "max_output_tokens", "content_filter"
# Why an answer is not whole. What cannot be used must not look whole: of the API's words one says that it was withheld.
_INCOMPLETE = {
    FinishReason.LENGTH: _LENGTH,
    FinishReason.CONTEXT_LENGTH: _LENGTH,
    FinishReason.BUDGET: _LENGTH,
    FinishReason.PAUSE: _LENGTH,
    FinishReason.CONTENT_FILTER: _FILTER,
    FinishReason.RECITATION: _FILTER,
    FinishReason.GUARDRAIL: _FILTER,
    FinishReason.MALFORMED_TOOL_CALL: _FILTER,
    FinishReason.MALFORMED_OUTPUT: _FILTER,
    FinishReason.OTHER: _FILTER,
}
_NATIVE = frozenset({_LENGTH, _FILTER, "max_messages", "steered"})
_TTLS_S = {1800.0: "ttl_30m_tokens", 43_200.0: "ttl_12h_tokens"}
_IN_PROGRESS: dict[str, Any] = {"status": "in_progress", "output": [], "usage": None}


def opened(call: Call, asked: Asked, started: Started) -> dict[str, Any]:
    """A response as it begins: who answers, and what was asked."""
    given = asked.given
    response: dict[str, Any] = {
        "id": _answer_id(call, asked, started.response_id),
        "object": "response",
        "created_at": int(time.time()),
        "model": started.model,
        **_IN_PROGRESS,
        "error": None,
        "incomplete_details": None,
        "background": False,
        "instructions": given.instructions,
        "max_output_tokens": given.max_output_tokens,
        "max_tool_calls": None,
        "metadata": {},
        "parallel_tool_calls": given.parallel_tool_calls is not False,
        "previous_response_id": None,
        "prompt_cache_key": given.prompt_cache_key,
        "reasoning": {"effort": None, "summary": None, **(given.reasoning or {})},
        "safety_identifier": None,
        "service_tier": None,
        "store": bool(given.store),
        "temperature": given.temperature,
        "text": {"format": {"type": "text"}, **(given.text or {})},
        "tool_choice": _choice(given.tool_choice),
        "tools": given.tools or [],
        "top_logprobs": given.top_logprobs or 0,
        "top_p": given.top_p,
        "truncation": "disabled",
        "user": None,
        **asked.beside,
    }
    return {**response, **members(started, RESPONSES), "hedgerow": told_of_start(call, started)}


def _answer_id(call: Call, asked: Asked, response_id: str) -> str:
    """The provider's id of the answer where it looks like one of this API or names what it keeps, else one of ours."""
    known = response_id.startswith("resp_") or (asked.kept and response_id)
    return response_id if known else f"resp_{call.request_id}"


def _choice(given: msgspec.Raw) -> object:
    return "auto" if bytes(given) in (b"", b"null") else given


def closed(
    call: Call, response: dict[str, Any], output: list[Item], completed: Completed, verdicts: Sequence[GuardVerdict]
) -> None:
    """Completes a response."""
    reason = incomplete(completed, refused=_refused(output))
    response |= {
        "status": "incomplete" if reason else "completed",
        "completed_at": None if reason else int(time.time()),
        "incomplete_details": {"reason": reason} if reason else None,
        "output": output,
        "usage": usage_body(completed.usage),
        **members(completed, RESPONSES),
        "hedgerow": response["hedgerow"] | told_of_end(call, completed, verdicts),
    }


def _refused(output: list[Item]) -> bool:
    return any(piece["type"] == "refusal" for item in output if item["type"] == "message" for piece in item["content"])


def incomplete(completed: Completed, *, refused: bool) -> str:
    """Why an answer is not whole; empty: it is. A refusal without words of its own was withheld."""
    reason = completed.reason
    if reason is FinishReason.REFUSAL:
        return "" if refused else _FILTER
    if reason is FinishReason.OTHER and completed.native_reason in _NATIVE:
        return completed.native_reason
    return _INCOMPLETE.get(reason, "")


def usage_body(usage: Usage) -> dict[str, Any]:
    """The usage; the details are classes within the sums."""
    given, made = usage.input_tokens, usage.output_tokens
    written = sum(tokens for _, tokens in usage.input_cache_writes)
    read: dict[str, Any] = {"cached_tokens": usage.input_cache_read_tokens, "cache_write_tokens": written}
    if split := {_TTLS_S[ttl]: tokens for ttl, tokens in usage.input_cache_writes if ttl in _TTLS_S}:
        read["cache_write_tokens_details"] = dict.fromkeys(_TTLS_S.values(), 0) | split
    output = {"reasoning_tokens": usage.output_reasoning_tokens}
    for kind in ("audio", "image"):
        if tokens := getattr(usage, f"input_{kind}_tokens"):
            read[f"{kind}_tokens"] = tokens
        if tokens := getattr(usage, f"output_{kind}_tokens"):
            output[f"{kind}_tokens"] = tokens
    return {
        "input_tokens": given,
        "input_tokens_details": read,
        "output_tokens": made,
        "output_tokens_details": output,
        "total_tokens": given + made,
    }


class ResponsesAnswer:
    """Collects the events of a call into a `response`."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._fold = Fold()
        self.add = self._fold.add

    def encode(self) -> bytes:
        """A `response`."""
        answer, asked = self._fold.answer(), self._call.form
        assert isinstance(asked, Asked)
        response = opened(self._call, asked, answer.started)
        output = self._output(grouped(answer.message.content), asked, answer.completed)
        closed(self._call, response, output, answer.completed, answer.verdicts)
        return _ENCODE(response)

    def _output(self, groups: list[list[Part]], asked: Asked, completed: Completed) -> list[Item]:
        refused = any(isinstance(part.content, Refusal) for parts in groups for part in parts)
        cut = bool(incomplete(completed, refused=refused))
        output: list[Item] = []
        for index, parts in enumerate(groups):
            # Whether a call was cut, the contract does not tell.
            last = index == len(groups) - 1 and kind_of(parts[0]) == MESSAGE
            status = "incomplete" if cut and last else "completed"
            name = partial(own_id, request_id=self._call.request_id, index=len(output))
            item = item_of(parts, name, status=status, custom=asked.custom)
            if item is not None:
                output.append(item)
        return output
