"""`hedgerow credentials`: how the keys for the providers are doing, and to fetch one anew."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from hedgerow_client.cli.options import DEFAULT_ADMIN, AdminTarget, Plaintext, Timeout, TlsCa, Token, connect_admin
from hedgerow_client.cli.terminal import clock, print_json, print_table, printable, reporting

if TYPE_CHECKING:
    from google.protobuf.timestamp_pb2 import Timestamp
    from hedgerow.admin.v1.credential_pb2 import Credential

_COLUMNS = (
    "NAME",
    "SOURCE",
    "STATE",
    "AGE",
    "ROTATES",
    "VERSIONS",
    "LAST USE",
    "REFUSED",
    "REFUSALS",
    "PROVIDERS",
    "WHY",
)
_NUMBERS = {"AGE", "ROTATES", "VERSIONS", "LAST USE", "REFUSED", "REFUSALS"}
_ALARMS = {"rotation_overdue": "overdue", "probe_failed": "probe failed", "set_aside": "refused"}
"""What an alarm makes of the state, where nothing else does."""
_UNITS = ((86_400, "d"), (3600, "h"), (60, "m"))

AsJson = Annotated[bool, typer.Option("--json", help="Print a line of JSON for each credential.")]


def credentials() -> typer.Typer:
    """The group of verbs; `list` without any."""
    group = typer.Typer(
        name="credentials",
        help="Tell how the keys for the providers are doing, and fetch one anew. Never prints a key.",
        invoke_without_command=True,
        add_completion=False,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
    )
    group.callback()(without_verb)
    group.command("list")(list_credentials)
    group.command("refresh")(refresh)
    return group


def without_verb(
    context: typer.Context,
    *,
    as_json: AsJson = False,
    admin: AdminTarget = DEFAULT_ADMIN,
    token: Token = None,
    plaintext: Plaintext = None,
    tls_ca: TlsCa = None,
    timeout: Timeout = None,
) -> None:
    """Tell how the keys for the providers are doing, and fetch one anew.

    [bold]Examples[/bold]

      hedgerow credentials
      hedgerow credentials refresh openai-main
    """
    if context.invoked_subcommand is None:
        list_credentials(as_json=as_json, admin=admin, token=token, plaintext=plaintext, tls_ca=tls_ca, timeout=timeout)


def list_credentials(
    *,
    as_json: AsJson = False,
    admin: AdminTarget = DEFAULT_ADMIN,
    token: Token = None,
    plaintext: Plaintext = None,
    tls_ca: TlsCa = None,
    timeout: Timeout = None,
) -> None:
    """List the credentials: where each is from, how old it is, and whether it serves.

    AGE is since the key in use was made, as far as its source tells, ROTATES
    when the next one is obtained, VERSIONS counts those there have been.
    REFUSED is when a provider last did not accept one, REFUSALS how often.
    STATE is ready, missing, set aside (until WHY says), refused (the provider
    has not accepted it since), overdue or probe failed (its rotation).

    [bold]Example[/bold]

      hedgerow credentials list --json | jq 'select(.set_aside_reason)'
    """
    with reporting(admin), connect_admin(admin, token, plaintext, tls_ca, timeout) as client:
        found = client.list_credentials()
    if as_json:
        for one in found:
            print_json(one)
    else:
        now_s = time.time()
        print_table(_COLUMNS, (_row(one, now_s) for one in found), right=_NUMBERS)


def refresh(
    name: Annotated[str, typer.Argument(help="The entry of `credentials`.", show_default=False)],
    *,
    admin: AdminTarget = DEFAULT_ADMIN,
    token: Token = None,
    plaintext: Plaintext = None,
    tls_ca: TlsCa = None,
    timeout: Timeout = None,
) -> None:
    """Fetch a key anew at once. One that was set aside is tried again with the next call.

    The exit code is 1 where its source has none; the last good key then
    stays in use.

    [bold]Example[/bold]

      hedgerow credentials refresh openai-main
    """
    with reporting(admin), connect_admin(admin, token, plaintext, tls_ca, timeout) as client:
        answer = client.refresh_credential(name)
    one = answer.credential
    which = "another key" if answer.changed else "the same key"
    waiting = "; another one waits for its probe" if one.rotation.key_waiting else ""
    print(f"{one.name}: {which}, taken {clock(one.take_time)}{waiting}")


def _row(one: "Credential", now_s: float) -> tuple[str, ...]:
    state, why = _standing(one)
    return (
        one.name,
        one.source,
        state,
        _since(one.create_time if one.HasField("create_time") else None, now_s),
        _until(one.rotation.begin_time if one.rotation.HasField("begin_time") else None, now_s),
        str(one.versions_count),
        _since(one.last_use_time if one.HasField("last_use_time") else None, now_s),
        _since(one.last_refusal_time if one.HasField("last_refusal_time") else None, now_s),
        str(one.refusals_count),
        " ".join(one.providers) or "-",
        printable(why),
    )


def _standing(one: "Credential") -> tuple[str, str]:
    """In a word, and why."""
    if not one.ready:
        return "missing", one.problem
    if one.HasField("set_aside_until_time"):
        return "set aside", f"{one.set_aside_reason}; until {clock(one.set_aside_until_time)}"
    for alarm in one.alarms:
        return _ALARMS.get(alarm.event, alarm.event), alarm.reason
    if one.problem:
        return "ready", f"the last fetch failed: {one.problem}"
    return "ready", f"its rotation waits: {one.rotation.problem}" if one.rotation.problem else ""


def _since(time: "Timestamp | None", now_s: float) -> str:
    """How long ago."""
    return "-" if time is None else _span(now_s - time.seconds - time.nanos / 1e9)


def _until(time: "Timestamp | None", now_s: float) -> str:
    """How long from now."""
    if time is None:
        return "-"
    left_s = time.seconds + time.nanos / 1e9 - now_s
    return f"in {_span(left_s)}" if left_s > 0 else "now"


def _span(seconds: float) -> str:
    """In the largest unit of which there are two or more."""
    seconds = max(0.0, seconds)
    for size_s, unit in _UNITS:
        if seconds >= 2 * size_s:
            return f"{int(seconds // size_s)}{unit}"
    return f"{int(seconds)}s"
