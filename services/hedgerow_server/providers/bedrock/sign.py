"""What a request proves itself with: a Bedrock API key, or AWS's signature (SigV4) by botocore, which is an extra.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import importlib
import importlib.util
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from hedgerow_server.core.error import CredentialUnavailable
from hedgerow_server.core.secret import Secret

Clock = Callable[[], datetime]
"""The time now, with its zone."""

_SERVICE = "bedrock"
_TIMESTAMP = "%Y%m%dT%H%M%SZ"


def utc_now() -> datetime:
    """The time now."""
    return datetime.now(UTC)


class _Keys(msgspec.Struct, frozen=True):
    access_key_id: str
    secret_access_key: str
    session_token: str = ""


_decode_keys = msgspec.json.Decoder(_Keys).decode


class Signer:
    """Makes the headers that carry the credential."""

    __slots__ = ("_auth", "_clock", "_credentials", "_provider", "_region", "_request")

    def __init__(self, provider: str, region: str, clock: Clock) -> None:
        self._provider = provider
        self._region = region
        self._clock = clock
        self._auth: Any = None
        if importlib.util.find_spec("botocore") is not None:
            # Now and not at the first request: it takes a third of a second, and that one is on the event loop.
            self._auth = importlib.import_module("botocore.auth").SigV4Auth
            self._request = importlib.import_module("botocore.awsrequest").AWSRequest
            self._credentials = importlib.import_module("botocore.credentials").Credentials

    def headers(self, url: str, content_type: str, body: bytes, secret: Secret) -> dict[str, str]:
        """The headers for a POST of this body. Raises CredentialUnavailable for a secret that is none."""
        text = secret.reveal()
        if not text.startswith("{"):
            return {"authorization": f"Bearer {text}"}
        if self._auth is None:
            raise self._unavailable("keys to sign with need botocore, which the extra `bedrock` installs")
        try:
            keys = _decode_keys(text)
        except (msgspec.MsgspecError, UnicodeError):
            raise self._unavailable("it is no JSON object with access_key_id and secret_access_key") from None
        return self._signed(url, content_type, body, keys)

    def _signed(self, url: str, content_type: str, body: bytes, keys: _Keys) -> dict[str, str]:
        now = self._clock().astimezone(UTC).strftime(_TIMESTAMP)
        headers = {"content-type": content_type, "x-amz-date": now}
        if keys.session_token:
            headers["x-amz-security-token"] = keys.session_token
        request = self._request("POST", url, data=body, headers=headers)
        # What botocore's own add_auth takes from the clock; the rest are the steps that it goes through, too.
        request.context["timestamp"] = now
        credentials = self._credentials(keys.access_key_id, keys.secret_access_key, keys.session_token or None)
        auth = self._auth(credentials, _SERVICE, self._region)
        signature = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
        signed = auth.signed_headers(auth.headers_to_sign(request))
        del headers["content-type"]
        headers["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={auth.scope(request)}, SignedHeaders={signed}, Signature={signature}"
        )
        return headers

    def _unavailable(self, problem: str) -> CredentialUnavailable:
        return CredentialUnavailable(
            f"The credential of the provider {self._provider} cannot be used: {problem}.",
            metadata={"provider": self._provider},
        )
