"""Sums over the ledger, and what is asked of it row by row: scripts that only read.

Two functions are not the databases' own alike: `floor(x)` and `label(json, name)`; see `reading` for SQLite's and
`dialect` for PostgreSQL's. Costs are summed as whole micro-dollars and the rest apart: see `ledger_rows`.
"""

from collections.abc import Sequence

import msgspec

from hedgerow_server.store.ledger import attempt_row, call_row
from hedgerow_server.store.ledger_rows import AttemptRow, CallRow, Counted
from hedgerow_server.store.script import Do, Script

MICRO = 10**6
"""Picos in a micro-dollar."""
MOST_GROUPS = 200_000
"""The most groups that one question may have."""
TOKENS = tuple(name for name in Counted.__struct_fields__ if name.endswith("_tokens"))
_CALL = {
    "tenant": "tenant",
    "team": "team",
    "user": '"user"',
    "service": "service",
    "key": "key_id",
    "route": "route",
    "method": "method",
}
"""Columns of a call by the names of dimensions."""
_ATTEMPT = {
    "provider": "a.provider",
    "model": "a.model",
    "served-model": "CASE WHEN a.served_model <> '' THEN a.served_model ELSE a.model END",
    "region": "a.region",
    "account": "a.account",
    "credential": "a.credential",
    "price-version": "a.price_version",
}
"""What an attempt has, by the same."""
_SPLIT = "sum(CASE WHEN {0} THEN coalesce(a.cost_picos, 0) / 1000000 ELSE 0 END), "
_SPLIT += "sum(CASE WHEN {0} THEN coalesce(a.cost_picos, 0) % 1000000 ELSE 0 END)"
_OF_ATTEMPTS = ", ".join(
    (
        "0",
        "0",
        "0",
        "count(*)",
        "sum(CASE WHEN a.outcome IN ('FAILED', 'LOST') THEN 1 ELSE 0 END)",
        "sum(CASE WHEN a.cost_picos IS NULL THEN 1 ELSE 0 END)",
        "sum(a.estimated)",
        *(_SPLIT.format(which) for which in ("1 = 1", "a.account = 'charged'", "a.account = 'overhead'")),
        *(f"sum(a.{name})" for name in TOKENS),
    )
)
_OF_CALLS = ", ".join(
    (
        # What the gateway asks itself costs, but is no call.
        "sum(CASE WHEN c.caused_by = '' THEN 1 ELSE 0 END)",
        "sum(CASE WHEN c.code <> 'OK' AND c.caused_by = '' THEN 1 ELSE 0 END)",
        "sum(CASE WHEN c.cache = 'hit' THEN 1 ELSE 0 END)",
        *["0"] * (10 + len(TOKENS)),
    )
)
_WITH_CALL = "FROM ledger_attempt a LEFT JOIN ledger_call c ON c.call_id = a.call_id"
_WITH_ATTEMPT = """FROM ledger_call c LEFT JOIN ledger_attempt a ON a.call_id = c.call_id AND a.number = (
    SELECT b.number FROM ledger_attempt b WHERE b.call_id = c.call_id
    ORDER BY CASE WHEN b.outcome = 'SUCCEEDED' THEN 0 ELSE 1 END, b.number DESC LIMIT 1)"""
"""A call beside the attempt that gave its answer, else its last one."""


_SAVING = """(a.price_version LIKE '%+%' OR a.input_cache_read_tokens > 0 OR a.input_cache_write_tokens > 0
    OR a.input_cache_write_long_tokens > 0 OR coalesce(c.downgraded_from, '') <> '')"""


_SAVED = (
    "sum(coalesce(c.saved_picos, 0) / 1000000), sum(coalesce(c.saved_picos, 0) % 1000000),"
    " sum(CASE WHEN c.cache = 'hit' AND c.saved_picos IS NULL THEN 1 ELSE 0 END)"
)


