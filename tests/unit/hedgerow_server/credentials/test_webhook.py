"""Webhooks are signed as Standard Webhooks has it, and say no secret."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable

import pytest
from hedgerow_server.core.error import CredentialUnavailable
from hedgerow_server.core.port import HttpRequest
from hedgerow_server.core.secret import Secret
from hedgerow_server.core.web import Reach, WebAnswer, WebError
from hedgerow_server.core.webhook import Receiver, signature
from hedgerow_server.credentials.rotation.port import ROTATE, Notice, NotObtained
from hedgerow_server.credentials.rotation.section import RotationWebhookSection
from hedgerow_server.credentials.rotation.webhook import Webhook

NOTICE = Notice(
    type=ROTATE, id="msg_1", credential="openai", source="vault", rotation="rot_1", age_s=86_400.7, max_age_s=90_000.0
)
URL = "https://keys.example.com/rotate"


class Web:
    """Answers with a status, or not at all."""

    def __init__(self, status: int | None = 204) -> None:
        self._status = status
        self.sent: list[tuple[HttpRequest, Reach, float]] = []

    async def send(self, request: HttpRequest, reach: Reach, *, timeout_s: float) -> WebAnswer:
        self.sent.append((request, reach, timeout_s))
        if self._status is None:
            raise WebError("the connection was refused")
        return WebAnswer(self._status, {}, b"sk-new-canary")

    def send_blocking(self, request: HttpRequest, reach: Reach, *, timeout_s: float) -> WebAnswer:
        raise NotImplementedError


def webhook(web: Web, signs: Callable[[], Secret] = lambda: Secret("shared"), **section: object) -> Webhook:
    """As a configuration has it."""
    given = RotationWebhookSection.model_validate({"url": URL, "secret": "signs", **section})
    return Webhook(Receiver(given.url, web, given.reach, signs, timeout_s=given.timeout_seconds))


def test_the_signature_is_that_of_the_specification() -> None:
    """The example of Standard Webhooks: libraries/python/README and the specification's test vector."""
    secret = Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    told = signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert told == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_secret_without_the_prefix_signs_as_it_is() -> None:
    told = signature(Secret("plain"), "msg_1", 7, b"{}")
    digest = hmac.new(b"plain", b"msg_1.7.{}", hashlib.sha256).digest()
    assert told == f"v1,{base64.b64encode(digest).decode()}"


async def test_it_posts_what_is_wanted_with_its_id_and_signature() -> None:
    web = Web()
    await webhook(web, timeout_seconds=3).send(NOTICE)
    ((request, reach, timeout_s),) = web.sent
    assert (request.method, request.url, timeout_s) == ("POST", URL, 3)
    assert json.loads(request.body) == {
        "type": "credential.rotate",
        "credential": "openai",
        "source": "vault",
        "rotation": "rot_1",
        "age_seconds": 86_400,
        "max_age_seconds": 90_000,
    }
    headers = request.headers
    assert headers["webhook-id"] == "msg_1"
    signed = signature(Secret("shared"), "msg_1", int(headers["webhook-timestamp"]), request.body)
    assert headers["webhook-signature"] == signed
    assert (reach.rule.host, reach.rule.allow) == ("keys.example.com", None)


@pytest.mark.parametrize(("status", "problem"), [(503, "the webhook answers 503"), (302, "the webhook answers 302")])
async def test_any_answer_but_2xx_is_none(status: int, problem: str) -> None:
    with pytest.raises(NotObtained) as caught:
        await webhook(Web(status)).send(NOTICE)
    assert str(caught.value) == problem


async def test_a_receiver_that_is_away_is_told_of_in_our_words() -> None:
    with pytest.raises(NotObtained) as caught:
        await webhook(Web(None)).send(NOTICE)
    assert str(caught.value) == "the webhook cannot be asked: the connection was refused"


async def test_without_the_signing_secret_nothing_is_sent() -> None:
    web = Web()

    def none() -> Secret:
        raise CredentialUnavailable("none")

    with pytest.raises(NotObtained):
        await webhook(web, none).send(NOTICE)
    assert web.sent == []


@pytest.mark.parametrize("url", ["http://keys.example.com/", "ftp://x/", "https://user@x/", "http://10.0.0.1/"])
def test_it_is_encrypted_unless_it_stays_on_this_machine(url: str) -> None:
    with pytest.raises(ValueError):
        RotationWebhookSection(url=url, secret="signs")
    assert RotationWebhookSection(url="http://127.0.0.1:8080/rotate", secret="signs")
