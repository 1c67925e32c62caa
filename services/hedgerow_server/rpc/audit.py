"""AdminService: the audit log."""

import msgspec

from hedgerow_server.core.call import Call
from hedgerow_server.core.error import IdentityUnavailable, RpcUnknown
from hedgerow_server.core.event import Answered, Events
from hedgerow_server.core.keys import AuditFacts, AuditListed, AuditVerified, ListAuditRequest
from hedgerow_server.store.chain import Check, erased_fields
from hedgerow_server.store.port import AuditStore, StoreUnavailable
from hedgerow_server.store.record import AuditRow

_BATCH = 500
_AGAIN_S = 1.0


class AuditLog:
    """Answers operators who ask what others have done."""

    def __init__(self, store: AuditStore | None) -> None:
        """`store` is None where there is no database."""
        self._store = store

    async def list_audit_rows(self, call: Call) -> Events:
        """One page."""
        request = call.request
        assert isinstance(request, ListAuditRequest)
        rows = await self._rows(call, request.after, request.page_size)
        yield Answered(AuditListed(tuple(map(_facts, rows))))

    async def verify_audit(self, call: Call) -> Events:
        """One event, once all rows were looked at or the first broken one was found."""
        check = Check()
        while rows := await self._rows(call, check.number, _BATCH):
            broken = check.broken_at(rows)
            if broken is not None:
                break
        else:
            broken = check.end()
        last = check.before if check.number else b""
        yield Answered(AuditVerified(broken or 0, check.number, last, check.erased))

    async def _rows(self, call: Call, after: int, limit: int) -> list[AuditRow]:
        if self._store is None:
            raise RpcUnknown("The configuration has no store.", metadata={"method": call.method.name})
        try:
            return list(await self._store.rows(after, limit))
        except StoreUnavailable:
            raise IdentityUnavailable(
                "The store is not available.", metadata={"source": "audit"}, retry_delay_s=_AGAIN_S
            ) from None


def _facts(row: AuditRow) -> AuditFacts:
    entry = msgspec.structs.asdict(row.entry)
    return AuditFacts(number=row.number, digest=row.digest, erased=erased_fields(row), **entry)
