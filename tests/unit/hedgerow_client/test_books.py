"""Reading usage exports and writing rows of others' forms."""

import io
import json
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hedgerow.common.v1.attempt_pb2 import Attempt
from hedgerow.common.v1.money_pb2 import Money
from hedgerow.common.v1.usage_pb2 import Usage
from hedgerow.usage.v1.record_pb2 import CallRecord, ExportedAttempt, LedgerAttempt
from hedgerow_client.books import aws, focus
from hedgerow_client.books.figures import ExportError
from hedgerow_client.books.pages import elements
from hedgerow_client.books.read import read
from hedgerow_client.cli.export import _cell
from hedgerow_client.cli.ledger import bar, exact, moment, picos, usd
from hedgerow_client.cli.terminal import InputError
from hedgerow_client.cli.verbs import build
from typer.testing import CliRunner

PAGES = [{"object": "page", "data": [{"n": 1, "t": '"data": ['}, {"n": 2}], "more": {"x": [1]}}, {"data": [{"n": 3}]}]


class Dribble(io.StringIO):
    """Gives so many characters at a time, whatever is asked for."""

    def __init__(self, text: str, count: int) -> None:
        super().__init__(text)
        self._count = count

    def read(self, size: int | None = -1) -> str:
        return super().read(self._count)


@pytest.mark.parametrize("count", [1, 2, 3, 7, 64, 1000])
@pytest.mark.parametrize("form", ["lines", "list", "indented"])
def test_pages_are_read_whole_however_they_stand_and_arrive(form: str, count: int) -> None:
    lines = "\n".join(map(json.dumps, PAGES))
    text = {
        "lines": lines,
        "list": json.dumps(PAGES),
        "indented": "\n".join(json.dumps(one, indent=1) for one in PAGES),
    }
    assert [one["n"] for one in elements(Dribble(text[form], count))] == [1, 2, 3]


def test_a_long_file_of_pages_is_never_in_memory_as_a_whole() -> None:
    bucket = json.dumps({"x": "y" * 1_000}) + ","

    class Endless(io.StringIO):
        left = 20_000

        def read(self, size: int | None = -1) -> str:
            if self.left == 20_000:
                self.left -= 1
                return '{"data": ['
            self.left -= 1
            return bucket if self.left > 0 else ("{}]}" if self.left == 0 else "")

    tracemalloc.start()
    try:
        assert sum(1 for _ in elements(Endless())) == 19_999
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2_000_000


@pytest.mark.parametrize(
    ("usage_type", "unit", "description", "tokens", "name"),
    [
        ("USE1-NovaLite-input-tokens", "1K tokens", "", 12_500, "input"),
        ("USE1-NovaLite-cache-read-input-token-count", "1K tokens", "", 12_500, "cache_read"),
        ("EUC1-Claude4.6Sonnet-cache-write-1h-input-token-count", "1M tokens", "", 12_500_000, "cache_write_long"),
        (
            "USE1-MP:USE1_OutputTokenCount-Units",
            "Units",
            "AWS Marketplace|us-east-1|Million Output Tokens",
            12_500_000,
            "output",
        ),
        ("USE1-MP:USE1_CacheWriteInputTokenCount-Units", "Units", "x|Million tokens", 12_500_000, "cache_write"),
    ],
)
def test_a_line_of_aws_counts_tokens_by_its_unit(
    usage_type: str, unit: str, description: str, tokens: int, name: str
) -> None:
    header = "line_item_usage_start_date,line_item_usage_type,line_item_usage_amount,line_item_unblended_cost,"
    header += "pricing_unit,line_item_line_item_description"
    line = f"2026-11-02 00:00:00,{usage_type},12.5,0.1,{unit},{description}"
    count, cost = aws.figures(io.StringIO(f"{header}\n{line}\n"))
    assert count is not None
    assert cost is not None
    assert (count.name, count.amount, cost.name, cost.amount) == (name, tokens, "cost", 10**11)


def test_a_unit_that_nobody_knows_is_told_with_its_line() -> None:
    header = "line_item_usage_start_date,line_item_usage_type,line_item_usage_amount,line_item_unblended_cost"
    with pytest.raises(ExportError, match="line 2: USE1-NovaLite-input-tokens"):
        list(aws.figures(io.StringIO(f"{header}\n2026-11-02,USE1-NovaLite-input-tokens,1,1\n")))


