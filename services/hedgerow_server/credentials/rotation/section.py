"""What the configuration says of a credential's rotation."""

from typing import Annotated

import pydantic

from hedgerow_server.config.model import Seconds, Section
from hedgerow_server.config.webhook import WebhookSection

_YEARS_S = 10 * 365 * 86_400
_BEGIN_SHARE = 0.1
Span = Annotated[float, pydantic.Field(ge=1, le=_YEARS_S)]
"""A time in seconds, from a second to ten years."""


class RotationWebhookSection(WebhookSection):
    """Who is asked to write the next version of a key, and told when the old one may end (docs/vault.md). `secret` is
    from `env` or `file`, and not this credential itself.
    """

    answer_seconds: Seconds = 300
    """How long the new version is waited for before it is asked again, with the same id."""


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
    webhook: RotationWebhookSection | None = None
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
