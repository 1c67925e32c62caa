"""Prices as they are listed or configured, made into `Price`. Runs when a configuration is loaded, and once for each
name that only a caller says.
"""

import datetime as dt
import math
from collections.abc import Mapping
from fractions import Fraction

from genai_prices.types import (
    ConditionalPrice,
    ModelInfo,
    ModelPrice,
    StartDateConstraint,
    TieredPrices,
    TimeOfDateConstraint,
)

from hedgerow_server.pricing.price import SEARCHES_BY_ITSELF, Period, Price, Rates, Tier
from hedgerow_server.pricing.section import OverrideSection, TokenPrices

LIST = "genai-prices"
"""The price list."""
_PER_MILLION = 10**6
"""Picos a unit for one US dollar per million units."""
_PER_THOUSAND = 10**9
_PER_UNIT = 10**12

# What dialects call a thing that the price list prices, by its price key there.
_UNITS = {
    "web_searches_kcount": (
        "web_search_requests",  # Anthropic, Nvidia and others who pass it on
        "web_search.num_requests",  # OpenAI's Responses
        "webSearchRequests",  # Bedrock
        "webSearchQueries",  # Gemini's grounding
    ),
    "output_citation_mtok": ("citation_tokens",),  # Perplexity
}
# Counted by providers and free: https://platform.claude.com/docs/en/agents-and-tools/tool-use/web-fetch-tool
_FREE_UNITS = ("web_fetch_requests",)
# Rounds of the same model beside the totals: https://platform.claude.com/docs/en/build-with-claude/compaction
_COMPACTION = {
    "compaction_input_tokens": "input",
    "compaction_cache_read_input_tokens": "cache_read",
    "compaction_cache_creation_input_tokens": "cache_write",
    "compaction_output_tokens": "output",
}
_AUDIO_SECONDS = "prompt_audio_seconds"
_TOKENS = {
    "input_mtok": "input",
    "cache_read_mtok": "cache_read",
    "cache_write_mtok": "cache_write",
    "cache_write_5m_mtok": "cache_write",
    "cache_write_1h_mtok": "cache_write_long",
    "input_audio_mtok": "input_audio",
    "input_image_mtok": "input_image",
    "output_mtok": "output",
    "output_reasoning_mtok": "reasoning",
    "output_audio_mtok": "output_audio",
    "output_image_mtok": "output_image",
}

Sheet = dict[str, Fraction]
"""Picos by class (a field of `Rates`) or by unit. What is not in it has no price of its own."""
_Constraint = StartDateConstraint | TimeOfDateConstraint | None
_Sheets = tuple[Sheet, tuple[tuple[int, Sheet], ...]]
"""The usual sheet, and those of long requests by rising threshold."""


def of_list(model: ModelInfo, family: str, *, factor: Fraction, now: dt.datetime, version: str) -> Price | None:
    """The price list's entry, times `factor`. None where it lists nothing."""
    source = f"{LIST} {family}/{model.id}"
    conditional = _in_force(model, now)
    # Claude's writes for an hour cost twice the input wherever they are priced at all:
    # https://platform.claude.com/docs/en/build-with-claude/prompt-caching#pricing
    long_writes = 2 if "claude" in model.id.lower() else None
    sheets = [_sheets(one.prices, family, factor, long_writes) for one in conditional]
    if not any(sheet for sheet, _ in sheets):
        return _free(version, source) if model.id.lower().endswith(":free") else None
    return _price([one.constraint for one in conditional], sheets, version=version, source=source)


def of_override(section: OverrideSection, *, version: str) -> Price:
    """A configured price."""
    usual = _configured(section.usd_per_million_tokens)
    rest = {unit: Fraction(usd) * _PER_THOUSAND for unit, usd in section.usd_per_thousand.items()}
    rest["request"] = Fraction(section.usd_per_request) * _PER_UNIT
    tiers = sorted(section.tiers, key=lambda tier: tier.above_input_tokens)
    sheets = (
        usual | rest,
        tuple((tier.above_input_tokens, _configured(tier.usd_per_million_tokens) | rest) for tier in tiers),
    )
    return _price([None], [sheets], version=version, source="configuration")


def _configured(prices: TokenPrices) -> Sheet:
    given: Mapping[str, object] = prices.model_dump(exclude_none=True)
    return {name: Fraction(str(usd)) * _PER_MILLION for name, usd in given.items()}


def _free(version: str, source: str) -> Price:
    return _price([None], [({"input": Fraction(0), "output": Fraction(0)}, ())], version=version, source=source)


def _in_force(model: ModelInfo, now: dt.datetime) -> list[ConditionalPrice]:
    """The conditional prices that can still hold, the usual one first: those before the last one that has begun are
    history.
    """
    if isinstance(model.prices, ModelPrice):
        return [ConditionalPrice(prices=model.prices)]
    begun = [
        index
        for index, one in enumerate(model.prices)
        if one.constraint is None or (isinstance(one.constraint, StartDateConstraint) and one.constraint.active(now))
    ]
    usual, *rest = model.prices[max(begun, default=0) :]
    return [ConditionalPrice(prices=usual.prices), *rest]


