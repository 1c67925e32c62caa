"""What is fuzzed: each target takes any bytes and fails if a reader does what none may do.

A target raises for anything that is no HedgerowError, for events that cannot be written on the wire or do not fold into
an answer, for two cuts of the same bytes with different results, and for more memory held than the reader's limit.
A crash is reproduced by its bytes alone: how they are cut follows from their checksum.

The input of a dialect begins with two bytes that choose what reads the rest, "s0" for example: s, d, e or c (a stream,
a document, embeddings, a refusal to classify), then the number of the provider. The body follows in the next line; see
`frames` for Bedrock's streams and `_classify` for refusals.
"""

import itertools
import math
import random
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TypeVar
from zlib import crc32

from fuzz.frames import frames, sealed
from hedgerow_server.core.error import HedgerowError
from hedgerow_server.core.event import Completed, EmbeddingsAdded, Event, Finished, Started, Usage, coalesce
from hedgerow_server.core.fold import Fold
from hedgerow_server.core.port import Dialect, Operation
from hedgerow_server.doors.status import status
from hedgerow_server.providers.anthropic import Anthropic, AnthropicSection
from hedgerow_server.providers.azure_openai import AzureOpenAI, AzureOpenAISection
from hedgerow_server.providers.bedrock import Bedrock, BedrockSection
from hedgerow_server.providers.cohere import Cohere, CohereSection
from hedgerow_server.providers.eventstream import EventStreamReader
from hedgerow_server.providers.google import Gemini, GeminiSection, Vertex, VertexSection
from hedgerow_server.providers.ollama import Ollama, OllamaSection
from hedgerow_server.providers.openai import OpenAI, OpenAISection
from hedgerow_server.providers.openai_responses import OpenAIResponses, OpenAIResponsesSection
from hedgerow_server.providers.sse import SseReader
from hedgerow_server.wire.chat_events import EventEncoder

_T = TypeVar("_T")
Target = Callable[[bytes], None]
_Result = tuple[list[_T], HedgerowError | None]
"""Events, and the error that ended them."""

KINDS = b"sdec"
LIMIT = 192
"""The most bytes of an event that the two low readers are given: small, so that inputs get there."""
_EVERY_BYTE = 128
"""The most bytes of an input that is cut everywhere."""
_AMPLIFICATION, _OVERHEAD = 64, 1 << 16
"""The most bytes of messages for a byte of the provider's, and besides. Bytes of JSON become few more, never many."""


def _openai(vendor: str) -> OpenAI:
    return OpenAI("vendor", OpenAISection.model_validate({"dialect": "openai", "vendor": vendor}))


def _azure(api: str) -> AzureOpenAI:
    section = {"dialect": "azure_openai", "base_url": "https://example.openai.azure.com", "api": api}
    return AzureOpenAI("vendor", AzureOpenAISection.model_validate(section))


def _vertex() -> Vertex:
    section = {"dialect": "vertex", "project": "example", "location": "us-central1"}
    return Vertex("vendor", VertexSection.model_validate(section))


DIALECTS: dict[str, tuple[Callable[[], Dialect], ...]] = {
    "openai": (
        lambda: _openai("openai"),
        lambda: _openai("mistral"),
        lambda: _openai("openrouter"),
        lambda: _openai("perplexity"),
        lambda: _openai("xai"),
        lambda: _openai("voyage"),
        lambda: _openai("gemini"),
    ),
    "openai_responses": (
        lambda: OpenAIResponses("vendor", OpenAIResponsesSection.model_validate({"dialect": "openai_responses"})),
    ),
    "azure_openai": (lambda: _azure("chat"), lambda: _azure("responses")),
    "anthropic": (lambda: Anthropic("vendor", AnthropicSection.model_validate({"dialect": "anthropic"})),),
    "gemini": (lambda: Gemini("vendor", GeminiSection.model_validate({"dialect": "gemini"})),),
    "vertex": (_vertex,),
    "bedrock": (
        lambda: Bedrock("vendor", BedrockSection.model_validate({"dialect": "bedrock", "region": "us-east-1"})),
    ),
    "cohere": (lambda: Cohere("vendor", CohereSection.model_validate({"dialect": "cohere"})),),
    "ollama": (lambda: Ollama("vendor", OllamaSection.model_validate({"dialect": "ollama"})),),
}
"""The providers of each dialect, by the number in an input."""


def cuts(data: bytes) -> list[bytes]:
    """The data in pieces: in two, in a few, or byte by byte, as its checksum has it."""
    luck = random.Random(crc32(data))
    count = luck.choice((1, 1, 2, 5, len(data) if len(data) <= _EVERY_BYTE else 9))
    places = range(1, len(data)) if count >= len(data) else sorted(luck.randrange(len(data) + 1) for _ in range(count))
    edges = [0, *places, len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges)]


def sse(data: bytes) -> None:
    """The reader of server-sent events."""

    def read(pieces: Iterable[bytes]) -> _Result[tuple[bytes, bytes]]:
        reader = SseReader("vendor", LIMIT)
        events: list[tuple[bytes, bytes]] = []
        try:
            for piece in pieces:
                events += reader.feed(piece)  # keeps what comes before an error
                held = len(reader._tail) + sum(map(len, reader._data)) + len(reader._name) + len(reader._start or b"")
                assert held <= 2 * LIMIT, f"{held} bytes are held"
            events += reader.end()
        except HedgerowError as error:
            return events, error
        return events, None

    events, _ = _agree(read([data]), read(cuts(data)))
    for name, payload in events:
        assert len(payload) <= 3 * LIMIT, "an event is larger than the limit"  # U+FFFD takes three bytes
        assert not {*b"\r\n"}.intersection(name), "the name of an event has a line end"
        payload.decode()


