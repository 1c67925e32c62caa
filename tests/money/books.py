"""Ledgers full of rows that random numbers have made, and sums over them that nothing of the gateway's has made."""

import datetime as dt
import random
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from hedgerow_server.store.ledger import StoredLedger
from hedgerow_server.store.ledger_rows import AttemptRow, CallRow
from hedgerow_server.store.port import Database

START = dt.datetime(2026, 10, 20, tzinfo=dt.UTC).timestamp()
"""Within the days that follow, clocks in Europe go back."""
DAYS = 10
MAX_PICOS = (1 << 63) - 1
CLASSES = (
    "input_uncached_tokens",
    "input_cache_read_tokens",
    "input_cache_write_tokens",
    "input_cache_write_long_tokens",
    "output_visible_tokens",
    "output_reasoning_tokens",
)
_MODELS = (
    ("openai", "gpt-4o-mini"),
    ("anthropic", "claude-sonnet-4-5"),
    ("azure", "gpt-4o-mini"),
    ("vertex", "gemini"),
)
_BATCH = 2_000


class Book(NamedTuple):
    """Rows as they are to be in the ledger."""

    calls: list[CallRow]
    attempts: list[AttemptRow]

    def pairs(self) -> Iterator[tuple[AttemptRow, CallRow | None]]:
        """Every attempt and its call."""
        calls = {one.call_id: one for one in self.calls}
        for attempt in self.attempts:
            yield attempt, calls.get(attempt.call_id)

    def answering(self) -> Iterator[tuple[CallRow, AttemptRow | None]]:
        """Every call and the attempt at which it counts."""
        attempts: dict[str, list[AttemptRow]] = {}
        for attempt in self.attempts:
            attempts.setdefault(attempt.call_id, []).append(attempt)
        for call in self.calls:
            yield call, max(attempts.get(call.call_id, ()), key=_rank, default=None)


def _rank(attempt: AttemptRow) -> tuple[bool, int]:
    return attempt.outcome == "SUCCEEDED", attempt.number


def book(calls: int, seed: int = 7) -> Book:
    """So many calls, and somewhat more attempts."""
    dice = random.Random(seed)
    made = Book([], [])
    for number in range(calls):
        start = START + dice.random() * DAYS * 86_400
        call_id = f"{number:032x}"
        attempts = [_attempt(dice, call_id, count + 1, start) for count in range(dice.choice((0, 1, 1, 1, 1, 2, 2, 3)))]
        made.attempts.extend(attempts)
        # The ledger may have an attempt before it has its call.
        if number % 997 or not attempts:
            made.calls.append(_call(dice, call_id, start, attempts))
    return made


def _attempt(dice: random.Random, call_id: str, number: int, start: float) -> AttemptRow:
    provider, model = dice.choice(_MODELS)
    account = dice.choice(("charged", "charged", "charged", "overhead", "unbilled"))
    # Some so high that two of them are beyond 64 bits.
    cost = dice.choice(
        (None, 0, dice.randrange(10**9), dice.randrange(10**12), MAX_PICOS if dice.random() < 0.01 else 1)
    )
    counts: dict[str, Any] = {name: dice.randrange(5_000) for name in CLASSES}
    return AttemptRow(
        call_id=call_id,
        number=number,
        provider=provider,
        model=model,
        served_model=dice.choice(("", f"{model}-2026-01-01")),
        region=dice.choice(("", "eu", "us")),
        credential=dice.choice(("main", "spare")),
        kind=dice.choice(("PRIMARY", "RETRY", "FAILOVER", "HEDGE")),
        outcome=dice.choice(("SUCCEEDED", "SUCCEEDED", "FAILED", "HEDGE_LOST", "REPLACED", "CANCELLED", "LOST")),
        started_unix_s=start + number,
        first_token_s=dice.choice((None, dice.random())),
        total_s=dice.random() * 10,
        cost_picos=None if account != "unbilled" and cost is None else (0 if account == "unbilled" else cost),
        price_version=dice.choice(("", "list-1", "list-2")),
        account=account,
        estimated=dice.random() < 0.1,
        **counts,
    )


