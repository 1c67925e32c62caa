"""The first message of a stream is written whole, whatever becomes of its call meanwhile."""

import asyncio
import gc

import grpc
import pytest
from hedgerow_server.doors.grpcio import _write_first
from virtual import timed


class Slow:
    """A context whose caller is found to have left long after the call has ended."""

    async def write(self, message: bytes) -> None:
        await asyncio.sleep(5)
        raise grpc.aio.InternalError("left")


@timed
async def test_a_write_that_fails_after_nobody_waits_for_it_any_more_is_no_fault_in_the_log() -> None:
    """Virtual time fails a test with what asyncio complains of."""
    writing = asyncio.create_task(_write_first(Slow(), b"first"))  # type: ignore[arg-type]
    await asyncio.sleep(1)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    await asyncio.sleep(10)
    gc.collect()
