"""What a caller is told when no candidate can be asked."""

from collections.abc import Sequence

from hedgerow_server.core.error import Failure, HedgerowError, ProviderThrottled, ProviderUnavailable
from hedgerow_server.routing.candidate import Candidate


def exhausted(candidates: Sequence[Candidate]) -> HedgerowError:
    """The error of a call for which every candidate rests or is ejected; it names the one that comes back first."""
    soonest = min(candidates, key=lambda one: one.state.back_in_s())
    delay_s = soonest.state.back_in_s()
    cause = soonest.state.last_error
    metadata = {
        "provider": soonest.upstream.name,
        "model": soonest.model,
        "detail": soonest.state.why(),
        "candidates": str(len(candidates)),
    }
    rests = f"rests for {delay_s:.1f} s more" if delay_s else "is being tried again"
    text = f"No candidate can be asked now; {soonest.label} {rests}: {soonest.state.why()}."
    if cause is not None and cause.failure is Failure.KEY:
        return type(cause)(text, metadata=metadata)
    if soonest.state.limited_s() > 0:
        return ProviderThrottled(text, metadata=metadata, retry_delay_s=delay_s)
    return ProviderUnavailable(text, metadata=metadata, retry_delay_s=delay_s or None)
