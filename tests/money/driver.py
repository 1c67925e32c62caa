"""Books and spool at full speed, in a process that is killed again and again.

`python -m money.driver FOLDER KILLS SEED` forks a worker, ends it with SIGKILL at a random moment, forks the next one
on the same store and spools, and so on. Whatever a worker has written it says to a pipe, so that nothing of that is
lost. In the end the folder has `told.json`: every call that was opened, and of every call that was acknowledged what it
cost, or may cost by now.
"""

import asyncio
import json
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

from hedgerow_server.core.call import Call, Kind, Method, Outcome, Principal
from hedgerow_server.core.error import Cancelled, StreamCut
from hedgerow_server.core.event import AttemptKind, AttemptOutcome, AttemptRecord, Usage
from hedgerow_server.core.request import ChatRequest, ChatSpec
from hedgerow_server.ledger.ledger import Ledger
from hedgerow_server.ledger.record import AttemptOpened
from hedgerow_server.ledger.rows import Lost
from hedgerow_server.ledger.section import LedgerSection
from hedgerow_server.store.ledger import StoredLedger
from hedgerow_server.store.section import StoreSection
from hedgerow_server.store.sqlite import Sqlite

AT_ONCE = 20
SEGMENT = 65_536
LOST_PICOS = 77
_SECTION = LedgerSection(segment_bytes=SEGMENT, max_bytes=64 * SEGMENT)
_METHOD: Any = None


def estimate(opened: AttemptOpened) -> Lost:
    """What a lost attempt costs, so that it is known again."""
    return Lost(Usage(input_uncached_tokens=opened.request_bytes // 4, estimated=True), LOST_PICOS, "lost")


def ledger_in(folder: Path, section: LedgerSection = _SECTION) -> Ledger:
    """A ledger with its spools and its store in a folder."""
    database = Sqlite(StoreSection(path=folder / "ledger.db", busy_timeout_seconds=5))
    return Ledger(section, folder / "spool", StoredLedger(database), estimate, at_last=database.close)


def new_call() -> tuple[Call, ChatRequest]:
    """A call of somebody's."""

    def nothing(_: Call) -> Any:
        raise AssertionError("nobody decodes or answers here")

    method = Method("hedgerow.chat.v1.ChatService/Complete", Kind.UNARY, nothing, nothing)
    call = Call(method, {}, b"")
    call.request_id = os.urandom(8).hex()
    call.principal = Principal(tenant="acme", team="search", user="u1", key_id="k1")
    request = ChatRequest(spec=ChatSpec(model="fast", messages=()), labels={"feature": "driver"})
    call.request = request
    return call, request


def attempt(call: Call, kind: AttemptKind = AttemptKind.PRIMARY) -> AttemptRecord:
    """The record of an attempt that begins."""
    call.attempts_started += 1
    record = AttemptRecord(
        number=call.attempts_started,
        provider="sim",
        model="gpt-4o-mini",
        region="",
        kind=kind,
        start_unix_s=time.time(),
    )
    call.attempts.append(record)
    return record


def ended(record: AttemptRecord, outcome: AttemptOutcome, picos: int) -> None:
    """The attempt is over and has cost so much."""
    record.outcome, record.cost_picos, record.price_version, record.upstream_status = outcome, picos, "test", 200
    record.usage = Usage(input_uncached_tokens=picos, output_visible_tokens=1, final=True)


async def one_call(ledger: Ledger, dice: random.Random, pipe: int) -> None:
    """A call that fails over, is hedged, cut or cancelled, or just answered; and says what was written."""
    call, request = new_call()
    books = call.books = ledger.books(call, request)
    charged = 0
    for number in range(dice.choice((1, 1, 1, 2, 3))):
        record = attempt(call, AttemptKind.FAILOVER if number else AttemptKind.PRIMARY)
        books.open(record, credential="key", request_bytes=400)
        _say(pipe, "O", call.call_id, 0)
        await asyncio.sleep(0)
        outcome = dice.choice((AttemptOutcome.SUCCEEDED, AttemptOutcome.FAILED, AttemptOutcome.HEDGE_LOST))
        picos = dice.randrange(1, 1_000_000)
        ended(record, outcome, picos)
        books.close(record)
        charged += 0 if outcome is AttemptOutcome.HEDGE_LOST else picos
        if dice.random() < 0.1:
            await asyncio.sleep(dice.random() * 0.02)
    error = dice.choice((None, None, Cancelled("left"), StreamCut("cut")))
    books.settle(Outcome(error=error))
    _say(pipe, "A", call.call_id, charged)
    if dice.random() < 0.1:
        # An answer that is read on tells its usage late.
        await asyncio.sleep(dice.random() * 0.01)
        charged += 5 - (record.cost_picos or 0) if record.outcome is not AttemptOutcome.HEDGE_LOST else 0
        _say(pipe, "L", call.call_id, charged)
        ended(record, record.outcome or AttemptOutcome.CANCELLED, 5)
        books.close(record)
        _say(pipe, "A", call.call_id, charged)


def _say(pipe: int, what: str, call_id: str, picos: int) -> None:
    os.write(pipe, f"{what} {call_id} {picos}\n".encode())


async def work(folder: Path, seed: int, pipe: int) -> None:
    """Makes calls until it is killed."""
    dice = random.Random(seed)
    ledger = ledger_in(folder)
    await ledger.start()
    running: set[asyncio.Task[None]] = set()
    while True:
        while len(running) >= AT_ONCE or not ledger.admitting:  # noqa: ASYNC110  (nobody tells of room)
            await asyncio.sleep(0.001)
        task = asyncio.create_task(one_call(ledger, dice, pipe))
        running.add(task)
        task.add_done_callback(running.discard)
        await asyncio.sleep(0)


async def last(folder: Path) -> None:
    """Stores what is left."""
    ledger = ledger_in(folder)
    await ledger.start()
    await ledger.settled()
    await ledger.close()


def killed(folder: Path, seed: int, dice: random.Random) -> bytes:
    """What a worker said until its end."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(reading)
        asyncio.run(work(folder, seed, writing))
        os._exit(1)
    os.close(writing)
    until, said = time.monotonic() + dice.uniform(0.005, 0.25), []
    os.set_blocking(reading, False)
    while time.monotonic() < until:
        try:
            said.append(os.read(reading, 1 << 20))
        except BlockingIOError:
            time.sleep(0.001)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.set_blocking(reading, True)
    while more := os.read(reading, 1 << 20):
        said.append(more)
    os.close(reading)
    return b"".join(said)


def main() -> None:
    """The whole campaign."""
    folder, kills, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    dice = random.Random(seed)
    opened: set[str] = set()
    acknowledged: dict[str, list[int]] = {}
    for number in range(kills):
        # The last line may be torn.
        for line in killed(folder, seed + number, dice).decode().split("\n")[:-1]:
            what, call_id, picos = line.split(" ")
            match what:
                case "O":
                    opened.add(call_id)
                case "A":
                    acknowledged[call_id] = [int(picos)]
                case "L":
                    acknowledged[call_id].append(int(picos))
    pid = os.fork()
    if not pid:
        asyncio.run(last(folder))
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    told = {"opened": sorted(opened), "acknowledged": acknowledged, "last": status}
    (folder / "told.json").write_text(json.dumps(told))


if __name__ == "__main__":
    main()
