"""CPU of a price: of a usage's cost, of looking one up, of an estimate; beside the price list's own arithmetic.

Figures of one run compare with each other, not across machines. The last column says how many of the first line's cost
each is worth.
"""

import argparse
import datetime as dt
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "services"))

from genai_prices import Usage as ListUsage
from genai_prices import calc_price
from hedgerow_server.core.event import Usage
from hedgerow_server.core.request import ChatSpec, Message, Part, Role, Text
from hedgerow_server.pricing.book import PriceBook
from hedgerow_server.pricing.estimate import estimate
from hedgerow_server.pricing.price import Price
from hedgerow_server.pricing.section import PricingSection

NOW = dt.datetime(2026, 11, 26, tzinfo=dt.UTC)
CHAT = Usage(input_uncached_tokens=900, input_cache_read_tokens=300, output_visible_tokens=200)
EVERYTHING = Usage(
    input_uncached_tokens=900,
    input_cache_read_tokens=300,
    input_cache_writes=((300.0, 50), (3600.0, 20)),
    output_visible_tokens=200,
    output_reasoning_tokens=90,
    other_units={"web_search_requests": 2},
)
SPEC = ChatSpec(
    model="m",
    messages=(Message(Role.USER, (Part(Text("Say something about hedges. " * 36)),)),),
    max_output_tokens=500,
)


def cases() -> dict[str, Callable[[], object]]:
    """What is measured."""
    book = PriceBook(PricingSection(), now=NOW)
    section = PricingSection.model_validate({"discounts": [{"provider": "p", "percent": 12.34567}]})
    discounted = PriceBook(section, now=NOW).price("openai", "gpt-4o-mini", provider="p")
    flat, tiered, timed = (
        book.price(*names)
        for names in (("openai", "gpt-4o-mini"), ("google", "gemini-2.5-pro"), ("deepseek", "deepseek-v4-flash"))
    )
    claude = book.price("anthropic", "claude-sonnet-4-5")
    kinds: tuple[Price | None, ...] = (flat, tiered, timed, claude, discounted)
    if None in kinds:
        raise SystemExit("The price list no longer has the models that this benchmark is about.")
    assert flat and tiered and timed and claude and discounted  # noqa: PT018 - for the type checker
    listed = ListUsage(input_tokens=1200, cache_read_tokens=300, output_tokens=200)
    return {
        "cost, flat price": lambda: flat.cost(CHAT),
        "cost, tiers": lambda: tiered.cost(CHAT),
        "cost, hours of the day": lambda: timed.cost(CHAT, 1_800_000_000.0),
        "cost, discount with fractions": lambda: discounted.cost(CHAT),
        "cost, every class and a search": lambda: claude.cost(EVERYTHING),
        "a price by name, again": lambda: book.price("openai", "gpt-4o-mini"),
        "estimate of a chat of 1 KB": lambda: estimate(SPEC, flat),
        "genai-prices calc_price": lambda: calc_price(listed, "gpt-4o-mini", provider_id="openai"),
    }


def measured(work: Callable[[], object], rounds: int) -> float:
    """CPU-µs of one run: the median of seven times `rounds`."""
    took = []
    for _ in range(7):
        began = time.process_time()
        for _ in range(rounds):
            work()
        took.append((time.process_time() - began) / rounds)
    return statistics.median(took) * 1e6


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="the raw figures")
    parser.add_argument("--rounds", type=int, default=5000)
    arguments = parser.parse_args()
    figures = {name: measured(work, arguments.rounds) for name, work in cases().items()}
    first = next(iter(figures.values()))
    for name, micros in figures.items():
        print(f"{name:<32} {micros:8.2f} µs {micros / first:8.1f}")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
