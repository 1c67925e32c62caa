"""How the OpenAI door speaks of failures and limits."""

import msgspec

from hedgerow_server.core.call import Call
from hedgerow_server.core.error import HedgerowError
from hedgerow_server.doors.http_status import http_status

_TYPES = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}


class OpenAiForm:
    """The words of OpenAI's API: https://platform.openai.com/docs/guides/error-codes."""

    name = "openai"

    def status(self, error: HedgerowError) -> int:
        """The HTTP status of an error."""
        return http_status(error)

    def body(self, error: HedgerowError, request_id: str) -> bytes:
        """The JSON body of an error."""
        status = http_status(error)
        kind = _TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")
        param = error.violations[0].field if error.violations else None
        told = {"message": error.message, "type": kind, "param": param, "code": error.reason.lower()}
        return msgspec.json.encode({"error": told})

    def event(self, error: HedgerowError, request_id: str) -> bytes:
        """What ends a stream that fails on the way."""
        return b"data: " + self.body(error, request_id) + b"\n\n"

    def headers(self, call: Call) -> list[tuple[bytes, bytes]]:
        """What is left of the caller's limits."""
        return []
