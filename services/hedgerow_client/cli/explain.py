"""`hedgerow explain`: who would be asked for a call, and why."""

from typing import TYPE_CHECKING, Annotated

import typer

from hedgerow_client.cli.options import DEFAULT_TARGET, Plaintext, Target, Timeout, TlsCa, Token, connect
from hedgerow_client.cli.pool import left
from hedgerow_client.cli.terminal import PICOS, InputError, dim, print_json, print_table, printable, reporting, say

if TYPE_CHECKING:
    from hedgerow.router.v1.router_service_pb2 import CandidateExplanation, ExplainRouteRequest, ExplainRouteResponse

_COLUMNS = ("", "PROVIDER", "MODEL", "EXPECTED", "FIRST TOKEN", "LEFT", "WHY")
_NUMBERS = {"", "EXPECTED", "FIRST TOKEN", "LEFT"}
_UNKNOWN = "-"


def explain(
    model: Annotated[str, typer.Argument(help="The model, by its name in `hedgerow models`.", show_default=False)],
    text: Annotated[
        list[str] | None, typer.Argument(help="What would be said; several words are joined.", show_default="hello")
    ] = None,
    *,
    label: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="A label of the call.", show_default=False)
    ] = None,
    provider: Annotated[
        list[str] | None, typer.Option(help="Only this provider, as the call may ask.", show_default=False)
    ] = None,
    region: Annotated[
        list[str] | None, typer.Option(help="Only this region, as the call may ask.", show_default=False)
    ] = None,
    session: Annotated[str, typer.Option(help="The call's session id.", show_default=False)] = "",
    unary: Annotated[bool, typer.Option("--unary", help="The chat would not be streamed.")] = False,
    embed: Annotated[bool, typer.Option("--embed", help="The model is for embeddings, the text one input.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole explanation as JSON.")] = False,
    target: Target = DEFAULT_TARGET,
    token: Token = None,
    plaintext: Plaintext = None,
    tls_ca: TlsCa = None,
    timeout: Timeout = None,
) -> None:
    """Say who would be asked for a call, and why. Nothing is sent to a provider.

    One line for each candidate of the route: first those that may serve the
    call, in order, then the others with what excludes them. Candidates that
    cannot be asked at this moment are in parentheses. LEFT is what the
    credential may still do with the model in this minute.

    [bold]Examples[/bold]

      hedgerow explain fast "Why is the sky blue?"
      hedgerow explain fast --label feature=search --region eu
    """
    words = " ".join(text) if text else "hello"
    with reporting(target):
        labels = dict(_pair(one) for one in label or ())
        with connect(target, token, plaintext, tls_ca, timeout) as client:
            request = _request(model, words, embed=embed, stream=not unary)
            request.labels.update(labels)
            request.route.providers.extend(provider or ())
            request.route.regions.extend(region or ())
            request.route.session_id = session
            found = client.explain_route(request)
    if as_json:
        print_json(found)
    else:
        rows = (_row(one, number) for number, one in enumerate(found.candidates, start=1))
        print_table(_COLUMNS, rows, right=_NUMBERS)
        say(dim(_told(found)))


def _pair(text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not separator:
        raise InputError(f"--label takes KEY=VALUE, not {text!r}")
    return key, value


def _request(model: str, words: str, *, embed: bool, stream: bool) -> "ExplainRouteRequest":
    from hedgerow.router.v1.router_service_pb2 import ExplainRouteRequest  # gRPC takes a while to load

    from hedgerow_client import chat, embedding

    if embed:
        return ExplainRouteRequest(embed=embedding(model, words))
    return ExplainRouteRequest(chat=chat(model, words), stream=stream)


def _row(one: "CandidateExplanation", number: int) -> tuple[str, ...]:
    return (
        _place(one, number),
        printable(f"{one.provider} ({one.region})" if one.region else one.provider),
        printable(one.model),
        _cost(one),
        _first_token(one),
        left(one.health.rate_pool),
        printable(f"{one.explanation} [{one.written_in}]" if one.written_in else one.explanation),
    )


def _place(one: "CandidateExplanation", number: int) -> str:
    if not one.eligible:
        return "-"
    return str(number) if one.would_be_asked else f"({number})"


def _cost(one: "CandidateExplanation") -> str:
    return f"${one.price.expected_cost_picos / PICOS:.6f}" if one.price.HasField("expected_cost_picos") else _UNKNOWN


def _first_token(one: "CandidateExplanation") -> str:
    health = one.health
    if not health.HasField("typical_first_token"):
        return _UNKNOWN
    return f"{health.typical_first_token.ToTimedelta().total_seconds():.3f} s"


def _told(found: "ExplainRouteResponse") -> str:
    from hedgerow.router.v1.router_service_pb2 import RouteStrategy  # gRPC takes a while to load

    name = RouteStrategy.Name(found.strategy) if found.strategy in RouteStrategy.values() else str(found.strategy)
    pieces = [name.removeprefix("ROUTE_STRATEGY_").lower()]
    if found.rules:
        pieces.append(f"rules that hold: {', '.join(map(str, found.rules))}")
    pieces.append(f"at most {found.max_attempts} attempts")
    if found.affinity:
        pieces.append("conversations stay")
    if found.HasField("hedging"):
        delay_s = found.hedging.min_delay.ToTimedelta().total_seconds()
        pieces.append(f"hedged after {delay_s:g} s or more for up to {found.hedging.max_extra_percent:g} % of calls")
    return " · ".join(pieces)
