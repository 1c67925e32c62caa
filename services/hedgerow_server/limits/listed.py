"""What ListBudgets answers."""

from hedgerow_server.core.spend import UsageAnswer
from hedgerow_server.limits.view import LimitView


class BudgetsListed(UsageAnswer, frozen=True):
    """A page of limits."""

    found: tuple[LimitView, ...]
    next_page_token: str
