"""What the jobs of all dialects have in common: an answer is one document, or a stream of events."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

import msgspec

from hedgerow_sim.author import Author
from hedgerow_sim.chat import Ask, Choice
from hedgerow_sim.dialects.port import Frame, Refusal, Reply, Wish


class Voice(Protocol):
    """How a dialect writes the answers to one chat request; `call` makes the ids in them unique."""

    def headers(self, call: int, *, streamed: bool) -> Mapping[str, str]:
        """Content type and whatever else the provider sends."""

    def document(self, call: int, choices: Sequence[Choice], *, finish: bool) -> bytes:
        """The answer as one body; without `finish` it does not say why it ended."""

    def events(self, call: int, choices: Sequence[Choice], *, finish: bool) -> Iterator[Frame]:
        """The answer as a stream."""

    def failure(self, refusal: Refusal) -> bytes:
        """An error inside the stream."""


class ChatJob:
    """A chat request, answered by the author in the dialect's voice."""

    def __init__(self, ask: Ask, author: Author, voice: Voice) -> None:
        self.model = ask.model
        self.stream = ask.stream
        self.input_tokens = ask.input_tokens
        self._ask = ask
        self._author = author
        self._voice = voice

    def reply(self, call: int, wish: Wish) -> Reply:
        """See Job."""
        if wish.call:
            choices = [self._author.call(self._ask, half=wish.call == "half")]
        else:
            text = self._ask.prompt if wish.echo else wish.text
            choices = self._author.write(self._ask, wish.length, text)
        if wish.filtered:
            choices = [msgspec.structs.replace(choice, finish="content_filter") for choice in choices]
        streamed = self.stream if wish.stream is None else wish.stream
        headers = self._voice.headers(call, streamed=streamed)
        if streamed:
            return Reply(headers, self._voice.events(call, choices, finish=wish.finish), streamed=True)
        body = self._voice.document(call, choices, finish=wish.finish)
        longest = max(choice.tokens for choice in choices)
        frame = Frame(body, sum(choice.tokens for choice in choices), max(longest - 1, 0))
        return Reply(headers, (frame,), streamed=False)

    def failure(self, refusal: Refusal) -> bytes:
        """See Job."""
        return self._voice.failure(refusal)


class DocumentJob:
    """A request that is always answered with one document: embeddings, counts."""

    stream = False

    def __init__(self, model: str, input_tokens: int, write: Callable[[int], tuple[Mapping[str, str], bytes]]) -> None:
        """`write` makes headers and body from the number of the call."""
        self.model = model
        self.input_tokens = input_tokens
        self._write = write

    def reply(self, call: int, _wish: Wish) -> Reply:
        """See Job; such an answer has neither length nor finish reason to wish for."""
        headers, body = self._write(call)
        return Reply(headers, (Frame(body),), streamed=False)

    def failure(self, _refusal: Refusal) -> bytes:
        """See Job."""
        return b""
