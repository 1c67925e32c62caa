"""What a call asks of a route."""

from collections.abc import Mapping
from types import MappingProxyType

from hedgerow_server.core.call import Call, Principal
from hedgerow_server.core.port import Operation
from hedgerow_server.core.request import ChatSpec, EmbedSpec, RoutePolicy
from hedgerow_server.routing.need import Need, need_of

_NONE: Mapping[str, str] = MappingProxyType({})


class Ask:
    """A call as a route sees it. What only some routes look at is worked out when one does."""

    __slots__ = ("_need", "call", "labels", "operation", "policy", "spec", "stream")

    def __init__(
        self,
        call: Call,
        operation: Operation,
        spec: ChatSpec | EmbedSpec,
        policy: RoutePolicy,
        *,
        labels: Mapping[str, str] = _NONE,
        stream: bool = False,
    ) -> None:
        self.call = call
        self.operation = operation
        self.spec = spec
        self.policy = policy
        self.labels = labels
        self.stream = stream
        """Whether the caller wants a stream."""
        self._need: Need | None = None

    @property
    def principal(self) -> Principal | None:
        """Who calls."""
        return self.call.principal

    @property
    def metadata(self) -> Mapping[str, str]:
        """The caller's metadata without its credential."""
        return {key: value for key, value in self.call.metadata.items() if key != "authorization"}

    def budget_share(self, name: str) -> float:
        """How much of a budget of the caller is spent, 1 being all; 0 where it has none of this name."""
        hold = self.call.hold
        return hold.share(name) if hold is not None else 0.0

    @property
    def need(self) -> Need:
        """What the request needs of a model."""
        if self._need is None:
            self._need = need_of(self.spec, stream=self.stream)
        return self._need
