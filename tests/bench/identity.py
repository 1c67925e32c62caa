"""CPU time of telling who calls: API keys with 10 and with 100,000 of them loaded, tokens, and certificates.

Usage: scripts/bench identity [--keys N] [--calls N]
"""

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import jwt
from bench._keys import fill
from cryptography.hazmat.primitives.asymmetric import rsa
from hedgerow_server.core.call import Call, Kind, Method
from hedgerow_server.core.event import Events
from hedgerow_server.core.secret import Secret
from hedgerow_server.identity.callers import Callers
from hedgerow_server.identity.desk import Sources
from hedgerow_server.identity.section import ApiKeysSection, IdentitySection, IssuerSection, JwtSection, RoleSection
from hedgerow_server.store.keys import StoredKeys
from hedgerow_server.store.section import StoreSection
from hedgerow_server.store.sqlite import Sqlite

ISSUER = "https://login.example.com"
PEPPER = "p" * 32
LIMIT_US = 6.0
REPEATS = 7


async def _nothing(call: Call) -> Events:
    raise AssertionError
    yield


def _call(token: str) -> Call:
    method = Method("hedgerow.chat.v1.ChatService/Complete", Kind.UNARY, lambda _: None, _nothing)
    return Call(method, {"authorization": f"Bearer {token}", "user-agent": "bench"}, b"")


async def _us(callers: Callers, calls: list[Call]) -> float:
    """CPU-µs of a check: the median of several runs over all calls."""
    found = []
    for _ in range(REPEATS):
        began = time.process_time()
        for call in calls:
            await callers.authenticate(call)
        found.append((time.process_time() - began) / len(calls) * 1e6)
    return median(found)


async def _keys(count: int, calls: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        database = Sqlite(StoreSection(path=Path(folder) / "bench.db"))
        store = StoredKeys(database)
        texts = await fill(database, PEPPER, count, 1000)
        sources = Sources(store)
        section = IdentitySection(
            api_keys=ApiKeysSection(pepper="pepper"), roles={"app": RoleSection(models=("fast",))}
        )
        desk = sources.desk(section, lambda _: lambda: Secret(PEPPER))
        sources.serve(section)
        began = time.perf_counter()
        await sources.settle_in()
        loaded_s = time.perf_counter() - began
        assert isinstance(desk.callers, Callers)
        # Every call another key, so that no cache of the processor's own flatters: as many as there are.
        found = await _us(desk.callers, [_call(texts[i * 7919 % count]) for i in range(calls)])
        print(f"API key, {count:>7,} loaded (in {loaded_s:.2f} s): {found:5.2f} µs")
        await sources.close()
        await database.close()
        return found


async def _tokens(calls: int) -> float:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = jwt.get_algorithm_by_name("RS256").to_jwk(key.public_key(), as_dict=True)
    fetched = {"keys": [{**public, "kid": "one", "alg": "RS256"}]}

    async def fetch(url: str) -> object:
        return fetched

    issuer = IssuerSection(issuer=ISSUER, audiences=("hedgerow",), jwks_url=f"{ISSUER}/keys", tenant="acme")
    section = IdentitySection(jwt=JwtSection(issuers=(issuer,)))
    sources = Sources(fetch=fetch)
    desk = sources.desk(section, lambda _: lambda: Secret(""))
    sources.serve(section)
    await sources.settle_in()
    now = int(time.time())
    tokens = [
        jwt.encode(
            {"iss": ISSUER, "aud": "hedgerow", "sub": f"user-{n}", "exp": now + 3600, "groups": ["g" * 20] * 10},
            key,
            algorithm="RS256",
            headers={"kid": "one"},
        )
        for n in range(100)
    ]
    assert isinstance(desk.callers, Callers)
    began = time.process_time()
    for token in tokens:
        await desk.callers.authenticate(_call(token))
    first = (time.process_time() - began) / len(tokens) * 1e6
    found = await _us(desk.callers, [_call(tokens[i % len(tokens)]) for i in range(calls)])
    print(f"token of {len(tokens[0])} characters: {first:5.0f} µs the first time, {found:5.2f} µs from then on")
    await sources.close()
    return found


async def _run(keys: int, calls: int) -> bool:
    few, many, token = await _keys(10, calls), await _keys(keys, calls), await _tokens(calls)
    print(f"growth from 10 to {keys:,} keys: {(many / few - 1) * 100:+.1f} %")
    return max(many, token) <= LIMIT_US


def main() -> int:
    """Prints the figures; the exit status is 1 where one is above the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=100_000)
    parser.add_argument("--calls", type=int, default=20_000)
    given = parser.parse_args()
    return 0 if asyncio.run(_run(given.keys, given.calls)) else 1


if __name__ == "__main__":
    sys.exit(main())
