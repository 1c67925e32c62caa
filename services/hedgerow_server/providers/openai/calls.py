"""The tool calls of one answer while they grow, and which of them a fragment belongs to: servers number their calls, or
name them by ids, or repeat either, or do none of it.
"""

from typing import Any

import msgspec

LEGACY = "function_call"
"""The index of a call in the deprecated member of that name."""


class Call:
    """One tool call. It starts with its name; `part` is -1 until then."""

    __slots__ = ("arguments", "custom", "ended", "extra", "id", "length", "name", "part")

    def __init__(self, call_id: str) -> None:
        self.id = call_id
        self.name = ""
        self.part = -1
        self.arguments: list[str] = []
        self.length = 0  # of all of them
        self.ended = False
        self.custom = False
        self.extra: object = None  # what the vendor wants back with the call

    def whole(self) -> bool:
        """Whether the arguments are a complete JSON object, so that nothing can follow."""
        if not self.arguments or not self.arguments[-1].rstrip().endswith("}"):
            return False
        try:
            msgspec.json.decode("".join(self.arguments))
        except (msgspec.DecodeError, RecursionError):
            return False
        return True

    def extend(self, arguments: str) -> None:
        """Adds to the arguments."""
        self.arguments.append(arguments)
        self.length += len(arguments)

    def is_repeated(self, arguments: str) -> bool:
        """Whether these are all of its arguments once more: some send them whole at the end of the fragments (vLLM)."""
        return len(arguments) == self.length and "".join(self.arguments) == arguments and self.whole()


class Calls:
    """All calls of one answer, in order."""

    __slots__ = ("_by_index", "all")

    def __init__(self) -> None:
        self.all: list[Call] = []
        self._by_index: dict[int | str, Call] = {}

    def add(self, index: Any, call_id: str) -> Call:
        """A new call. `index` is what the server numbers it by; what is no number counts as none."""
        call = Call(call_id)
        self.all.append(call)
        if type(index) is int or index == LEGACY:
            self._by_index[index] = call
        return call

    def find(self, index: Any, call_id: str, name: str, arguments: str) -> Call | None:
        """The call that a fragment belongs to, None for a new one."""
        if type(index) is int or index == LEGACY:
            call = self._by_index.get(index)
        elif call_id:
            # Without an index the id tells the calls apart (older Mistral).
            call = next((call for call in reversed(self.all) if call.id == call_id), None) or self._open(name)
        else:
            return None if name or not self.all else self.all[-1]
        if call is None or not name or call.part < 0:
            return call
        return call if _goes_on(call, call_id, name, arguments) else None

    def _open(self, name: str) -> Call | None:
        """The latest call, if a fragment under an id that is not known can be more of it: one without a name."""
        return None if name or not self.all or self.all[-1].whole() else self.all[-1]


def _goes_on(call: Call, call_id: str, name: str, arguments: str) -> bool:
    """Whether a fragment with a name again is more of the call: a server that repeats it, rather than one that gives
    all its calls one index or one id.
    """
    if not call_id:
        return not call.whole()
    if call_id != call.id:
        # An id for each fragment (some of vLLM's parsers).
        return call.name == name and bool(call.arguments) and not call.whole()
    return not call.whole() or (call.name == name and (not arguments.strip() or call.is_repeated(arguments)))
