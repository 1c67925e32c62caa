"""Usage exports as providers write them, made of a ledger's rows."""

import csv
import io
import json
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hedgerow_server.store.ledger_rows import AttemptRow

Json = dict[str, Any]
PICOS = 10**12
Groups = dict[tuple[str, str], list[AttemptRow]]


def grouped(rows: Iterable[AttemptRow]) -> Groups:
    """Rows by UTC day and the model that was served."""
    found: Groups = defaultdict(list)
    for row in rows:
        found[day_of(row), row.served_model or row.model].append(row)
    return found


def day_of(row: AttemptRow) -> str:
    return datetime.fromtimestamp(row.started_unix_s, UTC).strftime("%Y-%m-%d")


def total(rows: list[AttemptRow], *names: str) -> int:
    return sum(getattr(row, name) for row in rows for name in names)


def usd(rows: list[AttemptRow]) -> Decimal:
    return Decimal(sum(row.cost_picos or 0 for row in rows)) / PICOS


def _days(groups: Groups) -> list[str]:
    return sorted({day for day, _ in groups})


def _start(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=UTC)


def _buckets(groups: Groups, results: Any) -> list[tuple[datetime, list[Json]]]:
    return [
        (_start(day), [one for (at, model), rows in groups.items() if at == day for one in results(model, rows)])
        for day in _days(groups)
    ]


def openai_usage(groups: Groups) -> str:
    def results(model: str, rows: list[AttemptRow]) -> list[Json]:
        given = ("input_uncached_tokens", "input_cache_read_tokens", "input_cache_write_tokens")
        return [
            {
                "object": "organization.usage.completions.result",
                "input_tokens": total(rows, *given),
                "output_tokens": total(rows, "output_visible_tokens", "output_reasoning_tokens"),
                "input_cached_tokens": total(rows, "input_cache_read_tokens"),
                "input_cache_write_tokens": total(rows, "input_cache_write_tokens"),
                "num_model_requests": len(rows),
                "project_id": None,
                "model": model,
                "batch": None,
            }
        ]

    return _openai(groups, results)


def openai_costs(groups: Groups) -> str:
    """A line for each class, as OpenAI has them."""

    def results(model: str, rows: list[AttemptRow]) -> list[Json]:
        whole = usd(rows)
        parts = {"input": whole / 4, "cached input": whole / 8, "output": whole - whole / 4 - whole / 8}
        return [
            {
                "object": "organization.costs.result",
                "amount": {"value": float(part), "currency": "usd"},
                "line_item": f"{model}, {name}",
                "project_id": None,
            }
            for name, part in parts.items()
        ]

    return _openai(groups, results)


def _openai(groups: Groups, results: Any) -> str:
    """Two pages, one after the other."""
    buckets = [
        {
            "object": "bucket",
            "start_time": int(start.timestamp()),
            "end_time": int((start + timedelta(days=1)).timestamp()),
            "results": found,
        }
        for start, found in _buckets(groups, results)
    ]
    middle = len(buckets) // 2
    pages = (buckets[:middle], True), (buckets[middle:], False)
    return "\n".join(
        json.dumps({"object": "page", "data": data, "has_more": more, "next_page": None}, indent=2)
        for data, more in pages
    )


def anthropic_usage(groups: Groups) -> str:
    def results(model: str, rows: list[AttemptRow]) -> list[Json]:
        return [
            {
                "uncached_input_tokens": total(rows, "input_uncached_tokens"),
                "cache_creation": {
                    "ephemeral_1h_input_tokens": total(rows, "input_cache_write_long_tokens"),
                    "ephemeral_5m_input_tokens": total(rows, "input_cache_write_tokens"),
                },
                "cache_read_input_tokens": total(rows, "input_cache_read_tokens"),
                "output_tokens": total(rows, "output_visible_tokens", "output_reasoning_tokens"),
                "server_tool_use": {"web_search_requests": 0},
                "api_key_id": None,
                "workspace_id": None,
                "model": model,
                "service_tier": "standard",
                "context_window": "0-200k",
            }
        ]

    return _anthropic(groups, results)


