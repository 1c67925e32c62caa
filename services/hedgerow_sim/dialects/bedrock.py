"""Bedrock Converse and ConverseStream, and InvokeModel for the models of ``bedrock_invoke``.

Wire format: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html
"""

import binascii
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import unquote

import msgspec

from hedgerow_sim import tokens
from hedgerow_sim.author import Author
from hedgerow_sim.cache import PromptCache
from hedgerow_sim.chat import Choice
from hedgerow_sim.dialects import bedrock_errors, bedrock_invoke, bedrock_request, eventstream, sigv4
from hedgerow_sim.dialects.bedrock_invoke import Rooms
from hedgerow_sim.dialects.bedrock_request import THINKING, Fields, Letter
from hedgerow_sim.dialects.job import ChatJob
from hedgerow_sim.dialects.openai_errors import bearer
from hedgerow_sim.dialects.port import Frame, Incoming, Job, Kind, Refusal, Refused, Signature
from hedgerow_sim.seals import Seals
from hedgerow_sim.vectors import Vectors

_PATH: Final = re.compile(r"/model/([^/]+)/(converse|converse-stream|invoke|invoke-with-response-stream)")
_SERVICE: Final = "bedrock"


class Bedrock:
    """The dialect."""

    def __init__(self, author: Author, vectors: Vectors, seals: Seals, cache: PromptCache) -> None:
        self._rooms = Rooms(author, vectors, seals, cache)

    def serves(self, path: str) -> bool:
        """See Dialect."""
        return _PATH.fullmatch(path) is not None

    def key(self, incoming: Incoming) -> str | Signature | None:
        """A signature of AWS, or the bearer token that is a Bedrock API key."""
        return sigv4.signature(incoming, _SERVICE) or bearer(incoming)

    def read(self, incoming: Incoming) -> Job:
        """See Dialect."""
        match = _PATH.fullmatch(incoming.path)
        if match is None:
            raise Refusal(Kind.NO_PATH)
        # An ARN holds slashes and colons, escaped in the path.
        model, method = unquote(match[1]), match[2]
        stream = "stream" in method
        if method.startswith("invoke"):
            return bedrock_invoke.read(model, incoming.body, self._rooms, stream=stream)
        rooms = self._rooms
        letter = bedrock_request.read(incoming.body, model, rooms.seals, stream=stream)
        return ChatJob(letter.ask, rooms.author, _Voice(letter, rooms.seals, rooms.cache))

    def refusal(self, refusal: Refusal, call: int, _incoming: Incoming) -> Refused:
        """See Dialect."""
        return bedrock_errors.answer(refusal, call)


class _Voice:
    """Writes answers and the messages of their streams."""

    def __init__(self, letter: Letter, seals: Seals, cache: PromptCache) -> None:
        self._letter = letter
        self._seals = seals
        self._read, self._written = cache.use(letter.marks)

    def headers(self, call: int, *, streamed: bool) -> Mapping[str, str]:
        """See job.Voice."""
        kind = "application/vnd.amazon.eventstream" if streamed else "application/json"
        return bedrock_errors.headers(kind, call)

    def failure(self, refusal: Refusal) -> bytes:
        """See job.Voice."""
        return bedrock_errors.event(refusal)

    def document(self, call: int, choices: Sequence[Choice], *, finish: bool) -> bytes:
        """See job.Voice."""
        choice = choices[0]
        message = {"role": "assistant", "content": list(self._blocks(choice))}
        body: Fields = {"output": {"message": message}}
        if finish:
            body["stopReason"] = _stop(choice)
        return msgspec.json.encode(body | {"usage": self._usage(choice), "metrics": {"latencyMs": 12}})

    def _usage(self, choice: Choice) -> Fields:
        prompt = self._letter.ask.input_tokens
        return {
            "inputTokens": prompt - self._read - self._written,
            "outputTokens": choice.tokens,
            "totalTokens": prompt + choice.tokens,
            "cacheReadInputTokens": self._read,
            "cacheWriteInputTokens": self._written,
        }

    def _blocks(self, choice: Choice) -> Iterator[Fields]:
        if choice.reasoning_tokens:
            text = "".join(choice.thinking)
            yield {"reasoningContent": {"reasoningText": {"text": text, "signature": self._seal(text)}}}
        if choice.text:
            yield {"text": "".join(choice.text)}
        for call in choice.calls:
            yield {"toolUse": {"toolUseId": _call_id(call.key), "name": call.name, "input": call.whole or {}}}

    def _seal(self, text: str) -> str:
        return binascii.b2a_base64(self._seals.make(THINKING, text), newline=False).decode()

    def events(self, call: int, choices: Sequence[Choice], *, finish: bool) -> Iterator[Frame]:
        """See job.Voice."""
        choice = choices[0]
        yield _event("messageStart", role="assistant")
        first = True
        for frame in self._block_events(choice):
            yield Frame(frame.data, frame.tokens, max(frame.delays - 1, 0) if first else frame.delays)
            first = first and not frame.tokens
        if finish:
            yield Frame(_event("messageStop", stopReason=_stop(choice)).data, end=True)
        yield _event("metadata", usage=self._usage(choice), metrics={"latencyMs": 12})

    def _block_events(self, choice: Choice) -> Iterator[Frame]:
        # Only calls have a start: text and reasoning begin with their first delta.
        index = 0
        if choice.reasoning_tokens:
            for piece in choice.thinking:
                yield _delta(index, 1, reasoningContent={"text": piece})
            yield _delta(index, 0, reasoningContent={"signature": self._seal("".join(choice.thinking))})
            yield _event("contentBlockStop", contentBlockIndex=index)
            index += 1
        if choice.text:
            for piece in choice.text:
                yield _delta(index, 1, text=piece)
            yield _event("contentBlockStop", contentBlockIndex=index)
            index += 1
        for number, call in enumerate(choice.calls, index):
            start = {"toolUse": {"toolUseId": _call_id(call.key), "name": call.name}}
            yield _event("contentBlockStart", tokens.count(call.name), contentBlockIndex=number, start=start)
            for piece in call.arguments:
                yield _delta(number, 1, toolUse={"input": piece})
            yield _event("contentBlockStop", contentBlockIndex=number)


def _stop(choice: Choice) -> str:
    if choice.finish == "length":
        return "max_tokens"
    if choice.finish == "content_filter":
        return "content_filtered"
    return "tool_use" if choice.calls else "stop_sequence" if choice.stop else "end_turn"


def _call_id(key: str) -> str:
    return f"tooluse_{key[:22]}"


def _event(kind: str, spent: int = 0, /, **fields: Any) -> Frame:
    return Frame(eventstream.event(kind, eventstream.padded(msgspec.json.encode(fields))), spent, spent)


def _delta(index: int, spent: int, /, **delta: Any) -> Frame:
    return _event("contentBlockDelta", spent, contentBlockIndex=index, delta=delta)
