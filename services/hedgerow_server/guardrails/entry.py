"""What the configuration says of every guard, whatever it looks for."""

from typing import Literal

import pydantic

from hedgerow_server.config.model import Seconds, Section
from hedgerow_server.core.guard import Source

Action = Literal["block", "redact", "flag", "route", "truncate"]
"""block: the call is refused with PERMISSION_DENIED, a stream ends with it; redact: what was found is replaced; flag:
it is told and left as it is; route: only the candidates in `providers` and `regions` of the entry may serve the call
(input only); truncate: the answer ends there, with the finish reason GUARDRAIL (output only)."""


class GuardEntry(Section):
    """One entry of `guardrails.guards`. Each kind of guard adds fields of its own, and a `type`."""

    action: Action = "block"
    """What is done about what it finds."""
    sides: tuple[Literal["input", "output"], ...] = ("input",)
    """Whether it looks at requests, at answers or at both."""
    sources: tuple[Source, ...] | None = None
    """Whose words it looks at. None: all that its kind is made for."""
    on_failure: Literal["closed", "open"] = "closed"
    """What becomes of a call that the guard could not look at: closed refuses it with UNAVAILABLE, open lets it go on
    and tells so by a verdict."""
    timeout_seconds: Seconds = 0.25
    """How long it may take for a request, or for a piece of an answer. One that looks in this process has it for every
    65,536 characters."""
    shadow: bool = False
    """Only records what it would have done."""
    providers: tuple[str, ...] = ()
    """With `action: route`: the entries of `providers` that may serve such a call."""
    regions: tuple[str, ...] = ()
    """With `action: route`: the regions in which it may be served."""

    @pydantic.model_validator(mode="after")
    def _fitting(self) -> "GuardEntry":
        if not self.sides:
            raise ValueError("expected sides: input, output or both")
        if (self.action == "route") != bool(self.providers or self.regions):
            raise ValueError("expected `providers` or `regions` beside action: route, and only there")
        if self.action == "route" and "output" in self.sides:
            raise ValueError("expected sides: [input] beside action: route: an answer has been routed already")
        if self.action == "truncate" and "input" in self.sides:
            raise ValueError("expected sides: [output] beside action: truncate")
        return self