def anthropic_costs(groups: Groups) -> str:
    def results(model: str, rows: list[AttemptRow]) -> list[Json]:
        cents = usd(rows) * 100
        parts = {"uncached_input_tokens": cents / 4, "output_tokens": cents - cents / 4}
        return [
            {
                "currency": "USD",
                "amount": str(part),
                "workspace_id": None,
                "description": f"{model} Usage - {kind}",
                "cost_type": "tokens",
                "context_window": "0-200k",
                "model": model,
                "service_tier": "standard",
                "token_type": kind,
            }
            for kind, part in parts.items()
        ]

    return _anthropic(groups, results)


def _anthropic(groups: Groups, results: Any) -> str:
    buckets = [
        {"starting_at": f"{start:%Y-%m-%dT00:00:00Z}", "ending_at": f"{start + timedelta(days=1):%Y-%m-%dT00:00:00Z}"}
        | {"results": found}
        for start, found in _buckets(groups, results)
    ]
    return json.dumps({"data": buckets, "has_more": False, "next_page": None})


_TYPES = {
    "input_uncached_tokens": "input-tokens-cross-region-global",
    "input_cache_read_tokens": "cache-read-input-token-count-cross-region-global",
    "input_cache_write_tokens": "cache-write-input-token-count-cross-region-global",
    "output_visible_tokens": "output-tokens-cross-region-global",
}
LABELS = {"us.anthropic.claude-sonnet-4-5-20250929-v1:0": "Claude4.5Sonnet", "amazon.nova-lite-v1:0": "NovaLite"}


def aws_report(groups: Groups, *, legacy: bool) -> str:
    """A Cost and Usage Report: thousands of tokens, and lines about other things."""
    names = ["line_item_line_item_type", "line_item_usage_start_date", "line_item_product_code", "line_item_usage_type"]
    names += ["line_item_usage_amount", "line_item_currency_code", "line_item_unblended_cost", "pricing_unit"]
    old = ["lineItem/LineItemType", "lineItem/UsageStartDate", "lineItem/ProductCode", "lineItem/UsageType"]
    old += ["lineItem/UsageAmount", "lineItem/CurrencyCode", "lineItem/UnblendedCost", "pricing/unit"]
    lines: list[list[str]] = [old if legacy else names]
    for (day, model), rows in sorted(groups.items()):
        whole = usd(rows)
        for place, (name, kind) in enumerate(_TYPES.items()):
            amount = Decimal(total(rows, name)) / 1000
            cost = whole / 2 if place == 0 else whole - whole / 2 if place == 3 else Decimal(0)
            start = f"{day}T00:00:00Z" if legacy else f"{day} 00:00:00.000"
            lines.append(["Usage", start, "AmazonBedrock", f"USE1-{LABELS[model]}-{kind}", str(amount), "USD"])
            lines[-1] += [f"{cost:f}", "1K tokens"]
        lines.append(["Usage", f"{day}T00:00:00Z", "AmazonEC2", "BoxUsage:t3.micro", "24", "USD", "0.25", "Hrs"])
        lines.append(
            ["Tax", f"{day}T00:00:00Z", "AmazonBedrock", f"USE1-{LABELS[model]}-input-tokens", "1", "USD", "9", ""]
        )
    return _csv(lines)


def aws_explorer(groups: Groups) -> str:
    """Costs by usage type, a line for each day."""
    models = sorted({model for _, model in groups})
    header = [
        "Usage type",
        *(f"USE1-{LABELS[model]}-input-tokens($)" for model in models),
        "BoxUsage($)",
        "Total costs($)",
    ]
    lines = [header, ["Usage type total", *["9"] * (len(models) + 2)]]
    for day in _days(groups):
        costs = [f"{usd(groups[day, model]):f}" if (day, model) in groups else "" for model in models]
        lines.append([day, *costs, "0.25", "99"])
    return _csv(lines)


def _csv(lines: list[list[str]]) -> str:
    stream = io.StringIO()
    csv.writer(stream).writerows(lines)
    return stream.getvalue()
