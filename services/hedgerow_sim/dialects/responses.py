"""OpenAI Responses, unary and streamed.

Wire format: https://platform.openai.com/docs/api-reference/responses and …/responses-streaming
"""

import binascii
import collections
import time
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import msgspec

from hedgerow_sim import tokens
from hedgerow_sim.author import Author
from hedgerow_sim.cache import PromptCache
from hedgerow_sim.chat import Choice
from hedgerow_sim.dialects import openai_checks as checks
from hedgerow_sim.dialects import openai_errors, responses_request
from hedgerow_sim.dialects.job import ChatJob
from hedgerow_sim.dialects.openai_checks import Fields
from hedgerow_sim.dialects.port import Frame, Incoming, Job, Refusal, Refused
from hedgerow_sim.dialects.responses_request import ENCRYPTED, REASONING, Letter
from hedgerow_sim.seals import Seals

_PATH: Final = "/responses"
_REMEMBERED: Final = 1000
_SHORT: Final[Mapping[str, str]] = MappingProxyType({"length": "max_output_tokens", "content_filter": "content_filter"})


class Memory:
    """The last responses that were stored, as items to go on after."""

    def __init__(self) -> None:
        self._kept: collections.OrderedDict[str, list[Any]] = collections.OrderedDict()

    def keep(self, name: str, items: list[Any]) -> None:
        """Stores one."""
        self._kept[name] = items
        if len(self._kept) > _REMEMBERED:
            self._kept.popitem(last=False)

    def recall(self, name: Any) -> list[Any]:
        """The items of a response. Raises Refusal."""
        if name is None:
            return []
        if not isinstance(name, str) or name not in self._kept:
            message = f"Previous response with id '{name}' not found."
            raise checks.refuse(message, "previous_response_id", "previous_response_not_found")
        return self._kept[name]


class Responses:
    """The dialect."""

    def __init__(self, author: Author, seals: Seals, cache: PromptCache) -> None:
        self._author = author
        self._seals = seals
        self._cache = cache
        self._memory = Memory()

    def serves(self, path: str) -> bool:
        """See Dialect."""
        return path.endswith(_PATH)

    def key(self, incoming: Incoming) -> str | None:
        """The bearer key."""
        return openai_errors.bearer(incoming)

    def read(self, incoming: Incoming) -> Job:
        """See Dialect."""
        fields = checks.decode(incoming.body)
        before = self._memory.recall(fields.get("previous_response_id"))
        letter = responses_request.read(fields, before, self._seals)
        return ChatJob(letter.ask, self._author, Voice(letter, self._seals, self._cache, self._memory))

    def refusal(self, refusal: Refusal, call: int, _incoming: Incoming) -> Refused:
        """See Dialect."""
        return openai_errors.answer(refusal, call)


