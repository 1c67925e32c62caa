"""`hedgerow whatif`: what the calls of a model would have cost with another."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from hedgerow_client.cli.ledger import Since, Until, Where, filters, period, picos, usd
from hedgerow_client.cli.options import DEFAULT_TARGET, Plaintext, Target, Timeout, TlsCa, Token, connect_usage
from hedgerow_client.cli.terminal import InputError, print_json, print_table, printable, reporting, say

if TYPE_CHECKING:
    from hedgerow.usage.v1.usage_service_pb2 import ModelAt, Performance, RepricedClass, RepriceSpendResponse

_NUMBERS = {"COUNT", "COST", "WOULD COST", "ATTEMPTS", "FAILED", "FIRST P50", "FIRST P95", "TOTAL P50", "TOTAL P95"}


def whatif(
    *,
    origin: Annotated[str, typer.Option("--from", metavar="PROVIDER/MODEL", help="Whose calls.", show_default=False)],
    other: Annotated[str, typer.Option("--to", metavar="PROVIDER/MODEL", help="Whose prices.", show_default=False)],
    region: Annotated[str, typer.Option(help="The region of the other one, on which prices may depend.")] = "",
    since: Since = "7d",
    until: Until = None,
    where: Where = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole answer as a line of JSON.")] = False,
    target: Target = DEFAULT_TARGET,
    token: Token = None,
    plaintext: Plaintext = None,
    tls_ca: TlsCa = None,
    timeout: Timeout = None,
) -> None:
    """Tell what the calls of one model would have cost with another.

    Every attempt in the ledger is priced again by its own tokens, class by
    class. Another model may take more or fewer tokens for the same text; how
    fast and how reliably both have been answering stands beside.

    [bold]Example[/bold]

      hedgerow whatif --from openai/gpt-4o --to anthropic/claude-haiku-4-5 --since 7d
    """
    from hedgerow.usage.v1.usage_service_pb2 import RepriceSpendRequest  # protobuf takes a while to load

    with reporting(target):
        request = RepriceSpendRequest(to=_model(other, region), period=period(since, until), filters=filters(where))
        # `from` is a word of Python's.
        getattr(request, "from").CopyFrom(_model(origin))
        with connect_usage(target, token, plaintext, tls_ca, timeout) as client:
            answer = client.reprice_spend(request)
    if as_json:
        print_json(answer)
        return
    _print(origin, other, answer)


def _model(name: str, region: str = "") -> "ModelAt":
    from hedgerow.usage.v1.usage_service_pb2 import ModelAt

    provider, _, model = name.partition("/")
    if not model:
        raise InputError(f"{name!r}: say PROVIDER/MODEL, such as openai/gpt-4o")
    return ModelAt(provider=provider, model=model, region=region)


def _print(origin: str, other: str, answer: "RepriceSpendResponse") -> None:
    print_table(("CLASS", "COUNT", "COST", "WOULD COST"), _classes(answer), right=_NUMBERS)
    cost, would = picos(answer.cost), picos(answer.other_cost)
    change = f" ({(would - cost) / cost:+.1%})" if cost else ""
    sums = f"cost {usd(cost)}, would cost {usd(would)}: {usd(would - cost)}{change}"
    print(f"\n{answer.attempts_count:,} attempts {sums}\n")
    columns = ("MODEL", "ATTEMPTS", "FAILED", "FIRST P50", "FIRST P95", "TOTAL P50", "TOTAL P95")
    rows = [_went(printable(origin), answer.performance), _went(printable(other), answer.other_performance)]
    print_table(columns, rows, right=_NUMBERS)
    if answer.unpriced_attempts_count:
        say(f"{answer.unpriced_attempts_count:,} attempts were left out: a price is not known")


def _classes(answer: "RepriceSpendResponse") -> Iterator[tuple[str, ...]]:
    for one in answer.classes:
        yield one.name, f"{one.count:,}", _usd(one, "cost"), _usd(one, "other_cost")


def _usd(one: "RepricedClass", field: str) -> str:
    known = one.HasField(field)  # type: ignore[arg-type]  # the name of a field
    return usd(picos(getattr(one, field))) if known else "unknown"


def _went(name: str, one: "Performance") -> tuple[str, ...]:
    times = ("first_token_p50", "first_token_p95", "total_p50", "total_p95")
    share = f" ({one.failed_attempts_count / one.attempts_count:.1%})" if one.attempts_count else ""
    return (
        name,
        f"{one.attempts_count:,}",
        f"{one.failed_attempts_count:,}{share}",
        *(f"{getattr(one, at).ToNanoseconds() / 1e9:.2f} s" if one.HasField(at) else "-" for at in times),  # type: ignore[arg-type]
    )
