"""Every RPC of a router: how its bytes become a request, what answers it, how events become bytes."""

from collections.abc import Callable

from hedgerow_server.core.call import Call, Kind, Method
from hedgerow_server.core.error import HedgerowError
from hedgerow_server.core.event import Events
from hedgerow_server.doors.serving import Endpoint
from hedgerow_server.doors.status import status
from hedgerow_server.routing.routes import Routes
from hedgerow_server.rpc.admin import Admin
from hedgerow_server.rpc.audit import AuditLog
from hedgerow_server.rpc.chat import Chat
from hedgerow_server.rpc.credentials import Credentials
from hedgerow_server.rpc.embed import Embed
from hedgerow_server.rpc.erase import Erasure
from hedgerow_server.rpc.estimate import Estimate
from hedgerow_server.rpc.explain import Explain
from hedgerow_server.rpc.keys import Keys
from hedgerow_server.rpc.listing import Named
from hedgerow_server.rpc.models import Models
from hedgerow_server.rpc.tokens import Tokens
from hedgerow_server.rpc.usage import Usage
from hedgerow_server.wire.admin import AdminAnswerBytes, AdminDecoder
from hedgerow_server.wire.chat import ChatAnswer, ChatDecoder
from hedgerow_server.wire.chat_events import EventEncoder
from hedgerow_server.wire.check import Checker
from hedgerow_server.wire.credentials import CredentialDecoder
from hedgerow_server.wire.embed import EmbedAnswer, EmbedDecoder, EmbedEventEncoder
from hedgerow_server.wire.explain import ExplainAnswer, ExplainDecoder
from hedgerow_server.wire.keys import KeyDecoder
from hedgerow_server.wire.router import EstimateAnswer, ModelsAnswer, RouterDecoder, TokensAnswer
from hedgerow_server.wire.usage import UsageDecoder
from hedgerow_server.wire.usage_answers import UsageAnswerBytes

CHAT = "hedgerow.chat.v1.ChatService"
EMBED = "hedgerow.embed.v1.EmbedService"
ROUTER = "hedgerow.router.v1.RouterService"
USAGE = "hedgerow.usage.v1.UsageService"
ADMIN = "hedgerow.admin.v1.AdminService"
SERVICES = (CHAT, EMBED, ROUTER, USAGE)
ADMIN_SERVICES = (ADMIN,)


def endpoints(
    routes: Routes, checker: Checker, listing: Named | None = None, usage: Usage | None = None
) -> list[Endpoint]:
    """Every RPC. `listing` is what ListModels tells (None: the names of the routes), `usage` answers for the ledger
    (None: there is none).
    """
    return [
        *_chat(ChatDecoder(checker), Chat(routes)),
        *_embed(EmbedDecoder(checker), Embed(routes)),
        *_router(RouterDecoder(checker), routes, listing or routes),
        _explain(ExplainDecoder(checker), Explain(routes)),
        *_usage(UsageDecoder(checker), usage or Usage(None, None, None)),
    ]


def embedding(routes: Routes) -> Method:
    """Embed, for calls that the gateway makes itself: there is nothing to decode."""
    return Method(f"{EMBED}/Embed", Kind.UNARY, lambda call: call.request, Embed(routes).embed)


def _chat(decoder: ChatDecoder, chat: Chat) -> list[Endpoint]:
    return [
        Endpoint(Method(f"{CHAT}/Complete", Kind.UNARY, decoder.complete, chat.complete), answer=ChatAnswer),
        Endpoint(
            Method(f"{CHAT}/StreamComplete", Kind.SERVER_STREAM, decoder.stream_complete, chat.complete),
            encoder=EventEncoder,
        ),
    ]


def _embed(decoder: EmbedDecoder, embed: Embed) -> list[Endpoint]:
    return [
        Endpoint(Method(f"{EMBED}/Embed", Kind.UNARY, decoder.embed, embed.embed), answer=EmbedAnswer),
        Endpoint(
            Method(f"{EMBED}/StreamEmbed", Kind.BIDI_STREAM, decoder.stream_embed, embed.stream_embed),
            encoder=lambda: EmbedEventEncoder(_item_status),
        ),
    ]


def _router(decoder: RouterDecoder, routes: Routes, listing: Named) -> list[Endpoint]:
    models, estimate = Models(listing), Estimate(routes)
    return [
        Endpoint(
            Method(f"{ROUTER}/ListModels", Kind.UNARY, decoder.list_models, models.list_models), answer=ModelsAnswer
        ),
        Endpoint(
            Method(f"{ROUTER}/EstimateCost", Kind.UNARY, decoder.estimate_cost, estimate.estimate_cost),
            answer=EstimateAnswer,
        ),
        Endpoint(
            Method(f"{ROUTER}/CountTokens", Kind.UNARY, decoder.count_tokens, Tokens(routes).count_tokens),
            answer=TokensAnswer,
        ),
    ]


