"""The ledger's rows in a database."""

from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Any, Generic, TypeVar

import msgspec

from hedgerow_server.store.ledger_rows import AttemptRow, CallRow, Counted, GuardRow
from hedgerow_server.store.port import Database
from hedgerow_server.store.script import Do, Many, Rows, Script

R = TypeVar("R", bound=Counted)
_MOST = (1 << 63) - 1
"""What the databases' integers hold."""
_COUNTS = tuple(one.name for one in msgspec.structs.fields(Counted) if one.name.endswith("_tokens"))


def _names(row: type[Counted]) -> tuple[str, ...]:
    return tuple(one.name for one in msgspec.structs.fields(row))


def _columns(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


_CALL = _names(CallRow)
_ATTEMPT = _names(AttemptRow)
CALL_COLUMNS = _columns(_CALL)
"""The columns that `call_row` takes, in its order."""
ATTEMPT_COLUMNS = _columns(_ATTEMPT)
"""The columns that `attempt_row` takes, in its order."""


def _insert(table: str, names: tuple[str, ...]) -> str:
    return f"INSERT INTO {table} ({_columns(names)}) VALUES ({', '.join('?' * len(names))})"  # noqa: S608  # names of our own


def _replacing(names: tuple[str, ...], keys: tuple[str, ...]) -> str:
    changes = ", ".join(f'"{name}" = excluded."{name}"' for name in names if name not in keys)
    return f" ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {changes}"


_INSERT_CALL, _INSERT_ATTEMPT = _insert("ledger_call", _CALL), _insert("ledger_attempt", _ATTEMPT)
_KEEP_CALL = _INSERT_CALL + _replacing(_CALL, ("call_id",))
_KEEP_ATTEMPT = _INSERT_ATTEMPT + _replacing(_ATTEMPT, ("call_id", "number"))
_ADD_CALL = f"{_INSERT_CALL} ON CONFLICT (call_id) DO NOTHING"
_ADD_ATTEMPT = f"{_INSERT_ATTEMPT} ON CONFLICT (call_id, number) DO NOTHING"
_CALLS = f"""SELECT {CALL_COLUMNS} FROM ledger_call
    WHERE call_id > ? AND started_unix_s >= ? AND started_unix_s < ? ORDER BY call_id LIMIT ?"""  # noqa: S608  # as above
_ATTEMPTS = f"SELECT {ATTEMPT_COLUMNS} FROM ledger_attempt WHERE call_id = ? ORDER BY number"  # noqa: S608  # as above
_OLD = "SELECT call_id FROM ledger_call WHERE started_unix_s < ? ORDER BY started_unix_s LIMIT ?"
_WINDOW = 5_000
"""Calls that are looked at in one step, when a user is looked for."""
_WINDOW_END = """SELECT max(call_id) FROM
    (SELECT call_id FROM ledger_call WHERE call_id > ? ORDER BY call_id LIMIT ?) AS one"""
_OF_USER = """ FROM ledger_call WHERE call_id > ? AND call_id <= ? AND tenant = ? AND "user" = ?"""


class StoredLedger:
    """The LedgerStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, attempts: Sequence[AttemptRow], calls: Sequence[CallRow]) -> None:
        """Keeps rows, in the place of those that are there."""
        await self._database.change(_keep(attempts, calls))

    async def add_lost(self, attempts: Sequence[AttemptRow], calls: Sequence[CallRow]) -> None:
        """Keeps rows that nothing is known of but what they were to be, where there are none yet."""
        await self._database.change(_add_lost(attempts, calls))

    async def calls(self, since_unix_s: float, until_unix_s: float, after: str, limit: int) -> Sequence[CallRow]:
        """A page of calls."""
        rows = await self._database.ask(_asked(Do(_CALLS, (after, since_unix_s, until_unix_s, limit))))
        return [call_row(row) for row in rows]

    async def attempts(self, call_id: str) -> Sequence[AttemptRow]:
        """The attempts of a call."""
        rows = await self._database.ask(_asked(Do(_ATTEMPTS, (call_id,))))
        return [attempt_row(row) for row in rows]

    async def forget(self, before_unix_s: float, limit: int) -> int:
        """Deletes the oldest calls."""
        return await self._database.change(_forget(before_unix_s, limit))

    async def erase(self, tenant: str, user: str) -> int:
        """Takes a user out of his calls, which stay, and tells how many they were. Raises StoreUnavailable."""
        erased, after = 0, ""
        while True:
            count, last = await self._database.change(_erase(tenant, user, after))
            if last is None:
                return erased
            erased, after = erased + count, last


def _keep(attempts: Sequence[AttemptRow], calls: Sequence[CallRow]) -> Script[None]:
    if attempts:
        yield Many(_KEEP_ATTEMPT, _OF_ATTEMPT.values(attempts))
    if calls:
        yield Many(_KEEP_CALL, _OF_CALL.values(calls))


def _add_lost(attempts: Sequence[AttemptRow], calls: Sequence[CallRow]) -> Script[None]:
    if attempts:
        yield Many(_ADD_ATTEMPT, _OF_ATTEMPT.values(attempts))
    for call in calls:
        rows = yield Do(_ATTEMPTS, (call.call_id,))
        whole = summed(call, [attempt_row(row) for row in rows])
        yield Many(_ADD_CALL, _OF_CALL.values([whole]))


def summed(call: CallRow, attempts: Sequence[AttemptRow]) -> CallRow:
    """A call's row with the sums over its attempts."""
    charged = [one for one in attempts if one.account == "charged"]
    units: dict[str, int] = {}
    for one in charged:
        for unit, count in one.other_units.items():
            units[unit] = units.get(unit, 0) + count
    costs = {account: sum(one.cost_picos or 0 for one in attempts if one.account == account) for account in _ACCOUNTS}
    return msgspec.structs.replace(
        call,
        **{name: sum(getattr(one, name) for one in charged) for name in _COUNTS},
        cache_writes=tuple(write for one in charged for write in one.cache_writes),
        other_units=units,
        estimated=any(one.estimated for one in charged),
        charged_picos=costs["charged"],
        overhead_picos=costs["overhead"],
        cost_picos=sum(costs.values()),
        unpriced_attempts=sum(one.cost_picos is None for one in attempts),
        price_version=next((one.price_version for one in reversed(attempts) if one.price_version), ""),
        attempts=max((one.number for one in attempts), default=0),
        hedged=any(one.kind == "HEDGE" for one in attempts),
    )


_ACCOUNTS = ("charged", "overhead", "unbilled")


def _forget(before_unix_s: float, limit: int) -> Script[int]:
    old = yield Do(_OLD, (before_unix_s, limit))
    ids = [(call_id,) for (call_id,) in old]
    if ids:
        yield Many("DELETE FROM ledger_attempt WHERE call_id = ?", ids)
        yield Many("DELETE FROM ledger_call WHERE call_id = ?", ids)
    return len(ids)


def _erase(tenant: str, user: str, after: str) -> Script[tuple[int, str | None]]:
    """How many of a window's calls were his, and the last of them; None where there are no more calls."""
    ((last,),) = yield Do(_WINDOW_END, (after, _WINDOW))
    if last is None:
        return 0, None
    his = (after, last, tenant, user)
    ids = yield Do(f"SELECT call_id{_OF_USER}", his)  # a text of our own
    if ids:
        yield Many("""UPDATE ledger_call SET "user" = '' WHERE call_id = ?""", ids)
    return len(ids), last


def _asked(step: Do) -> Script[Rows]:
    return (yield step)


class _Shape(Generic[R]):
    """The columns of a kind of rows by what a database needs of them. Almost all values are taken as they are: that is
    found out for all texts and all counts of a row at once.
    """

    def __init__(self, row: type[R]) -> None:
        places: dict[object, list[int]] = {}
        for place, one in enumerate(msgspec.structs.fields(row)):
            places.setdefault(one.type, []).append(place)
        self._texts = itemgetter(*places.pop(str))
        self._counts = itemgetter(*places.pop(int))
        self._flags = tuple(places.pop(bool))
        self._other = tuple(places.pop(int | None))
        del places[float], places[float | None]
        self._lists = tuple(place for some in places.values() for place in some)

    def values(self, rows: Iterable[R]) -> list[list[object]]:
        """The values of rows, as the databases take them."""
        found: list[list[object]] = []
        for row in rows:
            values: list[Any] = list(msgspec.structs.astuple(row))
            if max(self._counts(values)) > _MOST or "\0" in "".join(self._texts(values)):
                values = [_value(one) for one in values]
            else:
                for place in self._flags:
                    values[place] = int(values[place])
                for place in self._lists:
                    values[place] = _text(values[place]) if values[place] else ""
                for place in self._other:
                    if values[place] is not None:
                        values[place] = min(values[place], _MOST)
            found.append(values)
        return found


_OF_CALL, _OF_ATTEMPT = _Shape(CallRow), _Shape(AttemptRow)


def _value(value: object) -> object:
    """As the databases take it: what a provider counts may be more than they hold, what a caller says have a zero
    byte, which is no text for PostgreSQL.
    """
    if isinstance(value, int):
        return min(int(value), _MOST)
    if isinstance(value, str):
        return value.replace("\0", "") if "\0" in value else value
    if isinstance(value, dict | tuple):
        return _text(value) if value else ""
    return value


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode().replace("\\u0000", "")


def call_row(values: Sequence[Any]) -> CallRow:
    """A row of CALL_COLUMNS."""
    return _row(CallRow, _CALL, values)


def attempt_row(values: Sequence[Any]) -> AttemptRow:
    """A row of ATTEMPT_COLUMNS."""
    return _row(AttemptRow, _ATTEMPT, values)


_LISTS: dict[str, Callable[[str], object]] = {
    "labels": msgspec.json.Decoder(dict[str, str]).decode,
    "other_units": msgspec.json.Decoder(dict[str, int]).decode,
    "cache_writes": msgspec.json.Decoder(tuple[tuple[float | None, int], ...]).decode,
    "warnings": msgspec.json.Decoder(tuple[str, ...]).decode,
    "guards": msgspec.json.Decoder(tuple[GuardRow, ...]).decode,
}
_FLAGS = ("estimated", "stream", "hedged", "lost")


def _row(kind: type[R], names: tuple[str, ...], values: Sequence[Any]) -> R:
    fields = dict(zip(names, values, strict=True))
    for name, decode in _LISTS.items():
        if name in fields:
            text = fields.pop(name)
            if text:
                fields[name] = decode(text)
    for name in _FLAGS:
        if name in fields:
            fields[name] = bool(fields[name])
    return kind(**fields)