def _sheets(prices: ModelPrice, family: str, factor: Fraction, long_writes: int | None) -> _Sheets:
    listed = {key: value for key, value in vars(prices).items() if value is not None}
    starts = sorted(
        {tier.start for value in listed.values() if isinstance(value, TieredPrices) for tier in value.tiers}
    )
    usual, *long = (_sheet(listed, start, factor, long_writes) for start in (None, *starts))
    for sheet in (usual, *long) if family == "perplexity" else ():
        # A fee for the request is for its searches.
        sheet[SEARCHES_BY_ITSELF] = Fraction(0) if "request" in sheet else sheet.get("web_search_requests", Fraction(0))
    return usual, tuple(zip(starts, long, strict=True))


def _sheet(listed: Mapping[str, object], start: int | None, factor: Fraction, long_writes: int | None) -> Sheet:
    sheet: Sheet = {}
    for key, value in listed.items():
        usd = Fraction(str(_of_tier(value, start))) * factor
        if key in _TOKENS:
            sheet[_TOKENS[key]] = usd * _PER_MILLION
        elif key == "requests_kcount":
            sheet["request"] = usd * _PER_THOUSAND
        elif key == "input_audio_hours":
            # Mistral counts audio in tokens as well, and bills the time.
            sheet |= {_AUDIO_SECONDS: usd * _PER_UNIT / 3600, "input_audio": Fraction(0)}
        for unit in _UNITS.get(key, ()):
            sheet[unit] = usd * (_PER_MILLION if key.endswith("_mtok") else _PER_THOUSAND)
    if sheet:
        sheet |= dict.fromkeys(_FREE_UNITS, Fraction(0))
    if long_writes is not None and "cache_write" in sheet and "input" in sheet:
        sheet.setdefault("cache_write_long", long_writes * sheet["input"])
    return sheet


def _of_tier(value: object, start: int | None) -> object:
    """A price in the tier that begins there."""
    if not isinstance(value, TieredPrices):
        return value
    reached = [tier.price for tier in value.tiers if start is not None and tier.start <= start]
    return reached[-1] if reached else value.base


def _price(constraints: list[_Constraint], sheets: list[_Sheets], *, version: str, source: str) -> Price:
    """The usual sheets first; each of the others with its constraint."""
    every = [sheet for usual, long in sheets for sheet in (usual, *(one for _, one in long))]
    scale = math.lcm(*(value.denominator for sheet in every for value in sheet.values()))
    made = [
        (_rates(usual, scale), tuple(Tier(above, _rates(sheet, scale)) for above, sheet in long))
        for usual, long in sheets
    ]
    rates, tiers = made[0]
    periods = tuple(_period(when, *one) for when, one in zip(constraints[1:], made[1:], strict=True))
    return Price(rates=rates, tiers=tiers, periods=periods, scale=scale, version=version, source=source)


def _period(constraint: _Constraint, rates: Rates, tiers: tuple[Tier, ...]) -> Period:
    if constraint is None:
        return Period(rates=rates, tiers=tiers)
    if isinstance(constraint, StartDateConstraint):
        begin = dt.datetime.combine(constraint.start_date, dt.time(), dt.UTC)
        return Period(since_unix_s=begin.timestamp(), rates=rates, tiers=tiers)
    daily = (_second(constraint.start_time), _second(constraint.end_time))
    return Period(daily_s=daily, rates=rates, tiers=tiers)


def _second(time: dt.time) -> int:
    offset = time.utcoffset() or dt.timedelta()
    return (time.hour * 3600 + time.minute * 60 + time.second - int(offset.total_seconds())) % 86_400


def _rates(sheet: Sheet, scale: int) -> Rates:
    """The sheet in 1/`scale` picos, with what stands in for a class that has no price of its own."""
    own = {name: int(value * scale) for name, value in sheet.items()}
    given, made = own.get("input"), own.get("output")
    written = own.get("cache_write", given)
    classes = {
        "input": given,
        "cache_read": own.get("cache_read", given),
        "cache_write": written,
        "cache_write_long": own.get("cache_write_long", written),
        "input_audio": own.get("input_audio", given),
        "input_image": own.get("input_image", given),
        "output": made,
        "reasoning": own.get("reasoning", made),
        "output_audio": own.get("output_audio", made),
        "output_image": own.get("output_image", made),
    }
    units = {name: value for name, value in own.items() if name not in classes and name != "request"}
    units |= {unit: rate for unit, name in _COMPACTION.items() if (rate := classes[name]) is not None}
    return Rates(**classes, request=own.get("request", 0), units=units)
