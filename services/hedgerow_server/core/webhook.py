"""Requests to a receiver of ours, signed as Standard Webhooks has it.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hashlib
import hmac
import time

from hedgerow_server.core.error import CredentialUnavailable
from hedgerow_server.core.port import HttpRequest
from hedgerow_server.core.secret import Reveal, Secret
from hedgerow_server.core.web import Reach, Web, WebError

_PREFIX = "whsec_"


class Undelivered(Exception):
    """The receiver does not have it; the text says why, without an address and without a secret."""


class Receiver:
    """Who is told. It has understood what it answers with 2xx; whatever else it says is not read."""

    def __init__(self, url: str, web: Web, reach: Reach, secret: Reveal, *, timeout_s: float) -> None:
        """`secret` gives what signs; it may raise CredentialUnavailable."""
        self._url = url
        self._web = web
        self._reach = reach
        self._secret = secret
        self._timeout_s = timeout_s

    async def send(self, message_id: str, body: bytes) -> None:
        """Posts JSON. A message that is sent again has the same id. Raises Undelivered."""
        timestamp = int(time.time())
        try:
            signed = signature(self._secret(), message_id, timestamp, body)
        except CredentialUnavailable:
            raise Undelivered("the secret that signs webhooks is not available") from None
        headers = {
            "content-type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signed,
        }
        request = HttpRequest("POST", self._url, headers, body)
        try:
            answer = await self._web.send(request, self._reach, timeout_s=self._timeout_s)
        except WebError as error:
            raise Undelivered(f"the webhook cannot be asked: {error}") from None
        if not 200 <= answer.status < 300:
            raise Undelivered(f"the webhook answers {answer.status}")


def signature(secret: Secret, message_id: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`: HMAC-SHA256 over `ID.TIMESTAMP.BODY` in base64, behind the scheme's version. A
    secret that begins with `whsec_` is base64 behind that.
    """
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
