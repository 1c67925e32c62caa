"""Tells whoever writes keys what is wanted of him."""

import msgspec

from hedgerow_server.core.webhook import Receiver, Undelivered
from hedgerow_server.credentials.rotation.port import Notice, NotObtained


class _Body(msgspec.Struct, frozen=True, kw_only=True):
    """What is posted."""

    type: str
    credential: str
    source: str
    rotation: str
    age_seconds: int
    max_age_seconds: int


class Webhook:
    """Asks one receiver. An answer of 2xx means that it has understood."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver

    async def send(self, notice: Notice) -> None:
        """Tells it. Raises NotObtained."""
        body = _Body(
            type=notice.type,
            credential=notice.credential,
            source=notice.source,
            rotation=notice.rotation,
            age_seconds=int(notice.age_s),
            max_age_seconds=int(notice.max_age_s),
        )
        try:
            await self._receiver.send(notice.id, msgspec.json.encode(body))
        except Undelivered as error:
            raise NotObtained(str(error)) from None
