"""All names that callers use."""

import re
from collections import OrderedDict
from collections.abc import Callable, Iterable

from hedgerow_server.core.error import ModelNotFound
from hedgerow_server.core.event import CandidateInfo, ModelInfo
from hedgerow_server.core.port import Operation
from hedgerow_server.core.slices import Work, let_go
from hedgerow_server.routing.ask import Ask
from hedgerow_server.routing.plan import Plan
from hedgerow_server.routing.route import Route

_REST = re.compile(r"[A-Za-z0-9@][A-Za-z0-9_./:@-]*", re.ASCII)
_KINDS = {Operation.CHAT: "chat", Operation.EMBED: "embed"}
_MADE = 4096
"""Routes of names behind a star that are kept at once."""

Named = Callable[[str], Route]
"""Makes the route for a name that stands in the place of a star."""


def listing(kind: str, route: Route) -> ModelInfo:
    """A route as ListModels tells it."""
    candidates = tuple(CandidateInfo(one.upstream.name, one.model, one.region) for one in route.candidates)
    return ModelInfo(route.name, kind, candidates)


class Table:
    """What a name stands for."""

    __slots__ = ("beginnings", "made", "models", "routes")

    def __init__(
        self,
        routes: Iterable[tuple[str, Route]],
        beginnings: Iterable[tuple[str, Route, Named]],
        models: tuple[ModelInfo, ...] | None,
    ) -> None:
        stars = list(beginnings)
        self.routes = {(kind, route.name): route for kind, route in routes}
        self.beginnings = {(kind, route.name[:-2]): make for kind, route, make in stars}
        self.made: OrderedDict[tuple[str, str], Route] = OrderedDict()
        """The newest routes of names behind a star."""
        if models is None:
            listed = {**self.routes, **{(kind, route.name): route for kind, route, _ in stars}}
            names = sorted(listed, key=lambda one: (one[1], one[0]))
            models = tuple(listing(kind, listed[kind, name]) for kind, name in names)
        self.models = models

    def add(self, kind: str, route: Route, make: Named | None) -> None:
        """One more route; of a name that ends with a star, what makes the route for a name behind it."""
        if make is None:
            self.routes[kind, route.name] = route
        else:
            self.beginnings[kind, route.name[:-2]] = make

    def forget(self) -> Work[None]:
        """Lets go of everything, a few routes at a time."""
        models: list[object] = list(self.models)
        self.models = ()
        yield from let_go(models)
        for routes in (self.made, self.routes, self.beginnings):
            while routes:
                routes.popitem()
                yield 2


class Routes:
    """The routes of a configuration."""

    def __init__(
        self,
        routes: Iterable[tuple[str, Route]],
        beginnings: Iterable[tuple[str, Route, Named]] = (),
        models: tuple[ModelInfo, ...] | None = None,
    ) -> None:
        """`routes` are (kind, route) with the whole name; `beginnings` are those that end with `/*`: kind, the route as
        it is listed, and what makes the route for a name. `models` is what there is to be listed, sorted by name and
        kind; None: all of them.
        """
        self.table = Table(routes, beginnings, models)

    def become(self, other: "Routes") -> None:
        """Takes over the routes of another, for calls that come from now on."""
        self.table = other.table

    def models(self) -> tuple[ModelInfo, ...]:
        """Every name, sorted."""
        return self.table.models

    def all(self) -> Iterable[Route]:
        """The routes with whole names, and those that were made for names behind a star."""
        return (*self.table.routes.values(), *self.table.made.values())

    def plan(self, ask: Ask, *, likely: bool = False) -> Plan:
        """The candidates for a call; `likely`: in the likeliest order, for calls that are not made. Raises
        ModelNotFound, NoCandidate, BudgetSpent and SwitchedOff.
        """
        planned = ask.call.plan
        if isinstance(planned, Plan):
            return planned
        return self.route(ask.operation, ask.spec.model).plan(ask, likely=likely)

    def route(self, operation: Operation, model: str) -> Route:
        """The route of a name. Raises ModelNotFound."""
        kind = "chat" if operation is Operation.CHAT else "embed"
        route = self.table.routes.get((kind, model)) or self._of_beginning(kind, model)
        if route is None:
            raise self._unknown(operation, model)
        return route

    def configured(self, kind: str, model: str) -> str | None:
        """The name in the configuration of the route that serves a name; None: there is none. Makes nothing."""
        table = self.table
        route = table.routes.get((kind, model)) or table.made.get((kind, model))
        if route is not None:
            return route.configured
        beginning = model
        while (cut := beginning.rfind("/")) > 0:
            beginning = beginning[:cut]
            if (kind, beginning) in table.beginnings:
                return f"{beginning}/*"
        return None

    def _of_beginning(self, kind: str, model: str) -> Route | None:
        """The route with the longest beginning of the name, asked for the rest of it; none where the rest could be more
        than a name, since it may become part of a URL.
        """
        made = self.table.made.get((kind, model))
        if made is not None:
            self.table.made.move_to_end((kind, model))
            return made
        beginning = model
        while (cut := beginning.rfind("/")) > 0:
            beginning, rest = beginning[:cut], model[cut + 1 :]
            make = self.table.beginnings.get((kind, beginning))
            if make is not None:
                return self._make(kind, model, make, rest) if _REST.fullmatch(rest) and ".." not in rest else None
        return None

    def _make(self, kind: str, model: str, make: Named, rest: str) -> Route:
        route = self.table.made[kind, model] = make(rest)
        if len(self.table.made) > _MADE:
            self.table.made.popitem(last=False)
        return route

    def _unknown(self, operation: Operation, model: str) -> ModelNotFound:
        other = next((kind for kind in _KINDS.values() if (kind, model) in self.table.routes), None)
        if other is None:
            text = f"There is no model {model!r} here; ListModels names those there are."
        else:
            text = f"The model {model!r} is for {other}, not for {_KINDS[operation]}."
        return ModelNotFound(text, metadata={"model": model}, resource=("hedgerow.router.v1.Model", model))
