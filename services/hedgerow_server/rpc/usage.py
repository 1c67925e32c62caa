"""UsageService: what calls took and cost."""

import base64
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from hedgerow_server.core.call import Call, Principal
from hedgerow_server.core.error import CallNotFound, FieldViolation, RequestInvalid, RpcUnknown
from hedgerow_server.core.event import Events, UsageTold
from hedgerow_server.core.spend import (
    ExportRequest,
    GetCallRequest,
    ListBudgetsRequest,
    RepriceRequest,
    SpendRequest,
    StatementRequest,
)
from hedgerow_server.ledger.answers import AttemptsExported
from hedgerow_server.ledger.query import ANSWER_BYTES, LedgerReader, Place, place
from hedgerow_server.limits.view import LimitView
from hedgerow_server.pricing.quotes import Quotes
from hedgerow_server.rpc.budgets import Budgets, listed
from hedgerow_server.rpc.reprice import reprice
from hedgerow_server.rpc.statement import statement
from hedgerow_server.store.spend import Pair

_ATTEMPT_BYTES = 3_000
"""An attempt and its call, whose names may have 128 characters each, without labels."""


class Usage:
    """Answers who pays, and who has to find out what became of a call."""

    def __init__(self, ledger: LedgerReader | None, quotes: Quotes | None, budgets: Budgets | None) -> None:
        """`ledger` is None without one; with one, `quotes` has the prices in force. `budgets` is None
        where nothing is limited.
        """
        self._ledger = ledger
        self._quotes = quotes
        self._budgets = budgets

    async def query_spend(self, call: Call) -> Events:
        """One event."""
        request = call.request
        assert isinstance(request, SpendRequest)
        yield UsageTold(await self._books(call).spend(request, tenant(call)))

    async def list_budgets(self, call: Call) -> Events:
        """One page."""
        request = call.request
        assert isinstance(request, ListBudgetsRequest)
        principal = call.principal or Principal("")
        budgets = self._budgets or _no_budgets
        yield UsageTold(listed(budgets, request, principal, every=tenant(call) is None))

    async def get_call(self, call: Call) -> Events:
        """One event. Raises CallNotFound."""
        request = call.request
        assert isinstance(request, GetCallRequest)
        found = await self._books(call).call(request.call_id, request.request_id, tenant(call))
        if found is None:
            name = request.call_id or request.request_id
            raise CallNotFound(
                "The ledger has no such call of the tenant.", metadata={"call": name}, resource=("call", name)
            )
        yield UsageTold(found)

    async def reprice_spend(self, call: Call) -> Events:
        """One event."""
        request = call.request
        assert isinstance(request, RepriceRequest)
        ledger, quotes = self._priced(call)
        yield UsageTold(await reprice(ledger, quotes, request, tenant(call)))

    async def get_statement(self, call: Call) -> Events:
        """One event."""
        request = call.request
        assert isinstance(request, StatementRequest)
        ledger, quotes = self._priced(call)
        yield UsageTold(await statement(ledger, quotes, request, tenant(call)))

    async def export_attempts(self, call: Call) -> Events:
        """One page. A page token is the place of the attempt after which the page begins."""
        request = call.request
        assert isinstance(request, ExportRequest)
        after = _after(request.page_token)
        found = await self._books(call).page(request.span, request.filters, tenant(call), after, request.page_size + 1)
        page = tuple(found[: min(request.page_size, _fitting(found))])
        yield UsageTold(AttemptsExported(page, _token(place(page[-1])) if len(found) > len(page) else ""))

    def _books(self, call: Call) -> LedgerReader:
        if self._ledger is None:
            raise RpcUnknown("The configuration has no ledger.", metadata={"method": call.method.name})
        return self._ledger

    def _priced(self, call: Call) -> tuple[LedgerReader, Quotes]:
        ledger = self._books(call)
        assert self._quotes is not None
        return ledger, self._quotes


def _fitting(pairs: Sequence[Pair]) -> int:
    """How many attempts an answer has room for, at least one: labels may be long."""
    left = ANSWER_BYTES
    for count, pair in enumerate(pairs):
        labels = pair.call.labels.items() if pair.call is not None else ()
        left -= _ATTEMPT_BYTES + sum(len(name) + len(value.encode()) for name, value in labels)
        if left < 0:
            return max(count, 1)
    return len(pairs)


def _no_budgets(_: Callable[[Mapping[str, str]], bool]) -> Iterable[LimitView]:
    return ()


def tenant(call: Call) -> str | None:
    """The tenant that the caller is told of. None: every one."""
    principal = call.principal or Principal("")
    sees_all = principal.access is not None and principal.access.sees_all_tenants(call.method.name)
    return None if sees_all else principal.tenant


def _token(place: Place) -> str:
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(place)).decode()


def _after(token: str) -> Place | None:
    if not token:
        return None
    try:
        at: Place = msgspec.msgpack.decode(base64.b64decode(token, altchars=b"-_", validate=True), type=Place)
    except (ValueError, msgspec.DecodeError):
        violation = FieldViolation("page_token", "must be a next_page_token of this gateway")
        raise RequestInvalid(
            "page_token is not of this gateway.", metadata={"field": "page_token"}, violations=(violation,)
        ) from None
    return at