def _call(dice: random.Random, call_id: str, start: float, attempts: list[AttemptRow]) -> CallRow:
    return CallRow(
        call_id=call_id,
        request_id=f"r{dice.randrange(10**6)}",
        tenant=dice.choice(("acme", "globex")),
        team=dice.choice(("", "search", "växthus", "a'b\"c")),
        user=dice.choice(("", "ann", "bob")),
        service=dice.choice(("", "checkout")),
        key_id=dice.choice(("", "k1", "k2")),
        labels=dice.choice(({}, {"feature": "chat"}, {"feature": "sök", "a.b/c-d": "x"}, {"2024": "year"})),
        method=dice.choice(("ChatService/Complete", "EmbedService/Embed")),
        route=dice.choice(("fast", "smart", "all/x")),
        started_unix_s=start,
        code=dice.choice(("OK", "OK", "OK", "UNAVAILABLE")),
        cache="hit" if not attempts and dice.random() < 0.5 else "",
        attempts=len(attempts),
    )


async def fill(database: Database, made: Book) -> None:
    """Puts the rows into a ledger."""
    store = StoredLedger(database)
    for start in range(0, max(len(made.calls), len(made.attempts)), _BATCH):
        await store.keep(made.attempts[start : start + _BATCH], made.calls[start : start + _BATCH])


class Total:
    """What a recount comes to."""

    def __init__(self) -> None:
        self.calls = self.failed_calls = self.cached_calls = 0
        self.attempts = self.failed_attempts = self.unpriced_attempts = self.estimated_attempts = 0
        self.cost_picos = self.charged_picos = self.overhead_picos = 0
        self.tokens = dict.fromkeys(CLASSES, 0)

    def add_call(self, call: CallRow) -> None:
        self.calls += 1
        self.failed_calls += call.code != "OK"
        self.cached_calls += call.cache == "hit"

    def add_attempt(self, attempt: AttemptRow) -> None:
        self.attempts += 1
        self.failed_attempts += attempt.outcome in ("FAILED", "LOST")
        self.unpriced_attempts += attempt.cost_picos is None
        self.estimated_attempts += attempt.estimated
        cost = attempt.cost_picos or 0
        self.cost_picos += cost
        self.charged_picos += cost if attempt.account == "charged" else 0
        self.overhead_picos += cost if attempt.account == "overhead" else 0
        for name in CLASSES:
            self.tokens[name] += getattr(attempt, name)


Keep = Callable[[CallRow | None, AttemptRow | None], bool]
Key = Callable[[CallRow | None, AttemptRow | None, float], str]
_OF_CALLS = {"tenant": "tenant", "team": "team", "user": "user", "service": "service", "key": "key_id"}
_OF_CALLS |= {"route": "route", "method": "method"}
_OF_ATTEMPTS = {"provider": "provider", "model": "model", "region": "region", "account": "account"}
_OF_ATTEMPTS |= {"credential": "credential", "price-version": "price_version"}


def key(dimension: str, label: str = "", zone: str = "UTC") -> Key:
    """How a row's value of a dimension is found."""
    if dimension in _OF_CALLS:
        return lambda call, _, __: getattr(call, _OF_CALLS[dimension]) if call is not None else ""
    if dimension in _OF_ATTEMPTS:
        return lambda _, attempt, __: getattr(attempt, _OF_ATTEMPTS[dimension]) if attempt is not None else ""
    if dimension == "served-model":
        return lambda _, attempt, __: (attempt.served_model or attempt.model) if attempt is not None else ""
    if dimension == "label":
        return lambda call, _, __: call.labels.get(label, "") if call is not None else ""
    forms = {"day": "%Y-%m-%d", "month": "%Y-%m"}
    if dimension in forms:
        return lambda _, __, at: dt.datetime.fromtimestamp(at, ZoneInfo(zone)).strftime(forms[dimension])
    return lambda _, __, at: _hour(dt.datetime.fromtimestamp(at, ZoneInfo(zone)))


def _hour(moment: dt.datetime) -> str:
    offset = moment.strftime("%z")
    return f"{moment:%Y-%m-%dT%H}:00{offset[:3]}:{offset[3:]}"


def recount(made: Book, keys: list[Key], keep: Keep) -> dict[tuple[str, ...], Total]:
    """Sums, one row after the other."""
    found: dict[tuple[str, ...], Total] = {}
    for attempt, call in made.pairs():
        if keep(call, attempt):
            at = attempt.started_unix_s
            found.setdefault(tuple(one(call, attempt, at) for one in keys), Total()).add_attempt(attempt)
    for counted, answering in made.answering():
        if keep(counted, answering):
            at = counted.started_unix_s
            found.setdefault(tuple(one(counted, answering, at) for one in keys), Total()).add_call(counted)
    return found


def everything(_: CallRow | None, __: AttemptRow | None) -> bool:
    """Lets every row through."""
    return True
