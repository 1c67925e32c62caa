"""What the verbs about spend have in common: times, filters, divisions, money."""

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from hedgerow_client.cli.terminal import PICOS, InputError, say

if TYPE_CHECKING:
    from hedgerow.common.v1.money_pb2 import Money
    from hedgerow.usage.v1.spend_pb2 import GroupBy, Period, SpendFilter

DAYS_TOGETHER = 400
_AGO = re.compile(r"(\d+)(mo|[smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400, "mo": 30 * 86_400}
_LABEL = "label:"

Since = Annotated[
    str, typer.Option(metavar="TIME", help="The beginning: 7d, 12h, 4w ago, or a day or time such as 2026-11-01.")
]
Until = Annotated[
    str | None, typer.Option(metavar="TIME", help="The end, in the same words.  [default: now]", show_default=False)
]
Where = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUE",
        help="Only this, as team=search or label:feature=chat; of one name said again, any of its values.",
        show_default=False,
    ),
]


def moment(text: str, now: datetime | None = None) -> datetime:
    """A time in words: so long ago, or ISO 8601 (UTC unless it says otherwise). Raises InputError."""
    found = _AGO.fullmatch(text)
    if found is not None:
        return (now or datetime.now(UTC)) - timedelta(seconds=int(found[1]) * _SECONDS[found[2]])
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(f"{text!r} is no time: say 7d, 12h, 30m, 4w, or 2026-11-01") from None
    return given if given.tzinfo is not None else given.replace(tzinfo=UTC)


def period(since: str, until: str | None) -> "Period":
    """The time between two. Raises InputError."""
    from hedgerow.usage.v1.spend_pb2 import Period  # protobuf takes a while to load

    now = datetime.now(UTC)
    start, end = moment(since, now), moment(until, now) if until is not None else now
    if not start < end:
        raise InputError(f"--since {since} is not before --until {until or 'now'}")
    made = Period()
    made.start_time.FromDatetime(start)
    made.end_time.FromDatetime(end)
    return made


def division(word: str) -> "GroupBy":
    """What `--by` and the names in `--where` mean: a dimension, such as served-model, or label:NAME. Raises
    InputError.
    """
    from hedgerow.usage.v1.spend_pb2 import GroupBy, SpendDimension

    if word.startswith(_LABEL) and word != _LABEL:
        return GroupBy(dimension=SpendDimension.SPEND_DIMENSION_LABEL, label=word.removeprefix(_LABEL))
    known = {_word(name): number for name, number in SpendDimension.items() if number}
    del known["label"]
    if word not in known:
        raise InputError(f"{word!r} is no division: say {', '.join(known)} or label:NAME")
    return GroupBy(dimension=known[word])


def _word(name: str) -> str:
    return name.removeprefix("SPEND_DIMENSION_").lower().replace("_", "-")


def filters(where: list[str] | None) -> "list[SpendFilter]":
    """What `--where` says. Raises InputError."""
    from hedgerow.usage.v1.spend_pb2 import SpendFilter

    values: dict[str, list[str]] = {}
    for one in where or ():
        name, equals, value = one.partition("=")
        if not equals:
            raise InputError(f"--where {one}: say NAME=VALUE, such as team=search")
        values.setdefault(name, []).append(value)
    return [SpendFilter(by=division(name), values=among) for name, among in values.items()]


def picos(money: "Money") -> int:
    """A sum in 10^-12 US dollars."""
    return money.units * PICOS + money.picos


def usd(amount: int, digits: int = 6) -> str:
    """So many 10^-12 US dollars, rounded half to even."""
    step = 10 ** (12 - digits)
    count, rest = divmod(abs(amount), step)
    count += 2 * rest > step or (2 * rest == step and count & 1)
    whole, part = divmod(count, 10**digits)
    return f"{'-' if amount < 0 and count else ''}${whole:,}.{part:0{digits}}"


def say_unpriced(count: int) -> None:
    """Tells of attempts whose cost is not known."""
    if count:
        say(f"attempts without a known price, which are in no cost: {count:,}")


def exact(amount: int) -> str:
    """So many 10^-12 US dollars as a decimal number, all of it."""
    whole, part = divmod(abs(amount), PICOS)
    text = f"{whole}.{part:012}".rstrip("0").rstrip(".")
    return f"-{text}" if amount < 0 else text


def bar(share: float, width: int = 24) -> str:
    """A bar for a share of 1, in eighths of a character."""
    eighths = round(max(0.0, min(share, 1.0)) * width * 8)
    full, rest = divmod(eighths, 8)
    return "█" * full + ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")[rest]
