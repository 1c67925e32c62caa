"""`hedgerow estimate`: what a call would cost."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from hedgerow_client.cli.options import DEFAULT_TARGET, Plaintext, Target, Timeout, TlsCa, Token, connect
from hedgerow_client.cli.terminal import PICOS, InputError, print_json, print_table, reporting, say

if TYPE_CHECKING:
    from hedgerow.router.v1.router_service_pb2 import CostEstimate

_COLUMNS = ("PROVIDER", "MODEL", "INPUT", "OUTPUT", "EXPECTED", "AT MOST")
_NUMBERS = {"INPUT", "OUTPUT", "EXPECTED", "AT MOST"}
_UNKNOWN = "unknown"
_UNBOUNDED = "no bound"


def estimate(
    model: Annotated[str, typer.Argument(help="The model, by its name in `hedgerow models`.", show_default=False)],
    text: Annotated[
        list[str] | None,
        typer.Argument(
            help="What would be said; several words are joined. Without it stdin is read.", show_default=False
        ),
    ] = None,
    *,
    max_output_tokens: Annotated[
        int | None, typer.Option(min=1, help="The most tokens to generate, from 1.", show_default="the provider's")
    ] = None,
    embed: Annotated[bool, typer.Option("--embed", help="The model is for embeddings, the text one input.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print each candidate as a line of JSON.")] = False,
    target: Target = DEFAULT_TARGET,
    token: Token = None,
    plaintext: Plaintext = None,
    tls_ca: TlsCa = None,
    timeout: Timeout = None,
) -> None:
    """Say what a call would cost. Nothing is sent to a provider.

    One line for each candidate of the route, in the order in which they would
    be asked: tokens and US dollars as expected and at most, for one attempt.
    Tokens are estimated without the model's vocabulary.

    [bold]Examples[/bold]

      hedgerow estimate fast "Why is the sky blue?" --max-output-tokens 500
      hedgerow estimate embed-small --embed < text.txt
    """
    words = " ".join(text) if text else _piped()
    with reporting(target), connect(target, token, plaintext, tls_ca, timeout) as client:
        from hedgerow_client import chat, embedding  # gRPC takes a while to load

        if embed:
            found = client.estimate_cost(embedding(model, words))
        else:
            found = client.estimate_cost(chat(model, words, max_output_tokens=max_output_tokens))
    if as_json:
        for one in found:
            print_json(one)
    else:
        print_table(_COLUMNS, map(_row, found), right=_NUMBERS)
        if any(not one.price_version for one in found):
            say("unknown: the gateway has no price for this model; that does not mean that it is free")


def _piped() -> str:
    try:
        words = sys.stdin.read().strip()
    except UnicodeDecodeError:
        words = ""
    if not words:
        with reporting(""):
            raise InputError("there is nothing to estimate: give TEXT, or UTF-8 on stdin")
    return words


def _row(one: "CostEstimate") -> tuple[str, ...]:
    most = one.upper_bound_output_tokens if one.HasField("upper_bound_output_tokens") else None
    return (
        f"{one.provider} ({one.region})" if one.region else one.provider,
        one.model,
        f"~{one.expected_input_tokens:,}",
        f"~{one.expected_output_tokens:,}" + (f" of {most:,}" if most is not None else ""),
        _usd(one, "expected_cost_picos", _UNKNOWN),
        _usd(one, "upper_bound_cost_picos", _UNBOUNDED if one.price_version else _UNKNOWN),
    )


def _usd(one: "CostEstimate", field: str, absent: str) -> str:
    return f"${getattr(one, field) / PICOS:.6f}" if one.HasField(field) else absent  # type: ignore[arg-type]
