"""Work with a database as a script: a generator that yields statements and is sent their rows.

It is written once and runs on SQLite in its thread as well as on PostgreSQL on the event loop. The SQL is what both
understand; what is left of their differences is in `dialect`.
"""

import sqlite3
from collections.abc import Generator, Sequence
from contextlib import closing
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")
Rows = Sequence[Sequence[Any]]


class Do(msgspec.Struct, frozen=True):
    """One statement. Its rows are sent back, none for a statement that has none."""

    sql: str
    """With `?` for each value. Names of columns that are words of SQL, such as "user", stand in quotes."""
    values: Sequence[object] = ()


class Many(msgspec.Struct, frozen=True):
    """One statement for each of several lists of values; nothing is sent back."""

    sql: str
    values: Sequence[Sequence[object]]


class Lock(msgspec.Struct, frozen=True):
    """Waits until no other transaction holds the lock, and holds it to the end of this one. Whoever needs several takes
    them in the order of LOCKS, or two could wait for each other.

    In SQLite a transaction that writes is the only one in any case.
    """

    name: str


LOCKS = ("schema", "keys", "audit")
"""The locks there are, in the order in which they are taken."""

Script = Generator[Do | Many | Lock, Rows, T]
"""Yields steps, and returns what came of them."""


def play(connection: sqlite3.Connection, script: Script[T]) -> T:
    """Runs a script on SQLite. Raises sqlite3.Error and what the script raises."""
    with closing(script):
        try:
            step = next(script)
            while True:
                step = script.send(_done(connection, step))
        except StopIteration as end:
            result: T = end.value
            return result


def _done(connection: sqlite3.Connection, step: Do | Many | Lock) -> Rows:
    match step:
        case Do(sql, values):
            return connection.execute(sql, values).fetchall()
        case Many(sql, values):
            connection.executemany(sql, values)
    return ()
