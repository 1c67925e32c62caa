"""`hedgerow keys …`: make, list, show, rotate and revoke API keys."""

from typing import TYPE_CHECKING, Annotated

import typer

from hedgerow_client.cli.options import DEFAULT_ADMIN, AdminTarget, Plaintext, Timeout, TlsCa, Token, connect_admin
from hedgerow_client.cli.terminal import InputError, clock, print_json, print_table, printable, reporting, say

if TYPE_CHECKING:
    from hedgerow.admin.v1.key_pb2 import ApiKey

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_COLUMNS = ("ID", "TENANT", "TEAM", "SERVICE", "USER", "ROLES", "STATE", "LAST USED", "DESCRIPTION")

KeyId = Annotated[str, typer.Argument(help="The id: what stands between hk_ and the next _.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print a line of JSON for each key.")]


def keys() -> typer.Typer:
    """The group of verbs."""
    group = typer.Typer(
        name="keys",
        help="Make, list, rotate and revoke API keys.",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
    )
    group.command("create")(create)
    group.command("list")(list_keys)
    group.command("get")(get)
    group.command("rotate")(rotate)
    group.command("revoke")(revoke)
    return group


def create(
    *,
    tenant: Annotated[str, typer.Option(help="The tenant of its callers.")],
    team: Annotated[str, typer.Option(help="The team of its callers.", show_default=False)] = "",
    user: Annotated[str, typer.Option(help="The user who calls with it.", show_default=False)] = "",
    service: Annotated[str, typer.Option(help="The service that calls with it.", show_default=False)] = "",
    description: Annotated[str, typer.Option(help="What it is for.", show_default=False)] = "",
    role: Annotated[list[str] | None, typer.Option(help="A role; may be said again.", show_default=False)] = None,
    rpc: Annotated[
        list[str] | None, typer.Option(help="The only RPC, as ChatService/*; may be said again.", show_default=False)
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option(help="The only model, as openai/*; may be said again.", show_default=False)
    ] = None,
    region: Annotated[
        list[str] | None, typer.Option(help="The only region; may be said again.", show_default=False)
    ] = None,
    lifetime: Annotated[
        str | None, typer.Option(help="How long it is good: 90d, 12h, 30m, 45s. Else for ever.", show_default=False)
    ] = None,
    admin: AdminTarget = DEFAULT_ADMIN,
    token: Token = None,
    plaintext: Plaintext = None,
    tls_ca: TlsCa = None,
    timeout: Timeout = None,
) -> None:
    """Make an API key. It is printed once and kept nowhere: store it at once.

    [bold]Examples[/bold]

      hedgerow keys create --tenant shop --service checkout --role app --lifetime 90d
      hedgerow keys create --tenant shop --user ann --model "openai/*" | pass insert -m hedgerow
    """
    from hedgerow.admin.v1.key_pb2 import CreateKeyRequest  # protobuf takes a while to load

    request = CreateKeyRequest(
        tenant=tenant, team=team, user=user, service=service, description=description, roles=role or ()
    )
    request.rpcs.extend(rpc or ())
    request.models.extend(model or ())
    request.regions.extend(region or ())
    with reporting(admin):
        if lifetime is not None:
            request.lifetime.FromNanoseconds(round(seconds(lifetime) * 1e9))
        with connect_admin(admin, token, plaintext, tls_ca, timeout) as client:
            answer = client.create_key(request)
    say(f"key {answer.key.id} for {printable(tenant)}; it is told only now:")
    print(answer.secret_key)


def list_keys(
    *,
    tenant: Annotated[str, typer.Option(help="Only keys of this tenant.", show_default=False)] = "",
    every: Annotated[bool, typer.Option("--all", help="Also keys that have ended.")] = False,
    as_json: AsJson = False,
    admin: AdminTarget = DEFAULT_ADMIN,
    token: Token = None,
    plaintext: Plaintext = None,
    tls_ca: TlsCa = None,
    timeout: Timeout = None,
) -> None:
    """List API keys; never a key itself.

    [bold]Example[/bold]

      hedgerow keys list --tenant shop
    """
    with reporting(admin), connect_admin(admin, token, plaintext, tls_ca, timeout) as client:
        found = [one for one in client.list_keys(tenant=tenant) if every or _state(one)[0]]
    if as_json:
        for one in found:
            print_json(one)
    else:
        print_table(_COLUMNS, map(_row, found))


