"""`hedgerow state`: what a gateway runs on, and how its candidates have been doing."""

from typing import TYPE_CHECKING, Annotated

import typer

from hedgerow_client.cli.options import DEFAULT_ADMIN, AdminTarget, Plaintext, Timeout, TlsCa, Token, connect_admin
from hedgerow_client.cli.pool import left
from hedgerow_client.cli.terminal import clock, print_json, print_table, printable, reporting, say

if TYPE_CHECKING:
    from hedgerow.admin.v1.admin_service_pb2 import CandidateState, Config, FirstTokenTimes, KillSwitch

_COLUMNS = ("PROVIDER", "MODEL", "CREDENTIAL", "STATE", "RUNNING", "FAILED", "P50", "P95", "LEFT", "WHY")
_NUMBERS = {"RUNNING", "FAILED", "P50", "P95", "LEFT"}


def state(
    *,
    provider: Annotated[
        str, typer.Option(help="Only candidates of this provider, by its configured name.", show_default=False)
    ] = "",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the configuration, each switch and each candidate as a line of JSON.")
    ] = False,
    admin: AdminTarget = DEFAULT_ADMIN,
    token: Token = None,
    plaintext: Plaintext = None,
    tls_ca: TlsCa = None,
    timeout: Timeout = None,
) -> None:
    """Tell what the gateway runs on, what is switched off, and how candidates have been doing.

    FAILED counts the failures among the latest outcomes; P50 and P95 are the
    first-token times of streams, a hyphen where too few are known. LEFT is what
    the credential may still do with the model in this minute, and how many calls
    wait for their turn.

    [bold]Examples[/bold]

      hedgerow state
      hedgerow state --provider openai --json | jq .breaker_state
    """
    with reporting(admin), connect_admin(admin, token, plaintext, tls_ca, timeout) as client:
        config = client.get_config()
        switches = client.list_kill_switches()
        candidates = client.list_candidates(provider=provider)
    if as_json:
        for one in (config, *switches, *candidates):
            print_json(one)
        return
    _tell(config, switches)
    print_table(_COLUMNS, map(_row, candidates), right=_NUMBERS)


def _tell(config: "Config", switches: list["KillSwitch"]) -> None:
    from hedgerow.admin.v1.admin_service_pb2 import KillScope  # protobuf takes a while to load

    say(f"configuration {config.hash[:12]} of {printable(config.path)}, in force since {clock(config.load_time)}")
    if config.file_hash:
        said = f"the file says {config.file_hash[:12]}, which `hedgerow reload` puts in force"
        say(f"rolled back at {clock(config.rollback_time)}: {said}")
    if config.last_error:
        say(f"the last reload failed at {clock(config.last_error_time)}: {printable(config.last_error)}")
    for key in config.restart_keys:
        say(f"takes effect only with a restart: {printable(key)}")
    for one in switches:
        scope = KillScope.Name(one.scope).removeprefix("KILL_SCOPE_").lower()
        say(f"off since {clock(one.set_time)}: {scope} {printable(one.name)} ({printable(one.reason)})")


def _row(one: "CandidateState") -> tuple[str, ...]:
    state, why = _standing(one)
    times = one.streamed if one.HasField("streamed") else None
    return (
        f"{one.provider} ({one.region})" if one.region else one.provider,
        one.model,
        one.credential or "-",
        state,
        str(one.running_attempts_count),
        f"{sum(one.window_failures.values())} of {one.window_calls_count}",
        _seconds(times, "p50"),
        _seconds(times, "p95"),
        left(one.rate_pool),
        why,
    )


def _standing(one: "CandidateState") -> tuple[str, str]:
    """In a word, and why and until when."""
    from hedgerow.admin.v1.admin_service_pb2 import BREAKER_STATE_HALF_OPEN, BREAKER_STATE_OPEN

    if one.switched_off:
        return "off", "switched off"
    if one.breaker_state == BREAKER_STATE_OPEN:
        return "ejected", f"{one.breaker_reason}; until {clock(one.ejected_until_time)}"
    if one.HasField("set_aside_until_time"):
        return "set aside", f"{one.set_aside_reason}; until {clock(one.set_aside_until_time)}"
    if one.HasField("cooling_until_time"):
        return "cooling", f"rate limit; until {clock(one.cooling_until_time)}"
    if one.breaker_state == BREAKER_STATE_HALF_OPEN:
        return "on trial", one.breaker_reason
    return "in", ""


def _seconds(times: "FirstTokenTimes | None", quantile: str) -> str:
    if times is None:
        return "-"
    duration = times.p50 if quantile == "p50" else times.p95
    return f"{duration.seconds + duration.nanos / 1e9:.2f} s"
