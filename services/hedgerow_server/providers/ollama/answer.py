"""What Ollama sends: chat answers, whole or one piece a line, and embeddings, as far as they are read.

Members that servers fill with more than one type are declared `Any` and looked at where they are used; unknown members
are skipped.
"""

from typing import Any

import msgspec

from hedgerow_server.providers.loose import Loose, tolerant

_NOTHING = msgspec.Raw(b"")


class Function(Loose):
    """A call of a function: its arguments are an object, not its text."""

    name: Any = None
    arguments: msgspec.Raw = _NOTHING


class Call(Loose):
    """A tool call; older servers give it no id."""

    id: Any = None
    function: Function | None = None


class Message(Loose):
    """A message or a piece of one."""

    content: Any = None
    thinking: Any = None
    tool_calls: list[Call] | None = None


class Chat(Loose):
    """A whole answer or a piece of one; the last piece has `done` and the counts."""

    model: Any = None
    created_at: Any = None
    message: Message | None = None
    logprobs: Any = None
    done: Any = None
    done_reason: Any = None
    prompt_eval_count: Any = None
    prompt_eval_cached_count: Any = None
    eval_count: Any = None
    error: Any = None


class Embeddings(Loose):
    """The vectors of a batch, or the one vector of `/api/embeddings`, the older operation."""

    model: Any = None
    embeddings: Any = None
    embedding: Any = None
    prompt_eval_count: Any = None
    error: Any = None


read_chat = tolerant(Chat)
"""The answer or piece in UTF-8 JSON, None where there is none."""
read_embeddings = tolerant(Embeddings)
"""The embeddings in UTF-8 JSON, None where there are none."""
