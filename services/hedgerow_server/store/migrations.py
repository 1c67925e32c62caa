"""The schema, as the steps that lead to it. A step that was released is never changed."""

STEPS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE change_number (one INTEGER PRIMARY KEY CHECK (one = 1), last INTEGER NOT NULL)""",
        """INSERT INTO change_number VALUES (1, 0)""",
        """CREATE TABLE api_key (
            key_id TEXT PRIMARY KEY,
            digest BLOB NOT NULL,
            pepper_id TEXT NOT NULL,
            tenant TEXT NOT NULL,
            team TEXT NOT NULL,
            user TEXT NOT NULL,
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
    ),
)
"""Step n leads from version n to version n + 1."""

VERSION = len(STEPS)
"""The version of the schema that this router reads and writes."""
