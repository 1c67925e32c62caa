"""What EstimateCost says before a call, against what recorded calls have cost."""

import datetime as dt

import pytest
from hedgerow_server.catalogue.book import Catalogue
from hedgerow_server.core.error import StreamCut
from hedgerow_server.core.event import Usage
from hedgerow_server.pricing.book import PriceBook
from hedgerow_server.pricing.estimate import EstimatedCost, estimate
from hedgerow_server.pricing.price import Price
from hedgerow_server.pricing.section import PricingSection
from money.recorded import ABSENT, Json, answered, spec, usage

NOW = dt.datetime(2026, 11, 26, 12, tzinfo=dt.UTC)
RECORDED = answered()
if not RECORDED:
    pytest.skip(ABSENT, allow_module_level=True)


@pytest.fixture(scope="module")
def beside() -> list[tuple[str, int, EstimatedCost]]:
    """Every recording with usage whose model has a price: what it has cost, and what was to be expected."""
    book = PriceBook(PricingSection(), now=NOW)
    catalogue = Catalogue(())
    catalogue.load({record["provider"] for record in RECORDED})
    found = []
    for record in RECORDED:
        price = book.price(record["provider"], record["model"] or "")
        cost = _cost(record, price)
        asked = spec(record)
        if price is not None and cost is not None and asked is not None:
            facts = catalogue.facts(record["provider"], record["model"])
            expected = estimate(
                asked,
                price,
                max_output_tokens=facts.max_output_tokens if facts is not None else None,
                context_tokens=facts.context_tokens if facts is not None else None,
                at_unix_s=NOW.timestamp(),
            )
            found.append((str(record["id"]), cost, expected))
    return found


def _cost(record: Json, price: Price | None) -> int | None:
    try:
        used = usage(record)
    except StreamCut:
        return None
    if price is None or used is None or used == Usage(final=used.final):
        return None
    return price.cost(used, NOW.timestamp())


def test_the_range_holds_the_cost_of_95_percent_of_the_recordings(
    beside: list[tuple[str, int, EstimatedCost]],
) -> None:
    assert len(beside) >= 300
    outside = [name for name, cost, expected in beside if not _holds(cost, expected)]
    assert len(outside) <= 0.05 * len(beside), outside


def test_no_recording_cost_more_than_its_upper_bound(beside: list[tuple[str, int, EstimatedCost]]) -> None:
    bounded = [(name, cost, expected.high) for name, cost, expected in beside if expected.high is not None]
    assert len(bounded) >= 150
    assert [name for name, cost, high in bounded if cost > high] == []


def _holds(cost: int, expected: EstimatedCost) -> bool:
    assert expected.low is not None
    return expected.low <= cost and (expected.high is None or cost <= expected.high)
