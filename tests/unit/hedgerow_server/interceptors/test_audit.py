"""What the audit log is told of a call, and what it is not."""

from collections.abc import Sequence

import pytest
from hedgerow_server.core.call import Call, Kind, Method, Outcome, Principal
from hedgerow_server.core.erasure import EraseUserRequest
from hedgerow_server.core.error import IdentityUnavailable
from hedgerow_server.core.event import Events
from hedgerow_server.core.keys import RevokeKeyRequest
from hedgerow_server.interceptors.audit import Audit
from hedgerow_server.store.record import AuditEntry, AuditRow


class Log:
    """An AuditStore in memory."""

    def __init__(self) -> None:
        self.entries: list[AuditEntry] = []

    async def append(self, entry: AuditEntry) -> AuditRow:
        """Adds an entry."""
        self.entries.append(entry)
        return AuditRow(number=len(self.entries), entry=entry, digest=b"")

    async def rows(self, after: int, limit: int) -> Sequence[AuditRow]:
        """Not asked for here."""
        raise NotImplementedError


def _nothing(call: Call) -> Events:
    raise NotImplementedError


@pytest.mark.parametrize(
    ("request_", "detail", "subject"),
    [
        (EraseUserRequest("acme", "ann"), '{"request":{"tenant":"acme"}}', ""),
        (RevokeKeyRequest("k", "lost"), '{"request":{"key_id":"k","reason":"lost"}}', "k"),
    ],
)
async def test_a_failure_is_written_down_with_what_was_asked_but_for_a_user_who_was_to_be_erased(
    request_: object, detail: str, subject: str
) -> None:
    log = Log()
    audit = Audit(log, ["admin/Do"], by_themselves=["admin/Do"])
    call = Call(Method("admin/Do", Kind.UNARY, lambda _: None, _nothing), {}, b"")
    call.request, call.principal = request_, Principal("", user="operator", method="admin_token")
    audit.settle(call, Outcome(error=IdentityUnavailable("The store is away.")))
    await audit.close()
    (entry,) = log.entries
    assert (entry.action, entry.outcome, entry.who) == ("Do", "UNAVAILABLE", "admin_token:operator")
    assert (entry.detail, entry.subject) == (detail, subject)
