"""A caller with nothing but generated stubs, which keeps all that it was told."""

import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Generic, Self, TypeVar

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from hedgerow.chat.v1 import chat_service_pb2 as chat_pb
from hedgerow.chat.v1 import message_pb2 as message_pb
from hedgerow.common.v1.attempt_pb2 import CallReport
from hedgerow.common.v1.policy_pb2 import RoutePolicy
from hedgerow.embed.v1 import embed_service_pb2 as embed_pb
from rpc.http_caller import HttpCaller
from stack import OWN_CONNECTIONS, Stack

STREAM_EMBED = "/hedgerow.embed.v1.EmbedService/StreamEmbed"
LIST_MODELS = "/hedgerow.router.v1.RouterService/ListModels"
TIMEOUT_S = 30.0


class Way(str):
    """How a chat is asked for: an RPC by its method name, or a path of an HTTP door."""

    __slots__ = ("door", "stream")
    door: str
    """"grpc", "openai" or "anthropic"."""
    stream: bool
    """Whether the answer comes as a stream."""

    def __new__(cls, name: str, door: str, *, stream: bool) -> Self:
        """A way by the name that tests show."""
        made = super().__new__(cls, name)
        made.door, made.stream = door, stream
        return made


COMPLETE = Way("/hedgerow.chat.v1.ChatService/Complete", "grpc", stream=False)
STREAM_COMPLETE = Way("/hedgerow.chat.v1.ChatService/StreamComplete", "grpc", stream=True)
EMBED = Way("/hedgerow.embed.v1.EmbedService/Embed", "grpc", stream=False)
OPENAI = Way("openai", "openai", stream=False)
OPENAI_STREAM = Way("openai-stream", "openai", stream=True)
ANTHROPIC = Way("anthropic", "anthropic", stream=False)
ANTHROPIC_STREAM = Way("anthropic-stream", "anthropic", stream=True)
WAYS = (COMPLETE, STREAM_COMPLETE, OPENAI, OPENAI_STREAM, ANTHROPIC, ANTHROPIC_STREAM)
"""Every door, unary and streamed: for `pytest.mark.parametrize("rpc", WAYS)`."""

D = TypeVar("D", bound=Message)
M = TypeVar("M")


@dataclass
class Outcome(Generic[M]):
    """All that a call told its caller."""

    messages: list[M] = field(default_factory=list)
    """What came before the end."""
    code: grpc.StatusCode = grpc.StatusCode.OK
    """How it ended."""
    text: str = ""
    """The message of the status."""
    trailers: tuple[tuple[str, str | bytes], ...] = ()
    """The trailing metadata."""
    raw: bytes = b""
    """At an HTTP door: headers and body as they came."""

    @property
    def message(self) -> M:
        """The one message of a unary answer."""
        assert self.code is grpc.StatusCode.OK, f"{self.code}: {self.text}"
        (only,) = self.messages
        return only

    def trailer(self, name: str) -> str | bytes | None:
        """The value of a trailer that comes at most once."""
        values = [value for key, value in self.trailers if key == name]
        assert len(values) <= 1, f"{name} came {len(values)} times"
        return values[0] if values else None

    @property
    def request_id(self) -> str:
        """The id of the call."""
        return str(self.trailer("x-request-id") or "")

    @property
    def pushback_ms(self) -> int | None:
        """What the gateway says of another try."""
        value = self.trailer("grpc-retry-pushback-ms")
        return None if value is None else int(value)

    @property
    def report(self) -> CallReport:
        """The report of the call."""
        value = self.trailer("hedgerow-report-bin")
        assert isinstance(value, bytes)
        return CallReport.FromString(value)

    @property
    def status(self) -> status_pb2.Status:
        """The status with its details."""
        value = self.trailer("grpc-status-details-bin")
        assert isinstance(value, bytes), f"no details came with {self.code}: {self.text}"
        status = status_pb2.Status.FromString(value)
        assert (status.code, status.message) == (self.code.value[0], self.text)
        return status

    @property
    def info(self) -> error_details_pb2.ErrorInfo:
        """The one ErrorInfo."""
        info = self.detail(error_details_pb2.ErrorInfo)
        assert info is not None
        return info

    @property
    def reason(self) -> str:
        """The reason, without its prefix."""
        return str(self.info.reason).removeprefix("ERROR_REASON_")

    def detail(self, kind: type[D]) -> D | None:
        """The detail of a kind, which comes at most once."""
        packed = [one for one in self.status.details if one.Is(kind.DESCRIPTOR)]
        assert len(packed) <= 1, f"{kind.DESCRIPTOR.full_name} came {len(packed)} times"
        if not packed:
            return None
        detail = kind()
        assert packed[0].Unpack(detail)
        return detail

    @property
    def everything(self) -> bytes:
        """Whatever the caller was told, for searches."""
        pieces = [self.raw, self.text.encode(), *(repr(message).encode() for message in self.messages)]
        for key, value in self.trailers:
            pieces += [key.encode(), value if isinstance(value, bytes) else value.encode()]
        return b"\n".join(pieces)


