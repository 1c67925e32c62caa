"""What the configuration says of what every call passes."""

from typing import Literal

import pydantic

from hedgerow_server.config.model import Seconds, Section


class DeadlineSection(Section):
    """Section `deadline`: how long calls may take."""

    default_seconds: Seconds = 600.0
    """For callers that set no deadline, as Java and grpcurl do."""
    max_seconds: Seconds = 3600.0
    """The most that a caller may ask for; more is cut to it, with a warning."""

    @pydantic.model_validator(mode="after")
    def _ordered(self) -> "DeadlineSection":
        if self.default_seconds > self.max_seconds:
            raise ValueError("default_seconds must not be above max_seconds")
        return self


class IdempotencySection(Section):
    """Section `idempotency`: answers that are kept for calls with an idempotency key. They are content: they lie in the
    memory or the database as they were given.
    """

    enabled: bool = True
    """Whether answers are kept. Without, a call with a key is refused (INVALID_ARGUMENT)."""
    kept_in: Literal["memory", "store"] | None = None
    """Where: in the memory of this router, which knows nothing of what others have answered, or in the `store`, which
    routers share. None: in the store where there is one.
    """
    keep_seconds: float = pydantic.Field(default=86_400.0, gt=0, le=2_592_000)
    """How long, from the end of the answer on."""
    lease_seconds: float = pydantic.Field(default=10.0, ge=1, le=300)
    """How long a key stays with a router that tells the store nothing any more: it has died, stands still or cannot
    reach the store. Then a repetition of its call at another router is served, and paid, as a new one. Routers renew
    three times in it.
    """
    max_answer_bytes: int = pydantic.Field(default=4_194_304, ge=1_024, le=67_108_864)
    """The largest answer that is kept. That of a larger one has a warning, and its key is free again."""
    max_memory_bytes: int = pydantic.Field(default=67_108_864, ge=1_024)
    """The most that the answers in memory may take together. The oldest ones go first, before their time."""
    max_memory_answers: int = pydantic.Field(default=100_000, ge=1)
    """The most answers in memory, likewise."""
