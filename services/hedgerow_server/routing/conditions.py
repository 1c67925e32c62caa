"""Conditions of routes in CEL, the Common Expression Language, compiled when the configuration is loaded."""

import logging
import re
from collections.abc import Callable, Mapping
from typing import Any

from hedgerow_server.core.call import Principal
from hedgerow_server.routing.ask import Ask
from hedgerow_server.routing.need import Need

_log = logging.getLogger(__name__)
_NOBODY = Principal(tenant="")

VARIABLES: Mapping[str, Callable[[Ask], object]] = {
    "tenant": lambda ask: (ask.principal or _NOBODY).tenant,
    "team": lambda ask: (ask.principal or _NOBODY).team,
    "user": lambda ask: (ask.principal or _NOBODY).user,
    "labels": lambda ask: ask.labels,
    "metadata": lambda ask: ask.metadata,
    "request": lambda ask: ask.need.as_map(),
    "budgets": lambda _: {},
}
"""What conditions may look at. Of `budgets` a condition says itself which it needs."""
BUDGETS = "budgets"
_BUDGET = re.compile(r"""\bbudgets\s*\[\s*(?:"([^"]*)"|'([^']*)')\s*\]""")
CALLER_SAYS = frozenset({"labels", "metadata", "request"})
"""What a caller can say as it likes: no residency may depend on it."""
FUNCTIONS = frozenset(
    {"contains", "double", "endsWith", "int", "matches", "size", "startsWith", "string", "type", "uint"}
)
"""What the evaluator has of CEL's own. It would miss others only when a call is the first to come to them."""
_NAME = re.compile(r"[A-Za-z]\w*", re.ASCII)
_BOUND = re.compile(r"\.\s*(?:all|exists|exists_one|map|filter)\s*\(\s*([A-Za-z_]\w*)\s*,", re.ASCII)
"""The variable of a macro, as in `labels.all(key, key != "x")`."""
_TYPES = frozenset({"bool", "bytes", "double", "int", "list", "map", "string", "uint"})
_SAMPLE: Mapping[str, object] = {
    "tenant": "t",
    "team": "",
    "user": "",
    "labels": {},
    "metadata": {},
    "request": Need(kind="chat", model="m", stream=False, input_tokens=1).as_map(),
}
"""Values of the types that a call has, to find at load what no call could make good."""
REQUEST = tuple(Need(kind="", model="", stream=False, input_tokens=0).as_map())
"""The fields of `request`."""
_HOPELESS = re.compile(r"^Undefined|not a valid regex")


def budgets_in(text: str) -> tuple[str, ...]:
    """The names of the budgets that a condition looks at."""
    return tuple(sorted({double or single for double, single in _BUDGET.findall(text)}))


class Condition:
    """One condition. Safe to share; holds no state of a call."""

    def __init__(self, text: str) -> None:
        """Raises ValueError with what is wrong with the text."""
        # Its import takes as long as those of half the router (it brings a command line): only rules need it.
        import cel  # noqa: PLC0415

        self.text = text
        try:
            self._program = cel.compile(text)
        except ValueError as error:
            raise ValueError(str(error).splitlines()[0]) from None
        found = frozenset(self._program.variables())
        unknown = sorted(found - VARIABLES.keys() - _TYPES - set(_BOUND.findall(text)))
        if unknown:
            raise ValueError(f"unknown variable {unknown[0]!r}; there are {', '.join(VARIABLES)}")
        self.variables = found & VARIABLES.keys()
        """Those that it looks at."""
        self.budgets = budgets_in(text)
        """The budgets that it looks at."""
        if BUDGETS in found and len(_BUDGET.findall(text)) != len(re.findall(r"\bbudgets\b", text)):
            raise ValueError('expected the name of a budget in quotes, as in budgets["team-month"] >= 0.8')
        missing = sorted({name for name in self._program.functions() if _NAME.fullmatch(name)} - FUNCTIONS)
        if missing:
            raise ValueError(f"unknown function {missing[0]!r}; there are {', '.join(sorted(FUNCTIONS))}")
        self._try()
        self._told = False

    def _try(self) -> None:
        """Raises ValueError for what is wrong whoever calls, such as a comparison of a name with a number."""
        try:
            sample = {**_SAMPLE, BUDGETS: dict.fromkeys(self.budgets, 0.5)}
            found = self._program.execute({name: sample[name] for name in self.variables})
        except TypeError as error:
            raise ValueError(str(error)) from None
        except KeyError as error:
            if not self.variables & {"labels", "metadata"}:
                raise ValueError(f"unknown field {error}; request has {', '.join(REQUEST)}") from None
        except RuntimeError as error:
            if _HOPELESS.search(str(error)):
                raise ValueError(" ".join(str(error).split())) from None
        else:
            if found is not True and found is not False:
                raise ValueError(f"it gives {type(found).__name__}, not true or false")

    def holds(self, ask: Ask, *, in_doubt: bool) -> bool:
        """Whether it holds for a call; `in_doubt` where it cannot be told, such as for a label that is not there."""
        values: dict[str, Any] = {name: VARIABLES[name](ask) for name in self.variables}
        if self.budgets:
            values[BUDGETS] = {name: ask.budget_share(name) for name in self.budgets}
        try:
            found = self._program.execute(values)
        except KeyError:
            # A label or metadata key that is not there: nothing to tell an operator of.
            return in_doubt
        except (OverflowError, RuntimeError, TypeError, ValueError) as error:
            self._tell(type(error).__name__)
            return in_doubt
        if not isinstance(found, bool):
            self._tell(f"it gives {type(found).__name__}, not bool")
            return in_doubt
        return found

    def _tell(self, why: str) -> None:
        if not self._told:
            self._told = True
            _log.warning("the condition %r cannot be told for every call (%s); said once", self.text, why)
