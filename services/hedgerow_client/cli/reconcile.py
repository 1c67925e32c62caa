"""`hedgerow reconcile`: the ledger beside a provider's own book."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hedgerow_client.cli.ledger import exact, picos, usd
from hedgerow_client.cli.options import DEFAULT_TARGET, Plaintext, Target, Timeout, TlsCa, Token, connect_usage
from hedgerow_client.cli.terminal import EXIT_FAILED, PICOS, InputError, print_table, printable, reporting, say

if TYPE_CHECKING:
    from hedgerow.usage.v1.spend_pb2 import SpendRow

    from hedgerow_client.books.compare import Line
    from hedgerow_client.books.figures import Book
    from hedgerow_client.usage import UsageClient

_COLUMNS = ("DAY", "MODEL", "CLASS", "LEDGER", "PROVIDER", "DIFFERENCE", "")
_NUMBERS = {"LEDGER", "PROVIDER", "DIFFERENCE"}
_PROVIDERS = {"openai": "openai", "anthropic": "anthropic", "aws": "bedrock"}
_AT_ONCE = timedelta(days=7)
_ROWS = 10_000

Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE…", exists=True, dir_okay=False, help="The provider's export; .gz too.", show_default=False
    ),
]
Provider = Annotated[
    list[str] | None,
    typer.Option(
        help="The configured name of the provider; may be said again.  [default: openai, anthropic or bedrock]",
        show_default=False,
    ),
]
Same = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="THEIRS=OURS", help="The ledger's name of a model of theirs.", show_default=False),
]
Tolerance = Annotated[
    float, typer.Option(min=0, metavar="USD", help="How far off each figure of money in the export may be.")
]


def reconcile(
    files: Files,
    *,
    provider: Provider = None,
    same: Same = None,
    tolerance: Tolerance = 0.000001,
    as_json: Annotated[bool, typer.Option("--json", help="Print each figure that differs as a line of JSON.")] = False,
    target: Target = DEFAULT_TARGET,
    token: Token = None,
    plaintext: Plaintext = None,
    tls_ca: TlsCa = None,
    timeout: Timeout = None,
) -> None:
    """Compare the ledger with a provider's usage export, by day, model and class.

    Known are: pages of OpenAI's usage and costs API, of Anthropic's usage and
    cost reports, AWS Cost and Usage Reports (both kinds) and Cost Explorer's CSV
    by usage type. Ask OpenAI for usage with group_by=model and for costs with
    group_by=line_item, Anthropic for usage with group_by[]=model and for costs
    with group_by[]=description. Days are UTC. The exit code is 1 where anything
    differs.

    [bold]Examples[/bold]

      hedgerow reconcile usage-2026-11.json costs-2026-11.json
      hedgerow reconcile cur-00001.csv.gz --provider bedrock-eu --map "NovaLite=eu.amazon.nova-lite-v1:0"
    """
    from hedgerow_client.books.compare import compare
    from hedgerow_client.books.figures import ExportError

    with reporting(target):
        try:
            family, export = _read(files)
        except ExportError as error:
            raise InputError(str(error)) from None
        names = provider or [_PROVIDERS[family]]
        with connect_usage(target, token, plaintext, tls_ca, timeout) as client:
            ledger = _ledger(client, export, names)
        lines = compare(ledger, export, _given(same), round(tolerance * PICOS))
    differing = [line for line in lines if not line.agrees]
    if as_json:
        for line in differing:
            print(json.dumps(_object(line), ensure_ascii=False))
    elif differing:
        print_table(_COLUMNS, map(_row, differing), right=_NUMBERS)
    _sum_up(lines, differing, ledger, export)
    if differing:
        raise typer.Exit(EXIT_FAILED)


def _read(files: list[Path]) -> "tuple[str, Book]":
    """All files as one book: usage and costs may stand apart."""
    from hedgerow_client.books.figures import Book
    from hedgerow_client.books.read import read

    family, whole = "", Book()
    for path in files:
        found, one = read(path)
        if family not in ("", found):
            raise InputError(f"{path}: an export of {found}, after one of {family}")
        family = found
        whole.skipped += one.skipped
        for key, amount in one.sums.items():
            whole.sums[key] += amount
        for place, count in one.moneys.items():
            whole.moneys[place] += count
    if not whole.sums:
        raise InputError("there are no figures in the export")
    return family, whole


def _given(same: list[str] | None) -> dict[str, str]:
    given = {}
    for one in same or ():
        theirs, equals, ours = one.partition("=")
        if not (equals and theirs and ours):
            raise InputError(f"--map {one}: say THEIRS=OURS")
        given[theirs] = ours
    return given


def _ledger(client: "UsageClient", export: "Book", providers: list[str]) -> "Book":
    """What the ledger has of the days from the first to the last one in the export."""
    from hedgerow.usage.v1.spend_pb2 import GroupBy, Period, SpendDimension, SpendFilter
    from hedgerow.usage.v1.usage_service_pb2 import QuerySpendRequest

    from hedgerow_client.books.figures import Book

    book = Book()
    day, last = (datetime.fromisoformat(find(export.days)).replace(tzinfo=UTC) for find in (min, max))
    of_provider = SpendFilter(by=GroupBy(dimension=SpendDimension.SPEND_DIMENSION_PROVIDER), values=providers)
    dimensions = SpendDimension.SPEND_DIMENSION_DAY, SpendDimension.SPEND_DIMENSION_SERVED_MODEL
    while day <= last:
        end = min(day + _AT_ONCE, last + timedelta(days=1))
        time = Period()
        time.start_time.FromDatetime(day)
        time.end_time.FromDatetime(end)
        by = [GroupBy(dimension=one) for one in dimensions]
        request = QuerySpendRequest(period=time, group_by=by, filters=[of_provider], max_rows=_ROWS)
        answer = client.query_spend(request)
        if answer.HasField("other"):
            raise InputError(f"the ledger has more than {_ROWS:,} models in a week")
        if answer.total.unpriced_attempts_count:
            say(f"attempts without a known price from {day:%Y-%m-%d} on: {answer.total.unpriced_attempts_count:,}")
        for row in answer.rows:
            _add(book, row)
        day = end
    return book


def _add(book: "Book", row: "SpendRow") -> None:
    from hedgerow_client.books.figures import CACHE_READ, CACHE_WRITE, CACHE_WRITE_LONG, COST, INPUT, OUTPUT

    (day, model), usage = row.keys, row.sum.usage
    writes = {one.HasField("ttl"): one.tokens for one in usage.input_cache_writes}
    amounts = {
        INPUT: usage.input_uncached_tokens + usage.input_audio_tokens + usage.input_image_tokens,
        CACHE_READ: usage.input_cache_read_tokens,
        CACHE_WRITE: writes.get(False, 0),
        CACHE_WRITE_LONG: writes.get(True, 0),
        OUTPUT: usage.output_tokens,
        COST: picos(row.sum.cost),
    }
    for name, amount in amounts.items():
        book.sums[day, model, name] += amount


def _row(line: "Line") -> tuple[str, ...]:
    money = line.name == "cost"
    ours, theirs, difference = (
        usd(one, 9) if money else f"{one:,}" for one in (line.ours, line.theirs, line.difference)
    )
    percent = f"{line.difference / line.ours:+.2%}" if line.ours else "not in the ledger"
    where = "not in the export" if not line.theirs else percent
    return line.day, printable(line.model) or "all models", line.name, ours, theirs, difference, where


def _object(line: "Line") -> dict[str, object]:
    found: dict[str, object] = {"day": line.day, "model": line.model, "class": line.name}
    amounts = {"ledger": line.ours, "provider": line.theirs, "difference": line.difference}
    return found | {name: exact(one) if line.name == "cost" else one for name, one in amounts.items()}


def _sum_up(lines: "list[Line]", differing: "list[Line]", ledger: "Book", export: "Book") -> None:
    from hedgerow_client.books.figures import COST

    agreeing = len(lines) - len(differing)
    say(f"{len(lines):,} figures of {len(export.days):,} days: {agreeing:,} agree, {len(differing):,} differ")
    if COST in export.names:
        ours, theirs = (sum(n for (_, _, name), n in one.sums.items() if name == COST) for one in (ledger, export))
        say(f"the ledger's cost {usd(ours)}, the provider's {usd(theirs)}: {usd(theirs - ours)}")
    if export.skipped:
        say(f"{export.skipped:,} lines of the export are about something else")