class Caller:
    """Calls a gateway by method name, with messages or with any bytes at all."""

    def __init__(self, channel: grpc.Channel, http: HttpCaller | None = None) -> None:
        self.channel = channel
        self._http = http

    @property
    def speaks_http(self) -> bool:
        """Whether it can ask at the HTTP doors."""
        return self._http is not None

    def unary(
        self,
        method: str,
        request: Message | bytes,
        answer: Callable[[bytes], M],
        *,
        timeout: float | None = TIMEOUT_S,
        metadata: Iterable[tuple[str, str | bytes]] = (),
    ) -> Outcome[M]:
        """Makes a unary call and waits for its end."""
        call = self.channel.unary_unary(method, request_serializer=_bytes, response_deserializer=answer)
        done: Any = call.future(request, timeout=timeout, metadata=tuple(metadata))
        outcome: Outcome[M] = Outcome()
        with suppress(grpc.RpcError):
            outcome.messages.append(done.result())
        return _ended(outcome, done)

    def open(
        self,
        method: str,
        request: Message | bytes,
        answer: Callable[[bytes], M],
        *,
        timeout: float | None = TIMEOUT_S,
        metadata: Iterable[tuple[str, str | bytes]] = (),
    ) -> Any:
        """Opens a stream of answers."""
        call = self.channel.unary_stream(method, request_serializer=_bytes, response_deserializer=answer)
        return call(request, timeout=timeout, metadata=tuple(metadata))

    def stream(
        self,
        method: str,
        request: Message | bytes,
        answer: Callable[[bytes], M],
        *,
        timeout: float | None = TIMEOUT_S,
        metadata: Iterable[tuple[str, str | bytes]] = (),
        into: list[M] | None = None,
    ) -> Outcome[M]:
        """Makes a call with a stream of answers and reads it to its end; `into` takes the messages as they come."""
        return drained(self.open(method, request, answer, timeout=timeout, metadata=metadata), into)

    def complete(self, request: Message | bytes, **options: Any) -> Outcome[chat_pb.CompleteResponse]:
        """Calls Complete."""
        return self.unary(COMPLETE, request, chat_pb.CompleteResponse.FromString, **options)

    def stream_complete(self, request: Message | bytes, **options: Any) -> Outcome[chat_pb.StreamCompleteResponse]:
        """Calls StreamComplete."""
        return self.stream(STREAM_COMPLETE, request, chat_pb.StreamCompleteResponse.FromString, **options)

    def chat(self, rpc: str, model: str, **options: Any) -> Outcome[Any]:
        """Says hello to a model in some way; `route` is the policy, `spec` are further fields of the chat."""
        return self.ask(rpc, chat(model, route=options.pop("route", None), **options.pop("spec", {})), **options)

    def ask(self, rpc: str, request: chat_pb.CompleteRequest, **options: Any) -> Outcome[Any]:
        """Asks for a chat answer in some way."""
        assert isinstance(rpc, Way)
        if rpc.door == "grpc":
            return self.stream_complete(request, **options) if rpc.stream else self.complete(request, **options)
        assert self._http is not None, "connected without the address of the HTTP door"
        told = self._http.ask(rpc.door, request, stream=rpc.stream, **options)
        return Outcome(told.messages, told.code, told.text, told.trailers, told.raw)

    def embed(self, request: Message | bytes, **options: Any) -> Outcome[embed_pb.EmbedResponse]:
        """Calls Embed."""
        return self.unary(EMBED, request, embed_pb.EmbedResponse.FromString, **options)

    def stream_embed(
        self, requests: Iterable[Message | bytes], *, timeout: float | None = TIMEOUT_S
    ) -> Outcome[embed_pb.StreamEmbedResponse]:
        """Calls StreamEmbed and reads it to its end."""
        return drained(self.open_embed(requests, timeout=timeout))

    def open_embed(
        self,
        requests: Iterable[Message | bytes],
        *,
        timeout: float | None = TIMEOUT_S,
        metadata: Iterable[tuple[str, str | bytes]] = (),
    ) -> Any:
        """Opens StreamEmbed."""
        call = self.channel.stream_stream(
            STREAM_EMBED, request_serializer=_bytes, response_deserializer=embed_pb.StreamEmbedResponse.FromString
        )
        return call(iter(requests), timeout=timeout, metadata=tuple(metadata))


