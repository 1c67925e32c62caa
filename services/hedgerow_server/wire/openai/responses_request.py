"""Requests of the Responses API: JSON to the contract's message, and that as any other door has it."""

from typing import Any

import msgspec
from hedgerow.chat.v1 import message_pb2 as pb

from hedgerow_server.core.call import Call
from hedgerow_server.core.request import ChatRequest
from hedgerow_server.wire.chat import begun, chat_request
from hedgerow_server.wire.check import Checker, wrong
from hedgerow_server.wire.extension import NOTHING, options_text, write_extension
from hedgerow_server.wire.json_body import decoded
from hedgerow_server.wire.openai import responses_body as body
from hedgerow_server.wire.openai.responses_conversation import Conversation
from hedgerow_server.wire.openai.responses_fields import Places, api_field
from hedgerow_server.wire.openai.responses_tokens import DIALECT
from hedgerow_server.wire.openai.responses_tools import Tools

_BODY = msgspec.json.Decoder(body.Body)
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_FORMAT = msgspec.json.Decoder(body.TextFormat | body.JsonObject | body.JsonSchema | None)
_EFFORT = msgspec.json.Decoder(str | None)
_KNOWN = frozenset(body.Body.__struct_fields__)
_SCALARS = (
    "temperature",
    "top_p",
    "top_k",
    "frequency_penalty",
    "presence_penalty",
    "seed",
    "parallel_tool_calls",
    "max_output_tokens",
    "top_logprobs",
)
_EFFORTS = {
    name.removeprefix("REASONING_EFFORT_").lower(): number
    for name, number in pb.ReasoningEffort.items()
    if number != pb.REASONING_EFFORT_UNSPECIFIED
}
_ENCRYPTED, _LOGPROBS = "reasoning.encrypted_content", "message.output_text.logprobs"
# What Chat Completions takes by the same name: an upstream of either API is asked for it.
_COMMON = frozenset({"metadata", "prompt_cache_retention", "safety_identifier", "service_tier", "user"})
# What only a provider can follow that has kept something: another one would answer another question.
_KEPT = ("previous_response_id", "conversation", "prompt")
# What an answer repeats of its request, beside what the contract has.
_REPEATED = (
    "conversation",
    "max_tool_calls",
    "metadata",
    "previous_response_id",
    "prompt",
    "prompt_cache_retention",
    "safety_identifier",
    "truncation",
    "user",
)
_NULL = b"null"


class Asked(msgspec.Struct, frozen=True):
    """What the writer of the answer has to know of the request."""

    given: body.Body
    """The request."""
    beside: dict[str, msgspec.Raw] = {}
    """Those of its further members that the answer repeats."""
    custom: frozenset[str] = frozenset()
    """The custom tools, whose calls look different."""
    places: Places = ()
    """Where each part of each message stands in the body."""
    kept: bool = False
    """Whether a provider keeps something of the call: then its own id of the answer counts, however that looks."""

    def named(self, field: str) -> str:
        """The caller's name of a field of the contract."""
        return api_field(field, self.places)


class ResponsesDecoder:
    """Decodes the requests of the Responses API."""

    def __init__(self, checker: Checker) -> None:
        self._checker = checker

    def decode(self, call: Call) -> ChatRequest:
        """A request. Raises RequestMalformed or RequestInvalid."""
        given = decoded(_BODY, call.body)
        message = begun(call, stream=bool(given.stream))
        reading = _Reading(message.chat, given, _beside(call.body))
        reading.read()
        write_extension(message, given.hedgerow or NOTHING, call)
        places = reading.conversation.places
        repeated = {name: reading.beside[name] for name in _REPEATED if name in reading.beside}
        call.form = Asked(given, repeated, reading.tools.custom, places, kept=reading.bound is not None)
        return chat_request(self._checker.checked(message), for_any=reading.for_any, bound=reading.bound)


def _beside(text: bytes) -> dict[str, msgspec.Raw]:
    """The members of the body that the contract does not know. One that is null asks for nothing."""
    members = _MEMBERS.decode(text)
    return {name: members[name] for name in members.keys() - _KNOWN if bytes(members[name]) != _NULL}


