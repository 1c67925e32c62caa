"""Anthropic Messages, unary and streamed, and the counting of their tokens.

Wire format: https://docs.anthropic.com/en/api/messages and …/messages-streaming
"""

import binascii
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from hedgerow_sim import tokens
from hedgerow_sim.author import Author
from hedgerow_sim.cache import PromptCache
from hedgerow_sim.chat import Choice
from hedgerow_sim.dialects import anthropic_errors, anthropic_request
from hedgerow_sim.dialects.anthropic_blocks import REDACTED, THINKING
from hedgerow_sim.dialects.anthropic_request import Letter
from hedgerow_sim.dialects.job import ChatJob, DocumentJob
from hedgerow_sim.dialects.openai_errors import bearer
from hedgerow_sim.dialects.port import Frame, Incoming, Job, Refusal, Refused
from hedgerow_sim.seals import Seals

_PATH: Final = "/v1/messages"
_COUNT: Final = "/v1/messages/count_tokens"


class AnthropicMessages:
    """The dialect."""

    def __init__(self, author: Author, seals: Seals, cache: PromptCache) -> None:
        self._author = author
        self._seals = seals
        self._cache = cache

    def serves(self, path: str) -> bool:
        """See Dialect."""
        return path in (_PATH, _COUNT)

    def key(self, incoming: Incoming) -> str | None:
        """The x-api-key header, or the bearer token that OAuth gives."""
        return incoming.headers.get("x-api-key") or bearer(incoming)

    def read(self, incoming: Incoming) -> Job:
        """See Dialect."""
        if "anthropic-version" not in incoming.headers:
            raise anthropic_errors.refuse("anthropic-version: header is required")
        if incoming.path == _COUNT:
            return count(anthropic_request.read(incoming.body, self._seals, stream=False, count=True))
        letter = anthropic_request.read(incoming.body, self._seals)
        return ChatJob(letter.ask, self._author, Voice(letter, self._seals, self._cache))

    def refusal(self, refusal: Refusal, call: int, _incoming: Incoming) -> Refused:
        """See Dialect."""
        return anthropic_errors.answer(refusal, call)


def count(letter: Letter) -> Job:
    """Answers with the tokens of a request."""
    body = msgspec.json.encode({"input_tokens": letter.ask.input_tokens})
    return DocumentJob(
        letter.ask.model,
        letter.ask.input_tokens,
        lambda call: (anthropic_errors.headers("application/json", call), body),
    )


