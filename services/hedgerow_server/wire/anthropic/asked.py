"""The body of a request as Anthropic's API has it: https://platform.claude.com/docs/en/api/messages."""

from typing import Literal

import msgspec

from hedgerow_server.wire.extension import NOTHING, Extension


class Turn(msgspec.Struct, frozen=True):
    """A message. Its blocks are read one by one."""

    role: Literal["user", "assistant", "system"]
    content: str | list[msgspec.Raw]


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a request says in members that the contract has fields for. All others go to providers of the dialect."""

    model: str
    messages: list[Turn]
    system: str | list[msgspec.Raw] | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop_sequences: list[str] | None = None
    stream: bool | None = None
    tools: list[msgspec.Raw] | None = None
    tool_choice: "Choice | None" = None
    thinking: msgspec.Raw = msgspec.Raw()
    output_config: msgspec.Raw = msgspec.Raw()
    output_format: msgspec.Raw = msgspec.Raw()
    """Where the form of an answer stood before `output_config` was there."""
    hedgerow: Extension = NOTHING


class PlainText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A block of text with nothing beside it."""

    type: Literal["text"]
    text: str


class Choice(msgspec.Struct, frozen=True):
    """Whether and which tools must be called."""

    type: Literal["auto", "any", "tool", "none"]
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class Thinking(msgspec.Struct, frozen=True):
    """How the model thinks before it answers."""

    type: str
    budget_tokens: int | None = None


class Format(msgspec.Struct, frozen=True):
    """The form of an answer."""

    type: Literal["json_schema"]
    schema: msgspec.Raw


class CacheControl(msgspec.Struct, frozen=True):
    """Asks to cache the prompt up to here."""

    type: Literal["ephemeral"]
    ttl: Literal["5m", "1h"] | None = None


class Source(msgspec.Struct, frozen=True):
    """Where a picture or a document is. `content` is one of blocks, which is sent as it is."""

    type: Literal["base64", "url", "file", "text", "content"]
    media_type: str = ""
    data: str = ""
    url: str = ""
    file_id: str = ""


ASKED = msgspec.json.Decoder(Asked)
THINKING = msgspec.json.Decoder(Thinking)
FORMAT = msgspec.json.Decoder(Format)
CACHE_CONTROL = msgspec.json.Decoder(CacheControl)
SOURCE = msgspec.json.Decoder(Source)
FIELDS = frozenset(Asked.__struct_fields__)
