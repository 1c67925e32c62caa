"""What the configuration says of a receiver of webhooks."""

from pathlib import Path
from typing import Annotated

import pydantic

from hedgerow_server.config.model import Section, is_safe_url
from hedgerow_server.core.addresses import AddressRule
from hedgerow_server.core.web import Reach

_URL = r"^https?://[^\s@#]+$"


class WebhookSection(Section):
    """An HTTP server of yours that is told by POST of JSON, signed as Standard Webhooks has it. A message may come
    twice: its `webhook-id` tells.
    """

    url: Annotated[str, pydantic.Field(pattern=_URL, max_length=2048)]
    """Where it is. `http` only for this machine."""
    secret: Annotated[str, pydantic.Field(min_length=1, max_length=63)]
    """The entry of `credentials` whose secret signs what is sent: HMAC-SHA256. `whsec_` and base64, as Standard
    Webhooks has it, else as it is."""
    timeout_seconds: float = pydantic.Field(default=10, gt=0, le=60)
    """How long it may take to answer with a 2xx status."""
    allow_private_addresses: bool | None = None
    """Whether its host may have an address that is not public, as for a provider. None: only if `url` itself has that
    address in the place of a name, or is `localhost`."""
    proxy: Annotated[str, pydantic.Field(pattern=r"^http://[^\s/?#@]+/?$", max_length=2048)] | None = None
    """The HTTP proxy on the way to it, `http://HOST:PORT`; `allow_private_addresses` is about it then. None: no proxy,
    whatever the environment says."""
    ca_file: Path | None = None
    """The authorities, PEM, one of which must have issued its certificate. None: the public ones."""

    @property
    def reach(self) -> Reach:
        """Where connections for it may go."""
        rule = AddressRule.of(self.proxy or self.url, allow=self.allow_private_addresses)
        return Reach(rule, self.proxy, self.ca_file)

    @pydantic.field_validator("url")
    @classmethod
    def _encrypted(cls, url: str) -> str:
        if not is_safe_url(url):
            raise ValueError("expected an https:// URL")
        return url
