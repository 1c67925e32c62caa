"""`hedgerow statement`: a month, by team."""

import re
from typing import TYPE_CHECKING, Annotated

import typer

from hedgerow_client.cli.ledger import picos, say_unpriced, usd
from hedgerow_client.cli.options import DEFAULT_TARGET, Plaintext, Target, Timeout, TlsCa, Token, connect_usage
from hedgerow_client.cli.terminal import InputError, clock, print_json, print_table, printable, reporting, say

if TYPE_CHECKING:
    from hedgerow.usage.v1.usage_service_pb2 import StatementLine

_FIELDS = {
    "LIST": "list_cost",
    "DISCOUNT": "negotiated_discount",
    "PROMPT CACHE": "prompt_cache_savings",
    "CACHE": "response_cache_savings",
    "DOWNGRADE": "downgrade_savings",
    "HEDGES": "hedge_cost",
    "SAVED": "net_savings",
    "FORECAST": "forecast_cost",
}
_CENTS = 2
_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


def statement(
    *,
    month: Annotated[str, typer.Option(help="The month, as 2026-11.", show_default=False)],
    team: Annotated[
        str | None, typer.Option(help="Only this team; empty: calls without one.", show_default=False)
    ] = None,
    time_zone: Annotated[str, typer.Option(help="Of the month, such as Europe/Berlin.")] = "UTC",
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole answer as a line of JSON.")] = False,
    target: Target = DEFAULT_TARGET,
    token: Token = None,
    plaintext: Plaintext = None,
    tls_ca: TlsCa = None,
    timeout: Timeout = None,
) -> None:
    """Sum up a month: cost, discounts, savings and forecast, by team.

    COST is what providers take. LIST is the same at list prices, DISCOUNT the
    difference. PROMPT CACHE is what providers' caches took off, CACHE what
    answers from the gateway's cache would have cost, DOWNGRADE what cheaper
    models took off once a budget asked for them. HEDGES is what lost hedges and
    replaced answers have cost; SAVED is all savings less that. FORECAST is the
    whole month at the pace of its newest seven days.

    [bold]Examples[/bold]

      hedgerow statement --month 2026-11
      hedgerow statement --month 2026-11 --team search --json
    """
    from hedgerow.usage.v1.usage_service_pb2 import GetStatementRequest  # protobuf takes a while to load

    with reporting(target):
        if _MONTH.fullmatch(month) is None:
            raise InputError(f"{month!r} is no month: say it as 2026-11")
        with connect_usage(target, token, plaintext, tls_ca, timeout) as client:
            answer = client.get_statement(GetStatementRequest(month=month, team=team, time_zone=time_zone))
    if as_json:
        print_json(answer)
        return
    columns = ("TENANT", "TEAM", "CALLS", "COST", *_FIELDS)
    rows = [*map(_row, answer.lines), ("total", "", *_row(answer.total)[2:])]
    print_table(columns, rows, right=set(columns[2:]))
    say(f"as of {clock(answer.as_of_time)}, prices {answer.price_version}")
    say_unpriced(answer.total.sum.unpriced_attempts_count)


def _row(line: "StatementLine") -> tuple[str, ...]:
    money = (usd(picos(getattr(line, name)), _CENTS) for name in _FIELDS.values())
    cost = usd(picos(line.sum.cost), _CENTS)
    return printable(line.tenant) or "-", printable(line.team) or "-", f"{line.sum.calls_count:,}", cost, *money
