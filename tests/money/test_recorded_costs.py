"""Usage and cost of recorded answers, against figures worked out from the providers' own words and published prices."""

import datetime as dt

import pytest
from hedgerow_server.core.event import Usage
from hedgerow_server.pricing.book import PriceBook
from hedgerow_server.pricing.section import PricingSection
from money.published import ANTHROPIC, GEMINI, SHEETS, SOURCES, Counts, Json, counted, picos
from money.recorded import ABSENT, answered, usage

NOW = dt.datetime(2026, 11, 26, tzinfo=dt.UTC)
RULES = ("openai_chat", "openai_responses", "anthropic_messages", "gemini_generate", "bedrock_converse")
BOOK = PriceBook(PricingSection(), now=NOW)


def _known() -> list[tuple[Json, Counts]]:
    """Recordings whose model is in the table and whose usage the rules cover, but for streams of binary frames."""
    found = []
    for record in answered():
        source = SOURCES.get(record["provider"])
        priced = source is not None and record["model"] in SHEETS[source]
        if priced and record["api"] in RULES and record["response"]["body_encoding"] != "base64":
            counts = counted(record)
            if counts is not None and counts != Counts():
                found.append((record, counts))
    return found


KNOWN = _known()


@pytest.mark.skipif(not KNOWN, reason=ABSENT)
def test_the_table_covers_at_least_12_models_and_every_kind_of_class() -> None:
    models = {(record["provider"], record["model"]) for record, _ in KNOWN}
    assert len(models) >= 12
    assert len(KNOWN) >= 100
    assert any(counts.read for _, counts in KNOWN)
    assert any(counts.write for _, counts in KNOWN)
    assert any(counts.searches for _, counts in KNOWN)
    assert any(used.output_reasoning_tokens for record, _ in KNOWN if (used := usage(record)) is not None)


@pytest.mark.skipif(not KNOWN, reason=ABSENT)
@pytest.mark.parametrize(("record", "counts"), KNOWN, ids=[str(record["id"]) for record, _ in KNOWN])
def test_usage_and_cost_are_what_the_providers_rules_make_of_its_words(record: Json, counts: Counts) -> None:
    used = usage(record)
    assert used is not None
    written = {ttl_s == 3600.0: tokens for ttl_s, tokens in used.input_cache_writes}
    assert (
        Counts(
            given=used.input_uncached_tokens + used.input_image_tokens,
            read=used.input_cache_read_tokens,
            write=written.get(False, 0),
            write_1h=written.get(True, 0),
            audio=used.input_audio_tokens,
            made=used.output_tokens,
            searches=counts.searches,
        )
        == counts
    )
    price = BOOK.price(record["provider"], record["model"])
    assert price is not None
    sheet = SHEETS[SOURCES[record["provider"]]][record["model"]]
    assert price.cost(used, NOW.timestamp()) == picos(sheet, counts)


@pytest.mark.parametrize("at", [199_999, 200_000, 200_001, 1_000_000])
@pytest.mark.parametrize(
    ("provider", "model", "source"),
    [("anthropic", "claude-sonnet-4-5", ANTHROPIC), ("gemini", "gemini-2.5-pro", GEMINI)],
)
def test_long_requests_cost_what_the_published_tiers_say(provider: str, model: str, source: str, at: int) -> None:
    """No recording is that long: the counts are made up, the rule is not. Cached tokens count towards the threshold."""
    price = BOOK.price(provider, model)
    assert price is not None
    used = Usage(input_uncached_tokens=at - 50_000, input_cache_read_tokens=50_000, output_visible_tokens=321)
    counts = Counts(given=at - 50_000, read=50_000, made=321)
    assert price.cost(used, NOW.timestamp()) == picos(SHEETS[source][model], counts)


def test_what_is_kept_for_an_hour_costs_what_is_published() -> None:
    price = BOOK.price("anthropic", "claude-haiku-4-5")
    assert price is not None
    used = Usage(input_uncached_tokens=7, input_cache_writes=((300.0, 1_000), (3600.0, 500)), output_visible_tokens=9)
    counts = Counts(given=7, write=1_000, write_1h=500, made=9)
    assert price.cost(used, NOW.timestamp()) == picos(SHEETS[ANTHROPIC]["claude-haiku-4-5"], counts)
