"""Requests of Chat Completions: JSON to the contract's message, and that as any other door has it."""

from typing import Any

import msgspec
from hedgerow.chat.v1 import message_pb2 as pb

from hedgerow_server.core.call import Call
from hedgerow_server.core.request import ChatRequest
from hedgerow_server.wire.chat import begun, chat_request
from hedgerow_server.wire.check import Checker, wrong
from hedgerow_server.wire.extension import NOTHING, options_text, write_extension
from hedgerow_server.wire.json_body import decoded, members_beside
from hedgerow_server.wire.openai import chat_body as body
from hedgerow_server.wire.openai.chat_messages import write_messages
from hedgerow_server.wire.openai.fields import api_field
from hedgerow_server.wire.openai.tools import write_choice, write_format, write_tools

_BODY = msgspec.json.Decoder(body.ChatBody)
_THINKING = msgspec.json.Decoder(body.Thinking)
_KNOWN = frozenset(body.ChatBody.__struct_fields__)
_SCALARS = ("temperature", "top_p", "frequency_penalty", "presence_penalty", "seed", "parallel_tool_calls")
_ALL, _CHAT = "openai", "openai_chat"
# What OpenAI's Responses take by the same name: an upstream of either API is asked for it.
_COMMON = frozenset({"metadata", "prompt_cache_retention", "safety_identifier", "service_tier", "store", "user"})


class Asked(msgspec.Struct, frozen=True):
    """What the writer of the answer has to know of the request."""

    usage: bool = False
    """Whether a stream shall end with its usage."""
    custom: frozenset[str] = frozenset()
    """The custom tools, whose calls look different."""
    thoughts: bool = True
    """Whether reasoning is shown."""

    limit: str = "max_completion_tokens"
    """Which of its two names the limit of the answer has."""

    def named(self, field: str) -> str:
        """The caller's name of a field of the contract."""
        return self.limit if field == "chat.max_output_tokens" else api_field(field)


class ChatDecoder:
    """Decodes the requests of Chat Completions."""

    def __init__(self, checker: Checker) -> None:
        self._checker = checker

    def decode(self, call: Call) -> ChatRequest:
        """A request. Raises RequestMalformed or RequestInvalid."""
        given = decoded(_BODY, call.body)
        message = begun(call, stream=bool(given.stream))
        _check_whole(given)
        chat = message.chat
        chat.model = given.model
        write_messages(chat, given.messages, call)
        _write_sampling(chat, given)
        custom = write_tools(chat, given.tools) if given.tools else frozenset()
        if given.tool_choice is not None:
            write_choice(chat.tool_choice, given.tool_choice)
        if given.response_format is not None:
            write_format(chat.response_format, given.response_format)
        beside = members_beside(call.body, _KNOWN)
        _write_reasoning(chat.reasoning, given, beside)
        for_any = _write_options(chat, given, beside)
        write_extension(message, given.hedgerow or NOTHING, call)
        call.form = Asked(
            usage=given.stream_options is not None and bool(given.stream_options.include_usage),
            custom=custom,
            thoughts=given.reasoning is None or not given.reasoning.exclude,
            limit="max_tokens" if given.max_completion_tokens is None else "max_completion_tokens",
        )
        return chat_request(self._checker.checked(message), for_any=for_any)


def _check_whole(given: body.ChatBody) -> None:
    """What cannot be had, or not together."""
    if given.n is not None and given.n != 1:
        raise wrong("n", "must be 1: there is one choice a call")
    if given.functions is not None:
        raise wrong("functions", "is no longer taken: use tools")
    if given.function_call is not None:
        raise wrong("function_call", "is no longer taken: use tool_choice")
    if given.stream_options is not None and not given.stream:
        raise wrong("stream_options", "only stands beside stream: true")
    if given.top_logprobs is not None and not given.logprobs:
        raise wrong("top_logprobs", "only stands beside logprobs: true")
    if None not in (given.max_tokens, given.max_completion_tokens) and given.max_tokens != given.max_completion_tokens:
        raise wrong("max_tokens", "must not differ from max_completion_tokens")


def _write_sampling(chat: pb.ChatSpec, given: body.ChatBody) -> None:
    for name in _SCALARS:
        value = getattr(given, name)
        if value is not None:
            setattr(chat, name, value)
    limit = given.max_tokens if given.max_completion_tokens is None else given.max_completion_tokens
    if limit is not None:
        chat.max_output_tokens = limit
    if given.top_k is not None and given.top_k > 0:
        chat.top_k = given.top_k
    if given.stop is not None:
        chat.stop_sequences.extend([given.stop] if isinstance(given.stop, str) else given.stop)
    if given.prompt_cache_key:
        chat.prompt_cache_key = given.prompt_cache_key
    if given.logprobs is True:
        chat.top_logprobs = given.top_logprobs or 0
    elif given.logprobs:  # the number alone, as some vendors of the API have it
        chat.top_logprobs = given.logprobs


def _write_reasoning(target: pb.ReasoningSpec, given: body.ChatBody, beside: dict[str, msgspec.Raw]) -> None:
    effort, asked = given.reasoning_effort, given.reasoning
    if asked is not None:
        if effort is not None and asked.effort is not None and effort != asked.effort:
            raise wrong("reasoning.effort", "must not differ from reasoning_effort")
        effort = effort or asked.effort
        if asked.enabled is False:
            effort = "none"
        elif asked.enabled and effort is None and asked.max_tokens is None:
            effort = "medium"
        if asked.max_tokens is not None:
            target.max_tokens = asked.max_tokens
    if effort is not None:
        target.effort = pb.ReasoningEffort.Value(f"REASONING_EFFORT_{effort.upper()}")
    if "thinking" in beside and b"budget_tokens" in bytes(beside["thinking"]):
        # Anthropic's form, as its users send it to gateways; other forms are a vendor's own business.
        thinking = decoded(_THINKING, beside["thinking"], "thinking")
        if thinking.type == "enabled" and thinking.budget_tokens is not None:
            target.max_tokens = thinking.budget_tokens
            del beside["thinking"]


def _write_options(chat: pb.ChatSpec, given: body.ChatBody, beside: dict[str, msgspec.Raw]) -> tuple[str, ...]:
    """Fills the options of providers: those that the caller names, and what the API's own vendors may understand.
    Returns the names of the latter.
    """
    options: dict[str, dict[str, Any]] = {}
    if given.hedgerow is not None:
        options = {name: dict(members) for name, members in given.hedgerow.provider_options.items()}
    if given.top_k is not None and given.top_k < 1:
        beside["top_k"] = msgspec.Raw(b"%d" % given.top_k)  # vLLM: as many as there are
    names = set()
    for name, value in beside.items():
        owner = _ALL if name in _COMMON else _CHAT
        names.add(owner)
        options.setdefault(owner, {}).setdefault(name, value)
    for name, text in options_text(options).items():
        chat.provider_options[name] = text
    return tuple(sorted(names))
