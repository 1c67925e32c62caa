"""What a model costs, in integers: nothing here knows a price list, a decimal or a configuration.

Amounts are picos, 10^-12 US dollars: one US dollar per million tokens is 10^6 picos a token. A price that is no whole
number of picos (a discount of 12.5 %, a list price with 17 digits) makes all rates of its model multiples of
1/`Price.scale` pico, so every sum is exact and is rounded once.
"""

import time

import msgspec

from hedgerow_server.core.event import Usage

MAX_PICOS = (1 << 63) - 1
"""What the contract's integers hold, 9.2 million US dollars. A higher cost is a count that cannot be true."""
SEARCHES_BY_ITSELF = "num_search_queries"
"""The unit of models (Perplexity's) that search unasked and bill each search."""
_DAY_S = 86_400
SHORT_WRITE_S = 300
"""A token written to the cache for longer is priced as `cache_write_long`."""
_BILLED_INPUT, _BILLED_OUTPUT, _BILLED_IMAGE = "billed_input_tokens", "billed_output_tokens", "billed_image_tokens"


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """What each class of a usage costs, in 1/`Price.scale` picos. None: it has no price and none that may stand in."""

    input: int | None
    """A token of the input that was processed anew."""
    cache_read: int | None
    """A token read from the provider's cache, of any modality."""
    cache_write: int | None
    """A token written to the cache for at most 5 minutes, or for a time the provider does not say."""
    cache_write_long: int | None
    """A token written to the cache for longer; providers that offer a choice price one hour."""
    input_audio: int | None
    """A token of audio input."""
    input_image: int | None
    """A token of image or video input."""
    output: int | None
    """A token of the answer itself."""
    reasoning: int | None
    """A token spent on reasoning."""
    output_audio: int | None
    """A token of generated audio."""
    output_image: int | None
    """A token of a generated image."""
    request: int = 0
    """What each request costs beside its tokens."""
    units: dict[str, int] = {}
    """What one of `Usage.other_units` costs, by the provider's word for it."""


class Tier(msgspec.Struct, frozen=True):
    """Rates of long requests. They hold for every token of the request, not only for those above the threshold: so all
    providers in the price list bill.
    """

    above_input_tokens: int
    """The most input tokens, cached ones included, to which the tier before applies."""
    rates: Rates


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """Rates that hold at some times only."""

    since_unix_s: float | None = None
    """From when on they hold. None: always."""
    daily_s: tuple[int, int] | None = None
    """The seconds of the UTC day between which they hold, the second one excluded; it may pass midnight. None: all."""
    rates: Rates
    tiers: tuple[Tier, ...] = ()

    def holds(self, at_unix_s: float) -> bool:
        """Whether these are the rates of a request that starts then."""
        if self.since_unix_s is not None and at_unix_s < self.since_unix_s:
            return False
        if self.daily_s is None:
            return True
        start, end = self.daily_s
        second = at_unix_s % _DAY_S
        return start <= second < end if start <= end else second >= start or second < end


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """What a model costs at a provider. Immutable: a call that holds one is not touched by a change of prices."""

    rates: Rates
    """The usual rates."""
    tiers: tuple[Tier, ...] = ()
    """The rates of long requests, by rising threshold."""
    periods: tuple[Period, ...] = ()
    """Rates of certain times; the last one that holds replaces the usual rates and tiers."""
    scale: int = 1
    """How many units of the rates make one pico."""
    currency: str = "USD"
    """The ISO 4217 code of the currency; always USD."""
    version: str
    """The price list and the configured prices that it comes from."""
    source: str
    """Where it stands: "configuration", or the price list's provider and model."""

    def cost(self, usage: Usage, at_unix_s: float | None = None) -> int | None:
        """What the usage of one request that started then (None: now) costs, in picos, rounded once, half to even.

        None where something was used that has no price, or where the counts cannot be true. Where the provider names
        what it billed (Cohere's billed units) that is what is priced.
        """
        units = usage.other_units
        if _BILLED_INPUT in units or _BILLED_OUTPUT in units:
            usage = _billed(usage)
            units = usage.other_units
        rates, tiers = (self.rates, self.tiers) if not self.periods else self.at(at_unix_s)
        if tiers:
            rates = applicable(rates, tiers, usage.input_tokens)
        total = rates.request
        for tokens, rate in (
            (usage.input_uncached_tokens, rates.input),
            (usage.output_visible_tokens, rates.output),
            (usage.input_cache_read_tokens, rates.cache_read),
            (usage.output_reasoning_tokens, rates.reasoning),
            (usage.input_audio_tokens, rates.input_audio),
            (usage.input_image_tokens, rates.input_image),
            (usage.output_audio_tokens, rates.output_audio),
            (usage.output_image_tokens, rates.output_image),
        ):
            if tokens:
                if rate is None:
                    return None
                total += tokens * rate
        for ttl_s, tokens in usage.input_cache_writes:
            rate = rates.cache_write if ttl_s is None or ttl_s <= SHORT_WRITE_S else rates.cache_write_long
            if rate is None:
                return None
            total += tokens * rate
        for unit, number in units.items():
            if number:
                rate = rates.units.get(unit)
                if rate is None:
                    return None
                total += number * rate
        return rounded(total, self.scale)

    def at(self, at_unix_s: float | None) -> tuple[Rates, tuple[Tier, ...]]:
        """The rates and tiers of a request that starts then; None: now."""
        if self.periods:
            moment = time.time() if at_unix_s is None else at_unix_s
            for period in reversed(self.periods):
                if period.holds(moment):
                    return period.rates, period.tiers
        return self.rates, self.tiers


def applicable(rates: Rates, tiers: tuple[Tier, ...], input_tokens: int) -> Rates:
    """The rates of a request with so many input tokens."""
    for tier in reversed(tiers):
        if input_tokens > tier.above_input_tokens:
            return tier.rates
    return rates


def rounded(total: int, scale: int) -> int | None:
    """So many 1/`scale` picos as picos, half to even; None beyond what the contract's integers hold."""
    if scale != 1:
        total, rest = divmod(total, scale)
        total += 2 * rest > scale or (2 * rest == scale and total & 1)
    return total if total <= MAX_PICOS else None


def priced(usage: Usage) -> Usage:
    """The usage that is priced: what the provider says that it billed, where it says that."""
    return _billed(usage) if _BILLED_INPUT in usage.other_units or _BILLED_OUTPUT in usage.other_units else usage


def _billed(usage: Usage) -> Usage:
    """What the provider says that it billed, as a usage of its own."""
    units = dict(usage.other_units)
    return Usage(
        input_uncached_tokens=units.pop(_BILLED_INPUT, 0),
        output_visible_tokens=units.pop(_BILLED_OUTPUT, 0),
        input_image_tokens=units.pop(_BILLED_IMAGE, 0),
        other_units=units,
    )
