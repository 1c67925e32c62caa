"""What the headers of both APIs tell of a caller's limits."""

from hedgerow_server.core.call import Call
from hedgerow_server.core.hold import Left

_UNITS = ("requests", "tokens")
_MOST = 8
"""How many limits are looked at: those beyond are further from being reached."""


def tightest(call: Call) -> dict[str, Left]:
    """The limit of requests and the one of tokens of which the smallest shares are left, by unit; of a call that a
    limit has turned away that limit, however much is left of others. The APIs have no headers for other units.
    """
    hold = call.hold
    if hold is None:
        return {}
    found: dict[str, Left] = {}
    for left in hold.refused(_MOST) or hold.tightest(_MOST):
        if left.unit in _UNITS:
            found.setdefault(left.unit, left)
    return found
