"""Attempts as rows of a FOCUS 1.2 dataset: FinOps Open Cost and Usage Specification, https://focus.finops.org.

A row is one attempt, its charge the use of a model. Billing periods are months of UTC. A request is the unit that is
priced, since its classes of tokens have different prices; tokens are what is consumed. List and contracted costs are
the cost by the gateway's price table: what was agreed beside it, a statement tells.
"""

import json
import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from hedgerow_client.books.figures import PICOS

if TYPE_CHECKING:
    from hedgerow.usage.v1.record_pb2 import ExportedAttempt

_CATEGORY, _SUBCATEGORY = "AI and Machine Learning", "Generative AI"


def row(one: "ExportedAttempt") -> dict[str, str] | None:
    """The columns of an attempt; an empty one is null. None where its cost is not known: FOCUS has no row without."""
    attempt, call = one.attempt.attempt, one.call
    if not attempt.HasField("cost_picos"):
        return None
    start_s = attempt.start_time.ToNanoseconds() / 1e9
    # Whole seconds, the end excluded: even the shortest one takes one.
    end_s = int(start_s) + max(1, math.ceil(attempt.total_duration.ToNanoseconds() / 1e9))
    first, after = _month(datetime.fromtimestamp(start_s, UTC))
    cost = _decimal(attempt.cost_picos)
    model = one.attempt.served_model or attempt.model
    return {
        "BilledCost": cost,
        "BillingAccountId": one.attempt.credential or attempt.provider,
        "BillingAccountName": attempt.provider,
        "BillingCurrency": "USD",
        "BillingPeriodEnd": _time(after),
        "BillingPeriodStart": _time(first),
        "ChargeCategory": "Usage",
        "ChargeClass": "",
        "ChargeDescription": f"{call.method or 'attempt'} with {model}, {one.attempt.account}",
        "ChargeFrequency": "Usage-Based",
        "ChargePeriodEnd": _time(datetime.fromtimestamp(end_s, UTC)),
        "ChargePeriodStart": _time(datetime.fromtimestamp(start_s, UTC)),
        "ConsumedQuantity": str(attempt.usage.input_tokens + attempt.usage.output_tokens),
        "ConsumedUnit": "Tokens",
        "ContractedCost": cost,
        "ContractedUnitPrice": cost,
        "EffectiveCost": cost,
        "InvoiceIssuerName": attempt.provider,
        "ListCost": cost,
        "ListUnitPrice": cost,
        "PricingCategory": "Standard",
        "PricingQuantity": "1",
        "PricingUnit": "Requests",
        "ProviderName": attempt.provider,
        "PublisherName": attempt.provider,
        "RegionId": attempt.region,
        "RegionName": attempt.region,
        "ResourceId": f"{attempt.provider}/{attempt.model}",
        "ResourceName": model,
        "ResourceType": "Model",
        "ServiceCategory": _CATEGORY,
        "ServiceName": attempt.provider,
        "ServiceSubcategory": _SUBCATEGORY,
        "SkuId": f"{attempt.provider}/{attempt.model}",
        "SkuPriceId": one.attempt.price_version,
        "SubAccountId": call.tenant,
        "SubAccountName": call.tenant,
        "Tags": json.dumps(_tags(one), ensure_ascii=False, sort_keys=True),
        # Columns of our own begin with x_: FOCUS's rule for them.
        "x_Account": one.attempt.account,
        "x_AttemptNumber": str(attempt.number),
        "x_CallId": one.attempt.call_id,
        "x_CachedTokens": str(attempt.usage.input_cache_read_tokens),
        "x_InputTokens": str(attempt.usage.input_tokens),
        "x_OutputTokens": str(attempt.usage.output_tokens),
    }


def _tags(one: "ExportedAttempt") -> dict[str, str]:
    call = one.call
    who = {"team": call.team, "user": call.user, "service": call.service, "key": call.key_id, "route": call.route}
    return {f"hedgerow/{name}": value for name, value in who.items() if value} | dict(call.labels)


def _month(moment: datetime) -> tuple[datetime, datetime]:
    first = moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return first, first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _decimal(picos: int) -> str:
    whole, part = divmod(picos, PICOS)
    return f"{whole}.{part:012}".rstrip("0").rstrip(".")
