"""What the configuration says of traces."""

from pathlib import Path
from typing import Annotated

import pydantic

from hedgerow_server.config.model import Section, is_safe_url

HeaderName = Annotated[str, pydantic.Field(pattern=r"^[a-z0-9-]{1,64}$")]
CredentialName = Annotated[str, pydantic.Field(min_length=1, max_length=63)]
AttributeName = Annotated[str, pydantic.Field(pattern=r"^[a-z][a-z0-9_.]{0,127}$")]


class ContentSection(Section):
    """A tenant whose prompts and answers are recorded."""

    tenant: Annotated[str, pydantic.Field(min_length=1, max_length=256)]
    """The tenant, as authentication tells it."""
    max_bytes: int = pydantic.Field(default=4096, ge=1, le=65_536)
    """How much of the prompt is recorded at most, and how much of the answer, in bytes of UTF-8."""
    retention_days: int = pydantic.Field(default=7, ge=1, le=3650)
    """How long it may be kept. Spans that have content say so in attributes, and when that ends: the gateway keeps
    nothing itself, so it is your collector and its store that must obey it."""


class TracesSection(Section):
    """Traces for an OpenTelemetry collector, over OTLP/HTTP with protobuf. Needs the extra `otel`."""

    endpoint: Annotated[str, pydantic.Field(pattern=r"^https?://[^\s@#]+$", max_length=2048)]
    """Where spans are sent, with the path: `https://collector:4318/v1/traces`. `http` only for this machine, unless
    `plaintext` is set."""
    plaintext: bool = False
    """Whether spans, and the secrets in `headers`, may cross the network unencrypted, such as within a mesh that
    encrypts by itself."""
    ca_file: Path | None = None
    """The authorities, PEM, one of which must have issued the collector's certificate. None: the public ones."""
    headers: dict[HeaderName, CredentialName] = pydantic.Field(default={})
    """Headers of each request to the collector, by their names in lower case; the values are the secrets of entries of
    `credentials`, as they are."""
    sample_ratio: float = pydantic.Field(default=0.01, ge=0, le=1)
    """The share of calls that are recorded of those that come without a trace. A call that comes with one is recorded
    if its caller's span is."""
    max_spans_per_second: float = pydantic.Field(default=1000, gt=0, le=100_000)
    """How many spans are recorded a second at most, whatever callers ask for: further calls are not recorded."""
    queue_spans: int = pydantic.Field(default=8192, ge=1, le=1_000_000)
    """How many spans wait for the collector at most. Those beyond are dropped and counted."""
    batch_spans: int = pydantic.Field(default=512, ge=1, le=10_000)
    """How many spans are sent in one request."""
    delay_seconds: float = pydantic.Field(default=2, gt=0, le=60)
    """How long spans wait for others to be sent with."""
    timeout_seconds: float = pydantic.Field(default=10, gt=0, le=60)
    """How long one request may take, repetitions included. A batch that did not get through by then is dropped."""
    resource: dict[AttributeName, Annotated[str, pydantic.Field(max_length=1024)]] = pydantic.Field(default={})
    """Attributes of this router, such as `deployment.environment.name`. `service.name` is `hedgerow` unless it is
    here."""
    content: tuple[ContentSection, ...] = ()
    """The tenants whose prompts and answers are recorded. Nobody's by default."""

    @pydantic.model_validator(mode="after")
    def _encrypted(self) -> "TracesSection":
        if not self.plaintext and not is_safe_url(self.endpoint):
            raise ValueError("expected an https:// endpoint, or plaintext: true")
        if len({one.tenant for one in self.content}) < len(self.content):
            raise ValueError("expected each tenant once in content")
        return self

    def started_as(self, started: "TracesSection") -> "TracesSection":
        """The same, with what cannot change without a restart as it was at the start: only how much is recorded, and of
        whom, can.
        """
        live = ("sample_ratio", "max_spans_per_second", "content")
        return started.model_copy(update={name: getattr(self, name) for name in live})
