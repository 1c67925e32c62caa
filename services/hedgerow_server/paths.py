"""Every path of the HTTP doors: the RPCs behind it, and the forms that requests and answers have there."""

from collections.abc import Callable

from hedgerow_server.core.call import Call, Kind, Method
from hedgerow_server.core.error import Internal
from hedgerow_server.doors.openai import OpenAiForm
from hedgerow_server.doors.serving import HttpEndpoint
from hedgerow_server.endpoints import CHAT
from hedgerow_server.routing.routes import Routes
from hedgerow_server.rpc.chat import Chat
from hedgerow_server.rpc.listing import Named
from hedgerow_server.wire.check import Checker
from hedgerow_server.wire.openai import chat as openai_chat

_OPENAI = OpenAiForm()


def paths(routes: Routes, checker: Checker, listing: Named | None = None) -> list[HttpEndpoint]:
    """Every path. `listing` is what the lists of models tell (None: the names of the routes)."""
    chat = Chat(routes)
    return [
        *_openai(chat, checker),
    ]


def _openai(chat: Chat, checker: Checker) -> list[HttpEndpoint]:
    return [
        HttpEndpoint(
            "POST",
            "/v1/chat/completions",
            _OPENAI,
            _either(chat, openai_chat.ChatDecoder(checker).decode),
            openai_chat.ChatAnswer,
            openai_chat.ChunkEncoder,
        ),
    ]


def _either(chat: Chat, decode: Callable[[Call], object]) -> Method:
    """Complete, or StreamComplete where the body says so."""
    streamed = Method(f"{CHAT}/StreamComplete", Kind.SERVER_STREAM, _decoded, chat.complete)
    return Method(f"{CHAT}/Complete", Kind.UNARY, decode, chat.complete, streamed)


def _decoded(call: Call) -> object:
    raise Internal("A request is decoded once.")
