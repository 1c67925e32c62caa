"""Many API keys at once, for benches: put into a store in one transaction."""

import time

from hedgerow_server.identity.key import digest, new_key, pepper, pepper_id
from hedgerow_server.store import keys as sql
from hedgerow_server.store.record import KeyRecord
from hedgerow_server.store.script import Script
from hedgerow_server.store.sqlite import Sqlite


async def fill(database: Sqlite, secret: str, count: int, tenants: int) -> list[str]:
    """The texts of so many new keys of so many tenants, hashed with the pepper `secret`. The tables must be there."""
    texts: list[str] = []
    hashing = pepper(secret.encode())
    assert hashing is not None
    of = pepper_id(hashing)

    def script() -> Script[None]:
        for number in range(count):
            key = new_key()
            texts.append(key.text)
            record = KeyRecord(
                key_id=key.key_id,
                digest=digest(hashing, key.text),
                pepper_id=of,
                tenant=f"tenant-{number % tenants}",
                roles=("app",),
                created_unix_s=time.time(),
            )
            yield from sql._kept(record, new=True)

    await database.change(script())
    return texts
