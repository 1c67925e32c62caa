"""What the headers of both APIs tell of a caller's limits."""

from hedgerow_server.core.call import Call
from hedgerow_server.core.hold import Left

_UNITS = ("requests", "tokens")
_MOST = 8
"""How many limits are looked at: those beyond are further from being reached."""


def tightest(call: Call) -> dict[str, Left]:
    """The limit of requests and the one of tokens of which the smallest shares are left, by unit. The APIs have no
    headers for others.
    """
    if call.hold is None:
        return {}
    found: dict[str, Left] = {}
    for left in call.hold.tightest(_MOST):
        if left.unit in _UNITS:
            found.setdefault(left.unit, left)
    return found
