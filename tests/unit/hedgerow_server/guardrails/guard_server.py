"""A server of GuardrailService that answers what a test says."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import grpc
import grpc.aio
from hedgerow.guardrail.v1 import guardrail_service_pb2 as pb
from hedgerow.guardrail.v1 import guardrail_service_pb2_grpc as stubs
from hedgerow_server.core.secret import Secret
from hedgerow_server.guardrails.remote.section import RemoteServiceGuardSection
from hedgerow_server.guardrails.remote.service import RemoteServiceGuard

Answering = Callable[[pb.CheckRequest], pb.CheckResponse | Awaitable[pb.CheckResponse]]
TOKEN = "guard-token-0123456789"


def nothing(request: pb.CheckRequest) -> pb.CheckResponse:
    """Nothing is wrong with any of the texts."""
    return pb.CheckResponse(results=[pb.CheckResult() for _ in request.texts])


def saying(*findings: pb.CheckFinding) -> Answering:
    """These findings in every text."""
    return lambda request: pb.CheckResponse(results=[pb.CheckResult(findings=findings) for _ in request.texts])


def finding(
    start: int, end: int, category: str = "pii.name", *, score: float | None = None, replacement: str = ""
) -> pb.CheckFinding:
    return pb.CheckFinding(
        category=category, span=pb.TextSpan(start=start, end=end), score=score, replacement=replacement
    )


async def until(condition: Callable[[], object]) -> None:
    """Waits for what another process or task does."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110  (there is no event to wait for)
            await asyncio.sleep(0.001)


class GuardServer(stubs.GuardrailServiceServicer):
    """Notes what it is asked."""

    def __init__(self) -> None:
        self.answer: Answering = nothing
        self.status: grpc.StatusCode | None = None
        self.once: grpc.StatusCode | None = None
        """The status of the next call alone."""
        self.thawed = asyncio.Event()
        """While it is not set no call is answered."""
        self.thawed.set()
        self.requests: list[pb.CheckRequest] = []
        self.metadata: list[dict[str, str]] = []
        self.peers: set[str] = set()
        self.under_way = 0
        self.most_under_way = 0

    async def Check(  # noqa: N802
        self, request: pb.CheckRequest, context: "grpc.aio.ServicerContext[pb.CheckRequest, pb.CheckResponse]"
    ) -> pb.CheckResponse:
        self.requests.append(request)
        self.metadata.append({key: str(value) for key, value in context.invocation_metadata() or ()})
        self.peers.add(context.peer())
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            status, self.once = self.once or self.status, None
            if status is not None:
                await context.abort(status, f"about {request.texts[0].text}")
            await self.thawed.wait()
            answer = self.answer(request)
            return answer if isinstance(answer, pb.CheckResponse) else await answer
        finally:
            self.under_way -= 1


@asynccontextmanager
async def serving(server: GuardServer, credentials: grpc.ServerCredentials | None = None) -> AsyncIterator[str]:
    """Serves on loopback; gives HOST:PORT."""
    door = grpc.aio.server()
    stubs.add_GuardrailServiceServicer_to_server(server, door)
    port = (
        door.add_insecure_port("127.0.0.1:0")
        if credentials is None
        else door.add_secure_port("127.0.0.1:0", credentials)
    )
    await door.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await door.stop(None)


@asynccontextmanager
async def asking(target: str, **section: object) -> AsyncIterator[RemoteServiceGuard]:
    """A guard that asks it. Its time is long, unless the test says otherwise."""
    given = {"timeout_seconds": 20, **section}
    guard = RemoteServiceGuard(
        RemoteServiceGuardSection.model_validate({"target": target, **given}),
        name="ours",
        reveal=lambda _: Secret(TOKEN),
    )
    try:
        yield guard
    finally:
        await guard.close()
