"""The fake gateway itself: a gRPC server on a free port of this machine."""

import asyncio
from collections import deque
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

import grpc
from hedgerow.chat.v1 import chat_service_pb2_grpc
from hedgerow.embed.v1 import embed_service_pb2_grpc
from hedgerow.router.v1 import router_service_pb2_grpc
from hedgerow.router.v1.router_service_pb2 import MODEL_KIND_CHAT, Candidate, Model

from hedgerow_client.testing.answer import PROVIDER, Answer
from hedgerow_client.testing.chat import ChatServicer
from hedgerow_client.testing.embed import EmbedServicer
from hedgerow_client.testing.health import Health
from hedgerow_client.testing.request import Request
from hedgerow_client.testing.router import RouterServicer
from hedgerow_client.testing.stage import Reply, Script, Stage

_THREADS = 128
# Clients of Hedgerow probe silent connections with open calls; without this the server would take it for abuse.
_OPTIONS = (("grpc.keepalive_permit_without_calls", 1), ("grpc.http2.min_ping_interval_without_data_ms", 5_000))


class FakeGateway:
    """A gateway that answers as it is told, in this process, for callers in this process or in others.

    `script` is what the calls see, one step after the other: an Answer, a Fault, a Recording, or a function that makes
    one of the Request. The last step stays for all calls that follow. Calls of all chat and embedding RPCs take steps;
    a model may have a script of its own (`script`). Without any script every chat is answered by a greeting, and every
    text by a vector.

    `models` are the models there are, by name or in full; calls for another one are NOT_FOUND. None: there is every
    model, and ListModels gives none. `token`: what callers must send as their key; None: they need not send one.
    `dimensions` is the length of the vectors that no answer spells out, from 1.

    It runs within a `with` or `async with` block, or from `start` to `stop`. Several may run at once, and one may serve
    any number of threads and event loops; at most 128 calls at a time.
    """

    def __init__(
        self,
        *script: Script,
        models: Iterable[Model | str] | None = None,
        token: str | None = None,
        dimensions: int = 8,
    ) -> None:
        greeting = Answer("Hello from the fake gateway.")
        self._stage = Stage(
            models=None if models is None else [_model(one) for one in models],
            token=token,
            dimensions=dimensions,
            scripts={"": deque(script or (greeting,))},
        )
        self._health = Health()
        self._server: grpc.Server | None = None
        self._target = ""

    @property
    def target(self) -> str:
        """Where it listens, as clients want it, such as "127.0.0.1:41234". Raises RuntimeError before it runs."""
        if not self._target:
            raise RuntimeError("the fake gateway does not run: use it in a `with` block, or call `start`")
        return self._target

    @property
    def requests(self) -> list[Request]:
        """The calls that have come so far, oldest first, those that were refused as well."""
        with self._stage.changed:
            return list(self._stage.requests)

    def script(self, *steps: Script, model: str = "") -> None:
        """Sets what the calls from now on see; with a `model`, those for this model. At least one step."""
        if not steps:
            raise ValueError("steps: expected one or more")
        with self._stage.changed:
            self._stage.scripts[model] = deque(steps)

    def reply(self, answer: Reply) -> None:
        """Sets what EstimateCost, CountTokens or ExplainRoute answer, by the type of `answer`. Without it they are
        UNIMPLEMENTED.
        """
        self._stage.replies[type(answer)] = answer

    def set_serving(self, serving: bool, service: str = "") -> None:
        """Sets what grpc.health.v1 says of a service, such as "hedgerow.chat.v1.ChatService", or of the whole ("").

        Clients of Hedgerow watch the whole: while it does not serve, their calls are UNAVAILABLE.
        """
        self._health.set(service, serving)

    def wait_for_requests(self, count: int, timeout_s: float = 5.0) -> list[Request]:
        """The calls so far, once there are so many. Raises TimeoutError where there are fewer after `timeout_s`."""
        with self._stage.changed:
            if not self._stage.changed.wait_for(lambda: len(self._stage.requests) >= count, timeout_s):
                raise TimeoutError(f"{len(self._stage.requests)} of {count} calls have come within {timeout_s:g} s")
            return list(self._stage.requests)

    def start(self) -> Self:
        """Starts the server. Raises RuntimeError where it runs, or has been stopped."""
        if self._target:
            raise RuntimeError("a fake gateway starts once")
        server = grpc.server(ThreadPoolExecutor(_THREADS, thread_name_prefix="fake-gateway"), options=_OPTIONS)
        chat_service_pb2_grpc.add_ChatServiceServicer_to_server(ChatServicer(self._stage), server)
        embed_service_pb2_grpc.add_EmbedServiceServicer_to_server(EmbedServicer(self._stage), server)
        router_service_pb2_grpc.add_RouterServiceServicer_to_server(RouterServicer(self._stage), server)
        server.add_generic_rpc_handlers((self._health.handler(),))
        self._target = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        server.start()
        self._server = server
        return self

    def stop(self) -> None:
        """Ends open calls and stops. May be called more than once."""
        if self._server is not None:
            self._server.stop(0).wait()
            self._server = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        return self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.stop)


def _model(named: Model | str) -> Model:
    if isinstance(named, Model):
        return named
    return Model(name=named, kind=MODEL_KIND_CHAT, candidates=[Candidate(provider=PROVIDER, model=named)])