def _usage(decoder: UsageDecoder, usage: Usage) -> list[Endpoint]:
    made = (
        ("QuerySpend", decoder.query_spend, usage.query_spend),
        ("ListBudgets", decoder.list_budgets, usage.list_budgets),
        ("GetCall", decoder.get_call, usage.get_call),
        ("RepriceSpend", decoder.reprice_spend, usage.reprice_spend),
        ("GetStatement", decoder.get_statement, usage.get_statement),
        ("ExportAttempts", decoder.export_attempts, usage.export_attempts),
    )
    return [
        Endpoint(Method(f"{USAGE}/{name}", Kind.UNARY, decode, rpc), answer=UsageAnswerBytes)
        for name, decode, rpc in made
    ]


CHANGING = tuple(
    f"{ADMIN}/{name}" for name in ("Reload", "RollbackConfig", "SetKillSwitch", "ClearKillSwitch", "RefreshCredential")
)
"""RPCs that change something, and leave a row in the audit log."""
CHANGING_KEYS = tuple(f"{ADMIN}/{name}" for name in ("CreateKey", "RotateKey", "RevokeKey", "EraseUser"))
"""Those whose row the store writes with the change itself, both or neither."""


def admin_endpoints(
    admin: Admin,
    checker: Checker,
    keys: Keys | None = None,
    audit: AuditLog | None = None,
    credentials: Credentials | None = None,
    *,
    erasure: Erasure | None = None,
) -> list[Endpoint]:
    """Every RPC of the admin door."""
    decoder = AdminDecoder(checker)
    return [
        *_keys(KeyDecoder(checker), keys or Keys(lambda: None), audit or AuditLog(None)),
        _erase(KeyDecoder(checker), erasure or Erasure(None, lambda: None, {})),
        _admin("Reload", decoder.reload, admin.reload),
        _admin("PlanConfig", decoder.plan_config, admin.plan_config),
        _admin("RollbackConfig", decoder.rollback_config, admin.rollback_config),
        _admin("GetConfig", decoder.get_config, admin.get_config),
        _admin("ListCandidates", decoder.list_candidates, admin.list_candidates),
        _admin("SetKillSwitch", decoder.set_kill_switch, admin.set_kill_switch),
        _admin("ClearKillSwitch", decoder.clear_kill_switch, admin.clear_kill_switch),
        _admin("ListKillSwitches", decoder.list_kill_switches, admin.list_kill_switches),
        *(_credentials(CredentialDecoder(checker), credentials) if credentials is not None else ()),
    ]


def _credentials(decoder: CredentialDecoder, credentials: Credentials) -> list[Endpoint]:
    return [
        _admin("ListCredentials", decoder.list_credentials, credentials.list_credentials),
        _admin("RefreshCredential", decoder.refresh_credential, credentials.refresh_credential),
    ]


def _erase(decoder: KeyDecoder, erasure: Erasure) -> Endpoint:
    return _admin("EraseUser", decoder.erase_user, erasure.erase_user)


def _keys(decoder: KeyDecoder, keys: Keys, audit: AuditLog) -> list[Endpoint]:
    return [
        _admin("CreateKey", decoder.create_key, keys.create_key),
        _admin("ListKeys", decoder.list_keys, keys.list_keys),
        _admin("GetKey", decoder.get_key, keys.get_key),
        _admin("RotateKey", decoder.rotate_key, keys.rotate_key),
        _admin("RevokeKey", decoder.revoke_key, keys.revoke_key),
        _admin("ListAuditRows", decoder.list_audit_rows, audit.list_audit_rows),
        _admin("VerifyAudit", decoder.verify_audit, audit.verify_audit),
    ]


def _admin(name: str, decode: Callable[[Call], object], rpc: Callable[[Call], Events]) -> Endpoint:
    return Endpoint(Method(f"{ADMIN}/{name}", Kind.UNARY, decode, rpc), answer=AdminAnswerBytes)


def _explain(decoder: ExplainDecoder, explain: Explain) -> Endpoint:
    method = Method(f"{ROUTER}/ExplainRoute", Kind.UNARY, decoder.explain_route, explain.explain_route)
    return Endpoint(method, answer=ExplainAnswer)


def _item_status(error: HedgerowError) -> bytes:
    return bytes(status(error).SerializeToString())
