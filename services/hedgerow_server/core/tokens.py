"""How many tokens a request may be, without any model's vocabulary.

The expected numbers are rules of thumb. The bounds hold: no vocabulary in use makes more tokens of a text than it has
bytes of UTF-8, since each falls back to single bytes at worst.
"""

from collections.abc import Iterable, Iterator

import msgspec

from hedgerow_server.core.request import (
    Audio,
    ChatSpec,
    EmbedSpec,
    File,
    FunctionTool,
    Image,
    JsonSchemaFormat,
    Part,
    ProviderItem,
    ProviderTool,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)

USUAL_OUTPUT_TOKENS = 256
"""Of a usual answer: what is assumed where the request bounds none lower."""
_BYTES_PER_TOKEN = 4
"""Of English text in current vocabularies. Scripts of two and three bytes a character come to 0.5 and 0.75 tokens."""
_IMAGE, _IMAGE_MOST = 1_000, 50_000
"""Tokens of a picture. Providers shrink it first; the most is GPT-4o mini's 2,833 and 5,667 for each of 8 tiles."""
_AUDIO_BYTES_PER_TOKEN = 640
"""32 kB a second (16-bit mono at 16 kHz) and 25 to 50 tokens a second."""
_FILE_BYTES_PER_TOKEN = 25
"""A PDF's page of 50 kB, read as text and as a picture, is about 2,000 tokens."""
_REQUEST_MOST = 1_024
"""What a provider puts before a conversation by itself: its own instructions, the frame of a format or of tools."""
_PIECE_MOST = 16
"""What frames a message, a part, a tool or an input: roles, separators, identifiers."""
_PIECE = 4


class InputTokens(msgspec.Struct, frozen=True):
    """The size of a request's input in tokens."""

    expected: int
    """A rule of thumb, at least 1."""
    bound: int | None
    """The most it can be. None: no bound is known, as where the provider fetches a file or searches by itself."""


def text_tokens(size: int) -> int:
    """The tokens that so many characters, or better bytes of UTF-8, of text are expected to be."""
    return -(-size // _BYTES_PER_TOKEN)


def input_tokens(spec: ChatSpec | EmbedSpec) -> InputTokens:
    """How long the input is. State that a provider keeps by itself (stored answers) is not part of it."""
    count = _Count()
    if isinstance(spec, EmbedSpec):
        for one in spec.inputs:
            count.piece()
            if isinstance(one, str):
                count.text(one)
            else:
                # Tokens of the vocabulary count as what they are.
                count.add(len(one), len(one))
    else:
        if spec.tools or spec.response_format is not None:
            for text in _texts(spec):
                count.text(text)
        for message in spec.messages:
            count.piece()
            count.parts(message.content)
        for tool in spec.tools:
            count.piece()
            if isinstance(tool, ProviderTool):
                count.unbounded()
    for options in spec.provider_options.values():
        # Only a bound: most options are no text.
        count.bound += len(options.encode())
    return InputTokens(max(count.expected, 1), count.bound + _REQUEST_MOST if count.bounded else None)


class _Count:
    """Adds up a request."""

    __slots__ = ("bound", "bounded", "expected")

    def __init__(self) -> None:
        self.expected = 0
        self.bound = 0
        self.bounded = True

    def add(self, expected: int, bound: int) -> None:
        self.expected += expected
        self.bound += bound

    def piece(self) -> None:
        self.expected += _PIECE
        self.bound += _PIECE_MOST

    def text(self, text: str) -> None:
        size = len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
        self.expected += -(-size // _BYTES_PER_TOKEN)
        self.bound += size

    def unbounded(self) -> None:
        self.bounded = False

    def parts(self, parts: Iterable[Part]) -> None:
        for part in parts:
            given = part.content
            if isinstance(given, Text):
                # By far the most; as below, in one go.
                size = len(given.text) if given.text.isascii() else len(given.text.encode("utf-8", "replace"))
                self.expected += _PIECE - -size // _BYTES_PER_TOKEN
                self.bound += _PIECE_MOST + size
                continue
            self.piece()
            match given:
                case Reasoning(text) | Refusal(text):
                    self.text(text)
                case ToolCall(_, name, arguments):
                    self.text(name)
                    self.text(arguments)
                case ToolResult(_, content):
                    self.parts(content)
                case Image():
                    self.add(_IMAGE, _IMAGE_MOST)
                case Audio(data):
                    self._medium(data, _AUDIO_BYTES_PER_TOKEN)
                case File(data, media_type=kind) if data is not None and kind.startswith("text/"):
                    self.add(text_tokens(len(data)), len(data))
                case File(data):
                    self._medium(data, _FILE_BYTES_PER_TOKEN)
                case ProviderItem():
                    self._medium(given.data, _BYTES_PER_TOKEN)

    def _medium(self, data: bytes | None, bytes_per_token: int) -> None:
        """What is read by the provider's own rules: its size says what to expect, and bounds nothing."""
        self.expected += -(-len(data) // bytes_per_token) if data is not None else _IMAGE
        self.unbounded()


def _texts(spec: ChatSpec) -> Iterator[str]:
    """The texts beside the messages."""
    for tool in spec.tools:
        if isinstance(tool, FunctionTool):
            yield from (tool.name, tool.description, tool.parameters)
        else:
            yield tool.definition
    if isinstance(spec.response_format, JsonSchemaFormat):
        yield from (spec.response_format.name, spec.response_format.description, spec.response_format.schema)
