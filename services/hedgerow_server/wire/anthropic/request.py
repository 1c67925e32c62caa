"""Requests of the Messages API: JSON to core requests."""

import msgspec
from hedgerow.chat.v1 import chat_service_pb2 as service
from hedgerow.chat.v1 import message_pb2 as pb
from hedgerow.router.v1 import router_service_pb2

from hedgerow_server.core.call import Call
from hedgerow_server.core.error import FieldViolation, RequestInvalid
from hedgerow_server.core.request import ChatRequest, EstimateRequest
from hedgerow_server.wire.anthropic.asked import ASKED, FIELDS, Asked, Turn
from hedgerow_server.wire.anthropic.conversation import Conversation
from hedgerow_server.wire.anthropic.names import Origins
from hedgerow_server.wire.anthropic.reading import members
from hedgerow_server.wire.anthropic.thinking import write_output
from hedgerow_server.wire.anthropic.tokens import DIALECT
from hedgerow_server.wire.anthropic.tools import TOOL_MEMBERS, write_choice, write_tools
from hedgerow_server.wire.chat import begun, chat_request, chat_spec
from hedgerow_server.wire.check import Checker
from hedgerow_server.wire.extension import options_text, write_extension
from hedgerow_server.wire.json_body import decoded
from hedgerow_server.wire.policy import policy

_THREAD = "thread"
_NO_THREADS = "thread_unsupported_request"
"""Anthropic's code for it, after which its SDKs send whole conversations."""
BETAS = "betas"
"""The option that holds the features in beta that a caller names."""
_BETA_HEADER = "anthropic-beta"
_SCALARS = (("max_tokens", "max_output_tokens"), ("temperature",) * 2, ("top_p",) * 2, ("top_k",) * 2)


class MessagesDecoder:
    """Decodes the requests of the Messages API."""

    def __init__(self, checker: Checker) -> None:
        self._checker = checker

    def create(self, call: Call) -> ChatRequest:
        """A request for a message, streamed or not. Raises RequestMalformed or RequestInvalid."""
        asked = decoded(ASKED, call.body)
        message = begun(call, stream=bool(asked.stream))
        call.form = _write(message, asked, call)
        given = message.chat.provider_options
        return chat_request(self._checker.checked(message), for_any=(DIALECT,) if DIALECT in given else ())

    def count_tokens(self, call: Call) -> EstimateRequest:
        """A request for a count of tokens. Raises RequestMalformed or RequestInvalid."""
        asked = decoded(ASKED, call.body)
        message = service.CompleteRequest()
        call.form = _write(message, asked, call)
        counted = router_service_pb2.CountTokensRequest(chat=message.chat, route=message.route, labels=message.labels)
        self._checker.checked(counted)
        return EstimateRequest(spec=chat_spec(counted.chat), policy=policy(counted.route), labels=dict(counted.labels))


def _write(message: service.CompleteRequest | service.StreamCompleteRequest, asked: Asked, call: Call) -> Origins:
    """Fills the request."""
    chat = message.chat
    chat.model = asked.model
    conversation = Conversation(chat)
    if asked.system:
        conversation.add(Turn("system", asked.system), "system")
    for index, turn in enumerate(asked.messages):
        conversation.add(turn, f"messages[{index}]")
    origins = Origins(conversation.paths)
    for theirs, ours in _SCALARS:
        if (value := getattr(asked, theirs)) is not None:
            _set(chat, ours, value)
    chat.stop_sequences.extend(asked.stop_sequences or ())
    tool_members = write_tools(chat, asked.tools) if asked.tools else {}
    if asked.tool_choice is not None:
        write_choice(chat, asked.tool_choice)
    own = {name: value for name, value in members(call.body).items() if name not in FIELDS}
    if _THREAD in own:
        raise _without_threads()
    own |= write_output(chat, asked)
    if tool_members:
        own[TOOL_MEMBERS] = msgspec.Raw(msgspec.json.encode(tool_members))
    if betas := [one.strip() for one in call.metadata.get(_BETA_HEADER, "").split(",") if one.strip()]:
        own[BETAS] = msgspec.Raw(msgspec.json.encode(betas))
    # Under the dialect's own name: what the caller says for providers by another one stays apart, and wins.
    options = {**asked.hedgerow.provider_options, DIALECT: own | asked.hedgerow.provider_options.get(DIALECT, {})}
    for name, text in options_text(options).items():
        chat.provider_options[name] = text
    write_extension(message, asked.hedgerow, call)
    return origins


def _without_threads() -> RequestInvalid:
    """A conversation that one provider keeps could go on nowhere else, and nobody could look at what it holds."""
    why = "is not taken: send the whole conversation without it"
    return RequestInvalid(
        f"{_THREAD}: {why}",
        metadata={"field": _THREAD, "errorCode": _NO_THREADS},
        violations=(FieldViolation(_THREAD, why),),
    )


def _set(chat: pb.ChatSpec, name: str, value: float) -> None:
    try:
        setattr(chat, name, value)
    except ValueError:  # beyond 32 bits, and so beyond every limit
        setattr(chat, name, (1 << 31) - 1 if value > 0 else -1)
