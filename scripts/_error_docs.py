"""Writes the table of docs/errors.md that tells what each error is at the HTTP doors.

Usage: python scripts/_error_docs.py [--check]
  --check  writes nothing; fails when the table is not what the doors answer
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from hedgerow_server.core.error import every_error
from hedgerow_server.doors.failure import retry_headers
from hedgerow_server.doors.http_status import HTTP_WORDS

PAGE = Path(__file__).resolve().parents[1] / "docs" / "errors.md"
TABLE = re.compile(r"(<!-- Begin: .*? -->\n).*?(<!-- End -->\n)", re.DOTALL)
# What the SDKs make of a status; a test asks them.
OPENAI = {
    400: "BadRequestError",
    401: "AuthenticationError",
    403: "PermissionDeniedError",
    404: "NotFoundError",
    409: "ConflictError",
    422: "UnprocessableEntityError",
    429: "RateLimitError",
}
ANTHROPIC = OPENAI | {
    408: "RequestTimeoutError",
    413: "ContentTooLargeError",
    499: "ClientClosedRequestError",
    503: "ServiceUnavailableError",
    504: "GatewayTimeoutError",
    529: "OverloadedError",
}
# No path of an HTTP door leads to an RPC that has them.
NOT_AT_HTTP = (
    "CALL_NOT_FOUND",
    "CONFIG_INVALID",
    "CONFIG_NOT_KEPT",
    "CREDENTIAL_NOT_FOUND",
    "KEY_ENDED",
    "KEY_NOT_FOUND",
)


def exception(status: int, names: dict[int, str]) -> str:
    """The class of the SDK for a status."""
    return names.get(status, "InternalServerError" if status >= 500 else "APIStatusError")


def lines() -> Iterator[str]:
    """The rows, in the order of the door's own table."""
    yield "| reason | again | OpenAI | `type`, `code` | Anthropic | `type` |"
    yield "| --- | --- | --- | --- | --- | --- |"
    errors = every_error()
    for reason, words in HTTP_WORDS.items():
        if reason in NOT_AT_HTTP:
            continue
        openai = f"{words.status} {exception(words.status, OPENAI)}"
        anthropic = f"{words.anthropic_status} {exception(words.anthropic_status, ANTHROPIC)}"
        headers = dict(retry_headers(errors[reason]("", retry_delay_s=1.0)))
        again = "yes" if headers[b"x-should-retry"] == b"true" else "no"
        told = f"`{words.openai_type}`, `{words.openai_code}`"
        yield f"| `{reason}` | {again} | {openai} | {told} | {anthropic} | `{words.anthropic_type}` |"


def generated(page: str) -> str:
    """The page with the table that the doors give."""
    table = "\n".join(lines()) + "\n"
    return TABLE.sub(lambda found: found[1] + "\n" + table + "\n" + found[2], page)


def main(arguments: list[str]) -> int:
    """The exit status: 1 when --check finds a difference."""
    page = PAGE.read_text(encoding="utf-8")
    wanted = generated(page)
    if page == wanted:
        return 0
    if "--check" in arguments:
        print("docs/errors.md: is not up to date")
        return 1
    PAGE.write_text(wanted, encoding="utf-8")
    print("docs/errors.md: written")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