class _Reading:
    """One request while it is read."""

    def __init__(self, chat: pb.ChatSpec, given: body.Body, beside: dict[str, msgspec.Raw]) -> None:
        self._chat, self._given = chat, given
        self.beside = beside
        self._options: dict[str, Any] = {}  # of the Responses API alone
        self.conversation = Conversation(chat)
        self.tools = Tools(chat)
        self.for_any: tuple[str, ...] = ()
        self.bound: tuple[str, str] | None = None

    def read(self) -> None:
        """Fills the spec. Raises RequestInvalid."""
        chat, given = self._chat, self._given
        chat.model = given.model
        self._bind()
        self._read_input()
        for name in _SCALARS:
            value = getattr(given, name)
            if value is not None:
                setattr(chat, name, value)
        if given.prompt_cache_key:
            chat.prompt_cache_key = given.prompt_cache_key
        self.tools.write(given.tools or [])
        choice = given.tool_choice
        if bytes(choice) not in (b"", _NULL) and not self.tools.choose(choice):
            self._options["tool_choice"] = choice
        self._read_include()
        self._read_text()
        self._read_reasoning()
        self._read_stream_options()
        self._write_options()

    def _bind(self) -> None:
        """What needs a provider that keeps something."""
        if self._given.background:
            raise wrong("background", "must not be true: the gateway answers while the caller waits")
        field = next((name for name in _KEPT if name in self.beside), "")
        if self._given.store:
            self._options["store"] = True
            field = field or "store"
        elif self._given.store is False:
            self._options["store"] = False
        if field:
            self.bound = DIALECT, field

    def _read_input(self) -> None:
        given = self._given
        if given.instructions:
            if any(name in self.beside for name in _KEPT):
                # A message would become part of what is kept; instructions hold for this answer alone.
                self._options["instructions"] = given.instructions
            else:
                self.conversation.instruct(given.instructions)
        if given.input is None or not given.input:
            raise wrong("input", "is required: the gateway needs something to send to a model")
        if isinstance(given.input, str):
            self.conversation.ask(given.input)
            return
        for index, raw in enumerate(given.input):
            self.conversation.add(raw, f"input[{index}]")
        if self.conversation.reference and self.bound is None:
            self.bound = DIALECT, self.conversation.reference

    def _read_include(self) -> None:
        """Encrypted reasoning is there in any case: without it nothing could be sent back."""
        include = self._given.include or ()
        if _LOGPROBS in include and self._given.top_logprobs is None:
            self._chat.top_logprobs = 0
        if rest := [one for one in include if one not in (_ENCRYPTED, _LOGPROBS)]:
            self._options["include"] = rest

    def _read_text(self) -> None:
        text = dict(self._given.text or {})
        form = decoded(_FORMAT, text.pop("format"), "text.format") if "format" in text else None
        target = self._chat.response_format
        if isinstance(form, body.JsonObject):
            target.json_object.SetInParent()
        elif isinstance(form, body.JsonSchema):
            written = target.json_schema
            written.name, written.schema = form.name, bytes(form.schema).decode()
            written.description = form.description or ""
            if form.strict is not None:
                written.strict = form.strict
        self._keep("text", text)

    def _read_reasoning(self) -> None:
        reasoning = dict(self._given.reasoning or {})
        effort = decoded(_EFFORT, reasoning.pop("effort"), "reasoning.effort") if "effort" in reasoning else None
        if effort is not None:
            if effort not in _EFFORTS:
                raise wrong("reasoning.effort", f"must be one of {', '.join(_EFFORTS)}")
            self._chat.reasoning.effort = _EFFORTS[effort]
        self._keep("reasoning", reasoning)

    def _read_stream_options(self) -> None:
        options = self._given.stream_options
        if options is None:
            return
        if not self._given.stream:
            raise wrong("stream_options", "only stands beside stream: true")
        if options.include_obfuscation:
            raise wrong("stream_options.include_obfuscation", "must not be true: the gateway adds no obfuscation")

    def _keep(self, name: str, members: dict[str, msgspec.Raw]) -> None:
        """Members of an object of the body that only the API itself understands."""
        if rest := {key: value for key, value in members.items() if bytes(value) != _NULL}:
            self._options[name] = rest

    def _write_options(self) -> None:
        """Fills the options of providers: those that the caller names, and what vendors of the API may understand."""
        options: dict[str, dict[str, Any]] = {}
        if self._given.hedgerow is not None:
            options = {name: dict(members) for name, members in self._given.hedgerow.provider_options.items()}
        ours: dict[str, dict[str, Any]] = {"openai": {}, DIALECT: self._options}
        for name in sorted(self.beside):
            ours["openai" if name in _COMMON else DIALECT][name] = self.beside[name]
        for owner, members in ours.items():
            if members:
                options[owner] = {**members, **options.get(owner, {})}
                self.for_any += (owner,)
        for name, text in options_text(options).items():
            self._chat.provider_options[name] = text
