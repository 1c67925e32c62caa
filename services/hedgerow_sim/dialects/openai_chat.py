"""OpenAI Chat Completions, unary and streamed.

Wire format: https://platform.openai.com/docs/api-reference/chat
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any, Final

import msgspec

from hedgerow_sim import logprobs, tokens
from hedgerow_sim.author import Author
from hedgerow_sim.cache import PromptCache
from hedgerow_sim.chat import Ask, Choice
from hedgerow_sim.dialects import openai_chat_request, openai_errors
from hedgerow_sim.dialects import openai_checks as checks
from hedgerow_sim.dialects.job import ChatJob
from hedgerow_sim.dialects.port import Frame, Incoming, Job, Refusal, Refused

# Compatible providers put it under bases of their own.
_PATH: Final = "/chat/completions"
_DONE: Final = Frame(b"data: [DONE]\n\n", end=True)
_FINGERPRINT: Final = "fp_hedgerow"


class OpenAIChat:
    """The dialect."""

    def __init__(self, author: Author, cache: PromptCache) -> None:
        self._author = author
        self._cache = cache

    def serves(self, path: str) -> bool:
        """See Dialect."""
        return path.endswith(_PATH)

    def key(self, incoming: Incoming) -> str | None:
        """The bearer key."""
        return openai_errors.bearer(incoming)

    def read(self, incoming: Incoming) -> Job:
        """See Dialect."""
        fields = checks.decode(incoming.body)
        ask, include_usage = openai_chat_request.read(fields)
        cached = self._cache.implicit(ask.input_tokens, lambda: openai_chat_request.prefix(fields))
        top = openai_chat_request.top_logprobs(fields)
        return ChatJob(ask, self._author, Voice(ask, include_usage=include_usage, cached=cached, top_logprobs=top))

    def refusal(self, refusal: Refusal, call: int, _incoming: Incoming) -> Refused:
        """See Dialect."""
        return openai_errors.answer(refusal, call)


class Voice:
    """Writes completions and their chunks."""

    def __init__(self, ask: Ask, *, include_usage: bool, cached: int = 0, top_logprobs: int | None = None) -> None:
        """`top_logprobs` is None where no log probabilities are wanted."""
        self._ask = ask
        self._top = top_logprobs
        self._cached = cached
        self._include_usage = include_usage

    def headers(self, call: int, *, streamed: bool) -> Mapping[str, str]:
        """See job.Voice."""
        return openai_errors.headers("text/event-stream; charset=utf-8" if streamed else "application/json", call)

    def failure(self, refusal: Refusal) -> bytes:
        """See job.Voice."""
        return openai_errors.event(refusal)

    def document(self, call: int, choices: Sequence[Choice], *, finish: bool) -> bytes:
        """See job.Voice."""
        return msgspec.json.encode(
            {
                "id": _id(call),
                "object": "chat.completion",
                "created": int(time.time()),
                "model": self._ask.model,
                "choices": [
                    {
                        "index": index,
                        "message": _message(choice),
                        "logprobs": _logprobs(choice.text, self._top) if choice.text else None,
                        "finish_reason": choice.finish if finish else None,
                    }
                    for index, choice in enumerate(choices)
                ],
                "usage": self._usage(choices),
                "service_tier": "default",
                "system_fingerprint": _FINGERPRINT,
            }
        )

    def _usage(self, choices: Sequence[Choice]) -> dict[str, Any]:
        output = sum(choice.tokens for choice in choices)
        thought = sum(choice.reasoning_tokens for choice in choices)
        return {
            "prompt_tokens": self._ask.input_tokens,
            "completion_tokens": output,
            "total_tokens": self._ask.input_tokens + output,
            "prompt_tokens_details": {"cached_tokens": self._cached, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": thought,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        }

    def events(self, call: int, choices: Sequence[Choice], *, finish: bool) -> Iterator[Frame]:
        """See job.Voice."""
        # Everything but the delta is the same in all events, so it is written once.
        head = msgspec.json.encode(
            {
                "id": _id(call),
                "object": "chat.completion.chunk",
                "created": int(time.time()),
                "model": self._ask.model,
                "service_tier": "default",
                "system_fingerprint": _FINGERPRINT,
            }
        )
        prefix = b"data: " + head[:-1] + b',"choices":['
        suffix = b'],"usage":null}\n\n' if self._include_usage else b"]}\n\n"
        rows = [self._choice_frames(index, choice, prefix, suffix) for index, choice in enumerate(choices)]
        yield from rows[0] if len(rows) == 1 else _interleaved(rows)
        if finish:
            for index, choice in enumerate(choices):
                end = f'{{"index":{index},"delta":{{}},"logprobs":null,"finish_reason":"{choice.finish}"}}'
                yield Frame(prefix + end.encode() + suffix)
        if self._include_usage:
            yield Frame(prefix + b'],"usage":' + msgspec.json.encode(self._usage(choices)) + b"}\n\n")
        yield _DONE

    def _choice_frames(self, index: int, choice: Choice, prefix: bytes, suffix: bytes) -> Iterator[Frame]:
        """The events of one choice up to its finish reason."""
        encode = msgspec.json.encode
        before = prefix + b'{"index":%d,"delta":' % index
        after = b',"logprobs":null,"finish_reason":null}' + suffix
        content = b"null" if choice.calls else b'""'
        opening = b'{"role":"assistant","content":' + content + b',"refusal":null}'
        yield Frame(before + opening + after, choice.reasoning_tokens, choice.reasoning_tokens)
        delays = 0
        before_text, after_text = before + b'{"content":', b"}" + after
        for piece in choice.text:
            if self._top is not None:
                after_text = b'},"logprobs":%b,"finish_reason":null}' % encode(_logprobs((piece,), self._top)) + suffix
            yield Frame(before_text + encode(piece) + after_text, 1, delays)
            delays = 1
        for number, call in enumerate(choice.calls):
            yield Frame(before + _call_start(number, call.id, call.name) + after, tokens.count(call.name), delays)
            delays = 1
            for piece in call.arguments:
                delta = b'{"tool_calls":[{"index":%d,"function":{"arguments":%b}}]}' % (number, encode(piece))
                yield Frame(before + delta + after, 1, delays)


def _id(call: int) -> str:
    return f"chatcmpl-{call:029x}"


def _logprobs(pieces: Sequence[str], top: int | None) -> dict[str, Any] | None:
    """How likely the tokens of a text were; None where nobody wants to know."""
    return None if top is None else {"content": [logprobs.entry(piece, top) for piece in pieces], "refusal": None}


def _message(choice: Choice) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": None if choice.calls else "".join(choice.text)}
    if choice.calls:
        message["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": "".join(call.arguments)}}
            for call in choice.calls
        ]
    return message | {"refusal": None, "annotations": []}


def _interleaved(rows: list[Iterator[Frame]]) -> Iterator[Frame]:
    """The events of several choices as they are written at the same time: only the first one's take time."""
    for round_ in zip_longest(*rows):
        waited = False
        for frame in filter(None, round_):
            yield Frame(frame.data, frame.tokens) if waited else frame
            waited = True


def _call_start(number: int, call_id: str, name: str) -> bytes:
    call = {"index": number, "id": call_id, "type": "function", "function": {"name": name, "arguments": ""}}
    return msgspec.json.encode({"tool_calls": [call]})
