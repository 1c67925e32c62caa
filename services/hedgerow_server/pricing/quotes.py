"""Prices by the names that the ledger has: a configured provider, its model, a region."""

from collections.abc import Callable, Mapping

import msgspec

from hedgerow_server.pricing.book import PriceBook
from hedgerow_server.pricing.price import Price


class Source(msgspec.Struct, frozen=True):
    """Whose prices are those of a configured provider."""

    family: str
    location: str | None = None
    """Where it runs, where the provider's section says that; None: where the candidate's region says."""


class Quotes:
    """The prices in force and, beside them, those of the built-in list alone."""

    def __init__(
        self,
        book: PriceBook,
        listed: PriceBook,
        sources: Mapping[str, Source],
        alias: Callable[[str, str], str],
    ) -> None:
        """`alias` gives the name by which a model of a family is priced."""
        self._book = book
        self._listed = listed
        self._sources = sources
        self._alias = alias

    @property
    def version(self) -> str:
        """The version of the prices in force."""
        return self._book.version

    def knows(self, provider: str) -> bool:
        """Whether a provider is configured."""
        return provider in self._sources

    def price(self, provider: str, model: str, region: str = "") -> Price | None:
        """The price in force. None: not known."""
        return self._price(self._book, provider, model, region)

    def listed(self, provider: str, model: str, region: str = "") -> Price | None:
        """The list's own price, without overrides and discounts. None: not known."""
        return self._price(self._listed, provider, model, region)

    def _price(self, book: PriceBook, provider: str, model: str, region: str) -> Price | None:
        source = self._sources.get(provider)
        if source is None:
            return None
        where = region if source.location is None else source.location
        return book.price(source.family, self._alias(source.family, model), where, provider)
