"""What every section of the configuration has in common."""

import ipaddress
import re
from typing import Annotated
from urllib.parse import urlsplit

import pydantic


class Section(pydantic.BaseModel):
    """A section of the file. Immutable; a key that it does not know is an error. The string under a field documents it,
    also in the JSON Schema.
    """

    # Deferred: what nobody configures is not built. `Settings` builds all of its own at once.
    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, defer_build=True)


_ADDRESS = r"^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9_.-]+):([0-9]{1,5})$"


def _listen_address(value: str) -> str:
    match = re.fullmatch(_ADDRESS, value)
    if not match or int(match[2]) > 65535:
        raise ValueError("expected HOST:PORT, such as 127.0.0.1:50051 (port 0 takes a free one)")
    return value


ListenAddress = Annotated[
    str,
    pydantic.AfterValidator(_listen_address),
    pydantic.Field(json_schema_extra={"format": "host-port", "pattern": _ADDRESS}),
]
"""HOST:PORT; an IPv6 host stands in brackets, port 0 takes a free one."""


def is_loopback(address: str) -> bool:
    """Whether nobody beyond this machine can connect to a HOST:PORT."""
    return _is_loopback(address.rpartition(":")[0].strip("[]"))


def is_safe_url(url: str) -> bool:
    """Whether what comes from a URL can be trusted to come from there: https, or http on this machine."""
    try:
        split = urlsplit(url)
        host = split.hostname or ""
    except ValueError:
        return False
    return split.scheme == "https" or (split.scheme == "http" and split.username is None and _is_loopback(host))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


Seconds = Annotated[float, pydantic.Field(gt=0, le=86_400)]
"""A time in seconds, above 0 and at most a day."""