def attempts() -> Iterator[ExportedAttempt]:
    attempt = Attempt(number=2, provider="openai", model="gpt-4o", usage=Usage(input_tokens=10, output_tokens=5))
    attempt.start_time.FromDatetime(datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC))
    attempt.total_duration.FromMilliseconds(1_500)
    call = CallRecord(tenant="acme", team="search", labels={"feature": "chat"}, method="ChatService/Complete")
    yield ExportedAttempt(attempt=LedgerAttempt(call_id="c", attempt=attempt, account="charged"), call=call)
    priced = Attempt()
    priced.CopyFrom(attempt)
    priced.cost_picos = 1_250_000
    yield ExportedAttempt(attempt=LedgerAttempt(call_id="c", attempt=priced, account="charged"), call=call)


def test_a_file_that_only_seems_packed_is_named(tmp_path: Path) -> None:
    path = tmp_path / "export.csv.gz"
    path.write_bytes(b"no gzip")
    with pytest.raises(ExportError, match=r"export\.csv\.gz: no whole file of gzip"):
        read(path)


def test_a_month_is_asked_for_before_anybody_is() -> None:
    result = CliRunner().invoke(build(), ["statement", "--month", "2026-13", "--target", "127.0.0.1:1"])
    assert (result.exit_code, result.stderr) == (1, "error: '2026-13' is no month: say it as 2026-11\n")


def test_a_row_of_focus_has_its_mandatory_columns() -> None:
    """The columns of FOCUS 1.2 whose feature level is Mandatory; ChargeClass is null where nothing is corrected."""
    unpriced, priced = map(focus.row, attempts())
    assert unpriced is None
    assert priced is not None
    mandatory = """BilledCost BillingAccountId BillingAccountName BillingCurrency BillingPeriodEnd BillingPeriodStart
        ChargeCategory ChargeDescription ChargePeriodEnd ChargePeriodStart ContractedCost EffectiveCost
        InvoiceIssuerName ListCost PricingQuantity PricingUnit ProviderName PublisherName ServiceCategory
        ServiceName ServiceSubcategory"""
    assert [name for name in mandatory.split() if not priced[name]] == []
    assert priced["ChargeClass"] == ""
    assert (priced["BillingPeriodStart"], priced["BillingPeriodEnd"]) == (
        "2026-12-01T00:00:00Z",
        "2027-01-01T00:00:00Z",
    )
    assert (priced["ChargePeriodStart"], priced["ChargePeriodEnd"]) == ("2026-12-31T23:59:59Z", "2027-01-01T00:00:01Z")
    assert (priced["BilledCost"], priced["ConsumedQuantity"]) == ("0.00000125", "15")
    assert json.loads(priced["Tags"]) == {"feature": "chat", "hedgerow/team": "search"}


@pytest.mark.parametrize(("value", "cell"), [("=1+1", "'=1+1"), ("@x", "'@x"), ("-1.5", "-1.5"), ("a=b", "a=b")])
def test_no_cell_begins_a_formula(value: str, cell: str) -> None:
    assert _cell(value) == cell


@pytest.mark.parametrize(
    ("amount", "text", "whole"),
    [
        (1_500_000_000_000, "$1.500000", "1.5"),
        (-1_500_000_000_000, "-$1.500000", "-1.5"),
        (500_000, "$0.000000", "0.0000005"),
        (1_500_000, "$0.000002", "0.0000015"),
        (-1, "$0.000000", "-0.000000000001"),
        (1_234_567_000_000_000_000, "$1,234,567.000000", "1234567"),
    ],
)
def test_money_is_rounded_half_to_even_and_told_exactly_where_it_must_be(amount: int, text: str, whole: str) -> None:
    assert (usd(amount), exact(amount)) == (text, whole)


def test_both_parts_of_money_have_the_sign_of_the_whole() -> None:
    assert picos(Money(currency_code="USD", units=-1, picos=-5)) == -1_000_000_000_005


def test_bars_are_as_long_as_their_share() -> None:
    assert [bar(share, 4) for share in (0, 0.5, 1, 2, 0.03125)] == ["", "██", "████", "████", "▏"]


def test_times_are_so_long_ago_or_a_day() -> None:
    now = datetime(2026, 11, 26, 12, tzinfo=UTC)
    assert moment("36h", now) == datetime(2026, 11, 25, tzinfo=UTC)
    assert moment("2w", now) == datetime(2026, 11, 12, 12, tzinfo=UTC)
    assert moment("2026-11-01", now) == datetime(2026, 11, 1, tzinfo=UTC)
    assert moment("2026-11-01T00:00+01:00", now) == datetime(2026, 10, 31, 23, tzinfo=UTC)
    with pytest.raises(InputError):
        moment("7 days", now)
