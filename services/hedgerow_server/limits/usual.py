"""What calls of a model usually come to: for limits of tokens, which a call takes before anybody knows."""

from bisect import bisect_left, insort
from collections import OrderedDict, deque

_KEPT = 128
_MODELS = 4096
"""Names behind a star come from callers."""
_SHARE = 0.9


class Usual:
    """A running percentile of the newest outputs of each model."""

    def __init__(self) -> None:
        self._models: OrderedDict[str, tuple[deque[int], list[int]]] = OrderedDict()

    def output_tokens(self, model: str) -> int | None:
        """The output that nine of ten of the newest calls did not exceed. None: there were none yet."""
        found = self._models.get(model)
        if found is None:
            return None
        ordered = found[1]
        return ordered[int(len(ordered) * _SHARE)]

    def note(self, model: str, output_tokens: int) -> None:
        """A call has come to that."""
        found = self._models.get(model)
        if found is None:
            found = self._models[model] = deque(), []
            if len(self._models) > _MODELS:
                self._models.popitem(last=False)
        newest, ordered = found
        if len(newest) == _KEPT:
            del ordered[bisect_left(ordered, newest.popleft())]
        newest.append(output_tokens)
        insort(ordered, output_tokens)
