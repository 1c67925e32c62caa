"""`hedgerow budgets`: what is left of quotas and budgets."""

from typing import TYPE_CHECKING, Annotated

import typer

from hedgerow_client.cli.ledger import bar, picos, usd
from hedgerow_client.cli.options import DEFAULT_TARGET, Plaintext, Target, Timeout, TlsCa, Token, connect_usage
from hedgerow_client.cli.terminal import clock, print_json, print_table, printable, reporting, say

if TYPE_CHECKING:
    from hedgerow.usage.v1.budget_pb2 import BudgetState

_COLUMNS = ("NAME", "WHOSE", "OF", "PER", "LIMIT", "USED", "HELD", "LEFT", "", "RESETS", "")
_NUMBERS = {"LIMIT", "USED", "HELD", "LEFT"}
_WIDTH = 12


def budgets(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print a line of JSON for each limit.")] = False,
    target: Target = DEFAULT_TARGET,
    token: Token = None,
    plaintext: Plaintext = None,
    tls_ca: TlsCa = None,
    timeout: Timeout = None,
) -> None:
    """List quotas and budgets, and what is left of them.

    HELD is what calls under way have reserved. A limit that no call has met yet
    is not there.

    [bold]Example[/bold]

      hedgerow budgets
    """
    with reporting(target), connect_usage(target, token, plaintext, tls_ca, timeout) as client:
        found = client.list_budgets()
    if as_json:
        for one in found:
            print_json(one)
    elif found:
        print_table(_COLUMNS, map(_row, found), right=_NUMBERS)
    else:
        say("no call of yours has met a limit")


def _row(one: "BudgetState") -> tuple[str, ...]:
    from hedgerow.usage.v1.budget_pb2 import BudgetUnit  # protobuf takes a while to load

    if one.HasField("sums"):
        limit, used, held, left = (picos(getattr(one.sums, name)) for name in ("limit", "used", "held", "left"))
        amounts = tuple(usd(amount, 2) for amount in (limit, used, held, left))
    else:
        limit, used, held, left = one.counts.limit, one.counts.used, one.counts.held, one.counts.left
        amounts = tuple(f"{amount:,}" for amount in (limit, used, held, left))
    unit = BudgetUnit.Name(one.unit).removeprefix("BUDGET_UNIT_").lower()
    return (
        printable(one.name),
        " ".join(f"{name}={printable(value)}" for name, value in sorted(one.scope.items())) or "everybody",
        f"{unit} (overhead)" if one.overhead else unit,
        one.window or "at once",
        *amounts,
        bar((used + held) / limit if limit else 1.0, _WIDTH),
        clock(one.reset_time) if one.HasField("reset_time") else "-",
        "" if one.hard else "soft",
    )
