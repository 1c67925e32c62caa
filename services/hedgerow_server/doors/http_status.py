"""What the HTTP doors answer when a call fails: the status, in the mapping of google.rpc.Code where it has one."""

from hedgerow_server.core.error import HedgerowError

STATUSES = {
    "CANCELLED": 499,
    "INVALID_ARGUMENT": 400,
    "DEADLINE_EXCEEDED": 504,
    "NOT_FOUND": 404,
    "PERMISSION_DENIED": 403,
    "UNAUTHENTICATED": 401,
    "RESOURCE_EXHAUSTED": 429,
    "FAILED_PRECONDITION": 400,
    "ABORTED": 409,
    "UNIMPLEMENTED": 404,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
}
_OWN = {"MESSAGE_TOO_LARGE": 413}


def http_status(error: HedgerowError) -> int:
    """The HTTP status of an error."""
    return _OWN.get(error.reason) or STATUSES[error.code]
