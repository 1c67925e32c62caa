"""Keys of AWS, for Bedrock: from where AWS's own tools find them, and temporary ones of a role that is assumed.

What botocore knows is used as it is, imported when the first keys are asked for: it is an extra, `hedgerow[bedrock]`.
Its requests to STS and IAM Identity Center go out over the gateway's own HTTP, under its rules of addresses; those to
the machine's and the container's credential endpoints do not, for these are where they are by design.
"""

import importlib
import logging
import re
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Literal

import msgspec
import pydantic

from hedgerow_server.core.port import HttpRequest
from hedgerow_server.core.secret import Secret
from hedgerow_server.core.web import Web, WebAnswer, WebError
from hedgerow_server.credentials.lease import SecretUnavailable
from hedgerow_server.credentials.token import Token, TokenEndpointSection, TokenLease

_TIMEOUT_S = 10.0
_CODE = re.compile(r"[A-Za-z.]{1,64}", re.ASCII)


class AwsCredential(TokenEndpointSection):
    """Keys of AWS that requests are signed with (SigV4), renewed before they expire. Needs the extra `bedrock`. What
    it says of connections is about STS and IAM Identity Center: machines and containers are asked where they are.
    """

    source: Literal["aws"]
    """Where the secret is: where AWS's tools find it. In this order: the environment, a role or a web identity (such as
    AWS_ROLE_ARN with AWS_WEB_IDENTITY_TOKEN_FILE, which EKS sets), the shared files, the container (ECS, EKS Pod
    Identity), the instance."""
    profile: str | None = pydantic.Field(default=None, pattern=r"^[^\s\]]{1,128}$")
    """The profile of the shared files. None: what AWS_PROFILE says, else `default`."""
    role_arn: str | None = pydantic.Field(
        default=None, pattern=r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]{1,512}$"
    )
    """A role to assume with these keys; its temporary keys are then the secret. None: the keys themselves are."""
    external_id: str | None = pydantic.Field(default=None, pattern=r"^[A-Za-z0-9_+=,.@:/-]{2,1224}$")
    """The external id that the role's trust policy asks for."""
    session_name: str = pydantic.Field(default="hedgerow", pattern=r"^[A-Za-z0-9_+=,.@-]{2,64}$")
    """What the session of the role is called, as CloudTrail shows it."""
    duration_seconds: int = pydantic.Field(default=3600, ge=900, le=43_200)
    """How long temporary keys of the role are asked for. The role has a maximum, and a role that was itself assumed has
    one hour."""
    region: str | None = pydantic.Field(default=None, pattern=r"^[a-z0-9]+(-[a-z0-9]+)+$", max_length=32)
    """The region whose STS is asked. None: what AWS_REGION or the profile says."""
    sts_url: str | None = pydantic.Field(default=None, pattern=r"^https?://[^\s?#@]+$", max_length=512)
    """Where the STS for `role_arn` is, such as an endpoint of a VPC. None: the region's own, or what
    AWS_ENDPOINT_URL_STS says."""

    @pydantic.model_validator(mode="after")
    def _of_a_role(self) -> "AwsCredential":
        if self.role_arn is None and (self.external_id is not None or self.sts_url is not None):
            raise ValueError("expected a role_arn with external_id and sts_url")
        return self


class AwsSource:
    """Obtains keys."""

    def __init__(self, section: AwsCredential, web: Web) -> None:
        self._section = section
        self._web = web
        self._loader: Any = None

    def obtain(self) -> Token:
        """Keys as they are now, as the JSON that the dialect signs with. Raises SecretUnavailable."""
        try:
            session = self._session()
            return self._assumed(session) if self._section.role_arn is not None else _own(session)
        except WebError as error:
            raise SecretUnavailable(f"STS gives no keys: {error}") from None
        except SecretUnavailable:
            raise
        except Exception as error:
            # Botocore's own kinds, and whatever else its providers let through. Without the text: it may quote keys.
            raise SecretUnavailable(f"AWS gives no keys ({_reason(error)})") from None

    def changed(self) -> bool:
        """Keys that tell no end are looked at once a minute anyway."""
        return False

    def _session(self) -> Any:
        """A new one each time: it finds what has changed in the environment's files, and caches nothing of before."""
        section = self._section
        _imported("botocore.credentials")
        # At debug its lines hold tokens, and its warnings quote what went wrong, with tracebacks.
        logging.getLogger("botocore").setLevel(logging.CRITICAL)
        session = _imported("botocore.session").Session(profile=section.profile)
        if self._loader is None:
            self._loader = _imported("botocore.loaders").create_loader()
        session.register_component("data_loader", self._loader)
        if section.region is not None:
            session.set_config_variable("region", section.region)
        # A source that fails is asked again soon enough.
        session.set_default_client_config(_imported("botocore.config").Config(retries={"total_max_attempts": 1}))
        session.register("before-send", self._send)
        return session

    def _assumed(self, session: Any) -> Token:
        section = self._section
        client = session.create_client("sts", endpoint_url=section.sts_url)
        more = {"ExternalId": section.external_id} if section.external_id is not None else {}
        answer = client.assume_role(
            RoleArn=section.role_arn,
            RoleSessionName=section.session_name,
            DurationSeconds=section.duration_seconds,
            **more,
        )
        found = answer["Credentials"]
        return _token(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"], found["Expiration"])

    def _send(self, request: Any, **_: object) -> Any:
        """Takes the place of botocore's own sending: an event of its clients. Raises WebError."""
        headers = {name: value if isinstance(value, str) else value.decode() for name, value in request.headers.items()}
        body = request.body or b""
        sent = HttpRequest(request.method, request.url, headers, body if isinstance(body, bytes) else body.encode())
        reach = self._section.reach(request.url)
        answer = self._web.send_blocking(sent, reach, timeout_s=_TIMEOUT_S)
        response = _imported("botocore.awsrequest").AWSResponse
        return response(request.url, answer.status, answer.headers, _Body(answer))


class _Body:
    """A body as botocore reads it."""

    def __init__(self, answer: WebAnswer) -> None:
        self._answer = answer

    def stream(self) -> Iterator[bytes]:
        yield self._answer.body


def lease(name: str, section: AwsCredential, web: Web) -> TokenLease:
    """A lease on the keys that the section describes, not obtained yet."""
    return TokenLease(name, AwsSource(section, web))


def _own(session: Any) -> Token:
    credentials = session.get_credentials()
    if credentials is None:
        raise SecretUnavailable("AWS gives no keys: none stand where its tools look for them")
    frozen = credentials.get_frozen_credentials()
    # Of temporary keys; botocore has no public way to tell it.
    return _token(frozen.access_key, frozen.secret_key, frozen.token, getattr(credentials, "_expiry_time", None))


def _token(access_key: str, secret_key: str, session_token: str | None, ends: datetime | None) -> Token:
    keys = {"access_key_id": access_key, "secret_access_key": secret_key}
    if session_token:
        keys["session_token"] = session_token
    life_s = ends.timestamp() - time.time() if ends is not None else None
    return Token(Secret(msgspec.json.encode(keys).decode()), life_s)


def _reason(error: Exception) -> str:
    """What kind of failure it is, and the service's short code where there is one."""
    response = getattr(error, "response", None)
    details = response.get("Error") if isinstance(response, dict) else None
    code = details.get("Code") if isinstance(details, dict) else None
    shown = f": {code}" if isinstance(code, str) and _CODE.fullmatch(code) else ""
    return f"{type(error).__name__}{shown}"


def _imported(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError:
        raise SecretUnavailable("botocore is not installed: install hedgerow with the extra bedrock") from None
