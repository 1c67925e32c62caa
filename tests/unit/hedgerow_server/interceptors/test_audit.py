"""What the audit log is told of a call, and what it is not."""

from collections.abc import Sequence

import pytest
from hedgerow_server.core.call import Call, Kind, Method, Outcome, Principal
from hedgerow_server.core.erasure import EraseUserRequest
from hedgerow_server.core.error import IdentityUnavailable
from hedgerow_server.core.event import Events
from hedgerow_server.core.keys import RevokeKeyRequest
from hedgerow_server.interceptors.audit import Audit
from hedgerow_server.interceptors.numbers import AuditNumbers
from hedgerow_server.store.port import StoreUnavailable
from hedgerow_server.store.record import AuditEntry, AuditRow
from unit.hedgerow_server.telemetry.counted import told


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


class Away(Log):
    """One that takes nothing."""

    async def append(self, entry: AuditEntry) -> AuditRow:
        """Refuses it."""
        raise StoreUnavailable("The store is away.")


async def _refused(audit: Audit) -> None:
    call = Call(Method("admin/Do", Kind.UNARY, lambda _: None, _nothing), {}, b"")
    call.principal = Principal("", user="operator", method="admin_token")
    audit.settle(call, Outcome(error=IdentityUnavailable("The store is away.")))
    await audit.close()


async def test_rows_that_were_written_and_rows_that_were_missed_are_counted_apart() -> None:
    name = "hedgerow_audit_records_total"
    audit = Audit(Log(), ["admin/Do"])
    await _refused(audit)
    assert told(AuditNumbers(audit)) == {(name, "written"): 1}
    audit = Audit(Away(), ["admin/Do"])
    await _refused(audit)
    assert told(AuditNumbers(audit)) == {(name, "missed"): 1}


async def test_a_row_that_a_change_leaves_itself_counts_once_it_has_succeeded() -> None:
    audit = Audit(Log(), ["admin/Do"], by_themselves=["admin/Do"])
    audit.settle(Call(Method("admin/Do", Kind.UNARY, lambda _: None, _nothing), {}, b""), Outcome())
    assert told(AuditNumbers(audit)) == {("hedgerow_audit_records_total", "written"): 1}


async def test_where_there_is_no_audit_log_nothing_is_counted() -> None:
    audit = Audit(None, ["admin/Do"], by_themselves=["admin/Other"])
    await _refused(audit)
    audit.settle(Call(Method("admin/Other", Kind.UNARY, lambda _: None, _nothing), {}, b""), Outcome())
    assert not told(AuditNumbers(audit))
