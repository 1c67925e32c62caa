"""From the name that a caller uses to the candidates that may serve the call."""

import re

import msgspec

from hedgerow_server.core.error import ModelNotFound, NoCandidate
from hedgerow_server.core.event import CandidateInfo, ModelInfo
from hedgerow_server.core.port import Dialect, Lease, Operation
from hedgerow_server.core.request import RoutePolicy
from hedgerow_server.providers.http.port import Transport

_REST = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./:@-]*", re.ASCII)
_KINDS = {Operation.CHAT: "chat", Operation.EMBED: "embed"}


class Upstream(msgspec.Struct, frozen=True):
    """A configured provider, built when the configuration is loaded. Times in seconds."""

    name: str
    dialect: Dialect
    transport: Transport
    lease: Lease | None
    first_token_timeout_s: float | None
    idle_timeout_s: float


class Candidate(msgspec.Struct, frozen=True):
    """A provider's model that may serve a route."""

    upstream: Upstream
    model: str
    region: str
    dimensions: int | None


class Plan(msgspec.Struct, frozen=True):
    """Who is asked, in order; never empty. `policy` is the caller's."""

    candidates: tuple[Candidate, ...]
    policy: RoutePolicy


class Routes:
    """All names of a configuration."""

    def __init__(self, routes: dict[tuple[str, str], tuple[Candidate, ...]]) -> None:
        """`routes` maps (kind, name) to candidates in order."""
        self._routes = {key: found for key, found in routes.items() if not key[1].endswith("/*")}
        self._beginnings = {(kind, name[:-2]): found for (kind, name), found in routes.items() if name.endswith("/*")}
        self._models = tuple(
            ModelInfo(name, kind, tuple(CandidateInfo(c.upstream.name, c.model, c.region) for c in candidates))
            for (kind, name), candidates in sorted(routes.items(), key=lambda item: (item[0][1], item[0][0]))
        )

    def models(self) -> tuple[ModelInfo, ...]:
        """Every name, sorted."""
        return self._models

    def plan(self, operation: Operation, model: str, policy: RoutePolicy) -> Plan:
        """The candidates for a call. Raises ModelNotFound or NoCandidate."""
        candidates = self._routes.get((_KINDS[operation], model)) or self._of_beginning(_KINDS[operation], model)
        if not candidates:
            raise self._unknown(operation, model)
        if policy.providers:
            candidates = tuple(c for c in candidates if c.upstream.name in policy.providers)
            if not candidates:
                raise NoCandidate(
                    f"The route policy's providers leave no candidate of {model!r}.",
                    metadata={"model": model},
                    subject="route.providers",
                )
        return Plan(candidates, policy)

    def _of_beginning(self, kind: str, model: str) -> tuple[Candidate, ...]:
        """The candidates of the route with the longest beginning of the name, asked for the rest of it; none where the
        rest could be more than a name, since it may become part of a URL.
        """
        beginning = model
        while (cut := beginning.rfind("/")) > 0:
            beginning, rest = beginning[:cut], model[cut + 1 :]
            found = self._beginnings.get((kind, beginning))
            if found is not None:
                named = _REST.fullmatch(rest) and ".." not in rest
                return tuple(msgspec.structs.replace(one, model=rest) for one in found) if named else ()
        return ()

    def _unknown(self, operation: Operation, model: str) -> ModelNotFound:
        other = next((kind for kind in _KINDS.values() if (kind, model) in self._routes), None)
        if other is None:
            text = f"There is no model {model!r} here; ListModels names those there are."
        else:
            text = f"The model {model!r} is for {other}, not for {_KINDS[operation]}."
        return ModelNotFound(text, metadata={"model": model}, resource=("hedgerow.router.v1.Model", model))