@dataclass
class Door:
    """A running stack and a caller connected to it."""

    stack: Stack
    """The processes."""
    caller: Caller
    """Connected to the callers' door."""


def _bytes(request: Message | bytes) -> bytes:
    return request if isinstance(request, bytes) else request.SerializeToString()


def drained(call: Any, into: list[Any] | None = None) -> Outcome[Any]:
    """Reads a stream to its end; `into` takes the messages as they come."""
    outcome: Outcome[Any] = Outcome(messages=[] if into is None else into)
    with suppress(grpc.RpcError):
        outcome.messages.extend(call)
    return _ended(outcome, call)


def _ended(outcome: Outcome[M], call: grpc.Call) -> Outcome[M]:
    outcome.code = call.code()
    outcome.text = call.details() or ""
    outcome.trailers = tuple((key, value) for key, value in call.trailing_metadata() or ())
    return outcome


@contextmanager
def connected(
    target: str | Mapping[str, str],
    credentials: grpc.ChannelCredentials | None = None,
    more: Iterable[tuple[str, int]] = (),
) -> Iterator[Caller]:
    """A caller with a connection of its own, which takes messages of any size; `more` are channel arguments. With the
    addresses of a router as the target it can ask at its HTTP door, too.
    """
    http = HttpCaller(target["http"]) if isinstance(target, Mapping) else None
    target = target if isinstance(target, str) else target["grpc"]
    options = [("grpc.max_receive_message_length", -1), *OWN_CONNECTIONS, *more]
    if credentials is None:
        channel = grpc.insecure_channel(target, options)
    else:
        channel = grpc.secure_channel(target, credentials, options)
    try:
        with channel:
            yield Caller(channel, http)
    finally:
        if http is not None:
            http.close()


def hello(text: str = "hi") -> message_pb.Message:
    """A user's message."""
    return message_pb.Message(role=message_pb.ROLE_USER, content=[message_pb.Part(text=text)])


def chat(model: str, *, route: RoutePolicy | None = None, **spec: Any) -> chat_pb.CompleteRequest:
    """A request of Complete; its bytes are also one of StreamComplete, whose fields are the same."""
    spec.setdefault("messages", [hello()])
    return chat_pb.CompleteRequest(chat=message_pb.ChatSpec(model=model, **spec), route=route)


def embed(model: str, *texts: str, **spec: Any) -> embed_pb.EmbedRequest:
    """A request of Embed."""
    inputs = [embed_pb.EmbedInput(text=text) for text in texts]
    return embed_pb.EmbedRequest(embed=embed_pb.EmbedSpec(model=model, inputs=inputs, **spec))


def options(model: str, **more: Any) -> embed_pb.StreamEmbedRequest:
    """The first message of StreamEmbed."""
    return embed_pb.StreamEmbedRequest(options=embed_pb.StreamEmbedOptions(model=model, **more))


def item(item_id: str, text: str) -> embed_pb.StreamEmbedRequest:
    """A further message of StreamEmbed."""
    given = embed_pb.StreamEmbedItem(id=item_id, input=embed_pb.EmbedInput(text=text))
    return embed_pb.StreamEmbedRequest(item=given)


def new_trace() -> str:
    """A traceparent of its own for a call, by which its upstream requests are found in the simulator's book."""
    return f"00-{os.urandom(16).hex()}-{os.urandom(8).hex()}-01"


def book(sim_url: str) -> list[dict[str, Any]]:
    """The requests in the simulator's book, oldest first."""
    with urllib.request.urlopen(f"{sim_url}/_sim/book", timeout=10) as response:
        calls: list[dict[str, Any]] = json.load(response)["calls"]
    return calls


def booked(sim_url: str, trace: str) -> list[dict[str, Any]]:
    """The upstream requests of one call, oldest first."""
    return [call for call in book(sim_url) if call["headers"].get("traceparent") == trace]


def get(url: str) -> tuple[int, str]:
    """Status and text of a page."""
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def eventually(condition: Callable[[], M | None], what: str, within_s: float = 10.0) -> M:
    """The first true result of the condition. Fails when there is none in time."""
    until = time.monotonic() + within_s
    while not (result := condition()):
        if time.monotonic() > until:
            raise AssertionError(f"not within {within_s:g} s: {what}")
        time.sleep(0.01)
    return result
