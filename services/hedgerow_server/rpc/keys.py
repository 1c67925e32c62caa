"""AdminService: API keys."""

from collections.abc import Callable

from hedgerow_server.core.call import Call, Principal
from hedgerow_server.core.error import RpcUnknown
from hedgerow_server.core.event import Answered, Events
from hedgerow_server.core.keys import (
    CreateKeyRequest,
    GetKeyRequest,
    KeyCreated,
    KeyFacts,
    KeyFound,
    KeyRevoked,
    KeyRotated,
    KeysListed,
    ListKeysRequest,
    RevokeKeyRequest,
    RotateKeyRequest,
)
from hedgerow_server.identity.registry import Deed, KeyRegistry
from hedgerow_server.store.record import KeyRecord


class Keys:
    """Answers operators who look after keys."""

    def __init__(self, registry: Callable[[], KeyRegistry | None]) -> None:
        """`registry` is the one of the configuration in force, None where that has no API keys."""
        self._registry = registry

    async def create_key(self, call: Call) -> Events:
        """One event: the key, for the only time."""
        request = call.request
        assert isinstance(request, CreateKeyRequest)
        key, record = await self._found(call).create(request, deed_of(call))
        yield Answered(KeyCreated(key.text, _facts(record)))

    async def list_keys(self, call: Call) -> Events:
        """One page. A page token is the id after which the page begins."""
        request = call.request
        assert isinstance(request, ListKeysRequest)
        found = await self._found(call).list(request.tenant, request.page_token, request.page_size + 1)
        page = tuple(map(_facts, found[: request.page_size]))
        yield Answered(KeysListed(page, page[-1].key_id if len(found) > len(page) else ""))

    async def get_key(self, call: Call) -> Events:
        """One event."""
        request = call.request
        assert isinstance(request, GetKeyRequest)
        yield Answered(KeyFound(_facts(await self._found(call).get(request.key_id))))

    async def rotate_key(self, call: Call) -> Events:
        """One event: the new key, for the only time."""
        request = call.request
        assert isinstance(request, RotateKeyRequest)
        key, record, old = await self._found(call).rotate(request.key_id, request.overlap_s, deed_of(call))
        yield Answered(KeyRotated(key.text, _facts(record), _facts(old)))

    async def revoke_key(self, call: Call) -> Events:
        """One event."""
        request = call.request
        assert isinstance(request, RevokeKeyRequest)
        record = await self._found(call).revoke(request.key_id, request.reason, deed_of(call))
        yield Answered(KeyRevoked(_facts(record)))

    def _found(self, call: Call) -> KeyRegistry:
        registry = self._registry()
        if registry is None:
            raise RpcUnknown(
                "The configuration has no API keys (identity.api_keys).", metadata={"method": call.method.name}
            )
        return registry


def deed_of(call: Call) -> Deed:
    """Who does something with a call."""
    return Deed(call.principal or Principal(""), call.request_id)


def _facts(record: KeyRecord) -> KeyFacts:
    return KeyFacts(**{name: getattr(record, name) for name in KeyFacts.__struct_fields__})
