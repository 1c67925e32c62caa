"""Wires a router together: the only place that knows all rooms."""

import asyncio

import grpc.aio

from hedgerow_server.core.call import Kind, Method
from hedgerow_server.core.error import Draining, HedgerowError
from hedgerow_server.credentials.lease import HeldLease
from hedgerow_server.credentials.sources import lease
from hedgerow_server.doors.admin_http import AdminHttp
from hedgerow_server.doors.grpcio import Endpoint, GrpcDoor
from hedgerow_server.doors.listen import bind, instrumentation, server_options
from hedgerow_server.doors.standard import Health, add_channelz, add_reflection
from hedgerow_server.doors.status import status
from hedgerow_server.identity.static import StaticAuthenticator
from hedgerow_server.interceptors.auth import Auth
from hedgerow_server.interceptors.chain import Chain
from hedgerow_server.interceptors.deadline import Deadline
from hedgerow_server.interceptors.decode import Decode
from hedgerow_server.interceptors.request_id import RequestId
from hedgerow_server.interceptors.telemetry import Telemetry
from hedgerow_server.providers import registry
from hedgerow_server.providers.http.port import Transport
from hedgerow_server.providers.section import ProviderSection
from hedgerow_server.routing.plan import Candidate, Routes, Upstream
from hedgerow_server.rpc.chat import Chat
from hedgerow_server.rpc.embed import Embed
from hedgerow_server.rpc.models import Models
from hedgerow_server.settings import Settings
from hedgerow_server.telemetry import trace
from hedgerow_server.telemetry.logs import CallLog
from hedgerow_server.wire.chat import ChatAnswer, ChatDecoder
from hedgerow_server.wire.chat_events import EventEncoder
from hedgerow_server.wire.check import Checker
from hedgerow_server.wire.embed import EmbedAnswer, EmbedDecoder, EmbedEventEncoder
from hedgerow_server.wire.report import report
from hedgerow_server.wire.router import ModelsAnswer, RouterDecoder

CHAT = "hedgerow.chat.v1.ChatService"
EMBED = "hedgerow.embed.v1.EmbedService"
ROUTER = "hedgerow.router.v1.RouterService"
_LAST_WORDS_S = 0.5
_ELSEWHERE_S = 0.1


class App:
    """A router, built from its settings. Build it within a running event loop."""

    def __init__(self, settings: Settings) -> None:
        """Raises ListenError when a part of the settings cannot be used on this machine."""
        self._settings = settings
        self.leases = {name: lease(name, section) for name, section in settings.credentials.items()}
        self.upstreams = _upstreams(settings, self.leases)
        self.routes = _routes(settings, self.upstreams)
        self.call_log = CallLog() if settings.telemetry.call_log else None
        self.chain = self._chain()
        self._endpoints = endpoints(self.routes, settings.server.grpc.max_request_bytes)
        services = (CHAT, EMBED, ROUTER)
        self.health = Health(services)
        self.admin_health = Health(())
        interceptors = instrumentation() if settings.server.opentelemetry else ()
        self.server = grpc.aio.server(options=server_options(settings.server.grpc), interceptors=interceptors)
        self.admin_server = grpc.aio.server(options=(("grpc.so_reuseport", 0), ("grpc.enable_channelz", 1)))
        self._door = GrpcDoor(self.chain, report, self._endpoints)
        self.health.register(self.server)
        add_reflection(self.server, services)
        self.server.add_generic_rpc_handlers(self._door.handlers(instrumented=settings.server.opentelemetry))
        self.admin_health.register(self.admin_server)
        add_reflection(self.admin_server, ("grpc.channelz.v1.Channelz",))
        add_channelz(self.admin_server)
        self.admin_http = AdminHttp(self.problems)
        self._draining = False

    def _chain(self) -> Chain:
        settings = self._settings
        headers = trace.instrumented() if settings.server.opentelemetry else trace.forwarded
        write_line = self.call_log.write if self.call_log is not None else None
        return Chain(
            [
                RequestId(),
                Telemetry(write_line, headers),
                Deadline(settings.deadline.default_seconds, settings.deadline.max_seconds),
                Auth(StaticAuthenticator(settings.identity)),
                Decode(),
            ]
        )

    async def refresh_leases(self) -> None:
        """Fetches every secret anew, each in a thread: a slow source holds up no other."""
        await asyncio.gather(*(asyncio.to_thread(held.refresh) for held in self.leases.values()))

    def problems(self) -> list[str]:
        """Why calls should not come here."""
        found = [f"credential {name}: {held.problem}" for name, held in self.leases.items() if not held.ready]
        return ["draining", *found] if self._draining else found

    async def tell_health(self) -> None:
        """Brings the health service up to the state."""
        await self.health.say(serving=not self.problems())
        await self.admin_health.say(serving=True)

    async def listen(self) -> dict[str, str]:
        """Binds every door, then serves; returns the addresses. Raises ListenError."""
        section = self._settings.server
        addresses = {
            "grpc": bind(self.server, section.grpc.listen, section.grpc.tls),
            "admin_grpc": bind(self.admin_server, section.admin_grpc.listen),
            "admin_http": await self.admin_http.start(section.admin_http.listen),
        }
        await self.tell_health()
        await self.admin_server.start()
        await self.server.start()
        return addresses

    async def drain(self, grace_s: float, hurry: asyncio.Event) -> None:
        """Lets no new call in and gives the open ones their time, or until `hurry` is set. Those that are left then end
        with ERROR_REASON_DRAINING.
        """
        self._draining = True
        await self.health.drain()
        stopping = asyncio.create_task(self.server.stop(grace_s + _LAST_WORDS_S))
        idle, hurrying = asyncio.create_task(self._door.idle()), asyncio.create_task(hurry.wait())
        await asyncio.wait({idle, hurrying}, timeout=grace_s, return_when=asyncio.FIRST_COMPLETED)
        hurrying.cancel()
        self._door.end(Draining("The gateway is shutting down.", retry_delay_s=_ELSEWHERE_S))
        # Not the rest of the grace: a watcher of health stays until it is sent away.
        await self.server.stop(_LAST_WORDS_S)
        await stopping
        idle.cancel()

    async def close(self) -> None:
        """Ends what is left."""
        await self.admin_http.stop()
        await self.admin_server.stop(None)
        for upstream in self.upstreams.values():
            await upstream.transport.close()
        if self.call_log is not None:
            self.call_log.close()


