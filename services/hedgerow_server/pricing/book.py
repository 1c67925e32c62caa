"""The price of every model at every provider, resolved once for each name."""

import datetime as dt
import functools
import hashlib
import re
from collections.abc import Sequence
from fractions import Fraction
from importlib.metadata import version
from typing import TypeVar

from genai_prices.data import providers as listed_providers
from genai_prices.types import ModelInfo, Provider

from hedgerow_server.pricing.families import listed
from hedgerow_server.pricing.match import dashed, fits, names
from hedgerow_server.pricing.price import Price
from hedgerow_server.pricing.rules import LIST, of_list, of_override
from hedgerow_server.pricing.section import DiscountSection, OverrideSection, PricingSection, matches

_REMEMBERED = 4096
"""Names that are kept resolved. A route for any model of a provider takes them from callers, so there is a bound."""
_CLAUDE = re.compile(r"claude-[a-z]+-(\d{1,2})(?!\d)(?:[-.](\d{1,2})(?!\d))?")
_FIRST_WITH_PREMIUM = (4, 5)
_REGIONAL_PREMIUM = Fraction(11, 10)


class PriceBook:
    """The built-in price list (genai-prices) with the configured overrides and discounts."""

    def __init__(self, section: PricingSection, *, now: dt.datetime | None = None) -> None:
        """`now` (None: the machine's clock) is when the configuration is loaded: prices that were superseded before are
        left out, those to come take effect by themselves.
        """
        self._section = section
        self._now = now or dt.datetime.now(dt.UTC)
        self._indices: dict[str, _Index] = {}
        self.version = _version(section)
        """The price list and the configured prices, to stand beside every cost."""
        self._resolved = functools.lru_cache(_REMEMBERED)(self._resolve)

    def price(self, family: str, model: str, region: str = "", provider: str = "") -> Price | None:
        """What a model costs. None: unknown, never free.

        `family` is whose prices hold: a vendor, or an id of the price list; `model` the provider's own name; `region`
        where it runs (empty or "global": nowhere in particular); `provider` the configured name, for overrides and
        discounts. The first call for a family indexes it (a millisecond or two), the first one for a name resolves it;
        both belong to the time when the configuration is loaded. A caller's own name costs that once.
        """
        return self._resolved(family, model, region, provider)

    def _resolve(self, family: str, model: str, region: str, provider: str) -> Price | None:
        override = _first(self._section.overrides, provider, model)
        if override is not None:
            return of_override(override, version=self.version)
        family, model = listed(family, model)
        entry = self._entry(family, model)
        if entry is None:
            return None
        factor = _premium(family, model, region)
        discount = _first(self._section.discounts, provider, model)
        if discount is not None:
            factor *= (100 - Fraction(discount.percent)) / 100
        return of_list(entry, family, factor=factor, now=self._now, version=self.version)

    def _entry(self, family: str, model: str) -> ModelInfo | None:
        """The list's entry, at the provider itself or at one whose prices it takes over."""
        for name in dict.fromkeys((model.lower(), dashed(model.lower()))):
            index = self._index(family)
            for one in (index, *(self._index(other) for other in index.fallbacks)):
                if (found := one.find(name)) is not None:
                    return found
        return None

    def _index(self, family: str) -> "_Index":
        index = self._indices.get(family)
        if index is None:
            provider = next((one for one in listed_providers if one.id == family), None)
            index = _Index(provider)
            if provider is not None:
                # Names that mean nothing are not kept: they may come from callers.
                self._indices[family] = index
        return index


class _Index:
    """The entries of one provider: a look-up by name, and in order those with rules for further names."""

    def __init__(self, provider: Provider | None) -> None:
        self.fallbacks: Sequence[str] = (provider.fallback_model_providers or ()) if provider is not None else ()
        self._entries: list[ModelInfo] = provider.models if provider is not None else []
        self._by_name: dict[str, int] = {}
        self._by_rule: list[int] = []
        for place, entry in enumerate(self._entries):
            known = names(entry.match)
            for name in known or ():
                self._by_name.setdefault(name, place)
            if known is None:
                self._by_rule.append(place)
        for place, entry in enumerate(self._entries):
            self._by_name.setdefault(entry.id.lower(), place)

    def find(self, name: str) -> ModelInfo | None:
        """The first entry in the list's order that means this name."""
        end = self._by_name.get(name, len(self._entries))
        rules = (place for place in self._by_rule if place < end and fits(self._entries[place].match, name))
        place = next(rules, end)
        return self._entries[place] if place < len(self._entries) else None


def _premium(family: str, model: str, region: str) -> Fraction:
    """What a region costs beyond the list's global price. Vertex AI takes 10 % more for Claude from 4.5 on where it
    runs in a region or a group of them: https://platform.claude.com/docs/en/build-with-claude/claude-on-vertex-ai.
    Bedrock's ids name their profile, and so have list prices of their own.
    """
    if family != "google" or region in {"", "global"}:
        return Fraction(1)
    claude = _CLAUDE.search(model.lower())
    if claude is None or (int(claude[1]), int(claude[2] or 0)) < _FIRST_WITH_PREMIUM:
        return Fraction(1)
    return _REGIONAL_PREMIUM


_S = TypeVar("_S", OverrideSection, DiscountSection)


def _first(sections: tuple[_S, ...], provider: str, model: str) -> _S | None:
    return next((one for one in sections if one.provider == provider and matches(one.model, model)), None)


def _version(section: PricingSection) -> str:
    listed_version = f"{LIST}-{version(LIST)}"
    if not section.overrides and not section.discounts:
        return listed_version
    configured = hashlib.sha256(section.model_dump_json().encode()).hexdigest()[:12]
    return f"{listed_version}+{configured}"
