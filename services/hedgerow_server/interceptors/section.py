"""What the configuration says of what every call passes."""

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
