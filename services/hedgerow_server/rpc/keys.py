"""AdminService: API keys."""

from collections.abc import Callable

from hedgerow_server.core.call import Call, Principal
from hedgerow_server.core.error import RpcUnknown
from hedgerow_server.core.event import Answered, Events
from hedgerow_server.core.keys import (
    CreateKeyRequest,
    KeyCreated,
    KeyFacts,
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
        key, record = await self._found(call).create(request, _deed(call))
        yield Answered(KeyCreated(key.text, _facts(record)))

    async def list_keys(self, call: Call) -> Events:
        """One page. A page token is the id after which the page begins."""
        request = call.request
        assert isinstance(request, ListKeysRequest)
        found = await self._found(call).list(request.tenant, request.page_token, request.page_size + 1)
        page = tuple(map(_facts, found[: request.page_size]))
        yield Answered(KeysListed(page, page[-1].key_id if len(found) > len(page) else ""))

    async def rotate_key(self, call: Call) -> Events:
        """One event: the new key, for the only time."""
        request = call.request
        assert isinstance(request, RotateKeyRequest)
        key, record, old = await self._found(call).rotate(request.key_id, request.overlap_s, _deed(call))
        yield Answered(KeyRotated(key.text, _facts(record), _facts(old)))

    async def revoke_key(self, call: Call) -> Events:
        """One event."""
        request = call.request
        assert isinstance(request, RevokeKeyRequest)
        yield Answered(KeyRevoked(_facts(await self._found(call).revoke(request.key_id, request.reason, _deed(call)))))

    def _found(self, call: Call) -> KeyRegistry:
        registry = self._registry()
        if registry is None:
            raise RpcUnknown(
                "The configuration has no API keys (identity.api_keys).", metadata={"method": call.method.name}
            )
        return registry


def _deed(call: Call) -> Deed:
    return Deed(call.principal or Principal(""), call.request_id)


def _facts(record: KeyRecord) -> KeyFacts:
    return KeyFacts(**{name: getattr(record, name) for name in KeyFacts.__struct_fields__})
