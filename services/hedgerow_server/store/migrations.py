"""The schema, as the steps that lead to it. A step that was released is never changed.

Routers of one version and of the next work on one store at the same time, while a new version is rolled out. So a step
adds: tables, columns with defaults, indexes. What an older router would do wrong with is a step with a `least_reader`,
and waits for the release after the one that can do with both forms.
"""

import msgspec

from hedgerow_server.store.ledger_schema import CAUSES, GUARDS, LEDGER, SAVED
from hedgerow_server.store.script import Do, Script


class Step(msgspec.Struct, frozen=True):
    """Leads from one version of the schema to the next."""

    statements: tuple[str, ...]
    """In SQLite's words; see dialect.schema for PostgreSQL's."""
    least_reader: int = 1
    """The version of the oldest router that can work with what the step has made."""


_KEYS_AND_AUDIT = Step(
    (
        """CREATE TABLE change_number (one INTEGER PRIMARY KEY CHECK (one = 1), last INTEGER NOT NULL)""",
        """INSERT INTO change_number VALUES (1, 0)""",
        """CREATE TABLE api_key (
            key_id TEXT PRIMARY KEY,
            digest BLOB NOT NULL,
            pepper_id TEXT NOT NULL,
            tenant TEXT NOT NULL,
            team TEXT NOT NULL,
            "user" TEXT NOT NULL,
            service TEXT NOT NULL,
            description TEXT NOT NULL,
            roles TEXT NOT NULL,
            rpcs TEXT NOT NULL,
            models TEXT NOT NULL,
            regions TEXT NOT NULL,
            created_unix_s REAL NOT NULL,
            created_by TEXT NOT NULL,
            lifetime_s REAL,
            expires_unix_s REAL,
            revoked_unix_s REAL,
            replaces TEXT NOT NULL,
            change INTEGER NOT NULL
        ) WITHOUT ROWID""",
        """CREATE INDEX api_key_change ON api_key (change)""",
        """CREATE INDEX api_key_tenant ON api_key (tenant, key_id)""",
        """CREATE TABLE audit (
            number INTEGER PRIMARY KEY,
            at_unix_s REAL NOT NULL,
            who TEXT NOT NULL,
            action TEXT NOT NULL,
            subject TEXT NOT NULL,
            detail TEXT NOT NULL,
            outcome TEXT NOT NULL,
            request_id TEXT NOT NULL,
            digest BLOB NOT NULL
        )""",
    )
)
_USE_AND_SEALS = Step(
    (
        # Beside the keys: a use is no change of the key, about which every router would have to be told.
        """CREATE TABLE key_use (
            key_id TEXT PRIMARY KEY,
            last_used_unix_s REAL NOT NULL
        ) WITHOUT ROWID""",
        """ALTER TABLE audit ADD COLUMN seal BLOB""",
    )
)

_KEPT_ANSWERS = Step(
    (
        """CREATE TABLE kept_answer (
            slot BLOB PRIMARY KEY,
            fingerprint BLOB NOT NULL,
            token BLOB NOT NULL,
            tenant TEXT NOT NULL,
            "user" TEXT NOT NULL,
            request_id TEXT NOT NULL,
            answer BLOB,
            until_unix_s REAL NOT NULL
        )""",
        """CREATE INDEX kept_answer_until ON kept_answer (until_unix_s)""",
        """CREATE INDEX kept_answer_user ON kept_answer (tenant, "user")""",
    )
)

_LEASES = Step(
    (
        """CREATE TABLE claim_lease (
            owner BLOB PRIMARY KEY,
            until_unix_s REAL NOT NULL
        )""",
        """ALTER TABLE kept_answer ADD COLUMN lease_unix_s REAL NOT NULL DEFAULT 0""",
    )
)

_ERASURES = Step(
    (
        """CREATE TABLE erasure_number (
            one INTEGER PRIMARY KEY CHECK (one = 1),
            last INTEGER NOT NULL,
            swept INTEGER NOT NULL
        )""",
        """INSERT INTO erasure_number VALUES (1, 0, 0)""",
        """CREATE TABLE erasure (
            number INTEGER PRIMARY KEY,
            salt BLOB NOT NULL,
            mark BLOB NOT NULL,
            at_unix_s REAL NOT NULL
        )""",
    )
)

STEPS: tuple[Step, ...] = (
    _KEYS_AND_AUDIT,
    _USE_AND_SEALS,
    Step(LEDGER),
    _KEPT_ANSWERS,
    Step(CAUSES),
    Step(GUARDS),
    Step(SAVED),
    _LEASES,
    _ERASURES,
)
"""Step n leads from version n to version n + 1."""

VERSION = len(STEPS)
"""The version of the schema that this router makes, and the newest of whose contents it knows."""

_STATE = """CREATE TABLE IF NOT EXISTS schema_state (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    version INTEGER NOT NULL,
    least_reader INTEGER NOT NULL
)"""
_STORE_STATE = """INSERT INTO schema_state VALUES (1, ?, ?)
    ON CONFLICT (one) DO UPDATE SET version = excluded.version, least_reader = excluded.least_reader"""
STATE = Do("SELECT version, least_reader FROM schema_state")
"""Asks for the version of the schema and the oldest router that it is for, where there is one."""


class SchemaTooNew(Exception):
    """A newer router has made a schema that this one cannot work with; the text says so."""


def usable(version: int, least_reader: int) -> bool:
    """Whether the schema is one that this router works with as it is. Raises SchemaTooNew."""
    if least_reader > VERSION:
        raise SchemaTooNew(
            f"its schema is version {version}, for routers that know version {least_reader};"
            f" this one knows {VERSION} and older ones"
        )
    return version >= VERSION


def migrate(found: int) -> Script[None]:
    """Brings the schema from a version to the one that this router knows."""
    yield Do(_STATE)
    for step in STEPS[found:]:
        for statement in step.statements:
            yield Do(statement)
    yield Do(_STORE_STATE, (VERSION, max(step.least_reader for step in STEPS)))
