"""What the configuration says of a credential's rotation."""

import ipaddress
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import pydantic

from hedgerow_server.config.model import Seconds, Section

_YEARS_S = 10 * 365 * 86_400
_URL = r"^https?://[^\s@#]+$"
_BEGIN_SHARE = 0.1
Span = Annotated[float, pydantic.Field(ge=1, le=_YEARS_S)]
"""A time in seconds, from a second to ten years."""


class WebhookSection(Section):
    """Who is asked to write the next version of a key, and told when the old one may end (docs/vault.md)."""

    url: Annotated[str, pydantic.Field(pattern=_URL, max_length=2048)]
    """Where it is asked, by POST. `http` only for this machine."""
    secret: str
    """The entry of `credentials` whose secret signs what is sent: HMAC-SHA256. `whsec_` and base64, as Standard
    Webhooks has it, else as it is. From `env` or `file`, and not this credential itself."""
    timeout_seconds: float = pydantic.Field(default=10, gt=0, le=60)
    """How long it may take to answer with a 2xx status."""
    answer_seconds: Seconds = 300
    """How long the new version is waited for before it is asked again, with the same id."""
    allow_private_addresses: bool | None = None
    """Whether its host may have an address that is not public, as for a provider. None: only if `url` itself has that
    address in the place of a name, or is `localhost`."""
    proxy: Annotated[str, pydantic.Field(pattern=r"^http://[^\s/?#@]+/?$", max_length=2048)] | None = None
    """The HTTP proxy on the way to it, `http://HOST:PORT`; `allow_private_addresses` is about it then. None: no proxy,
    whatever the environment says."""
    ca_file: Path | None = None
    """The authorities, PEM, one of which must have issued its certificate. None: the public ones."""

    @pydantic.model_validator(mode="after")
    def _encrypted(self) -> "WebhookSection":
        url = urlsplit(self.url)
        if url.scheme == "http" and not _loopback(url.hostname or ""):
            raise ValueError("expected an https:// URL")
        return self


class RotationSection(Section):
    """When a key is to be replaced, and how."""

    max_age_seconds: Span
    """How old a key may become. It is old since it was written, where its source tells (Vault's KV engine, a file),
    else since it was obtained. One that is older raises an alarm."""
    begin_before_seconds: Span | None = None
    """How long before that the next one is obtained. None: a tenth of `max_age_seconds`."""
    overlap_seconds: float = pydantic.Field(default=600, ge=0, le=_YEARS_S)
    """How long the old key stays good after the switch; longer where a call still uses it, or Vault is away."""
    probe: bool = True
    """Whether another key must first be accepted by the provider, in a request that costs nothing. If not, each is used
    as soon as it is there."""
    probe_provider: str | None = None
    """The entry of `providers` that is asked. None: the first, by name, of those that are called with the credential
    and have a request that costs nothing."""
    probe_attempts: int = pydantic.Field(default=3, ge=1, le=100)
    """How often a new key is refused before it counts as no good: at some providers a key needs a while. Answers that
    tell nothing, such as a 503, are not counted."""
    webhook: WebhookSection | None = None
    """Who is asked for the next key. None: nobody; a dynamic engine of Vault gives it by itself, and elsewhere it is
    waited for."""
    retry_seconds: Seconds = 30
    """How long to wait after the first failure in a row; twice as long after each that follows."""
    max_retry_seconds: Seconds = 900
    """The longest such wait."""

    @property
    def begin_s(self) -> float:
        """How long before its age a key is replaced."""
        return self.max_age_seconds * _BEGIN_SHARE if self.begin_before_seconds is None else self.begin_before_seconds

    @pydantic.model_validator(mode="after")
    def _fits(self) -> "RotationSection":
        if self.begin_s >= self.max_age_seconds:
            raise ValueError("expected begin_before_seconds below max_age_seconds")
        if self.overlap_seconds > self.max_age_seconds:
            raise ValueError("expected overlap_seconds of at most max_age_seconds")
        if self.probe_provider is not None and not self.probe:
            raise ValueError("expected probe_provider with probe: true only")
        return self


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
