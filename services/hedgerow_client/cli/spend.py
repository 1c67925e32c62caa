"""`hedgerow spend`: what calls took and cost."""

from typing import TYPE_CHECKING, Annotated

import typer

from hedgerow_client.cli.ledger import Since, Until, Where, bar, division, filters, period, picos, say_unpriced, usd
from hedgerow_client.cli.options import DEFAULT_TARGET, Plaintext, Target, Timeout, TlsCa, Token, connect_usage
from hedgerow_client.cli.terminal import clock, print_json, print_table, printable, reporting, say

if TYPE_CHECKING:
    from hedgerow.usage.v1.spend_pb2 import SpendSum
    from hedgerow.usage.v1.usage_service_pb2 import QuerySpendResponse

_SUMS = ("CALLS", "FAILED", "INPUT", "CACHED", "OUTPUT", "COST", "OVERHEAD")
_NONE = "-"


def spend(
    *,
    by: Annotated[
        list[str] | None,
        typer.Option(
            help="Divide by this: tenant, team, user, service, key, route, provider, model, served-model, region,"
            " account, method, credential, price-version, hour, day, month or label:NAME; may be said again.",
            show_default=False,
        ),
    ] = None,
    since: Since = "7d",
    until: Until = None,
    where: Where = None,
    time_zone: Annotated[str, typer.Option(help="Of hours, days and months, such as Europe/Berlin.")] = "UTC",
    rows: Annotated[int, typer.Option(min=1, max=10_000, help="The most rows; the rest is summed up in one.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole answer as a line of JSON.")] = False,
    target: Target = DEFAULT_TARGET,
    token: Token = None,
    plaintext: Plaintext = None,
    tls_ca: TlsCa = None,
    timeout: Timeout = None,
) -> None:
    """Sum up what calls took and cost.

    INPUT is all input, CACHED the part of it that providers read from their
    caches. COST is what providers take; OVERHEAD the part of it for hedges that
    lost and answers that were replaced, which no caller is charged for.

    [bold]Examples[/bold]

      hedgerow spend --by team --since 7d
      hedgerow spend --by day --by model --since 2026-11-01 --where team=search
      hedgerow spend --by label:feature --since 4w --json | jq .total.cost
    """
    from hedgerow.usage.v1.usage_service_pb2 import QuerySpendRequest  # protobuf takes a while to load

    with reporting(target):
        request = QuerySpendRequest(
            period=period(since, until),
            group_by=map(division, by or ()),
            filters=filters(where),
            time_zone=time_zone,
            max_rows=rows,
        )
        with connect_usage(target, token, plaintext, tls_ca, timeout) as client:
            answer = client.query_spend(request)
    if as_json:
        print_json(answer)
        return
    say(f"{clock(answer.start_time)} to {clock(answer.end_time)}")
    _print(tuple(one.upper().replace("LABEL:", "") for one in by or ()), answer)
    say_unpriced(answer.total.unpriced_attempts_count)


def _print(keys: tuple[str, ...], answer: "QuerySpendResponse") -> None:
    most = max((picos(row.sum.cost) for row in answer.rows), default=0) or 1
    table = [
        (*(printable(key) or _NONE for key in row.keys), *_sums(row.sum), bar(picos(row.sum.cost) / most))
        for row in answer.rows
        if keys
    ]
    blank = [""] * max(len(keys) - 1, 0)
    if answer.HasField("other"):
        table.append(("all others", *blank, *_sums(answer.other), ""))
    table.append((*(("total", *blank) if keys else ()), *_sums(answer.total), ""))
    print_table((*keys, *_SUMS, ""), table, right=set(_SUMS))


def _sums(one: "SpendSum") -> tuple[str, ...]:
    return (
        f"{one.calls_count:,}",
        f"{one.failed_calls_count:,}",
        f"{one.usage.input_tokens:,}",
        f"{one.usage.input_cache_read_tokens:,}",
        f"{one.usage.output_tokens:,}",
        usd(picos(one.cost)),
        usd(picos(one.overhead)),
    )
