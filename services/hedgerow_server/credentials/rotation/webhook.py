"""Signed requests to whoever writes keys, as Standard Webhooks has them.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Callable

import msgspec

from hedgerow_server.core.addresses import AddressRule
from hedgerow_server.core.error import CredentialUnavailable
from hedgerow_server.core.port import HttpRequest
from hedgerow_server.core.secret import Secret
from hedgerow_server.core.web import Reach, Web, WebError
from hedgerow_server.credentials.rotation.port import Notice, NotObtained
from hedgerow_server.credentials.rotation.section import WebhookSection

_PREFIX = "whsec_"


class _Body(msgspec.Struct, frozen=True, kw_only=True):
    """What is posted."""

    type: str
    credential: str
    source: str
    rotation: str
    age_seconds: int
    max_age_seconds: int


def signature(secret: Secret, message_id: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`: HMAC-SHA256 over `ID.TIMESTAMP.BODY` in base64, behind the scheme's version."""
    signed = b"%b.%d.%b" % (message_id.encode(), timestamp, body)
    digest = hmac.new(_key(secret.reveal()), signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def _key(text: str) -> bytes:
    if text.startswith(_PREFIX):
        try:
            return base64.b64decode(text.removeprefix(_PREFIX), validate=True)
        except binascii.Error:
            pass
    return text.encode()


class Webhook:
    """Asks one receiver. An answer of 2xx means that it has understood; whatever else it says is not read."""

    def __init__(self, section: WebhookSection, web: Web, secret: Callable[[], Secret]) -> None:
        """`secret` gives what signs; it may raise CredentialUnavailable."""
        rule = AddressRule.of(section.proxy or section.url, allow=section.allow_private_addresses)
        self._reach = Reach(rule, section.proxy, section.ca_file)
        self._section = section
        self._web = web
        self._secret = secret

    async def send(self, notice: Notice) -> None:
        """Tells it. Raises NotObtained."""
        body = msgspec.json.encode(
            _Body(
                type=notice.type,
                credential=notice.credential,
                source=notice.source,
                rotation=notice.rotation,
                age_seconds=int(notice.age_s),
                max_age_seconds=int(notice.max_age_s),
            )
        )
        timestamp = int(time.time())
        try:
            signed = signature(self._secret(), notice.id, timestamp, body)
        except CredentialUnavailable:
            raise NotObtained("the secret that signs webhooks is not available") from None
        headers = {
            "content-type": "application/json",
            "webhook-id": notice.id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signed,
        }
        request = HttpRequest("POST", self._section.url, headers, body)
        try:
            answer = await self._web.send(request, self._reach, timeout_s=self._section.timeout_seconds)
        except WebError as error:
            raise NotObtained(f"the webhook cannot be asked: {error}") from None
        if not 200 <= answer.status < 300:
            raise NotObtained(f"the webhook answers {answer.status}")
