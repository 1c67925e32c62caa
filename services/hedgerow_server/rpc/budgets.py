"""ListBudgets: which limits a caller is told of."""

import base64
from collections.abc import Callable, Iterable, Mapping

import msgspec

from hedgerow_server.core.call import Principal
from hedgerow_server.core.error import FieldViolation, RequestInvalid
from hedgerow_server.core.spend import ListBudgetsRequest
from hedgerow_server.limits.listed import BudgetsListed
from hedgerow_server.limits.view import LimitView

_END = "\0"
"""Comes before all that a name may have, so that names are sorted as they are."""
Budgets = Callable[[Callable[[Mapping[str, str]], bool]], Iterable[LimitView]]
"""The limits that calls have met, as they stand now: those whose scope is let through."""


def listed(budgets: Budgets, request: ListBudgetsRequest, principal: Principal, *, every: bool) -> BudgetsListed:
    """A page of those that the caller may be told of. A page token is the place after which the page begins. Raises
    RequestInvalid.
    """
    after = _place(request.page_token)
    told = {_key(one): one for one in budgets(lambda scope: every or _concerns(scope, principal))}
    rest = sorted(key for key in told if key > after)
    page = rest[: request.page_size]
    token = base64.urlsafe_b64encode(page[-1].encode()).decode() if len(rest) > len(page) else ""
    return BudgetsListed(tuple(told[key] for key in page), token)


def _concerns(scope: Mapping[str, str], principal: Principal) -> bool:
    """Whether a limit may be told: it is the tenant's, or everybody's. What is kept apart by names that other
    tenants may have, too, must be the caller's own.
    """
    if "tenant" in scope:
        return scope["tenant"] == principal.tenant
    own = {"team": principal.team, "user": principal.user, "service": principal.service, "key": principal.key_id}
    return all(scope[name] == value for name, value in own.items() if name in scope)


def _key(one: LimitView) -> str:
    """The name of a limit among all; by it they are sorted."""
    rest = msgspec.json.encode((sorted(one.scope.items()), one.unit, one.window, one.overhead)).decode()
    return f"{one.name}{_END}{rest}"


def _place(token: str) -> str:
    if not token:
        return ""
    try:
        place = base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except ValueError:
        place = ""
    if _END not in place:
        violation = FieldViolation("page_token", "must be a next_page_token of this gateway")
        raise RequestInvalid(
            "page_token is not of this gateway.", metadata={"field": "page_token"}, violations=(violation,)
        )
    return place
