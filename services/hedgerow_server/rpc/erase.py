"""AdminService: erasing what is kept of a user.

What the router itself keeps of one is in his API keys and in the audit log. Conversations that stay with a provider are
known by hashes within the tenant, not by user. Whatever else keeps something (`Eraser`) is handed in.
"""

import time
from collections.abc import Callable, Mapping

import msgspec

from hedgerow_server.core.call import Call
from hedgerow_server.core.erasure import Eraser, EraseUserRequest, UserErased, person_of
from hedgerow_server.core.event import Answered, Events
from hedgerow_server.identity.key import new_reference
from hedgerow_server.identity.keys import unavailable
from hedgerow_server.identity.registry import KeyRegistry
from hedgerow_server.rpc.keys import deed_of
from hedgerow_server.store.chain import ERASURE
from hedgerow_server.store.erasing import Done, StoredPeople, User
from hedgerow_server.store.erasures import StoredErasures
from hedgerow_server.store.port import StoreUnavailable
from hedgerow_server.store.record import AuditEntry


class Erasure:
    """Answers operators whose users want to be forgotten."""

    def __init__(
        self,
        people: StoredPeople | None,
        registry: Callable[[], KeyRegistry | None],
        erasers: Mapping[str, Eraser],
        erasures: StoredErasures | None = None,
    ) -> None:
        """`people` and `erasures` are None where there is no database; `erasers` stand under the names by which they
        are counted.
        """
        self._people = people
        self._registry = registry
        self._erasers = erasers
        self._erasures = erasures

    async def erase_user(self, call: Call) -> Events:
        """One event, once all is erased but what other routers hold in memory, who are told first. What fails can be
        done again. The store comes last: its row tells of all.
        """
        request = call.request
        assert isinstance(request, EraseUserRequest)
        registry = self._registry()
        reference = registry.reference(request.tenant, request.user) if registry is not None else new_reference()
        try:
            if self._erasures is not None:
                await self._erasures.tell(person_of(request.tenant, request.user))
            counts = {name: await one.erase(request.tenant, request.user) for name, one in self._erasers.items()}
            if self._people is not None:
                counts |= await self._stored(self._people, call, request, reference, counts)
        except StoreUnavailable:
            raise unavailable("store", "Not all of the user could be erased: a store is not available.") from None
        if registry is not None:
            await registry.refresh()
        yield Answered(UserErased(reference, counts))

    async def _stored(
        self, people: StoredPeople, call: Call, request: EraseUserRequest, reference: str, elsewhere: Mapping[str, int]
    ) -> dict[str, int]:
        user = User(request.tenant, request.user)

        def entry(done: Done) -> AuditEntry:
            counts = {**elsewhere, "keys": done.keys, "audit_rows": done.rows}
            erased = msgspec.structs.asdict(done.erased)
            told = deed_of(call).entry(ERASURE, reference, tenant=request.tenant, counts=counts, erased=erased)
            method, _, label = told.who.partition(":")
            # He may have asked for it himself.
            who = f"{method}:{request.tenant}/{reference}" if user.is_label(label) else told.who
            return msgspec.structs.replace(told, who=who)

        done = await people.erase(user, time.time(), entry)
        return {"keys": done.keys, "audit_rows": done.rows}
