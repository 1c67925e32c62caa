"""What the configuration says of overload."""

import pydantic

from hedgerow_server.config.model import Seconds, Section


class OverloadSection(Section):
    """When calls are refused so that the others are served: with UNAVAILABLE, ERROR_REASON_OVERLOADED and the time to
    come back in, before anything of them is parsed. Nothing of it needs to be set; a change needs a restart.
    """

    shedding: bool = True
    """Whether calls are refused for the delay before them and for memory. The limits below hold either way."""
    max_calls: int | None = pydantic.Field(default=None, ge=1, le=1_000_000)
    """The most calls of all callers that may be open at once, streams included. A further one is refused, not queued.
    Near it (from 4/5 of it on, for one tenant) tenants get equal shares. None: one for each 256 KiB of the memory
    limit, at most 10,000. Of several workers each has its part."""
    max_connections: int | None = pydantic.Field(default=None, ge=1, le=1_000_000)
    """The most connections to the gRPC door; a further one is closed, by C-core before its handshake. None: one for
    every four files that the process may have open, at most 10,000. Holds for each worker."""
    max_waiting_calls: int = pydantic.Field(default=3000, ge=10, le=100_000)
    """The most calls at the gRPC door that wait until they are begun. Those beyond are refused, with `engine: grpcio`
    cancelled by C-core, which costs next to nothing and is what keeps the rest going where calls come faster than a
    core can even refuse them. Holds for each worker."""
    max_delay_seconds: Seconds = 5.0
    """How long a call may wait until it is looked at, judged by how late the event loop is and how many wait before it.
    Where all of a second was above it, calls are refused, those of the tenants with the most first. A thousand calls
    that come at once are all taken well within the default."""
    memory_bytes: int | None = pydantic.Field(default=None, ge=64 * 1024 * 1024)
    """How much memory this process may take. Fewer calls are let in from 90 % of it on, only a few at 95 %, and more
    again below 80 %. None: the limit of its cgroup, for all that is in it; where there is none, memory is not looked
    at."""
