"""How much of everything a run does. Only the amounts differ between quick and full, never the method."""

from dataclasses import dataclass

KILOBYTE = 1024


@dataclass(frozen=True, slots=True)
class Plan:
    """The amounts of a run."""

    name: str
    rounds: int
    """How often all systems are measured forth and back for the cost of a unary call: two passes each."""
    stream_rounds: int
    """The same for streams."""
    side_rounds: int
    """The same for payloads and embeddings."""
    slot_s: float
    """How long one system is measured in one pass."""
    paced_waves: int
    """How many streams one after the other a worker reads in a pass, of 1.3 s each."""
    widths: tuple[int, ...]
    """Calls at once, for throughput."""
    open_s: float
    """How long an open loop runs at each rate."""
    streams: int
    """Open streams, for memory."""
    calls: int
    """Calls one after the other, for memory."""
    cancels: int
    """Calls of each kind that the caller leaves, for memory."""
    batches: int
    """In how many parts those are made, with a look at the memory after each."""
    many: tuple[int, ...]
    """Keys, tenants and routes."""
    reload_routes: int
    payloads: tuple[int, ...]
    """Bytes of the prompt."""
    inputs: int = 16
    """Texts in a call for embeddings."""


QUICK = Plan(
    "quick",
    rounds=3,
    stream_rounds=2,
    side_rounds=1,
    slot_s=1.0,
    paced_waves=1,
    widths=(1, 4, 16, 64),
    open_s=1.2,
    streams=200,
    calls=10_000,
    cancels=6_000,
    batches=10,
    many=(10, 10_000),
    reload_routes=10_000,
    payloads=(KILOBYTE // 4, 4 * KILOBYTE, 64 * KILOBYTE, 300 * KILOBYTE),
)
FULL = Plan(
    "full",
    rounds=9,
    stream_rounds=9,
    side_rounds=5,
    slot_s=10.0,
    paced_waves=8,
    widths=(1, 2, 4, 8, 16, 32, 64, 128),
    open_s=20.0,
    streams=1_000,
    calls=1_000_000,
    cancels=1_000_000,
    batches=20,
    many=(10, 100, 1_000, 10_000, 100_000),
    reload_routes=10_000,
    payloads=(KILOBYTE // 4, 4 * KILOBYTE, 64 * KILOBYTE, 300 * KILOBYTE),
)
