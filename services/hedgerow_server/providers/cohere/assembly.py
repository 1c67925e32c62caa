"""Pieces of a message into events: the same whether they are the deltas of a stream or one whole message."""

from collections.abc import Iterator
from typing import Any

from hedgerow_server.core.drift import Unknown
from hedgerow_server.core.event import CitationAdded, LogprobsDelta, ReasoningDelta, TextDelta
from hedgerow_server.core.request import Citation, ProviderState
from hedgerow_server.providers.cohere.answer import Message, list_of
from hedgerow_server.providers.cohere.state import THINKING, TOOL_PLAN
from hedgerow_server.providers.cohere.tokens import read_logprobs
from hedgerow_server.providers.loose import member, text_of
from hedgerow_server.providers.parts import Parts
from hedgerow_server.providers.refusal import protocol_error
from hedgerow_server.providers.watch import Watch

_MAX_INDEX = (1 << 31) - 1
_PLAN = "PLAN"
_NO_CALL = object()


class Assembly:
    """Takes the pieces of one message. Each block of content, each plan and each call is a part."""

    __slots__ = (
        "_begun",
        "_call",
        "_plan_part",
        "_provider",
        "_state",
        "_text_part",
        "_watch",
        "_where",
        "id",
        "parts",
    )

    def __init__(self, provider: str, watch: Watch) -> None:
        self._provider = provider
        self._watch = watch
        self.parts = Parts()
        self.id = ""
        """The answer's own id."""
        self._begun = False  # a block of content has begun and said nothing yet
        self._state: ProviderState | None = None  # of the open part, if it is reasoning
        self._call: object = _NO_CALL  # the index of the open call, None where the provider leaves it out
        self._where: dict[int | None, int] = {}  # the parts of the blocks of content, by their index
        self._text_part = -1
        self._plan_part = -1

    def begin_content(self, index: object, content: Any) -> None:
        """A block of content begins; its part does with the first word. Kinds that are not known are skipped."""
        if isinstance(content, dict) and ("text" in content or "thinking" in content):
            self._begun = True
            self.content(index, content)
        else:
            self._watch.note(Unknown.CONTENT_TYPE, member(content, "type"))

    def content(self, index: object, content: Any) -> None:
        """More of a block of content: an object with text or thinking. Other kinds are skipped."""
        if not isinstance(content, dict):
            return
        text = content.get("text")
        if type(text) is str and text:
            self.parts.say(TextDelta, text, anew=self._begun)
            if self._begun or self._text_part != self.parts.index:
                self._text_part = self._where[_index(index)] = self.parts.index
            self._begun, self._state = False, None
        elif thoughts := text_of(content.get("thinking")):
            self._think(thoughts, THINKING, anew=self._begun)
            self._where[_index(index)] = self.parts.index
            self._begun = False

    def plan(self, text: str) -> None:
        """More of the plan that precedes tool calls."""
        if text:
            self._think(text, TOOL_PLAN, anew=False)
            self._plan_part = self.parts.index

    def start_call(self, index: object, call: Any) -> None:
        """A tool call begins, maybe with arguments. Raises UpstreamProtocol for one without a name."""
        function = member(call, "function")
        name = text_of(member(function, "name"))
        if not name:
            raise protocol_error(self._provider, "a tool call without a name")
        self.parts.start_call(text_of(member(call, "id")), name, self.id)
        self._call, self._state = index, None
        self.parts.arguments(text_of(member(function, "arguments")))

    def arguments(self, index: object, call: Any) -> None:
        """More arguments of the open call. Raises UpstreamProtocol where it is not open."""
        text = text_of(member(member(call, "function"), "arguments"))
        if text and index != self._call:
            raise protocol_error(self._provider, "arguments of a tool call that is not open")
        self.parts.arguments(text)

    def end_call(self) -> None:
        """The open call is complete."""
        self._call = _NO_CALL
        self.parts.close()

    def cite(self, citations: Any) -> None:
        """Citations, one for each of their sources; for the text that they name, else for the latest one."""
        for citation in list_of(citations):
            if not isinstance(citation, dict):
                continue
            part = self._where.get(_index(citation.get("content_index")), self._text_part)
            if citation.get("type") == _PLAN:
                part = self._plan_part
            for one in _citations(citation):
                if part < 0:
                    self.parts.cite(one)
                    part = self._text_part = self.parts.index
                else:
                    self.parts.events.append(CitationAdded(part, one))

    def weigh(self, items: Any) -> None:
        """How likely the tokens of the latest text were; without a text there is nowhere to put them."""
        if (tokens := read_logprobs(items)) and self._text_part >= 0:
            self.parts.events.append(LogprobsDelta(self._text_part, tokens))

    def whole(self, message: Message) -> None:
        """A whole message. Raises UpstreamProtocol."""
        self.plan(text_of(message.tool_plan))
        content = message.content
        blocks = [{"text": content}] if isinstance(content, str) else list_of(content)
        for index, block in enumerate(blocks):
            self.begin_content(index, block)
        for index, call in enumerate(list_of(message.tool_calls)):
            self.start_call(index, call)
            self.end_call()
        self.cite(message.citations)

    def _think(self, text: str, state: ProviderState, *, anew: bool) -> None:
        anew = anew or self._state is not state
        self.parts.say(ReasoningDelta, text, anew=anew)
        if anew:
            self.parts.attach(state)
            self._state = state


def _citations(citation: dict[str, Any]) -> Iterator[Citation]:
    start, end = _index(citation.get("start")), _index(citation.get("end"))
    # What is cited of a source Cohere does not say: `text` is what of the answer it is cited for.
    for source in list_of(citation.get("sources")) or [None]:
        document = member(source, "document") or member(source, "tool_output")
        yield Citation(
            url=text_of(member(document, "url")),
            title=text_of(member(document, "title")),
            start_index=start,
            end_index=end,
            source_id=text_of(member(source, "id")),
        )


def _index(value: object) -> int | None:
    return value if type(value) is int and 0 <= value <= _MAX_INDEX else None
