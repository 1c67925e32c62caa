"""Sends alerts to a webhook until it has them.

Requests are signed as Standard Webhooks has it
(https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md).
"""

import asyncio
import base64
import binascii
import hashlib
import hmac
import logging
import random
import time
from collections.abc import Callable

import msgspec

from hedgerow_server.core.addresses import AddressRule
from hedgerow_server.core.error import CredentialUnavailable
from hedgerow_server.core.port import HttpRequest
from hedgerow_server.core.secret import Secret
from hedgerow_server.core.web import Reach, Web, WebError
from hedgerow_server.limits.alert import Alert
from hedgerow_server.limits.section import WebhookSection

_log = logging.getLogger(__name__)
_TIMEOUT_S = 10.0
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 300.0
_LONGEST_S = 86_400.0
_WAITING = 1024
"""Alerts that wait at once; beyond that the oldest is given up."""
_PREFIX = "whsec_"


class Webhook(msgspec.Struct, frozen=True):
    """Where alerts go."""

    section: WebhookSection
    web: Web
    secret: Callable[[], Secret]
    """What signs; may raise CredentialUnavailable."""


class Undelivered(Exception):
    """The webhook does not have it; the text says why."""


class Alerts:
    """What is still to be told. It outlives a configuration. Built within a running event loop."""

    def __init__(self, *, first_pause_s: float = _FIRST_PAUSE_S) -> None:
        self.webhook: Webhook | None = None
        """Where alerts go from now on. None: nowhere."""
        self._first_pause_s = first_pause_s
        self._waiting: dict[asyncio.Task[None], Alert] = {}

    @property
    def waiting(self) -> int:
        """How many alerts the webhook does not have yet."""
        return len(self._waiting)

    def tell(self, alert: Alert) -> None:
        """Sends an alert, soon and until it has arrived."""
        if self.webhook is None:
            return
        if len(self._waiting) >= _WAITING:
            oldest = next(iter(self._waiting))
            _log.error("the alert %s was given up: too many are waiting for the webhook", self._waiting[oldest].id)
            oldest.cancel()
        task = asyncio.get_running_loop().create_task(self._deliver(alert))
        self._waiting[task] = alert
        task.add_done_callback(self._over)

    def _over(self, task: asyncio.Task[None]) -> None:
        self._waiting.pop(task, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("an alert was lost by a fault of the gateway", exc_info=error)

    async def _deliver(self, alert: Alert) -> None:
        until_s = time.monotonic() + _LONGEST_S
        pause_s = self._first_pause_s
        told = False
        while True:
            webhook = self.webhook
            if webhook is None:
                return
            try:
                await _send(webhook, alert)
            except Undelivered as error:
                if time.monotonic() + pause_s > until_s:
                    _log.error("the alert %s was given up: %s", alert.id, error)
                    return
                if not told:
                    told = True
                    _log.warning("the alert %s is sent again until it arrives: %s", alert.id, error)
            else:
                return
            await asyncio.sleep(pause_s * random.uniform(0.75, 1.25))  # noqa: S311  (jitter, no secret)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    async def close(self, within_s: float) -> None:
        """Gives what is under way a moment, and forgets the rest."""
        if self._waiting:
            _, late = await asyncio.wait(self._waiting, timeout=within_s)
            for task in late:
                _log.error("the alert %s was not delivered before the end", self._waiting[task].id)
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)


async def _send(webhook: Webhook, alert: Alert) -> None:
    """Raises Undelivered."""
    section = webhook.section
    body, timestamp = msgspec.json.encode(alert), int(time.time())
    try:
        signed = signature(webhook.secret(), alert.id, timestamp, body)
    except CredentialUnavailable:
        raise Undelivered("the secret that signs is not available") from None
    headers = {
        "content-type": "application/json",
        "webhook-id": alert.id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signed,
    }
    reach = Reach(AddressRule.of(section.url, allow=section.allow_private_addresses), None, section.ca_file)
    request = HttpRequest("POST", section.url, headers, body)
    try:
        answer = await webhook.web.send(request, reach, timeout_s=_TIMEOUT_S)
    except WebError as error:
        raise Undelivered(f"it cannot be asked: {error}") from None
    if not 200 <= answer.status < 300:
        raise Undelivered(f"it answers {answer.status}")


def signature(secret: Secret, message_id: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`: HMAC-SHA256 over `ID.TIMESTAMP.BODY` in base64, behind the scheme's version. A
    secret that begins with `whsec_` is base64 behind that.
    """
    text = secret.reveal()
    key = text.encode()
    if text.startswith(_PREFIX):
        try:
            key = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
        except binascii.Error:
            key = text.encode()
    digest = hmac.new(key, b"%b.%d.%b" % (message_id.encode(), timestamp, body), hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"
