"""The client for what calls took and cost: spend, single calls, limits, statements, exports."""

from collections.abc import Iterable, Iterator
from functools import cached_property

from hedgerow.usage.v1.budget_pb2 import BudgetState
from hedgerow.usage.v1.record_pb2 import ExportedAttempt
from hedgerow.usage.v1.spend_pb2 import Period, SpendFilter
from hedgerow.usage.v1.usage_service_pb2 import (
    ExportAttemptsRequest,
    GetCallRequest,
    GetCallResponse,
    GetStatementRequest,
    GetStatementResponse,
    ListBudgetsRequest,
    QuerySpendRequest,
    QuerySpendResponse,
    RepriceSpendRequest,
    RepriceSpendResponse,
)
from hedgerow.usage.v1.usage_service_pb2_grpc import UsageServiceStub

from hedgerow_client.connection import Connection, translated
from hedgerow_client.errors import NotFoundError


class UsageClient(Connection):
    """A connection to the gateway's UsageService. Calls raise HedgerowError; the arguments are those of Client."""

    @cached_property
    def _stub(self) -> UsageServiceStub:
        return UsageServiceStub(self._channel)

    def query_spend(self, request: QuerySpendRequest) -> QuerySpendResponse:
        """Sums of what calls took and cost."""
        with translated():
            return self._stub.QuerySpend(request, timeout=self._timeout, metadata=self._metadata)

    def list_budgets(self) -> list[BudgetState]:
        """The limits that hold, and what is left of them. The timeout bounds each page."""
        found: list[BudgetState] = []
        request = ListBudgetsRequest(page_size=1000)
        while True:
            with translated():
                page = self._stub.ListBudgets(request, timeout=self._timeout, metadata=self._metadata)
            found.extend(page.budgets)
            if not page.next_page_token:
                return found
            request.page_token = page.next_page_token

    def get_call(self, name: str) -> GetCallResponse:
        """A call by the gateway's id of it, or else by its request id."""
        try:
            with translated():
                return self._stub.GetCall(GetCallRequest(call_id=name), timeout=self._timeout, metadata=self._metadata)
        except NotFoundError:
            with translated():
                return self._stub.GetCall(
                    GetCallRequest(request_id=name), timeout=self._timeout, metadata=self._metadata
                )

    def reprice_spend(self, request: RepriceSpendRequest) -> RepriceSpendResponse:
        """What the attempts of a model would have cost with another."""
        with translated():
            return self._stub.RepriceSpend(request, timeout=self._timeout, metadata=self._metadata)

    def get_statement(self, request: GetStatementRequest) -> GetStatementResponse:
        """A month."""
        with translated():
            return self._stub.GetStatement(request, timeout=self._timeout, metadata=self._metadata)

    def export_attempts(self, period: Period, filters: Iterable[SpendFilter] = ()) -> Iterator[ExportedAttempt]:
        """All attempts of a time, oldest first, a page at a time; the timeout bounds each page."""
        request = ExportAttemptsRequest(period=period, filters=filters, page_size=1000)
        while True:
            with translated():
                page = self._stub.ExportAttempts(request, timeout=self._timeout, metadata=self._metadata)
            yield from page.attempts
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token
