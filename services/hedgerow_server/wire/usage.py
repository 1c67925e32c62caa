"""UsageService: bytes to core requests."""

import datetime as dt
import time
from collections.abc import Iterable
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from hedgerow.usage.v1 import spend_pb2
from hedgerow.usage.v1 import usage_service_pb2 as pb

from hedgerow_server.core.call import Call
from hedgerow_server.core.spend import (
    TIMES,
    By,
    Dimension,
    ExportRequest,
    Filter,
    GetCallRequest,
    ListBudgetsRequest,
    ModelAt,
    RepriceRequest,
    Span,
    SpendRequest,
    StatementRequest,
)
from hedgerow_server.wire.check import Checker, wrong

_DAY_S = 86_400.0
_USUAL_DAYS, _MOST_DAYS = 7, 400
_DEFAULT_ROWS, _DEFAULT_PAGE, _BUDGETS = 1_000, 1_000, 100
_PREFIX = "SPEND_DIMENSION_"
_DIMENSIONS = {
    number: Dimension(name.removeprefix(_PREFIX).lower().replace("_", "-"))
    for name, number in spend_pb2.SpendDimension.items()
    if number
}


@cache
def _zones() -> frozenset[str]:
    """The names of time zones. Found once: a reload would stand still while their folders are walked through."""
    return frozenset(available_timezones())


class UsageDecoder:
    """Decodes the requests of UsageService."""

    def __init__(self, checker: Checker) -> None:
        self._checker = checker
        self._zones = _zones()

    def query_spend(self, call: Call) -> SpendRequest:
        """A request of QuerySpend."""
        message = self._checker.parse(pb.QuerySpendRequest, call, call.body)
        return SpendRequest(
            span=_span(message.period),
            group_by=tuple(_by(one, f"group_by[{at}]") for at, one in enumerate(message.group_by)),
            filters=_filters(message.filters),
            time_zone=self._zone(message.time_zone),
            max_rows=message.max_rows or _DEFAULT_ROWS,
        )

    def list_budgets(self, call: Call) -> ListBudgetsRequest:
        """A request of ListBudgets."""
        message = self._checker.parse(pb.ListBudgetsRequest, call, call.body)
        return ListBudgetsRequest(message.page_size or _BUDGETS, message.page_token)

    def get_call(self, call: Call) -> GetCallRequest:
        """A request of GetCall."""
        message = self._checker.parse(pb.GetCallRequest, call, call.body)
        return GetCallRequest(message.call_id, message.request_id)

    def reprice_spend(self, call: Call) -> RepriceRequest:
        """A request of RepriceSpend."""
        message = self._checker.parse(pb.RepriceSpendRequest, call, call.body)
        # `from` is a word of Python's.
        return RepriceRequest(
            origin=_model(getattr(message, "from")),
            other=_model(message.to),
            span=_span(message.period),
            filters=_filters(message.filters),
        )

    def get_statement(self, call: Call) -> StatementRequest:
        """A request of GetStatement."""
        message = self._checker.parse(pb.GetStatementRequest, call, call.body)
        year, month = map(int, message.month.split("-"))
        if not 1970 <= year < 9999:
            raise wrong("month", "must be of a year from 1970 on")
        zone = ZoneInfo(self._zone(message.time_zone))
        first = dt.datetime(year, month, 1, tzinfo=zone)
        after = dt.datetime(year + month // 12, month % 12 + 1, 1, tzinfo=zone)
        span = Span(first.timestamp(), after.timestamp())
        return StatementRequest(span=span, team=message.team if message.HasField("team") else None)

    def export_attempts(self, call: Call) -> ExportRequest:
        """A request of ExportAttempts."""
        message = self._checker.parse(pb.ExportAttemptsRequest, call, call.body)
        return ExportRequest(
            span=_span(message.period),
            filters=_filters(message.filters),
            page_size=message.page_size or _DEFAULT_PAGE,
            page_token=message.page_token,
        )

    def _zone(self, name: str) -> str:
        if name and name not in self._zones:
            raise wrong("time_zone", 'must be an IANA time zone, such as "Europe/Berlin"')
        return name or "UTC"


def _span(period: spend_pb2.Period) -> Span:
    end = period.end_time.ToNanoseconds() / 1e9 if period.HasField("end_time") else time.time()
    usual = end - _USUAL_DAYS * _DAY_S
    start = period.start_time.ToNanoseconds() / 1e9 if period.HasField("start_time") else usual
    if not 0 < end - start <= _MOST_DAYS * _DAY_S:
        raise wrong("period", f"must end after its start, and within {_MOST_DAYS} days")
    return Span(start, end)


def _by(message: spend_pb2.GroupBy, field: str) -> By:
    dimension = _DIMENSIONS[message.dimension]
    if (dimension is Dimension.LABEL) != bool(message.label):
        raise wrong(f"{field}.label", "must name a label for that dimension, and for no other")
    return By(dimension, message.label)


def _filters(messages: Iterable[spend_pb2.SpendFilter]) -> tuple[Filter, ...]:
    found = []
    for at, message in enumerate(messages):
        by = _by(message.by, f"filters[{at}].by")
        if by.dimension in TIMES:
            raise wrong(f"filters[{at}].by.dimension", "must be no time: a period says that")
        found.append(Filter(by, tuple(message.values)))
    return tuple(found)


def _model(message: pb.ModelAt) -> ModelAt:
    return ModelAt(message.provider, message.model, message.region)