def _upstreams(settings: Settings, leases: dict[str, HeldLease]) -> dict[str, Upstream]:
    return {
        name: upstream(
            name,
            section,
            leases[section.credential] if section.credential is not None else None,
            registry.transport(section),
        )
        for name, section in settings.providers.items()
    }


def upstream(name: str, section: ProviderSection, held: HeldLease | None, transport: Transport) -> Upstream:
    """A provider as its section describes it, on a transport."""
    return Upstream(
        name=name,
        dialect=registry.dialect(name, section),
        transport=transport,
        lease=held,
        first_token_timeout_s=section.first_token_timeout_seconds,
        idle_timeout_s=section.idle_timeout_seconds,
    )


def _routes(settings: Settings, upstreams: dict[str, Upstream]) -> Routes:
    routes: dict[tuple[str, str], tuple[Candidate, ...]] = {}
    for name, route in settings.routes.items():
        candidates = tuple(
            Candidate(upstreams[one.provider], one.model, one.region, one.dimensions) for one in route.candidates
        )
        for kind in ("chat", "embed") if route.kind == "any" else (route.kind,):
            routes[kind, name] = candidates
    return Routes(routes)


def endpoints(routes: Routes, max_request_bytes: int) -> list[Endpoint]:
    """Every RPC of a router: how its bytes become a request, what answers it, how events become bytes."""
    checker = Checker(max_request_bytes)
    chat_decoder, embed_decoder, router_decoder = ChatDecoder(checker), EmbedDecoder(checker), RouterDecoder(checker)
    chat, embed, models = Chat(routes), Embed(routes), Models(routes)
    return [
        Endpoint(Method(f"{CHAT}/Complete", Kind.UNARY, chat_decoder.complete, chat.complete), answer=ChatAnswer),
        Endpoint(
            Method(f"{CHAT}/StreamComplete", Kind.SERVER_STREAM, chat_decoder.stream_complete, chat.complete),
            encoder=EventEncoder,
        ),
        Endpoint(Method(f"{EMBED}/Embed", Kind.UNARY, embed_decoder.embed, embed.embed), answer=EmbedAnswer),
        Endpoint(
            Method(f"{EMBED}/StreamEmbed", Kind.BIDI_STREAM, embed_decoder.stream_embed, embed.stream_embed),
            encoder=lambda: EmbedEventEncoder(_item_status),
        ),
        Endpoint(
            Method(f"{ROUTER}/ListModels", Kind.UNARY, router_decoder.list_models, models.list_models),
            answer=ModelsAnswer,
        ),
    ]


def _item_status(error: HedgerowError) -> bytes:
    return bytes(status(error).SerializeToString())
