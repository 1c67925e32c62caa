"""RepriceSpend: what the attempts of one model would have cost with another."""

import asyncio
from collections import Counter

import msgspec

from hedgerow_server.core.error import FieldViolation, ModelNotFound, RequestInvalid
from hedgerow_server.core.spend import By, Dimension, Filter, ModelAt, RepriceRequest
from hedgerow_server.ledger.answers import Class, Repriced, usage_of
from hedgerow_server.ledger.query import LedgerReader, condition
from hedgerow_server.pricing.classes import REQUESTS, Classes, counts
from hedgerow_server.pricing.price import Price, priced
from hedgerow_server.pricing.quotes import Quotes
from hedgerow_server.store.spend import Pair, Where


async def reprice(ledger: LedgerReader, quotes: Quotes, request: RepriceRequest, tenant: str | None) -> Repriced:
    """Prices every attempt again. Raises RequestInvalid, ModelNotFound, LedgerUnavailable."""
    if not quotes.knows(request.other.provider):
        violation = FieldViolation("to.provider", "must be a configured provider")
        raise RequestInvalid(
            "to.provider is no configured provider.", metadata={"field": "to.provider"}, violations=(violation,)
        )
    other = quotes.price(request.other.provider, request.other.model, request.other.region)
    if other is None:
        raise ModelNotFound(
            "The model at `to` has no known price.",
            metadata={"model": request.other.model},
            resource=("model", request.other.model),
        )
    where = _at(request, request.origin, tenant)
    tally = _Tally(quotes.price(request.origin.provider, request.origin.model), other)
    async for found in ledger.pages(where):
        await asyncio.to_thread(tally.add, found)
    went, other_went = await ledger.times(where), await ledger.times(_at(request, request.other, tenant))
    return Repriced(
        attempts=tally.attempts,
        unpriced=tally.unpriced,
        picos=tally.picos,
        other_picos=tally.other_picos,
        classes=tally.classes(),
        went=went,
        other_went=other_went,
        price_version=quotes.version,
    )


def _at(request: RepriceRequest, model: ModelAt, tenant: str | None) -> Where:
    """The attempts at a model."""
    where = condition(request.span, request.filters, tenant)
    names = (Filter(By(Dimension.PROVIDER), (model.provider,)), Filter(By(Dimension.MODEL), (model.model,)))
    also = condition(request.span, names, None)
    return msgspec.structs.replace(where, among=where.among + also.among)


class _Tally:
    """Adds up attempts and what each would have cost."""

    def __init__(self, price: Price | None, other: Price) -> None:
        self.attempts = 0
        self.unpriced = 0
        self.picos = 0
        self.other_picos = 0
        self._other = other
        self._now, self._then = Classes(price), Classes(other)
        self._counts: Counter[str] = Counter()

    def add(self, pairs: list[Pair]) -> None:
        """Adds a page. One that the provider has billed nothing for would have cost nothing elsewhere, either."""
        for pair in pairs:
            row = pair.attempt
            if row.cost_picos == 0 or row.account == "unbilled":
                continue
            usage, at_unix_s = usage_of(row), row.started_unix_s
            cost = self._other.cost(usage, at_unix_s)
            if cost is None or row.cost_picos is None:
                self.unpriced += 1
                continue
            self.attempts += 1
            self.picos += row.cost_picos
            self.other_picos += cost
            self._counts.update(dict(counts(priced(usage))))
            self._counts[REQUESTS] += 1
            self._now.add(usage, at_unix_s)
            self._then.add(usage, at_unix_s)

    def classes(self) -> tuple[Class, ...]:
        """Those that were used, and the fee for requests where there is one."""
        found = [
            Class(name, count, self._now.picos(name), self._then.picos(name)) for name, count in self._counts.items()
        ]
        return tuple(one for one in found if one.name != REQUESTS or one.picos or one.other_picos)
