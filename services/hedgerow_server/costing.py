"""`hedgerow_server cost`: what tokens cost by the price book, with nothing running."""

import argparse
import datetime as dt
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from hedgerow_server.catalogue.book import Catalogue
from hedgerow_server.config.load import load
from hedgerow_server.core.event import Usage
from hedgerow_server.pricing.classes import Classes, counts
from hedgerow_server.pricing.price import Price, priced
from hedgerow_server.pricing.section import PricingSection
from hedgerow_server.providers.google import VertexSection
from hedgerow_server.settings import Settings, references

_PICOS = 10**12
_MAX_COUNT = 10**12
_SHORT_S, _LONG_S = 300.0, 3600.0
_CLASSES = {
    "input": ("input_uncached_tokens", "input that is processed anew"),
    "cache-read": ("input_cache_read_tokens", "input that is read from the provider's cache"),
    "input-audio": ("input_audio_tokens", "audio input"),
    "input-image": ("input_image_tokens", "image and video input"),
    "output": ("output_visible_tokens", "the answer itself"),
    "reasoning": ("output_reasoning_tokens", "reasoning"),
    "output-audio": ("output_audio_tokens", "generated audio"),
    "output-image": ("output_image_tokens", "generated images"),
}
_WRITES = {
    "cache-write": (_SHORT_S, "input that is written to the cache for 5 minutes"),
    "cache-write-1h": (_LONG_S, "input that is written to the cache for an hour"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument("model", metavar="PROVIDER/MODEL", help="a provider, or with --config an entry of `providers`")
    for name, (_, what) in {**_CLASSES, **_WRITES}.items():
        parser.add_argument(f"--{name}", type=_count, default=0, metavar="TOKENS", help=what)
    parser.add_argument(
        "--unit", action="append", type=_unit, default=[], metavar="NAME=COUNT", help="what is billed otherwise"
    )
    parser.add_argument("--region", default="", help="where the model runs, on which prices may depend")
    parser.add_argument("--at", type=_moment, metavar="TIME", help="when, as 2026-11-26T03:00; else now, UTC")
    parser.add_argument("--config", type=Path, help="a configuration whose prices hold, with its discounts")
    parser.add_argument("--json", action="store_true", help="print an object")


def run(arguments: argparse.Namespace) -> int:
    """Prints the cost; returns the exit status. Raises ConfigError."""
    provider, _, model = arguments.model.partition("/")
    if not model:
        _say(f"error: {arguments.model}: expected PROVIDER/MODEL, such as openai/gpt-4o")
        return 2
    price = _price(arguments.config, provider, model, arguments.region)
    if price is None:
        _say(f"error: {arguments.model} has no known price, which does not mean that it is free")
        return 1
    usage = _usage(arguments)
    at_unix_s = (arguments.at or dt.datetime.now(dt.UTC)).timestamp()
    cost = price.cost(usage, at_unix_s)
    classes = Classes(price)
    classes.add(usage, at_unix_s)
    parts = [(name, count, classes.picos(name)) for name, count in counts(priced(usage))]
    if arguments.json:
        told = [{"name": name, "count": count, "cost_picos": picos} for name, count, picos in parts]
        found = {"cost_picos": cost, "classes": told, "price_version": price.version, "source": price.source}
        _tell(json.dumps(found))
    else:
        _print(parts, cost, price)
    return 0 if cost is not None else 1


def _price(config: Path | None, provider: str, model: str, region: str) -> Price | None:
    from hedgerow_server.pricing.book import PriceBook

    if config is None:
        return PriceBook(PricingSection()).price(provider, model, region)
    settings = load(config, Settings, references)
    section = settings.providers.get(provider)
    if section is None:
        return None
    catalogue = Catalogue(settings.catalogue.files)
    catalogue.load([section.family])
    facts = catalogue.facts(section.family, model)
    where = section.location if isinstance(section, VertexSection) else region
    listed = (facts.price if facts is not None else "") or model
    return PriceBook(settings.pricing).price(section.family or "", listed, where, provider)


def _usage(arguments: argparse.Namespace) -> Usage:
    given = vars(arguments)
    tokens = {field: given[name.replace("-", "_")] for name, (field, _) in _CLASSES.items()}
    writes = tuple((ttl_s, given[name.replace("-", "_")]) for name, (ttl_s, _) in _WRITES.items())
    return Usage(**tokens, input_cache_writes=tuple(one for one in writes if one[1]), other_units=dict(arguments.unit))


def _print(parts: Sequence[tuple[str, int, int | None]], cost: int | None, price: Price) -> None:
    width = max((len(name) for name, _, _ in parts), default=0)
    for name, count, picos in parts:
        _tell(f"{name:{width}}  {count:>14,}  {_usd(picos):>18}")
    _tell(f"{'cost':{width}}  {'':>14}  {_usd(cost):>18}")
    _say(f"prices {price.version}, {price.source}")


def _usd(picos: int | None) -> str:
    if picos is None:
        return "unknown"
    whole, part = divmod(picos, _PICOS)
    return f"${whole:,}.{part:012}"


def _count(text: str) -> int:
    digits = text.replace("_", "").replace(",", "")
    if not (digits.isdecimal() and int(digits) <= _MAX_COUNT):
        raise argparse.ArgumentTypeError(f"expected a number from 0 to {_MAX_COUNT:,}")
    return int(digits)


def _unit(text: str) -> tuple[str, int]:
    name, equals, count = text.rpartition("=")
    if not equals:
        raise argparse.ArgumentTypeError("expected NAME=COUNT, such as web_search_requests=2")
    return name, _count(count)


def _moment(text: str) -> dt.datetime:
    try:
        given = dt.datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("expected a time such as 2026-11-26T03:00") from None
    return given if given.tzinfo is not None else given.replace(tzinfo=dt.UTC)


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
