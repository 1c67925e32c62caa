"""What is written to the spool: one record when an attempt starts, one when it ends, one when the call ends.

A record is a map of its fields without those that have their default, so that a router reads what an older or a newer
one has left. A later record of the same attempt, or of the same call, takes the place of the earlier one.
"""

import msgspec

from hedgerow_server.core.event import AttemptRecord, Usage
from hedgerow_server.store.ledger_rows import GuardRow


class Who(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Who calls."""

    tenant: str = ""
    team: str = ""
    user: str = ""
    service: str = ""
    key_id: str = ""


class CallOpened(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="C"):
    """A call is about to have its first attempt."""

    call_id: str
    request_id: str = ""
    who: Who
    labels: dict[str, str] = {}
    method: str
    route: str
    stream: bool = False
    start_unix_s: float
    caused_by: str = ""
    purpose: str = ""
    again: bool = False
    """Whether it stands in the spool for the second time, so that the segment of the first one can go."""


class AttemptOpened(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="A"):
    """A request to a provider is about to be sent."""

    call_id: str
    number: int
    provider: str
    model: str
    region: str = ""
    credential: str = ""
    kind: int
    """The value of a core.event.AttemptKind."""
    start_unix_s: float
    request_bytes: int = 0
    again: bool = False
    """As above."""


class AttemptClosed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="a"):
    """An attempt is over, or what is known of one that is over has changed."""

    call_id: str
    credential: str = ""
    request_bytes: int = 0
    record: AttemptRecord
    cost_picos: int | None = None
    """As in the table: 0 where nothing is billed."""
    account: str
    """See AttemptRow."""


class CallClosed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="c"):
    """A call is over, or what is known of one that is over has changed. Fields are those of CallRow."""

    call_id: str
    request_id: str
    who: Who
    labels: dict[str, str] = {}
    method: str
    route: str
    stream: bool = False
    start_unix_s: float
    provider: str = ""
    model: str = ""
    region: str = ""
    code: str = "OK"
    reason: str = ""
    usage: Usage | None = None
    cost_picos: int = 0
    charged_picos: int = 0
    overhead_picos: int = 0
    unpriced_attempts: int = 0
    price_version: str = ""
    queue_s: float = 0.0
    auth_s: float = 0.0
    guardrail_s: float = 0.0
    guards: tuple[GuardRow, ...] = ()
    connect_s: float | None = None
    first_token_s: float | None = None
    total_s: float = 0.0
    gateway_s: float = 0.0
    cache: str = ""
    saved_picos: int | None = None
    attempts: int = 0
    hedged: bool = False
    downgraded_from: str = ""
    warnings: tuple[str, ...] = ()
    why: str = ""
    caused_by: str = ""
    purpose: str = ""


Record = CallOpened | AttemptOpened | AttemptClosed | CallClosed
