"""How the OpenAI door speaks of failures and limits.

https://platform.openai.com/docs/guides/error-codes and https://platform.openai.com/docs/guides/rate-limits
"""

import time

import msgspec

from hedgerow_server.core.call import Call
from hedgerow_server.core.error import HedgerowError
from hedgerow_server.core.hold import Left
from hedgerow_server.core.text import cut
from hedgerow_server.doors.failure import MESSAGE_BYTES, FailureTold, Headers, told_of_failure
from hedgerow_server.doors.http_status import words
from hedgerow_server.doors.limits import tightest


class ErrorTold(msgspec.Struct, frozen=True):
    """The member `error`."""

    message: str
    type: str
    param: str | None
    code: str
    hedgerow: FailureTold


class _Body(msgspec.Struct, frozen=True):
    error: ErrorTold


class _Event(msgspec.Struct, frozen=True, tag_field="type", tag="error"):
    """The event `error` of a streamed response, with the member that makes SDKs raise."""

    code: str
    message: str
    param: str | None
    error: ErrorTold


class OpenAiForm:
    """The words of OpenAI's API."""

    name = "openai"

    def __init__(self, *, named_events: bool = False) -> None:
        """`named_events`: streams are those of the Responses API, whose events have names and types."""
        self._named = named_events

    def status(self, error: HedgerowError) -> int:
        """The HTTP status of an error."""
        return words(error).status

    def body(self, error: HedgerowError, request_id: str, call: Call | None = None) -> bytes:
        """The JSON body of an error."""
        return msgspec.json.encode(_Body(_told(error, request_id, call)))

    def event(self, error: HedgerowError, request_id: str, call: Call | None = None) -> bytes:
        """What ends a stream that fails on the way."""
        if not self._named:
            return b"data: " + self.body(error, request_id, call) + b"\n\n"
        told = _told(error, request_id, call)
        data = msgspec.json.encode(_Event(told.code, told.message, told.param, told))
        return b"event: error\ndata: " + data + b"\n\n"

    def id_headers(self, request_id: str) -> Headers:
        """The id of the call, where SDKs look for it."""
        return [(b"x-request-id", request_id.encode())]

    def headers(self, call: Call) -> Headers:
        """What is left of the caller's limits."""
        headers: Headers = []
        for unit, left in tightest(call).items():
            headers += [
                (f"x-ratelimit-limit-{unit}".encode(), str(left.limit).encode()),
                (f"x-ratelimit-remaining-{unit}".encode(), str(max(0, left.left)).encode()),
            ]
            if left.reset_unix_s is not None:
                headers.append((f"x-ratelimit-reset-{unit}".encode(), _until(left).encode()))
        return headers


def _told(error: HedgerowError, request_id: str, call: Call | None) -> ErrorTold:
    said = words(error)
    field = error.violations[0].field if error.violations else error.metadata.get("field")
    return ErrorTold(
        cut(error.message, MESSAGE_BYTES),
        said.openai_type,
        cut(field, MESSAGE_BYTES) if field else None,
        said.openai_code,
        told_of_failure(error, request_id, call),
    )


def _until(left: Left) -> str:
    """A duration as OpenAI's headers have it, such as 350ms, 1s and 6m0s."""
    assert left.reset_unix_s is not None
    milliseconds = max(0, round((left.reset_unix_s - time.time()) * 1000))
    if milliseconds < 1000:
        return f"{milliseconds}ms"
    seconds = -(-milliseconds // 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m{seconds}s"
    return f"{minutes}m{seconds}s" if minutes else f"{seconds}s"
