"""AWS's exports: Cost and Usage Reports (CUR 2.0 and the legacy one) and what Cost Explorer saves, as CSV.

https://docs.aws.amazon.com/bedrock/latest/userguide/cost-mgmt-understanding-cur-data.html: each class of tokens has a
usage type of its own, such as USE1-Claude4.6Sonnet-input-tokens. Models that are billed through the Marketplace have
types such as USE1-MP:USE1_InputTokenCount-Units; the description says which model and how many tokens a unit is.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import IO

from hedgerow_client.books.figures import (
    CACHE_READ,
    CACHE_WRITE,
    CACHE_WRITE_LONG,
    COST,
    INPUT,
    OUTPUT,
    ExportError,
    Figure,
    picos,
)

_START, _TYPE, _AMOUNT, _COST = "usage_start_date", "usage_type", "usage_amount", "unblended_cost"
_LINE, _DESCRIPTION, _CURRENCY = "line_item_type", "line_item_description", "currency_code"
_UNIT, _PRODUCT = "pricing_unit", "product_name"
_NEEDED = (_START, _TYPE, _AMOUNT, _COST)
_USED = {"Usage", "DiscountedUsage", "SavingsPlanCoveredUsage"}
_CLASSES = (
    (re.compile(r"cache-?read-?input-?token", re.IGNORECASE), CACHE_READ),
    (re.compile(r"(cache-?write|cachewrite)1h|cache-?write-?1h", re.IGNORECASE), CACHE_WRITE_LONG),
    (re.compile(r"cache-?write-?input-?token", re.IGNORECASE), CACHE_WRITE),
    (re.compile(r"output-?(video-|image-|text-)?token", re.IGNORECASE), OUTPUT),
    (re.compile(r"input-?(video-|image-|text-)?token", re.IGNORECASE), INPUT),
)
_MODEL = re.compile(
    r"^(?:[A-Z]{2,4}\d-|[A-Z]{2,4}\d_|Global-)?(?P<model>.*?)[-_]?(?:mantle-)?(?:cache-?(?:read|write)|input|output)",
    re.IGNORECASE,
)
_MARKETPLACE = "MP:"
_MILLION = re.compile(r"million|\b1M\b", re.IGNORECASE)
_THOUSAND = re.compile(r"thousand|\b1K\b|\b1,?000\b", re.IGNORECASE)
_PARTS = re.compile(r"[^a-z0-9]+")
_EXPLORER = ("usage type", "usagetype")


def figures(stream: IO[str]) -> Iterator[Figure | None]:
    """What the file says, line by line. Raises ExportError."""
    reader = csv.reader(stream)
    header = next(reader, [])
    if header and header[0].strip().lower() in _EXPLORER:
        yield from _explored(header, reader)
        return
    places = _places(header)
    for number, row in enumerate(reader, 2):
        if row:
            yield from _line({name: row[at] for name, at in places.items() if at < len(row)}, number)


def is_header(line: str) -> bool:
    """Whether a file that begins with this line is AWS's."""
    names = next(csv.reader([line]), [])
    return bool(names) and (names[0].strip().lower() in _EXPLORER or set(_NEEDED) <= _names(names).keys())


def _names(header: Sequence[str]) -> dict[str, int]:
    """Columns by our names for them: one report has lineItem/UsageType, the other line_item_usage_type."""
    found: dict[str, int] = {}
    for at, name in enumerate(header):
        snake = _PARTS.sub("_", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()).strip("_")
        for prefix in ("line_item_", "product_"):
            known = snake.removeprefix(prefix)
            if known != snake and known in (*_NEEDED, _LINE, _DESCRIPTION, _CURRENCY, _PRODUCT):
                found.setdefault(known, at)
        if snake == _UNIT:
            found.setdefault(_UNIT, at)
        # Its own name has the prefix twice.
        for twice in (_LINE, _DESCRIPTION):
            if snake == f"line_item_{twice}":
                found[twice] = at
    return found


def _places(header: Sequence[str]) -> dict[str, int]:
    found = _names(header)
    missing = [name for name in _NEEDED if name not in found]
    if missing:
        raise ExportError(f"no Cost and Usage Report: it has no column for {', '.join(missing)}")
    return found


def _line(line: dict[str, str], number: int) -> Iterator[Figure | None]:
    name = _class(line[_TYPE])
    if name is None or line.get(_LINE, "Usage") not in _USED:
        yield None
        return
    if line.get(_CURRENCY, "USD") not in ("", "USD"):
        raise ExportError(f"line {number}: costs in {line[_CURRENCY]}, not in US dollars")
    day, model = _day(line[_START], number), _model(line)
    yield Figure(day, model, name, _tokens(line, number))
    yield Figure(day, model, COST, picos(line[_COST] or "0"))


def _class(usage_type: str) -> str | None:
    return next((name for pattern, name in _CLASSES if pattern.search(usage_type)), None)


def _model(line: dict[str, str]) -> str:
    usage_type = line[_TYPE]
    if _MARKETPLACE in usage_type:
        return (line.get(_PRODUCT) or line.get(_DESCRIPTION, "").rpartition("|")[2]).strip()
    return _named(usage_type)


def _named(usage_type: str) -> str:
    found = _MODEL.match(usage_type)
    return found["model"] if found is not None else usage_type


def _tokens(line: dict[str, str], number: int) -> int:
    said = f"{line.get(_UNIT, '')} {line.get(_DESCRIPTION, '') if _MARKETPLACE in line[_TYPE] else ''}"
    scale = 10**6 if _MILLION.search(said) else 1_000 if _THOUSAND.search(said) else 1
    if scale == 1 and "token" not in said.lower():
        raise ExportError(f"line {number}: {line[_TYPE]}: neither unit nor description say how many tokens a unit is")
    try:
        count = Decimal(line[_AMOUNT]) * scale
    except InvalidOperation:
        raise ExportError(f"line {number}: {line[_AMOUNT]!r} is no number") from None
    return int(count.to_integral_value())


def _day(text: str, number: int) -> str:
    try:
        moment = datetime.fromisoformat(text.strip().replace(" UTC", ""))
    except ValueError:
        raise ExportError(f"line {number}: {text!r} is no time") from None
    return (moment.astimezone(UTC) if moment.tzinfo is not None else moment).strftime("%Y-%m-%d")


def _explored(header: Sequence[str], rows: Iterator[list[str]]) -> Iterator[Figure | None]:
    """What Cost Explorer saves when costs are grouped by usage type: a column for each type, a line for each day."""
    types = [name.removesuffix("($)").strip() for name in header]
    for number, row in enumerate(rows, 2):
        if not row or "total" in row[0].lower():
            continue
        day = _day(row[0], number)
        for usage_type, text in zip(types[1:], row[1:], strict=False):
            name = _class(usage_type)
            if name is None or not text.strip():
                yield None
            else:
                yield Figure(day, _named(usage_type), COST, picos(text.strip()))
