"""What each class of a usage costs by itself: for explanations. `Price.cost` is what is booked."""

from collections.abc import Iterator

from hedgerow_server.core.event import Usage
from hedgerow_server.pricing.price import SHORT_WRITE_S, Price, Rates, applicable, priced, rounded

WRITES, LONG_WRITES, REQUESTS = "input_cache_write_tokens", "input_cache_write_long_tokens", "requests"
_RATES = {
    "input_uncached_tokens": "input",
    "input_cache_read_tokens": "cache_read",
    WRITES: "cache_write",
    LONG_WRITES: "cache_write_long",
    "input_audio_tokens": "input_audio",
    "input_image_tokens": "input_image",
    "output_visible_tokens": "output",
    "output_reasoning_tokens": "reasoning",
    "output_audio_tokens": "output_audio",
    "output_image_tokens": "output_image",
}


class Classes:
    """Adds up what each class of many usages costs at one price: exactly, rounded once at the end."""

    def __init__(self, price: Price | None) -> None:
        """None: no class has a price."""
        self._price = price
        self._totals: dict[str, int | None] = {}

    def add(self, usage: Usage, at_unix_s: float) -> None:
        """Adds the usage of a request that started then."""
        if self._price is None:
            return
        usage = priced(usage)
        rates = applicable(*self._price.at(at_unix_s), usage.input_tokens)
        self._add(REQUESTS, rates.request)
        for name, count in counts(usage):
            rate = _rate(rates, name)
            self._add(name, None if rate is None else count * rate)

    def picos(self, name: str) -> int | None:
        """What a class has cost. None: something of it has no price."""
        total = self._totals.get(name, 0) if self._price is not None else None
        return None if total is None or self._price is None else rounded(total, self._price.scale)

    def _add(self, name: str, part: int | None) -> None:
        before = self._totals.get(name, 0)
        self._totals[name] = None if part is None or before is None else before + part


def counts(usage: Usage) -> Iterator[tuple[str, int]]:
    """The classes of a usage that are not 0, and its other units, by name."""
    for name in _RATES:
        if name not in (WRITES, LONG_WRITES) and (count := getattr(usage, name)):
            yield name, count
    for ttl_s, count in usage.input_cache_writes:
        if count:
            yield WRITES if ttl_s is None or ttl_s <= SHORT_WRITE_S else LONG_WRITES, count
    for unit, count in usage.other_units.items():
        if count:
            yield unit, count


def uncached(usage: Usage) -> Usage:
    """The same tokens, had there been no provider's cache."""
    writes = sum(count for _, count in usage.input_cache_writes)
    return Usage(
        input_uncached_tokens=usage.input_uncached_tokens + usage.input_cache_read_tokens + writes,
        input_audio_tokens=usage.input_audio_tokens,
        input_image_tokens=usage.input_image_tokens,
        output_visible_tokens=usage.output_visible_tokens,
        output_reasoning_tokens=usage.output_reasoning_tokens,
        output_audio_tokens=usage.output_audio_tokens,
        output_image_tokens=usage.output_image_tokens,
        other_units=usage.other_units,
    )


def _rate(rates: Rates, name: str) -> int | None:
    if name in _RATES:
        rate: int | None = getattr(rates, _RATES[name])
        return rate
    return rates.units.get(name)
