"""What the HTTP doors tell of a failed call beside an API's own words: the member `hedgerow` of an error."""

import math

import msgspec

from hedgerow_server.core.call import Call
from hedgerow_server.core.error import HedgerowError
from hedgerow_server.core.text import cut
from hedgerow_server.doors.status import pushback
from hedgerow_server.wire.extension import AttemptTold, told_of_attempts
from hedgerow_server.wire.report import costs

MESSAGE_BYTES = 2_000
"""The most of a message that is told."""
_TEXT_BYTES = 400
_VIOLATIONS = 32

Headers = list[tuple[bytes, bytes]]
"""Names in lower case."""


class ViolationTold(msgspec.Struct, frozen=True):
    """A field that is wrong."""

    field: str
    description: str


class ResourceTold(msgspec.Struct, frozen=True):
    """What was not found."""

    type: str
    name: str


class FailureTold(msgspec.Struct, frozen=True, omit_defaults=True):
    """All that the contract's details say of a failure, and the attempts that the call made. Money is 10^-12 US
    dollars.
    """

    reason: str
    """An ErrorReason without its prefix."""
    request_id: str
    metadata: dict[str, str] = {}
    violations: list[ViolationTold] = []
    resource: ResourceTold | None = None
    subject: str = ""
    """The rule or limit that was hit."""
    retry_after_seconds: float | None = None
    """When it may be worth another try, where that is known."""
    attempts: list[AttemptTold] = []
    cost_picos: int | None = None
    charged_picos: int | None = None
    replay_of: str = ""


def told_of_failure(error: HedgerowError, request_id: str, call: Call | None) -> FailureTold:
    """Nothing in it is longer than a message needs; `call` is None where there was none yet."""
    attempts = call.attempts if call is not None else ()
    found = costs(attempts)
    return FailureTold(
        reason=error.reason,
        request_id=request_id,
        metadata={key: cut(value, _TEXT_BYTES) for key, value in error.metadata.items()},
        violations=[
            ViolationTold(cut(one.field, _TEXT_BYTES), cut(one.description, _TEXT_BYTES))
            for one in error.violations[:_VIOLATIONS]
        ],
        resource=ResourceTold(error.resource[0], cut(error.resource[1], _TEXT_BYTES)) if error.resource else None,
        subject=cut(error.subject, _TEXT_BYTES),
        retry_after_seconds=error.retry_delay_s,
        attempts=told_of_attempts(attempts),
        cost_picos=found.cost_picos,
        charged_picos=found.charged_picos,
        replay_of=call.replay_of if call is not None else "",
    )


def retry_headers(error: HedgerowError) -> Headers:
    """When to come back, and whether a client may by itself, in the words that those of both APIs read. Clients try
    again by themselves after 408, 409, 429 and 5xx, unless they are told not to.
    """
    headers: Headers = []
    if error.retry_delay_s is not None:
        delay_ms = max(0, round(error.retry_delay_s * 1000))
        headers = [
            (b"retry-after-ms", str(delay_ms).encode()),
            (b"retry-after", str(math.ceil(delay_ms / 1000)).encode()),
        ]
    return [*headers, (b"x-should-retry", b"true" if _may_retry(error) else b"false")]


def _may_retry(error: HedgerowError) -> bool:
    # A call under way with the same idempotency key has an answer soon, which the next try gets.
    return error.code == "ABORTED" or pushback(error) not in (None, "-1")