class Voice:
    """Writes responses and their events."""

    def __init__(self, letter: Letter, seals: Seals, cache: PromptCache, memory: Memory) -> None:
        self._letter = letter
        self._seals = seals
        self._memory = memory
        self._cached = cache.implicit(letter.ask.input_tokens, letter.prefix)
        self._number = 0
        self._call = 0
        self._created = int(time.time())

    def headers(self, call: int, *, streamed: bool) -> Mapping[str, str]:
        """See job.Voice."""
        return openai_errors.headers("text/event-stream; charset=utf-8" if streamed else "application/json", call)

    def failure(self, refusal: Refusal) -> bytes:
        """See job.Voice."""
        error = msgspec.json.decode(openai_errors.error(refusal))["error"]
        code = error["code"] or error["type"]
        failed = self._response(self._call, None, [], finish=False)
        failed |= {"status": "failed", "error": {"code": code, "message": error["message"]}}
        first = self._event("error", error=error | {"code": code})
        return first.data + self._event("response.failed", response=failed).data

    def document(self, call: int, choices: Sequence[Choice], *, finish: bool) -> bytes:
        """See job.Voice."""
        output = [item for item, _ in self._items(call, choices[0])]
        self._keep(call, output)
        return msgspec.json.encode(self._response(call, choices[0], output, finish=finish))

    def _keep(self, call: int, output: list[Fields]) -> None:
        if self._letter.fields.get("store") is not False:
            self._memory.keep(_id(call), [*self._letter.items, *output])

    def _items(self, call: int, choice: Choice) -> Iterator[tuple[Fields, tuple[str, ...]]]:
        """The items of the output, each with the tokens that are streamed for it."""
        if choice.reasoning_tokens:
            yield self._reasoning(call, choice), choice.thinking
        if choice.text or not choice.calls:
            yield _message(call, "".join(choice.text), status=_status(choice)), choice.text
        for number, one in enumerate(choice.calls):
            item = {
                "id": f"fc_{call:040x}{number:02x}",
                "type": "function_call",
                "status": _status(choice),
                "arguments": "".join(one.arguments),
                "call_id": one.id,
                "name": one.name,
            }
            yield item, one.arguments

    def _reasoning(self, call: int, choice: Choice) -> Fields:
        text = "".join(choice.thinking)
        summary = [{"type": "summary_text", "text": text}] if self._letter.summary else []
        item: Fields = {"id": f"rs_{call:042x}", "type": "reasoning", "summary": summary}
        if self._letter.encrypted:
            seal = binascii.b2a_base64(self._seals.make(REASONING, "", text), newline=False)
            item["encrypted_content"] = ENCRYPTED + seal.decode().replace("+", "-").replace("/", "_")
        return item

    def _response(self, call: int, choice: Choice | None, output: list[Fields], *, finish: bool) -> Fields:
        """The response as it stands: `choice` is None while it is under way."""
        fields = self._letter.fields
        ended = choice is not None and finish
        short = _SHORT.get(choice.finish) if ended and choice is not None else None
        return {
            "id": _id(call),
            "object": "response",
            "created_at": self._created,
            "status": "incomplete" if short else "completed" if ended else "in_progress",
            "background": False,
            "error": None,
            "incomplete_details": {"reason": short} if short else None,
            "instructions": fields.get("instructions"),
            "max_output_tokens": fields.get("max_output_tokens"),
            "max_tool_calls": None,
            "model": fields["model"],
            "output": output,
            "parallel_tool_calls": fields.get("parallel_tool_calls") is not False,
            "previous_response_id": fields.get("previous_response_id"),
            "reasoning": {"effort": None, "summary": None} | (fields.get("reasoning") or {}),
            "service_tier": "default",
            "store": fields.get("store") is not False,
            "temperature": fields.get("temperature", 1.0),
            "text": {"format": {"type": "text"}} | (fields.get("text") or {}),
            "tool_choice": fields.get("tool_choice") or "auto",
            "tools": fields.get("tools") or [],
            "top_p": fields.get("top_p", 1.0),
            "truncation": fields.get("truncation") or "disabled",
            "usage": None if choice is None else self._usage(choice),
            "user": None,
            "metadata": fields.get("metadata") or {},
        }

    def _usage(self, choice: Choice) -> Fields:
        prompt = self._letter.ask.input_tokens
        return {
            "input_tokens": prompt,
            "input_tokens_details": {"cached_tokens": self._cached},
            "output_tokens": choice.tokens,
            "output_tokens_details": {"reasoning_tokens": choice.reasoning_tokens},
            "total_tokens": prompt + choice.tokens,
        }

    def _event(self, name: str, spent: int = 0, /, **fields: Any) -> Frame:
        data = msgspec.json.encode({"type": name, **fields, "sequence_number": self._number})
        self._number += 1
        return Frame(b"event: %b\ndata: %b\n\n" % (name.encode(), data), spent, spent)

    def events(self, call: int, choices: Sequence[Choice], *, finish: bool) -> Iterator[Frame]:
        """See job.Voice."""
        choice = choices[0]
        self._call = call
        begun = self._response(call, None, [], finish=False)
        yield self._event("response.created", response=begun)
        yield self._event("response.in_progress", response=begun)
        output: list[Fields] = []
        first = True
        for index, (item, pieces) in enumerate(self._items(call, choice)):
            for frame in self._item_events(index, item, pieces):
                yield Frame(frame.data, frame.tokens, max(frame.delays - 1, 0) if first else frame.delays)
                first = first and not frame.tokens
            output.append(item)
        self._keep(call, output)
        if finish:
            whole = self._response(call, choice, output, finish=True)
            last = self._event(f"response.{whole['status']}", response=whole)
            yield Frame(last.data, end=True)

    def _item_events(self, index: int, item: Fields, pieces: Sequence[str]) -> Iterator[Frame]:
        match item["type"]:
            case "reasoning":
                begun: Fields = item | {"summary": []}
                inner = self._summary_events(index, item, pieces)
                cost = 0 if item["summary"] else len(pieces)
            case "message":
                begun, cost = item | {"status": "in_progress", "content": []}, 0
                inner = self._text_events(index, item, pieces)
            case _:
                begun, cost = item | {"status": "in_progress", "arguments": ""}, tokens.count(item["name"])
                inner = self._argument_events(index, item, pieces)
        yield self._event("response.output_item.added", cost, output_index=index, item=begun)
        yield from inner
        yield self._event("response.output_item.done", output_index=index, item=item)

    def _summary_events(self, index: int, item: Fields, pieces: Sequence[str]) -> Iterator[Frame]:
        if not item["summary"]:
            return
        at = {"item_id": item["id"], "output_index": index, "summary_index": 0}
        name = "response.reasoning_summary"
        yield self._event(f"{name}_part.added", **at, part={"type": "summary_text", "text": ""})
        for piece in pieces:
            yield self._event(f"{name}_text.delta", 1, **at, delta=piece)
        yield self._event(f"{name}_text.done", **at, text=item["summary"][0]["text"])
        yield self._event(f"{name}_part.done", **at, part=item["summary"][0])

    def _text_events(self, index: int, item: Fields, pieces: Sequence[str]) -> Iterator[Frame]:
        at = {"item_id": item["id"], "output_index": index, "content_index": 0}
        part = item["content"][0]
        yield self._event("response.content_part.added", **at, part=part | {"text": ""})
        for piece in pieces:
            yield self._event("response.output_text.delta", 1, **at, delta=piece, logprobs=[])
        yield self._event("response.output_text.done", **at, text=part["text"], logprobs=[])
        yield self._event("response.content_part.done", **at, part=part)

    def _argument_events(self, index: int, item: Fields, pieces: Sequence[str]) -> Iterator[Frame]:
        at = {"item_id": item["id"], "output_index": index}
        name = "response.function_call_arguments"
        for piece in pieces:
            yield self._event(f"{name}.delta", 1, **at, delta=piece)
        yield self._event(f"{name}.done", **at, arguments=item["arguments"])


def _id(call: int) -> str:
    return f"resp_{call:048x}"


def _status(choice: Choice) -> str:
    return "incomplete" if choice.finish in _SHORT else "completed"


def _message(call: int, text: str, *, status: str) -> Fields:
    part = {"type": "output_text", "annotations": [], "logprobs": [], "text": text}
    return {"id": f"msg_{call:048x}", "type": "message", "status": status, "content": [part], "role": "assistant"}