def get(
    key_id: KeyId,
    *,
    as_json: AsJson = False,
    admin: AdminTarget = DEFAULT_ADMIN,
    token: Token = None,
    plaintext: Plaintext = None,
    tls_ca: TlsCa = None,
    timeout: Timeout = None,
) -> None:
    """Tell all that is known of an API key; never the key itself.

    [bold]Example[/bold]

      hedgerow keys get 7q3zk5vd2m4xw6ba
    """
    with reporting(admin), connect_admin(admin, token, plaintext, tls_ca, timeout) as client:
        key = client.get_key(key_id)
    if as_json:
        print_json(key)
        return
    for name, value in _facts(key):
        if value:
            print(f"{name + ':':13}{printable(value)}")


def rotate(
    key_id: KeyId,
    *,
    overlap: Annotated[
        str | None, typer.Option(help="How long the old key stays good.  [default: 24h]", show_default=False)
    ] = None,
    admin: AdminTarget = DEFAULT_ADMIN,
    token: Token = None,
    plaintext: Plaintext = None,
    tls_ca: TlsCa = None,
    timeout: Timeout = None,
) -> None:
    """Make a key in the place of another, which stays good for an overlap.

    [bold]Example[/bold]

      hedgerow keys rotate 7q3zk5vd2m4xw6ba --overlap 2h
    """
    with reporting(admin):
        overlap_s = seconds(overlap) if overlap is not None else None
        with connect_admin(admin, token, plaintext, tls_ca, timeout) as client:
            answer = client.rotate_key(key_id, overlap=overlap_s)
    say(f"key {answer.key.id}; {key_id} is good until {clock(answer.replaced.expire_time)}. It is told only now:")
    print(answer.secret_key)


def revoke(
    key_id: KeyId,
    *,
    reason: Annotated[str, typer.Option(help="Why, for the audit log.", show_default=False)] = "",
    admin: AdminTarget = DEFAULT_ADMIN,
    token: Token = None,
    plaintext: Plaintext = None,
    tls_ca: TlsCa = None,
    timeout: Timeout = None,
) -> None:
    """End an API key: at once here, within seconds everywhere.

    [bold]Example[/bold]

      hedgerow keys revoke 7q3zk5vd2m4xw6ba --reason "leaked in a log"
    """
    with reporting(admin), connect_admin(admin, token, plaintext, tls_ca, timeout) as client:
        key = client.revoke_key(key_id, reason=reason)
    print(f"{key_id} was revoked at {clock(key.revoke_time)}")


def seconds(text: str) -> float:
    """A time such as 90d or 30m. Raises InputError."""
    number, unit = text[:-1], text[-1:]
    if unit not in _UNITS or not number.replace(".", "", 1).isdecimal():
        raise InputError(f"{text!r} is no time: say 90d, 12h, 30m or 45s")
    return float(number) * _UNITS[unit]


def _state(key: "ApiKey") -> tuple[bool, str]:
    """Whether it is good, and in words."""
    import time

    if key.HasField("revoke_time"):
        return False, f"revoked {clock(key.revoke_time)}"
    if not key.HasField("expire_time"):
        return True, "good"
    good = key.expire_time.seconds > time.time()
    return good, f"{'until' if good else 'expired'} {clock(key.expire_time)}"


def _row(key: "ApiKey") -> tuple[str, ...]:
    who = (key.id, key.tenant, key.team or "-", key.service or "-", key.user or "-")
    return (*who, " ".join(key.roles) or "-", _state(key)[1], _last_use(key) or "-", printable(key.description))


def _last_use(key: "ApiKey") -> str:
    return clock(key.last_use_time) if key.HasField("last_use_time") else ""


def _facts(key: "ApiKey") -> list[tuple[str, str]]:
    """What stands in its fields, empty for nothing."""
    return [
        ("id", key.id),
        ("tenant", key.tenant),
        ("team", key.team),
        ("service", key.service),
        ("user", key.user),
        ("description", key.description),
        ("roles", " ".join(key.roles)),
        ("rpcs", " ".join(key.rpcs)),
        ("models", " ".join(key.models)),
        ("regions", " ".join(key.regions)),
        ("made", f"{clock(key.create_time)} by {key.creator or 'somebody who was erased'}"),
        ("replaces", key.replaces_key_id),
        ("state", _state(key)[1]),
        ("last used", _last_use(key) or "not yet"),
    ]
