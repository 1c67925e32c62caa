"""How the Anthropic door speaks of failures and limits.

https://docs.anthropic.com/en/api/errors and https://docs.anthropic.com/en/api/rate-limits#response-headers
"""

import datetime as dt
import math

import msgspec

from hedgerow_server.core.call import Call
from hedgerow_server.core.error import HedgerowError
from hedgerow_server.core.text import cut
from hedgerow_server.doors.failure import MESSAGE_BYTES, FailureTold, Headers, told_of_failure
from hedgerow_server.doors.http_status import words
from hedgerow_server.doors.limits import tightest


class _Details(msgspec.Struct, frozen=True):
    error_code: str
    """The API's own code, where SDKs act on one: `errorCode` of the error's metadata."""


class _Told(msgspec.Struct, frozen=True):
    type: str
    message: str
    hedgerow: FailureTold
    details: _Details | msgspec.UnsetType = msgspec.UNSET


class _Body(msgspec.Struct, frozen=True, tag_field="type", tag="error"):
    error: _Told
    request_id: str


class AnthropicForm:
    """The words of Anthropic's API."""

    name = "anthropic"

    def status(self, error: HedgerowError) -> int:
        """The HTTP status of an error."""
        return words(error).anthropic_status

    def body(self, error: HedgerowError, request_id: str, call: Call | None = None) -> bytes:
        """The JSON body of an error."""
        told = _Told(
            words(error).anthropic_type,
            cut(error.message, MESSAGE_BYTES),
            told_of_failure(error, request_id, call),
            _Details(error.metadata["errorCode"]) if "errorCode" in error.metadata else msgspec.UNSET,
        )
        return msgspec.json.encode(_Body(told, request_id))

    def event(self, error: HedgerowError, request_id: str, call: Call | None = None) -> bytes:
        """What ends a stream that fails on the way."""
        return b"event: error\ndata: " + self.body(error, request_id, call) + b"\n\n"

    def id_headers(self, request_id: str) -> Headers:
        """The id of the call, where Anthropic's SDKs look for it and where ours do."""
        value = request_id.encode()
        return [(b"request-id", value), (b"x-request-id", value)]

    def headers(self, call: Call) -> Headers:
        """What is left of the caller's limits."""
        headers: Headers = []
        for unit, left in tightest(call).items():
            headers += [
                (f"anthropic-ratelimit-{unit}-limit".encode(), str(left.limit).encode()),
                (f"anthropic-ratelimit-{unit}-remaining".encode(), str(max(0, left.left)).encode()),
            ]
            if left.reset_unix_s is not None:
                # Not earlier: whoever comes back by it would be turned away again.
                when = dt.datetime.fromtimestamp(math.ceil(left.reset_unix_s), dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
                headers.append((f"anthropic-ratelimit-{unit}-reset".encode(), when.encode()))
        return headers
