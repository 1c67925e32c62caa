"""What requests to Bedrock prove themselves with."""

import hashlib
import hmac
import json

import pytest
from hedgerow_server.core.error import CredentialUnavailable
from hedgerow_server.core.port import HttpRequest
from hedgerow_server.core.request import ChatSpec, Message, Part, Role, Text
from hedgerow_server.core.secret import Secret
from hedgerow_server.providers.bedrock.sign import Signer, utc_now
from providers.bedrock_run import bedrock

SPEC = ChatSpec(model="fast", messages=(Message(Role.USER, (Part(Text("hi")),)),))
KEYS = {"access_key_id": "AKIDEXAMPLE", "secret_access_key": "wJalrXUtnFEMI/K7MDENG"}
MODEL = "us.amazon.nova-lite-v1:0"


def request(secret: str, model: str = MODEL, **settings: object) -> HttpRequest:
    """The request that is made with this secret."""
    return bedrock(**settings).build(SPEC, stream=False, model=model, secret=Secret(secret)).request


def signature(sent: HttpRequest, host: str, path: str, signed: list[str]) -> str:
    """The signature as AWS's own page says how to make it, step by step."""
    headers = {**sent.headers, "host": host}
    lines = [f"{name}:{headers[name]}" for name in signed]
    payload = hashlib.sha256(sent.body).hexdigest()
    canonical = "\n".join(["POST", path, "", *lines, "", ";".join(signed), payload])
    scope = "20260102/us-east-1/bedrock/aws4_request"
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    to_sign = f"AWS4-HMAC-SHA256\n20260102T120000Z\n{scope}\n{hashed}"
    key = b"AWS4" + KEYS["secret_access_key"].encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.new(key, to_sign.encode(), "sha256").hexdigest()


def test_an_api_key_is_a_bearer() -> None:
    assert request("bedrock-api-key-x").headers["authorization"] == "Bearer bedrock-api-key-x"


def test_without_a_secret_nothing_is_proved() -> None:
    headers = bedrock().build(SPEC, stream=False, model=MODEL, secret=None).request.headers
    assert headers == {"content-type": "application/json", "accept": "application/json"}


def test_keys_sign_the_request() -> None:
    """The colon of the model stands as it is in the path, and quoted in what is signed."""
    pytest.importorskip("botocore")
    sent = request(json.dumps(KEYS))
    signed = ["content-type", "host", "x-amz-date"]
    host = "bedrock-runtime.us-east-1.amazonaws.com"
    wanted = signature(sent, host, "/model/us.amazon.nova-lite-v1%3A0/converse", signed)
    assert sent.headers["x-amz-date"] == "20260102T120000Z"
    assert sent.headers["authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/us-east-1/bedrock/aws4_request, "
        f"SignedHeaders={';'.join(signed)}, Signature={wanted}"
    )


def test_a_session_token_is_sent_and_signed() -> None:
    """Also with a port, and with a model whose slash is quoted once in the path and twice in what is signed."""
    pytest.importorskip("botocore")
    secret = json.dumps({**KEYS, "session_token": "tok"})
    sent = request(secret, "arn:aws:x/y", base_url="http://127.0.0.1:8123")
    assert sent.url == "http://127.0.0.1:8123/model/arn:aws:x%2Fy/converse"
    assert sent.headers["x-amz-security-token"] == "tok"
    signed = ["content-type", "host", "x-amz-date", "x-amz-security-token"]
    wanted = signature(sent, "127.0.0.1:8123", "/model/arn%3Aaws%3Ax%252Fy/converse", signed)
    assert sent.headers["authorization"].endswith(f"Signature={wanted}")


@pytest.mark.parametrize(
    "secret", ['{"access_key_id": "AKID', '{"key": "AKID"}', '{"access_key_id": 1, "secret_access_key": "x"}']
)
def test_keys_that_are_none_are_a_credential_that_cannot_be_used(secret: str) -> None:
    pytest.importorskip("botocore")
    with pytest.raises(CredentialUnavailable) as caught:
        request(secret)
    assert secret not in f"{caught.value.message} {caught.value.metadata}"


def test_without_botocore_keys_cannot_be_used_but_an_api_key_can(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda *_: None)
    signer = Signer("vendor", "us-east-1", utc_now)
    assert signer.headers("https://x/", "a/b", b"", Secret("key")) == {"authorization": "Bearer key"}
    with pytest.raises(CredentialUnavailable, match="bedrock"):
        signer.headers("https://x/", "a/b", b"", Secret(json.dumps(KEYS)))


def test_the_clock_tells_its_zone() -> None:
    assert utc_now().utcoffset() is not None