class Voice:
    """Writes messages and their events."""

    def __init__(self, letter: Letter, seals: Seals, cache: PromptCache) -> None:
        self._letter = letter
        self._ask = letter.ask
        self._seals = seals
        read, written = cache.use(letter.marks)
        self._input: dict[str, Any] = {
            "input_tokens": letter.ask.input_tokens - read - written,
            "cache_creation_input_tokens": written,
            "cache_read_input_tokens": read,
            "cache_creation": {
                "ephemeral_5m_input_tokens": 0 if letter.hour else written,
                "ephemeral_1h_input_tokens": written if letter.hour else 0,
            },
        }

    def headers(self, call: int, *, streamed: bool) -> Mapping[str, str]:
        """See job.Voice."""
        return anthropic_errors.headers("text/event-stream; charset=utf-8" if streamed else "application/json", call)

    def failure(self, refusal: Refusal) -> bytes:
        """See job.Voice."""
        return anthropic_errors.event(refusal)

    def document(self, call: int, choices: Sequence[Choice], *, finish: bool) -> bytes:
        """See job.Voice."""
        message = self._message(call) | {"content": list(self._blocks(choices[0]))}
        if finish:
            message |= _stop(choices[0])
        return msgspec.json.encode(message | {"usage": self._usage(choices[0].tokens)})

    def _message(self, call: int) -> dict[str, Any]:
        return {
            "model": self._ask.model,
            "id": f"msg_01{call:022d}",
            "type": "message",
            "role": "assistant",
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
        }

    def _usage(self, output: int) -> dict[str, Any]:
        return {**self._input, "output_tokens": output, "service_tier": "standard"}

    def _blocks(self, choice: Choice) -> Iterator[dict[str, Any]]:
        if choice.reasoning_tokens:
            yield self._thinking(choice)
        if choice.text:
            yield {"type": "text", "text": "".join(choice.text)}
        for call in choice.calls:
            # Arguments that the limit broke off are shown as far as they are whole: not at all.
            yield {"type": "tool_use", "id": _call_id(call.key), "name": call.name, "input": call.whole or {}}

    def _thinking(self, choice: Choice) -> dict[str, Any]:
        text = "".join(choice.thinking)
        if self._letter.redacted:
            return {"type": "redacted_thinking", "data": self._seal(REDACTED, "", text)}
        shown = text if self._letter.shown else ""
        return {"type": "thinking", "thinking": shown, "signature": self._seal(THINKING, shown, text)}

    def _seal(self, purpose: str, content: str, salt: str) -> str:
        return binascii.b2a_base64(self._seals.make(purpose, content, salt), newline=False).decode()

    def events(self, call: int, choices: Sequence[Choice], *, finish: bool) -> Iterator[Frame]:
        """See job.Voice."""
        choice = choices[0]
        yield _event("message_start", message=self._message(call) | {"usage": self._usage(1)})
        first = True
        for index, frames in enumerate(self._block_events(choice)):
            for number, frame in enumerate(frames(index)):
                yield Frame(frame.data, frame.tokens, 0 if first else frame.delays)
                first = first and not frame.tokens
                if index == number == 0:
                    yield Frame(b'event: ping\ndata: {"type": "ping"}\n\n')
        if finish:
            usage = {name: self._input[name] for name in self._input if name != "cache_creation"}
            yield _event("message_delta", delta=_stop(choice), usage=usage | {"output_tokens": choice.tokens})
        yield Frame(_event("message_stop").data, end=True)

    def _block_events(self, choice: Choice) -> Iterator[Any]:
        if choice.reasoning_tokens:
            block = self._thinking(choice)
            yield lambda index: self._thinking_events(index, block, choice)
        if choice.text:
            start = {"type": "text", "text": ""}
            yield lambda index: _block(index, start, "text_delta", "text", choice.text)
        for one in choice.calls:
            yield lambda index, one=one: _block(
                index,
                {"type": "tool_use", "id": _call_id(one.key), "name": one.name, "input": {}},
                "input_json_delta",
                "partial_json",
                ("", *one.arguments),
                cost=tokens.count(one.name),
            )

    def _thinking_events(self, index: int, block: dict[str, Any], choice: Choice) -> Iterator[Frame]:
        if block["type"] == "redacted_thinking":
            yield _event("content_block_start", choice.reasoning_tokens, index=index, content_block=block)
            yield _event("content_block_stop", index=index)
            return
        start = {"type": "thinking", "thinking": "", "signature": ""}
        end = {"type": "signature_delta", "signature": block["signature"]}
        if self._letter.shown:
            yield from _block(index, start, "thinking_delta", "thinking", choice.thinking, end=end)
            return
        yield _event("content_block_start", index=index, content_block=start)
        yield _event("content_block_delta", choice.reasoning_tokens, index=index, delta=end)
        yield _event("content_block_stop", index=index)


def _stop(choice: Choice) -> dict[str, Any]:
    if choice.finish == "length":
        return {"stop_reason": "max_tokens", "stop_sequence": None}
    if choice.finish == "content_filter":
        return {"stop_reason": "refusal", "stop_sequence": None}
    if choice.calls:
        return {"stop_reason": "tool_use", "stop_sequence": None}
    return {"stop_reason": "stop_sequence" if choice.stop else "end_turn", "stop_sequence": choice.stop}


def _call_id(key: str) -> str:
    return f"toolu_01{key[:22]}"


def _event(name: str, spent: int = 0, /, **fields: Any) -> Frame:
    data = msgspec.json.encode({"type": name, **fields})
    return Frame(b"event: %b\ndata: %b\n\n" % (name.encode(), data), spent, spent)


def _block(
    index: int,
    start: dict[str, Any],
    delta: str,
    field: str,
    pieces: Sequence[str],
    *,
    cost: int = 0,
    end: dict[str, Any] | None = None,
) -> Iterator[Frame]:
    """The events of a block; `cost` are the tokens of its start."""
    yield _event("content_block_start", cost, index=index, content_block=start)
    head = (
        f'event: content_block_delta\ndata: {{"type":"content_block_delta","index":{index},"delta":{{"type":"{delta}",'
    )
    before = f'{head}"{field}":'.encode()
    for piece in pieces:
        spent = 1 if piece else 0
        yield Frame(before + msgspec.json.encode(piece) + b"}}\n\n", spent, spent)
    if end is not None:
        yield _event("content_block_delta", index=index, delta=end)
    yield _event("content_block_stop", index=index)
