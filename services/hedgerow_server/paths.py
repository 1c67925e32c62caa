"""Every path of the HTTP doors: the RPCs behind it, and the forms that requests and answers have there."""

from collections.abc import Callable

from hedgerow_server.core.call import Call, Kind, Method
from hedgerow_server.core.error import Internal
from hedgerow_server.doors.anthropic import AnthropicForm
from hedgerow_server.doors.openai import OpenAiForm
from hedgerow_server.doors.serving import HttpEndpoint
from hedgerow_server.endpoints import CHAT, EMBED, ROUTER
from hedgerow_server.routing.routes import Routes
from hedgerow_server.rpc.chat import Chat
from hedgerow_server.rpc.embed import FOR_HTTP, Embed
from hedgerow_server.rpc.listing import Named
from hedgerow_server.rpc.models import Models
from hedgerow_server.rpc.tokens import Tokens
from hedgerow_server.wire.anthropic import answer as anthropic_answer
from hedgerow_server.wire.anthropic import count, request, stream
from hedgerow_server.wire.anthropic import models as anthropic_models
from hedgerow_server.wire.check import Checker
from hedgerow_server.wire.openai import (
    chat_answer,
    chat_chunks,
    chat_request,
    embeddings,
    responses_answer,
    responses_events,
    responses_request,
)
from hedgerow_server.wire.openai import models as openai_models

_OPENAI, _ANTHROPIC = OpenAiForm(), AnthropicForm()
_RESPONSES = OpenAiForm(named_events=True)


def paths(routes: Routes, checker: Checker, listing: Named | None = None) -> list[HttpEndpoint]:
    """Every path. `listing` is what the lists of models tell (None: the names of the routes)."""
    chat = Chat(routes)
    return [
        *_openai(chat, checker),
        *_openai_embeddings(Embed(routes, FOR_HTTP), checker),
        *_openai_models(Models(listing or routes)),
        *_anthropic(chat, Tokens(routes), request.MessagesDecoder(checker)),
        *_anthropic_models(Models(listing or routes)),
    ]


def _openai(chat: Chat, checker: Checker) -> list[HttpEndpoint]:
    return [
        HttpEndpoint(
            "POST",
            "/v1/chat/completions",
            _OPENAI,
            _either(chat, chat_request.ChatDecoder(checker).decode),
            chat_answer.ChatAnswer,
            chat_chunks.ChunkEncoder,
        ),
        HttpEndpoint(
            "POST",
            "/v1/responses",
            _RESPONSES,
            _either(chat, responses_request.ResponsesDecoder(checker).decode),
            responses_answer.ResponsesAnswer,
            responses_events.ResponsesEncoder,
        ),
    ]


def _openai_embeddings(embed: Embed, checker: Checker) -> list[HttpEndpoint]:
    method = Method(f"{EMBED}/Embed", Kind.UNARY, embeddings.EmbedDecoder(checker).decode, embed.embed)
    return [HttpEndpoint("POST", "/v1/embeddings", _OPENAI, method, embeddings.EmbedAnswer)]


def _openai_models(models: Models) -> list[HttpEndpoint]:
    def listed(decode: Callable[[Call], object]) -> Method:
        return Method(f"{ROUTER}/ListModels", Kind.UNARY, decode, models.list_models)

    return [
        HttpEndpoint("GET", "/v1/models", _OPENAI, listed(openai_models.decode_list), openai_models.ModelsAnswer),
        HttpEndpoint("GET", "/v1/models/", _OPENAI, listed(openai_models.decode_one), openai_models.ModelAnswer),
    ]


def _anthropic(chat: Chat, tokens: Tokens, decoder: request.MessagesDecoder) -> list[HttpEndpoint]:
    created = _either(chat, decoder.create)
    counted = Method(f"{ROUTER}/CountTokens", Kind.UNARY, decoder.count_tokens, tokens.count_tokens)
    return [
        HttpEndpoint("POST", "/v1/messages", _ANTHROPIC, created, anthropic_answer.MessageAnswer, stream.EventEncoder),
        HttpEndpoint("POST", "/v1/messages/count_tokens", _ANTHROPIC, counted, count.CountAnswer),
    ]


def _anthropic_models(models: Models) -> list[HttpEndpoint]:
    listed = Method(f"{ROUTER}/ListModels", Kind.UNARY, anthropic_models.decode_list, models.list_models)
    named = Method(f"{ROUTER}/ListModels", Kind.UNARY, anthropic_models.decode_one, models.list_models)
    return [
        HttpEndpoint("GET", "/v1/models", _ANTHROPIC, listed, anthropic_models.ModelsAnswer),
        HttpEndpoint("GET", "/v1/models/", _ANTHROPIC, named, anthropic_models.ModelAnswer),
    ]


def _either(chat: Chat, decode: Callable[[Call], object]) -> Method:
    """Complete, or StreamComplete where the body says so."""
    streamed = Method(f"{CHAT}/StreamComplete", Kind.SERVER_STREAM, _decoded, chat.complete)
    return Method(f"{CHAT}/Complete", Kind.UNARY, decode, chat.complete, streamed)


def _decoded(call: Call) -> object:
    raise Internal("A request is decoded once.")
