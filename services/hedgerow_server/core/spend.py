"""What callers ask of the ledger. Times are Unix times in seconds."""

import enum

import msgspec


class Dimension(enum.Enum):
    """By what spend is divided. Values are the words of the command line."""

    TENANT = "tenant"
    TEAM = "team"
    USER = "user"
    SERVICE = "service"
    KEY = "key"
    ROUTE = "route"
    PROVIDER = "provider"
    MODEL = "model"
    SERVED_MODEL = "served-model"
    REGION = "region"
    ACCOUNT = "account"
    LABEL = "label"
    HOUR = "hour"
    DAY = "day"
    MONTH = "month"
    METHOD = "method"
    CREDENTIAL = "credential"
    PRICE_VERSION = "price-version"


TIMES = frozenset({Dimension.HOUR, Dimension.DAY, Dimension.MONTH})
"""Those that divide time."""


class By(msgspec.Struct, frozen=True):
    """One division; `label` is the name of the label where that is the dimension."""

    dimension: Dimension
    label: str = ""


class Filter(msgspec.Struct, frozen=True):
    """Only what has one of some values, of a dimension that is none of TIMES."""

    by: By
    values: tuple[str, ...]


class Span(msgspec.Struct, frozen=True):
    """A stretch of time, the end excluded."""

    start_unix_s: float
    end_unix_s: float


class SpendRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A call of QuerySpend."""

    span: Span
    group_by: tuple[By, ...] = ()
    filters: tuple[Filter, ...] = ()
    time_zone: str = "UTC"
    """An IANA name that is known."""
    max_rows: int = 1000


class ListBudgetsRequest(msgspec.Struct, frozen=True):
    """A call of ListBudgets."""

    page_size: int
    page_token: str


class GetCallRequest(msgspec.Struct, frozen=True):
    """A call of GetCall; one of the ids is set."""

    call_id: str = ""
    request_id: str = ""


class ModelAt(msgspec.Struct, frozen=True):
    """A model at a configured provider."""

    provider: str
    model: str
    region: str = ""


class RepriceRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A call of RepriceSpend."""

    origin: ModelAt
    other: ModelAt
    span: Span
    filters: tuple[Filter, ...] = ()


class StatementRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A call of GetStatement."""

    span: Span
    """The month."""
    team: str | None = None
    """None: all."""


class ExportRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A call of ExportAttempts."""

    span: Span
    filters: tuple[Filter, ...] = ()
    page_size: int = 1000
    page_token: str = ""


class UsageAnswer(msgspec.Struct, frozen=True):
    """What an RPC of UsageService answers; which kinds there are, the ledger knows."""
