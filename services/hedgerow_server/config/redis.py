"""What the configuration says of a Redis or Valkey, whatever it is for."""

from typing import Annotated
from urllib.parse import urlsplit

import pydantic

from hedgerow_server.config.model import Section


def _without_login(url: str) -> str:
    if urlsplit(url).username or urlsplit(url).password:
        raise ValueError("expected no name and password in the address: `username`, and `password` for a credential")
    return url


class RedisAddress(Section):
    """Where it is, and how to log in. Needs the extra `redis`."""

    url: Annotated[
        str, pydantic.Field(pattern=r"^(rediss?|unix)://[^\s]{1,500}$"), pydantic.AfterValidator(_without_login)
    ]
    """Its address: redis://HOST:PORT/DATABASE, rediss:// with TLS, or unix://PATH."""
    username: str | None = None
    """Whom to log in as. None: the default user."""
    password: str | None = None
    """The entry of `credentials` with the password. None: there is none."""
    cluster: bool = False
    """Whether it is a cluster."""

    @property
    def where(self) -> str:
        """Host and port, for people."""
        parts = urlsplit(self.url)
        return parts.netloc or parts.path