class Where(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows: of a time, those that have one of some values of each of some columns."""

    start_unix_s: float
    end_unix_s: float
    among: tuple[tuple[tuple[str, str], tuple[str, ...]], ...] = ()
    """((dimension, label), values)."""
    saving: bool = False
    """Only attempts that a discount, a provider's cache or a downgrade may have made cheaper."""


class Grouped(msgspec.Struct, frozen=True):
    """One group's sums."""

    keys: tuple[str, ...]
    bucket: int
    """The stretch of time, counted from 1970; 0 where time was not divided."""
    calls: int
    failed_calls: int
    cached_calls: int
    attempts: int
    failed_attempts: int
    unpriced_attempts: int
    estimated_attempts: int
    cost_picos: int
    charged_picos: int
    overhead_picos: int
    tokens: tuple[int, ...]
    """In the order of TOKENS."""


class Saved(msgspec.Struct, frozen=True):
    """What kept answers have saved one group."""

    keys: tuple[str, ...]
    picos: int
    """As far as it is known."""
    unknown: int
    """Calls of which it is not."""


class Pair(msgspec.Struct, frozen=True):
    """An attempt and its call; None where the ledger has only the attempt yet."""

    attempt: AttemptRow
    call: CallRow | None


_COUNTS = tuple(name for name in Grouped.__struct_fields__ if name.endswith(("calls", "attempts")))


class _Expression(msgspec.Struct, frozen=True):
    sql: str
    values: tuple[object, ...] = ()


class _Half(msgspec.Struct, frozen=True):
    """What is summed up of attempts, or of calls."""

    main: str
    """The table that the rows are of."""
    sums: str
    source: str


def sums(where: Where, keys: Sequence[tuple[str, str]], bucket_s: int) -> Script[list[Grouped]]:
    """Sums of attempts and calls by (dimension, label) and, unless `bucket_s` is 0, by stretches of so many seconds.
    One statement, so that all of it is of one moment. At most MOST_GROUPS + 1 rows.
    """
    of_attempts, of_calls = _touched(where, keys)
    calls = _Half("c", _OF_CALLS, _WITH_ATTEMPT if of_attempts else "FROM ledger_call c")
    attempts = _Half("a", _OF_ATTEMPTS, _WITH_CALL if of_calls else "FROM ledger_attempt a")
    one, other = (_sums(where, keys, bucket_s, half) for half in (attempts, calls))
    sql = f"{one.sql} UNION ALL {other.sql} LIMIT {2 * MOST_GROUPS + 1}"
    rows = yield Do(sql, (*one.values, *other.values))
    return [_grouped(row, len(keys)) for row in rows]


def _touched(where: Where, keys: Sequence[tuple[str, str]]) -> tuple[bool, bool]:
    """Whether columns of attempts are needed, and of calls."""
    names = {name for name, _ in (*keys, *(key for key, _ in where.among))}
    return bool(names & _ATTEMPT.keys()) or where.saving, bool(names - _ATTEMPT.keys()) or where.saving


def _sums(where: Where, keys: Sequence[tuple[str, str]], bucket_s: int, half: "_Half") -> _Expression:
    columns = [_column(key) for key in keys]
    bucket = f"CAST(floor({half.main}.started_unix_s / {bucket_s}) AS BIGINT)" if bucket_s else "0"
    found = _condition(where, half.main)
    names = "".join(f"{one.sql} AS k{place}, " for place, one in enumerate(columns))
    grouped = ", ".join([*(f"k{place}" for place in range(len(columns))), "bucket"])
    sql = f"SELECT {names}{bucket} AS bucket, {half.sums} {half.source} WHERE {found.sql} GROUP BY {grouped}"
    return _Expression(sql, (*(value for one in columns for value in one.values), *found.values))


def _column(key: tuple[str, str]) -> _Expression:
    name, label = key
    if name == "label":
        return _Expression("coalesce(label(c.labels, ?), '')", (label,))
    return _Expression(f"coalesce({_ATTEMPT[name] if name in _ATTEMPT else 'c.' + _CALL[name]}, '')")


def _condition(where: Where, main: str) -> _Expression:
    parts = [f"{main}.started_unix_s >= ? AND {main}.started_unix_s < ?"]
    values: list[object] = [where.start_unix_s, where.end_unix_s]
    if where.saving:
        parts.append(_SAVING)
    for key, among in where.among:
        column = _column(key)
        parts.append(f"{column.sql} IN ({', '.join('?' * len(among))})")
        values += (*column.values, *among)
    return _Expression(" AND ".join(parts), tuple(values))


def _grouped(row: Sequence[object], keys: int) -> Grouped:
    bucket, *numbers = (int(value or 0) for value in row[keys:])  # type: ignore[call-overload]  # decimals in PostgreSQL
    counts, (cost, cost_rest, charged, charged_rest, overhead, overhead_rest), tokens = (
        numbers[:7],
        numbers[7:13],
        numbers[13:],
    )
    money = {
        "cost_picos": cost * MICRO + cost_rest,
        "charged_picos": charged * MICRO + charged_rest,
        "overhead_picos": overhead * MICRO + overhead_rest,
    }
    named = dict(zip(_COUNTS, counts, strict=True)) | money
    return Grouped(keys=tuple(map(str, row[:keys])), bucket=bucket, tokens=tuple(tokens), **named)


def saved(where: Where, names: Sequence[str]) -> Script[list[Saved]]:
    """What kept answers have saved, by dimensions of calls that are no labels."""
    found = _condition(where, "c")
    columns = ", ".join(f"c.{_CALL[name]} AS k{place}" for place, name in enumerate(names))
    groups = ", ".join(f"k{place}" for place in range(len(names)))
    rows = yield Do(
        f"SELECT {columns}, {_SAVED} FROM ledger_call c"  # noqa: S608  # names of our own
        f" WHERE {found.sql} AND c.cache <> '' GROUP BY {groups}",
        found.values,
    )
    made: list[Saved] = []
    for *keys, whole, rest, unknown in rows:
        made.append(Saved(tuple(map(str, keys)), int(whole) * MICRO + int(rest), int(unknown)))
    return made


_CALL_FIELDS = CallRow.__struct_fields__
_ATTEMPT_FIELDS = AttemptRow.__struct_fields__


def _named(table: str, fields: Sequence[str]) -> str:
    return ", ".join(f'{table}."{name}"' for name in fields)


def page(where: Where, after: tuple[float, str, int] | None, limit: int) -> Script[list[Pair]]:
    """Attempts with their calls, by start, call and number, those that come after one."""
    found = _condition(where, "a")
    sql, values = found.sql, [*found.values]
    if after is not None:
        sql += " AND (a.started_unix_s, a.call_id, a.number) > (?, ?, ?)"
        values += after
    rows = yield Do(
        f"SELECT {_named('a', _ATTEMPT_FIELDS)}, {_named('c', _CALL_FIELDS)} {_WITH_CALL} WHERE {sql}"
        " ORDER BY a.started_unix_s, a.call_id, a.number LIMIT ?",
        (*values, limit),
    )
    at = len(_ATTEMPT_FIELDS)
    return [Pair(attempt_row(row[:at]), call_row(row[at:]) if row[at] is not None else None) for row in rows]


class Times(msgspec.Struct, frozen=True):
    """How attempts that have ended went; None: no time is known."""

    attempts: int
    failed: int
    first_token_p50_s: float | None
    first_token_p95_s: float | None
    total_p50_s: float | None
    total_p95_s: float | None


def times(where: Where) -> Script[Times]:
    """Counts and exact quantiles (nearest rank); times are those of attempts that succeeded."""
    found = _condition(where, "a")
    source = f"{_WITH_CALL} WHERE {found.sql}"
    ((attempts, failed),) = yield Do(
        f"SELECT count(*), sum(CASE WHEN a.outcome IN ('FAILED', 'LOST') THEN 1 ELSE 0 END) {source}",
        found.values,
    )
    quantiles: list[float | None] = []
    for column in ("a.first_token_s", "a.total_s"):
        known = f"{source} AND a.outcome = 'SUCCEEDED' AND {column} IS NOT NULL"
        ((count,),) = yield Do(f"SELECT count(*) {known}", found.values)
        for percent in (50, 95):
            rank = max(-(-count * percent // 100) - 1, 0)
            rows = yield Do(
                f"SELECT {column} {known} ORDER BY {column} LIMIT 1 OFFSET ?",
                (*found.values, rank),
            )
            quantiles.append(float(rows[0][0]) if rows else None)
    return Times(int(attempts), int(failed or 0), *quantiles)


def call_by_id(call_id: str) -> Script[CallRow | None]:
    """The call with an id."""
    sql = f"SELECT {_named('c', _CALL_FIELDS)} FROM ledger_call c WHERE c.call_id = ?"  # noqa: S608  # names of our own
    rows = yield Do(sql, (call_id,))
    return call_row(rows[0]) if rows else None


def calls_by_request(request_id: str, tenant: str | None, limit: int) -> Script[list[CallRow]]:
    """The newest calls with a request id, of a tenant unless that is None; those that the gateway made itself last."""
    of_tenant, values = ("", ()) if tenant is None else (" AND c.tenant = ?", (tenant,))
    rows = yield Do(
        f"SELECT {_named('c', _CALL_FIELDS)} FROM ledger_call c"  # noqa: S608
        f" WHERE c.request_id = ?{of_tenant} ORDER BY c.caused_by <> '', c.started_unix_s DESC, c.call_id DESC LIMIT ?",
        (request_id, *values, limit),
    )
    return [call_row(row) for row in rows]


def attempts_of(call_id: str) -> Script[list[AttemptRow]]:
    """The attempts of a call, in the order in which they were started."""
    rows = yield Do(
        f"SELECT {_named('a', _ATTEMPT_FIELDS)} FROM ledger_attempt a WHERE a.call_id = ? ORDER BY a.number",  # noqa: S608
        (call_id,),
    )
    return [attempt_row(row) for row in rows]