def eventstream(data: bytes) -> None:
    """The reader of Amazon's event streams: the bytes as they are, and with checksums that are right."""

    def read(pieces: Iterable[bytes]) -> _Result[tuple[str, str, bytes]]:
        reader = EventStreamReader("vendor", LIMIT)
        found: list[tuple[str, str, bytes]] = []
        try:
            for piece in pieces:
                found += reader.feed(piece)
                assert len(reader._rest) <= LIMIT, f"{len(reader._rest)} bytes are held"
                assert len(reader._known) <= 64, f"{len(reader._known)} headers are known"
        except HedgerowError as error:
            return found, error
        return found, None

    for body in (data, sealed(data)):
        _agree(read([body]), read(cuts(body)))


def dialect(name: str) -> Target:
    """The readers of a dialect and its `classify`."""
    providers = [make() for make in DIALECTS[name]]

    def target(data: bytes) -> None:
        kind = chr(data[0] if data[:1] in KINDS else KINDS[data[0] % len(KINDS)]) if data else "s"
        provider = providers[data[1] % 16 % len(providers) if len(data) > 1 else 0]
        body = data[3:]
        if kind == "c":
            _classify(provider, body)
        elif kind == "s":
            _answer(provider, Operation.CHAT, frames(body) if name == "bedrock" else body, stream=True)
        else:
            _answer(provider, Operation.CHAT if kind == "d" else Operation.EMBED, body, stream=False)

    return target


def _answer(provider: Dialect, operation: Operation, body: bytes, *, stream: bool) -> None:
    events, failure = _agree(
        _read(provider, operation, [body], stream=stream), _read(provider, operation, cuts(body), stream=stream)
    )
    if failure is not None:
        _tell(failure)
    if not events:
        assert failure is not None, "an answer without events"
        return
    assert isinstance(events[0], Started), "an answer that does not begin with Started"
    assert failure is not None or isinstance(events[-1], Finished), "an answer that does not end with Finished"
    assert not any(isinstance(event, Started | Finished) for event in events[1:-1]), "an end or a start in the middle"
    if operation is Operation.EMBED:
        assert all(isinstance(event, Started | EmbeddingsAdded | Finished) for event in events)
    else:
        _pass_on(events, len(body))


def _read(provider: Dialect, operation: Operation, pieces: Iterable[bytes], *, stream: bool) -> _Result[Event]:
    """The events, and the failure after them, as the router would have them."""
    events: list[Event] = []
    try:
        reader = provider.reader(operation, stream=stream, content_type="")
        for piece in pieces:
            events += reader.feed(piece)
            if reader.done:
                break
        events += reader.finish()
    except HedgerowError as error:
        return coalesce(events), error
    return coalesce(events), None


def _pass_on(events: Sequence[Event], size: int) -> None:
    """What the router does with events: folds them, and writes each as a message. Neither may fail."""
    fold, encoder, written = Fold(), EventEncoder(), 0
    for event in events:
        whole = event
        if isinstance(event, Finished):
            whole = Completed(event.reason, event.native_reason, event.usage or Usage(), (), event.stop_sequence)
        fold.add(whole)
        written += sum(map(len, encoder.encode(whole)))
    assert written <= _AMPLIFICATION * size + _OVERHEAD, f"{written} bytes came out of {size}"
    if isinstance(events[-1], Finished):
        content = fold.answer().message.content
        indices = {index for event in events if (index := getattr(event, "part_index", None)) is not None}
        assert indices == set(range(len(content))), "the numbers of the parts have gaps"


def _classify(provider: Dialect, body: bytes) -> None:
    """A refusal: its status, headers and an empty line, then the body, with LF as line ends."""
    head, _, document = body.partition(b"\n\n")
    first, *lines = head.split(b"\n")
    number = int(first) if first.isdigit() and first.isascii() and len(first) == 3 else 400
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(b":")
        # As the HTTP clients give headers that are no text.
        headers[name.decode("ascii", "replace").lower()] = value.strip().decode("utf-8", "surrogateescape")
    error = provider.classify(max(number, 300), headers, document)
    assert isinstance(error, HedgerowError), "classify gave no HedgerowError"
    _tell(error)


def _tell(error: HedgerowError) -> None:
    """What the router does with an error: it must be fit to be sent to the caller."""
    status(error).SerializeToString()
    delay = error.retry_delay_s
    assert delay is None or (math.isfinite(delay) and delay >= 0), f"a retry delay of {delay}"
    assert len(error.message) <= 512, "a message with a provider's text in it"


def _agree(whole: _Result[_T], cut: _Result[_T]) -> _Result[_T]:
    assert whole[0] == cut[0], f"cutting changes the events: {whole[0]!r} and {cut[0]!r}"
    assert _facts(whole[1]) == _facts(cut[1]), f"cutting changes the failure: {whole[1]!r} and {cut[1]!r}"
    return whole


def _facts(error: HedgerowError | None) -> object:
    return error and (type(error), error.message, error.metadata, error.violations, error.retry_delay_s)


TARGETS: dict[str, Callable[[], Target]] = {
    "sse": lambda: sse,
    "eventstream": lambda: eventstream,
    **{name: partial(dialect, name) for name in DIALECTS},
}
"""Every target by its name; a call makes it ready."""
