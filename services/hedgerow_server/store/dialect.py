"""What PostgreSQL wants to be told otherwise than SQLite."""

import re
import zlib

_TYPES = {"BLOB": "BYTEA", "REAL": "DOUBLE PRECISION", "INTEGER": "BIGINT", "WITHOUT ROWID": ""}
_TYPE = re.compile(r"\b(" + "|".join(_TYPES) + r")\b")
_LOCKS = int.from_bytes(b"hrow")
"""The first half of the numbers of our advisory locks; the second is made of the lock's name."""
_NOW = "extract(epoch FROM clock_timestamp())::float8"
_LABEL = re.compile(r"\blabel\(([\w.]+), \?\)")


def numbered(sql: str) -> str:
    """`$1`, `$2` and so on for each `?`, JSON's operator for our function `label`, and the server's clock for
    `unix_now`. No statement has a `?` within a text.
    """
    sql = sql.replace("unix_now()", _NOW)
    first, *rest = _LABEL.sub(r"(nullif(\1, '')::json ->> ?)", sql).split("?")
    return first + "".join(f"${number}{part}" for number, part in enumerate(rest, 1))


def schema(sql: str) -> str:
    """A statement of the schema, with PostgreSQL's types."""
    return _TYPE.sub(lambda found: _TYPES[found[1]], sql)


def lock_numbers(name: str) -> tuple[int, int]:
    """The two signed 32 bit numbers of an advisory lock."""
    return _LOCKS, int.from_bytes(zlib.crc32(name.encode()).to_bytes(4), signed=True)
