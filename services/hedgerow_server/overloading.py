"""Wires the gate of a router."""

from hedgerow_server.doors.gate import Gate, Queue
from hedgerow_server.doors.memory import Memory
from hedgerow_server.doors.overload_section import OverloadSection
from hedgerow_server.doors.pressure import Pressure

_CALL_BYTES = 256 * 1024
"""What a call may take where nobody has said how many there may be: an open stream has some 60 KB, most of the rest is
for messages."""
_CALLS = 10_000


def gate_of(section: OverloadSection, workers: int, queue: Queue) -> Gate:
    """The gate of one of so many workers, behind a queue."""
    memory = Memory(section.memory_bytes)
    calls = calls_of(section, workers, memory.limit)
    pressure = Pressure(calls, section.max_delay_seconds, memory.share, shedding=section.shedding)
    return Gate(pressure, queue)


def calls_of(section: OverloadSection, workers: int, memory_bytes: int | None) -> int:
    """How many calls one of so many workers lets in at once; all share the memory, or else know no limit of it."""
    calls = section.max_calls
    if calls is None:
        calls = _CALLS if memory_bytes is None else max(1, min(_CALLS, memory_bytes // _CALL_BYTES))
    return max(1, -(-calls // workers))
