"""What it means that a provider cannot be reached, keeps silent or breaks off."""

from hedgerow_server.core.error import (
    Failure,
    FirstTokenTimeout,
    HedgerowError,
    ProviderUnavailable,
    StreamCut,
    StreamStalled,
)
from hedgerow_server.providers.http.port import ForbiddenError, GarbledError, UnreachableError
from hedgerow_server.providers.refusal import protocol_error
from hedgerow_server.routing.candidate import Candidate


class _ProviderForbidden(ProviderUnavailable):
    """The configuration does not let us connect. Another provider may serve; this one is set aside as a whole."""

    failure = Failure.KEY


def broken_off(error: UnreachableError, candidate: Candidate, *, begun: bool) -> HedgerowError:
    """No connection, or one that broke; `begun`: after content had come."""
    name = candidate.upstream.name
    if isinstance(error, GarbledError):
        return protocol_error(name, error.detail)
    if begun:
        text = f"The answer of {name} was cut: {error.detail}."
        return StreamCut(text, metadata=_metadata(candidate, detail=error.detail))
    kind = _ProviderForbidden if isinstance(error, ForbiddenError) else ProviderUnavailable
    text = f"The provider {name} cannot be used: {error.detail}."
    return kind(text, metadata=_metadata(candidate, detail=error.detail))


def silent(candidate: Candidate, limit_s: float, *, begun: bool) -> HedgerowError:
    """Nothing came for so many seconds; `begun`: after content had come."""
    name, limit = candidate.upstream.name, f"{limit_s:g}"
    metadata = _metadata(candidate, limitSeconds=limit)
    if begun:
        return StreamStalled(f"The answer of {name} paused for more than {limit} s.", metadata=metadata)
    return FirstTokenTimeout(f"The provider {name} sent no content within {limit} s.", metadata=metadata)


def _metadata(candidate: Candidate, **more: str) -> dict[str, str]:
    return {"provider": candidate.upstream.name, "model": candidate.model, **more}
